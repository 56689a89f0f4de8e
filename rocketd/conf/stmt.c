/* SPDX-License-Identifier: ISC */

/*
 * What each statement of rocketd.conf(5) does to struct rocketd_conf.  Each is
 * checked by itself: whether it may stand there, whether it is the first,
 * whether its words are right.  conf_finish checks the whole.  After any error
 * conf_parse returns NULL, so a statement in the wrong place need not be
 * undone.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/un.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "lex.h"
#include "netconf.h"
#include "stmt.h"
#include "targets.h"
#include "tlsconf.h"
#include "tomlconf.h"
#include "wordval.h"

/* Words of a statement that can be an option's name. */
#define NAME_MAX_LEN	128
/* Words of one option; more than any has. */
#define OPTION_WORDS_MAX	16
#define UNIX_MODE	0660	/* of a socket for users */
#define UNIX_PATH_MAX	sizeof(((struct sockaddr_un *)0)->sun_path)

enum level {
	LEVEL_TOP,
	LEVEL_BLOCK,
	LEVEL_SERVICE,
	LEVEL_MAX
};

static struct {
	struct lex		*lex;
	struct rocketd_conf	*conf;
	struct conf_block	*block;		/* we are in it; or NULL */
	struct conf_service	*service;
	int			 skip;	/* blocks in the wrong place */
	int			 nservices;
	int			 nblocks;
	/* where statements that may stand once were given */
	const struct word	*options[LEVEL_MAX][OPTIONS_MAX];
	const struct word	*tokens[LEVEL_MAX];
	const struct word	*client_id;
	const struct word	*dialect;
	const struct word	*forward;
	const struct word	*targets;
	int			 before;	/* errors: a list of rules */
	const struct word	*control;
	const struct word	*ids;
} stmt;

void
stmt_begin(struct lex *lex, struct rocketd_conf *conf)
{
	memset(&stmt, 0, sizeof(stmt));
	stmt.lex = lex;
	stmt.conf = conf;
}

/* ---- where we are ---- */

int
stmt_in_service(void)
{
	return (stmt.service != NULL);
}

static uint32_t
scope(void)
{
	if (stmt.block == NULL)
		return (SCOPE_GLOBAL);
	if (stmt.block->side == SIDE_SERVER)
		return (stmt.service != NULL ? SCOPE_SERVER_SERVICE :
		    SCOPE_SERVER);
	return (stmt.service != NULL ? SCOPE_CLIENT_SERVICE : SCOPE_CLIENT);
}

static enum level
level(void)
{
	if (stmt.service != NULL)
		return (LEVEL_SERVICE);
	return (stmt.block != NULL ? LEVEL_BLOCK : LEVEL_TOP);
}

/* May the statement stand here?  If not, reports it. */
static int
belongs(const struct word *w, const char *what, uint32_t scopes)
{
	char	 places[OPTION_WHY];

	if (stmt.skip)
		return (0);
	if ((scope() & scopes) != 0)
		return (1);
	option_places(scopes, places, sizeof(places));
	lex_error(stmt.lex, w, "\"%s\" does not belong here, but %s", what,
	    places);
	return (0);
}

/* Is it the first?  If not, reports it. */
static int
once(const struct word **given, const struct word *w, const char *what)
{
	if (*given == NULL) {
		*given = w;
		return (1);
	}
	lex_error(stmt.lex, w, "\"%s\" was given before, at %s:%d:%d", what,
	    (*given)->file->path, (*given)->line, (*given)->column);
	return (0);
}

static void *
allocate(size_t size)
{
	void	*p;

	if ((p = calloc(1, size)) == NULL)
		fatal("%s", __func__);
	return (p);
}

static char *
copy(const struct word *w)
{
	char	*s;

	if ((s = strdup(w->text)) == NULL)
		fatal("%s", __func__);
	return (s);
}

/*
 * Reports options that apply to none of the services, whose facts these are.
 */
