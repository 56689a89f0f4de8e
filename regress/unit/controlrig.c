/* SPDX-License-Identifier: ISC */

/* See controlrig.h: played processes; askers. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/control/asker.h"
#include "controlrig.h"
#include "frame.h"

#define TURNS_MS	30000	/* at most, until what is awaited is there */
#define TURNS_MIN	16	/* no message is passed on more often */

uint32_t			 told;
struct ctl_request		 told_req;
struct played			 parent, gate, ssh0, ssh1, web;
struct sockaddr_un		 address;

static char			 dir[] = "/tmp/control_test.XXXXXX";
static int			 log_read;

static void
hear(uint32_t type, const void *data, size_t len)
{
	told = type;
	assert_int_equal(len, sizeof(told_req));
	memcpy(&told_req, data, len);
}

static void
played_dispatch(struct channel *ch, struct imsg *imsg)
{
	role_control.message(ch, imsg);
}

static void
played_gone(struct channel *ch, const char *why)
{
	(void)why;
	role_control.left(ch);
	channel_close(ch);
}

static const struct channel_ops	 played_ops = {
	.dispatch = played_dispatch,
	.gone = played_gone
};

/* ---- turning ---- */

static uint64_t
real_ms(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);	/* a test has its own */
	return (ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000);
}

void
turn(void)
{
	(void)event_base_loop(frame_base, EVLOOP_NONBLOCK);
}

void
turn_for(uint64_t ms)
{
	uint64_t	end = real_ms() + ms;
	int		i;

	/* What is under way is through, even if we are away until then. */
	for (i = 0; i < TURNS_MIN; i++)
		turn();
	while (real_ms() < end) {
		turn();
		(void)poll(NULL, 0, 1);
	}
}

int
next(struct imsgbuf *buf, struct imsg *imsg)
{
	struct pollfd	pfd;
	uint64_t	end = real_ms() + TURNS_MS;
	int		n;

	for (;;) {
		n = imsgbuf_get(buf, imsg);
		assert_int_not_equal(n, -1);
		if (n == 1)
			return (1);
		turn();
		pfd.fd = buf->fd;
		pfd.events = POLLIN;
		if (poll(&pfd, 1, 1) == 1) {
			n = imsgbuf_read(buf);
			if (n == 0 || (n == -1 && errno == ECONNRESET))
				return (0);
			assert_int_equal(n, 1);
		}
		assert_true(real_ms() < end);
	}
}

void
play(struct played *p, enum proc_role role, uint32_t service, uint32_t index,
    const char *name)
{
	struct msg_channel	who;
	int			fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fd), 0);
	memset(&who, 0, sizeof(who));
	who.role = role;
	who.service = service;
	who.index = index;
	who.generation = 1;
	if (role == PROC_SERVICE)
		who.side = SIDE_SERVER;
	(void)strlcpy(who.name, name, sizeof(who.name));
	p->ch = channel_open(frame_base, fd[0], PROC_CONTROL, &who, &played_ops,
	    NULL);
	assert_non_null(p->ch);
	p->fd = fd[1];
	assert_int_equal(imsgbuf_init(&p->buf, fd[1]), 0);
	if (role != PROC_PARENT)
		role_control.joined(p->ch);
}

void
unplay(struct played *p)
{
	if (p->fd == -1)
		return;
	imsgbuf_clear(&p->buf);
	close(p->fd);
	p->fd = -1;
	turn_for(5);
}

void
say(struct played *p, uint32_t type, const void *data, size_t len)
{
	assert_int_equal(imsg_compose(&p->buf, type, 0, 0, -1, data, len), 1);
	while (imsgbuf_queuelen(&p->buf) > 0) {
		assert_int_equal(imsgbuf_write(&p->buf), 0);
		turn();
	}
}

void
say_done(struct played *p, uint32_t request, int failed, const char *words)
{
	struct ctl_done	done;

	memset(&done, 0, sizeof(done));
	done.request = request;
	done.failed = failed;
	(void)strlcpy(done.words, words, sizeof(done.words));
	say(p, IMSG_CTL_DONE, &done, sizeof(done));
}

