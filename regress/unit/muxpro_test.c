/* SPDX-License-Identifier: ISC */

/*
 * Mux.Pro towards other programs: the vectors of its protocol's text (N1 to N8,
 * P1 to P24) and both conversations.  Credit, order, ends and time are in
 * muxproflow_test.c, what two rocketd say to each other in muxpropair_test.c.
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
#include "smuxrig.h"

#define N1	"0004 0000 00 01 0005 01 00000001"
#define EXAMPLE	"01 00 0050 02 0b 6578616d706c652e636f6d"

static void
conf(struct session_conf *c, int client)
{
	rig_conf(c);
	c->client = client;
	c->may_open = !client;
	c->version = 1;
	c->bare = 1;
}

static struct rig *
fresh(int client)
{
	struct session_conf	 c;

	conf(&c, client);
	return (rig_new_muxpro(&c));
}

/* The version is settled. */
static struct rig *
start(int client)
{
	struct rig	*r = fresh(client);

	if (client) {
		rig_expect(r, N1);
		assert_int_equal(rig_feed(r, N1), 0);
		return (r);
	}
	assert_int_equal(rig_feed(r, N1), 0);
	rig_expect(r, N1);
	return (r);
}

/* A stream whose head this is; nothing is sent yet. */
static struct rig_stream *
open_to(struct rig *r, const char *head)
{
	struct rig_stream	*rs = rig_open(r, 0);

	rig_pre(rs, head);
	return (rs);
}

/* These octets of hexadecimal, at the end of what is to be sent. */
static void
say(struct rig_stream *rs, const char *hex)
{
	rig_pre(rs, hex);
}

static void
dies(int client, const char *hex, const char *why)
{
	struct rig	*r = start(client);

	assert_int_equal(rig_feed(r, hex), -1);
	assert_string_equal(r->s->error, why);
	assert_int_equal(rig_feed(r, "0004 0000 04 00"), -1);
	assert_int_equal(rig_tick(r, 1), 0);
	assert_int_equal(session_want(r->s), 0);
	assert_null(session_open(r->s, NULL, NULL, 0));
	rig_expect(r, "");
	rig_free(r);
}

/* ---- negotiation ---- */

static void
fails(int client, const char *hex, const char *why)
{
	struct rig	*r = fresh(client);

	if (client)
		rig_collect(r);
	assert_int_equal(rig_feed(r, hex), -1);
	assert_string_equal(r->s->error, why);
	rig_expect(r, "");
	rig_free(r);
}

static void
test_n1_to_n4(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	rig_free(start(1));
	rig_free(start(0));
	/* N2, N3 */
	r = fresh(0);
	assert_int_equal(rig_feed(r, "0004 0000 00 01 0009 02 00000001"
	    "00000000"), 0);
	rig_expect(r, N1);
	rig_free(r);
	r = fresh(0);
	assert_int_equal(rig_feed(r, "0004 0000 00 01 0009 02 00000000"
	    "00000001"), 0);
	rig_expect(r, N1);
	rig_free(r);
	/* N4 */
	fails(0, "0004 0000 00 01 0005 01 00000000",
	    "offers no version that is known here");
	fails(1, "0004 0000 00 01 0005 01 00000000",
	    "chose a version that was not offered");
	/* With 0.0, which is offered second, and taken. */
	conf(&c, 1);
	c.version = 0;
	r = rig_new_muxpro(&c);
	rig_expect(r, "0004 0000 00 01 0009 02 00000001 00000000");
	assert_int_equal(rig_feed(r, "0004 0000 00 01 0005 01 00000000"), 0);
	rig_free(r);
	conf(&c, 0);
	c.version = 0;
	r = rig_new_muxpro(&c);
	assert_int_equal(rig_feed(r, "0004 0000 00 01 0005 01 00000000"), 0);
	rig_expect(r, "0004 0000 00 01 0005 01 00000000");
	rig_free(r);
}

