/* SPDX-License-Identifier: ISC */

/*
 * Mux.Pro, two sessions of our own back to back: what two rocketd say to each
 * other, octet by octet, and both kinds under random cuts, ends and resets.
 * Worth most under ASan.
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

#include "worker/session/muxproint.h"
#include "chaos.h"
#include "smuxrig.h"

#define N1	"0004 0000 00 01 0005 01 00000001"
#define OURS	"01 00 0000 02 07 726f636b657464"

static struct rig	*client, *server;

static void
conf(struct session_conf *c)
{
	rig_conf(c);
	c->version = 1;
	c->caps = CAP_HALFCLOSE | CAP_RESET;
	c->window_initial = c->peer_initial = 32768;
	c->window_max = 1048576;
}

static void
pair_start(const struct session_conf *conf_of)
{
	struct session_conf	 c = *conf_of;

	c.client = 1;
	c.may_open = 0;
	client = rig_new_muxpro(&c);
	c.client = 0;
	c.may_open = 1;
	server = rig_new_muxpro(&c);
	rig_run(client, server);
	assert_int_equal(((struct muxpro *)client->s)->phase, MUXPRO_OPEN);
	assert_int_equal(((struct muxpro *)server->s)->phase, MUXPRO_MUTE);
	client->accept_pattern = server->accept_pattern = 1;
}

static void
pair_end(void)
{
	rig_free(client);
	rig_free(server);
}

/* ---- between two rocketd ---- */

static void
test_octets(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	conf(&c);
	r = rig_new_muxpro(&c);
	rig_expect(r, N1);
	assert_int_equal(rig_feed(r, N1), 0);
	rs = rig_open(r, 1);
	rig_expect(r, "0011 0001 01 00 " OURS);
	rs = rig_open(r, 0);
	rig_pre(rs, "616263");
	rig_expect(r, "0011 0002 01 01 " OURS "0003 616263");
	session_fin(rs->st);
	rig_expect(r, "0004 0002 03 00");
	/* Half-close: the other direction goes on. */
	assert_int_equal(rig_feed(r, "0004 0002 02 01 0002 6869"), 0);
	assert_string_equal(rs->text, "hi");
	assert_int_equal(rs->fins, 0);
	rig_kill(rs, RESET_MEMORY);
	rig_expect(r, "0007 0002 03 01 0004 06");
	rs = rig_open(r, 0);
	rig_collect(r);
	rig_kill(rs, RESET_POLICY);
	rig_expect(r, "0007 0003 03 01 0006 04");
	/* The reason counts, and the code where there is no such. */
	rs = rig_open(r, 0);
	rig_collect(r);
	assert_int_equal(rig_feed(r, "0007 0004 03 01 0003 01"), 0);
	assert_int_equal(rs->reason, RESET_ABORT);
	rs = rig_open(r, 0);
	rig_collect(r);
	assert_int_equal(rig_feed(r, "0007 0005 03 01 0002 7f"), 0);
	assert_int_equal(rs->reason, RESET_TIMEOUT);
	rig_free(r);
}

/* No slack: a peer of our own counts. */
static void
test_no_slack(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	static uint8_t		 buf[8 + 32769];
	int			 over;

	(void)state;
	for (over = 0; over < 2; over++) {
		conf(&c);
		c.client = 0;
		r = rig_new_muxpro(&c);
		assert_int_equal(rig_feed(r, N1), 0);
		rig_collect(r);
		r->accept_hold = 1;
		assert_int_equal(rig_feed(r, "0011 0001 01 00 " OURS), 0);
		muxproout_frame(buf, 4, 1, MUXPRO_KEEP, MUXPRO_OPT_DATA);
		muxproout_put16(buf + 6, 32768 + over);
		assert_int_equal(session_input(r->s, buf, 8 + 32768 + over),
		    0);
		assert_int_equal(r->streams[0].resets, over);
		rig_free(r);
	}
}