static void
useless(enum level at, uint32_t facts, const char *none)
{
	const struct option	*o;
	const struct word	*w;

	for (o = options; o < options + noptions; o++) {
		w = stmt.options[at][o - options];
		if (w == NULL || o->facts == 0 || (o->facts & facts) != 0)
			continue;
		lex_error(stmt.lex, w, "\"%s\" is for services that say "
		    "\"%s\", and %s", o->name,
		    o->facts & FACT_USERS ? "listen on" : "forward to",
		    none);
	}
}

/* ---- options and macros ---- */

/* The option whose name a statement's words begin with, if allowed here. */
static const struct option *
option_lookup(const struct word *first, const struct word *w)
{
	const struct option	*o;
	char			 name[NAME_MAX_LEN], why[OPTION_WHY];

	strlcpy(name, first->text, sizeof(name));
	for (; w != NULL && !w->quoted; w = w->next) {
		strlcat(name, " ", sizeof(name));
		strlcat(name, w->text, sizeof(name));
	}
	if ((o = option_find(name, scope())) != NULL)
		return (once(&stmt.options[level()][o - options], first,
		    o->name) ? o : NULL);
	if ((o = option_find(name, UINT32_MAX)) != NULL) {
		(void)belongs(first, o->name, o->scope);
		return (NULL);
	}
	if (first->text[0] == '[')
		strlcpy(why, "this looks like TOML; the name of such a file "
		    "ends in .toml", sizeof(why));
	else
		option_unknown(name, scope(), tomlconf_option(name, scope()),
		    why, sizeof(why));
	lex_error(stmt.lex, first, "%s", why);
	return (NULL);
}

/* Reads the value from the words and stores it where we are. */
static int
option_set(const struct option *o, const struct word *first,
    const struct word *w, char *why)
{
	const struct conf_place	 at = { first->file->path, first->line,
				    first->column };
	const char		*words[OPTION_WORDS_MAX];
	void			*base = stmt.conf;
	struct option_set	*set = &stmt.conf->set;
	size_t			 n = 0;

	if (stmt.service != NULL) {
		base = option_base(o, &stmt.service->opts,
		    &stmt.service->web);
		set = &stmt.service->set;
	} else if (stmt.block != NULL) {
		base = option_base(o, &stmt.block->opts,
		    &stmt.block->web);
		set = &stmt.block->set;
	}
	for (; w != NULL; w = w->next) {
		if (n == nitems(words)) {
			strlcpy(why, "too many values", OPTION_WHY);
			return (-1);
		}
		words[n++] = w->text;
	}
	option_add(set, o, &at);
	return (option_parse(o, words, n, base, why));
}

/* "allow from", "block tunnels from", ...: the networks may be in braces. */
static void
stmt_networks(const struct word *first, const struct word *w,
    const struct value *list)
{
	enum netconf_what	 what;
	struct conf_nets	*nets;
	char			 name[32];

	if (stmt.skip || (what = netconf_what(stmt.lex, first, &w)) ==
	    NETCONF_NONE)
		return;
	(void)snprintf(name, sizeof(name), "%s %sfrom", first->text,
	    what == NETCONF_TUNNELS ? "tunnels " : "");
	if (!belongs(first, name, what == NETCONF_TUNNELS ?
	    SCOPE_SERVER | SCOPE_SERVER_SERVICE : SCOPE_SERVER | SCOPE_CLIENT |
	    SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE))
		return;
	if (list != NULL && (w != NULL || list->nested)) {
		lex_error(stmt.lex, first, "networks are in one pair of "
		    "braces");
		return;
	}
	if (stmt.service != NULL)
		nets = what == NETCONF_TUNNELS ? &stmt.service->tunnels_from :
		    &stmt.service->users_from;
	else
		nets = what == NETCONF_TUNNELS ? &stmt.block->tunnels_from :
		    &stmt.block->users_from;
	netconf_add(stmt.lex, nets, first, list != NULL ? list->word : w);
}

