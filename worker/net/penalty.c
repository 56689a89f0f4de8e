/* SPDX-License-Identifier: ISC */

/*
 * See penalty.h.  A network's record lives as long as something in it is
 * refused, so there are never more of them than sources, times two.
 */

#include <sys/types.h>

#include <stdlib.h>

#include "shared/compat.h"
#include "penalty.h"

#define SECOND_US	1000000ULL

static int	 penalty_cmp(const struct penalty *, const struct penalty *);
static int	 penalty_cmp_end(const struct penalty *,
		    const struct penalty *);

RB_PROTOTYPE_STATIC(penalty_tree, penalty, entry, penalty_cmp)
RB_GENERATE_STATIC(penalty_tree, penalty, entry, penalty_cmp)
RB_PROTOTYPE_STATIC(penalty_ends, penalty, ending, penalty_cmp_end)
RB_GENERATE_STATIC(penalty_ends, penalty, ending, penalty_cmp_end)

static int
penalty_cmp(const struct penalty *a, const struct penalty *b)
{
	return (network_cmp(&a->net, &b->net));
}

static int
penalty_cmp_end(const struct penalty *a, const struct penalty *b)
{
	if (a->until != b->until)
		return (a->until < b->until ? -1 : 1);
	return (penalty_cmp(a, b));
}

void
penalties_init(struct penalties *ps)
{
	RB_INIT(&ps->all);
	RB_INIT(&ps->ends);
	ps->sources = 0;
}

static struct penalty *
penalty_find(struct penalties *ps, const struct addr *addr, int level)
{
	struct penalty	 find;

	if (network_around(&find.net, addr, level) == -1)
		return (NULL);
	return (RB_FIND(penalty_tree, &ps->all, &find));
}

static struct penalty *
penalty_get(struct penalties *ps, const struct addr *addr, int level)
{
	struct penalty	*p = penalty_find(ps, addr, level);
	struct network	 net;

	if (p != NULL || network_around(&net, addr, level) == -1 ||
	    (p = calloc(1, sizeof(*p))) == NULL)
		return (p);
	p->net = net;
	p->level = level;
	RB_INSERT(penalty_tree, &ps->all, p);
	return (p);
}

static void
penalty_free(struct penalties *ps, struct penalty *p)
{
	RB_REMOVE(penalty_tree, &ps->all, p);
	free(p);
}

/* The networks around learn that one in them is refused now. */
static void
penalty_refuse(struct penalties *ps, struct penalty *p)
{
	struct penalty	*up;

	p->refused = 1;
	if ((up = penalty_get(ps, &p->net.addr, p->level + 1)) == NULL)
		return;
	up->why = p->why;
	if (++up->inside >= PENALTY_NETWORK && !up->refused)
		penalty_refuse(ps, up);
}

/* And that it is not any more. */
static void
penalty_admit(struct penalties *ps, struct penalty *p)
{
	struct penalty	*up = penalty_find(ps, &p->net.addr, p->level + 1);

	p->refused = 0;
	if (up == NULL || up->inside == 0)
		return;
	if (--up->inside < PENALTY_NETWORK && up->refused)
		penalty_admit(ps, up);
	if (up->inside == 0)
		penalty_free(ps, up);
}

/* A source's has passed, or is forgiven. */
static void
penalty_end(struct penalties *ps, struct penalty *p)
{
	if (p->refused)
		penalty_admit(ps, p);
	RB_REMOVE(penalty_ends, &ps->ends, p);
	ps->sources--;
	penalty_free(ps, p);
}

void
penalties_pass(struct penalties *ps, uint64_t now)
{
	struct penalty	*p;

	while ((p = RB_MIN(penalty_ends, &ps->ends)) != NULL &&
	    p->until <= now)
		penalty_end(ps, p);
}

void
penalties_limits(struct penalties *ps, uint32_t min_s, uint32_t max_s)
{
	ps->min_us = min_s * SECOND_US;
	ps->max_us = max_s * SECOND_US;
	penalties_free(ps);
}

/* A source's record, made if need be: where there are too many, for another. */
static struct penalty *
penalty_source(struct penalties *ps, const struct addr *addr, uint64_t now)
{
	struct penalty	*p = penalty_find(ps, addr, 0);

	if (p != NULL) {
		RB_REMOVE(penalty_ends, &ps->ends, p);
		return (p);
	}
	if (ps->sources == PENALTIES_MAX)
		penalty_end(ps, RB_MIN(penalty_ends, &ps->ends));
	if ((p = penalty_get(ps, addr, 0)) == NULL)
		return (NULL);
	p->until = now;
	ps->sources++;
	return (p);
}

int
penalty_add(struct penalties *ps, const struct addr *addr, uint32_t seconds,
    const char *why, uint64_t now)
{
	struct penalty	*p;

	penalties_pass(ps, now);
	if (seconds == 0 || ps->max_us == 0 ||
	    (p = penalty_source(ps, addr, now)) == NULL)
		return (0);
	p->why = why;
	p->until += seconds * SECOND_US;
	if (p->until > now + ps->max_us)
		p->until = now + ps->max_us;
	RB_INSERT(penalty_ends, &ps->ends, p);
	if (p->refused || p->until - now < ps->min_us)
		return (0);
	penalty_refuse(ps, p);
	return (1);
}

struct penalty *
penalty_refuses(struct penalties *ps, const struct addr *addr, uint64_t now)
{
	struct penalty	*p;
	int		 level;

	penalties_pass(ps, now);
	for (level = 0; level < NETWORK_LEVELS; level++)
		if ((p = penalty_find(ps, addr, level)) != NULL &&
		    p->refused) {
			p->turned_away++;
			return (p);
		}
	return (NULL);
}

void
penalty_clear(struct penalties *ps, const struct addr *addr)
{
	struct penalty	*p = penalty_find(ps, addr, 0);

	if (p != NULL)
		penalty_end(ps, p);
}

struct penalty *
penalty_after(struct penalties *ps, const struct network *net)
{
	struct penalty	 find, *p;

	if (net == NULL)
		return (RB_MIN(penalty_tree, &ps->all));
	find.net = *net;
	p = RB_NFIND(penalty_tree, &ps->all, &find);
	if (p != NULL && network_cmp(&p->net, net) == 0)
		p = RB_NEXT(penalty_tree, &ps->all, p);
	return (p);
}

void
penalties_free(struct penalties *ps)
{
	penalties_pass(ps, UINT64_MAX);
}
