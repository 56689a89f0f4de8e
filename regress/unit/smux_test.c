/* SPDX-License-Identifier: ISC */

/*
 * smux: the vectors of its protocol's text (T1 to T23), each command at each
 * length off by one, the life of streams, limits, resets.  Windows, order and
 * time are in smuxflow_test.c, what callbacks do in smuxpair_test.c.
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

#include "worker/session/smux.h"
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

/* ---- vectors ---- */

static void
test_t1_to_t4(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;
	static const uint8_t	 hello[] = "hello";
	uint8_t			 buf[SESSION_OUTPUT_MIN];
	int			 v;

	(void)state;
	r = start(1, 1);
	rs = rig_open(r, 0);
	rig_expect(r, "01 00 0000 03000000");
	rig_send(rs, 5, 0);
	assert_int_equal(session_output(r->s, buf, sizeof(buf)), 13);
	assert_memory_equal(buf, "\1\2\5\0\3\0\0\0", 8);
	session_fin(rs->st);
	rig_expect(r, "01 01 0000 03000000");
	rig_free(r);

	r = start(0, 1);
	assert_int_equal(rig_feed(r, "01 00 0000 03000000"
	    "01 02 0500 03000000 68656c6c6f"), 0);
	rs = rig_find(r, 3);
	assert_string_equal(rs->text, (const char *)hello);
	assert_int_equal(rig_feed(r, "01 01 0000 03000000"), 0);
	assert_int_equal(rs->fins, 1);
	assert_int_equal(rs->closes, 0);
	rig_free(r);

	for (v = 1; v <= 2; v++) {
		rig_conf(&c);
		c.version = v;
		c.keepalive_ms = 1000;
		r = rig_new(&c);
		rig_tick(r, 999);
		rig_expect(r, "");
		rig_tick(r, 1);
		rig_expect(r, v == 1 ? "01 03 0000 00000000" :
		    "02 03 0000 00000000");
		assert_int_equal(rig_feed(r, v == 1 ? "01 03 0000 00000000" :
		    "02 03 0000 00000000"), 0);
		/* One with an id is tolerated. */
		assert_int_equal(rig_feed(r, v == 1 ? "01 03 0000 09000000" :
		    "02 03 0000 09000000"), 0);
		rig_expect(r, "");
		rig_free(r);
	}
}

static void
test_t5_to_t8(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	/* As receiver: the first read of 1000 octets, window 65536. */
	r = start(0, 2);
	rig_feed(r, "02 00 0000 03000000");
	rig_expect(r, "");
	rig_feed_psh(r, 2, 3, 0, 1000);
	rig_expect(r, "02 04 0800 03000000 e8030000 00000100");
	/* Then by quarters: nothing at 16383 more, one at 16384. */
	rig_feed_psh(r, 2, 3, 1000, 16383);
	rig_expect(r, "");
	rig_feed_psh(r, 2, 3, 17383, 1);
	rig_expect(r, "02 04 0800 03000000 e8430000 00000100");
	rig_free(r);

	/* As sender: T6's updates, and T7's larger window. */
	r = start(1, 2);
	rs = rig_open(r, 0);
	rig_send(rs, 1000000000, 0);
	rig_collect(r);
	assert_int_equal(rs->tx_done, 262144);
	rig_feed(r, "02 04 0800 03000000 00900000 00000100");
	rig_collect(r);
	assert_int_equal(rs->tx_done, 262144);
	rig_feed(r, "02 04 0800 03000000 00100100 00000100");
	rig_collect(r);
	assert_int_equal(rs->tx_done, 262144);
	rig_feed(r, "02 04 0800 03000000 e8030000 00001000");
	rig_collect(r);
	assert_int_equal(rs->tx_done, 1000 + 1048576);
	rig_free(r);

	/* T8: before anything was sent, larger and smaller. */
	r = start(1, 2);
	rs = rig_open(r, 0);
	rig_feed(r, "02 04 0800 03000000 00000000 00001000");
	assert_int_equal(r->s->stats.ignored, 1);	/* no SYN of ours yet */
	rig_collect(r);
	rig_feed(r, "02 04 0800 03000000 00000000 00001000");
	rig_send(rs, 2000000, 0);
	rig_collect(r);
	rig_collect(r);
	assert_int_equal(rs->tx_done, 1048576);
	rs = rig_open(r, 0);
	rig_collect(r);
	rig_feed(r, "02 04 0800 05000000 00000000 00800000");
	rig_send(rs, 2000000, 0);
	rig_collect(r);
	assert_int_equal(rs->tx_done, 32768);
	rig_free(r);
}

