/* SPDX-License-Identifier: ISC */

/*
 * See confwatch.h.  A change is a reload, like SIGHUP: what is wrong with the
 * file is told once for each change, and changes nothing.  A file that is not
 * there, as between an editor's removing and renaming, is looked for again.
 */

#include <sys/types.h>
#include <sys/stat.h>

#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "confwatch.h"
#include "reload.h"

/* As often as Backhaul does. */
#ifndef CONFWATCH_SECONDS
#define CONFWATCH_SECONDS	2
#endif

/* -1: it is not there, or cannot be looked at. */
static int
confwatch_look(const struct rocketd *env, struct conf_stamp *stamp)
{
	struct stat	 st;

	memset(stamp, 0, sizeof(*stamp));
	if (stat(env->conf_path, &st) == -1)
		return (-1);
	stamp->dev = st.st_dev;
	stamp->ino = st.st_ino;
	stamp->size = st.st_size;
	stamp->sec = st.st_mtim.tv_sec;
	stamp->nsec = st.st_mtim.tv_nsec;
	return (0);
}

static int
stamp_same(const struct conf_stamp *a, const struct conf_stamp *b)
{
	return (a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->sec == b->sec && a->nsec == b->nsec);
}

void
confwatch_note(struct rocketd *env)
{
	(void)confwatch_look(env, &env->conf_stamp);
}

static void
confwatch_tick(int fd, short what, void *arg)
{
	struct rocketd		*env = arg;
	struct conf_stamp	 now;

	(void)fd;
	(void)what;
	if (confwatch_look(env, &now) == -1 ||
	    stamp_same(&now, &env->conf_stamp))
		return;
	env->conf_stamp = now;
	log_info("%s has changed", env->conf_path);
	reload_run(env, NULL);
}

void
confwatch_stop(struct rocketd *env)
{
	if (env->conf_timer != NULL)
		event_free(env->conf_timer);
	env->conf_timer = NULL;
}

void
confwatch_conf(struct rocketd *env)
{
	static const struct timeval	 tv = { CONFWATCH_SECONDS, 0 };

	if (!env->conf->polled) {
		confwatch_stop(env);
		return;
	}
	if (env->conf_timer != NULL)
		return;
	env->conf_timer = event_new(env->base, -1, EV_PERSIST,
	    confwatch_tick, env);
	if (env->conf_timer == NULL || evtimer_add(env->conf_timer, &tv) ==
	    -1)
		log_warnx("%s: changes are not seen: no timer",
		    env->conf_path);
}
