/* SPDX-License-Identifier: ISC */

/*
 * The control stream between two real sessions: each message in each state,
 * at every cut, and what a peer that does not read, or floods, may cause.  The
 * octets between the sessions are the test's to carry.
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

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/rocket/ctlstream.h"
#include "worker/session/smux.h"
#include "worker/tunnel/tunnel.h"
#include "frame.h"

#define SECOND	1000000ULL

/* One side: a tunnel with its control stream. */
struct side_of {
	struct tunnel	 t;
	struct ctlstream ctl;
	int		 killed, drained, wanted, woken, opened;
	uint32_t	 more;
};

static struct side_of	 server, client;
static uint64_t		 now;
static char		 lines[64][LOG_LINE_MAX];
static int		 nlines;
static struct stream_owner whole;	/* its owner's, where it is slowed */

/* ---- stand-ins ---- */

static struct side_of *
side_of(struct tunnel *t)
{
	assert_true(t == &server.t || t == &client.t);
	return (t == &server.t ? &server : &client);
}

void
tunnel_kill(struct tunnel *t, enum tunnel_end end, const char *fmt, ...)
{
	va_list	 ap;

	side_of(t)->killed++;
	t->end = end;
	va_start(ap, fmt);
	vsnprintf(t->words, sizeof(t->words), fmt, ap);
	va_end(ap);
}

void
tunnel_peer_drains(struct tunnel *t)
{
	side_of(t)->drained++;
}

void
tunnel_peer_wants(struct tunnel *t, uint32_t more)
{
	side_of(t)->wanted++;
	side_of(t)->more = more;
}

void
tunnel_rtt(struct tunnel *t, uint32_t us)
{
	t->rtt_us = us;
}

static void
sink(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	assert_int_equal(level, strstr(line, " says: ") != NULL ?
	    LOGLEVEL_WARN : LOGLEVEL_DEBUG);
	assert_true(nlines < 64);
	strlcpy(lines[nlines++], line, sizeof(lines[0]));
}

/* ---- the sessions' events ---- */

static int
ev_opened(struct stream *st)
{
	struct side_of	*s = st->session->arg;

	assert_int_equal(s->opened++, 0);
	ctlstream_accept(&s->ctl, st);
	return (0);
}

static void
ev_wake(struct session *s)
{
	((struct side_of *)s->arg)->woken++;
}

static const struct session_events events = {
	ev_opened, ev_wake, NULL, NULL
};

/* ---- two sides ---- */

static void
side_start(struct side_of *s, int is_client)
{
	struct session_conf	 sc;

	memset(s, 0, sizeof(*s));
	memset(&sc, 0, sizeof(sc));
	sc.client = !is_client;		/* the server side opens streams */
	sc.may_open = is_client;
	sc.first_urgent = 1;
	sc.version = 2;
	sc.framesize = 32768;
	sc.recvbuffer = 4194304;
	sc.window_max = 2097152;
	sc.window_initial = sc.peer_initial = ROCKET_WINDOW_INITIAL;
	sc.max_streams = 4;
	sc.caps = CAP_HALFCLOSE | CAP_RESET;
	s->t.serial = is_client ? 2 : 1;
	s->t.rtt_us = 1;
	ctlstream_init(&s->ctl, &s->t);
	assert_non_null(s->t.session = smux_new(&sc, &events, s));
	(void)session_tick(s->t.session, now);
}

/* What one has to say goes to the other; octets. */
static size_t
carry(struct side_of *from, struct side_of *to)
{
	uint8_t	 buf[4096];
	size_t	 n, all = 0;

	while ((n = session_output(from->t.session, buf, sizeof(buf))) > 0) {
		assert_int_equal(session_input(to->t.session, buf, n), 0);
		all += n;
	}
	return (all);
}

static void
carry_all(void)
{
	int	 i;

	for (i = 0; i < 1000; i++)
		if (carry(&server, &client) + carry(&client, &server) == 0)
			return;
	fail_msg("it never ends");
}

static int
prepare(void **state)
{
	(void)state;
	frame_clock = &now;
	now = 1000 * SECOND;
	nlines = 0;
	log_set_sink(sink, NULL);
	log_set_level(LOGLEVEL_DEBUG);
	side_start(&server, 0);
	side_start(&client, 1);
	return (0);
}

/* Everything goes with the sessions, and with them no news. */
static int
finish(void **state)
{
	int	 killed = server.killed + client.killed;

	(void)state;
	session_free(server.t.session);
	session_free(client.t.session);
	assert_null(server.ctl.stream);
	assert_null(client.ctl.stream);
	assert_int_equal(server.killed + client.killed, killed);
	return (0);
}

