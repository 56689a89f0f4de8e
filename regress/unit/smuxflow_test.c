/* SPDX-License-Identifier: ISC */

/*
 * smux: windows and what they may sum up to, who sends when, and time.
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

static uint32_t
le32(const uint8_t *p)
{
	return (p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24);
}

/* The last UPD for a stream in what was collected; 0 when there is none. */
static int
find_upd(const struct rig *r, uint32_t id, uint32_t *consumed,
    uint32_t *window)
{
	size_t	 off, len;
	int	 found = 0;

	for (off = 0; off + 8 <= r->out_len; off += 8 + len) {
		len = r->out[off + 2] | r->out[off + 3] << 8;
		if (r->out[off + 1] != SMUX_UPD || le32(r->out + off + 4) != id)
			continue;
		*consumed = le32(r->out + off + 8);
		*window = le32(r->out + off + 12);
		found++;
	}
	return (found);
}

static void
feed_upd(struct rig *r, uint32_t id, uint32_t consumed, uint32_t window)
{
	uint8_t	 p[16] = { 2, SMUX_UPD, 8, 0 };
	int	 i;

	for (i = 0; i < 4; i++) {
		p[4 + i] = (uint8_t)(id >> 8 * i);
		p[8 + i] = (uint8_t)(consumed >> 8 * i);
		p[12 + i] = (uint8_t)(window >> 8 * i);
	}
	assert_int_equal(session_input(r->s, p, sizeof(p)), 0);
}

/* ---- the sender's window ---- */

static void
test_sender_exercise(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	rig_conf(&c);
	r = rig_new(&c);
	rs = rig_open(r, 0);
	rig_send(rs, 1 << 30, 0);
	rig_collect(r);
	assert_int_equal(rs->tx_done, 262144);
	feed_upd(r, 3, 1000, 65536);
	rig_collect(r);
	assert_int_equal(r->out_len, 0);
	r->wakes = 0;
	feed_upd(r, 3, 200704, 65536);
	assert_int_equal(r->wakes, 1);
	rig_collect(r);
	assert_int_equal(r->out_len, 8 + 4096);
	assert_int_equal(rs->tx_done, 262144 + 4096);
	/* Exactly full is full; window 0 blocks; stale ones are applied. */
	feed_upd(r, 3, 200704, 65536);
	feed_upd(r, 3, 266240, 0);
	rig_collect(r);
	assert_int_equal(r->out_len, 0);
	feed_upd(r, 3, 266239, 2);
	rig_collect(r);
	assert_int_equal(r->out_len, 8 + 1);
	rig_free(r);
}

static void
test_sender_wrap(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;
	struct smux_stream	*st;

	(void)state;
	rig_conf(&c);
	r = rig_new(&c);
	rs = rig_open(r, 0);
	rig_collect(r);
	st = (struct smux_stream *)rs->st;
	st->written = 0x00001000;
	st->peer_consumed = 0xffff0000;
	rig_send(rs, 1 << 30, 0);
	feed_upd(r, 3, 0xfffff000, 65536);
	rig_collect(r);
	assert_int_equal(rs->tx_done, 57344);
	assert_int_equal(r->s->stats.faults, 0);
	/* More than was sent, across the wrap. */
	st->written = 0xfffffff0;
	feed_upd(r, 3, 0xfffffff0, 0);
	assert_int_equal(r->s->stats.faults, 0);
	feed_upd(r, 3, 0x00000010, 65536);
	assert_int_equal(r->s->stats.faults, 1);
	rig_free(r);
}

/* The peer's first window is what the configuration says. */
static void
test_peer_initial(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	rig_conf(&c);
	c.peer_initial = 32768;
	r = rig_new(&c);
	rs = rig_open(r, 0);
	rig_send(rs, 100000, 0);
	rig_collect(r);
	assert_int_equal(rs->tx_done, 32768);
	/* FIN needs no window. */
	session_fin(rs->st);
	rig_expect(r, "02 01 0000 03000000");
	rig_free(r);
}

