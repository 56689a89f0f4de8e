/* SPDX-License-Identifier: ISC */

/*
 * See apply.h.  The class of what changed decides which processes are told,
 * replaced, started or drained.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>
#include <time.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "rocketd/conf/tlsconf.h"
#include "apply.h"
#include "chans.h"
#include "confwatch.h"
#include "crew.h"
#include "keymake.h"
#include "listen.h"
#include "plog.h"
#include "procs.h"
#include "send.h"
#include "sockdir.h"

uint32_t
apply_log_level(const struct rocketd *env, const struct rocketd_conf *conf)
{
	uint32_t	 level = conf->log_level;

	if (env->verbose > 0 && level < LOGLEVEL_DEBUG)
		level = LOGLEVEL_DEBUG;
	if (env->verbose > 1)
		level = LOGLEVEL_TRACE;
	return (level);
}

/* In the foreground the log stays on standard error, in its configured form. */
enum log_dest
apply_log_dest(const struct rocketd *env, const struct rocketd_conf *conf)
{
	if (env->foreground && conf->log_dest == LOGDEST_SYSLOG)
		return (LOGDEST_STDERR);
	return (conf->log_dest);
}

static int
apply_has_side(const struct rocketd_conf *conf, enum side side)
{
	const struct conf_block	*b;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		if (b->side == side)
			return (1);
	return (0);
}

/* The roles that have one process, or none. */
static void
apply_role(struct rocketd *env, enum proc_role role, int wanted)
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
apply_find_tls(struct rocketd *env, enum proc_role role,
    const struct conf_block *b)
{
	struct child	*child;

	TAILQ_FOREACH(child, &env->children, entry)
		if (child->role == role && child->side == b->side &&
		    child->index == b->tls_index)
			return (child);
	return (NULL);
}

/*
 * Each block with TLS, or with QUIC, has a process for it: role is tls or quic.
 * One that is not wanted any more carries its tunnels until they have ended.
 */
static void
apply_tls(struct rocketd *env, enum proc_role role)
{
	const struct conf_block	*b;
	struct child		*child, *next;
	uint32_t		 ends = child_transport(role);

	TAILQ_FOREACH_SAFE(child, &env->children, entry, next)
		if (child->role == role && child->wanted && tlsconf_block(
		    env->conf, child->side, child->index, ends) == NULL)
			child_stop(child, UINT32_MAX);
	TAILQ_FOREACH(b, &env->conf->blocks, entry) {
		if (!(tlsconf_used(b) & ends))
			continue;
		if ((child = apply_find_tls(env, role, b)) == NULL)
			(void)procs_add(env, role, b->side, 0, b->tls_index,
			    "");
		else if (!child->wanted)
			child_event(child, CHILD_EV_START);
	}
}

static void
apply_tell_tls(struct rocketd *env)
{
	struct child	*child, *next;

	TAILQ_FOREACH_SAFE(child, &env->children, entry, next)
		if (child_transport(child->role) != 0 && child->wanted)
			send_again(env, child, 0);
}

static int
apply_has_flows(const struct rocketd_conf *conf)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry)
			if (conf_service_has_flows(cs))
				return (1);
	return (0);
}

static int
apply_has_serves(const struct rocketd_conf *conf)
{
	const struct conf_block	*b;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		if (!TAILQ_EMPTY(&b->serves))
			return (1);
	return (0);
}

static int
apply_has_target(const struct rocketd_conf *conf)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry)
			if (!conf_service_opens(cs))
				return (1);
	return (0);
}

/* Users may still come to a worker that drains: it dials until it ends. */
static int
apply_needs_dial(struct rocketd *env)
{
	struct child	*child;

	TAILQ_FOREACH(child, &env->children, entry)
		if (child->role == PROC_SERVICE &&
		    (child->side == SIDE_CLIENT || !child->opens))
			return (1);
	return (apply_has_side(env->conf, SIDE_CLIENT) ||
	    apply_has_target(env->conf));
}

