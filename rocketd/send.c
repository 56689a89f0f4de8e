/* SPDX-License-Identifier: ISC */

/*
 * Configuration on its way to the processes.  Owns which of them is told what:
 * keys and tokens go only to keys (sendkeys.c), addresses to connect to only to
 * dial and to their service, what may be named for a target to dial alone,
 * listeners to whoever accepts on them, and that there are such to dial.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <fcntl.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "rocketd/conf/netconf.h"
#include "rocketd/conf/targets.h"
#include "rocketd/conf/tlsconf.h"
#include "chans.h"
#include "crew.h"
#include "ctlsock.h"
#include "decoy.h"
#include "limits.h"
#include "listen.h"
#include "plog.h"
#include "procs.h"
#include "send.h"
#include "sendkeys.h"
#include "sockdir.h"
#include "tlsfiles.h"

/* A directory is opened again for dial after so many seconds at least. */
#define SEND_DIR_PACE	1

/* A target of a removed service, kept for the workers that drain. */
struct drained {
	TAILQ_ENTRY(drained)	 entry;
	struct msg_dialee	 target;
	/* that peers name: what they may name */
	struct target_rule	*rules;
	uint32_t		 nrules;
};

/* A target's directory was opened again for dial: not again for a while. */
struct again {
	TAILQ_ENTRY(again)	 entry;
	struct rocketd		*env;
	uint32_t		 service;
	struct event		*timer;		/* pending: not again yet */
	int			 asked;		/* meanwhile */
	uint32_t		 error;		/* why, the last time */
};

/* ---- addresses ---- */

static void
send_fill_dialee(struct msg_dialee *msg, const struct conf_service *cs,
    const struct conf_remote *cr, uint32_t index, const struct sockopts *opts)
{
	memset(msg, 0, sizeof(*msg));
	msg->service = cs->number;
	msg->index = index;
	msg->is_unix = cr->is_unix;
	msg->port = cr->port;
	msg->ports = cr->is_unix ? 0 : cr->port_last - cr->port + 1;
	msg->for_port = cr->for_port;
	msg->transport = cr->transport;
	msg->kinds = cr->kinds;
	msg->tls = cs->block->tls_index;
	msg->opts = *opts;
	msg->source = cr->source;
	msg->edge = cr->edge;
	strlcpy(msg->host, cr->host, sizeof(msg->host));
}

static int
send_remotes(struct child *child, const struct conf_service *cs)
{
	const struct conf_remote	*cr;
	struct msg_dialee		 msg;
	uint32_t			 index = 0;

	TAILQ_FOREACH(cr, &cs->block->remotes, entry) {
		send_fill_dialee(&msg, cs, cr, index++,
		    &cs->opts.tunnel_sock);
		if (channel_send(child->chan, IMSG_CONF_REMOTE, -1, &msg,
		    sizeof(msg)) == -1)
			return (-1);
	}
	return (0);
}

static int
send_target(struct child *child, const struct msg_dialee *target)
{
	if (channel_send(child->chan, IMSG_CONF_TARGET, -1, target,
	    sizeof(*target)) == -1)
		return (-1);
	if (child->role == PROC_DIAL && target->is_unix)
		return (sockdir_send(child, target, 0));
	return (0);
}

/* That of a service, whether it is configured or its peer names it. */
static void
send_fill_target(struct msg_dialee *msg, const struct conf_service *cs)
{
	if (!conf_service_named(cs)) {
		send_fill_dialee(msg, cs, &cs->target, 0,
		    &cs->opts.service_sock);
		return;
	}
	memset(msg, 0, sizeof(*msg));
	msg->service = cs->number;
	msg->named = 1;
	/* in dialect backhaul loopback is what may be named */
	msg->guard = cs->target.named;
	msg->kinds = cs->target.named ? cs->target.kinds : KIND_ALL;
	msg->opts = cs->opts.service_sock;
}

static int
send_rule(struct child *child, uint32_t service,
    const struct target_rule *rule)
{
	struct msg_rule	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.service = service;
	msg.rule = *rule;
	return (channel_send(child->chan, IMSG_CONF_RULE, -1, &msg,
	    sizeof(msg)));
}

