/* SPDX-License-Identifier: ISC */

/*
 * Mux.Pro towards other programs: credit both ways, who is sent first, ids,
 * limits, and how and when a stream ends.
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
#define N0	"0004 0000 00 01 0005 01 00000000"
#define HEAD	"01 00 01bb 01 c0000201"
#define NEW(id)	"000d " id " 01 00 " HEAD

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
begin(const struct session_conf *c)
{
	struct rig	*r = rig_new_muxpro(c);

	rig_collect(r);
	assert_int_equal(rig_feed(r, N1), 0);
	if (!c->client)
		rig_expect(r, N1);
	return (r);
}

static struct rig *
start(int client)
{
	struct session_conf	 c;

	conf(&c, client);
	return (begin(&c));
}

static struct rig_stream *
open_to(struct rig *r, const char *head)
{
	struct rig_stream	*rs = rig_open(r, 0);

	rig_pre(rs, head);
	return (rs);
}

/* Keep with n octets of pattern from off. */
static int
feed_keep(struct rig *r, uint32_t id, uint64_t off, size_t n)
{
	uint8_t	*p;
	int	 ret;

	assert_non_null(p = malloc(MUXPRO_DATA + n));
	muxproout_frame(p, 4, id, MUXPRO_KEEP, MUXPRO_OPT_DATA);
	muxproout_put16(p + MUXPRO_FRAME, n);
	rig_pattern(p + MUXPRO_DATA, off, n);
	ret = session_input(r->s, p, MUXPRO_DATA + n);
	free(p);
	return (ret);
}

/* ---- credit ---- */

/* What was consumed is granted, by quarters, New's data included. */
static void
test_grants(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(0);
	assert_int_equal(rig_feed(r, "000d 0001 01 01 " HEAD "0005"
	    "68656c6c6f"), 0);
	rs = &r->streams[0];
	assert_int_equal(feed_keep(r, 1, 0, 16378), 0);
	rig_expect(r, "");
	assert_int_equal(feed_keep(r, 1, 0, 1), 0);
	rig_expect(r, "0004 0001 05 01 0004 00004000");
	/* A reader that holds gets nothing, and the sum stays. */
	rs->hold = 1;
	assert_int_equal(feed_keep(r, 1, 0, 40000), 0);
	rig_expect(r, "");
	assert_int_equal(session_window(rs->st), 25536);
	rig_consume(rs, 40000);
	rig_expect(r, "0004 0001 05 01 0004 00009c40");
	assert_int_equal(session_window(rs->st), 65536);
	rig_free(r);
}

static void
test_overrun(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(0);
	r->accept_hold = 1;
	assert_int_equal(rig_feed(r, NEW("0001") NEW("0002")), 0);
	rs = &r->streams[0];
	/* By less than a frame it is an error of counting. */
	assert_int_equal(feed_keep(r, 1, 0, 65535), 0);
	assert_int_equal(feed_keep(r, 1, 0, 65535), 0);
	assert_int_equal(rs->resets, 0);
	assert_int_equal(feed_keep(r, 1, 0, 2), 0);
	assert_int_equal(rs->reason, RESET_PROTOCOL);
	assert_int_equal(r->s->stats.faults, 1);
	rig_expect(r, "0006 0001 03 01 0003 0004 0000 04 00");
	/* The session goes on, and what was under way is nobody's. */
	assert_int_equal(feed_keep(r, 1, 0, 100), 0);
	assert_int_equal(feed_keep(r, 2, 0, 100), 0);
	assert_int_equal(r->streams[1].rx, 100);
	rig_expect(r, "");
	rig_free(r);
}