static void
test_n5_to_n7(void **state)
{
	struct rig	*r;

	(void)state;
	/* N5: the draft's layout is answered in it. */
	r = fresh(0);
	assert_int_equal(rig_feed(r, "0005 0000 00 01 01 0004 00000001"), 0);
	rig_expect(r, "0005 0000 00 01 01 0004 00000001");
	rig_free(r);
	r = fresh(1);
	rig_collect(r);
	assert_int_equal(rig_feed(r, "0005 0000 00 01 01 0004 00000001"), 0);
	rig_free(r);
	/* N6, N7, and other first frames */
	fails(0, "0004 0001 04 00", "does not begin with a version");
	fails(0, "0004 0000 00 00", "does not begin with a version");
	fails(1, "0004 0001 00 01", "does not begin with a version");
	fails(0, "4745", "metadata of the wrong length");	/* "GET /" */
	/* Lists that are cut short, or too long. */
	fails(0, "0004 0000 00 01 0005 02 00000001",
	    "a list of versions that is cut short");
	fails(0, "0004 0000 00 01 0000",
	    "a list of versions that is cut short");
	fails(1, "0004 0000 00 01 0009 02 00000001 00000000",
	    "a list of versions that is cut short");
	fails(0, "0004 0000 00 01 03fe", "a list of too many versions");
	fails(0, "0004 0000 00 01 0001 00",
	    "offers no version that is known here");
	/* Octets behind the list are ignored. */
	r = fresh(0);
	assert_int_equal(rig_feed(r, "0004 0000 00 01 0007 01 00000001 dead"),
	    0);
	rig_expect(r, N1);
	rig_free(r);
}

static void
test_order(void **state)
{
	struct rig	*r;

	(void)state;
	/* Nothing is sent before the answer, nor with the answer (N8). */
	r = fresh(1);
	open_to(r, "01 00 0050 01 c0000201");
	rig_expect(r, N1);
	rig_expect(r, "");
	assert_int_equal(rig_feed(r, N1), 0);
	rig_expect(r, "000d 0001 01 00 01 00 0050 01 c0000201");
	rig_free(r);
	/* A server that speaks first. */
	r = fresh(1);
	assert_int_equal(rig_feed(r, N1), -1);
	assert_string_equal(r->s->error, "spoke before it was spoken to");
	rig_free(r);
	/* The server is silent until the client's next frame. */
	r = fresh(0);
	r->s->conf.keepalive_ms = 1000;
	assert_int_equal(rig_feed(r, N1), 0);
	rig_expect(r, N1);
	rig_tick(r, 60000);
	rig_expect(r, "");
	assert_int_equal(rig_feed(r, "0004 0000 04 00"), 0);
	rig_tick(r, 1000);
	rig_expect(r, "0004 0000 04 00");
	rig_free(r);
	/* A client that did not wait. */
	r = fresh(0);
	assert_int_equal(rig_feed(r, N1
	    "000d 0001 01 00 01 00 01bb 01 c0000201 0004 0063 02 01 0001 61"),
	    0);
	rig_collect(r);
	assert_int_equal(r->n, 1);
	assert_true(r->out_len > 13);
	rig_free(r);
	dies(0, N1, "a version for the second time");
	dies(1, N1, "a version for the second time");
}

static void
test_negotiation_time(void **state)
{
	struct rig	*r;
	int		 client;

	(void)state;
	for (client = 0; client < 2; client++) {
		r = fresh(client);
		assert_int_equal(rig_tick(r, 0), r->now + 10000000);
		if (client)
			rig_collect(r);
		assert_true(rig_tick(r, 9999) != 0);
		assert_int_equal(rig_tick(r, 1), 0);
		assert_string_equal(r->s->error,
		    "the peer has not settled a version");
		rig_free(r);
		r = start(client);
		assert_true(rig_tick(r, 60000) != 0);
		rig_free(r);
	}
}

/* ---- vectors ---- */

