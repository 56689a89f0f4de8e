/* SPDX-License-Identifier: ISC */

/*
 * See throttle.h.  A relay that may move nothing waits for its own bucket
 * first, and then stands in the line for the one that all share.  A timer gives
 * what has come to the front of that line, in small parts, so all take turns.
 * Without a limit a relay has no struct throttle and nothing here runs.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>

#include <stdlib.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/net/bucket.h"
#include "worker/net/lines.h"
#include "worker/tunnel/service.h"
#include "relay.h"
#include "throttle.h"

/* What may come at once, as a time at the full rate. */
#define DEPTH_US	(50 * 1000ULL)
/* A waiter is looked at again no sooner than after this. */
#define TICK_US		(5 * 1000ULL)
/* Of what all share, one relay gets no less than this in its turn. */
#define PART_MIN	2048U
/* Dropped datagrams are told once in this time. */
#define LINES_US	(10 * 1000000ULL)

enum wait {
	WAIT_NOT,
	WAIT_OWN,			/* for its own bucket */
	WAIT_LINE			/* for the shared one */
};

struct waiter {
	TAILQ_ENTRY(waiter)	 entry;		/* while it waits */
	struct relay		*relay;
	struct bucket		 own;
	uint32_t		 grant;	/* taken from the shared one for it */
	uint32_t		 cut;	/* less than it asked for; 0: all */
	enum wait		 wait;
};
TAILQ_HEAD(waiters, waiter);

struct throttle {
	struct waiter	 ways[THROTTLE_WAYS];
};

static struct service	*svc;
static void		(*go)(struct relay *, enum throttle_way);
static struct way {
	struct bucket	 all;		/* shared */
	struct waiters	 slow;		/* WAIT_OWN */
	struct waiters	 line;		/* WAIT_LINE */
	uint32_t	 nline;
	uint32_t	 own_rate;
}			 ways[THROTTLE_WAYS];
static struct event	*timer;
static int		 armed;
static uint64_t		 dropped;	/* datagrams */
static struct lines	 lines;		/* about them */

static void	 throttle_timer(evutil_socket_t, short, void *);

void
throttle_init(struct service *service,
    void (*callback)(struct relay *, enum throttle_way))
{
	struct way	*w;

	svc = service;
	go = callback;
	for (w = ways; w < ways + THROTTLE_WAYS; w++) {
		TAILQ_INIT(&w->slow);
		TAILQ_INIT(&w->line);
	}
	if ((timer = evtimer_new(svc->base, throttle_timer, NULL)) == NULL)
		fatal("%s", __func__);
}

/* ---- limits ---- */

/* This worker's part. */
static uint32_t
throttle_part(uint32_t rate)
{
	uint32_t	 workers = svc->conf.opts.prefork;

	if (workers < 2 || rate == 0)
		return (rate);
	return (rate / workers > 0 ? rate / workers : 1);
}

/* What is read here goes to the target where the users are, else from it. */
static void
way_limit(enum throttle_way way)
{
	const struct service_opts	*o = &svc->conf.opts;
	int				 in;

	in = (way == THROTTLE_READ) == (svc->opens != 0);
	bucket_limit(&ways[way].all, throttle_part(in ? o->rate_in :
	    o->rate_out), DEPTH_US, worker_now());
	ways[way].own_rate = in ? o->rate_in_user : o->rate_out_user;
}

static int
throttle_is_on(void)
{
	int	 i;

	for (i = 0; i < THROTTLE_WAYS; i++)
		if (ways[i].all.rate != 0 || ways[i].own_rate != 0)
			return (1);
	return (0);
}

int
throttle_begin(struct relay *r)
{
	struct throttle	*t = r->throttle;
	int		 i;

	if (t == NULL && !throttle_is_on())
		return (0);
	if (t == NULL && (t = calloc(1, sizeof(*t))) == NULL)
		return (-1);
	r->throttle = t;
	for (i = 0; i < THROTTLE_WAYS; i++) {
		t->ways[i].relay = r;
		t->ways[i].grant = 0;
		bucket_limit(&t->ways[i].own, ways[i].own_rate, DEPTH_US,
		    worker_now());
	}
	return (0);
}

