/* SPDX-License-Identifier: ISC */

/*
 * MyTunnel's files.  One is of a server or of a client, which have tables of
 * the same names; a table of keys says which of them has which, what values
 * MyTunnel takes, and what comes of them.  Its defaults are not ours, so those
 * that matter are said.  What a key may have and we may not is replaced by the
 * nearest that we may; a key that means nothing here is told.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "lex.h"
#include "toml.h"
#include "tomladdr.h"
#include "tomlmytunnel.h"
#include "tomlsay.h"

#define SERVICE		"mytunnel"	/* the name of the only one */
#define STREAMS_DEFAULT	100
#define IDLE_DEFAULT	30		/* seconds */
#define SOCKS_DEFAULT	"127.0.0.1:1080"
#define HTTP_DEFAULT	"127.0.0.1:8080"
#define METRICS_DEFAULT	"127.0.0.1:9090"
#define API_DEFAULT	"127.0.0.1:9091"

#define BLOCKS		(SCOPE_SERVER | SCOPE_CLIENT)
#define U16		UINT16_MAX
#define U32		UINT32_MAX
#define U64		INT64_MAX	/* as TOML has it */

/* A key, and what MyTunnel takes for it. */
static const struct row {
	const char	*table;
	const char	*key;
	uint32_t	 scope;
	enum toml_type	 type;
	int64_t		 min, max;	/* of a number */
	/* why it has no effect; NULL: it has one */
	const char	*told;
} rows[] = {
	{ "server", "bind_addr", SCOPE_SERVER, TOML_STRING, 0, 0, NULL },
	{ "server", "workers", SCOPE_SERVER, TOML_INTEGER, 0, U32,
	    "one process serves all connections of a listener" },
	/* one of ours, which MyTunnel passes over */
	{ "server", "targets", SCOPE_SERVER, TOML_ARRAY, 0, 0, NULL },
	{ "server", "address", SCOPE_CLIENT, TOML_STRING, 0, 0, NULL },
	{ "server", "server_name", SCOPE_CLIENT, TOML_STRING, 0, 0, NULL },
	{ "server", "insecure", SCOPE_CLIENT, TOML_BOOLEAN, 0, 0, NULL },
	{ "proxy", "socks5_bind", SCOPE_CLIENT, TOML_STRING, 0, 0, NULL },
	{ "proxy", "socks5_enabled", SCOPE_CLIENT, TOML_BOOLEAN, 0, 0, NULL },
	{ "proxy", "http_bind", SCOPE_CLIENT, TOML_STRING, 0, 0, NULL },
	{ "proxy", "http_enabled", SCOPE_CLIENT, TOML_BOOLEAN, 0, 0, NULL },
	{ "quic", "max_connections", SCOPE_SERVER, TOML_INTEGER, 1, U32,
	    "memory and descriptors are the limit" },
	{ "quic", "max_streams_per_conn", SCOPE_SERVER, TOML_INTEGER, 1, U32,
	    NULL },
	{ "quic", "max_streams", SCOPE_CLIENT, TOML_INTEGER, 1, U32, NULL },
	{ "quic", "idle_timeout_secs", BLOCKS, TOML_INTEGER, 1, U64, NULL },
	{ "quic", "max_udp_payload", SCOPE_SERVER, TOML_INTEGER, 0, U16,
	    "each path is measured" },
	{ "quic", "enable_0rtt", BLOCKS, TOML_BOOLEAN, 0, 0,
	    "early data is never sent or taken" },
	{ "quic", "congestion_control", SCOPE_SERVER, TOML_STRING, 0, 0,
	    NULL },
	{ "tls", "cert_path", SCOPE_SERVER, TOML_STRING, 0, 0, NULL },
	{ "tls", "key_path", SCOPE_SERVER, TOML_STRING, 0, 0, NULL },
	{ "tls", "auto_generate", SCOPE_SERVER, TOML_BOOLEAN, 0, 0, NULL },
	{ "pool", "buffer_count_4k", SCOPE_SERVER, TOML_INTEGER, 0, U64,
	    "buffers are made as they are needed" },
	{ "pool", "buffer_count_16k", SCOPE_SERVER, TOML_INTEGER, 0, U64,
	    "buffers are made as they are needed" },
	{ "pool", "buffer_count_64k", SCOPE_SERVER, TOML_INTEGER, 0, U64,
	    "buffers are made as they are needed" },
	{ "pool", "connection_slots", SCOPE_SERVER, TOML_INTEGER, 1, U64,
	    "memory and descriptors are the limit" },
	{ "metrics", "enabled", SCOPE_SERVER, TOML_BOOLEAN, 0, 0, NULL },
	{ "metrics", "bind_addr", SCOPE_SERVER, TOML_STRING, 0, 0, NULL },
	{ "metrics", "api_bind_addr", SCOPE_SERVER, TOML_STRING, 0, 0, NULL },
	{ "logging", "level", BLOCKS, TOML_STRING, 0, 0, NULL },
	{ "logging", "format", BLOCKS, TOML_STRING, 0, 0, NULL },
	{ "limits", "max_bandwidth_per_conn", SCOPE_SERVER, TOML_INTEGER, 0,
	    U64, NULL },
	{ "limits", "max_new_conn_per_sec", SCOPE_SERVER, TOML_INTEGER, 0,
	    U32, "\"unproven max\" and \"penalty max\" are the limits" },
	{ "limits", "max_memory_mb", SCOPE_SERVER, TOML_INTEGER, 0, U64,
	    NULL }
};

