/* SPDX-License-Identifier: ISC */

/*
 * See user.h.  The parent lends a listener to all workers of the service.  A
 * worker accepts from it only while it can serve or hold a user, so the kernel
 * gives the connection to one that can.  Short of memory or descriptors it does
 * not accept: users wait in the backlog.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/event.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/relay/proxy.h"
#include "worker/relay/relay.h"
#include "worker/relay/reset.h"
#include "worker/tunnel/tunnel.h"
#include "worker/frame/worker.h"
#include "worker/net/ledger.h"
#include "flows.h"
#include "limits.h"
#include "user.h"

/*
 * So many users in a turn of a listener.  If several workers share it, one that
 * is awake would otherwise take all who come at once.
 */
#define ACCEPT_BATCH	64
#define ACCEPT_SHARED	1
#define PAUSE_SECONDS	1	/* without descriptors or memory */
/* How often the client is asked to grow its pool, microseconds. */
#define MORE_INTERVAL	(500 * 1000ULL)
#define REFUSED_LOG_US	(10 * 1000000ULL)

struct lent {				/* a listener */
	TAILQ_ENTRY(lent)	 entry;
	struct event		*ev;
	struct addr		 addr;
	uint32_t		 number;
	int			 fd;
	int			 any; /* ask connections for addr */
	enum ask_kind		 asks;
	uint32_t		 kinds;		/* KIND_ mask */
	int			 fresh;	/* named in the new set */
	int			 listening;	/* ev is added */
};

static TAILQ_HEAD(, lent)	 listeners = TAILQ_HEAD_INITIALIZER(listeners);
static struct relays		 waiting = TAILQ_HEAD_INITIALIZER(waiting);
static struct service		*svc;
static struct ledger		*waiters;	/* of those in waiting */
static struct event		*wait_timer, *pause_timer;
static uint32_t			 nwaiting;
static uint64_t			 more_asked, refused_logged, refused_unsaid;
static int			 holding, paused, stopped, told_room = -1;
static int			 full;	/* logged that we are */

static void	 user_accept(evutil_socket_t, short, void *);
static void	 user_wait_over(evutil_socket_t, short, void *);
static void	 user_resume(evutil_socket_t, short, void *);
static void	 user_shed(struct charge *, const char *);
static void	 user_shed_waiter(struct charge *, const char *);
static void	 user_wait(struct relay *);
static void	 user_enter(struct relay *);

void
user_init(struct service *service)
{
	svc = service;
	svc->shed = user_shed;
	svc->again = user_wait;
	svc->enter = user_enter;
	if ((waiters = ledger_new("waiting user")) == NULL)
		fatal("%s", __func__);
	if ((wait_timer = evtimer_new(svc->base, user_wait_over, NULL)) ==
	    NULL || (pause_timer = evtimer_new(svc->base, user_resume,
	    NULL)) == NULL)
		fatal("%s", __func__);
}

/* ---- listeners ---- */

static void
lent_free(struct lent *l)
{
	TAILQ_REMOVE(&listeners, l, entry);
	event_free(l->ev);
	close(l->fd);
	free(l);
}

void
user_listen_begin(void)
{
	struct lent	*l;

	TAILQ_FOREACH(l, &listeners, entry)
		l->fresh = 0;
}

int
user_listen_add(int fd, uint32_t number, enum ask_kind asks, uint32_t kinds)
{
	static const uint8_t	 none[sizeof(((struct addr *)0)->octets)];
	struct lent		*l;

	if ((l = calloc(1, sizeof(*l))) == NULL ||
	    (l->ev = event_new(svc->base, fd, EV_READ | EV_PERSIST,
	    user_accept, l)) == NULL) {
		free(l);
		close(fd);
		return (-1);
	}
	l->fd = fd;
	l->number = number;
	l->asks = asks;
	l->kinds = kinds;
	l->fresh = 1;
	addr_of_self(&l->addr, fd);
	l->any = l->addr.family != ADDR_UNIX &&
	    memcmp(l->addr.octets, none, sizeof(none)) == 0;
	TAILQ_INSERT_TAIL(&listeners, l, entry);
	return (0);
}

void
user_listen_end(void)
{
	struct lent	*l, *next;

	TAILQ_FOREACH_SAFE(l, &listeners, entry, next)
		if (!l->fresh)
			lent_free(l);
}

/* ---- which tunnel ---- */

/*
 * The least loaded tunnel with room, and the oldest of these.  One that is to
 * be replaced, or has yet to show that it lives, is taken only if there is no
 * other.
 */
struct tunnel *
user_pick(void)
{
	struct tunnel	*t, *best = NULL;
	int		 old, best_old = 0;

	TAILQ_FOREACH(t, &svc->tunnels, entry) {
		if (!tunnel_has_room(t))
			continue;
		old = (t->flags & TUNNEL_F_OLD) || t->probe_until != 0;
		if (best == NULL || old < best_old ||
		    (old == best_old && t->relays < best->relays)) {
			best = t;
			best_old = old;
		}
		if (!best_old && best->relays == 0)
			break;
	}
	return (best);
}

