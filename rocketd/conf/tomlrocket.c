/* SPDX-License-Identifier: ISC */

/*
 * Rocket's files: which keys there are in which tables, what must be in them,
 * and how addresses are written.  Checks, limits and defaults of values are not
 * here: the statements that are made of the keys have them.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "lex.h"
#include "toml.h"
#include "tomladdr.h"
#include "tomlrocket.h"
#include "tomlsay.h"

#define NAME_LEN	128	/* of a table, in messages */
#define PROTOCOL_MAX	64	/* and for a protocol */
/* One more than allowed, so that the grammar reports too many. */
#define ENDPOINTS_MAX	(CONF_LISTENS_MAX + 1)

#define PREFIX		"default_"
#define BLOCKS		(SCOPE_SERVER | SCOPE_CLIENT)
#define SERVICES	(SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE)
#define CLIENTS		(SCOPE_CLIENT | SCOPE_CLIENT_SERVICE)
#define OWN		{ NULL, NULL }, 0, 1

static const struct toml_key	 keys[] = {
	{ "bind_addr", SCOPE_SERVER | SCOPE_SERVER_SERVICE, OWN },
	{ "bind_addrs", SCOPE_SERVER | SCOPE_SERVER_SERVICE, OWN },
	{ "client", SCOPE_GLOBAL, OWN },
	{ "client_id", SCOPE_CLIENT, OWN },
	{ "connection_pool", CLIENTS, { "pool", NULL }, 0, 0 },
	{ "default_disable_nodelay", BLOCKS, { "nodelay", NULL }, 1, 0 },
	{ "default_keep_alive", BLOCKS, { "tcp keepalive", NULL }, 0, 0 },
	{ "default_token", BLOCKS, OWN },
	{ "default_token_env", BLOCKS, OWN },
	{ "default_token_file", BLOCKS, OWN },
	{ "dial_timeout", CLIENTS, { "dial timeout", NULL }, 0, 0 },
	{ "disable_nodelay", BLOCKS, { "tunnel nodelay", NULL }, 1, 0 },
	{ "disable_nodelay", SERVICES, { "nodelay", NULL }, 1, 0 },
	{ "edge_ip", SCOPE_CLIENT, OWN },
	{ "keep_alive", BLOCKS | SCOPE_CLIENT_SERVICE,
	    { "keepalive", "tunnel tcp keepalive" }, 0, 0 },
	{ "keep_alive", SCOPE_SERVER_SERVICE, { "tcp keepalive", NULL }, 0, 0 },
	{ "local_addr", SCOPE_CLIENT_SERVICE, OWN },
	{ "local_addrs", SCOPE_CLIENT, OWN },
	{ "log_level", SCOPE_GLOBAL | BLOCKS, { "log", NULL }, 0, 1 },
	{ "mss", BLOCKS | SCOPE_CLIENT_SERVICE, { "tunnel mss", NULL }, 0, 0 },
	{ "mux_concurrency", BLOCKS | SERVICES,
	    { "mux concurrency", NULL }, 0, 0 },
	{ "mux_framesize", BLOCKS | SERVICES,
	    { "mux frame size", NULL }, 0, 0 },
	/* as Rocket spells it, and the right way */
	{ "mux_recievebuffer", BLOCKS | SERVICES,
	    { "mux receive buffer", NULL }, 0, 0 },
	{ "mux_receivebuffer", BLOCKS | SERVICES,
	    { "mux receive buffer", NULL }, 0, 0 },
	{ "mux_streambuffer", BLOCKS | SERVICES,
	    { "mux stream buffer", NULL }, 0, 0 },
	{ "mux_version", BLOCKS | SERVICES, { "mux version", NULL }, 0, 0 },
	{ "protocol", SERVICES, OWN },
	{ "proxies", SCOPE_SERVER, OWN },
	{ "remote_addr", SCOPE_CLIENT, OWN },
	{ "remote_addrs", SCOPE_CLIENT, OWN },
	{ "retry_interval", CLIENTS, { "retry interval", NULL }, 0, 0 },
	{ "server", SCOPE_GLOBAL, OWN },
	{ "services", BLOCKS, OWN },
	{ "so_rcvbuf", BLOCKS | SCOPE_CLIENT_SERVICE,
	    { "tunnel receive socket buffer", NULL }, 0, 0 },
	{ "so_sndbuf", BLOCKS | SCOPE_CLIENT_SERVICE,
	    { "tunnel send socket buffer", NULL }, 0, 0 },
	{ "tls_ca", BLOCKS, OWN },
	{ "tls_cert", BLOCKS, OWN },
	{ "tls_key", BLOCKS, OWN },
	{ "tls_name", SCOPE_CLIENT, OWN },
	{ "tls_pin", SCOPE_CLIENT, OWN },
	{ "token", BLOCKS | SERVICES, OWN },
	{ "token_env", BLOCKS | SERVICES, OWN },
	{ "token_file", BLOCKS | SERVICES, OWN },
	{ "transport", BLOCKS, OWN }
};