static void
test_half_close(void **state)
{
	struct session_conf	 c;
	struct rig_stream	*a, *b;

	(void)state;
	conf(&c);
	pair_start(&c);
	a = rig_open(client, 0);
	a->pattern = 1;
	rig_send(a, 100000, 1);
	rig_run(client, server);
	b = &server->streams[0];
	assert_int_equal(b->rx, 100000);
	assert_int_equal(b->fins, 1);
	assert_int_equal(a->fins, 0);
	/* Long after; and it is the other side's turn to end. */
	rig_tick(client, 100000);
	rig_tick(server, 100000);
	rig_send(b, 5000000, 1);
	rig_run(client, server);
	assert_int_equal(a->rx, 5000000);
	assert_int_equal(a->closes, 1);
	assert_int_equal(b->closes, 1);
	pair_end();
}

static void
test_reasons(void **state)
{
	struct session_conf	 c;
	struct rig_stream	*a, *b;
	int			 why, from;

	(void)state;
	conf(&c);
	pair_start(&c);
	for (why = RESET_ABORT; why < RESET_TUNNEL; why++) {
		for (from = 0; from < 2; from++) {
			a = rig_open(client, 0);
			rig_send(a, 10, 0);
			rig_run(client, server);
			b = &server->streams[server->n - 1];
			rig_kill(from ? a : b, why);
			rig_run(client, server);
			assert_int_equal((from ? b : a)->reason, why);
		}
	}
	assert_int_equal(client->s->stats.streams, 0);
	assert_int_equal(server->s->stats.streams, 0);
	pair_end();
}

static void
test_urgent(void **state)
{
	struct session_conf	 c;
	struct rig_stream	*a, *ctl;

	(void)state;
	conf(&c);
	c.first_urgent = 1;
	c.max_streams = 1;
	pair_start(&c);
	ctl = rig_open(client, 1);
	a = rig_open(client, 0);
	assert_null(session_open(client->s, NULL, NULL, 0));
	rig_run(client, server);
	assert_int_equal(server->n, 2);
	assert_int_equal(server->s->stats.streams, 1);
	rig_send(a, 30000, 0);
	rig_send(ctl, 10, 0);
	rig_collect(client);
	assert_memory_equal(client->out, "\0\4\0\1\2\1\0\12", 8);
	pair_end();
}

/* ---- many ---- */

/* 64 streams both ways in random cuts: every octet arrives, in order. */
static void
test_many(void **state)
{
	struct session_conf	 c;
	uint64_t		 sum = 0;
	int			 i;

	(void)state;
	chaos_seed = 1;
	conf(&c);
	pair_start(&c);
	for (i = 0; i < 64; i++) {
		rig_open(client, 0)->pattern = 1;
		rig_send(&client->streams[i], 1 + chaos_rnd(400000), 1);
	}
	while (server->s->stats.streams < 64)
		rig_exchange(client, server, SESSION_OUTPUT_MIN +
		    chaos_rnd(5000));
	for (i = 0; i < 64; i++)
		rig_send(&server->streams[i], 1 + chaos_rnd(400000), 1);
	while (rig_exchange(client, server, SESSION_OUTPUT_MIN +
	    chaos_rnd(9000)))
		if (chaos_rnd(10) == 0) {
			rig_tick(client, 1);
			rig_tick(server, 1);
		}
	rig_run(client, server);
	for (i = 0; i < 64; i++) {
		assert_int_equal(client->streams[i].closes, 1);
		assert_int_equal(server->streams[i].closes, 1);
		assert_int_equal(server->streams[i].rx,
		    client->streams[i].tx_done);
		assert_int_equal(client->streams[i].rx,
		    server->streams[i].tx_done);
		sum += client->streams[i].rx;
	}
	assert_int_equal(client->s->stats.payload_in, sum);
	assert_int_equal(client->s->stats.unconsumed, 0);
	pair_end();
}

/* More than there are ids, one after another. */
static void
test_wrap(void **state)
{
	struct session_conf	 c;
	struct rig_stream	*a;
	int			 i;

	(void)state;
	conf(&c);
	pair_start(&c);
	for (i = 0; i < 70000; i++) {
		client->n = server->n = 0;
		a = rig_open(client, 0);
		assert_int_equal(a->st->id, 1 + i % 65535);
		rig_send(a, 1, 1);
		rig_run(client, server);
		rig_send(&server->streams[0], 1, 1);
		rig_run(client, server);
		assert_int_equal(a->closes, 1);
		rig_tick(client, 1);
		rig_tick(server, 1);
	}
	assert_int_equal(client->s->stats.ignored, 0);
	assert_int_equal(server->s->stats.ignored, 0);
	pair_end();
}