static int
send_rules(struct child *child, const struct conf_service *cs)
{
	const struct target_rule	*rule;
	uint32_t			 i;

	for (i = 0; (rule = targets_rule(cs, i)) != NULL; i++)
		if (send_rule(child, cs->number, rule) == -1)
			return (-1);
	return (0);
}

/* If it has one. */
static int
send_own_target(struct child *child, const struct conf_service *cs)
{
	struct msg_dialee	 target;

	if (conf_service_opens(cs))
		return (0);
	send_fill_target(&target, cs);
	if (send_target(child, &target) == -1)
		return (-1);
	return (child->role == PROC_DIAL && target.named ?
	    send_rules(child, cs) : 0);
}

/* ---- a process's set ---- */

static int
send_control(struct rocketd *env, struct child *child)
{
	struct msg_control	 control;
	struct msg_logdest	 log;
	enum log_dest		 dest;
	int			 fd;

	if (env->ctl_fd != -1) {
		if ((fd = fcntl(env->ctl_fd, F_DUPFD_CLOEXEC, 0)) == -1) {
			log_warn("control socket");
			return (-1);
		}
		memset(&control, 0, sizeof(control));
		control.owner = getuid();
		strlcpy(control.path, env->ctl_path, sizeof(control.path));
		if (channel_send(child->chan, IMSG_CONF_CONTROL, fd, &control,
		    sizeof(control)) == -1)
			return (-1);
	}
	if ((fd = plog_lend(&dest)) == -1) {
		log_warn("log destination");
		return (-1);
	}
	memset(&log, 0, sizeof(log));
	log.dest = dest;
	return (channel_send(child->chan, IMSG_CONF_LOG, fd, &log,
	    sizeof(log)));
}

/* The paths that lead to services. */
static int
send_paths(struct rocketd *env, struct child *child)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;
	struct msg_path			 msg;

	TAILQ_FOREACH(b, &env->conf->blocks, entry) {
		if (b->side != SIDE_SERVER)
			continue;
		TAILQ_FOREACH(cs, &b->services, entry) {
			memset(&msg, 0, sizeof(msg));
			msg.service = cs->number;
			msg.own = b->dialect == DIALECT_MUXPRO;
			strlcpy(msg.path, cs->web.path[0] == '\0' && msg.own ?
			    WEB_PATH_OWN : cs->web.path, sizeof(msg.path));
			if (msg.path[0] == '\0')
				continue;
			if (channel_send(child->chan, IMSG_CONF_PATH, -1, &msg,
			    sizeof(msg)) == -1)
				return (-1);
		}
	}
	return (0);
}

static int
send_gate(struct rocketd *env, struct child *child)
{
	const struct gate_opts	*gate = &env->conf->gate;

	if (channel_send(child->chan, IMSG_CONF_GATE, -1, gate,
	    sizeof(*gate)) == -1 || send_paths(env, child) == -1 ||
	    decoy_send(child, env->conf) == -1)
		return (-1);
	return (listen_lend(env, child, 0));
}

static int
send_tls(struct rocketd *env, struct child *child)
{
	const struct gate_opts	*gate = &env->conf->gate;
	const struct conf_block	*b;

	if (channel_send(child->chan, IMSG_CONF_GATE, -1, gate,
	    sizeof(*gate)) == -1)
		return (-1);
	b = tlsconf_block(env->conf, child->side, child->index,
	    child_transport(child->role));
	if (b == NULL) {
		log_warnx("%s: no such block any more", child_name(child));
		return (-1);
	}
	if (tlsfiles_send(child, b) == -1)
		return (-1);
	return (listen_lend(env, child, 0));
}

