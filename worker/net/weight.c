/* SPDX-License-Identifier: ISC */

/*
 * See weight.h.  A weight that holds no connection is freed at once.  Children
 * are ranked by octets in steps, so that a connection whose queue comes and
 * goes seldom moves anything.
 */

#include <sys/types.h>

#include <stdlib.h>

#include "shared/compat.h"
#include "weight.h"

/* Octets that count as one when weights are compared. */
#define STEP_SHIFT	12

static int	 weight_cmp(const struct weight *, const struct weight *);
static int	 weight_cmp_connections(const struct weight *,
		    const struct weight *);
static int	 weight_cmp_octets(const struct weight *,
		    const struct weight *);

RB_PROTOTYPE_STATIC(weight_tree, weight, entry, weight_cmp)
RB_GENERATE_STATIC(weight_tree, weight, entry, weight_cmp)
RB_PROTOTYPE_STATIC(weight_connections, weight, by_connections,
    weight_cmp_connections)
RB_GENERATE_STATIC(weight_connections, weight, by_connections,
    weight_cmp_connections)
RB_PROTOTYPE_STATIC(weight_octets, weight, by_octets, weight_cmp_octets)
RB_GENERATE_STATIC(weight_octets, weight, by_octets, weight_cmp_octets)

#define CMP(a, b)	((a) == (b) ? 0 : (a) < (b) ? -1 : 1)

static int
weight_cmp(const struct weight *a, const struct weight *b)
{
	if (a->parent != b->parent)
		return (CMP((uintptr_t)a->parent, (uintptr_t)b->parent));
	if (a->share != b->share)
		return (CMP(a->share, b->share));
	return (network_cmp(&a->net, &b->net));
}

/* Of equals, the one that waits longer is heavier. */
static int
weight_cmp_since(const struct weight *a, const struct weight *b)
{
	if (a->since != b->since)
		return (CMP(b->since, a->since));
	return (CMP((uintptr_t)a, (uintptr_t)b));
}

static int
weight_cmp_connections(const struct weight *a, const struct weight *b)
{
	uint64_t	 x = a->held[LEDGER_CONNECTIONS];
	uint64_t	 y = b->held[LEDGER_CONNECTIONS];

	return (x == y ? weight_cmp_since(a, b) : CMP(x, y));
}

static int
weight_cmp_octets(const struct weight *a, const struct weight *b)
{
	uint64_t	 x = a->held[LEDGER_OCTETS] >> STEP_SHIFT;
	uint64_t	 y = b->held[LEDGER_OCTETS] >> STEP_SHIFT;

	return (x == y ? weight_cmp_since(a, b) : CMP(x, y));
}

static void
weight_init(struct weight *w)
{
	RB_INIT(&w->connections);
	RB_INIT(&w->octets);
	TAILQ_INIT(&w->charges);
}

void
weights_init(struct weights *ws)
{
	RB_INIT(&ws->all);
	weight_init(&ws->common);
	weight_init(&ws->spared);
}

/* ---- their changes ---- */

static void
weight_rank(struct weight *w)
{
	if (w->held[LEDGER_CONNECTIONS] > 0)
		RB_INSERT(weight_connections, &w->parent->connections, w);
	if (w->held[LEDGER_OCTETS] > 0)
		RB_INSERT(weight_octets, &w->parent->octets, w);
}

static void
weight_unrank(struct weight *w)
{
	if (w->held[LEDGER_CONNECTIONS] > 0)
		RB_REMOVE(weight_connections, &w->parent->connections, w);
	if (w->held[LEDGER_OCTETS] > 0)
		RB_REMOVE(weight_octets, &w->parent->octets, w);
}

static uint64_t
weight_stalest(struct weight *w)
{
	struct charge	*c = TAILQ_FIRST(&w->charges);
	struct weight	*child;

	if (c != NULL)
		return (c->progress);
	child = RB_MAX(weight_connections, &w->connections);
	return (child == NULL ? 0 : child->since);
}