static void
test_p2_to_p5(void **state)
{
	struct rig		*c, *s;
	struct rig_stream	*rs;

	(void)state;
	/* P2 and P5, sent */
	c = start(1);
	rs = open_to(c, EXAMPLE "68656c6c6f");
	rig_expect(c, "0015 0001 01 01 " EXAMPLE "0005 68656c6c6f");
	say(rs, "776f726c64");
	rig_expect(c, "0004 0001 02 01 0005 776f726c64");
	/* P3 as the second, P4 as the third */
	open_to(c, "01 00 01bb 01 c0000201");
	rig_expect(c, "000d 0002 01 00 01 00 01bb 01 c0000201");
	open_to(c, "01 00 01bb 03 20010db8000000000000000000000001"
	    "68656c6c6f");
	rig_expect(c, "0019 0003 01 01 01 00 01bb 03"
	    "20010db8000000000000000000000001 0005 68656c6c6f");
	assert_int_equal(c->s->stats.payload_out, 15);
	rig_free(c);
	/* and received */
	s = start(0);
	assert_int_equal(rig_feed(s, "0015 0001 01 01 " EXAMPLE
	    "0005 68656c6c6f 0004 0001 02 01 0005 776f726c64"
	    "000d 0002 01 00 01 00 01bb 01 c0000201"
	    "0019 0003 01 01 01 00 01bb 03 20010db8000000000000000000000001"
	    "0005 68656c6c6f"), 0);
	assert_int_equal(s->n, 3);
	rs = &s->streams[0];
	assert_int_equal(rs->head_len, 17);
	assert_memory_equal(rs->head, "\1\0\0\x50\2\13example.com", 17);
	assert_string_equal(rs->text, "helloworld");
	assert_int_equal(s->streams[1].head_len, 9);
	assert_int_equal(s->streams[1].rx, 0);
	assert_int_equal(s->streams[2].head_len, 21);
	assert_string_equal(s->streams[2].text, "hello");
	/* Heads are no payload. */
	assert_int_equal(s->s->stats.payload_in, 15);
	assert_int_equal(s->s->stats.unconsumed, 0);
	rig_free(s);
}

static void
test_p6_to_p8(void **state)
{
	static const struct {
		const char		*hex;
		enum reset_reason	 reason;
		enum reset_reason	 ours;	/* 0: the same */
	} codes[] = {
		{ "0006 0001 03 01 0001", RESET_ABORT, 0 },
		{ "0006 0001 03 01 0002", RESET_TIMEOUT, 0 },
		{ "0006 0001 03 01 0003", RESET_PROTOCOL, 0 },	/* P7 */
		{ "0006 0001 03 01 0004", RESET_MEMORY, 0 },
		{ "0006 0001 03 01 0005", RESET_REFUSED, 0 },	/* P8 */
		{ "0006 0001 03 01 0006", RESET_POLICY, 0 },
		{ "0006 0001 03 01 0007", RESET_PROTOCOL, RESET_ABORT },
		/* metadata behind the code is ignored */
		{ "0007 0001 03 01 0005 04", RESET_REFUSED, RESET_ABORT }
	};
	struct rig		*r;
	struct rig_stream	*rs;
	char			 hex[64];
	size_t			 i;

	(void)state;
	r = start(1);
	rs = open_to(r, EXAMPLE);
	rig_collect(r);
	assert_int_equal(rig_feed(r, "0004 0001 03 00"), 0);
	assert_int_equal(rs->fins, 1);
	session_fin(rs->st);
	rig_expect(r, "0004 0001 03 00");
	assert_int_equal(rs->closes, 1);
	rig_free(r);
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		r = start(1);
		rs = open_to(r, EXAMPLE);
		rig_collect(r);
		assert_int_equal(rig_feed(r, codes[i].hex), 0);
		assert_int_equal(rs->resets, 1);
		assert_int_equal(rs->reason, codes[i].reason);
		/* A second one is for nobody, and is not answered. */
		assert_int_equal(rig_feed(r, codes[i].hex), 0);
		rig_expect(r, "");
		rig_free(r);
		if (codes[i].ours != 0)
			continue;
		r = start(1);
		rs = open_to(r, EXAMPLE);
		rig_collect(r);
		rig_kill(rs, codes[i].reason);
		snprintf(hex, sizeof(hex), "%s 0004 0000 04 00",
		    codes[i].hex);
		rig_expect(r, hex);
		rig_free(r);
	}
	/* An End whose code is 0 is graceful. */
	r = start(1);
	rs = open_to(r, EXAMPLE);
	rig_collect(r);
	assert_int_equal(rig_feed(r, "0006 0001 03 01 0000"), 0);
	assert_int_equal(rs->fins, 1);
	assert_int_equal(rs->resets, 0);
	rig_free(r);
}

