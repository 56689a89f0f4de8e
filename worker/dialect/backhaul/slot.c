/* SPDX-License-Identifier: ISC */

/* See slot.h. */

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
#include "worker/tunnel/tunnel.h"
#include "part.h"
#include "slot.h"

#define BUCKETS		1024
/* Slots whose first datagram has not been judged by then are closed. */
#define JUDGE_US	(5 * 1000000ULL)
/* The client ends a direction in which nothing has passed for 60 s. */
#define PEER_IDLE_US	(59 * 1000000ULL)
/*
 * A slot that has never answered may be dead, and is left for another after so
 * long, and then after twice as long: some users are never answered.
 */
#define UNANSWERED_US	(10 * 1000000ULL)
#define LINES_US	(10 * 1000000ULL)

enum slot_state {
	SLOT_NEW,			/* no datagram has come */
	SLOT_ASKED,			/* keys looks at it */
	SLOT_IDLE,
	SLOT_USED,
	SLOT_STATES
};

struct slot {
	LIST_ENTRY(slot)	 bucket;
	TAILQ_ENTRY(slot)	 entry;		/* of its state's list */
	uint32_t		 number;	/* the udp process's */
	enum slot_state		 state;
	uint64_t		 ask;	/* SLOT_ASKED: keys', or 0 */
	uint64_t		 id;	/* of the token that it said */
	int			 kept;	/* udp knows that it is proven */
	struct flow		*flow;	/* SLOT_USED */
	struct addr		 client;
	uint64_t		 since;	/* of its state */
	uint64_t		 ping_at;	/* SLOT_IDLE */
	/* SLOT_USED */
	uint64_t		 sent, heard;	/* the last datagrams */
	int			 answered;
};
LIST_HEAD(slot_bucket, slot);
TAILQ_HEAD(slot_list, slot);

static struct {
	struct service		*service;
	struct slot_bucket	 buckets[BUCKETS];
	struct slot_list	 list[SLOT_STATES];	/* oldest first */
	uint32_t		 n[SLOT_STATES];
	int			 up;	/* a control channel is there */
	int			 ready;	/* the lists are */
	struct lines		 falses, names;
} env;

static int	 slot_send(struct flow *, const uint8_t *, size_t);
static void	 slot_flush(struct flow *);
static void	 slot_left(struct flow *);

static const struct flow_slot	 slot_flow = {
	.send = slot_send,
	.flush = slot_flush,
	.left = slot_left
};

static void
slots_begin(struct service *svc)
{
	int	 i;

	env.service = svc;
	if (env.ready)
		return;
	env.ready = 1;
	for (i = 0; i < SLOT_STATES; i++)
		TAILQ_INIT(&env.list[i]);
}

static struct slot *
slot_find(uint32_t number)
{
	struct slot	*s;

	LIST_FOREACH(s, &env.buckets[number % BUCKETS], bucket)
		if (s->number == number)
			return (s);
	return (NULL);
}

/* ---- states ---- */

static void
slot_list(struct slot *s, enum slot_state state)
{
	s->state = state;
	s->since = worker_now();
	TAILQ_INSERT_TAIL(&env.list[state], s, entry);
	env.n[state]++;
}

static void
slot_unlist(struct slot *s)
{
	TAILQ_REMOVE(&env.list[s->state], s, entry);
	env.n[s->state]--;
}

static void
slot_enter(struct slot *s, enum slot_state state)
{
	slot_unlist(s);
	slot_list(s, state);
}

/* It is gone at the udp process, and its flow knows. */
static void
slot_free(struct slot *s)
{
	if (s->ask != 0)
		backhaul_unask(env.service, s->ask);
	slot_unlist(s);
	LIST_REMOVE(s, bucket);
	budget_hold(&env.service->budget, -(int64_t)sizeof(*s));
	free(s);
}

static void
slot_end(struct slot *s, enum flow_reason why)
{
	flow_slot_end(s->number, why);
	slot_free(s);
}

/* It is gone in any case; its user, if there is one, gets another. */
static void
slot_lose(struct slot *s, int tell)
{
	struct flow	*f = s->flow;

	if (tell)
		slot_end(s, FLOW_GONE);
	else
		slot_free(s);
	if (f != NULL)
		flow_slot_lost(f);
}

