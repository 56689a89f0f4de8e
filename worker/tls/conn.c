/* SPDX-License-Identifier: ISC */

/* See conn.h. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "worker/crypto/tlsctx.h"
#include "worker/frame/worker.h"
#include "worker/net/places.h"
#include "worker/net/proxyhdr.h"
#include "conn.h"
#include "tlsconn.h"

/* Handshakes for dial at one time; it never has more requests. */
#define STARTS_MAX	4096
/*
 * Longer than the gate and a worker take over a stranger: its request, the
 * answer and the end of that.  They keep the time; this is for when they fail.
 */
#define STRANGER_US	(180 * 1000000ULL)
/*
 * A stranger that does not read has as long as one that does not speak; after
 * the last octet it is sent it has so many times that.
 */
#define STRANGER_LEFT	3
/* A tunnel may be on a line that is away for a while, or is slow. */
#define TUNNEL_STILL	(120 * 1000000ULL)
#define TUNNEL_LEFT	(600 * 1000000ULL)
/* A proxy sends its header at once; nobody sends it in more pieces. */
#define WAKES_MAX	64

enum conn_state {
	CONN_PROXY,		/* the header of its proxy is awaited */
	CONN_SHAKE,		/* in its handshake */
	CONN_STRANGER,		/* open, and with the gate or a worker */
	CONN_TUNNEL		/* its peer is proven, or was dialled */
};

struct conn {
	TAILQ_ENTRY(conn)	 entry;
	RB_ENTRY(conn)		 by_number;
	enum conn_state		 state;
	struct tlsconn		*tls;		/* owns the socket, or NULL */
	struct event		 timer;		/* of the state, server */
	struct event		 ev;		/* PROXY */
	int			 fd;		/* before tls has it, or -1 */
	uint32_t		 wakes;
	ssize_t			 peeked;	/* octets, the last time */
	struct charge		 charge;	/* all its life */
	struct channel		*dial;		/* client, until it is open */
	uint32_t		 request;	/* dial's */
	int			 orphan;	/* STRANGER: see conns_orphan */
	struct msg_arrival	 arrival;	/* but for its peer */
};
TAILQ_HEAD(conns, conn);
RB_HEAD(numbers, conn);

static struct {
	struct gate_opts	 conf;
	struct conns		 conns;
	struct numbers		 numbers;
	uint64_t		 number;	/* the last given */
	struct channel		*gate;
	uint32_t		 nstarts;	/* for dial, under way */
	void			(*none)(void);	/* to be called, or NULL */
	struct conn_stats	 stats;
} env;

static int	 conn_cmp(const struct conn *, const struct conn *);

RB_PROTOTYPE_STATIC(numbers, conn, by_number, conn_cmp)
RB_GENERATE_STATIC(numbers, conn, by_number, conn_cmp)

static void	 conn_peek(evutil_socket_t, short, void *);
static void	 conn_tell_dial(struct conn *, enum msg_type, int,
		    const char *);
static void	 conn_opened(void *, int);
static void	 conn_failed(void *, const char *);
static void	 conn_closed(void *, const char *);
static void	 conn_moved(void *);

static const struct tlsconn_ops	 conn_ops = {
	conn_opened,
	conn_failed,
	conn_closed,
	conn_moved
};

#define conn_log(c, ...)	places_log(&(c)->charge, __VA_ARGS__)

static int
conn_cmp(const struct conn *a, const struct conn *b)
{
	return (a->arrival.number < b->arrival.number ? -1 :
	    a->arrival.number > b->arrival.number);
}

static int
conn_wait(struct conn *c, uint64_t us)
{
	struct timeval	 tv = { us / 1000000, us % 1000000 };

	return (evtimer_add(&c->timer, &tv));
}

/* It is open, or over: dial and the deadline of the handshake are past. */
static void
conn_settle(struct conn *c)
{
	if (c->state == CONN_PROXY || c->state == CONN_SHAKE)
		env.stats.handshakes--;
	if (c->dial != NULL) {
		c->dial = NULL;
		env.nstarts--;
	}
	(void)event_del(&c->timer);
}