/* ---- the receiver's window ---- */

static void
test_early_update(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	rig_conf(&c);
	c.window_initial = 262144;
	r = rig_new(&c);
	rig_open(r, 0);
	rig_expect(r, "02 00 0000 03000000"
	    "02 04 0800 03000000 00000000 00000100");
	rig_feed(r, "02 00 0000 02000000");
	rig_expect(r, "02 04 0800 02000000 00000000 00000100");
	/* It may be lost: the first consumption says it again. */
	rig_feed_psh(r, 2, 2, 0, 1);
	rig_expect(r, "02 04 0800 02000000 01000000 00000100");
	/* The peer may use the first window all the same... */
	assert_int_equal(rig_feed_psh(r, 2, 3, 0, 65535), 0);
	rig_free(r);
	/* ...and version 1 knows of nothing. */
	c.version = 1;
	r = rig_new(&c);
	rig_open(r, 0);
	rig_expect(r, "01 00 0000 03000000");
	rig_free(r);
}

static int
fill(struct rig *r, uint32_t id, uint64_t off, size_t n)
{
	size_t	 k;
	int	 ret = 0;

	for (; n > 0 && ret == 0; off += k, n -= k) {
		k = n < 16384 ? n : 16384;
		ret = rig_feed_psh(r, 2, id, off, k);
	}
	return (ret);
}

static void
enforce(uint32_t caps, size_t slack)
{
	struct session_conf	 c;
	struct rig		*r;
	size_t			 told = caps != 0 ? 25000 : 100;
	int			 over;

	rig_conf(&c);
	c.client = 0;
	c.caps = caps;
	c.window_initial = c.window_max = 100000;
	for (over = 0; over <= 1; over++) {
		r = rig_new(&c);
		r->accept_hold = 1;
		rig_feed(r, "02 00 0000 03000000");
		assert_int_equal(fill(r, 3, 0, 100000 + slack), 0);
		/* Empty frames are not too much; an octet is. */
		assert_int_equal(fill(r, 3, 0, 0), 0);
		assert_int_equal(rig_feed_psh(r, 2, 3, 0, over), -over);
		if (over)
			assert_string_equal(r->s->error,
			    "sent more than the stream's window");
		rig_free(r);
	}
	/* What was consumed counts once told: to one of us, by quarters. */
	r = rig_new(&c);
	r->accept_hold = 1;
	rig_feed(r, "02 00 0000 03000000");
	fill(r, 3, 0, 100000);
	if (caps != 0) {
		rig_consume(rig_find(r, 3), 100);
		rig_collect(r);
		assert_int_equal(r->out_len, 0);
		rig_consume(rig_find(r, 3), told - 100);
	} else
		rig_consume(rig_find(r, 3), told);
	rig_collect(r);
	assert_int_equal(fill(r, 3, 0, told + slack), 0);
	assert_int_equal(rig_feed_psh(r, 2, 3, 0, 1), -1);
	rig_free(r);
}

static void
test_enforced(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	enforce(CAP_RESET, 0);
	enforce(CAP_HALFCLOSE, 0);
	enforce(0, 65535);
	/* Version 1 has no such rule. */
	rig_conf(&c);
	c.client = 0;
	c.version = 1;
	r = rig_new(&c);
	rig_feed(r, "01 00 0000 03000000");
	assert_int_equal(rig_feed_psh(r, 1, 3, 0, 65535), 0);
	assert_int_equal(rig_feed_psh(r, 1, 3, 65535, 65535), 0);
	rig_free(r);
}

/* A peer that sends all it may, each time it may. */
static uint32_t
saturate(struct rig *r, uint32_t id, int rounds)
{
	uint32_t	 consumed, window, edge, sent;
	struct smux_stream *st;

	st = (struct smux_stream *)rig_find(r, id)->st;
	sent = st->win.rcvd;
	edge = st->win.edge;
	for (; rounds > 0; rounds--) {
		assert_int_equal(fill(r, id, sent, edge - sent), 0);
		sent = edge;
		rig_collect(r);
		if (find_upd(r, id, &consumed, &window) == 0)
			break;
		assert_in_range(window, 1, 0x7fffffff);
		edge = consumed + window;
	}
	return (st->win.window);
}

