/* SPDX-License-Identifier: ISC */

/*
 * The pair between udp and a worker: every frame there and back, in pieces of
 * any size; what the other end may not send; a buffer that is full, and one
 * that leaves in parts; the end.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/flowpair.h"

static struct flowpair	*udp, *worker;
static int		 raw;		/* in place of udp or worker */
static uint8_t		 octets[FLOW_DATAGRAM_MAX + 1];

/* Both ends, or one and a socket to write to it what no flowpair would. */
static void
pair(int with_udp, int with_worker)
{
	int	 sp[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, sp), 0);
	raw = -1;
	udp = worker = NULL;
	if (with_udp)
		assert_non_null(udp = flowpair_new(sp[0], 1));
	else
		raw = sp[0];
	if (with_worker)
		assert_non_null(worker = flowpair_new(sp[1], 0));
	else
		raw = sp[1];
}

static void
unpair(void)
{
	flowpair_free(udp);
	flowpair_free(worker);
	if (raw != -1)
		close(raw);
	raw = -1;
}

static int
setup(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 7 + i / 251);
	pair(1, 1);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	unpair();
	return (0);
}

static struct flow_open
from(uint16_t port)
{
	struct flow_open	 o;

	memset(&o, 0, sizeof(o));
	o.user.family = o.listener.family = ADDR_IPV4;
	o.user.port = port;
	o.user.octets[0] = 192;
	o.listener.port = 53;
	o.listener.octets[0] = 127;
	return (o);
}

/* The next frame of p, read if need be; it is of this type and flow. */
static void
take(struct flowpair *p, struct flow_frame *f, enum flow_type type,
    uint32_t flow)
{
	const char	*why;
	int		 r;

	while ((r = flowpair_next(p, f, &why)) == 0)
		assert_int_equal(flowpair_fill(p), 1);
	assert_int_equal(r, 1);
	assert_int_equal(f->type, type);
	assert_int_equal(f->flow, flow);
}

static void
take_datagram(struct flowpair *p, uint32_t flow, size_t len)
{
	struct flow_frame	 f;

	take(p, &f, FLOW_DATA, flow);
	assert_int_equal(f.len, len);
	assert_memory_equal(f.data, octets, len);
}

static void
nothing(struct flowpair *p)
{
	struct flow_frame	 f;
	const char		*why;

	assert_int_equal(flowpair_fill(p), 0);
	assert_int_equal(flowpair_next(p, &f, &why), 0);
}

static void
test_frames(void **state)
{
	static const size_t	 lens[] = { 0, 1, 2, 508, 1472, 65506,
				    FLOW_DATAGRAM_MAX };
	struct flow_open	 o = from(4711);
	struct flow_frame	 f;
	size_t			 i;

	(void)state;
	assert_int_equal(flowpair_open(udp, 1, &o), 0);
	assert_int_equal(flowpair_flush(udp), 1);
	take(worker, &f, FLOW_OPEN, 1);
	assert_memory_equal(&f.open, &o, sizeof(o));
	for (i = 0; i < nitems(lens); i++) {
		assert_int_equal(flowpair_data(udp, 1, octets, lens[i]), 0);
		assert_int_equal(flowpair_flush(udp), 1);
		take_datagram(worker, 1, lens[i]);
		assert_int_equal(flowpair_data(worker, 1, octets, lens[i]), 0);
		assert_int_equal(flowpair_flush(worker), 1);
		take_datagram(udp, 1, lens[i]);
	}
	assert_int_equal(flowpair_end(worker, 1, FLOW_FAILED), 0);
	assert_int_equal(flowpair_flush(worker), 1);
	take(udp, &f, FLOW_END, 1);
	assert_int_equal(f.reason, FLOW_FAILED);
	nothing(udp);
	nothing(worker);
	/* one octet more is no datagram */
	assert_int_equal(flowpair_data(udp, 1, octets, sizeof(octets)), -1);
	assert_int_equal(flowpair_waiting(udp), 0);
}

/* Many in one write come out one by one, in their order. */
static void
test_many(void **state)
{
	struct flow_open	 o = from(1);
	struct flow_frame	 f;
	uint32_t		 n;

	(void)state;
	for (n = 1; n <= 500; n++) {
		assert_int_equal(flowpair_open(udp, n, &o), 0);
		assert_int_equal(flowpair_data(udp, n, octets, n % 200), 0);
		if (n > 1)
			assert_int_equal(flowpair_end(udp, n - 1, FLOW_SHED),
			    0);
	}
	assert_int_equal(flowpair_flush(udp), 1);
	for (n = 1; n <= 500; n++) {
		take(worker, &f, FLOW_OPEN, n);
		take_datagram(worker, n, n % 200);
		if (n > 1)
			take(worker, &f, FLOW_END, n - 1);
	}
	nothing(worker);
}

