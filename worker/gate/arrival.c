/* SPDX-License-Identifier: ISC */

/*
 * An arrival's way: the hello is peeked at, keys confirms the proof, a worker
 * of the service is handed the descriptor and says that the tunnel is proven.
 * Never an octet of a tunnel is taken out of a socket that is handed on; what a
 * trusted proxy puts in front of it is, to its last octet and no further.
 * Whoever is refused for identity or binder sees the same alert, at the same
 * pace.
 *
 * With WebSocket it is the request that is peeked at, and the path that names
 * the service; the proof within is the worker's to check.  Whoever asks for
 * anything else is a visitor.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "arrivalpriv.h"
#include "visitor.h"

/*
 * From the last octet of a hello to the alert that refuses it.  Unknown
 * identity and false binder are alike also in time, and who guesses waits.
 */
#define REFUSE_US	(250 * 1000)

/*
 * From the last octet of a request to a visitor's answer, whether keys had to
 * be asked about its path or not; and for all of that answer to be taken, a
 * file over a slow line being the longest.
 */
#define VISIT_US	(5 * 1000)
#define ANSWER_US	(30 * 1000 * 1000)

/*
 * After the alert the peer is waited for, and read to its end: closing with
 * octets unread would reset the connection, and lose the alert.
 */
#define CLOSING_US	(1000 * 1000)
#define CLOSING_MAX	(16 * 1024)
/* A visitor may be sending what it wants to upload; web servers wait for it. */
#define LINGER_US	(5 * 1000 * 1000)
#define LINGER_MAX	(1024 * 1024)

/*
 * Octets of messages, each with a tunnel's socket, that a worker has not taken:
 * some 800.  One that takes none is not to have all our descriptors.
 */
#ifndef HAND_QUEUED
#define HAND_QUEUED	(64 * 1024)
#endif

/* A worker knows the deadline and tells its end; past this it did not. */
#define HANDED_US	(2000 * 1000)

/*
 * A tunnel's number has the generation of this process above its serial, so
 * that no worker takes an earlier gate's tunnels for ours.
 */
#define SERIAL_BITS	40
#define SERIAL_MASK	((1ULL << SERIAL_BITS) - 1)

struct worker {
	TAILQ_ENTRY(worker)	 entry;
	struct channel		*channel;
	struct conns		 conns;		/* handed, not proven yet */
	uint32_t		 tunnels;	/* handed and not closed */
};

struct arrivals	 arrivals;

static int	 conn_cmp(const struct conn *, const struct conn *);
static void	 conn_event(evutil_socket_t, short, void *);
static void	 conn_timer(evutil_socket_t, short, void *);

RB_PROTOTYPE_STATIC(conn_tree, conn, entry, conn_cmp)
RB_GENERATE_STATIC(conn_tree, conn, entry, conn_cmp)

static int
conn_cmp(const struct conn *a, const struct conn *b)
{
	if (a->proof.number == b->proof.number)
		return (0);
	return (a->proof.number < b->proof.number ? -1 : 1);
}

static struct conn *
conn_find(uint64_t number)
{
	struct conn	 find;

	find.proof.number = number;
	return (RB_FIND(conn_tree, &arrivals.conns, &find));
}

void
arrival_log(struct source *src, const struct addr *peer, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	source_log(src, worker_now(), "tunnel", peer, fmt, ap);
	va_end(ap);
}

/* ---- a connection's end ---- */

static void
arrival_less(void)
{
	if (--arrivals.stats.waiting == 0 && arrivals.none != NULL)
		arrivals.none();
}

int
conn_is_web(const struct conn *c)
{
	return ((c->transport & TRANSPORT_WS) != 0);
}

void
conn_free(struct conn *c)
{
	(void)event_del(&c->timer);
	if (c->fd != -1) {
		(void)event_del(&c->ev);
		/* a web server has read what it closes on: no reset */
		if (conn_is_web(c) && read(c->fd, arrivals.buf,
		    sizeof(arrivals.buf)) == -1 && errno != EAGAIN)
			log_debug("visitor from %s: %s",
			    addr_print(&c->peer), strerror(errno));
		close(c->fd);
	}
	if (c->state == CONN_HELD)
		TAILQ_REMOVE(&arrivals.held, c, list);
	if (c->state == CONN_HANDED)
		TAILQ_REMOVE(&c->worker->conns, c, list);
	else
		arrival_less();
	RB_REMOVE(conn_tree, &arrivals.conns, c);
	source_leave(c->source);
	arrivals.stats.unproven--;
	visit_free(c->visit);
	free(c);
}

