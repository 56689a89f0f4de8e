/* SPDX-License-Identifier: ISC */

/*
 * smux on the pair between a worker and quic: both open streams, and quic tells
 * the worker of the path.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chaos.h"
#include "smuxrig.h"

#define PATH_FRAME							\
	"02 07 2000 00000000 40420f00 ac050000 02000000 c4090000"	\
	"00000000 01000000 0700000000000000"

static const struct session_path	 path = {
	.rtt_us = 1000000, .mtu = 1452, .moves = 2, .silent_ms = 2500,
	.sent = 1ULL << 32, .lost = 7
};

static struct rig *
start(int client, int may_open, int inside)
{
	struct session_conf	 c;

	rig_conf(&c);
	c.client = client;
	c.may_open = may_open;
	c.inside = inside;
	c.max_streams = RIG_STREAMS;
	c.caps = CAP_HALFCLOSE | CAP_RESET | CAP_BULK;
	c.window_initial = c.peer_initial = 1;	/* means nothing here */
	return (rig_new(&c));
}

static void
dies(struct rig *r, const char *hex, const char *why)
{
	assert_int_equal(rig_feed(r, hex), -1);
	assert_string_equal(r->s->error, why);
	rig_free(r);
}

/* Each opens with ids of its own; who may, does not depend on which. */
static void
test_both_open(void **state)
{
	struct rig	*worker = start(1, 1, 1), *quic = start(0, 1, 1);

	(void)state;
	rig_send(rig_open(worker, 0), 100000, 1);
	rig_send(rig_open(quic, 0), 100000, 1);
	assert_int_equal(worker->streams[0].st->id, 3);
	assert_int_equal(quic->streams[0].st->id, 2);
	worker->accept_pattern = quic->accept_pattern = 1;
	rig_run(worker, quic);
	assert_int_equal(worker->n, 2);
	assert_int_equal(quic->n, 2);
	assert_int_equal(worker->streams[1].rx, 100000);
	assert_int_equal(quic->streams[1].rx, 100000);
	assert_int_equal(worker->streams[1].st->id, 2);
	session_fin(worker->streams[1].st);
	session_fin(quic->streams[1].st);
	rig_run(worker, quic);
	assert_int_equal(worker->closes, 2);
	assert_int_equal(quic->closes, 2);
	rig_free(worker);
	rig_free(quic);
}

static void
test_who_may(void **state)
{
	struct rig	*r;

	(void)state;
	dies(start(1, 1, 1), "02 00 0000 03000000",
	    "a stream id of the wrong side");
	dies(start(0, 1, 1), "02 00 0000 02000000",
	    "a stream id of the wrong side");
	dies(start(1, 0, 1), "02 00 0000 02000000",
	    "opened a stream, which it may not");
	dies(start(0, 0, 1), "02 00 0000 03000000",
	    "opened a stream, which it may not");
	/* who may not be opened to may open */
	r = start(1, 0, 1);
	assert_non_null(rig_open(r, 0));
	rig_free(r);
}

/* Both assume the same of the other, so neither has to tell. */
static void
test_windows(void **state)
{
	struct rig	*worker = start(1, 1, 1), *quic = start(0, 1, 1);

	(void)state;
	rig_send(rig_open(worker, 0), 100000, 0);
	rig_collect(worker);
	assert_int_equal(worker->s->stats.payload_out, SMUX_INSIDE_WINDOW);
	/* Nor is the way a long one, whatever the owner measures. */
	session_rtt(quic->s, 500000);
	rig_open(quic, 0);
	rig_expect(quic, "02 00 0000 02000000");
	rig_free(worker);
	rig_free(quic);
}

/* What is little comes in one piece with its header, though it is alone. */
static void
test_little(void **state)
{
	struct rig	*quic = start(0, 1, 1);

	(void)state;
	rig_send(rig_open(quic, 0), 100000, 0);
	rig_collect(quic);
	assert_int_equal(quic->out[SMUX_HEADER + 1], SMUX_BULK);
	rig_free(quic);
	quic = start(0, 1, 1);
	rig_send(rig_open(quic, 0), 4, 0);
	rig_expect(quic, "02 00 0000 02000000 02 02 0400 02000000 00070e15");
	rig_free(quic);
}

static void
test_probe(void **state)
{
	struct rig	*r = start(1, 1, 1);

	(void)state;
	session_probe(r->s);
	assert_int_equal(r->wakes, 1);
	rig_expect(r, "02 03 0000 00000000");
	rig_free(r);
	r = start(1, 1, 0);
	session_probe(r->s);
	rig_expect(r, "");
	rig_free(r);
}

