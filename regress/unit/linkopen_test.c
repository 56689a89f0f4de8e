/* SPDX-License-Identifier: ISC */

/*
 * Links: the opening of a tunnel, how either side ends, and what a worker is
 * told of the path.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "frame.h"
#include "linkqconn.h"

#define NOP		"\002\003\000\000\000\000\000\000"

/* Two records, one of them empty, and the second with a 2 as its first. */
static const uint8_t	 records[] = {
	22, 3, 1, 0, 5, 2, 2, 2, 2, 2,
	20, 3, 3, 0, 0,
	23, 3, 3, 0, 3, 22, 2, 24
};

static struct linkrig *
early(int server)
{
	return (linkrig_early(DIALECT_ROCKET, server, 1));
}

/* ---- the opening ---- */

/* Cut anywhere, with the session right behind it. */
static void
test_worker_opens(void **state)
{
	uint8_t		 buf[sizeof(records) + 8];
	struct linkrig	*r;
	struct qstream	*s;
	size_t		 cut;

	(void)state;
	memcpy(buf, records, sizeof(records));
	memcpy(buf + sizeof(records), NOP, 8);
	for (cut = 0; cut <= sizeof(buf); cut++) {
		r = early(0);
		linkrig_write(r, buf, cut);
		linkrig_run(r);
		s = linkrig_stream(r, 0);
		assert_int_equal(s->fin, cut > sizeof(records));
		linkrig_write(r, buf + cut, sizeof(buf) - cut);
		linkrig_run(r);
		assert_int_equal(s->len, sizeof(records));
		assert_memory_equal(s->octets, records, sizeof(records));
		assert_true(s->fin);
		assert_false(r->q.closed);
		/* and now it is a session */
		r->started = 1;
		rig_send(rig_open(r->worker, 1), 100, 0);
		linkrig_run(r);
		linkrig_got_pattern(r, 4, 0, 100);
		linkrig_free(r);
	}
}

static void
test_worker_lies(void **state)
{
	static const uint8_t	 wrong[] = { 0, 1, 3, 19, 25, 255 };
	struct linkrig		*r;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(wrong); i++) {
		r = early(0);
		linkrig_write(r, records, sizeof(records));
		linkrig_write(r, &wrong[i], 1);
		linkrig_run(r);
		assert_true(r->q.closed);
		assert_non_null(r->q.close_why);
		linkrig_free(r);
	}
	/* a session that breaks its rules */
	r = early(0);
	linkrig_write(r, "\002\377\000\000\000\000\000\000", 8);
	linkrig_run(r);
	assert_true(r->q.closed);
	assert_string_equal(r->q.close_why, "an unknown command");
	linkrig_free(r);
}

/* What the peer says passes, whatever it is; frames begin after its end. */
static void
test_peer_opens(void **state)
{
	struct linkrig	*r = early(1);

	(void)state;
	linkrig_says(r, 0, "\002anything", 0);
	linkrig_run(r);
	assert_int_equal(r->raw_len, 9);
	assert_int_equal(linkrig_stream(r, 0)->consumed, 9);
	linkrig_write(r, records, sizeof(records));
	linkrig_run(r);
	assert_int_equal(linkrig_stream(r, 0)->len, sizeof(records));
	/* a stream that comes too early waits */
	linkrig_says(r, 4, "control", 0);
	linkrig_says(r, 8, "hello", 0);
	linkrig_run(r);
	assert_int_equal(r->raw_len, 9);
	assert_int_equal(linkrig_stream(r, 4)->consumed, 0);
	linkrig_says(r, 0, " at all", 1);
	linkrig_run(r);
	assert_memory_equal(r->raw, "\002anything at all", 16);
	assert_true(r->raw_len > 16);
	assert_int_equal(session_input(r->worker->s, r->raw + 16,
	    r->raw_len - 16), 0);
	assert_int_equal(r->worker->n, 2);
	assert_string_equal(r->worker->streams[0].text, "control");
	assert_string_equal(r->worker->streams[1].text, "hello");
	linkrig_start(r);
	linkrig_run(r);
	assert_true(linkrig_stream(r, 0)->fin);
	linkrig_over(r, 0);
	assert_int_equal(linkrig_stream(r, 0)->done, 2);
	linkrig_free(r);
}