/* "pass to" and "block to" where no list of rules is open. */
static void
stmt_stray_rule(const struct word *w)
{
	int	 backhaul = stmt.block != NULL &&
		    stmt.block->dialect == DIALECT_BACKHAUL;

	if (!stmt.skip)
		lex_error(stmt.lex, w, "\"%s to\" is a rule, and belongs in "
		    "braces: %s { %s to ... }", w->text,
		    backhaul ? "targets" : "forward to any", w->text);
}

/* What is checked as a whole later is reported where it stands. */
static void
stmt_place(const struct option *o, const struct word *w)
{
	struct conf_place	*place = NULL;

	if (strcmp(o->name, "decoy directory") == 0)
		place = &stmt.block->decoy_dir;
	else if (strcmp(o->name, "users file") == 0)
		place = &stmt.service->users_file;
	else if (strcmp(o->name, "penalty min") == 0 ||
	    strcmp(o->name, "penalty max") == 0)
		place = &stmt.conf->penalties;
	if (place == NULL)
		return;
	place->file = w->file->path;
	place->line = w->line;
	place->column = w->column;
}

/* list: the words in braces, or NULL. */
void
stmt_option(struct word *first, struct value args, const struct value *list)
{
	const struct option	*o;
	const struct word	*w = args.word;
	const char		*blank;
	char			 why[OPTION_WHY];
	int			 many;

	if (strcmp(first->text, "tls") == 0 && list == NULL) {
		if (belongs(first, "tls", SCOPE_SERVER | SCOPE_CLIENT))
			tlsconf_statement(stmt.lex, &stmt.block->tls,
			    stmt.block->side, first, w);
		return;
	}
	if (targets_is_rule(first, w)) {
		stmt_stray_rule(first);
		return;
	}
	if (netconf_named(first)) {
		stmt_networks(first, w, list);
		return;
	}
	if (stmt.skip || (o = option_lookup(first, w)) == NULL)
		return;
	/* the name's words are not part of the value */
	for (blank = o->name; (blank = strchr(blank, ' ')) != NULL; blank++)
		w = w->next;
	if (list != NULL) {
		many = o->type == OPT_WORDS || o->type == OPT_TEXTS;
		if (w != NULL || list->nested || !many) {
			option_range(o, why, sizeof(why));
			lex_error(stmt.lex, first, "\"%s\" takes %s, %s "
			    "braces", o->name, why, many ?
			    "in one pair of" : "without");
			return;
		}
		w = list->word;
	}
	if (option_set(o, first, w, why) == -1)
		lex_error(stmt.lex, w == NULL ? first : w, "%s", why);
	else if (w != NULL)
		stmt_place(o, w);
}

void
stmt_macro(struct word *name, struct value value)
{
	const char	*option = option_begun(name->text);

	if (option != NULL && value.word != NULL &&
	    strcmp(option, name->text) == 0)
		lex_error(stmt.lex, name, "\"%s\" is an option; it is written "
		    "without \"=\": %s %s", option, option,
		    wordval_show(value.word));
	else if (option != NULL)
		lex_error(stmt.lex, name, "\"%s\" is no name for a macro; the "
		    "option \"%s\" is written without \"=\"", name->text,
		    option);
	else if (value.word == NULL)
		lex_error(stmt.lex, name, "no value after \"=\"; expected: "
		    "name = \"value\"");
	else
		lex_define(stmt.lex, name, value.word);
}

void
stmt_include(struct word *path)
{
	if (path->len == 0)
		lex_error(stmt.lex, path, "an empty path");
	else if (!stmt.skip)
		lex_include(stmt.lex, path);
}

/* ---- blocks and services ---- */

