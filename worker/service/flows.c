/* SPDX-License-Identifier: ISC */

/*
 * See flows.h.  The udp process chooses the numbers of flows, and may be taken
 * by a user: so what it says about one that is not there is ignored, and it
 * cannot say more than that a user is there, or gone.  Slots of peers, which
 * have numbers too, are the dialect's.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/budget.h"
#include "worker/net/flowpair.h"
#include "worker/relay/assoc.h"
#include "worker/relay/flow.h"
#include "worker/tunnel/tunnel.h"
#include "fan.h"
#include "flows.h"
#include "limits.h"
#include "user.h"

#define BUCKETS		4096
#define REFUSED_LOG_US	(10 * 1000000ULL)
/* Words that udp may be behind with; more, and it is not sound. */
#define LATE_MAX	65536

struct late {			/* what udp has to be told yet */
	STAILQ_ENTRY(late)	 entry;
	uint32_t		 number;	/* of a flow that ends, or 0 */
	enum flow_reason	 why;
	struct flow_let		 let;
};

static LIST_HEAD(, flow)	 buckets[BUCKETS];
static TAILQ_HEAD(, flow)	 waiting = TAILQ_HEAD_INITIALIZER(waiting);
static STAILQ_HEAD(, late)	 late = STAILQ_HEAD_INITIALIZER(late);
static struct service		*svc;
static struct event		*readable, *writable, *flush;
static struct channel		*udp;
static struct flowpair		*pair;
static int			 has_room;
static uint32_t			 nwaiting, nlate;
static uint64_t			 refused_logged, refused_unsaid;
static int			 stopped;

static void	 flows_flush(evutil_socket_t, short, void *);
static void	 flows_lost(struct flow *);
static int	 flows_send(struct flow *, const uint8_t *, size_t);
static void	 flows_ended(struct flow *, enum flow_reason);
static int	 flows_put(uint32_t, const uint8_t *, size_t);
static int	 flows_keep(uint32_t);
static void	 flows_tell_end(uint32_t, enum flow_reason);
static void	 flows_let(const struct addr *, const struct addr *, int);

static const struct flow_events		 flow_events = {
	flows_lost,
	flows_send,
	flows_ended,
	flows_put,
	flows_keep,
	flows_tell_end
};

void
flows_init(struct service *service)
{
	svc = service;
	svc->lets = flows_let;
	flow_init(service, &flow_events);
	fans_init(service, &flow_events);
	if ((flush = event_new(svc->base, -1, 0, flows_flush, NULL)) == NULL)
		fatal("%s", __func__);
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
	const struct dialect_slots	*slots = svc->dialect->slots;
	struct tunnel			*t;

	if (slots != NULL && slots->take(svc, f) == 0)
		return (0);
	t = user_pick();
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
		if (refused_unsaid > 0)
			log_info("%llu more flows refused since",
			    (unsigned long long)refused_unsaid);
		log_warnx("flow of %s: refused: %s", addr_print(&f->user),
		    svc->nopen == 0 ? "there is no tunnel" :
		    "no session with room in time");
		refused_logged = now;
		refused_unsaid = 0;
	} else
		refused_unsaid++;
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
	fans_tick(now);
	if (svc->dialect->slots != NULL)
		svc->dialect->slots->tick(svc, now);
}

uint32_t
flows_waiting(void)
{
	return (nwaiting);
}

/* ---- the pair ---- */

static struct late *
late_new(void)
{
	struct late	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	STAILQ_INSERT_TAIL(&late, l, entry);
	nlate++;
	return (l);
}

static void
late_free(struct late *l)
{
	STAILQ_REMOVE_HEAD(&late, entry);
	nlate--;
	free(l);
}