static void
test_t9(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(1, 1);
	rs = rig_open(r, 0);
	rig_send(rs, 40000, 0);
	rig_collect(r);
	assert_int_equal(r->out_len, 8 + 8 + 32768 + 8 + 7232);
	assert_memory_equal(r->out + 8, "\1\2\0\x80\3\0\0\0", 8);
	assert_memory_equal(r->out + 16 + 32768, "\1\2\x40\x1c\3\0\0\0", 8);
	rig_free(r);
}

/* A pull that gives these words instead of the pattern. */
static void
say(struct rig *r, struct rig_stream *rs, const char *words, const char *head)
{
	size_t	 i;

	rig_send(rs, strlen(words), 0);
	rig_collect(r);
	assert_int_equal(r->out_len, 8 + strlen(words));
	for (i = 0; i < 8; i++)
		assert_int_equal(r->out[i], (uint8_t)head[i]);
}

static void
test_t10_t11(void **state)
{
	struct rig		*c, *s;
	struct rig_stream	*cs, *ss;

	(void)state;
	/* T10 from both ends, version 1. */
	c = start(1, 1);
	s = start(0, 1);
	cs = rig_open(c, 0);
	rig_expect(c, "01 00 0000 03000000");
	say(c, cs, "hello", "\1\2\5\0\3\0\0\0");
	rig_feed(s, "01 00 0000 03000000 01 02 0500 03000000 68656c6c6f");
	ss = rig_find(s, 3);
	rig_expect(s, "");
	say(s, ss, "world!", "\1\2\6\0\3\0\0\0");
	rig_feed(c, "01 02 0600 03000000 776f726c6421");
	assert_string_equal(cs->text, "world!");
	/* Foreign peers: a reset is the FIN, what comes later is dropped. */
	rig_kill(cs, RESET_ABORT);
	rig_expect(c, "01 01 0000 03000000");
	rig_feed(s, "01 01 0000 03000000");
	say(s, ss, "late", "\1\2\4\0\3\0\0\0");
	session_fin(ss->st);
	rig_expect(s, "01 01 0000 03000000");
	assert_int_equal(ss->closes, 1);
	rig_feed(c, "01 02 0400 03000000 6c617465 01 01 0000 03000000");
	assert_int_equal(c->s->stats.ignored, 2);
	rig_open(c, 0);
	rig_expect(c, "01 00 0000 05000000");
	rig_open(s, 0);
	rig_expect(s, "01 00 0000 02000000");
	rig_free(c);
	rig_free(s);

	/* T11: the same in version 2, where reads are reported. */
	c = start(1, 2);
	s = start(0, 2);
	cs = rig_open(c, 0);
	rig_expect(c, "02 00 0000 03000000");
	say(c, cs, "hello", "\2\2\5\0\3\0\0\0");
	rig_feed(s, "02 00 0000 03000000 02 02 0500 03000000 68656c6c6f");
	rig_expect(s, "02 04 0800 03000000 05000000 00000100");
	ss = rig_find(s, 3);
	say(s, ss, "world!", "\2\2\6\0\3\0\0\0");
	rig_feed(c, "02 04 0800 03000000 05000000 00000100"
	    "02 02 0600 03000000 776f726c6421");
	rig_expect(c, "02 04 0800 03000000 06000000 00000100");
	session_fin(cs->st);
	rig_expect(c, "02 01 0000 03000000");
	rig_feed(s, "02 04 0800 03000000 06000000 00000100"
	    "02 01 0000 03000000");
	assert_int_equal(ss->fins, 1);
	rig_free(c);
	rig_free(s);
}

