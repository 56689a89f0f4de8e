/* SPDX-License-Identifier: ISC */

/* See tunnelhold.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "tunnel.h"
#include "tunnelhold.h"

/* What the rest of a record may take. */
#define HALF_US		(60 * 1000000ULL)
/* A tunnel, its session and what libraries keep for both, but for its seal. */
#define TUNNEL_COST	4096

static struct service	*svc;
static struct tunnels	 stuck = TAILQ_HEAD_INITIALIZER(stuck);

void
tunnelhold_init(struct service *service)
{
	svc = service;
}

/* Few are stuck, so that nobody has to look at all for them. */
static void
tunnelhold_list(struct tunnel *t, int is_stuck)
{
	if (is_stuck && !t->hold.listed)
		TAILQ_INSERT_TAIL(&stuck, t, hold.entry);
	else if (!is_stuck && t->hold.listed)
		TAILQ_REMOVE(&stuck, t, hold.entry);
	t->hold.listed = is_stuck;
}

/* half: octets held for a record that is not whole. */
static void
tunnelhold_waits(struct tunnel *t, size_t half, uint64_t now)
{
	struct tunnelhold	*h = &t->hold;
	size_t			 out = wire_held(&t->wire);

	if (half == 0)
		h->half = 0;
	/* We may be the one who does not go on. */
	else if (h->half == 0 || t->got > 0 || (t->session != NULL &&
	    session_want(t->session) == 0))
		h->half = now;
	if (out == 0)
		h->stuck = h->half;
	else if (h->stuck == 0 || h->emptied != t->wire.emptied)
		h->stuck = now;
	h->emptied = t->wire.emptied;
	h->waits = out + half;
	tunnelhold_list(t, h->stuck != 0);
}

void
tunnelhold_look(struct tunnel *t, uint64_t now)
{
	struct tunnelhold	*h = &t->hold;
	size_t			 octets = TUNNEL_COST, half = 0;

	if (t->seal != NULL) {
		octets += seal_held(t->seal);
		half = seal_held_read(t->seal);
	}
	tunnelhold_waits(t, half, now);
	budget_hold(&svc->budget, (int64_t)octets - (int64_t)h->octets);
	h->octets = octets;
	octets += wire_held(&t->wire);
	if (octets != t->hold.charge.cost)
		ledger_cost(&t->hold.charge, (int64_t)octets -
		    (int64_t)t->hold.charge.cost);
	if (h->stuck != 0 && budget_pressed(&svc->budget))
		wire_trim(&t->wire);
}

void
tunnelhold_begin(struct tunnel *t)
{
	/* One that is charged to nobody is chosen by its age alone. */
	(void)ledger_enter(svc->peers, &t->hold.charge, &t->peer, 0);
	tunnelhold_look(t, worker_now());
}

void
tunnelhold_end(struct tunnel *t)
{
	budget_hold(&svc->budget, -(int64_t)t->hold.octets);
	budget_going(&svc->budget, -(int64_t)t->hold.going);
	ledger_leave(&t->hold.charge);
	tunnelhold_list(t, 0);
}

uint64_t
tunnelhold_deadline(struct tunnel *t, uint64_t now)
{
	if (t->hold.half == 0)
		return (UINT64_MAX);
	if (now - t->hold.half >= HALF_US) {
		svc->stats.tunnels_half++;
		tunnel_kill(t, TUNNEL_END_LOST, "half a record for %llu s",
		    HALF_US / 1000000);
	}
	return (t->hold.half + HALF_US);
}

static int
tunnelhold_is_stuck(const struct tunnel *t, uint64_t now, uint64_t us)
{
	return (now - t->hold.stuck >= us &&
	    !(t->flags & TUNNEL_F_DYING));
}

uint64_t
tunnelhold_stuck(uint64_t us)
{
	struct tunnel	*t;
	uint64_t	 now = worker_now(), sum = 0;

	TAILQ_FOREACH(t, &stuck, hold.entry)
		if (tunnelhold_is_stuck(t, now, us))
			sum += t->hold.waits;
	return (sum);
}

int
tunnelhold_relieve(uint64_t us)
{
	struct tunnel	*t, *worst = NULL;
	uint64_t	 now = worker_now(), octets, most = 0;

	TAILQ_FOREACH(t, &stuck, hold.entry) {
		if (!tunnelhold_is_stuck(t, now, us))
			continue;
		octets = ledger_octets(&t->hold.charge);
		if (worst == NULL || octets > most || (octets == most &&
		    t->hold.stuck < worst->hold.stuck)) {
			worst = t;
			most = octets;
		}
	}
	if (worst == NULL)
		return (0);
	svc->stats.memory_tunnels++;
	worst->hold.going = worst->hold.octets + wire_held(&worst->wire);
	budget_going(&svc->budget, (int64_t)worst->hold.going);
	tunnel_kill(worst, TUNNEL_END_LOST, "memory is short, and for %llu s "
	    "its peer has left %zu octets waiting", (unsigned long long)
	    (now - worst->hold.stuck) / 1000000, worst->hold.waits);
	return (1);
}
