/* SPDX-License-Identifier: ISC */

/*
 * Files into words: opens and reads the configuration and what it includes,
 * expands macros, and knows where each word stands.  It owns all words, and
 * wipes them in lex_close: any of them may be a token.  Whatever the files
 * hold, it ends, within the limits below, and returns balanced braces.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "conf.h"
#include "lex.h"

#define LEX_ERRORS_MAX	50		/* more help nobody */
#define LEX_FILE_MAX	(1024 * 1024)	/* octets of one file */
#define LEX_FILES_MAX	64		/* read in all */
#define LEX_DEPTH_MAX	8		/* files that include each other */
#define LEX_LINE_MAX	8192		/* octets */
#define LEX_MACROS_MAX	256
#define LEX_BRACES_MAX	8		/* the grammar needs three */
/* Octets of all files and expansions: macros cannot multiply without end. */
#define LEX_TOTAL_MAX	(4 * 1024 * 1024)

struct macro {
	TAILQ_ENTRY(macro)	 entry;
	char			*name;
	char			*value;
	int			 shared;	/* others may read its file */
};
TAILQ_HEAD(macros, macro);

struct source {			/* of octets: a file, or a macro's value */
	struct source		*outer;
	struct conf_file	*file;		/* NULL: a macro */
	uint8_t			*octets;
	size_t			 len;
	size_t			 off;
	int			 line;
	int			 column;	/* of octets[off] */
	int			 depth;		/* of braces when it began */
	int			 shared;
	dev_t			 dev;
	ino_t			 ino;
};

struct place {
	const struct conf_file	*file;
	int			 line;
	int			 column;
	int			 shared;
};

struct fault {			/* an error that waits to be printed */
	int	 line;
	int	 column;
	char	*words;
};

struct lex {
	struct rocketd_conf	*conf;
	FILE			*err;
	struct source		*top;
	struct word		*words;		/* all, by kept */
	struct macros		 macros;
	const struct word	*include;	/* for the line's end */
	struct word	*supply;	/* by lex_supply, to be returned */
	struct word	*supply_last;
	struct word		*open[LEX_BRACES_MAX];	/* braces */
	int			 depth;		/* of them */
	int			 excess;	/* refused ones still open */
	struct place		 place;		/* where the next word stands */
	struct place		 macro_place;	/* where the macro is named */
	int			 last;		/* what was returned */
	int			 sorted;	/* errors wait for lex_close */
	struct fault		 faults[LEX_ERRORS_MAX];	/* by place */
	int			 nfaults;
	int			 errors;
	int			 nfiles;
	int			 nmacros;
	size_t			 total;
};

/* From the command line. */
static struct macros	 macros_given = TAILQ_HEAD_INITIALIZER(macros_given);

/*
 * Another reader finds errors in its own order, and the same error again if a
 * value is in several statements.  Each is printed once, in the order of their
 * places.
 */
static void
fault_add(struct lex *l, const struct word *at, const char *words)
{
	struct fault	*f;
	int		 i;

	for (i = 0; i < l->nfaults; i++) {
		f = &l->faults[i];
		if (f->line > at->line ||
		    (f->line == at->line && f->column > at->column))
			break;
		if (f->line == at->line && f->column == at->column &&
		    strcmp(f->words, words) == 0)
			return;
	}
	if (i == LEX_ERRORS_MAX)
		return;
	if (l->nfaults == LEX_ERRORS_MAX)
		free(l->faults[--l->nfaults].words);
	memmove(&l->faults[i + 1], &l->faults[i],
	    (size_t)(l->nfaults++ - i) * sizeof(l->faults[0]));
	f = &l->faults[i];
	f->line = at->line;
	f->column = at->column;
	if ((f->words = strdup(words)) == NULL)
		fatal("%s", __func__);
}

static void
faults_tell(struct lex *l)
{
	int	 i;

	for (i = 0; i < l->nfaults; i++) {
		conf_complain(l->err, l->conf->path, l->faults[i].line,
		    l->faults[i].column, "%s", l->faults[i].words);
		free(l->faults[i].words);
	}
	if (l->nfaults == LEX_ERRORS_MAX)
		conf_complain(l->err, l->conf->path, 0, 0,
		    "too many errors, the rest is not shown");
}