static void
test_t12_to_t14(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	/* T12: opened by the server, seen from the client. */
	r = start(1, 2);
	assert_int_equal(rig_feed(r, "02 00 0000 02000000"
	    "02 02 0300 02000000 737276 02 01 0000 02000000"), 0);
	assert_string_equal(r->streams[0].text, "srv");
	assert_int_equal(r->streams[0].fins, 1);
	/* The peer sends no more: there is no credit to give. */
	rig_expect(r, "");
	rig_free(r);
	/* T13: SYN, data and FIN at once. */
	r = start(0, 1);
	assert_int_equal(rig_feed(r, "01 00 0000 03000000"
	    "01 02 0500 03000000 68656c6c6f 01 01 0000 03000000"), 0);
	rs = rig_find(r, 3);
	assert_string_equal(rs->text, "hello");
	assert_int_equal(rs->fins, 1);
	session_fin(rs->st);
	rig_expect(r, "01 01 0000 03000000");
	assert_int_equal(rs->closes, 1);
	rig_free(r);
	/* T14: two FINs. */
	r = start(0, 1);
	assert_int_equal(rig_feed(r, "01 00 0000 03000000"
	    "01 01 0000 03000000 01 01 0000 03000000"), 0);
	assert_int_equal(r->streams[0].fins, 1);
	assert_int_equal(r->s->stats.ignored, 1);
	rig_free(r);
}

static void
dies(int client, uint32_t version, const char *hex, const char *why)
{
	struct rig	*r;

	r = start(client, version);
	assert_int_equal(rig_feed(r, hex), -1);
	assert_string_equal(r->s->error, why);
	assert_int_equal(rig_feed(r, "01 03 0000 00000000"), -1);
	assert_int_equal(rig_tick(r, 1), 0);
	assert_int_equal(session_want(r->s), 0);
	assert_null(session_open(r->s, NULL, NULL, 0));
	rig_expect(r, "");
	rig_free(r);
}

static void
lives(int client, uint32_t version, const char *hex)
{
	struct rig	*r;

	r = start(client, version);
	assert_int_equal(rig_feed(r, hex), 0);
	assert_null(r->s->error);
	rig_free(r);
}

static void
test_t15_to_t19(void **state)
{
	struct rig	*r;

	(void)state;
	dies(0, 1, "02 00 0000 03000000", "a frame of another version");
	dies(0, 2, "01 00 0000 03000000", "a frame of another version");
	dies(0, 1, "01 09 0000 03000000", "an unknown command");
	dies(0, 1, "01 04 0800 03000000 0000000000000000"
	    "01 00 0000 03000000", "a window update in version 1");
	dies(0, 1, "01 03 0300 00000000 010000 01 00 0000 03000000",
	    "a frame of the wrong length");
	r = start(0, 1);
	assert_int_equal(rig_feed(r, "01 02 0300 63000000 78797a"
	    "01 02 0000 04000000 01 01 0000 63000000"), 0);
	assert_int_equal(r->n, 0);
	assert_int_equal(r->s->stats.ignored, 3);
	assert_int_equal(r->s->stats.unconsumed, 0);
	rig_expect(r, "");
	rig_free(r);
	lives(0, 2, "02 04 0800 63000000 00000000 00000100");
}

static void
test_t20_t21(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(1, 2);
	rs = rig_open(r, 0);
	rig_collect(r);
	rig_feed(r, "02 04 0800 03000000 00000000 00000080");
	rig_send(rs, 10, 0);
	rig_expect(r, "");
	assert_int_equal(rs->tx_done, 0);
	/* A later update frees it all the same. */
	rig_feed(r, "02 04 0800 03000000 00000000 01000000");
	rig_collect(r);
	assert_int_equal(rs->tx_done, 1);
	/* T21: more consumed than was sent costs the stream, not the rest. */
	rig_open(r, 0);
	rig_collect(r);
	rig_feed(r, "02 04 0800 03000000 e8030000 00000100");
	assert_int_equal(rs->resets, 1);
	assert_int_equal(rs->reason, RESET_PROTOCOL);
	assert_int_equal(r->s->stats.faults, 1);
	rig_expect(r, "02 01 0000 03000000");
	/* Exactly what was sent is right, one more is not. */
	rig_feed(r, "02 04 0800 05000000 00000000 00000100");
	assert_int_equal(r->s->stats.faults, 1);
	rig_feed(r, "02 04 0800 05000000 01000000 00000100");
	assert_int_equal(r->s->stats.faults, 2);
	rig_free(r);
}