/* The published code's credit never ends, other code's is what is consumed. */
static void
test_ample(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	conf(&c, 0);
	c.ample = 1;
	r = begin(&c);
	r->accept_hold = 1;
	assert_int_equal(rig_feed(r, NEW("0001")), 0);
	rig_expect(r, "0004 0001 05 01 0004 40000000");
	assert_int_equal(feed_keep(r, 1, 0, 65535), 0);
	assert_int_equal(feed_keep(r, 1, 0, 65535), 0);
	assert_int_equal(feed_keep(r, 1, 0, 65535), 0);
	assert_int_equal(r->streams[0].resets, 0);
	assert_int_equal(r->streams[0].rx, 3 * 65535);
	/* what is consumed, behind the head, is granted as ever */
	rig_consume(&r->streams[0], 9 + 3 * 65535);
	rig_expect(r, "0004 0001 05 01 0004 0002fffd");
	assert_int_equal(rig_feed(r, "0004 0001 05 01 0004 00010000"
	    NEW("0002")), 0);
	rig_expect(r, "0004 0002 05 01 0004 40000000");
	assert_int_equal(rig_feed(r, NEW("0003")
	    "0004 0003 05 01 0004 000f0000"), 0);
	rig_expect(r, "");
	rig_free(r);
}

/* Credit is not bounded by 32 bits. */
static void
test_huge_credit(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	struct muxpro_stream	*st;
	int			 i;

	(void)state;
	r = start(1);
	rs = open_to(r, HEAD);
	rig_collect(r);
	st = (struct muxpro_stream *)rs->st;
	for (i = 0; i < 3; i++)
		assert_int_equal(rig_feed(r, "0004 0001 05 01 0004 ffffffff"),
		    0);
	assert_true(st->credit == 65536 + 3ULL * 0xffffffff);
	st->credit = MUXPRO_CREDIT_MAX - 10;
	assert_int_equal(rig_feed(r, "0004 0001 05 01 0004 0000000b"), 0);
	assert_true(st->credit == MUXPRO_CREDIT_MAX);
	rig_free(r);
}

/* A peer without credit gives up after 30 s, unless it hears something. */
static void
test_refresh(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	int			 i;

	(void)state;
	r = start(0);
	r->accept_hold = 1;
	assert_int_equal(rig_feed(r, NEW("0001")), 0);
	rs = &r->streams[0];
	assert_int_equal(feed_keep(r, 1, 0, 65535), 0);
	/* One octet is left: it does not wait. */
	for (i = 0; i < 20; i++)
		rig_tick(r, 1000);
	rig_expect(r, "");
	assert_int_equal(feed_keep(r, 1, 0, 1), 0);
	for (i = 0; i < 3; i++) {
		rig_tick(r, 10000);
		rig_expect(r, "0004 0001 05 01 0004 00000000");
	}
	rig_consume(rs, rs->rx_held);
	rig_expect(r, "0004 0001 05 01 0004 00010000");
	rig_tick(r, 10000);
	rig_expect(r, "");
	rig_free(r);
}

/* Version 0.0: no word of credit before the peer's first. */
static void
test_no_credit(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;
	int			 i, credit;

	(void)state;
	for (credit = 0; credit < 2; credit++) {
		conf(&c, 1);
		c.version = 0;
		r = rig_new_muxpro(&c);
		rig_collect(r);
		assert_int_equal(rig_feed(r, N0), 0);
		rs = open_to(r, HEAD);
		rig_collect(r);
		/* It takes more than a window from a peer that knows none. */
		for (i = 0; i < (credit ? 1 : 5); i++)
			assert_int_equal(feed_keep(r, 1, 0, 60000), 0);
		rig_expect(r, "");
		rig_send(rs, 200000, 0);
		rig_collect(r);
		assert_int_equal(rs->tx_done, 65536);
		rig_tick(r, 1999);
		rig_expect(r, "");
		if (credit)
			assert_int_equal(rig_feed(r, "0004 0001 05 01 0004"
			    "00000001"), 0);
		rig_tick(r, 1);
		rig_collect(r);
		assert_int_equal(rs->tx_done, credit ? 65537 : 200000);
		/* One that knows of it hears what was consumed meanwhile. */
		if (credit)
			assert_memory_equal(r->out, "\0\4\0\1\5\1\0\4"
			    "\0\0\xea\x60", 12);
		rig_free(r);
	}
}

