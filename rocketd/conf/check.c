/* SPDX-License-Identifier: ISC */

/*
 * Whether a configuration that could be read makes sense as a whole: what is
 * missing, duplicate or contradictory.  Reports all it finds, changes nothing.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "netconf.h"
#include "targets.h"
#include "tlsconf.h"

/* Listeners of all blocks and services; each port is a descriptor. */
#define CHECK_LISTENS_MAX	1024

struct check {
	const struct rocketd_conf	*conf;
	FILE				*err;
	int				 errors;
	const struct conf_listen	*listens[CHECK_LISTENS_MAX];
	size_t				 nlistens;	/* statements */
	uint32_t			 nports;
	uint32_t			 groups[TARGET_GROUPS_MAX];
	uint32_t			 ngroups;
	uint32_t			 nrules;	/* for targets */
};

#define COMPLAIN(c, at, ...) do {					\
	conf_complain((c)->err, (at)->file, (at)->line, (at)->column,	\
	    __VA_ARGS__);						\
	(c)->errors++;							\
} while (0)

/* Would binding both fail? */
static int
overlap(const struct conf_listen *a, const struct conf_listen *b)
{
	static const uint8_t	 any[16];

	if (a->port > b->port_last || b->port > a->port_last ||
	    (a->kinds & b->kinds) == 0)
		return (0);
	if (a->addr.family == ADDR_NONE || b->addr.family == ADDR_NONE)
		return (1);
	if (a->addr.family != b->addr.family)
		return (0);
	if (a->addr.family == ADDR_UNIX)
		return (strcmp(a->host, b->host) == 0);
	return (addr_same(&a->addr, &b->addr, 0) ||
	    memcmp(a->addr.octets, any, sizeof(any)) == 0 ||
	    memcmp(b->addr.octets, any, sizeof(any)) == 0);
}

/* Words for what overlaps. */
static void
check_taken(struct check *c, const struct conf_listen *cl,
    const struct conf_listen *by)
{
	if (cl->addr.family == ADDR_UNIX)
		COMPLAIN(c, cl, "%s is taken by another \"listen on\" at "
		    "%s:%d:%d", cl->host, by->file, by->line, by->column);
	else
		COMPLAIN(c, cl, "%s port %u is taken by %s port %u at "
		    "%s:%d:%d", cl->host, cl->port > by->port ? cl->port :
		    by->port, by->host, by->port, by->file, by->line,
		    by->column);
}

static void
check_listens(struct check *c, const struct conf_listens *head)
{
	const struct conf_listen	*cl;
	size_t				 i;

	TAILQ_FOREACH(cl, head, entry) {
		c->nports += (cl->port_last - cl->port + 1) *
		    (cl->kinds == KIND_ALL ? 2 : 1);
		if (c->nports > nitems(c->listens)) {
			COMPLAIN(c, cl, "more than %zu addresses and ports to "
			    "listen on", nitems(c->listens));
			return;
		}
		for (i = 0; i < c->nlistens; i++) {
			if (!overlap(c->listens[i], cl))
				continue;
			check_taken(c, cl, c->listens[i]);
			break;
		}
		c->listens[c->nlistens++] = cl;
		if (cl->addr.family == ADDR_UNIX &&
		    c->conf->control_path != NULL &&
		    strcmp(cl->host, c->conf->control_path) == 0)
			COMPLAIN(c, cl, "%s is the control socket", cl->host);
	}
}

static void
check_remotes(struct check *c, const struct conf_remotes *head)
{
	const struct conf_remote	*r, *other;

	TAILQ_FOREACH(r, head, entry) {
		TAILQ_FOREACH(other, head, entry) {
			if (other == r)
				break;
			if (strcmp(r->host, other->host) == 0 &&
			    r->port == other->port &&
			    !((r->transport ^ other->transport) &
			    TRANSPORT_QUIC) &&
			    addr_same(&r->edge, &other->edge, 1) &&
			    addr_same(&r->source, &other->source, 1)) {
				COMPLAIN(c, r, "%s port %u was given before, "
				    "at %s:%d:%d", r->host, r->port,
				    other->file, other->line, other->column);
				break;
			}
		}
	}
}