void
stmt_block_begin(enum side side, struct word *w)
{
	struct conf_block	*b;

	if (stmt.skip || stmt.block != NULL) {
		if (!stmt.skip)
			lex_error(stmt.lex, w, "\"%s { }\" within a block "
			    "that is not closed", side_name(side));
		stmt.skip++;
		return;
	}
	if (++stmt.nblocks == CONF_BLOCKS_MAX + 1)
		lex_error(stmt.lex, w, "more than %d blocks",
		    CONF_BLOCKS_MAX);
	b = allocate(sizeof(*b));
	b->side = side;
	b->file = w->file->path;
	b->line = w->line;
	b->column = w->column;
	TAILQ_INIT(&b->listens);
	TAILQ_INIT(&b->serves);
	TAILQ_INIT(&b->remotes);
	TAILQ_INIT(&b->tokens);
	TAILQ_INIT(&b->services);
	tlsconf_init(&b->tls, side);
	option_defaults(NULL, &b->opts, &b->web);
	TAILQ_INSERT_TAIL(&stmt.conf->blocks, b, entry);
	stmt.block = b;
	stmt.client_id = stmt.dialect = NULL;
	stmt.tokens[LEVEL_BLOCK] = NULL;
	memset(stmt.options[LEVEL_BLOCK], 0,
	    sizeof(stmt.options[LEVEL_BLOCK]));
}

void
stmt_block_end(void)
{
	const struct conf_service	*s;
	uint32_t			 facts = 0;

	if (stmt.skip > 0) {
		stmt.skip--;
		return;
	}
	TAILQ_FOREACH(s, &stmt.block->services, entry)
		facts |= conf_service_facts(s);
	if (facts & (FACT_USERS | FACT_TARGET))
		useless(LEVEL_BLOCK, facts, "none of this block does");
	stmt.block = NULL;
}

void
stmt_service_begin(struct word *w, struct word *name)
{
	struct conf_service	*s;

	if (!belongs(w, "service", SCOPE_SERVER | SCOPE_CLIENT)) {
		stmt.skip++;
		return;
	}
	if (!valid_name(name->text, SERVICE_NAME_MAX))
		lex_error(stmt.lex, name, "a service's name is 1 to %d "
		    "letters, digits, '.', '_' and '-', not \"%s\"",
		    SERVICE_NAME_MAX - 1, wordval_show(name));
	if (++stmt.nservices == CONF_SERVICES_MAX + 1)
		lex_error(stmt.lex, w, "more than %d services",
		    CONF_SERVICES_MAX);
	s = allocate(sizeof(*s));
	s->block = stmt.block;
	strlcpy(s->name, name->text, sizeof(s->name));
	s->file = w->file->path;
	s->line = w->line;
	s->column = w->column;
	TAILQ_INIT(&s->listens);
	TAILQ_INIT(&s->tokens);
	TAILQ_INIT(&s->logins);
	option_defaults(NULL, &s->opts, &s->web);
	TAILQ_INSERT_TAIL(&stmt.block->services, s, entry);
	stmt.service = s;
	stmt.forward = stmt.targets = NULL;
	stmt.tokens[LEVEL_SERVICE] = NULL;
	memset(stmt.options[LEVEL_SERVICE], 0,
	    sizeof(stmt.options[LEVEL_SERVICE]));
}

void
stmt_service_end(void)
{
	uint32_t	 facts;

	if (stmt.skip > 0) {
		stmt.skip--;
		return;
	}
	facts = conf_service_facts(stmt.service);
	if (facts & (FACT_USERS | FACT_TARGET))
		useless(LEVEL_SERVICE, facts, "this one does not");
	stmt.service = NULL;
}

/* Which facts a service has depends on it, so it comes before them. */
void
stmt_dialect(struct word *w, struct word *name)
{
	const struct name	*n;

	if (!belongs(w, "dialect", SCOPE_SERVER | SCOPE_CLIENT) ||
	    !once(&stmt.dialect, w, "dialect"))
		return;
	if (!TAILQ_EMPTY(&stmt.block->services))
		lex_error(stmt.lex, w, "\"dialect\" belongs before the "
		    "block's services");
	if ((n = name_find(dialect_names, name->text)) == NULL)
		lex_error(stmt.lex, name, "there is no dialect \"%s\"; there "
		    "are rocket, backhaul, muxpro and mytunnel",
		    wordval_show(name));
	else
		stmt.block->dialect = n->value;
}

