/* SPDX-License-Identifier: ISC */

/*
 * A session without frames: octets both ways in pieces of every size, who may
 * speak first, every way in which a stream can end, payload held and payload
 * that passes by.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/session/raw.h"

#define RECVBUFFER	(256 * 1024)
#define LARGE		32768

enum when {			/* the owner resets the stream */
	NEVER,
	AT_OPEN,
	AT_PULL,
	AT_DATA,
	AT_FIN
};

/* A session and the owner of its stream, who keeps what he is told. */
struct end {
	struct session	*s;
	struct stream	*st;		/* NULL when it has ended */
	/* to send */
	size_t		 tx_left;
	uint64_t	 tx_done;
	int		 tx_fin;
	size_t		 bulk;		/* put aside at once; 0: none */
	size_t		 aside;		/* that is there */
	size_t		 pre;		/* to be pulled before that */
	int		 pulls;
	/* received */
	uint64_t	 rx;
	size_t		 held;
	int		 hold;
	int		 by;		/* diverted */
	int		 broken;	/* octets that are not the pattern */
	int		 opens, fins, resets, closes, wakes;
	int		 refuse;
	enum when	 reset;
	enum reset_reason reason;
	uint8_t		 out[1 << 20];
	size_t		 out_len;
	int		 calls;		/* of output that gave something */
};

static uint8_t
pattern(uint64_t i)
{
	return (i * 7 + (i >> 8) * 13);
}

/* 1: its owner has reset the stream. */
static int
end_act(struct end *e, enum when when)
{
	struct stream	*st = e->st;

	if (e->reset != when)
		return (0);
	e->st = NULL;
	session_reset(st, RESET_ABORT);
	return (1);
}

static size_t
end_take(struct end *e, size_t max)
{
	size_t	 n = e->tx_left < max ? e->tx_left : max;

	e->tx_left -= n;
	if (e->tx_left == 0 && e->tx_fin)
		session_fin(e->st);
	return (n);
}

static size_t
end_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct end	*e = st->arg;
	size_t		 i, n;

	e->pulls++;
	if (end_act(e, AT_PULL))
		return (0);
	n = end_take(e, e->pre > 0 && e->pre < max ? e->pre : max);
	e->pre = 0;
	for (i = 0; i < n; i++)
		buf[i] = pattern(e->tx_done++);
	return (n);
}

static size_t
end_bulk(struct stream *st, struct pipebuf *pipe, size_t max)
{
	struct end	*e = st->arg;

	(void)pipe;
	assert_int_equal(e->aside, 0);
	if (e->bulk > 0 && e->pre == 0)
		e->aside = end_take(e, e->bulk < max ? e->bulk : max);
	return (e->aside);
}

static void
end_data(struct stream *st, const uint8_t *p, size_t n)
{
	struct end	*e = st->arg;
	size_t		 i;

	assert_true(n > 0);
	assert_int_equal(p == NULL, e->by);
	for (i = 0; p != NULL && i < n; i++)
		if (p[i] != pattern(e->rx + i))
			e->broken = 1;
	e->rx += n;
	if (end_act(e, AT_DATA))
		return;
	if (e->hold)
		e->held += n;
	else
		session_consumed(st, n);
}

static void
end_fin(struct stream *st)
{
	struct end	*e = st->arg;

	e->fins++;
	(void)end_act(e, AT_FIN);
}

static void
end_reset(struct stream *st, enum reset_reason why)
{
	struct end	*e = st->arg;

	e->resets++;
	e->reason = why;
	e->st = NULL;
}

static void
end_closed(struct stream *st)
{
	struct end	*e = st->arg;

	e->closes++;
	e->st = NULL;
}

static const struct stream_owner end_owner = {
	end_pull,
	end_data,
	end_fin,
	end_reset,
	end_closed,
	end_bulk,
	NULL
};

