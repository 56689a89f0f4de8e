/* SPDX-License-Identifier: ISC */

/*
 * Backhaul's files: a table for a server or one for a client, whose keys are
 * written in any case.  They run unchanged: what a key may not have is replaced
 * by Backhaul's default, what it may have and we may not by the nearest that we
 * may, and a key that means nothing is told and passed over.  Values that
 * nothing can work with are errors.  Since Backhaul's defaults are not ours,
 * every one of them is said.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "shared/compat.h"
#include "conf.h"
#include "lex.h"
#include "toml.h"
#include "tomladdr.h"
#include "tomlbackhaul.h"
#include "tomlports.h"
#include "tomlsay.h"

#define SERVICE		"backhaul"	/* the name of the only one */
#define TOKEN_DEFAULT	"musix"
#define USAGE_DEFAULT	"backhaul.json"
#define POOL_MAX	"1024"
#define TRANSPORTS	"tcp, tcpmux, udp, ws, wsmux, wss, wssmux"

#define BLOCKS		(SCOPE_SERVER | SCOPE_CLIENT)
#define OWN		{ NULL, NULL }, 0, 1

static const struct toml_key	 keys[] = {
	{ "accept_udp", SCOPE_SERVER, OWN },
	{ "aggressive_pool", SCOPE_CLIENT, OWN },
	{ "bind_addr", SCOPE_SERVER, OWN },
	{ "channel_size", SCOPE_SERVER, { "user queue", NULL }, 0, 1 },
	{ "client", SCOPE_GLOBAL, OWN },
	{ "connection_pool", SCOPE_CLIENT, { "pool", NULL }, 0, 1 },
	{ "dial_timeout", SCOPE_CLIENT, { "dial timeout", NULL }, 0, 1 },
	{ "edge_ip", SCOPE_CLIENT, OWN },
	{ "heartbeat", SCOPE_SERVER, { "keepalive", NULL }, 0, 1 },
	{ "keepalive_period", BLOCKS,
	    { "tcp keepalive", "tunnel tcp keepalive" }, 0, 1 },
	{ "log_level", BLOCKS, { "log", NULL }, 0, 1 },
	{ "mss", BLOCKS, { "tunnel mss", NULL }, 0, 1 },
	{ "mux_con", SCOPE_SERVER, { "mux concurrency", NULL }, 0, 1 },
	{ "mux_framesize", BLOCKS, { "mux frame size", NULL }, 0, 1 },
	/* as Backhaul spells it */
	{ "mux_recievebuffer", BLOCKS, { "mux receive buffer", NULL }, 0, 1 },
	{ "mux_session", BLOCKS, OWN },
	{ "mux_streambuffer", BLOCKS, { "mux stream buffer", NULL }, 0, 1 },
	{ "mux_version", BLOCKS, { "mux version", NULL }, 0, 1 },
	{ "nodelay", BLOCKS, { "tunnel nodelay", "nodelay" }, 0, 1 },
	{ "ports", SCOPE_SERVER, OWN },
	{ "pprof", BLOCKS, OWN },
	{ "proxy_protocol", SCOPE_SERVER, OWN },
	{ "remote_addr", SCOPE_CLIENT, OWN },
	{ "retry_interval", SCOPE_CLIENT, { "retry interval", NULL }, 0, 1 },
	{ "server", SCOPE_GLOBAL, OWN },
	{ "skip_optz", BLOCKS, OWN },
	{ "sniffer", BLOCKS, { "usage", NULL }, 0, 1 },
	{ "sniffer_log", BLOCKS, OWN },
	{ "so_rcvbuf", BLOCKS,
	    { "tunnel receive socket buffer", NULL }, 0, 1 },
	{ "so_sndbuf", BLOCKS, { "tunnel send socket buffer", NULL }, 0, 1 },
	/* one of ours, which Backhaul passes over */
	{ "targets", SCOPE_CLIENT, OWN },
	{ "tls_cert", SCOPE_SERVER, OWN },
	{ "tls_key", SCOPE_SERVER, OWN },
	{ "token", BLOCKS, OWN },
	/* likewise */
	{ "token_env", BLOCKS, OWN },
	{ "token_file", BLOCKS, OWN },
	{ "transport", BLOCKS, OWN },
	{ "web_port", BLOCKS, OWN }
};

