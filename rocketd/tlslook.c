/* SPDX-License-Identifier: ISC */

/*
 * See tlslook.h.  The parent neither parses a certificate nor has a key's
 * octets: it lends the open files to a process that is started only for this,
 * in the sandbox and with the user id of keys, and reads its answers from a
 * pipe.  That process is told nothing else, and is believed only on whether a
 * file can be used.
 */

#include <sys/types.h>
#include <sys/queue.h>
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
#include "shared/look.h"
#include "aside.h"
#include "spawn.h"
#include "tlslook.h"

/* Time to start, for each file, and to end: enough for a busy machine. */
#ifndef TLSLOOK_PATIENCE
#define TLSLOOK_PATIENCE	10
#endif
#define TLSLOOK_WORD	24	/* "server:certificate+" and its NUL */

struct tlslook {
	struct rocketd		*env;
	const struct rocketd_conf *conf;
	FILE			*err;
	tlslook_done		*call;
	void			*arg;
	struct event_base	*base;
	/* the files, and what the process is told of each */
	const struct conf_pem	**pems;
	int			*fds;
	char			(*words)[TLSLOOK_WORD];
	uint32_t		 total;
	uint32_t		 done;		/* answered */
	int			 errors;
	/* the process */
	pid_t			 pid;		/* 0: reaped */
	int			 status;	/* then */
	int			 report;	/* of a failed exec, -1 none */
	int			 fd;		/* its answers, -1 none */
	int			 ended;		/* no more will come */
	struct event		*readable;
	struct event		*timer;
	struct looked		 answer;
	size_t			 have;		/* octets of it */
	char			 why[LOOK_WORDS_MAX];	/* it has not */
};

/* ---- the files ---- */

/* 0: there is nothing to look at. */
static int
tlslook_add(struct tlslook *l, const struct conf_pem *pem, const char *what,
    enum side side)
{
	if (pem->path == NULL || pem->fd == -1)
		return (0);
	l->pems[l->total] = pem;
	l->fds[l->total] = pem->fd;
	snprintf(l->words[l->total++], TLSLOOK_WORD, "%s:%s", side_name(side),
	    what);
	return (1);
}

/* A key follows its certificate. */
static int
tlslook_list(struct tlslook *l)
{
	const struct conf_block	*b;
	const struct conf_tls	*t;
	const char		*cert;
	uint32_t		 i, max = 1;

	TAILQ_FOREACH(b, &l->conf->blocks, entry)
		max += 2 * b->tls.ncerts + 1;
	l->pems = calloc(max, sizeof(*l->pems));
	l->fds = calloc(max, sizeof(*l->fds));
	l->words = calloc(max, sizeof(*l->words));
	if (l->pems == NULL || l->fds == NULL || l->words == NULL)
		return (-1);
	TAILQ_FOREACH(b, &l->conf->blocks, entry) {
		t = &b->tls;
		cert = LOOK_CERT;
		for (i = 0; i < t->ncerts; i++) {
			if (tlslook_add(l, &t->certs[i], cert, b->side))
				cert = LOOK_ALSO;
			(void)tlslook_add(l, &t->keys[i], LOOK_KEY, b->side);
		}
		(void)tlslook_add(l, &t->ca, LOOK_CA, b->side);
	}
	return (0);
}

/* ---- the end ---- */

/* The process is gone, or is killed; somebody else reaps it then. */
static void
tlslook_free(struct tlslook *l)
{
	if (l->pid > 0)
		(void)kill(l->pid, SIGKILL);
	if (l->pid > 0 && l->base != l->env->base)
		while (waitpid(l->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	if (l->report != -1)
		close(l->report);
	if (l->fd != -1)
		close(l->fd);
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->timer != NULL)
		event_free(l->timer);
	free(l->pems);
	free(l->fds);
	free(l->words);
	l->env->look = NULL;
	free(l);
}

/* Everything was answered, or why says why not. */
static void
tlslook_over(struct tlslook *l, const char *why)
{
	const struct conf_pem	*pem;
	tlslook_done		*call = l->call;
	void			*arg = l->arg;
	int			 errors = l->errors;

	if (l->done < l->total) {
		pem = l->pems[l->done];
		conf_complain(l->err, pem->file, pem->line, pem->column,
		    "%s: cannot be checked: the process for that: %s",
		    pem->path, why);
		errors++;
	}
	tlslook_free(l);
	call(arg, errors);
}

/* It ended before it had answered. */
static void
tlslook_died(struct tlslook *l)
{
	if (l->why[0] == '\0') {
		aside_death(l->report, l->status, l->why, sizeof(l->why));
		l->report = -1;
	}
	tlslook_over(l, l->why);
}

void
tlslook_reaped(struct rocketd *env, pid_t pid, int status)
{
	struct tlslook	*l = env->look;

	if (l == NULL || l->pid != pid)
		return;
	l->pid = 0;
	l->status = status;
	if (l->ended)
		tlslook_died(l);
}

/* No more answers.  A process that does not end is killed. */
static void
tlslook_ended(struct tlslook *l)
{
	int	 status;

	l->ended = 1;
	(void)event_del(l->readable);
	if (l->pid == 0) {
		tlslook_died(l);
		return;
	}
	(void)kill(l->pid, SIGKILL);
	if (l->base == l->env->base)
		return;		/* SIGCHLD comes, or the timer */
	while (waitpid(l->pid, &status, 0) == -1)
		if (errno != EINTR)
			return;
	tlslook_reaped(l->env, l->pid, status);
}

static void
tlslook_timeout(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tlslook_over(arg, "does not answer");
}

/* ---- the answers ---- */

static int
tlslook_patience(struct tlslook *l)
{
	static const struct timeval	 tv = { TLSLOOK_PATIENCE, 0 };

	return (evtimer_add(l->timer, &tv));
}

static void
tlslook_note(struct tlslook *l)
{
	const struct looked	*a = &l->answer;
	const struct conf_pem	*pem = l->pems[l->done++];
	char			 words[4 * LOOK_WORDS_MAX];

	log_printable(words, sizeof(words), a->words, strlen(a->words));
	if (a->failed)
		l->errors++;
	if (a->failed || words[0] != '\0')
		conf_complain(l->err, pem->file, pem->line, pem->column,
		    "%s%s: %s", a->failed ? "" : "warning: ", pem->path,
		    words);
}

/* An answer is whole. */
static void
tlslook_answer(struct tlslook *l)
{
	char	 words[sizeof(l->why)];

	l->have = 0;
	l->answer.words[sizeof(l->answer.words) - 1] = '\0';
	if (l->answer.number == LOOK_ITSELF) {
		log_printable(words, sizeof(words), l->answer.words,
		    strlen(l->answer.words));
		tlslook_over(l, words);
		return;
	}
	if (l->answer.number != l->done) {
		tlslook_over(l, "answers what it was not asked");
		return;
	}
	tlslook_note(l);
	if (l->done == l->total)
		tlslook_over(l, NULL);
	else if (tlslook_patience(l) == -1)
		tlslook_over(l, "cannot be waited for");
}

static void
tlslook_readable(int fd, short what, void *arg)
{
	struct tlslook	*l = arg;
	ssize_t		 n;

	(void)what;
	n = read(fd, (uint8_t *)&l->answer + l->have,
	    sizeof(l->answer) - l->have);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		tlslook_ended(l);
		return;
	}
	l->have += n;
	if (l->have == sizeof(l->answer))
		tlslook_answer(l);
}