/* Of each service that has some, its limits and then its sockets. */
static int
send_udp(struct rocketd *env, struct child *child)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;
	struct msg_flows_conf		 msg;

	TAILQ_FOREACH(b, &env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry) {
			if (!conf_service_has_flows(cs))
				continue;
			memset(&msg, 0, sizeof(msg));
			msg.service = cs->number;
			msg.side = b->side;
			msg.timeout_s = cs->opts.udp_timeout;
			msg.flows_max = cs->opts.udp_flows;
			msg.flows_source = cs->opts.udp_flows_source;
			strlcpy(msg.name, cs->name, sizeof(msg.name));
			if (channel_send(child->chan, IMSG_CONF_FLOWS, -1,
			    &msg, sizeof(msg)) == -1 ||
			    listen_lend(env, child, cs->number) == -1)
				return (-1);
		}
	return (0);
}

static int
send_drained_one(struct child *child, const struct drained *d)
{
	uint32_t	 i;

	for (i = 0; i < d->nrules; i++)
		if (send_rule(child, d->target.service, &d->rules[i]) == -1)
			return (-1);
	return (send_target(child, &d->target));
}

/* Unless the service has a target again. */
static int
send_drained(struct rocketd *env, struct child *child)
{
	const struct conf_service	*cs;
	const struct drained		*d;

	TAILQ_FOREACH(d, &env->drained, entry) {
		cs = conf_service_by_number(env->conf, d->target.service);
		if ((cs == NULL || conf_service_opens(cs)) &&
		    send_drained_one(child, d) == -1)
			return (-1);
	}
	return (0);
}

static int
send_dial(struct rocketd *env, struct child *child)
{
	const struct conf_block		*b;
	const struct conf_service	*cs;

	if (listen_tell(env, child) == -1)
		return (-1);
	TAILQ_FOREACH(b, &env->conf->blocks, entry)
		TAILQ_FOREACH(cs, &b->services, entry)
			if (send_remotes(child, cs) == -1 ||
			    send_own_target(child, cs) == -1)
				return (-1);
	return (send_drained(env, child));
}

static uint32_t
send_count_remotes(const struct conf_block *b)
{
	const struct conf_remote	*cr;
	uint32_t			 n = 0;

	TAILQ_FOREACH(cr, &b->remotes, entry)
		n++;
	return (n);
}

static int
send_web(struct child *child, const struct conf_service *cs)
{
	struct msg_web	 msg;

	memset(&msg, 0, sizeof(msg));
	strlcpy(msg.path, cs->web.path, sizeof(msg.path));
	strlcpy(msg.host, cs->web.host, sizeof(msg.host));
	strlcpy(msg.agent, cs->web.agent, sizeof(msg.agent));
	strlcpy(msg.headers, cs->web.headers, sizeof(msg.headers));
	return (channel_send(child->chan, IMSG_CONF_WEB, -1, &msg,
	    sizeof(msg)));
}

/* The networks of users (0) or tunnels (1), in their order. */
static int
send_nets(struct child *child, const struct conf_nets *nets, uint32_t tunnels)
{
	struct msg_net	 msg;
	uint32_t	 i;

	for (i = 0; i < nets->n; i++) {
		memset(&msg, 0, sizeof(msg));
		msg.tunnels = tunnels;
		msg.rule = nets->rules[i];
		if (channel_send(child->chan, IMSG_CONF_NET, -1, &msg,
		    sizeof(msg)) == -1)
			return (-1);
	}
	return (0);
}

/* What the users of its listeners want, where the peer is told that. */
static int
send_mappings(struct child *child, const struct conf_service *cs)
{
	const struct conf_listen	*cl;
	struct msg_mapping		 msg;

	if (cs->block->dialect == DIALECT_ROCKET)
		return (0);
	TAILQ_FOREACH(cl, &cs->listens, entry) {
		if (cl->asks != ASK_NONE)
			continue;
		memset(&msg, 0, sizeof(msg));
		msg.port = cl->port;
		msg.port_last = cl->port_last;
		msg.kinds = cl->kinds;
		msg.addr = cl->addr;
		if (cl->to != NULL)
			strlcpy(msg.to, cl->to, sizeof(msg.to));
		if (channel_send(child->chan, IMSG_CONF_MAPPING, -1, &msg,
		    sizeof(msg)) == -1)
			return (-1);
	}
	return (0);
}

