/* SPDX-License-Identifier: ISC */

/*
 * A wire on a pair of sockets: what is written arrives, bare, in WebSocket and
 * message by message, however little the socket takes at once; control frames
 * between; how it ends; and that what is held is bounded and given back.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/budget.h"
#include "worker/net/pipes.h"
#include "worker/tunnel/wire.h"

#define TOTAL	(3 * 1024 * 1024)

static struct event_base *base;
static struct budget	 budget;
static int		 readied, latered;
static uint8_t		 sent[TOTAL], got[TOTAL];

static void
ready(void *arg, int later)
{
	(void)arg;
	readied++;
	latered += later;
}

static int
setup(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(sent); i++)
		sent[i] = i * 13 + i / 251;
	base = event_base_new();
	return (base == NULL ? -1 : 0);
}

static int
teardown(void **state)
{
	(void)state;
	event_base_free(base);
	return (0);
}

static void
sockets(int fd[2])
{
	int	 i, size = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	for (i = 0; i < 2; i++) {
		assert_int_not_equal(fcntl(fd[i], F_SETFL, O_NONBLOCK), -1);
		(void)setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof(size));
	}
	budget.held = 0;
	readied = latered = 0;
}

static void
open_wire(struct wire *w, int fd)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(wire_open(w, base, &budget, fd, ready, NULL), 0);
}

static void
loop(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* All of sent from one to the other, in writes and reads of many sizes. */
static void
transfer(struct wire *a, struct wire *b)
{
	size_t	 in = 0, out = 0, want, turns;
	ssize_t	 n;

	for (turns = 0; in < TOTAL; turns++) {
		assert_true(turns < TOTAL);
		want = TOTAL - out < 1 + turns * 37 % 9000 ? TOTAL - out :
		    1 + turns * 37 % 9000;
		if (want > 0 && (n = wire_write(a, sent + out, want)) > 0)
			out += n;
		assert_int_not_equal(wire_flush(a), -1);
		loop();
		want = TOTAL - in < 1 + turns * 61 % 7000 ? TOTAL - in :
		    1 + turns * 61 % 7000;
		if ((n = wire_read(b, got + in, want)) > 0)
			in += n;
		else
			assert_true(n == -1 && errno == EAGAIN);
	}
	assert_memory_equal(got, sent, TOTAL);
	assert_int_equal(wire_flush(a), 0);
	assert_int_equal(wire_queued(a), 0);
}

static void
test_transfer(void **state)
{
	static struct wire a, b;
	int		 fd[2], ws;

	(void)state;
	for (ws = 0; ws < 2; ws++) {
		sockets(fd);
		open_wire(&a, fd[0]);
		open_wire(&b, fd[1]);
		if (ws) {
			assert_int_equal(wire_websocket(&a, WS_CLIENT), 0);
			assert_int_equal(wire_websocket(&b, WS_SERVER), 0);
		}
		transfer(&a, &b);
		transfer(&b, &a);
		assert_true(readied > 0);
		assert_true((int64_t)budget.held > 0);
		wire_idle(&a);
		wire_close(&a);
		wire_close(&b);
		assert_int_equal(budget.held, 0);
	}
}

/* A batch that is made in place is one message. */
static void
test_batch(void **state)
{
	static struct wire w;
	uint8_t		 buf[2048];
	int		 fd[2];

	(void)state;
	sockets(fd);
	open_wire(&w, fd[0]);
	assert_int_equal(wire_websocket(&w, WS_SERVER), 0);
	memcpy(wire_batch(&w), sent, 1000);
	wire_put(&w, 1000);
	assert_int_equal(wire_queued(&w), 1000);
	assert_int_equal(wire_flush(&w), 0);
	assert_int_equal(read(fd[1], buf, sizeof(buf)), 1004);
	assert_memory_equal(buf, "\x82\x7e\x03\xe8", 4);
	assert_memory_equal(buf + 4, sent, 1000);
	wire_close(&w);
	close(fd[1]);
}

