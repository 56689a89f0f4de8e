/* SPDX-License-Identifier: ISC */

/*
 * Links: streams that carry datagrams, in both dialects.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "linkqconn.h"

#define PREFACE		"02 00 00 03 ff 00 00"	/* of 7 octets */

/* Flows come from the worker, or from the peer. */
static struct linkrig *
start(int worker_opens)
{
	struct linkrig	*r = linkrig_new(DIALECT_ROCKET, 1, !worker_opens);

	if (worker_opens) {
		rig_open(r->worker, 1);
		rig_send(&r->worker->streams[0], 1, 0);
	} else
		linkrig_says(r, 4, "c", 0);
	linkrig_run(r);
	return (r);
}

static void
octets_are(const void *p, size_t n, const char *hex)
{
	const uint8_t	*got = p;
	unsigned int	 v;
	size_t		 i = 0;

	for (; *hex != '\0'; hex++) {
		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex++, "%2x", &v), 1);
		assert_true(i < n);
		assert_int_equal(got[i++], v);
	}
	assert_int_equal(i, n);
}

/* What the worker got next on a stream that holds. */
static void
worker_got(struct rig_stream *rs, const char *hex)
{
	octets_are(rs->text, rs->rx, hex);
}

static void
datagram_is(const struct linkrig *r, size_t i, const char *hex)
{
	assert_true(i < r->q.ndatagrams);
	octets_are(r->q.datagrams[i].octets, r->q.datagrams[i].len, hex);
}

static void
stream_is(struct linkrig *r, int64_t id, const char *hex)
{
	const struct qstream	*s = linkrig_stream(r, id);

	assert_non_null(s);
	octets_are(s->octets, s->len, hex);
}

static struct rig_stream *
flow(struct linkrig *r, const char *hex)
{
	struct rig_stream	*rs = rig_open(r->worker, 0);

	rig_pre(rs, hex);
	session_ready(rs->st);
	linkrig_run(r);
	return (rs);
}

static void
more(struct linkrig *r, struct rig_stream *rs, const char *hex)
{
	rs->pre_off = 0;
	rig_pre(rs, hex);
	session_ready(rs->st);
	linkrig_run(r);
}

/* ---- dialect rocket: from the worker ---- */

/* On the stream until the peer has its want, then as frames. */
static void
test_out(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs;

	(void)state;
	r->q.deaf = 1;
	rs = flow(r, PREFACE "00 02 61 62");
	stream_is(r, 5, PREFACE "00 02 61 62");
	assert_int_equal(r->q.ndatagrams, 0);
	r->q.deaf = 0;
	linkrig_run(r);
	more(r, rs, "00 01 63 00 00 00 02 64 65 00");
	assert_int_equal(r->q.ndatagrams, 3);
	datagram_is(r, 0, "01 63");
	datagram_is(r, 1, "01");
	datagram_is(r, 2, "01 64 65");
	/* cut anywhere */
	more(r, rs, "01");
	more(r, rs, "66");
	datagram_is(r, 3, "01 66");
	linkrig_free(r);
}

/* A longer id, and one that is as long as the path allows. */
static void
test_out_lengths(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs;

	(void)state;
	r->q.next = 4 * 64 + 1;
	rs = flow(r, PREFACE);
	r->q.datagram_max = 4;
	more(r, rs, "00 02 61 62 00 03 63 64 65 00 01 66");
	datagram_is(r, 0, "40 40 61 62");
	stream_is(r, 257, PREFACE "00 03 63 64 65");
	datagram_is(r, 1, "40 40 66");
	/* a path that has no room at all */
	r->q.datagram_max = 0;
	more(r, rs, "00 01 67");
	stream_is(r, 257, PREFACE "00 03 63 64 65 00 01 67");
	linkrig_free(r);
}

/* What waits is bounded, and what waits too long is dropped. */
static void
test_out_bounds(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs = flow(r, PREFACE);
	struct link_stats	 before = *link_stats();
	int			 i;

	(void)state;
	r->q.stuck = 1;
	for (i = 0; i < 70; i++) {
		char	 hex[16];

		snprintf(hex, sizeof(hex), "00 01 %02x", i);
		more(r, rs, hex);
	}
	assert_int_equal(link_stats()->dropped_full - before.dropped_full, 6);
	r->q.stuck = 0;
	linkrig_run(r);
	assert_int_equal(r->q.ndatagrams, 64);
	datagram_is(r, 0, "01 06");
	datagram_is(r, 63, "01 45");
	/* they are credited all the same, so the worker never waits */
	r->q.stuck = 1;
	more(r, rs, "00 01 61");
	r->now += 400000;
	more(r, rs, "00 01 62");
	r->now += 200000;
	r->q.stuck = 0;
	linkrig_run(r);
	assert_int_equal(r->q.ndatagrams, 65);
	datagram_is(r, 64, "01 62");
	assert_int_equal(link_stats()->dropped_late - before.dropped_late, 1);
	/* nobody asked, and they are dropped by time alone */
	r->q.stuck = 1;
	more(r, rs, "00 01 63");
	linkrig_pass(r, 1000);
	assert_int_equal(link_stats()->dropped_late - before.dropped_late, 2);
	linkrig_free(r);
}

