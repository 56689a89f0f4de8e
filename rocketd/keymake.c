/* SPDX-License-Identifier: ISC */

/*
 * See keymake.h.  Each process has one token at a time, so one that dies loses
 * no more than that: it is made again, after a pause.  It is believed on the
 * key only, which it could as well have given to keys.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "shared/make.h"
#include "shared/strong.h"
#include "aside.h"
#include "keymake.h"
#include "spawn.h"

/* Each takes a processor and 32 MiB. */
#define KEYMAKE_MOST	8
/* Seconds for one key: enough for a busy machine. */
#ifndef KEYMAKE_PATIENCE
#define KEYMAKE_PATIENCE	60
#endif
/* Milliseconds between attempts after one failed; the pause doubles. */
#define KEYMAKE_PAUSE	500
#define KEYMAKE_PAUSE_MAX	30000

struct kept {				/* a token's key */
	RB_ENTRY(kept)		 entry;
	TAILQ_ENTRY(kept)	 list;		/* to be made */
	int			 wanted;	/* by the configuration */
	int			 waits;		/* it is in the list */
	int			 made;
	struct make_ask		 ask;
	uint8_t			 key[KEY_LEN];
};
RB_HEAD(keptkeys, kept);
TAILQ_HEAD(keptlist, kept);

struct maker {				/* a process */
	struct keymake		*set;
	pid_t			 pid;		/* 0: none */
	int			 report;
	int			 fd;		/* its socket */
	struct event		*readable;
	struct event		*timer;
	int			 busy;		/* it makes one... */
	struct kept		*kept;	/* ...this, or what nobody wants now */
	struct made		 answer;
	size_t			 have;		/* octets of it */
};

struct keymake {
	struct rocketd		*env;
	struct keptkeys		 keys;
	struct keptlist		 todo;
	struct maker		 makers[KEYMAKE_MOST];
	int			 most;		/* of them */
	uint32_t		 pause;		/* milliseconds */
	struct event		*retry;
	struct timespec		 started;	/* the first of a batch */
	uint32_t		 count;		/* made in it */
};

static int	 kept_cmp(const struct kept *, const struct kept *);

RB_PROTOTYPE_STATIC(keptkeys, kept, entry, kept_cmp)
RB_GENERATE_STATIC(keptkeys, kept, entry, kept_cmp)

static void	 keymake_deal(struct keymake *);

/* Name and length first, and what is after them is zeroed. */
static int
kept_cmp(const struct kept *a, const struct kept *b)
{
	return (memcmp(&a->ask, &b->ask, sizeof(a->ask)));
}

/* ---- keys ---- */

/* Fills in what a process is asked.  -1: no token is like that. */
static int
kept_describe(struct make_ask *ask, const char *name, const uint8_t *token,
    size_t len)
{
	memset(ask, 0, sizeof(*ask));
	if (len == 0 || len > sizeof(ask->token))
		return (-1);
	ask->len = (uint32_t)len;
	strlcpy(ask->name, name, sizeof(ask->name));
	memcpy(ask->token, token, len);
	return (0);
}

static struct kept *
kept_find(struct keymake *set, const char *name, const uint8_t *token,
    size_t len)
{
	struct kept	 find, *k = NULL;

	if (kept_describe(&find.ask, name, token, len) == 0)
		k = RB_FIND(keptkeys, &set->keys, &find);
	explicit_bzero(&find.ask, sizeof(find.ask));
	return (k);
}

static void
kept_free(struct keymake *set, struct kept *k)
{
	int	 i;

	for (i = 0; i < KEYMAKE_MOST; i++)
		if (set->makers[i].kept == k)
			set->makers[i].kept = NULL;	/* for nobody */
	if (k->waits)
		TAILQ_REMOVE(&set->todo, k, list);
	RB_REMOVE(keptkeys, &set->keys, k);
	freezero(k, sizeof(*k));
}

static void
kept_want(struct keymake *set, const char *name, const struct conf_token *t)
{
	struct kept	*k;

	/* Of such a one keys is told, and makes it by itself (sendkeys.c). */
	if (strong_is(t->octets, t->len))
		return;
	if ((k = kept_find(set, name, t->octets, t->len)) == NULL) {
		if ((k = calloc(1, sizeof(*k))) == NULL) {
			log_warn("service %s: its key cannot be made", name);
			return;
		}
		if (kept_describe(&k->ask, name, t->octets, t->len) == -1) {
			free(k);
			return;
		}
		RB_INSERT(keptkeys, &set->keys, k);
		TAILQ_INSERT_TAIL(&set->todo, k, list);
		k->waits = 1;
	}
	k->wanted = 1;
}

