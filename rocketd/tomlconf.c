/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */


/*
 * Configurations in TOML: each key becomes the statement of rocketd.conf(5)
 * that says the same, standing where the key stood, and the grammar does the
 * rest.  So no check, limit or default of a value is written here, only what
 * the keys mean, which of them must be there, and how addresses are written.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../shared/compat.h"
#include "conf.h"
#include "lex.h"
#include "toml.h"
#include "tomlconf.h"

#define BLOCKS		(SCOPE_SERVER | SCOPE_CLIENT)
#define SERVICES	(SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE)
#define DEFAULT		"default_"

#define KEY_MAX		64	/* of a key that is looked up by parts */
#define PORT_MAX	16	/* what is written for a port */
/* One more than there may be, so that the grammar says that it is too many. */
#define ENDPOINTS_MAX	(CONF_LISTENS_MAX + 1)

struct reader {
	struct lex			*lex;
	const struct conf_file		*file;
	int				 errors;	/* of the text itself */
};

struct endpoint {
	const struct toml	*value;
	char			 host[HOST_MAX];
	char			 port[PORT_MAX];
};

/* Keys that are no options. */
static const struct {
	const char	*key;
	uint32_t	 scope;
} keys[] = {
	{ "bind_addr", SCOPE_SERVER | SCOPE_SERVER_SERVICE },
	{ "bind_addrs", SCOPE_SERVER | SCOPE_SERVER_SERVICE },
	{ "client", SCOPE_GLOBAL },
	{ "client_id", SCOPE_CLIENT },
	{ "default_token", BLOCKS },
	{ "default_token_env", BLOCKS },
	{ "default_token_file", BLOCKS },
	{ "edge_ip", SCOPE_CLIENT },
	{ "local_addr", SCOPE_CLIENT_SERVICE },
	{ "local_addrs", SCOPE_CLIENT },
	{ "log_level", SCOPE_GLOBAL | BLOCKS },
	{ "remote_addr", SCOPE_CLIENT },
	{ "remote_addrs", SCOPE_CLIENT },
	{ "server", SCOPE_GLOBAL },
	{ "services", BLOCKS },
	{ "token", BLOCKS | SERVICES },
	{ "token_env", BLOCKS | SERVICES },
	{ "token_file", BLOCKS | SERVICES },
	{ "transport", BLOCKS }
};

/*
 * Keys of options that mean something else than the option table's column
 * says, or different things in different tables.
 */
static const struct meaning {
	const char	*key;
	uint32_t	 scope;
	const char	*options[2];
	int		 inverted;
} meanings[] = {
	{ "keep_alive", BLOCKS | SCOPE_CLIENT_SERVICE,
	    { "keepalive", "tunnel tcp keepalive" }, 0 },
	{ "keep_alive", SCOPE_SERVER_SERVICE, { "tcp keepalive", NULL }, 0 },
	{ "default_keep_alive", BLOCKS, { "tcp keepalive", NULL }, 0 },
	{ "disable_nodelay", BLOCKS, { "tunnel nodelay", NULL }, 1 },
	{ "disable_nodelay", SERVICES, { "nodelay", NULL }, 1 },
	{ "default_disable_nodelay", BLOCKS, { "nodelay", NULL }, 1 },
	{ "mux_receivebuffer", BLOCKS | SERVICES,
	    { "mux receive buffer", NULL }, 0 },
	{ "default_mux_receivebuffer", BLOCKS,
	    { "mux receive buffer", NULL }, 0 }
};

/* ---- errors ---- */

static void
complain(struct reader *r, int line, int column, const char *fmt, ...)
    __attribute__((__format__(printf, 4, 5)));

static void
complain(struct reader *r, int line, int column, const char *fmt, ...)
{
	struct word	 at;
	char		 words[1024];
	va_list		 ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	memset(&at, 0, sizeof(at));
	at.file = r->file;
	at.line = line;
	at.column = column;
	lex_error(r->lex, &at, "%s", words);
}

