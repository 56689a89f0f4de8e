/* SPDX-License-Identifier: ISC */

/*
 * Where a user wants to go: a host and a port, as text and as SOCKS 5 has them
 * on the wire (RFC 1928, section 5).  A name is only looked at, never resolved;
 * whoever has the rules judges it.
 */

#ifndef WORKER_DEST_H
#define WORKER_DEST_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/opts.h"

/* Type, length of a name, the name, port. */
#define DEST_OCTETS_MAX	(1 + 1 + 255 + 2)

struct dest {
	/* a name, or an address as inet_ntop writes it: without brackets */
	char		 host[HOST_MAX];
	uint32_t	 port;		/* 0: none is named */
};

/* dest.c */

/*
 * Takes the text of a name (letters, digits, "-", "_", in labels; a dot may end
 * it) or of an address.  -1: it is neither.
 */
int	 dest_host(struct dest *, const void *, size_t);
/*
 * Reads SOCKS 5's form from the start of the octets.  How many it takes; 0: not
 * so many are there, and *need are wanted at least; -1: there is no such type,
 * or its name is none.
 */
ssize_t	 dest_get(struct dest *, const uint8_t *, size_t, size_t *need);
/* Writes that form and returns its length. */
size_t	 dest_put(uint8_t buf[DEST_OCTETS_MAX], const struct dest *);

#endif /* WORKER_DEST_H */
