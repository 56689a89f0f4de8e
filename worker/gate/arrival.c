/* SPDX-License-Identifier: ISC */

/*
 * See arrival.h.  A connection's route (route.h) looks at its first octets,
 * which stay in the socket; only the header of a trusted proxy is taken out, to
 * its last octet and no further.  keys confirms what the route found.  A worker
 * of the service gets the descriptor, and says when the tunnel is proven. A
 * connection that goes to no worker gets the route's answer (answer.h).
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "worker/net/ledger.h"
#include "worker/net/proxyhdr.h"
#include "worker/net/speech.h"
#include "worker/frame/worker.h"
#include "answer.h"
#include "arrival.h"
#include "route.h"

/* A proxy sends its header at once: at most in so many pieces. */
#define PROXY_PIECES	64

/*
 * Who sends more pieces than these is looked at so often and no oftener: a look
 * costs more the more has come.
 */
#define EAGER_PIECES	64
#define LOOK_US		(20 * 1000)

/* Octets of a stranger's that go into the log. */
#define SHOWN_MAX	32

/*
 * Octets of messages, each with a tunnel's socket, that a worker has not taken:
 * some 800.  One that takes none must not hold all our descriptors.
 */
#ifndef HAND_QUEUED
#define HAND_QUEUED	(64 * 1024)
#endif

/* A worker knows the deadline and reports its end; after this it has not. */
#define HANDED_US	(2000 * 1000)

/*
 * A tunnel's number has the generation of this process above its serial, so
 * that no worker takes an earlier gate's tunnels for ours.
 */
#define SERIAL_BITS	40
#define SERIAL_MASK	((1ULL << SERIAL_BITS) - 1)

/* A share of the ledger's is a service's number, or this and a listener's. */
#define SHARE_LISTENER	0x80000000U

enum conn_state {
	CONN_PROXY,		/* waits for the header of its proxy */
	CONN_ROUTE,		/* waits until its route has seen enough */
	CONN_ASKED,		/* keys is asked, or will be */
	CONN_HELD,		/* confirmed; no worker takes it yet */
	CONN_REFUSED,		/* is being answered */
	CONN_HANDED		/* with a worker, which has fd */
};

struct conn {
	RB_ENTRY(conn)		 entry;		/* by number */
	TAILQ_ENTRY(conn)	 list;		/* held, or its worker's */
	struct event		 ev;		/* until it is routed */
	struct event		 look;		/* pending: ev is not */
	struct event		 timer;
	enum conn_state		 state;
	int			 fd;
	uint64_t		 number;
	/* the process of TLS or QUIC that it came from, or NULL... */
	struct channel		*tls;
	uint64_t		 tls_number;	/* ...where it is this one */
	const struct route	*route;
	enum route_to		 to;		/* from ASKED on */
	struct msg_proof	 proof;		/* likewise */
	uint64_t		 deadline;	/* microseconds, to be proven */
	uint64_t		 asked;		/* when its last octet came */
	struct charge		 charge;
	struct worker		*worker;	/* HANDED */
	struct answer		*answer;	/* REFUSED */
	uint32_t		 service;	/* first its listener's */
	uint32_t		 listener;
	uint32_t		 transport;	/* of its listener */
	uint32_t		 decoy;		/* likewise */
	uint32_t		 pieces;	/* that it has come in */
	size_t			 lowat;
	struct http_seen	 seen;		/* of a request */
	struct addr		 local;		/* ADDR_NONE: the socket's */
	uint8_t			 binding[HASH_LEN];	/* of QUIC; else 0 */
};
TAILQ_HEAD(conns, conn);
RB_HEAD(conn_tree, conn);

struct worker {
	TAILQ_ENTRY(worker)	 entry;
	struct channel		*channel;
	struct conns		 conns;		/* handed, not proven yet */
	uint32_t		 tunnels;	/* handed and not closed */
};

