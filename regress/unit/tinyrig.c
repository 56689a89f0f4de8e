/* SPDX-License-Identifier: ISC */

/*
 * The worker of tinyrig.h, its other processes, its users and targets.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "tiny.h"
#include "tinyrig.h"

#define ASKED	64

struct msg_service	 tiny_conf = {
	.pool_share = 1,
	.name = "web",
	.opts = {
		.mux_version = 2,
		.mux_concurrency = 16,
		.mux_max_streams = 100,
		.mux_framesize = 32768,
		.mux_recvbuffer = 4194304,
		.mux_streambuffer = 2097152,
		.keepalive = 20,
		.memory = 64 * 1024 * 1024,
		.handshake_timeout = 10,
		.user_timeout = 5000,
		.user_queue = 4,
		.prefork = 1,
		.pool = 1,
		.pool_max = 4,
		.retry_interval = 3,
		.dial_timeout = 10
	}
};
struct far_end		 tiny_gate, tiny_dial, tiny_control;
uint64_t		 tiny_proven[64], tiny_closed[64];
int			 tiny_nproven, tiny_nclosed;
struct ctl_session	 tiny_session;

static struct far_end	 keys;
static struct msg_dial	 asked[ASKED];
static int		 nasked;
static struct sockaddr_in where;	/* of the listener, and of targets */
static int		 lfd = -1;

/* ---- the other processes ---- */

static void
gate_got(struct far_end *e, struct imsg *imsg)
{
	struct msg_number	 msg;

	(void)e;
	if (imsg_get_type(imsg) == IMSG_TUNNEL_BLAMED)
		return;
	assert_int_equal(imsg_get_data(imsg, &msg, sizeof(msg)), 0);
	if (imsg_get_type(imsg) == IMSG_TUNNEL_PROVEN)
		tiny_proven[tiny_nproven++] = msg.number;
	else
		tiny_closed[tiny_nclosed++] = msg.number;
}

static void
dial_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	if (imsg_get_type(imsg) == IMSG_DIAL_CANCEL ||
	    imsg_get_type(imsg) == IMSG_DIAL_SETTLED)
		return;
	assert_int_equal(imsg_get_type(imsg), IMSG_DIAL);
	assert_true(nasked < ASKED);
	assert_int_equal(imsg_get_data(imsg, &asked[nasked++],
	    sizeof(asked[0])), 0);
}

static void
control_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	if (imsg_get_type(imsg) == IMSG_CTL_SESSION)
		assert_int_equal(imsg_get_data(imsg, &tiny_session,
		    sizeof(tiny_session)), 0);
}

static void
nothing_got(struct far_end *e, struct imsg *imsg)
{
	(void)e;
	fail_msg("%s", msg_name(imsg_get_type(imsg)));
}

void
tinyrig_keys(const char *const *words, uint32_t n)
{
	struct msg_count	 count = { n };
	struct msg_key		 key;

	for (count.count = 0; count.count < n; count.count++) {
		memset(&key, 0, sizeof(key));
		key.order = count.count;
		memcpy(key.key, words[count.count],
		    strlen(words[count.count]));
		frame_say(&keys, IMSG_KEY, &key, sizeof(key));
	}
	frame_say(&keys, IMSG_KEYS_END, &count, sizeof(count));
}

int
tinyrig_asked(uint32_t what)
{
	int	 i, n = 0;

	for (i = 0; i < nasked; i++)
		n += asked[i].what == what;
	return (n);
}

/* Answers the first request to dial that; fd -1: it refuses. */
static uint32_t
dial_answers(uint32_t what, int fd)
{
	struct msg_dialled	 res;
	uint32_t		 offset;
	int			 i;

	frame_until(tinyrig_asked(what) > 0);
	for (i = 0; asked[i].what != what; i++)
		continue;
	offset = asked[i].offset;
	memset(&res, 0, sizeof(res));
	res.request = asked[i].request;
	asked[i] = asked[--nasked];
	if (fd == -1) {
		res.stage = DIAL_STAGE_CONNECT;
		res.error = ECONNREFUSED;
	}
	assert_int_equal(channel_send(tiny_dial.far, fd == -1 ?
	    IMSG_DIAL_FAILED : IMSG_DIALLED, fd, &res, sizeof(res)), 0);
	return (offset);
}

struct tinypeer *
tinypeer_dialled(void)
{
	struct tinypeer	*p;
	int		 fd;

	p = tinypeer_new(&fd);
	(void)dial_answers(DIAL_REMOTE, fd);
	return (p);
}

struct tinypeer *
tinypeer_dials(uint64_t number)
{
	struct msg_tunnel	 msg;
	struct tinypeer		*p;
	int			 fd;

	p = tinypeer_new(&fd);
	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.left_ms = 5000;
	msg.transport = TRANSPORT_TCPMUX;
	msg.peer.family = ADDR_IPV4;
	memcpy(msg.peer.octets, "\300\0\2", 3);
	msg.peer.octets[3] = (uint8_t)number;
	assert_int_equal(channel_send(tiny_gate.far, IMSG_TUNNEL, fd, &msg,
	    sizeof(msg)), 0);
	return (p);
}

