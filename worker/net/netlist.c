/* SPDX-License-Identifier: ISC */

/* See netlist.h. */

#include <errno.h>
#include <string.h>

#include "netlist.h"

int
netlist_add(struct netlist *l, const struct net_rule *rule)
{
	if (l->n == NET_RULES_MAX) {
		errno = E2BIG;
		return (-1);
	}
	l->rules[l->n++] = *rule;
	return (0);
}

/* A network without a family is all there is. */
static int
rule_has(const struct net_rule *r, const struct addr *a)
{
	uint32_t	 whole = r->bits / 8, rest = r->bits % 8;

	if (r->addr.family == ADDR_NONE)
		return (1);
	if (a->family != r->addr.family || whole > sizeof(a->octets) ||
	    memcmp(a->octets, r->addr.octets, whole) != 0)
		return (0);
	return (rest == 0 || whole == sizeof(a->octets) ||
	    (a->octets[whole] ^ r->addr.octets[whole]) >> (8 - rest) == 0);
}

int
netlist_allows(const struct netlist *l, const struct addr *a)
{
	uint32_t	 i;
	int		 allows = 0;

	for (i = 0; i < l->n; i++) {
		if (rule_has(&l->rules[i], a))
			return (l->rules[i].allow != 0);
		allows |= l->rules[i].allow != 0;
	}
	return (!allows);
}