/* ---- order ---- */

/* Whose frame is at this offset of what was sent. */
static uint32_t
sent_by(const struct rig *r, size_t *off)
{
	const uint8_t	*p = r->out + *off;

	assert_int_equal(p[4], MUXPRO_KEEP);
	*off += MUXPRO_DATA + (p[6] << 8 | p[7]);
	return (p[2] << 8 | p[3]);
}

static void
test_fair(void **state)
{
	struct rig	*r;
	size_t		 off = 0;
	int		 i;

	(void)state;
	r = start(1);
	for (i = 0; i < 3; i++)
		open_to(r, HEAD);
	rig_collect(r);
	for (i = 0; i < 3; i++)
		rig_send(&r->streams[i], 60000, 0);
	r->out_len = session_output(r->s, r->out, 100000);
	/* By turns of 16 KiB. */
	for (i = 0; i < 5; i++)
		assert_int_equal(sent_by(r, &off), 1 + i % 3);
	rig_free(r);
}

/* Classes by priority; the last is not starved. */
static void
test_classes(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	size_t			 off = 0;
	int			 i, last = 0, n = 0;

	(void)state;
	conf(&c, 1);
	c.framesize = 1000;
	r = begin(&c);
	open_to(r, "01 ff 01bb 01 c0000201");
	open_to(r, "01 00 01bb 01 c0000201");
	open_to(r, "01 3f 01bb 01 c0000201");
	rig_collect(r);
	for (i = 0; i < 3; i++)
		rig_send(&r->streams[i], 60000, 0);
	r->out_len = session_output(r->s, r->out, 40 * 1008);
	while (off < r->out_len) {
		last += sent_by(r, &off) == 1;
		n++;
	}
	/* A turn ends with what is left of its quantum. */
	assert_in_range(n, 39, 44);
	assert_in_range(last, 4, 5);
	rig_free(r);
}

/* Grants and Ends pass what others have to send, never what is their own. */
static void
test_control_first(void **state)
{
	struct rig	*r;

	(void)state;
	r = start(1);
	open_to(r, HEAD);
	open_to(r, HEAD);
	open_to(r, HEAD);
	rig_collect(r);
	rig_send(&r->streams[0], 60000, 1);
	r->out_len = session_output(r->s, r->out, 1000);
	assert_int_equal(feed_keep(r, 2, 0, 20000), 0);
	rig_kill(&r->streams[2], RESET_ABORT);
	r->out_len = session_output(r->s, r->out, 1000);
	assert_memory_equal(r->out, "\0\6\0\3\3\1\0\1\0\4\0\0\4\0"
	    "\0\4\0\2\5\1\0\4\0\0\x4e\x20\0\4\0\1\2\1", 32);
	rig_collect(r);
	assert_int_equal(r->streams[0].tx_done, 60000);
	assert_memory_equal(r->out + r->out_len - 6, "\0\4\0\1\3\0", 6);
	rig_free(r);
}

/* An output of the smallest size: frames that are cut, but in order. */
static void
test_small_output(void **state)
{
	struct rig	*r;
	uint8_t		 all[4096];
	char		 head[600];
	size_t		 n = 0, len, i;

	(void)state;
	r = start(1);
	strcpy(head, "01 00 01bb 02 ff");
	for (i = 0; i < 255; i++)
		strcat(head, "61");
	open_to(r, head);
	open_to(r, "02 00 0035 01 c0000235 00c8");
	rig_send(&r->streams[1], 200, 0);
	do {
		len = session_output(r->s, all + n, SESSION_OUTPUT_MIN);
		n += len;
		assert_true(n < sizeof(all) - SESSION_OUTPUT_MIN);
	} while (r->s->more);
	assert_int_equal(n, 6 + 261 + 6 + 9 + 8 + 200);
	assert_memory_equal(all, "\1\x09\0\1\1\0\1\0\1\xbb\2\xff" "aaa", 15);
	assert_memory_equal(all + 267, "\0\15\0\2\1\0\2\0\0\x35\1\xc0\0\2\x35"
	    "\0\4\0\2\2\1\0\xc8", 23);
	rig_free(r);
}