static void
test_t22_t23(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(0, 1);
	rig_feed(r, "01 00 0000 ffffffff 01 00 0000 03000000");
	assert_non_null(rig_find(r, 0xffffffff));
	rs = rig_find(r, 3);
	rs->pattern = 1;
	assert_int_equal(rig_feed_psh(r, 1, 3, 0, 65535), 0);
	assert_int_equal(rs->rx, 65535);
	rs->pattern = 0;
	assert_int_equal(rig_feed(r, "01 02 ffff 03000000"), 0);
	assert_int_equal(rs->rx, 65535);
	/* Payload comes as it arrives, not when the frame is whole. */
	assert_int_equal(rig_feed(r, "00"), 0);
	assert_int_equal(rs->rx, 65535 + 1);
	rig_free(r);
}

/* ---- frames ---- */

/* A conversation in which every command and a body occur. */
static const char	 talk[] =
	"02 00 0000 03000000 02 02 0500 03000000 68656c6c6f"
	"02 03 0000 00000000 02 00 0000 05000000"
	"02 02 0000 05000000 02 02 0300 05000000 616263"
	"02 04 0800 03000000 00000000 00001000"
	"02 05 0400 05000000 03000000 02 02 0100 05000000 7a"
	"02 02 0600 03000000 20776f726c64 02 01 0000 03000000";

static void
feed_cut(const uint8_t *p, size_t n, size_t a, size_t b)
{
	struct rig		*r;
	struct rig_stream	*rs;

	r = start_caps(0, CAP_RESET | CAP_HALFCLOSE);
	assert_int_equal(session_input(r->s, p, a), 0);
	assert_int_equal(session_input(r->s, p + a, b - a), 0);
	assert_int_equal(session_input(r->s, p + b, n - b), 0);
	assert_int_equal(r->n, 2);
	rs = &r->streams[0];
	assert_string_equal(rs->text, "hello world");
	assert_int_equal(rs->fins, 1);
	rs = &r->streams[1];
	assert_string_equal(rs->text, "abc");
	assert_int_equal(rs->resets, 1);
	assert_int_equal(rs->reason, RESET_TIMEOUT);
	assert_int_equal(r->s->stats.ignored, 1);
	assert_int_equal(r->s->stats.payload_in, 14);
	assert_int_equal(r->s->stats.unconsumed, 0);
	rig_free(r);
}

static void
test_cut_anywhere(void **state)
{
	uint8_t	 buf[256];
	size_t	 i, j, n = 0;
	unsigned	 v;
	const char	*h;

	(void)state;
	for (h = talk; *h != '\0'; h++) {
		if (*h == ' ')
			continue;
		assert_int_equal(sscanf(h++, "%2x", &v), 1);
		buf[n++] = (uint8_t)v;
	}
	for (i = 0; i <= n; i++)
		for (j = i; j <= n; j++)
			feed_cut(buf, n, i, j);
}

static void
test_lengths(void **state)
{
	static const uint8_t	 right[] = { 0, 0, 0, 0, 8, 4 };
	char			 hex[64];
	struct rig		*r;
	int			 cmd, len, ok;

	(void)state;
	for (cmd = 0; cmd < 256; cmd++) {
		for (len = 0; len < 12; len++) {
			if (cmd == SMUX_PSH)
				continue;
			r = start_caps(0, CAP_RESET);
			ok = cmd <= SMUX_RST && len == right[cmd];
			snprintf(hex, sizeof(hex), "02 %02x %02x00 09000000",
			    cmd, len);
			assert_int_equal(rig_feed(r, hex), ok ? 0 : -1);
			rig_free(r);
		}
		/* The high octet counts too. */
		if (cmd == SMUX_PSH)
			continue;
		snprintf(hex, sizeof(hex), "02 %02x 0001 09000000", cmd);
		dies(0, 2, hex, cmd < SMUX_RST ? "a frame of the wrong length" :
		    "an unknown command");
	}
	/* Without the capability command 5 is none. */
	dies(0, 2, "02 05 0400 03000000 01000000", "an unknown command");
}

