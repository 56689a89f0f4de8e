/* SPDX-License-Identifier: ISC */

/* See slotpool.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/budget.h"
#include "worker/net/lines.h"
#include "worker/relay/flow.h"
#include "worker/relay/slotsock.h"
#include "worker/tunnel/service.h"
#include "part.h"
#include "slotpool.h"

/* How far apart signs of life are, until we know; and at most. */
#define SPACING_US	(40 * 1000000ULL)
#define SPACING_MAX_US	(900 * 1000000ULL)
#define MISSED		3	/* of them: it is abandoned */
/* Slots that the server may ask for beyond the pool, and for how long. */
#define EXTRA_MAX	256
#define EXTRA_US	(10 * 1000000ULL)
/* In one turn; dial has others to serve. */
#define OPEN_BATCH	32
#define TICK_US		(1 * 1000000ULL)
#define LINES_US	(10 * 1000000ULL)

enum slot_state {
	SLOT_DIALLED,			/* dial connects it */
	SLOT_IDLE,			/* it has said the token */
	SLOT_USED,
	SLOT_STATES
};

struct slot {
	TAILQ_ENTRY(slot)	 entry;
	struct slotpool		*pool;
	struct slotsock		*sock;
	struct flow		*flow;		/* SLOT_USED */
	enum slot_state		 state;
	struct addr		 server;
	uint64_t		 heard;	/* a sign of life, or the token left */
	int			 alive;		/* it was a sign of life */
};

struct slotpool {
	struct service		*service;
	TAILQ_HEAD(, slot)	 slots;
	uint32_t		 n[SLOT_STATES];
	uint32_t		 remote;
	struct addr		 at;	/* the only one of its addresses... */
	int			 elsewhere;	/* ...which it has no more */
	/* asked for by the server, less those that were used since */
	int32_t			 extra;
	uint64_t		 extra_at;
	uint64_t		 spacing;	/* of signs of life */
	uint64_t		 next_try;	/* after a failure */
	uint64_t		 next_tick;
	struct lines		 lines;
};

static int	 slot_send(struct flow *, const uint8_t *, size_t);
static void	 slot_flush(struct flow *);
static void	 slot_left(struct flow *);
static void	 slot_up(void *, const struct addr *);
static void	 slot_got(void *, const uint8_t *, size_t);
static void	 slot_done(void *);
static void	 slot_failed(void *, const char *);
static void	 slot_elsewhere(void *, const char *);

static const struct flow_slot	 slot_flow = {
	.send = slot_send,
	.flush = slot_flush,
	.left = slot_left
};

static const struct slotsock_events	 slot_events = {
	.up = slot_up,
	.got = slot_got,
	.done = slot_done,
	.failed = slot_failed,
	.elsewhere = slot_elsewhere
};

/* ---- one slot ---- */

static void
slot_enter(struct slot *s, enum slot_state state)
{
	s->pool->n[s->state]--;
	s->state = state;
	s->pool->n[state]++;
}

/* Its flow, if it had one, is gone. */
static void
slot_free(struct slot *s)
{
	struct slotpool	*sp = s->pool;

	TAILQ_REMOVE(&sp->slots, s, entry);
	sp->n[s->state]--;
	slotsock_free(s->sock);
	budget_hold(&sp->service->budget, -(int64_t)sizeof(*s));
	free(s);
}

/* -1: no memory, or too many are dialled. */
static int
slot_open(struct slotpool *sp)
{
	struct slot	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (-1);
	s->sock = slotsock_new(sp->service, sp->remote, &sp->at, &slot_events,
	    s);
	if (s->sock == NULL) {
		free(s);
		return (-1);
	}
	s->pool = sp;
	s->state = SLOT_DIALLED;
	sp->n[SLOT_DIALLED]++;
	TAILQ_INSERT_TAIL(&sp->slots, s, entry);
	budget_hold(&sp->service->budget, sizeof(*s));
	return (0);
}

static void
slot_up(void *arg, const struct addr *server)
{
	struct slot			*s = arg;
	const struct backhaul_service	*bs = s->pool->service->part;

	s->server = *server;
	s->heard = worker_now();
	slot_enter(s, SLOT_IDLE);
	slotsock_put(s->sock, bs->token.octets, bs->token.len);
	slotsock_flush(s->sock);
}

/* One that is used may still be heard: its flow ends in time. */
static void
slot_failed(void *arg, const char *why)
{
	struct slot	*s = arg;
	struct slotpool	*sp = s->pool;

	if (s->state == SLOT_USED)
		return;
	if (lines_take(&sp->lines, 1, LINES_US, worker_now()))
		log_info("a slot at remote %u: %s", sp->remote, why);
	sp->next_try = worker_now() +
	    sp->service->conf.opts.retry_interval * 1000000ULL;
	slot_free(s);
}

static void
slot_elsewhere(void *arg, const char *why)
{
	const struct slot	*s = arg;

	s->pool->elsewhere = 1;
	slot_failed(arg, why);
}

/* ---- what comes while it is idle ---- */

/*
 * The usual time between signs of life grows at once, for one that is too long
 * costs nothing but time, and shrinks slowly.
 */
static void
pool_learn(struct slotpool *sp, uint64_t us)
{
	if (us > SPACING_MAX_US)
		us = SPACING_MAX_US;
	if (us > sp->spacing)
		sp->spacing = us;
	else
		sp->spacing -= (sp->spacing - us) / 8;
}

static void
slot_alive(struct slot *s)
{
	uint64_t	 now = worker_now();

	if (s->alive)
		pool_learn(s->pool, now - s->heard);
	s->heard = now;
	s->alive = 1;
}

