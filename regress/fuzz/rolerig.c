/* SPDX-License-Identifier: ISC */

/*
 * See rolerig.h.  The monotonic clock is ours, libevent's too: what depends on
 * time depends on the input alone.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "rolerig.h"

static const struct role	*rig_role;
static struct event_base	*rig_base;
static struct msg_begin		 rig_self;
static uint64_t			 clock_us = 1000000;

/* In place of libc's. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
		return ((int)syscall(SYS_clock_gettime, id, ts));
	ts->tv_sec = (time_t)(clock_us / 1000000);
	ts->tv_nsec = (long)(clock_us % 1000000) * 1000;
	return (0);
}

/* ---- the frame ---- */

struct event_base *
worker_base(void)
{
	return (rig_base);
}

const struct msg_begin *
worker_self(void)
{
	return (&rig_self);
}

uint64_t
worker_now(void)
{
	return (clock_us);
}

void
worker_tell(uint32_t type, const void *data, size_t len)
{
	must(strcmp(msg_name(type), "?") != 0 && (data != NULL || len == 0));
}

void
worker_complain(struct channel *ch, const char *why)
{
	struct rig_peer	*p = channel_arg(ch);

	must(why != NULL && p->near == ch);
	p->near = NULL;
	if (rig_role->left != NULL)
		rig_role->left(ch);
	channel_close(ch);
}

void
worker_done(struct channel *ch, uint32_t request, const char *failure)
{
	must(ch == NULL && request == 1 && failure == NULL);
}

void
worker_exit(void)
{
}

uint64_t
rig_figure(const char *name)
{
	const struct figure	*f;

	for (f = rig_role->figures; strcmp(f->name, name) != 0; f++)
		must(f[1].name != NULL);
	return (figure_value(f));
}

/* ---- an input, and time ---- */

static void
rig_sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	must(strlen(line) < LOG_LINE_MAX);
}

void
rig_side(enum side side)
{
	rig_self.side = side;
}

int
rig_start(const struct role *role, const uint8_t *p, size_t n)
{
	script_begin(p, n);
	if (rig_base != NULL)
		return (0);
	must(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	must((rig_base = event_base_new()) != NULL);
	log_set_sink(rig_sink, NULL);
	log_set_level(LOGLEVEL_DEBUG);
	rig_self.generation = 3;
	if ((rig_role = role) != NULL) {
		rig_self.role = role->id;
		role->init();
	}
	return (1);
}

void
rig_pass(uint64_t ms)
{
	clock_us += ms * 1000;
	/* what one turn begins, a second ends, or it waits for more time */
	must(event_base_loop(rig_base, EVLOOP_NONBLOCK) != -1);
	must(event_base_loop(rig_base, EVLOOP_NONBLOCK) != -1);
}

/* ---- siblings ---- */

int
rig_configure(enum proc_role self, uint32_t type, int fd,
    const void *data, size_t len, int (*take)(struct imsg *))
{
	struct imsgbuf	 out, in;
	struct imsg	 imsg;
	const char	*why;
	int		 sp[2], r;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sp) == 0 &&
	    imsgbuf_init(&out, sp[0]) == 0 && imsgbuf_init(&in, sp[1]) == 0);
	imsgbuf_allow_fdpass(&out);
	imsgbuf_allow_fdpass(&in);
	must(imsg_compose(&out, type, 0, 0, fd, data, len) == 1 &&
	    imsgbuf_flush(&out) == 0 && imsgbuf_read(&in) == 1 &&
	    imsgbuf_get(&in, &imsg) == 1);
	must(msg_check(self, PROC_PARENT, &imsg, &why) == 0);
	r = take(&imsg);
	imsg_free(&imsg);
	imsgbuf_clear(&out);
	imsgbuf_clear(&in);
	close(sp[0]);
	close(sp[1]);
	return (r);
}

static void
near_dispatch(struct channel *ch, struct imsg *imsg)
{
	rig_role->message(ch, imsg);
}

static void
near_gone(struct channel *ch, const char *why)
{
	worker_complain(ch, why == NULL ? "" : why);
}

static void
far_dispatch(struct channel *ch, struct imsg *imsg)
{
	struct rig_peer	*p = channel_arg(ch);
	int		 fd;

	if (p->got != NULL)
		p->got(p, imsg);
	if ((fd = imsg_get_fd(imsg)) != -1)
		close(fd);
}

/* The role closes where it complains, and never says what it may not. */
static void
far_gone(struct channel *ch, const char *why)
{
	must(why == NULL && channel_arg(ch) != NULL);
}

static const struct channel_ops	 near_ops = {
	.dispatch = near_dispatch, .gone = near_gone
};
static const struct channel_ops	 far_ops = {
	.dispatch = far_dispatch, .gone = far_gone
};

void
rig_join(struct rig_peer *p, enum proc_role role, uint32_t service,
    enum side side)
{
	struct msg_channel	 them, us;
	int			 sp[2];

	memset(&them, 0, sizeof(them));
	memset(&us, 0, sizeof(us));
	them.role = role;
	them.service = service;
	them.side = side;
	if (role == PROC_SERVICE)
		snprintf(them.name, sizeof(them.name), "service%u", service);
	us.role = rig_role->id;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, sp) == 0);
	p->near = channel_open(rig_base, sp[0], rig_role->id, &them,
	    &near_ops, p);
	p->far = channel_open(rig_base, sp[1], role, &us, &far_ops, p);
	must(p->near != NULL && p->far != NULL);
	/* the parent is there before the role is */
	if (role != PROC_PARENT && rig_role->joined != NULL)
		rig_role->joined(p->near);
}

void
rig_say(struct rig_peer *p, uint32_t type, int fd, const void *data,
    size_t len)
{
	/* -1: the role has closed it, and its end is seen later */
	(void)channel_send(p->far, type, fd, data, len);
}

void
rig_part(struct rig_peer *p)
{
	if (p->near != NULL)
		worker_complain(p->near, "it ends");
	channel_close(p->far);
	p->far = NULL;
}
