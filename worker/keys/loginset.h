/* SPDX-License-Identifier: ISC */

/*
 * Who may log in as a user of a service, in the role keys: names, each with a
 * hash that crypt(3) made of its password.  A check of a hash is slow on
 * purpose.  Of a password that was right a digest is kept, which is of use in
 * this process alone: the next time it is known at once.
 */

#ifndef WORKER_LOGINSET_H
#define WORKER_LOGINSET_H

#include <stdint.h>

#include "shared/msg.h"

/* loginset.c */

void	 loginset_init(void);
/* A set begins; it ends with loginset_commit. */
void	 loginset_begin(void);
/* A login of the set.  -1 with errno: nonsense, or no memory. */
int	 loginset_add(const struct msg_conf_login *);
/*
 * The set replaces the one before it.  What is known of a login stays known if
 * its hash is the same.  -1: none has begun.
 */
int	 loginset_commit(void);
/*
 * Was this right before, for that service on that side?  Costs microseconds,
 * the same for a name that there is not.
 */
int	 loginset_knows(uint32_t service, uint32_t side,
	    const struct msg_login_ask *);
/*
 * Is it right?  Costs what a check of the name's hash does; for a name that
 * there is not, what one of the service's first does.  Then it is known.
 */
int	 loginset_check(uint32_t service, uint32_t side,
	    const struct msg_login_ask *);
/* Number of logins in force. */
uint64_t loginset_live(void);
void	 loginset_wipe(void);

#endif /* WORKER_LOGINSET_H */