/* ---- ids and limits ---- */

static void
test_ids(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	struct muxpro		*s;
	int			 i;

	(void)state;
	r = start(1);
	s = (struct muxpro *)r->s;
	s->next_id = 65535;
	rs = open_to(r, HEAD);
	assert_int_equal(rs->st->id, 65535);
	open_to(r, HEAD);
	rig_expect(r, NEW("ffff") NEW("0001"));
	rig_kill(rs, RESET_ABORT);
	rig_collect(r);
	/* One that has ended of late is not used, nor one that lives. */
	s->next_id = 65535;
	assert_int_equal(rig_open(r, 0)->st->id, 2);
	rig_tick(r, 29999);
	s->next_id = 65535;
	assert_int_equal(rig_open(r, 0)->st->id, 3);
	for (i = 0; i < 3; i++)
		rig_tick(r, 15000);
	s->next_id = 65535;
	assert_int_equal(rig_open(r, 0)->st->id, 65535);
	rig_free(r);

	/* Where all are in use, or were of late, there is none. */
	r = start(1);
	s = (struct muxpro *)r->s;
	memset(s->ghosts[1], 0xff, sizeof(s->ghosts[1]));
	assert_null(session_open(r->s, NULL, NULL, 0));
	s->ghosts[1][40000 / 32] = 0xfffffffe;
	assert_null(session_open(r->s, NULL, NULL, 0));
	rig_tick(r, 15000);
	assert_int_equal(rig_open(r, 0)->st->id, 40000);
	rig_free(r);
}

static void
test_limits(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	conf(&c, 0);
	c.max_streams = 2;
	r = begin(&c);
	assert_int_equal(rig_feed(r, NEW("0001") NEW("0002") NEW("0003")
	    "0004 0003 02 01 0001 61"), 0);
	assert_int_equal(r->n, 2);
	assert_int_equal(r->s->stats.refused, 1);
	rig_expect(r, "0006 0003 03 01 0006 0004 0000 04 00");
	/* One that is in use: it ends, the session does not. */
	assert_int_equal(rig_feed(r, "000d 0001 01 01 " HEAD "0001 61"), 0);
	assert_int_equal(r->streams[0].reason, RESET_PROTOCOL);
	assert_int_equal(r->streams[0].rx, 0);
	rig_expect(r, "0006 0001 03 01 0003 0004 0000 04 00");
	/* An id may be used again at once. */
	assert_int_equal(rig_feed(r, "000d 0001 01 01 " HEAD "0001 61"), 0);
	assert_int_equal(r->n, 3);
	assert_string_equal(r->streams[2].text, "a");
	assert_int_equal(rig_feed(r, "0004 0001 03 00"), 0);
	session_fin(r->streams[2].st);
	rig_expect(r, "0004 0001 03 00");
	r->refuse = 1;
	assert_int_equal(rig_feed(r, "000d 0005 01 01 " HEAD "0001 61"), 0);
	rig_expect(r, "0006 0005 03 01 0006 0004 0000 04 00");
	assert_int_equal(r->s->stats.streams, 1);
	session_drain(r->s);
	r->refuse = 0;
	assert_int_equal(rig_feed(r, NEW("0006")), 0);
	rig_expect(r, "0006 0006 03 01 0006 0004 0000 04 00");
	rig_free(r);
	/* Only the client opens. */
	r = start(0);
	assert_null(session_open(r->s, NULL, NULL, 0));
	rig_free(r);
	r = start(1);
	assert_int_equal(rig_feed(r, "000d 0007 01 01 " HEAD "0001 61"
	    NEW("0007")), 0);
	rig_expect(r, "0006 0007 03 01 0003 0004 0000 04 00");
	assert_int_equal(r->n, 0);
	rig_free(r);
}