void
lex_error(struct lex *l, const struct word *at, const char *fmt, ...)
{
	char	 words[1024];
	va_list	 ap;

	if (++l->errors > LEX_ERRORS_MAX && !l->sorted)
		return;
	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	if (l->sorted && at != NULL) {
		fault_add(l, at, words);
		return;
	}
	if (at == NULL)
		conf_complain(l->err, l->conf->path, 0, 0, "%s", words);
	else
		conf_complain(l->err, at->file->path, at->line, at->column,
		    "%s", words);
	if (l->errors == LEX_ERRORS_MAX)
		conf_complain(l->err, l->conf->path, 0, 0,
		    "too many errors, the rest is not shown");
}

void
lex_warn(struct lex *l, const struct word *at, const char *words)
{
	conf_complain(l->err, at->file->path, at->line, at->column,
	    "warning: %s", words);
}

int
lex_errors(const struct lex *l)
{
	return (l->errors);
}

/* ---- macros ---- */

static struct macro *
macro_find(struct macros *head, const char *name)
{
	struct macro	*m;

	TAILQ_FOREACH(m, head, entry)
		if (strcmp(m->name, name) == 0)
			return (m);
	return (NULL);
}

static void
macro_free(struct macro *m)
{
	if (m->value != NULL)
		freezero(m->value, strlen(m->value));
	free(m->name);
	free(m);
}

/* It replaces an older one of the same name. */
static int
macro_set(struct macros *head, const char *name, const char *value, int shared)
{
	struct macro	*m, *old;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (-1);
	m->shared = shared;
	if ((m->name = strdup(name)) == NULL ||
	    (m->value = strdup(value)) == NULL) {
		macro_free(m);
		return (-1);
	}
	if ((old = macro_find(head, name)) != NULL) {
		TAILQ_REMOVE(head, old, entry);
		macro_free(old);
	}
	TAILQ_INSERT_TAIL(head, m, entry);
	return (0);
}

static int
macro_letter(int c, int first)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    (!first && c >= '0' && c <= '9'));
}

static int
macro_name(const char *s, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++)
		if (!macro_letter((unsigned char)s[i], i == 0))
			return (0);
	return (len > 0);
}

