/* SPDX-License-Identifier: ISC */

/*
 * How many data tunnels there should be.  The server knows its users, the
 * client makes the tunnels: for each user the server asks for one more, and the
 * client may not heed it.  So the accepting side keeps as many waiting as there
 * were before, and asks again for what did not come.  The dialling side makes
 * one for each that it is asked for, and replaces those that die unused.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/lines.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"
#include "slot.h"
#include "slotpool.h"

/* What was asked for, and has not come by then, is asked for again. */
#define AGAIN_US	(1 * 1000000ULL)
/* When none has come for so long, none is on its way. */
#define OWED_US		(30 * 1000000ULL)
/*
 * Tunnels that are asked for and not here: until it says its token each is a
 * stranger at the gate, which takes 64 of an address.
 */
#define ASK_FLIGHT	32
/*
 * Tunnels that may wait beside those that were asked for: as many as users may,
 * as with this dialect's own server, but no fewer than this.  Who shares the
 * client's address makes some, too.
 */
#define UNASKED_MIN	1024
#define SURPLUS_LOG_US	(10 * 1000000ULL)
/* As many are kept waiting, however many there once were. */
#define POOL_MAX	512
/* What a server may ask for beyond the pool. */
#define ASK_MAX		256

/* ---- the accepting side ---- */

/* Tunnels, or slots, that a user could have now, or in a moment. */
static uint32_t
demand_idle(const struct service *svc)
{
	const struct tunnel	*t;
	uint32_t		 n = slot_idle();

	TAILQ_FOREACH(t, &svc->tunnels, entry)
		if ((tunnel_has_room(t) || data_is_coming(t)) &&
		    !(t->flags & TUNNEL_F_OLD))
			n++;
	return (n);
}

/* Tunnels that need not be asked for. */
static uint32_t
demand_coming(const struct service *svc)
{
	const struct backhaul_service	*bs = svc->part;
	const struct tunnel		*t;
	uint32_t			 n = bs->asked;

	TAILQ_FOREACH(t, &svc->tunnels, entry)
		n += data_is_coming(t);
	return (n);
}

void
backhaul_want_more(struct service *svc, uint32_t n)
{
	struct backhaul_service	*bs = svc->part;
	struct tunnel		*t = bs->control;
	uint32_t		 i;

	if (t == NULL || t->state != TUNNEL_CONTROL ||
	    (t->flags & (TUNNEL_F_DYING | TUNNEL_F_DRAINING)))
		return;
	/* without a mux: it has all the users that it may have */
	if (!tunnel_muxed(t) && svc->nused >= svc->conf.opts.mux_max_streams)
		return;
	if (bs->asked >= ASK_FLIGHT)
		return;
	if (n > ASK_FLIGHT - bs->asked)
		n = ASK_FLIGHT - bs->asked;
	for (i = 0; i < n; i++)
		if (control_say(t, SIGNAL_CHANNEL) == -1)
			return;
	bs->asked += n;
	bs->owed += n;
	bs->asked_at = worker_now();
}

void
demand_starved(struct service *svc, uint32_t waiting)
{
	uint32_t	 coming;

	if (svc->dials || waiting == 0)
		return;
	if ((coming = demand_coming(svc)) < waiting)
		backhaul_want_more(svc, waiting - coming);
}

int32_t
demand_arrived(struct service *svc)
{
	struct backhaul_service	*bs = svc->part;
	uint32_t		 idle, was = bs->pool;

	bs->arrived_at = worker_now();
	if (bs->asked > 0)
		bs->asked--;
	if (bs->owed > 0) {
		bs->owed--;
		return (-1);
	}
	/* It made that one on its own: so many it wants to have. */
	if ((idle = demand_idle(svc)) > bs->pool)
		bs->pool = idle < POOL_MAX ? idle : POOL_MAX;
	return ((int32_t)(bs->pool - was));
}