static void
test_ids(void **state)
{
	(void)state;
	dies(0, 1, "01 00 0000 00000000", "a stream id of the wrong side");
	dies(1, 1, "01 00 0000 00000000", "a stream id of the wrong side");
	dies(0, 1, "01 00 0000 02000000", "a stream id of the wrong side");
	dies(1, 1, "01 00 0000 03000000", "a stream id of the wrong side");
	/* Any order, from 1 on, and a duplicate. */
	lives(0, 1, "01 00 0000 09000000 01 00 0000 01000000"
	    "01 00 0000 03000000 01 00 0000 09000000");
	lives(1, 1, "01 00 0000 08000000 01 00 0000 02000000");
}

static void
test_may_not_open(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	rig_conf(&c);
	c.may_open = 0;
	r = rig_new(&c);
	rig_open(r, 0);
	assert_int_equal(rig_feed(r, "02 00 0000 02000000"), -1);
	assert_string_equal(r->s->error, "opened a stream, which it may not");
	assert_int_equal(r->streams[0].resets, 1);
	assert_int_equal(r->streams[0].reason, RESET_TUNNEL);
	rig_free(r);
}

static void
test_adopt(void **state)
{
	struct rig	*r;
	int		 v;

	(void)state;
	for (v = 1; v <= 2; v++) {
		r = start(0, 0);
		rig_open(r, 0);
		session_ready(r->streams[0].st);
		assert_int_equal(r->wakes, 0);
		rig_expect(r, "");
		assert_int_equal(rig_feed(r, v == 1 ? "01 03 0000 00000000" :
		    "02 03 0000 00000000"), 0);
		assert_int_equal(r->wakes, 1);
		rig_expect(r, v == 1 ? "01 00 0000 02000000" :
		    "02 00 0000 02000000");
		assert_int_equal(rig_feed(r, v == 1 ? "02 03 0000 00000000" :
		    "01 03 0000 00000000"), -1);
		rig_free(r);
	}
	dies(0, 0, "00 03 0000 00000000", "a version that is neither 1 nor 2");
	dies(0, 0, "03 03 0000 00000000", "a version that is neither 1 nor 2");
	dies(0, 0, "01 04 0800 03000000 0000000000000000",
	    "a window update in version 1");
}

/* ---- the life of streams ---- */

static void
test_halfclose(void **state)
{
	struct session_conf	 cc, sc;
	struct rig		*c, *s;
	struct rig_stream	*cs, *ss;

	(void)state;
	rig_conf(&cc);
	cc.caps = CAP_HALFCLOSE | CAP_RESET;
	cc.window_initial = cc.peer_initial = 32768;
	sc = cc;
	sc.client = 0;
	c = rig_new(&cc);
	s = rig_new(&sc);
	s->accept_pattern = 1;
	cs = rig_open(c, 0);
	cs->pattern = 1;
	rig_send(cs, 500000, 1);
	rig_run(c, s);
	ss = rig_find(s, 3);
	assert_int_equal(ss->rx, 500000);
	assert_int_equal(ss->fins, 1);
	assert_int_equal(ss->closes + cs->closes, 0);
	assert_int_equal(s->s->stats.streams, 1);
	/* The other half goes on, for as long as it takes. */
	rig_send(ss, 300000, 0);
	rig_run(c, s);
	assert_int_equal(cs->rx, 300000);
	rig_send(ss, 200000, 1);
	rig_run(c, s);
	assert_int_equal(cs->rx, 500000);
	assert_int_equal(cs->closes, 1);
	assert_int_equal(ss->closes, 1);
	assert_int_equal(s->s->stats.streams + c->s->stats.streams, 0);
	rig_free(c);
	rig_free(s);
}