static void
test_grows(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct smux		*s;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.caps = CAP_RESET;
	c.window_initial = 32768;
	c.window_max = 1500000;
	c.recvbuffer = 2000000;
	r = rig_new(&c);
	s = (struct smux *)r->s;
	rig_feed(r, "02 00 0000 03000000 02 00 0000 05000000"
	    "02 00 0000 07000000");
	assert_int_equal(session_window(rig_find(r, 3)->st), 32768);
	assert_int_equal(saturate(r, 3, 2), 131072);
	assert_int_equal(saturate(r, 3, 20), 1500000);
	/* The sum stays within the budget, though each begins with its own. */
	assert_int_equal(saturate(r, 5, 20), 500000);
	assert_int_equal(s->windows.granted, 2000000);
	assert_int_equal(saturate(r, 7, 2), 32768);
	/* Over the budget now: who takes some more gives some back. */
	saturate(r, 3, 1);
	assert_int_equal(((struct smux_stream *)rig_find(r, 3)->st)->win.window,
	    750000);
	assert_in_range(s->windows.granted, 1, 2000000);
	/* Two idle seconds: theirs is free again. */
	rig_tick(r, 3000);
	saturate(r, 7, 20);
	assert_int_equal(((struct smux_stream *)rig_find(r, 7)->st)->win.window,
	    1500000);
	assert_int_equal(((struct smux_stream *)rig_find(r, 5)->st)->win.window,
	    32768);
	assert_in_range(s->windows.granted, 1, 2000000);
	/* And the account is level at the end. */
	rig_kill(rig_find(r, 3), RESET_ABORT);
	rig_kill(rig_find(r, 5), RESET_ABORT);
	rig_kill(rig_find(r, 7), RESET_ABORT);
	assert_int_equal(s->windows.granted, 0);
	assert_int_equal(r->s->stats.unconsumed, 0);
	rig_free(r);
}

static void
test_does_not_grow(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;
	uint64_t		 off = 0;
	int			 i;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.window_initial = 65536;
	c.window_max = 1 << 20;
	r = rig_new(&c);
	/* The sender leaves most of the window alone. */
	rig_feed(r, "02 00 0000 03000000");
	for (i = 0; i < 100; i++, off += 30000) {
		rig_feed_psh(r, 2, 3, off, 30000);
		rig_collect(r);
	}
	assert_int_equal(session_window(rig_find(r, 3)->st), 65536);
	/* The reader is what is slow. */
	rig_feed(r, "02 00 0000 05000000");
	rs = rig_find(r, 5);
	rs->hold = 1;
	fill(r, 5, 0, 65536);
	for (i = 0; i < 100; i++) {
		rig_consume(rs, 16384);
		rig_collect(r);
		fill(r, 5, 0, 16384);
	}
	assert_int_equal(((struct smux_stream *)rs->st)->win.window, 65536);
	rig_free(r);
}

/* The dialect's own stream keeps its first window, whatever the others do. */
static void
test_urgent_window(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.first_urgent = 1;
	c.window_initial = 32768;
	c.window_max = 1 << 20;
	r = rig_new(&c);
	rig_feed(r, "02 00 0000 03000000 02 00 0000 05000000");
	assert_int_equal(saturate(r, 3, 10), 32768);
	assert_int_equal(saturate(r, 5, 10), 1 << 20);
	session_limit(r->s, 100000);
	assert_int_equal(saturate(r, 3, 10), 32768);
	rig_free(r);
	/* Smaller than the first window of others: not this one's. */
	c.window_max = 10000;
	r = rig_new(&c);
	rig_feed(r, "02 00 0000 03000000 02 00 0000 05000000");
	rig_expect(r, "02 04 0800 05000000 00000000 10270000");
	rig_free(r);
}

