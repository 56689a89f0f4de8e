/* SPDX-License-Identifier: ISC */

/*
 * The role tls: outer TLS of one server block's listeners or one client block's
 * remotes.  On the server's side it accepts, does the handshake and gives the
 * gate one end of a socket pair, with the addresses of the connection.  On the
 * client's side it gets a connected socket from dial and gives such an end
 * back.
 *
 * It has certificates but no private key: keys signs (tlskey.h).  Nor has it a
 * service's token, which seals what is inside TLS.
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
#include "worker/crypto/tlsctx.h"
#include "worker/crypto/tlskey.h"
#include "worker/net/listener.h"
#include "worker/net/offenders.h"
#include "worker/net/proxyhdr.h"
#include "worker/roles.h"
#include "places.h"
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
	int			 orphan;	/* STRANGER: see tls_left */
	struct msg_arrival	 arrival;	/* but for its peer */
};
TAILQ_HEAD(conns, conn);
RB_HEAD(numbers, conn);

static struct {
	struct gate_opts		 conf, next_conf;
	struct conns		 conns;
	struct numbers		 numbers;
	uint64_t		 number;	/* the last given */
	struct channel		*keys;
	struct channel		*gate;
	struct event		*stop;
	uint32_t		 nstarts;	/* for dial, under way */
	uint32_t		 nshaking;	/* and what precedes that */
	uint32_t		 nconns;
	int			 stopping;
	int			 unsigned_told;	/* with this set */
	uint64_t		 shaken;
	uint64_t		 failed;
	uint64_t		 timeouts;
	uint64_t		 stalled;
} env;

static int	 conn_cmp(const struct conn *, const struct conn *);

RB_PROTOTYPE_STATIC(numbers, conn, by_number, conn_cmp)
RB_GENERATE_STATIC(numbers, conn, by_number, conn_cmp)

static void	 tls_open(void *, int);
static void	 tls_failed(void *, const char *);
static void	 tls_closed(void *, const char *);

static void	 tls_moved(void *);

static const struct tlsconn_ops	 tls_conn_ops = {
	tls_open,
	tls_failed,
	tls_closed,
	tls_moved
};

#define conn_log(c, ...)	places_log(&(c)->charge, __VA_ARGS__)

/* ---- connections ---- */

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
		env.nshaking--;
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
	if (--env.nconns == 0 && env.stopping)
		worker_exit();
}

static void	 tls_tell_dial(struct conn *, enum msg_type, int,
		    const char *);

/* It has lost its place to others. */
static void
conn_shed(struct charge *charge, const char *why)
{
	struct conn	*c = (struct conn *)(void *)((char *)charge -
			    offsetof(struct conn, charge));

	if (c->dial != NULL)
		tls_tell_dial(c, IMSG_TLS_FAILED, -1, why);
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
	env.timeouts++;
	if (c->state == CONN_STRANGER)
		conn_log(c, "neither proven nor closed");
	else {
		conn_log(c, "no handshake within %u ms", env.conf.deadline_ms);
		ledger_penalty(&c->charge, env.conf.penalty[OFFENCE_TIMEOUT],
		    "no handshake in time");
	}
	conn_free(c);
}

static void	 conn_peek(evutil_socket_t, short, void *);

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
	env.nconns++;
	env.nshaking++;
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
	c->tls = tlsconn_new(fd, ssl, c->charge.source, &tls_conn_ops, c);
	return (c->tls == NULL ? -1 : 0);
}

/* Answers dial about a request that it has not cancelled. */
static void
tls_tell_dial(struct conn *c, enum msg_type type, int fd, const char *why)
{
	struct msg_started	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = c->request;
	if (why != NULL)
		strlcpy(msg.words, why, sizeof(msg.words));
	(void)channel_send(c->dial, type, fd, &msg, sizeof(msg));
}

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
tls_open(void *arg, int fd)
{
	struct conn	*c = arg;
	int		 dialled = c->dial != NULL;

	env.shaken++;
	if (dialled)
		tls_tell_dial(c, IMSG_TLS_STARTED, fd, NULL);
	conn_settle(c);
	if (dialled) {
		c->state = CONN_TUNNEL;
		tlsconn_patience(c->tls, TUNNEL_STILL, TUNNEL_LEFT);
	} else
		conn_arrive(c, fd);
}

static void
tls_moved(void *arg)
{
	struct conn	*c = arg;

	/* What a stranger moves is no progress. */
	if (c->state == CONN_TUNNEL)
		ledger_progress(&c->charge);
}

static void
tls_failed(void *arg, const char *why)
{
	struct conn	*c = arg;

	env.failed++;
	if (c->dial != NULL)
		tls_tell_dial(c, IMSG_TLS_FAILED, -1, why);
	else
		conn_log(c, "no handshake: %s", why);
	conn_free(c);
}