/* QUIC has forgotten it before the worker took it: nothing is lost. */
static void
test_opening_over(void **state)
{
	struct linkrig	*r = early(1);
	size_t		 n = 500000;
	uint8_t		*want;

	(void)state;
	linkrig_says(r, 0, "", 0);
	linkrig_write(r, NOP, 8);
	linkrig_sends(r, 0, 0, n, 1);
	while (!linkrig_stream(r, 0)->fin) {
		event_base_loop(frame_base, EVLOOP_NONBLOCK);
		(void)linkrig_send(r);
	}
	(void)linkrig_ack(r);
	linkrig_over(r, 0);
	assert_int_equal(linkrig_stream(r, 0)->done, 1);
	while (r->raw_len < 200000)
		linkrig_run(r);
	assert_non_null(want = malloc(n));
	rig_pattern(want, 0, n);
	assert_memory_equal(r->raw, want, 200000);
	free(want);
	linkrig_free(r);
}

/* A worker that writes much of an opening is not read further. */
static void
test_opening_bounded(void **state)
{
	struct linkrig	*r = early(0);
	uint8_t		 buf[5 + 65535] = { 22, 3, 3, 255, 255 };
	size_t		 sent = 0;
	ssize_t		 n;
	int		 i;

	(void)state;
	r->q.deaf = 1;
	for (i = 0; i < 1000; i++) {
		n = send(r->fd, buf + sent % sizeof(buf), sizeof(buf) - sent %
		    sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += n;
		linkrig_run(r);
	}
	assert_in_range(linkrig_stream(r, 0)->len, 65536, 65536 + 262144);
	r->q.deaf = 0;
	linkrig_run(r);
	assert_int_equal(linkrig_stream(r, 0)->len, sent);
	linkrig_free(r);
}

/* The client may not open even the first one yet. */
static void
test_opening_waits(void **state)
{
	struct linkrig	*r = early(0);

	(void)state;
	linkrig_free(r);
	r = early(1);
	linkrig_write(r, records, sizeof(records));
	linkrig_run(r);
	assert_null(linkrig_stream(r, 0));
	linkrig_says(r, 0, "hello", 0);
	linkrig_run(r);
	assert_int_equal(linkrig_stream(r, 0)->len, sizeof(records));
	linkrig_free(r);
}

/* A peer that cuts its opening has ended the tunnel. */
static void
test_opening_cut(void **state)
{
	struct linkrig	*r;
	int		 how;

	(void)state;
	for (how = 0; how < 3; how++) {
		r = early(1);
		linkrig_says(r, 0, "hello", 0);
		linkrig_run(r);
		if (how == 0)
			link_was_reset(r->link, 0, 1);
		else if (how == 1)
			link_was_stopped(r->link, 0, 1);
		else
			linkrig_over(r, 0);
		assert_true(r->q.closed);
		assert_null(r->q.close_why);
		linkrig_free(r);
	}
}

/* Whose opening is not over may be a stranger: his datagrams are few. */
static void
test_early_datagrams(void **state)
{
	static uint8_t		 octets[1001];
	struct link_stats	 before = *link_stats();
	struct linkrig		*r = early(1);
	int			 i;

	(void)state;
	linkrig_puts(r, 8, (const uint8_t *)"\002\000\000\000", 4, 0);
	linkrig_puts(r, 12, (const uint8_t *)"\002\000\000\000", 4, 0);
	for (i = 0; i < 100; i++) {
		octets[0] = 2 + i % 2;
		link_datagram(r->link, octets, sizeof(octets));
	}
	assert_in_range(link_stats()->dropped_full - before.dropped_full, 35,
	    45);
	linkrig_free(r);
}

/* The control stream is the first, though another came before it. */
static void
test_control_first(void **state)
{
	struct linkrig	*r = linkrig_new(DIALECT_ROCKET, 1, 1);

	(void)state;
	linkrig_says(r, 12, "third", 1);
	linkrig_says(r, 8, "second", 0);
	linkrig_run(r);
	assert_int_equal(r->worker->n, 0);
	assert_int_equal(linkrig_stream(r, 8)->consumed, 0);
	linkrig_says(r, 4, "first", 0);
	linkrig_run(r);
	assert_int_equal(r->worker->n, 3);
	assert_string_equal(r->worker->streams[0].text, "first");
	assert_int_equal(r->worker->s->stats.streams, 2);
	linkrig_free(r);
	/* a client's is the server's first */
	r = linkrig_new(DIALECT_ROCKET, 0, 1);
	linkrig_says(r, 5, "second", 0);
	linkrig_says(r, 1, "first", 0);
	linkrig_run(r);
	assert_string_equal(r->worker->streams[0].text, "first");
	linkrig_free(r);
}

/* One that waits for it may be reset, or over, before it was told. */
static void
test_held_ends(void **state)
{
	struct linkrig	*r = linkrig_new(DIALECT_ROCKET, 1, 1);

	(void)state;
	linkrig_says(r, 8, "second", 1);
	linkrig_says(r, 12, "third", 0);
	link_was_reset(r->link, 8, RESET_ABORT);
	linkrig_over(r, 8);
	linkrig_over(r, 12);
	assert_int_equal(linkrig_stream(r, 8)->done, 2);
	assert_int_equal(linkrig_stream(r, 12)->done, 2);
	linkrig_says(r, 4, "first", 0);
	linkrig_run(r);
	assert_int_equal(r->worker->n, 1);
	linkrig_free(r);
}

/* ---- the end ---- */

/* What the worker has ended is delivered before the connection ends. */
static void
test_worker_done(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_ROCKET, 1, 0);
	struct rig_stream	*rs;

	(void)state;
	rig_send(rig_open(r->worker, 1), 100, 0);
	linkrig_run(r);
	rs = rig_open(r->worker, 0);
	r->q.deaf = 1;
	rig_pre(rs, "01 00 00 00");
	rig_send(rs, 300000, 1);
	linkrig_run(r);
	shutdown(r->fd, SHUT_WR);
	linkrig_run(r);
	assert_false(r->q.closed);
	/* nobody reads any more */
	assert_int_equal(linkrig_stream(r, 5)->stops, 1);
	assert_int_equal(linkrig_stream(r, 5)->resets, 0);
	/* the control stream just rests */
	assert_int_equal(linkrig_stream(r, 1)->resets, 0);
	r->q.deaf = 0;
	linkrig_run(r);
	linkrig_got_pattern(r, 5, 4, 300000);
	assert_true(linkrig_stream(r, 5)->fin);
	assert_false(r->q.closed);
	link_was_reset(r->link, 5, 1);
	linkrig_over(r, 5);
	assert_true(r->q.closed);
	assert_int_equal(r->q.close_code, 0);
	assert_null(r->q.close_why);
	assert_true(r->eof);
	linkrig_free(r);
}