const struct toml_keys	 tomlbackhaul_keys = { keys, nitems(keys), "" };

/* Keys that are accepted, and have no effect; and of the side without them. */
static const struct told {
	const char	*key;
	uint32_t	 scope;
	const char	*words;
} told[] = {
	{ "aggressive_pool", SCOPE_CLIENT, "the pool grows by need" },
	{ "channel_size", SCOPE_CLIENT, "it is for [server]" },
	{ "connection_pool", SCOPE_SERVER, "it is for [client]" },
	{ "forwarder", SCOPE_CLIENT, "the server names the targets" },
	{ "mux_session", BLOCKS, "there are as many sessions as tunnels" },
	{ "pprof", BLOCKS, "there is no profiler" },
	{ "web_port", BLOCKS, "there is no page; rocketctl show sessions, "
	    "services and ports say what it would" }
};

/* What a key is for. */
#define ON_TCP		0x01		/* tcp and tcpmux */
#define ON_MUX		0x02
#define ON_WS		0x04
#define ON_UDP		0x08
#define ON_ALL		0x0f

/* Keys with numbers: what is valid for Backhaul, and what if it is not. */
static const struct number {
	const char	*key;
	uint32_t	 on;
	int64_t		 max;
	int64_t		 dflt;		/* 0: nothing is said */
} numbers[] = {
	{ "channel_size", ON_ALL, INT64_MAX, 2048 },
	{ "connection_pool", ON_ALL, INT64_MAX, 8 },
	{ "dial_timeout", ON_ALL, INT64_MAX, 10 },
	{ "heartbeat", ON_ALL, INT64_MAX, 40 },
	{ "keepalive_period", ON_TCP | ON_WS, INT64_MAX, 75 },
	{ "mss", ON_TCP, INT64_MAX, 0 },
	{ "mux_con", ON_MUX, INT64_MAX, 8 },
	{ "mux_framesize", ON_MUX, INT64_MAX, 32768 },
	{ "mux_recievebuffer", ON_MUX, INT64_MAX, 4194304 },
	{ "mux_streambuffer", ON_MUX, INT64_MAX, 65536 },
	{ "mux_version", ON_MUX, 2, 1 },
	{ "retry_interval", ON_ALL, INT64_MAX, 3 },
	{ "so_rcvbuf", ON_TCP, INT64_MAX, 0 },
	{ "so_sndbuf", ON_TCP, INT64_MAX, 0 }
};

struct reader {
	struct tomlsay		*r;
	const struct toml	*table;
	enum side		 side;
	uint32_t		 scope;
	uint32_t		 transport;	/* 0: there is no such */
	uint32_t		 on;		/* ON_ mask of it */
};

/* ---- keys ---- */

/* The table's value for the key in any case, or NULL. */
static const struct toml *
get(const struct toml *table, const char *key)
{
	const struct toml	*n = toml_get(table, key);

	if (n != NULL)
		return (n);
	TAILQ_FOREACH(n, &table->nodes, entry)
		if (strcasecmp(n->key, key) == 0)
			return (n);
	return (NULL);
}

/* A table at the top, or NULL. */
static const struct toml *
get_table(const struct toml *root, enum side side)
{
	const struct toml	*n = get(root, side_name(side));

	return (n != NULL && n->type == TOML_TABLE ? n : NULL);
}

static const struct toml_key *
row_of(const char *key, uint32_t scope)
{
	size_t	 i;

	for (i = 0; i < nitems(keys); i++)
		if (strcasecmp(keys[i].key, key) == 0 &&
		    (keys[i].scope & scope) != 0)
			return (&keys[i]);
	return (NULL);
}

static const struct told *
told_of(const char *key, uint32_t scope)
{
	size_t	 i;

	for (i = 0; i < nitems(told); i++)
		if (strcasecmp(told[i].key, key) == 0 &&
		    (told[i].scope & scope) != 0)
			return (&told[i]);
	return (NULL);
}

/* A boolean, false if it is not there. */
static int
get_bool(struct reader *b, const char *key)
{
	const struct toml	*n = get(b->table, key);

	return (n != NULL && tomlsay_is(b->r, key, n, TOML_BOOLEAN) &&
	    n->number != 0);
}