/* Checks values that limit each other. */
static void
check_opts(struct check *c, const struct conf_service *s)
{
	const struct service_opts	*o = &s->opts;

	/* A smaller receive buffer alone makes the stream's smaller too. */
	if (o->mux_streambuffer > o->mux_recvbuffer &&
	    o->mux_streambuffer != MUX_STREAMBUFFER)
		COMPLAIN(c, s, "service \"%s\": mux stream buffer %u is above "
		    "mux receive buffer %u", s->name, o->mux_streambuffer,
		    o->mux_recvbuffer);
	/* it is for users, and for the side that can make a tunnel for them */
	if (o->mux_concurrency > o->mux_max_streams &&
	    (s->block->side == SIDE_CLIENT || conf_service_opens(s)))
		COMPLAIN(c, s, "service \"%s\": mux concurrency %u is above "
		    "mux max streams %u", s->name, o->mux_concurrency,
		    o->mux_max_streams);
	if (s->block->side != SIDE_CLIENT)
		return;
	if (o->pool_max != 0 && o->pool > o->pool_max)
		COMPLAIN(c, s, "service \"%s\": pool %u is above pool max %u",
		    s->name, o->pool, o->pool_max);
	if (o->prefork > o->pool)
		COMPLAIN(c, s, "service \"%s\": prefork %u is above pool %u, "
		    "and each worker keeps a tunnel", s->name, o->prefork,
		    o->pool);
}

static int
has_mux(const struct conf_block *b)
{
	const struct conf_listen	*cl;
	const struct conf_remote	*cr;

	TAILQ_FOREACH(cl, &b->listens, entry)
		if (cl->transport & TRANSPORT_MUX)
			return (1);
	TAILQ_FOREACH(cr, &b->remotes, entry)
		if (cr->transport & TRANSPORT_MUX)
			return (1);
	return (TAILQ_EMPTY(&b->listens) && TAILQ_EMPTY(&b->remotes));
}

/*
 * What has no effect beside "mux kind muxpro", and where that has none itself.
 * set and o are those of the block, or of a service of it.
 */
static void
check_mux(struct check *c, const struct conf_block *b,
    const struct option_set *set, const struct service_opts *o)
{
	const struct conf_place	*at = option_place(set, "mux kind");

	if (b->dialect != DIALECT_ROCKET || o->mux_kind != MUX_PRO ||
	    at == NULL)
		return;
	if (!has_mux(b))
		conf_complain(c->err, at->file, at->line, at->column,
		    "warning: \"mux kind muxpro\" has no effect: no transport "
		    "of this block has a multiplexer");
	else if ((at = option_place(set, "mux version")) != NULL)
		conf_complain(c->err, at->file, at->line, at->column,
		    "warning: \"mux version\" has no effect: it is of smux, "
		    "and here is \"mux kind muxpro\"");
}

/* So many of the options below have no effect in other dialects, too. */
#define NONE_ANYWHERE	3

/* Which of its transports' bits all of the block's have. */
static uint32_t
transports_all(const struct conf_block *b)
{
	const struct conf_listen	*cl;
	const struct conf_remote	*cr;
	uint32_t			 all = TRANSPORT_ALL;

	TAILQ_FOREACH(cl, &b->listens, entry)
		all &= cl->transport;
	TAILQ_FOREACH(cr, &b->remotes, entry)
		all &= cr->transport;
	return (TAILQ_EMPTY(&b->listens) && TAILQ_EMPTY(&b->remotes) ? 0 :
	    all);
}

/*
 * What has no effect where all tunnels are QUIC's.  set is that of the block,
 * or of a service of it.  What dialect_check finds is not said again.
 */