/* But not for ever. */
static void
test_worker_done_late(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_ROCKET, 1, 0);
	struct rig_stream	*rs;

	(void)state;
	rig_send(rig_open(r->worker, 1), 100, 0);
	rs = rig_open(r->worker, 0);
	rig_send(rs, 3000, 1);
	r->q.stuck = 1;
	linkrig_run(r);
	linkrig_leave(r);
	linkrig_run(r);
	linkrig_pass(r, 9000);
	assert_false(r->q.closed);
	linkrig_pass(r, 2000);
	assert_true(r->q.closed);
	linkrig_free(r);
}

/* One that dies takes its streams with it. */
static void
test_worker_dies(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_ROCKET, 1, 0);
	struct rig_stream	*rs;

	(void)state;
	rig_send(rig_open(r->worker, 1), 100, 0);
	rs = rig_open(r->worker, 0);
	rig_send(rs, 3000, 0);
	linkrig_run(r);
	linkrig_leave(r);
	linkrig_run(r);
	assert_int_equal(linkrig_stream(r, 5)->resets, 1);
	assert_int_equal(linkrig_stream(r, 5)->reset_code, RESET_ABORT);
	assert_true(r->q.closed);
	assert_int_equal(r->q.close_code, 0);
	linkrig_free(r);
}

/* Though nothing is read from it: it may open no more octets of an opening. */
static void
test_gate_closes(void **state)
{
	struct linkrig	*r = early(1);

	(void)state;
	linkrig_says(r, 0, "hello", 0);
	linkrig_write(r, records, sizeof(records));
	linkrig_leave(r);
	linkrig_run(r);
	assert_int_equal(linkrig_stream(r, 0)->len, sizeof(records));
	assert_true(linkrig_stream(r, 0)->fin);
	assert_true(r->q.closed);
	assert_int_equal(r->q.close_code, 0);
	linkrig_free(r);
	/* a stranger, and nothing was said to him */
	r = early(1);
	linkrig_leave(r);
	linkrig_run(r);
	assert_true(r->q.closed);
	linkrig_free(r);
}

/* The connection ends: what has come is still there for the worker. */
static void
test_peer_ends(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_ROCKET, 1, 1);
	struct rig_stream	*rs;

	(void)state;
	linkrig_says(r, 4, "control", 0);
	linkrig_run(r);
	linkrig_says(r, 8, "last words", 1);
	link_free(r->link);
	r->link = NULL;
	linkrig_run(r);
	assert_int_equal(r->worker->n, 2);
	rs = &r->worker->streams[1];
	assert_string_equal(rs->text, "last words");
	assert_int_equal(rs->fins, 1);
	assert_true(r->eof);
	assert_false(r->lost);
	linkrig_free(r);
}

