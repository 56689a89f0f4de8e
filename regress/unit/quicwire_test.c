/* SPDX-License-Identifier: ISC */

/*
 * The role quic and its sockets: strangers' packets, and paths that change or
 * go away.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <linux/filter.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/quic/ngapi.h"
#include "worker/quic/passes.h"
#include "quiclink.h"

#define FLOOD	60

static void
started(void)
{
	qrig_tls.insecure = 1;
	qrig_start();
}

/* Octets to the listener, as they are. */
static void
stranger(int fd, const void *p, size_t len)
{
	assert_int_equal(send(fd, p, len, 0), (ssize_t)len);
}

/* What came back, at once or a little later; 0: nothing. */
static size_t
answer(int fd, void *p, size_t size)
{
	ssize_t	 n;
	int	 i;

	for (i = 0; i < 10; i++) {
		frame_run(5);
		if ((n = recv(fd, p, size, MSG_DONTWAIT)) > 0)
			return ((size_t)n);
	}
	return (0);
}

/* Nothing that a stranger sends is worth more than a count. */
static void
test_junk(void **state)
{
	uint8_t		 buf[1500];
	unsigned int	 i, j;
	int		 fd;

	(void)state;
	started();
	fd = qrig_socket();
	stranger(fd, "", 0);
	for (i = 0; i < 256; i++) {
		buf[0] = (uint8_t)i;
		stranger(fd, buf, 1);
		for (j = 1; j < sizeof(buf); j++)
			buf[j] = (uint8_t)arc4random();
		stranger(fd, buf, 7 + i);
		memcpy(buf + 1, "\0\0\0\1", 4);
		stranger(fd, buf, 1200 + i);
		frame_run(1);
	}
	frame_run(50);
	assert_true(frame_figure("junk") > 256);
	qrig_shake();
	assert_int_equal(frame_figure("shaken"), 2);
	close(fd);
}

/* A first packet with a token may have a connection id of any length. */
static void
test_ids(void **state)
{
	uint8_t	 buf[1200];
	size_t	 n, m, at;
	int	 fd;

	(void)state;
	started();
	fd = qrig_socket();
	for (n = 0; n <= 21; n++)
		for (m = 0; m <= 21; m++) {
			arc4random_buf(buf, sizeof(buf));
			memcpy(buf, "\xc3\0\0\0\1", 5);
			buf[5] = (uint8_t)n;
			at = 6 + n;
			buf[at++] = (uint8_t)m;
			at += m;
			buf[at++] = 4;		/* the token */
			at += 4;
			buf[at] = (uint8_t)(0x40 | (sizeof(buf) - at - 2) >> 8);
			buf[at + 1] = (uint8_t)(sizeof(buf) - at - 2);
			stranger(fd, buf, sizeof(buf));
			frame_run(0);
		}
	frame_run(50);
	assert_true(frame_figure("initials") > 0);
	assert_int_equal(frame_figure("connections"), 0);
	qrig_shake();
	close(fd);
}

/* Of a version that we have not: which we have.  To short ones nothing. */
static void
test_version(void **state)
{
	static const uint8_t	 ours[4] = { 0, 0, 0, 1 };
	uint8_t			 buf[1300], back[1300];
	size_t			 n;
	int			 fd;

	(void)state;
	started();
	fd = qrig_socket();
	memset(buf, 0, sizeof(buf));
	memcpy(buf, "\xc0\x1a\x2a\x3a\x4a\x08" "ABCDEFGH\x04wxyz", 19);
	stranger(fd, buf, 1199);
	assert_int_equal(answer(fd, back, sizeof(back)), 0);
	stranger(fd, buf, 1200);
	n = answer(fd, back, sizeof(back));
	assert_int_equal(n, 1 + 4 + 1 + 4 + 1 + 8 + 4);
	assert_true(back[0] & 0x80);
	assert_memory_equal(back + 1, "\0\0\0\0\x04wxyz\x08" "ABCDEFGH", 18);
	assert_memory_equal(back + n - 4, ours, 4);
	/* connection ids may be longer than ours can be */
	buf[5] = 255;
	buf[6 + 255] = 255;
	stranger(fd, buf, 1200);
	assert_int_equal(answer(fd, back, sizeof(back)), 7 + 255 + 255 + 4);
	/* a draft, which the library has */
	memcpy(buf, "\xc0\xff\0\0\x1d\x08" "ABCDEFGH\x04wxyz", 19);
	stranger(fd, buf, 1200);
	assert_int_equal(answer(fd, back, sizeof(back)), 23);
	assert_int_equal(frame_figure("versions"), 3);
	close(fd);
}

