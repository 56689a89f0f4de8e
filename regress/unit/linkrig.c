/* SPDX-License-Identifier: ISC */

/*
 * The rig of linkrig.h.  What a connection may rely on is asserted here and in
 * linkqconn.h, for every test: that it is asked nothing of streams that it has
 * forgotten, and is given nothing of those that have ended.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "frame.h"
#include "linkrig.h"

/* ---- the connection ---- */

struct qstream *
qstream_find(struct qconn *q, int64_t id)
{
	size_t	 i;

	for (i = 0; i < q->n; i++)
		if (q->streams[i].id == id)
			return (&q->streams[i]);
	return (NULL);
}

struct qstream *
qstream_known(struct qconn *q, int64_t id)
{
	struct qstream	*s = qstream_find(q, id);

	assert_non_null(s);
	assert_false(s->done);
	return (s);
}

struct qstream *
qstream_new(struct qconn *q, int64_t id)
{
	struct qstream	*s;

	assert_true(q->n < LINKRIG_STREAMS);
	s = &q->streams[q->n++];
	memset(s, 0, sizeof(*s));
	s->id = id;
	s->credit = q->credit;
	return (s);
}

static void
linkrig_sent_datagram(struct linkrig *r, const struct link_piece *p)
{
	struct qdatagram	*d;
	size_t			 i;

	if (r->q.refuses) {
		link_sent_datagram(r->link, 0);
		return;
	}
	assert_true(r->q.ndatagrams < LINKRIG_DATAGRAMS);
	d = &r->q.datagrams[r->q.ndatagrams++];
	for (d->len = i = 0; i < p->nvec; i++) {
		assert_true(d->len + p->vec[i].iov_len <= sizeof(d->octets));
		memcpy(d->octets + d->len, p->vec[i].iov_base,
		    p->vec[i].iov_len);
		d->len += p->vec[i].iov_len;
	}
	assert_true(d->len <= r->q.datagram_max);
	link_sent_datagram(r->link, 1);
}

static void
qstream_add(struct qstream *s, const void *p, size_t n)
{
	if (s->len + n > s->size) {
		s->size = 2 * (s->len + n);
		assert_non_null(s->octets = realloc(s->octets, s->size));
	}
	memcpy(s->octets + s->len, p, n);
	s->len += n;
}

/* As much as a packet holds, and its credit allows. */
static void
linkrig_sent_stream(struct linkrig *r, const struct link_piece *p)
{
	struct qstream	*s = qstream_known(&r->q, p->id);
	size_t		 i, n = 0, all = 0, max = LINKRIG_PACKET, k;
	int		 blocked = 0;

	assert_false(s->fin || s->resets > 0);
	for (i = 0; i < p->nvec; i++) {
		assert_true(p->vec[i].iov_len > 0);
		all += p->vec[i].iov_len;
	}
	assert_true(all > 0 || p->fin);
	if (max > s->credit - s->len)
		max = s->credit - s->len;
	if (max == 0 && all > 0)
		blocked = 1;
	for (i = 0; i < p->nvec && n < max; i++) {
		k = p->vec[i].iov_len < max - n ? p->vec[i].iov_len : max - n;
		qstream_add(s, p->vec[i].iov_base, k);
		n += k;
	}
	if (n == all && p->fin)
		s->fin = 1;
	link_sent(r->link, p, n, blocked);
}

int
linkrig_send(struct linkrig *r)
{
	struct link_piece	 p;

	if (r->link == NULL || r->q.stuck || r->q.closed ||
	    !link_next(r->link, &p))
		return (0);
	if (r->q.norder < 4096)
		r->q.order[r->q.norder++] = p.id;
	if (p.id == -1) {
		linkrig_sent_datagram(r, &p);
		return (!r->q.refuses);
	}
	linkrig_sent_stream(r, &p);
	return (1);
}