static void
join(void)
{
	assert_int_equal(ctlstream_open(&server.ctl, server.t.session), 0);
	ctlstream_ping(&server.ctl, now);
	carry_all();
	assert_non_null(client.ctl.stream);
	assert_int_equal(server.ctl.ping_sent, 0);
	assert_int_equal(server.t.session->stats.streams, 0);	/* not one */
	assert_int_equal(client.t.session->stats.streams, 0);
	server.t.rtt_us = 0;
}

/* The client gets these octets in one frame, as a peer may cut them. */
static void
hear(const void *p, size_t len)
{
	static uint8_t	 frame[8 + 65535];
	uint32_t	 id = client.ctl.stream->id;
	size_t		 i;

	assert_true(len <= 65535);
	frame[0] = 2;
	frame[1] = 2;			/* payload */
	frame[2] = len & 0xff;
	frame[3] = len >> 8;
	for (i = 0; i < 4; i++)
		frame[4 + i] = id >> (8 * i) & 0xff;
	memcpy(frame + 8, p, len);
	assert_int_equal(session_input(client.t.session, frame, 8 + len), 0);
}

static size_t
message(uint8_t *buf, size_t size, uint32_t type, uint64_t value)
{
	struct rocket_ctl	 msg = { type, value, (uint32_t)value, "" };
	size_t			 n;

	n = rocket_put_control(buf, size, &msg);
	assert_int_not_equal(n, 0);
	return (n);
}

static void
expect_killed(const char *words)
{
	assert_int_equal(client.killed, 1);
	assert_int_equal(client.t.end, TUNNEL_END_PROTOCOL);
	assert_string_equal(client.t.words, words);
	assert_int_equal(client.ctl.in_len, 0);
}

/* ---- pings ---- */

static void
test_ping(void **state)
{
	(void)state;
	join();
	now += SECOND;
	ctlstream_ping(&server.ctl, now);
	assert_int_equal(server.ctl.ping_sent, now);
	carry(&server, &client);
	assert_int_equal(server.t.rtt_us, 0);
	now += 12345;
	carry(&client, &server);
	assert_int_equal(server.t.rtt_us, 12345);
	assert_int_equal(server.ctl.ping_sent, 0);
	assert_int_equal(client.t.rtt_us, 1);
}

/* A round trip of more than an hour and eleven minutes is told as that. */
static void
test_ping_late(void **state)
{
	(void)state;
	join();
	ctlstream_ping(&server.ctl, now);
	carry(&server, &client);
	now += UINT32_MAX;
	carry(&client, &server);
	assert_int_equal(server.t.rtt_us, UINT32_MAX);
	ctlstream_ping(&server.ctl, now);
	carry(&server, &client);
	now += UINT32_MAX + 1ULL;
	carry(&client, &server);
	assert_int_equal(server.t.rtt_us, UINT32_MAX);
}

/* An answer to no ping, or to another, is none. */
static void
test_pong_stray(void **state)
{
	uint8_t	 buf[32];
	size_t	 n;

	(void)state;
	join();
	n = message(buf, sizeof(buf), CONTROL_PONG, now);
	hear(buf, n);
	hear(buf, message(buf, sizeof(buf), CONTROL_PONG, 0));
	assert_int_equal(client.t.rtt_us, 1);
	ctlstream_ping(&client.ctl, now);
	hear(buf, message(buf, sizeof(buf), CONTROL_PONG, now + 1));
	hear(buf, message(buf, sizeof(buf), CONTROL_PONG, 0));
	assert_int_equal(client.t.rtt_us, 1);
	assert_int_equal(client.ctl.ping_sent, now);
	now += 3;
	hear(buf, message(buf, sizeof(buf), CONTROL_PONG, now - 3));
	assert_int_equal(client.t.rtt_us, 3);
	hear(buf, message(buf, sizeof(buf), CONTROL_PONG, now - 3));
	assert_int_equal(client.t.rtt_us, 3);	/* once */
	assert_int_equal(client.killed, 0);
}

/* Every ten seconds, and not while one is under way. */
static void
test_tick(void **state)
{
	uint64_t	 next;

	(void)state;
	assert_true(ctlstream_tick(&server.ctl, now) == UINT64_MAX);
	join();
	next = ctlstream_tick(&server.ctl, now);
	assert_int_equal(next, now + 10 * SECOND);
	assert_int_equal(ctlstream_tick(&server.ctl, next - 1), next);
	assert_int_equal(server.ctl.ping_sent, 0);
	now = next;
	next = ctlstream_tick(&server.ctl, now);
	assert_int_equal(next, now + 10 * SECOND);
	assert_int_equal(server.ctl.ping_sent, now);
	assert_int_equal(server.ctl.out_len, 11);
	assert_int_equal(ctlstream_tick(&server.ctl, next), next +
	    10 * SECOND);
	assert_int_equal(server.ctl.ping_sent, now);
	assert_int_equal(server.ctl.out_len, 11);	/* no second one */
	now = next;
	carry_all();
	assert_int_equal(server.t.rtt_us, 10 * SECOND);
}