static int
end_opened(struct stream *st)
{
	struct end	*e = st->session->arg;

	e->opens++;
	if (e->refuse)
		return (-1);
	st->owner = &end_owner;
	st->arg = e;
	e->st = st;
	return (0);
}

static void
end_wake(struct session *s)
{
	struct end	*e = s->arg;

	e->wakes++;
}

/* One that only says that there is one. */
static struct pipebuf *
end_pipe(struct session *s, size_t *max)
{
	(void)max;
	return ((struct pipebuf *)s);
}

static void
end_piped(struct session *s, size_t n)
{
	(void)s;
	(void)n;
}

static const struct session_events end_events = {
	end_opened,
	end_wake,
	end_pipe,
	end_piped
};

static struct end *
end_new(int client, int divert, uint32_t framesize)
{
	struct session_conf	 c;
	struct end		*e;

	memset(&c, 0, sizeof(c));
	c.client = client;
	c.may_open = !client;
	c.recvbuffer = RECVBUFFER;
	c.divert = divert;
	c.framesize = framesize;
	c.keepalive_ms = 10000;		/* nothing comes of it */
	c.timeout_ms = 30000;
	assert_non_null(e = calloc(1, sizeof(*e)));
	assert_non_null(e->s = raw_new(&c, &end_events, e));
	assert_true(session_tick(e->s, 1000) == UINT64_MAX);
	return (e);
}

static void
end_free(struct end *e)
{
	session_free(e->s);
	assert_null(e->st);
	assert_int_equal(e->broken, 0);
	free(e);
}

static struct end	*a, *b;		/* the opener, and the other */

static int
setup(void **state)
{
	(void)state;
	a = end_new(1, 0, 0);
	b = end_new(0, 0, 0);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	end_free(a);
	end_free(b);
	return (0);
}

/* Both anew, so made. */
static void
again(int divert, uint32_t framesize)
{
	teardown(NULL);
	a = end_new(1, divert, framesize);
	b = end_new(0, divert, framesize);
}

static void
end_open(struct end *e)
{
	assert_non_null(e->st = session_open(e->s, &end_owner, e, 0));
}

static void
end_send(struct end *e, size_t n, int fin)
{
	e->tx_left += n;
	e->tx_fin = fin;
	session_ready(e->st);
}

/* All that there is, what was put aside in its place; room of so much. */
static void
end_collect(struct end *e, size_t room)
{
	size_t	 n, aside;

	e->out_len = 0;
	e->calls = 0;
	do {
		n = sizeof(e->out) - e->out_len;
		assert_true(n >= room);
		n = session_output(e->s, e->out + e->out_len, room);
		e->out_len += n;
		aside = e->aside;
		for (; e->aside > 0; e->aside--)
			e->out[e->out_len++] = pattern(e->tx_done++);
		e->calls += n + aside > 0;
	} while (n + aside > 0);
	assert_int_equal(e->s->more, 0);
}

/* What one has to say comes to the other, in pieces of that size. */
static void
carry(struct end *from, struct end *to, size_t piece)
{
	size_t	 off, n;

	end_collect(from, LARGE);
	for (off = 0; off < from->out_len; off += n) {
		n = from->out_len - off < piece ? from->out_len - off : piece;
		assert_int_equal(session_input(to->s, from->out + off, n), 0);
	}
}

/* Ended in order, or by our reset: what the tunnel is to do. */
static int
in_order(const struct end *e)
{
	return (e->s->done && !e->s->aborting && !e->s->aborted &&
	    e->closes == 1 && e->resets == 0 && e->s->stats.streams == 0);
}

static int
aborted(const struct end *e)
{
	return (e->s->done && e->s->aborting && e->s->aborted &&
	    e->closes == 0 && e->s->stats.streams == 0);
}

/* ---- octets ---- */