#define OWN(o)		{ o, NULL }, 0, 1

/* What somebody may have meant who writes a key into rocketd.conf. */
static const struct toml_key	 keys[] = {
	{ "congestion_control", SCOPE_SERVER, OWN("tunnel congestion") },
	{ "idle_timeout_secs", BLOCKS, OWN("quic idle timeout") },
	{ "max_bandwidth_per_conn", SCOPE_SERVER, OWN("rate in per user") },
	{ "max_memory_mb", SCOPE_SERVER, OWN("memory") },
	{ "max_streams", SCOPE_CLIENT, OWN("mux concurrency") },
	{ "max_streams_per_conn", SCOPE_SERVER, OWN("mux max streams") }
};

const struct toml_keys	 tomlmytunnel_keys = { keys, nitems(keys), "" };

/* A server whose file says no targets lets nobody into its own networks. */
static const char *const	 rules[] = {
	"block to 10.0.0.0/8",
	"block to 100.64.0.0/10",
	"block to 172.16.0.0/12",
	"block to 192.168.0.0/16",
	"block to fc00::/7",
	"pass to any"
};

struct reader {
	struct tomlsay		*r;
	const struct toml	*root;
	enum side		 side;
	uint32_t		 scope;
	const struct toml	*at;		/* where defaults stand */
};

/* ---- which program's file it is ---- */

static const struct toml *
get_table(const struct toml *root, const char *name)
{
	const struct toml	*n = toml_get(root, name);

	return (n != NULL && n->type == TOML_TABLE ? n : NULL);
}

/* The value of a key, of any type, or NULL. */
static const struct toml *
get_any(const struct toml *root, const char *table, const char *key)
{
	const struct toml	*t = get_table(root, table);

	return (t == NULL ? NULL : toml_get(t, key));
}

static int
is_client(const struct toml *root)
{
	return (get_table(root, "proxy") != NULL ||
	    get_any(root, "server", "address") != NULL);
}

int
tomlmytunnel_is(const struct toml *root)
{
	if (toml_get(root, "client") != NULL ||
	    get_any(root, "server", "services") != NULL)
		return (0);
	return (is_client(root) || get_table(root, "quic") != NULL ||
	    get_table(root, "tls") != NULL ||
	    get_table(root, "pool") != NULL);
}

/* ---- keys ---- */

/* NULL: there is no such key; known: elsewhere there is. */
static const struct row *
row_of(const char *table, const char *key, uint32_t scope, int *known)
{
	const struct row	*row;

	*known = 0;
	for (row = rows; row < rows + nitems(rows); row++) {
		if (strcmp(row->key, key) != 0 ||
		    strcmp(row->table, table) != 0)
			continue;
		if (row->scope & scope)
			return (row);
		*known = 1;
	}
	return (NULL);
}

static int
in_range(const struct row *row, const struct toml *n)
{
	return (row->type != TOML_INTEGER ||
	    (n->number >= row->min && n->number <= row->max));
}

/* The value of a key that may have it, or NULL; check_keys has told why. */
static const struct toml *
get(const struct reader *b, const char *table, const char *key)
{
	const struct toml	*n = get_any(b->root, table, key);
	const struct row	*row;
	int			 known;

	row = row_of(table, key, b->scope, &known);
	return (n != NULL && row != NULL && n->type == row->type &&
	    in_range(row, n) ? n : NULL);
}

static int
get_bool(const struct reader *b, const char *table, const char *key, int dflt)
{
	const struct toml	*n = get(b, table, key);

	return (n == NULL ? dflt : n->number != 0);
}