/* ---- drain, more ---- */

static void
test_drain(void **state)
{
	(void)state;
	join();
	ctlstream_drain(&server.ctl);
	assert_int_equal(server.ctl.drain_due, 0);
	carry_all();
	assert_int_equal(client.drained, 1);
	ctlstream_drain(&client.ctl);
	carry_all();
	assert_int_equal(server.drained, 1);
	assert_int_equal(server.killed + client.killed, 0);
}

/* Asked for before the stream is there, it is said when it is. */
static void
test_drain_early(void **state)
{
	(void)state;
	ctlstream_drain(&client.ctl);
	assert_int_equal(client.ctl.drain_due, 1);
	assert_int_equal(client.ctl.out_len, 0);
	assert_int_equal(ctlstream_open(&server.ctl, server.t.session), 0);
	carry_all();
	assert_int_equal(client.ctl.drain_due, 0);
	assert_int_equal(server.drained, 1);
	carry_all();
	assert_int_equal(server.drained, 1);
}

static void
test_more(void **state)
{
	static const uint32_t	 n[] = { 1, 2, 255, 256, 65535 };
	size_t			 i;

	(void)state;
	ctlstream_more(&server.ctl, 3);	/* not open: not said */
	assert_int_equal(server.ctl.out_len, 0);
	join();
	assert_int_equal(client.wanted, 0);
	for (i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		ctlstream_more(&server.ctl, n[i]);
		carry_all();
		assert_int_equal(client.wanted, i + 1);
		assert_int_equal(client.more, n[i]);
	}
	nlines = 0;
	ctlstream_more(&server.ctl, 0);	/* what cannot be said */
	ctlstream_more(&server.ctl, 65536);
	carry_all();
	assert_int_equal(client.wanted, i);
	assert_int_equal(client.killed, 0);
}

/* ---- a peer that does not read ---- */

static void
test_full(void **state)
{
	size_t	 i, n = CTLSTREAM_OUT / 11;

	(void)state;
	join();
	nlines = 0;
	for (i = 1; i <= n; i++) {
		ctlstream_ping(&server.ctl, now + i);
		assert_int_equal(server.ctl.out_len, i * 11);
	}
	assert_int_equal(nlines, 0);
	ctlstream_ping(&server.ctl, now + i);
	assert_int_equal(server.ctl.out_len, n * 11);
	assert_int_equal(nlines, 1);
	assert_string_equal(lines[0], "tunnel 1: the peer does not read its "
	    "control stream");
	/* A drain is not lost with the rest. */
	ctlstream_more(&server.ctl, 1);
	assert_int_equal(nlines, 1);		/* said once */
	ctlstream_drain(&server.ctl);
	assert_int_equal(server.ctl.drain_due, 1);
	assert_int_equal(client.drained, 0);
	carry_all();
	assert_int_equal(client.drained, 1);
	assert_int_equal(client.wanted, 1);
}

/* A ping that found no room was not sent: the next one is not held up. */
static void
test_ping_lost(void **state)
{
	struct ctlstream	*cs = &server.ctl;

	(void)state;
	join();
	while (cs->out_len + 5 <= CTLSTREAM_OUT)
		ctlstream_more(cs, 1);
	now = ctlstream_tick(cs, now);
	(void)ctlstream_tick(cs, now);
	assert_int_equal(cs->ping_sent, 0);
	carry_all();
	now += 10 * SECOND;
	(void)ctlstream_tick(cs, now);
	carry(&server, &client);
	now += 77;
	carry(&client, &server);
	assert_int_equal(server.t.rtt_us, 77);
}

/* A peer that takes an octet at a time. */
static size_t
pull_one(struct stream *st, uint8_t *buf, size_t max)
{
	(void)max;
	return (whole.pull(st, buf, 1));
}

static void
pull_slowly(struct stream *st)
{
	static struct stream_owner	 slow;

	whole = slow = *st->owner;
	slow.pull = pull_one;
	st->owner = &slow;
}

