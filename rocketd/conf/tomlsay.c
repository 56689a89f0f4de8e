/* SPDX-License-Identifier: ISC */

/*
 * What the reader of TOML configurations stands on: errors at their places,
 * words for the grammar, and the keys of options.  Which keys there are, in
 * which tables, is known here alone.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "lex.h"
#include "toml.h"
#include "tomlsay.h"

#define BLOCKS		(SCOPE_SERVER | SCOPE_CLIENT)
#define SERVICES	(SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE)
#define DEFAULT		"default_"

#define KEY_MAX		64	/* of a key that is looked for */

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
	{ "proxies", SCOPE_SERVER },
	{ "remote_addr", SCOPE_CLIENT },
	{ "remote_addrs", SCOPE_CLIENT },
	{ "server", SCOPE_GLOBAL },
	{ "services", BLOCKS },
	{ "tls_ca", BLOCKS },
	{ "tls_cert", BLOCKS },
	{ "tls_key", BLOCKS },
	{ "tls_name", SCOPE_CLIENT },
	{ "tls_pin", SCOPE_CLIENT },
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

void
reader_error(struct reader *r, int line, int column, const char *fmt, ...)
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

/* What the file says, fit for a message; one of a few static buffers. */
const char *
reader_show(const char *s)
{
	static char	 buf[4][64];
	static int	 next;

	next = (next + 1) % 4;
	return (log_printable(buf[next], sizeof(buf[next]), s, strlen(s)));
}

int
reader_is(struct reader *r, const char *key, const struct toml *n,
    enum toml_type type)
{
	if (n->type == type)
		return (1);
	VALUE_ERROR(r, n, "\"%s\" takes %s, not %s", reader_show(key),
	    toml_type_name(type), toml_type_name(n->type));
	return (0);
}

/* A string that a statement may have in quotes, or NULL. */
const char *
reader_text(struct reader *r, const char *key, const struct toml *n)
{
	const char	*s;

	if (!reader_is(r, key, n, TOML_STRING))
		return (NULL);
	for (s = n->text; *s != '\0'; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f) {
			VALUE_ERROR(r, n, "a control character in \"%s\"",
			    reader_show(key));
			return (NULL);
		}
	}
	return (n->text);
}

/* ---- words for the grammar ---- */

/* Keywords, with a blank between two. */
void
reader_say(struct reader *r, const struct toml *at, const char *words)
{
	char	 word[KEY_MAX];
	size_t	 len;

	for (; *words != '\0'; words += len + (words[len] == ' ')) {
		len = strcspn(words, " ");
		snprintf(word, sizeof(word), "%.*s", (int)len, words);
		lex_supply(r->lex, LEX_BARE, word, at->line, at->column);
	}
}

void
reader_say_mark(struct reader *r, const struct toml *at, int mark)
{
	lex_supply(r->lex, mark, "", at->line, at->column);
}

/* Something that is not to be taken for a keyword. */
void
reader_say_text(struct reader *r, const struct toml *at, const char *text)
{
	lex_supply(r->lex, LEX_QUOTED, text, at->value_line, at->value_column);
}

/* ---- options ---- */

/* A key as it is where it is no default for others. */
const char *
reader_plain(const char *key, uint32_t scope)
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
		o = option_toml(reader_plain(key, scope), scope);
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
		    reader_show(n->key), places);
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
		KEY_ERROR(r, n, "unknown key \"%s\"", reader_show(n->key));
	else
		KEY_ERROR(r, n, "unknown key \"%s\"; did you mean \"%s\"?",
		    reader_show(n->key), near.name);
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
		struct web_opts		 web;
	}		 scratch;
	struct option	 as = *o;
	char		 why[OPTION_WHY];

	memset(&scratch, 0, sizeof(scratch));
	as.name = reader_show(key);
	if (text == NULL) {
		option_range(o, why, sizeof(why));
		VALUE_ERROR(r, v, "\"%s\" takes %s, not %s", as.name,
		    o->type == OPT_BOOL ? "true or false" : why,
		    toml_type_name(v->type));
		return (0);
	}
	/* of strings there are none but paths, which the grammar checks */
	if (o->type == OPT_STRING)
		return (reader_text(r, key, v) != NULL);
	if (option_parse(&as, &text, 1, &scratch, why) == 0)
		return (1);
	VALUE_ERROR(r, v, "%s", why);
	return (0);
}

/* A list gives its words one by one. */
static const struct toml *
first_value(const struct option *o, const struct toml *n)
{
	return ((o->type == OPT_WORDS || o->type == OPT_TEXTS) &&
	    n->type == TOML_ARRAY ? TAILQ_FIRST(&n->nodes) : n);
}

static const struct toml *
next_value(const struct toml *n, const struct toml *v)
{
	return (v == n ? NULL : TAILQ_NEXT(v, entry));
}

int
reader_say_option(struct reader *r, const struct option *o,
    const struct toml *n, int inverted)
{
	const struct toml	*v;
	char			 buf[32];

	for (v = first_value(o, n); v != NULL; v = next_value(n, v))
		if (!check_value(r, o, n->key, v, option_text(o, v, inverted,
		    buf, sizeof(buf))))
			return (-1);
	reader_say(r, n, o->name);
	for (v = first_value(o, n); v != NULL; v = next_value(n, v))
		reader_say_text(r, v, option_text(o, v, inverted, buf,
		    sizeof(buf)));
	reader_say_mark(r, n, '\n');
	return (0);
}

static void
read_option(struct reader *r, const struct toml *n, uint32_t scope)
{
	const struct meaning	*m = find_meaning(n->key, scope);
	const struct option	*o;
	size_t			 i;

	if (m == NULL) {
		o = option_toml(reader_plain(n->key, scope), scope);
		if (o == NULL)
			unknown_key(r, n, scope);
		else
			(void)reader_say_option(r, o, n, 0);
		return;
	}
	for (i = 0; i < nitems(m->options) && m->options[i] != NULL; i++)
		if (reader_say_option(r, option_find(m->options[i], scope), n,
		    m->inverted) == -1)
			return;
}

void
reader_options(struct reader *r, const struct toml *table, uint32_t scope)
{
	const struct toml	*n;

	TAILQ_FOREACH(n, &table->nodes, entry)
		if (!is_key(n->key, scope))
			read_option(r, n, scope);
}