/* What is probably meant by the name, of a table or of a key in it; or NULL. */
static const char *
nearest(const char *table, const char *name, uint32_t scope)
{
	const struct row	*row;
	const char		*found = NULL, *is;
	size_t			 best = SIZE_MAX, d;

	for (row = rows; row < rows + nitems(rows); row++) {
		if ((row->scope & scope) == 0 ||
		    (table != NULL && strcmp(row->table, table) != 0))
			continue;
		is = table == NULL ? row->table : row->key;
		d = option_distance(name, is);
		if (d < best) {
			best = d;
			found = is;
		}
	}
	return (found);
}

static void
unknown(struct reader *b, const char *table, const struct toml *n)
{
	const char	*meant = nearest(table, n->key, b->scope);
	const char	*what = table == NULL ? "table" : "key";
	char		 in[32] = "";

	if (table != NULL)
		snprintf(in, sizeof(in), " in [%s]", table);
	if (meant != NULL)
		KEY_ERROR(b->r, n, "unknown %s \"%s\"%s; did you mean \"%s\"?",
		    what, tomlsay_show(n->key), in, meant);
	else
		KEY_ERROR(b->r, n, "unknown %s \"%s\"%s", what,
		    tomlsay_show(n->key), in);
}

static void
check_key(struct reader *b, const char *table, const struct toml *n)
{
	const struct row	*row;
	int			 known;

	if ((row = row_of(table, n->key, b->scope, &known)) == NULL) {
		if (known)
			KEY_ERROR(b->r, n, "\"%s\" is for the file of a %s",
			    tomlsay_show(n->key), b->side == SIDE_SERVER ?
			    "client" : "server");
		else
			unknown(b, table, n);
		return;
	}
	if (!tomlsay_is(b->r, row->key, n, row->type))
		return;
	if (!in_range(row, n))
		VALUE_ERROR(b->r, n, "\"%s\" takes a number from %lld to "
		    "%lld, not %lld", row->key, (long long)row->min,
		    (long long)row->max, (long long)n->number);
	else if (row->told != NULL && n->number != 0)
		tomlsay_warn(b->r, n, "\"%s\" has no effect: %s", row->key,
		    row->told);
}

/* Does a file of this side, or of either, have such a table? */
static int
has_table(const char *table, uint32_t scope)
{
	const struct row	*row;

	for (row = rows; row < rows + nitems(rows); row++)
		if ((row->scope & scope) && strcmp(row->table, table) == 0)
			return (1);
	return (0);
}

static void
check_keys(struct reader *b)
{
	const struct toml	*t, *n;

	TAILQ_FOREACH(t, &b->root->nodes, entry) {
		if (has_table(t->key, b->scope)) {
			if (!tomlsay_is(b->r, t->key, t, TOML_TABLE))
				continue;
			TAILQ_FOREACH(n, &t->nodes, entry)
				check_key(b, t->key, n);
		} else if (has_table(t->key, BLOCKS))
			KEY_ERROR(b->r, t, "[%s] is for the file of a %s",
			    t->key, b->side == SIDE_SERVER ? "client" :
			    "server");
		else
			unknown(b, NULL, t);
	}
}

/* A string that has to be there and not be empty; NULL: it is not. */
static const struct toml *
need(struct reader *b, const char *table, const char *key)
{
	const struct toml	*n = get(b, table, key);
	const struct toml	*any = get_any(b->root, table, key);
	const struct toml	*t = get_table(b->root, table);

	if (n != NULL && n->text[0] != '\0')
		return (tomlsay_string(b->r, key, n) == NULL ? NULL : n);
	if (n != NULL)
		VALUE_ERROR(b->r, n, "\"%s\" is empty", key);
	else if (any == NULL && b->r->errors == 0)
		KEY_ERROR(b->r, t != NULL ? t : b->at, "[%s] needs \"%s\"",
		    table, key);
	return (NULL);
}

/* ---- options ---- */

/* A number, or the nearest that the option takes; n: whose value it is. */
static void
say_number(struct reader *b, const struct toml *n, const char *name,
    uint64_t value)
{
	const struct option	*o = option_find(name, b->scope);
	uint64_t		 v = value;
	char			 buf[32];

	if (v > o->max)
		v = o->max;
	if (v < o->min)
		v = o->min;
	if (v != value && n != NULL)
		tomlsay_warn(b->r, n, "\"%s\" asks for %llu, and rocketd has "
		    "\"%s\" from %llu to %llu: it is %llu",
		    tomlsay_show(n->key), (unsigned long long)value, name,
		    (unsigned long long)o->min, (unsigned long long)o->max,
		    (unsigned long long)v);
	snprintf(buf, sizeof(buf), "%llu", (unsigned long long)v);
	tomlsay_statement(b->r, n != NULL ? n : b->at, name, buf);
}