/* ---- addresses ---- */

static void
listen_tunnels(struct conf_listen *cl, const struct word *transport,
    const struct value *proxies, const struct word *protocol)
{
	cl->transport = wordval_transport(stmt.lex, transport);
	if (proxies->nested)
		lex_error(stmt.lex, proxies->word, "\"proxies\" take one pair "
		    "of braces");
	cl->nproxies = wordval_networks(stmt.lex, proxies->word, cl->proxies,
	    PROXIES_MAX);
	if (protocol != NULL)
		lex_error(stmt.lex, protocol, "a protocol is for a service's "
		    "\"listen on\"; tunnels have a transport");
	/* beside its datagrams transport udp has a connection */
	cl->kinds = cl->transport & TRANSPORT_UDP ? KIND_ALL :
	    cl->transport & TRANSPORT_QUIC ? KIND_UDP : KIND_TCP;
	if (cl->transport & TRANSPORT_QUIC && proxies->word != NULL)
		lex_error(stmt.lex, proxies->word, "\"proxies\" are not for "
		    "transport quic: no header comes before a datagram");
}

/* How many times a block or a service may say "listen on". */
static int
listens_max(void)
{
	return (stmt.service != NULL && stmt.block->dialect !=
	    DIALECT_ROCKET ? CONF_MAPPINGS_MAX : CONF_LISTENS_MAX);
}

/* What users of this listener want, for the peer that is told. */
static void
listen_to(struct conf_listen *cl, const struct word *to)
{
	uint32_t	 dialect = stmt.block->dialect;

	if (stmt.service == NULL || dialect == DIALECT_ROCKET) {
		lex_error(stmt.lex, to, "\"to\" is for the listeners of a "
		    "service of dialect backhaul, muxpro or mytunnel");
		return;
	}
	if (dialect != DIALECT_BACKHAUL && !valid_target(to->text))
		lex_error(stmt.lex, to, "\"to\" takes HOST:PORT, a name, an "
		    "IPv4 address or an IPv6 address in brackets, not \"%s\"",
		    wordval_show(to));
	if (dialect == DIALECT_BACKHAUL && !valid_mapping(to->text))
		lex_error(stmt.lex, to, "\"to\" takes PORT or HOST:PORT, an "
		    "IPv4 address or a name and a port from 1 to 65535, not "
		    "\"%s\"", wordval_show(to));
	cl->to = copy(to);
}

static void
listen_users(const struct word *transport, const struct value *proxies)
{
	if (transport != NULL)
		lex_error(stmt.lex, transport, "a transport is for a block's "
		    "\"listen on\"; users of a service have a protocol");
	if (proxies->word != NULL)
		lex_error(stmt.lex, proxies->word, "\"proxies\" are for a "
		    "block's \"listen on\"");
}

/* Another place in the list of a block or a service. */
static struct conf_listen *
listen_begin(struct conf_listens *head, const struct word *w,
    const struct word *host)
{
	struct conf_listen	*cl;
	int			 n = 0;

	TAILQ_FOREACH(cl, head, entry)
		n++;
	if (n == listens_max())
		lex_error(stmt.lex, w, "more than %d times \"listen on\"", n);
	cl = allocate(sizeof(*cl));
	TAILQ_INSERT_TAIL(head, cl, entry);
	cl->host = copy(host);
	cl->file = w->file->path;
	cl->line = w->line;
	cl->column = w->column;
	return (cl);
}

static void
listen_place(struct conf_listen *cl, const struct word *host,
    const struct word *port)
{
	if (strcmp(cl->host, "*") != 0)
		wordval_addr(stmt.lex, host, "\"listen on\" takes * or",
		    &cl->addr);
	(void)wordval_ports(stmt.lex, port, &cl->port, &cl->port_last);
	cl->addr.port = cl->port;
}