/* At the key, or at the value. */
#define KEY_ERROR(r, n, ...)						\
	complain((r), (n)->line, (n)->column, __VA_ARGS__)
#define VALUE_ERROR(r, n, ...)						\
	complain((r), (n)->value_line, (n)->value_column, __VA_ARGS__)

static void
text_error(void *arg, int line, int column, const char *words)
{
	struct reader	*r = arg;

	r->errors++;
	complain(r, line, column, "%s", words);
}

/* What the file says, fit for a message; one of a few static buffers. */
static const char *
show(const char *s)
{
	static char	 buf[4][64];
	static int	 next;

	next = (next + 1) % 4;
	return (log_printable(buf[next], sizeof(buf[next]), s, strlen(s)));
}

static int
is(struct reader *r, const char *key, const struct toml *n,
    enum toml_type type)
{
	if (n->type == type)
		return (1);
	VALUE_ERROR(r, n, "\"%s\" takes %s, not %s", show(key),
	    toml_type_name(type), toml_type_name(n->type));
	return (0);
}

/* A string that a statement may have in quotes, or NULL. */
static const char *
get_text(struct reader *r, const char *key, const struct toml *n)
{
	const char	*s;

	if (!is(r, key, n, TOML_STRING))
		return (NULL);
	for (s = n->text; *s != '\0'; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f) {
			VALUE_ERROR(r, n, "a control character in \"%s\"",
			    show(key));
			return (NULL);
		}
	}
	return (n->text);
}

/* ---- words for the grammar ---- */

/* Keywords, with a blank between two. */
static void
say(struct reader *r, const struct toml *at, const char *words)
{
	char	 word[KEY_MAX];
	size_t	 len;

	for (; *words != '\0'; words += len + (words[len] == ' ')) {
		len = strcspn(words, " ");
		snprintf(word, sizeof(word), "%.*s", (int)len, words);
		lex_supply(r->lex, LEX_BARE, word, at->line, at->column);
	}
}

static void
say_mark(struct reader *r, const struct toml *at, int mark)
{
	lex_supply(r->lex, mark, "", at->line, at->column);
}

/* Something that is not to be taken for a keyword. */
static void
say_text(struct reader *r, const struct toml *at, const char *text)
{
	lex_supply(r->lex, LEX_QUOTED, text, at->value_line, at->value_column);
}

/* ---- options ---- */

/* A key as it is where it is no default for others. */
static const char *
without_default(const char *key, uint32_t scope)
{
	size_t	 len = strlen(DEFAULT);

	return ((scope & BLOCKS) != 0 && strncmp(key, DEFAULT, len) == 0 ?
	    key + len : key);
}

static int
is_key(const char *key, uint32_t scope)
{
	size_t	 i;

	for (i = 0; i < nitems(keys); i++)
		if ((keys[i].scope & scope) != 0 &&
		    strcmp(keys[i].key, key) == 0)
			return (1);
	return (0);
}

static const struct meaning *
find_meaning(const char *key, uint32_t scope)
{
	size_t	 i;

	for (i = 0; i < nitems(meanings); i++)
		if ((meanings[i].scope & scope) != 0 &&
		    strcmp(meanings[i].key, key) == 0)
			return (&meanings[i]);
	return (NULL);
}

/* The scopes in which there is such a key. */
static uint32_t
key_scopes(const char *key)
{
	const struct option	*o;
	uint32_t		 scope, found = 0;

	for (scope = SCOPE_GLOBAL; scope <= SCOPE_CLIENT_SERVICE; scope <<= 1) {
		o = option_toml(without_default(key, scope), scope);
		if (is_key(key, scope) || find_meaning(key, scope) != NULL ||
		    o != NULL)
			found |= scope;
	}
	return (found);
}

struct nearest {
	const char	*key;
	uint32_t	 scope;
	char		 name[KEY_MAX];
	size_t		 distance;
};