/* ---- the process ---- */

static int
tlslook_spawn(struct tlslook *l, int answers)
{
	struct aside_order	 order = { .option = "-l", .chan = answers };
	char			**words;
	uint32_t		 i;

	if ((words = calloc(l->total, sizeof(*words))) == NULL)
		return (-1);
	for (i = 0; i < l->total; i++)
		words[i] = l->words[i];
	order.words = words;
	order.nwords = l->total;
	order.files = l->fds;
	order.nfiles = l->total;
	l->pid = aside_run(l->env, l->conf, &order, &l->report);
	free(words);
	return (l->pid == -1 ? -1 : 0);
}

static int
tlslook_run(struct tlslook *l)
{
	int	 pp[2], ret;

	if (pipe2(pp, O_CLOEXEC | O_NONBLOCK) == -1)
		return (-1);
	l->fd = pp[0];
	/* it waits if we are slow */
	ret = fcntl(pp[1], F_SETFL, 0) == -1 ? -1 : tlslook_spawn(l, pp[1]);
	close(pp[1]);
	if (ret == -1)
		return (-1);
	l->readable = event_new(l->base, l->fd, EV_READ | EV_PERSIST,
	    tlslook_readable, l);
	l->timer = evtimer_new(l->base, tlslook_timeout, l);
	if (l->readable == NULL || l->timer == NULL ||
	    event_add(l->readable, NULL) == -1)
		return (-1);
	return (tlslook_patience(l));
}

static struct tlslook *
tlslook_new(struct rocketd *env, const struct rocketd_conf *conf, FILE *err,
    tlslook_done *call, void *arg)
{
	struct tlslook	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->env = env;
	l->conf = conf;
	l->err = err;
	l->call = call;
	l->arg = arg;
	l->fd = l->report = -1;
	env->look = l;
	if (tlslook_list(l) == 0)
		return (l);
	tlslook_free(l);
	return (NULL);
}

/* base: of a loop that runs, or will run. */
static void
tlslook_begin(struct rocketd *env, struct event_base *base,
    const struct rocketd_conf *conf, FILE *err, tlslook_done *call, void *arg)
{
	struct tlslook	*l;
	char		 why[128];

	if ((l = tlslook_new(env, conf, err, call, arg)) == NULL) {
		conf_complain(err, conf->path, 0, 0, "out of memory");
		call(arg, 1);
		return;
	}
	l->base = base;
	if (l->total > 0 && spawn_check(env->worker_path, env->root, why,
	    sizeof(why)) == -1) {
		conf_complain(err, conf->path, 0, 0, "files of TLS cannot be "
		    "checked: %s: %s; -W names another worker",
		    env->worker_path, why);
		l->errors++;
		l->total = 0;
	}
	if (l->total == 0)
		tlslook_over(l, NULL);
	else if (tlslook_run(l) == -1)
		tlslook_over(l, "cannot be started");
}

void
tlslook_start(struct rocketd *env, const struct rocketd_conf *conf, FILE *err,
    tlslook_done *call, void *arg)
{
	tlslook_begin(env, env->base, conf, err, call, arg);
}

void
tlslook_cancel(struct rocketd *env)
{
	if (env->look != NULL)
		tlslook_free(env->look);
}

/* ---- without a loop ---- */

static void
tlslook_waited(void *arg, int errors)
{
	int	*result = arg;

	*result = errors;
}

int
tlslook_wait(struct rocketd *env, const struct rocketd_conf *conf, FILE *err)
{
	struct event_base	*base;
	int			 errors = -1;

	if ((base = event_base_new()) == NULL) {
		conf_complain(err, conf->path, 0, 0, "no event loop");
		return (1);
	}
	tlslook_begin(env, base, conf, err, tlslook_waited, &errors);
	while (errors == -1)
		if (event_base_loop(base, EVLOOP_ONCE) == -1)
			tlslook_over(env->look, "cannot be waited for");
	event_base_free(base);
	return (errors);
}