void
demand_was_none(struct tunnel *t)
{
	struct backhaul_service	*bs = t->service->part;
	struct backhaul_tunnel	*bt = t->part;

	if (bt->counted == -1)
		bs->owed++;
	else if (bs->pool >= (uint32_t)bt->counted)
		bs->pool -= (uint32_t)bt->counted;
	bt->counted = 0;
}

/* The oldest that nobody is in, and how many of these there are. */
static struct tunnel *
demand_oldest(const struct service *svc, uint32_t *n)
{
	struct tunnel	*t, *oldest = NULL;

	*n = 0;
	TAILQ_FOREACH(t, &svc->tunnels, entry) {
		if (t->state != TUNNEL_OPEN || (t->flags & TUNNEL_F_DYING) ||
		    !tunnel_empty(t))
			continue;
		if (oldest == NULL)
			oldest = t;
		++*n;
	}
	return (oldest);
}

void
demand_bound(struct tunnel *t)
{
	struct service		*svc = t->service;
	struct backhaul_service	*bs = svc->part;
	struct tunnel		*oldest;
	uint32_t		 n, max = svc->conf.opts.user_queue;

	if (max < UNASKED_MIN)
		max = UNASKED_MIN;
	max += bs->asked;
	if ((oldest = demand_oldest(svc, &n)) == NULL || n <= max)
		return;
	svc->stats.tunnels_surplus++;
	if (lines_take(&bs->surplus, 1, SURPLUS_LOG_US, worker_now()))
		log_warnx("tunnels from %s: more than %u wait for users, and "
		    "the oldest is closed; does another make some, too?",
		    addr_print(&t->peer), max);
	tunnel_kill(oldest, TUNNEL_END_CLEAN, "too many wait for users");
}

void
demand_used(struct service *svc)
{
	const struct backhaul_service	*bs = svc->part;

	if (demand_idle(svc) + bs->asked < bs->pool)
		backhaul_want_more(svc, 1);
}

void
demand_taken(struct tunnel *t)
{
	struct service		*svc = t->service;
	struct backhaul_tunnel	*bt;
	struct tunnel		*control;

	if (!svc->dials) {
		demand_used(svc);
		return;
	}
	if ((control = reach_control(svc, t->remote)) != NULL) {
		bt = control->part;
		bt->balance--;
	}
}

void
demand_tick(struct service *svc, uint64_t now)
{
	struct backhaul_service	*bs = svc->part;
	uint32_t		 idle, pool = bs->pool > 0 ? bs->pool : 1;

	if (now < bs->asked_at + AGAIN_US || svc->stopping)
		return;
	bs->asked = 0;
	if (now >= bs->arrived_at + OWED_US)
		bs->owed = 0;
	if ((idle = demand_idle(svc)) < pool)
		backhaul_want_more(svc, pool - idle);
	bs->asked_at = now;
}

/* ---- the dialling side ---- */

/*
 * First the control channel alone.  Without a mux each tunnel that is used
 * makes the pool smaller, until the server asks for another.
 */
uint32_t
demand_may_dial(struct service *svc, const struct remote *r, uint32_t n)
{
	const struct tunnel		*control = reach_control(svc, r);
	const struct backhaul_tunnel	*bt;
	int64_t				 want;

	if (n == 0)
		return (0);
	if (control == NULL || control->state != TUNNEL_CONTROL)
		return (1);
	if (control->transport & TRANSPORT_UDP)
		return (0);		/* it has slots */
	bt = control->part;
	want = (int64_t)n + bt->balance;
	return (want < 1 ? 1 : (uint32_t)want);
}

void
demand_asked(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;

	if (bt->slots != NULL) {
		slotpool_more(bt->slots);
		return;
	}
	if (t->transport & TRANSPORT_MUX) {
		tunnel_peer_wants(t, 1);
		return;
	}
	if (bt->balance < ASK_MAX)
		bt->balance++;
	tunnel_peer_wants(t, 0);
}