/* Nothing but payload, to the octet. */
static void
test_octets(void **state)
{
	(void)state;
	end_open(a);
	assert_null(session_open(a->s, &end_owner, a, 0));
	assert_null(session_open(b->s, &end_owner, b, 0));
	assert_int_equal(a->s->stats.streams, 1);
	end_collect(a, LARGE);
	assert_int_equal(a->out_len, 0);
	end_send(a, 3, 0);
	assert_int_equal(a->wakes, 1);
	end_send(a, 0, 0);
	assert_int_equal(a->wakes, 1);
	end_collect(a, LARGE);
	assert_int_equal(a->out_len, 3);
	assert_memory_equal(a->out, "\0\7\16", 3);
	session_drain(a->s);
	session_probe(a->s);
	session_rtt(a->s, 1000);
	end_collect(a, LARGE);
	assert_int_equal(a->out_len, 0);
	again(0, 0);
	assert_null(session_open(a->s, &end_owner, a, 1));
}

static void
test_split(void **state)
{
	size_t	 piece;

	(void)state;
	for (piece = 1; piece <= 300; piece += piece < 40 ? 1 : 37) {
		end_open(a);
		end_send(a, 10, 0);
		carry(a, b, piece);
		end_send(b, 70000, 0);
		carry(b, a, piece);
		end_send(a, 300, 1);
		carry(a, b, piece);
		assert_true(in_order(a));
		assert_int_equal(b->opens, 1);
		assert_int_equal(b->rx, 310);
		assert_int_equal(a->rx, 70000);
		assert_int_equal(a->s->stats.payload_out, 310);
		assert_int_equal(b->s->stats.payload_in, 310);
		again(0, 0);
	}
}

/* Random pieces both ways, sizes and rooms too, and all arrives in order. */
static void
test_random(void **state)
{
	uint64_t	 sent[2] = { 0, 0 };
	size_t		 n;
	int		 i, way;

	(void)state;
	srandom(7);
	end_open(a);
	end_send(a, 1, 0);
	carry(a, b, 1);
	sent[0] = 1;
	for (i = 0; i < 2000; i++) {
		way = random() % 2;
		n = random() % (i % 50 == 0 ? 90000 : 200);
		sent[way] += n;
		end_send(way ? b : a, n, 0);
		carry(way ? b : a, way ? a : b, 1 + random() % 5000);
	}
	assert_int_equal(b->rx, sent[0]);
	assert_int_equal(a->rx, sent[1]);
}

/* One message of WebSocket a call, also a very large one. */
static void
test_framesize(void **state)
{
	(void)state;
	again(0, 1000);
	end_open(a);
	end_send(a, 3500, 1);
	assert_int_equal(session_output(a->s, a->out, LARGE), 1000);
	assert_int_equal(a->s->more, 1);
	assert_int_equal(session_output(a->s, a->out + 1000, 600), 600);
	a->tx_left += 100;
	end_collect(a, LARGE);
	assert_int_equal(a->out_len, 2000);
	assert_int_equal(a->calls, 2);
	assert_true(in_order(a));
	again(0, 200000);
	end_open(a);
	end_send(a, 450000, 1);
	end_collect(a, 262144);
	assert_int_equal(a->out_len, 450000);
	assert_int_equal(a->calls, 3);
}

/* Who did not open may not be spoken to; who may, opens by speaking. */
static void
test_first(void **state)
{
	(void)state;
	assert_int_equal(session_input(a->s, a->out, 0), 0);
	assert_int_equal(session_input(a->s, a->out, 1), -1);
	assert_non_null(a->s->error);
	assert_null(session_open(a->s, &end_owner, a, 0));
	assert_int_equal(session_want(a->s), 0);
	assert_int_equal(session_tick(a->s, 5000), 0);
	assert_int_equal(session_ended(a->s), 0);
	assert_int_equal(session_input(b->s, b->out, 0), 0);
	assert_int_equal(b->opens, 0);
	assert_int_equal(session_input(b->s, b->out, 1), 0);
	assert_int_equal(b->opens, 1);
	/* A target may speak first: what it was told went another way. */
	again(0, 0);
	end_open(a);
	assert_int_equal(session_input(a->s, a->out, 1), 0);
	assert_int_equal(a->rx, 1);
}

