/* SPDX-License-Identifier: ISC */

/*
 * The rig of smuxrig.h.  What a callback may rely on is asserted here, for
 * every test: no event after the last one, payload in order.
 */

#include <sys/types.h>

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smuxrig.h"

static const struct stream_owner rig_owner;

static struct rig_stream *
rig_slot(struct rig *r, struct stream *st)
{
	struct rig_stream	*rs;

	assert_in_range(r->n, 0, RIG_STREAMS - 1);
	rs = &r->streams[r->n++];
	memset(rs, 0, sizeof(*rs));
	rs->rig = r;
	rs->st = st;
	st->owner = &rig_owner;
	st->arg = rs;
	return (rs);
}

static int
rig_opened(struct stream *st)
{
	struct rig		*r = st->session->arg;
	struct rig_stream	*rs;

	if (r->refuse)
		return (-1);
	rs = rig_slot(r, st);
	rs->hold = r->accept_hold;
	rs->pattern = r->accept_pattern;
	if (r->on_open != NULL)
		r->on_open(rs);
	return (0);
}

static size_t
rig_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct rig_stream	*rs = st->arg;
	size_t			 n = max;

	assert_ptr_equal(rs->st, st);
	assert_true(max > 0);
	if (rs->pre_off < rs->pre_len) {
		if (n > rs->pre_len - rs->pre_off)
			n = rs->pre_len - rs->pre_off;
		memcpy(buf, rs->pre + rs->pre_off, n);
		rs->pre_off += n;
		if (rs->pre_off == rs->pre_len && rs->tx_left == 0 &&
		    rs->tx_fin)
			session_fin(st);
		return (n);
	}
	if (rs->tx_piece > 0 && n > rs->tx_piece)
		n = rs->tx_piece;
	if (n > rs->tx_left)
		n = rs->tx_left;
	rig_pattern(buf, rs->tx_done, n);
	rs->tx_done += n;
	rs->tx_left -= n;
	if (rs->tx_left == 0 && rs->tx_fin)
		session_fin(st);
	if (rs->pull_hook != NULL)
		rs->pull_hook(rs);
	return (n);
}

static size_t
rig_bulk(struct stream *st, struct pipebuf *pipe, size_t max)
{
	struct rig_stream	*rs = st->arg;
	struct rig		*r = rs->rig;
	size_t			 n;

	(void)pipe;
	assert_int_equal(r->aside_len, 0);
	assert_in_range(max, SMUX_BULK_MIN, SMUX_BULK_MAX);
	if (max > r->bulk)
		max = r->bulk;
	if (max == 0 || (n = rig_pull(st, r->aside, max)) == 0)
		return (0);
	r->aside_len = n;
	r->bulks++;
	return (n);
}

/* What output gave, and behind it what was put aside meanwhile. */
static size_t
rig_output(struct rig *r, uint8_t *p, size_t size)
{
	size_t	 n;

	assert_true(r->bulk == 0 || size > SMUX_BULK_MAX +
	    SESSION_OUTPUT_MIN);
	n = session_output(r->s, p, r->bulk == 0 ? size :
	    size - SMUX_BULK_MAX);
	memcpy(p + n, r->aside, r->aside_len);
	n += r->aside_len;
	r->aside_len = 0;
	return (n);
}

static void
rig_data(struct stream *st, const uint8_t *p, size_t n)
{
	struct rig_stream	*rs = st->arg;
	uint8_t			 want[4096];
	size_t			 i, k;

	assert_ptr_equal(rs->st, st);
	assert_true(n > 0);
	assert_int_equal(rs->fins, 0);
	if (rs->rig->heads && rs->head_len == 0) {
		assert_in_range(n, 1, sizeof(rs->head));
		memcpy(rs->head, p, n);
		rs->head_len = n;
		rs->rx_held = n;
		if (!rs->hold)
			rig_consume(rs, n);
		return;
	}
	if (p == NULL)
		p = rs->rig->diverted;
	assert_non_null(p);
	for (i = 0; i < n && rs->rx + i < sizeof(rs->text) - 1; i++)
		rs->text[rs->rx + i] = (char)p[i];
	for (i = 0; rs->pattern && i < n; i += k) {
		k = n - i < sizeof(want) ? n - i : sizeof(want);
		rig_pattern(want, rs->rx + i, k);
		assert_memory_equal(p + i, want, k);
	}
	rs->rx += n;
	rs->rx_held += n;
	if (rs->hook != NULL) {
		rs->hook(rs);
		return;
	}
	if (!rs->hold)
		rig_consume(rs, rs->rx_held);
}

