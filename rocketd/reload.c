/* SPDX-License-Identifier: ISC */

/*
 * From one configuration to the next.  Owns the order: first everything that
 * can fail (reading, numbers, sockets, files) is done beside what is in force,
 * then the change is made, which cannot fail.  Decides by the class of what
 * changed who is told, replaced, started or drained.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "rocketd/conf/tlsconf.h"
#include "crew.h"
#include "ctlsock.h"
#include "decoy.h"
#include "detach.h"
#include "listen.h"
#include "plog.h"
#include "procs.h"
#include "reload.h"
#include "send.h"
#include "tlsfiles.h"
#include "tlslook.h"
#include "tlsmake.h"

#define RELOAD_WHY	512

/* What was made beside what is in force. */
struct reload_new {
	struct rocketd_conf	*conf;
	int			 ctl_fd;
	int			 pidfd;
	int			 ctl_moves;	/* elsewhere, or away */
	int			 pid_moves;
};

/* ---- reading ---- */

static int
reload_override(const struct rocketd *env, struct rocketd_conf *conf)
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

/* As root each process has an id of its own: are there enough? */
static int
reload_check_ids(const struct rocketd *env, const struct rocketd_conf *conf,
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

/* A number that a drained service's workers still have is not free. */
static int
reload_check_numbers(struct rocketd *env, struct rocketd_conf *conf,
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
 * What a process has for all of its life is the same for all of them: a change
 * waits for the next start.
 */
static void
reload_keep(const struct rocketd *env, struct rocketd_conf *conf, FILE *err)
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

int
reload_files(struct rocketd *env, struct rocketd_conf *conf, int full,
    FILE *err)
{
	int	 errors;

	errors = conf_read_tokens(conf, full, err);
	errors += decoy_check(conf, err);
	errors += tlsmake_missing(env->worker_path, conf, 0, err);
	errors += tlsfiles_open(conf, err);
	errors += tlslook_files(env, conf, err);
	if (!full || errors != 0)
		return (errors);
	/* nothing is made for a configuration that is refused */
	errors = tlsmake_missing(env->worker_path, conf, 1, err);
	return (errors + tlsfiles_open(conf, err));
}

struct rocketd_conf *
reload_read(struct rocketd *env, int full, FILE *err)
{
	struct rocketd_conf	*conf;

	if ((conf = conf_parse(env->conf_path, err)) == NULL)
		return (NULL);
	if (reload_override(env, conf) == -1) {
		conf_complain(err, env->conf_path, 0, 0, "no memory");
		goto fail;
	}
	if (conf_finish(conf, err) != 0)
		goto fail;
	reload_keep(env, conf, err);
	if (check_ids(conf, err) != 0)
		goto fail;
	conf_number(conf, env->conf);
	if (reload_check_numbers(env, conf, err) == -1 ||
	    reload_check_ids(env, conf, err) == -1 ||
	    (full && reload_files(env, conf, full, err) != 0))
		goto fail;
	return (conf);

 fail:
	conf_free(conf);
	return (NULL);
}

/* ---- preparing ---- */

static int
reload_same_string(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == b);
	return (strcmp(a, b) == 0);
}

static const char *
reload_control_path(const struct rocketd_conf *conf)
{
	return (conf->control_none ? NULL : conf->control_path);
}

static int
reload_prepare_control(struct rocketd *env, struct reload_new *new, FILE *err)
{
	const char	*path = reload_control_path(new->conf);
	char		 why[RELOAD_WHY];

	new->ctl_moves = !reload_same_string(path, env->ctl_path);
	if (!new->ctl_moves || path == NULL)
		return (0);
	new->ctl_fd = ctlsock_bind(path, new->conf->control_group, env->root,
	    why, sizeof(why));
	if (new->ctl_fd == -1)
		conf_complain(err, env->conf_path, 0, 0, "%s", why);
	return (new->ctl_fd == -1 ? -1 : 0);
}

static int
reload_prepare_pidfile(struct rocketd *env, struct reload_new *new, FILE *err)
{
	const char	*path = new->conf->pidfile;
	char		 why[RELOAD_WHY];

	new->pid_moves = !reload_same_string(path, env->pidfile);
	if (!new->pid_moves || path == NULL)
		return (0);
	new->pidfd = detach_pidfile(path, why, sizeof(why));
	if (new->pidfd == -1)
		conf_complain(err, env->conf_path, 0, 0, "%s", why);
	return (new->pidfd == -1 ? -1 : 0);
}

static int
reload_prepare(struct rocketd *env, struct reload_new *new, FILE *err)
{
	new->ctl_fd = new->pidfd = -1;
	if (listen_prepare(env, new->conf, err) == -1)
		return (-1);
	if (reload_prepare_control(env, new, err) == -1)
		goto fail_listen;
	if (reload_prepare_pidfile(env, new, err) == -1)
		goto fail_control;
	return (0);

 fail_control:
	if (new->ctl_fd != -1) {
		close(new->ctl_fd);
		(void)unlink(new->conf->control_path);
	}
 fail_listen:
	listen_abandon(env);
	return (-1);
}

/* ---- changing ---- */

uint32_t
reload_log_level(const struct rocketd *env, const struct rocketd_conf *conf)
{
	uint32_t	 level = conf->log_level;

	if (env->verbose > 0 && level < LOGLEVEL_DEBUG)
		level = LOGLEVEL_DEBUG;
	if (env->verbose > 1)
		level = LOGLEVEL_TRACE;
	return (level);
}

/* In the foreground the log stays there, in the form that was asked for. */
enum log_dest
reload_log_dest(const struct rocketd *env, const struct rocketd_conf *conf)
{
	if (env->foreground && conf->log_dest == LOGDEST_SYSLOG)
		return (LOGDEST_STDERR);
	return (conf->log_dest);
}

/* Sockets, files, level: what the parent has itself. */
static void
reload_commit(struct rocketd *env, struct reload_new *new)
{
	listen_commit(env);
	if (new->ctl_moves && ctlsock_set(env, new->ctl_fd,
	    reload_control_path(new->conf)) == -1)
		log_warn("control socket %s", new->conf->control_path);
	if (new->pid_moves && detach_set_pidfile(env, new->pidfd,
	    new->conf->pidfile) == -1)
		log_warn("pid file %s", new->conf->pidfile);
	env->conf = new->conf;
	env->configured = time(NULL);
	env->conf_error[0] = '\0';
	procs_log_level(env, reload_log_level(env, new->conf));
	/* Until the start is over, its words are for who started it. */
	if (env->phase == PHASE_RUNNING || env->foreground)
		plog_to(reload_log_dest(env, new->conf));
}

static int
reload_has_side(const struct rocketd_conf *conf, enum side side)
{
	const struct conf_block	*b;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		if (b->side == side)
			return (1);
	return (0);
}

/* The processes that are there once, or not at all. */
static void
reload_role(struct rocketd *env, enum proc_role role, int wanted)
{
	struct child	*child = procs_find(env, role);

	if (!wanted) {
		if (child != NULL && child->wanted)
			child_stop(child, 0);
	} else if (child == NULL)
		(void)procs_add(env, role, SIDE_NONE, 0, 0, "");
	else if (!child->wanted)
		child_event(child, CHILD_EV_START);
}

static struct child *
reload_find_tls(struct rocketd *env, enum side side, uint32_t index)
{
	struct child	*child;

	TAILQ_FOREACH(child, &env->children, entry)
		if (child->role == PROC_TLS && child->side == side &&
		    child->index == index)
			return (child);
	return (NULL);
}

/*
 * A tls process a block that has TLS.  One that is not wanted any more carries
 * its tunnels until they have ended.
 */
static void
reload_tls(struct rocketd *env)
{
	const struct conf_block	*b;
	struct child		*child, *next;

	TAILQ_FOREACH_SAFE(child, &env->children, entry, next)
		if (child->role == PROC_TLS && child->wanted &&
		    tlsconf_block(env->conf, child->side, child->index) == NULL)
			child_stop(child, UINT32_MAX);
	TAILQ_FOREACH(b, &env->conf->blocks, entry) {
		if (!tlsconf_used(b))
			continue;
		child = reload_find_tls(env, b->side, b->tls_index);
		if (child == NULL)
			(void)procs_add(env, PROC_TLS, b->side, 0,
			    b->tls_index, "");
		else if (!child->wanted)
			child_event(child, CHILD_EV_START);
	}
}

static void
reload_tell_tls(struct rocketd *env)
{
	struct child	*child, *next;

	TAILQ_FOREACH_SAFE(child, &env->children, entry, next)
		if (child->role == PROC_TLS && child->wanted)
			send_again(env, child, 0);
}

/* A user may be on the way to a worker that drains: it dials until it ends. */
static int
reload_needs_dial(struct rocketd *env)
{
	struct child	*child;

	TAILQ_FOREACH(child, &env->children, entry)
		if (child->role == PROC_SERVICE && child->side == SIDE_CLIENT)
			return (1);
	return (reload_has_side(env->conf, SIDE_CLIENT));
}

static void
reload_roles(struct rocketd *env)
{
	int	 server = reload_has_side(env->conf, SIDE_SERVER);
	int	 client = reload_needs_dial(env);

	reload_role(env, PROC_CONTROL, 1);
	reload_role(env, PROC_KEYS, server || client);
	reload_role(env, PROC_RESOLVE, client);
	reload_role(env, PROC_DIAL, client);
	reload_role(env, PROC_GATE, server);
	reload_tls(env);
}

/* Removed services drain, for as long as they were allowed to. */
static uint32_t
reload_drain(const struct conf_service *cs)
{
	if (cs->opts.drain_timeout == 0 ||
	    cs->opts.drain_timeout >= UINT32_MAX / 1000)
		return (UINT32_MAX);
	return (cs->opts.drain_timeout * 1000);
}

static void
reload_removed(struct rocketd *env, const struct rocketd_conf *old)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;

	TAILQ_FOREACH(b, &old->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			if (conf_service_by_number(env->conf, cs->number) !=
			    NULL)
				continue;
			log_info("service %s: removed", cs->name);
			crew_stop(env, cs->number, reload_drain(cs));
			send_keep_drained(env, cs);
		}
}