/* A connection's, too; and large ones that are half here count. */
static void
test_out_bounds_all(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs;
	struct link_stats	 before;
	int			 i;

	(void)state;
	r->q.stuck = 1;
	before = *link_stats();
	for (i = 0; i < 20; i++) {
		rs = flow(r, PREFACE "ff e3");
		rig_send(rs, 65507 - 1, 0);
		linkrig_run(r);
	}
	assert_int_equal(link_stats()->dropped_full, before.dropped_full);
	for (i = 1; i <= 20; i++) {
		rs = &r->worker->streams[i];
		assert_int_equal(rs->tx_left, 0);
		rig_send(rs, 1, 0);
	}
	linkrig_run(r);
	/* 16 are a mebibyte with their heads, or nearly so */
	assert_int_equal(link_stats()->dropped_full - before.dropped_full, 5);
	linkrig_free(r);
}

/* A datagram that QUIC cannot take now is offered again. */
static void
test_out_refused(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs = flow(r, PREFACE);

	(void)state;
	r->q.refuses = 1;
	more(r, rs, "00 01 61");
	assert_int_equal(r->q.ndatagrams, 0);
	r->q.refuses = 0;
	linkrig_run(r);
	datagram_is(r, 0, "01 61");
	linkrig_free(r);
}

/* Streams have their turn among datagrams, and the other way round. */
static void
test_out_shares(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs, *bulk;
	size_t			 i, streams = 0;
	int			 k;

	(void)state;
	bulk = rig_open(r->worker, 0);
	rig_pre(bulk, "01 00 00 00");
	rig_send(bulk, 100000, 0);
	linkrig_run(r);
	for (k = 0; k < 3; k++)
		(void)flow(r, PREFACE);
	r->q.stuck = 1;
	for (k = 0; k < 3; k++) {
		rs = &r->worker->streams[2 + k];
		for (i = 0; i < 40; i++) {
			rs->pre_off = 0;
			rig_pre(rs, "04 00");
			rig_send(rs, 1024, 0);
			linkrig_run(r);
		}
	}
	rig_send(bulk, 100000, 0);
	linkrig_run(r);
	r->q.stuck = 0;
	r->q.norder = 0;
	for (i = 0; i < 100; i++)
		assert_int_equal(linkrig_send(r), 1);
	for (i = 0; i < 100; i++)
		streams += r->q.order[i] != -1;
	assert_int_equal(r->q.order[0], -1);
	assert_in_range(streams, 2, 4);
	linkrig_free(r);
}

/* An end of the flow, with a datagram that still waits. */
static void
test_out_ends(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs = flow(r, PREFACE);

	(void)state;
	r->q.stuck = 1;
	more(r, rs, "00 01 61");
	session_fin(rs->st);
	linkrig_run(r);
	r->q.stuck = 0;
	linkrig_run(r);
	datagram_is(r, 0, "01 61");
	assert_true(linkrig_stream(r, 5)->fin);
	link_data(r->link, 5, NULL, 0, 1);
	linkrig_run(r);
	assert_int_equal(rs->closes, 1);
	linkrig_over(r, 5);
	linkrig_datagram(r, "01 61");	/* of nobody */
	linkrig_free(r);
}

/* ---- dialect rocket: to the worker ---- */

static struct rig_stream *
flow_in(struct linkrig *r)
{
	linkrig_says(r, 8, "\002", 0);
	linkrig_run(r);
	link_data(r->link, 8, (const uint8_t *)"\000\000\003\377\000\000", 6,
	    0);
	linkrig_run(r);
	assert_int_equal(r->worker->n, 2);
	return (&r->worker->streams[1]);
}