/* A peer that makes us owe it answers, and takes none. */
static void
test_end_flood(void **state)
{
	struct rig	*r;
	char		 hex[64];
	int		 i;

	(void)state;
	/* Most that is asked for unknown streams is not answered. */
	r = start(0);
	for (i = 1; i < 3000; i++) {
		snprintf(hex, sizeof(hex), "0004 %04x 02 01 0001 61", i);
		assert_int_equal(rig_feed(r, hex), 0);
	}
	rig_collect(r);
	assert_int_equal(r->out_len, 512 * 14);
	assert_int_equal(rig_feed(r, "0004 0800 02 01 0001 61"), 0);
	rig_expect(r, "0006 0800 03 01 0003 0004 0000 04 00");
	r->refuse = 1;
	for (i = 1; i < 3000; i++) {
		snprintf(hex, sizeof(hex), NEW("%04x"), i);
		if (rig_feed(r, hex) == -1)
			break;
	}
	assert_in_range(i, 1024, 1300);
	assert_string_equal(r->s->error, "does not take the Ends it asks for");
	rig_free(r);
}

/* The same, where the clock ends the stream that is one too many. */
static void
test_end_flood_late(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	char			 hex[64];
	uint64_t		 next = 0;
	int			 i;

	(void)state;
	conf(&c, 0);
	c.max_streams = 4;
	r = begin(&c);
	assert_int_equal(rig_feed(r, NEW("0001") "0004 0001 03 00"), 0);
	r->refuse = 1;
	for (i = 2; i < 2 + 1024 + 2 * 4; i++) {
		snprintf(hex, sizeof(hex), NEW("%04x"), i);
		assert_int_equal(rig_feed(r, hex), 0);
	}
	for (i = 0; i < 5 && r->resets == 0; i++)
		next = rig_tick(r, 10000);
	assert_int_equal(r->streams[0].reason, RESET_TIMEOUT);
	assert_int_equal(next, r->now);		/* and not some time later */
	assert_int_equal(rig_tick(r, 0), 0);
	assert_string_equal(r->s->error, "does not take the Ends it asks for");
	rig_free(r);
}

/* An owner that does not say where, or says what is no address. */
static void
test_bad_head(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(1);
	rs = open_to(r, "07 00 01bb 01 c0000201");
	rig_expect(r, "");
	assert_int_equal(rs->resets, 1);
	rs = open_to(r, "01 00 01bb 01 c0");
	rig_expect(r, "");
	assert_int_equal(rs->resets, 0);
	session_fin(rs->st);
	rig_expect(r, "");
	assert_int_equal(rs->resets, 1);
	rs = open_to(r, "01 00 01");
	rig_expect(r, "");
	rig_pre(rs, "bb 02 01");
	rig_expect(r, "");
	rig_pre(rs, "7a 61");
	rig_expect(r, "000b 0003 01 01 01 00 01bb 02 01 7a 0001 61");
	rig_kill(open_to(r, HEAD), RESET_ABORT);
	rig_expect(r, "");
	rig_free(r);
}

/* ---- ends ---- */

/* Our End waits until nothing has come for a while. */
static void
test_linger(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	conf(&c, 1);
	c.fin_delay_ms = 2000;
	r = begin(&c);
	rs = open_to(r, HEAD);
	rig_collect(r);
	session_fin(rs->st);
	rig_expect(r, "");
	rig_tick(r, 1500);
	assert_int_equal(feed_keep(r, 1, 0, 10), 0);
	rig_tick(r, 1999);
	rig_expect(r, "");
	rig_tick(r, 1);
	rig_expect(r, "0004 0001 03 00");
	/* The peer's makes it go at once. */
	rs = open_to(r, HEAD);
	rig_collect(r);
	session_fin(rs->st);
	rig_expect(r, "");
	assert_int_equal(rig_feed(r, "0004 0002 03 00"), 0);
	rig_expect(r, "0004 0002 03 00");
	assert_int_equal(rs->closes, 1);
	rig_free(r);
}