/* A connection that is gone is reset: by less than came, and not for ever. */
static void
test_gone(void **state)
{
	uint8_t		 buf[200], back[200];
	unsigned int	 i;
	size_t		 n;
	int		 fd;

	(void)state;
	/* of this secret and id: a successor says the same */
	memset(frame_begin.secret, 0x5a, sizeof(frame_begin.secret));
	started();
	fd = qrig_socket();
	memset(buf, 0x41, sizeof(buf));
	for (n = 2; n <= 21; n++)
		stranger(fd, buf, n);
	assert_int_equal(answer(fd, back, sizeof(back)), 0);
	stranger(fd, buf, 30);
	assert_int_equal(answer(fd, back, sizeof(back)), 29);
	assert_true((back[0] & 0xc0) == 0x40);
	stranger(fd, buf, sizeof(buf));
	assert_int_equal(answer(fd, back, sizeof(back)), 43);
	assert_memory_equal(back + 43 - 16, "\xb9\xfd\x4c\x89\xc7\x22\x6e\x49"
	    "\x19\xa9\x91\xb7\x7a\xdd\xe3\xca", 16);
	for (i = 0; i < 500; i++) {
		stranger(fd, buf, sizeof(buf));
		if (i % 50 == 0)
			frame_run(1);
	}
	frame_run(50);
	assert_true(frame_figure("resets") < 100);
	assert_true(frame_figure("unanswered") > 300);
	close(fd);
}

/* A server that has lost it resets a client's connection. */
static void
test_reset(void **state)
{
	int64_t	 id;

	(void)state;
	started();
	qrig_shake();
	qrig_forget(qrig_server);
	assert_int_equal(qconn_open(qrig_client->c, &id), 0);
	qrig_send(qrig_client, id, 100, 0);
	frame_until(qrig_client == NULL);
	assert_int_equal(frame_figure("connections"), 0);
	assert_true(frame_figure("resets") > 0);
}

/* Who was here before is known, also in a crowd, each time anew. */
static void
test_known(void **state)
{
	struct addr	 where;
	uint8_t		 token[PASS_MAX];
	int		 i;

	(void)state;
	qrig_conf.deadline_ms = 5000;
	qrig_conf.max_unproven = 3;	/* one is a crowd */
	qrig_conf.max_per_source = 1000;
	started();
	for (i = 0; i < 3; i++) {
		qrig_shake();
		assert_int_equal(frame_figure("retries"), 1);
		frame_run(100);		/* a token comes after it */
	}
	/* another server's is none for here, nor is one that was made up */
	assert_int_equal(pass_take(&qrig_arrival.peer, token), 0);
	memset(token, NGTCP2_CRYPTO_TOKEN_MAGIC_REGULAR, sizeof(token));
	addr_from_sa(&where, (struct sockaddr *)&qrig_where);
	pass_keep(&where, token, 40);
	qrig_shake();
	assert_int_equal(frame_figure("retries"), 2);
	memset(token, NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY, sizeof(token));
	frame_run(100);
	pass_keep(&where, token, 40);
	qrig_dial_to(9, qrig_socket());
	frame_until(qrig_fails == 1);
	assert_int_equal(frame_figure("tokens_bad"), 1);
}

/* Who asks in a crowd has to show where it is, and is then let in. */
static void
test_retry(void **state)
{
	int	 i;

	(void)state;
	qrig_conf.deadline_ms = 5000;
	qrig_conf.max_unproven = 12;
	qrig_conf.max_per_source = 1000;
	started();
	qrig_deaf_keys = 1;
	for (i = 0; i < 2; i++)
		qrig_dial_to(100 + i, qrig_socket());
	frame_until(qrig_signs == 2);
	assert_int_equal(frame_figure("retries"), 0);
	qrig_deaf_keys = 0;
	qrig_shake();
	assert_int_equal(frame_figure("retries"), 1);
	assert_int_equal(frame_figure("tokens_bad"), 0);
	assert_int_equal(qrig_signs, 3);
	qrig_sign();
	frame_until(frame_figure("handshakes") == 0);
}

/* First packets of many who are not there make few connections. */
static void
test_flood(void **state)
{
	static uint8_t		 buf[FLOOD][1500];
	struct sockaddr_in	 sin, here;
	socklen_t		 len = sizeof(sin);
	ssize_t			 n[FLOOD];
	int			 i, fd, sink;

	(void)state;
	qrig_conf.deadline_ms = 1000;
	qrig_conf.max_unproven = 40;
	qrig_conf.max_per_source = 1000;
	started();
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sink = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(sink, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(sink, (struct sockaddr *)&sin, &len), 0);
	here = qrig_where;
	qrig_where = sin;
	for (i = 0; i < FLOOD; i++) {
		qrig_dial_to(200 + i, qrig_socket());
		do
			frame_run(1);
		while ((n[i] = recv(sink, buf[i], sizeof(buf[i]), 0)) <= 0);
		qrig_cancel(200 + i);
	}
	qrig_where = here;
	frame_until(frame_figure("connections") == 0);
	qrig_deaf_keys = 1;
	fd = qrig_socket();
	for (i = 0; i < FLOOD; i++) {
		stranger(fd, buf[i], (size_t)n[i]);
		frame_run(1);
	}
	assert_true(frame_figure("handshakes") <= 12);
	assert_true(frame_figure("retries") >= FLOOD - 12);
	/* and one who is there gets in, once keys is back */
	qrig_deaf_keys = 0;
	qrig_sign();
	qrig_shake();
	frame_until(frame_figure("handshakes") == 0);
	close(fd);
	close(sink);
}