static struct {
	struct gate_opts	 conf;
	TAILQ_HEAD(, worker)	 workers;
	struct ledger		*ledger;
	struct channel		*keys;
	struct conn_tree	 conns;
	struct conns		 held;
	uint64_t		 serial;
	void			(*none)(void);	/* to be called, or NULL */
	struct arrival_stats	 stats;
	uint8_t			 buf[ROUTE_OCTETS_MAX];	/* peeked at */
} env;

_Static_assert(PROXYHDR_READ_MAX <= ROUTE_OCTETS_MAX, "a header fits");

static int	 conn_cmp(const struct conn *, const struct conn *);

RB_PROTOTYPE_STATIC(conn_tree, conn, entry, conn_cmp)
RB_GENERATE_STATIC(conn_tree, conn, entry, conn_cmp)

static int
conn_cmp(const struct conn *a, const struct conn *b)
{
	if (a->number == b->number)
		return (0);
	return (a->number < b->number ? -1 : 1);
}

static struct conn *
conn_find(uint64_t number)
{
	struct conn	 find;

	find.number = number;
	return (RB_FIND(conn_tree, &env.conns, &find));
}

#define conn_log(c, ...) \
	ledger_log(env.ledger, &(c)->charge.peer, __VA_ARGS__)

/* In the share of its service as soon as that is known, else its listener's. */
static int
conn_charge(struct conn *c, const struct addr *peer)
{
	uint32_t	 share = SHARE_LISTENER | c->listener;

	if (c->state == CONN_HELD || c->state == CONN_HANDED)
		share = c->service;
	return (ledger_enter(env.ledger, &c->charge, peer, share));
}

/* Its tls process hears what becomes of it. */
static void
conn_tell_tls(const struct conn *c, uint32_t offence)
{
	struct msg_arrived	 msg;

	if (c->tls == NULL)
		return;
	memset(&msg, 0, sizeof(msg));
	msg.number = c->tls_number;
	msg.peer = c->charge.peer;
	msg.service = c->service;
	msg.offence = offence;
	(void)channel_send(c->tls, IMSG_ARRIVED, -1, &msg, sizeof(msg));
}

/* Its peer is to blame. */
static void
conn_offence(struct conn *c, enum offence offence)
{
	static const char *const	 words[OFFENCES] = {
		[OFFENCE_PROOF] = "false proofs",
		[OFFENCE_REPLAY] = "replays",
		[OFFENCE_TIMEOUT] = "no proof in time",
		[OFFENCE_GARBAGE] = "garbage"
	};

	ledger_penalty(&c->charge, env.conf.penalty[offence], words[offence]);
	conn_tell_tls(c, offence);
}

/* ---- a connection's end ---- */

static void
arrival_less(void)
{
	if (--env.stats.waiting == 0 && env.none != NULL)
		env.none();
}

/* Does its answer go to anyone, and is nobody reset? */
static int
conn_answers_anyone(const struct conn *c)
{
	return (c->route->answer != NULL && c->route->answer->anyone);
}

static void
conn_unwatch(struct conn *c)
{
	(void)event_del(&c->ev);
	(void)event_del(&c->look);
}

static void
conn_close(struct conn *c)
{
	conn_unwatch(c);
	/* What has been read causes no reset. */
	if (conn_answers_anyone(c) &&
	    read(c->fd, env.buf, sizeof(env.buf)) == -1 && errno != EAGAIN)
		log_debug("tunnel from %s: %s", addr_print(&c->charge.peer),
		    strerror(errno));
	close(c->fd);
}

static void
conn_free(struct conn *c)
{
	(void)event_del(&c->timer);
	answer_free(c->answer);
	if (c->fd != -1)
		conn_close(c);
	if (c->state == CONN_HELD)
		TAILQ_REMOVE(&env.held, c, list);
	if (c->state == CONN_HANDED)
		TAILQ_REMOVE(&c->worker->conns, c, list);
	else
		arrival_less();
	RB_REMOVE(conn_tree, &env.conns, c);
	ledger_leave(&c->charge);
	free(c);
}