/* ---- is it the client's? ---- */

/* Idle ones cost little, but a taken udp process may tell of any number. */
static int
slots_full(const struct service *svc)
{
	uint64_t	 n = 1;
	int		 i;

	for (i = 0; i < SLOT_STATES; i++)
		n += env.n[i];
	return (n * sizeof(struct slot) > svc->budget.max / 8 ||
	    budget_tight(&svc->budget));
}

static void
slots_opened(struct service *svc, uint32_t number, const struct addr *client)
{
	struct slot	*s;

	slots_begin(svc);
	if (!env.up || slots_full(svc) || slot_find(number) != NULL ||
	    (s = calloc(1, sizeof(*s))) == NULL) {
		svc->stats.slots_false++;
		flow_slot_end(number, FLOW_REFUSED);
		return;
	}
	s->number = number;
	s->client = *client;
	LIST_INSERT_HEAD(&env.buckets[number % BUCKETS], s, bucket);
	slot_list(s, SLOT_NEW);
	budget_hold(&svc->budget, sizeof(*s));
}

static void
slot_refuse(struct slot *s, const char *why)
{
	env.service->stats.slots_false++;
	if (lines_take(&env.falses, 1, LINES_US, worker_now()))
		log_info("a slot of %s is closed: %s", addr_print(&s->client),
		    why);
	slot_end(s, FLOW_REFUSED);
}

/* keys has answered. */
static void
slot_told(void *arg, uint64_t id)
{
	struct slot	*s = slot_find((uint32_t)(uintptr_t)arg);

	if (s == NULL || s->state != SLOT_ASKED)
		return;
	s->ask = 0;
	s->id = id;
	if (id == 0) {
		slot_refuse(s, "its first datagram is not the token");
		return;
	}
	slot_enter(s, SLOT_IDLE);
	s->kept = flow_slot_keep(s->number) == 0;
	s->ping_at = s->since + env.service->conf.opts.keepalive * 1000000ULL;
	env.service->stats.slots++;
	(void)demand_arrived(env.service);
	env.service->events->changed();
}

/* One that is used is for its one user alone, to his end. */
void
slot_review(void)
{
	const struct slot	*s;

	if (!env.ready)
		return;
	s = TAILQ_FIRST(&env.list[SLOT_IDLE]);
	while (s != NULL)
		if (token_review_id(env.service, s->id) == -1)
			s = TAILQ_FIRST(&env.list[SLOT_IDLE]);
		else
			s = TAILQ_NEXT(s, entry);
}

void
slot_token_gone(uint64_t id)
{
	struct slot	*s, *next;

	if (!env.ready)
		return;
	TAILQ_FOREACH_SAFE(s, &env.list[SLOT_IDLE], entry, next)
		if (s->id == id)
			slot_refuse(s, "its token is one no more");
}

static void
slot_judge(struct slot *s, const uint8_t *p, size_t len)
{
	if (len == 0 || len > TOKEN_MAX) {
		slot_refuse(s, "its first datagram is not the token");
		return;
	}
	slot_enter(s, SLOT_ASKED);
	s->ask = backhaul_ask_token(env.service, p, len, slot_told,
	    (void *)(uintptr_t)s->number);
	if (s->ask == 0)
		slot_refuse(s, "keys cannot be asked");
}

/* Before it has a user the client says nothing but the token. */
static void
slots_data(struct service *svc, uint32_t number, const uint8_t *p, size_t len)
{
	struct slot	*s = slot_find(number);

	(void)svc;
	if (s == NULL)
		return;
	if (s->state == SLOT_NEW)
		slot_judge(s, p, len);
	else if (s->state == SLOT_USED) {
		s->heard = worker_now();
		s->answered = 1;
		flow_from_slot(s->flow, p, len);
	}
}

static void
slots_gone(struct service *svc, uint32_t number)
{
	struct slot	*s = slot_find(number);

	(void)svc;
	if (s != NULL)
		slot_lose(s, 0);
}