static void
nearest_try(struct nearest *n, const char *prefix, const char *name,
    uint32_t scope)
{
	char	 buf[KEY_MAX], *s;
	size_t	 distance;

	if ((scope & n->scope) == 0)
		return;
	snprintf(buf, sizeof(buf), "%s%s", prefix, name);
	for (s = buf; (s = strchr(s, ' ')) != NULL;)
		*s = '_';
	distance = option_distance(n->key, buf);
	if (distance < n->distance) {
		n->distance = distance;
		strlcpy(n->name, buf, sizeof(n->name));
	}
}

static void
unknown_key(struct reader *r, const struct toml *n, uint32_t scope)
{
	const struct option	*o;
	struct nearest		 near = { n->key, scope, "", SIZE_MAX };
	char			 places[OPTION_WHY];
	uint32_t		 scopes = key_scopes(n->key);
	size_t			 i;

	if (scopes != 0) {
		option_places(scopes, places, sizeof(places));
		KEY_ERROR(r, n, "\"%s\" does not belong here, but %s",
		    show(n->key), places);
		return;
	}
	for (i = 0; i < nitems(keys); i++)
		nearest_try(&near, "", keys[i].key, keys[i].scope);
	for (i = 0; i < nitems(meanings); i++)
		nearest_try(&near, "", meanings[i].key, meanings[i].scope);
	for (o = options; o < options + noptions; o++) {
		nearest_try(&near, "", o->name, o->scope);
		if (o->toml == NULL)
			continue;
		nearest_try(&near, "", o->toml, o->scope);
		nearest_try(&near, DEFAULT, o->toml, o->scope & BLOCKS);
	}
	if (near.distance == SIZE_MAX)
		KEY_ERROR(r, n, "unknown key \"%s\"", show(n->key));
	else
		KEY_ERROR(r, n, "unknown key \"%s\"; did you mean \"%s\"?",
		    show(n->key), near.name);
}

/* A value as a statement has it in its words; NULL: of a wrong type. */
static const char *
option_text(const struct option *o, const struct toml *v, int inverted,
    char *buf, size_t size)
{
	switch (o->type) {
	case OPT_BOOL:
		return (v->type != TOML_BOOLEAN ? NULL :
		    v->number != inverted ? "yes" : "no");
	case OPT_MILLISECONDS:
		if (v->type == TOML_FLOAT)
			return (v->text);
		/* FALLTHROUGH */
	case OPT_NUMBER:
	case OPT_SIZE:
	case OPT_SECONDS:
		if (v->type != TOML_INTEGER)
			return (NULL);
		snprintf(buf, size, "%lld", (long long)v->number);
		return (buf);
	default:
		return (v->type == TOML_STRING ? v->text : NULL);
	}
}

/* Is it a value for the option?  Tells it of the key, not of the option. */
static int
check_value(struct reader *r, const struct option *o, const char *key,
    const struct toml *v, const char *text)
{
	union {
		struct service_opts	 opts;
		struct rocketd_conf	 conf;
	}		 scratch;
	struct option	 as = *o;
	char		 why[OPTION_WHY];

	memset(&scratch, 0, sizeof(scratch));
	as.name = show(key);
	if (text == NULL) {
		option_range(o, why, sizeof(why));
		VALUE_ERROR(r, v, "\"%s\" takes %s, not %s", as.name,
		    o->type == OPT_BOOL ? "true or false" : why,
		    toml_type_name(v->type));
		return (0);
	}
	/* of strings there are none but paths, which the grammar checks */
	if (o->type == OPT_STRING)
		return (get_text(r, key, v) != NULL);
	if (option_parse(&as, &text, 1, &scratch, why) == 0)
		return (1);
	VALUE_ERROR(r, v, "%s", why);
	return (0);
}