/* It has lost its place to others.  Who has it closes it. */
static void
conn_shed(struct charge *charge, const char *why)
{
	struct conn		*c;
	struct msg_number	 msg;

	(void)why;
	c = (struct conn *)(void *)((char *)charge -
	    offsetof(struct conn, charge));
	if (c->state == CONN_HANDED) {
		msg.number = c->number;
		(void)channel_send(c->worker->channel, IMSG_TUNNEL_SHED, -1,
		    &msg, sizeof(msg));
	}
	conn_free(c);
}

/* Arms the timer.  -1: no memory, and the connection is freed. */
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
	log_warnx("tunnel from %s: no memory", addr_print(&c->charge.peer));
	conn_free(c);
	return (-1);
}

static void
conn_set_lowat(struct conn *c, size_t octets)
{
	int	 lowat = (int)octets;

	if (c->lowat == octets)
		return;
	/* Without it there are more wakes, which pieces limits. */
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &lowat,
	    sizeof(lowat)) == -1)
		log_debug("tunnel from %s: SO_RCVLOWAT: %s",
		    addr_print(&c->charge.peer), strerror(errno));
	c->lowat = octets;
}

static void
conn_answered(void *arg)
{
	conn_free(arg);
}

/* It goes to no worker. */
static void
conn_answer(struct conn *c)
{
	conn_unwatch(c);
	(void)event_del(&c->timer);
	if (c->state == CONN_HELD)
		TAILQ_REMOVE(&env.held, c, list);
	c->state = CONN_REFUSED;
	conn_set_lowat(c, 1);
	if (c->route->answer != NULL)
		c->answer = answer_new(c->fd, c->route->answer, c->decoy,
		    &c->charge.peer, c->asked, conn_answered, c);
	if (c->answer == NULL)
		conn_free(c);
}

/* What has to come first. */
static const char *
conn_first(const struct conn *c)
{
	return (c->state == CONN_PROXY ? "PROXY header" : c->route->first);
}

static void
conn_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn	*c = arg;
	uint32_t	 ms = env.conf.deadline_ms;

	(void)fd;
	(void)what;
	env.stats.timeouts++;
	switch (c->state) {
	case CONN_PROXY:
	case CONN_ROUTE:
		conn_log(c, "no %s within %u ms", conn_first(c), ms);
		if (!conn_answers_anyone(c))
			conn_offence(c, OFFENCE_TIMEOUT);
		break;
	case CONN_ASKED:
		conn_log(c,
		    "dropped after %u ms: no answer of keys", ms);
		break;
	case CONN_HELD:
		conn_log(c, "dropped after %u ms: no worker of "
		    "service number %u", ms, c->service);
		break;
	default:	/* HANDED: it may live on, no longer at others' cost */
		break;
	}
	if ((c->state == CONN_ASKED || c->state == CONN_HELD) &&
	    conn_answers_anyone(c))
		conn_answer(c);
	else
		conn_free(c);
}

/* ---- to a worker ---- */

static struct worker *
worker_by_channel(const struct channel *ch)
{
	struct worker	*w;

	TAILQ_FOREACH(w, &env.workers, entry)
		if (w->channel == ch)
			return (w);
	return (NULL);
}

/* The worker of a service with the fewest tunnels, if any takes them. */
static struct worker *
worker_least(uint32_t service)
{
	struct worker	*w, *least = NULL;

	TAILQ_FOREACH(w, &env.workers, entry)
		if (channel_peer(w->channel)->service == service &&
		    channel_queued(w->channel) <= HAND_QUEUED &&
		    (least == NULL || w->tunnels < least->tunnels))
			least = w;
	return (least);
}

static void
conn_describe(const struct conn *c, struct msg_tunnel *msg)
{
	uint64_t	 now = worker_now();

	memset(msg, 0, sizeof(*msg));
	msg->number = c->number;
	msg->transport = c->transport;
	msg->left_ms = c->deadline > now + 1000 ?
	    (uint32_t)((c->deadline - now) / 1000) : 1;
	msg->peer = c->charge.peer;
	msg->local = c->local;
	if (msg->local.family == ADDR_NONE)
		addr_of_self(&msg->local, c->fd);
	memcpy(msg->binding, c->binding, sizeof(msg->binding));
}

