/* SPDX-License-Identifier: ISC */

/*
 * smux: callbacks that end streams in the middle of a turn, and two sessions
 * back to back under random cuts, ends and resets.  Worth most under ASan.
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

#include "chaos.h"
#include "smuxrig.h"

static struct rig *
start(int client, uint32_t version)
{
	struct session_conf	 c;

	rig_conf(&c);
	c.client = client;
	c.version = version;
	return (rig_new(&c));
}

static struct rig *
start_caps(int client, uint32_t caps)
{
	struct session_conf	 c;

	rig_conf(&c);
	c.client = client;
	c.caps = caps;
	return (rig_new(&c));
}

/* ---- callbacks that act ---- */

static void
hook_reset_self(struct rig_stream *rs)
{
	rig_kill(rs, RESET_ABORT);
}

static void
hook_reset_all(struct rig_stream *rs)
{
	struct rig	*r = rs->rig;
	struct stream	*st;
	int		 i;

	for (i = 0; i < r->n; i++) {
		if ((st = r->streams[i].st) == NULL)
			continue;
		rig_kill(&r->streams[i], RESET_ABORT);
		/* Still readable: the turn is not over. */
		assert_int_equal(st->id, 3 + 2 * i);
	}
}

static void
hook_open_many(struct rig_stream *rs)
{
	int	 i;

	for (i = 0; i < 20; i++)
		rig_send(rig_open(rs->rig, 0), 10, 1);
	rig_consume(rs, rs->rx_held);
	session_fin(rs->st);
}

static void
test_act_in_data(void **state)
{
	static void	(*const hooks[])(struct rig_stream *) = {
		hook_reset_self, hook_reset_all, hook_open_many };
	struct rig	*r;
	size_t		 i, cut;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (cut = 1; cut < 5; cut++) {
			r = start_caps(0, CAP_RESET);
			rig_feed(r, "02 00 0000 03000000 02 00 0000 05000000"
			    "02 00 0000 07000000");
			rig_find(r, 5)->hook = hooks[i];
			rig_feed(r, "02 02 0500 05000000 61");
			rig_feed(r, cut == 1 ? "62 63 64 65" : "62636465"
			    "02 02 0100 03000000 66 02 02 0100 05000000 67"
			    "02 01 0000 07000000 02 00 0000 0b000000");
			assert_int_equal(r->streams[1].rx,
			    i < 2 ? 1 : cut == 1 ? 5 : 6);
			rig_collect(r);
			rig_free(r);
			if (hooks[i] == hook_open_many)
				break;	/* opens each time: once will do */
		}
	}
}

/* A pull that ends its stream, with or without the octets it gave. */
static void
test_act_in_pull(void **state)
{
	struct rig	*r;
	int		 n, i;

	(void)state;
	for (n = 0; n <= 100; n += 100) {
		r = start_caps(1, CAP_RESET);
		for (i = 0; i < 3; i++)
			rig_send(rig_open(r, 0), 10, 0);
		r->streams[1].pull_hook = hook_reset_self;
		rig_collect(r);
		assert_int_equal(r->out_len, 3 * 8 + 18 + 12 + 18);
		assert_int_equal(r->out[3 * 8 + 18 + 1], SMUX_RST);
		rig_send(rig_open(r, 0), n, 0);
		r->streams[3].pull_hook = hook_reset_all;
		r->streams[0].pull_hook = hook_reset_all;
		session_ready(r->streams[0].st);
		rig_collect(r);
		assert_int_equal(r->s->stats.streams, 0);
		rig_free(r);
	}
}

static void
end_reset_others(struct rig_stream *rs)
{
	struct rig	*r = rs->rig;
	struct stream	*st;
	int		 i;

	for (i = 0; i < r->n; i++) {
		st = r->streams[i].st;
		if (st == NULL || st == rs->st || (i & 1))
			continue;
		rig_kill(&r->streams[i], RESET_ABORT);
	}
	assert_true(r->s->error == NULL ||
	    session_open(r->s, NULL, NULL, 0) == NULL);
}

static void
test_act_in_end(void **state)
{
	struct rig	*r;
	int		 i, how;

	(void)state;
	for (how = 0; how < 3; how++) {
		r = start(1, 2);
		for (i = 0; i < 40; i++)
			rig_open(r, 0);
		rig_collect(r);
		r->on_end = end_reset_others;
		if (how == 0)
			assert_int_equal(rig_feed(r, "07"
			    "00 0000 00000000"), -1);
		else if (how == 1)
			rig_feed(r, "02 04 0800 07000000 01000000 00000000"
			    "02 04 0800 09000000 01000000 00000000");
		rig_free(r);
	}
}

static void
open_and_send(struct rig_stream *rs)
{
	rig_send(rs, 3, 1);
}

static void
test_act_in_opened(void **state)
{
	struct rig	*r;

	(void)state;
	r = start_caps(0, CAP_RESET);
	r->on_open = open_and_send;
	rig_feed(r, "02 00 0000 03000000 02 01 0000 03000000");
	rig_collect(r);
	assert_int_equal(r->out_len, 8 + 3 + 8);
	assert_int_equal(r->closes, 1);
	/* A reset, though the header asks for -1. */
	r->on_open = hook_reset_self;
	rig_feed(r, "02 00 0000 05000000");
	rig_expect(r, "02 05 0400 05000000 01000000");
	assert_int_equal(r->s->stats.streams, 0);
	rig_free(r);
}

/* ---- two sessions ---- */

static void
chaos_open(struct rig *r)
{
	struct rig_stream	*rs;

	if (r->n >= RIG_STREAMS / 2 || chaos_rnd(3) != 0 ||
	    r->s->stats.streams >= r->s->conf.max_streams)
		return;
	rs = rig_open(r, 0);
	rs->pattern = 1;
	rs->tx_piece = chaos_rnd(3) == 0 ? 1 + chaos_rnd(1000) : 0;
	rig_send(rs, chaos_rnd(200000), chaos_rnd(2));
}

static void
chaos_none_left(const struct rig *r)
{
	const struct smux	*s = (const struct smux *)r->s;

	assert_int_equal(s->windows.granted, 0);
	assert_int_equal(s->entries, 0);
}

static void
chaos(uint32_t version, uint32_t caps)
{
	const struct chaos_how	 how = { chaos_open, 0, caps == 0, 3, 0 };
	struct session_conf	 c;
	struct rig		*a, *b;

	rig_conf(&c);
	c.version = version;
	c.caps = caps;
	c.window_initial = c.peer_initial = 1 + chaos_rnd(65536);
	c.window_max = c.window_initial + chaos_rnd(300000);
	c.recvbuffer = version == 1 ? 1 << 30 : 4000000;
	c.framesize = 1 + chaos_rnd(65535);
	c.max_streams = 8 + chaos_rnd(20);
	if (version == 2)
		c.max_streams = 40;
	a = rig_new(&c);
	c.client = 0;
	b = rig_new(&c);
	a->accept_pattern = b->accept_pattern = 1;
	chaos_run(a, b, &how);
	chaos_none_left(a);
	chaos_none_left(b);
	rig_free(a);
	rig_free(b);
}

static void
test_chaos(void **state)
{
	uint32_t	 i;

	(void)state;
	for (i = 0; i < 60; i++) {
		chaos_seed = i;
		chaos(1 + i % 2, i & 2 ? CAP_HALFCLOSE | CAP_RESET : 0);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_act_in_data),
		cmocka_unit_test(test_act_in_pull),
		cmocka_unit_test(test_act_in_end),
		cmocka_unit_test(test_act_in_opened),
		cmocka_unit_test(test_chaos)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