int
lex_given(const char *assignment)
{
	const char	*value = strchr(assignment, '='), *p;
	char		 name[LEX_WORD_MAX];
	size_t		 len;

	if (value == NULL || strlen(value + 1) >= LEX_WORD_MAX)
		return (-1);
	len = (size_t)(value - assignment);
	if (len >= sizeof(name) || !macro_name(assignment, len))
		return (-1);
	for (p = ++value; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return (-1);
	memcpy(name, assignment, len);
	name[len] = '\0';
	return (macro_set(&macros_given, name, value, 0));
}

void
lex_define(struct lex *l, const struct word *name, const struct word *value)
{
	char			 buf[LEX_WORD_MAX];
	const struct word	*w;
	int			 shared = 0, n = 0, fits = 1;

	buf[0] = '\0';
	for (w = value; w != NULL; w = w->next) {
		if (n++ > 0)
			strlcat(buf, " ", sizeof(buf));
		if (strlcat(buf, w->text, sizeof(buf)) >= sizeof(buf))
			fits = 0;
		shared |= w->shared;
	}
	if (!macro_name(name->text, name->len))
		lex_error(l, name, "a macro name has only letters, digits "
		    "and _, and does not begin with a digit");
	else if (!fits)
		lex_error(l, name, "the value of macro \"%s\" is longer than "
		    "%d characters", name->text, LEX_WORD_MAX - 1);
	else if (macro_find(&l->macros, name->text) == NULL &&
	    l->nmacros++ == LEX_MACROS_MAX)
		lex_error(l, name, "more than %d macros", LEX_MACROS_MAX);
	else if (macro_set(&l->macros, name->text, buf, shared) == -1)
		lex_error(l, name, "out of memory");
	explicit_bzero(buf, sizeof(buf));
}

/* ---- sources of octets ---- */

static void
source_pop(struct lex *l)
{
	struct source	*s = l->top;

	l->top = s->outer;
	freezero(s->octets, s->len);
	free(s);
}

/* The file that is being read; a macro may be on top of it. */
static struct source *
source_file(const struct lex *l)
{
	struct source	*s = l->top;

	return (s->file == NULL ? s->outer : s);
}

/* Reads all of fd into s->octets. */
static int
source_read(struct source *s, int fd)
{
	ssize_t	 n;

	if ((s->octets = malloc(LEX_FILE_MAX + 1)) == NULL)
		return (-1);
	for (;;) {
		n = read(fd, s->octets + s->len, LEX_FILE_MAX + 1 - s->len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		s->len += (size_t)n;
	}
	if (s->len > LEX_FILE_MAX) {
		errno = EFBIG;
		n = -1;
	}
	return (n == -1 ? -1 : 0);
}

static int
source_is_open(const struct lex *l, const struct stat *st)
{
	const struct source	*s;

	for (s = l->top; s != NULL; s = s->outer)
		if (s->file != NULL && s->dev == st->st_dev &&
		    s->ino == st->st_ino)
			return (1);
	return (0);
}

static struct conf_file *
file_new(struct rocketd_conf *conf, const char *path)
{
	struct conf_file	*f;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (NULL);
	if ((f->path = strdup(path)) == NULL) {
		free(f);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&conf->files, f, entry);
	return (f);
}

/* at is the word that includes the file; NULL: it is the first. */
static void
file_error(struct lex *l, const struct word *at, const char *path,
    const char *why)
{
	if (at == NULL)
		lex_error(l, NULL, "%s", why);
	else
		lex_error(l, at, "%s: %s", path, why);
}

/* Starts reading a file. */
static void
source_push_file(struct lex *l, const char *path, const struct word *at)
{
	struct source	*s;
	struct stat	 st;
	char		 why[256];
	int		 fd;

	if ((fd = conf_open(path, 0, why, sizeof(why))) == -1) {
		file_error(l, at, path, why);
		return;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL || fstat(fd, &st) == -1)
		file_error(l, at, path, strerror(errno));
	else if (source_is_open(l, &st))
		file_error(l, at, path, "it includes itself");
	else if (source_read(s, fd) == -1)
		file_error(l, at, path, errno == EFBIG ? "more than 1 MB" :
		    strerror(errno));
	else if ((s->file = file_new(l->conf, path)) == NULL)
		file_error(l, at, path, "out of memory");
	close(fd);
	if (s == NULL || s->file == NULL) {
		if (s != NULL && s->octets != NULL)
			freezero(s->octets, s->len);
		free(s);
		return;
	}
	s->file->shared = s->shared = (st.st_mode & S_IROTH) != 0;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->line = s->column = 1;
	/* a byte order mark, which some editors write */
	if (s->len >= 3 && memcmp(s->octets, "\xef\xbb\xbf", 3) == 0)
		s->off = 3;
	s->depth = l->depth;
	s->outer = l->top;
	l->total += s->len;
	l->top = s;
}

void
lex_include(struct lex *l, const struct word *path)
{
	l->include = path;
}

static void
open_include(struct lex *l)
{
	const struct word	*w = l->include;
	const struct source	*s;
	const char		*slash = strrchr(w->file->path, '/');
	char			 path[PATH_MAX];
	size_t			 dir = 0;
	int			 depth = 0, n;

	l->include = NULL;
	for (s = l->top; s != NULL; s = s->outer)
		depth += s->file != NULL;
	/* relative to the file that includes it */
	if (w->text[0] != '/' && slash != NULL)
		dir = (size_t)(slash - w->file->path) + 1;
	n = snprintf(path, sizeof(path), "%.*s%s", (int)dir, w->file->path,
	    w->text);
	if (n < 0 || (size_t)n >= sizeof(path))
		lex_error(l, w, "path too long");
	else if (depth >= LEX_DEPTH_MAX)
		lex_error(l, w, "includes nested more than %d deep",
		    LEX_DEPTH_MAX);
	else if (l->nfiles++ >= LEX_FILES_MAX)
		lex_error(l, w, "more than %d files", LEX_FILES_MAX);
	else
		source_push_file(l, path, w);
}

/* The next octet, or -1 at the end of a file. */
static int
peek(struct lex *l)
{
	while (l->top->file == NULL && l->top->off == l->top->len)
		source_pop(l);
	return (l->top->off == l->top->len ? -1 : l->top->octets[l->top->off]);
}

static struct place
here(const struct lex *l)
{
	const struct source	*s = source_file(l);
	struct place		 p;

	if (l->top->file == NULL) {
		p = l->macro_place;
		p.shared |= l->top->shared;
		return (p);
	}
	p.file = s->file;
	p.line = s->line;
	p.column = s->column;
	p.shared = s->shared;
	return (p);
}

/* Makes a word that began at l->place. */
static struct word *
word_new(struct lex *l, const char *text, size_t len)
{
	struct word	*w;

	if ((w = calloc(1, sizeof(*w) + len + 1)) == NULL)
		fatal("%s", __func__);
	memcpy(w->text, text, len);
	w->len = len;
	w->file = l->place.file;
	w->line = l->place.line;
	w->column = l->place.column;
	w->shared = l->place.shared;
	w->kept = l->words;
	l->words = w;
	return (w);
}

/* Reports an error where we read, not in a whole word. */
static void
error_here(struct lex *l, const char *words)
{
	struct place	 p = here(l);
	struct word	 w;

	memset(&w, 0, sizeof(w));
	w.file = p.file;
	w.line = p.line;
	w.column = p.column;
	lex_error(l, &w, "%s", words);
}

/* Passes over the octet that peek has shown. */
static void
pass(struct lex *l)
{
	struct source	*s = l->top;

	if (s->octets[s->off++] == '\n') {
		s->line++;
		s->column = 1;
		return;
	}
	if (s->column == LEX_LINE_MAX + 1 && s->file != NULL)
		error_here(l, "line too long");
	s->column++;
}

/* ---- words ---- */

static int
bare(int c)
{
	return ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') ||
	    (c > 0 && c < 0x80 && strchr("._-:/*%+@[]~", c) != NULL));
}

/* Appends to a word; octets that do not fit are dropped. */
static void
append(char *buf, size_t *len, int c)
{
	if (*len < LEX_WORD_MAX)
		buf[*len] = (char)c;
	if (*len <= LEX_WORD_MAX)
		(*len)++;
}

static struct word *
word_make(struct lex *l, char *buf, size_t len)
{
	struct word	*w;

	w = word_new(l, buf, len > LEX_WORD_MAX ? LEX_WORD_MAX : len);
	if (len > LEX_WORD_MAX)
		lex_error(l, w, "longer than %d characters", LEX_WORD_MAX);
	explicit_bzero(buf, LEX_WORD_MAX);
	return (w);
}

static struct word *
read_bare(struct lex *l)
{
	char		 buf[LEX_WORD_MAX];
	size_t		 len = 0;
	int		 c;

	while (bare(c = peek(l))) {
		append(buf, &len, c);
		pass(l);
	}
	return (word_make(l, buf, len));
}

static struct word *
read_quoted(struct lex *l)
{
	struct word	*w;
	char		 buf[LEX_WORD_MAX];
	size_t		 len = 0;
	int		 c, bad = 0;

	pass(l);
	while ((c = peek(l)) != '"' && c != '\n' && c != -1) {
		pass(l);
		if (c == '\\' && (peek(l) == '"' || peek(l) == '\\')) {
			c = peek(l);
			pass(l);
		}
		if ((c < ' ' && c != '\t') || c == 0x7f)
			bad = 1;
		else
			append(buf, &len, c);
	}
	w = word_make(l, buf, len);
	w->quoted = 1;
	if (c == '"')
		pass(l);
	else
		lex_error(l, w, "the string does not end in its line");
	if (bad)
		lex_error(l, w, "a control character in a string");
	return (w);
}

/* "$name": its value is read next. */
static void
expand(struct lex *l)
{
	struct word	*at;
	struct source	*s;
	struct macro	*m;
	char		 name[LEX_WORD_MAX];
	size_t		 len = 0;
	int		 within = l->top->file == NULL;

	l->place = here(l);
	at = word_new(l, "", 0);
	pass(l);
	while (macro_letter(peek(l), len == 0)) {
		append(name, &len, peek(l));
		pass(l);
	}
	/* at its `$': the name may end with the value that it is in */
	if (within) {
		lex_error(l, at, "a macro within the value of a macro; put it "
		    "outside of the quotes there");
		return;
	}
	if (len == 0 || len >= sizeof(name)) {
		lex_error(l, at, "no macro name after $");
		return;
	}
	name[len] = '\0';
	if ((m = macro_find(&macros_given, name)) == NULL &&
	    (m = macro_find(&l->macros, name)) == NULL) {
		lex_error(l, at, "macro \"%s\" is not defined", name);
		return;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->octets = (uint8_t *)strdup(m->value)) == NULL)
		fatal("%s", __func__);
	s->len = strlen(m->value);
	s->shared = m->shared;
	s->outer = l->top;
	l->macro_place = l->place;
	l->total += s->len;
	l->top = s;
}