static void
conn_hand(struct conn *c, struct worker *w)
{
	struct msg_tunnel	 msg;
	int			 fd = c->fd;

	conn_set_lowat(c, 1);
	conn_describe(c, &msg);
	c->fd = -1;
	c->state = CONN_HANDED;
	c->worker = w;
	TAILQ_INSERT_TAIL(&w->conns, c, list);
	arrival_less();
	w->tunnels++;
	env.stats.handed++;
	if (channel_send(w->channel, IMSG_TUNNEL, fd, &msg, sizeof(msg)) ==
	    -1) {
		log_warnx("tunnel from %s: cannot be handed to service %s",
		    addr_print(&c->charge.peer),
		    channel_peer(w->channel)->name);
		w->tunnels--;
		conn_free(c);
		return;
	}
	(void)conn_wait(c, c->deadline + HANDED_US);
}

/*
 * Its service is known, and counts it from now on, whether a worker takes it or
 * is being started, or behind.
 */
static void
conn_place(struct conn *c)
{
	struct worker	*w = worker_least(c->service);

	conn_unwatch(c);
	c->state = CONN_HELD;
	TAILQ_INSERT_TAIL(&env.held, c, list);
	/* Without memory it may be charged no more: it is short of all. */
	(void)conn_charge(c, &c->charge.peer);
	if (w == NULL)
		return;
	TAILQ_REMOVE(&env.held, c, list);
	conn_hand(c, w);
}

/* Hands the worker what waits for it, as far as it takes it. */
static void
conns_place(struct worker *w)
{
	struct conn	*c, *next;

	TAILQ_FOREACH_SAFE(c, &env.held, list, next) {
		if (channel_queued(w->channel) > HAND_QUEUED)
			return;
		if (c->service != channel_peer(w->channel)->service)
			continue;
		TAILQ_REMOVE(&env.held, c, list);
		conn_hand(c, w);
	}
}

/* ---- its first octets ---- */

/* Asks keys; if it is away, arrival_keys asks later. */
static void
conn_ask(struct conn *c)
{
	struct msg_identity	 whose;

	c->state = CONN_ASKED;
	if (env.keys == NULL)
		return;
	if (c->to == ROUTE_PROOF) {
		(void)channel_send(env.keys, IMSG_PROOF, -1, &c->proof,
		    sizeof(c->proof));
		return;
	}
	memset(&whose, 0, sizeof(whose));
	whose.number = c->number;
	memcpy(whose.identity, c->proof.identity, sizeof(whose.identity));
	(void)channel_send(env.keys, IMSG_IDENTITY, -1, &whose,
	    sizeof(whose));
}

/* It is no tunnel: closed at once, unless its answer is for anyone. */
static void
conn_malformed(struct conn *c, const char *why, size_t len)
{
	char	 shown[4 * SHOWN_MAX + 1];

	if (c->state != CONN_PROXY && conn_answers_anyone(c)) {
		conn_answer(c);
		return;
	}
	env.stats.malformed++;
	if (len > SHOWN_MAX)
		len = SHOWN_MAX;
	if (speech_guess(env.buf, len) == SPEECH_TOKEN)
		len = 0;
	log_printable(shown, sizeof(shown), env.buf, len);
	conn_log(c, "not a %s: %s; it begins \"%s\"",
	    conn_first(c), why, shown);
	conn_offence(c, OFFENCE_GARBAGE);
	conn_free(c);
}

/* The peer has finished, and sent too little. */
static void
conn_closed(struct conn *c, size_t len)
{
	env.stats.closed_early++;
	if (len > 0)
		conn_log(c, "closed after %zu octets, which are no "
		    "whole %s", len, conn_first(c));
	else	/* somebody checks whether we are alive */
		log_debug("tunnel from %s: closed at once",
		    addr_print(&c->charge.peer));
	conn_free(c);
}

/* It comes in many pieces: the next look is in a while. */
static void
conn_look_later(struct conn *c)
{
	static const struct timeval	 tv = { 0, LOOK_US };

	if (evtimer_add(&c->look, &tv) == 0)
		(void)event_del(&c->ev);
}