const uint8_t *
keymake_find(struct rocketd *env, const char *name, const uint8_t *token,
    size_t len)
{
	struct kept	*k;

	if (env->keymake == NULL ||
	    (k = kept_find(env->keymake, name, token, len)) == NULL)
		return (NULL);
	return (k->made ? k->key : NULL);
}

/* ---- the processes ---- */

/* It is gone, or is killed and reaped as nobody's; what it made is not lost. */
static void
maker_end(struct maker *m)
{
	struct kept	*k = m->kept;

	if (k != NULL) {
		TAILQ_INSERT_HEAD(&m->set->todo, k, list);
		k->waits = 1;
	}
	m->kept = NULL;
	m->busy = 0;
	if (m->pid > 0)
		(void)kill(m->pid, SIGKILL);
	m->pid = 0;
	if (m->report != -1)
		close(m->report);
	event_free(m->readable);
	event_free(m->timer);
	close(m->fd);
	explicit_bzero(&m->answer, sizeof(m->answer));
}

static void
keymake_later(struct keymake *set)
{
	struct timeval	 tv;

	set->pause = set->pause == 0 ? KEYMAKE_PAUSE : set->pause * 2;
	if (set->pause > KEYMAKE_PAUSE_MAX)
		set->pause = KEYMAKE_PAUSE_MAX;
	tv.tv_sec = set->pause / 1000;
	tv.tv_usec = set->pause % 1000 * 1000;
	if (evtimer_add(set->retry, &tv) == -1)
		log_warnx("keys cannot be made: no timer");
}

static void
maker_failed(struct maker *m, const char *why)
{
	log_warnx("a process that makes keys: %s", why);
	maker_end(m);
	keymake_later(m->set);
}

static void
maker_timeout(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	maker_failed(arg, "does not answer: killed");
}

static int
maker_ask(struct maker *m, struct kept *k)
{
	static const struct timeval	 tv = { KEYMAKE_PATIENCE, 0 };

	TAILQ_REMOVE(&m->set->todo, k, list);
	k->waits = 0;
	m->busy = 1;
	m->kept = k;
	m->have = 0;
	/* It has read what it was asked before: there is room. */
	if (write(m->fd, &k->ask, sizeof(k->ask)) != (ssize_t)sizeof(k->ask))
		return (-1);
	return (evtimer_add(m->timer, &tv));
}

/* One is whole. */
static void
maker_made(struct maker *m)
{
	struct keymake	*set = m->set;
	struct kept	*k = m->kept;

	(void)event_del(m->timer);
	if (m->answer.failed) {
		maker_failed(m, "has no memory");
		return;
	}
	m->kept = NULL;
	m->busy = 0;
	m->have = 0;
	set->pause = 0;
	if (k != NULL) {
		memcpy(k->key, m->answer.key, sizeof(k->key));
		k->made = 1;
		set->count++;
		set->env->key_made(set->env, k->ask.name, k->ask.token,
		    k->ask.len, k->key);
	}
	explicit_bzero(&m->answer, sizeof(m->answer));
	keymake_deal(set);
}

static void
maker_readable(int fd, short what, void *arg)
{
	struct maker	*m = arg;
	ssize_t		 n;

	(void)what;
	n = read(fd, (uint8_t *)&m->answer + m->have,
	    sizeof(m->answer) - m->have);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* Why is known once it is reaped. */
		(void)event_del(m->readable);
		return;
	}
	m->have += (size_t)n;
	if (m->have == sizeof(m->answer))
		maker_made(m);
}

static int
maker_events(struct maker *m)
{
	struct event_base	*base = m->set->env->base;

	m->readable = event_new(base, m->fd, EV_READ | EV_PERSIST,
	    maker_readable, m);
	m->timer = evtimer_new(base, maker_timeout, m);
	if (m->readable != NULL && m->timer != NULL &&
	    event_add(m->readable, NULL) == 0)
		return (0);
	if (m->readable != NULL)
		event_free(m->readable);
	if (m->timer != NULL)
		event_free(m->timer);
	return (-1);
}

/* -1 with errno. */
static int
maker_start(struct maker *m)
{
	struct rocketd		*env = m->set->env;
	struct aside_order	 order = { .option = "-k" };
	int			 sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1)
		return (-1);
	m->fd = sv[0];
	order.chan = sv[1];
	m->report = -1;
	if (fcntl(m->fd, F_SETFL, O_NONBLOCK) == -1 || maker_events(m) == -1) {
		close(sv[0]);
		close(sv[1]);
		return (-1);
	}
	m->pid = aside_run(env, env->conf, &order, &m->report);
	close(sv[1]);
	if (m->pid != -1)
		return (0);
	maker_end(m);
	return (-1);
}

