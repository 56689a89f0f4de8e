/* SPDX-License-Identifier: ISC */

/*
 * A connection's packets and timers.  What comes is given to ngtcp2 at once, or
 * kept, while a step of its handshake waits.  What is to be sent is built in
 * turns: each connection that has something has a quantum in its turn, and all
 * that a turn has built leaves together.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "qconnint.h"

/* Octets of one connection in a turn, at least and at most. */
#define QUANTUM_MIN	(10 * 1200)
#define QUANTUM_MAX	(64 * 1024)
/* No timer fires sooner again: a clock of ours has microseconds. */
#define GRAIN_US	100
#define TICK_US		1000000
/* Pieces of its link's that are looked at for one packet. */
#define PIECES_MAX	64
/* Streams that wait for the peer's credit of all together. */
#define STARVED_MAX	65536

TAILQ_HEAD(ready_list, qconn);
RB_HEAD(expiries, qconn);

static struct {
	struct ready_list	 ready;
	struct expiries		 expiries;
	struct event		 turn;
	struct event		 timer;
	struct event		 tick;
	int			 turning;
} env;

static int	 expiry_cmp(const struct qconn *, const struct qconn *);

RB_PROTOTYPE_STATIC(expiries, qconn, by_expiry, expiry_cmp)
RB_GENERATE_STATIC(expiries, qconn, by_expiry, expiry_cmp)

static int
expiry_cmp(const struct qconn *a, const struct qconn *b)
{
	if (a->expiry != b->expiry)
		return (a->expiry < b->expiry ? -1 : 1);
	return (a < b ? -1 : a > b);
}

void
qconn_path(ngtcp2_path_storage *ps, const struct addr *local,
    const struct addr *peer)
{
	struct sockaddr_storage	 l, p;
	socklen_t		 llen = addr_to_sa(local, &l);
	socklen_t		 plen = addr_to_sa(peer, &p);

	ngtcp2_path_storage_init(ps, (struct sockaddr *)&l, llen,
	    (struct sockaddr *)&p, plen, NULL);
}

/* ---- timers ---- */

static void
timer_set(void)
{
	struct qconn	*c = RB_MIN(expiries, &env.expiries);
	uint64_t	 now = worker_now(), us;
	struct timeval	 tv;

	if (c == NULL) {
		(void)event_del(&env.timer);
		return;
	}
	us = c->expiry > now + GRAIN_US ? c->expiry - now : GRAIN_US;
	tv.tv_sec = us / 1000000;
	tv.tv_usec = us % 1000000;
	(void)evtimer_add(&env.timer, &tv);
}

void
qconn_untime(struct qconn *c)
{
	if (c->timed)
		RB_REMOVE(expiries, &env.expiries, c);
	c->timed = 0;
}

void
qconn_retime(struct qconn *c)
{
	uint64_t	 first = c->deadline == 0 ? UINT64_MAX : c->deadline;
	uint64_t	 ns;

	/* While a step waits ngtcp2 is in the middle of it. */
	if (c->quic != NULL && !signer_busy(&c->step) &&
	    (ns = ngtcp2_conn_get_expiry(c->quic)) != UINT64_MAX &&
	    ns / 1000 + 1 < first)
		first = ns / 1000 + 1;
	if (c->timed && c->expiry == first)
		return;
	qconn_untime(c);
	if (first == UINT64_MAX)
		return;
	c->expiry = first;
	RB_INSERT(expiries, &env.expiries, c);
	c->timed = 1;
	if (!env.turning && RB_MIN(expiries, &env.expiries) == c)
		timer_set();
}

/* It may be gone then. */
static void
qconn_expired(struct qconn *c, uint64_t now)
{
	int	 r;

	if (c->deadline != 0 && c->deadline <= now) {
		if (c->state == QCONN_LINGER)
			qconn_free(c);
		else
			qserve_timeout(c);
		return;
	}
	if (c->quic == NULL)
		return;
	if (signer_busy(&c->step)) {
		qconn_retime(c);	/* its deadline stays */
		return;
	}
	if ((r = ngtcp2_conn_handle_expiry(c->quic, NS(now))) != 0)
		qconn_fail(c, r);
	else
		qconn_wake(c);
}

static void
qconnio_timer(evutil_socket_t fd, short what, void *arg)
{
	struct qconn	*c;
	uint64_t	 now = worker_now();

	(void)fd;
	(void)what;
	(void)arg;
	while ((c = RB_MIN(expiries, &env.expiries)) != NULL &&
	    c->expiry <= now) {
		qconn_untime(c);
		qconn_expired(c, now);
	}
	timer_set();
}

