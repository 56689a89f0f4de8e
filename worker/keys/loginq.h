/* SPDX-License-Identifier: ISC */

/*
 * Logins that workers ask about, in the role keys.  One that is known is
 * answered at once, and so is one of which only that is asked.  Of the others
 * one is checked in a turn of the loop, so that a proof waits for no more than
 * one, and the workers take turns; none is before there are any logins.
 */

#ifndef WORKER_LOGINQ_H
#define WORKER_LOGINQ_H

#include "shared/channel.h"
#include "shared/msg.h"

struct loginq_stats {
	uint64_t	 waiting;
	uint64_t	 known;		/* right, without a check */
	uint64_t	 right;		/* after one */
	uint64_t	 wrong;
};

/* loginq.c */

void	 loginq_init(void);
/* The logins are there: now it is answered. */
void	 loginq_start(void);
/*
 * -1: it has asked about more than it may have here (LOGIN_ASKS_MAX), or takes
 * no answers.
 */
int	 loginq_add(struct channel *worker, const struct msg_login_ask *);
/* The worker has gone, and what it asked is forgotten. */
void	 loginq_left(const struct channel *worker);
const struct loginq_stats *loginq_stats(void);

#endif /* WORKER_LOGINQ_H */