static void
conn_free(struct conn *c)
{
	TAILQ_REMOVE(&env.conns, c, entry);
	RB_REMOVE(numbers, &env.numbers, c);
	conn_settle(c);
	ledger_leave(&c->charge);
	tlsconn_free(c->tls);
	if (c->state == CONN_PROXY)
		(void)event_del(&c->ev);
	if (c->fd != -1)
		close(c->fd);
	free(c);
	if (--env.stats.connections == 0 && env.none != NULL)
		env.none();
}

/* It has lost its place to others. */
static void
conn_shed(struct charge *charge, const char *why)
{
	struct conn	*c = (struct conn *)(void *)((char *)charge -
			    offsetof(struct conn, charge));

	if (c->dial != NULL)
		conn_tell_dial(c, IMSG_TLS_FAILED, -1, why);
	conn_free(c);
}

/* From now on it is its service's.  It may be gone then. */
static void
conn_tunnel(struct conn *c, uint32_t service)
{
	(void)event_del(&c->timer);
	c->state = CONN_TUNNEL;
	tlsconn_patience(c->tls, TUNNEL_STILL, TUNNEL_LEFT);
	if (places_tunnel(&c->charge, &c->charge.peer, service) == -1) {
		log_warnx("tls from %s: no memory",
		    addr_print(&c->charge.peer));
		conn_free(c);
	}
}

static void
conn_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct conn	*c = arg;

	(void)fd;
	(void)what;
	if (c->orphan) {
		conn_tunnel(c, 0);
		return;
	}
	env.stats.timeouts++;
	if (c->state == CONN_STRANGER)
		conn_log(c, "neither proven nor closed");
	else {
		conn_log(c, "no handshake within %u ms", env.conf.deadline_ms);
		ledger_penalty(&c->charge, env.conf.penalty[OFFENCE_TIMEOUT],
		    "no handshake in time");
	}
	conn_free(c);
}

/* Takes fd, even when it fails. */
static struct conn *
conn_new(int fd, uint32_t transport, const struct addr *peer, int proxied)
{
	struct conn	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    evtimer_assign(&c->timer, worker_base(), conn_timeout, c) == -1 ||
	    event_assign(&c->ev, worker_base(), fd, EV_READ | EV_PERSIST |
	    EV_ET, conn_peek, c) == -1) {
		free(c);
		close(fd);
		return (NULL);
	}
	c->fd = fd;
	c->state = proxied ? CONN_PROXY : CONN_SHAKE;
	c->arrival.transport = transport;
	c->arrival.number = ++env.number;
	c->charge.peer = *peer;
	c->charge.exempt = proxied;	/* it speaks for others */
	c->charge.shed = conn_shed;
	addr_of_self(&c->arrival.local, fd);
	TAILQ_INSERT_TAIL(&env.conns, c, entry);
	RB_INSERT(numbers, &env.numbers, c);
	env.stats.connections++;
	env.stats.handshakes++;
	return (c);
}

/* Starts the handshake; on the client's side, host is the server's name. */
static int
conn_start(struct conn *c, const char *host)
{
	SSL	*ssl;
	int	 fd = c->fd;

	if ((ssl = tlsctx_ssl(c->arrival.transport, host)) == NULL)
		return (-1);
	c->fd = -1;
	c->tls = tlsconn_new(fd, ssl, c->charge.source, &conn_ops, c);
	return (c->tls == NULL ? -1 : 0);
}

/* Answers dial about a request that it has not cancelled. */
static void
conn_tell_dial(struct conn *c, enum msg_type type, int fd, const char *why)
{
	struct msg_started	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = c->request;
	if (why != NULL)
		strlcpy(msg.words, why, sizeof(msg.words));
	(void)channel_send(c->dial, type, fd, &msg, sizeof(msg));
}

/* ---- its TLS ---- */

/* The gate and a worker are now to say whether it is a tunnel. */
static void
conn_arrive(struct conn *c, int fd)
{
	uint64_t	 still = env.conf.deadline_ms * 1000ULL;

	c->state = CONN_STRANGER;
	tlsconn_patience(c->tls, still, STRANGER_LEFT * still);
	(void)conn_wait(c, STRANGER_US);
	if (env.gate == NULL) {
		close(fd);		/* the pair's other end sees it */
		return;
	}
	c->arrival.peer = c->charge.peer;
	(void)channel_send(env.gate, IMSG_ARRIVAL, fd, &c->arrival,
	    sizeof(c->arrival));
}