static void
qconnio_tick(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval	 tv = { TICK_US / 1000000, 0 };
	struct qconn			*c;
	uint64_t			 now = worker_now();

	(void)fd;
	(void)what;
	(void)arg;
	TAILQ_FOREACH(c, &qenv.all, entry) {
		if (signer_busy(&c->step))
			continue;
		if (c->link != NULL)
			link_tick(c->link, now);
		qpath_tick(c, now);
	}
	(void)evtimer_add(&env.tick, &tv);
}

/* ---- what comes ---- */

void
qconn_drop_kept(struct qconn *c)
{
	struct kept	*k;

	while ((k = TAILQ_FIRST(&c->kept)) != NULL) {
		TAILQ_REMOVE(&c->kept, k, entry);
		free(k);
	}
	c->nkept = 0;
	c->kept_octets = 0;
}

static void
qconn_keep(struct qconn *c, const struct endpoint_packet *p)
{
	struct kept	*k;

	if (c->nkept == KEPT_MAX || p->len > KEPT_OCTETS - c->kept_octets ||
	    (k = malloc(sizeof(*k) + p->len)) == NULL) {
		qenv.stats.dropped_kept++;
		return;
	}
	k->peer = *p->peer;
	k->local = *p->local;
	k->ecn = p->ecn;
	k->len = p->len;
	memcpy(k->octets, p->octets, p->len);
	TAILQ_INSERT_TAIL(&c->kept, k, entry);
	c->nkept++;
	c->kept_octets += p->len;
}

static int
qconn_read(struct qconn *c, const struct endpoint_packet *p)
{
	ngtcp2_path_storage	 ps;
	ngtcp2_pkt_info		 pi;

	memset(&pi, 0, sizeof(pi));
	pi.ecn = (uint8_t)p->ecn;
	qconn_path(&ps, p->local, p->peer);
	return (ngtcp2_conn_read_pkt(c->quic, &ps.path, &pi, p->octets, p->len,
	    NS(worker_now())));
}

/* The peer's credit of all streams together has grown. */
static void
qconn_feed(struct qconn *c)
{
	size_t	 i, n = c->nstarved;

	if (n == 0 || c->link == NULL ||
	    ngtcp2_conn_get_max_data_left(c->quic) == 0)
		return;
	c->nstarved = 0;
	for (i = 0; i < n; i++)
		link_may_send(c->link, c->starved[i]);
}

/* Packets have been read.  It may be gone then. */
static void
qconn_was_read(struct qconn *c, int r)
{
	int	 fd;

	if (r != 0) {
		qconn_fail(c, r);
		return;
	}
	if (c->state == QCONN_SHAKE && c->far != -1) {
		fd = c->far;
		c->far = -1;
		qenv.stats.shaken++;
		if (c->server)
			qserve_opened(c, fd);
		else
			qdial_opened(c, fd);
	}
	qconn_feed(c);
	qconn_wake(c);
}

/* On a stack of its own: takes all that is kept. */
static void
qconn_step(struct signstep *step)
{
	struct qconn		*c = (struct qconn *)(void *)((char *)step -
				    offsetof(struct qconn, step));
	struct endpoint_packet	 p;
	struct kept		*k;

	c->step_rv = 0;
	while (c->step_rv == 0 && (k = TAILQ_FIRST(&c->kept)) != NULL) {
		TAILQ_REMOVE(&c->kept, k, entry);
		c->nkept--;
		c->kept_octets -= k->len;
		p.octets = k->octets;
		p.len = k->len;
		p.ecn = k->ecn;
		p.peer = &k->peer;
		p.local = &k->local;
		c->step_rv = qconn_read(c, &p);
		free(k);
	}
}

static void
qconn_stepped(struct signstep *step)
{
	struct qconn	*c = (struct qconn *)(void *)((char *)step -
			    offsetof(struct qconn, step));

	qconn_was_read(c, c->step_rv);
}

void
qconn_packet(struct qconn *c, const struct endpoint_packet *p)
{
	if (c->state == QCONN_LINGER) {
		qconn_lingers(c, p);
		return;
	}
	if (!signer_busy(&c->step) && !qtls_may_sign(c->tls)) {
		qconn_was_read(c, qconn_read(c, p));
		return;
	}
	qconn_keep(c, p);
	if (signer_busy(&c->step))
		return;
	c->step.step = qconn_step;
	c->step.taken = qconn_stepped;
	signer_begin(&c->step, c->charge.source);
}

/* ---- what is sent ---- */

/* It is full up to here, or there is nothing else to put into it. */
void
qconn_finish(struct qconn *c)
{
	if (!c->more)
		return;
	c->more = 0;
	c->done = ngtcp2_conn_write_pkt(c->quic, &c->ps.path, &c->pi, c->pkt,
	    ENDPOINT_PACKET, c->ts);
}