/* ---- how it ends ---- */

/* Our end: everything is out, nothing more is wanted. */
static void
test_fin(void **state)
{
	(void)state;
	end_open(a);
	end_send(a, 5, 0);
	carry(a, b, 100);
	a->hold = 1;
	end_send(b, 100, 0);
	carry(b, a, 100);
	assert_int_equal(a->s->stats.unconsumed, 100);
	a->wakes = 0;
	session_fin(a->st);
	session_fin(a->st);
	assert_int_equal(a->wakes, 1);
	assert_int_equal(a->closes, 0);		/* not from within a call */
	assert_false(a->s->done);
	end_collect(a, LARGE);
	assert_true(in_order(a));
	assert_int_equal(a->s->stats.unconsumed, 0);
	end_send(b, 100, 0);
	carry(b, a, 100);
	assert_int_equal(a->rx, 100);
	assert_int_equal(a->s->stats.ignored, 1);
	assert_int_equal(session_ended(a->s), 1);
	assert_int_equal(a->fins, 0);
}

/* The end of the tunnel's octets, before and after a stream. */
static void
test_ended(void **state)
{
	(void)state;
	assert_int_equal(session_ended(a->s), 0);
	assert_int_equal(session_ended(b->s), 0);
	end_open(a);
	end_send(a, 5, 0);
	carry(a, b, 100);
	assert_int_equal(session_ended(b->s), 1);
	assert_int_equal(session_ended(b->s), 1);
	assert_int_equal(b->fins, 1);
	assert_int_equal(session_window(b->st), 0);
	assert_true(session_want(b->s) > 0);	/* nobody calls it stalled */
	assert_false(b->s->done);
	assert_true(session_tick(b->s, 2000) == UINT64_MAX);
	/* Its owner ends when he has an end, also without a call of output. */
	b->wakes = 0;
	session_fin(b->st);
	assert_int_equal(b->wakes, 1);
	assert_true(session_tick(b->s, 3000) == UINT64_MAX);
	assert_true(in_order(b));
	/* or resets it */
	assert_int_equal(session_ended(a->s), 1);
	session_reset(a->st, RESET_TIMEOUT);
	a->st = NULL;
	assert_true(aborted(a));
}

/* What is still sent to one who reads no more is dropped, a bit at a time. */
static void
test_dropped(void **state)
{
	uint64_t	 now = 2000;
	int		 turns;

	(void)state;
	end_open(a);
	end_send(a, 5, 0);
	carry(a, b, 100);
	end_send(b, 500000, 1);
	assert_int_equal(session_ended(b->s), 1);
	assert_false(b->s->done);
	assert_true(b->pulls > 0 && b->pulls < 10);
	assert_int_equal(session_output(b->s, b->out, LARGE), 0);
	for (turns = 0; !b->s->done; turns++) {
		b->pulls = 0;
		now = session_tick(b->s, now);
		assert_true(now == 2000 || (now == UINT64_MAX && b->s->done));
		assert_true(b->pulls > 0 && b->pulls < 10);
	}
	assert_true(turns > 2);
	assert_true(in_order(b));
	assert_int_equal(b->s->stats.payload_out, 0);
	/* One who has nothing says when he has. */
	assert_int_equal(session_ended(a->s), 1);
	assert_true(session_tick(a->s, 3000) == UINT64_MAX);
	a->wakes = 0;
	end_send(a, 10, 0);
	assert_int_equal(a->wakes, 1);
	assert_true(session_tick(a->s, 4000) == UINT64_MAX);
	assert_int_equal(a->tx_left, 0);
	end_send(a, 10, 1);
	assert_int_equal(a->wakes, 2);
	(void)session_tick(a->s, 5000);
	assert_true(in_order(a));
}