/* A string, NULL if it is empty or not there. */
static const struct toml *
get_string(struct reader *b, const char *key)
{
	const struct toml	*n = get(b->table, key);

	return (n != NULL && tomlsay_string(b->r, key, n) != NULL &&
	    n->text[0] != '\0' ? n : NULL);
}

/* ---- which program's file it is ---- */

/*
 * A file without a table: does it have an address, and no key but of a block of
 * Backhaul's?
 */
static int
is_headless(const struct toml *root)
{
	const struct toml	*n;
	int			 ours = 0;

	TAILQ_FOREACH(n, &root->nodes, entry) {
		if (n->type == TOML_TABLE || row_of(n->key, BLOCKS) == NULL)
			return (0);
		ours += strcasecmp(n->key, "bind_addr") == 0 ||
		    strcasecmp(n->key, "remote_addr") == 0;
	}
	return (ours > 0);
}

int
tomlbackhaul_is(const struct toml *root, const struct toml_keys *others)
{
	const struct toml	*table, *n;
	uint32_t		 scope;
	enum side		 side;
	int			 ours = 0, theirs = 0, tables = 0;

	for (side = SIDE_SERVER; side <= SIDE_CLIENT; side++) {
		if ((table = get_table(root, side)) == NULL)
			continue;
		tables++;
		if (toml_get(table, "services") != NULL)
			return (0);
		scope = side == SIDE_SERVER ? SCOPE_SERVER : SCOPE_CLIENT;
		TAILQ_FOREACH(n, &table->nodes, entry) {
			if (tomlsay_known(others, n->key, scope))
				theirs += row_of(n->key, scope) == NULL;
			else
				ours += row_of(n->key, scope) != NULL ||
				    told_of(n->key, scope) != NULL;
		}
	}
	if (tables == 0)
		return (is_headless(root));
	return (ours > 0 || theirs == 0);
}

/* ---- options ---- */

/* The number that is used in place of a key's value; 0: none. */
static int64_t
fit_number(struct reader *b, const struct number *n, const struct option *o,
    const struct toml *v)
{
	int64_t	 least = (int64_t)o->min, most = (int64_t)o->max;

	if (v->number == n->dflt)
		return (n->dflt);
	if (v->number < 1 || v->number > n->max) {
		tomlsay_warn(b->r, v, "\"%s\" cannot be %lld: %s%lld",
		    tomlsay_show(v->key), (long long)v->number,
		    n->dflt == 0 ? "as if it were " : "it is ",
		    (long long)n->dflt);
		return (n->dflt);
	}
	if (v->number >= least && v->number <= most)
		return (v->number);
	most = v->number < least ? least : most;
	tomlsay_warn(b->r, v, "\"%s\" is %lld, not %lld, as rocketd has it "
	    "from %lld to %lld", tomlsay_show(v->key), (long long)most,
	    (long long)v->number, (long long)least, (long long)o->max);
	return (most);
}

/* The options of a key with a number, whether it is there or not. */
static void
say_number(struct reader *b, const struct number *n)
{
	const struct toml_key	*row = row_of(n->key, b->scope);
	const struct toml	*v = get(b->table, n->key);
	const struct option	*o;
	char			 buf[32];
	int64_t			 value = n->dflt;
	size_t			 i;

	if (row == NULL || (v != NULL &&
	    !tomlsay_is(b->r, n->key, v, TOML_INTEGER)) ||
	    (n->on & b->on) == 0)
		return;
	o = option_find(row->options[0], b->scope);
	if (v != NULL)
		value = fit_number(b, n, o, v);
	if (value == 0)
		return;
	snprintf(buf, sizeof(buf), "%lld", (long long)value);
	for (i = 0; i < nitems(row->options) && row->options[i] != NULL; i++)
		tomlsay_statement(b->r, v != NULL ? v : b->table,
		    row->options[i], buf);
}

/* We have a limit of our own, which such a number would be above. */
static void
say_streams(struct reader *b)
{
	const struct option	*o = option_find("mux max streams", b->scope);
	const struct toml	*n = get(b->table, "mux_con");
	char			 buf[32];

	if (b->side != SIDE_SERVER || n == NULL || (b->on & ON_MUX) == 0 ||
	    n->type != TOML_INTEGER || n->number <= (int64_t)o->dflt)
		return;
	snprintf(buf, sizeof(buf), "%llu", (unsigned long long)o->max);
	tomlsay_statement(b->r, n, o->name, buf);
}