/* Arms the one timer of a connection.  -1: it was freed for want of memory. */
static int
conn_wait(struct conn *c, uint64_t until)
{
	struct timeval	 tv = { 0, 0 };
	uint64_t	 now = worker_now();

	if (until > now) {
		tv.tv_sec = (until - now) / 1000000;
		tv.tv_usec = (until - now) % 1000000;
	}
	if (evtimer_add(&c->timer, &tv) == 0)
		return (0);
	log_warnx("tunnel from %s: no memory", addr_print(&c->peer));
	conn_free(c);
	return (-1);
}

/*
 * The same to the peer whichever it was.  The alert goes out a fixed time after
 * the hello came, or, if keys was late, that long after its verdict.
 */
static void
conn_refuse(struct conn *c, const struct msg_verdict *v, const char *name)
{
	char		 hex[2 * IDENTITY_LEN + 1];
	uint64_t	 now = worker_now(), due = c->asked + REFUSE_US;
	size_t		 i;

	for (i = 0; i < IDENTITY_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", c->proof.identity[i]);
	if (v->verdict == VERDICT_UNKNOWN) {
		arrivals.stats.unknown++;
		arrival_log(c->source, &c->peer, "unknown identity %s: wrong "
		    "token or unknown service", hex);
	} else {
		arrivals.stats.false_binder++;
		arrival_log(c->source, &c->peer, "false binder for service %s "
		    "(number %u, identity %s)", name, v->service, hex);
	}
	c->state = CONN_REFUSED;
	(void)conn_wait(c, due > now ? due : now + REFUSE_US);
}

static void
conn_drain(struct conn *c)
{
	ssize_t	 n;

	while ((n = read(c->fd, arrivals.buf, sizeof(arrivals.buf))) > 0) {
		c->drained += n;
		if (c->drained > (conn_is_web(c) ? LINGER_MAX : CLOSING_MAX))
			break;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	conn_free(c);
}

void
conn_set_lowat(struct conn *c, size_t octets)
{
	int	 lowat = (int)octets;

	if (c->lowat == octets)
		return;
	/* Where it cannot be set we are woken more often: WAKES_MAX. */
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &lowat,
	    sizeof(lowat)) == -1)
		log_debug("tunnel from %s: SO_RCVLOWAT: %s",
		    addr_print(&c->peer), strerror(errno));
	c->lowat = octets;
}

/* -1: it was freed for want of memory. */
static int
conn_watch(struct conn *c, short what)
{
	(void)event_del(&c->ev);
	if (event_assign(&c->ev, worker_base(), c->fd, what, conn_event, c) ==
	    0 && event_add(&c->ev, NULL) == 0)
		return (0);
	log_warnx("tunnel from %s: no memory", addr_print(&c->peer));
	conn_free(c);
	return (-1);
}

/* The last word is out. */
static void
conn_close(struct conn *c)
{
	if (shutdown(c->fd, SHUT_WR) == -1) {
		conn_free(c);
		return;
	}
	c->state = CONN_CLOSING;
	conn_set_lowat(c, 1);
	if (conn_wait(c, worker_now() + (conn_is_web(c) ? LINGER_US :
	    CLOSING_US)) == -1 ||
	    conn_watch(c, EV_READ | EV_PERSIST | EV_ET) == -1)
		return;
	conn_drain(c);
}

static void
conn_alert(struct conn *c)
{
	/* A record of TLS: fatal, handshake_failure. */
	static const uint8_t	 alert[] = { 21, 3, 3, 0, 2, 2, 40 };

	if (write(c->fd, alert, sizeof(alert)) != sizeof(alert))
		conn_free(c);		/* it is gone, or never read */
	else
		conn_close(c);
}

/* ---- visitors ---- */

static void
conn_answering(struct conn *c)
{
	switch (visit_send(c->visit, c->fd)) {
	case 0:			/* the rest when it takes more */
		break;
	case 1:
		conn_close(c);
		break;
	default:
		conn_free(c);
		break;
	}
}