/*
 * When every session has `mux concurrency' streams, or as many as it takes, the
 * pool has to grow to what all users would fill, those who wait included.
 * Without a mux the side that dials sees for itself that a tunnel was taken.
 */
void
user_ask_more(void)
{
	struct tunnel	*t, *least = NULL;
	uint64_t	 now = worker_now(), total = nwaiting + flows_waiting();
	uint32_t	 each = svc->conf.opts.mux_concurrency, n = 0;

	if (svc->dialect->starved != NULL)
		svc->dialect->starved(svc, (uint32_t)total);
	if (now - more_asked < MORE_INTERVAL)
		return;
	TAILQ_FOREACH(t, &svc->tunnels, entry) {
		if (t->state != TUNNEL_OPEN || !tunnel_muxed(t) ||
		    (t->flags & (TUNNEL_F_OLD | TUNNEL_F_DYING)))
			continue;
		if (least == NULL || t->relays < least->relays)
			least = t;
		total += t->relays;
		n++;
	}
	if (least == NULL || (least->relays < each && tunnel_has_room(least)))
		return;
	more_asked = now;
	total = total / each + 1;
	tunnel_ask_more(least, total > n ? total - n : 1);
}

/* 0: it has a stream (or was reset, and is gone); -1: no room now. */
static int
user_serve(struct relay *r)
{
	struct tunnel	*t;

	if ((t = user_pick()) == NULL)
		return (-1);
	return (relay_open(r, t));
}

/* ---- waiting ---- */

static void
user_refuse(struct relay *r, const char *why)
{
	uint64_t	 now = worker_now();

	svc->stats.refused++;
	if (refused_logged == 0 || now - refused_logged >= REFUSED_LOG_US) {
		if (refused_unsaid > 0)
			log_info("%llu more users refused since",
			    (unsigned long long)refused_unsaid);
		log_warnx("user %s: refused: %s", addr_print(&r->user), why);
		refused_logged = now;
		refused_unsaid = 0;
	} else
		refused_unsaid++;
	relay_refuse(r, RESET_ABORT);
}

static void
user_unqueue(struct relay *r)
{
	TAILQ_REMOVE(&waiting, r, queue);
	ledger_leave(&r->waits);
	nwaiting--;
}

/* In the order in which they came, but for one that could not be served. */
static int
user_queue(struct relay *r, int first)
{
	struct ledger_limits	 l = { .total = svc->conf.opts.user_queue };

	ledger_limits(waiters, &l);
	r->waits.shed = user_shed_waiter;
	if (ledger_enter(waiters, &r->waits, &r->user, 0) == -1)
		return (-1);
	if (first)
		TAILQ_INSERT_HEAD(&waiting, r, queue);
	else
		TAILQ_INSERT_TAIL(&waiting, r, queue);
	nwaiting++;
	return (0);
}

static struct relay *
charge_relay(struct charge *c, size_t offset)
{
	return ((void *)((char *)c - offset));
}

/* Too many wait; it has waited longest of the source with most of them. */
static void
user_shed_waiter(struct charge *c, const char *why)
{
	struct relay	*r = charge_relay(c, offsetof(struct relay, waits));

	(void)why;
	user_unqueue(r);
	svc->stats.refused++;
	relay_abort(r, RESET_NONE);
}

/* A limit, or a lack of descriptors, and it is its turn to go. */
static void
user_shed(struct charge *c, const char *why)
{
	struct relay	*r = charge_relay(c, offsetof(struct relay, charge));

	(void)why;
	if (r->waits.source != NULL)
		user_unqueue(r);
	relay_abort(r, RESET_POLICY);
}

static void
user_arm(void)
{
	struct timeval	 tv;
	struct relay	*r;
	uint64_t	 now = worker_now(), at;

	if ((r = TAILQ_FIRST(&waiting)) == NULL) {
		event_del(wait_timer);
		return;
	}
	at = r->since + svc->conf.opts.user_timeout * 1000ULL;
	at = at > now ? at - now : 0;
	tv.tv_sec = at / 1000000;
	tv.tv_usec = at % 1000000;
	event_add(wait_timer, &tv);
}

static void
user_wait_over(evutil_socket_t fd, short what, void *arg)
{
	struct relay	*r;
	uint64_t	 now = worker_now();

	(void)fd;
	(void)what;
	(void)arg;
	while ((r = TAILQ_FIRST(&waiting)) != NULL && now >= r->since +
	    svc->conf.opts.user_timeout * 1000ULL) {
		user_unqueue(r);
		user_refuse(r, "no session with room in time");
	}
	user_arm();
}

static void
user_wait(struct relay *r)
{
	if (user_queue(r, 0) == -1) {
		user_refuse(r, "it cannot wait: no memory");
		return;
	}
	if (TAILQ_FIRST(&waiting) == r)
		user_arm();
}

/* ---- accepting ---- */