/* Skips blanks, comments and continued lines; the next octet, or -1. */
static int
skip(struct lex *l)
{
	int	 c;

	for (;;) {
		c = peek(l);
		if (c == '#') {
			while ((c = peek(l)) != -1 && c != '\n')
				pass(l);
			return (c);
		}
		if (c == '\\') {
			pass(l);
			if (peek(l) == '\r')
				pass(l);
			if (peek(l) != '\n') {
				error_here(l, "\\ before something other than "
				    "the end of the line");
				continue;
			}
		} else if (c == '$') {
			expand(l);
			continue;
		} else if (c != ' ' && c != '\t' && c != '\r')
			return (c);
		pass(l);
	}
}

/* A brace opens or closes; 0: it has to be skipped. */
static int
brace(struct lex *l, int c, struct word *w)
{
	if (c == '{') {
		if (l->depth == LEX_BRACES_MAX) {
			if (l->excess++ == 0)
				lex_error(l, w, "braces nested more than %d "
				    "deep", LEX_BRACES_MAX);
			return (0);
		}
		l->open[l->depth++] = w;
		return (1);
	}
	if (l->excess > 0) {
		l->excess--;
		return (0);
	}
	if (l->depth == source_file(l)->depth) {
		lex_error(l, w, "\"}\" without a \"{\" before it");
		return (0);
	}
	l->depth--;
	return (1);
}