static void
test_reset_reasons(void **state)
{
	static const enum reset_reason	 wire[] = { RESET_ABORT, RESET_ABORT,
		RESET_REFUSED, RESET_TIMEOUT, RESET_POLICY, RESET_PROTOCOL,
		RESET_MEMORY, RESET_UNREACHABLE, RESET_NAME, RESET_ABORT,
		RESET_ABORT };
	struct rig		*r;
	struct rig_stream	*rs;
	char			 hex[64];
	uint32_t		 i;

	(void)state;
	for (i = 0; i < sizeof(wire) / sizeof(wire[0]); i++) {
		r = start_caps(1, CAP_RESET);
		rs = rig_open(r, 0);
		rig_collect(r);
		rig_kill(rs, (enum reset_reason)i);
		snprintf(hex, sizeof(hex), "02 05 0400 03000000 %02x000000",
		    wire[i]);
		rig_expect(r, hex);
		rs = rig_open(r, 0);
		rig_collect(r);
		snprintf(hex, sizeof(hex), "02 05 0400 05000000 %02x000000",
		    i);
		assert_int_equal(rig_feed(r, hex), 0);
		assert_int_equal(rs->resets, 1);
		assert_int_equal(rs->reason, wire[i]);
		/* It is not answered, and a second one ignored. */
		assert_int_equal(rig_feed(r, hex), 0);
		assert_int_equal(r->s->stats.ignored, 1);
		rig_expect(r, "");
		rs = rig_open(r, 0);
		rig_collect(r);
		rig_feed(r, "02 05 0400 07000000 02000001");
		assert_int_equal(rs->reason, RESET_ABORT);
		rig_free(r);
	}
}

static void
test_reset_when(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	uint32_t		 caps;

	(void)state;
	for (caps = 0; caps <= CAP_RESET; caps += CAP_RESET) {
		r = start_caps(1, caps);
		/* What was never on the wire needs no reset. */
		rs = rig_open(r, 0);
		rig_kill(rs, RESET_ABORT);
		rig_expect(r, "");
		/* After our FIN: a foreign peer has been told. */
		rs = rig_open(r, 0);
		session_fin(rs->st);
		rig_expect(r, "02 00 0000 05000000 02 01 0000 05000000");
		rig_kill(rs, RESET_ABORT);
		rig_expect(r, caps == 0 ? "" :
		    "02 05 0400 05000000 01000000");
		/* After the peer's. */
		rs = rig_open(r, 0);
		rig_collect(r);
		rig_feed(r, "02 01 0000 07000000");
		rig_kill(rs, RESET_POLICY);
		rig_expect(r, caps == 0 ? "02 01 0000 07000000" :
		    "02 05 0400 07000000 04000000");
		assert_int_equal(r->s->stats.streams, 0);
		rig_free(r);
	}
}

static void
test_late_data(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(0, 2);
	rig_feed(r, "02 00 0000 03000000 02 01 0000 03000000");
	rs = rig_find(r, 3);
	/* The rig asserts that there is no data after the end. */
	assert_int_equal(rig_feed(r, "02 02 0300 03000000 616263"), 0);
	assert_int_equal(r->s->stats.ignored, 1);
	assert_int_equal(rs->rx, 0);
	rig_free(r);
}