int
linkrig_ack(struct linkrig *r)
{
	struct qstream	*s;
	size_t		 i;
	int		 acked = 0;

	for (i = 0; i < r->q.n; i++) {
		s = &r->q.streams[i];
		if (s->len == s->acked || s->done)
			continue;
		s->acked = s->len;
		link_acked(r->link, s->id, s->len);
		acked = 1;
	}
	return (acked);
}

/* ---- the worker ---- */

static int
linkrig_worker_reads(struct linkrig *r)
{
	static uint8_t	 buf[65536];
	size_t		 want = sizeof(buf);
	ssize_t		 n;

	if (r->fd == -1 || r->eof)
		return (0);
	if (r->started && session_want(r->worker->s) < want)
		want = session_want(r->worker->s);
	if (!r->started && want > sizeof(r->raw) - r->raw_len)
		want = sizeof(r->raw) - r->raw_len;
	if (want == 0 || ((n = recv(r->fd, buf, want, MSG_DONTWAIT)) == -1 &&
	    errno == EAGAIN))
		return (0);
	if (n <= 0) {
		r->eof = 1;
		r->lost = n == -1;
		return (1);
	}
	if (r->started) {
		assert_int_equal(session_input(r->worker->s, buf, n), 0);
		return (1);
	}
	memcpy(r->raw + r->raw_len, buf, n);
	r->raw_len += n;
	return (1);
}

static int
linkrig_worker_writes(struct linkrig *r)
{
	struct rig	*w = r->worker;
	ssize_t		 n;

	if (r->fd == -1 || !r->started)
		return (0);
	if (w->out_len == 0)
		w->out_len = session_output(w->s, w->out, 65536);
	if (w->out_len == 0)
		return (0);
	n = send(r->fd, w->out, w->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1) {
		assert_true(errno == EAGAIN || errno == EPIPE);
		return (0);
	}
	memmove(w->out, w->out + n, w->out_len - n);
	w->out_len -= n;
	return (1);
}

void
linkrig_write(struct linkrig *r, const void *p, size_t n)
{
	assert_int_equal(send(r->fd, p, n, MSG_NOSIGNAL), n);
}

void
linkrig_start(struct linkrig *r)
{
	r->started = 1;
	session_probe(r->worker->s);
}

void
linkrig_leave(struct linkrig *r)
{
	close(r->fd);
	r->fd = -1;
}

int
linkrig_step(struct linkrig *r)
{
	int	 moved;

	event_base_loop(frame_base, EVLOOP_NONBLOCK);
	moved = linkrig_worker_writes(r);
	moved |= linkrig_worker_reads(r);
	return (moved | linkrig_send(r));
}

void
linkrig_run(struct linkrig *r)
{
	int	 moved = 1;

	while (moved) {
		moved = linkrig_step(r);
		if (r->link != NULL && !r->q.deaf)
			moved |= linkrig_ack(r);
	}
	event_base_loop(frame_base, EVLOOP_NONBLOCK);
}

void
linkrig_pass(struct linkrig *r, uint64_t ms)
{
	uint64_t	 at;

	for (at = 0; at < ms; at += 1000) {
		r->now += (ms - at < 1000 ? ms - at : 1000) * 1000;
		(void)session_tick(r->worker->s, r->now);
		link_tick(r->link, r->now);
		linkrig_run(r);
	}
}

/* ---- made and freed ---- */

struct linkrig *
linkrig_early(uint32_t dialect, int server, int may_open)
{
	struct session_conf	 c;
	struct linkrig		*r;
	int			 fds[2];

	assert_non_null(r = calloc(1, sizeof(*r)));
	r->now = 1000000000;
	frame_clock = &r->now;
	if (frame_base == NULL)
		assert_non_null(frame_base = event_base_new());
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0, fds), 0);
	r->fd = fds[1];
	r->q.server = server;
	r->q.next = server ? 1 : 0;
	r->q.may_open = 100;
	r->q.datagram_max = 1200;
	r->q.credit = UINT32_MAX;
	rig_conf(&c);
	c.inside = 1;
	c.may_open = may_open;
	c.first_urgent = dialect == DIALECT_ROCKET;
	c.caps = CAP_HALFCLOSE | CAP_RESET | CAP_BULK;
	c.max_streams = RIG_STREAMS;
	r->worker = rig_new(&c);
	assert_non_null(r->link = link_new(&r->q, dialect, fds[0]));
	return (r);
}