static void
rig_fin(struct stream *st)
{
	struct rig_stream	*rs = st->arg;

	assert_ptr_equal(rs->st, st);
	rs->fins++;
	rs->rig->fins++;
}

static void
rig_ended(struct rig_stream *rs)
{
	/* Ops on it are harmless until it is freed, after this call. */
	session_ready(rs->st);
	session_fin(rs->st);
	session_consumed(rs->st, 1);
	session_reset(rs->st, RESET_ABORT);
	assert_int_equal(session_window(rs->st), 0);
	if (rs->rig->on_end != NULL)
		rs->rig->on_end(rs);
	rs->st = NULL;
}

static void
rig_reset(struct stream *st, enum reset_reason reason)
{
	struct rig_stream	*rs = st->arg;

	assert_ptr_equal(rs->st, st);
	rs->resets++;
	rs->rig->resets++;
	rs->reason = reason;
	rig_ended(rs);
}

static void
rig_closed(struct stream *st)
{
	struct rig_stream	*rs = st->arg;

	assert_ptr_equal(rs->st, st);
	assert_int_equal(rs->fins, 1);
	rs->closes++;
	rs->rig->closes++;
	rig_ended(rs);
}

static void
rig_wake(struct session *s)
{
	((struct rig *)s->arg)->wakes++;
}

static const struct stream_owner rig_owner = {
	rig_pull,
	rig_data,
	rig_fin,
	rig_reset,
	rig_closed,
	rig_bulk,
	NULL
};

/* One that only says that there is one. */
static struct pipebuf *
rig_pipe(struct session *s, size_t *max)
{
	(void)max;
	return ((struct pipebuf *)s);
}

static void
rig_piped(struct session *s, size_t n)
{
	(void)s;
	(void)n;
}

static const struct session_events rig_events = {
	rig_opened,
	rig_wake,
	rig_pipe,
	rig_piped
};

void
rig_conf(struct session_conf *c)
{
	memset(c, 0, sizeof(*c));
	c->client = 1;
	c->may_open = 1;
	c->version = 2;
	c->framesize = 32768;
	c->recvbuffer = 4194304;
	c->window_max = 65536;
	c->window_initial = 65536;
	c->peer_initial = 262144;
	c->max_streams = 100;
}

static struct rig *
rig_new_of(struct session *(*new)(const struct session_conf *,
    const struct session_events *, void *), const struct session_conf *c)
{
	struct rig	*r;

	assert_non_null(r = calloc(1, sizeof(*r)));
	r->now = 1000000;
	assert_non_null(r->s = new(c, &rig_events, r));
	assert_true(session_tick(r->s, r->now) > r->now);
	return (r);
}

struct rig *
rig_new(const struct session_conf *c)
{
	return (rig_new_of(smux_new, c));
}

struct rig *
rig_new_muxpro(const struct session_conf *c)
{
	struct rig	*r;

	r = rig_new_of(muxpro_new, c);
	r->heads = c->bare && !c->client;
	return (r);
}

void
rig_free(struct rig *r)
{
	int	 i;

	session_free(r->s);
	for (i = 0; i < r->n; i++)
		assert_null(r->streams[i].st);
	free(r);
}

struct rig_stream *
rig_open(struct rig *r, int urgent)
{
	struct stream	*st;

	st = session_open(r->s, &rig_owner, NULL, urgent);
	assert_non_null(st);
	return (rig_slot(r, st));
}

struct rig_stream *
rig_find(struct rig *r, uint32_t id)
{
	int	 i;

	for (i = r->n - 1; i >= 0; i--)
		if (r->streams[i].st != NULL && r->streams[i].st->id == id)
			return (&r->streams[i]);
	return (NULL);
}

void
rig_send(struct rig_stream *rs, uint64_t n, int fin)
{
	rs->tx_left += n;
	rs->tx_fin = fin;
	if (n == 0 && fin)
		session_fin(rs->st);
	else
		session_ready(rs->st);
}

void
rig_kill(struct rig_stream *rs, enum reset_reason why)
{
	struct stream	*st = rs->st;

	rs->st = NULL;
	session_reset(st, why);
}

void
rig_consume(struct rig_stream *rs, uint64_t n)
{
	rs->rx_held -= n;
	session_consumed(rs->st, n);
}

void
rig_pattern(uint8_t *p, uint64_t off, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++, off++)
		p[i] = (uint8_t)(off * 7 + (off >> 8) * 13 + (off >> 16));
}

