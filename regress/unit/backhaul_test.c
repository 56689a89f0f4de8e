/* SPDX-License-Identifier: ISC */

/*
 * A worker of dialect backhaul with all its layers, in a process of its own for
 * each test: what a data tunnel's first octets are taken for, that no peer
 * keeps the worker busy with what says nothing, and which streams can be asked
 * for.
 */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#ifdef __linux__
#include <linux/filter.h>
#endif

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dialect/backhaul/frames.h"
#include "worker/dialect/dialect.h"
#include "worker/tunnel/tunnel.h"
#include "workrig.h"
#include "frame.h"

#define TOKEN		"sesame"
#define LATE_US		400000
#define UNASKED		1024
#define MESSAGES	1000
#define TURNS		10	/* of the loop, that they take at least */

struct conn {			/* our end of a tunnel */
	int	 fd;
	int	 theirs;		/* by TCP: a copy of the worker's */
	uint8_t	 got[4096];
	size_t	 len;
};

static uint64_t		 ntunnels;
static uint32_t		 mux_streams;	/* 0: as usual */
static struct wrig_end	 user, second;

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
	told.id = told.right;
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
	if (mux_streams != 0)
		wrig_conf.opts.mux_concurrency =
		    wrig_conf.opts.mux_max_streams = mux_streams;
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

/* The same by TCP. */
static int
conn_new_tcp(struct conn *c)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 lfd, fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(lfd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(lfd, 1), 0);
	assert_int_equal(getsockname(lfd, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&sin, len), 0);
	fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_not_equal(c->theirs = dup(fd), -1);
	assert_int_not_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), -1);
	close(lfd);
	c->len = 0;
	return (fd);
}

static void
conn_given(int fd, uint32_t transport)
{
	struct msg_tunnel	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = ++ntunnels;
	msg.left_ms = 5000;
	msg.transport = transport;
	msg.peer.family = ADDR_IPV4;
	memcpy(msg.peer.octets, "\300\0\2\1", 4);
	assert_int_equal(channel_send(wrig_gate.far, IMSG_TUNNEL, fd, &msg,
	    sizeof(msg)), 0);
}

static void
conn_arrives(struct conn *c, uint32_t transport)
{
	conn_given(conn_new(c), transport);
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
user_comes(struct wrig_end *e)
{
	int	 fd;

	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
	    0), -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&wrig_where,
	    sizeof(wrig_where)), 0);
	assert_int_not_equal(fcntl(fd, F_SETFL, O_NONBLOCK), -1);
	wrig_end(e, fd);
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
	user_comes(&user);
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

#ifdef SO_ATTACH_FILTER
/* From here on its host takes nothing, and acknowledges nothing. */
static void
conn_unplug(struct conn *c)
{
	struct sock_filter	 none = { .code = BPF_RET | BPF_K };
	struct sock_fprog	 prog = { 1, &none };

	assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)), 0);
}

/* Was something said to it? */
static int
conn_unheard(const struct conn *c)
{
	struct tcp_info	 info;
	socklen_t	 len = sizeof(info);

	assert_int_equal(getsockopt(c->theirs, IPPROTO_TCP, TCP_INFO, &info,
	    &len), 0);
	return (info.tcpi_unacked > 0);
}

/* A client with a tunnel for one user; he has it, and one more comes. */
static void
client_in_use(struct conn *control, uint32_t transport, int unplugged)
{
	struct conn	 data;
	uint64_t	 since;

	mux_streams = transport & TRANSPORT_MUX ? 1 : 0;
	start(SIDE_SERVER);
	conn_given(conn_new_tcp(control), transport);
	say_token(control);
	is_answered(control);
	conn_arrives(&data, transport);
	frame_until(frame_figure("sessions") == 1);
	if (unplugged)
		conn_unplug(control);
	user_comes(&user);
	frame_until(conn_has(&data, 1));
	user_comes(&second);
	if (!unplugged)
		return;
	frame_until(conn_unheard(control));
	since = worker_now();
	frame_until(worker_now() > since + LATE_US);
}

/* A client that lost its power says its token: nobody is given to it before. */
static void
client_is_back(uint32_t transport)
{
	struct conn	 control, again;

	client_in_use(&control, transport, 1);
	conn_arrives(&again, transport);
	frame_until(frame_figure("sessions") == 2);
	frame_run(200);
	assert_false(conn_has(&again, 1));
	say_token(&again);
	is_answered(&again);
	assert_int_equal(frame_figure("sessions"), 1);
}

static void
test_client_back(void **state)
{
	(void)state;
	client_is_back(TRANSPORT_TCP);
}

static void
test_client_back_mux(void **state)
{
	(void)state;
	client_is_back(TRANSPORT_TCPMUX);
}

/* One that says nothing is a data tunnel all the same, in a while. */
static void
test_late_but_alive(void **state)
{
	struct conn	 control, data;
	uint64_t	 since;

	(void)state;
	client_in_use(&control, TRANSPORT_TCP, 1);
	conn_arrives(&data, TRANSPORT_TCP);
	since = worker_now();
	frame_until(conn_has(&data, 3));
	assert_true(worker_now() - since > 900 * 1000);
	assert_int_equal(data.got[2], FRAME_TCP);
}
#endif

