/* SPDX-License-Identifier: ISC */

/*
 * Who holds how much: a tree of shares, networks and sources, in which each
 * weighs what those in it hold.  There are two such trees, for the common and
 * for those who are spared.  The heaviest is found by descending, at each step
 * to the heaviest child; of equals to the one whose stalest connection has been
 * without progress longest.  For the ledger, and for relays that hold memory
 * (hold.h).
 */

#ifndef WORKER_WEIGHT_H
#define WORKER_WEIGHT_H

#include <sys/types.h>
#include <sys/tree.h>

#include <stdint.h>

#include "ledger.h"
#include "network.h"

struct weight;

RB_HEAD(weight_tree, weight);
RB_HEAD(weight_connections, weight);
RB_HEAD(weight_octets, weight);

struct weight {
	RB_ENTRY(weight)		 entry;		/* by parent, name */
	RB_ENTRY(weight)		 by_connections; /* in its parent */
	RB_ENTRY(weight)		 by_octets;
	struct weight			*parent;	/* NULL: the root */
	uint32_t			 share;
	struct network			 net;
	uint64_t			 held[LEDGER_KINDS];
	uint64_t			 since;		/* of its stalest */
	struct weight_connections	 connections;	/* children */
	struct weight_octets		 octets;
	struct charges			 charges;	/* of a source */
};

struct weights {
	struct weight_tree	 all;
	struct weight		 common, spared;	/* roots */
};

/* weight.c */

void		 weights_init(struct weights *);
/* A source in a share, made if need be.  NULL: no memory. */
struct weight	*weight_get(struct weights *, int spared, uint32_t share,
		    const struct addr *);
/*
 * A connection comes, goes (the weight may be gone then), has made progress, or
 * costs more or less.
 */
void		 weight_enter(struct weight *, struct charge *);
void		 weight_leave(struct weights *, struct weight *,
		    struct charge *);
void		 weight_progress(struct weight *, struct charge *);
void		 weight_cost(struct weight *, int64_t octets);
/* The heaviest source; NULL when nothing is held. */
struct weight	*weights_heaviest(struct weights *, enum ledger_kind);

#endif /* WORKER_WEIGHT_H */
