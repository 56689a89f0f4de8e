/* SPDX-License-Identifier: ISC */

/* See carrier.h. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "carrier.h"

/* Frames of one worker in a turn; others need theirs. */
#define FRAMES_TURN	2048
/* A worker that closed its pair gets another one after so long. */
#define PAIR_S		1
/*
 * While this much waits for each worker of a service, no more is taken for
 * them, but only for so long after one last took something: then the oldest
 * datagrams would be too old.
 */
#define BEHIND		(64 * 1024)
#define BEHIND_US	(100 * 1000)
/* With this much it is pressed: more than one batch of small datagrams. */
#define PRESSED		(16 * 1024)

static TAILQ_HEAD(, carrier)	 carriers = TAILQ_HEAD_INITIALIZER(carriers);
static const struct carrier_ops	*ops;
static struct event		*turn;		/* writes what there is */
static struct event		*behind;	/* pending: somebody waits */
static uint32_t			 last_id;
static int			 stopped;

static void	 carrier_lost(struct carrier *);

/* ---- what is written ---- */

/* What was put leaves at the end of this turn. */
static void
carrier_dirty(void)
{
	event_active(turn, EV_TIMEOUT, 0);
}

void
carrier_break(struct carrier *c)
{
	c->broken = 1;
	carrier_dirty();
}

static void
carrier_flush(struct carrier *c)
{
	size_t	 before = flowpair_waiting(c->pair);
	int	 r = flowpair_flush(c->pair);

	if (r == -1) {
		carrier_break(c);
		return;
	}
	if (r == 1 || flowpair_waiting(c->pair) < before)
		c->took = worker_now();
	if (r == 0 && event_add(&c->writable, NULL) == -1)
		carrier_break(c);
}

/* Can more be written now, for all we know? */
static int
carrier_may_flush(struct carrier *c)
{
	return (c->pair != NULL && !c->broken &&
	    flowpair_waiting(c->pair) > 0 &&
	    !event_pending(&c->writable, EV_WRITE, NULL));
}

/* The end of a turn: one write for each worker. */
static void
carriers_turn(evutil_socket_t fd, short what, void *arg)
{
	struct carrier	*c, *next;

	(void)fd;
	(void)what;
	(void)arg;
	TAILQ_FOREACH_SAFE(c, &carriers, entry, next) {
		if (carrier_may_flush(c))
			carrier_flush(c);
		if (c->broken)
			carrier_lost(c);
	}
}

int
carrier_serves(const struct carrier *c, const struct udpservice *service)
{
	return (c->service == service && c->pair != NULL && !c->broken);
}

static int
carrier_behind(const struct carrier *c)
{
	return (flowpair_waiting(c->pair) > BEHIND &&
	    worker_now() - c->took < BEHIND_US);
}

int
carrier_pressed(const struct carrier *c)
{
	return (flowpair_waiting(c->pair) > PRESSED &&
	    event_pending(&c->writable, EV_WRITE, NULL));
}

/* One that is does not slow the others down. */
int
carriers_behind(const struct udpservice *service)
{
	static const struct timeval	 tv = { 0, BEHIND_US };
	struct carrier			*c;
	int				 is = 0;

	TAILQ_FOREACH(c, &carriers, entry) {
		if (!carrier_serves(c, service))
			continue;
		if (!carrier_behind(c))
			return (0);
		is = 1;
	}
	return (is && evtimer_add(behind, &tv) == 0);
}

static void
carriers_eased(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	ops->eased();
}

static void
carrier_writable(evutil_socket_t fd, short what, void *arg)
{
	struct carrier	*c = arg;

	(void)fd;
	(void)what;
	carrier_flush(c);
	if (!carrier_behind(c) && evtimer_pending(behind, NULL)) {
		(void)event_del(behind);
		ops->eased();
	}
}

/* Once more when it is full: this turn may have brought a lot. */
int
carrier_fits(struct carrier *c, size_t len)
{
	if (flowpair_fits(c->pair, len))
		return (1);
	if (carrier_may_flush(c))
		carrier_flush(c);
	return (flowpair_fits(c->pair, len));
}

int
carrier_open(struct carrier *c, uint32_t flow, const struct flow_open *o)
{
	carrier_dirty();
	return (flowpair_open(c->pair, flow, o));
}

int
carrier_data(struct carrier *c, uint32_t flow, const void *octets, size_t len)
{
	carrier_dirty();
	if (flowpair_data(c->pair, flow, octets, len) == 0)
		return (0);
	if (carrier_may_flush(c))
		carrier_flush(c);
	return (flowpair_data(c->pair, flow, octets, len));
}

int
carrier_end(struct carrier *c, uint32_t flow, enum flow_reason reason)
{
	carrier_dirty();
	return (c->broken ? 0 : flowpair_end(c->pair, flow, reason));
}

/* ---- what is read ---- */

