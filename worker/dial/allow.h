/* SPDX-License-Identifier: ISC */

/*
 * What peers may name for targets: the rules of each service that is dialled
 * for by name, and the judgement.  The first rule that fits decides, and if
 * none does the answer is no.  Knows no socket, channel or clock.
 */

#ifndef WORKER_ALLOW_H
#define WORKER_ALLOW_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/msg.h"
#include "guard.h"

struct allow_rule;

struct rules {				/* of a service, in their order */
	TAILQ_ENTRY(rules)	 entry;
	uint32_t		 service;
	uint32_t		 n;
	struct allow_rule	*list;
};
TAILQ_HEAD(rulesets, rules);

/* allow.c */

/*
 * Adds a service's next rule; those of a service come one after another.  -1
 * with errno: too many, or no memory.
 */
int		 allow_add(struct rulesets *, uint32_t service,
		    const struct target_rule *);
void		 allow_free(struct rulesets *);
/* NULL: it has none, so nothing is allowed. */
const struct rules *allow_find(const struct rulesets *, uint32_t service);
/*
 * May that be looked up, or is it an address?  Letters, digits, and what else a
 * name or an address has: printable, and not empty.
 */
int		 allow_is_host(const char *host);
/*
 * Is the host an address?  1: *a is it, without a port, and as the kernel takes
 * it: IPv4 also where it was written as IPv6, the loopback address where it was
 * none.
 */
int		 allow_literal(const char *host, struct addr *a);
/* An address that a name has, made the same. */
void		 allow_plain(struct addr *);
/* Before the name is looked up: can any address of it be allowed? */
int		 allow_name(const struct rules *, const char *name,
		    uint32_t port);
/*
 * Is this address, as made above, of a name (NULL: of none)?  A rule that lets
 * pass has to be what the address is guarded by, and one that blocks IPv4 also
 * blocks what leads there.  NULL: nothing is guarded.
 */
int		 allow_addr(const struct rules *, const char *name,
		    const struct addr *, uint32_t port,
		    const struct guarded *);
/* The same of up to RESOLVED_MAX of them at once, each with its guard. */
void		 allow_addrs(const struct rules *, const char *name,
		    const struct addr *, uint32_t n, uint32_t port,
		    const struct guarded *, uint8_t *allowed);

#endif /* WORKER_ALLOW_H */