void
throttle_changed(void)
{
	struct relay	*r, *next;
	int		 i;

	for (i = 0; i < THROTTLE_WAYS; i++)
		way_limit(i);
	TAILQ_FOREACH_SAFE(r, &svc->relays, entry, next)
		if (throttle_begin(r) == -1) {
			log_warn("relay: no memory to keep its rate");
			relay_abort(r, RESET_MEMORY);
		}
	/* who waits may not have to any more */
	throttle_timer(-1, 0, NULL);
}

/* ---- waiting ---- */

static void
waiter_remove(struct way *w, struct waiter *q)
{
	if (q->wait == WAIT_OWN)
		TAILQ_REMOVE(&w->slow, q, entry);
	else if (q->wait == WAIT_LINE) {
		TAILQ_REMOVE(&w->line, q, entry);
		w->nline--;
	}
	q->wait = WAIT_NOT;
}

static void
waiter_add(struct way *w, struct waiter *q, enum wait wait)
{
	q->wait = wait;
	if (wait == WAIT_OWN)
		TAILQ_INSERT_TAIL(&w->slow, q, entry);
	else {
		TAILQ_INSERT_TAIL(&w->line, q, entry);
		w->nline++;
	}
}

/* Soon: others may come who do not wait as long as the one that arms it. */
static void
throttle_arm(uint64_t us)
{
	struct timeval	 tv = { 0, DEPTH_US / 2 };

	if (armed)
		return;
	if (us < DEPTH_US / 2)
		tv.tv_usec = us > TICK_US ? us : TICK_US;
	if (evtimer_add(timer, &tv) == -1)
		log_warnx("rates: no timer");	/* throttle_tick has one */
	else
		armed = 1;
}

/* Until half of what a bucket holds is there: fewer and larger parts. */
static uint64_t
bucket_pause(struct bucket *b, uint64_t now)
{
	uint32_t	 half = (uint32_t)(b->rate * DEPTH_US / 2 / 1000000);

	return (bucket_wait(b, half > 0 ? half : 1, now));
}

void
throttle_end(struct relay *r)
{
	struct throttle	*t = r->throttle;
	int		 i;

	if (t == NULL)
		return;
	for (i = 0; i < THROTTLE_WAYS; i++) {
		waiter_remove(&ways[i], &t->ways[i]);
		bucket_give(&ways[i].all, t->ways[i].grant);
	}
	free(t);
	r->throttle = NULL;
}

/* ---- turns ---- */

/* Those whose own bucket has filled go on, or into the line. */
static void
way_slow(struct way *w, uint64_t now, uint64_t *next)
{
	struct waiter	*q, *after;
	uint64_t	 wait;

	TAILQ_FOREACH_SAFE(q, &w->slow, entry, after) {
		if ((wait = bucket_pause(&q->own, now)) > 0) {
			if (wait < *next)
				*next = wait;
			continue;
		}
		waiter_remove(w, q);
		waiter_add(w, q, WAIT_LINE);
	}
}

/*
 * The line gets what there is, each its part; once round at most.  A part is of
 * what is left for those who have not had one: whoever has moved stands in the
 * line again by then, and if he counted, the first would get most each time.
 */
static void
way_line(enum throttle_way way, uint64_t now)
{
	struct way	*w = &ways[way];
	struct waiter	*q;
	uint32_t	 left = w->nline, room, part;

	for (; left > 0 && (q = TAILQ_FIRST(&w->line)) != NULL; left--) {
		if ((room = bucket_room(&w->all, now)) == 0)
			break;
		if ((part = room / left) < PART_MIN)
			part = room < PART_MIN ? room : PART_MIN;
		waiter_remove(w, q);
		q->grant = part;
		bucket_take(&w->all, part);
		go(q->relay, way);
	}
}

/* When it has to be looked at again. */
static void
way_next(struct way *w, uint64_t now, uint64_t *next)
{
	uint64_t	 wait;

	if (!TAILQ_EMPTY(&w->line) &&
	    (wait = bucket_pause(&w->all, now)) < *next)
		*next = wait;
	/* some may have come while the line moved */
	if (!TAILQ_EMPTY(&w->slow) && *next > DEPTH_US / 2)
		*next = DEPTH_US / 2;
}

