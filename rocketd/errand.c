/* SPDX-License-Identifier: ISC */

/*
 * See errand.h.  The process has the sandbox and the user id of keys.  It is
 * told nothing but its words and files, and is believed only on those.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "aside.h"
#include "errand.h"

/* Time to start, for each answer, and to end: enough for a busy machine. */
#ifndef ERRAND_PATIENCE
#define ERRAND_PATIENCE	10
#endif

struct errand {
	struct rocketd		*env;
	struct event_base	*base;
	struct errand_order	 order;		/* words and files: gone */
	uint32_t		 done;		/* answered */
	pid_t			 pid;		/* 0: reaped */
	int			 status;	/* then */
	int			 report;	/* of a failed exec, -1 none */
	int			 fd;		/* its answers, -1 none */
	int			 ended;		/* no more will come */
	struct event		*readable;
	struct event		*timer;
	struct looked		 answer;
	size_t			 have;		/* octets of it */
};

/* ---- the end ---- */

/* The process is gone, or is killed; somebody else reaps it then. */
static void
errand_free(struct errand *e)
{
	if (e->pid > 0)
		(void)kill(e->pid, SIGKILL);
	if (e->pid > 0 && e->base != e->env->base)
		while (waitpid(e->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	if (e->report != -1)
		close(e->report);
	if (e->fd != -1)
		close(e->fd);
	if (e->readable != NULL)
		event_free(e->readable);
	if (e->timer != NULL)
		event_free(e->timer);
	e->env->errand = NULL;
	free(e);
}

static void
errand_over(struct errand *e, const char *why)
{
	struct errand_order	 order = e->order;

	errand_free(e);
	order.done(order.arg, why);
}

/* It ended before it had answered. */
static void
errand_died(struct errand *e)
{
	char	 why[LOOK_WORDS_MAX];

	aside_death(e->report, e->status, why, sizeof(why));
	e->report = -1;
	errand_over(e, why);
}

void
errand_reaped(struct rocketd *env, pid_t pid, int status)
{
	struct errand	*e = env->errand;

	if (e == NULL || e->pid != pid)
		return;
	e->pid = 0;
	e->status = status;
	if (e->ended)
		errand_died(e);
}

/* No more answers.  A process that does not end is killed. */
static void
errand_ended(struct errand *e)
{
	int	 status;

	e->ended = 1;
	(void)event_del(e->readable);
	if (e->pid == 0) {
		errand_died(e);
		return;
	}
	(void)kill(e->pid, SIGKILL);
	if (e->base == e->env->base)
		return;		/* SIGCHLD comes, or the timer */
	while (waitpid(e->pid, &status, 0) == -1)
		if (errno != EINTR)
			return;
	errand_reaped(e->env, e->pid, status);
}

static void
errand_timeout(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	errand_over(arg, "does not answer");
}

/* ---- the answers ---- */

static int
errand_patience(struct errand *e)
{
	static const struct timeval	 tv = { ERRAND_PATIENCE, 0 };

	return (evtimer_add(e->timer, &tv));
}

/* The process is not trusted with a terminal. */
static void
errand_printable(struct looked *a)
{
	char	 words[sizeof(a->words)];

	a->words[sizeof(a->words) - 1] = '\0';
	log_printable(words, sizeof(words), a->words, strlen(a->words));
	memcpy(a->words, words, sizeof(a->words));
}

/* An answer is whole. */
static void
errand_answer(struct errand *e)
{
	char	 words[LOOK_WORDS_MAX];

	e->have = 0;
	errand_printable(&e->answer);
	if (e->answer.number == LOOK_ITSELF) {
		strlcpy(words, e->answer.words, sizeof(words));
		errand_over(e, words);
		return;
	}
	if (e->answer.number != e->done) {
		errand_over(e, "answers what it was not asked");
		return;
	}
	e->done++;
	e->order.answer(e->order.arg, &e->answer);
	if (e->done == e->order.nwords)
		errand_over(e, NULL);
	else if (errand_patience(e) == -1)
		errand_over(e, "cannot be waited for");
}

static void
errand_readable(int fd, short what, void *arg)
{
	struct errand	*e = arg;
	ssize_t		 n;

	(void)what;
	n = read(fd, (uint8_t *)&e->answer + e->have,
	    sizeof(e->answer) - e->have);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		errand_ended(e);
		return;
	}
	e->have += (size_t)n;
	if (e->have == sizeof(e->answer))
		errand_answer(e);
}

/* ---- the beginning ---- */

static int
errand_spawn(struct errand *e, const struct rocketd_conf *conf, int answers)
{
	const struct errand_order	*o = &e->order;
	struct aside_order		 order = {
		.option = o->option,
		.words = o->words,
		.nwords = o->nwords,
		.chan = answers,
		.files = o->files,
		.nfiles = o->nfiles
	};

	e->pid = aside_run(e->env, conf, &order, &e->report);
	return (e->pid == -1 ? -1 : 0);
}

static int
errand_run(struct errand *e, const struct rocketd_conf *conf)
{
	int	 pp[2], ret;

	if (pipe2(pp, O_CLOEXEC | O_NONBLOCK) == -1)
		return (-1);
	e->fd = pp[0];
	/* it waits if we are slow */
	ret = fcntl(pp[1], F_SETFL, 0) == -1 ? -1 :
	    errand_spawn(e, conf, pp[1]);
	close(pp[1]);
	if (ret == -1)
		return (-1);
	e->readable = event_new(e->base, e->fd, EV_READ | EV_PERSIST,
	    errand_readable, e);
	e->timer = evtimer_new(e->base, errand_timeout, e);
	if (e->readable == NULL || e->timer == NULL ||
	    event_add(e->readable, NULL) == -1)
		return (-1);
	return (errand_patience(e));
}

void
errand_start(struct rocketd *env, struct event_base *base,
    const struct rocketd_conf *conf, const struct errand_order *order)
{
	struct errand	*e;

	if ((e = calloc(1, sizeof(*e))) == NULL) {
		order->done(order->arg, "no memory");
		return;
	}
	e->env = env;
	e->base = base;
	e->order = *order;
	e->fd = e->report = -1;
	env->errand = e;
	if (errand_run(e, conf) == -1)
		errand_over(e, "cannot be started");
}

void
errand_cancel(struct rocketd *env)
{
	if (env->errand != NULL)
		errand_free(env->errand);
}

void
errand_loop(struct rocketd *env, struct event_base *base, const int *errors)
{
	while (*errors == -1)
		if (event_base_loop(base, EVLOOP_ONCE) == -1)
			errand_over(env->errand, "cannot be waited for");
}