/* And where the client lives, at once. */
static void
test_given_at_once(void **state)
{
	struct conn	 control, data;
	uint64_t	 since;

	(void)state;
	client_in_use(&control, TRANSPORT_TCP, 0);
	conn_arrives(&data, TRANSPORT_TCP);
	since = worker_now();
	frame_until(conn_has(&data, 3));
	assert_true(worker_now() - since < 500 * 1000);
}

/* ---- how many there were ---- */

static void
say_request(struct conn *c, const char *path)
{
	static const char	 fmt[] =
	    "GET %s HTTP/1.1\r\n"
	    "Host: far.example\r\n"
	    "Authorization: Bearer " TOKEN "\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Upgrade: websocket\r\n\r\n";
	char			 buf[512];

	snprintf(buf, sizeof(buf), fmt, path);
	conn_say(c, buf, strlen(buf));
	frame_until(conn_has(c, 12));
	assert_memory_equal(c->got, "HTTP/1.1 101", 12);
}

/* Signals that ask for a tunnel, one a message, behind the answer. */
static int
asked_for(struct conn *c)
{
	static const uint8_t	 channel[] = { 0x82, 1, SIGNAL_CHANNEL };
	size_t			 i;
	int			 n = 0;

	(void)conn_has(c, 0);
	for (i = 0; i + 3 <= c->len; i++)
		n += memcmp(c->got + i, channel, 3) == 0;
	return (n);
}

/* Those that nobody gets yet, behind their upgrade, are there all the same. */
static void
test_upgrading_count(void **state)
{
	struct conn	 control, data[4];
	int		 i;

	(void)state;
	start(SIDE_SERVER);
	conn_arrives(&control, TRANSPORT_TCPMUX | TRANSPORT_WS);
	say_request(&control, "/channel");
	for (i = 0; i < 4; i++) {
		conn_arrives(&data[i], TRANSPORT_TCPMUX | TRANSPORT_WS);
		say_request(&data[i], "/tunnel/1");
	}
	frame_until(frame_figure("sessions") == 4);
	for (i = 0; i < 3; i++)
		close(data[i].fd);
	frame_until(frame_figure("sessions") == 1);
	frame_until(asked_for(&control) >= 3);
}

/* ---- more than can be of use ---- */

/* So many wait; one more, and the first goes.  Who has a user stays. */
static void
test_surplus(void **state)
{
	static struct conn	 data[UNASKED + 2];
	struct rlimit		 rl;
	struct conn		 control;
	int			 i;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = rl.rlim_max;
	if (rl.rlim_cur < 8 * UNASKED ||
	    setrlimit(RLIMIT_NOFILE, &rl) == -1)
		skip();
	start(SIDE_SERVER);
	wrig_conf.opts.user_queue = 1;
	wrig_configured(1);
	conn_arrives(&control, TRANSPORT_TCPMUX);
	say_token(&control);
	is_answered(&control);
	conn_arrives(&data[0], TRANSPORT_TCPMUX);
	frame_until(frame_figure("sessions") == 1);
	user_comes(&user);
	frame_until(conn_has(&data[0], 1));
	for (i = 1; i <= UNASKED; i++) {
		conn_arrives(&data[i], TRANSPORT_TCPMUX);
		if (i % 32 == 0)
			frame_until(frame_figure("sessions") ==
			    (uint64_t)i + 1);
	}
	assert_int_equal(frame_figure("tunnels_surplus"), 0);
	frame_nlines = 0;		/* they are full */
	conn_arrives(&data[i], TRANSPORT_TCPMUX);
	frame_until(conn_ended(&data[1]));
	assert_int_equal(frame_figure("tunnels_surplus"), 1);
	assert_int_equal(frame_figure("sessions"), UNASKED + 1);
	assert_int_equal(frame_logged("more than 1024 wait"), 1);
	assert_true(conn_has(&data[0], 1));
}

/* ---- messages that say nothing ---- */

/* So many come at once.  How many turns of the loop they take. */
static int
turns_for(struct conn *c, const void *message, size_t len)
{
	static uint8_t	 octets[8 * MESSAGES];
	int		 i, left;

	for (i = 0; i < MESSAGES; i++)
		memcpy(octets + i * len, message, len);
	conn_say(c, octets, i * len);
	for (i = 0;; i++) {
		assert_int_equal(ioctl(c->fd, TIOCOUTQ, &left), 0);
		if (left == 0)
			return (i);
		frame_turn(EVLOOP_ONCE);
	}
}

static void
test_empty_signals(void **state)
{
	static const uint8_t	 empty[] = { 0x82, 0x80, 1, 2, 3, 4 };
	struct conn		 c;

	(void)state;
	start(SIDE_SERVER);
	conn_arrives(&c, TRANSPORT_TCP | TRANSPORT_WS);
	say_request(&c, "/channel");
	assert_true(turns_for(&c, empty, sizeof(empty)) >= TURNS);
	assert_false(conn_ended(&c));
}