static void
conn_look(evutil_socket_t fd, short what, void *arg)
{
	struct conn	*c = arg;

	(void)fd;
	(void)what;
	/* It is called at once if something has come. */
	if (event_add(&c->ev, NULL) == -1) {
		log_warnx("tunnel from %s: no memory",
		    addr_print(&c->charge.peer));
		conn_free(c);
	}
}

/* There are len octets, and need are wanted: waits for them. */
static void
conn_more(struct conn *c, size_t len, size_t need, int closed)
{
	uint32_t	 most = c->state == CONN_PROXY ? PROXY_PIECES :
	    c->route->pieces;

	if (closed)
		conn_closed(c, len);
	else if (len > 0 && ++c->pieces > most)
		conn_malformed(c, "it comes in too small pieces", len);
	else {
		conn_set_lowat(c, need);
		if (c->pieces > EAGER_PIECES)
			conn_look_later(c);
	}
}

/*
 * Takes the header out of the socket, since the worker must not see it: exactly
 * its octets, so what follows stays.  -1: it is incomplete, or the connection
 * is gone.
 */
static int
conn_proxy(struct conn *c, size_t len, int closed)
{
	struct addr	 from, to;
	const char	*why;
	size_t		 need;

	switch (proxyhdr_parse(env.buf, len, &need, &from, &to, &why)) {
	case PROXYHDR_OK:
		break;
	case PROXYHDR_BAD:
		conn_malformed(c, why, len);
		return (-1);
	case PROXYHDR_MORE:
		conn_more(c, len, need, closed);
		return (-1);
	}
	/* It is now charged to the address it comes for. */
	c->charge.exempt = from.family == ADDR_NONE;
	if (read(c->fd, env.buf, need) != (ssize_t)need ||
	    (from.family != ADDR_NONE && conn_charge(c, &from) == -1)) {
		conn_free(c);
		return (-1);
	}
	c->local = to;
	c->state = CONN_ROUTE;
	c->pieces = 0;
	conn_set_lowat(c, 1);
	return (0);
}

static void
conn_route(struct conn *c, size_t len, int closed)
{
	struct routed	 to;

	memset(&to, 0, sizeof(to));
	to.service = c->service;
	to.seen = c->seen;
	c->asked = worker_now();
	c->to = c->route->look(env.buf, len, &to);
	c->seen = to.seen;
	switch (c->to) {
	case ROUTE_MORE:
		conn_more(c, len, to.need, closed);
		return;
	case ROUTE_BAD:
		if (to.told)
			conn_log(c, "not a %s: %s", conn_first(c), to.why);
		conn_malformed(c, to.why, len);
		return;
	default:
		break;
	}
	conn_unwatch(c);
	ledger_progress(&c->charge);
	c->service = to.service;
	c->proof = to.proof;
	c->proof.number = c->number;
	if (c->to == ROUTE_SERVICE)
		conn_place(c);
	else
		conn_ask(c);
}

/* Looks at what has come; closed: nothing more will.  It may be gone then. */
static void
conn_peek(struct conn *c, int closed)
{
	ssize_t	 n;

	for (;;) {
		n = recv(c->fd, env.buf, sizeof(env.buf), MSG_PEEK);
		if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
			if (c->state == CONN_PROXY)
				return;
			n = closed = 0;
		} else if (n <= 0) {
			conn_closed(c, 0);
			return;
		}
		if (c->state != CONN_PROXY)
			break;
		if (conn_proxy(c, (size_t)n, closed) == -1)
			return;
	}
	conn_route(c, (size_t)n, closed);
}

static void
conn_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	conn_peek(arg, what & EV_CLOSED);
}

/* ---- its beginning ---- */

/* The part of it that numbers contain: its low 24 bits. */
static uint64_t
conn_generation(void)
{
	return (worker_self()->generation & (UINT64_MAX >> SERIAL_BITS));
}

