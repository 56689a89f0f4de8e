/* SPDX-License-Identifier: ISC */

/*
 * See tomlsay.h.  Knows no key of any program.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "conf.h"
#include "lex.h"
#include "toml.h"
#include "tomlsay.h"

#define BLOCKS		(SCOPE_SERVER | SCOPE_CLIENT)

#define KEY_MAX		64	/* of a key to find */

void
tomlsay_error(struct tomlsay *r, int line, int column, const char *fmt, ...)
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

void
tomlsay_warn(struct tomlsay *r, const struct toml *n, const char *fmt, ...)
{
	struct word	 at;
	char		 words[1024];
	va_list		 ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	memset(&at, 0, sizeof(at));
	at.file = r->file;
	at.line = n->line;
	at.column = n->column;
	lex_warn(r->lex, &at, words);
}

/* Text of the file made fit for a message; one of a few static buffers. */
const char *
tomlsay_show(const char *s)
{
	static char	 buf[4][64];
	static int	 next;

	next = (next + 1) % 4;
	return (log_printable(buf[next], sizeof(buf[next]), s, strlen(s)));
}

int
tomlsay_is(struct tomlsay *r, const char *key, const struct toml *n,
    enum toml_type type)
{
	if (n->type == type)
		return (1);
	VALUE_ERROR(r, n, "\"%s\" takes %s, not %s", tomlsay_show(key),
	    toml_type_name(type), toml_type_name(n->type));
	return (0);
}

/* A string that a statement may have in quotes, or NULL. */
const char *
tomlsay_string(struct tomlsay *r, const char *key, const struct toml *n)
{
	const char	*s;

	if (!tomlsay_is(r, key, n, TOML_STRING))
		return (NULL);
	for (s = n->text; *s != '\0'; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f) {
			VALUE_ERROR(r, n, "a control character in \"%s\"",
			    tomlsay_show(key));
			return (NULL);
		}
	}
	return (n->text);
}

/* ---- words for the grammar ---- */

/* Keywords, with a blank between two. */
void
tomlsay_words(struct tomlsay *r, const struct toml *at, const char *words)
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
tomlsay_mark(struct tomlsay *r, const struct toml *at, int mark)
{
	lex_supply(r->lex, mark, "", at->line, at->column);
}

void
tomlsay_statement(struct tomlsay *r, const struct toml *at, const char *name,
    const char *value)
{
	tomlsay_words(r, at, name);
	tomlsay_text(r, at, value);
	tomlsay_mark(r, at, '\n');
}

/* Something that must not be taken for a keyword. */
void
tomlsay_text(struct tomlsay *r, const struct toml *at, const char *text)
{
	lex_supply(r->lex, LEX_QUOTED, text, at->value_line, at->value_column);
}

const char *
tomlsay_path(struct tomlsay *r, const char *path)
{
	static char	 buf[2 * HOST_MAX];
	const char	*file = r->file->path;
	const char	*slash = strrchr(file, '/');
	char		*cwd = NULL;
	int		 dir = slash == NULL ? 0 : (int)(slash - file) + 1;

	if (path[0] == '/')
		return (path);
	/* one that stays relative is refused */
	if (file[0] != '/' && (cwd = getcwd(NULL, 0)) == NULL)
		return (path);
	/* and so is one that does not fit, being longer than any may be */
	snprintf(buf, sizeof(buf), "%s%s%.*s%s", cwd != NULL ? cwd : "",
	    cwd != NULL ? "/" : "", dir, file, path);
	free(cwd);
	return (buf);
}

void
tomlsay_rule(struct tomlsay *r, const struct toml *v)
{
	char	 buf[LEX_WORD_MAX], *word, *rest = buf;

	if (tomlsay_string(r, "targets", v) == NULL)
		return;
	if (strlcpy(buf, v->text, sizeof(buf)) >= sizeof(buf)) {
		VALUE_ERROR(r, v, "a rule of \"targets\" is too long");
		return;
	}
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0')
			(void)lex_supply(r->lex, LEX_BARE, word,
			    v->value_line, v->value_column);
	tomlsay_mark(r, v, '\n');
}

/* ---- options ---- */

/* The row of a key, or NULL; known: some scope has it. */
static const struct toml_key *
find_row(const struct toml_keys *k, const char *key, uint32_t scope,
    int *known)
{
	size_t	 i;

	*known = 0;
	for (i = 0; i < k->nkeys; i++) {
		if (strcmp(k->keys[i].key, key) != 0)
			continue;
		*known = 1;
		if ((k->keys[i].scope & scope) != 0)
			return (&k->keys[i]);
	}
	return (NULL);
}

/*
 * What a key means in that scope, as a row: found, or made from the option of
 * that name.  -1: nothing.
 */
static int
find_key(const struct toml_keys *k, const char *key, uint32_t scope,
    struct toml_key *found)
{
	const struct toml_key	*row;
	const struct option	*o;
	size_t			 len = strlen(k->prefix);
	int			 known, bare;

