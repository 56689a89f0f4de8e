/* SPDX-License-Identifier: ISC */

/*
 * One role in the test's process: what worker.c calls it for, and channels
 * whose other ends are the test's.  See frame.h.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "frame.h"

const struct role	*frame_role;
char			 frame_lines[FRAME_LOG][LOG_LINE_MAX];
int			 frame_nlines;

static void
frame_sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	if (frame_nlines < FRAME_LOG)
		(void)strlcpy(frame_lines[frame_nlines++], line,
		    sizeof(frame_lines[0]));
}

int
frame_logged(const char *words)
{
	int	 i, n = 0;

	for (i = 0; i < frame_nlines; i++)
		if (strstr(frame_lines[i], words) != NULL)
			n++;
	return (n);
}

uint64_t
frame_figure(const char *name)
{
	const struct figure	*f;

	for (f = frame_role->figures; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return (figure_value(f));
	fail_msg("no figure %s", name);
	return (0);
}

void
frame_start(const struct role *role)
{
	frame_role = role;
	if (frame_base == NULL)
		assert_non_null(frame_base = event_base_new());
	frame_begin.generation = 3;
	frame_begin.role = role->id;
	log_set_sink(frame_sink, NULL);
	log_set_level(LOGLEVEL_DEBUG);
	role->init();
}

void
frame_turn(int flags)
{
	assert_int_not_equal(event_base_loop(frame_base, flags), -1);
}

void
frame_run(int ms)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };

	(void)event_base_loopexit(frame_base, &tv);
	frame_turn(0);
}

int
frame_configure(uint32_t type, int fd, const void *data, size_t len,
    int (*look)(struct imsg *))
{
	struct imsgbuf	 out, in;
	struct imsg	 imsg;
	const char	*why;
	int		 sp[2], r;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sp), 0);
	assert_int_equal(imsgbuf_init(&out, sp[0]), 0);
	assert_int_equal(imsgbuf_init(&in, sp[1]), 0);
	imsgbuf_allow_fdpass(&out);
	imsgbuf_allow_fdpass(&in);
	assert_int_equal(imsg_compose(&out, type, 0, 0, fd, data, len), 1);
	assert_int_equal(imsgbuf_flush(&out), 0);
	assert_int_equal(imsgbuf_read(&in), 1);
	assert_int_equal(imsgbuf_get(&in, &imsg), 1);
	assert_int_equal(msg_check(frame_role->id, PROC_PARENT, &imsg, &why),
	    0);
	r = frame_role->configure(&imsg);
	if (look != NULL)
		assert_int_equal(look(&imsg), 1);
	imsg_free(&imsg);
	imsgbuf_clear(&out);
	imsgbuf_clear(&in);
	close(sp[0]);
	close(sp[1]);
	return (r);
}

static void
frame_near_dispatch(struct channel *ch, struct imsg *imsg)
{
	frame_role->message(ch, imsg);
}

static void
frame_near_gone(struct channel *ch, const char *why)
{
	(void)why;
	frame_role->left(ch);
	((struct far_end *)channel_arg(ch))->near = NULL;
	channel_close(ch);
}

static void
frame_far_dispatch(struct channel *ch, struct imsg *imsg)
{
	struct far_end	*e = channel_arg(ch);

	e->got(e, imsg);
}

static void
frame_far_gone(struct channel *ch, const char *why)
{
	assert_null(why);
	((struct far_end *)channel_arg(ch))->gone = 1;
}

static const struct channel_ops	 frame_near_ops = {
	.dispatch = frame_near_dispatch, .gone = frame_near_gone
};
static const struct channel_ops	 frame_far_ops = {
	.dispatch = frame_far_dispatch, .gone = frame_far_gone
};

int
frame_join_deaf(struct far_end *e, enum proc_role role, uint32_t service,
    enum side side)
{
	struct msg_channel	 them;
	int			 sp[2];

	memset(e, 0, sizeof(*e));
	memset(&them, 0, sizeof(them));
	them.role = role;
	them.service = service;
	them.side = side;
	if (role == PROC_SERVICE)
		snprintf(them.name, sizeof(them.name), "service%u", service);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, sp), 0);
	e->near = channel_open(frame_base, sp[0], frame_role->id, &them,
	    &frame_near_ops, e);
	assert_non_null(e->near);
	frame_role->joined(e->near);
	return (sp[1]);
}

void
frame_hear(struct far_end *e, int fd,
    void (*got)(struct far_end *, struct imsg *))
{
	struct msg_channel	 us;

	memset(&us, 0, sizeof(us));
	us.role = frame_role->id;
	e->got = got;
	e->far = channel_open(frame_base, fd, channel_peer(e->near)->role,
	    &us, &frame_far_ops, e);
	assert_non_null(e->far);
}

void
frame_join(struct far_end *e, enum proc_role role, uint32_t service,
    enum side side, void (*got)(struct far_end *, struct imsg *))
{
	frame_hear(e, frame_join_deaf(e, role, service, side), got);
}

void
frame_part(struct far_end *e)
{
	if (e->near != NULL) {
		frame_role->left(e->near);
		channel_close(e->near);
	}
	channel_close(e->far);
	memset(e, 0, sizeof(*e));
}

void
frame_say(struct far_end *e, uint32_t type, const void *data, size_t len)
{
	assert_int_equal(channel_send(e->far, type, -1, data, len), 0);
}
