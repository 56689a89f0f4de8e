/* SPDX-License-Identifier: ISC */

/*
 * A link between a peer and a worker who both say anything: streams, ends,
 * resets and datagrams in any order, acknowledgements of some of what was sent;
 * octets on the pair, frames or not.  The connection is played as QUIC lets it
 * be: streams are forgotten once, and nothing is asked of one that is.  Credit
 * is never given for more than has come, and what is held stays within bounds.
 * At the end nothing is left.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/opts.h"
#include "worker/frame/worker.h"
#include "worker/quic/linkint.h"
#include "worker/session/smuxint.h"
#include "script.h"

#define STREAMS		24
#define PACKET		1200

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct qstream {
	int64_t		 id;
	uint64_t	 came, sent, acked, credit;
	int		 fin, in_fin, reset, over, done;
};

struct qconn {
	int		 server;
	int		 may_open;
	int64_t		 next;
	struct qstream	 streams[STREAMS];
	size_t		 n;
	size_t		 datagram_max;
	uint64_t	 came, consumed;
	int		 closed;
};

static struct event_base	*base;
static uint64_t			 now;
static struct qconn		 q;
static struct link		*l;
static int			 fd;		/* the worker's end, or -1 */
static uint32_t			 next_id;	/* of its streams */
static uint8_t			 filler[65536];

struct event_base *
worker_base(void)
{
	return (base);
}

uint64_t
worker_now(void)
{
	return (now);
}

/* ---- the connection ---- */

static struct qstream *
find(int64_t id)
{
	size_t	 i;

	for (i = 0; i < q.n; i++)
		if (q.streams[i].id == id)
			return (&q.streams[i]);
	return (NULL);
}

/* One that the link may speak of. */
static struct qstream *
known(int64_t id)
{
	struct qstream	*s = find(id);

	must(s != NULL && !s->over && !q.closed);
	return (s);
}

static struct qstream *
add(int64_t id)
{
	struct qstream	*s;

	if (q.n == STREAMS)
		return (NULL);
	s = &q.streams[q.n++];
	memset(s, 0, sizeof(*s));
	s->id = id;
	s->credit = 100000;
	return (s);
}

int
qconn_is_server(const struct qconn *conn)
{
	return (conn->server);
}

int
qconn_open(struct qconn *conn, int64_t *id)
{
	must(!conn->closed);
	if (conn->may_open == 0 || add(conn->next) == NULL)
		return (-1);
	conn->may_open--;
	*id = conn->next;
	conn->next += 4;
	return (0);
}

void
qconn_consumed(struct qconn *conn, int64_t id, struct qconn_credit *credit,
    size_t n)
{
	(void)credit;
	if (id != -1)
		(void)known(id);
	must(!conn->closed && n > 0);
	conn->consumed += n;
	must(conn->consumed <= conn->came);
}

void
qconn_reset(struct qconn *conn, int64_t id, uint64_t code)
{
	(void)conn;
	(void)code;
	known(id)->reset = 1;
}

void
qconn_stop(struct qconn *conn, int64_t id, uint64_t code)
{
	(void)conn;
	(void)code;
	(void)known(id);
}

void
qconn_done(struct qconn *conn, int64_t id)
{
	struct qstream	*s = find(id);

	must(!conn->closed && s != NULL && s->over && !s->done);
	must((id & 1) == (conn->server ? 0 : 1));
	s->done = 1;
}

void
qconn_wake(struct qconn *conn)
{
	(void)conn;
}

size_t
qconn_datagram_max(const struct qconn *conn)
{
	return (conn->datagram_max);
}

void
qconn_close(struct qconn *conn, uint64_t code, const char *words,
    const char *why)
{
	(void)code;
	(void)why;
	must(!conn->closed && words != NULL);
	conn->closed = 1;
}

void
qconn_facts(const struct qconn *conn, struct qconn_facts *facts)
{
	(void)conn;
	facts->rtt_us = now;
}

void
qconn_progress(struct qconn *conn)
{
	(void)conn;
}

/* One packet.  0: there was nothing, or no room for it. */
static int
send_one(int takes)
{
	struct link_piece	 p;
	struct qstream		*s;
	size_t			 i, all = 0, n;

	if (!link_next(l, &p))
		return (0);
	must(!q.closed && p.nvec <= LINK_VECS);
	for (i = 0; i < p.nvec; i++) {
		must(p.vec[i].iov_len > 0);
		must(p.vec[i].iov_len <= sizeof(filler));
		memcpy(filler, p.vec[i].iov_base, p.vec[i].iov_len);
		all += p.vec[i].iov_len;
	}
	if (p.id == -1) {
		must(all <= q.datagram_max);
		link_sent_datagram(l, takes);
		return (takes);
	}
	s = known(p.id);
	must(!s->fin && !s->reset && (all > 0 || p.fin));
	n = all < PACKET ? all : PACKET;
	if (n > s->credit - s->sent)
		n = s->credit - s->sent;
	s->sent += n;
	if (n == all && p.fin)
		s->fin = 1;
	link_sent(l, &p, n, n == 0 && all > 0);
	return (1);
}

/* ---- what the peer does ---- */

/* One of the peer's, new or known, or of ours; NULL: it is over. */
static struct qstream *
pick(uint8_t which)
{
	struct qstream	*s;
	int64_t		 id = (which & 15) * 4 + (q.server ? 0 : 1);

	if (which & 16)
		id ^= 1;
	if ((which & 0xe0) == 0xe0)
		id |= 2;
	if ((s = find(id)) == NULL) {
		if ((id & 1) != (q.server ? 0 : 1))
			return (NULL);
		s = add(id);
	}
	return (s == NULL || s->over ? NULL : s);
}

