/* SPDX-License-Identifier: ISC */

/*
 * A wire on a pair of sockets: what is written arrives, bare and in WebSocket,
 * however little the socket takes at once; control frames between; how it
 * ends; and that what is held is bounded and given back.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

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

/* What a test that failed has left ends with its base. */
#define T(test)	cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		T(test_transfer),
		T(test_batch),
		T(test_bound),
		T(test_empty_frames),
		T(test_ping),
		T(test_breach),
		T(test_end),
		T(test_pipe_cut),
		T(test_peek)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