/* What no peer would understand is not configured either. */
static void
test_conf(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	rig_conf(&c);
	c.version = 1;
	for (c.framesize = 0; c.framesize <= 65536; c.framesize += 65536) {
		r = rig_new(&c);
		rig_send(rig_open(r, 0), 100000, 0);
		rig_collect(r);
		assert_int_equal(r->out[8 + 2] | r->out[8 + 3] << 8, 65535);
		rig_free(r);
	}
	c.version = 2;
	c.window_max = UINT32_MAX;
	c.window_initial = UINT32_MAX;
	r = rig_new(&c);
	rig_open(r, 0);
	rig_expect(r, "02 00 0000 03000000"
	    "02 04 0800 03000000 00000000 ffffff7f");
	rig_free(r);
}

/* On a long way streams begin with more, while they are few. */
static void
test_first_windows(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	uint32_t		 consumed, window;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.window_initial = 32768;
	c.window_max = 1 << 20;
	c.recvbuffer = 4 << 20;
	r = rig_new(&c);
	session_rtt(r->s, 19000);
	rig_feed(r, "02 00 0000 03000000");
	rig_collect(r);
	assert_int_equal(find_upd(r, 3, &consumed, &window), 0);
	session_rtt(r->s, 8 * 300000);	/* an eighth of it counts at once */
	session_rtt(r->s, 8 * 300000);
	rig_feed(r, "02 00 0000 05000000");
	rig_collect(r);
	assert_int_equal(find_upd(r, 5, &consumed, &window), 1);
	assert_int_equal(consumed, 0);
	/* half of 4 MiB, for two of them */
	assert_int_equal(window, 32 * 32768);
	rig_feed(r, "02 00 0000 07000000");
	rig_collect(r);
	assert_int_equal(find_upd(r, 7, &consumed, &window), 1);
	assert_int_equal(window, (2 << 20) / 3);
	rig_free(r);
}

static void
test_limit_falls(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	uint32_t		 consumed, window;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.window_initial = 32768;
	c.window_max = 1 << 20;
	r = rig_new(&c);
	rig_feed(r, "02 00 0000 03000000");
	assert_int_equal(saturate(r, 3, 10), 1 << 20);
	r->wakes = 0;
	session_limit(r->s, 262144);
	assert_int_equal(r->wakes, 1);
	rig_collect(r);
	assert_int_equal(find_upd(r, 3, &consumed, &window), 1);
	assert_int_equal(window, 196608);
	/* Never below the first size, nor the budget below 64 KiB. */
	session_limit(r->s, 0);
	rig_collect(r);
	assert_int_equal(find_upd(r, 3, &consumed, &window), 1);
	assert_int_equal(window, 65536);
	assert_int_equal(session_want(r->s), 65536);
	session_limit(r->s, 0);
	rig_expect(r, "");
	/* Raised again, it grows again. */
	session_limit(r->s, UINT64_MAX);
	assert_int_equal(saturate(r, 3, 10), 1 << 20);
	rig_free(r);
}

/* Readers that stopped hold what they hold; the others go on growing. */
static void
test_stopped_readers(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct smux_stream	*st;
	uint32_t		 id;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.window_initial = 32768;
	c.window_max = 512 * 1024;
	c.recvbuffer = 1024 * 1024;
	r = rig_new(&c);
	session_limit(r->s, 8 * 1024 * 1024);
	rig_feed(r, "02 00 0000 03000000 02 00 0000 05000000"
	    "02 00 0000 07000000");
	for (id = 3; id <= 5; id += 2) {
		assert_int_equal(saturate(r, id, 10), 512 * 1024);
		rig_find(r, id)->hold = 1;
		st = (struct smux_stream *)rig_find(r, id)->st;
		assert_int_equal(fill(r, id, st->win.rcvd,
		    st->win.edge - st->win.rcvd), 0);
	}
	assert_true(session_want(r->s) > 0);
	assert_int_equal(saturate(r, 7, 10), 512 * 1024);
	rig_free(r);
}

