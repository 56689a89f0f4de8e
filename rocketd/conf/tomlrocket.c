/* SPDX-License-Identifier: ISC */

/*
 * Configurations in TOML: each key becomes the statement of rocketd.conf(5)
 * that says the same, standing where the key stood, and the grammar does the
 * rest.  So no check, limit or default of a value is written here, only what
 * the tables mean, what must be in them, and how addresses are written.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "lex.h"
#include "toml.h"
#include "tomlrocket.h"
#include "tomlsay.h"

#define NAME_LEN	128	/* of a table, as it is shown */
#define PORT_MAX	16	/* what is written for a port */
/* One more than there may be, so that the grammar says that it is too many. */
#define ENDPOINTS_MAX	(CONF_LISTENS_MAX + 1)

struct endpoint {
	const struct toml	*value;
	char			 host[HOST_MAX];
	char			 port[PORT_MAX];
};

/* ---- addresses ---- */

/* "127.0.1" is short for 127.0.0.1, "0.0.0" for every address. */
static void
complete_ipv4(char *host, size_t size)
{
	struct in_addr	 in;
	const char	*s;
	int		 dots = 0;

	if (host[strspn(host, "0123456789.")] != '\0')
		return;
	for (s = host; *s != '\0'; s++) {
		dots += *s == '.';
		/* to inet_aton(3) this would be an octal number */
		if (*s == '0' && s[1] != '.' && s[1] != '\0' &&
		    (s == host || s[-1] == '.'))
			return;
	}
	if (dots != 1 && dots != 2)
		return;
	if (inet_aton(host, &in) == 1)
		(void)inet_ntop(AF_INET, &in, host, (socklen_t)size);
}

/* "HOST:PORT", "[IPV6]:PORT" or ":PORT". */
static int
parse_endpoint(const char *s, struct endpoint *e)
{
	const char	*colon = strrchr(s, ':');
	size_t		 len;

	if (colon == NULL || strlen(colon + 1) >= sizeof(e->port))
		return (-1);
	len = (size_t)(colon - s);
	if (s[0] == '[') {
		if (len < 2 || s[len - 1] != ']')
			return (-1);
		s++;
		len -= 2;
	} else if (memchr(s, ':', len) != NULL)
		return (-1);
	if (len >= sizeof(e->host))
		return (-1);
	memcpy(e->host, s, len);
	e->host[len] = '\0';
	strlcpy(e->port, colon + 1, sizeof(e->port));
	complete_ipv4(e->host, sizeof(e->host));
	return (0);
}

static int
read_endpoint(struct reader *r, const char *key, const struct toml *v,
    struct endpoint *e)
{
	const char	*s = reader_text(r, key, v);

	e->value = v;
	if (s == NULL)
		return (-1);
	if (parse_endpoint(s, e) == 0)
		return (0);
	VALUE_ERROR(r, v, "\"%s\" takes HOST:PORT, [IPV6]:PORT or :PORT, not "
	    "\"%s\"", reader_show(key), reader_show(s));
	return (-1);
}

/* Keeps the one behind the last, unless it is there before. */
static void
keep_endpoint(const struct endpoint *list, size_t *n)
{
	size_t	 i;

	for (i = 0; i < *n; i++)
		if (strcmp(list[i].host, list[*n].host) == 0 &&
		    strcmp(list[i].port, list[*n].port) == 0)
			return;
	(*n)++;
}

static void
add_endpoint(struct reader *r, const char *key, const struct toml *v,
    struct endpoint *list, size_t *n)
{
	if (*n < ENDPOINTS_MAX && read_endpoint(r, key, v, &list[*n]) == 0)
		keep_endpoint(list, n);
}

/* Those of two keys, for one address and for a list of them; how many. */
static size_t
read_endpoints(struct reader *r, const struct toml *table, const char *one,
    const char *many, struct endpoint *list)
{
	const struct toml	*n, *v;
	size_t			 count = 0;

	if ((n = toml_get(table, one)) != NULL)
		add_endpoint(r, one, n, list, &count);
	if ((n = toml_get(table, many)) != NULL &&
	    reader_is(r, many, n, TOML_ARRAY))
		TAILQ_FOREACH(v, &n->nodes, entry)
			add_endpoint(r, many, v, list, &count);
	return (count);
}