	row = find_row(k, key, scope, &known);
	bare = (scope & BLOCKS) != 0 && strncmp(key, k->prefix, len) == 0;
	if (!known && bare) {
		key += len;
		row = find_row(k, key, scope, &known);
		if (row != NULL && row->own)
			return (-1);
	}
	if (row != NULL) {
		*found = *row;
		return (0);
	}
	if (known || (o = option_key(key, scope)) == NULL)
		return (-1);
	memset(found, 0, sizeof(*found));
	found->options[0] = o->name;
	return (0);
}

int
tomlsay_known(const struct toml_keys *k, const char *key, uint32_t scope)
{
	struct toml_key	 found;

	return (find_key(k, key, scope, &found) == 0);
}

/* The scopes in which there is such a key. */
static uint32_t
key_scopes(const struct toml_keys *k, const char *key)
{
	uint32_t	 scope, scopes = 0;

	for (scope = SCOPE_GLOBAL; scope <= SCOPE_CLIENT_SERVICE; scope <<= 1)
		if (tomlsay_known(k, key, scope))
			scopes |= scope;
	return (scopes);
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

/* Compares all names. */
static void
nearest_find(struct nearest *n, const struct toml_keys *k)
{
	const struct toml_key	*row;
	const struct option	*o;
	size_t			 i, len = strlen(k->prefix);

	for (i = 0; i < k->nkeys; i++) {
		row = &k->keys[i];
		nearest_try(n, "", row->key, row->scope);
		if (!row->own && strncmp(row->key, k->prefix, len) != 0)
			nearest_try(n, k->prefix, row->key,
			    row->scope & BLOCKS);
	}
	for (o = options; o < options + noptions; o++)
		nearest_try(n, "", o->name, o->scope);
}

static void
unknown_key(struct tomlsay *r, const struct toml *n, uint32_t scope)
{
	struct nearest	 near = { n->key, scope, "", SIZE_MAX };
	char		 places[OPTION_WHY];
	uint32_t	 scopes = key_scopes(r->keys, n->key);

	if (scopes != 0) {
		option_places(scopes, places, sizeof(places));
		KEY_ERROR(r, n, "\"%s\" does not belong here, but %s",
		    tomlsay_show(n->key), places);
		return;
	}
	nearest_find(&near, r->keys);
	if (near.distance == SIZE_MAX)
		KEY_ERROR(r, n, "unknown key \"%s\"", tomlsay_show(n->key));
	else
		KEY_ERROR(r, n, "unknown key \"%s\"; did you mean \"%s\"?",
		    tomlsay_show(n->key), near.name);
}

/* A value as a statement writes it; NULL: its type is wrong. */
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

/* Is it a value for the option?  Errors name the key, not the option. */
static int
check_value(struct tomlsay *r, const struct option *o, const char *key,
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
	as.name = tomlsay_show(key);
	if (text == NULL) {
		option_range(o, why, sizeof(why));
		VALUE_ERROR(r, v, "\"%s\" takes %s, not %s", as.name,
		    o->type == OPT_BOOL ? "true or false" : why,
		    toml_type_name(v->type));
		return (0);
	}
	/* all strings are paths, which the grammar checks */
	if (o->type == OPT_STRING)
		return (tomlsay_string(r, key, v) != NULL);
	if (option_parse(&as, &text, 1, &scratch, why) == 0)
		return (1);
	VALUE_ERROR(r, v, "%s", why);
	return (0);
}

/* Says the words of a list one by one. */
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
tomlsay_option(struct tomlsay *r, const struct option *o,
    const struct toml *n, int inverted)
{
	const struct toml	*v;
	char			 buf[32];

	for (v = first_value(o, n); v != NULL; v = next_value(n, v))
		if (!check_value(r, o, n->key, v, option_text(o, v, inverted,
		    buf, sizeof(buf))))
			return (-1);
	tomlsay_words(r, n, o->name);
	for (v = first_value(o, n); v != NULL; v = next_value(n, v))
		tomlsay_text(r, v, option_text(o, v, inverted, buf,
		    sizeof(buf)));
	tomlsay_mark(r, n, '\n');
	return (0);
}

static void
read_key(struct tomlsay *r, const struct toml *n, uint32_t scope)
{
	struct toml_key	 key;
	size_t		 i;

	if (find_key(r->keys, n->key, scope, &key) == -1) {
		unknown_key(r, n, scope);
		return;
	}
	if (key.own)
		return;
	for (i = 0; i < nitems(key.options) && key.options[i] != NULL; i++)
		if (tomlsay_option(r, option_find(key.options[i], scope), n,
		    key.inverted) == -1)
			return;
}

void
tomlsay_options(struct tomlsay *r, const struct toml *table, uint32_t scope)
{
	const struct toml	*n;

	TAILQ_FOREACH(n, &table->nodes, entry)
		read_key(r, n, scope);
}