/* A peer's slot says so, and the worker that it is no stranger's. */
static void
test_slot(void **state)
{
	struct flow_open	 o = from(7);
	struct flow_frame	 f;

	(void)state;
	o.tunnel = 1;
	assert_int_equal(flowpair_open(udp, 3, &o), 0);
	assert_int_equal(flowpair_flush(udp), 1);
	take(worker, &f, FLOW_OPEN, 3);
	assert_int_equal(f.open.tunnel, 1);
	assert_int_equal(flowpair_keep(worker, 3), 0);
	assert_int_equal(flowpair_flush(worker), 1);
	take(udp, &f, FLOW_KEEP, 3);
	nothing(udp);
}

/* A user's, whose datagrams say where they go. */
static void
test_asks(void **state)
{
	struct flow_open	 o = from(7);
	struct flow_frame	 f;

	(void)state;
	o.asks = ASK_SOCKS;
	assert_int_equal(flowpair_open(udp, 3, &o), 0);
	assert_int_equal(flowpair_flush(udp), 1);
	take(worker, &f, FLOW_OPEN, 3);
	assert_int_equal(f.open.asks, ASK_SOCKS);
	nothing(worker);
}

/* Who lets datagrams pass that say where they go. */
static void
test_let(void **state)
{
	struct flow_let		 l;
	struct flow_frame	 f;

	(void)state;
	memset(&l, 0, sizeof(l));
	l.user = from(7).user;
	l.local = from(7).listener;
	l.on = 1;
	assert_int_equal(flowpair_let(worker, &l), 0);
	assert_int_equal(flowpair_flush(worker), 1);
	take(udp, &f, FLOW_LET, 0);
	assert_memory_equal(&f.let, &l, sizeof(l));
	nothing(udp);
}

/* All frames that have come, which are good ones; how many. */
static int
take_all(struct flowpair *p)
{
	struct flow_frame	 f;
	const char		*why;
	int			 n = 0, r;

	assert_int_equal(flowpair_fill(p), 1);
	while ((r = flowpair_next(p, &f, &why)) == 1)
		n++;
	assert_int_equal(r, 0);
	return (n);
}

/* A frame may come in any two pieces. */
static void
test_pieces(void **state)
{
	uint8_t			 wire[256];
	struct flow_open	 o = from(9);
	ssize_t			 len, cut;
	int			 n;

	(void)state;
	unpair();
	pair(1, 0);
	assert_int_equal(flowpair_open(udp, 7, &o), 0);
	assert_int_equal(flowpair_data(udp, 7, octets, 100), 0);
	assert_int_equal(flowpair_end(udp, 7, FLOW_IDLE), 0);
	assert_int_equal(flowpair_flush(udp), 1);
	len = read(raw, wire, sizeof(wire));
	assert_int_equal(len, 3 * 8 + 56 + 100 + 4);
	for (cut = 1; cut < len; cut++) {
		unpair();
		pair(0, 1);
		assert_int_equal(write(raw, wire, (size_t)cut), cut);
		n = take_all(worker);
		assert_int_equal(n, (cut >= 64) + (cut >= 172));
		assert_int_equal(write(raw, wire + cut, (size_t)(len - cut)),
		    len - cut);
		assert_int_equal(n + take_all(worker), 3);
		nothing(worker);
	}
}

/* ---- what may not come ---- */

static void
say(uint8_t type, uint32_t flow, size_t len, uint8_t flags, const void *p)
{
	struct flow_head	 head;

	memset(&head, 0, sizeof(head));
	head.flow = flow;
	head.len = (uint16_t)len;
	head.type = type;
	head.flags = flags;
	assert_int_equal(write(raw, &head, sizeof(head)), sizeof(head));
	assert_int_equal(write(raw, p, len), len);
}

static void
say_open(uint32_t flow)
{
	struct flow_open	 o = from(3);

	say(FLOW_OPEN, flow, sizeof(o), 0, &o);
}

