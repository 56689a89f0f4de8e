/* SPDX-License-Identifier: ISC */

/*
 * Services' keys, made from their tokens by processes that are there only while
 * there are keys to make (shared/make.h).  The parent keeps what was made, so
 * that a keys that died is replaced at once and a reload makes only new ones.
 * Those of strong tokens (shared/strong.h) cost nothing, and keys makes them.
 */

#ifndef ROCKETD_KEYMAKE_H
#define ROCKETD_KEYMAKE_H

#include <sys/types.h>

#include <stdint.h>

#include "rocketd.h"

/* keymake.c */

/*
 * The keys of the configuration in force are wanted, and no others.  Makes
 * those that are missing, and calls key_made for each: the name and the token
 * have a key now, which keymake_find knows.
 */
void	 keymake_conf(struct rocketd *);
/*
 * Has a service keys?  If its dialect says tokens on the wire it has none, and
 * waits for none.
 */
int	 keymake_is_for(const struct conf_service *);
/* The key of KEY_LEN octets, or NULL: it is still to be made, or not here. */
const uint8_t *keymake_find(struct rocketd *, const char *name,
	    const uint8_t *token, size_t len);
/* A process that is no child has ended: perhaps it was one of ours. */
void	 keymake_reaped(struct rocketd *, pid_t, int status);
/* Ends all that are at work, and forgets the keys. */
void	 keymake_stop(struct rocketd *);

#endif /* ROCKETD_KEYMAKE_H */