static void
test_max_streams(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.max_streams = 2;
	c.caps = CAP_RESET;
	r = rig_new(&c);
	rig_open(r, 0);
	rig_collect(r);
	rig_feed(r, "02 00 0000 03000000");
	assert_null(session_open(r->s, NULL, NULL, 0));
	rig_feed(r, "02 00 0000 05000000 02 02 0100 05000000 78");
	assert_int_equal(r->n, 2);
	assert_int_equal(r->s->stats.refused, 1);
	rig_expect(r, "02 05 0400 05000000 04000000");
	/* The count comes down again. */
	rig_kill(rig_find(r, 2), RESET_ABORT);
	rig_collect(r);
	rig_feed(r, "02 00 0000 07000000");
	assert_int_equal(r->n, 3);
	/* An owner's refusal. */
	rig_kill(rig_find(r, 7), RESET_ABORT);
	rig_collect(r);
	r->refuse = 1;
	rig_feed(r, "02 00 0000 09000000 02 01 0000 09000000");
	rig_expect(r, "02 05 0400 09000000 04000000");
	assert_int_equal(r->s->stats.refused, 2);
	assert_int_equal(r->s->stats.streams, 1);
	rig_free(r);
	/* Foreign peers are refused with a FIN. */
	c.caps = 0;
	c.max_streams = 0;
	r = rig_new(&c);
	rig_feed(r, "02 00 0000 03000000");
	rig_expect(r, "02 01 0000 03000000");
	/* Who goes on has not heard of it, once; nobody is told more often. */
	rig_feed(r, "02 02 0100 03000000 78");
	rig_expect(r, "02 01 0000 03000000");
	rig_feed(r, "02 02 0100 03000000 78 02 02 0100 05000000 78");
	rig_expect(r, "");
	rig_free(r);
}

static void
test_urgent(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*bulk;

	(void)state;
	rig_conf(&c);
	c.first_urgent = 1;
	c.max_streams = 1;
	r = rig_new(&c);
	rig_open(r, 1);
	assert_int_equal(r->s->stats.streams, 0);
	bulk = rig_open(r, 0);
	assert_int_equal(r->s->stats.streams, 1);
	assert_null(session_open(r->s, NULL, NULL, 0));
	rig_collect(r);
	/* It overtakes whoever is ready. */
	rig_send(bulk, 10, 0);
	rig_send(&r->streams[0], 10, 0);
	rig_collect(r);
	assert_int_equal(r->out[4], 3);
	assert_int_equal(r->out[18 + 4], 5);
	rig_free(r);
	/* For the peer it is the first one; the second counts. */
	c.client = 0;
	r = rig_new(&c);
	rig_feed(r, "02 00 0000 03000000 02 00 0000 05000000");
	assert_int_equal(r->s->stats.streams, 1);
	rig_feed(r, "02 00 0000 07000000");
	assert_int_equal(r->s->stats.refused, 1);
	rig_free(r);
	/* Without the flag there is no such stream. */
	c.first_urgent = 0;
	r = rig_new(&c);
	rig_feed(r, "02 00 0000 03000000");
	assert_int_equal(r->s->stats.streams, 1);
	rig_free(r);
}

static void
test_drain(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(0, 1);
	rig_feed(r, "01 00 0000 03000000");
	session_drain(r->s);
	assert_null(session_open(r->s, NULL, NULL, 0));
	rig_feed(r, "01 00 0000 05000000");
	rig_expect(r, "01 01 0000 05000000");
	rs = rig_find(r, 3);
	rig_feed(r, "01 02 0100 03000000 78");
	assert_int_equal(rs->rx, 1);
	rig_free(r);
}

static void
test_last_id(void **state)
{
	struct rig	*r;

	(void)state;
	r = start(1, 1);
	((struct smux *)r->s)->next_id = 0x7ffffffd;
	rig_open(r, 0);
	rig_open(r, 0);
	rig_expect(r, "01 00 0000 fdffff7f 01 00 0000 ffffff7f");
	assert_null(session_open(r->s, NULL, NULL, 0));
	assert_null(session_open(r->s, NULL, NULL, 1));
	rig_free(r);
}

/* They leave in order, however many are added in between. */
static void
test_reset_order(void **state)
{
	struct rig	*r;
	uint32_t	 i, next = 0;
	size_t		 n, off;

	(void)state;
	r = start_caps(1, CAP_RESET);
	for (i = 0; i < 60; i++)
		rig_open(r, 0);
	rig_collect(r);
	for (i = 0; i < 60 || next < 60; i++) {
		if (i < 60)
			rig_kill(&r->streams[i], RESET_ABORT);
		if (i % 7 < 6 && i < 60)
			continue;
		/* No more than four go into so small a buffer. */
		n = session_output(r->s, r->out, SESSION_OUTPUT_MIN);
		for (off = 0; off < n; off += 12, next++)
			assert_int_equal(r->out[off + 4], 3 + 2 * next);
	}
	rig_expect(r, "");
	rig_free(r);
}