/* Its listeners, or its target, as they are shown: "192.0.2.1:53/udp". */
static void
send_where(struct rocketd *env, const struct conf_service *cs, char *buf,
    size_t size)
{
	const struct conf_remote	*t = &cs->target;
	size_t				 len;

	if (conf_service_opens(cs)) {
		listen_where(env, cs->number, buf, size);
		return;
	}
	if (conf_service_named(cs)) {
		strlcpy(buf, t->named ? "any that its rules allow" :
		    "as the server says", size);
		return;
	}
	len = addr_join(buf, size, t->host, t->port);
	if (!t->is_unix && t->port_last != t->port && len < size)
		snprintf(buf + len, size - len, "-%u", t->port_last);
	if (t->kinds & KIND_UDP)
		strlcat(buf, t->kinds & KIND_TCP ? "/tcp+udp" : "/udp", size);
}

static int
send_service(struct rocketd *env, struct child *child)
{
	const struct conf_service	*cs;
	struct msg_service		 msg;

	cs = conf_service_by_number(env->conf, child->service);
	if (cs == NULL) {
		log_warnx("%s: no such service any more", child_name(child));
		return (-1);
	}
	memset(&msg, 0, sizeof(msg));
	msg.service = cs->number;
	msg.side = child->side;
	msg.index = child->index;
	msg.opts = cs->opts;
	strlcpy(msg.name, cs->name, sizeof(msg.name));
	msg.listens = listen_count(env, cs->number);
	msg.kinds = conf_service_kinds(cs);
	msg.logins = cs->web.users_file[0] != '\0';
	send_where(env, cs, msg.where, sizeof(msg.where));
	if (child->side == SIDE_CLIENT) {
		msg.remotes = send_count_remotes(cs->block);
		msg.pool_share = crew_share(env, child, cs->opts.pool);
		strlcpy(msg.client_id, cs->block->client_id,
		    sizeof(msg.client_id));
	}
	if (channel_send(child->chan, IMSG_CONF_SERVICE, -1, &msg,
	    sizeof(msg)) == -1 || send_web(child, cs) == -1 ||
	    send_nets(child, netconf_users(cs), 0) == -1 ||
	    send_nets(child, netconf_tunnels(cs), 1) == -1 ||
	    send_mappings(child, cs) == -1 ||
	    listen_lend(env, child, cs->number) == -1 ||
	    send_remotes(child, cs) == -1)
		return (-1);
	return (send_own_target(child, cs));
}

static int
send_set(struct rocketd *env, struct child *child)
{
	switch (child->role) {
	case PROC_CONTROL:
		return (send_control(env, child));
	case PROC_KEYS:
		return (sendkeys_send(env, child));
	case PROC_GATE:
		return (send_gate(env, child));
	case PROC_DIAL:
		return (send_dial(env, child));
	case PROC_TLS:
	case PROC_QUIC:
		return (send_tls(env, child));
	case PROC_SERVICE:
		return (send_service(env, child));
	case PROC_UDP:
		return (send_udp(env, child));
	case PROC_WEB:
		return (listen_lend(env, child, 0));
	default:
		return (0);	/* resolve knows nothing */
	}
}

/* ---- BEGIN and END ---- */

uint32_t
send_uid(const struct rocketd *env, const struct child *child)
{
	if (!env->root)
		return (getuid());
	if (child->role == PROC_SERVICE)
		return (env->conf->id_first + CONF_CHILD_IDS + child->service);
	return (env->conf->id_first + child->role);
}

/* A worker's is its service's for life, a quic process's that of its block. */
static uint32_t
send_dialect(struct rocketd *env, const struct child *child)
{
	const struct conf_block	*b;

	if (child_transport(child->role) == 0)
		return (child->dialect);
	b = tlsconf_block(env->conf, child->side, child->index,
	    child_transport(child->role));
	return (b == NULL ? 0 : b->dialect);
}

/*
 * What a quic process has in common with the one before it, so that it can tell
 * that one's peers that their connections are gone.  It is of one block alone:
 * who could ask another for a connection's reset could end that.
 */
