/* SPDX-License-Identifier: ISC */

/*
 * A session without a mux: each record cut at every octet, each breach, every
 * order in which a stream can end, payload held and payload that passes by,
 * heartbeats and silence.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/log.h"
#include "worker/session/solo.h"

#define RECVBUFFER	(256 * 1024)
#define MS		1000ULL

/* A session and the owner of its stream, who keeps what he is told. */
struct end {
	struct session	*s;
	struct stream	*st;		/* NULL when it has ended */
	uint64_t	 now;
	/* to send */
	size_t		 tx_left;
	uint64_t	 tx_done;
	int		 tx_fin;
	size_t		 bulk;		/* put aside at once; 0: none */
	size_t		 aside;		/* that is there */
	/* received */
	uint64_t	 rx;
	size_t		 held;
	int		 hold;
	int		 opens, fins, resets, closes, wakes;
	int		 refuse;
	int		 reset_at_fin;
	enum reset_reason reason;
	int		 broken;	/* octets that are not the pattern */
	int		 by;		/* diverted */
	uint8_t		 out[1 << 20];
	size_t		 out_len;
};

static uint8_t
pattern(uint64_t i)
{
	return (i * 7 + (i >> 8) * 13);
}

static const struct stream_owner end_owner;

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

static size_t
end_take(struct end *e, size_t max)
{
	size_t	 n = e->tx_left < max ? e->tx_left : max;

	e->tx_left -= n;
	if (n == 0 && e->tx_fin)
		session_fin(e->st);
	return (n);
}

static size_t
end_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct end	*e = st->arg;
	size_t		 i, n = end_take(e, max);

	for (i = 0; i < n; i++)
		buf[i] = pattern(e->tx_done++);
	return (n);
}

