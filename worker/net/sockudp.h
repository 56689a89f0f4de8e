/* SPDX-License-Identifier: ISC */

/*
 * The header before each datagram of a SOCKS 5 association (RFC 1928, section
 * 7): where a user's goes to, where one for the user is from.
 */

#ifndef WORKER_SOCKUDP_H
#define WORKER_SOCKUDP_H

#include <stddef.h>
#include <stdint.h>

#include "dest.h"

#define SOCKUDP_MAX	(3 + DEST_OCTETS_MAX)	/* octets of a header */

/* sockudp.c */

/*
 * Reads the header of a user's datagram.  How many octets it takes: its
 * payload, which may be empty, is behind them.  0: it must be dropped, *why (a
 * constant) says why.
 */
size_t	 sockudp_get(struct dest *to, const uint8_t *, size_t,
	    const char **why);
/*
 * Writes the header of one for the user and returns its length.  from: with a
 * name where the user named one.
 */
size_t	 sockudp_put(uint8_t buf[SOCKUDP_MAX], const struct dest *from);

#endif /* WORKER_SOCKUDP_H */