static int
user_may_accept(void)
{
	if (stopped || paused || budget_tight(&svc->budget) ||
	    (budget_full(&svc->budget) && !hold_can_shed()))
		return (0);
	return (holding || user_pick() != NULL);
}

static void
user_listen(void)
{
	struct lent	*l;
	int		 on = user_may_accept();

	if (budget_full(&svc->budget) && !full && !stopped)
		budget_was_full(&svc->budget, worker_now(), on ?
		    "the source with most users loses some" :
		    "users wait in the backlog");
	full = budget_full(&svc->budget);
	TAILQ_FOREACH(l, &listeners, entry) {
		if (l->listening == on)
			continue;
		if (on ? event_add(l->ev, NULL) == -1 :
		    event_del(l->ev) == -1)
			log_warnx("listener: event");	/* the tick has one */
		else
			l->listening = on;
	}
}

static void
user_pause(void)
{
	struct timeval	 tv = { PAUSE_SECONDS, 0 };

	svc->stats.accept_paused++;
	paused = 1;
	event_add(pause_timer, &tv);
	user_listen();
}

static void
user_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	paused = 0;
	user_listen();
}

/* It is known what the user wants: it is his turn, or he waits for it. */
static void
user_enter(struct relay *r)
{
	if (nwaiting > 0 || user_serve(r) == -1)
		user_wait(r);
	user_ask_more();
}

/* Makes a user of a connection (taken).  -1: no memory. */
static int
user_new(struct lent *l, int fd, const struct addr *peer)
{
	struct relay	*r;
	struct addr	 local = l->addr;

	if (!limits_user(peer)) {
		reset_now(fd);
		return (0);
	}
	if (budget_full(&svc->budget))
		(void)hold_make_room();
	/* With a wildcard listener, only the socket knows. */
	if (l->any)
		addr_of_self(&local, fd);
	if ((r = relay_new_user(fd, peer, &local)) == NULL)
		return (-1);
	if (l->asks == ASK_NONE)
		user_enter(r);
	else if (proxy_begin(r, l->asks,
	    (l->kinds & KIND_UDP) != 0) == -1) {
		relay_abort(r, RESET_NONE);
		return (-1);
	}
	return (0);
}

static void
user_accept(evutil_socket_t lfd, short what, void *arg)
{
	struct sockaddr_storage	 ss;
	struct lent		*l = arg;
	struct addr		 peer;
	socklen_t		 len;
	int			 fd, i, n;

	(void)what;
	n = svc->conf.opts.prefork > 1 ? ACCEPT_SHARED : ACCEPT_BATCH;
	for (i = 0; i < n && user_may_accept(); i++) {
		len = sizeof(ss);
		fd = accept4(lfd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			if (errno == EAGAIN || errno == EINTR ||
			    errno == ECONNABORTED)
				break;
			log_warn("accept");
			user_pause();
			return;
		}
		addr_from_sa(&peer, (struct sockaddr *)&ss);
		if (user_new(l, fd, &peer) == -1) {
			log_warn("user %s", addr_print(&peer));
			user_pause();
			return;
		}
	}
	user_listen();
}

/* ---- what service.c tells ---- */

static void
user_tell_room(void)
{
	struct msg_count	 msg;
	int			 room = user_pick() != NULL;

	if (room == told_room)
		return;
	told_room = room;
	memset(&msg, 0, sizeof(msg));
	msg.count = room;
	worker_tell(IMSG_ROOM, &msg, sizeof(msg));
	flows_room(room);
}

void
user_changed(void)
{
	struct relay	*r;

	while ((r = TAILQ_FIRST(&waiting)) != NULL && user_pick() != NULL) {
		user_unqueue(r);
		if (user_serve(r) == 0)
			continue;
		if (user_queue(r, 1) == -1)
			user_refuse(r, "it cannot wait: no memory");
		break;
	}
	if (nwaiting == 0)
		flows_changed();
	user_arm();
	user_ask_more();
	user_tell_room();
	user_listen();
}

void
user_tick(void)
{
	struct relay	*r, *next;
	uint64_t	 now;

	proxy_tick(worker_now());
	if (svc->conf.opts.user_idle == 0)
		return;
	now = worker_now();		/* not before any progress */
	TAILQ_FOREACH_SAFE(r, &svc->relays, entry, next)
		if (r->waits.source == NULL && limits_idle(r, now))
			relay_abort(r, RESET_TIMEOUT);
}

void
user_hold(int on)
{
	holding = on;
	user_listen();
}

void
user_stop(void)
{
	struct relay	*r;

	stopped = 1;
	/* A descriptor that we kept would keep the port. */
	while (!TAILQ_EMPTY(&listeners))
		lent_free(TAILQ_FIRST(&listeners));
	while ((r = TAILQ_FIRST(&waiting)) != NULL) {
		user_unqueue(r);
		user_refuse(r, "the service is stopping");
	}
	proxy_stop();
	user_arm();
	user_listen();
}

uint32_t
user_waiting(void)
{
	return (nwaiting);
}
