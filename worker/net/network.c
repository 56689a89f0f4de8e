/* SPDX-License-Identifier: ISC */

/*
 * See network.h.
 */

#include <sys/types.h>

#include <stdio.h>
#include <string.h>

#include "shared/compat.h"
#include "network.h"

/* Results of network_print that live side by side. */
#define NETWORK_BUFFERS	4

static const uint8_t	 ipv4_bits[] = { 32, 24 };
static const uint8_t	 ipv6_bits[] = { 64, 56, 48 };

int
network_around(struct network *n, const struct addr *addr, int level)
{
	memset(n, 0, sizeof(*n));
	n->addr.family = addr->family;
	switch (addr->family) {
	case ADDR_IPV4:
		if (level >= (int)nitems(ipv4_bits))
			return (-1);
		n->bits = ipv4_bits[level];
		break;
	case ADDR_IPV6:
		if (level >= (int)nitems(ipv6_bits))
			return (-1);
		n->addr.scope = addr->scope;
		n->bits = ipv6_bits[level];
		break;
	default:
		return (level == 0 ? 0 : -1);
	}
	memcpy(n->addr.octets, addr->octets, n->bits / 8);
	return (0);
}

int
network_cmp(const struct network *a, const struct network *b)
{
	if (a->addr.family != b->addr.family)
		return (a->addr.family < b->addr.family ? -1 : 1);
	if (a->bits != b->bits)
		return (a->bits < b->bits ? -1 : 1);
	if (a->addr.scope != b->addr.scope)
		return (a->addr.scope < b->addr.scope ? -1 : 1);
	return (memcmp(a->addr.octets, b->addr.octets,
	    sizeof(a->addr.octets)));
}

const char *
network_print(const struct network *n)
{
	static char	 bufs[NETWORK_BUFFERS][ADDR_STRLEN + 4];
	static int	 next;
	char		*buf = bufs[next];

	next = (next + 1) % NETWORK_BUFFERS;
	if (n->bits == 0 || (n->addr.family == ADDR_IPV4 && n->bits == 32))
		strlcpy(buf, addr_print(&n->addr), sizeof(bufs[0]));
	else
		snprintf(buf, sizeof(bufs[0]), "%s/%u", addr_print(&n->addr),
		    n->bits);
	return (buf);
}