static void
test_in(void **state)
{
	struct linkrig		*r = start(0);
	struct rig_stream	*rs;

	(void)state;
	/* of a stream that is not there yet */
	linkrig_datagram(r, "02 61");
	rs = flow_in(r);
	worker_got(rs, PREFACE);
	linkrig_datagram(r, "02 61 62");
	linkrig_run(r);
	linkrig_datagram(r, "02");
	link_data(r->link, 8, (const uint8_t *)"\000\001c", 3, 0);
	linkrig_datagram(r, "40 02 64");
	linkrig_run(r);
	worker_got(rs, PREFACE "00 02 61 62" "00 00" "00 01 64" "00 01 63");
	assert_int_equal(linkrig_stream(r, 8)->consumed, 10);
	linkrig_free(r);
}

/* What is half here is made whole first. */
static void
test_in_between(void **state)
{
	struct linkrig		*r = start(0);
	struct rig_stream	*rs = flow_in(r);
	int			 i;
	static const char	*const half[] = { "\000", "\002", "a" };

	(void)state;
	for (i = 0; i < 3; i++) {
		link_data(r->link, 8, (const uint8_t *)half[i], 1, 0);
		linkrig_run(r);
		linkrig_datagram(r, "02 7a");
		linkrig_run(r);
	}
	worker_got(rs, PREFACE "00 02 61");
	link_data(r->link, 8, (const uint8_t *)"b\000", 2, 0);
	linkrig_run(r);
	worker_got(rs, PREFACE "00 02 61 62" "00 01 7a" "00 01 7a" "00 01 7a"
	    "00");
	linkrig_free(r);
}

/* An answer that was asked for comes before all datagrams. */
static void
test_in_answer(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs = flow(r, "02 01 00 00");

	(void)state;
	linkrig_datagram(r, "01 61");
	linkrig_run(r);
	assert_int_equal(rs->rx, 0);
	linkrig_says(r, 5, "A", 0);
	linkrig_run(r);
	worker_got(rs, "41 00 01 61");
	linkrig_free(r);
	/* and the other way round */
	r = start(0);
	link_data(r->link, 4, NULL, 0, 0);
	linkrig_says(r, 8, "\002\001", 0);
	link_data(r->link, 8, (const uint8_t *)"\000\000", 2, 0);
	linkrig_run(r);
	more(r, &r->worker->streams[1], "00 00 01 62");
	stream_is(r, 8, "00");
	datagram_is(r, 0, "02 62");
	linkrig_free(r);
}

static void
test_in_wrong(void **state)
{
	static const char *const unknown[] = {
		"00", "01 61", "03 61", "04 61", "ff ff ff ff ff ff ff ff",
		"c0 00 00 00 00 00 00 04"
	};
	static const char *const malformed[] = {
		"", "40", "80 00 00", "c0 00 00 00 00 00 00"
	};
	struct linkrig		*r = start(0);
	struct link_stats	 before;
	size_t			 i;

	(void)state;
	(void)flow_in(r);
	linkrig_says(r, 16, "\001\000\000\000", 0);
	before = *link_stats();
	for (i = 0; i < 6; i++)
		linkrig_datagram(r, unknown[i]);
	assert_int_equal(link_stats()->dropped_unknown -
	    before.dropped_unknown, 6);
	for (i = 0; i < 4; i++)
		linkrig_datagram(r, malformed[i]);
	assert_int_equal(link_stats()->dropped_malformed -
	    before.dropped_malformed, 4);
	/* nor after its end */
	link_data(r->link, 8, NULL, 0, 1);
	linkrig_datagram(r, "02 61");
	assert_int_equal(link_stats()->dropped_unknown -
	    before.dropped_unknown, 7);
	linkrig_run(r);
	assert_int_equal(r->worker->streams[1].rx, 7);
	linkrig_free(r);
}

/* A worker that does not read costs a queue, and its end is told. */
static void
test_in_bounds(void **state)
{
	struct linkrig		*r = start(0);
	struct rig_stream	*rs;
	struct link_stats	 before;
	uint8_t			 octets[1000] = { 2 };
	int			 i;

	(void)state;
	r->worker->accept_hold = 1;
	rs = flow_in(r);
	for (i = 0; i < 64; i++)
		link_datagram(r->link, octets, sizeof(octets));
	linkrig_run(r);
	for (i = 0; i < 100; i++)
		link_datagram(r->link, octets, sizeof(octets));
	linkrig_run(r);
	assert_int_equal(rs->rx, SMUX_INSIDE_WINDOW);
	before = *link_stats();
	/* one has begun to go, and is not dropped */
	for (i = 0; i < 100; i++)
		link_datagram(r->link, octets, sizeof(octets));
	assert_int_equal(link_stats()->dropped_full - before.dropped_full, 99);
	link_data(r->link, 8, NULL, 0, 1);
	rs->hold = 0;
	rig_consume(rs, rs->rx_held);
	linkrig_run(r);
	assert_int_equal((rs->rx - 7) % 1001, 0);
	assert_int_equal(rs->fins, 1);
	linkrig_free(r);
}