/* All that was said before is well; the last is not, and stays so. */
static void
refused(const char *words)
{
	struct flowpair		*p = udp != NULL ? udp : worker;
	struct flow_frame	 f;
	const char		*why = NULL;
	int			 r;

	assert_int_equal(flowpair_fill(p), 1);
	while ((r = flowpair_next(p, &f, &why)) == 1)
		;
	assert_int_equal(r, -1);
	assert_string_equal(why, words);
	assert_int_equal(flowpair_next(p, &f, &why), -1);
	assert_string_equal(why, words);
	unpair();
	pair(0, 1);
}

static void
accepted(void)
{
	assert_true(take_all(udp != NULL ? udp : worker) > 0);
	nothing(udp != NULL ? udp : worker);
	unpair();
	pair(0, 1);
}

static void
test_worker_refuses(void **state)
{
	uint32_t		 word = FLOW_REASONS;
	struct flow_open	 o = from(3);

	(void)state;
	unpair();
	pair(0, 1);
	say(0, 1, 0, 0, "");
	refused("a frame of an unknown type");
	say(FLOW_LET + 1, 1, 0, 0, "");
	refused("a frame of an unknown type");
	say(FLOW_DATA, 1, 1, 0, "");
	refused("a datagram of a flow that never was");
	say_open(5);
	say(FLOW_DATA, 6, 0, 0, "");
	refused("a datagram of a flow that never was");
	say_open(5);
	say(FLOW_DATA, 0, 0, 0, "");
	refused("a datagram of a flow that never was");
	say_open(5);
	say(FLOW_DATA, 5, 1, 1, "");
	refused("a frame with unknown flags");
	say_open(5);
	say(FLOW_DATA, 5, FLOW_DATAGRAM_MAX + 1, 0, octets);
	refused("a datagram that is too long");
	say_open(0);
	refused("a flow that was opened before");
	say_open(5);
	say_open(5);
	refused("a flow that was opened before");
	say_open(5);
	say_open(4);
	refused("a flow that was opened before");
	say(FLOW_OPEN, 5, sizeof(o) - 1, 0, &o);
	refused("an opening of another length");
	say(FLOW_END, 5, 4, 0, &word);
	refused("the end of a flow that never was");
	say_open(5);
	say(FLOW_END, 5, 4, 0, &word);
	refused("an end without a reason");
	say_open(5);
	say(FLOW_END, 5, 3, 0, &word);
	refused("an end of another length");
	say_open(5);
	say(FLOW_KEEP, 5, 0, 0, "");
	refused("a flow that the wrong end keeps");
	say(FLOW_LET, 0, 0, 0, "");
	refused("datagrams that the wrong end lets pass");
	o.tunnel = 2;
	say(FLOW_OPEN, 5, sizeof(o), 0, &o);
	refused("a flow by an unknown kind of socket");
	o.tunnel = 0;
	o.asks = ASK_HTTP;
	say(FLOW_OPEN, 5, sizeof(o), 0, &o);
	refused("a flow whose user asks in an unknown way");
	o.asks = ASK_KINDS;
	say(FLOW_OPEN, 5, sizeof(o), 0, &o);
	refused("a flow whose user asks in an unknown way");
	o.asks = ASK_SOCKS;
	o.tunnel = 1;
	say(FLOW_OPEN, 5, sizeof(o), 0, &o);
	refused("a flow whose user asks in an unknown way");
	/* late frames are the caller's */
	say_open(5);
	say_open(8);
	word = FLOW_GONE;
	say(FLOW_DATA, 5, 3, 0, octets);
	say(FLOW_DATA, 7, 3, 0, octets);
	say(FLOW_END, 2, 4, 0, &word);
	accepted();
}

static void
test_addresses(void **state)
{
	struct flow_open	 o;

	(void)state;
	unpair();
	pair(0, 1);
	o = from(1);
	o.user.family = ADDR_NONE;
	say(FLOW_OPEN, 1, sizeof(o), 0, &o);
	refused("a flow from or to no address");
	o = from(1);
	o.listener.family = ADDR_IPV6;
	say(FLOW_OPEN, 1, sizeof(o), 0, &o);
	refused("a flow from or to no address");
	o = from(1);
	o.listener.family = o.user.family = ADDR_UNIX;
	say(FLOW_OPEN, 1, sizeof(o), 0, &o);
	refused("a flow from or to no address");
	o.listener.family = o.user.family = ADDR_IPV6;
	say(FLOW_OPEN, 1, sizeof(o), 0, &o);
	accepted();
}

