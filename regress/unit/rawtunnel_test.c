/* SPDX-License-Identifier: ISC */

/*
 * A tunnel whose octets are a stream's and nothing else: it has to end as the
 * stream does, since nothing else can tell, and no octet waits for an event
 * that does not come.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/net/ledger.h"
#include "worker/net/pipes.h"
#include "worker/session/raw.h"
#include "worker/tunnel/tunnel.h"
#include "frame.h"

#define TURNS		2000
#define LARGE		(1024 * 1024)

static struct service		 svc;
static struct tunnel		*t;		/* NULL: it has ended */
static enum tunnel_end		 how;
static struct stream		*st;		/* NULL: likewise */
static int			 fins, resets, closes;
static size_t			 to_send, by_pipe;
static uint64_t			 heard;
static int			 peer = -1;
static char			 octets[LARGE];

/* ---- the stream's owner ---- */

static size_t
own_take(size_t max)
{
	size_t	 n = to_send < max ? to_send : max;

	to_send -= n;
	return (n);
}

static size_t
own_pull(struct stream *s, uint8_t *buf, size_t max)
{
	size_t	 n = own_take(max);

	(void)s;
	memset(buf, 'm', n);
	return (n);
}

/* What a socket would have given, at most so much at once. */
static size_t
own_bulk(struct stream *s, struct pipebuf *pipe, size_t max)
{
	ssize_t	 n;

	(void)s;
	if (by_pipe == 0)
		return (0);
	if ((n = write(pipe->wr, octets, own_take(max < 30000 ? max :
	    30000))) <= 0)
		return (0);
	pipe->len += n;
	by_pipe += n;
	return (n);
}

static void
own_data(struct stream *s, const uint8_t *p, size_t n)
{
	(void)p;
	heard += n;
	session_consumed(s, n);
}

static void
own_fin(struct stream *s)
{
	(void)s;
	fins++;
}

static void
own_reset(struct stream *s, enum reset_reason why)
{
	(void)s;
	(void)why;
	resets++;
	st = NULL;
}

static void
own_closed(struct stream *s)
{
	(void)s;
	closes++;
	st = NULL;
}

static const struct stream_owner owner = {
	own_pull,
	own_data,
	own_fin,
	own_reset,
	own_closed,
	own_bulk,
	NULL
};

/* ---- the dialect, and the service ---- */

static int
bare_begin(struct tunnel *tunnel)
{
	(void)tunnel;
	return (0);
}

static void
bare_free(struct tunnel *tunnel)
{
	(void)tunnel;
}

static void
bare_turn(struct tunnel *tunnel)
{
	struct session_conf	 c;

	memset(&c, 0, sizeof(c));
	c.client = 1;
	c.recvbuffer = LARGE;
	c.divert = 1;
	tunnel_run(tunnel, raw_new(&c, &tunnel_session_events, tunnel), 1);
}

static uint64_t
bare_tick(struct tunnel *tunnel, uint64_t now)
{
	(void)tunnel;
	(void)now;
	return (UINT64_MAX);
}

static const struct dialect dialect = {
	.name = "bare",
	.begin = bare_begin,
	.free = bare_free,
	.turn = bare_turn,
	.tick = bare_tick
};

static void
on_tunnel(struct tunnel *tunnel)
{
	(void)tunnel;
}

static void
on_closed(struct tunnel *tunnel)
{
	how = tunnel->end;
	t = NULL;
}

static void
on_changed(void)
{
}

static const struct tunnel_events events = {
	.proven = on_tunnel,
	.opened = on_tunnel,
	.taken = on_tunnel,
	.drain = on_tunnel,
	.closed = on_closed,
	.changed = on_changed
};

static int
no_relief(int any)
{
	(void)any;
	return (0);
}

static void
turn(int n)
{
	while (n-- > 0)
		assert_int_not_equal(event_base_loop(frame_base, EVLOOP_ONCE |
		    EVLOOP_NONBLOCK), -1);
}
#define UNTIL(condition) do {						\
	int	 n_;							\
									\
	for (n_ = 0; !(condition) && n_ < TURNS; n_++)			\
		turn(1);						\
	assert_true(condition);						\
} while (0)

/* Two ends of one TCP connection; ours does not block. */
static int
connection(void)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 l, fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(l, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &len), 0);
	peer = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&sin, len), 0);
	fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	assert_int_not_equal(fd, -1);
	close(l);
	return (fd);
}

static int
setup(void **state)
{
	struct msg_tunnel	 msg;

	(void)state;
	memset(&svc, 0, sizeof(svc));
	TAILQ_INIT(&svc.tunnels);
	TAILQ_INIT(&svc.relays);
	TAILQ_INIT(&svc.flows);
	assert_non_null(frame_base = event_base_new());
	assert_non_null(svc.peers = ledger_new("tunnel"));
	svc.base = frame_base;
	svc.dialect = &dialect;
	svc.opens = 1;
	svc.conf.opts.mux_max_streams = 100;
	svc.budget.max = 100 * LARGE;
	budget_init(&svc.budget, no_relief);
	tunnel_init(&svc, &events);
	fins = resets = closes = 0;
	to_send = by_pipe = 0;
	heard = 0;
	memset(&msg, 0, sizeof(msg));
	msg.transport = TRANSPORT_TCP;
	msg.left_ms = 10000;
	assert_non_null(t = tunnel_new(connection(), &msg, NULL));
	UNTIL(t != NULL && t->state == TUNNEL_OPEN);
	assert_non_null(st = session_open(t->session, &owner, NULL, 0));
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	if (t != NULL)
		tunnel_free(t);
	assert_null(st);
	if (peer != -1)
		close(peer);
	peer = -1;
	assert_int_equal(svc.budget.held, 0);
	event_base_free(frame_base);
	return (0);
}