/* -1 with errno. */
static int
conn_init(struct conn *c, int fd, const struct msg_arrival *a)
{
	short	 what = EV_READ | EV_PERSIST | EV_ET;

	if (event_base_get_features(worker_base()) & EV_FEATURE_EARLY_CLOSE)
		what |= EV_CLOSED;
	errno = ENOMEM;
	if (event_assign(&c->ev, worker_base(), fd, what, conn_event, c) ==
	    -1 || evtimer_assign(&c->timer, worker_base(), conn_timer, c) ==
	    -1 || evtimer_assign(&c->look, worker_base(), conn_look, c) == -1)
		return (-1);
	if ((c->route = route_find(a->dialect, a->transport)) == NULL) {
		errno = EINVAL;
		return (-1);
	}
	c->listener = a->listener;
	c->charge.shed = conn_shed;
	return (conn_charge(c, &a->peer));
}

/* NULL with errno, EPERM when it is refused. */
static struct conn *
conn_new(int fd, const struct msg_arrival *a, int proxied)
{
	struct conn	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->state = proxied ? CONN_PROXY : CONN_ROUTE;
	c->charge.exempt = proxied;
	if (conn_init(c, fd, a) == -1) {
		free(c);
		return (NULL);
	}
	c->fd = fd;
	c->local = a->local;
	c->service = a->service;
	c->transport = a->transport;
	c->decoy = a->decoy;
	memcpy(c->binding, a->binding, sizeof(c->binding));
	c->lowat = 1;
	c->deadline = worker_now() + env.conf.deadline_ms * 1000ULL;
	c->number = conn_generation() << SERIAL_BITS |
	    (++env.serial & SERIAL_MASK);
	RB_INSERT(conn_tree, &env.conns, c);
	env.stats.waiting++;
	return (c);
}

static void
conn_start(struct conn *c)
{
	uint64_t	 number = c->number;

	if (conn_wait(c, c->deadline) == -1)
		return;
	/* Usually everything is there already, or comes later in one piece. */
	conn_peek(c, 0);
	if ((c = conn_find(number)) == NULL ||
	    (c->state != CONN_ROUTE && c->state != CONN_PROXY))
		return;
	if (event_add(&c->ev, NULL) == -1) {
		log_warnx("tunnel from %s: no memory",
		    addr_print(&c->charge.peer));
		conn_free(c);
	}
}

int
arrival_new(int fd, const struct msg_arrival *a, struct channel *tls,
    int proxied)
{
	struct conn	*c;
	int		 error;

	if ((c = conn_new(fd, a, proxied)) != NULL) {
		c->tls = tls;
		c->tls_number = a->number;
		conn_start(c);
		return (0);
	}
	error = errno;
	close(fd);
	errno = error;
	return (error == EPERM ? 0 : -1);
}

/* ---- what the others say ---- */

void
arrival_keys(struct channel *ch)
{
	struct conn	*c;

	env.keys = ch;
	if (ch == NULL)
		return;
	RB_FOREACH(c, conn_tree, &env.conns)
		if (c->state == CONN_ASKED)
			conn_ask(c);
}

