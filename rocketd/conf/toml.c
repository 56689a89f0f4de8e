/* SPDX-License-Identifier: ISC */

/*
 * A parser of TOML 1.0, by recursive descent.  Knows nothing of what the keys
 * mean.  After an error it goes on with the next line that can begin a
 * statement.  Whatever the text holds, it ends, within the limits below; what
 * it has read is wiped: any string may be a token.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "toml.h"

#define TOML_DEPTH_MAX	16	/* values in values, and parts of a key */
/* Of one table: they are searched one by one. */
#define TOML_KEYS_MAX	1024
#define TOML_NODES_MAX	65536	/* in all, each some 150 octets */

struct place {
	int	 line;
	int	 column;
};

struct parser {
	const uint8_t	*text;
	size_t		 len;
	size_t		 off;
	size_t		 bol;		/* where the line begins */
	int		 line;
	toml_error	*error;
	void		*arg;
	struct toml	*root;
	struct toml	*table;		/* that keys are added to */
	struct toml	*lost;		/* for keys below a faulty header */
	/*
	 * A string or key while it is read, in as many octets as the text has:
	 * its value is never longer than its notation.
	 */
	char		*buf;
	size_t		 nodes;
	int		 depth;		/* of brackets; not 0 after errors */
};

struct key {
	char		*part[TOML_DEPTH_MAX];
	struct place	 at[TOML_DEPTH_MAX];
	size_t		 n;
};

static int	 read_value(struct parser *, struct toml *);

static int
fail(struct parser *p, struct place at, const char *fmt, ...)
{
	char	 words[512];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	p->error(p->arg, at.line, at.column, words);
	return (-1);
}

/* A key, fit for a message; one of a few static buffers. */
static const char *
show(const char *key)
{
	static char	 buf[2][64];
	static int	 next;

	next = !next;
	return (log_printable(buf[next], sizeof(buf[next]), key, strlen(key)));
}

/* ---- the tree ---- */

static void *
allocate(size_t size)
{
	void	*p;

	if ((p = calloc(1, size)) == NULL)
		fatal("%s", __func__);
	return (p);
}

static char *
copy(const char *s, size_t len)
{
	char	*p = allocate(len + 1);

	memcpy(p, s, len);
	return (p);
}

static struct toml *
node_new(enum toml_type type, enum toml_made made, struct place at)
{
	struct toml	*n = allocate(sizeof(*n));

	n->type = type;
	n->made = made;
	n->line = n->value_line = at.line;
	n->column = n->value_column = at.column;
	TAILQ_INIT(&n->nodes);
	return (n);
}

void
toml_free(struct toml *n)
{
	struct toml	*child;

	if (n == NULL)
		return;
	while ((child = TAILQ_FIRST(&n->nodes)) != NULL) {
		TAILQ_REMOVE(&n->nodes, child, entry);
		toml_free(child);
	}
	if (n->text != NULL)
		freezero(n->text, n->len);
	free(n->key);
	free(n);
}

struct toml *
toml_get(const struct toml *table, const char *key)
{
	struct toml	*n;

	TAILQ_FOREACH(n, &table->nodes, entry)
		if (n->key != NULL && strcmp(n->key, key) == 0)
			return (n);
	return (NULL);
}

const char *
toml_type_name(enum toml_type type)
{
	switch (type) {
	case TOML_STRING:
		return ("a string");
	case TOML_INTEGER:
		return ("an integer");
	case TOML_FLOAT:
		return ("a float");
	case TOML_BOOLEAN:
		return ("a boolean");
	case TOML_DATE:
		return ("a date or time");
	case TOML_ARRAY:
		return ("an array");
	case TOML_TABLE:
		return ("a table");
	}
	return ("nothing");
}

/* Takes the node; key NULL: an element of an array. */
static int
node_add(struct parser *p, struct toml *parent, const char *key,
    struct toml *n)
{
	struct place	 at = { n->line, n->column };

	if (p->nodes == TOML_NODES_MAX || (key != NULL &&
	    parent->count == TOML_KEYS_MAX)) {
		toml_free(n);
		return (fail(p, at, "more than %d %s", p->nodes ==
		    TOML_NODES_MAX ? TOML_NODES_MAX : TOML_KEYS_MAX,
		    p->nodes == TOML_NODES_MAX ? "values in all" :
		    "keys in a table"));
	}
	if (key != NULL)
		n->key = copy(key, strlen(key));
	TAILQ_INSERT_TAIL(&parent->nodes, n, entry);
	parent->count++;
	p->nodes++;
	return (0);
}