/* The path to the client is cut: nothing more comes in at its socket. */
static void
cut(int fd)
{
	struct sock_filter	 none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog	 prog = { 1, &none };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)), 0);
}

/* A client that hears nothing asks for another socket, and goes on there. */
static void
test_move(void **state)
{
	struct qrig_stream	*s, *c;
	struct qconn_facts	 facts;
	struct msg_number	 number;
	int64_t			 id;
	int			 fd, mine;

	(void)state;
	started();
	mine = dup(fd = qrig_socket());
	qrig_shake_at(fd);
	assert_int_equal(qconn_open(qrig_client->c, &id), 0);
	qrig_send(qrig_client, id, 1000, 0);
	s = qrig_stream(qrig_server, id);
	frame_until(s->in == 1000);
	frame_run(100);
	cut(mine);
	qrig_send(qrig_client, id, 1000, 0);
	frame_until(qrig_asks == 1);
	assert_int_equal(qrig_ask.service, 9);
	assert_int_equal(qrig_ask.index, 3);
	assert_int_equal(qrig_ask.peer.port, ntohs(qrig_where.sin_port));
	/* there is none; it asks again */
	memset(&number, 0, sizeof(number));
	number.number = qrig_ask.number;
	frame_say(&qrig_dial, IMSG_SOCKET_NONE, &number, sizeof(number));
	frame_until(qrig_asks == 2);
	assert_int_equal(channel_send(qrig_dial.far, IMSG_SOCKET,
	    qrig_socket(), &number, sizeof(number)), 0);
	qrig_send(qrig_server, id, 500000, 1);
	c = qrig_stream(qrig_client, id);
	frame_until(c->fin_in && s->in == 2000 && c->odd == 0);
	qconn_facts(qrig_client->c, &facts);
	assert_int_equal(facts.moves, 1);
	frame_until(frame_figure("moves") == 2);
	assert_int_equal(frame_logged("now at"), 1);
	close(mine);
}

/* The client's address changes, as a NAT does it: the server follows. */
static void
test_rebound(void **state)
{
	struct sockaddr		 none = { .sa_family = AF_UNSPEC };
	struct qrig_stream	*s, *c;
	int64_t			 id;
	int			 fd, mine;

	(void)state;
	started();
	mine = dup(fd = qrig_socket());
	qrig_shake_at(fd);
	frame_run(100);
	assert_int_equal(connect(mine, &none, sizeof(none)), 0);
	assert_int_equal(connect(mine, (struct sockaddr *)&qrig_where,
	    sizeof(qrig_where)), 0);
	assert_int_equal(qconn_open(qrig_client->c, &id), 0);
	qrig_send(qrig_client, id, 300000, 1);
	s = qrig_stream(qrig_server, id);
	frame_until(s->fin_in);
	qrig_send(qrig_server, id, 300000, 1);
	c = qrig_stream(qrig_client, id);
	frame_until(c->fin_in);
	frame_until(frame_figure("moves") == 1);
	close(mine);
}

/* Silence ends both sides, each for itself; while they speak it does not. */
static void
test_idle(void **state)
{
	int	 fd, mine;

	(void)state;
	qrig_tls.idle_ms = 600;
	started();
	mine = dup(fd = qrig_socket());
	qrig_shake_at(fd);
	frame_run(2000);
	assert_int_equal(frame_figure("connections"), 2);
	cut(mine);
	frame_until(frame_figure("connections") == 0);
	assert_int_equal(frame_figure("idle"), 2);
	close(mine);
}

/* Nobody is there: said as soon as it is known. */
static void
test_refused(void **state)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 fd;

	(void)state;
	started();
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	qrig_where = sin;
	qrig_dial_to(5, qrig_socket());
	frame_until(qrig_fails == 1);
	assert_string_equal(qrig_failed.words, "Connection refused");
}

/* A stop tells every peer. */
static void
test_stop(void **state)
{
	(void)state;
	started();
	qrig_shake();
	frame_role->stop(0);
	assert_int_equal(frame_exited, 1);
	assert_null(qrig_server);
	assert_null(qrig_client);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		FRAME_ALONE(test_junk),
		FRAME_ALONE(test_ids),
		FRAME_ALONE(test_version),
		FRAME_ALONE(test_gone),
		FRAME_ALONE(test_reset),
		FRAME_ALONE(test_known),
		FRAME_ALONE(test_retry),
		FRAME_ALONE(test_flood),
		FRAME_ALONE(test_move),
		FRAME_ALONE(test_rebound),
		FRAME_ALONE(test_idle),
		FRAME_ALONE(test_refused),
		FRAME_ALONE(test_stop)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