/* The number of workers is not theirs to know: it alone changes no worker. */
static uint32_t
reload_diff(const struct conf_service *old, const struct conf_service *new)
{
	struct conf_service	 same = *old;

	same.opts.prefork = new->opts.prefork;
	return (conf_service_diff(&same, new));
}

static void
reload_service(struct rocketd *env, const struct conf_service *old,
    const struct conf_service *cs)
{
	uint32_t	 diff = 0;

	if (old == NULL) {
		crew_resize(env, cs, 0);
		return;
	}
	if (cs->block->side == SIDE_CLIENT && (old->block->tls_changed ||
	    !tlsconf_same(old->block, cs->block)))
		cs->block->tls_changed = 1;
	diff = reload_diff(old, cs);
	if (diff == 0 && old->opts.prefork == cs->opts.prefork)
		return;
	log_info("service %s: changed", cs->name);
	if (diff & CHANGE_PROCESS)
		crew_stop(env, cs->number, reload_drain(old));
	crew_resize(env, cs, reload_drain(old));
	/* A client's workers share the pool, so each has another part now. */
	if (diff == 0 && cs->block->side == SIDE_CLIENT)
		diff = CHANGE_LIVE;
	if (diff != 0 && !(diff & CHANGE_PROCESS))
		send_again_service(env, cs->number, diff);
}