static void
conn_answer(struct conn *c)
{
	c->state = CONN_ANSWERING;
	if (conn_wait(c, worker_now() + ANSWER_US) == -1 ||
	    conn_watch(c, EV_WRITE | EV_PERSIST) == -1)
		return;
	conn_answering(c);
}

/* Makes the answer to what waits in the socket; at its time it goes out. */
void
conn_visit(struct conn *c)
{
	uint64_t	 now = worker_now(), due;
	ssize_t		 n;

	(void)event_del(&c->ev);
	n = recv(c->fd, arrivals.buf, sizeof(arrivals.buf), MSG_PEEK);
	if (n <= 0) {
		conn_free(c);		/* it is gone */
		return;
	}
	if ((c->visit = visit_new(c->decoy, arrivals.buf, n)) == NULL) {
		log_warnx("visitor from %s: no memory", addr_print(&c->peer));
		conn_free(c);
		return;
	}
	arrivals.stats.visitors++;
	log_debug("visitor from %s: %s", addr_print(&c->peer),
	    visit_words(c->visit));
	c->state = CONN_REFUSED;
	due = c->asked + VISIT_US;
	(void)conn_wait(c, due > now ? due : now);
}

static void
conn_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn	*c = arg;
	uint32_t	 ms = arrivals.conf.deadline_ms;

	(void)fd;
	(void)what;
	switch (c->state) {
	case CONN_PROXY:
	case CONN_HELLO:
		arrivals.stats.timeouts++;
		arrival_log(c->source, &c->peer, "no %s within %u ms",
		    c->state == CONN_PROXY ? "PROXY header" :
		    conn_is_web(c) ? "request" : "hello", ms);
		break;
	case CONN_PROOF:
		arrivals.stats.timeouts++;
		arrival_log(c->source, &c->peer,
		    "dropped after %u ms: no answer of keys", ms);
		if (!conn_is_web(c))
			break;
		conn_visit(c);
		return;
	case CONN_HELD:
		arrivals.stats.timeouts++;
		arrival_log(c->source, &c->peer, "dropped after %u ms: no "
		    "worker of service number %u", ms, c->service);
		if (!conn_is_web(c))
			break;
		TAILQ_REMOVE(&arrivals.held, c, list);
		c->state = CONN_PROOF;
		conn_visit(c);
		return;
	case CONN_REFUSED:
		if (c->visit != NULL)
			conn_answer(c);
		else
			conn_alert(c);
		return;
	case CONN_ANSWERING:
	case CONN_CLOSING:
		break;
	case CONN_HANDED:
		/* It may live on, no longer at others' cost. */
		arrivals.stats.timeouts++;
		break;
	}
	conn_free(c);
}

/* ---- from hello to worker ---- */

static struct worker *
worker_by_channel(const struct channel *ch)
{
	struct worker	*w;

	TAILQ_FOREACH(w, &arrivals.workers, entry)
		if (w->channel == ch)
			return (w);
	return (NULL);
}

static struct worker *
worker_least(uint32_t service)
{
	struct worker	*w, *least = NULL;

	TAILQ_FOREACH(w, &arrivals.workers, entry)
		if (channel_peer(w->channel)->service == service &&
		    channel_queued(w->channel) <= HAND_QUEUED &&
		    (least == NULL || w->tunnels < least->tunnels))
			least = w;
	return (least);
}

static void
conn_hand(struct conn *c, struct worker *w)
{
	struct msg_tunnel	 msg;
	uint64_t		 now = worker_now();
	int			 fd = c->fd;

	conn_set_lowat(c, 1);
	memset(&msg, 0, sizeof(msg));
	msg.number = c->proof.number;
	msg.transport = c->transport;
	msg.left_ms = c->deadline > now + 1000 ?
	    (uint32_t)((c->deadline - now) / 1000) : 1;
	msg.peer = c->peer;
	msg.local = c->local;
	if (msg.local.family == ADDR_NONE)
		addr_of_self(&msg.local, fd);
	(void)event_del(&c->ev);
	c->fd = -1;
	c->state = CONN_HANDED;
	c->worker = w;
	TAILQ_INSERT_TAIL(&w->conns, c, list);
	arrival_less();
	w->tunnels++;
	arrivals.stats.handed++;
	if (channel_send(w->channel, IMSG_TUNNEL, fd, &msg, sizeof(msg)) ==
	    -1) {
		log_warnx("tunnel from %s: cannot be handed to service %s",
		    addr_print(&c->peer), channel_peer(w->channel)->name);
		w->tunnels--;
		conn_free(c);
		return;
	}
	(void)conn_wait(c, c->deadline + HANDED_US);
}

