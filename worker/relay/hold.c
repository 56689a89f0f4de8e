/* SPDX-License-Identifier: ISC */

/*
 * See hold.h.  Those who hold something are in a list by their last progress.
 * Only the older part of it is looked at for a victim, and what a source holds
 * is known to the ledger.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "worker/net/budget.h"
#include "worker/net/ledger.h"
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
static uint64_t		 total;

void
hold_init(struct service *service)
{
	svc = service;
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
	if (r->hold.listed)
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

void
hold_charge(struct relay *r, const struct addr *user)
{
	r->charge.shed = svc->shed;
	/* One that is charged to nobody is chosen by its age alone. */
	if (ledger_enter(svc->users, &r->charge, user, 0) == 0 &&
	    r->charge.cost == 0)
		ledger_cost(&r->charge, HOLD_RELAY + r->hold.octets);
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
}

void
hold_look(struct relay *r)
{
	uint64_t	 octets = r->out.held + r->lz_held;

	if (octets == r->hold.octets)
		return;
	ledger_cost(&r->charge, (int64_t)(octets - r->hold.octets));
	total += octets - r->hold.octets;
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

struct relay *
hold_victim(int any)
{
	struct relay	*r, *victim;
	uint64_t	 now = worker_now(), old, most, octets;

	if ((victim = TAILQ_FIRST(&holders)) == NULL)
		return (NULL);
	old = now - victim->hold.since;
	if (!any && old < HOLD_STALE_US)
		return (NULL);
	if (old > HOLD_OLD_US)
		old = HOLD_OLD_US;
	most = ledger_octets(&victim->charge);
	TAILQ_FOREACH(r, &holders, hold.entry) {
		if (now - r->hold.since < old / 2)
			break;
		octets = ledger_octets(&r->charge);
		if (octets > most) {
			most = octets;
			victim = r;
		}
	}
	return (victim);
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