const struct toml_keys	 tomlrocket_keys = { keys, nitems(keys), PREFIX };

/* ---- addresses ---- */

/* Keeps the entry behind the last, unless it is a duplicate. */
static void
keep_endpoint(const struct toml_addr *list, size_t *n)
{
	size_t	 i;

	for (i = 0; i < *n; i++)
		if (strcmp(list[i].host, list[*n].host) == 0 &&
		    strcmp(list[i].port, list[*n].port) == 0)
			return;
	(*n)++;
}

static void
add_endpoint(struct tomlsay *r, const char *key, const struct toml *v,
    struct toml_addr *list, size_t *n)
{
	if (*n < ENDPOINTS_MAX && tomladdr_read(r, key, v, &list[*n]) == 0)
		keep_endpoint(list, n);
}

/* Collects those of two keys, one address and a list; how many. */
static size_t
read_endpoints(struct tomlsay *r, const struct toml *table, const char *one,
    const char *many, struct toml_addr *list)
{
	const struct toml	*n, *v;
	size_t			 count = 0;

	if ((n = toml_get(table, one)) != NULL)
		add_endpoint(r, one, n, list, &count);
	if ((n = toml_get(table, many)) != NULL &&
	    tomlsay_is(r, many, n, TOML_ARRAY))
		TAILQ_FOREACH(v, &n->nodes, entry)
			add_endpoint(r, many, v, list, &count);
	return (count);
}

/* Networks: a string, or an array of several. */
static void
say_proxies(struct tomlsay *r, const struct toml *n)
{
	const struct toml	*v = n;

	tomlsay_words(r, n, n->key);
	tomlsay_mark(r, n, '{');
	if (n->type == TOML_ARRAY)
		v = TAILQ_FIRST(&n->nodes);
	for (; v != NULL; v = v == n ? NULL : TAILQ_NEXT(v, entry))
		if (tomlsay_string(r, n->key, v) != NULL)
			tomlsay_text(r, v, v->text);
	tomlsay_mark(r, n, '}');
}

/* Of a service: "tcp", "udp" or "tcp udp"; of users also "socks", "http". */
static void
say_protocol(struct tomlsay *r, const struct toml *table)
{
	const struct toml	*n = toml_get(table, "protocol");
	char			 buf[PROTOCOL_MAX], *word, *rest = buf;

	if (n == NULL)
		return;
	if (tomlsay_string(r, n->key, n) == NULL)
		return;
	if (strlcpy(buf, n->text, sizeof(buf)) >= sizeof(buf) ||
	    buf[strspn(buf, " ,")] == '\0') {
		VALUE_ERROR(r, n, "\"protocol\" takes tcp, udp or \"tcp udp\", "
		    "and that of users also socks, \"socks udp\" or http");
		return;
	}
	tomlsay_words(r, n, "protocol");
	while ((word = strsep(&rest, " ,")) != NULL)
		if (word[0] != '\0')
			tomlsay_text(r, n, word);
}