/* A list gives its words one by one. */
static const struct toml *
first_value(const struct option *o, const struct toml *n)
{
	return (o->type == OPT_WORDS && n->type == TOML_ARRAY ?
	    TAILQ_FIRST(&n->nodes) : n);
}

static const struct toml *
next_value(const struct toml *n, const struct toml *v)
{
	return (v == n ? NULL : TAILQ_NEXT(v, entry));
}

static int
say_option(struct reader *r, const struct option *o, const struct toml *n,
    int inverted)
{
	const struct toml	*v;
	char			 buf[32];

	for (v = first_value(o, n); v != NULL; v = next_value(n, v))
		if (!check_value(r, o, n->key, v, option_text(o, v, inverted,
		    buf, sizeof(buf))))
			return (-1);
	say(r, n, o->name);
	for (v = first_value(o, n); v != NULL; v = next_value(n, v))
		say_text(r, v, option_text(o, v, inverted, buf, sizeof(buf)));
	say_mark(r, n, '\n');
	return (0);
}

static void
read_option(struct reader *r, const struct toml *n, uint32_t scope)
{
	const struct meaning	*m = find_meaning(n->key, scope);
	const struct option	*o;
	size_t			 i;

	if (m == NULL) {
		o = option_toml(without_default(n->key, scope), scope);
		if (o == NULL)
			unknown_key(r, n, scope);
		else
			(void)say_option(r, o, n, 0);
		return;
	}
	for (i = 0; i < nitems(m->options) && m->options[i] != NULL; i++)
		if (say_option(r, option_find(m->options[i], scope), n,
		    m->inverted) == -1)
			return;
}

static void
read_options(struct reader *r, const struct toml *table, uint32_t scope)
{
	const struct toml	*n;

	TAILQ_FOREACH(n, &table->nodes, entry)
		if (!is_key(n->key, scope))
			read_option(r, n, scope);
}

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
	const char	*s = get_text(r, key, v);

	e->value = v;
	if (s == NULL)
		return (-1);
	if (parse_endpoint(s, e) == 0)
		return (0);
	VALUE_ERROR(r, v, "\"%s\" takes HOST:PORT, [IPV6]:PORT or :PORT, not "
	    "\"%s\"", show(key), show(s));
	return (-1);
}

/* Adds one, unless it is there. */
static void
add_endpoint(struct reader *r, const char *key, const struct toml *v,
    struct endpoint *list, size_t *n)
{
	size_t	 i;

	if (*n == ENDPOINTS_MAX || read_endpoint(r, key, v, &list[*n]) == -1)
		return;
	for (i = 0; i < *n; i++)
		if (strcmp(list[i].host, list[*n].host) == 0 &&
		    strcmp(list[i].port, list[*n].port) == 0)
			return;
	(*n)++;
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
	if ((n = toml_get(table, many)) != NULL && is(r, many, n, TOML_ARRAY))
		TAILQ_FOREACH(v, &n->nodes, entry)
			add_endpoint(r, many, v, list, &count);
	return (count);
}

static void
say_endpoint(struct reader *r, const char *words, const struct endpoint *e,
    const char *everywhere)
{
	say(r, e->value, words);
	say_text(r, e->value, e->host[0] == '\0' ? everywhere : e->host);
	say(r, e->value, "port");
	say_text(r, e->value, e->port);
}

/* transport: of a block's, or NULL. */
static void
read_listens(struct reader *r, const struct toml *table,
    const struct toml *transport)
{
	struct endpoint	 list[ENDPOINTS_MAX];
	size_t		 n, i;

	n = read_endpoints(r, table, "bind_addr", "bind_addrs", list);
	for (i = 0; i < n; i++) {
		say_endpoint(r, "listen on", &list[i], "*");
		if (transport != NULL) {
			say(r, list[i].value, "transport");
			say_text(r, transport, transport->text);
		}
		say_mark(r, list[i].value, '\n');
	}
}