/* False turns it off for tunnels, and on the server side for users. */
static void
say_nodelay(struct reader *b)
{
	const struct toml	*n = get(b->table, "nodelay");
	const char		*word;

	word = get_bool(b, "nodelay") ? "yes" : "no";
	if (b->on & ON_UDP)
		return;
	if (n == NULL)
		n = b->table;
	if (b->side == SIDE_SERVER)
		tomlsay_statement(b->r, n, "nodelay", word);
	if (b->side == SIDE_CLIENT || (b->on & ON_TCP))
		tomlsay_statement(b->r, n, "tunnel nodelay", word);
}

/* Backhaul writes the file only if it also serves its page. */
static void
say_usage(struct reader *b)
{
	const struct toml	*n = get(b->table, "sniffer");
	const struct toml	*log = get_string(b, "sniffer_log");
	const struct toml	*web = get(b->table, "web_port");

	if (!get_bool(b, "sniffer"))
		return;
	tomlsay_statement(b->r, n, "usage", "yes");
	if (log != NULL)
		tomlsay_statement(b->r, log, "usage file",
		    tomlsay_path(b->r, log->text));
	else if (web != NULL && web->number > 0)
		tomlsay_statement(b->r, n, "usage file", tomlsay_path(b->r,
		    USAGE_DEFAULT));
}

/* A switch that not every transport has. */
static int
get_switch(struct reader *b, const char *key, int has)
{
	if (!get_bool(b, key))
		return (0);
	if (!has)
		tomlsay_warn(b->r, get(b->table, key), "\"%s\" has no effect "
		    "with this transport", key);
	return (has);
}

static void
say_options(struct reader *b)
{
	size_t	 i;

	for (i = 0; i < nitems(numbers); i++)
		say_number(b, &numbers[i]);
	say_streams(b);
	say_nodelay(b);
	say_usage(b);
	if (b->side == SIDE_CLIENT) {
		/* what its own default is, for the times between its probes */
		tomlsay_statement(b->r, b->table, "keepalive", "40");
		tomlsay_statement(b->r, b->table, "pool max", POOL_MAX);
		return;
	}
	tomlsay_statement(b->r, b->table, "user timeout", "3");
	if (get_switch(b, "proxy_protocol", (b->on & (ON_TCP | ON_MUX)) != 0))
		tomlsay_statement(b->r, get(b->table, "proxy_protocol"),
		    "proxy protocol", "v2");
}

/* One for the daemon, outside of the block. */
static void
say_level(struct reader *b)
{
	const struct toml	*n = get_string(b, "log_level");

	if (n == NULL)
		return;
	if (name_find(log_levels, n->text) != NULL)
		tomlsay_statement(b->r, n, "log", n->text);
	else
		tomlsay_warn(b->r, n, "\"log_level\" cannot be \"%s\": it is "
		    "info", tomlsay_show(n->text));
}

/* ---- addresses ---- */

static void
say_transport(struct reader *b, const struct toml *at)
{
	const struct toml	*n = get_string(b, "transport");

	if (n == NULL || b->transport == 0)
		return;
	tomlsay_words(b->r, at, "transport");
	tomlsay_text(b->r, n, n->text);
}

static void
say_listen(struct reader *b)
{
	const struct toml	*n = get(b->table, "bind_addr");
	struct toml_addr	 addr;

	if (tomladdr_read(b->r, "bind_addr", n, &addr) == -1)
		return;
	tomlports_host(&addr);
	tomladdr_say(b->r, "listen on", &addr, "*");
	say_transport(b, n);
	tomlsay_mark(b->r, n, '\n');
}

