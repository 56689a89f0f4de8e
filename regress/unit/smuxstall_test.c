/* SPDX-License-Identifier: ISC */

/*
 * smux: what readers hold who do not take it, and which of them have to go.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smuxrig.h"

static void
stall(uint32_t version)
{
	struct session_conf	 c;
	struct rig		*r;
	uint32_t		 v = version;

	rig_conf(&c);
	c.client = 0;
	c.version = v;
	c.recvbuffer = 100000;
	c.stall_grace_ms = 5000;
	c.timeout_ms = 30000;
	r = rig_new(&c);
	r->accept_hold = 1;
	rig_feed(r, v == 1 ? "01 00 0000 03000000 01 00 0000 05000000" :
	    "02 00 0000 03000000 02 00 0000 05000000");
	rig_tick(r, 0);
	assert_int_equal(session_want(r->s), 100000);
	assert_int_equal(session_window(rig_find(r, 3)->st), v == 1 ? 100000 :
	    65536);
	rig_feed_psh(r, v, 3, 0, 60000);
	assert_int_equal(session_want(r->s), 40000);
	rig_feed_psh(r, v, 5, 0, 39999);
	assert_int_equal(session_want(r->s), 1);
	rig_tick(r, 0);		/* version 2 has looked at them earlier */
	r->wakes = 0;
	rig_feed_psh(r, v, 5, 39999, 1);
	assert_int_equal(session_want(r->s), 0);
	/* An earlier deadline: version 2 has it already. */
	assert_int_equal(r->wakes, v == 1);
	/* Until a quarter is free; then the owner is told. */
	rig_consume(rig_find(r, 5), 24999);
	assert_int_equal(session_want(r->s), 0);
	rig_collect(r);
	r->wakes = 0;
	rig_consume(rig_find(r, 5), 1);
	assert_int_equal(session_want(r->s), 25000);
	assert_int_equal(r->wakes, 1);
	rig_feed_psh(r, v, 5, 40000, 25000);
	assert_int_equal(session_want(r->s), 0);
	/* Silence is of our making now, and the worst reader goes. */
	rig_tick(r, (v == 1 ? 5000 : 5000 / 16) - 1);
	assert_int_equal(r->resets, 0);
	rig_tick(r, 1);
	assert_int_equal(r->streams[0].resets, 1);
	assert_int_equal(r->streams[0].reason, RESET_MEMORY);
	assert_int_equal(r->s->stats.killed, 1);
	assert_int_equal(session_want(r->s), 60000);
	assert_int_equal(r->resets, 1);
	rig_free(r);
}

static void
test_stall(void **state)
{
	(void)state;
	stall(1);
	stall(2);
}

/* Many hold a little each: as many go as are in the way, and no more. */
static void
test_stall_many(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	uint32_t		 id;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.version = 1;
	c.recvbuffer = 100000;
	c.stall_grace_ms = 5000;
	c.timeout_ms = 30000;
	r = rig_new(&c);
	r->accept_hold = 1;
	rig_feed(r, "01 00 0000 03000000 01 00 0000 05000000"
	    "01 00 0000 07000000 01 00 0000 09000000 01 00 0000 0b000000"
	    "01 00 0000 0d000000 01 00 0000 0f000000 01 00 0000 11000000"
	    "01 00 0000 13000000 01 00 0000 15000000");
	for (id = 3; id <= 21; id += 2)
		rig_feed_psh(r, 1, id, 0, 10000);
	assert_int_equal(session_want(r->s), 0);
	rig_tick(r, 4999);
	assert_int_equal(r->resets, 0);
	rig_tick(r, 1);
	assert_int_equal(r->resets, 3);
	assert_int_equal(r->s->stats.killed, 3);
	assert_int_equal(session_want(r->s), 30000);
	rig_free(r);
}

/* Slow, but not stuck: nobody is reset; the clock stops for the silent. */
static void
test_stall_moving(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;
	uint64_t		 at;
	int			 i;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.version = 1;
	c.recvbuffer = 1 << 20;
	c.stall_grace_ms = 5000;
	c.timeout_ms = 2000;
	r = rig_new(&c);
	r->accept_hold = 1;
	rig_feed(r, "01 00 0000 03000000");
	rs = rig_find(r, 3);
	for (i = 0; i < 17; i++)
		rig_feed_psh(r, 1, 3, 0, 65535);
	for (i = 0; i < 3; i++) {
		rig_consume(rs, 65536);
		at = rig_tick(r, 4999);
		assert_int_equal(at, r->now + 1000);
		assert_int_equal(session_want(r->s), 0);
	}
	assert_int_equal(r->resets, 0);
	/* One octet too few in a grace. */
	rig_consume(rs, 65535);
	rig_tick(r, 1);
	assert_int_equal(rs->resets, 1);
	/* The peer has its whole timeout from now on. */
	rig_tick(r, 0);
	assert_true(rig_tick(r, 1999) > 0);
	assert_int_equal(rig_tick(r, 1), 0);
	rig_free(r);
}

/*
 * In version 2 one who stopped goes before the session is full, so that it is
 * read all the time; who takes something is spared, and so is who came later.
 */
static void
test_stall_crowded(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	uint32_t		 id;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.recvbuffer = c.window_max = 1 << 20;
	c.window_initial = 131072;
	c.stall_grace_ms = 5000;
	r = rig_new(&c);
	r->accept_hold = 1;
	rig_feed(r, "02 00 0000 03000000 02 00 0000 05000000"
	    "02 00 0000 07000000 02 00 0000 09000000 02 00 0000 0b000000"
	    "02 00 0000 0d000000 02 00 0000 0f000000 02 00 0000 11000000");
	rig_tick(r, 0);
	for (id = 3; id <= 15; id += 2) {
		rig_feed_psh(r, 2, id, 0, 65535);
		rig_feed_psh(r, 2, id, 65535, 65535);
		rig_feed_psh(r, 2, id, 131070, 2);
	}
	/* A half is progress, and an octet less is not. */
	rig_tick(r, 500);
	rig_consume(rig_find(r, 3), 65536);
	rig_consume(rig_find(r, 5), 65535);
	rig_tick(r, 500);
	rig_feed_psh(r, 2, 17, 0, 65535);
	rig_feed_psh(r, 2, 17, 65535, 65535);
	rig_feed_psh(r, 2, 17, 131070, 1);
	/* An eighth is left, so it is a quarter of five seconds. */
	assert_int_equal(rig_tick(r, 0), r->now + 250000);
	rig_tick(r, 249);
	assert_int_equal(r->resets, 0);
	rig_tick(r, 1);
	assert_int_equal(r->resets, 1);
	assert_non_null(rig_find(r, 3));
	assert_non_null(rig_find(r, 17));
	assert_true(session_want(r->s) > 0);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_stall),
		cmocka_unit_test(test_stall_many),
		cmocka_unit_test(test_stall_moving),
		cmocka_unit_test(test_stall_crowded)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