/*
 * A file has ended.  Closes what it left open and ends its last line, one
 * character a call; 0: that is done, and the file is gone.
 */
static int
end_of_file(struct lex *l, struct word **w)
{
	l->place = here(l);
	*w = word_new(l, "", 0);
	l->excess = 0;
	if (l->last != '\n')
		return ('\n');
	if (l->depth > l->top->depth) {
		lex_error(l, l->open[--l->depth], "\"{\" is not closed");
		return ('}');
	}
	source_pop(l);
	return (0);
}

static int
next_word(struct lex *l, struct word **w)
{
	int	 c, kind;

	while (l->top != NULL) {
		if (l->total > LEX_TOTAL_MAX) {
			error_here(l, "more than 4 MB with all macros");
			l->total = 0;
			l->top->off = l->top->len;
		}
		if ((c = skip(l)) == -1) {
			if ((kind = end_of_file(l, w)) != 0)
				return (kind);
			continue;
		}
		l->place = here(l);
		if (c == '"') {
			*w = read_quoted(l);
			return (LEX_QUOTED);
		}
		if (bare(c)) {
			*w = read_bare(l);
			return (LEX_BARE);
		}
		*w = word_new(l, "", 0);
		pass(l);
		if (c == '\n' || c == ',' || c == ';' || c == '=')
			return (c);
		if ((c == '{' || c == '}')) {
			if (brace(l, c, *w))
				return (c);
		} else if (c > ' ' && c < 0x7f)
			lex_error(l, *w, "'%c' may only stand in quotes", c);
		else
			lex_error(l, *w, "octet 0x%02x may only stand in "
			    "quotes", (unsigned int)c);
	}
	return (LEX_END);
}

const void *
lex_take(struct lex *l, size_t *len)
{
	l->sorted = 1;
	l->top->off = *len = l->top->len;
	return (l->top->octets);
}

struct word *
lex_supply(struct lex *l, int kind, const char *text, int line, int column)
{
	struct word	*w;

	l->place.file = l->top->file;
	l->place.shared = l->top->shared;
	l->place.line = line;
	l->place.column = column;
	w = word_new(l, text, strlen(text));
	w->quoted = kind == LEX_QUOTED;
	w->kind = kind;
	if (l->supply == NULL)
		l->supply = w;
	else
		l->supply_last->after = w;
	l->supply_last = w;
	return (w);
}

int
lex_word(struct lex *l, struct word **w)
{
	*w = NULL;
	if (l->supply != NULL) {
		*w = l->supply;
		l->supply = l->supply->after;
		return (l->last = (*w)->kind);
	}
	if (l->include != NULL && l->last == '\n')
		open_include(l);
	l->last = next_word(l, w);
	return (l->last);
}

struct lex *
lex_open(struct rocketd_conf *conf, const char *path, FILE *err)
{
	struct lex	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		fatal("%s", __func__);
	l->conf = conf;
	l->err = err;
	l->last = '\n';
	l->nfiles = 1;
	TAILQ_INIT(&l->macros);
	source_push_file(l, path, NULL);
	if (l->top == NULL) {
		lex_close(l);
		return (NULL);
	}
	return (l);
}

void
lex_close(struct lex *l)
{
	struct word	*w;
	struct macro	*m;

	if (l == NULL)
		return;
	faults_tell(l);
	while (l->top != NULL)
		source_pop(l);
	while ((w = l->words) != NULL) {
		l->words = w->kept;
		freezero(w, sizeof(*w) + w->len + 1);
	}
	while ((m = TAILQ_FIRST(&l->macros)) != NULL) {
		TAILQ_REMOVE(&l->macros, m, entry);
		macro_free(m);
	}
	free(l);
}