static struct toml *
table_add(struct parser *p, struct toml *parent, const struct key *k,
    size_t i, enum toml_made made)
{
	struct toml	*n = node_new(TOML_TABLE, made, k->at[i]);

	return (node_add(p, parent, k->part[i], n) == -1 ? NULL : n);
}

static int
given_before(struct parser *p, const struct key *k, size_t i,
    const struct toml *n)
{
	return (fail(p, k->at[i], "\"%s\" was given before, at %d:%d",
	    show(k->part[i]), n->line, n->column));
}

/* ---- octets ---- */

static int
peek_at(const struct parser *p, size_t n)
{
	return (p->off + n < p->len ? p->text[p->off + n] : -1);
}

static int
peek(const struct parser *p)
{
	return (peek_at(p, 0));
}

static void
pass(struct parser *p)
{
	if (p->text[p->off++] == '\n') {
		p->line++;
		p->bol = p->off;
	}
}

static struct place
here(const struct parser *p)
{
	struct place	 at = { p->line, (int)(p->off - p->bol) + 1 };

	return (at);
}

/* Does a line end here? */
static int
newline(const struct parser *p)
{
	return (peek(p) == '\n' || (peek(p) == '\r' && peek_at(p, 1) == '\n'));
}

static void
pass_line(struct parser *p)
{
	while (peek(p) != -1 && peek(p) != '\n')
		pass(p);
	if (peek(p) != -1)
		pass(p);
}

static void
blanks(struct parser *p)
{
	while (peek(p) == ' ' || peek(p) == '\t')
		pass(p);
}

/* Blanks, comments and ends of lines. */
static void
gap(struct parser *p)
{
	for (;;) {
		blanks(p);
		if (newline(p) || peek(p) == '#')
			pass_line(p);
		else
			return;
	}
}

static int
bare(int c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    toml_digit(c, 10) != -1 || c == '_' || c == '-');
}

/* Length of the character that begins here; 0: it is not UTF-8. */
static size_t
utf8_len(const uint8_t *s, size_t len)
{
	static const uint32_t	 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t		 c;
	size_t			 n, i;

	if (s[0] < 0x80)
		return (1);
	n = s[0] >= 0xf8 ? 0 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 :
	    s[0] >= 0xc0 ? 2 : 0;
	if (n == 0 || n > len)
		return (0);
	c = s[0] & (0x7fU >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return (0);
		c = c << 6 | (s[i] & 0x3f);
	}
	return (c < least[n] || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff) ? 0 : n);
}