static void
conn_opened(void *arg, int fd)
{
	struct conn	*c = arg;
	int		 dialled = c->dial != NULL;

	env.stats.shaken++;
	if (dialled)
		conn_tell_dial(c, IMSG_TLS_STARTED, fd, NULL);
	conn_settle(c);
	if (dialled) {
		c->state = CONN_TUNNEL;
		tlsconn_patience(c->tls, TUNNEL_STILL, TUNNEL_LEFT);
	} else
		conn_arrive(c, fd);
}

static void
conn_moved(void *arg)
{
	struct conn	*c = arg;

	/* What a stranger moves is no progress. */
	if (c->state == CONN_TUNNEL)
		ledger_progress(&c->charge);
}

static void
conn_failed(void *arg, const char *why)
{
	struct conn	*c = arg;

	env.stats.failed++;
	if (c->dial != NULL)
		conn_tell_dial(c, IMSG_TLS_FAILED, -1, why);
	else
		conn_log(c, "no handshake: %s", why);
	conn_free(c);
}

static void
conn_closed(void *arg, const char *why)
{
	struct conn	*c = arg;
	int		 client = worker_self()->side == SIDE_CLIENT;

	if (strcmp(why, TLSCONN_STALLED) == 0)
		env.stats.stalled++;
	if (strcmp(why, "cut") == 0)
		log_debug("tls %s %s: %s", client ? "to" : "from",
		    addr_print(&c->charge.peer), why);
	else if (client)
		log_info("tls to %s: %s", addr_print(&c->charge.peer), why);
	else
		conn_log(c, "%s", why);
	conn_free(c);
}

/* ---- the server's side ---- */

/* A proxy says so; the proxy itself may have any number. */
static int
conn_is_from(struct conn *c, const struct addr *from)
{
	c->charge.exempt = 0;
	return (places_stranger(&c->charge, from,
	    c->arrival.listener));
}

/* The header is complete: takes exactly its octets; the hello is next. */
static int
conn_proxied(struct conn *c, size_t len, const struct addr *from,
    const struct addr *to)
{
	uint8_t	 buf[PROXYHDR_READ_MAX];

	if (read(c->fd, buf, len) != (ssize_t)len ||
	    (from->family != ADDR_NONE &&
	    conn_is_from(c, from) == -1))
		return (-1);
	if (to->family != ADDR_NONE)
		c->arrival.local = *to;
	(void)event_del(&c->ev);
	c->state = CONN_SHAKE;
	return (conn_start(c, NULL));
}

static void
conn_peek(evutil_socket_t fd, short what, void *arg)
{
	struct conn	*c = arg;
	struct addr	 from, to;
	uint8_t		 buf[PROXYHDR_READ_MAX];
	const char	*why = "closed before it was whole";
	size_t		 need;
	ssize_t		 n;

	(void)what;
	n = recv(fd, buf, sizeof(buf), MSG_PEEK);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Woken without another octet: the peer has finished. */
	if (n > c->peeked) {
		c->peeked = n;
		switch (proxyhdr_parse(buf, n, &need, &from, &to, &why)) {
		case PROXYHDR_OK:
			if (conn_proxied(c, need, &from, &to) == -1)
				conn_free(c);
			return;
		case PROXYHDR_MORE:
			if (++c->wakes <= WAKES_MAX)
				return;
			why = "it comes in too small pieces";
			break;
		case PROXYHDR_BAD:
			break;
		}
	}
	env.stats.failed++;
	conn_log(c, "not a PROXY header: %s", why);
	conn_free(c);
}

static int
conn_begin(struct conn *c)
{
	if (conn_wait(c, env.conf.deadline_ms * 1000ULL) == -1)
		return (-1);
	if (c->state == CONN_SHAKE)
		return (conn_start(c, NULL));
	return (event_add(&c->ev, NULL));
}