static void
say(size_t n)
{
	to_send += n;
	session_ready(st);
}

/* So many octets come to the peer, without any other event here. */
static void
peer_gets(size_t n)
{
	ssize_t	 got;
	int	 i;

	for (i = 0; n > 0 && i < TURNS; i++) {
		turn(1);
		got = recv(peer, octets, sizeof(octets), MSG_DONTWAIT);
		assert_true(got == -1 || (size_t)got <= n);
		n -= got > 0 ? got : 0;
	}
	assert_int_equal(n, 0);
}

/* What the peer's socket says next: 0 an end, or an error. */
static int
peer_ends(void)
{
	ssize_t	 got;
	int	 i;

	for (i = 0; i < TURNS; i++) {
		turn(1);
		if ((got = recv(peer, octets, sizeof(octets), MSG_DONTWAIT)) ==
		    -1 && errno == EAGAIN)
			continue;
		return (got == -1 ? errno : (int)got);
	}
	fail_msg("the peer hears nothing");
	return (-1);
}

/* ---- tests ---- */

/* A pipe has no head that would be output: the next is filled all the same. */
static void
test_bulk(void **state)
{
	(void)state;
	if (t->wire.pipe == NULL)
		t->wire.bulk = 65536;
	by_pipe = 1;
	say(900000);
	peer_gets(900000);
	assert_int_equal(to_send, 0);
	assert_true(by_pipe > 500000);
	session_fin(st);
	assert_int_equal(peer_ends(), 0);
	close(peer);
	peer = -1;
	UNTIL(t == NULL);
	assert_int_equal(how, TUNNEL_END_CLEAN);
	assert_int_equal(closes, 1);
}

/* Our reset is the tunnel's, at once, and not an end. */
static void
test_reset(void **state)
{
	(void)state;
	say(10);
	peer_gets(10);
	session_reset(st, RESET_ABORT);
	st = NULL;
	assert_int_equal(peer_ends(), ECONNRESET);
	UNTIL(t == NULL);
}

/* Also where the peer has stopped to read. */
static void
test_reset_full(void **state)
{
	(void)state;
	say(64 * LARGE);
	turn(200);
	assert_true(to_send > 0);
	session_reset(st, RESET_ABORT);
	st = NULL;
	UNTIL(t == NULL);
}

/* The peer's end: what it had said is heard, and its user may end in order. */
static void
test_end(void **state)
{
	(void)state;
	assert_int_equal(write(peer, octets, 5000), 5000);
	assert_int_equal(shutdown(peer, SHUT_WR), 0);
	UNTIL(fins == 1);
	assert_int_equal(heard, 5000);
	turn(50);
	assert_int_equal(fins + resets + closes, 1);
	assert_non_null(t);
	session_fin(st);
	UNTIL(closes == 1);
	assert_int_equal(peer_ends(), 0);
	close(peer);
	peer = -1;
	UNTIL(t == NULL);
	assert_int_equal(how, TUNNEL_END_CLEAN);
}

/*
 * The peer has ended while we still send: what it answers that with, and what
 * waits here, must not make a reset of the end that was heard.
 */
static void
test_end_while_sending(void **state)
{
	(void)state;
	say(64 * LARGE);
	turn(200);
	assert_true(to_send > 0);
	assert_int_equal(write(peer, octets, 5000), 5000);
	assert_int_equal(shutdown(peer, SHUT_WR), 0);
	UNTIL(fins == 1);
	close(peer);			/* with octets unread: a reset */
	peer = -1;
	UNTIL(to_send == 0);		/* dropped */
	turn(50);
	assert_int_equal(resets, 0);
	assert_int_equal(heard, 5000);
	session_fin(st);
	UNTIL(t == NULL);
	assert_int_equal(closes, 1);
	assert_int_equal(resets, 0);
}

/* A reset of the peer's is one of the stream. */
static void
test_peer_reset(void **state)
{
	struct linger	 rst = { 1, 0 };

	(void)state;
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &rst,
	    sizeof(rst)), 0);
	close(peer);
	peer = -1;
	UNTIL(t == NULL);
	assert_int_equal(resets, 1);
	assert_int_equal(fins, 0);
	assert_int_equal(how, TUNNEL_END_LOST);
}

int
main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest	 tests[] = {
		TEST(test_bulk),
		TEST(test_reset),
		TEST(test_reset_full),
		TEST(test_end),
		TEST(test_end_while_sending),
		TEST(test_peer_reset)
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