void
stmt_listen(struct word *w, struct word *host, struct word *port,
    struct word *transport, const struct value *proxies, struct word *protocol,
    struct word *to)
{
	struct conf_listen	*cl;

	if (!belongs(w, "listen on", SCOPE_SERVER | SCOPE_SERVER_SERVICE |
	    SCOPE_CLIENT_SERVICE))
		return;
	cl = listen_begin(stmt.service != NULL ? &stmt.service->listens :
	    &stmt.block->listens, w, host);
	listen_place(cl, host, port);
	cl->kinds = stmt.service == NULL ?
	    wordval_kinds(stmt.lex, protocol) :
	    wordval_protocol(stmt.lex, protocol, &cl->asks);
	if (stmt.service == NULL)
		listen_tunnels(cl, transport, proxies, protocol);
	else
		listen_users(transport, proxies);
	if (to != NULL)
		listen_to(cl, to);
}

void
stmt_listen_serve(struct word *w, struct word *host, struct word *port,
    struct word *what)
{
	const struct name	*n;
	struct conf_listen	*cl;

	if (!belongs(w, "listen on ... serve", SCOPE_SERVER))
		return;
	cl = listen_begin(&stmt.block->serves, w, host);
	listen_place(cl, host, port);
	cl->kinds = KIND_TCP;
	if ((n = name_find(serve_names, what->text)) == NULL)
		lex_error(stmt.lex, what, "nothing serves \"%s\"; there are "
		    "mytunnel-metrics and mytunnel-api", wordval_show(what));
	else
		cl->serves = n->value;
}

void
stmt_listen_unix(struct word *w, struct word *path, struct word *group,
    struct word *mode, struct word *protocol)
{
	struct conf_listen	*cl;

	if (!belongs(w, "listen on unix", SCOPE_SERVER_SERVICE |
	    SCOPE_CLIENT_SERVICE))
		return;
	cl = listen_begin(&stmt.service->listens, w, path);
	cl->addr.family = ADDR_UNIX;
	(void)wordval_path(stmt.lex, path, "a UNIX socket", UNIX_PATH_MAX);
	if (group != NULL) {
		cl->group = copy(group);
		cl->gid = wordval_group(stmt.lex, group, "a UNIX socket");
	}
	cl->mode = mode == NULL ? UNIX_MODE : wordval_mode(stmt.lex, mode);
	cl->kinds = wordval_protocol(stmt.lex, protocol, &cl->asks);
	if (cl->kinds & KIND_UDP)
		lex_error(stmt.lex, protocol, "no datagrams come by a UNIX "
		    "socket: it takes tcp, socks or http");
}

void
stmt_remote(struct word *w, struct word *host, struct word *port,
    struct word *transport, struct word *edge, struct word *from)
{
	struct conf_remote	*r;
	int			 n = 0;

	if (!belongs(w, "connect to", SCOPE_CLIENT))
		return;
	TAILQ_FOREACH(r, &stmt.block->remotes, entry)
		n++;
	if (n == REMOTES_MAX)
		lex_error(stmt.lex, w, "more than %d times \"connect to\"",
		    REMOTES_MAX);
	r = allocate(sizeof(*r));
	TAILQ_INSERT_TAIL(&stmt.block->remotes, r, entry);
	r->host = copy(host);
	r->file = w->file->path;
	r->line = w->line;
	r->column = w->column;
	wordval_host(stmt.lex, host);
	r->port = r->port_last = wordval_port(stmt.lex, port);
	r->transport = wordval_transport(stmt.lex, transport);
	if (edge != NULL)
		wordval_addr(stmt.lex, edge, "the edge is", &r->edge);
	if (from != NULL)
		wordval_source(stmt.lex, from, edge != NULL ? edge : host,
		    &r->source);
}