/* transport: for a block's listeners, or NULL. */
static void
read_listens(struct tomlsay *r, const struct toml *table,
    const struct toml *transport)
{
	const struct toml	*proxies = toml_get(table, "proxies");
	struct toml_addr		 list[ENDPOINTS_MAX];
	size_t			 n, i;

	n = read_endpoints(r, table, "bind_addr", "bind_addrs", list);
	for (i = 0; i < n; i++) {
		tomladdr_say(r, "listen on", &list[i], "*");
		if (transport != NULL) {
			tomlsay_words(r, list[i].value, "transport");
			tomlsay_text(r, transport, transport->text);
		}
		if (transport != NULL && proxies != NULL)
			say_proxies(r, proxies);
		if (transport == NULL)
			say_protocol(r, table);
		tomlsay_mark(r, list[i].value, '\n');
	}
}

/* Addresses to connect from; their ports have no meaning, and are 0. */
static size_t
read_sources(struct tomlsay *r, const struct toml *table,
    struct toml_addr *list)
{
	const struct toml	*n = toml_get(table, "local_addrs"), *v;
	struct addr		 addr;
	size_t			 count = 0, last;

	if (n == NULL || !tomlsay_is(r, "local_addrs", n, TOML_ARRAY))
		return (0);
	TAILQ_FOREACH(v, &n->nodes, entry) {
		if (v->type == TOML_STRING && count < ENDPOINTS_MAX &&
		    valid_addr(v->text, &addr)) {
			list[count].value = v;
			strlcpy(list[count].host, v->text, HOST_MAX);
			strlcpy(list[count].port, "0", TOML_PORT_MAX);
			keep_endpoint(list, &count);
			continue;
		}
		last = count;
		add_endpoint(r, "local_addrs", v, list, &count);
		if (count > last && strcmp(list[last].port, "0") != 0)
			VALUE_ERROR(r, v, "the port of a local address is 0, "
			    "which leaves it to the system, not \"%s\"",
			    tomlsay_show(list[last].port));
	}
	return (count);
}

/* Can a connection to that host have this source? */
static int
fits(const struct toml_addr *remote, const struct toml_addr *source)
{
	struct addr	 a, b;

	return (!valid_addr(remote->host, &a) ||
	    !valid_addr(source->host, &b) || a.family == b.family);
}

/* How all remotes of a client are reached. */
struct way {
	const struct toml	*transport;	/* or NULL */
	const struct toml	*edge;		/* or NULL */
};

static void
say_remote(struct tomlsay *r, const struct toml_addr *remote,
    const struct way *way, const struct toml_addr *source)
{
	tomladdr_say(r, "connect to", remote, "127.0.0.1");
	if (way->transport != NULL) {
		tomlsay_words(r, remote->value, "transport");
		tomlsay_text(r, way->transport, way->transport->text);
	}
	if (way->edge != NULL) {
		tomlsay_words(r, remote->value, "edge");
		tomlsay_text(r, way->edge, way->edge->text);
	}
	if (source != NULL) {
		tomlsay_words(r, source->value, "from");
		tomlsay_text(r, source->value, source->host);
	}
	tomlsay_mark(r, remote->value, '\n');
}

/* Each remote, from each source that can reach it, in their order. */
static void
read_remotes(struct tomlsay *r, const struct toml *table,
    const struct way *way)
{
	struct toml_addr	 remotes[ENDPOINTS_MAX], sources[ENDPOINTS_MAX];
	size_t		 nremotes, nsources, i, j, said, total = 0;

	nremotes = read_endpoints(r, table, "remote_addr", "remote_addrs",
	    remotes);
	nsources = read_sources(r, table, sources);
	for (i = 0; i < nremotes && total <= REMOTES_MAX; i++) {
		said = 0;
		for (j = 0; j < nsources && said <= REMOTES_MAX; j++) {
			if (!fits(&remotes[i], &sources[j]))
				continue;
			say_remote(r, &remotes[i], way, &sources[j]);
			said++;
		}
		/* the grammar reports a source that cannot be used */
		if (said++ == 0)
			say_remote(r, &remotes[i], way, nsources == 0 ? NULL :
			    &sources[0]);
		total += said;
	}
}