/* All flows end: their numbers mean nothing to the next pair. */
static void
flows_unpair(void)
{
	struct flow	*f;
	struct late	*l;
	int		 i;

	for (i = 0; i < BUCKETS; i++)
		while ((f = LIST_FIRST(&buckets[i])) != NULL)
			flow_user_gone(f);
	fans_lost();
	if (svc->dialect->slots != NULL)
		svc->dialect->slots->lost(svc);
	while ((l = STAILQ_FIRST(&late)) != NULL)
		late_free(l);
	if (readable != NULL)
		event_free(readable);
	if (writable != NULL)
		event_free(writable);
	readable = writable = NULL;
	flowpair_free(pair);
	pair = NULL;
}

static void
flows_broken(const char *why)
{
	log_warnx("udp: %s", why);
	flows_unpair();
}

/* No sound udp process does that: its channel goes, too. */
static void
flows_accuse(const char *why)
{
	flows_unpair();
	if (udp != NULL)
		worker_complain(udp, why);
}

/* Those for which the pair had no room. */
static void
flows_tell_late(void)
{
	struct late	*l;

	while ((l = STAILQ_FIRST(&late)) != NULL && (l->number != 0 ?
	    flowpair_end(pair, l->number, l->why) :
	    flowpair_let(pair, &l->let)) == 0)
		late_free(l);
}

/* What this turn has gathered leaves. */
static void
flows_flush(evutil_socket_t fd, short what, void *arg)
{
	int	 done;

	(void)fd;
	(void)what;
	(void)arg;
	if (pair == NULL)
		return;
	if ((done = flowpair_flush(pair)) == 1 && !STAILQ_EMPTY(&late)) {
		flows_tell_late();
		done = flowpair_flush(pair);
	}
	if (done == -1)
		flows_broken("its pair has failed");
	else if (nlate > LATE_MAX)
		flows_accuse("it does not read that its flows have ended");
	else if (done == 0)
		(void)event_add(writable, NULL);
}

static void
flows_flush_soon(void)
{
	event_active(flush, EV_TIMEOUT, 0);
}

static void
flows_tell_end(uint32_t number, enum flow_reason why)
{
	struct late	*l;

	if (pair == NULL)
		return;
	flows_flush_soon();
	if (STAILQ_EMPTY(&late) && flowpair_end(pair, number, why) == 0)
		return;
	/* Without memory udp forgets it by its age. */
	if ((l = late_new()) == NULL)
		return;
	l->number = number;
	l->why = why;
}

/* It is on its way to udp before its user hears that he may send. */
static void
flows_let(const struct addr *user, const struct addr *local, int on)
{
	struct flow_let	 let;
	struct late	*l;

	if (pair == NULL)
		return;			/* the next one is told of all */
	memset(&let, 0, sizeof(let));
	let.user = *user;
	let.local = *local;
	let.on = on;
	flows_flush_soon();
	if (STAILQ_EMPTY(&late) && flowpair_let(pair, &let) == 0) {
		if (on)
			(void)flowpair_flush(pair);
		return;
	}
	/* Without memory udp asks whom it likes. */
	if ((l = late_new()) != NULL)
		l->let = let;
}

/* ---- what a flow tells ---- */

static void
flows_lost(struct flow *f)
{
	f->asked = worker_now();
	flows_wait(f);
	svc->events->changed();
}

static void
flows_ended(struct flow *f, enum flow_reason why)
{
	flows_unqueue(f);
	if (f->branch != NULL) {
		fan_ended(f, why);
		return;
	}
	LIST_REMOVE(f, bucket);
	if (!f->gone)
		flows_tell_end(f->number, why);
}

static int
flows_put(uint32_t number, const uint8_t *p, size_t len)
{
	if (pair == NULL || flowpair_data(pair, number, p, len) == -1)
		return (-1);
	flows_flush_soon();
	return (0);
}

static int
flows_send(struct flow *f, const uint8_t *p, size_t len)
{
	return (f->branch != NULL ? fan_send(f, p, len) :
	    flows_put(f->number, p, len));
}

static int
flows_keep(uint32_t number)
{
	if (pair == NULL || flowpair_keep(pair, number) == -1)
		return (-1);
	flows_flush_soon();
	return (0);
}

/* ---- what the udp process tells ---- */