/* And more than the pair holds, as fast as the worker reads. */
static void
test_peer_ends_much(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_ROCKET, 1, 1);
	struct rig_stream	*rs;

	(void)state;
	linkrig_says(r, 4, "control", 0);
	linkrig_run(r);
	r->worker->accept_pattern = 1;
	linkrig_sends(r, 8, 0, 3000000, 1);
	linkrig_sends(r, 12, 0, 300000, 0);
	link_free(r->link);
	r->link = NULL;
	assert_false(r->eof);
	/* what it still says is for nobody */
	rig_send(&r->worker->streams[0], 1000000, 0);
	rig_send(rig_open(r->worker, 0), 100, 1);
	linkrig_run(r);
	rs = rig_find(r->worker, r->worker->streams[0].st->id);
	assert_non_null(rs);
	assert_true(r->eof);
	assert_int_equal(r->worker->fins, 1);
	assert_int_equal(r->worker->streams[2].rx, 3000000);
	assert_int_equal(r->worker->streams[3].rx, 300000);
	linkrig_free(r);
}

/* One that it was about to refuse then has nobody to be stopped. */
static void
test_peer_ends_refused(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_MYTUNNEL, 1, 1);
	struct rig_stream	*rs;

	(void)state;
	linkrig_says(r, 0, "\002\001\273\001a", 0);
	linkrig_run(r);
	rs = &r->worker->streams[0];
	rig_pre(rs, "ff");
	rig_send(rs, 0, 0);
	linkrig_run(r);
	assert_int_equal(linkrig_stream(r, 0)->len, 1);
	linkrig_sends(r, 4, 0, 3000000, 0);
	link_free(r->link);
	r->link = NULL;
	assert_false(r->eof);
	rig_send(rs, 0, 1);
	linkrig_run(r);
	assert_int_equal(linkrig_stream(r, 0)->stops, 0);
	assert_int_equal(r->worker->streams[1].rx, 3000000);
	assert_true(r->eof);
	linkrig_free(r);
}

/* A worker that does not read then has so much time. */
static void
test_peer_ends_late(void **state)
{
	struct linkrig	*r = linkrig_new(DIALECT_ROCKET, 1, 1);
	char		 octet;

	(void)state;
	linkrig_says(r, 4, "control", 0);
	linkrig_sends(r, 8, 0, 3000000, 1);
	link_free(r->link);
	r->link = NULL;
	assert_int_equal(recv(r->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT), 1);
	r->now += 11000000;
	/* it takes its window, and says nothing */
	while (recv(r->fd, r->raw, sizeof(r->raw), MSG_DONTWAIT) > 0)
		;
	event_base_loop(frame_base, EVLOOP_NONBLOCK);
	assert_int_equal(recv(r->fd, &octet, 1, MSG_DONTWAIT), 0);
	linkrig_free(r);
}

/* ---- the path ---- */

static void
test_path(void **state)
{
	struct linkrig	*r = linkrig_new(DIALECT_ROCKET, 0, 1);

	(void)state;
	r->q.facts.rtt_us = 12345;
	r->q.facts.mtu = 1452;
	r->q.facts.packets_sent = 1ULL << 40;
	linkrig_pass(r, 1000);
	assert_int_equal(r->worker->s->path.rtt_us, 12345);
	assert_int_equal(r->worker->s->path.mtu, 1452);
	assert_int_equal(r->worker->s->path.sent, 1ULL << 40);
	/* what has not changed is not told */
	r->worker->s->path.mtu = 0;
	linkrig_pass(r, 1000);
	assert_int_equal(r->worker->s->path.mtu, 0);
	r->q.facts.moves = 1;
	linkrig_pass(r, 1000);
	assert_int_equal(r->worker->s->path.mtu, 1452);
	assert_int_equal(r->worker->s->path.moves, 1);
	linkrig_free(r);
	/* nor is it before the session begins */
	r = early(0);
	r->q.facts.rtt_us = 1;
	link_tick(r->link, r->now);
	linkrig_run(r);
	assert_int_equal(r->raw_len, 0);
	linkrig_free(r);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_worker_opens),
		cmocka_unit_test(test_worker_lies),
		cmocka_unit_test(test_peer_opens),
		cmocka_unit_test(test_early_datagrams),
		cmocka_unit_test(test_opening_over),
		cmocka_unit_test(test_opening_bounded),
		cmocka_unit_test(test_opening_waits),
		cmocka_unit_test(test_opening_cut),
		cmocka_unit_test(test_control_first),
		cmocka_unit_test(test_held_ends),
		cmocka_unit_test(test_worker_done),
		cmocka_unit_test(test_worker_done_late),
		cmocka_unit_test(test_worker_dies),
		cmocka_unit_test(test_gate_closes),
		cmocka_unit_test(test_peer_ends),
		cmocka_unit_test(test_peer_ends_much),
		cmocka_unit_test(test_peer_ends_refused),
		cmocka_unit_test(test_peer_ends_late),
		cmocka_unit_test(test_path)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