struct linkrig *
linkrig_new(uint32_t dialect, int server, int may_open)
{
	struct linkrig	*r = linkrig_early(dialect, server, may_open);

	linkrig_start(r);
	if (dialect == DIALECT_ROCKET)
		linkrig_says(r, 0, "", 1);
	linkrig_run(r);
	if (dialect == DIALECT_ROCKET) {
		assert_true(linkrig_stream(r, 0)->fin);
		linkrig_over(r, 0);
	}
	return (r);
}

void
linkrig_free(struct linkrig *r)
{
	size_t	 i;

	link_free(r->link);
	rig_free(r->worker);
	for (i = 0; i < r->q.n; i++)
		free(r->q.streams[i].octets);
	if (r->fd != -1)
		close(r->fd);
	free(r);
	frame_clock = NULL;
}

/* ---- the peer ---- */

struct qstream *
linkrig_stream(struct linkrig *r, int64_t id)
{
	return (qstream_find(&r->q, id));
}

void
linkrig_know(struct linkrig *r, int64_t id)
{
	if (qstream_find(&r->q, id) == NULL)
		qstream_new(&r->q, id);
}

void
linkrig_puts(struct linkrig *r, int64_t id, const uint8_t *p, size_t n,
    int fin)
{
	uint8_t	*copy;

	linkrig_know(r, id);
	/* a copy that ends where the octets do, for the sanitizer */
	assert_non_null(copy = malloc(n + (n == 0)));
	if (n > 0)
		memcpy(copy, p, n);
	link_data(r->link, id, copy, n, fin);
	free(copy);
}

void
linkrig_says(struct linkrig *r, int64_t id, const char *text, int fin)
{
	linkrig_puts(r, id, (const uint8_t *)text, strlen(text), fin);
}

void
linkrig_sends(struct linkrig *r, int64_t id, uint64_t off, size_t n, int fin)
{
	uint8_t	 buf[LINKRIG_PACKET];
	size_t	 k;

	do {
		k = n < sizeof(buf) ? n : sizeof(buf);
		rig_pattern(buf, off, k);
		off += k;
		n -= k;
		linkrig_puts(r, id, buf, k, fin && n == 0);
	} while (n > 0);
}

void
linkrig_datagram(struct linkrig *r, const char *hex)
{
	uint8_t		*buf;
	unsigned int	 v;
	size_t		 n = 0;

	assert_non_null(buf = malloc(strlen(hex) / 2 + 1));
	for (; *hex != '\0'; hex++) {
		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex++, "%2x", &v), 1);
		buf[n++] = (uint8_t)v;
	}
	link_datagram(r->link, buf, n);
	free(buf);
}

void
linkrig_got(struct linkrig *r, int64_t id, const char *text)
{
	struct qstream	*s = linkrig_stream(r, id);

	assert_non_null(s);
	assert_int_equal(s->len, strlen(text));
	assert_memory_equal(s->octets, text, s->len);
}

void
linkrig_got_pattern(struct linkrig *r, int64_t id, size_t skip, size_t n)
{
	struct qstream	*s = linkrig_stream(r, id);
	uint8_t		*want;

	assert_non_null(s);
	assert_int_equal(s->len, skip + n);
	assert_non_null(want = malloc(n + 1));
	rig_pattern(want, 0, n);
	assert_memory_equal(s->octets + skip, want, n);
	free(want);
}

void
linkrig_over(struct linkrig *r, int64_t id)
{
	struct qstream	*s = qstream_known(&r->q, id);

	s->done = 1;
	link_over(r->link, id);
}