/* At once, also while the tunnel takes nothing, and from within each event. */
static void
test_reset(void **state)
{
	enum when	 when;

	(void)state;
	end_open(a);
	end_send(a, 5, 0);
	assert_int_equal(a->wakes, 1);
	session_reset(a->st, RESET_ABORT);
	a->st = NULL;
	assert_int_equal(a->wakes, 2);
	assert_true(aborted(a));
	end_collect(a, LARGE);
	assert_int_equal(a->out_len, 0);
	for (when = AT_PULL; when <= AT_FIN; when++) {
		again(0, 0);
		end_open(a);
		end_send(a, 5, 0);
		carry(a, b, 100);
		b->reset = when;
		end_send(b, 5, 0);
		end_send(a, 5, 0);
		if (when == AT_PULL)
			end_collect(b, LARGE);
		else if (when == AT_DATA)
			carry(a, b, 100);
		else
			assert_int_equal(session_ended(b->s), 1);
		assert_null(b->st);
		assert_true(aborted(b));
		assert_int_equal(b->resets, 0);
	}
}

static void
test_refused(void **state)
{
	(void)state;
	b->refuse = 1;
	assert_int_equal(session_input(b->s, b->out, 10), 0);
	assert_int_equal(b->s->stats.refused, 1);
	assert_int_equal(b->s->stats.ignored, 1);
	assert_true(aborted(b));
}

static void
test_death(void **state)
{
	(void)state;
	end_open(a);
	end_send(a, 5, 0);
	session_free(a->s);
	assert_int_equal(a->reason, RESET_TUNNEL);
	assert_int_equal(a->resets, 1);
	free(a);
	a = end_new(1, 0, 0);
}

/* ---- room ---- */

static void
test_pressure(void **state)
{
	size_t	 want;

	(void)state;
	b->hold = 1;
	assert_int_equal(session_want(b->s), RECVBUFFER);
	end_open(a);
	end_send(a, 200000, 0);
	carry(a, b, 10000);
	want = session_want(b->s);
	assert_int_equal(want, RECVBUFFER - 200000);
	assert_int_equal(session_window(b->st), want);
	end_send(a, want, 0);
	carry(a, b, 10000);
	assert_int_equal(session_want(b->s), 0);
	assert_int_equal(session_window(b->st), 0);
	/* A quarter is to be free. */
	b->wakes = 0;
	session_consumed(b->st, RECVBUFFER / 4 - 1);
	assert_int_equal(session_want(b->s), 0);
	assert_int_equal(session_window(b->st), 0);
	assert_int_equal(b->wakes, 0);
	session_consumed(b->st, 1);
	assert_int_equal(session_want(b->s), RECVBUFFER / 4);
	assert_int_equal(session_window(b->st), RECVBUFFER / 4);
	assert_int_equal(b->wakes, 1);
	/* The owner's limit, which is 16 KiB at least. */
	session_limit(b->s, 1);
	assert_int_equal(session_want(b->s), 0);
	session_consumed(b->st, RECVBUFFER / 4 * 3);
	assert_int_equal(session_want(b->s), 16384);
	session_limit(b->s, UINT64_MAX);
	assert_int_equal(session_want(b->s), RECVBUFFER);
	/* What was held goes with the stream. */
	end_send(a, RECVBUFFER, 0);
	carry(a, b, RECVBUFFER);
	session_reset(b->st, RESET_MEMORY);
	b->st = NULL;
	assert_int_equal(b->s->stats.unconsumed, 0);
	assert_int_equal(session_want(b->s), RECVBUFFER);
}

/* ---- payload that passes by ---- */