/* The key of the edge, and its address in buf, which may be in brackets. */
static const struct toml *
read_edge(struct reader *b, char *buf, size_t size)
{
	const struct toml	*n = get_string(b, "edge_ip");
	struct addr		 addr;
	size_t			 len;

	if (n == NULL)
		return (NULL);
	len = strlcpy(buf, n->text + (n->text[0] == '['), size);
	if (n->text[0] == '[' && len < size && len > 0 && buf[len - 1] == ']')
		buf[len - 1] = '\0';
	if (!valid_addr(buf, &addr)) {
		VALUE_ERROR(b->r, n, "\"edge_ip\" takes an IPv4 or IPv6 "
		    "address, not \"%s\"", tomlsay_show(n->text));
		return (NULL);
	}
	if (b->on & ON_WS)
		return (n);
	tomlsay_warn(b->r, n, "\"edge_ip\" has no effect with this "
	    "transport");
	return (NULL);
}

static void
say_connect(struct reader *b)
{
	const struct toml	*n = get(b->table, "remote_addr"), *edge;
	struct toml_addr	 addr;
	char			 buf[HOST_MAX];

	edge = read_edge(b, buf, sizeof(buf));
	if (tomladdr_read(b->r, "remote_addr", n, &addr) == -1)
		return;
	tomladdr_say(b->r, "connect to", &addr, "127.0.0.1");
	say_transport(b, n);
	if (edge != NULL) {
		tomlsay_words(b->r, edge, "edge");
		tomlsay_text(b->r, edge, buf);
	}
	tomlsay_mark(b->r, n, '\n');
}

/* A client of Backhaul does not look at the server's certificate. */
static void
say_tls(struct reader *b)
{
	const struct toml	*cert = get_string(b, "tls_cert");
	const struct toml	*key = get_string(b, "tls_key");
	const struct toml	*n = get(b->table, "transport");

	if ((b->transport & TRANSPORT_TLS) == 0 || (b->on & ON_WS) == 0)
		return;
	if (b->side == SIDE_CLIENT)
		tomlsay_words(b->r, n, "tls verify no-i-accept-any-server");
	else if (cert == NULL || key == NULL) {
		KEY_ERROR(b->r, n, "this transport needs \"tls_cert\" and "
		    "\"tls_key\"");
		return;
	} else {
		tomlsay_words(b->r, cert, "tls certificate");
		tomlsay_text(b->r, cert, tomlsay_path(b->r, cert->text));
		tomlsay_words(b->r, key, "key");
		tomlsay_text(b->r, key, tomlsay_path(b->r, key->text));
	}
	tomlsay_mark(b->r, n, '\n');
}

/* ---- the service ---- */

/* A token that is elsewhere.  0: the key is not there. */
static int
say_token_from(struct reader *b, const char *key, const char *kind)
{
	const struct toml	*n = get(b->table, key);

	if (n == NULL)
		return (0);
	if (tomlsay_string(b->r, key, n) == NULL)
		return (1);
	tomlsay_words(b->r, n, "token");
	tomlsay_words(b->r, n, kind);
	tomlsay_text(b->r, n, strcmp(kind, "file") == 0 && n->text[0] != '\0' ?
	    tomlsay_path(b->r, n->text) : n->text);
	tomlsay_mark(b->r, n, '\n');
	return (1);
}

static int
say_token_here(struct reader *b)
{
	const struct toml	*n = get_string(b, "token");
	struct word		*w;

	if (n == NULL)
		return (0);
	tomlsay_words(b->r, n, "token");
	w = lex_supply(b->r->lex, LEX_QUOTED, n->text, n->value_line,
	    n->value_column);
	if (w->shared && strcmp(n->text, TOKEN_MASKED) != 0)
		VALUE_ERROR(b->r, n, "the token is in a file that others may "
		    "read; chmod o-r");
	w->shared = 0;
	tomlsay_mark(b->r, n, '\n');
	return (1);
}

/* Whoever has the file has the default, so nobody is told that it is secret. */
static void
say_token(struct reader *b)
{
	const struct toml	*n = b->table;
	struct word		*w;
	int			 said;

	said = say_token_here(b);
	said += say_token_from(b, "token_file", "file");
	said += say_token_from(b, "token_env", "env");
	if (said > 0)
		return;
	tomlsay_words(b->r, n, "token");
	w = lex_supply(b->r->lex, LEX_QUOTED, TOKEN_DEFAULT, n->line,
	    n->column);
	w->shared = 0;
	tomlsay_mark(b->r, n, '\n');
	tomlsay_warn(b->r, n, "without \"token\" it is that of Backhaul, "
	    "which everybody knows");
}