static void
throttle_timer(evutil_socket_t fd, short what, void *arg)
{
	uint64_t	 now = worker_now(), next = UINT64_MAX;
	int		 i;

	(void)fd;
	(void)what;
	(void)arg;
	armed = 1;		/* nobody arms it while we look */
	for (i = 0; i < THROTTLE_WAYS; i++) {
		way_slow(&ways[i], now, &next);
		way_line(i, now);
	}
	armed = 0;
	for (i = 0; i < THROTTLE_WAYS; i++)
		way_next(&ways[i], now, &next);
	if (next != UINT64_MAX)
		throttle_arm(next);
	else
		event_del(timer);
}

void
throttle_tick(void)
{
	int	 i;

	for (i = 0; i < THROTTLE_WAYS; i++)
		if (!TAILQ_EMPTY(&ways[i].slow) || !TAILQ_EMPTY(&ways[i].line))
			throttle_arm(0);
}

static void
throttle_wait(struct way *w, struct waiter *q, uint64_t now)
{
	int	 own = bucket_room(&q->own, now) == 0;

	waiter_add(w, q, own ? WAIT_OWN : WAIT_LINE);
	throttle_arm(bucket_pause(own ? &q->own : &w->all, now));
}

size_t
throttle_may(struct relay *r, enum throttle_way way, size_t max)
{
	struct way	*w = &ways[way];
	struct waiter	*q;
	uint64_t	 now;
	uint32_t	 own, may;

	if (r->throttle == NULL)
		return (max);
	q = &r->throttle->ways[way];
	if (q->wait != WAIT_NOT)
		return (0);
	now = worker_now();
	own = bucket_room(&q->own, now);
	if ((may = q->grant) == 0 && w->nline == 0)
		may = bucket_room(&w->all, now);
	if (may > own)
		may = own;
	q->cut = may < max ? may : 0;
	if (may == 0)
		throttle_wait(w, q, now);
	return (may < max ? may : max);
}

int
throttle_waits(const struct relay *r, enum throttle_way way)
{
	return (r->throttle != NULL &&
	    r->throttle->ways[way].wait != WAIT_NOT);
}

void
throttle_moved(struct relay *r, enum throttle_way way, size_t n)
{
	struct waiter	*q;
	uint32_t	 moved = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;

	if (r->throttle == NULL)
		return;
	q = &r->throttle->ways[way];
	bucket_take(&q->own, moved);
	/* a grant is for one time: what it leaves goes to others */
	if (q->grant >= moved)
		bucket_give(&ways[way].all, q->grant - moved);
	else
		bucket_take(&ways[way].all, moved - q->grant);
	q->grant = 0;
	/* all that it might, and there is more: it needs another turn */
	if (q->cut > 0 && moved >= q->cut)
		throttle_wait(&ways[way], q, worker_now());
	q->cut = 0;
}

/* ---- datagrams ---- */

static void
throttle_own(struct bucket *own, enum throttle_way way, uint64_t now)
{
	if (own->rate != ways[way].own_rate)
		bucket_limit(own, ways[way].own_rate, DEPTH_US, now);
}

void
throttle_flow_begin(struct bucket own[THROTTLE_WAYS])
{
	int	 i;

	for (i = 0; i < THROTTLE_WAYS; i++)
		throttle_own(&own[i], i, worker_now());
}

int
throttle_flow(struct bucket own[THROTTLE_WAYS], enum throttle_way way,
    size_t n)
{
	struct bucket	*all = &ways[way].all;
	uint64_t	 now;

	if (all->rate == 0 && ways[way].own_rate == 0)
		return (1);
	now = worker_now();
	throttle_own(&own[way], way, now);
	if (bucket_room(&own[way], now) == 0 || bucket_room(all, now) == 0) {
		dropped++;
		if (lines_take(&lines, 1, LINES_US, now))
			log_info("rates: datagrams are dropped, which are more "
			    "than they allow");
		return (0);
	}
	bucket_take(&own[way], n);
	bucket_take(all, n);
	return (1);
}

uint64_t
throttle_dropped(void)
{
	return (dropped);
}