static void
apply_roles(struct rocketd *env)
{
	int	 server = apply_has_side(env->conf, SIDE_SERVER);
	int	 dial = apply_needs_dial(env);

	apply_role(env, PROC_CONTROL, 1);
	apply_role(env, PROC_KEYS, server || dial);
	apply_role(env, PROC_RESOLVE, dial);
	apply_role(env, PROC_DIAL, dial);
	apply_role(env, PROC_GATE, server);
	apply_role(env, PROC_UDP, apply_has_flows(env->conf));
	apply_role(env, PROC_WEB, apply_has_serves(env->conf));
	apply_tls(env, PROC_TLS);
	apply_tls(env, PROC_QUIC);
}

/* Removed services drain, for as long as their drain timeout allowed. */
static uint32_t
apply_drain(const struct conf_service *cs)
{
	if (cs->opts.drain_timeout == 0 ||
	    cs->opts.drain_timeout >= UINT32_MAX / 1000)
		return (UINT32_MAX);
	return (cs->opts.drain_timeout * 1000);
}

static void
apply_removed(struct rocketd *env, const struct rocketd_conf *old)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;

	TAILQ_FOREACH(b, &old->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			if (conf_service_by_number(env->conf, cs->number) !=
			    NULL)
				continue;
			log_info("service %s: removed", cs->name);
			crew_stop(env, cs->number, apply_drain(cs));
			send_keep_drained(env, cs);
		}
}

/* Workers do not know their number: if only it changes, none is told. */
static uint32_t
apply_diff(const struct conf_service *old, const struct conf_service *new)
{
	struct conf_service	 same = *old;

	same.opts.prefork = new->opts.prefork;
	return (conf_service_diff(&same, new));
}

static void
apply_service(struct rocketd *env, const struct conf_service *old,
    const struct conf_service *cs)
{
	uint32_t	 diff = 0;

	if (old == NULL) {
		crew_resize(env, cs, 0);
		return;
	}
	if (cs->block->side == SIDE_CLIENT && (old->block->tls_changed ||
	    !tlsconf_same(old->block, cs->block)))
		cs->block->tls_changed = tlsconf_used(cs->block);
	diff = apply_diff(old, cs);
	if (listen_is_new(env, cs->number))
		diff |= CHANGE_LISTENER;
	if (diff == 0 && old->opts.prefork == cs->opts.prefork)
		return;
	log_info("service %s: changed", cs->name);
	if (diff & CHANGE_PROCESS)
		crew_stop(env, cs->number, apply_drain(old));
	if (conf_service_opens(cs) && !conf_service_opens(old))
		send_keep_drained(env, old);
	crew_resize(env, cs, apply_drain(old));
	/* A client's workers share the pool: the part of each has changed. */
	if (diff == 0 && cs->block->side == SIDE_CLIENT)
		diff = CHANGE_LIVE;
	if (diff != 0 && !(diff & CHANGE_PROCESS))
		send_again_service(env, cs->number, diff);
}

static int
apply_same_tokens(const struct conf_service *a, const struct conf_service *b)
{
	const struct conf_token	*s, *t;

	/* which says what is made of them */
	if (a->block->dialect != b->block->dialect)
		return (0);
	s = TAILQ_FIRST(conf_service_tokens(a));
	t = TAILQ_FIRST(conf_service_tokens(b));
	for (; s != NULL && t != NULL;
	    s = TAILQ_NEXT(s, entry), t = TAILQ_NEXT(t, entry))
		if (s->len != t->len || memcmp(s->octets, t->octets, s->len))
			return (0);
	return (s == NULL && t == NULL);
}

/* Does each service have the same tokens, and logins, in both? */
static int
apply_secrets_within(const struct rocketd_conf *a,
    const struct rocketd_conf *b)
{
	const struct conf_block		*block;
	const struct conf_service	*cs, *other;

	TAILQ_FOREACH(block, &a->blocks, entry)
		TAILQ_FOREACH(cs, &block->services, entry) {
			other = conf_service_by_number(b, cs->number);
			if (other == NULL || !apply_same_tokens(cs, other) ||
			    !conf_same_logins(cs, other))
				return (0);
		}
	return (1);
}

static int
apply_has_tls(const struct rocketd_conf *conf)
{
	const struct conf_block	*b;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		if (tlsconf_used(b))
			return (1);
	return (0);
}

static void
apply_tell(struct rocketd *env, enum proc_role role)
{
	struct child	*child = procs_find(env, role);

	if (child != NULL)
		send_again(env, child, 0);
}