static int
reload_same_tokens(const struct conf_service *a, const struct conf_service *b)
{
	const struct conf_token	*s, *t;

	s = TAILQ_FIRST(conf_service_tokens(a));
	t = TAILQ_FIRST(conf_service_tokens(b));
	for (; s != NULL && t != NULL;
	    s = TAILQ_NEXT(s, entry), t = TAILQ_NEXT(t, entry))
		if (s->len != t->len || memcmp(s->octets, t->octets, s->len))
			return (0);
	return (s == NULL && t == NULL);
}

/* Does each service of one have the same tokens in the other? */
static int
reload_tokens_within(const struct rocketd_conf *a,
    const struct rocketd_conf *b)
{
	const struct conf_block		*block;
	const struct conf_service	*cs, *other;

	TAILQ_FOREACH(block, &a->blocks, entry)
		TAILQ_FOREACH(cs, &block->services, entry) {
			other = conf_service_by_number(b, cs->number);
			if (other == NULL || !reload_same_tokens(cs, other))
				return (0);
		}
	return (1);
}

static int
reload_has_tls(const struct rocketd_conf *conf)
{
	const struct conf_block	*b;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		if (tlsconf_used(b))
			return (1);
	return (0);
}

static void
reload_tell(struct rocketd *env, enum proc_role role)
{
	struct child	*child = procs_find(env, role);

	if (child != NULL)
		send_again(env, child, 0);
}