static void
test_p9_to_p11(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(0);
	assert_int_equal(rig_feed(r, "0004 1234 04 00"), 0);
	rig_expect(r, "");
	rig_free(r);
	/* P10, P11 as they come */
	r = start(1);
	rs = open_to(r, "01 00 01bb 01 c0000201");
	rig_send(rs, 10000000, 0);
	rig_collect(r);
	rig_collect(r);
	assert_int_equal(rs->tx_done, 65536);
	assert_int_equal(rig_feed(r, "0004 0001 05 01 0004 00000000"), 0);
	rig_expect(r, "");
	assert_int_equal(rig_feed(r, "0004 0001 05 01 0004 00010000"), 0);
	rig_collect(r);
	assert_int_equal(rs->tx_done, 2 * 65536);
	assert_int_equal(rig_feed(r, "0004 0001 05 01 0004 00100000"), 0);
	while (rig_collect(r), r->out_len > 0)
		;
	assert_int_equal(rs->tx_done, 2 * 65536 + 1048576);
	rig_free(r);
	/* ...and as we say them: the wide window behind New */
	conf(&c, 0);
	c.recvbuffer = 8 * 1024 * 1024;
	c.window_max = 65536 + 1048576;
	r = rig_new_muxpro(&c);
	assert_int_equal(rig_feed(r, N1), 0);
	rig_expect(r, N1);
	r->accept_hold = 1;
	assert_int_equal(rig_feed(r, "000d 0001 01 00 01 00 01bb 01 c0000201"),
	    0);
	rig_expect(r, "0004 0001 05 01 0004 000f0000");
	assert_int_equal(session_window(r->streams[0].st), 1048576);
	rig_free(r);
	conf(&c, 1);
	c.recvbuffer = 8 * 1024 * 1024;
	c.window_max = 8 * 1024 * 1024;
	r = rig_new_muxpro(&c);
	rig_expect(r, N1);
	assert_int_equal(rig_feed(r, N1), 0);
	open_to(r, "01 00 01bb 01 c0000201");
	rig_expect(r, "000d 0001 01 00 01 00 01bb 01 c0000201"
	    "0004 0001 05 01 0004 000f0000");
	rig_free(r);
}

/* ---- datagrams ---- */

#define DNS	"02 00 0035 01 c0000235"