static void
peer_sends(struct qstream *s, uint8_t how)
{
	uint8_t	*p;
	size_t	 n = how & 0x40 ? script_octet() * 256 : how & 63;

	if (s->in_fin)
		return;
	must((p = malloc(n + 1)) != NULL);
	memset(p, how, n);
	(void)script_octets(p, n < 64 ? n : 64);
	s->came += n;
	q.came += n;
	s->in_fin = (how & 0x80) != 0;
	link_data(l, s->id, p, n, s->in_fin);
	free(p);
}

static void
peer_datagram(void)
{
	uint8_t	*p;
	size_t	 n = script_octet(), big = n & 0x80 ? n * 400 : n;

	must((p = malloc(big + 1)) != NULL);
	memset(p, 0, big);
	(void)script_octets(p, big < 64 ? big : 64);
	link_datagram(l, p, big);
	free(p);
}

/* Its directions have ended, as far as QUIC knows, or not. */
static void
peer_forgets(struct qstream *s)
{
	s->over = 1;
	link_over(l, s->id);
}

static void
peer_acts(uint8_t what)
{
	struct qstream	*s;

	if (what >= 7) {
		peer_datagram();
		return;
	}
	if ((s = pick(script_octet())) == NULL)
		return;
	switch (what) {
	case 0:
	case 1:
		peer_sends(s, script_octet());
		break;
	case 2:
		if (!s->in_fin || script_octet() & 1) {
			s->in_fin = 1;
			link_was_reset(l, s->id, script_octet());
		}
		break;
	case 3:
		link_was_stopped(l, s->id, script_octet());
		break;
	case 4:
		s->acked += (s->sent - s->acked) * script_octet() / 255;
		link_acked(l, s->id, s->acked);
		break;
	case 5:
		peer_forgets(s);
		break;
	default:
		s->credit += script_octet() * 1000;
		link_may_send(l, s->id);
		break;
	}
}

/* ---- what the worker does ---- */

static void
worker_writes(const void *p, size_t n)
{
	if (fd != -1 && n > 0)
		(void)send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A frame of a session, right but for its content. */
static void
worker_frame(uint8_t command, uint32_t id, size_t len)
{
	uint8_t	 buf[8 + 65535] = { 2, command, len, len >> 8, id, id >> 8 };
	size_t	 n = len < 64 ? len : 64;

	(void)script_octets(buf + 8, n);
	worker_writes(buf, 8 + len);
}

static void
worker_acts(uint8_t what)
{
	uint8_t	 buf[256];
	uint32_t id;

	switch (what) {
	case 0:
		worker_writes(buf, script_octets(buf, script_octet()));
		break;
	case 1:
		worker_frame(SMUX_SYN, next_id, 0);
		next_id += 2;
		break;
	case 2:
	case 3:
		id = script_octet();
		worker_frame(SMUX_PSH, id, what == 2 ? script_octet() :
		    script_octet() * 257);
		break;
	case 4:
		worker_frame(SMUX_FIN, script_octet(), 0);
		break;
	case 5:
		worker_frame(SMUX_RST, script_octet(), 4);
		break;
	case 6:
		while (fd != -1 && recv(fd, filler, sizeof(filler),
		    MSG_DONTWAIT) > 0)
			;
		break;
	default:
		if (fd != -1 && script_octet() < 32) {
			close(fd);
			fd = -1;
		}
		break;
	}
}

/* ---- an input ---- */

static void
turn(void)
{
	uint8_t	 what = script_octet();
	int	 i;

	switch (what >> 4) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
		peer_acts(what & 7);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		worker_acts(what & 7);
		break;
	case 10:
		for (i = what & 15; i > 0 && send_one(1); i--)
			;
		break;
	case 11:
		(void)send_one(0);
		break;
	case 12:
		now += (what & 15) * 100000ULL;
		link_tick(l, now);
		break;
	case 13:
		q.may_open += what & 15;
		link_may_open(l);
		break;
	case 14:
		q.datagram_max = (what & 15) * 100;
		break;
	default:
		break;
	}
	if (what & 8)
		event_base_loop(base, EVLOOP_NONBLOCK);
	must(l->held <= 1024 * 1024 && l->depth == 0);
	must(l->unacked <= 12 * 1024 * 1024 + 2 * 16384);
	must(TAILQ_EMPTY(&l->dead));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t	 how;
	int	 fds[2], i;

	if (base == NULL)
		must((base = event_base_new()) != NULL);
	script_begin(p, n);
	how = script_octet();
	memset(&q, 0, sizeof(q));
	now = 1000000000;
	next_id = 3;
	q.server = how & 1;
	q.next = q.server ? 1 : 0;
	q.may_open = how >> 4;
	q.datagram_max = 1200;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	fd = fds[1];
	must((l = link_new(&q, how & 2 ? DIALECT_MYTUNNEL : DIALECT_ROCKET,
	    fds[0])) != NULL);
	if (how & 4) {			/* the opening is over */
		if (!(how & 2) && q.server)
			must(add(0) != NULL);
		if (!(how & 2) && find(0) != NULL) {
			find(0)->in_fin = 1;
			link_data(l, 0, NULL, 0, 1);
		}
		worker_writes("\002\003\000\000\000\000\000\000", 8);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	while (script_left() > 0 && !q.closed)
		turn();
	for (i = 0; i < 8 && !q.closed; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		while (send_one(1))
			;
	}
	link_free(l);
	if (fd != -1)
		close(fd);
	event_base_loop(base, EVLOOP_NONBLOCK);	/* it may have lived on */
	return (0);
}