/* The peer has no credit for any stream: until it has, this one rests. */
static int
qconn_starve(struct qconn *c, int64_t id)
{
	size_t	 size = c->starved_size == 0 ? 16 : 2 * c->starved_size;
	int64_t	*p;

	if (c->nstarved == c->starved_size) {
		if (size > STARVED_MAX || (p = reallocarray(c->starved, size,
		    sizeof(*p))) == NULL)
			return (-1);
		c->starved = p;
		c->starved_size = size;
	}
	c->starved[c->nstarved++] = id;
	return (0);
}

/*
 * Puts a piece of a stream into the packet.  The packet's length if that is
 * full, 0: nothing can be sent now; NGTCP2_ERR_WRITE_MORE: there is room.
 */
static ngtcp2_ssize
qconn_put_stream(struct qconn *c, const struct link_piece *piece)
{
	ngtcp2_vec	 vec[LINK_VECS];
	ngtcp2_ssize	 n, took = -1;
	uint32_t	 flags = NGTCP2_WRITE_STREAM_FLAG_MORE;
	size_t		 i, nvec = 0;

	/* One without octets would be an assertion of ngtcp2's. */
	for (i = 0; i < piece->nvec; i++)
		if (piece->vec[i].iov_len > 0) {
			vec[nvec].base = piece->vec[i].iov_base;
			vec[nvec++].len = piece->vec[i].iov_len;
		}
	if (nvec > 0 && ngtcp2_conn_get_max_data_left(c->quic) == 0) {
		/* without room for it, it is offered again */
		if (qconn_starve(c, piece->id) == 0)
			link_sent(c->link, piece, 0, 1);
		return (NGTCP2_ERR_WRITE_MORE);
	}
	if (piece->fin)
		flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
	n = ngtcp2_conn_writev_stream(c->quic, &c->ps.path, &c->pi, c->pkt,
	    ENDPOINT_PACKET, &took, flags, piece->id, vec, nvec, c->ts);
	if (n == NGTCP2_ERR_WRITE_MORE)
		c->more = 1;
	else if (n >= 0)
		c->more = 0;
	switch (n) {
	case NGTCP2_ERR_STREAM_DATA_BLOCKED:
		c->more = 1;		/* with other frames it may be */
		link_sent(c->link, piece, 0, 1);
		return (NGTCP2_ERR_WRITE_MORE);
	case NGTCP2_ERR_STREAM_SHUT_WR:
		link_was_stopped(c->link, piece->id, 0);
		return (NGTCP2_ERR_WRITE_MORE);
	case NGTCP2_ERR_STREAM_NOT_FOUND:
		link_over(c->link, piece->id);
		return (NGTCP2_ERR_WRITE_MORE);
	default:
		break;
	}
	if (took >= 0)
		link_sent(c->link, piece, (size_t)took, 0);
	return (n);
}

/* The same of a datagram. */
static ngtcp2_ssize
qconn_put_datagram(struct qconn *c, const struct link_piece *piece)
{
	ngtcp2_vec	 vec[LINK_VECS];
	ngtcp2_ssize	 n;
	size_t		 i, nvec = 0, len = 0;
	int		 took = 0;

	for (i = 0; i < piece->nvec; i++)
		if (piece->vec[i].iov_len > 0) {
			vec[nvec].base = piece->vec[i].iov_base;
			vec[nvec++].len = piece->vec[i].iov_len;
			len += piece->vec[i].iov_len;
		}
	if (len > qconn_datagram_max(c)) {
		link_sent_datagram(c->link, 0);
		return (NGTCP2_ERR_WRITE_MORE);
	}
	n = ngtcp2_conn_writev_datagram(c->quic, &c->ps.path, &c->pi, c->pkt,
	    ENDPOINT_PACKET, &took, NGTCP2_WRITE_DATAGRAM_FLAG_MORE, 0, vec,
	    nvec, c->ts);
	if (n == NGTCP2_ERR_WRITE_MORE)
		c->more = 1;
	else if (n >= 0)
		c->more = 0;
	if (n == NGTCP2_ERR_INVALID_STATE || n == NGTCP2_ERR_INVALID_ARGUMENT)
		n = NGTCP2_ERR_WRITE_MORE;	/* the peer takes none */
	link_sent_datagram(c->link, took);
	return (n);
}

/*
 * Builds one packet.  Its length; 0: there is nothing to send, or not now; or
 * an error of ngtcp2's, which ends the connection.
 */
static ngtcp2_ssize
qconn_build(struct qconn *c)
{
	struct link_piece	 piece;
	ngtcp2_ssize		 n;
	int			 tries = 0;

	c->more = 0;
	c->done = -1;
	while (c->link != NULL && tries++ < PIECES_MAX &&
	    link_next(c->link, &piece)) {
		n = c->done;		/* a call of the link's finished it */
		if (n == -1)
			n = piece.id == -1 ? qconn_put_datagram(c, &piece) :
			    qconn_put_stream(c, &piece);
		if (c->done != -1)
			n = c->done;
		if (n == 0 && c->more)
			break;
		if (n != NGTCP2_ERR_WRITE_MORE)
			return (n);
	}
	if (c->done != -1)
		return (c->done);
	c->more = 0;
	return (ngtcp2_conn_write_pkt(c->quic, &c->ps.path, &c->pi, c->pkt,
	    ENDPOINT_PACKET, c->ts));
}