/* A peer that opens what we refuse and takes nothing of our answers. */
static void
reset_flood(int by_tick)
{
	struct session_conf	 c;
	struct rig		*r;
	char			 hex[32];
	int			 i, limit = 1024 + 2 * 3;

	rig_conf(&c);
	c.client = 0;
	c.max_streams = 3;
	r = rig_new(&c);
	r->refuse = 1;
	for (i = 0; i < limit; i++) {
		snprintf(hex, sizeof(hex), "02 00 0000 %02x%02x0000",
		    (2 * i + 3) & 0xff, (2 * i + 3) >> 8);
		assert_int_equal(rig_feed(r, hex), 0);
	}
	/* Taking some makes room for as many. */
	session_output(r->s, r->out, 10 * 8 + 16);
	for (i = 0; i < 10; i++)
		assert_int_equal(rig_feed(r, "02 00 0000 01f00000"), 0);
	r->wakes = 0;
	assert_int_equal(rig_feed(r, "02 00 0000 01f00000"), 0);
	assert_int_equal(r->wakes, 1);
	if (by_tick)
		assert_int_equal(rig_tick(r, 0), 0);
	else
		assert_int_equal(rig_feed(r, "02"), -1);
	assert_string_equal(r->s->error, "does not take the resets it asks "
	    "for");
	rig_free(r);
}

static void
test_reset_flood(void **state)
{
	(void)state;
	reset_flood(0);
	reset_flood(1);
}

/* The same, where the clock resets the stream that is one too many. */
static void
test_reset_flood_late(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	char			 hex[32];
	uint64_t		 next;
	int			 i, limit = 1024 + 2 * 3;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.max_streams = 3;
	c.recvbuffer = 65536;
	c.stall_grace_ms = 1000;
	r = rig_new(&c);
	r->accept_hold = 1;
	assert_int_equal(rig_feed(r, "02 00 0000 03000000"), 0);
	assert_int_equal(rig_feed_psh(r, 2, 3, 0, 65535), 0);
	assert_int_equal(rig_feed_psh(r, 2, 3, 65535, 1), 0);
	assert_int_equal(session_want(r->s), 0);
	r->refuse = 1;
	for (i = 0; i < limit; i++) {
		snprintf(hex, sizeof(hex), "02 00 0000 %02x%02x0000",
		    (2 * i + 5) & 0xff, (2 * i + 5) >> 8);
		assert_int_equal(rig_feed(r, hex), 0);
	}
	rig_tick(r, 0);
	next = rig_tick(r, 1000);
	assert_int_equal(next, r->now);
	assert_int_equal(r->streams[0].reason, RESET_MEMORY);
	assert_int_equal(rig_tick(r, 0), 0);
	assert_string_equal(r->s->error, "does not take the resets it asks "
	    "for");
	rig_free(r);
}

static void
test_size(void **state)
{
	(void)state;
	/* With malloc's head and one and a half slots of the table. */
	assert_true(sizeof(struct smux_stream) + 8 + 12 < 168);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_t1_to_t4),
		cmocka_unit_test(test_t5_to_t8),
		cmocka_unit_test(test_t9),
		cmocka_unit_test(test_t10_t11),
		cmocka_unit_test(test_t12_to_t14),
		cmocka_unit_test(test_t15_to_t19),
		cmocka_unit_test(test_t20_t21),
		cmocka_unit_test(test_t22_t23),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_may_not_open),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_halfclose),
		cmocka_unit_test(test_reset_reasons),
		cmocka_unit_test(test_reset_when),
		cmocka_unit_test(test_late_data),
		cmocka_unit_test(test_max_streams),
		cmocka_unit_test(test_urgent),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_last_id),
		cmocka_unit_test(test_reset_order),
		cmocka_unit_test(test_reset_flood),
		cmocka_unit_test(test_reset_flood_late),
		cmocka_unit_test(test_size)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
