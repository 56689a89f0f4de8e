/* SPDX-License-Identifier: ISC */

/*
 * A worker of dialect backhaul with all its layers, in a process of its own for
 * each test: what a data tunnel's first octets are taken for.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dialect/backhaul/frames.h"
#include "worker/tunnel/tunnel.h"
#include "workrig.h"
#include "frame.h"

#define TOKEN		"sesame"

struct conn {			/* our end of a tunnel */
	int	 fd;
	uint8_t	 got[4096];
	size_t	 len;
};

static uint64_t		 ntunnels;
static struct wrig_end	 user;

static void
keys_got(struct far_end *e, struct imsg *imsg)
{
	struct msg_token_ask	 ask;
	struct msg_token_told	 told;

	assert_int_equal(imsg_get_type(imsg), IMSG_TOKEN_ASK);
	assert_int_equal(imsg_get_data(imsg, &ask, sizeof(ask)), 0);
	memset(&told, 0, sizeof(told));
	told.number = ask.number;
	told.right = ask.len == strlen(TOKEN) &&
	    memcmp(ask.octets, TOKEN, ask.len) == 0;
	frame_say(e, IMSG_TOKEN_TOLD, &told, sizeof(told));
}

static void
start(enum side side)
{
	struct msg_count	 count = { side == SIDE_CLIENT };
	struct msg_token	 token;

	frame_begin.dialect = DIALECT_BACKHAUL;
	wrig_default(side);
	wrig_conf.opts.mux_version = 1;
	wrig_start(side);
	frame_part(&wrig_keys);
	frame_join(&wrig_keys, PROC_KEYS, 0, SIDE_NONE, keys_got);
	memset(&token, 0, sizeof(token));
	token.len = strlen(TOKEN);
	memcpy(token.octets, TOKEN, token.len);
	if (side == SIDE_CLIENT)
		frame_say(&wrig_keys, IMSG_TOKEN, &token, sizeof(token));
	frame_say(&wrig_keys, IMSG_KEYS_END, &count, sizeof(count));
	frame_run(5);
}

/* ---- tunnels ---- */

/* The worker's end; ours is the conn's. */
static int
conn_new(struct conn *c)
{
	int	 fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fd), 0);
	c->fd = fd[1];
	c->len = 0;
	return (fd[0]);
}

static void
conn_arrives(struct conn *c, uint32_t transport)
{
	struct msg_tunnel	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = ++ntunnels;
	msg.left_ms = 5000;
	msg.transport = transport;
	msg.peer.family = ADDR_IPV4;
	memcpy(msg.peer.octets, "\300\0\2\1", 4);
	assert_int_equal(channel_send(wrig_gate.far, IMSG_TUNNEL, conn_new(c),
	    &msg, sizeof(msg)), 0);
}

static void
conn_say(struct conn *c, const void *p, size_t len)
{
	assert_int_equal(send(c->fd, p, len, MSG_NOSIGNAL), len);
}

/* So many octets, in all, have come. */
static int
conn_has(struct conn *c, size_t len)
{
	ssize_t	 n;

	n = recv(c->fd, c->got + c->len, sizeof(c->got) - c->len, 0);
	if (n > 0)
		c->len += n;
	return (c->len >= len);
}

static int
conn_ended(struct conn *c)
{
	return (recv(c->fd, c->got, sizeof(c->got), 0) == 0);
}

static void
say_token(struct conn *c)
{
	uint8_t	 buf[FRAMES_TYPED + TOKEN_MAX];

	conn_say(c, buf, frames_put_typed(buf, sizeof(buf), FRAME_TOKEN,
	    TOKEN, strlen(TOKEN)));
}

static void
is_answered(struct conn *c)
{
	frame_until(conn_has(c, FRAMES_TYPED + strlen(TOKEN)));
	assert_memory_equal(c->got, "\0\6\1" TOKEN, 9);
}

static void
user_comes(void)
{
	int	 fd;

	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
	    0), -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&wrig_where,
	    sizeof(wrig_where)), 0);
	assert_int_not_equal(fcntl(fd, F_SETFL, O_NONBLOCK), -1);
	wrig_end(&user, fd);
}

/* ---- what the first octets are ---- */

/*
 * The first that a client of the mux's version 1 says may be an answer of one
 * octet, whose length stands where a token's frame has its type.
 */
static void
test_answer_of_one_octet(void **state)
{
	static const uint8_t	 answer[] = { 1, 2, 1, 0, 3, 0, 0, 0, 0 };
	struct conn		 control, data;

	(void)state;
	start(SIDE_SERVER);
	conn_arrives(&control, TRANSPORT_TCPMUX);
	say_token(&control);
	is_answered(&control);
	conn_arrives(&data, TRANSPORT_TCPMUX);
	frame_until(frame_figure("sessions") == 1);
	user_comes();
	frame_until(conn_has(&data, 16));
	conn_say(&data, answer, sizeof(answer));
	frame_until(user.rx == 1 || user.eof || user.error != 0);
	assert_int_equal(user.rx, 1);
	assert_int_equal(frame_figure("sessions"), 1);
}

/* One that says a token after all is its client's new control channel. */
static void
test_client_anew(void **state)
{
	struct conn	 control, data;

	(void)state;
	start(SIDE_SERVER);
	conn_arrives(&control, TRANSPORT_TCPMUX);
	say_token(&control);
	is_answered(&control);
	conn_arrives(&data, TRANSPORT_TCPMUX);
	frame_until(frame_figure("sessions") == 1);
	say_token(&data);
	is_answered(&data);
	frame_until(conn_ended(&control));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		ALONE(test_answer_of_one_octet),
		ALONE(test_client_anew),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