/* After our End, as a client: what comes is delivered, but not for ever. */
static void
test_drain(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	int			 i;

	(void)state;
	r = start(1);
	rs = open_to(r, HEAD);
	rig_collect(r);
	session_fin(rs->st);
	rig_expect(r, "0004 0001 03 00");
	for (i = 0; i < 8; i++) {
		rig_tick(r, 20000);
		assert_int_equal(feed_keep(r, 1, i * 10, 10), 0);
		assert_int_equal(rs->rx, 10 + i * 10);
	}
	/* What its reader has not taken yet is not lost by that. */
	rs->hold = 1;
	assert_int_equal(feed_keep(r, 1, i * 10, 10), 0);
	for (i = 0; i < 8; i++)
		rig_tick(r, 10000);
	assert_int_equal(rs->resets, 0);
	rig_consume(rs, 10);
	rig_tick(r, 20000);
	assert_int_equal(rs->resets, 0);
	/* Nobody knows whether that was all: it is no clean end. */
	for (i = 0; i < 4; i++)
		rig_tick(r, 10000);
	assert_int_equal(rs->fins, 0);
	assert_int_equal(rs->resets, 1);
	assert_int_equal(rs->reason, RESET_TIMEOUT);
	assert_int_equal(r->s->stats.streams, 0);
	rig_expect(r, "");
	/* Later frames are nobody's, and not answered. */
	assert_int_equal(feed_keep(r, 1, 0, 10), 0);
	rig_expect(r, "");
	/* A reset after our End says nothing more. */
	rs = open_to(r, HEAD);
	rig_collect(r);
	session_fin(rs->st);
	rig_collect(r);
	rig_kill(rs, RESET_ABORT);
	rig_expect(r, "");
	rig_free(r);
}

/* After our End, as a server: the stream is over. */
static void
test_server_ends(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	int			 i;

	(void)state;
	r = start(0);
	assert_int_equal(rig_feed(r, NEW("0001")), 0);
	rs = &r->streams[0];
	rig_send(rs, 5, 1);
	rig_collect(r);
	assert_int_equal(r->out_len, 13 + 6);
	assert_int_equal(rs->fins, 1);
	assert_int_equal(rs->closes, 1);
	/* The client may pump on. */
	assert_int_equal(feed_keep(r, 1, 0, 10000), 0);
	assert_int_equal(rig_feed(r, "0004 0001 03 00"), 0);
	rig_expect(r, "");
	/* After the client's End a server that has nothing to say ends. */
	assert_int_equal(rig_feed(r, NEW("0002") "0004 0002 03 00"), 0);
	rs = &r->streams[1];
	for (i = 0; i < 2; i++) {
		rig_tick(r, 20000);
		rig_send(rs, 5, 0);
		rig_collect(r);
		assert_int_equal(r->out_len, 13);
	}
	for (i = 0; i < 4; i++)
		rig_tick(r, 10000);
	assert_int_equal(rs->reason, RESET_TIMEOUT);
	rig_expect(r, "0006 0002 03 01 0002 0004 0000 04 00");
	rig_free(r);
}

/* A client whose server has ended sends nothing more. */
static void
test_peer_ended(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(1);
	rs = open_to(r, HEAD);
	rig_collect(r);
	rig_send(rs, 1000000, 0);
	rig_collect(r);
	assert_int_equal(rig_feed(r, "0004 0001 05 01 0004 00010000"
	    "0004 0001 03 00"), 0);
	rig_expect(r, "");
	session_fin(rs->st);
	rig_expect(r, "0004 0001 03 00");
	assert_int_equal(rs->closes, 1);
	rig_free(r);
}

static void
test_datagrams_end(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	r = start(1);
	rs = open_to(r, "02 00 0035 01 c0000235");
	rig_collect(r);
	rs->tx_fin = 1;
	rig_pre(rs, "0001 61 0002 6263 0005 64");
	rig_expect(r, "0004 0001 02 01 0001 61 0004 0001 02 01 0002 6263"
	    "0004 0001 03 00");
	rig_free(r);
}