static void
test_p12_to_p14(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(1);
	rs = open_to(r, DNS "0006 717565727931");
	rig_expect(r, "000d 0001 01 01 " DNS "0006 717565727931");
	say(rs, "0006 717565727932 0002 6162");
	rig_expect(r, "0004 0001 02 01 0006 717565727932"
	    "0004 0001 02 01 0002 6162");
	/* The answer comes as a datagram. */
	assert_int_equal(rig_feed(r, "0004 0001 02 01 0003 616263"
	    "0004 0001 02 01 0001 64"), 0);
	assert_int_equal(rs->rx, 8);
	assert_memory_equal(rs->text, "\0\3abc\0\1d", 8);
	assert_int_equal(r->s->stats.unconsumed, 0);
	assert_int_equal(r->s->stats.payload_in, 4);
	rig_free(r);
	/* P13: with a GlobalID; one of zeros is none. */
	r = start(0);
	assert_int_equal(rig_feed(r,
	    "0015 0002 01 00 02 00 0035 01 c0000235 1122334455667788"
	    "0015 0003 01 01 02 00 0035 01 c0000235 0000000000000000"
	    "0002 6869"), 0);
	assert_int_equal(r->n, 2);
	assert_int_equal(r->streams[0].head_len, 9);
	assert_int_equal(r->streams[1].rx, 4);
	assert_memory_equal(r->streams[1].text, "\0\2hi", 4);
	/* P16, the second: skipped with the address */
	assert_int_equal(rig_feed(r, "0004 0002 02 03 0016 02 9c40 01 c0000209"
	    "1122334455667788 616e73776572"), 0);
	assert_memory_equal(r->streams[0].text, "\0\6answer", 8);
	rig_free(r);
}

static void
test_p15_to_p17(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(0);
	assert_int_equal(rig_feed(r, "000d 0001 01 00 " DNS), 0);
	rs = &r->streams[0];
	assert_int_equal(rig_feed(r,
	    "0004 0001 02 03 000e 02 0035 01 c0000235 717565727932"), 0);
	assert_int_equal(rs->rx, 8);
	assert_memory_equal(rs->text, "\0\6query2", 8);
	/* A name, IPv6, and addresses that are cut short or none. */
	assert_int_equal(rig_feed(r,
	    "0004 0001 02 03 0008 02 0035 02 02 6161 7a"
	    "0004 0001 02 03 0015 02 0035 03 20010db8000000000000000000000001"
	    "79"), 0);
	assert_int_equal(rs->rx, 14);
	assert_memory_equal(rs->text + 8, "\0\1z\0\1y", 6);
	assert_int_equal(rig_feed(r, "0004 0001 02 03 0007 02 0035 01 c00002"
	    "0004 0001 02 03 0001 02 0004 0001 02 03 0004 02 0035 09"), 0);
	assert_int_equal(r->s->stats.ignored, 3);
	assert_int_equal(rs->rx, 14);
	rig_free(r);
	/* P16, the first */
	r = start(1);
	rs = open_to(r, DNS);
	rig_collect(r);
	assert_int_equal(rig_feed(r,
	    "0004 0001 02 03 000e 02 9c40 01 c0000209 616e73776572"), 0);
	assert_memory_equal(rs->text, "\0\6answer", 8);
	rig_free(r);
	/*
	 * P17: two blocks.  The first is no address as it is written, and is
	 * dropped; the second is taken for a frame.
	 */
	r = start(0);
	assert_int_equal(rig_feed(r, "000d 0002 01 00 " DNS
	    "0004 0002 02 03 000f 01 c0000235 0035 1122334455667788"), 0);
	assert_int_equal(r->s->stats.ignored, 1);
	assert_int_equal(rig_feed(r, "0006 717565727933"), -1);
	assert_string_equal(r->s->error, "a frame of an unknown status");
	rig_free(r);
}

/* A datagram that is longer than foreign code takes is dropped. */
static void
test_datagram_lengths(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	char			 hex[32];
	uint32_t		 len;

	(void)state;
	for (len = 2047; len <= 2050; len++) {
		r = start(1);
		rs = open_to(r, DNS);
		rig_collect(r);
		snprintf(hex, sizeof(hex), "%04x", len);
		say(rs, hex);
		rig_send(rs, len, 0);
		rig_collect(r);
		assert_int_equal(r->out_len, len > 2048 ? 0 : 8 + len);
		assert_int_equal(r->s->stats.dropped, len > 2048);
		say(rs, "0001 61 0000 0001 62");
		rig_expect(r, "0004 0001 02 01 0001 61"
		    "0004 0001 02 01 0001 62");
		assert_int_equal(r->s->stats.dropped, 1 + (len > 2048));
		rig_free(r);
	}
}