static void
say_idle(struct reader *b)
{
	const struct toml	*n = get(b, "quic", "idle_timeout_secs");
	uint64_t		 idle = n == NULL ? IDLE_DEFAULT :
				    (uint64_t)n->number;

	say_number(b, n, "quic idle timeout", idle);
}

/* Of one connection; a client makes another beyond so many. */
static void
say_streams(struct reader *b)
{
	const struct toml	*n;
	uint64_t		 max;

	n = get(b, "quic", b->side == SIDE_SERVER ? "max_streams_per_conn" :
	    "max_streams");
	max = n == NULL ? STREAMS_DEFAULT : (uint64_t)n->number;
	if (b->side == SIDE_SERVER)
		say_number(b, n, "mux max streams", max);
	if (b->side == SIDE_CLIENT || max <
	    option_find("mux concurrency", b->scope)->dflt)
		say_number(b, n, "mux concurrency", max);
}

static void
say_congestion(struct reader *b)
{
	const struct toml	*n = get(b, "quic", "congestion_control");

	if (n == NULL)
		return;
	if (name_find(congestion_names, n->text) != NULL)
		tomlsay_statement(b->r, n, "tunnel congestion", n->text);
	else
		tomlsay_warn(b->r, n, "\"congestion_control\" cannot be "
		    "\"%s\": it is cubic", tomlsay_show(n->text));
}

static void
say_limits(struct reader *b)
{
	const struct toml	*rate, *memory;

	rate = get(b, "limits", "max_bandwidth_per_conn");
	if (rate != NULL && rate->number != 0) {
		say_number(b, rate, "rate in per user", rate->number);
		say_number(b, NULL, "rate out per user", rate->number);
	}
	memory = get(b, "limits", "max_memory_mb");
	if (memory != NULL && memory->number != 0)
		say_number(b, memory, "memory", memory->number > U32 ? U64 :
		    memory->number << 20);
}

/* For the daemon, outside of the block. */
static void
say_logging(struct reader *b)
{
	const struct toml	*level = get(b, "logging", "level");
	const struct toml	*format = get(b, "logging", "format");

	if (level != NULL && name_find(log_levels, level->text) != NULL)
		tomlsay_statement(b->r, level, "log", level->text);
	else if (level != NULL)
		tomlsay_warn(b->r, level, "\"level\" cannot be \"%s\": it is "
		    "info", tomlsay_show(level->text));
	if (format != NULL && strcmp(format->text, "json") == 0)
		tomlsay_statement(b->r, format, "log to", "json");
}

/* ---- addresses ---- */

/* "listen on" for an address: of the key, or where it is not given. */
static void
say_listen(struct reader *b, const char *table, const char *key,
    const char *dflt, const char *words)
{
	const struct toml	*n = get(b, table, key);
	struct toml_addr	 addr;

	if (n != NULL && tomladdr_read(b->r, key, n, &addr) == -1)
		return;
	if (n == NULL) {
		if (get_any(b->root, table, key) != NULL)
			return;		/* it is wrong, and was told */
		(void)tomladdr_parse(dflt, &addr);
		addr.value = b->at;
	}
	tomladdr_say(b->r, "listen on", &addr, "*");
	tomlsay_words(b->r, addr.value, words);
	tomlsay_mark(b->r, addr.value, '\n');
}

/* MyTunnel has none of the two unless it is told so. */
static void
say_metrics(struct reader *b)
{
	if (!get_bool(b, "metrics", "enabled", 0))
		return;
	say_listen(b, "metrics", "bind_addr", METRICS_DEFAULT,
	    "serve mytunnel-metrics");
	say_listen(b, "metrics", "api_bind_addr", API_DEFAULT,
	    "serve mytunnel-api");
}

static void
say_server(struct reader *b)
{
	const struct toml	*cert = need(b, "tls", "cert_path");
	const struct toml	*key = need(b, "tls", "key_path");

	if (need(b, "server", "bind_addr") != NULL)
		say_listen(b, "server", "bind_addr", NULL, "transport quic");
	say_metrics(b);
	if (cert == NULL || key == NULL)
		return;
	tomlsay_words(b->r, cert, get_bool(b, "tls", "auto_generate", 0) ?
	    "tls self-signed" : "tls certificate");
	tomlsay_text(b->r, cert, tomlsay_path(b->r, cert->text));
	tomlsay_words(b->r, key, "key");
	tomlsay_text(b->r, key, tomlsay_path(b->r, key->text));
	tomlsay_mark(b->r, cert, '\n');
}