static void
test_small_windows(void **state)
{
	struct session_conf	 c;
	struct rig		*a, *b;
	uint32_t		 w;

	(void)state;
	for (w = 1; w < 40; w += w < 5 ? 1 : 9) {
		rig_conf(&c);
		c.window_initial = c.window_max = c.peer_initial = w;
		c.caps = CAP_HALFCLOSE;
		a = rig_new(&c);
		c.client = 0;
		b = rig_new(&c);
		rig_send(rig_open(a, 0), 1000, 1);
		b->accept_pattern = 1;
		rig_run(a, b);
		assert_int_equal(rig_find(b, 3)->rx, 1000);
		assert_int_equal(rig_find(b, 3)->fins, 1);
		rig_free(a);
		rig_free(b);
	}
}

/* Past 4 GiB: the counters wrap on both sides. */
static void
test_both_wrap(void **state)
{
	struct session_conf	 c;
	struct rig		*a, *b;
	struct smux_stream	*st;

	(void)state;
	rig_conf(&c);
	c.caps = CAP_HALFCLOSE;
	c.peer_initial = c.window_initial;
	a = rig_new(&c);
	c.client = 0;
	b = rig_new(&c);
	rig_open(a, 0);
	rig_run(a, b);
	st = (struct smux_stream *)rig_find(a, 3)->st;
	st->written = st->peer_consumed = 0xfffff000;
	st = (struct smux_stream *)rig_find(b, 3)->st;
	st->win.rcvd = st->win.consumed = st->win.told_consumed = 0xfffff000;
	st->win.edge = st->win.consumed + st->win.told_window;
	rig_send(rig_find(a, 3), 1000000, 1);
	rig_find(b, 3)->pattern = 1;
	rig_run(a, b);
	assert_int_equal(rig_find(b, 3)->rx, 1000000);
	assert_int_equal(rig_find(b, 3)->fins, 1);
	rig_free(a);
	rig_free(b);
}

/* ---- who sends ---- */

static void
test_alone_and_shared(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	size_t			 off, len;
	uint32_t		 id, last = 0;
	int			 frames = 0;

	(void)state;
	rig_conf(&c);
	c.version = 1;
	c.framesize = 65535;
	r = rig_new(&c);
	rig_send(rig_open(r, 0), 200000, 0);
	rig_collect(r);
	assert_int_equal(r->out[8 + 2] | r->out[8 + 3] << 8, 65535);
	rig_send(rig_find(r, 3), 200000, 0);
	rig_send(rig_open(r, 0), 200000, 0);
	rig_collect(r);
	for (off = 0; off < r->out_len; off += 8 + len) {
		len = r->out[off + 2] | r->out[off + 3] << 8;
		id = le32(r->out + off + 4);
		if (r->out[off + 1] != SMUX_PSH || len <= 3392)
			continue;
		assert_true(len <= 16384);
		assert_int_not_equal(id, last);
		last = id;
		frames++;
	}
	assert_int_equal(frames, 24);
	rig_free(r);
}

/* By octets, whatever the size of what each has at a time. */
static void
test_fair(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	uint64_t		 done[4];
	size_t			 n = 0;
	int			 i;

	(void)state;
	rig_conf(&c);
	c.version = 1;
	c.framesize = 5000;
	r = rig_new(&c);
	for (i = 0; i < 4; i++)
		rig_send(rig_open(r, 0), 1 << 30, 0);
	while (n < 50000000)
		n += session_output(r->s, r->out, 100000);
	for (i = 0; i < 4; i++) {
		done[i] = r->streams[i].tx_done;
		assert_in_range(done[i], n / 4 - 40000, n / 4 + 40000);
	}
	/* One that has little waits for a turn of each at most. */
	rig_send(rig_open(r, 0), 100, 0);
	n = session_output(r->s, r->out, 5 * 16384);
	assert_int_equal(r->streams[4].tx_done, 100);
	rig_free(r);
}