/* The peer ends its stream within a datagram. */
static void
test_in_cut(void **state)
{
	struct linkrig		*r = start(0);
	struct rig_stream	*rs = flow_in(r);

	(void)state;
	link_data(r->link, 8, (const uint8_t *)"\000\005a", 3, 0);
	linkrig_run(r);
	linkrig_datagram(r, "02 62");
	link_data(r->link, 8, NULL, 0, 1);
	linkrig_run(r);
	worker_got(rs, PREFACE "00 05 61");
	assert_int_equal(rs->fins, 1);
	linkrig_free(r);
}

/* ---- dialect mytunnel ---- */

static void
test_server(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_MYTUNNEL, 1, 1);
	struct rig_stream	*rs;

	(void)state;
	linkrig_datagram(r, "00 35 07 39 2e 39 2e 39 2e 39 12 34");
	linkrig_datagram(r, "00 01 01 61");
	linkrig_datagram(r, "00 35 07 39 2e 39 2e 39 2e 39");
	linkrig_run(r);
	assert_int_equal(r->worker->n, 2);
	rs = &r->worker->streams[0];
	worker_got(rs, "02 00 35 07 39 2e 39 2e 39 2e 39"
	    "00 02 12 34" "00 00");
	worker_got(&r->worker->streams[1], "02 00 01 01 61 00 00");
	more(r, rs, "00 01 ff 00 00");
	datagram_is(r, 0, "00 35 07 39 2e 39 2e 39 2e 39 ff");
	datagram_is(r, 1, "00 35 07 39 2e 39 2e 39 2e 39");
	/* it is no stream on the wire */
	assert_int_equal(r->q.n, 0);
	/* the worker ends it; then it is another one */
	session_fin(rs->st);
	linkrig_run(r);
	assert_int_equal(rs->closes, 1);
	linkrig_datagram(r, "00 35 07 39 2e 39 2e 39 2e 39 01");
	linkrig_run(r);
	assert_int_equal(r->worker->n, 3);
	rig_kill(&r->worker->streams[2], RESET_REFUSED);
	linkrig_run(r);
	assert_false(r->q.closed);
	linkrig_free(r);
}

static void
test_server_wrong(void **state)
{
	static const char *const malformed[] = {
		"", "00 35 00", "00 35 0b 64 6e 73",
		"00 35 01 ff", "00 35 02 c3 28", "00 35 02 c0 80",
		"00 35 03 ed a0 80", "00 35 04 f4 90 80 80",
		"00 35 03 e0 80 80", "00 35 01 80", "00 35 01 c3"
	};
	static const char *const right[] = {
		"00 35 00 61", "00 35 02 c3 a9", "00 35 03 e2 82 ac",
		"00 35 04 f0 9f 98 80"
	};
	struct linkrig		*r = linkrig_new(DIALECT_MYTUNNEL, 1, 1);
	struct link_stats	 before = *link_stats();
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		linkrig_datagram(r, malformed[i]);
	linkrig_run(r);
	assert_int_equal(link_stats()->dropped_malformed -
	    before.dropped_malformed, i);
	assert_int_equal(r->worker->n, 0);
	for (i = 0; i < 4; i++)
		linkrig_datagram(r, right[i]);
	linkrig_run(r);
	assert_int_equal(r->worker->n, 4);
	linkrig_free(r);
}

/* An answer that does not fit has no other way. */
static void
test_server_long(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_MYTUNNEL, 1, 1);
	struct link_stats	 before = *link_stats();

	(void)state;
	r->q.datagram_max = 6;
	linkrig_datagram(r, "00 01 01 61 62");
	linkrig_run(r);
	more(r, &r->worker->streams[0], "00 03 61 62 63 00 02 61 62");
	assert_int_equal(link_stats()->dropped_long - before.dropped_long, 1);
	assert_int_equal(r->q.ndatagrams, 1);
	datagram_is(r, 0, "00 01 01 61 61 62");
	linkrig_free(r);
}

