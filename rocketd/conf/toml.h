/* SPDX-License-Identifier: ISC */

/*
 * TOML 1.0: text into a tree of tables, arrays and values, each with its
 * place.
 */

#ifndef ROCKETD_TOML_H
#define ROCKETD_TOML_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

enum toml_type {
	TOML_STRING,
	TOML_INTEGER,
	TOML_FLOAT,
	TOML_BOOLEAN,
	TOML_DATE,		/* of all kinds, and times of day */
	TOML_ARRAY,
	TOML_TABLE
};

enum toml_made {		/* how a table came about: what may follow */
	TOML_BY_VALUE,		/* after "=": complete */
	TOML_BY_HEADER,
	TOML_BY_PATH,		/* on the way to another one's header */
	TOML_BY_DOTS,		/* by a dotted key */
	TOML_BY_HEADERS		/* an array, by [[headers]] */
};

struct toml {
	TAILQ_ENTRY(toml)	 entry;		/* of what it stands in */
	enum toml_type		 type;
	enum toml_made		 made;		/* the parser's */
	char			*key;		/* NULL in an array; the root */
	int			 line;		/* of the key, if it has one */
	int			 column;	/* in octets, from 1 */
	int			 value_line;	/* of the value, or the same */
	int			 value_column;
	/* strings; floats and dates as they are written, without '_' */
	char			*text;
	size_t			 len;
	int64_t			 number;	/* integers; 0 and 1 */
	TAILQ_HEAD(tomls, toml)	 nodes;		/* of arrays and tables */
	size_t			 count;		/* of them */
};

typedef void	 toml_error(void *arg, int line, int column, const char *words);

/* toml.c */

/*
 * Reads a text of len octets.  Each error is told through the function, and
 * what has none is in the tree all the same; who wants a text without errors
 * counts them.  Words never have a value in them, for it may be a secret.
 * Strings and keys have no NUL in them.  The tree is the caller's.
 */
struct toml	*toml_parse(const void *text, size_t len, toml_error *,
		    void *arg);
/* Wipes and frees it, with all below it.  Takes NULL. */
void		 toml_free(struct toml *);
/* What a table has under the key, or NULL. */
struct toml	*toml_get(const struct toml *table, const char *key);
/* "a string", "an integer", ... */
const char	*toml_type_name(enum toml_type);

/* tomlval.c */

/*
 * What a word that is not in quotes stands for, into n; the word is changed.
 * NULL, or why it is no value.
 */
const char	*toml_scalar(char *, struct toml *);
/* Of a base up to 16, or -1. */
int		 toml_digit(int c, int base);

#endif /* ROCKETD_TOML_H */