/* Which socket a path is of: a client may have two. */
static struct endpoint *
qconn_endpoint(struct qconn *c, const struct addr *local)
{
	if (c->old != NULL && !addr_same(local, &c->ep->local, 1) &&
	    addr_same(local, &c->old->local, 1))
		return (c->old);
	return (c->ep);
}

static void
qconn_put(struct qconn *c, size_t len)
{
	uint8_t		 copy[ENDPOINT_PACKET], *room = c->pkt;
	struct addr	 peer, local;
	struct endpoint	*e;

	addr_from_sa(&peer, (struct sockaddr *)c->ps.path.remote.addr);
	addr_from_sa(&local, (struct sockaddr *)c->ps.path.local.addr);
	if ((e = qconn_endpoint(c, &local)) != c->ep) {
		memcpy(copy, room, len);
		if ((room = endpoint_room(e)) == NULL)
			return;		/* as lost */
		memcpy(room, copy, len);
	}
	c->packets++;
	if (c->said == 0)
		c->said = worker_now();
	endpoint_put(e, len, c->pi.ecn, &peer, &local);
}

void
qconn_write(struct qconn *c)
{
	size_t		 sent = 0, quantum;
	ngtcp2_ssize	 n = 0;

	c->ts = NS(worker_now());
	quantum = ngtcp2_conn_get_send_quantum(c->quic);
	quantum = quantum < QUANTUM_MIN ? QUANTUM_MIN :
	    quantum > QUANTUM_MAX ? QUANTUM_MAX : quantum;
	ngtcp2_path_storage_zero(&c->ps);
	while (sent < quantum && (c->pkt = endpoint_room(c->ep)) != NULL) {
		memset(&c->pi, 0, sizeof(c->pi));
		if ((n = qconn_build(c)) <= 0)
			break;
		qconn_put(c, (size_t)n);
		sent += (size_t)n;
	}
	c->blocked = sent < quantum && c->pkt == NULL;
	c->pkt = NULL;
	if (n < 0) {
		qconn_fail(c, (int)n);
		return;
	}
	ngtcp2_conn_update_pkt_tx_time(c->quic, c->ts);
	if (sent >= quantum)
		qconn_wake(c);		/* after others */
	qconn_retime(c);
}

/* ---- turns ---- */

void
qconn_unready(struct qconn *c)
{
	if (c->is_ready)
		TAILQ_REMOVE(&env.ready, c, ready);
	c->is_ready = 0;
}

void
qconn_wake(struct qconn *c)
{
	if (c->is_ready || c->quic == NULL || c->dying)
		return;
	if (TAILQ_EMPTY(&env.ready) && !env.turning)
		event_active(&env.turn, EV_TIMEOUT, 0);
	TAILQ_INSERT_TAIL(&env.ready, c, ready);
	c->is_ready = 1;
}

static void
qconn_turn(struct qconn *c)
{
	if (signer_busy(&c->step)) {
		qconn_retime(c);	/* what it was woken for waits, too */
		return;
	}
	if (qpath_turn(c) == -1)
		return;
	if (c->closing)
		qconn_end(c);
	else
		qconn_write(c);
}

static void
qconnio_turn(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval	 soon = { 0, 0 };
	struct qconn			*c, *last;

	(void)fd;
	(void)what;
	(void)arg;
	env.turning = 1;
	last = TAILQ_LAST(&env.ready, ready_list);
	/* Who comes again comes in the next turn. */
	while ((c = TAILQ_FIRST(&env.ready)) != NULL) {
		qconn_unready(c);
		qconn_turn(c);
		if (c == last)
			break;
	}
	endpoint_flush();
	env.turning = 0;
	timer_set();
	if (!TAILQ_EMPTY(&env.ready))
		(void)evtimer_add(&env.turn, &soon);
}

void
qconnio_init(void)
{
	static const struct timeval	 tv = { TICK_US / 1000000, 0 };

	TAILQ_INIT(&env.ready);
	RB_INIT(&env.expiries);
	if (evtimer_assign(&env.turn, worker_base(), qconnio_turn, NULL) ==
	    -1 || evtimer_assign(&env.timer, worker_base(), qconnio_timer,
	    NULL) == -1 || evtimer_assign(&env.tick, worker_base(),
	    qconnio_tick, NULL) == -1 || evtimer_add(&env.tick, &tv) == -1)
		fatal("quic: event");
}