static void
check_quic(struct check *c, const struct conf_block *b,
    const struct option_set *set)
{
	static const struct {
		const char	*name;
		const char	*why;
	} none[] = {
		/* in any dialect */
		{ "keepalive", "\"quic idle timeout\" is for that" },
		{ "tunnel mss", "QUIC finds the size of its datagrams" },
		{ "tunnel nodelay", "QUIC delays nothing" },
		/* in our own */
		{ "mux frame size", "QUIC has streams of its own" },
		{ "mux kind", "QUIC has streams of its own" },
		{ "mux version", "QUIC has streams of its own" },
		{ "seal", "QUIC protects its tunnels itself" }
	};
	const struct conf_place	*at;
	size_t			 i, n;

	if (!(transports_all(b) & TRANSPORT_QUIC))
		return;
	n = b->dialect == DIALECT_ROCKET ? nitems(none) : NONE_ANYWHERE;
	for (i = 0; i < n; i++)
		if ((at = option_place(set, none[i].name)) != NULL)
			conf_complain(c->err, at->file, at->line, at->column,
			    "warning: \"%s\" has no effect with transport "
			    "quic: %s", none[i].name, none[i].why);
	if (set != &b->set &&
	    (at = option_place(set, "tunnel congestion")) != NULL)
		conf_complain(c->err, at->file, at->line, at->column,
		    "warning: \"tunnel congestion\" has no effect here with "
		    "transport quic: its block's is for all its services");
}

static void
check_twice(struct check *c, const struct conf_service *s)
{
	const struct conf_block		*b;
	const struct conf_service	*other;

	TAILQ_FOREACH(b, &c->conf->blocks, entry) {
		if (b->side != s->block->side)
			continue;
		TAILQ_FOREACH(other, &b->services, entry) {
			if (other == s)
				return;
			if (strcmp(other->name, s->name) == 0) {
				COMPLAIN(c, s, "service \"%s\" was given "
				    "before, at %s:%d:%d", s->name,
				    other->file, other->line, other->column);
				return;
			}
		}
	}
}

/* Version 1 of the PROXY protocol is text before a stream. */
static void
check_kinds(struct check *c, const struct conf_service *s)
{
	if ((s->target.kinds & KIND_UDP) && s->opts.proxy_protocol == 1)
		COMPLAIN(c, &s->target, "service \"%s\": \"proxy protocol "
		    "v1\" has no form for datagrams; take v2", s->name);
}

/* Every listener for WebSocket knows every path, but for dialect muxpro. */
static void
check_path(struct check *c, const struct conf_service *s)
{
	const struct conf_block		*b;
	const struct conf_service	*other;

	if (s->block->side != SIDE_SERVER || s->web.path[0] == '\0' ||
	    s->block->dialect == DIALECT_MUXPRO)
		return;
	TAILQ_FOREACH(b, &c->conf->blocks, entry) {
		if (b->side != SIDE_SERVER || b->dialect == DIALECT_MUXPRO)
			continue;
		TAILQ_FOREACH(other, &b->services, entry) {
			if (other == s)
				return;
			if (strcmp(other->web.path, s->web.path) == 0)
				COMPLAIN(c, s, "service \"%s\": the path "
				    "\"%s\" is that of service \"%s\"",
				    s->name, s->web.path, other->name);
		}
	}
}

static void
check_decoy(struct check *c, const struct conf_block *b)
{
	const struct option	*status;

	status = option_find("decoy status", SCOPE_SERVER);
	if ((b->web.decoy_url[0] != '\0') + (b->web.decoy_dir[0] != '\0') +
	    option_given(&b->set, status) > 1)
		COMPLAIN(c, b, "a server block takes only one of "
		    "\"decoy status\", \"decoy redirect\" and "
		    "\"decoy directory\"");
}