/* Groups are given to a process before it gives up being root: at its start. */
static void
apply_dial(struct rocketd *env)
{
	struct child	*dial = procs_find(env, PROC_DIAL);
	uint32_t	 groups[TARGET_GROUPS_MAX], n;

	sockdir_forget(env);
	if (dial == NULL)
		return;
	n = sockdir_groups(env, groups);
	if (env->root && (dial->state == CHILD_STARTING ||
	    dial->state == CHILD_READY) && (n != dial->ngroups ||
	    memcmp(groups, dial->groups, n * sizeof(*groups)) != 0)) {
		log_info("dial: replaced, for the groups of targets");
		child_stop(dial, 0);
		child_event(dial, CHILD_EV_START);
	} else
		send_again(env, dial, 0);
}

void
apply_tls_ready(struct child *child)
{
	const struct conf_service	*cs;
	struct conf_block		*b;
	uint32_t			 ends = child_transport(child->role);

	TAILQ_FOREACH(b, &child->env->conf->blocks, entry)
		if (b->side == child->side && b->tls_index == child->index &&
		    b->tls_changed & ends)
			break;
	if (b == NULL || child->pending != 0)
		return;
	b->tls_changed &= ~ends;
	if (b->tls_changed != 0)
		return;			/* the other one's READY is near */
	TAILQ_FOREACH(cs, &b->services, entry)
		send_again_service(child->env, cs->number, CHANGE_TUNNELS);
}

/*
 * Before the workers, so that what they dial is verified by the new settings,
 * and keys before those for whose new certificates it signs.  What was dialled
 * before tls had read its settings is replaced by apply_tls_ready.
 */
static void
apply_secrets(struct rocketd *env, const struct rocketd_conf *old)
{
	if (!apply_secrets_within(old, env->conf) ||
	    !apply_secrets_within(env->conf, old) || apply_has_tls(old) ||
	    apply_has_tls(env->conf))
		apply_tell(env, PROC_KEYS);
	apply_tell_tls(env);
}

/*
 * Workers whose users send datagrams only since this reload have no channel to
 * udp yet; one that starts makes them all by itself.
 */
static void
apply_flows(struct rocketd *env)
{
	struct child	*udp = procs_find(env, PROC_UDP), *child, *next;

	TAILQ_FOREACH_SAFE(child, &env->children, entry, next) {
		if (child->flows || !chans_has_flows(env, child))
			continue;
		child->flows = 1;
		if (udp != NULL && child->chan != NULL &&
		    chans_again(env, udp, child) == -1)
			child_event(child, CHILD_EV_BREACH);
	}
	apply_tell(env, PROC_UDP);
}

static void
apply_children(struct rocketd *env, const struct rocketd_conf *old)
{
	const struct conf_block		*b;
	const struct conf_service	*cs, *was = NULL;

	apply_roles(env);
	if (old != NULL) {
		apply_secrets(env, old);
		apply_removed(env, old);
	}
	TAILQ_FOREACH(b, &env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			if (old != NULL)
				was = conf_service_by_number(old, cs->number);
			apply_service(env, was, cs);
		}
	if (old == NULL)
		return;
	apply_roles(env);	/* removed processes may have ended */
	apply_dial(env);
	apply_tell(env, PROC_GATE);
	apply_flows(env);
	apply_tell(env, PROC_WEB);
	/* Last: whoever asked hears from it that the others were told. */
	apply_tell(env, PROC_CONTROL);
}

void
apply_conf(struct rocketd *env, struct rocketd_conf *conf)
{
	struct rocketd_conf	*old = env->conf;

	env->conf = conf;
	env->configured = time(NULL);
	env->conf_error[0] = '\0';
	procs_log_level(env, apply_log_level(env, conf));
	/* Until the start is over, log to whoever started us. */
	if (env->phase == PHASE_RUNNING || env->foreground)
		plog_to(apply_log_dest(env, conf));
	keymake_conf(env);
	confwatch_conf(env);
	apply_children(env, old);
	conf_free(old);
}

void
apply_refill(struct rocketd *env, uint32_t service)
{
	const struct conf_service	*cs;

	cs = conf_service_by_number(env->conf, service);
	if (cs != NULL)
		crew_resize(env, cs, apply_drain(cs));
	apply_roles(env);
}