/* What cannot be changed in a process that runs. */
static void
reload_note_global(const struct rocketd_conf *old,
    const struct rocketd_conf *new)
{
	if (!reload_same_string(old->control_group, new->control_group) &&
	    reload_same_string(old->control_path, new->control_path))
		log_warnx("control socket's group: takes effect when rocketd "
		    "is restarted");
}

void
reload_tls_ready(struct child *child)
{
	const struct conf_service	*cs;
	struct conf_block		*b;

	TAILQ_FOREACH(b, &child->env->conf->blocks, entry)
		if (b->side == child->side && b->tls_index == child->index &&
		    b->tls_changed)
			break;
	if (b == NULL || child->pending != 0)
		return;
	b->tls_changed = 0;
	TAILQ_FOREACH(cs, &b->services, entry)
		send_again_service(child->env, cs->number, CHANGE_TUNNELS);
}

/*
 * Before the workers: what they then dial is verified as it is configured now.
 * And keys before those whose new certificates it signs for.  What was dialled
 * all the same before tls had read it goes by reload_tls_ready.
 */
static void
reload_secrets(struct rocketd *env, const struct rocketd_conf *old)
{
	if (!reload_tokens_within(old, env->conf) ||
	    !reload_tokens_within(env->conf, old) || reload_has_tls(old) ||
	    reload_has_tls(env->conf))
		reload_tell(env, PROC_KEYS);
	reload_tell_tls(env);
}

static void
reload_apply(struct rocketd *env, const struct rocketd_conf *old)
{
	const struct conf_block		*b;
	const struct conf_service	*cs, *was = NULL;

	reload_roles(env);
	if (old != NULL) {
		reload_secrets(env, old);
		reload_removed(env, old);
	}
	TAILQ_FOREACH(b, &env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			if (old != NULL)
				was = conf_service_by_number(old, cs->number);
			reload_service(env, was, cs);
		}
	if (old == NULL)
		return;
	reload_roles(env);	/* of what was removed some has ended */
	reload_note_global(old, env->conf);
	reload_tell(env, PROC_DIAL);
	reload_tell(env, PROC_GATE);
	/* The last, by which whoever asked hears that the others were told. */
	reload_tell(env, PROC_CONTROL);
}

int
reload_first(struct rocketd *env, struct rocketd_conf *conf, FILE *err)
{
	struct reload_new	 new = { .conf = conf };

	if (reload_prepare(env, &new, err) == -1)
		return (-1);
	reload_commit(env, &new);
	reload_apply(env, NULL);
	return (0);
}

void
reload_refill(struct rocketd *env, uint32_t service)
{
	const struct conf_service	*cs;

	cs = conf_service_by_number(env->conf, service);
	if (cs != NULL)
		crew_resize(env, cs, reload_drain(cs));
	else
		reload_roles(env);
}

/* ---- a reload ---- */

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
	struct reload_new	 new;
	struct rocketd_conf	*old = env->conf;

	if ((new.conf = reload_read(env, 1, err)) == NULL)
		return (-1);
	if (reload_prepare(env, &new, err) == -1) {
		conf_free(new.conf);
		return (-1);
	}
	reload_commit(env, &new);
	reload_apply(env, old);
	conf_free(old);
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
