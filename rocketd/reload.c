/* SPDX-License-Identifier: ISC */

/*
 * See reload.h.  Owns the order: first everything that can fail (read.c,
 * tlslook.c, tlsmake.c, prepare.c) is done beside what is in force, then the
 * change is made (apply.c).  Between two steps the loop may turn, and the
 * daemon goes on with what is in force; a reload that is asked for meanwhile
 * begins after the one under way.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "apply.h"
#include "detach.h"
#include "prepare.h"
#include "procs.h"
#include "read.h"
#include "reload.h"
#include "tlsfiles.h"
#include "tlslook.h"
#include "tlsmake.h"

#define RELOAD_WAITING	64	/* askers that wait for an answer */

struct reload_ask {			/* somebody who waits */
	TAILQ_ENTRY(reload_ask)	 entry;
	struct reload_asker	 who;
};
TAILQ_HEAD(reload_asks, reload_ask);

struct reload {				/* one that is under way */
	struct rocketd		*env;
	struct rocketd_conf	*conf;
	FILE			*err;		/* to text */
	char			*text;
	size_t			 len;
	int			 errors;
};

/* Of the reload under way, and of the next. */
static struct {
	struct reload_asks	 now;
	struct reload_asks	 next;
	int			 waiting;
} asks = {
	TAILQ_HEAD_INITIALIZER(asks.now),
	TAILQ_HEAD_INITIALIZER(asks.next),
	0
};

static void	 reload_next(struct rocketd *);

/* ---- who asks ---- */

static void
reload_answer(struct rocketd *env, struct reload_asks *head, int failed,
    const char *why)
{
	struct reload_ask	*a;

	while ((a = TAILQ_FIRST(head)) != NULL) {
		TAILQ_REMOVE(head, a, entry);
		asks.waiting--;
		a->who.answer(env, &a->who, failed, why);
		free(a);
	}
}

static int
reload_wait(const struct reload_asker *who)
{
	struct reload_ask	*a;

	if (asks.waiting == RELOAD_WAITING ||
	    (a = calloc(1, sizeof(*a))) == NULL)
		return (-1);
	a->who = *who;
	TAILQ_INSERT_TAIL(&asks.next, a, entry);
	asks.waiting++;
	return (0);
}

/* ---- how it went ---- */

/*
 * Logs all errors and warnings.  Whoever asked gets the first error, or if it
 * was not refused the first warning.
 */
static void
reload_told(char *text, int refused, char *why, size_t size)
{
	char	*line, *rest = text;
	int	 warning;

	why[0] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line[0] == '\0')
			continue;
		warning = strstr(line, ": warning: ") != NULL;
		if (why[0] == '\0' && warning == !refused)
			strlcpy(why, line, size);
		if (warning)
			log_warnx("%s", line);
		else
			log_error("%s", line);
	}
}

static void
reload_refused(struct rocketd *env, char *why, size_t size)
{
	if (why[0] == '\0')
		strlcpy(why, "the configuration is refused", size);
	strlcpy(env->conf_error, why, sizeof(env->conf_error));
	log_error("reload: refused, nothing has changed");
}

static void
reload_end(struct reload *r, int failed)
{
	struct rocketd	*env = r->env;
	char		 why[HOST_MAX];

	if (fclose(r->err) == EOF)
		log_warn("reload: cannot list the errors");
	reload_told(r->text, failed, why, sizeof(why));
	if (failed) {
		conf_free(r->conf);
		reload_refused(env, why, sizeof(why));
	} else
		log_info("reload: done");
	free(r->text);
	free(r);
	env->reload = NULL;
	detach_notify("READY=1");
	reload_answer(env, &asks.now, failed, why);
	reload_next(env);
}

/* ---- its steps ---- */

int
reload_first(struct rocketd *env, struct rocketd_conf *conf, FILE *err)
{
	struct prepared	 new = { .conf = conf };

	if (prepare_make(env, &new, err) == -1)
		return (-1);
	prepare_commit(env, &new);
	apply_conf(env, conf);
	return (0);
}

/* Certificates that had to be made are there. */
static void
reload_made(void *arg, int errors)
{
	struct reload	*r = arg;

	errors += tlsfiles_open(r->conf, r->err);
	if (errors != 0 || reload_first(r->env, r->conf, r->err) == -1) {
		reload_end(r, 1);
		return;
	}
	procs_advance(r->env);
	reload_end(r, 0);
}

/* The files of TLS have been checked. */
static void
reload_looked(void *arg, int errors)
{
	struct reload	*r = arg;

	r->errors += errors;
	if (r->errors != 0)
		reload_end(r, 1);
	else
		tlsmake_start(r->env, r->conf, r->err, reload_made, r);
}

static void
reload_start(struct rocketd *env)
{
	struct reload	*r;

	TAILQ_CONCAT(&asks.now, &asks.next, entry);
	env->reload_later = 0;
	if ((r = calloc(1, sizeof(*r))) == NULL ||
	    (r->err = open_memstream(&r->text, &r->len)) == NULL) {
		free(r);
		log_warn("reload");
		reload_answer(env, &asks.now, 1, "no memory");
		return;
	}
	r->env = env;
	env->reload = r;
	log_info("reload: %s", env->conf_path);
	detach_notify_reloading();
	if ((r->conf = read_conf(env, r->err)) == NULL) {
		reload_end(r, 1);
		return;
	}
	r->errors = read_programs(env, r->conf, r->err) +
	    read_files(r->conf, 1, r->err);
	tlslook_start(env, r->conf, r->err, reload_looked, r);
}

static void
reload_next(struct rocketd *env)
{
	if (env->phase == PHASE_RUNNING && env->reload == NULL &&
	    env->reload_later)
		reload_start(env);
}

void
reload_run(struct rocketd *env, const struct reload_asker *who)
{
	const char	*why = NULL;

	if (env->phase == PHASE_STARTING)
		why = "rocketd is starting: it reloads after that";
	else if (env->phase == PHASE_STOPPING)
		why = "rocketd is stopping";
	else if (who != NULL && reload_wait(who) == -1)
		why = "too many wait for a reload";
	env->reload_later = env->phase != PHASE_STOPPING;
	if (why != NULL && who != NULL)
		who->answer(env, who, 1, why);
	reload_next(env);
}

void
reload_cancel(struct rocketd *env)
{
	struct reload	*r = env->reload;

	tlslook_cancel(env);
	tlsmake_cancel(env);
	if (r != NULL) {
		fclose(r->err);
		free(r->text);
		conf_free(r->conf);
		free(r);
	}
	env->reload = NULL;
	reload_answer(env, &asks.now, 1, "rocketd is stopping");
	reload_answer(env, &asks.next, 1, "rocketd is stopping");
}