/* The idlest makes way; those that nobody uses end. */
static void
test_server_many(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_MYTUNNEL, 1, 1);
	struct link_stats	 before = *link_stats();
	char			 hex[32];
	int			 i;

	(void)state;
	for (i = 0; i < 256; i++) {
		snprintf(hex, sizeof(hex), "00 %02x 01 61", i);
		linkrig_datagram(r, hex);
		linkrig_run(r);
		r->now += 1000;
	}
	linkrig_datagram(r, "00 00 01 61");	/* is used */
	linkrig_datagram(r, "01 00 01 61");
	linkrig_run(r);
	assert_int_equal(r->worker->n, 257);
	assert_int_equal(link_stats()->flows_shed - before.flows_shed, 1);
	assert_int_equal(r->worker->streams[0].resets, 0);
	assert_int_equal(r->worker->streams[1].resets, 1);
	linkrig_pass(r, 29000);
	assert_int_equal(r->worker->resets, 1);
	linkrig_datagram(r, "01 00 01 61");
	linkrig_pass(r, 3000);
	assert_int_equal(r->worker->resets, 256);
	assert_int_equal(r->worker->streams[256].resets, 0);
	linkrig_free(r);
}

static void
test_client(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_MYTUNNEL, 0, 0);
	struct link_stats	 before;
	struct rig_stream	*a, *b;

	(void)state;
	a = flow(r, "02");
	more(r, a, "00 35");
	more(r, a, "01");
	more(r, a, "61 00");
	more(r, a, "01 78 00 00");
	datagram_is(r, 0, "00 35 01 61 78");
	datagram_is(r, 1, "00 35 01 61");
	linkrig_datagram(r, "00 35 01 61 79");
	linkrig_run(r);
	worker_got(a, "00 01 79");
	/* two of one name: who sent last is answered */
	b = flow(r, "02 00 35 01 61 00 01 7a");
	linkrig_datagram(r, "00 35 01 61 31");
	linkrig_run(r);
	worker_got(b, "00 01 31");
	more(r, a, "00 00");
	linkrig_datagram(r, "00 35 01 61 32");
	linkrig_run(r);
	worker_got(a, "00 01 79 00 01 32");
	/* nobody asked for that */
	before = *link_stats();
	linkrig_datagram(r, "00 36 01 61 32");
	assert_int_equal(link_stats()->dropped_unknown -
	    before.dropped_unknown, 1);
	/* an empty host, and the longest */
	(void)flow(r, "02 00 35 00 00 00");
	datagram_is(r, 4, "00 35 00");
	assert_int_equal(r->q.n, 0);
	linkrig_free(r);
}

/* A stream is a stream, by its first octet alone. */
static void
test_client_streams(void **state)
{
	struct linkrig		*r = linkrig_new(DIALECT_MYTUNNEL, 0, 0);
	struct rig_stream	*rs;

	(void)state;
	rs = rig_open(r->worker, 0);
	linkrig_run(r);
	assert_int_equal(r->q.n, 0);
	more(r, rs, "01 01 bb 01 61");
	rig_send(rs, 0, 1);
	linkrig_run(r);
	stream_is(r, 0, "01 01 bb 01 61");
	assert_true(linkrig_stream(r, 0)->fin);
	/* an end at once */
	rig_send(rig_open(r->worker, 0), 0, 1);
	linkrig_run(r);
	assert_true(linkrig_stream(r, 4)->fin);
	linkrig_free(r);
}

/* A server's worker opens nothing. */
static void
test_server_worker(void **state)
{
	struct linkrig	*r = linkrig_new(DIALECT_MYTUNNEL, 1, 1);

	(void)state;
	rig_open(r->worker, 0);
	linkrig_run(r);
	assert_true(r->q.closed);
	assert_int_equal(r->q.close_code, 0);
	assert_string_equal(r->q.close_why,
	    "opened a stream, which it may not");
	linkrig_free(r);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_out),
		cmocka_unit_test(test_out_lengths),
		cmocka_unit_test(test_out_bounds),
		cmocka_unit_test(test_out_bounds_all),
		cmocka_unit_test(test_out_refused),
		cmocka_unit_test(test_out_shares),
		cmocka_unit_test(test_out_ends),
		cmocka_unit_test(test_in),
		cmocka_unit_test(test_in_between),
		cmocka_unit_test(test_in_answer),
		cmocka_unit_test(test_in_wrong),
		cmocka_unit_test(test_in_bounds),
		cmocka_unit_test(test_in_cut),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_server_wrong),
		cmocka_unit_test(test_server_long),
		cmocka_unit_test(test_server_many),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_client_streams),
		cmocka_unit_test(test_server_worker)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