/* udp's end: it has opened flow 3. */
static void
opened(void)
{
	struct flow_open	 o = from(3);

	unpair();
	pair(1, 0);
	assert_int_equal(flowpair_open(udp, 3, &o), 0);
	assert_int_equal(flowpair_flush(udp), 1);
}

/* A word from a worker to udp, which is less octets too short. */
static void
say_let(uint32_t flow, enum addr_family family, uint32_t on, size_t less)
{
	struct flow_let	 l;

	memset(&l, 0, sizeof(l));
	l.user = from(7).user;
	l.local = from(7).listener;
	l.user.family = family;
	l.on = on;
	say(FLOW_LET, flow, sizeof(l) - less, 0, &l);
}

static void
test_udp_refuses(void **state)
{
	uint32_t	 word = 2;

	(void)state;
	unpair();
	pair(1, 0);
	say(FLOW_DATA, 1, 0, 0, "");
	refused("a datagram of a flow that never was");
	opened();
	say_open(4);
	refused("a flow that the wrong end opens");
	opened();
	say(FLOW_KEEP, 4, 0, 0, "");
	refused("a flow that never was is kept");
	opened();
	say(FLOW_KEEP, 3, 1, 0, "");
	refused("octets with a flow that is kept");
	opened();
	say_let(1, ADDR_IPV4, 1, 0);
	refused("a word about datagrams of another length");
	opened();
	say_let(0, ADDR_IPV4, 1, 1);
	refused("a word about datagrams of another length");
	opened();
	say_let(0, ADDR_IPV6, 1, 0);
	refused("datagrams from or to no address");
	opened();
	say_let(0, ADDR_NONE, 1, 0);
	refused("datagrams from or to no address");
	opened();
	say_let(0, ADDR_IPV4, 2, 0);
	refused("datagrams are let pass in part");
	opened();
	say_let(0, ADDR_IPV4, 1, 0);
	say_let(0, ADDR_IPV4, 0, 0);
	accepted();
	opened();
	say(FLOW_DATA, 4, 0, 0, "");
	refused("a datagram of a flow that never was");
	opened();
	say(FLOW_DATA, 3, 3, 0, octets);
	say(FLOW_END, 2, 4, 0, &word);
	accepted();
}

/* Numbers go round, and 0 is left out. */
static void
test_numbers(void **state)
{
	struct flow_open	 o = from(3);
	struct flow_frame	 f;

	(void)state;
	assert_int_equal(flowpair_open(udp, UINT32_MAX - 1, &o), 0);
	assert_int_equal(flowpair_open(udp, UINT32_MAX, &o), 0);
	assert_int_equal(flowpair_open(udp, 1, &o), 0);
	assert_int_equal(flowpair_data(udp, UINT32_MAX, octets, 3), 0);
	assert_int_equal(flowpair_flush(udp), 1);
	take(worker, &f, FLOW_OPEN, UINT32_MAX - 1);
	take(worker, &f, FLOW_OPEN, UINT32_MAX);
	take(worker, &f, FLOW_OPEN, 1);
	take_datagram(worker, UINT32_MAX, 3);
	assert_int_equal(flowpair_data(worker, UINT32_MAX - 1, octets, 4), 0);
	assert_int_equal(flowpair_flush(worker), 1);
	take_datagram(udp, UINT32_MAX - 1, 4);
}

/* ---- a full buffer ---- */

/* Fills the buffer with datagrams; how many. */
static uint32_t
fill_up(size_t len)
{
	uint32_t	 n = 0;

	while (flowpair_fits(udp, len)) {
		assert_int_equal(flowpair_data(udp, 1, octets, len), 0);
		assert_true(flowpair_waiting(udp) <= FLOWPAIR_MAX);
		n++;
	}
	while (flowpair_data(udp, 1, octets, len) == 0)
		n++;
	return (n);
}