/* ---- tables ---- */

/* The name of a table, as in its header. */
static const char *
table_name(enum side side, const char *service)
{
	static char	 buf[NAME_LEN];

	if (service == NULL)
		snprintf(buf, sizeof(buf), "[%s]", side_name(side));
	else
		snprintf(buf, sizeof(buf), "[%s.services.%s]", side_name(side),
		    tomlsay_show(service));
	return (buf);
}

/* After an error in the text we cannot know what is missing. */
static void
require(struct tomlsay *r, const struct toml *table, const char *name,
    const char *key, const char *other)
{
	if (r->errors > 0 || toml_get(table, key) != NULL ||
	    (other != NULL && toml_get(table, other) != NULL))
		return;
	if (other == NULL)
		KEY_ERROR(r, table, "%s needs \"%s\"", name, key);
	else
		KEY_ERROR(r, table, "%s needs \"%s\" or \"%s\"", name, key,
		    other);
}

/* The strings of a token key; kind: the keyword before each, or NULL. */
static void
say_tokens(struct tomlsay *r, const struct toml *n, const char *kind)
{
	const struct toml	*v;

	tomlsay_words(r, n, "token");
	if (n->type != TOML_ARRAY) {
		if (kind != NULL)
			tomlsay_words(r, n, kind);
		tomlsay_text(r, n, n->text);
	} else {
		tomlsay_mark(r, n, '{');
		TAILQ_FOREACH(v, &n->nodes, entry) {
			if (kind != NULL)
				tomlsay_words(r, v, kind);
			tomlsay_text(r, v, v->text);
		}
		tomlsay_mark(r, n, '}');
	}
	tomlsay_mark(r, n, '\n');
}

/* Strings, or an array of them, of which there is at least one? */
static int
check_tokens(struct tomlsay *r, const struct toml *n)
{
	const struct toml	*v;

	if (n->type != TOML_ARRAY)
		return (tomlsay_string(r, n->key, n) != NULL);
	if (TAILQ_EMPTY(&n->nodes))
		VALUE_ERROR(r, n, "\"%s\" is empty", tomlsay_show(n->key));
	TAILQ_FOREACH(v, &n->nodes, entry)
		if (tomlsay_string(r, n->key, v) == NULL)
			return (0);
	return (!TAILQ_EMPTY(&n->nodes));
}

/* The key without the prefix of a default. */
static const char *
plain(const char *key, uint32_t scope)
{
	size_t	 len = strlen(PREFIX);

	return ((scope & BLOCKS) != 0 && strncmp(key, PREFIX, len) == 0 ?
	    key + len : key);
}

static void
read_tokens(struct tomlsay *r, const struct toml *table, uint32_t scope)
{
	static const struct {
		const char	*key;
		const char	*kind;
	} forms[] = {
		{ "token", NULL },
		{ "token_file", "file" },
		{ "token_env", "env" }
	};
	const struct toml	*n;
	size_t			 i;

	TAILQ_FOREACH(n, &table->nodes, entry)
		for (i = 0; i < nitems(forms); i++)
			if (strcmp(plain(n->key, scope),
			    forms[i].key) == 0 && check_tokens(r, n))
				say_tokens(r, n, forms[i].kind);
}

static int
has_token(const struct toml *table)
{
	return (toml_get(table, "token") != NULL ||
	    toml_get(table, "token_file") != NULL ||
	    toml_get(table, "token_env") != NULL);
}

static int
has_default_token(const struct toml *table)
{
	return (has_token(table) || toml_get(table, "default_token") != NULL ||
	    toml_get(table, "default_token_file") != NULL ||
	    toml_get(table, "default_token_env") != NULL);
}