/* A group that a process of ours has, and too many of them. */
static void
check_group(struct check *c, const struct conf_service *s)
{
	uint32_t	 gid = s->target.gid, i;

	if (gid == 0)
		return;
	if (gid >= c->conf->id_first && gid <= c->conf->id_last)
		COMPLAIN(c, s, "service \"%s\": the group %s is one of \"ids\"",
		    s->name, s->target.group);
	for (i = 0; i < c->ngroups; i++)
		if (c->groups[i] == gid)
			return;
	if (c->ngroups < TARGET_GROUPS_MAX)
		c->groups[c->ngroups++] = gid;
	else
		COMPLAIN(c, s, "service \"%s\": targets have more than %d "
		    "groups", s->name, TARGET_GROUPS_MAX);
}

/* Only users who ask for a target have the words to log in. */
static void
check_logins(struct check *c, const struct conf_service *s)
{
	const struct conf_listen	*cl;

	if (s->web.users_file[0] == '\0')
		return;
	TAILQ_FOREACH(cl, &s->listens, entry)
		if (cl->asks != ASK_NONE)
			return;
	COMPLAIN(c, &s->users_file, "service \"%s\": \"users file\" is for "
	    "\"listen on\" with \"protocol socks\" or \"protocol http\"",
	    s->name);
}

/* A proxy for everybody is seldom meant. */
static void
check_open(struct check *c, const struct conf_service *s)
{
	const struct conf_listen	*cl;

	if (s->web.users_file[0] != '\0' || netconf_users(s)->n > 0 ||
	    (s->block->dialect != DIALECT_ROCKET &&
	    s->block->dialect != DIALECT_MYTUNNEL))
		return;
	TAILQ_FOREACH(cl, &s->listens, entry)
		if (cl->asks != ASK_NONE && cl->addr.family != ADDR_UNIX &&
		    !addr_is_loopback(&cl->addr))
			conf_complain(c->err, cl->file, cl->line, cl->column,
			    "warning: service \"%s\": anybody who reaches %s "
			    "port %u is served: give it \"users file\" or "
			    "\"allow from\"", s->name, cl->host, cl->port);
}

/* Figures say who is connected, and nobody has to log in for them. */
static void
check_serves(struct check *c, const struct conf_block *b)
{
	const struct conf_listen	*cl;

	check_listens(c, &b->serves);
	TAILQ_FOREACH(cl, &b->serves, entry)
		if (!addr_is_loopback(&cl->addr))
			conf_complain(c->err, cl->file, cl->line, cl->column,
			    "warning: anybody who reaches %s port %u is "
			    "told %s", cl->host, cl->port, cl->serves ==
			    SERVE_MYTUNNEL_API ? "who is connected" :
			    "the figures of this block");
}

/* What peers may name, of one service and of all. */
static void
check_targets(struct check *c, const struct conf_service *s)
{
	const struct conf_target	*all;

	if (c->nrules <= CONF_RULES_MAX &&
	    c->nrules + s->targets.n > CONF_RULES_MAX)
		COMPLAIN(c, s, "service \"%s\": all services have more than %d "
		    "rules for targets", s->name, CONF_RULES_MAX);
	c->nrules += s->targets.n;
	all = targets_open(&s->targets);
	if (s->target.named && all != NULL)
		conf_complain(c->err, all->file, all->line, all->column,
		    "warning: service \"%s\": its users reach all that this "
		    "machine reaches, its local networks too; \"block to\" "
		    "before this keeps them out", s->name);
}