/* Users of a listener's range of ports go to as many ports of the target. */
static void
target_ports(struct conf_remote *t, const struct word *port,
    const struct word *users)
{
	uint16_t	 last = 0;
	int		 range;

	range = wordval_ports(stmt.lex, port, &t->port, &t->port_last);
	if (users == NULL) {
		t->for_port = range ? t->port : 0;
		return;
	}
	if (!wordval_ports(stmt.lex, users, &t->for_port, &last) || !range)
		lex_error(stmt.lex, users, "\"for port\" is for ranges: "
		    "port 3000-3100 for port 2000-2100");
	else if (last - t->for_port != t->port_last - t->port)
		lex_error(stmt.lex, users, "%s has %d ports, %s has %d",
		    wordval_show(port), t->port_last - t->port + 1,
		    wordval_show(users), last - t->for_port + 1);
}

/* NULL: it does not belong here, or was given already. */
static struct conf_remote *
target_begin(struct word *w, struct word *host)
{
	struct conf_remote	*t;

	if (!belongs(w, "forward to", SCOPE_SERVER_SERVICE |
	    SCOPE_CLIENT_SERVICE) ||
	    !once(&stmt.forward, w, "forward to"))
		return (NULL);
	t = &stmt.service->target;
	t->host = copy(host);
	t->file = w->file->path;
	t->line = w->line;
	t->column = w->column;
	return (t);
}

void
stmt_target(struct word *w, struct word *host, struct word *port,
    struct word *users, struct word *protocol)
{
	struct conf_remote	*t = target_begin(w, host);

	if (t == NULL)
		return;
	if (targets_is_any(host))
		lex_error(stmt.lex, host, "\"forward to any\" takes ports in "
		    "rules: forward to any { pass to any port %s }",
		    wordval_show(port));
	wordval_host(stmt.lex, host);
	target_ports(t, port, users);
	t->kinds = wordval_kinds(stmt.lex, protocol);
}

void
stmt_target_unix(struct word *w, struct word *path, struct word *group)
{
	struct conf_remote	*t = target_begin(w, path);

	if (t == NULL)
		return;
	t->is_unix = 1;
	t->kinds = KIND_TCP;
	(void)wordval_path(stmt.lex, path, "a UNIX socket", UNIX_PATH_MAX);
	if (group == NULL)
		return;
	t->group = copy(group);
	t->gid = wordval_group(stmt.lex, group, "a target");
}

/* A service has one list of rules. */
static void
targets_twice(const struct word *w)
{
	if (stmt.targets != NULL && stmt.service->target.named)
		lex_error(stmt.lex, w, "a service has \"targets\" or \"forward "
		    "to any\", and not both");
}

void
stmt_target_any(struct word *w, struct word *host, struct word *protocol)
{
	struct conf_remote	*t = target_begin(w, host);

	stmt.before = lex_errors(stmt.lex);
	if (t == NULL)
		return;
	t->named = 1;
	t->kinds = wordval_kinds(stmt.lex, protocol);
	if (host->quoted && strcmp(host->text, "any") == 0)
		lex_error(stmt.lex, host, "\"any\" in quotes is a host; rules "
		    "in braces are for any without them: forward to any { ... "
		    "}");
	else if (!targets_is_any(host))
		lex_error(stmt.lex, host, "rules in braces are for \"forward "
		    "to any\", and \"%s\" is a host", wordval_show(host));
	targets_twice(w);
}

void
stmt_targets_begin(struct word *w)
{
	if (belongs(w, "targets", SCOPE_CLIENT_SERVICE) &&
	    once(&stmt.targets, w, "targets"))
		targets_twice(w);
	stmt.before = lex_errors(stmt.lex);
}

void
stmt_targets_rule(struct word *w, struct word *target, struct word *port)
{
	if (!stmt.skip && stmt.service != NULL)
		targets_add(stmt.lex, &stmt.service->targets, w, target, port);
}