/* There is nothing for it to do: it ends by itself. */
static void
maker_dismiss(struct maker *m)
{
	m->pid = 0;
	maker_end(m);
}

/* ---- all of them ---- */

/* When a batch has taken long, somebody may have waited for it. */
static void
keymake_told(struct keymake *set)
{
	struct timespec	 now;
	double		 s;

	if (set->count == 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	s = (double)(now.tv_sec - set->started.tv_sec) +
	    (double)(now.tv_nsec - set->started.tv_nsec) / 1e9;
	if (s >= 1)
		log_info("%u keys made in %.1f s", set->count, s);
	else
		log_debug("%u keys made in %.1f s", set->count, s);
	set->count = 0;
}

/* The next token is for this one, which may have to be started. */
static void
maker_next(struct maker *m)
{
	struct keymake	*set = m->set;

	if (m->pid == 0 && maker_start(m) == -1) {
		log_warn("keys cannot be made");
		m->pid = 0;
		keymake_later(set);
	} else if (maker_ask(m, TAILQ_FIRST(&set->todo)) == -1)
		maker_failed(m, "cannot be asked");
}

/* Gives each process a token, or lets it end. */
static void
keymake_deal(struct keymake *set)
{
	struct maker	*m;
	int		 i, left = 0;

	for (i = 0; i < set->most; i++) {
		m = &set->makers[i];
		if (!m->busy && TAILQ_EMPTY(&set->todo)) {
			if (m->pid != 0)
				maker_dismiss(m);
		} else if (!m->busy && !evtimer_pending(set->retry, NULL))
			maker_next(m);
		left += m->busy;
	}
	if (left == 0 && TAILQ_EMPTY(&set->todo))
		keymake_told(set);
}

static void
keymake_again(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	keymake_deal(arg);
}

static struct keymake *
keymake_new(struct rocketd *env)
{
	struct keymake	*set;
	long		 n = sysconf(_SC_NPROCESSORS_ONLN);
	int		 i;

	if ((set = calloc(1, sizeof(*set))) == NULL)
		return (NULL);
	set->env = env;
	set->most = n < 1 ? 1 : n > KEYMAKE_MOST ? KEYMAKE_MOST : (int)n;
	RB_INIT(&set->keys);
	TAILQ_INIT(&set->todo);
	for (i = 0; i < KEYMAKE_MOST; i++)
		set->makers[i].set = set;
	if ((set->retry = evtimer_new(env->base, keymake_again, set)) ==
	    NULL) {
		free(set);
		return (NULL);
	}
	return (set);
}

int
keymake_is_for(const struct conf_service *cs)
{
	return (cs->block->dialect == DIALECT_ROCKET);
}

/* Marks and makes what the configuration wants. */
static void
keymake_want(struct keymake *set)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;
	const struct conf_token		*t;
	struct kept			*k, *next;

	RB_FOREACH(k, keptkeys, &set->keys)
		k->wanted = 0;
	TAILQ_FOREACH(b, &set->env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			if (!keymake_is_for(cs))
				continue;
			TAILQ_FOREACH(t, conf_service_tokens(cs), entry)
				kept_want(set, cs->name, t);
		}
	RB_FOREACH_SAFE(k, keptkeys, &set->keys, next)
		if (!k->wanted)
			kept_free(set, k);
}

void
keymake_conf(struct rocketd *env)
{
	struct keymake	*set;

	if (env->keymake == NULL &&
	    (env->keymake = keymake_new(env)) == NULL) {
		log_warnx("keys cannot be made: no memory");
		return;
	}
	set = env->keymake;
	keymake_want(set);
	clock_gettime(CLOCK_MONOTONIC, &set->started);
	set->count = 0;
	keymake_deal(set);
}

void
keymake_reaped(struct rocketd *env, pid_t pid, int status)
{
	struct keymake	*set = env->keymake;
	struct maker	*m;
	char		 why[128];
	int		 i;

	for (i = 0; set != NULL && i < set->most; i++) {
		m = &set->makers[i];
		if (m->pid != pid)
			continue;
		m->pid = 0;
		aside_death(m->report, status, why, sizeof(why));
		m->report = -1;
		maker_failed(m, why);
		return;
	}
}

void
keymake_stop(struct rocketd *env)
{
	struct keymake	*set = env->keymake;
	struct kept	*k;
	int		 i;

	if (set == NULL)
		return;
	for (i = 0; i < set->most; i++)
		if (set->makers[i].pid != 0)
			maker_end(&set->makers[i]);
	while ((k = RB_ROOT(&set->keys)) != NULL)
		kept_free(set, k);
	event_free(set->retry);
	free(set);
	env->keymake = NULL;
}