void
conn_place(struct conn *c)
{
	struct worker	*w;

	if ((w = worker_least(c->service)) != NULL) {
		conn_hand(c, w);
		return;
	}
	/* One is being started, or behind: its place is kept for a while. */
	c->state = CONN_HELD;
	TAILQ_INSERT_TAIL(&arrivals.held, c, list);
}

/* Those that wait for this worker go to it, as far as it takes them. */
static void
conns_place(struct worker *w)
{
	struct conn	*c, *next;

	TAILQ_FOREACH_SAFE(c, &arrivals.held, list, next) {
		if (channel_queued(w->channel) > HAND_QUEUED)
			return;
		if (c->service != channel_peer(w->channel)->service)
			continue;
		TAILQ_REMOVE(&arrivals.held, c, list);
		conn_hand(c, w);
	}
}

/* keys may be away: it is asked again by arrival_keys. */
void
conn_ask(struct conn *c)
{
	struct msg_identity	 whose;

	if (arrivals.keys == NULL)
		return;
	if (conn_is_web(c)) {
		memset(&whose, 0, sizeof(whose));
		whose.number = c->proof.number;
		memcpy(whose.identity, c->proof.identity,
		    sizeof(whose.identity));
		(void)channel_send(arrivals.keys, IMSG_IDENTITY, -1, &whose,
		    sizeof(whose));
	} else
		(void)channel_send(arrivals.keys, IMSG_PROOF, -1, &c->proof,
		    sizeof(c->proof));
}

int
arrival_over(struct source *src, const struct addr *peer, uint32_t more)
{
	if (src->unproven >= arrivals.conf.max_per_source) {
		arrivals.stats.limited_source++;
		arrival_log(src, peer, "closed: its source has %u unproven "
		    "connections already", src->unproven);
		return (1);
	}
	if (arrivals.stats.unproven + more > arrivals.conf.max_unproven) {
		arrivals.stats.limited_total++;
		arrival_log(src, peer, "closed: %u connections are unproven "
		    "already", arrivals.stats.unproven);
		return (1);
	}
	return (0);
}

static void
conn_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn	*c = arg;

	(void)fd;
	switch (c->state) {
	case CONN_PROXY:
	case CONN_HELLO:
		peek_look(c, what & EV_CLOSED);
		break;
	case CONN_ANSWERING:
		conn_answering(c);
		break;
	case CONN_CLOSING:
		conn_drain(c);
		break;
	default:
		break;
	}
}

/* As it stands in the numbers: its low 24 bits. */
static uint64_t
conn_generation(void)
{
	return (worker_self()->generation & (UINT64_MAX >> SERIAL_BITS));
}

/* NULL with ENOMEM, or with 0 when it is over a limit. */
static struct conn *
conn_new(int fd, const struct arrival *a)
{
	struct source	*src;
	struct conn	*c;
	short		 what = EV_READ | EV_PERSIST | EV_ET;

	errno = ENOMEM;
	if ((src = source_get(&a->peer, worker_now())) == NULL)
		return (NULL);
	errno = 0;
	if (arrival_over(src, &a->peer, 1))
		return (NULL);
	errno = ENOMEM;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	if (event_base_get_features(worker_base()) & EV_FEATURE_EARLY_CLOSE)
		what |= EV_CLOSED;
	if (event_assign(&c->ev, worker_base(), fd, what, conn_event, c) ==
	    -1 || evtimer_assign(&c->timer, worker_base(), conn_timer, c) ==
	    -1) {
		free(c);
		return (NULL);
	}
	c->fd = fd;
	c->state = a->proxied ? CONN_PROXY : CONN_HELLO;
	c->source = src;
	c->peer = a->peer;
	c->local = a->local;
	c->transport = a->transport;
	c->decoy = a->decoy;
	c->lowat = 1;
	c->deadline = worker_now() + arrivals.conf.deadline_ms * 1000ULL;
	c->proof.number = conn_generation() << SERIAL_BITS |
	    (++arrivals.serial & SERIAL_MASK);
	RB_INSERT(conn_tree, &arrivals.conns, c);
	source_enter(src);
	arrivals.stats.unproven++;
	arrivals.stats.waiting++;
	return (c);
}

