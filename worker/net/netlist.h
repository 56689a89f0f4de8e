/* SPDX-License-Identifier: ISC */

/*
 * Who may come: a list of networks, each allowed or blocked.  The first that an
 * address is in decides.  An address that is in none is allowed if the list
 * only blocks, and blocked if it allows anybody.
 */

#ifndef WORKER_NETLIST_H
#define WORKER_NETLIST_H

#include <stdint.h>

#include "shared/addr.h"
#include "shared/opts.h"

struct netlist {			/* zeroed: everybody may */
	struct net_rule	 rules[NET_RULES_MAX];
	uint32_t	 n;
};

/* netlist.c */

/* Appends a rule; -1 with errno E2BIG when the list is full. */
int	 netlist_add(struct netlist *, const struct net_rule *);
int	 netlist_allows(const struct netlist *, const struct addr *);

#endif /* WORKER_NETLIST_H */