/* No rule would not be the same as no statement, which lets loopback pass. */
void
stmt_targets_end(struct word *w, const char *what)
{
	if (!stmt.skip && stmt.service != NULL &&
	    stmt.service->targets.n == 0 &&
	    lex_errors(stmt.lex) == stmt.before)
		lex_error(stmt.lex, w, "\"%s\" without a rule; \"block to "
		    "any\" blocks all", what);
}

/* ---- tokens, and statements given once ---- */

void
stmt_token_begin(struct word *w)
{
	if (belongs(w, "token", SCOPE_SERVER | SCOPE_CLIENT |
	    SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE))
		(void)once(&stmt.tokens[level()], w, "token");
}

void
stmt_token(enum token_kind kind, struct word *w)
{
	struct conf_tokens	*head;
	struct conf_token	*t;
	int			 n = 0;

	if (stmt.skip || stmt.block == NULL)
		return;
	head = stmt.service != NULL ? &stmt.service->tokens :
	    &stmt.block->tokens;
	TAILQ_FOREACH(t, head, entry)
		n++;
	if (n == TOKENS_MAX)
		lex_error(stmt.lex, w, "more than %d tokens", TOKENS_MAX);
	t = allocate(sizeof(*t));
	TAILQ_INSERT_TAIL(head, t, entry);
	t->kind = kind;
	t->file = w->file->path;
	t->line = w->line;
	t->column = w->column;
	if (kind == TOKEN_VALUE) {
		wordval_token(stmt.lex, w, t);
		return;
	}
	t->source = copy(w);
	if (kind == TOKEN_FILE)
		(void)wordval_path(stmt.lex, w, "a token", HOST_MAX);
	else if (!valid_env(t->source))
		lex_error(stmt.lex, w, "\"%s\" is not a variable name",
		    wordval_show(w));
}

void
stmt_client_id(struct word *w, struct word *id)
{
	if (!belongs(w, "client id", SCOPE_CLIENT) ||
	    !once(&stmt.client_id, w, "client id"))
		return;
	if (!valid_name(id->text, CLIENT_ID_MAX))
		lex_error(stmt.lex, id, "a client id is 1 to %d letters, "
		    "digits, '.', '_' and '-', not \"%s\"",
		    CLIENT_ID_MAX - 1, wordval_show(id));
	strlcpy(stmt.block->client_id, id->text,
	    sizeof(stmt.block->client_id));
}

void
stmt_control(struct word *w, struct word *path, struct word *group)
{
	struct rocketd_conf	*conf = stmt.conf;

	if (!belongs(w, "control socket", SCOPE_GLOBAL) ||
	    !once(&stmt.control, w, "control socket"))
		return;
	if (!path->quoted && strcmp(path->text, "none") == 0) {
		conf->control_none = 1;
		if (group != NULL)
			lex_error(stmt.lex, group, "a group without a "
			    "control socket");
		return;
	}
	(void)wordval_path(stmt.lex, path, "the control socket",
	    UNIX_PATH_MAX);
	conf->control_path = copy(path);
	if (group != NULL)
		conf->control_group = copy(group);
}

void
stmt_ids(struct word *w, struct word *from, struct word *to)
{
	const char	*fault, *fault2;

	if (!belongs(w, "ids", SCOPE_GLOBAL) || !once(&stmt.ids, w, "ids"))
		return;
	stmt.conf->id_first = (uint32_t)strtonum(from->text, 1, INT32_MAX,
	    &fault);
	stmt.conf->id_last = (uint32_t)strtonum(to->text, 1, INT32_MAX,
	    &fault2);
	if (fault != NULL || fault2 != NULL)
		lex_error(stmt.lex, fault != NULL ? from : to, "a user id "
		    "is a number from 1 to %d", INT32_MAX);
	else if (stmt.conf->id_first > stmt.conf->id_last)
		lex_error(stmt.lex, from, "ids %s to %s: the first is above "
		    "the last", from->text, to->text);
}