static void
slots_drop(int tell)
{
	struct slot	*s;
	int		 i;

	for (i = 0; env.ready && i < SLOT_STATES; i++)
		while ((s = TAILQ_FIRST(&env.list[i])) != NULL)
			slot_lose(s, tell);
}

static void
slots_lost(struct service *svc)
{
	(void)svc;
	slots_drop(0);
}

void
slot_control(struct service *svc, int up)
{
	slots_begin(svc);
	env.up = up;
	if (!up)
		slots_drop(1);
}

uint32_t
slot_idle(void)
{
	return (env.n[SLOT_IDLE]);
}

/* ---- users ---- */

/* 0: the target was named; -1: it cannot be now. */
static int
slot_name(const struct slot *s, const struct flow *f)
{
	uint8_t		 buf[FRAMES_DATAGRAM_MAX];
	const char	*target = data_target(env.service, &f->other,
	    KIND_UDP);
	size_t		 len = frames_put_datagram(buf, sizeof(buf), target);

	if (len == 0) {
		if (lines_take(&env.names, 1, LINES_US, worker_now()))
			log_warnx("flow of %s: its target has more than %d "
			    "octets: the client would cut it",
			    addr_print(&f->user), FRAMES_DATAGRAM_MAX);
		return (-1);
	}
	return (flow_slot_put(s->number, buf, len));
}

/* The last that came: who translates its address knows it best. */
static int
slots_take(struct service *svc, struct flow *f)
{
	struct slot	*s;

	slots_begin(svc);
	s = TAILQ_LAST(&env.list[SLOT_IDLE], slot_list);
	if (s == NULL || slot_name(s, f) == -1)
		return (-1);
	slot_enter(s, SLOT_USED);
	s->flow = f;
	s->sent = s->heard = s->since;
	f->slots++;
	demand_used(svc);
	flow_carry(f, &slot_flow, s);
	return (0);
}

/* Would the client take, and answer, nothing by it any more? */
static int
slot_stale(const struct slot *s, const struct flow *f, uint64_t now)
{
	uint64_t	 patience = PEER_IDLE_US;

	if (!s->answered && f->slots < 3)
		patience = UNANSWERED_US << (f->slots - 1);
	return (now - s->heard >= patience || now - s->sent >= PEER_IDLE_US);
}

/* With none in its place it may as well be tried. */
static int
slot_send(struct flow *f, const uint8_t *p, size_t len)
{
	struct slot	*s = f->slot_arg;
	uint64_t	 now = worker_now();

	if (env.n[SLOT_IDLE] > 0 && slot_stale(s, f, now)) {
		env.service->stats.slots_silent++;
		slot_lose(s, 1);
		return (-1);
	}
	s->sent = now;
	if (flow_slot_put(s->number, p, len) == -1)
		env.service->stats.flows_pair_full++;
	return (0);
}

/* What was put leaves at the end of the turn. */
static void
slot_flush(struct flow *f)
{
	(void)f;
}

static void
slot_left(struct flow *f)
{
	slot_end(f->slot_arg, FLOW_GONE);
}

/* ---- time ---- */

static void
slot_ping(struct slot *s, uint64_t now)
{
	static const uint8_t	 ping = SIGNAL_PING;

	if (!s->kept)
		s->kept = flow_slot_keep(s->number) == 0;
	if (now < s->ping_at || flow_slot_put(s->number, &ping, 1) == -1)
		return;
	s->ping_at = now + env.service->conf.opts.keepalive * 1000000ULL;
}

static void
slots_tick(struct service *svc, uint64_t now)
{
	struct slot	*s;
	int		 i;

	slots_begin(svc);
	for (i = SLOT_NEW; i <= SLOT_ASKED; i++)
		while ((s = TAILQ_FIRST(&env.list[i])) != NULL &&
		    now - s->since >= JUDGE_US)
			slot_refuse(s, i == SLOT_NEW ? "it says nothing" :
			    "keys does not answer");
	TAILQ_FOREACH(s, &env.list[SLOT_IDLE], entry)
		slot_ping(s, now);
}

const struct dialect_slots	 slot_ops = {
	.opened = slots_opened,
	.data = slots_data,
	.gone = slots_gone,
	.lost = slots_lost,
	.take = slots_take,
	.tick = slots_tick
};