static void
say_ports(struct reader *b)
{
	const struct toml	*n = get(b->table, "ports");
	const char		*protocol = NULL;

	if (get_switch(b, "accept_udp", b->transport == TRANSPORT_TCP))
		protocol = "tcp udp";
	if (b->transport == TRANSPORT_UDP)
		protocol = "udp";
	if (n != NULL && tomlsay_is(b->r, "ports", n, TOML_ARRAY))
		tomlports_say(b->r, n, protocol);
}

static void
say_targets(struct reader *b)
{
	const struct toml	*n = get(b->table, "targets"), *v;

	if (n != NULL && !tomlsay_is(b->r, "targets", n, TOML_ARRAY))
		return;
	tomlsay_words(b->r, n != NULL ? n : b->table, "targets");
	tomlsay_mark(b->r, n != NULL ? n : b->table, '{');
	if (n == NULL) {
		tomlsay_words(b->r, b->table, "pass to any");
		tomlsay_warn(b->r, b->table, "the server may name any target; "
		    "targets = [\"pass to 127.0.0.0/8\"] narrows that to "
		    "this machine");
	} else
		TAILQ_FOREACH(v, &n->nodes, entry)
			tomlsay_rule(b->r, v);
	tomlsay_mark(b->r, n != NULL ? n : b->table, '}');
	tomlsay_mark(b->r, n != NULL ? n : b->table, '\n');
}

static void
say_service(struct reader *b)
{
	const struct toml	*at = b->table;

	tomlsay_words(b->r, at, "service");
	(void)lex_supply(b->r->lex, LEX_QUOTED, SERVICE, at->line, at->column);
	tomlsay_mark(b->r, at, '{');
	tomlsay_mark(b->r, at, '\n');
	if (b->side == SIDE_SERVER)
		say_ports(b);
	else
		say_targets(b);
	say_token(b);
	tomlsay_mark(b->r, at, '}');
	tomlsay_mark(b->r, at, '\n');
}

/* ---- keys that say nothing ---- */

/* What is probably meant, or NULL. */
static const char *
nearest(const char *key, uint32_t scope)
{
	const char	*found = NULL;
	char		 lower[64];
	size_t		 best = SIZE_MAX, d, i;

	for (i = 0; key[i] != '\0' && i + 1 < sizeof(lower); i++)
		lower[i] = (char)tolower((unsigned char)key[i]);
	lower[i] = '\0';
	for (i = 0; i < nitems(keys); i++) {
		if ((keys[i].scope & scope) == 0)
			continue;
		d = option_distance(lower, keys[i].key);
		if (d < best) {
			best = d;
			found = keys[i].key;
		}
	}
	return (found);
}

/* Backhaul passes over it; somebody may have meant something. */
static void
unknown_key(struct tomlsay *r, const struct toml *n, uint32_t scope)
{
	const char	*meant = nearest(n->key, scope);

	if (row_of(n->key, BLOCKS) != NULL)
		tomlsay_warn(r, n, "\"%s\" has no effect here: it is for the "
		    "other side", tomlsay_show(n->key));
	else if (meant != NULL)
		tomlsay_warn(r, n, "unknown key \"%s\"; did you mean \"%s\"?",
		    tomlsay_show(n->key), meant);
	else
		tomlsay_warn(r, n, "unknown key \"%s\"",
		    tomlsay_show(n->key));
}

/* It asks for nothing: false, or 0. */
static int
is_off(const struct toml *n)
{
	return ((n->type == TOML_BOOLEAN || n->type == TOML_INTEGER) &&
	    n->number == 0);
}

static void
check_twice(struct tomlsay *r, const struct toml *table, const struct toml *n)
{
	const struct toml	*other;

	TAILQ_FOREACH(other, &table->nodes, entry) {
		if (other == n)
			return;
		if (strcasecmp(other->key, n->key) == 0) {
			KEY_ERROR(r, n, "\"%s\" was given before, at %d:%d",
			    tomlsay_show(n->key), other->line, other->column);
			return;
		}
	}
}

static void
check_keys(struct tomlsay *r, const struct toml *table, uint32_t scope)
{
	const struct told	*t;
	const struct toml	*n;

	TAILQ_FOREACH(n, &table->nodes, entry) {
		check_twice(r, table, n);
		t = told_of(n->key, scope);
		if (t != NULL && !is_off(n))
			tomlsay_warn(r, n, "\"%s\" has no effect: %s", t->key,
			    t->words);
		if (t == NULL && row_of(n->key, scope) == NULL)
			unknown_key(r, n, scope);
	}
}