static void
send_secret(const struct rocketd *env, const struct child *child,
    uint8_t secret[HASH_LEN])
{
	uint32_t	 block[2] = { child->side, child->index };
	SHA2_CTX	 ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, env->quic_secret, sizeof(env->quic_secret));
	SHA256Update(&ctx, (const uint8_t *)block, sizeof(block));
	SHA256Final(secret, &ctx);
	explicit_bzero(&ctx, sizeof(ctx));
}

static int
send_begin(struct rocketd *env, struct child *child, uint32_t flags,
    uint32_t changed)
{
	struct msg_begin	 msg;
	int			 r;

	memset(&msg, 0, sizeof(msg));
	msg.version = MSG_VERSION;
	msg.role = child->role;
	msg.service = child->service;
	msg.index = child->index;
	msg.generation = child->generation;
	msg.uid = send_uid(env, child);
	msg.gid = env->root ? msg.uid : getgid();
	msg.flags = flags;
	if (env->conf->strict)
		msg.flags |= BEGIN_STRICT;
	if (env->root)
		msg.flags |= BEGIN_ROOT;
	if (env->netns != -1 && !procs_uses_network(child))
		msg.flags |= BEGIN_NETNS;
	msg.changed = changed;
	msg.log_level = env->log_level;
	msg.side = child->side;
	msg.dials = child->role == PROC_SERVICE && child->side == SIDE_CLIENT;
	msg.opens = child->opens;
	msg.dialect = send_dialect(env, child);
	msg.data_max = limits_data(env, child);
	if (child->role == PROC_DIAL && env->root)
		msg.ngroups = sockdir_groups(env, msg.groups);
	memcpy(msg.start_id, env->start_id, sizeof(msg.start_id));
	if (child->role == PROC_QUIC)
		send_secret(env, child, msg.secret);
	strlcpy(msg.name, child->name, sizeof(msg.name));
	if (!(flags & BEGIN_RELOAD)) {
		child->uid = msg.uid;
		child->ngroups = msg.ngroups;
		memcpy(child->groups, msg.groups, sizeof(child->groups));
	}
	r = channel_send(child->chan, IMSG_BEGIN, -1, &msg, sizeof(msg));
	explicit_bzero(msg.secret, sizeof(msg.secret));
	return (r);
}

int
send_start(struct rocketd *env, struct child *child)
{
	child->flows = chans_has_flows(env, child);
	if (send_begin(env, child, 0, 0) == -1 ||
	    chans_connect(env, child) == -1 || send_set(env, child) == -1)
		return (-1);
	return (channel_send(child->chan, IMSG_END, -1, NULL, 0));
}

void
send_again(struct rocketd *env, struct child *child, uint32_t changed)
{
	if (child->chan == NULL ||
	    (child->state != CHILD_STARTING && child->state != CHILD_READY))
		return;
	if (send_begin(env, child, BEGIN_RELOAD, changed) == -1 ||
	    send_set(env, child) == -1 ||
	    channel_send(child->chan, IMSG_END, -1, NULL, 0) == -1) {
		/* A new process with a whole set is better than half a set. */
		log_warnx("%s: its configuration cannot be sent: replaced",
		    child_name(child));
		child_event(child, CHILD_EV_BREACH);
		return;
	}
	child_event(child, CHILD_EV_SENT);
}

void
send_again_service(struct rocketd *env, uint32_t service, uint32_t changed)
{
	struct child	*child;

	TAILQ_FOREACH(child, &env->children, entry)
		if (child->role == PROC_SERVICE && child->service == service)
			send_again(env, child, changed);
}

/* ---- directories asked for again ---- */

static const struct msg_dialee *
send_find_drained(struct rocketd *env, uint32_t service)
{
	const struct drained	*d;

	TAILQ_FOREACH(d, &env->drained, entry)
		if (d->target.service == service)
			return (&d->target);
	return (NULL);
}

static void
send_dir_now(struct rocketd *env, struct child *dial, const struct again *a)
{
	const struct conf_service	*cs;
	const struct msg_dialee		*kept;
	struct msg_dialee		 target;

	cs = conf_service_by_number(env->conf, a->service);
	if (cs != NULL && !conf_service_opens(cs))
		send_fill_target(&target, cs);
	else if ((kept = send_find_drained(env, a->service)) != NULL)
		target = *kept;
	else
		return;
	if (target.is_unix)
		(void)sockdir_send(dial, &target, a->error);
}