static void
say_client(struct reader *b)
{
	const struct toml	*n = need(b, "server", "address");
	const struct toml	*name = get(b, "server", "server_name");
	struct toml_addr	 addr;

	if (n != NULL && tomladdr_read(b->r, "address", n, &addr) == 0) {
		tomladdr_say(b->r, "connect to", &addr, "127.0.0.1");
		tomlsay_words(b->r, n, "transport quic");
		tomlsay_mark(b->r, n, '\n');
	}
	if (name != NULL)
		tomlsay_statement(b->r, name, "tls name", name->text);
	if (get_bool(b, "server", "insecure", 0)) {
		n = get(b, "server", "insecure");
		tomlsay_words(b->r, n, "tls verify no-i-accept-any-server");
		tomlsay_mark(b->r, n, '\n');
	}
}

/* ---- the service ---- */

static void
say_targets(struct reader *b)
{
	const struct toml	*n = get(b, "server", "targets"), *v;
	const struct toml	*at = n != NULL ? n : b->at;
	size_t			 i;

	tomlsay_words(b->r, at, "forward to any protocol tcp udp");
	tomlsay_mark(b->r, at, '{');
	tomlsay_mark(b->r, at, '\n');
	if (n != NULL)
		TAILQ_FOREACH(v, &n->nodes, entry)
			tomlsay_rule(b->r, v);
	for (i = 0; n == NULL && i < nitems(rules); i++) {
		tomlsay_words(b->r, at, rules[i]);
		tomlsay_mark(b->r, at, '\n');
	}
	tomlsay_mark(b->r, at, '}');
	tomlsay_mark(b->r, at, '\n');
}

static void
say_proxies(struct reader *b)
{
	int	 socks = get_bool(b, "proxy", "socks5_enabled", 1);
	int	 http = get_bool(b, "proxy", "http_enabled", 1);

	if (socks)
		say_listen(b, "proxy", "socks5_bind", SOCKS_DEFAULT,
		    "protocol socks udp");
	if (http)
		say_listen(b, "proxy", "http_bind", HTTP_DEFAULT,
		    "protocol http");
	if (!socks && !http)
		KEY_ERROR(b->r, b->at, "both proxies are disabled, so there "
		    "is nothing to do");
}

static void
say_service(struct reader *b)
{
	tomlsay_words(b->r, b->at, "service");
	(void)lex_supply(b->r->lex, LEX_QUOTED, SERVICE, b->at->line,
	    b->at->column);
	tomlsay_mark(b->r, b->at, '{');
	tomlsay_mark(b->r, b->at, '\n');
	if (b->side == SIDE_SERVER)
		say_targets(b);
	else
		say_proxies(b);
	tomlsay_mark(b->r, b->at, '}');
	tomlsay_mark(b->r, b->at, '\n');
}

/* ---- the whole ---- */

static void
say_block(struct reader *b)
{
	tomlsay_words(b->r, b->at, side_name(b->side));
	tomlsay_mark(b->r, b->at, '{');
	tomlsay_mark(b->r, b->at, '\n');
	tomlsay_statement(b->r, b->at, "dialect", "mytunnel");
	if (b->side == SIDE_SERVER)
		say_server(b);
	else
		say_client(b);
	say_idle(b);
	say_streams(b);
	if (b->side == SIDE_SERVER) {
		say_congestion(b);
		say_limits(b);
	} else	/* MyTunnel has one connection */
		tomlsay_statement(b->r, b->at, "pool", "1");
	say_service(b);
	tomlsay_mark(b->r, b->at, '}');
	tomlsay_mark(b->r, b->at, '\n');
}

void
tomlmytunnel_read(struct tomlsay *r, const struct toml *root)
{
	struct reader		 b = { .r = r, .root = root };

	b.side = is_client(root) ? SIDE_CLIENT : SIDE_SERVER;
	b.scope = b.side == SIDE_CLIENT ? SCOPE_CLIENT : SCOPE_SERVER;
	b.at = get_table(root, "server");
	if (b.at == NULL)
		b.at = TAILQ_FIRST(&root->nodes);
	check_keys(&b);
	say_logging(&b);
	say_block(&b);
}