static size_t
end_bulk(struct stream *st, struct pipebuf *pipe, size_t max)
{
	struct end	*e = st->arg;
	size_t		 n;

	(void)pipe;
	assert_int_equal(e->aside, 0);
	if (e->bulk == 0)
		return (0);
	n = end_take(e, e->bulk < max ? e->bulk : max);
	e->aside = n;
	return (n);
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
	if (e->reset_at_fin) {
		e->st = NULL;
		session_reset(st, RESET_ABORT);
	}
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

static void
end_wake(struct session *s)
{
	struct end	*e = s->arg;

	e->wakes++;
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
end_new(int client, int divert)
{
	struct session_conf	 c;
	struct end		*e;

	memset(&c, 0, sizeof(c));
	c.client = client;
	c.may_open = !client;
	c.recvbuffer = RECVBUFFER;
	c.divert = divert;
	c.keepalive_ms = 10000;
	c.timeout_ms = 30000;
	assert_non_null(e = calloc(1, sizeof(*e)));
	assert_non_null(e->s = solo_new(&c, &end_events, e));
	e->now = 1000 * MS;
	assert_true(session_tick(e->s, e->now) > e->now);
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

/* All that there is, what was put aside in its place. */
static void
end_collect(struct end *e)
{
	size_t	 n;

	e->out_len = 0;
	while ((n = session_output(e->s, e->out + e->out_len,
	    sizeof(e->out) - e->out_len)) > 0) {
		e->out_len += n;
		for (; e->aside > 0; e->aside--)
			e->out[e->out_len++] = pattern(e->tx_done++);
	}
}

static void
end_expect(struct end *e, const char *octets, size_t n)
{
	end_collect(e);
	assert_int_equal(e->out_len, n);
	assert_memory_equal(e->out, octets, n);
}
#define EXPECT(e, s)	end_expect((e), (s), sizeof(s) - 1)

static int
end_feed(struct end *e, const void *p, size_t n)
{
	return (session_input(e->s, p, n));
}
#define FEED(e, s)	end_feed((e), (s), sizeof(s) - 1)

/* What one has to say comes to the other, in pieces of that size. */
static void
carry(struct end *from, struct end *to, size_t piece)
{
	size_t	 off, n;

	end_collect(from);
	for (off = 0; off < from->out_len; off += n) {
		n = from->out_len - off < piece ? from->out_len - off : piece;
		assert_int_equal(end_feed(to, from->out + off, n), 0);
	}
}

static struct end	*a, *b;		/* the opener, and the other */

static int
setup(void **state)
{
	(void)state;
	a = end_new(1, 0);
	b = end_new(0, 0);
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

static int
over(const struct end *e)
{
	return (e->s->stats.streams_ever == 1 && e->s->stats.streams == 0);
}

/* ---- records ---- */

static void
test_octets(void **state)
{
	static const char	 data[] = { 0, 0, 0, 3, 0, 7, 14 };

	(void)state;
	end_open(a);
	assert_null(session_open(a->s, &end_owner, a, 0));
	assert_null(session_open(b->s, &end_owner, b, 0));
	assert_int_equal(a->s->stats.streams, 1);
	EXPECT(a, "");
	end_send(a, 3, 1);
	end_collect(a);
	assert_int_equal(a->out_len, 11);
	assert_memory_equal(a->out, data, sizeof(data));
	assert_memory_equal(a->out + 7, "\1\0\0\0", 4);
	assert_false(over(a));
	assert_int_equal(FEED(a, "\1\0\0\0"), 0);
	assert_int_equal(a->closes, 1);
	assert_true(over(a));
	assert_false(a->s->aborted);
}

/* Both ways, cut at each octet. */
static void
test_split(void **state)
{
	size_t	 piece;

	(void)state;
	for (piece = 1; piece <= 40; piece++) {
		end_open(a);
		end_send(a, 10, 0);
		carry(a, b, piece);
		end_send(a, 300, 1);
		carry(a, b, piece);
		assert_int_equal(b->opens, 1);
		assert_int_equal(b->fins, 1);
		assert_int_equal(b->rx, 310);
		assert_int_equal(b->closes, 0);
		end_send(b, 70000, 1);
		carry(b, a, piece);
		assert_int_equal(a->rx, 70000);
		assert_int_equal(a->closes + b->closes, 2);
		assert_true(over(a) && over(b));
		teardown(NULL);
		setup(NULL);
	}
}

static void
test_large(void **state)
{
	(void)state;
	end_open(a);
	end_send(a, 1000000, 1);
	carry(a, b, 5000);
	assert_int_equal(b->rx, 1000000);
	assert_int_equal(b->fins, 1);
	assert_int_equal(b->s->stats.payload_in, 1000000);
	assert_int_equal(a->s->stats.payload_out, 1000000);
	/* the largest record and no more, though there was room for it all */
	assert_memory_equal(a->out, "\0\4\0\0", 4);
}

/* ---- what a peer may not say ---- */

static void
test_violations(void **state)
{
	static const struct {
		const char	*p;
		size_t		 n;
	} bad[] = {
#define V(s)	{ s, sizeof(s) - 1 }
		V("\0\0\0\0"),			/* no data */
		V("\0\4\0\1"),			/* more than 256 KiB */
		V("\0\377\377\377"),
		V("\1\0\0\1"),			/* an end with a length */
		V("\2\0\1\1"),			/* a reason of two octets */
		V("\2\1\0\1"),
		V("\3\0\0\2"),			/* idle */
		V("\4\0\0\1"),			/* drain */
		V("\5\0\0\0"),			/* no type */
		V("\377\0\0\0"),
		V("\1\0\0\0\0\0\0\1x"),		/* behind an end */
		V("\1\0\0\0\1\0\0\0"),
		V("\2\0\0\1\0\0\0\1x"),		/* behind a reset */
		V("\2\0\0\1\1\0\0\0"),
		V("\2\0\0\1\2\0\0\1")
	};
	size_t	 i;
	int	 side;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (side = 0; side < 2; side++) {
			struct end	*e = side ? a : b;

			if (side) {
				end_open(a);
				end_send(a, 1, 0);
				end_collect(a);
			}
			assert_int_equal(end_feed(e, bad[i].p, bad[i].n), -1);
			assert_non_null(e->s->error);
			assert_null(e->st);
			assert_int_equal(FEED(e, "\3\0\0\0"), -1);
			assert_int_equal(session_tick(e->s, e->now), 0);
			assert_int_equal(session_want(e->s), 0);
		}
		teardown(NULL);
		setup(NULL);
	}
}

/* The other side speaks when it was spoken to. */
static void
test_out_of_turn(void **state)
{
	static const char	*words[] = { "\0\0\0\1", "\1\0\0\0",
		"\2\0\0\1" };
	size_t	 i;
	int	 opened;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (opened = 0; opened < 2; opened++) {
			if (opened)
				end_open(a);	/* and has said nothing */
			assert_int_equal(end_feed(a, words[i], 4), -1);
			assert_int_equal(a->resets, opened);
			teardown(NULL);
			setup(NULL);
		}
	}
	/* An idle one may say these. */
	assert_int_equal(FEED(a, "\3\0\0\0\4\0\0\0\3\0\0\0"), 0);
	assert_int_equal(FEED(b, "\3\0\0\0\4\0\0\0\3\0\0\0"), 0);
	assert_int_equal(b->opens, 0);
}

/* ---- how it ends ---- */

/* Each order of two ends and a reset. */
static void
test_ends(void **state)
{
	(void)state;
	/* a ends, b goes on, then ends */
	end_open(a);
	end_send(a, 5, 1);
	carry(a, b, 100);
	assert_int_equal(b->fins, 1);
	end_send(b, 100, 0);
	carry(b, a, 100);
	assert_int_equal(a->rx, 100);
	end_send(b, 0, 1);
	carry(b, a, 100);
	assert_true(over(a) && over(b) && a->closes == 1 && b->closes == 1);
	/* b ends first */
	teardown(NULL);
	setup(NULL);
	end_open(a);
	end_send(a, 5, 0);
	carry(a, b, 100);
	end_send(b, 100, 1);
	carry(b, a, 100);
	assert_int_equal(a->fins, 1);
	assert_false(over(a) || over(b));
	end_send(a, 7, 1);
	carry(a, b, 100);
	assert_true(over(a) && over(b) && b->rx == 12);
	/* both at once */
	teardown(NULL);
	setup(NULL);
	end_open(a);
	end_send(a, 5, 0);
	carry(a, b, 100);
	end_send(a, 0, 1);
	end_send(b, 0, 1);
	end_collect(a);
	carry(b, a, 100);
	assert_true(over(a));
	assert_int_equal(end_feed(b, a->out, a->out_len), 0);
	assert_true(over(b));
	assert_int_equal(a->resets + b->resets, 0);
}

static void
test_reset(void **state)
{
	int	 ended, other, i;

	(void)state;
	for (i = 0; i < 8; i++) {
		ended = i & 1;		/* its direction has ended */
		other = i & 2;		/* so has the other one */
		end_open(a);
		end_send(a, 5, ended && !(i & 4));
		carry(a, b, 100);
		end_send(b, 5, other || (ended && (i & 4)));
		carry(b, a, 100);
		if ((i & 3) == 3)
			assert_true(over(a) || a->st != NULL);
		if (i & 4) {
			if (b->st != NULL) {
				session_reset(b->st, RESET_REFUSED);
				b->st = NULL;
				assert_false(over(b));
				EXPECT(b, "\2\0\0\2");
				assert_true(over(b) && b->s->aborted);
				assert_int_equal(FEED(a, "\2\0\0\2"), 0);
				assert_int_equal(a->reason, RESET_REFUSED);
				assert_true(over(a) && !a->s->aborted);
			}
		} else if (a->st != NULL) {
			session_reset(a->st, RESET_ABORT);
			a->st = NULL;
			EXPECT(a, "\2\0\0\1");
			assert_int_equal(FEED(b, "\2\0\0\1"), 0);
			assert_int_equal(b->reason, RESET_ABORT);
			assert_true(over(a) && over(b));
		}
		teardown(NULL);
		setup(NULL);
	}
}

/* Two resets that meet, and what comes behind one that we sent. */
static void
test_reset_crossing(void **state)
{
	(void)state;
	end_open(a);
	end_send(a, 5, 0);
	carry(a, b, 100);
	session_reset(a->st, RESET_ABORT);
	a->st = NULL;
	EXPECT(a, "\2\0\0\1");
	assert_int_equal(FEED(a, "\0\0\0\3xyz\1\0\0\0"), 0);
	assert_int_equal(a->s->stats.ignored, 1);
	assert_int_equal(a->rx, 0);
	session_reset(b->st, RESET_TIMEOUT);
	b->st = NULL;
	/* before ours is out theirs is there: it need not be said */
	assert_int_equal(FEED(b, "\2\0\0\1"), 0);
	EXPECT(b, "");
	assert_true(over(b));
	assert_int_equal(b->resets, 0);
}

/* Reasons beyond those that there are, in both directions. */
static void
test_reasons(void **state)
{
	char	 octets[4] = { 2, 0, 0, 0 };
	int	 i;

	(void)state;
	for (i = 0; i < 256; i++) {
		octets[3] = i;
		assert_int_equal(end_feed(b, octets, 4), 0);
		assert_int_equal(b->opens, 1);
		assert_int_equal(b->reason, i > RESET_NONE && i < RESET_TUNNEL ?
		    i : RESET_ABORT);
		teardown(NULL);
		setup(NULL);
	}
	end_open(a);
	session_reset(a->st, RESET_NONE);
	a->st = NULL;
	EXPECT(a, "\2\0\0\1");
}

static void
test_refused(void **state)
{
	(void)state;
	b->refuse = 1;
	assert_int_equal(FEED(b, "\0\0\0\1x\1\0\0\0"), 0);
	assert_int_equal(b->s->stats.refused, 1);
	EXPECT(b, "\2\0\0\4");
	assert_true(over(b));
	teardown(NULL);
	setup(NULL);
	/* in the midst of the octets that ended it */
	b->reset_at_fin = 1;
	assert_int_equal(FEED(b, "\0\0\0\1\0\1\0\0\0"), 0);
	EXPECT(b, "\2\0\0\1");
	assert_int_equal(b->closes, 0);
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
	a = end_new(1, 0);
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
	assert_int_equal(b->held, 200000);
	assert_int_equal(b->s->stats.unconsumed, 200000);
	want = session_want(b->s);
	assert_int_equal(want, RECVBUFFER - 200000);
	assert_int_equal(session_window(b->st), want);
	end_send(a, want, 0);
	carry(a, b, 10000);
	assert_int_equal(session_want(b->s), 0);
	/* Silence of our making, for however long. */
	b->now += 100000 * MS;
	assert_true(session_tick(b->s, b->now) != 0);
	end_collect(b);
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
	assert_true(session_tick(b->s, b->now) != 0);
	/* The owner's limit, which is 16 KiB at least. */
	session_limit(b->s, 1);
	assert_int_equal(session_want(b->s), 0);
	session_consumed(b->st, RECVBUFFER / 4 * 3);
	assert_int_equal(session_want(b->s), 16384);
	session_limit(b->s, UINT64_MAX);
	assert_int_equal(session_want(b->s), RECVBUFFER);
}

/*
 * While it is stalled it hears nothing of the peer, so it has something to send
 * for the peer's system to acknowledge, as often as the peer's own heartbeats.
 */
static void
test_pressure_heartbeat(void **state)
{
	uint64_t	 at;

	(void)state;
	b->hold = 1;
	b->s->conf.timeout_ms = 8000;
	end_open(a);
	end_send(a, RECVBUFFER, 0);
	carry(a, b, 10000);
	assert_int_equal(session_want(b->s), 0);
	at = session_tick(b->s, b->now);
	assert_int_equal(at, b->now + 4000 * MS);
	EXPECT(b, "");
	b->now = at;
	assert_true(session_tick(b->s, b->now) != 0);
	EXPECT(b, "\3\0\0\0");
	session_consumed(b->st, RECVBUFFER);
	assert_int_equal(session_tick(b->s, b->now), b->now + 8000 * MS);
	/* also when it has no heartbeat of its own */
	b->s->conf.keepalive_ms = 0;
	end_send(a, RECVBUFFER, 0);
	carry(a, b, 10000);
	assert_int_equal(session_tick(b->s, b->now), b->now + 4000 * MS);
}

/* What was held goes with the stream. */
static void
test_held_at_end(void **state)
{
	(void)state;
	b->hold = 1;
	end_open(a);
	end_send(a, RECVBUFFER, 0);
	carry(a, b, RECVBUFFER);
	session_reset(b->st, RESET_MEMORY);
	b->st = NULL;
	assert_int_equal(b->s->stats.unconsumed, 0);
	assert_int_equal(session_want(b->s), RECVBUFFER);
	EXPECT(b, "\2\0\0\6");
}

/* ---- payload that passes by ---- */

static void
test_bulk(void **state)
{
	uint8_t	 buf[4096];

	(void)state;
	end_free(a);
	a = end_new(1, 1);
	end_open(a);
	a->bulk = 100000;
	end_send(a, 150000, 1);
	/* Nothing stands behind the head of what was put aside. */
	assert_int_equal(session_output(a->s, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "\0\1\206\240", 4);
	assert_int_equal(a->aside, 100000);
	a->aside = 0;
	a->tx_done = 100000;
	b->rx = 100000;
	carry(a, b, 777);
	assert_int_equal(b->rx, 150000);
	assert_int_equal(b->fins, 1);
	/* A reset waits until what was announced is out. */
	teardown(NULL);
	setup(NULL);
	end_free(a);
	a = end_new(1, 1);
	end_open(a);
	a->bulk = 100000;
	end_send(a, 100000, 0);
	session_probe(a->s);
	assert_int_equal(session_output(a->s, buf, sizeof(buf)), 8);
	a->aside = 0;
	session_reset(a->st, RESET_ABORT);
	a->st = NULL;
	EXPECT(a, "\2\0\0\1");
}

/* Without divert it is not asked for. */
static void
test_no_bulk(void **state)
{
	(void)state;
	end_open(a);
	a->bulk = 100000;
	end_send(a, 150000, 1);
	carry(a, b, 4000);
	assert_int_equal(b->rx, 150000);
	assert_null(session_divert(b->s, NULL));
}

static void
test_divert(void **state)
{
	size_t	 n = 0;

	(void)state;
	end_free(b);
	b = end_new(0, 1);
	assert_null(session_divert(b->s, &n));
	assert_int_equal(FEED(b, "\0\1\0\0"), 0);
	assert_ptr_equal(session_divert(b->s, &n), b->st);
	assert_int_equal(n, 65536);
	/* no further than the next head */
	assert_int_equal(session_want(b->s), 65536 + 4);
	b->by = 1;
	session_diverted(b->s, 40000);
	assert_ptr_equal(session_divert(b->s, &n), b->st);
	assert_int_equal(n, 25536);
	session_diverted(b->s, 25000);
	assert_null(session_divert(b->s, &n));	/* not worth it */
	session_diverted(b->s, 536);
	b->by = 0;
	assert_int_equal(b->rx, 65536);
	assert_int_equal(session_want(b->s), 4);
	assert_int_equal(FEED(b, "\0\0"), 0);
	assert_int_equal(session_want(b->s), 2);
	/* a short one, and it reads what there is again */
	assert_int_equal(FEED(b, "\0\1"), 0);
	assert_int_equal(session_want(b->s), RECVBUFFER);
	b->rx = 0;
	assert_int_equal(FEED(b, "\0\0\1\0\0\7"), 0);
	assert_int_equal(b->s->stats.payload_in, 65538);
	/* and what is left of one may still pass by */
	assert_ptr_equal(session_divert(b->s, &n), b->st);
	assert_int_equal(n, 65535);
}

static void
test_divert_held(void **state)
{
	size_t	 n = 0;

	(void)state;
	end_free(b);
	b = end_new(0, 1);
	session_limit(b->s, 100000);
	b->hold = b->by = 1;
	assert_int_equal(FEED(b, "\0\3\0\0"), 0);
	assert_non_null(session_divert(b->s, &n));
	assert_int_equal(n, 100000);
	session_diverted(b->s, n);
	assert_null(session_divert(b->s, &n));
	assert_int_equal(session_want(b->s), 0);
	session_consumed(b->st, 100000);
	assert_non_null(session_divert(b->s, &n));
	assert_int_equal(n, 196608 - 100000 < 100000 ? 196608 - 100000 :
	    100000);
	/* An owner who is gone takes no more. */
	session_reset(b->st, RESET_ABORT);
	b->st = NULL;
	assert_null(session_divert(b->s, &n));
}

/* ---- time ---- */

static void
test_heartbeat(void **state)
{
	uint64_t	 at;

	(void)state;
	at = session_tick(a->s, a->now);
	assert_int_equal(at, a->now + 10000 * MS);
	EXPECT(a, "");
	a->now = at;
	assert_int_equal(session_tick(a->s, at), at + 10000 * MS);
	assert_int_equal(a->wakes, 1);
	EXPECT(a, "\3\0\0\0");
	/* one that speaks needs none */
	end_open(a);
	a->now += 9000 * MS;
	session_tick(a->s, a->now);
	end_send(a, 1, 0);
	end_collect(a);
	assert_int_equal(session_tick(a->s, a->now), a->now + 10000 * MS);
}

static void
test_silence(void **state)
{
	uint64_t	 start = b->now;

	(void)state;
	assert_int_equal(FEED(b, "\0\0\0\1\0"), 0);
	for (; b->now < start + 29000 * MS; b->now += 500 * MS)
		assert_true(session_tick(b->s, b->now) != 0);
	assert_int_equal(FEED(b, "\3\0\0\0"), 0);
	start = b->now;
	for (; b->now < start + 29000 * MS; b->now += 500 * MS)
		assert_true(session_tick(b->s, b->now) != 0);
	b->now = start + 30000 * MS;
	assert_int_equal(session_tick(b->s, b->now), 0);
	assert_string_equal(b->s->error, "the peer is silent");
	assert_int_equal(b->reason, RESET_TUNNEL);
	/* One that slept through it reads first. */
	a->now += 300000 * MS;
	assert_true(session_tick(a->s, a->now) != 0);
	a->now += 1500 * MS;
	assert_int_equal(session_tick(a->s, a->now), 0);
}

static void
test_probe(void **state)
{
	(void)state;
	session_probe(a->s);
	EXPECT(a, "\3\0\0\1");
	EXPECT(b, "");
	assert_int_equal(FEED(b, "\3\0\0\1\3\0\0\1\3\0\0\1"), 0);
	assert_int_equal(b->wakes, 1);
	EXPECT(b, "\3\0\0\0");		/* one is enough */
	assert_int_equal(FEED(a, "\3\0\0\0"), 0);
	EXPECT(a, "");
}

static void
test_drain(void **state)
{
	(void)state;
	session_drain(b->s);
	assert_int_equal(b->wakes, 1);
	EXPECT(b, "\4\0\0\0");
	assert_int_equal(a->s->peer_drains, 0);
	assert_int_equal(FEED(a, "\4\0\0\0"), 0);
	assert_int_equal(a->s->peer_drains, 1);
	/* One that was under way is served all the same. */
	end_open(a);
	end_send(a, 10, 1);
	carry(a, b, 3);
	assert_int_equal(b->rx, 10);
	end_send(b, 10, 1);
	carry(b, a, 3);
	assert_true(over(a) && over(b));
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest	 tests[] = {
		TEST(test_octets),
		TEST(test_split),
		TEST(test_large),
		TEST(test_violations),
		TEST(test_out_of_turn),
		TEST(test_ends),
		TEST(test_reset),
		TEST(test_reset_crossing),
		TEST(test_reasons),
		TEST(test_refused),
		TEST(test_death),
		TEST(test_pressure),
		TEST(test_pressure_heartbeat),
		TEST(test_held_at_end),
		TEST(test_bulk),
		TEST(test_no_bulk),
		TEST(test_divert),
		TEST(test_divert_held),
		TEST(test_heartbeat),
		TEST(test_silence),
		TEST(test_probe),
		TEST(test_drain)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
