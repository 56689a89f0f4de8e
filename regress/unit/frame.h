/* SPDX-License-Identifier: ISC */

/*
 * What worker.c is to a role, for tests of one role in one process: the loop,
 * configuration by messages, and channels whose other ends are the test's.
 * Included by the test, once.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "worker/worker.h"

#define FRAME_LOG	200	/* lines kept */

struct far_end {		/* the test's end of a channel to the role */
	struct channel	*near;	/* the role's */
	struct channel	*far;
	void		(*got)(struct far_end *, struct imsg *);
	int		 gone;
};

static const struct role	*frame_role;
static struct event_base	*frame_base;
static struct msg_begin		 frame_begin;
static int			 frame_complaints;
static int			 frame_exited;
static char			 frame_lines[FRAME_LOG][LOG_LINE_MAX];
static int			 frame_nlines;
static struct ctl_counter	 frame_counters[32];
static int			 frame_ncounters;
static int			 frame_done;
static struct channel		*frame_asker;	/* where it matters */
static char			 frame_words[256];	/* of a failure */
static uint64_t			 frame_ahead;	/* of the clock, usec */
static uint32_t			 frame_told[IMSG_MAX];	/* to the parent */

struct event_base *
worker_base(void)
{
	return (frame_base);
}

const struct msg_begin *
worker_self(void)
{
	return (&frame_begin);
}

uint64_t
worker_now(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000 + frame_ahead);
}

void
worker_tell(uint32_t type, const void *data, size_t len)
{
	(void)data;
	(void)len;
	frame_told[type]++;
}

void
worker_complain(struct channel *ch, const char *why)
{
	(void)ch;
	(void)why;
	frame_complaints++;
}

void
worker_counter(struct channel *ch, uint32_t request, const char *name,
    uint64_t value)
{
	struct ctl_counter	*c = &frame_counters[frame_ncounters++];

	(void)ch;
	assert_int_equal(request, 77);
	assert_true(frame_ncounters <= 32);
	assert_true(strlcpy(c->name, name, sizeof(c->name)) <
	    sizeof(c->name));
	c->value = value;
}

void
worker_done(struct channel *ch, uint32_t request, const char *failure)
{
	(void)ch;
	assert_int_equal(request, 77);
	frame_done = failure == NULL ? 1 : -1;
	(void)strlcpy(frame_words, failure == NULL ? "" : failure,
	    sizeof(frame_words));
}

void
worker_exit(void)
{
	frame_exited = 1;
}

static void
frame_sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	if (frame_nlines < FRAME_LOG)
		(void)strlcpy(frame_lines[frame_nlines++], line,
		    sizeof(frame_lines[0]));
}

/* Lines that have these words in them. */
static int
frame_logged(const char *words)
{
	int	 i, n = 0;

	for (i = 0; i < frame_nlines; i++)
		if (strstr(frame_lines[i], words) != NULL)
			n++;
	return (n);
}

static uint64_t
frame_figure(const char *name)
{
	struct ctl_request	 rq;
	int			 i;

	memset(&rq, 0, sizeof(rq));
	rq.request = 77;
	frame_ncounters = frame_done = 0;
	frame_role->ask(frame_asker, IMSG_CTL_SUMMARY, &rq);
	assert_int_equal(frame_done, 1);
	for (i = 0; i < frame_ncounters; i++)
		if (strcmp(frame_counters[i].name, name) == 0)
			return (frame_counters[i].value);
	fail_msg("no figure %s", name);
	return (0);
}

static void
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

/*
 * One turn of the loop.  A test that failed in a callback has left the loop by
 * a jump, and no later one can use it: they fail at once.
 */
static void
frame_turn(int flags)
{
	assert_int_not_equal(event_base_loop(frame_base, flags), -1);
}

/* Lets the loop run for so long. */
static void
frame_run(int ms)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };

	(void)event_base_loopexit(frame_base, &tv);
	frame_turn(0);
}

/* Runs the loop until the condition holds, for half a minute at most. */
#define frame_until(condition)	do {					\
	int	 turn_;							\
									\
	for (turn_ = 0; turn_ < 6000 && !(condition); turn_++)		\
		frame_run(5);						\
	assert_true(condition);						\
} while (0)

/* A message as the channel to the parent would give it to the role. */
static int
frame_configure(enum msg_type type, int fd, const void *data, size_t len,
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

static void
frame_join(struct far_end *e, enum proc_role role, uint32_t service,
    enum side side, void (*got)(struct far_end *, struct imsg *))
{
	struct msg_channel	 them, us;
	int			 sp[2];

	memset(e, 0, sizeof(*e));
	memset(&them, 0, sizeof(them));
	memset(&us, 0, sizeof(us));
	them.role = role;
	them.service = service;
	them.side = side;
	if (role == PROC_SERVICE)
		snprintf(them.name, sizeof(them.name), "service%u", service);
	us.role = frame_role->id;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, sp), 0);
	e->got = got;
	e->near = channel_open(frame_base, sp[0], frame_role->id, &them,
	    &frame_near_ops, e);
	e->far = channel_open(frame_base, sp[1], role, &us, &frame_far_ops,
	    e);
	assert_non_null(e->near);
	assert_non_null(e->far);
	frame_role->joined(e->near);
}

static void
frame_part(struct far_end *e)
{
	if (e->near != NULL) {
		frame_role->left(e->near);
		channel_close(e->near);
	}
	channel_close(e->far);
	memset(e, 0, sizeof(*e));
}

static void
frame_say(struct far_end *e, enum msg_type type, const void *data, size_t len)
{
	assert_int_equal(channel_send(e->far, type, -1, data, len), 0);
}