static void
tls_closed(void *arg, const char *why)
{
	struct conn	*c = arg;
	int		 client = worker_self()->side == SIDE_CLIENT;

	if (strcmp(why, TLSCONN_STALLED) == 0)
		env.stalled++;
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
	env.failed++;
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

/* -1: no memory; being refused is no failure. */
static int
tls_arrived(int fd, const struct addr *peer, const struct msg_listen *l,
    int proxied)
{
	struct conn	*c;
	int		 refused;

	if ((c = conn_new(fd, l->transport, peer, proxied)) == NULL) {
		(void)places_relieve("no memory");
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

/* The gate's word on one that it was given.  It may just have ended. */
static void
tls_told(const struct msg_arrived *msg)
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
tls_orphans(void)
{
	struct conn	*c;

	TAILQ_FOREACH(c, &env.conns, entry)
		if (c->state == CONN_STRANGER && !c->orphan) {
			c->orphan = 1;
			(void)conn_wait(c, 2 * env.conf.deadline_ms * 1000ULL);
		}
}

/* ---- the client's side ---- */

static struct conn *
tls_begin_start(struct channel *ch, const struct msg_start *msg, int fd)
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

static void
tls_start(struct channel *ch, const struct msg_start *msg, int fd)
{
	struct msg_started	 refused;

	if (tls_begin_start(ch, msg, fd) != NULL)
		return;
	memset(&refused, 0, sizeof(refused));
	refused.request = msg->request;
	strlcpy(refused.words, "no handshake was started: no usable "
	    "certificates, or no memory", sizeof(refused.words));
	(void)channel_send(ch, IMSG_TLS_FAILED, -1, &refused,
	    sizeof(refused));
}

static void
tls_cancel(struct channel *ch, uint32_t request)
{
	struct conn	*c;

	TAILQ_FOREACH(c, &env.conns, entry)
		if (c->dial == ch && c->request == request) {
			env.timeouts++;
			conn_free(c);
			return;
		}
	/* None: the answer is on its way. */
}

/* ---- keys ---- */

static void
tls_ask_keys(const struct msg_sign *msg)
{
	/* If keys is away or dying, it is asked again once it is back. */
	if (env.keys != NULL)
		(void)channel_send(env.keys, IMSG_SIGN, -1, msg,
		    sizeof(*msg));
}

static void
tls_signed(const struct msg_signed *msg)
{
	struct tlsconn	*tls;

	/* Once per set: later handshakes fail without another line. */
	if (msg->len == 0 && !env.unsigned_told) {
		env.unsigned_told = 1;
		log_warnx("keys signs with none of the certificates' keys: "
		    "do certificate and key belong together?");
	}
	if ((tls = tlskey_answer(msg)) != NULL)
		tlsconn_signed(tls);
}

/* ---- the role ---- */

static void
tls_stopped(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	worker_exit();
}

static void
tls_init(void)
{
	TAILQ_INIT(&env.conns);
	RB_INIT(&env.numbers);
	places_init();
	listener_init(tls_arrived);
	if (tlskey_init(tls_ask_keys) == -1)
		fatalx("tls: cannot start");
	tlsctx_init(worker_self()->side);
	env.stop = evtimer_new(worker_base(), tls_stopped, NULL);
	if (env.stop == NULL)
		fatal("tls: event");
}

static void
tls_begin(void)
{
	listener_begin();
	memset(&env.next_conf, 0, sizeof(env.next_conf));
	tlsctx_begin();
}

static int
tls_configure_pem(struct imsg *imsg)
{
	struct tlsctx_facts	 facts;
	struct msg_pem		 msg;
	const char		*why;
	int			 fd;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1) {
		errno = EINVAL;
		return (-1);
	}
	if (imsg_get_type(imsg) == IMSG_CONF_CA)
		why = tlsctx_ca(fd, &facts);
	else
		why = tlsctx_cert(&msg, fd, &facts);
	/* Changed or gone since look.c saw it: see tlsctx_commit. */
	if (why != NULL)
		log_error("%s: %s", msg.path, why);
	return (0);
}

static int
tls_configure(struct imsg *imsg)
{
	struct msg_tls	 tls;

	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_LISTEN:
	case IMSG_CONF_PROXY:
		return (listener_configure(imsg));
	case IMSG_CONF_CERT:
	case IMSG_CONF_CA:
		return (tls_configure_pem(imsg));
	case IMSG_CONF_TLS:
		if (imsg_get_data(imsg, &tls, sizeof(tls)) == -1)
			break;
		tlsctx_set(&tls);
		tlsconn_silence(tls.silence_ms * 1000ULL);
		return (0);
	case IMSG_CONF_GATE:
		if (imsg_get_data(imsg, &env.next_conf,
		    sizeof(env.next_conf)) == 0)
			return (0);
		break;
	default:
		break;
	}
	errno = EINVAL;
	return (-1);
}

/* Existing connections go on as they are. */
static void
tls_ready(int reload)
{
	(void)reload;
	if (env.next_conf.deadline_ms == 0)
		fatalx("%s: END without limits", __func__);
	env.conf = env.next_conf;
	places_limits(&env.conf);
	env.unsigned_told = 0;
	(void)tlsctx_commit();
	listener_commit();
}

static void
tls_joined(struct channel *ch)
{
	switch (channel_peer(ch)->role) {
	case PROC_KEYS:
		env.keys = ch;
		tlskey_again();
		break;
	case PROC_GATE:
		env.gate = ch;
		listener_open(1);
		break;
	default:
		break;			/* dial: nothing to keep */
	}
}

static void
tls_left(struct channel *ch)
{
	struct conn	*c, *next;

	if (ch == env.keys)
		env.keys = NULL;
	else if (ch == env.gate) {
		env.gate = NULL;
		tls_orphans();
		listener_open(0);	/* connections wait in the backlog */
	} else
		TAILQ_FOREACH_SAFE(c, &env.conns, entry, next)
			if (c->dial == ch)
				conn_free(c);
}

static void
tls_message_dial(struct channel *ch, struct imsg *imsg)
{
	struct msg_start	 start;
	struct msg_count	 count;
	int			 fd;

	if (imsg_get_type(imsg) == IMSG_TLS_CANCEL) {
		if (imsg_get_data(imsg, &count, sizeof(count)) == 0)
			tls_cancel(ch, count.count);
		return;
	}
	if (imsg_get_data(imsg, &start, sizeof(start)) == 0 &&
	    (fd = imsg_get_fd(imsg)) != -1)
		tls_start(ch, &start, fd);
}

static void
tls_message(struct channel *ch, struct imsg *imsg)
{
	struct msg_signed	 answer;
	struct msg_arrived	 arrived;

	switch (imsg_get_type(imsg)) {
	case IMSG_SIGNED:
		if (imsg_get_data(imsg, &answer, sizeof(answer)) == 0)
			tls_signed(&answer);
		break;
	case IMSG_ARRIVED:
		if (imsg_get_data(imsg, &arrived, sizeof(arrived)) == 0)
			tls_told(&arrived);
		break;
	case IMSG_TLS_START:
	case IMSG_TLS_CANCEL:
		tls_message_dial(ch, imsg);
		break;
	default:
		worker_complain(ch, "a message that tls does not know");
	}
}

static void
tls_ask(struct channel *ch, uint32_t type, const struct ctl_request *req)
{
	offenders_ask(places_ledger(), ch, type, req);
}

static const void *
tls_octets(void)
{
	return (tlsconn_stats());
}

static const void *
tls_listeners(void)
{
	return (listener_stats());
}

static uint64_t
tls_strangers(void)
{
	return (places_strangers()->held);
}

static uint64_t
tls_limited(void)
{
	return (places_strangers()->shed_source +
	    places_strangers()->shed_total + places_strangers()->shed_relief);
}

static uint64_t
tls_tunnels_limited(void)
{
	return (places_tunnels()->shed_total + places_tunnels()->shed_relief);
}

static const struct figure	 tls_figures[] = {
	FIGURE(GAUGE, "connections", env.nconns, "connections"),
	FIGURE(GAUGE, "handshakes", env.nshaking,
	    "handshakes in progress"),
	FIGURE_GET(GAUGE, "strangers", tls_strangers,
	    "connections whose peer has not proven a token yet"),
	FIGURE_OF(COUNTER, "accepted", tls_listeners, listener_stats,
	    accepted, "connections accepted"),
	FIGURE(COUNTER, "shaken", env.shaken, "handshakes that succeeded"),
	FIGURE(COUNTER, "failed", env.failed, "handshakes that failed"),
	FIGURE(COUNTER, "timeouts", env.timeouts,
	    "handshakes that took too long"),
	FIGURE_GET(COUNTER, "limited", tls_limited,
	    "connections not proven that lost their place to others"),
	FIGURE_GET(COUNTER, "limited_tunnels", tls_tunnels_limited,
	    "tunnels that lost their place to others"),
	FIGURE(COUNTER, "stalled", env.stalled,
	    "connections closed because the peer did not read"),
	FIGURE_OF(COUNTER, "accept_paused", tls_listeners, listener_stats,
	    paused,
	    "times that accepting paused for lack of descriptors or memory"),
	FIGURE_OF(COUNTER, "octets_in", tls_octets, tlsconn_stats, octets_in,
	    "bytes decrypted"),
	FIGURE_OF(COUNTER, "octets_out", tls_octets, tlsconn_stats,
	    octets_out, "bytes encrypted"),
	{ .name = NULL }
};

/* Accepts no more.  Existing tunnels end when their workers end them. */
static void
tls_stop(uint32_t drain_ms)
{
	struct timeval	 tv = { drain_ms / 1000, drain_ms % 1000 * 1000 };

	env.stopping = 1;
	listener_close();
	if (drain_ms == 0 || env.nconns == 0)
		worker_exit();
	else if (drain_ms != UINT32_MAX && evtimer_add(env.stop, &tv) == -1)
		worker_exit();
}

const struct role	 role_tls = {
	.id = PROC_TLS,
	.init = tls_init,
	.begin = tls_begin,
	.configure = tls_configure,
	.ready = tls_ready,
	.joined = tls_joined,
	.left = tls_left,
	.message = tls_message,
	.figures = tls_figures,
	.ask = tls_ask,
	.stop = tls_stop
};
