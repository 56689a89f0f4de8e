/* SPDX-License-Identifier: ISC */

/*
 * See guard.h.  The kernel itself connects to IPv4 only by ::ffff:0:0/96, which
 * allow_plain has made IPv4.  The other forms are IPv6 to it, but whoever
 * carries them on may take the IPv4 address out: a translator (NAT64, SIIT), a
 * 6to4 relay, or a tunnel for addresses that are compatible.
 */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "guard.h"

static const struct special {
	uint16_t	 family;
	uint32_t	 bits;
	uint8_t		 octets[6];		/* the others are 0 */
	const char	*kind;
} specials[] = {
	{ ADDR_IPV4, 8, { 0 }, "an unspecified address" },
	{ ADDR_IPV4, 8, { 127 }, "a loopback address" },
	{ ADDR_IPV4, 16, { 169, 254 }, "a link-local address" },
	{ ADDR_IPV4, 4, { 224 }, "a multicast address" },
	{ ADDR_IPV4, 32, { 255, 255, 255, 255 }, "the broadcast address" },
	{ ADDR_IPV6, 10, { 0xfe, 0x80 }, "a link-local address" },
	{ ADDR_IPV6, 8, { 0xff }, "a multicast address" },
	{ ADDR_IPV6, 32, { 0xfd, 0, 0x0e, 0xc2 }, "the metadata of a cloud" },
	{ ADDR_IPV6, 48, { 0, 0x64, 0xff, 0x9b, 0, 1 },
	    "an address of a local translator" }
};

/* IPv6 networks whose addresses have an IPv4 one right behind the prefix. */
static const struct embedded {
	uint32_t	 len;			/* octets of it */
	uint8_t		 octets[12];
} embeddeds[] = {
	{ 12, { 0 } },				/* compatible */
	{ 12, { [8] = 0xff, [9] = 0xff } },	/* SIIT */
	{ 12, { 0, 0x64, 0xff, 0x9b } },	/* NAT64 */
	{ 2, { 0x20, 0x02 } }			/* 6to4 */
};

static int
special_has(const struct special *s, const struct addr *a)
{
	uint32_t	 whole = s->bits / 8, rest = s->bits % 8;

	return (a->family == s->family &&
	    memcmp(a->octets, s->octets, whole) == 0 && (rest == 0 ||
	    (a->octets[whole] ^ s->octets[whole]) >> (8 - rest) == 0));
}

/* base: bits before it, if it is in an IPv6 address. */
static void
guard_special(struct guarded *g, const struct addr *a, uint32_t base)
{
	size_t	 i;

	for (i = 0; i < nitems(specials); i++)
		if (special_has(&specials[i], a)) {
			g->kind = specials[i].kind;
			g->bits = base + specials[i].bits;
		}
}

static void
guard_embedded(struct guarded *g, const struct addr *a)
{
	const struct embedded	*e;
	size_t			 i;

	for (i = 0; i < nitems(embeddeds); i++) {
		e = &embeddeds[i];
		if (memcmp(a->octets, e->octets, e->len) != 0)
			continue;
		g->four.family = ADDR_IPV4;
		g->four.port = a->port;
		memcpy(g->four.octets, a->octets + e->len, 4);
		guard_special(g, &g->four, e->len * 8);
		return;
	}
}

void
guard_look(struct guarded *g, const struct addr *a)
{
	static const uint8_t	 loopback[16] = { [15] = 1 };

	memset(g, 0, sizeof(*g));
	guard_special(g, a, 0);
	if (a->family != ADDR_IPV6)
		return;
	if (memcmp(a->octets, loopback, sizeof(loopback)) == 0) {
		g->kind = "a loopback address";
		g->bits = 128;
	} else
		guard_embedded(g, a);
}