static void
test_full(void **state)
{
	struct flow_open	 o = from(3);
	struct flow_frame	 f;
	uint32_t		 n, ends, i;
	size_t			 before;

	(void)state;
	assert_int_equal(flowpair_open(udp, 1, &o), 0);
	n = fill_up(1000);
	assert_true(n >= (FLOWPAIR_MAX - FLOWPAIR_RESERVE) / 1008 - 1);
	before = flowpair_waiting(udp);
	assert_int_equal(flowpair_data(udp, 1, octets, 1000), -1);
	assert_int_equal(flowpair_waiting(udp), before);
	/* ends have room all the same, though not for ever */
	for (ends = 0; flowpair_end(udp, 1, FLOW_SHED) == 0; ends++)
		;
	assert_true(ends >= FLOWPAIR_RESERVE / 12);
	assert_true(flowpair_waiting(udp) <= FLOWPAIR_MAX);
	assert_int_equal(flowpair_open(udp, 2, &o), -1);
	assert_false(flowpair_fits(udp, 0));
	/* it goes out in parts, and all of it arrives */
	assert_int_not_equal(flowpair_flush(udp), -1);
	take(worker, &f, FLOW_OPEN, 1);
	for (i = 0; i < n + ends; i++) {
		if (flowpair_waiting(udp) > 0)
			assert_int_not_equal(flowpair_flush(udp), -1);
		if (i < n)
			take_datagram(worker, 1, 1000);
		else
			take(worker, &f, FLOW_END, 1);
	}
	assert_int_equal(flowpair_flush(udp), 1);
	nothing(worker);
	assert_true(flowpair_fits(udp, FLOW_DATAGRAM_MAX));
}

/* A datagram that says which it is. */
static size_t
make(uint8_t *buf, uint32_t which)
{
	memcpy(buf, &which, sizeof(which));
	return (4 + which * 37 % 2990);
}

/* At most so many frames come, the next of them this one; how many. */
static uint32_t
take_made(uint32_t next, uint32_t max)
{
	struct flow_frame	 f;
	uint8_t			 buf[3000];
	const char		*why;
	uint32_t		 n = 0;

	memset(buf, 0, sizeof(buf));
	while (n < max) {
		if (flowpair_next(worker, &f, &why) == 1) {
			assert_int_equal(f.len, make(buf, next + n));
			assert_memory_equal(f.data, buf, f.len);
			n++;
		} else if (flowpair_fill(worker) != 1)
			break;
	}
	return (n);
}

/*
 * A reader that is behind: what does not fit is refused whole, what was put
 * comes whole and in order, though the buffer is never empty.
 */
static void
test_behind(void **state)
{
	struct flow_open	 o = from(3);
	struct flow_frame	 f;
	uint8_t			 buf[3000];
	uint32_t		 put = 0, got = 0, refusals = 0, turn, i;

	(void)state;
	memset(buf, 0, sizeof(buf));
	assert_int_equal(flowpair_open(udp, 1, &o), 0);
	assert_int_equal(flowpair_flush(udp), 1);
	take(worker, &f, FLOW_OPEN, 1);
	for (turn = 0; turn < 3000; turn++) {
		for (i = 0; i < 3; i++) {
			if (flowpair_data(udp, 1, buf, make(buf, put)) == 0)
				put++;
			else
				refusals++;
		}
		assert_int_not_equal(flowpair_flush(udp), -1);
		got += take_made(got, 2);
	}
	assert_true(refusals > 0);
	while (flowpair_flush(udp) == 0)
		got += take_made(got, UINT32_MAX);
	got += take_made(got, UINT32_MAX);
	assert_int_equal(got, put);
}

static void
test_end(void **state)
{
	struct flow_open	 o = from(3);
	struct flow_frame	 f;
	const char		*why;

	(void)state;
	assert_int_equal(flowpair_open(udp, 1, &o), 0);
	assert_int_equal(flowpair_flush(udp), 1);
	flowpair_free(udp);
	udp = NULL;
	take(worker, &f, FLOW_OPEN, 1);
	assert_int_equal(flowpair_next(worker, &f, &why), 0);
	assert_int_equal(flowpair_fill(worker), -1);
	assert_int_equal(flowpair_data(worker, 1, octets, 1), 0);
	assert_int_equal(flowpair_flush(worker), -1);
	assert_int_equal(flowpair_waiting(worker), 9);
}

/* No memory is no flowpair, and its descriptor is closed in any case. */
static void
test_descriptor(void **state)
{
	int	 fd = flowpair_fd(udp);

	(void)state;
	assert_true(fcntl(fd, F_GETFD) != -1);
	flowpair_free(udp);
	udp = NULL;
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_frames),
		TEST(test_many),
		TEST(test_slot),
		TEST(test_asks),
		TEST(test_let),
		TEST(test_pieces),
		TEST(test_worker_refuses),
		TEST(test_addresses),
		TEST(test_udp_refuses),
		TEST(test_numbers),
		TEST(test_full),
		TEST(test_behind),
		TEST(test_end),
		TEST(test_descriptor)
	};

	signal(SIGPIPE, SIG_IGN);
	return (cmocka_run_group_tests_name("flowpair", tests, NULL, NULL));
}