static void
say_endpoint(struct reader *r, const char *words, const struct endpoint *e,
    const char *everywhere)
{
	reader_say(r, e->value, words);
	reader_say_text(r, e->value, e->host[0] == '\0' ? everywhere : e->host);
	reader_say(r, e->value, "port");
	reader_say_text(r, e->value, e->port);
}

/* Networks: a string, or an array of several. */
static void
say_proxies(struct reader *r, const struct toml *n)
{
	const struct toml	*v = n;

	reader_say(r, n, n->key);
	reader_say_mark(r, n, '{');
	if (n->type == TOML_ARRAY)
		v = TAILQ_FIRST(&n->nodes);
	for (; v != NULL; v = v == n ? NULL : TAILQ_NEXT(v, entry))
		if (reader_text(r, n->key, v) != NULL)
			reader_say_text(r, v, v->text);
	reader_say_mark(r, n, '}');
}

/* transport: of a block's, or NULL. */
static void
read_listens(struct reader *r, const struct toml *table,
    const struct toml *transport)
{
	const struct toml	*proxies = toml_get(table, "proxies");
	struct endpoint		 list[ENDPOINTS_MAX];
	size_t			 n, i;

	n = read_endpoints(r, table, "bind_addr", "bind_addrs", list);
	for (i = 0; i < n; i++) {
		say_endpoint(r, "listen on", &list[i], "*");
		if (transport != NULL) {
			reader_say(r, list[i].value, "transport");
			reader_say_text(r, transport, transport->text);
		}
		if (transport != NULL && proxies != NULL)
			say_proxies(r, proxies);
		reader_say_mark(r, list[i].value, '\n');
	}
}

/* Addresses to connect from; their ports say nothing, and are 0. */
static size_t
read_sources(struct reader *r, const struct toml *table, struct endpoint *list)
{
	const struct toml	*n = toml_get(table, "local_addrs"), *v;
	struct addr		 addr;
	size_t			 count = 0, last;

	if (n == NULL || !reader_is(r, "local_addrs", n, TOML_ARRAY))
		return (0);
	TAILQ_FOREACH(v, &n->nodes, entry) {
		if (v->type == TOML_STRING && count < ENDPOINTS_MAX &&
		    valid_addr(v->text, &addr)) {
			list[count].value = v;
			strlcpy(list[count].host, v->text, HOST_MAX);
			strlcpy(list[count].port, "0", PORT_MAX);
			keep_endpoint(list, &count);
			continue;
		}
		last = count;
		add_endpoint(r, "local_addrs", v, list, &count);
		if (count > last && strcmp(list[last].port, "0") != 0)
			VALUE_ERROR(r, v, "the port of a local address is 0, "
			    "which leaves it to the system, not \"%s\"",
			    reader_show(list[last].port));
	}
	return (count);
}

/* Can a connection to that host have this source? */
static int
fits(const struct endpoint *remote, const struct endpoint *source)
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
say_remote(struct reader *r, const struct endpoint *remote,
    const struct way *way, const struct endpoint *source)
{
	say_endpoint(r, "connect to", remote, "127.0.0.1");
	if (way->transport != NULL) {
		reader_say(r, remote->value, "transport");
		reader_say_text(r, way->transport, way->transport->text);
	}
	if (way->edge != NULL) {
		reader_say(r, remote->value, "edge");
		reader_say_text(r, way->edge, way->edge->text);
	}
	if (source != NULL) {
		reader_say(r, source->value, "from");
		reader_say_text(r, source->value, source->host);
	}
	reader_say_mark(r, remote->value, '\n');
}

/* Each remote from each source that it can be reached from, in their order. */
static void
read_remotes(struct reader *r, const struct toml *table,
    const struct way *way)
{
	struct endpoint	 remotes[ENDPOINTS_MAX], sources[ENDPOINTS_MAX];
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
		/* the grammar says what is wrong with a source of no use */
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
		    reader_show(service));
	return (buf);
}