static size_t
utf8_put(char *s, uint32_t c)
{
	size_t	 n, i;

	if (c < 0x80) {
		s[0] = (char)c;
		return (1);
	}
	n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (i = n - 1; i > 0; i--) {
		s[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	s[0] = (char)((0xf00U >> n & 0xff) | c);
	return (n);
}

/* Reports characters that are allowed nowhere, one a line. */
static void
check_octets(struct parser *p)
{
	size_t	 n;
	int	 c, told = 0;

	while ((c = peek(p)) != -1) {
		n = utf8_len(p->text + p->off, p->len - p->off);
		if (n == 0 && !told)
			told = fail(p, here(p), "octet 0x%02x is not UTF-8",
			    (unsigned int)c);
		else if (((c < ' ' && c != '\t' && !newline(p)) ||
		    c == 0x7f) && !told)
			told = fail(p, here(p), "control character 0x%02x",
			    (unsigned int)c);
		if (c == '\n')
			told = 0;
		pass(p);
		if (n > 1)
			p->off += n - 1;
	}
}

/* ---- strings and keys ---- */

static int
read_unicode(struct parser *p, struct place at, int digits, size_t *len)
{
	uint32_t	 c = 0;
	int		 d;

	while (digits-- > 0) {
		if ((d = toml_digit(peek(p), 16)) == -1)
			return (fail(p, at, "after \\u there are four "
			    "hexadecimal digits, after \\U eight"));
		c = c << 4 | (uint32_t)d;
		pass(p);
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return (fail(p, at, "\\%s is not a character that may be here",
		    c == 0 ? "u0000" : "u of a surrogate or above 10FFFF"));
	*len += utf8_put(p->buf + *len, c);
	return (0);
}

static int
read_escape(struct parser *p, int many, size_t *len)
{
	static const char	 letters[] = "btnfr\"\\";
	static const char	 meant[] = "\b\t\n\f\r\"\\";
	const char		*l;
	struct place		 at = here(p);
	int			 c;

	pass(p);
	c = peek(p);
	if (c > 0 && (l = strchr(letters, c)) != NULL) {
		p->buf[(*len)++] = meant[l - letters];
		pass(p);
		return (0);
	}
	if (c == 'u' || c == 'U') {
		pass(p);
		return (read_unicode(p, at, c == 'u' ? 4 : 8, len));
	}
	if (many)
		blanks(p);
	if (!many || !newline(p))
		return (fail(p, at, "no such escape; a backslash is \\\\, or "
		    "stands in single quotes"));
	/* up to the next character that is not one of these */
	while (blanks(p), newline(p))
		pass_line(p);
	return (0);
}

static size_t
quotes(const struct parser *p, int quote)
{
	size_t	 n = 0;

	while (n < 5 && peek_at(p, n) == quote)
		n++;
	return (n);
}

/* Is this the closing quote?  Passes over all of it. */
static int
read_closing(struct parser *p, int quote, int many, size_t *len)
{
	size_t	 n = quotes(p, quote);

	if (many && n < 3)
		return (0);
	/* two more may stand before the three */
	for (; n > (many ? 3 : 1) && many; n--) {
		p->buf[(*len)++] = (char)quote;
		pass(p);
	}
	for (n = many ? 3 : 1; n > 0; n--)
		pass(p);
	return (1);
}

/* A string of any kind into p->buf. */
static int
read_string(struct parser *p, size_t *len)
{
	struct place	 at = here(p);
	int		 c, quote = peek(p), many = quotes(p, quote) >= 3;

	*len = 0;
	for (c = many ? 3 : 1; c > 0; c--)
		pass(p);
	if (many && newline(p))
		pass_line(p);
	for (;;) {
		c = peek(p);
		if (c == -1 || (!many && newline(p)))
			return (fail(p, at, many ? "the string is not closed" :
			    "the string does not end in its line"));
		if (c == quote && read_closing(p, quote, many, len))
			return (0);
		if (c == '\\' && quote == '"') {
			if (read_escape(p, many, len) == -1)
				return (-1);
			continue;
		}
		/* CR LF in the text is read as LF */
		if (!newline(p) || c == '\n')
			p->buf[(*len)++] = (char)c;
		pass(p);
	}
}

static void
key_free(struct key *k)
{
	while (k->n > 0)
		free(k->part[--k->n]);
}

static int
read_part(struct parser *p, struct key *k)
{
	struct place	 at = here(p);
	size_t		 len = 0;
	int		 c = peek(p);

	if (k->n == TOML_DEPTH_MAX)
		return (fail(p, at, "more than %d parts in a key",
		    TOML_DEPTH_MAX));
	if (c == '"' || c == '\'') {
		if (quotes(p, c) >= 3)
			return (fail(p, at, "a key must be on one line"));
		if (read_string(p, &len) == -1)
			return (-1);
	} else {
		for (; bare(c = peek(p)); pass(p))
			p->buf[len++] = (char)c;
		if (len == 0)
			return (fail(p, at, "a key is expected here: letters, "
			    "digits, '_' and '-', or in quotes"));
	}
	k->at[k->n] = at;
	k->part[k->n++] = copy(p->buf, len);
	return (0);
}

/* k has to be freed, even after a failure. */
static int
read_key(struct parser *p, struct key *k)
{
	k->n = 0;
	for (;;) {
		if (read_part(p, k) == -1)
			return (-1);
		blanks(p);
		if (peek(p) != '.')
			return (0);
		pass(p);
		blanks(p);
	}
}

/* ---- values ---- */

static int
read_scalar(struct parser *p, struct toml *n)
{
	struct place	 at = here(p);
	const char	*fault;
	size_t		 len = 0;
	int		 c;

	for (;;) {
		c = peek(p);
		/* a date may have a blank before its time */
		if (!bare(c) && c != '+' && c != '.' && c != ':' &&
		    (c != ' ' || len != 10 || p->buf[4] != '-' ||
		    toml_digit(peek_at(p, 1), 10) == -1))
			break;
		p->buf[len++] = (char)c;
		pass(p);
	}
	p->buf[len] = '\0';
	if (len == 0)
		return (fail(p, at, "a value is expected here"));
	if ((fault = toml_scalar(p->buf, n)) != NULL)
		return (fail(p, at, "%s", fault));
	return (0);
}

static int
read_array(struct parser *p, struct toml *n)
{
	struct place	 at = here(p);
	struct toml	*e;

	pass(p);
	n->type = TOML_ARRAY;
	for (;;) {
		gap(p);
		if (peek(p) == ']')
			break;
		if (peek(p) == -1)
			return (fail(p, at, "the array is not closed"));
		e = node_new(TOML_TABLE, TOML_BY_VALUE, here(p));
		if (read_value(p, e) == -1) {
			toml_free(e);
			return (-1);
		}
		if (node_add(p, n, NULL, e) == -1)
			return (-1);
		gap(p);
		if (peek(p) == ',')
			pass(p);
		else if (peek(p) != ']')
			return (peek(p) == -1 ?
			    fail(p, at, "the array is not closed") :
			    fail(p, here(p), "\",\" or \"]\" is expected in "
			    "the array that begins at %d:%d", at.line,
			    at.column));
	}
	pass(p);
	return (0);
}

/* Puts n where the key says, in table or below it; takes n. */
static int
add_dotted(struct parser *p, struct toml *table, const struct key *k,
    struct toml *n)
{
	struct toml	*next = NULL;
	size_t		 i;

	for (i = 0; i < k->n; i++) {
		next = toml_get(table, k->part[i]);
		if (i == k->n - 1)
			break;
		if (next == NULL)
			next = table_add(p, table, k, i, TOML_BY_DOTS);
		else if (next->type != TOML_TABLE ||
		    next->made != TOML_BY_DOTS) {
			toml_free(n);
			return (given_before(p, k, i, next));
		}
		if (next == NULL) {
			toml_free(n);
			return (-1);
		}
		table = next;
	}
	if (next != NULL) {
		toml_free(n);
		return (given_before(p, k, i, next));
	}
	return (node_add(p, table, k->part[i], n));
}

static int
read_assignment(struct parser *p, struct toml *table)
{
	struct key	 k;
	struct toml	*n;
	int		 status = -1;

	if (read_key(p, &k) == -1)
		goto done;
	if (peek(p) != '=') {
		(void)fail(p, here(p), "\"=\" is expected after the key");
		goto done;
	}
	pass(p);
	blanks(p);
	n = node_new(TOML_TABLE, TOML_BY_VALUE, k.at[k.n - 1]);
	if (read_value(p, n) == -1)
		toml_free(n);
	else
		status = add_dotted(p, table, &k, n);
 done:
	key_free(&k);
	return (status);
}

static int
read_inline(struct parser *p, struct toml *n)
{
	struct place	 at = here(p);

	pass(p);
	n->type = TOML_TABLE;
	blanks(p);
	if (peek(p) == '}') {
		pass(p);
		return (0);
	}
	for (;;) {
		if (read_assignment(p, n) == -1)
			return (-1);
		blanks(p);
		if (peek(p) == '}')
			break;
		if (peek(p) != ',')
			return (fail(p, here(p), "\",\" or \"}\" is expected "
			    "in the table that begins at %d:%d", at.line,
			    at.column));
		pass(p);
		blanks(p);
	}
	pass(p);
	return (0);
}

static int
read_value(struct parser *p, struct toml *n)
{
	struct place	 at = here(p);
	int		 c = peek(p), status;

	n->value_line = at.line;
	n->value_column = at.column;
	if (c == '"' || c == '\'') {
		if (read_string(p, &n->len) == -1)
			return (-1);
		n->type = TOML_STRING;
		n->text = copy(p->buf, n->len);
		return (0);
	}
	if (c != '[' && c != '{')
		return (read_scalar(p, n));
	if (p->depth == TOML_DEPTH_MAX)
		return (fail(p, at, "brackets nested more than %d deep",
		    TOML_DEPTH_MAX));
	p->depth++;
	status = c == '[' ? read_array(p, n) : read_inline(p, n);
	/* after an error it tells `resume' that brackets were open */
	if (status == 0)
		p->depth--;
	return (status);
}

/* ---- statements ---- */

/* The table, or last table of an array, that a header's path leads through. */
static struct toml *
header_step(struct parser *p, struct toml *table, const struct key *k, size_t i)
{
	struct toml	*n = toml_get(table, k->part[i]);

	if (n == NULL)
		return (table_add(p, table, k, i, TOML_BY_PATH));
	if (n->made == TOML_BY_HEADERS)
		return (TAILQ_LAST(&n->nodes, tomls));
	if (n->type == TOML_TABLE && n->made != TOML_BY_VALUE)
		return (n);
	(void)given_before(p, k, i, n);
	return (NULL);
}

/* The table that [key] begins, or NULL. */
static struct toml *
header_table(struct parser *p, struct toml *table, const struct key *k)
{
	struct toml	*n = toml_get(table, k->part[k->n - 1]);

	if (n == NULL)
		return (table_add(p, table, k, k->n - 1, TOML_BY_HEADER));
	if (n->made != TOML_BY_PATH) {
		(void)given_before(p, k, k->n - 1, n);
		return (NULL);
	}
	n->made = TOML_BY_HEADER;
	n->line = n->value_line = k->at[k->n - 1].line;
	n->column = n->value_column = k->at[k->n - 1].column;
	return (n);
}

/* The table that [[key]] begins, or NULL. */
static struct toml *
header_element(struct parser *p, struct toml *table, const struct key *k)
{
	struct toml	*n = toml_get(table, k->part[k->n - 1]), *e;

	if (n == NULL) {
		n = node_new(TOML_ARRAY, TOML_BY_HEADERS, k->at[k->n - 1]);
		if (node_add(p, table, k->part[k->n - 1], n) == -1)
			return (NULL);
	} else if (n->made != TOML_BY_HEADERS) {
		(void)given_before(p, k, k->n - 1, n);
		return (NULL);
	}
	e = node_new(TOML_TABLE, TOML_BY_HEADER, k->at[k->n - 1]);
	return (node_add(p, n, NULL, e) == -1 ? NULL : e);
}

static struct toml *
read_header(struct parser *p, struct key *k)
{
	struct toml	*table = p->root;
	size_t		 i;
	int		 many = peek_at(p, 1) == '[';

	pass(p);
	if (many)
		pass(p);
	blanks(p);
	if (read_key(p, k) == -1)
		return (NULL);
	if (peek(p) != ']' || (many && peek_at(p, 1) != ']')) {
		(void)fail(p, here(p), "\"%s\" is expected after the name of "
		    "the table", many ? "]]" : "]");
		return (NULL);
	}
	for (i = 0; i <= (size_t)many; i++)
		pass(p);
	for (i = 0; i < k->n - 1 && table != NULL; i++)
		table = header_step(p, table, k, i);
	if (table == NULL)
		return (NULL);
	return (many ? header_element(p, table, k) :
	    header_table(p, table, k));
}

static int
add_header(struct parser *p)
{
	struct key	 k;

	p->table = read_header(p, &k);
	key_free(&k);
	if (p->table != NULL)
		return (0);
	/* its keys are read only to find their errors */
	toml_free(p->lost);
	p->table = p->lost = node_new(TOML_TABLE, TOML_BY_HEADER, here(p));
	return (-1);
}

static int
read_statement(struct parser *p)
{
	p->depth = 0;
	if ((peek(p) == '[' ? add_header(p) :
	    read_assignment(p, p->table)) == -1)
		return (-1);
	blanks(p);
	if (peek(p) != -1 && peek(p) != '#' && !newline(p))
		return (fail(p, here(p), "nothing but a comment may follow "
		    "here"));
	pass_line(p);
	return (0);
}

/* Does this line look like "key = ..." or "[..."? */
static int
looks_right(const struct parser *p)
{
	size_t	 n;
	int	 c;

	for (n = 0; (c = peek_at(p, n)) == ' ' || c == '\t'; n++)
		continue;
	if (c == '[')
		return (1);
	if (!bare(c) && c != '"' && c != '\'')
		return (0);
	while (bare(c) || (c > 0 && strchr(" \t.\"'", c) != NULL))
		c = peek_at(p, ++n);
	return (c == '=');
}

/* Goes on after an error in a statement that began in that line. */
static void
resume(struct parser *p, int line)
{
	if (p->depth > 0 && p->line > line) {
		p->off = p->bol;
		if (looks_right(p))
			return;
	}
	do
		pass_line(p);
	while (p->depth > 0 && peek(p) != -1 && !looks_right(p));
}

struct toml *
toml_parse(const void *text, size_t len, toml_error *error, void *arg)
{
	static const struct place	 start = { 1, 1 };
	struct parser			 p;
	int				 line;

	memset(&p, 0, sizeof(p));
	p.text = text;
	p.len = len;
	p.line = 1;
	p.error = error;
	p.arg = arg;
	/* a byte order mark */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		p.text += 3;
		p.len -= 3;
	}
	p.buf = allocate(p.len + 1);
	p.root = p.table = node_new(TOML_TABLE, TOML_BY_HEADER, start);
	check_octets(&p);
	p.off = p.bol = 0;
	p.line = 1;
	while (gap(&p), peek(&p) != -1) {
		line = p.line;
		if (read_statement(&p) == -1)
			resume(&p, line);
	}
	toml_free(p.lost);
	freezero(p.buf, p.len + 1);
	return (p.root);
}