static void
test_control_first(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	uint32_t		 id;

	(void)state;
	rig_conf(&c);
	c.caps = CAP_RESET;
	c.keepalive_ms = 1000;
	r = rig_new(&c);
	rig_send(rig_open(r, 0), 100000, 0);
	rig_open(r, 0);
	session_output(r->s, r->out, 1000);
	rig_feed_psh(r, 2, 3, 0, 16384);
	rig_open(r, 0);
	rig_kill(rig_find(r, 5), RESET_ABORT);
	rig_tick(r, 1000);
	rig_collect(r);
	assert_int_equal(r->out[1], SMUX_NOP);
	assert_int_equal(r->out[8 + 1], SMUX_RST);
	assert_int_equal(r->out[20 + 1], SMUX_UPD);
	assert_int_equal(r->out[36 + 1], SMUX_SYN);
	id = le32(r->out + 44 + 4);
	assert_int_equal(r->out[44 + 1], SMUX_PSH);
	assert_int_equal(id, 3);
	rig_free(r);
}

/* However small the buffer, all leaves, and whole frames only. */
static void
test_small_buffers(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	uint8_t			 buf[700];
	size_t			 n, size, psh;
	int			 i;

	(void)state;
	for (size = SESSION_OUTPUT_MIN; size <= sizeof(buf); size++) {
		rig_conf(&c);
		c.window_initial = 262144;
		r = rig_new(&c);
		for (i = 0; i < 7; i++)
			rig_send(rig_open(r, 0), 1000, 1);
		psh = 0;
		while ((n = session_output(r->s, buf, size)) > 0) {
			assert_true(n <= size);
			psh += n;
		}
		for (i = 0; i < 7; i++)
			assert_int_equal(r->streams[i].tx_done, 1000);
		assert_true(psh >= 7 * (8 + 16 + 8 + 1000 + 8));
		rig_free(r);
	}
}

static void
test_wake(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	rig_conf(&c);
	r = rig_new(&c);
	rs = rig_open(r, 0);
	assert_int_equal(r->wakes, 1);
	rig_open(r, 0);
	session_ready(rs->st);
	assert_int_equal(r->wakes, 1);
	rig_collect(r);
	rig_expect(r, "");
	/* Nothing to send was said, so that there is, is said again: once. */
	rig_send(rs, 10, 0);
	assert_int_equal(r->wakes, 2);
	session_ready(rs->st);
	rig_collect(r);
	session_fin(rs->st);
	assert_int_equal(r->wakes, 3);
	rig_collect(r);
	/* A full window is nothing to send. */
	rs = rig_find(r, 5);
	rig_send(rs, 1 << 20, 0);
	rig_collect(r);
	assert_int_equal(r->wakes, 4);
	session_ready(rs->st);
	assert_int_equal(r->wakes, 4);
	rig_free(r);
}

/* ---- time ---- */

static void
test_fin_delay(void **state)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;

	(void)state;
	rig_conf(&c);
	c.client = 0;
	c.version = 1;
	c.fin_delay_ms = 100;
	r = rig_new(&c);
	rig_feed(r, "01 00 0000 03000000 01 01 0000 03000000");
	rs = rig_find(r, 3);
	rig_send(rs, 10, 1);
	r->wakes = 0;
	rig_collect(r);
	assert_int_equal(r->out_len, 18);
	assert_int_equal(r->wakes, 1);		/* there is a deadline */
	assert_int_equal(rig_tick(r, 60), 1100000);
	rig_expect(r, "");
	rig_tick(r, 39);
	rig_expect(r, "");
	rig_tick(r, 1);
	assert_int_equal(r->wakes, 2);
	rig_expect(r, "01 01 0000 03000000");
	assert_int_equal(rs->closes, 1);
	/* Not when nothing was sent, nor when it was long ago... */
	rig_feed(r, "01 00 0000 05000000 01 01 0000 05000000");
	session_fin(rig_find(r, 5)->st);
	rig_expect(r, "01 01 0000 05000000");
	rig_feed(r, "01 00 0000 07000000 01 01 0000 07000000");
	rs = rig_find(r, 7);
	rig_send(rs, 10, 0);
	rig_collect(r);
	rig_tick(r, 100);
	session_fin(rs->st);
	rig_expect(r, "01 01 0000 07000000");
	/* ...nor when our end is the first. */
	rig_feed(r, "01 00 0000 09000000");
	rig_send(rig_find(r, 9), 10, 1);
	rig_collect(r);
	assert_int_equal(r->out_len, 26);
	/* A reset does not wait, and leaves no deadline behind. */
	rig_feed(r, "01 00 0000 0b000000 01 01 0000 0b000000");
	rs = rig_find(r, 11);
	rig_send(rs, 10, 1);
	rig_collect(r);
	rig_kill(rs, RESET_ABORT);
	rig_expect(r, "01 01 0000 0b000000");
	assert_true(rig_tick(r, 1) == UINT64_MAX);
	rig_free(r);
}