/* After an error of the text there is no telling what is missing. */
static void
require(struct reader *r, const struct toml *table, const char *name,
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

/* The strings of a token's key; kind: the keyword before each, or NULL. */
static void
say_tokens(struct reader *r, const struct toml *n, const char *kind)
{
	const struct toml	*v;

	reader_say(r, n, "token");
	if (n->type != TOML_ARRAY) {
		if (kind != NULL)
			reader_say(r, n, kind);
		reader_say_text(r, n, n->text);
	} else {
		reader_say_mark(r, n, '{');
		TAILQ_FOREACH(v, &n->nodes, entry) {
			if (kind != NULL)
				reader_say(r, v, kind);
			reader_say_text(r, v, v->text);
		}
		reader_say_mark(r, n, '}');
	}
	reader_say_mark(r, n, '\n');
}

/* Strings, or an array of them, of which there is at least one? */
static int
check_tokens(struct reader *r, const struct toml *n)
{
	const struct toml	*v;

	if (n->type != TOML_ARRAY)
		return (reader_text(r, n->key, n) != NULL);
	if (TAILQ_EMPTY(&n->nodes))
		VALUE_ERROR(r, n, "\"%s\" is empty", reader_show(n->key));
	TAILQ_FOREACH(v, &n->nodes, entry)
		if (reader_text(r, n->key, v) == NULL)
			return (0);
	return (!TAILQ_EMPTY(&n->nodes));
}

static void
read_tokens(struct reader *r, const struct toml *table, uint32_t scope)
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
			if (strcmp(reader_plain(n->key, scope),
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
read_target(struct reader *r, const struct toml *table)
{
	const struct toml	*n = toml_get(table, "local_addr");
	struct endpoint		 e;

	if (n == NULL)
		return;
	if (n->type == TOML_STRING && n->text[0] == '/') {
		if (reader_text(r, n->key, n) == NULL)
			return;
		reader_say(r, n, "forward to unix");
		reader_say_text(r, n, n->text);
	} else {
		if (read_endpoint(r, n->key, n, &e) == -1)
			return;
		say_endpoint(r, "forward to", &e, "127.0.0.1");
	}
	reader_say_mark(r, n, '\n');
}

static void
read_service(struct reader *r, const struct toml *block, enum side side,
    const struct toml *table)
{
	const char	*name = table_name(side, table->key);
	uint32_t	 scope = side == SIDE_SERVER ? SCOPE_SERVER_SERVICE :
			    SCOPE_CLIENT_SERVICE;

	if (!reader_is(r, table->key, table, TOML_TABLE))
		return;
	if (side == SIDE_SERVER)
		require(r, table, name, "bind_addr", "bind_addrs");
	else
		require(r, table, name, "local_addr", NULL);
	if (r->errors == 0 && !has_token(table) && !has_default_token(block))
		KEY_ERROR(r, table, "%s needs \"token\", or [%s] "
		    "\"default_token\"", name, side_name(side));
	reader_say(r, table, "service");
	lex_supply(r->lex, LEX_QUOTED, table->key, table->line, table->column);
	reader_say_mark(r, table, '{');
	reader_say_mark(r, table, '\n');
	if (side == SIDE_SERVER)
		read_listens(r, table, NULL);
	else
		read_target(r, table);
	read_tokens(r, table, scope);
	reader_options(r, table, scope);
	reader_say_mark(r, table, '}');
	reader_say_mark(r, table, '\n');
}

static void
read_services(struct reader *r, const struct toml *block, enum side side)
{
	const struct toml	*services = toml_get(block, "services"), *n;

	if (services == NULL || !reader_is(r, "services", services, TOML_TABLE))
		return;
	TAILQ_FOREACH(n, &services->nodes, entry)
		read_service(r, block, side, n);
}

static const struct toml *
read_transport(struct reader *r, const struct toml *table)
{
	const struct toml	*n = toml_get(table, "transport");

	return (n != NULL && reader_text(r, n->key, n) != NULL ? n : NULL);
}

/*
 * A CDN's address that is dialled for the remote: there is one for WebSocket
 * only, and files for other transports have the key all the same.
 */
static const struct toml *
read_edge(struct reader *r, const struct toml *table,
    const struct toml *transport)
{
	const struct toml	*n = toml_get(table, "edge_ip");
	struct word		 at;
	struct addr		 addr;
	const char		*s;

	if (n == NULL || (s = reader_text(r, n->key, n)) == NULL || *s == '\0')
		return (NULL);
	if (!valid_addr(s, &addr)) {
		VALUE_ERROR(r, n, "\"edge_ip\" takes an IPv4 or IPv6 address, "
		    "not \"%s\"", reader_show(s));
		return (NULL);
	}
	if (transport != NULL &&
	    (transport_find(transport->text) & TRANSPORT_WS))
		return (n);
	memset(&at, 0, sizeof(at));
	at.file = r->file;
	at.line = n->line;
	at.column = n->column;
	lex_warn(r->lex, &at, "\"edge_ip\" has no effect with this transport");
	return (NULL);
}

static void
read_client(struct reader *r, const struct toml *table)
{
	const struct toml	*n = toml_get(table, "client_id");
	struct way		 way;

	require(r, table, "[client]", "remote_addr", "remote_addrs");
	way.transport = read_transport(r, table);
	way.edge = read_edge(r, table, way.transport);
	read_remotes(r, table, &way);
	if (n != NULL && reader_text(r, n->key, n) != NULL) {
		reader_say(r, n, "client id");
		reader_say_text(r, n, n->text);
		reader_say_mark(r, n, '\n');
	}
}

/* One key of a block's outer TLS as the statement of these words. */
static const struct toml *
say_tls(struct reader *r, const struct toml *table, const char *key,
    const char *words)
{
	const struct toml	*n = toml_get(table, key);

	if (n == NULL || reader_text(r, n->key, n) == NULL)
		return (NULL);
	reader_say(r, n, words);
	reader_say_text(r, n, n->text);
	return (n);
}

static void
end_tls(struct reader *r, const struct toml *n)
{
	if (n != NULL)
		reader_say_mark(r, n, '\n');
}

static void
read_tls(struct reader *r, const struct toml *table, enum side side)
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
read_block(struct reader *r, const struct toml *root, enum side side)
{
	const char		*name = table_name(side, NULL);
	const struct toml	*table = toml_get(root, side_name(side));
	uint32_t		 scope;

	if (table == NULL || !reader_is(r, table->key, table, TOML_TABLE))
		return;
	require(r, table, name, "transport", NULL);
	scope = side == SIDE_SERVER ? SCOPE_SERVER : SCOPE_CLIENT;
	reader_say(r, table, side_name(side));
	reader_say_mark(r, table, '{');
	reader_say_mark(r, table, '\n');
	if (side == SIDE_SERVER) {
		require(r, table, name, "bind_addr", "bind_addrs");
		read_listens(r, table, read_transport(r, table));
	} else
		read_client(r, table);
	read_tls(r, table, side);
	read_tokens(r, table, scope);
	reader_options(r, table, scope);
	read_services(r, table, side);
	reader_say_mark(r, table, '}');
	reader_say_mark(r, table, '\n');
}

/* There is one daemon, however many tables say how much it logs. */
static void
read_log_level(struct reader *r, const struct toml *root)
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
			(void)reader_say_option(r, o, n, 0);
		} else if (n->type != first->type ||
		    (n->text != NULL && strcmp(n->text, first->text) != 0))
			VALUE_ERROR(r, n, "another \"log_level\" than at "
			    "%d:%d, for one daemon", first->line,
			    first->column);
	}
}

int
tomlconf_named(const char *path)
{
	size_t	 len = strlen(path), end = strlen(".toml");

	return (len > end && strcmp(path + len - end, ".toml") == 0);
}

static void
text_error(void *arg, int line, int column, const char *words)
{
	struct reader	*r = arg;

	r->errors++;
	reader_error(r, line, column, "%s", words);
}

void
tomlconf_read(struct lex *l, const struct rocketd_conf *conf)
{
	struct reader	 r;
	struct toml	*root;
	const void	*text;
	size_t		 len;

	r.lex = l;
	r.file = TAILQ_LAST(&conf->files, conf_files);
	r.errors = 0;
	text = lex_take(l, &len);
	root = toml_parse(text, len, text_error, &r);
	read_log_level(&r, root);
	reader_options(&r, root, SCOPE_GLOBAL);
	read_block(&r, root, SIDE_SERVER);
	read_block(&r, root, SIDE_CLIENT);
	toml_free(root);
}
