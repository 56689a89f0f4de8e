/* SPDX-License-Identifier: ISC */

/*
 * What keys is told: the keys of services, or the tokens of those whose dialect
 * says them on the wire, and private keys.  No other process is told any.
 */

#ifndef ROCKETD_SENDKEYS_H
#define ROCKETD_SENDKEYS_H

#include <stddef.h>
#include <stdint.h>

#include "rocketd.h"

/* sendkeys.c */

/* The whole of its set, after BEGIN.  -1: failed. */
int	 sendkeys_send(struct rocketd *, struct child *);
/* The key of a token was made: keys gets it for each service that has both. */
void	 sendkeys_made(struct rocketd *, const char *name,
	    const uint8_t *token, size_t len, const uint8_t *key);

#endif /* ROCKETD_SENDKEYS_H */