/* Addresses to connect from; their ports say nothing, and are 0. */
static size_t
read_sources(struct reader *r, const struct toml *table, struct endpoint *list)
{
	const struct toml	*n = toml_get(table, "local_addrs"), *v;
	struct addr		 addr;
	size_t			 count = 0, last;

	if (n == NULL || !is(r, "local_addrs", n, TOML_ARRAY))
		return (0);
	TAILQ_FOREACH(v, &n->nodes, entry) {
		if (v->type == TOML_STRING && count < ENDPOINTS_MAX &&
		    valid_addr(v->text, &addr)) {
			list[count].value = v;
			strlcpy(list[count++].host, v->text, HOST_MAX);
			continue;
		}
		last = count;
		add_endpoint(r, "local_addrs", v, list, &count);
		if (count > last && strcmp(list[last].port, "0") != 0)
			VALUE_ERROR(r, v, "the port of a local address is 0, "
			    "which leaves it to the system, not \"%s\"",
			    show(list[last].port));
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

static void
say_remote(struct reader *r, const struct endpoint *remote,
    const struct toml *transport, const struct endpoint *source)
{
	say_endpoint(r, "connect to", remote, "127.0.0.1");
	if (transport != NULL) {
		say(r, remote->value, "transport");
		say_text(r, transport, transport->text);
	}
	if (source != NULL) {
		say(r, source->value, "from");
		say_text(r, source->value, source->host);
	}
	say_mark(r, remote->value, '\n');
}

/* Each remote from each source that it can be reached from, in their order. */
static void
read_remotes(struct reader *r, const struct toml *table,
    const struct toml *transport)
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
			say_remote(r, &remotes[i], transport, &sources[j]);
			said++;
		}
		/* the grammar says what is wrong with a source of no use */
		if (said++ == 0)
			say_remote(r, &remotes[i], transport,
			    nsources == 0 ? NULL : &sources[0]);
		total += said;
	}
}

/* ---- tables ---- */

/* The name of a table, as in its header. */
static const char *
table_name(enum side side, const char *service)
{
	static char	 buf[2 * KEY_MAX];

	if (service == NULL)
		snprintf(buf, sizeof(buf), "[%s]", side_name(side));
	else
		snprintf(buf, sizeof(buf), "[%s.services.%s]", side_name(side),
		    show(service));
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

	say(r, n, "token");
	if (n->type != TOML_ARRAY) {
		if (kind != NULL)
			say(r, n, kind);
		say_text(r, n, n->text);
	} else {
		say_mark(r, n, '{');
		TAILQ_FOREACH(v, &n->nodes, entry) {
			if (kind != NULL)
				say(r, v, kind);
			say_text(r, v, v->text);
		}
		say_mark(r, n, '}');
	}
	say_mark(r, n, '\n');
}

