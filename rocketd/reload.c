/* SPDX-License-Identifier: ISC */

/*
 * See reload.h.  Owns the order: first everything that can fail (read.c,
 * prepare.c) is done beside what is in force, then the change is made
 * (apply.c).
 */

#include <sys/types.h>

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

/*
 * All errors and warnings to the log, and to whoever asked the first error, or
 * when it was not refused the first warning.
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

static int
reload_try(struct rocketd *env, FILE *err)
{
	struct prepared	 new;

	if ((new.conf = read_conf(env, 1, err)) == NULL)
		return (-1);
	if (prepare_make(env, &new, err) == -1) {
		conf_free(new.conf);
		return (-1);
	}
	prepare_commit(env, &new);
	apply_conf(env, new.conf);
	procs_advance(env);
	return (0);
}

int
reload_run(struct rocketd *env, char *why, size_t size)
{
	char	*text = NULL;
	size_t	 len = 0;
	FILE	*err;
	int	 ret;

	if (env->phase != PHASE_RUNNING) {
		env->reload_later = env->phase == PHASE_STARTING;
		strlcpy(why, env->reload_later ?
		    "rocketd is starting: it reloads after that" :
		    "rocketd is stopping", size);
		return (-1);
	}
	if ((err = open_memstream(&text, &len)) == NULL) {
		strlcpy(why, "no memory", size);
		return (-1);
	}
	log_info("reload: %s", env->conf_path);
	detach_notify_reloading();
	ret = reload_try(env, err);
	if (fclose(err) == EOF)
		log_warn("reload: the list of errors");
	reload_told(text, ret == -1, why, size);
	if (ret == -1)
		reload_refused(env, why, size);
	else
		log_info("reload: done");
	free(text);
	detach_notify("READY=1");
	return (ret);
}