/* Counts and logs why keys refused it; the peer cannot tell. */
static void
conn_refused(struct conn *c, const struct msg_verdict *v)
{
	const struct worker	*w = worker_least(v->service);
	char			 hex[2 * IDENTITY_LEN + 1];
	size_t			 i;

	for (i = 0; i < IDENTITY_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", c->proof.identity[i]);
	if (v->verdict == VERDICT_UNKNOWN) {
		env.stats.unknown++;
		conn_log(c, "unknown identity %s: wrong token or "
		    "unknown service", hex);
		return;
	}
	if (v->verdict == VERDICT_REPLAYED) {
		env.stats.replayed++;
		conn_log(c, "a replayed hello for service %s (number %u)",
		    w != NULL ? channel_peer(w->channel)->name : "?",
		    v->service);
		return;
	}
	env.stats.false_binder++;
	conn_log(c, "false binder for service %s (number %u, "
	    "identity %s)", w != NULL ? channel_peer(w->channel)->name : "?",
	    v->service, hex);
}

void
arrival_verdict(const struct msg_verdict *v)
{
	struct conn	*c = conn_find(v->number);

	/* Its deadline may have passed already. */
	if (c == NULL || c->state != CONN_ASKED)
		return;
	if (v->verdict == VERDICT_OK) {
		c->service = v->service;
		/* Who has the token is no stranger, at a cap of strangers. */
		c->charge.exempt |= c->to == ROUTE_PROOF;
		conn_place(c);
		return;
	}
	if (!conn_answers_anyone(c)) {
		conn_refused(c, v);
		conn_offence(c, v->verdict == VERDICT_REPLAYED ?
		    OFFENCE_REPLAY : OFFENCE_PROOF);
	}
	conn_answer(c);
}

void
arrival_worker_joined(struct channel *ch)
{
	struct worker	*w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		fatal("gate");
	w->channel = ch;
	TAILQ_INIT(&w->conns);
	TAILQ_INSERT_TAIL(&env.workers, w, entry);
	conns_place(w);
}

void
arrival_worker_left(struct channel *ch)
{
	struct worker	*w;
	struct conn	*c;

	if ((w = worker_by_channel(ch)) == NULL)
		return;
	TAILQ_REMOVE(&env.workers, w, entry);
	while ((c = TAILQ_FIRST(&w->conns)) != NULL)
		conn_free(c);
	free(w);
}

/*
 * What the gate still has of it ends, for tls takes the rest for tunnels: it
 * cannot be told any more what becomes of them.  A worker closes what it was
 * handed unless that is proven in time.
 */
void
arrival_tls_left(struct channel *tls)
{
	struct conn	*c, *next;

	RB_FOREACH_SAFE(c, conn_tree, &env.conns, next) {
		if (c->tls != tls)
			continue;
		c->tls = NULL;
		if (c->state != CONN_HANDED)
			conn_free(c);
	}
}

int
arrival_told(struct channel *ch, uint64_t number, int closed)
{
	struct worker	*w = worker_by_channel(ch);
	struct conn	*c;

	/* What an earlier gate handed over is none of our business. */
	if (w == NULL || number >> SERIAL_BITS != conn_generation())
		return (0);
	c = conn_find(number);
	if ((number & SERIAL_MASK) > env.serial ||
	    (c != NULL && c->worker != w))
		return (-1);
	if (c != NULL) {
		if (!closed) {
			env.stats.proven++;
			ledger_proven(&c->charge);
			conn_tell_tls(c, OFFENCES);
		}
		conn_free(c);
	}
	if (closed && w->tunnels > 0)
		w->tunnels--;
	/* It takes tunnels: it has taken that one. */
	conns_place(w);
	return (0);
}

int
arrival_blamed(struct channel *ch, const struct msg_blame *blame)
{
	struct worker	*w = worker_by_channel(ch);
	struct conn	*c;

	if (w == NULL || blame->number >> SERIAL_BITS != conn_generation())
		return (0);
	if ((c = conn_find(blame->number)) == NULL)
		return (0);		/* it is proven, or was shed */
	if (c->worker != w)
		return (-1);
	if (blame->offence == OFFENCE_TIMEOUT)
		env.stats.timeouts++;
	conn_offence(c, (enum offence)blame->offence);
	return (0);
}

/* ---- for the role ---- */

void
arrival_init(void)
{
	if ((env.ledger = ledger_new("tunnel")) == NULL)
		fatal("gate");
	TAILQ_INIT(&env.workers);
	TAILQ_INIT(&env.held);
	RB_INIT(&env.conns);
}

void
arrival_limits(const struct gate_opts *conf)
{
	struct ledger_limits	 limits = {
		.total = conf->max_unproven,
		.per_source = conf->max_per_source,
		.penalty_min = conf->penalty_min,
		.penalty_max = conf->penalty_max
	};

	env.conf = *conf;
	ledger_limits(env.ledger, &limits);
}

const struct arrival_stats *
arrival_stats(void)
{
	return (&env.stats);
}

struct ledger *
arrival_ledger(void)
{
	return (env.ledger);
}

const struct ledger_stats *
arrival_charged(void)
{
	return (ledger_stats(env.ledger));
}

void
arrival_when_none(void (*none)(void))
{
	env.none = none;
	if (env.stats.waiting == 0)
		none();
}