/* Strings, or an array of them, of which there is at least one? */
static int
check_tokens(struct reader *r, const struct toml *n)
{
	const struct toml	*v;

	if (n->type != TOML_ARRAY)
		return (get_text(r, n->key, n) != NULL);
	if (TAILQ_EMPTY(&n->nodes))
		VALUE_ERROR(r, n, "\"%s\" is empty", show(n->key));
	TAILQ_FOREACH(v, &n->nodes, entry)
		if (get_text(r, n->key, v) == NULL)
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
			if (strcmp(without_default(n->key, scope),
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
		if (get_text(r, n->key, n) == NULL)
			return;
		say(r, n, "forward to unix");
		say_text(r, n, n->text);
	} else {
		if (read_endpoint(r, n->key, n, &e) == -1)
			return;
		say_endpoint(r, "forward to", &e, "127.0.0.1");
	}
	say_mark(r, n, '\n');
}

static void
read_service(struct reader *r, const struct toml *block, enum side side,
    const struct toml *table)
{
	const char	*name = table_name(side, table->key);
	uint32_t	 scope = side == SIDE_SERVER ? SCOPE_SERVER_SERVICE :
			    SCOPE_CLIENT_SERVICE;

	if (!is(r, table->key, table, TOML_TABLE))
		return;
	if (side == SIDE_SERVER)
		require(r, table, name, "bind_addr", "bind_addrs");
	else
		require(r, table, name, "local_addr", NULL);
	if (r->errors == 0 && !has_token(table) && !has_default_token(block))
		KEY_ERROR(r, table, "%s needs \"token\", or [%s] "
		    "\"default_token\"", name, side_name(side));
	say(r, table, "service");
	lex_supply(r->lex, LEX_QUOTED, table->key, table->line, table->column);
	say_mark(r, table, '{');
	say_mark(r, table, '\n');
	if (side == SIDE_SERVER)
		read_listens(r, table, NULL);
	else
		read_target(r, table);
	read_tokens(r, table, scope);
	read_options(r, table, scope);
	say_mark(r, table, '}');
	say_mark(r, table, '\n');
}

static void
read_services(struct reader *r, const struct toml *block, enum side side)
{
	const struct toml	*services = toml_get(block, "services"), *n;

	if (services == NULL || !is(r, "services", services, TOML_TABLE))
		return;
	TAILQ_FOREACH(n, &services->nodes, entry)
		read_service(r, block, side, n);
}

static const struct toml *
read_transport(struct reader *r, const struct toml *table)
{
	const struct toml	*n = toml_get(table, "transport");

	return (n != NULL && get_text(r, n->key, n) != NULL ? n : NULL);
}

/* Where a CDN's address is dialled; nothing without one in between. */
static void
read_edge(struct reader *r, const struct toml *table)
{
	const struct toml	*n = toml_get(table, "edge_ip");
	struct word		 at;
	struct addr		 addr;
	const char		*s;

	if (n == NULL || (s = get_text(r, n->key, n)) == NULL || *s == '\0')
		return;
	if (!valid_addr(s, &addr)) {
		VALUE_ERROR(r, n, "\"edge_ip\" takes an IPv4 or IPv6 address, "
		    "not \"%s\"", show(s));
		return;
	}
	memset(&at, 0, sizeof(at));
	at.file = r->file;
	at.line = n->line;
	at.column = n->column;
	lex_warn(r->lex, &at, "\"edge_ip\" has no effect with this transport");
}

static void
read_client(struct reader *r, const struct toml *table)
{
	const struct toml	*n = toml_get(table, "client_id");

	require(r, table, "[client]", "remote_addr", "remote_addrs");
	read_remotes(r, table, read_transport(r, table));
	read_edge(r, table);
	if (n != NULL && get_text(r, n->key, n) != NULL) {
		say(r, n, "client id");
		say_text(r, n, n->text);
		say_mark(r, n, '\n');
	}
}

static void
read_block(struct reader *r, const struct toml *root, enum side side)
{
	const char		*name = table_name(side, NULL);
	const struct toml	*table = toml_get(root, side_name(side));
	uint32_t		 scope;

	if (table == NULL || !is(r, table->key, table, TOML_TABLE))
		return;
	require(r, table, name, "transport", NULL);
	scope = side == SIDE_SERVER ? SCOPE_SERVER : SCOPE_CLIENT;
	say(r, table, side_name(side));
	say_mark(r, table, '{');
	say_mark(r, table, '\n');
	if (side == SIDE_SERVER) {
		require(r, table, name, "bind_addr", "bind_addrs");
		read_listens(r, table, read_transport(r, table));
	} else
		read_client(r, table);
	read_tokens(r, table, scope);
	read_options(r, table, scope);
	read_services(r, table, side);
	say_mark(r, table, '}');
	say_mark(r, table, '\n');
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
			(void)say_option(r, o, n, 0);
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
	read_options(&r, root, SCOPE_GLOBAL);
	read_block(&r, root, SIDE_SERVER);
	read_block(&r, root, SIDE_CLIENT);
	toml_free(root);
}