static void
carrier_readable(evutil_socket_t fd, short what, void *arg)
{
	struct carrier		*c = arg;
	struct flow_frame	 frame;
	const char		*why;
	int			 i, r = 0;

	(void)fd;
	if (what & EV_READ && flowpair_fill(c->pair) == -1) {
		carrier_lost(c);
		return;
	}
	for (i = 0; i < FRAMES_TURN; i++) {
		if ((r = flowpair_next(c->pair, &frame, &why)) != 1)
			break;
		ops->frame(c, &frame);
	}
	ops->done();
	if (i == FRAMES_TURN)
		event_active(&c->readable, EV_TIMEOUT, 0);
	else if (r == -1)
		worker_complain(c->channel, why);
}

/* ---- pairs ---- */

static void
carrier_unpair(struct carrier *c)
{
	if (c->pair == NULL)
		return;
	(void)event_del(&c->readable);
	(void)event_del(&c->writable);
	ops->lost(c);
	flowpair_free(c->pair);
	c->pair = NULL;
	c->broken = 0;
}

static void
carrier_pair_later(struct carrier *c)
{
	static const struct timeval	 tv = { PAIR_S, 0 };

	if (!stopped && evtimer_add(&c->again, &tv) == -1)
		log_warn("a pair with worker %s",
		    channel_peer(c->channel)->name);
}

/* It is closed there, or broken. */
static void
carrier_lost(struct carrier *c)
{
	carrier_unpair(c);
	carrier_pair_later(c);
}

/* Takes fd. */
static int
carrier_watch(struct carrier *c, int fd)
{
	if ((c->pair = flowpair_new(fd, 1)) == NULL)
		return (-1);
	if (event_assign(&c->readable, worker_base(), fd, EV_READ |
	    EV_PERSIST, carrier_readable, c) == 0 &&
	    event_assign(&c->writable, worker_base(), fd, EV_WRITE,
	    carrier_writable, c) == 0 && event_add(&c->readable, NULL) == 0)
		return (0);
	flowpair_free(c->pair);
	c->pair = NULL;
	return (-1);
}

static int
carrier_pair(struct carrier *c)
{
	struct msg_flows	 msg;
	int			 fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    fds) == -1)
		return (-1);
	if (carrier_watch(c, fds[0]) == -1) {
		close(fds[1]);
		return (-1);
	}
	c->took = worker_now();
	memset(&msg, 0, sizeof(msg));
	(void)channel_send(c->channel, IMSG_FLOWS, fds[1], &msg, sizeof(msg));
	return (0);
}

static void
carrier_pair_now(evutil_socket_t fd, short what, void *arg)
{
	struct carrier	*c = arg;

	(void)fd;
	(void)what;
	if (carrier_pair(c) == 0)
		return;
	log_warn("a pair with worker %s", channel_peer(c->channel)->name);
	carrier_pair_later(c);
}

/* ---- those there are ---- */

void
carriers_init(const struct carrier_ops *o)
{
	ops = o;
	turn = evtimer_new(worker_base(), carriers_turn, NULL);
	behind = evtimer_new(worker_base(), carriers_eased, NULL);
	if (turn == NULL || behind == NULL)
		fatal("udp: event");
}

void
carriers_stop(void)
{
	struct carrier	*c;

	stopped = 1;
	TAILQ_FOREACH(c, &carriers, entry)
		(void)event_del(&c->again);
}

struct carrier *
carrier_find(const struct channel *ch)
{
	struct carrier	*c;

	TAILQ_FOREACH(c, &carriers, entry)
		if (c->channel == ch)
			break;
	return (c);
}

struct carrier *
carrier_next(struct carrier *c)
{
	return (c == NULL ? TAILQ_FIRST(&carriers) : TAILQ_NEXT(c, entry));
}

struct carrier *
carrier_join(struct channel *ch)
{
	struct carrier	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    evtimer_assign(&c->again, worker_base(), carrier_pair_now, c) ==
	    -1) {
		log_warn("a pair with worker %s", channel_peer(ch)->name);
		free(c);
		return (NULL);
	}
	c->channel = ch;
	flowtab_owner(&c->flows, ++last_id);
	TAILQ_INSERT_TAIL(&carriers, c, entry);
	carrier_pair_now(-1, 0, c);
	return (c);
}

void
carrier_leave(struct carrier *c)
{
	carrier_unpair(c);
	(void)event_del(&c->again);
	TAILQ_REMOVE(&carriers, c, entry);
	free(c);
}

struct carrier *
carrier_pick(const struct udpservice *service)
{
	struct carrier	*c, *best = NULL;

	TAILQ_FOREACH(c, &carriers, entry) {
		if (!carrier_serves(c, service))
			continue;
		if (best == NULL || c->room > best->room ||
		    (c->room == best->room && c->flows.n < best->flows.n))
			best = c;
	}
	return (best);
}
