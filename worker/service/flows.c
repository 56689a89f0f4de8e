/* SPDX-License-Identifier: ISC */

/*
 * See flows.h.  The udp process chooses the numbers of flows, and may be taken
 * by a user: so what it says about one that is not there is ignored, and it
 * cannot say more than that a user is there, or gone.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>
#include <unistd.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/net/budget.h"
#include "worker/net/flowpair.h"
#include "worker/relay/flow.h"
#include "worker/tunnel/tunnel.h"
#include "flows.h"
#include "limits.h"
#include "user.h"

#define BUCKETS		4096
#define REFUSED_LOG_US	(10 * 1000000ULL)

static LIST_HEAD(, flow)	 buckets[BUCKETS];
static TAILQ_HEAD(, flow)	 waiting = TAILQ_HEAD_INITIALIZER(waiting);
static struct service		*svc;
static struct channel		*udp;
static struct flowpair		*pair;
static int			 has_room;
static uint32_t			 nwaiting;
static uint64_t			 refused_logged;
static int			 stopped;

static void	 flows_open(void *, uint32_t, const struct flow_ends *);
static void	 flows_data(void *, uint32_t, const uint8_t *, size_t);
static void	 flows_end(void *, uint32_t, enum flow_reason);
static void	 flows_broken(void *, const char *);
static void	 flows_lost(struct flow *);
static void	 flows_ended(struct flow *, enum flow_reason);

static const struct flowpair_events	 pair_events = {
	flows_open,
	flows_data,
	flows_end,
	flows_broken
};

static const struct flow_events		 flow_events = {
	flows_lost,
	flows_ended
};

void
flows_init(struct service *service)
{
	svc = service;
	flow_init(service, &flow_events);
}

static struct flow *
flows_find(uint32_t number)
{
	struct flow	*f;

	LIST_FOREACH(f, &buckets[number % BUCKETS], bucket)
		if (f->number == number)
			return (f);
	return (NULL);
}

/* ---- waiting for a session ---- */

static void
flows_unqueue(struct flow *f)
{
	if (!f->waits)
		return;
	f->waits = 0;
	TAILQ_REMOVE(&waiting, f, queue);
	nwaiting--;
}

static void
flows_wait(struct flow *f)
{
	f->waits = 1;
	TAILQ_INSERT_TAIL(&waiting, f, queue);
	nwaiting++;
}

/* 0: it has a stream; -1: no room now. */
static int
flows_serve(struct flow *f)
{
	struct tunnel	*t = user_pick();

	return (t == NULL ? -1 : flow_open(f, t));
}

void
flows_changed(void)
{
	struct flow	*f;

	while ((f = TAILQ_FIRST(&waiting)) != NULL && flows_serve(f) == 0)
		flows_unqueue(f);
}

static void
flows_refuse(struct flow *f, uint64_t now)
{
	svc->stats.refused++;
	if (refused_logged == 0 || now - refused_logged >= REFUSED_LOG_US) {
		log_warnx("flow of %s: refused: no session with room in time",
		    addr_print(&f->user));
		refused_logged = now;
	}
	flow_abort(f, RESET_NONE);
}

void
flows_tick(uint64_t now)
{
	struct flow	*f;
	uint64_t	 patience = svc->conf.opts.user_timeout * 1000ULL;

	while ((f = TAILQ_FIRST(&waiting)) != NULL &&
	    now - f->asked >= patience)
		flows_refuse(f, now);
	flow_tick(now);
}

uint32_t
flows_waiting(void)
{
	return (nwaiting);
}

/* ---- what a flow tells ---- */

static void
flows_lost(struct flow *f)
{
	f->asked = worker_now();
	flows_wait(f);
}

static void
flows_ended(struct flow *f, enum flow_reason why)
{
	flows_unqueue(f);
	LIST_REMOVE(f, bucket);
	if (f->pair != NULL)
		(void)flowpair_end(f->pair, f->number, why);
}

/* ---- what the udp process tells ---- */

static void
flows_open(void *arg, uint32_t number, const struct flow_ends *ends)
{
	struct flow	*f = flows_find(number);

	(void)arg;
	if (f != NULL)
		flow_user_gone(f);
	if (stopped || !limits_user(&ends->user) ||
	    (f = flow_new_user(pair, number, ends)) == NULL) {
		(void)flowpair_end(pair, number, FLOW_REFUSED);
		return;
	}
	LIST_INSERT_HEAD(&buckets[number % BUCKETS], f, bucket);
	if (nwaiting > 0 || flows_serve(f) == -1)
		flows_wait(f);
	user_ask_more();
}

static void
flows_data(void *arg, uint32_t number, const uint8_t *p, size_t len)
{
	struct flow	*f = flows_find(number);

	(void)arg;
	if (f != NULL)
		flow_from_user(f, p, len);
}

static void
flows_end(void *arg, uint32_t number, enum flow_reason why)
{
	struct flow	*f = flows_find(number);

	(void)arg;
	(void)why;
	if (f != NULL)
		flow_user_gone(f);
}

/* All flows end: their numbers mean nothing to the next pair. */
static void
flows_unpair(void)
{
	struct flow	*f;
	int		 i;

	for (i = 0; i < BUCKETS; i++)
		while ((f = LIST_FIRST(&buckets[i])) != NULL)
			flow_user_gone(f);
	flowpair_free(pair);
	pair = NULL;
}

static void
flows_broken(void *arg, const char *why)
{
	(void)arg;
	log_warnx("udp: %s", why);
	flows_unpair();
}

void
flows_pair(int fd)
{
	flows_unpair();
	if (stopped) {
		close(fd);
		return;
	}
	if ((pair = flowpair_new(svc->base, fd, &pair_events, NULL)) == NULL)
		log_warn("udp: no memory for flows");
}

void
flows_room(int room)
{
	struct msg_count	 msg;

	has_room = room;
	if (udp == NULL)
		return;
	memset(&msg, 0, sizeof(msg));
	msg.count = room;
	(void)channel_send(udp, IMSG_ROOM, -1, &msg, sizeof(msg));
}

void
flows_joined(struct channel *ch)
{
	udp = ch;
	flows_room(has_room);
}

void
flows_left(void)
{
	udp = NULL;
	flows_unpair();
}

void
flows_stop(void)
{
	struct flow	*f;

	stopped = 1;
	flows_unpair();
	while ((f = TAILQ_FIRST(&svc->flows)) != NULL)
		flow_abort(f, RESET_NONE);
}