/* The pause is over: sends it again if dial has asked meanwhile. */
static void
send_dir_paced(int fd, short what, void *arg)
{
	struct timeval	 tv = { SEND_DIR_PACE, 0 };
	struct again	*a = arg;
	struct child	*dial = procs_find(a->env, PROC_DIAL);

	(void)fd;
	(void)what;
	if (a->asked && dial != NULL && dial->chan != NULL) {
		a->asked = 0;
		send_dir_now(a->env, dial, a);
		if (evtimer_add(a->timer, &tv) == 0)
			return;
	}
	TAILQ_REMOVE(&a->env->agains, a, entry);
	event_free(a->timer);
	free(a);
}

/* Is there such a target, and is it a UNIX socket? */
static int
send_knows_target(struct rocketd *env, uint32_t service)
{
	const struct conf_service	*cs;

	cs = conf_service_by_number(env->conf, service);
	if (cs != NULL && !conf_service_opens(cs))
		return (cs->target.is_unix);
	return (send_find_drained(env, service) != NULL);
}

void
send_dir_again(struct child *dial, const struct msg_dir *msg)
{
	struct rocketd	*env = dial->env;
	struct again	*a;

	TAILQ_FOREACH(a, &env->agains, entry)
		if (a->service == msg->service)
			break;
	if (a != NULL) {
		a->asked = 1;
		a->error = msg->error;
		return;
	}
	if (!send_knows_target(env, msg->service)) {
		log_debug("%s: asks for a directory of no target",
		    child_name(dial));
		return;
	}
	if ((a = calloc(1, sizeof(*a))) == NULL ||
	    (a->timer = evtimer_new(env->base, send_dir_paced, a)) == NULL) {
		log_warnx("%s: no memory for a directory", child_name(dial));
		free(a);
		return;
	}
	a->env = env;
	a->service = msg->service;
	a->error = msg->error;
	a->asked = 1;
	TAILQ_INSERT_TAIL(&env->agains, a, entry);
	send_dir_paced(-1, 0, a);
}

/* ---- services whose target is gone ---- */

/* Does a worker of it have a target? */
static int
send_has_targets(struct rocketd *env, uint32_t service)
{
	const struct child	*child;

	TAILQ_FOREACH(child, &env->children, entry)
		if (child->role == PROC_SERVICE && child->service == service &&
		    !child->opens)
			return (1);
	return (0);
}

static void
drained_free(struct drained *d)
{
	if (d != NULL)
		free(d->rules);
	free(d);
}

/* NULL: no memory. */
static struct drained *
drained_new(const struct conf_service *cs)
{
	struct drained	*d;
	uint32_t	 n = 0;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	send_fill_target(&d->target, cs);
	if (!d->target.named)
		return (d);
	while (targets_rule(cs, n) != NULL)
		n++;
	if ((d->rules = calloc(n, sizeof(*d->rules))) == NULL) {
		drained_free(d);
		return (NULL);
	}
	for (; d->nrules < n; d->nrules++)
		d->rules[d->nrules] = *targets_rule(cs, d->nrules);
	return (d);
}

void
send_keep_drained(struct rocketd *env, const struct conf_service *cs)
{
	struct drained	*d;

	if (conf_service_opens(cs) || !send_has_targets(env, cs->number))
		return;
	if ((d = drained_new(cs)) == NULL) {
		log_warn("service %s: cannot keep its target to drain",
		    cs->name);
		return;
	}
	TAILQ_INSERT_TAIL(&env->drained, d, entry);
}

void
send_forget_drained(struct rocketd *env, uint32_t service)
{
	struct drained	*d, *next;

	if (send_has_targets(env, service))
		return;
	TAILQ_FOREACH_SAFE(d, &env->drained, entry, next)
		if (d->target.service == service) {
			TAILQ_REMOVE(&env->drained, d, entry);
			drained_free(d);
		}
}