static void
conn_start(struct conn *c)
{
	uint64_t	 number = c->proof.number;

	if (conn_wait(c, c->deadline) == -1)
		return;
	/* Most hellos are there already, or come in one piece later. */
	peek_look(c, 0);
	if ((c = conn_find(number)) == NULL ||
	    (c->state != CONN_HELLO && c->state != CONN_PROXY))
		return;
	if (c->lowat == 1 && c->state == CONN_HELLO && !conn_is_web(c))
		conn_set_lowat(c, 5);
	if (event_add(&c->ev, NULL) == -1) {
		log_warnx("tunnel from %s: no memory", addr_print(&c->peer));
		conn_free(c);
	}
}

int
arrival_new(int fd, const struct arrival *a)
{
	struct conn	*c;
	int		 error;

	if ((c = conn_new(fd, a)) != NULL) {
		conn_start(c);
		return (0);
	}
	error = errno;
	close(fd);
	errno = error;
	return (error == 0 ? 0 : -1);
}

/* ---- what the others say ---- */

void
arrival_keys(struct channel *ch)
{
	struct conn	*c;

	arrivals.keys = ch;
	if (ch == NULL)
		return;
	RB_FOREACH(c, conn_tree, &arrivals.conns)
		if (c->state == CONN_PROOF)
			conn_ask(c);
}

/* For the log. */
static const char *
service_name_of(uint32_t service)
{
	const struct worker	*w = worker_least(service);

	return (w != NULL ? channel_peer(w->channel)->name : "?");
}

void
arrival_verdict(const struct msg_verdict *v)
{
	struct conn	*c = conn_find(v->number);

	/* Its deadline may have come first. */
	if (c == NULL || c->state != CONN_PROOF)
		return;
	if (v->verdict != VERDICT_OK && conn_is_web(c)) {
		conn_visit(c);
		return;
	}
	if (v->verdict != VERDICT_OK) {
		conn_refuse(c, v, service_name_of(v->service));
		return;
	}
	c->service = v->service;
	conn_place(c);
}

void
arrival_worker_joined(struct channel *ch)
{
	struct worker	*w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		fatal("gate");
	w->channel = ch;
	TAILQ_INIT(&w->conns);
	TAILQ_INSERT_TAIL(&arrivals.workers, w, entry);
	conns_place(w);
}

void
arrival_worker_left(struct channel *ch)
{
	struct worker	*w;
	struct conn	*c;

	if ((w = worker_by_channel(ch)) == NULL)
		return;
	TAILQ_REMOVE(&arrivals.workers, w, entry);
	while ((c = TAILQ_FIRST(&w->conns)) != NULL)
		conn_free(c);
	free(w);
}

int
arrival_told(struct channel *ch, uint64_t number, int closed)
{
	struct worker	*w = worker_by_channel(ch);
	struct conn	*c;

	/* What an earlier gate handed over is no business of this one. */
	if (w == NULL || number >> SERIAL_BITS != conn_generation())
		return (0);
	c = conn_find(number);
	if ((number & SERIAL_MASK) > arrivals.serial ||
	    (c != NULL && c->worker != w))
		return (-1);
	if (c != NULL) {
		if (!closed)
			arrivals.stats.proven++;
		conn_free(c);
	}
	if (closed && w->tunnels > 0)
		w->tunnels--;
	/* It has taken that one, at least. */
	conns_place(w);
	return (0);
}

/* ---- for the role ---- */

void
arrival_init(void)
{
	TAILQ_INIT(&arrivals.workers);
	TAILQ_INIT(&arrivals.held);
	RB_INIT(&arrivals.conns);
}

void
arrival_limits(const struct gate_opts *conf)
{
	arrivals.conf = *conf;
}

const struct arrival_stats *
arrival_stats(void)
{
	return (&arrivals.stats);
}

void
arrival_when_none(void (*none)(void))
{
	arrivals.none = none;
	if (arrivals.stats.waiting == 0)
		none();
}