/* A path is a UNIX socket's. */
static void
read_target(struct tomlsay *r, const struct toml *table)
{
	const struct toml	*n = toml_get(table, "local_addr");
	struct toml_addr		 e;

	if (n == NULL)
		return;
	if (n->type == TOML_STRING && n->text[0] == '/') {
		if (tomlsay_string(r, n->key, n) == NULL)
			return;
		tomlsay_words(r, n, "forward to unix");
		tomlsay_text(r, n, n->text);
		if (toml_get(table, "protocol") != NULL)
			KEY_ERROR(r, toml_get(table, "protocol"), "a UNIX "
			    "socket has no \"protocol\"");
	} else {
		if (tomladdr_read(r, n->key, n, &e) == -1)
			return;
		tomladdr_say(r, "forward to", &e, "127.0.0.1");
		say_protocol(r, table);
	}
	tomlsay_mark(r, n, '\n');
}

static void
read_service(struct tomlsay *r, const struct toml *block, enum side side,
    const struct toml *table)
{
	const char	*name = table_name(side, table->key);
	uint32_t	 scope = side == SIDE_SERVER ? SCOPE_SERVER_SERVICE :
			    SCOPE_CLIENT_SERVICE;

	if (!tomlsay_is(r, table->key, table, TOML_TABLE))
		return;
	if (side == SIDE_SERVER)
		require(r, table, name, "bind_addr", "bind_addrs");
	else
		require(r, table, name, "local_addr", NULL);
	if (r->errors == 0 && !has_token(table) && !has_default_token(block))
		KEY_ERROR(r, table, "%s needs \"token\", or [%s] "
		    "\"default_token\"", name, side_name(side));
	tomlsay_words(r, table, "service");
	lex_supply(r->lex, LEX_QUOTED, table->key, table->line, table->column);
	tomlsay_mark(r, table, '{');
	tomlsay_mark(r, table, '\n');
	if (side == SIDE_SERVER)
		read_listens(r, table, NULL);
	else
		read_target(r, table);
	read_tokens(r, table, scope);
	tomlsay_options(r, table, scope);
	tomlsay_mark(r, table, '}');
	tomlsay_mark(r, table, '\n');
}

static void
read_services(struct tomlsay *r, const struct toml *block, enum side side)
{
	const struct toml	*services = toml_get(block, "services"), *n;

	if (services == NULL ||
	    !tomlsay_is(r, services->key, services, TOML_TABLE))
		return;
	TAILQ_FOREACH(n, &services->nodes, entry)
		read_service(r, block, side, n);
}

static const struct toml *
read_transport(struct tomlsay *r, const struct toml *table)
{
	const struct toml	*n = toml_get(table, "transport");

	return (n != NULL && tomlsay_string(r, n->key, n) != NULL ? n : NULL);
}

/*
 * A CDN's address that is dialled in place of the remote's.  Only WebSocket
 * uses it, but files for other transports have the key, too.
 */
static const struct toml *
read_edge(struct tomlsay *r, const struct toml *table,
    const struct toml *transport)
{
	const struct toml	*n = toml_get(table, "edge_ip");
	struct addr		 addr;
	const char		*s;

	if (n == NULL || (s = tomlsay_string(r, n->key, n)) == NULL ||
	    *s == '\0')
		return (NULL);
	if (!valid_addr(s, &addr)) {
		VALUE_ERROR(r, n, "\"edge_ip\" takes an IPv4 or IPv6 address, "
		    "not \"%s\"", tomlsay_show(s));
		return (NULL);
	}
	if (transport != NULL &&
	    (transport_find(transport->text) & TRANSPORT_WS))
		return (n);
	tomlsay_warn(r, n, "\"edge_ip\" has no effect with this transport");
	return (NULL);
}

static void
read_client(struct tomlsay *r, const struct toml *table)
{
	const struct toml	*n = toml_get(table, "client_id");
	struct way		 way;

	require(r, table, "[client]", "remote_addr", "remote_addrs");
	way.transport = read_transport(r, table);
	way.edge = read_edge(r, table, way.transport);
	read_remotes(r, table, &way);
	if (n != NULL && tomlsay_string(r, n->key, n) != NULL) {
		tomlsay_words(r, n, "client id");
		tomlsay_text(r, n, n->text);
		tomlsay_mark(r, n, '\n');
	}
}

