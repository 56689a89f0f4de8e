/* SPDX-License-Identifier: ISC */

/*
 * The networks around an address, each in the next: what one host can have
 * (its source), and what one customer of a provider can have.  IPv4: /32, /24.
 * IPv6: /64, /56, /48.  All that have no address are one source.
 */

#ifndef WORKER_NETWORK_H
#define WORKER_NETWORK_H

#include <stdint.h>

#include "shared/addr.h"

#define NETWORK_LEVELS	3

struct network {
	struct addr	 addr;		/* masked, no port */
	uint32_t	 bits;
};

/* network.c */

/*
 * The network around an address; level 0 is its source, each higher one wider.
 * -1: there are not so many.
 */
int		 network_around(struct network *, const struct addr *,
		    int level);
/* Less than, equal to, or greater than 0, as memcmp. */
int		 network_cmp(const struct network *, const struct network *);
/*
 * "192.0.2.0/24"; a single address has no "/32".  The result is one of a few
 * static buffers.
 */
const char	*network_print(const struct network *);

#endif /* WORKER_NETWORK_H */