/* So is one that comes; its credit comes back. */
static void
test_datagram_comes(void **state)
{
	struct rig	*r;
	uint8_t		 buf[MUXPRO_DATA + 2049];
	uint32_t	 len;

	(void)state;
	for (len = 2048; len <= 2049; len++) {
		r = start(0);
		assert_int_equal(rig_feed(r, "000d 0001 01 00 " DNS), 0);
		rig_collect(r);
		muxproout_frame(buf, 4, 1, MUXPRO_KEEP, MUXPRO_OPT_DATA);
		muxproout_put16(buf + MUXPRO_FRAME, len);
		rig_pattern(buf + MUXPRO_DATA, 0, len);
		assert_int_equal(session_input(r->s, buf, MUXPRO_DATA + len),
		    0);
		assert_int_equal(r->streams[0].rx, len > 2048 ? 0 : 2 + len);
		assert_int_equal(r->s->stats.dropped, len > 2048);
		assert_int_equal(r->s->stats.unconsumed, 0);
		assert_int_equal(rig_feed(r, "0004 0001 02 01 0001 61"), 0);
		assert_int_equal(r->streams[0].rx, len > 2048 ? 3 : 5 + len);
		rig_free(r);
	}
}

static void
test_datagram_credit(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	int			 i;

	(void)state;
	r = start(1);
	rs = open_to(r, DNS);
	rig_collect(r);
	/* 32 of 2000 octets fit, 1536 octets are left. */
	for (i = 0; i < 32; i++) {
		say(rs, "07d0");
		rig_send(rs, 2000, 0);
		rig_collect(r);
		assert_int_equal(r->out_len, 8 + 2000);
	}
	say(rs, "07d0");
	rig_send(rs, 2000, 0);
	rig_expect(r, "");
	assert_int_equal(r->s->stats.dropped, 1);
	say(rs, "0001 61");
	rig_expect(r, "0004 0001 02 01 0001 61");
	/* It is not the owner's pace that gives credit back. */
	rig_free(r);
	r = start(0);
	r->accept_hold = 1;
	assert_int_equal(rig_feed(r, "000d 0001 01 00 " DNS), 0);
	rig_collect(r);
	for (i = 0; i < 1000; i++)
		assert_int_equal(rig_feed(r, "0004 0001 02 01 0008"
		    "3132333435363738"), 0);
	rig_tick(r, 1);
	assert_int_equal(r->streams[0].rx, 10000);
	assert_int_equal(r->s->stats.unconsumed, 9 + 10000);
	rig_free(r);
}

/* ---- what is wrong ---- */

static void
test_p18_p19(void **state)
{
	struct rig	*r;
	int		 client;

	(void)state;
	for (client = 0; client < 2; client++) {
		r = start(client);
		assert_int_equal(rig_feed(r, "0004 0063 02 01 0003 616263"),
		    0);
		rig_expect(r, "0006 0063 03 01 0003 0004 0000 04 00");
		/* At most once in ten seconds, and not for no data. */
		assert_int_equal(rig_feed(r, "0004 0063 02 01 0003 616263"
		    "0004 0063 05 01 0004 00010000 0004 0065 02 00"), 0);
		rig_expect(r, "");
		rig_tick(r, 9999);
		assert_int_equal(rig_feed(r, "0004 0063 02 01 0001 61"), 0);
		rig_expect(r, "");
		rig_tick(r, 15001);
		rig_tick(r, 15001);
		rig_tick(r, 15001);
		assert_int_equal(rig_feed(r, "0004 0063 02 01 0001 61"), 0);
		rig_expect(r, "0006 0063 03 01 0003 0004 0000 04 00");
		/* Nothing is said for id 0. */
		assert_int_equal(rig_feed(r, "0004 0000 02 01 0001 61"), 0);
		rig_expect(r, "");
		rig_free(r);
	}
	r = start(0);
	assert_int_equal(rig_feed(r, "000d 0001 01 00 01 00 01bb 01 c0000201"
	    "0006 0001 02 01 dead 0003 616263"), 0);
	assert_string_equal(r->streams[0].text, "abc");
	rig_free(r);
}