static void
check_service(struct check *c, const struct conf_service *s)
{
	check_twice(c, s);
	if (!conf_service_opens(s) && !conf_service_named(s) &&
	    s->target.host == NULL)
		COMPLAIN(c, s, "service \"%s\" has neither \"listen on\" nor "
		    "\"forward to\"", s->name);
	if (s->block->dialect == DIALECT_ROCKET && conf_service_opens(s) &&
	    s->target.host != NULL)
		COMPLAIN(c, s, "service \"%s\" has \"listen on\" and "
		    "\"forward to\": one of them is for the other side",
		    s->name);
	if ((s->block->dialect == DIALECT_ROCKET ||
	    s->block->dialect == DIALECT_BACKHAUL) &&
	    TAILQ_EMPTY(conf_service_tokens(s)))
		COMPLAIN(c, s, "neither service \"%s\" nor its block has a "
		    "token", s->name);
	check_opts(c, s);
	check_mux(c, s->block, &s->set, &s->opts);
	check_quic(c, s->block, &s->set);
	check_kinds(c, s);
	check_path(c, s);
	check_group(c, s);
	check_logins(c, s);
	check_open(c, s);
	check_targets(c, s);
	check_listens(c, &s->listens);
}

static void
check_block(struct check *c, const struct conf_block *b)
{
	const struct conf_service	*s;
	const struct conf_place		*at;

	if (b->side == SIDE_SERVER && TAILQ_EMPTY(&b->listens))
		COMPLAIN(c, b, "a server block has no \"listen on\" for "
		    "tunnels");
	if (b->side == SIDE_CLIENT && TAILQ_EMPTY(&b->remotes))
		COMPLAIN(c, b, "a client block has no \"connect to\"");
	if (TAILQ_EMPTY(&b->services) && b->dialect == DIALECT_ROCKET)
		conf_complain(c->err, b->file, b->line, b->column,
		    "warning: a %s block without services", side_name(b->side));
	c->errors += tlsconf_check(b, c->err) + netconf_check(b, c->err) +
	    dialect_check(b, c->err);
	check_decoy(c, b);
	check_mux(c, b, &b->set, &b->opts);
	check_quic(c, b, &b->set);
	at = option_place(&b->set, "quic idle timeout");
	if (!(tlsconf_used(b) & TRANSPORT_QUIC) && at != NULL)
		conf_complain(c->err, at->file, at->line, at->column,
		    "warning: \"quic idle timeout\" has no effect: no "
		    "transport of this block is quic");
	check_listens(c, &b->listens);
	check_serves(c, b);
	check_remotes(c, &b->remotes);
	TAILQ_FOREACH(s, &b->services, entry)
		check_service(c, s);
}

/* An address is refused for no longer than max, so min has to fit in it. */
static void
check_penalties(struct check *c)
{
	const struct gate_opts	*o = &c->conf->gate;

	if (o->penalty_max != 0 && o->penalty_min > o->penalty_max)
		COMPLAIN(c, &c->conf->penalties, "penalty min %u is above "
		    "penalty max %u: no address would be refused",
		    o->penalty_min, o->penalty_max);
}

int
check_ids(const struct rocketd_conf *conf, FILE *err)
{
	const struct conf_block		*b;
	const struct conf_service	*s;
	uint32_t			 ids, n = 0;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(s, &b->services, entry)
			n++;
	ids = conf->id_last - conf->id_first + 1;
	if (ids >= CONF_CHILD_IDS + 1 + n)
		return (0);
	conf_complain(err, conf->path, 0, 0, "ids %u to %u are only %u, "
	    "but %u are needed for %u services", conf->id_first, conf->id_last,
	    ids, CONF_CHILD_IDS + 1 + n, n);
	return (1);
}

int
check_conf(const struct rocketd_conf *conf, FILE *err)
{
	const struct conf_block	*b;
	struct check		*c;
	int			 errors;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		conf_complain(err, conf->path, 0, 0, "out of memory");
		return (1);
	}
	c->conf = conf;
	c->err = err;
	check_penalties(c);
	TAILQ_FOREACH(b, &conf->blocks, entry)
		check_block(c, b);
	if (TAILQ_EMPTY(&conf->blocks))
		conf_complain(err, conf->path, 0, 0,
		    "warning: neither a server nor a client block");
	errors = c->errors + check_ids(conf, err);
	free(c);
	return (errors);
}