/* Cut anywhere; of two that wait the last is told. */
static void
test_path(void **state)
{
	struct session_path	 older = path;
	struct rig		*worker = start(1, 1, 1);
	struct rig		*quic = start(0, 1, 1);
	size_t			 cut;

	(void)state;
	older.moves = 1;
	smux_path(quic->s, &older);
	assert_int_equal(quic->wakes, 1);
	smux_path(quic->s, &path);
	rig_expect(quic, PATH_FRAME);
	for (cut = 0; cut <= quic->out_len; cut++) {
		memset(&worker->s->path, 0, sizeof(path));
		assert_int_equal(session_input(worker->s, quic->out, cut), 0);
		assert_int_equal(worker->s->path.mtu,
		    cut < quic->out_len ? 0 : 1452);
		assert_int_equal(session_input(worker->s, quic->out + cut,
		    quic->out_len - cut), 0);
		assert_memory_equal(&worker->s->path, &path, sizeof(path));
	}
	rig_free(worker);
	rig_free(quic);
}

/* It waits for room, and what is smaller does not wait for it. */
static void
test_path_room(void **state)
{
	struct rig	*quic = start(0, 1, 1);
	uint8_t		 buf[SESSION_OUTPUT_MIN];

	(void)state;
	session_probe(quic->s);
	smux_path(quic->s, &path);
	rig_open(quic, 0);
	rig_open(quic, 0);
	rig_open(quic, 0);
	assert_int_equal(session_output(quic->s, buf, sizeof(buf)), 8 + 40);
	assert_int_equal(buf[9], SMUX_PATH);
	assert_true(quic->s->more);
	assert_int_equal(session_output(quic->s, buf, sizeof(buf)), 24);
	assert_false(quic->s->more);
	rig_free(quic);
}

/* Only quic says it, only on a pair, and no longer or shorter. */
static void
test_path_breach(void **state)
{
	(void)state;
	dies(start(0, 1, 1), PATH_FRAME, "an unknown command");
	dies(start(1, 1, 0), PATH_FRAME, "an unknown command");
	dies(start(0, 1, 0), PATH_FRAME, "an unknown command");
	dies(start(1, 1, 1), "02 07 1f00 00000000",
	    "a frame of the wrong length");
	dies(start(1, 1, 1), "02 07 2100 00000000",
	    "a frame of the wrong length");
	dies(start(1, 1, 1), "02 08 2000 00000000", "an unknown command");
}

/* Who may not say it does not. */
static void
test_path_mute(void **state)
{
	struct rig	*worker = start(1, 1, 1), *out = start(0, 1, 0);

	(void)state;
	smux_path(worker->s, &path);
	smux_path(out->s, &path);
	rig_expect(worker, "");
	rig_expect(out, "");
	assert_int_equal(worker->s->path.mtu, 0);
	rig_free(worker);
	rig_free(out);
}

/* ---- both under random cuts, ends and resets ---- */

static void
chaos_open(struct rig *r)
{
	struct rig_stream	*rs;

	if (r->n >= RIG_STREAMS / 4 || chaos_rnd(3) != 0)
		return;
	if (!r->s->conf.client)
		smux_path(r->s, &path);
	rs = rig_open(r, 0);
	rs->pattern = 1;
	rs->tx_piece = chaos_rnd(3) == 0 ? 1 + chaos_rnd(1000) : 0;
	rig_send(rs, chaos_rnd(200000), chaos_rnd(2));
}

static void
test_chaos(void **state)
{
	const struct chaos_how	 how = { chaos_open, 0, 0, 3, 0 };
	struct rig		*worker, *quic;
	uint32_t		 i;

	(void)state;
	for (i = 0; i < 10; i++) {
		chaos_seed = i;
		worker = start(1, 1, 1);
		quic = start(0, 1, 1);
		worker->accept_pattern = quic->accept_pattern = 1;
		chaos_run(worker, quic, &how);
		assert_int_equal(((struct smux *)quic->s)->entries, 0);
		assert_int_equal(((struct smux *)worker->s)->entries, 0);
		assert_memory_equal(&worker->s->path, &path, sizeof(path));
		rig_free(worker);
		rig_free(quic);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_both_open),
		cmocka_unit_test(test_who_may),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_little),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_path_room),
		cmocka_unit_test(test_path_breach),
		cmocka_unit_test(test_path_mute),
		cmocka_unit_test(test_chaos)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