static void
test_bulk(void **state)
{
	(void)state;
	again(1, 0);
	end_open(a);
	a->bulk = 100000;
	end_send(a, 250000, 1);
	/* Without a head there is no output, but more follows. */
	assert_int_equal(session_output(a->s, a->out, LARGE), 0);
	assert_int_equal(a->aside, 100000);
	assert_int_equal(a->s->more, 1);
	assert_int_equal(a->s->stats.payload_out, 100000);
	a->aside = 0;
	a->tx_done = b->rx = 100000;
	carry(a, b, 777);
	assert_int_equal(b->rx, 250000);
	assert_true(in_order(a));
	/* Never without divert. */
	again(0, 0);
	end_open(a);
	a->bulk = 100000;
	end_send(a, 150000, 1);
	carry(a, b, 4000);
	assert_int_equal(b->rx, 150000);
	assert_true(a->pulls > 1);
}

/* What is pulled stands before what is put aside in the same call. */
static void
test_bulk_behind(void **state)
{
	(void)state;
	again(1, 0);
	end_open(a);
	a->pre = 50;
	a->bulk = 70000;
	end_send(a, 70060, 1);
	assert_int_equal(session_output(a->s, a->out, LARGE), 50);
	assert_int_equal(a->aside, 70000);
	assert_int_equal(a->s->more, 1);
	a->aside = 0;
	end_collect(a, LARGE);
	assert_int_equal(a->out_len, 10);
	assert_true(in_order(a));
}

static void
test_divert(void **state)
{
	size_t	 n = 0;
	int	 i;

	(void)state;
	again(1, 0);
	assert_null(session_divert(b->s, &n));
	end_open(a);
	end_send(a, 4 * LARGE, 0);
	end_collect(a, LARGE);
	/* Large reads tell that there will be more. */
	for (i = 0; i < 4; i++) {
		assert_null(session_divert(b->s, &n));
		assert_int_equal(session_input(b->s, a->out + i * LARGE,
		    LARGE), 0);
	}
	assert_ptr_equal(session_divert(b->s, &n), b->st);
	assert_int_equal(n, RECVBUFFER);
	b->by = 1;
	session_diverted(b->s, 40000);
	assert_non_null(session_divert(b->s, &n));
	session_diverted(b->s, LARGE - 1);	/* and a small one does not */
	assert_null(session_divert(b->s, &n));
	assert_int_equal(b->rx, 4 * LARGE + 40000 + LARGE - 1);
	assert_int_equal(b->s->stats.payload_in, b->rx);
	/* Never without conf.divert. */
	again(0, 0);
	end_open(a);
	end_send(a, 5 * LARGE, 0);
	carry(a, b, LARGE);
	assert_null(session_divert(b->s, &n));
}

static void
test_divert_held(void **state)
{
	size_t	 n = 0;

	(void)state;
	again(1, 0);
	b->hold = 1;
	end_open(a);
	end_send(a, 4 * LARGE, 0);
	carry(a, b, LARGE);
	assert_non_null(session_divert(b->s, &n));
	assert_int_equal(n, RECVBUFFER - 4 * LARGE);
	b->by = 1;
	session_diverted(b->s, n - LARGE + 1);
	assert_null(session_divert(b->s, &n));	/* no room that pays */
	session_consumed(b->st, 1);
	assert_non_null(session_divert(b->s, &n));
	assert_int_equal(n, LARGE);
	session_diverted(b->s, n);
	assert_int_equal(session_want(b->s), 0);
	assert_null(session_divert(b->s, &n));
	session_consumed(b->st, RECVBUFFER);
	assert_non_null(session_divert(b->s, &n));
	/* An owner who is gone takes no more. */
	session_reset(b->st, RESET_ABORT);
	b->st = NULL;
	assert_null(session_divert(b->s, &n));
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest	 tests[] = {
		TEST(test_octets),
		TEST(test_split),
		TEST(test_random),
		TEST(test_framesize),
		TEST(test_first),
		TEST(test_fin),
		TEST(test_ended),
		TEST(test_dropped),
		TEST(test_reset),
		TEST(test_refused),
		TEST(test_death),
		TEST(test_pressure),
		TEST(test_bulk),
		TEST(test_bulk_behind),
		TEST(test_divert),
		TEST(test_divert_held)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