static void
test_p20_to_p24(void **state)
{
	struct rig	*r;
	int		 client;

	(void)state;
	for (client = 0; client < 2; client++) {
		dies(client, "0004 0001 05 01 0002 1000",
		    "a CreditUpdate of the wrong length");
		dies(client, "0004 0001 05 01 0000",
		    "a CreditUpdate of the wrong length");
		dies(client, "0004 0001 05 00",
		    "a CreditUpdate without data");
		dies(client, "0004 0000 04 01", "a KeepAlive with options");
		dies(client, "0000", "metadata of the wrong length");
		dies(client, "0003", "metadata of the wrong length");
		dies(client, "0201", "metadata of the wrong length");
		dies(client, "0004 0001 06 00",
		    "a frame of an unknown status");
	}
	dies(0, "000d 0000 01 00 01 00 01bb 01 c0000201",
	    "opened a stream with id 0");
	dies(0, "000d 0001 01 00 03 00 01bb 01 c0000201",
	    "a stream of an unknown network");
	dies(0, "000d 0001 01 00 01 00 01bb 04 c0000201",
	    "a stream to an address of an unknown kind");
	dies(0, "0004 0001 01 00", "a stream whose address is cut short");
	dies(0, "000c 0001 01 00 01 00 01bb 01 c00002",
	    "a stream whose address is cut short");
	dies(0, "000a 0001 01 00 01 00 01bb 02 01",
	    "a stream whose address is cut short");
	/* An address where there are no datagrams costs the stream. */
	r = start(0);
	assert_int_equal(rig_feed(r, "000d 0001 01 00 01 00 01bb 01 c0000201"
	    "0004 0001 02 03 000e 02 0035 01 c0000235 717565727932"), 0);
	assert_int_equal(r->streams[0].reason, RESET_PROTOCOL);
	assert_int_equal(r->streams[0].rx, 0);
	assert_int_equal(r->s->stats.faults, 1);
	rig_free(r);
	/* P23: legal, whatever Go does */
	r = start(0);
	assert_int_equal(rig_feed(r, "000d 0001 01 00 01 00 01bb 01 c0000201"
	    "000d 0002 01 00 01 00 01bb 01 c0000201"
	    "0006 0002 03 01 0005 0004 0001 02 01 0005 776f726c64"), 0);
	assert_string_equal(r->streams[0].text, "world");
	assert_int_equal(r->streams[1].reason, RESET_REFUSED);
	rig_free(r);
	/* P24: no payload, which the operator hears of */
	r = start(0);
	assert_int_equal(rig_feed(r, "0015 0001 01 01 " EXAMPLE "0000"
	    "0004 0001 02 01 0000 0004 0001 02 01 0000"), 0);
	assert_int_equal(r->s->stats.empty, 3);
	assert_null(r->s->notice);
	assert_int_equal(rig_feed(r, "0004 0001 02 01 0000"), 0);
	assert_string_equal(r->s->notice, "sends empty data frames");
	r->s->notice = NULL;
	assert_int_equal(rig_feed(r, "0004 0001 02 01 0000"), 0);
	assert_null(r->s->notice);
	assert_int_equal(r->streams[0].rx, 0);
	rig_free(r);
}

/* ---- conversations ---- */