/* What this process was asked. */
struct ctl_request
asked(struct played *p, uint32_t type)
{
	struct ctl_request	req;
	struct imsg		imsg;

	assert_int_equal(next(&p->buf, &imsg), 1);
	assert_int_equal(imsg_get_type(&imsg), type);
	assert_int_equal(imsg_get_data(&imsg, &req, sizeof(req)), 0);
	imsg_free(&imsg);
	assert_int_not_equal(req.request, 0);
	return (req);
}

/* ---- askers ---- */

void
dial(struct imsgbuf *buf)
{
	int	fd;

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(imsgbuf_init(buf, fd), 0);
	turn();
}

void
hang_up(struct imsgbuf *buf)
{
	imsgbuf_clear(buf);
	close(buf->fd);
	turn_for(3);
}

void
request(struct imsgbuf *buf, uint32_t type, const char *service,
    const struct ctl_session_id *id)
{
	struct ctl_request	req;

	memset(&req, 0, sizeof(req));
	req.version = CTL_VERSION;
	req.arg = UINT32_MAX;
	if (id != NULL)
		req.session = *id;
	(void)strlcpy(req.service, service, sizeof(req.service));
	assert_int_equal(imsg_compose(buf, type, CTL_VERSION, 0, -1, &req,
	    sizeof(req)), 1);
	assert_int_equal(imsgbuf_write(buf), 0);
	turn();
}

void
answered(struct imsgbuf *buf, uint32_t type, void *data, size_t len)
{
	struct imsg	imsg;

	assert_int_equal(next(buf, &imsg), 1);
	assert_int_equal(imsg_get_type(&imsg), type);
	assert_int_equal(imsg_get_id(&imsg), CTL_VERSION);
	assert_int_equal(imsg_get_data(&imsg, data, len), 0);
	imsg_free(&imsg);
}

void
finished(struct imsgbuf *buf, int failed, const char *words)
{
	struct ctl_done	done;

	answered(buf, IMSG_CTL_DONE, &done, sizeof(done));
	assert_string_equal(done.words, words);
	assert_int_equal(done.failed, failed);
	assert_int_equal(done.request, 0);
}

int
closed(struct imsgbuf *buf)
{
	struct imsg	imsg;
	int		n;

	while ((n = next(buf, &imsg)) == 1)
		imsg_free(&imsg);
	return (n == 0);
}

/* ---- set-up ---- */

void
configure_all(uid_t owner)
{
	struct msg_control	control;
	struct msg_logdest	dest;
	int			fd, p[2];

	role_control.begin();
	(void)unlink(address.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	assert_int_equal(chmod(address.sun_path, 0777), 0);
	assert_int_equal(listen(fd, 128), 0);
	memset(&control, 0, sizeof(control));
	control.owner = owner;
	assert_int_equal(frame_configure(IMSG_CONF_CONTROL, fd, &control,
	    sizeof(control), NULL), 0);
	assert_int_equal(pipe(p), 0);
	memset(&dest, 0, sizeof(dest));
	dest.dest = LOGDEST_STDERR;
	assert_int_equal(frame_configure(IMSG_CONF_LOG, p[1], &dest,
	    sizeof(dest), NULL), 0);
	if (log_read > 0)
		close(log_read);
	log_read = p[0];
	assert_int_equal(fcntl(log_read, F_SETFL, O_NONBLOCK), 0);
	role_control.ready(frame_base == NULL);
}

int
rig_setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(dir) == NULL || chmod(dir, 0755) == -1)
		return (-1);
	address.sun_family = AF_UNIX;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s",
	    dir);
	frame_tell = hear;
	frame_start(&role_control);
	log_set_level(LOGLEVEL_INFO);
	play(&parent, PROC_PARENT, 0, 0, "");
	play(&gate, PROC_GATE, 0, 0, "");
	play(&ssh0, PROC_SERVICE, 1, 0, "ssh");
	play(&ssh1, PROC_SERVICE, 1, 1, "ssh");
	play(&web, PROC_SERVICE, 2, 0, "web");
	configure_all(geteuid());
	return (0);
}

int
rig_teardown(void **state)
{
	(void)state;
	assert_int_equal(frame_done, 0);
	(void)unlink(address.sun_path);
	(void)rmdir(dir);
	return (0);
}

const char *
logged(void)
{
	static char	buf[65536];
	size_t		len = 0;
	ssize_t		n;

	turn_for(3);
	while (len < sizeof(buf) - 1 &&
	    (n = read(log_read, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += n;
	buf[len] = '\0';
	return (buf);
}