/* Room for a drain by one octet, exactly, and too little by one. */
static void
test_drain_room(void **state)
{
	struct ctlstream	*cs = &server.ctl;
	size_t			 left;

	(void)state;
	join();
	for (left = 0; left < 5; left++) {
		while (cs->out_len + 5 <= CTLSTREAM_OUT - left)
			ctlstream_more(cs, 1);
		cs->out_len = CTLSTREAM_OUT - left;	/* what is in it... */
		ctlstream_drain(cs);
		assert_int_equal(cs->drain_due, left < 3);
		cs->out_len = 0;		/* ...is not looked at */
		cs->drain_due = 0;
	}
	while (cs->out_len + 5 <= CTLSTREAM_OUT)
		ctlstream_more(cs, 7);
	assert_int_equal(cs->out_len, CTLSTREAM_OUT);
	ctlstream_drain(cs);
	assert_int_equal(cs->drain_due, 1);
	pull_slowly(cs->stream);	/* said when there is room, and once */
	carry_all();
	assert_int_equal(cs->drain_due, 0);
	assert_int_equal(client.drained, 1);
	assert_int_equal(client.wanted, CTLSTREAM_OUT / 5);
	assert_int_equal(cs->out_len, 0);
}

/* A flood of pings: no more answers than there is room for. */
static void
test_flood(void **state)
{
	uint8_t	 buf[11 * 1000];
	size_t	 i, len = 0;

	(void)state;
	join();
	nlines = 0;
	log_set_level(LOGLEVEL_INFO);
	for (i = 0; i < 1000; i++)
		len += message(buf + len, sizeof(buf) - len, CONTROL_PING, i);
	hear(buf, len);
	assert_int_equal(client.ctl.out_len, CTLSTREAM_OUT / 11 * 11);
	assert_int_equal(client.ctl.in_len, 0);
	assert_int_equal(client.killed, 0);
	assert_int_equal(nlines, 0);	/* and no line in an operator's log */
	carry_all();
	assert_int_equal(client.ctl.out_len, 0);
}

/* ---- what comes in, in pieces ---- */

static size_t
all_messages(uint8_t *buf, size_t size)
{
	size_t	 n;

	n = message(buf, size, CONTROL_PING, 99);
	n += message(buf + n, size - n, CONTROL_DRAIN, 0);
	memcpy(buf + n, "\006\000\003abc", 6);	/* may be skipped */
	n += 6;
	n += message(buf + n, size - n, CONTROL_MORE, 513);
	n += message(buf + n, size - n, CONTROL_PONG, 98);
	return (n);
}

static void
test_pieces(void **state)
{
	uint8_t	 buf[64];
	size_t	 i, cut, len;

	(void)state;
	join();
	len = all_messages(buf, sizeof(buf));
	for (cut = 0; cut <= len; cut++) {
		client.drained = client.wanted = 0;
		client.more = 0;
		hear(buf, cut);
		hear(buf + cut, len - cut);
		assert_int_equal(client.drained, 1);
		assert_int_equal(client.wanted, 1);
		assert_int_equal(client.more, 513);
		assert_int_equal(client.ctl.in_len, 0);
		assert_int_equal(client.ctl.out_len, 11);
		client.ctl.out_len = 0;
	}
	for (i = 0; i < len; i++)
		hear(buf + i, 1);
	assert_int_equal(client.drained, 2);
	assert_int_equal(client.ctl.in_len, 0);
	assert_int_equal(client.killed, 0);
}

/* What the other side has to say is logged once a tunnel. */
static void
test_notice(void **state)
{
	static struct service	 service;

	(void)state;
	join();
	client.t.service = &service;
	nlines = 0;
	hear("\005\000\003abc", 6);
	assert_int_equal(nlines, 0);	/* of a client: not logged */
	service.dials = 1;
	hear("\005\000\003abc", 6);
	hear("\005\000\003abd", 6);
	assert_int_equal(nlines, 1);
	assert_non_null(strstr(lines[0], "the other side says: abc"));
	assert_int_equal(client.killed, 0);
	hear("\005\000\001\033", 4);
	expect_killed("control stream: notice is not printable");
}

/* The longest that may be skipped, and one octet more. */
static void
test_longest(void **state)
{
	uint8_t	 buf[2 * ROCKET_CONTROL_MAX];

	(void)state;
	join();
	memset(buf, 0, sizeof(buf));
	memcpy(buf, "\006\001\000", 3);
	hear(buf, ROCKET_CONTROL_MAX - 1);
	assert_int_equal(client.ctl.in_len, ROCKET_CONTROL_MAX - 1);
	hear(buf + ROCKET_CONTROL_MAX - 1, 1);
	assert_int_equal(client.ctl.in_len, 0);
	memcpy(buf + ROCKET_CONTROL_MAX, "\203\000\000", 3);
	hear(buf, ROCKET_CONTROL_MAX + 3);
	assert_int_equal(client.drained, 1);
	assert_int_equal(client.killed, 0);
	buf[2] = 1;
	hear(buf, 3);
	expect_killed("control stream: control message of 257 octets, at most "
	    "256 are allowed");
}

