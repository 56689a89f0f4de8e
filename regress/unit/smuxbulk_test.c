/* SPDX-License-Identifier: ISC */

/*
 * smux's bulk frames: what they look like, when they are sent, and payload
 * that passes a session by, in every way that it can be cut.
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

#include "smuxrig.h"

#define CAPS	(CAP_RESET | CAP_HALFCLOSE | CAP_BULK)
#define WINDOW	(1024 * 1024)

static struct rig *
start(int client, uint32_t caps)
{
	struct session_conf	 c;

	rig_conf(&c);
	c.client = client;
	c.caps = caps;
	c.divert = 1;
	c.window_initial = c.window_max = c.peer_initial = WINDOW;
	return (rig_new(&c));
}

static void
assert_header(const uint8_t *p, uint32_t id, uint32_t len)
{
	const uint8_t	 want[12] = { 2, 6, 4, 0, id, id >> 8, id >> 16,
		id >> 24, len, len >> 8, len >> 16, len >> 24 };

	assert_memory_equal(p, want, sizeof(want));
}

/* ---- sending ---- */

static void
test_frame(void **state)
{
	struct rig		*r = start(1, CAPS);
	struct rig_stream	*rs;
	uint8_t			 want[100000];

	(void)state;
	r->bulk = sizeof(want);
	rs = rig_open(r, 0);
	rig_collect(r);
	rig_send(rs, sizeof(want) + 10, 1);
	rig_collect(r);
	/* One frame of a hundred thousand, one of ten, the end. */
	assert_int_equal(r->out_len, 12 + sizeof(want) + 12 + 10 + 8);
	assert_header(r->out, 3, sizeof(want));
	rig_pattern(want, 0, sizeof(want));
	assert_memory_equal(r->out + 12, want, sizeof(want));
	assert_header(r->out + 12 + sizeof(want), 3, 10);
	assert_int_equal(r->bulks, 2);
	assert_int_equal(r->s->stats.payload_out, sizeof(want) + 10);
	rig_free(r);
}

static void
test_output_stops(void **state)
{
	struct rig		*r = start(1, CAPS);
	struct rig_stream	*a, *b;
	uint8_t			 buf[4096];

	(void)state;
	r->bulk = 50000;
	a = rig_open(r, 0);
	b = rig_open(r, 0);
	rig_collect(r);
	rig_send(a, 50000, 0);
	rig_send(b, 50000, 0);
	/* Nothing may stand between the header and what was put aside. */
	assert_int_equal(session_output(r->s, buf, sizeof(buf)), 12);
	assert_header(buf, 3, 50000);
	r->aside_len = 0;
	assert_int_equal(session_output(r->s, buf, sizeof(buf)), 12);
	assert_header(buf, 5, 50000);
	r->aside_len = 0;
	assert_int_equal(session_output(r->s, buf, sizeof(buf)), 0);
	rig_free(r);
}

/* Not without the capability, in a small window, or of the urgent one. */
static void
test_not_asked(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	int			 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		r = start(1, i == 0 ? CAPS & ~CAP_BULK : CAPS);
		r->bulk = 100000;
		rs = rig_open(r, i == 1);
		rig_collect(r);
		if (i == 2)
			rig_feed(r, "02 04 0800 03000000 00000000 ff7f0000");
		if (i == 3)
			rig_feed(r, "02 04 0800 03000000 00000000 00800000");
		rig_send(rs, 40000, 0);
		rig_collect(r);
		assert_int_equal(r->bulks, i == 3);
		if (i == 3)
			assert_header(r->out, 3, 32768);
		else
			assert_int_equal(r->out[1], 2);
		rig_free(r);
	}
}

/* The window bounds a bulk frame as any other. */
static void
test_window(void **state)
{
	struct rig		*r = start(1, CAPS);
	struct rig_stream	*rs;

	(void)state;
	r->bulk = SMUX_BULK_MAX;
	rs = rig_open(r, 0);
	rig_collect(r);
	rig_feed(r, "02 04 0800 03000000 00000000 01000100");	/* 65537 */
	rig_send(rs, 200000, 0);
	rig_collect(r);
	assert_header(r->out, 3, 65537);
	assert_int_equal(r->out_len, 12 + 65537);
	rig_free(r);
}