/* We are the server of a Go client. */
static void
test_go_client(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	uint8_t			*data;

	(void)state;
	r = start(0);
	assert_int_equal(rig_feed(r, "0015 0001 01 01 " EXAMPLE
	    "0005 68656c6c6f"), 0);
	rs = &r->streams[0];
	assert_string_equal(rs->text, "hello");
	say(rs, "776f726c64");
	rig_expect(r, "0004 0001 02 01 0005 776f726c64");
	assert_non_null(data = calloc(1, 8 + 8192));
	memcpy(data, "\0\4\0\1\2\1\x20\0", 8);
	assert_int_equal(session_input(r->s, data, 8 + 8192), 0);
	memcpy(data, "\0\4\0\1\2\1\x07\x10", 8);
	assert_int_equal(session_input(r->s, data, 8 + 1808), 0);
	free(data);
	assert_int_equal(rs->rx, 10005);
	/* Its End: what we still send is answered with code 3. */
	assert_int_equal(rig_feed(r, "0004 0001 03 00"), 0);
	assert_int_equal(rs->fins, 1);
	say(rs, "776f726c64");
	rig_expect(r, "0004 0001 02 01 0005 776f726c64");
	assert_int_equal(rig_feed(r, "0006 0001 03 01 0003"), 0);
	assert_int_equal(rs->reason, RESET_PROTOCOL);
	rig_expect(r, "");
	rig_free(r);
}

/* We are the client of a Go server. */
static void
test_go_server(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(1);
	rs = open_to(r, EXAMPLE "68656c6c6f");
	rig_expect(r, "0015 0001 01 01 " EXAMPLE "0005 68656c6c6f");
	assert_int_equal(rig_feed(r, "0004 0001 02 01 0005 776f726c64"), 0);
	say(rs, "616263");
	rig_expect(r, "0004 0001 02 01 0003 616263");
	session_fin(rs->st);
	rig_expect(r, "0004 0001 03 00");
	assert_int_equal(rs->closes, 0);
	/* Its target goes on to send. */
	assert_int_equal(rig_feed(r, "0004 0001 02 01 0010"
	    "616674657220636c69656e7420456e64"), 0);
	assert_string_equal(rs->text, "worldafter client End");
	assert_int_equal(rig_feed(r, "0004 0001 03 00"), 0);
	assert_int_equal(rs->fins, 1);
	assert_int_equal(rs->closes, 1);
	rig_expect(r, "");
	rig_free(r);
}

/* The credit exercise: the last frame is cut to what is left. */
static void
test_go_credit(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	conf(&c, 1);
	c.framesize = 8000;
	r = rig_new_muxpro(&c);
	rig_collect(r);
	assert_int_equal(rig_feed(r, N1), 0);
	rs = open_to(r, EXAMPLE);
	rig_collect(r);
	rig_send(rs, 200000, 0);
	rig_collect(r);
	assert_int_equal(rs->tx_done, 65536);
	assert_int_equal(r->out_len, 65536 + 9 * 8);
	assert_memory_equal(r->out + 8 * 8008, "\0\4\0\1\2\1\x06\0", 8);
	assert_int_equal(rig_feed(r, "0004 0001 05 01 0004 00010000"), 0);
	rig_collect(r);
	assert_int_equal(rs->tx_done, 131072);
	rig_expect(r, "");
	assert_int_equal(rig_feed(r, "0006 0001 03 01 0003"
	    "0006 0001 03 01 0003"), 0);
	assert_int_equal(rs->resets, 1);
	rig_expect(r, "");
	rig_free(r);
}

int
main(void)
{
	static const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_n1_to_n4),
		cmocka_unit_test(test_n5_to_n7),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_negotiation_time),
		cmocka_unit_test(test_p2_to_p5),
		cmocka_unit_test(test_p6_to_p8),
		cmocka_unit_test(test_p9_to_p11),
		cmocka_unit_test(test_p12_to_p14),
		cmocka_unit_test(test_p15_to_p17),
		cmocka_unit_test(test_datagram_lengths),
		cmocka_unit_test(test_datagram_comes),
		cmocka_unit_test(test_datagram_credit),
		cmocka_unit_test(test_p18_p19),
		cmocka_unit_test(test_p20_to_p24),
		cmocka_unit_test(test_go_client),
		cmocka_unit_test(test_go_server),
		cmocka_unit_test(test_go_credit)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