/* What has no credit is dropped; the End behind it is not. */
static void
test_datagrams_end_dry(void **state)
{
	struct rig		*r;
	struct rig_stream	*rs;
	int			 i;

	(void)state;
	r = start(1);
	rs = open_to(r, "02 00 0035 01 c0000235");
	rig_collect(r);
	for (i = 0; i < 32; i++) {
		rig_pre(rs, "07d0");
		rig_send(rs, 2000, 0);
		rig_collect(r);
	}
	rig_pre(rs, "0001 61 07d0");
	rig_send(rs, 2000, 1);
	rig_expect(r, "0004 0001 02 01 0001 61 0004 0001 03 00");
	assert_int_equal(r->s->stats.dropped, 1);
	rig_free(r);
}

/* ---- time ---- */

static void
test_keepalive(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	conf(&c, 1);
	c.keepalive_ms = 15000;
	c.timeout_ms = 45000;
	r = begin(&c);
	rig_tick(r, 14999);
	rig_expect(r, "");
	rig_tick(r, 1);
	rig_expect(r, "0004 0000 04 00");
	open_to(r, HEAD);
	rig_tick(r, 14000);
	rig_collect(r);
	rig_tick(r, 14999);
	rig_expect(r, "");
	assert_true(rig_tick(r, 1000) != 0);
	rig_expect(r, "0004 0000 04 00");
	assert_int_equal(rig_tick(r, 1), 0);
	assert_string_equal(r->s->error, "the peer is silent");
	rig_free(r);
}

/* ---- input cut anywhere ---- */

static const char	 talk[] =
	N1 NEW("0001") "0004 0001 02 01 0005 68656c6c6f 0004 1234 04 00"
	"000b 0002 01 01 02 07 0035 02 01 7a 0003 616263"
	"0004 0002 02 03 000e 02 9c40 01 c0000209 616e73776572"
	"0004 0001 05 01 0004 00010000 0006 0001 02 01 dead 0006"
	"20776f726c64 0004 0001 02 01 0000 0006 0002 03 01 0004"
	"0004 0001 03 00";

static void
test_cuts(void **state)
{
	struct rig	*r;
	uint8_t		 buf[256], *copy;
	size_t		 n = 0, a, step;
	unsigned	 v;
	const char	*p;

	(void)state;
	for (p = talk; *p != '\0'; p++) {
		if (*p == ' ')
			continue;
		assert_int_equal(sscanf(p++, "%2x", &v), 1);
		buf[n++] = v;
	}
	for (step = 1; step < n; step++) {
		r = rig_new_muxpro(&(struct session_conf){ .bare = 1,
		    .may_open = 1, .version = 1, .recvbuffer = 1 << 20,
		    .window_max = 65536, .max_streams = 10 });
		for (a = 0; a < n; a += v) {
			v = n - a < step ? n - a : step;
			assert_non_null(copy = malloc(v));
			memcpy(copy, buf + a, v);
			assert_int_equal(session_input(r->s, copy, v), 0);
			free(copy);
		}
		assert_string_equal(r->streams[0].text, "hello world");
		assert_int_equal(r->streams[0].fins, 1);
		assert_memory_equal(r->streams[1].text, "\0\3abc\0\6answer",
		    13);
		assert_int_equal(r->streams[1].reason, RESET_MEMORY);
		rig_free(r);
	}
}

int
main(void)
{
	static const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_ample),
		cmocka_unit_test(test_huge_credit),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_no_credit),
		cmocka_unit_test(test_fair),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_control_first),
		cmocka_unit_test(test_small_output),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_end_flood),
		cmocka_unit_test(test_end_flood_late),
		cmocka_unit_test(test_bad_head),
		cmocka_unit_test(test_linger),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_server_ends),
		cmocka_unit_test(test_peer_ended),
		cmocka_unit_test(test_datagrams_end),
		cmocka_unit_test(test_datagrams_end_dry),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_cuts)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