/* One key of a block's outer TLS as the statement of these words. */
static const struct toml *
say_tls(struct tomlsay *r, const struct toml *table, const char *key,
    const char *words)
{
	const struct toml	*n = toml_get(table, key);

	if (n == NULL || tomlsay_string(r, n->key, n) == NULL)
		return (NULL);
	tomlsay_words(r, n, words);
	tomlsay_text(r, n, n->text);
	return (n);
}

static void
end_tls(struct tomlsay *r, const struct toml *n)
{
	if (n != NULL)
		tomlsay_mark(r, n, '\n');
}

static void
read_tls(struct tomlsay *r, const struct toml *table, enum side side)
{
	int			 server = side == SIDE_SERVER;
	const struct toml	*cert, *key;

	if ((toml_get(table, "tls_cert") == NULL) !=
	    (toml_get(table, "tls_key") == NULL)) {
		KEY_ERROR(r, table, "\"tls_cert\" and \"tls_key\" need each "
		    "other");
		return;
	}
	cert = say_tls(r, table, "tls_cert", server ? "tls certificate" :
	    "tls client certificate");
	if (cert != NULL) {
		key = say_tls(r, table, "tls_key", "key");
		end_tls(r, key != NULL ? key : cert);
	}
	end_tls(r, say_tls(r, table, "tls_ca", server ? "tls client ca" :
	    "tls ca"));
	if (server)
		return;
	end_tls(r, say_tls(r, table, "tls_name", "tls name"));
	end_tls(r, say_tls(r, table, "tls_pin", "tls pin"));
}

static void
read_block(struct tomlsay *r, const struct toml *root, enum side side)
{
	const char		*name = table_name(side, NULL);
	const struct toml	*table = toml_get(root, side_name(side));
	uint32_t		 scope;

	if (table == NULL || !tomlsay_is(r, table->key, table, TOML_TABLE))
		return;
	require(r, table, name, "transport", NULL);
	scope = side == SIDE_SERVER ? SCOPE_SERVER : SCOPE_CLIENT;
	tomlsay_words(r, table, side_name(side));
	tomlsay_mark(r, table, '{');
	tomlsay_mark(r, table, '\n');
	if (side == SIDE_SERVER) {
		require(r, table, name, "bind_addr", "bind_addrs");
		read_listens(r, table, read_transport(r, table));
	} else
		read_client(r, table);
	read_tls(r, table, side);
	read_tokens(r, table, scope);
	tomlsay_options(r, table, scope);
	read_services(r, table, side);
	tomlsay_mark(r, table, '}');
	tomlsay_mark(r, table, '\n');
}

/* Several tables may set the log level, but there is one daemon. */
static void
read_log_level(struct tomlsay *r, const struct toml *root)
{
	const struct toml	*tables[3], *n, *first = NULL;
	const struct option	*o = option_find("log", SCOPE_GLOBAL);
	size_t			 i;

	tables[0] = root;
	tables[1] = toml_get(root, side_name(SIDE_SERVER));
	tables[2] = toml_get(root, side_name(SIDE_CLIENT));
	for (i = 0; i < nitems(tables); i++) {
		if (tables[i] == NULL ||
		    (n = toml_get(tables[i], "log_level")) == NULL)
			continue;
		if (first == NULL) {
			first = n;
			(void)tomlsay_option(r, o, n, 0);
		} else if (n->type != first->type ||
		    (n->text != NULL && strcmp(n->text, first->text) != 0))
			VALUE_ERROR(r, n, "\"log_level\" is not the same as "
			    "at %d:%d", first->line, first->column);
	}
}

void
tomlrocket_read(struct tomlsay *r, const struct toml *root)
{
	read_log_level(r, root);
	tomlsay_options(r, root, SCOPE_GLOBAL);
	read_block(r, root, SIDE_SERVER);
	read_block(r, root, SIDE_CLIENT);
}