static void
test_malformed(void **state)
{
	static const struct {
		const char	*octets, *words;
	} bad[] = {
		{ "\200\000\000", "control message 0x80 is not understood" },
		{ "\377\000\000", "control message 0xff is not understood" },
		{ "\201\000\007", "control message 0x81 has 7 octets, not 8" },
		{ "\202\000\011", "control message 0x82 has 9 octets, not 8" },
		{ "\203\000\001", "control message 0x83 has 1 octets, not 0" },
		{ "\004\000\001", "control message 0x04 has 1 octets, not 2" },
		{ "\004\000\002\000\000", "no further tunnels wanted" },
	};
	char	 words[256];
	size_t	 i;

	(void)state;
	join();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		hear(bad[i].octets, i == 6 ? 5 : 3);
		snprintf(words, sizeof(words), "control stream: %s",
		    bad[i].words);
		expect_killed(words);
		client.killed = 0;
	}
	assert_int_equal(client.drained + client.wanted, 0);
}

/* What stands behind the fault is not looked at. */
static void
test_behind_fault(void **state)
{
	(void)state;
	join();
	hear("\200\000\000\203\000\000", 6);
	assert_int_equal(client.killed, 1);
	assert_int_equal(client.drained, 0);
}

/* All octets of it are consumed: the stream's window never closes. */
static void
test_consumed(void **state)
{
	size_t	 i;

	(void)state;
	join();
	for (i = 0; i < ROCKET_WINDOW_INITIAL / 5 * 3; i++) {
		ctlstream_more(&server.ctl, 1);
		if (i % 16 == 0)
			carry_all();
	}
	carry_all();
	assert_int_equal(client.wanted, i);
	assert_int_equal(client.t.session->stats.unconsumed, 0);
	assert_int_equal(nlines, 0);
}

/* ---- the end of it ---- */

static void
test_fin(void **state)
{
	(void)state;
	join();
	session_fin(server.ctl.stream);
	carry_all();
	expect_killed("the peer ended the control stream");
}

static void
test_reset(void **state)
{
	struct stream	*st;

	(void)state;
	join();
	st = server.ctl.stream;
	server.ctl.stream = NULL;
	session_reset(st, RESET_ABORT);
	carry_all();
	expect_killed("the peer reset the control stream");
	assert_null(client.ctl.stream);
	/* Whatever is asked of it now is not sent, and breaks nothing. */
	ctlstream_more(&client.ctl, 1);
	ctlstream_ping(&client.ctl, now);
	ctlstream_drain(&client.ctl);
	assert_true(ctlstream_tick(&client.ctl, now + 99 * SECOND) ==
	    UINT64_MAX);
	assert_int_equal(client.ctl.out_len, 0);
	carry_all();
	assert_int_equal(client.killed, 1);
}

/* The tunnel's own death is not the peer's doing. */
static void
test_tunnel_dies(void **state)
{
	(void)state;
	join();
	ctlstream_drain(&client.ctl);
	session_free(client.t.session);
	client.t.session = NULL;
	assert_null(client.ctl.stream);
	assert_int_equal(client.killed, 0);
}

static void
test_closed(void **state)
{
	(void)state;
	join();
	client.ctl.stream->owner->closed(client.ctl.stream);
	assert_null(client.ctl.stream);
	assert_int_equal(client.killed, 0);
}

/* A session that gives no stream. */
static void
test_no_stream(void **state)
{
	(void)state;
	session_drain(server.t.session);
	assert_int_equal(ctlstream_open(&server.ctl, server.t.session), -1);
	assert_null(server.ctl.stream);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
#define T(f)	cmocka_unit_test_setup_teardown(f, prepare, finish)
		T(test_ping),
		T(test_ping_late),
		T(test_pong_stray),
		T(test_tick),
		T(test_drain),
		T(test_drain_early),
		T(test_more),
		T(test_full),
		T(test_ping_lost),
		T(test_drain_room),
		T(test_flood),
		T(test_pieces),
		T(test_notice),
		T(test_longest),
		T(test_malformed),
		T(test_behind_fault),
		T(test_consumed),
		T(test_fin),
		T(test_reset),
		T(test_tunnel_dies),
		T(test_closed),
		T(test_no_stream),
#undef T
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