static size_t
rig_unhex(const char *hex, uint8_t *buf, size_t size)
{
	size_t	 n = 0;
	unsigned	 v;

	for (; *hex != '\0'; hex++) {
		if (isspace((unsigned char)*hex))
			continue;
		assert_int_equal(sscanf(hex, "%2x", &v), 1);
		assert_true(n < size);
		buf[n++] = (uint8_t)v;
		hex++;
	}
	return (n);
}

void
rig_pre(struct rig_stream *rs, const char *hex)
{
	rs->pre_off = 0;
	rs->pre_len = rig_unhex(hex, rs->pre, sizeof(rs->pre));
	session_ready(rs->st);
}

int
rig_feed(struct rig *r, const char *hex)
{
	uint8_t	 buf[1024], *copy;
	size_t	 n;
	int	 ret;

	/* A copy that ends where the octets do, for the sanitizer. */
	n = rig_unhex(hex, buf, sizeof(buf));
	assert_non_null(copy = malloc(n + (n == 0)));
	memcpy(copy, buf, n);
	ret = session_input(r->s, copy, n);
	free(copy);
	return (ret);
}

int
rig_feed_psh(struct rig *r, int version, uint32_t id, uint64_t off, size_t n)
{
	uint8_t	*p;
	int	 ret;

	assert_non_null(p = malloc(8 + n));
	p[0] = (uint8_t)version;
	p[1] = 2;
	p[2] = (uint8_t)n;
	p[3] = (uint8_t)(n >> 8);
	p[4] = (uint8_t)id;
	p[5] = (uint8_t)(id >> 8);
	p[6] = (uint8_t)(id >> 16);
	p[7] = (uint8_t)(id >> 24);
	rig_pattern(p + 8, off, n);
	ret = session_input(r->s, p, 8 + n);
	free(p);
	return (ret);
}

void
rig_collect(struct rig *r)
{
	size_t	 n;

	r->out_len = 0;
	while ((n = rig_output(r, r->out + r->out_len,
	    sizeof(r->out) - r->out_len)) > 0)
		r->out_len += n;
}

void
rig_expect(struct rig *r, const char *hex)
{
	uint8_t	 buf[1024];
	size_t	 i, n;

	n = rig_unhex(hex, buf, sizeof(buf));
	rig_collect(r);
	if (r->out_len != n || memcmp(r->out, buf, n) != 0) {
		fprintf(stderr, "# expected %s\n# got     ", hex);
		for (i = 0; i < r->out_len && i < 64; i++)
			fprintf(stderr, " %02x", r->out[i]);
		fprintf(stderr, " (%zu octets)\n", r->out_len);
	}
	assert_int_equal(r->out_len, n);
	assert_memory_equal(r->out, buf, n);
}

uint64_t
rig_tick(struct rig *r, uint64_t ms)
{
	r->now += ms * 1000;
	return (session_tick(r->s, r->now));
}

/* 0: nothing of it is to be diverted. */
static size_t
rig_divert(struct rig *to, const uint8_t *p, size_t len)
{
	struct stream	*st;
	size_t		 n;

	if (!to->divert || len == 0 ||
	    (st = session_divert(to->s, &n)) == NULL)
		return (0);
	assert_ptr_equal(((struct rig_stream *)st->arg)->st, st);
	if (n > len)
		n = len;
	to->diverted = p;
	session_diverted(to->s, n);
	to->diverted = NULL;
	to->diversions++;
	return (n);
}

static int
rig_carry(struct rig *from, struct rig *to, size_t size)
{
	size_t	 n, want;

	if ((want = session_want(to->s)) == 0)
		return (0);
	if (size > sizeof(from->out))
		size = sizeof(from->out);
	if (from->out_len == 0)
		from->out_len = from->bulk == 0 ?
		    session_output(from->s, from->out, size) :
		    rig_output(from, from->out, sizeof(from->out));
	if ((n = rig_divert(to, from->out, from->out_len)) == 0) {
		n = from->out_len < want ? from->out_len : want;
		if (n == 0)
			return (0);
		assert_int_equal(session_input(to->s, from->out, n), 0);
	}
	memmove(from->out, from->out + n, from->out_len - n);
	from->out_len -= n;
	return (1);
}

int
rig_exchange(struct rig *a, struct rig *b, size_t size)
{
	int	 moved;

	moved = rig_carry(a, b, size);
	return (rig_carry(b, a, size) | moved);
}

void
rig_run(struct rig *a, struct rig *b)
{
	while (rig_exchange(a, b, sizeof(a->out)))
		;
}