/* It has got a user, whose target this is; nonsense closes it. */
static void
slot_use(struct slot *s, const uint8_t *p, size_t len)
{
	struct slotpool	*sp = s->pool;
	struct named	 target;
	const char	*why = "it is too long";

	if (len <= FRAMES_DATAGRAM_MAX &&
	    (why = frames_target(p, len, &target)) == NULL) {
		slot_enter(s, SLOT_USED);
		sp->extra--;
		sp->service->stats.slots++;
		s->flow = flow_accept_slot(&slot_flow, s, &s->server,
		    target.host, target.port);
		if (s->flow == NULL)
			slot_free(s);
		return;
	}
	sp->service->stats.slots_bad++;
	if (lines_take(&sp->lines, 1, LINES_US, worker_now()))
		log_info("a slot at %s: no target in a datagram of %zu octets: "
		    "%s", addr_print(&s->server), len, why);
	slot_free(s);
}

static void
slot_got(void *arg, const uint8_t *p, size_t len)
{
	struct slot	*s = arg;

	if (s->state == SLOT_USED)
		flow_from_slot(s->flow, p, len);
	else if (len == 1 && p[0] == SIGNAL_PING)
		slot_alive(s);
	else
		slot_use(s, p, len);
}

static void
slot_done(void *arg)
{
	struct slot	*s = arg;

	if (s->state == SLOT_USED)
		flow_settle(s->flow);
}

/* ---- what its flow does ---- */

static int
slot_send(struct flow *f, const uint8_t *p, size_t len)
{
	struct slot	*s = f->slot_arg;

	slotsock_put(s->sock, p, len);
	return (0);
}

static void
slot_flush(struct flow *f)
{
	struct slot	*s = f->slot_arg;

	slotsock_flush(s->sock);
}

static void
slot_left(struct flow *f)
{
	slot_free(f->slot_arg);
}

/* ---- the pool ---- */

/* How many are to be idle. */
static uint32_t
pool_target(const struct slotpool *sp)
{
	int64_t	 n = (int64_t)sp->service->conf.pool_share + sp->extra;

	return (n > 0 ? (uint32_t)n : 0);
}

static void
pool_fill(struct slotpool *sp, uint64_t now)
{
	struct service	*svc = sp->service;
	int		 i;

	if (svc->stopping || now < sp->next_try)
		return;
	for (i = 0; i < OPEN_BATCH; i++) {
		if (sp->n[SLOT_DIALLED] + sp->n[SLOT_IDLE] >=
		    pool_target(sp) || budget_full(&svc->budget) ||
		    slot_open(sp) == -1)
			return;
	}
}

/* Those that have heard nothing for too long. */
static void
pool_abandon(struct slotpool *sp, uint64_t now)
{
	struct slot	*s, *next;
	int		 alive = 0, n = 0;

	TAILQ_FOREACH(s, &sp->slots, entry)
		alive |= s->alive;
	TAILQ_FOREACH_SAFE(s, &sp->slots, entry, next) {
		if (s->state != SLOT_IDLE ||
		    now - s->heard < MISSED * sp->spacing)
			continue;
		slot_free(s);
		n++;
	}
	if (n == 0)
		return;
	sp->service->stats.slots_silent += n;
	if (lines_take(&sp->lines, 1, LINES_US, now))
		log_info("%d slots at remote %u are abandoned: no sign of life "
		    "for %llu s", n, sp->remote, (unsigned long long)
		    (MISSED * sp->spacing / 1000000));
	/* perhaps the server is slower than we thought */
	if (!alive && sp->spacing < SPACING_MAX_US / 2)
		sp->spacing *= 2;
}

/*
 * For each user the server asks for one, before or after it has used one that
 * was there.  What it asked for and did not use is not replaced for ever, and
 * what it used without asking is.
 */
static void
pool_settle(struct slotpool *sp, uint64_t now)
{
	if (sp->extra == 0)
		sp->extra_at = now;
	else if (sp->extra < 0 || now - sp->extra_at >= EXTRA_US)
		sp->extra = 0;
}

uint64_t
slotpool_tick(struct slotpool *sp, uint64_t now)
{
	if (now < sp->next_tick)
		return (sp->next_tick);
	sp->next_tick = now + TICK_US;
	pool_abandon(sp, now);
	pool_settle(sp, now);
	pool_fill(sp, now);
	return (sp->next_tick);
}

void
slotpool_more(struct slotpool *sp)
{
	if (sp->extra < EXTRA_MAX)
		sp->extra++;
	sp->extra_at = worker_now();
	pool_fill(sp, sp->extra_at);
}

void
slotpool_spacing(struct slotpool *sp, uint64_t us)
{
	pool_learn(sp, us);
}

int
slotpool_elsewhere(const struct slotpool *sp)
{
	return (sp->elsewhere);
}

uint32_t
slotpool_idle(const struct slotpool *sp)
{
	return (sp->n[SLOT_IDLE]);
}

struct slotpool *
slotpool_new(struct service *svc, uint32_t remote, const struct addr *at)
{
	struct slotpool	*sp;

	if ((sp = calloc(1, sizeof(*sp))) == NULL)
		return (NULL);
	sp->service = svc;
	sp->remote = remote;
	sp->at = *at;
	sp->spacing = SPACING_US;
	TAILQ_INIT(&sp->slots);
	pool_fill(sp, worker_now());
	return (sp);
}

void
slotpool_free(struct slotpool *sp)
{
	struct slot	*s;

	if (sp == NULL)
		return;
	while ((s = TAILQ_FIRST(&sp->slots)) != NULL) {
		if (s->state == SLOT_USED)
			flow_slot_lost(s->flow);
		slot_free(s);
	}
	free(sp);
}