/* ---- users and targets ---- */

static void
listens(void)
{
	socklen_t	 len = sizeof(where);

	where.sin_family = AF_INET;
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(lfd = socket(AF_INET, SOCK_STREAM |
	    SOCK_NONBLOCK | SOCK_CLOEXEC, 0), -1);
	assert_int_equal(bind(lfd, (struct sockaddr *)&where, len), 0);
	assert_int_equal(listen(lfd, 128), 0);
	assert_int_equal(getsockname(lfd, (struct sockaddr *)&where, &len),
	    0);
}

unsigned int
tinyrig_port(void)
{
	return (ntohs(where.sin_port));
}

int
tinyrig_user(void)
{
	int	 fd;

	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
	    0), -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&where,
	    sizeof(where)), 0);
	return (fd);
}

/* The worker's end is as dial gives it: connected and non-blocking. */
uint32_t
tinyrig_target(int *fd)
{
	int	 theirs;

	if (fd == NULL)
		return (dial_answers(DIAL_TARGET, -1));
	*fd = tinyrig_user();
	assert_int_not_equal(theirs = accept4(lfd, NULL, NULL, SOCK_NONBLOCK |
	    SOCK_CLOEXEC), -1);
	return (dial_answers(DIAL_TARGET, theirs));
}

int
tinyrig_hears(int fd, const char *text)
{
	char	 buf[256];
	size_t	 len = strlen(text);

	assert_true(len <= sizeof(buf));
	if (recv(fd, buf, len, MSG_PEEK | MSG_DONTWAIT) != (ssize_t)len)
		return (0);
	assert_memory_equal(buf, text, len);
	assert_int_equal(recv(fd, buf, len, MSG_DONTWAIT), len);
	return (1);
}

int
tinyrig_ended(int fd)
{
	char	 c;
	ssize_t	 n;

	n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
	assert_true(n == 0 || (n == -1 && errno == EAGAIN));
	return (n == 0);
}

int
tinyrig_reset(int fd)
{
	char	 c;
	ssize_t	 n;

	n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
	assert_int_equal(n, -1);
	return (errno == ECONNRESET);
}

void
tinyrig_says(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
	    strlen(text));
}

void
tinyrig_abort(int fd)
{
	struct linger	 rst = { 1, 0 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &rst,
	    sizeof(rst)), 0);
	close(fd);
}

/* ---- the worker ---- */

static void
configure_users(void)
{
	struct msg_listen	 l = { .number = 4 };

	addr_from_sa(&l.addr, (struct sockaddr *)&where);
	assert_int_equal(frame_configure(IMSG_CONF_LISTEN, fcntl(lfd,
	    F_DUPFD_CLOEXEC, 0), &l, sizeof(l), NULL), 0);
}

static void
configure_dialee(enum msg_type type, uint32_t port, uint32_t ports,
    uint32_t transport)
{
	struct msg_dialee	 d = { .port = port, .ports = ports,
				    .transport = transport,
				    .kinds = transport == 0 ? KIND_TCP : 0 };

	(void)strlcpy(d.host, "far.example", sizeof(d.host));
	assert_int_equal(frame_configure(type, -1, &d, sizeof(d), NULL), 0);
}

static void
configure(int reload)
{
	frame_role->begin();
	assert_int_equal(frame_configure(IMSG_CONF_SERVICE, -1, &tiny_conf,
	    sizeof(tiny_conf), NULL), 0);
	if (frame_begin.opens)
		configure_users();
	else
		configure_dialee(IMSG_CONF_TARGET, TINY_TARGET, TINY_TARGETS,
		    0);
	if (frame_begin.dials)
		configure_dialee(IMSG_CONF_REMOTE, 4040, 1,
		    TRANSPORT_TCPMUX);
	frame_role->ready(reload);
}

void
tinyrig_start(int dials, int opens)
{
	static const char *const	 words[] = { TINY_KEY };

	(void)signal(SIGPIPE, SIG_IGN);
	alarm(60);
	listens();
	tiny_conf.side = dials ? SIDE_CLIENT : SIDE_SERVER;
	frame_begin.side = tiny_conf.side;
	frame_begin.dials = dials;
	frame_begin.opens = opens;
	frame_begin.dialect = DIALECT_TINY;
	frame_begin.service = 5;
	frame_start(&role_service);
	frame_join(&tiny_gate, PROC_GATE, 0, SIDE_NONE, gate_got);
	frame_join(&keys, PROC_KEYS, 0, SIDE_NONE, nothing_got);
	frame_join(&tiny_dial, PROC_DIAL, 0, SIDE_NONE, dial_got);
	frame_join(&tiny_control, PROC_CONTROL, 0, SIDE_NONE, control_got);
	frame_asker = tiny_control.near;
	configure(0);
	tinyrig_keys(words, 1);
}

void
tinyrig_reload(void)
{
	frame_begin.changed = CHANGE_TUNNELS;
	configure(1);
}

void
tinyrig_clean(void)
{
	tinypeer_free_all();
	frame_until(frame_figure("sessions") == 0 &&
	    frame_figure("streams") == 0);
	frame_until(frame_figure("memory") == 0);
}