/* Does such a change leave its rank as it is? */
static int
weight_keeps_rank(const struct weight *w, int64_t n, int64_t octets,
    uint64_t since)
{
	uint64_t	 before = w->held[LEDGER_OCTETS];
	uint64_t	 after = before + (uint64_t)octets;

	return (n == 0 && w->since == since &&
	    before >> STEP_SHIFT == after >> STEP_SHIFT &&
	    (before == 0) == (after == 0));
}

/* So much more, or less, is held; a change of 0 looks at progress only. */
static void
weight_change(struct weight *w, int64_t n, int64_t octets)
{
	uint64_t	 since;
	int		 moves;

	for (; w->parent != NULL; w = w->parent) {
		since = weight_stalest(w);
		moves = !weight_keeps_rank(w, n, octets, since);
		if (n == 0 && octets == 0 && !moves)
			return;		/* nor do its parents change */
		if (moves)
			weight_unrank(w);
		w->held[LEDGER_CONNECTIONS] += (uint64_t)n;
		w->held[LEDGER_OCTETS] += (uint64_t)octets;
		w->since = since;
		if (moves)
			weight_rank(w);
	}
	w->held[LEDGER_CONNECTIONS] += (uint64_t)n;
	w->held[LEDGER_OCTETS] += (uint64_t)octets;
}

/* ---- made and freed ---- */

/* Frees those of it and its parents that hold nothing. */
static void
weight_drop(struct weights *ws, struct weight *w)
{
	struct weight	*parent;

	while (w->parent != NULL && w->held[LEDGER_CONNECTIONS] == 0) {
		parent = w->parent;
		RB_REMOVE(weight_tree, &ws->all, w);
		free(w);
		w = parent;
	}
}

static struct weight *
weight_child(struct weights *ws, struct weight *parent, uint32_t share,
    const struct network *net)
{
	struct weight	 find, *w;

	find.parent = parent;
	find.share = share;
	find.net = *net;
	if ((w = RB_FIND(weight_tree, &ws->all, &find)) != NULL)
		return (w);
	if ((w = calloc(1, sizeof(*w))) == NULL) {
		weight_drop(ws, parent);
		return (NULL);
	}
	weight_init(w);
	w->parent = parent;
	w->share = share;
	w->net = *net;
	RB_INSERT(weight_tree, &ws->all, w);
	return (w);
}

struct weight *
weight_get(struct weights *ws, int spared, uint32_t share,
    const struct addr *addr)
{
	static const struct network	 all;
	struct network			 net;
	struct weight			*w;
	int				 level;

	w = spared ? &ws->spared : &ws->common;
	w = weight_child(ws, w, share, &all);
	for (level = NETWORK_LEVELS - 1; w != NULL && level >= 0; level--)
		if (network_around(&net, addr, level) == 0)
			w = weight_child(ws, w, share, &net);
	return (w);
}

/* ---- connections ---- */

void
weight_enter(struct weight *w, struct charge *c)
{
	TAILQ_INSERT_TAIL(&w->charges, c, in_share);
	weight_change(w, 1, (int64_t)c->cost);
}

void
weight_leave(struct weights *ws, struct weight *w, struct charge *c)
{
	TAILQ_REMOVE(&w->charges, c, in_share);
	weight_change(w, -1, -(int64_t)c->cost);
	weight_drop(ws, w);
}

void
weight_progress(struct weight *w, struct charge *c)
{
	TAILQ_REMOVE(&w->charges, c, in_share);
	TAILQ_INSERT_TAIL(&w->charges, c, in_share);
	weight_change(w, 0, 0);
}

void
weight_cost(struct weight *w, int64_t octets)
{
	weight_change(w, 0, octets);
}

struct weight *
weights_heaviest(struct weights *ws, enum ledger_kind kind)
{
	struct weight	*w = &ws->common, *next;

	if (w->held[kind] == 0)
		w = &ws->spared;
	if (w->held[kind] == 0)
		return (NULL);
	for (; TAILQ_EMPTY(&w->charges); w = next)
		next = kind == LEDGER_CONNECTIONS ?
		    RB_MAX(weight_connections, &w->connections) :
		    RB_MAX(weight_octets, &w->octets);
	return (w);
}