static void
test_keepalive(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	rig_conf(&c);
	c.keepalive_ms = 10000;
	r = rig_new(&c);
	assert_int_equal(rig_tick(r, 0), 1000000 + 10000000);
	/* Any frame does as well as a NOP. */
	rig_tick(r, 6000);
	rig_open(r, 0);
	rig_collect(r);
	assert_int_equal(rig_tick(r, 4000), 1000000 + 16000000);
	rig_expect(r, "");
	r->wakes = 0;
	rig_tick(r, 6000);
	assert_int_equal(r->wakes, 1);
	/* One that cannot leave yet is one, and no reason to spin. */
	assert_true(rig_tick(r, 1) > 23001000);
	rig_tick(r, 20000);
	rig_expect(r, "02 03 0000 00000000");
	rig_free(r);
	c.keepalive_ms = 0;
	r = rig_new(&c);
	assert_true(rig_tick(r, 100000000) == UINT64_MAX);
	rig_expect(r, "");
	rig_free(r);
}

static void
test_timeout(void **state)
{
	struct session_conf	 c;
	struct rig		*r;

	(void)state;
	rig_conf(&c);
	c.timeout_ms = 30000;
	r = rig_new(&c);
	rig_open(r, 0);
	rig_tick(r, 20000);
	rig_feed(r, "02");
	assert_int_equal(rig_tick(r, 0), 51000000);
	assert_int_equal(rig_tick(r, 29999), 51000000);
	rig_tick(r, 0);
	assert_int_equal(rig_tick(r, 1), 0);
	assert_string_equal(r->s->error, "the peer is silent");
	assert_int_equal(r->streams[0].reason, RESET_TUNNEL);
	rig_free(r);
	/* Who slept reads first: what woke us may be the peer. */
	r = rig_new(&c);
	assert_int_equal(rig_tick(r, 100000), 102000000);
	rig_feed(r, "02 03 0000 00000000");
	assert_int_equal(rig_tick(r, 29000), 131000000);
	assert_int_equal(rig_tick(r, 1000), 0);
	rig_free(r);
	r = rig_new(&c);
	assert_int_equal(rig_tick(r, 100000), 102000000);
	assert_int_equal(rig_tick(r, 1000), 0);
	rig_free(r);
	/* A clock that has only begun. */
	c.keepalive_ms = 10000;
	r = rig_new(&c);
	assert_int_equal(rig_tick(r, 12000), 23000000);
	assert_int_equal(rig_tick(r, 10000), 31000000);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_sender_exercise),
		cmocka_unit_test(test_sender_wrap),
		cmocka_unit_test(test_peer_initial),
		cmocka_unit_test(test_early_update),
		cmocka_unit_test(test_enforced),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_does_not_grow),
		cmocka_unit_test(test_urgent_window),
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_first_windows),
		cmocka_unit_test(test_limit_falls),
		cmocka_unit_test(test_stopped_readers),
		cmocka_unit_test(test_small_windows),
		cmocka_unit_test(test_both_wrap),
		cmocka_unit_test(test_alone_and_shared),
		cmocka_unit_test(test_fair),
		cmocka_unit_test(test_control_first),
		cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_wake),
		cmocka_unit_test(test_fin_delay),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_timeout)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
