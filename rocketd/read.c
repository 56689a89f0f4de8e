/* SPDX-License-Identifier: ISC */

/*
 * See read.h.  Checks everything that can be wrong with a configuration before
 * anything is made for it.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "rocketd/conf/tlsconf.h"
#include "confwatch.h"
#include "crew.h"
#include "decoy.h"
#include "read.h"
#include "spawn.h"
#include "tlsfiles.h"
#include "tlsmake.h"

static int
read_override(const struct rocketd *env, struct rocketd_conf *conf)
{
	char	*path;

	if (env->control_override == NULL)
		return (0);
	if ((path = strdup(env->control_override)) == NULL)
		return (-1);
	free(conf->control_path);
	conf->control_path = path;
	conf->control_none = 0;
	return (0);
}

/* Run by root, each process has its own id: are there enough? */
static int
read_check_ids(const struct rocketd *env, const struct rocketd_conf *conf,
    FILE *err)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;
	uint64_t			 id;

	if (!env->root)
		return (0);
	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			id = (uint64_t)conf->id_first + CONF_CHILD_IDS +
			    cs->number;
			if (id <= conf->id_last)
				continue;
			conf_complain(err, cs->file, cs->line, cs->column,
			    "service \"%s\" needs the id %llu: the range of "
			    "ids ends at %u", cs->name,
			    (unsigned long long)id, conf->id_last);
			return (-1);
		}
	return (0);
}

/* A number is not free while workers of a removed service have it. */
static int
read_check_numbers(struct rocketd *env, struct rocketd_conf *conf,
    FILE *err)
{
	const struct conf_service	*old;
	struct conf_block		*b;
	struct conf_service		*cs;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			old = env->conf == NULL ? NULL :
			    conf_service_by_number(env->conf, cs->number);
			if (old != NULL || crew_alive(env, cs->number) == 0)
				continue;
			conf_complain(err, cs->file, cs->line, cs->column,
			    "service \"%s\": no number is free until removed "
			    "services have drained", cs->name);
			return (-1);
		}
	return (0);
}

/*
 * What is set for the whole life of a process must be the same for all of them:
 * a change waits for the next start.
 */
static void
read_keep(const struct rocketd *env, struct rocketd_conf *conf, FILE *err)
{
	const struct rocketd_conf	*old = env->conf;

	if (old == NULL)
		return;
	if (old->strict != conf->strict)
		conf_complain(err, conf->path, 0, 0, "warning: sandbox: "
		    "takes effect when rocketd is restarted");
	if (old->id_first != conf->id_first || old->id_last != conf->id_last)
		conf_complain(err, conf->path, 0, 0, "warning: ids: "
		    "take effect when rocketd is restarted; %u to %u stay",
		    old->id_first, old->id_last);
	conf->strict = old->strict;
	conf->id_first = old->id_first;
	conf->id_last = old->id_last;
}

struct rocketd_conf *
read_conf(struct rocketd *env, FILE *err)
{
	struct rocketd_conf	*conf;

	confwatch_note(env);
	if ((conf = conf_parse(env->conf_path, err)) == NULL)
		return (NULL);
	if (read_override(env, conf) == -1) {
		conf_complain(err, env->conf_path, 0, 0, "no memory");
		goto fail;
	}
	if (conf_finish(conf, err) != 0)
		goto fail;
	read_keep(env, conf, err);
	if (check_ids(conf, err) != 0)
		goto fail;
	conf_number(conf, env->conf);
	if (read_check_numbers(env, conf, err) == -1 ||
	    read_check_ids(env, conf, err) == -1)
		goto fail;
	return (conf);

 fail:
	conf_free(conf);
	return (NULL);
}

int
read_programs(struct rocketd *env, const struct rocketd_conf *conf, FILE *err)
{
	const struct conf_block	*b;
	char			 why[128];

	TAILQ_FOREACH(b, &conf->blocks, entry) {
		if (!(tlsconf_used(b) & TRANSPORT_QUIC) || env->quic_fd != -1)
			continue;
		env->quic_fd = spawn_open(env->quic_path, env->root, why,
		    sizeof(why));
		if (env->quic_fd != -1)
			continue;
		conf_complain(err, b->file, b->line, b->column, "transport "
		    "quic needs %s: %s", env->quic_path, why);
		return (1);
	}
	return (0);
}

int
read_files(struct rocketd_conf *conf, int full, FILE *err)
{
	int	 errors;

	errors = conf_read_tokens(conf, full, err);
	errors += conf_read_logins(conf, err);
	errors += decoy_check(conf, err);
	errors += tlsmake_check(conf, err);
	return (errors + tlsfiles_open(conf, err));
}

int
read_make(struct rocketd *env, struct rocketd_conf *conf, FILE *err)
{
	int	 errors;

	errors = tlsmake_wait(env, conf, err);
	return (errors + tlsfiles_open(conf, err));
}