/* What the socket does not take is bounded, and what does not fit is told. */
static void
test_bound(void **state)
{
	static struct wire w;
	size_t		 all = 0;
	ssize_t		 n;
	int		 fd[2], ws;

	(void)state;
	for (ws = 0; ws < 2; ws++, all = 0) {
		sockets(fd);
		open_wire(&w, fd[0]);
		if (ws)
			assert_int_equal(wire_websocket(&w, WS_CLIENT), 0);
		while ((n = wire_write(&w, sent, 10000)) > 0) {
			all += n;
			assert_int_not_equal(wire_flush(&w), -1);
			assert_true(all < TOTAL);
		}
		assert_int_equal(errno, EAGAIN);
		assert_int_equal(wire_flush(&w), 1);
		assert_true(all > WIRE_BATCH);
		wire_close(&w);
		assert_int_equal(budget.held, 0);
		close(fd[1]);
	}
}

/* Frames of nothing: not for ever in one turn, and it goes on. */
static void
test_empty_frames(void **state)
{
	static struct wire w;
	uint8_t		 buf[8], frames[203];
	ssize_t		 n = -1;
	int		 i, fd[2];

	(void)state;
	sockets(fd);
	open_wire(&w, fd[0]);
	assert_int_equal(wire_websocket(&w, WS_CLIENT), 0);
	memset(frames, 0, sizeof(frames));
	for (i = 0; i < 200; i += 2)
		frames[i] = 0x82;
	memcpy(frames + 200, "\x82\x01x", 3);
	assert_int_equal(write(fd[1], frames, sizeof(frames)),
	    sizeof(frames));
	for (i = 0; i < 50 && n == -1; i++)
		if ((n = wire_read(&w, buf, 1)) == -1)
			assert_int_equal(errno, EAGAIN);
	assert_int_equal(n, 1);
	assert_int_equal(buf[0], 'x');
	assert_true(latered > 1);
	wire_close(&w);
	close(fd[1]);
}