/* dial has connected: the server's answer to the request. */
static void
serve(struct conn *c, unsigned int nasked)
{
	struct http_head	 h;
	char			 buf[512];

	frame_until(wrig_nasked == nasked);
	assert_int_equal(wrig_asked.what, DIAL_REMOTE);
	wrig_dialled(conn_new(c));
	frame_until(conn_has(c, 1) && http_request(&h, c->got, c->len) > 0);
	conn_say(c, buf, http_put_upgrade(buf, sizeof(buf), &h));
}

static void
test_idle_pings(void **state)
{
	static const uint8_t	 ping[] = { 0x82, 1, 2 };
	struct msg_dialee	 d = { .port = 80, .ports = 1, .transport =
				    TRANSPORT_TCP | TRANSPORT_WS };
	struct conn		 control, data;

	(void)state;
	start(SIDE_CLIENT);
	wrig_nasked = 0;
	frame_role->begin();
	strlcpy(d.host, "far.example", sizeof(d.host));
	assert_int_equal(frame_configure(IMSG_CONF_SERVICE, -1, &wrig_conf,
	    sizeof(wrig_conf), NULL), 0);
	assert_int_equal(frame_configure(IMSG_CONF_REMOTE, -1, &d, sizeof(d),
	    NULL), 0);
	frame_role->ready(1);
	serve(&control, 1);
	serve(&data, 2);
	frame_until(frame_figure("sessions") == 1);
	assert_true(turns_for(&data, ping, sizeof(ping)) >= TURNS);
	assert_int_equal(frame_figure("sessions"), 1);
}

/* ---- what a stream is for ---- */

/*
 * Only a bare tunnel has a word for datagrams; others may be left from before a
 * reload.
 */
static void
test_datagrams(void **state)
{
	static const uint32_t	 without[] = { TRANSPORT_TCPMUX, TRANSPORT_TCP |
				    TRANSPORT_WS, TRANSPORT_TCPMUX |
				    TRANSPORT_WS };
	const struct dialect	*d = dialect_get(DIALECT_BACKHAUL);
	struct service		 service;
	struct tunnel		 t;
	struct want		 w;
	uint8_t			 buf[WANT_MAX];
	size_t			 i;

	(void)state;
	memset(&service, 0, sizeof(service));
	memset(&t, 0, sizeof(t));
	memset(&w, 0, sizeof(w));
	t.service = &service;
	t.transport = TRANSPORT_TCP;
	w.kind = WANT_UDP;
	w.listener.port = 53;
	assert_int_equal(d->put_want(&t, &w, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "\0\2\5" "53", 5);
	for (i = 0; i < 3; i++) {
		t.transport = without[i];
		assert_int_equal(d->put_want(&t, &w, buf, sizeof(buf)), -1);
	}
	w.kind = WANT_TCP;
	t.transport = TRANSPORT_TCPMUX;
	assert_int_equal(d->put_want(&t, &w, buf, sizeof(buf)), 4);
}

/* A listener on 0.0.0.0 has users at each address of the host. */
static void
test_target_of_all(void **state)
{
	const struct dialect	*d = dialect_get(DIALECT_BACKHAUL);
	struct msg_mapping	 maps[2];
	struct service		 service;
	struct tunnel		 t;
	struct want		 w;
	uint8_t			 buf[WANT_MAX];

	(void)state;
	memset(maps, 0, sizeof(maps));
	memset(&service, 0, sizeof(service));
	memset(&t, 0, sizeof(t));
	memset(&w, 0, sizeof(w));
	maps[0].kinds = maps[1].kinds = KIND_TCP;
	maps[0].port = maps[0].port_last = 53;
	maps[0].addr.family = maps[1].addr.family = ADDR_IPV4;
	strlcpy(maps[0].to, "one", sizeof(maps[0].to));
	maps[1].port = maps[1].port_last = 53;
	maps[1].addr.octets[0] = 10;
	service.mappings = maps;
	service.nmappings = 1;
	t.service = &service;
	t.transport = TRANSPORT_TCP;
	w.kind = WANT_TCP;
	w.listener.family = ADDR_IPV4;
	memcpy(w.listener.octets, "\300\0\2\1", 4);
	w.listener.port = 53;
	assert_int_equal(d->put_want(&t, &w, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "\0\3\4" "one", 6);
	/* another address of its own is not its */
	service.mappings = maps + 1;
	assert_int_equal(d->put_want(&t, &w, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "\0\2\4" "53", 5);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		ALONE(test_answer_of_one_octet),
		ALONE(test_client_anew),
#ifdef SO_ATTACH_FILTER
		ALONE(test_client_back),
		ALONE(test_client_back_mux),
		ALONE(test_late_but_alive),
#endif
		ALONE(test_given_at_once),
		ALONE(test_upgrading_count),
		ALONE(test_surplus),
		ALONE(test_empty_signals),
		ALONE(test_idle_pings),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_target_of_all),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
