/* SPDX-License-Identifier: ISC */

/*
 * See hold.h.  Those who hold something are in a list by their last progress.
 * Those in the older part of it, up to an edge, are weighed, so that a victim
 * is found without a look at all of them.  Old is who is half as old as the
 * oldest, so that the edge only moves forward, and each is weighed once between
 * one progress and the next.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "worker/net/budget.h"
#include "worker/net/ledger.h"
#include "worker/net/weight.h"
#include "worker/tunnel/service.h"
#include "relay.h"
#include "throttle.h"

/* A relay, its stream and what the libraries keep for both. */
#define HOLD_RELAY	(sizeof(struct relay) + 512)
/* Who holds so little is not worth a reset: the state of LZ4, at rest. */
#define HOLD_LEAST	1024
/* From this age on nobody is older than others. */
#define HOLD_OLD_US	(2 * HOLD_STALE_US)

/*
 * Without descriptors: the only user of a source, if it had an octet so lately,
 * is not shed, and newcomers wait.
 */
#define LIVELY_US	(10 * 1000000ULL)

static struct service	*svc;
static struct relays	 holders = TAILQ_HEAD_INITIALIZER(holders);
static struct relay	*edge;		/* the first that is young, or NULL */
static struct weights	 old;		/* of those before it */
static uint64_t		 total;

void
hold_init(struct service *service)
{
	svc = service;
	weights_init(&old);
}

void
hold_begin(struct relay *r)
{
	(void)r;
	budget_hold(&svc->budget, HOLD_RELAY);
}

static void
hold_unlist(struct relay *r)
{
	if (!r->hold.listed)
		return;
	if (edge == r)
		edge = TAILQ_NEXT(r, hold.entry);
	if (r->hold.old.weight != NULL)
		weight_leave(&old, r->hold.old.weight, &r->hold.old);
	r->hold.old.weight = NULL;
	TAILQ_REMOVE(&holders, r, hold.entry);
	r->hold.listed = 0;
}

void
hold_end(struct relay *r)
{
	hold_unlist(r);
	total -= r->hold.octets;
	ledger_leave(&r->charge);
	budget_hold(&svc->budget, -(int64_t)HOLD_RELAY);
}

/* All that waits now is to be taken next. */
static void
hold_progress(struct relay *r)
{
	r->hold.since = worker_now();
	r->hold.mark = r->hold.taken + r->out.len;
	hold_unlist(r);
	r->hold.listed = 1;
	TAILQ_INSERT_TAIL(&holders, r, hold.entry);
	if (edge == NULL)
		edge = r;
}

void
hold_charge(struct relay *r, const struct addr *user)
{
	r->charge.shed = svc->shed;
	/* One that is charged to nobody is chosen by its age alone. */
	if (ledger_enter(svc->users, &r->charge, user, 0) == 0 &&
	    r->charge.cost == 0)
		ledger_cost(&r->charge, HOLD_RELAY + r->hold.octets);
	if (r->hold.listed)
		hold_progress(r);
}

void
hold_look(struct relay *r)
{
	uint64_t	 octets = r->out.held + r->lz_held;
	int64_t		 more = (int64_t)(octets - r->hold.octets);

	if (more == 0)
		return;
	ledger_cost(&r->charge, more);
	if (r->hold.old.weight != NULL) {
		r->hold.old.cost = octets;
		weight_cost(r->hold.old.weight, more);
	}
	total += (uint64_t)more;
	r->hold.octets = octets;
	if (octets <= HOLD_LEAST)
		hold_unlist(r);
	else if (!r->hold.listed)
		hold_progress(r);
}

/* Who waits for his rate has taken all that he may. */
void
hold_took(struct relay *r, size_t n)
{
	r->hold.taken += n;
	if (r->hold.listed && (r->out.len == 0 ||
	    r->hold.taken >= r->hold.mark ||
	    throttle_waits(r, THROTTLE_WRITE)))
		hold_progress(r);
}

struct relay *
hold_oldest(void)
{
	return (TAILQ_FIRST(&holders));
}

uint64_t
hold_octets(void)
{
	return (total);
}

/* It is old.  Without memory, or a source, it goes by its age alone. */
static void
hold_weigh(struct relay *r)
{
	struct charge	*c = &r->hold.old;

	if (r->charge.source == NULL || (c->weight = weight_get(&old, 0, 0,
	    &r->charge.peer)) == NULL)
		return;
	c->cost = r->hold.octets;
	c->progress = r->hold.since;
	weight_enter(c->weight, c);
}

struct relay *
hold_victim(int any)
{
	struct relay	*first = TAILQ_FIRST(&holders);
	struct weight	*heaviest;
	uint64_t	 now = worker_now(), age;

	if (first == NULL)
		return (NULL);
	age = now - first->hold.since;
	if (!any && age < HOLD_STALE_US)
		return (NULL);
	if (age > HOLD_OLD_US)
		age = HOLD_OLD_US;
	while (edge != NULL && now - edge->hold.since >= age / 2) {
		hold_weigh(edge);
		edge = TAILQ_NEXT(edge, hold.entry);
	}
	if ((heaviest = weights_heaviest(&old, LEDGER_OCTETS)) == NULL)
		return (first);
	return ((struct relay *)(void *)((char *)TAILQ_FIRST(
	    &heaviest->charges) - offsetof(struct relay, hold.old)));
}

/* ---- descriptors ---- */

/* Who shares the service with nobody has no more than his part. */
int
hold_can_shed(void)
{
	const struct charge	*c;
	uint64_t		 held;

	c = ledger_heaviest(svc->users, LEDGER_CONNECTIONS, &held);
	return (c != NULL && ((held > 1 && held <
	    ledger_stats(svc->users)->held) ||
	    worker_now() - c->progress >= LIVELY_US));
}

int
hold_make_room(void)
{
	return (hold_can_shed() && ledger_relieve(svc->users,
	    LEDGER_CONNECTIONS, "descriptors run short, and its source holds "
	    "most"));
}