static void
test_ping(void **state)
{
	static struct wire w;
	uint8_t		 buf[64];
	int		 fd[2];

	(void)state;
	sockets(fd);
	open_wire(&w, fd[0]);
	assert_int_equal(wire_websocket(&w, WS_SERVER), 0);
	assert_int_equal(write(fd[1], "\x89\x81\0\0\0\0a\x89\x81\0\0\0\0b",
	    14), 14);
	assert_int_equal(wire_read(&w, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(wire_write(&w, "x", 1), 1);
	assert_int_equal(wire_flush(&w), 0);
	assert_int_equal(read(fd[1], buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "\x82\x01x\x8a\x01" "b", 6);
	wire_close(&w);
	close(fd[1]);
}

/* The peer is told the code, also when the wire is closed at once. */
static void
test_breach(void **state)
{
	static struct wire w;
	char		 words[128];
	uint8_t		 buf[64];
	int		 fd[2];

	(void)state;
	sockets(fd);
	open_wire(&w, fd[0]);
	assert_int_equal(wire_websocket(&w, WS_SERVER), 0);
	assert_int_equal(write(fd[1], "\x82\x81\0\0\0\0a\x82\x01" "b", 10),
	    10);
	assert_int_equal(wire_broken(&w, words, sizeof(words)), 0);
	assert_int_equal(wire_read(&w, buf, sizeof(buf)), 1);
	assert_int_equal(wire_read(&w, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(wire_broken(&w, words, sizeof(words)), 1);
	assert_string_equal(words,
	    "WebSocket: a client's frame is not masked (1002)");
	wire_close(&w);
	assert_int_equal(read(fd[1], buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "\x88\x02\x03\xea", 4);
	assert_int_equal(read(fd[1], buf, sizeof(buf)), 0);
	close(fd[1]);
}

/* An end that is announced; nothing is sent behind it. */
static void
test_end(void **state)
{
	static struct wire a, b;
	char		 words[128];
	uint8_t		 buf[64];
	int		 fd[2];

	(void)state;
	sockets(fd);
	open_wire(&a, fd[0]);
	open_wire(&b, fd[1]);
	assert_int_equal(wire_websocket(&a, WS_CLIENT), 0);
	assert_int_equal(wire_websocket(&b, WS_SERVER), 0);
	assert_int_equal(wire_write(&a, "last", 4), 4);
	wire_end(&a);
	assert_int_equal(wire_flush(&a), 0);
	assert_int_equal(wire_write(&a, "more", 4), 4);
	assert_int_equal(wire_flush(&a), 0);
	assert_int_equal(wire_queued(&a), 0);
	assert_int_equal(wire_read(&b, buf, sizeof(buf)), 4);
	assert_int_equal(wire_read(&b, buf, sizeof(buf)), 0);
	assert_int_equal(wire_broken(&b, words, sizeof(words)), 0);
	wire_close(&b);
	assert_int_equal(wire_read(&a, buf, sizeof(buf)), 0);
	wire_close(&a);
	assert_int_equal(budget.held, 0);

	/* One with another code than ours. */
	sockets(fd);
	open_wire(&a, fd[0]);
	assert_int_equal(wire_websocket(&a, WS_CLIENT), 0);
	assert_int_equal(write(fd[1], "\x88\x02\x03\xf3", 4), 4);
	assert_int_equal(wire_read(&a, buf, sizeof(buf)), 0);
	assert_int_equal(wire_broken(&a, words, sizeof(words)), 1);
	assert_string_equal(words, "WebSocket: closed by the peer with 1011");
	wire_close(&a);
	close(fd[1]);
}

/* ---- message by message ---- */

/* A message of b's is there, or the end (0), or none yet (EAGAIN). */
static int
next(struct wire *b, struct ws_message *m)
{
	int	 r;

	loop();
	r = wire_get_message(b, m);
	assert_true(r != -1 || errno == EAGAIN || errno == EPROTO);
	return (r);
}

static void
is_message(const struct ws_message *m, enum ws_type type, const void *octets,
    size_t len)
{
	assert_int_equal(m->type, type);
	assert_int_equal(m->len, len);
	assert_memory_equal(m->octets, octets, len);
}

/* Signals, empty ones, a target; then the same connection is a stream. */
static void
test_messages(void **state)
{
	static struct ws_message m;
	static struct wire	 a, b;
	enum ws_side		 side;
	int			 fd[2];

	(void)state;
	for (side = WS_CLIENT; side <= WS_SERVER; side++) {
		sockets(fd);
		open_wire(&a, fd[0]);
		open_wire(&b, fd[1]);
		memset(&m, 0, sizeof(m));
		assert_int_equal(wire_websocket(&a, side), 0);
		assert_int_equal(wire_websocket(&b, !side), 0);
		assert_int_equal(wire_write(&a, "ab", 2), 2);
		assert_int_equal(wire_put_message(&a, WS_BINARY, "\2", 1), 0);
		assert_int_equal(wire_put_message(&a, WS_BINARY, "", 0), 0);
		assert_int_equal(wire_put_message(&a, WS_TEXT, "15000", 5), 0);
		assert_int_equal(wire_write(&a, sent, 1000), 1000);
		assert_int_equal(wire_flush(&a), 0);
		wire_idle(&a);
		assert_int_equal(next(&b, &m), 1);
		is_message(&m, WS_BINARY, "ab", 2);
		assert_int_equal(next(&b, &m), 1);
		is_message(&m, WS_BINARY, "\2", 1);
		assert_int_equal(next(&b, &m), 1);
		is_message(&m, WS_BINARY, "", 0);
		assert_int_equal(next(&b, &m), 1);
		is_message(&m, WS_TEXT, "15000", 5);
		assert_int_equal(wire_read(&b, got, sizeof(got)), 1000);
		assert_memory_equal(got, sent, 1000);
		transfer(&a, &b);
		transfer(&b, &a);
		wire_close(&a);
		wire_close(&b);
		assert_int_equal(budget.held, 0);
	}
}

/* As it comes, octet by octet and with a ping in it; then the peer's end. */
static void
test_message_octets(void **state)
{
	static const char	 octets[] = "\x01\x02" "a\xe2" "\x89\x01p"
	    "\x80\x02\x82\xac" "\x82\x00";
	static struct ws_message m;
	static struct wire	 w;
	uint8_t			 buf[64];
	size_t			 i, n = sizeof(octets) - 1;
	int			 fd[2];

	(void)state;
	sockets(fd);
	open_wire(&w, fd[0]);
	memset(&m, 0, sizeof(m));
	assert_int_equal(wire_websocket(&w, WS_CLIENT), 0);
	for (i = 0; i < n; i++) {
		assert_int_equal(write(fd[1], octets + i, 1), 1);
		if (i == n - 3) {
			assert_int_equal(next(&w, &m), 1);
			is_message(&m, WS_TEXT, "a\xe2\x82\xac", 4);
		} else if (i == n - 1) {
			assert_int_equal(next(&w, &m), 1);
			is_message(&m, WS_BINARY, "", 0);
		} else
			assert_int_equal(next(&w, &m), -1);
	}
	assert_int_equal(wire_flush(&w), 0);
	assert_int_equal(read(fd[1], buf, sizeof(buf)), 7);
	assert_int_equal(buf[0], 0x8a);
	assert_int_equal(write(fd[1], "\x02\x01" "a\x88\x00", 5), 5);
	assert_int_equal(next(&w, &m), 0);
	assert_int_equal(m.whole, 0);
	assert_int_equal(next(&w, &m), 0);
	wire_close(&w);
	close(fd[1]);
}

/* The peer is told why it is refused; what comes next is not looked at. */
static void
refused(const char *octets, size_t len, const char *why, const char *told)
{
	static struct ws_message m;
	static struct wire	 w;
	char			 words[128];
	uint8_t			 buf[64];
	int			 fd[2];

	sockets(fd);
	open_wire(&w, fd[0]);
	memset(&m, 0, sizeof(m));
	assert_int_equal(wire_websocket(&w, WS_SERVER), 0);
	assert_int_equal(write(fd[1], octets, len), len);
	assert_int_equal(next(&w, &m), -1);
	assert_int_equal(next(&w, &m), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(wire_broken(&w, words, sizeof(words)), 1);
	assert_string_equal(words, why);
	wire_close(&w);
	assert_int_equal(recv(fd[1], buf, sizeof(buf), 0), 4);
	assert_memory_equal(buf, told, 4);
	close(fd[1]);
}

static void
test_message_refused(void **state)
{
	(void)state;
	refused("\x81\x81\0\0\0\0\xff\x82\x80\0\0\0\0", 13,
	    "WebSocket: text that is not UTF-8 (1007)", "\x88\x02\x03\xef");
	refused("\x82\xfe\x10\x01\0\0\0\0abcd", 12,
	    "WebSocket: a message that is too long (1009)",
	    "\x88\x02\x03\xf1");
}

/* Pings without a message: not for ever in one turn. */
static void
test_message_pings(void **state)
{
	static struct ws_message m;
	static struct wire	 w;
	uint8_t			 pings[200];
	int			 i, fd[2];

	(void)state;
	sockets(fd);
	open_wire(&w, fd[0]);
	memset(&m, 0, sizeof(m));
	memset(pings, 0, sizeof(pings));
	for (i = 0; i < 200; i += 2)
		pings[i] = 0x89;
	memcpy(pings + 198, "\x82", 2);
	assert_int_equal(wire_websocket(&w, WS_CLIENT), 0);
	assert_int_equal(write(fd[1], pings, sizeof(pings)), sizeof(pings));
	for (i = 0; i < 50 && wire_get_message(&w, &m) == -1; i++)
		assert_int_equal(errno, EAGAIN);
	assert_int_equal(m.whole, 1);
	assert_int_equal(m.len, 0);
	assert_true(latered > 1);
	wire_close(&w);
	close(fd[1]);
}

/* What does not fit is told, and so is a message that never would. */
static void
test_message_bound(void **state)
{
	static struct wire	 w;
	size_t			 all = 0;
	int			 fd[2];

	(void)state;
	sockets(fd);
	open_wire(&w, fd[0]);
	assert_int_equal(wire_websocket(&w, WS_CLIENT), 0);
	assert_int_equal(wire_put_message(&w, WS_TEXT, sent,
	    WS_MESSAGE_MAX + 1), -1);
	assert_int_equal(errno, EMSGSIZE);
	while (wire_put_message(&w, WS_BINARY, sent, WS_MESSAGE_MAX) == 0) {
		all += WS_MESSAGE_MAX;
		assert_true(all < TOTAL);
		assert_true(wire_queued(&w) <= WIRE_BATCH + 4096);
	}
	assert_int_equal(errno, EAGAIN);
	assert_true(all > WIRE_BATCH - WS_MESSAGE_MAX);
	/* Behind our close nothing goes. */
	wire_end(&w);
	assert_int_equal(wire_flush(&w), 1);
	all = wire_queued(&w);
	assert_int_equal(wire_put_message(&w, WS_BINARY, "x", 1), 0);
	assert_int_equal(wire_queued(&w), all);
	wire_close(&w);
	assert_int_equal(budget.held, 0);
	close(fd[1]);
}

/* ---- pipes, peeking ---- */

/* What waits in the pipe when the tunnel dies is held no more. */
static void
test_pipe_cut(void **state)
{
	static struct wire	 w;
	struct pipebuf		*p;
	size_t			 max = 1000;
	int			 fd[2];

	(void)state;
	sockets(fd);
	open_wire(&w, fd[0]);
	w.bulk = 100000;
	if ((p = wire_pipe(&w, &max)) == NULL) {	/* there are none */
		wire_close(&w);
		close(fd[1]);
		return;
	}
	assert_int_equal(write(p->wr, sent, max), max);
	p->len = max;
	wire_piped(&w, max);
	assert_int_equal(budget.held, max);
	wire_close(&w);
	assert_int_equal(budget.held, 0);
	close(fd[1]);
}

/* What was peeked at is still there; more of it is waited for. */
static void
test_peek(void **state)
{
	static struct wire w;
	uint8_t		 buf[64];
	int		 fd[2];

	(void)state;
	sockets(fd);
	open_wire(&w, fd[0]);
	assert_int_equal(wire_peek(&w, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(write(fd[1], "ab", 2), 2);
	assert_int_equal(wire_peek(&w, buf, sizeof(buf)), -1);
	loop();
	assert_int_equal(wire_peek(&w, buf, sizeof(buf)), 2);
	wire_peeked(&w);
	loop();
	assert_int_equal(wire_read(&w, buf, sizeof(buf)), -1);
	assert_int_equal(write(fd[1], "c", 1), 1);
	loop();
	assert_int_equal(wire_read(&w, buf, sizeof(buf)), 3);
	wire_close(&w);
	close(fd[1]);
}

/* A connection on loopback: the octets that it takes unsent. */
static int
tcp_lowat(int fd)
{
	socklen_t	 len = sizeof(int);
	int		 n = 0;

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &n,
	    &len), 0);
	return (n);
}

/* What waits is little against a round trip, however slow a long way is. */
static void
test_fit(void **state)
{
	static struct wire w;
	int		 fd;

	(void)state;
	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM, 0), -1);
	open_wire(&w, fd);
	assert_int_equal(w.batch, WIRE_BATCH);
	assert_int_equal(tcp_lowat(fd), 128 * 1024);
	/* 20 segments in 300 ms: less would not fill any. */
	wire_fit(&w, 300000, 20 * 1448, 1448);
	assert_in_range(tcp_lowat(fd), 1448, 4096);
	assert_in_range(w.batch, 1448, 4096);
	/* With what sealing adds it is no segment more. */
	assert_int_equal((w.batch + 22 + 1447) / 1448, w.batch / 1448 + 1);
	/* 3 MB in 150 ms. */
	wire_fit(&w, 150000, 3000000, 1448);
	assert_int_equal(tcp_lowat(fd), 375000);
	assert_in_range(w.batch, 180000, 187500);
	/* Never without end, nor on a short way less than before. */
	wire_fit(&w, 300000, 1 << 30, 1448);
	assert_int_equal(tcp_lowat(fd), 1 << 20);
	assert_int_equal(w.batch, WIRE_BATCH);
	wire_fit(&w, 300, 20 * 1448, 1448);
	assert_int_equal(tcp_lowat(fd), 128 * 1024);
	assert_int_equal(w.batch, WIRE_BATCH);
	wire_close(&w);
}

/* One that nobody reads is looked at: an end is a failure, half of one not. */
static void
test_failed(void **state)
{
	static struct wire	 w;
	int			 fd[2];

	(void)state;
	sockets(fd);
	open_wire(&w, fd[0]);
	assert_int_equal(wire_failed(&w), 0);
	assert_int_equal(write(fd[1], "a", 1), 1);
	assert_int_equal(shutdown(fd[1], SHUT_WR), 0);
	assert_int_equal(wire_failed(&w), 0);
	close(fd[1]);
	assert_int_equal(wire_failed(&w), 1);
	wire_close(&w);
}

/* What a test that failed has left ends with its base. */
#define T(test)	cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_transfer),
		T(test_failed),
		T(test_batch),
		T(test_bound),
		T(test_empty_frames),
		T(test_ping),
		T(test_breach),
		T(test_end),
		T(test_messages),
		T(test_message_octets),
		T(test_message_refused),
		T(test_message_pings),
		T(test_message_bound),
		T(test_pipe_cut),
		T(test_peek),
		T(test_fit)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