int
conn_accept(int fd, const struct addr *peer, const struct msg_listen *l,
    int proxied)
{
	struct conn	*c;
	int		 refused;

	if ((c = conn_new(fd, l->transport, peer, proxied)) == NULL) {
		(void)places_relieve(LEDGER_CONNECTIONS, "no memory");
		return (-1);
	}
	c->arrival.decoy = l->decoy;
	c->arrival.dialect = l->dialect;
	c->arrival.service = l->service;
	c->arrival.listener = l->number;
	if (places_stranger(&c->charge, peer, l->number) == -1) {
		refused = errno == EPERM;
		conn_free(c);
		return (refused ? 0 : -1);
	}
	if (conn_begin(c) == 0)
		return (0);
	conn_free(c);
	return (-1);
}

void
conns_told(const struct msg_arrived *msg)
{
	struct conn	 find, *c;

	if (msg->offence != OFFENCES) {
		ledger_penalty_peer(places_ledger(), &msg->peer,
		    env.conf.penalty[msg->offence], "a bad tunnel inside TLS");
		return;
	}
	find.arrival.number = msg->number;
	if ((c = RB_FIND(numbers, &env.numbers, &find)) != NULL &&
	    c->state == CONN_STRANGER)
		conn_tunnel(c, msg->service);
}

/*
 * The gate is gone, or its channel is, and with it all that it still had.  A
 * worker closes what it has unless that is proven, in time; what is there
 * afterwards is a tunnel.
 */
static void
conns_orphan(void)
{
	struct conn	*c;

	TAILQ_FOREACH(c, &env.conns, entry)
		if (c->state == CONN_STRANGER && !c->orphan) {
			c->orphan = 1;
			(void)conn_wait(c, 2 * env.conf.deadline_ms * 1000ULL);
		}
}

void
conns_gate(struct channel *ch)
{
	env.gate = ch;
	if (ch == NULL)
		conns_orphan();
}

/* ---- the client's side ---- */

static struct conn *
conn_begin_dialled(struct channel *ch, const struct msg_start *msg, int fd)
{
	struct conn	*c;

	if (env.nstarts >= STARTS_MAX) {
		close(fd);
		return (NULL);
	}
	if ((c = conn_new(fd, msg->transport, &msg->peer, 0)) == NULL)
		return (NULL);
	if (places_tunnel(&c->charge, &msg->peer, msg->service) == -1 ||
	    conn_start(c, msg->host) == -1) {
		conn_free(c);
		return (NULL);
	}
	c->dial = ch;
	c->request = msg->request;
	env.nstarts++;
	return (c);
}

void
conn_dialled(struct channel *ch, const struct msg_start *msg, int fd)
{
	struct msg_started	 refused;

	if (conn_begin_dialled(ch, msg, fd) != NULL)
		return;
	memset(&refused, 0, sizeof(refused));
	refused.request = msg->request;
	strlcpy(refused.words, "no handshake was started: no usable "
	    "certificates, or no memory", sizeof(refused.words));
	(void)channel_send(ch, IMSG_TLS_FAILED, -1, &refused,
	    sizeof(refused));
}

void
conn_cancel(struct channel *ch, uint32_t request)
{
	struct conn	*c;

	TAILQ_FOREACH(c, &env.conns, entry)
		if (c->dial == ch && c->request == request) {
			env.stats.timeouts++;
			conn_free(c);
			return;
		}
	/* None: the answer is on its way. */
}

void
conns_dial_left(struct channel *ch)
{
	struct conn	*c, *next;

	TAILQ_FOREACH_SAFE(c, &env.conns, entry, next)
		if (c->dial == ch)
			conn_free(c);
}

/* ---- for the role ---- */

void
conns_init(void)
{
	TAILQ_INIT(&env.conns);
	RB_INIT(&env.numbers);
	places_init("tls", "tls tunnel");
}

void
conns_limits(const struct gate_opts *conf)
{
	env.conf = *conf;
	places_limits(conf);
}

void
conns_when_none(void (*none)(void))
{
	env.none = none;
	if (env.stats.connections == 0)
		none();
}

const struct conn_stats *
conn_stats(void)
{
	return (&env.stats);
}