/* ---- bare ---- */

/* A user who has ended still gets his answer, where both ends are ours. */
static void
test_bare_half_close(void **state)
{
	struct session_conf	 c;
	struct rig_stream	*a, *b;

	(void)state;
	conf(&c);
	c.bare = 1;
	pair_start(&c);
	a = rig_open(client, 0);
	a->pattern = 1;
	rig_pre(a, "01 00 01bb 01 c0000201");
	rig_send(a, 100000, 1);
	rig_run(client, server);
	b = &server->streams[0];
	assert_int_equal(b->rx, 100000);
	assert_int_equal(b->fins, 1);
	rig_send(b, 3000000, 1);
	rig_run(client, server);
	assert_int_equal(a->rx, 3000000);
	assert_int_equal(a->closes, 1);
	assert_int_equal(b->closes, 1);
	pair_end();
}

static void
test_bare_datagrams(void **state)
{
	struct session_conf	 c;
	struct rig_stream	*a, *b;
	int			 i;

	(void)state;
	conf(&c);
	c.bare = 1;
	pair_start(&c);
	server->accept_pattern = 0;
	a = rig_open(client, 0);
	rig_pre(a, "02 00 0035 02 03 646e73 0003 616263 0001 64");
	rig_run(client, server);
	b = &server->streams[0];
	assert_int_equal(b->head_len, 9);
	assert_memory_equal(b->text, "\0\3abc\0\1d", 8);
	rig_pre(b, "0004 74657874");
	rig_run(client, server);
	assert_memory_equal(a->text, "\0\4text", 6);
	/* Many: credit comes back though nobody says so. */
	for (i = 0; i < 1000; i++) {
		rig_pre(a, "0400");
		rig_send(a, 1024, 0);
		rig_run(client, server);
	}
	assert_int_equal(client->s->stats.dropped, 0);
	assert_int_equal(b->rx, 8 + 1000 * 1026);
	pair_end();
}

/* ---- chaos ---- */

static void
chaos_open(struct rig *r)
{
	struct rig_stream	*rs;

	if (!r->s->conf.client || chaos_rnd(3) != 0 ||
	    r->n >= RIG_STREAMS / 2 ||
	    r->s->stats.streams >= r->s->conf.max_streams)
		return;
	rs = rig_open(r, 0);
	rs->pattern = 1;
	rs->tx_piece = chaos_rnd(3) == 0 ? 1 + chaos_rnd(1000) : 0;
	if (r->s->conf.bare)
		rig_pre(rs, chaos_rnd(2) ? "01 00 01bb 01 c0000201" :
		    "01 80 01bb 02 03 616263");
	rig_send(rs, chaos_rnd(200000), chaos_rnd(2));
}

static void
chaos_none_left(const struct rig *r)
{
	const struct muxpro	*s = (const struct muxpro *)r->s;

	assert_int_equal(s->windows.granted, 0);
	assert_int_equal(s->entries, 0);
}

static void
chaos(int bare)
{
	/* a foreign server that has ended takes nothing more */
	const struct chaos_how	 how = { chaos_open, 6, bare, 6, 500 };
	struct session_conf	 c;

	conf(&c);
	c.bare = bare;
	c.window_initial = c.peer_initial = 1 + chaos_rnd(65536);
	c.window_max = c.window_initial + chaos_rnd(300000);
	c.recvbuffer = 4000000;
	c.framesize = 1 + chaos_rnd(65535);
	c.max_streams = 40;
	c.fin_delay_ms = chaos_rnd(500);
	pair_start(&c);
	chaos_run(client, server, &how);
	chaos_none_left(client);
	chaos_none_left(server);
	pair_end();
}

static void
test_chaos(void **state)
{
	uint32_t	 i;

	(void)state;
	for (i = 0; i < 60; i++) {
		chaos_seed = i;
		chaos(i % 2);
	}
}

int
main(void)
{
	static const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_no_slack),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_urgent),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_bare_half_close),
		cmocka_unit_test(test_bare_datagrams),
		cmocka_unit_test(test_chaos)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