/* The pull of a bulk may find the end, or the stream's death. */
static void
kill_it(struct rig_stream *rs)
{
	rig_kill(rs, RESET_ABORT);
}

static void
test_ends(void **state)
{
	struct rig		*r = start(1, CAPS);
	struct rig_stream	*rs;

	(void)state;
	r->bulk = SMUX_BULK_MAX;
	rs = rig_open(r, 0);
	rig_collect(r);
	rs->tx_fin = 1;			/* nothing left, and then the end */
	session_ready(rs->st);
	rig_expect(r, "02 01 0000 03000000");
	assert_int_equal(r->bulks, 0);
	rs = rig_open(r, 0);
	rig_collect(r);
	rs->pull_hook = kill_it;
	session_ready(rs->st);
	rig_expect(r, "02 05 0400 05000000 01000000");
	rig_free(r);
}

/* Without a diversion a stream that is alone has large frames in memory. */
static void
test_memory(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*a, *b;
	uint8_t			 buf[200000];

	(void)state;
	rig_conf(&c);
	c.caps = CAPS;
	r = rig_new(&c);
	r->bulk = 1;			/* is not asked */
	a = rig_open(r, 0);
	b = rig_open(r, 0);
	rig_collect(r);
	rig_send(a, 1000000, 0);
	assert_int_equal(session_output(r->s, buf, sizeof(buf)), sizeof(buf));
	assert_header(buf, 3, sizeof(buf) - 12);
	/* Two share it by frames and quanta. */
	rig_send(b, 1000000, 0);
	assert_true(session_output(r->s, buf, sizeof(buf)) > 100000);
	assert_memory_equal(buf, "\2\2\0\x40\3\0\0\0", 8);
	assert_int_equal(r->bulks, 0);
	rig_free(r);
}

/* ---- receiving ---- */

static void
test_wrong(void **state)
{
	static const struct {
		uint32_t	 caps;
		const char	*hex, *why;
	} t[] = {
		{ CAPS & ~CAP_BULK, "02 06 0400 01000000 00000100",
		    "an unknown command" },
		{ CAPS, "02 06 0300 01000000 00000100",
		    "a frame of the wrong length" },
		{ CAPS, "02 06 0500 01000000 00000100",
		    "a frame of the wrong length" },
		{ CAPS, "02 06 0400 01000000 00000000",
		    "a bulk frame of the wrong length" },
		{ CAPS, "02 06 0400 01000000 01000400",
		    "a bulk frame of the wrong length" },
		{ CAPS, "02 06 0400 01000000 ffffffff",
		    "a bulk frame of the wrong length" },
		{ CAPS, "02 07 0400 01000000 00000000",
		    "an unknown command" }
	};
	struct rig	*r;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		r = start(0, t[i].caps);
		assert_int_equal(rig_feed(r, "02 00 0000 01000000"), 0);
		assert_int_equal(rig_feed(r, t[i].hex), -1);
		assert_string_equal(r->s->error, t[i].why);
		rig_free(r);
	}
}

static void
test_beyond_window(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	int			 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rig_conf(&c);
		c.client = 0;
		c.caps = CAPS;		/* a window of 65536 */
		r = rig_new(&c);
		assert_int_equal(rig_feed(r, "02 00 0000 01000000"), 0);
		assert_int_equal(rig_feed(r, i == 0 ?
		    "02 06 0400 01000000 00000100" :
		    "02 06 0400 01000000 01000100"), i == 0 ? 0 : -1);
		rig_free(r);
	}
}