/* A new one gets its stream, or waits for it. */
static void
flows_enter(struct flow *f)
{
	if (nwaiting > 0 || flows_serve(f) == -1)
		flows_wait(f);
	user_ask_more();
}

/* -1: it is refused. */
static int
flows_begin(uint32_t number, const struct flow_open *ends)
{
	struct flow	*f;

	if (stopped || !limits_network(&ends->user))
		return (-1);
	if (ends->asks != ASK_NONE)
		return (fan_begin(number, ends));
	if ((f = flow_new_user(number, ends, NULL)) == NULL)
		return (-1);
	LIST_INSERT_HEAD(&buckets[number % BUCKETS], f, bucket);
	flows_enter(f);
	return (0);
}

static void
flows_opened(uint32_t number, const struct flow_open *ends)
{
	struct flow	*f = flows_find(number);

	if (f != NULL)
		flow_user_gone(f);
	fan_gone(fan_find(number));
	if (flows_begin(number, ends) == -1)
		flows_tell_end(number, FLOW_REFUSED);
}

/* Of a user whose datagrams say where they go. */
static void
flows_fanned(struct fan *fan, const struct flow_frame *frame)
{
	struct flow	*f;
	size_t		 head;
	int		 fresh;

	if (frame->type != FLOW_DATA) {
		fan_gone(fan);
		return;
	}
	f = fan_flow(fan, frame->data, frame->len, &head, &fresh);
	if (f == NULL)
		return;
	flow_from_user(f, frame->data + head, frame->len - head);
	if (fresh)
		flows_enter(f);
}

/* A peer's slot, if the dialect has such. */
static void
flows_opened_slot(uint32_t number, const struct addr *peer)
{
	const struct dialect_slots	*slots = svc->dialect->slots;

	if (slots == NULL || stopped || !limits_tunnel(peer))
		flows_tell_end(number, FLOW_REFUSED);
	else
		slots->opened(svc, number, peer);
}

static void
flows_slot(const struct flow_frame *frame)
{
	const struct dialect_slots	*slots = svc->dialect->slots;

	if (slots == NULL)
		;
	else if (frame->type == FLOW_DATA)
		slots->data(svc, frame->flow, frame->data, frame->len);
	else
		slots->gone(svc, frame->flow);
}

static void
flows_frame(const struct flow_frame *frame)
{
	struct flow	*f;
	struct fan	*fan;

	if (frame->type == FLOW_OPEN && frame->open.tunnel)
		flows_opened_slot(frame->flow, &frame->open.user);
	else if (frame->type == FLOW_OPEN)
		flows_opened(frame->flow, &frame->open);
	else if ((fan = fan_find(frame->flow)) != NULL)
		flows_fanned(fan, frame);
	else if ((f = flows_find(frame->flow)) == NULL)
		flows_slot(frame);	/* or it ended here before */
	else if (frame->type == FLOW_DATA)
		flow_from_user(f, frame->data, frame->len);
	else
		flow_user_gone(f);
}

static void
flows_read(evutil_socket_t fd, short what, void *arg)
{
	struct flow_frame	 frame;
	const char		*why;
	int			 n;

	(void)fd;
	(void)what;
	(void)arg;
	if ((n = flowpair_fill(pair)) == -1)
		flows_broken("its pair has ended");
	if (n != 1)
		return;
	while ((n = flowpair_next(pair, &frame, &why)) == 1)
		flows_frame(&frame);
	if (n == -1)
		flows_accuse(why);
}

void
flows_pair(int fd)
{
	flows_unpair();
	if (stopped) {
		close(fd);
		return;
	}
	if ((pair = flowpair_new(fd, 0)) == NULL ||
	    (readable = event_new(svc->base, flowpair_fd(pair),
	    EV_READ | EV_PERSIST, flows_read, NULL)) == NULL ||
	    (writable = event_new(svc->base, flowpair_fd(pair), EV_WRITE,
	    flows_flush, NULL)) == NULL || event_add(readable, NULL) == -1) {
		flows_broken("no memory for its flows");
		return;
	}
	assoc_tell_all();
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
	stopped = 1;
	flows_room(0);
}