/* ---- tables ---- */

static uint32_t
on_of(uint32_t transport)
{
	uint32_t	 on = 0;

	if (transport & TRANSPORT_UDP)
		return (ON_UDP);
	if (transport & TRANSPORT_MUX)
		on |= ON_MUX;
	return (on | (transport & TRANSPORT_WS ? ON_WS : ON_TCP));
}

/* Without one, or with one that Backhaul has not, all keys are looked at. */
static void
read_transport(struct reader *b)
{
	const struct toml	*n = get_string(b, "transport");

	if (n != NULL) {
		b->transport = transport_find(n->text);
		if (strncmp(n->text, "tls", 3) == 0)
			b->transport = 0;
		if (b->transport == 0)
			VALUE_ERROR(b->r, n, "there is no transport \"%s\"; "
			    "there are " TRANSPORTS, tomlsay_show(n->text));
	} else if (b->r->errors == 0)
		KEY_ERROR(b->r, b->table, "[%s] needs \"transport\"",
		    side_name(b->side));
	b->on = on_of(b->transport);
}

static void
read_block(struct reader *b)
{
	read_transport(b);
	check_keys(b->r, b->table, b->scope);
	say_level(b);
	tomlsay_words(b->r, b->table, side_name(b->side));
	tomlsay_mark(b->r, b->table, '{');
	tomlsay_mark(b->r, b->table, '\n');
	tomlsay_words(b->r, b->table, "dialect backhaul");
	tomlsay_mark(b->r, b->table, '\n');
	if (b->side == SIDE_SERVER)
		say_listen(b);
	else
		say_connect(b);
	say_tls(b);
	say_options(b);
	say_service(b);
	tomlsay_mark(b->r, b->table, '}');
	tomlsay_mark(b->r, b->table, '\n');
}

/* A side is there if it has its address. */
static int
find_side(struct reader *b, const struct toml *root, enum side side)
{
	const struct toml	*n = get(root, side_name(side));

	b->side = side;
	b->scope = side == SIDE_SERVER ? SCOPE_SERVER : SCOPE_CLIENT;
	if (n != NULL && tomlsay_is(b->r, n->key, n, TOML_TABLE))
		b->table = n;
	return (b->table != NULL && get_string(b, side == SIDE_SERVER ?
	    "bind_addr" : "remote_addr") != NULL);
}

/* The keys are there, and the line above them is not. */
static void
say_headless(struct tomlsay *r, const struct toml *root)
{
	const struct toml	*first = TAILQ_FIRST(&root->nodes);

	if (r->errors > 0)	/* the line may be the one that is wrong */
		return;
	KEY_ERROR(r, first, "a line [%s] is missing before \"%s\"",
	    side_name(get(root, "bind_addr") != NULL ? SIDE_SERVER :
	    SIDE_CLIENT), tomlsay_show(first->key));
}

/* A process of Backhaul is one of the two, and a server if it can be. */
void
tomlbackhaul_read(struct tomlsay *r, const struct toml *root)
{
	struct reader	 server = { .r = r }, client = { .r = r };
	int		 is_server, is_client;

	if (is_headless(root)) {
		say_headless(r, root);
		return;
	}
	check_keys(r, root, SCOPE_GLOBAL);
	is_server = find_side(&server, root, SIDE_SERVER);
	is_client = find_side(&client, root, SIDE_CLIENT);
	if (is_server && client.table != NULL)
		tomlsay_warn(r, client.table, "[client] is not read: this is "
		    "a server's file, as [server] has \"bind_addr\"");
	if (is_client && !is_server && server.table != NULL)
		tomlsay_warn(r, server.table, "[server] is not read: it has "
		    "no \"bind_addr\"");
	if (is_server)
		read_block(&server);
	else if (is_client)
		read_block(&client);
	else if (r->errors == 0)
		KEY_ERROR(r, server.table != NULL ? server.table :
		    client.table, "neither has [server] \"bind_addr\", nor "
		    "[client] \"remote_addr\"");
}