/* Where payload may begin reading ends, until bulk frames are over. */
static void
test_want(void **state)
{
	struct rig	*r = start(0, CAPS);
	uint8_t		 zero[40000] = { 0 };
	size_t		 n, far = session_want(r->s);
	int		 i;

	(void)state;
	assert_int_equal(far, 4194304);
	rig_feed(r, "02 00 0000 01000000");
	assert_int_equal(session_want(r->s), far);
	rig_feed(r, "02 06 0400 01000000 409c0000");	/* 40000 */
	assert_int_equal(session_want(r->s), 40000 + 12);
	assert_non_null(session_divert(r->s, &n));
	assert_int_equal(n, 40000);
	r->diverted = zero;
	session_diverted(r->s, 30000);
	/* What is left is not worth it. */
	assert_null(session_divert(r->s, &n));
	assert_int_equal(session_want(r->s), 10000 + 12);
	assert_int_equal(session_input(r->s, zero, 10000), 0);
	assert_int_equal(session_want(r->s), 12);
	/* Of another frame four octets, then what it needs. */
	rig_feed(r, "02 04 0800");
	assert_int_equal(session_want(r->s), 8);
	rig_feed(r, "01000000 00000000");
	assert_int_equal(session_want(r->s), 4);
	rig_feed(r, "00001000");
	assert_int_equal(session_want(r->s), 12);
	for (i = 0; i < 6; i++)
		rig_feed(r, "02 03 0000 00000000");
	assert_int_equal(session_want(r->s), 12);
	rig_feed(r, "02 03 0000 00000000");
	assert_int_equal(session_want(r->s), far);
	assert_int_equal(r->s->stats.payload_in, 40000);
	rig_free(r);
}

/* An ignored stream's payload is nobody's. */
static void
test_nobody(void **state)
{
	struct rig	*r = start(0, CAPS);
	size_t		 n;

	(void)state;
	rig_feed(r, "02 06 0400 01000000 409c0000");
	assert_null(session_divert(r->s, &n));
	assert_int_equal(session_want(r->s), 40000 + 12);
	rig_free(r);
}

/* ---- both ---- */

static void
exchange(size_t bulk, int divert, size_t size, int both)
{
	struct rig		*a = start(1, CAPS), *b = start(0, CAPS);
	struct rig_stream	*rs[4];
	const uint64_t		 total = 3000001;
	int			 i;

	a->bulk = bulk;
	b->bulk = both ? bulk : 0;
	a->divert = b->divert = divert;
	b->accept_pattern = 1;
	for (i = 0; i < 4; i++) {
		rs[i] = rig_open(a, 0);
		rs[i]->pattern = 1;
		rig_send(rs[i], total + i, 1);
	}
	while (rig_exchange(a, b, size)) {
		for (i = 0; i < b->n && both; i++)
			if (b->streams[i].st != NULL &&
			    b->streams[i].tx_done +
			    b->streams[i].tx_left == 0)
				rig_send(&b->streams[i], total, 1);
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(b->streams[i].rx, total + i);
		assert_int_equal(b->streams[i].fins, 1);
		if (both) {
			assert_int_equal(rs[i]->rx, total);
			assert_int_equal(rs[i]->closes, 1);
		}
	}
	assert_true(a->bulks > 0);
	assert_int_equal(b->diversions > 0, divert);
	assert_int_equal(a->resets + b->resets, 0);
	rig_free(a);
	rig_free(b);
}

static void
test_exchange(void **state)
{
	static const size_t	 bulks[] = { 20000, 32768, 99999,
		SMUX_BULK_MAX };
	size_t			 i;
	int			 divert;

	(void)state;
	for (i = 0; i < sizeof(bulks) / sizeof(bulks[0]); i++)
		for (divert = 0; divert < 2; divert++) {
			exchange(bulks[i], divert, 1 << 20, 0);
			exchange(bulks[i], divert, 1 << 20, 1);
		}
}

/* A stream that dies between its header and the diversion. */
static void
test_death(void **state)
{
	struct rig	*r = start(0, CAPS);
	uint8_t		 zero[30000] = { 0 };
	size_t		 n;

	(void)state;
	rig_feed(r, "02 00 0000 01000000 02 06 0400 01000000 409c0000");
	r->diverted = zero;
	session_diverted(r->s, 10000);
	rig_kill(rig_find(r, 1), RESET_ABORT);
	assert_null(session_divert(r->s, &n));
	assert_int_equal(session_want(r->s), 30000 + 12);
	assert_int_equal(session_input(r->s, zero, 30000), 0);
	assert_int_equal(session_want(r->s), 12);
	assert_int_equal(r->s->stats.unconsumed, 0);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_output_stops),
		cmocka_unit_test(test_not_asked),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_beyond_window),
		cmocka_unit_test(test_want),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_death)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
