/* SPDX-License-Identifier: ISC */

/*
 * The link that quicrig.h has in place of the real one.  A test includes this
 * once: an archive of rigs cannot have what a program's archive has too.
 */

#ifndef UNIT_QUICLINK_H
#define UNIT_QUICLINK_H

#include "worker/quic/qconnint.h"
#include "quicrig.h"

struct link		*qrig_server, *qrig_client;
uint8_t			 qrig_pattern[QRIG_ROOM];
size_t			 qrig_behind;

struct link *
link_new(struct qconn *c, uint32_t dialect, int fd)
{
	struct link	*l;

	assert_int_equal(dialect, DIALECT_ROCKET);
	assert_non_null(l = calloc(1, sizeof(*l)));
	l->c = c;
	l->fd = fd;
	if (qconn_is_server(c))
		qrig_server = l;
	else
		qrig_client = l;
	if (qrig_behind > 0 && !qconn_is_server(c))
		(void)ngtcp2_conn_submit_crypto_data(c->quic,
		    NG_LEVEL_HANDSHAKE, qrig_pattern, qrig_behind);
	return (l);
}

void
link_free(struct link *l)
{
	if (l == NULL)
		return;
	if (l == qrig_server)
		qrig_server = NULL;
	if (l == qrig_client)
		qrig_client = NULL;
	close(l->fd);
	free(l);
}

struct qrig_stream *
qrig_stream(struct link *l, int64_t id)
{
	struct qrig_stream	*s, *unused = NULL;

	assert_non_null(l);
	for (s = l->streams; s < l->streams + QRIG_STREAMS; s++) {
		if (s->used && s->id == id)
			return (s);
		if (!s->used && unused == NULL)
			unused = s;
	}
	assert_non_null(unused);
	if (unused == NULL)
		abort();
	memset(unused, 0, sizeof(*unused));
	unused->used = 1;
	unused->id = id;
	unused->was_reset = unused->was_stopped = -1;
	return (unused);
}

void
link_data(struct link *l, int64_t id, const uint8_t *p, size_t len, int fin)
{
	struct qrig_stream	*s = qrig_stream(l, id);

	assert_true(s->in + len <= QRIG_ROOM);
	if (len > 0 && memcmp(p, qrig_pattern + s->in, len) != 0)
		s->odd++;
	s->in += len;
	s->fin_in |= fin;
	if (!s->hold)
		qconn_consumed(l->c, id, &s->credit, len);
	else if (s->held != NULL)
		s->held(s);
}

void
link_was_reset(struct link *l, int64_t id, uint64_t code)
{
	qrig_stream(l, id)->was_reset = (int64_t)code;
}

void
link_was_stopped(struct link *l, int64_t id, uint64_t code)
{
	struct qrig_stream	*s = qrig_stream(l, id);

	s->was_stopped = (int64_t)code;
	s->len = s->sent;
	s->fin = 0;
}

void
link_acked(struct link *l, int64_t id, uint64_t offset)
{
	qrig_stream(l, id)->acked = offset;
}

void
link_over(struct link *l, int64_t id)
{
	struct qrig_stream	*s = qrig_stream(l, id);

	s->over = 1;
	s->len = s->sent;
	s->fin = 0;
}

void
link_may_open(struct link *l)
{
	l->may_open++;
}

void
link_may_send(struct link *l, int64_t id)
{
	qrig_stream(l, id)->rests = 0;
	qconn_wake(l->c);
}

void
link_datagram(struct link *l, const uint8_t *p, size_t len)
{
	(void)p;
	l->datagrams++;
	l->datagram_in = len;
}

int
link_next(struct link *l, struct link_piece *p)
{
	union { const uint8_t *c; uint8_t *v; }	 u;
	struct qrig_stream	*s;

	memset(p, 0, sizeof(*p));
	if (l->datagram != NULL) {
		u.c = l->datagram;
		p->id = -1;
		p->vec[0].iov_base = u.v;
		p->vec[0].iov_len = l->datagram_len;
		p->nvec = 1;
		return (1);
	}
	for (s = l->streams; s < l->streams + QRIG_STREAMS; s++) {
		if (!s->used || s->rests || s->over ||
		    (s->sent == s->len && !(s->fin && !s->fin_sent)))
			continue;
		u.c = s->out + s->sent;
		p->id = s->id;
		/* one of none, for who does not look */
		p->vec[0].iov_base = u.v;
		p->vec[1].iov_base = u.v;
		p->vec[1].iov_len = s->len - s->sent;
		p->nvec = 2;
		p->fin = s->fin;
		return (1);
	}
	return (0);
}

void
link_sent(struct link *l, const struct link_piece *p, size_t n, int blocked)
{
	struct qrig_stream	*s = qrig_stream(l, p->id);

	s->sent += n;
	s->rests = blocked;
	if (p->fin && s->sent == s->len && !blocked)
		s->fin_sent = 1;
}

void
link_sent_datagram(struct link *l, int gone)
{
	l->lost = !gone;
	l->datagram = NULL;
}

void
link_tick(struct link *l, uint64_t now)
{
	(void)now;
	l->ticks++;
}

const struct link_stats *
link_stats(void)
{
	static struct link_stats	 none;

	return (&none);
}

void
qrig_send(struct link *l, int64_t id, size_t len, int fin)
{
	struct qrig_stream	*s = qrig_stream(l, id);

	s->out = qrig_pattern;
	s->len += len;
	s->fin = fin;
	assert_true(s->len <= QRIG_ROOM);
	qconn_wake(l->c);
}

#endif /* UNIT_QUICLINK_H */
