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

enum toml_made {		/* how a table was made: what may be added */
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
 * Reads a text of len octets.  Calls the function for each error; the tree has
 * everything else, so a caller that accepts no errors counts them.  Messages
 * never contain a value, because it may be a secret.  Strings and keys contain
 * no NUL.  The tree is the caller's.
 */
struct toml	*toml_parse(const void *text, size_t len, toml_error *,
		    void *arg);
/* Wipes and frees it and all below it.  Takes NULL. */
void		 toml_free(struct toml *);
/* The table's value for the key, or NULL. */
struct toml	*toml_get(const struct toml *table, const char *key);
/* "a string", "an integer", ... */
const char	*toml_type_name(enum toml_type);

/* tomlval.c */

/*
 * Puts the value of a word that is not quoted into n, and changes the word.
 * NULL, or why it is no value.
 */
const char	*toml_scalar(char *, struct toml *);
/* A digit of a base up to 16, or -1. */
int		 toml_digit(int c, int base);

#endif /* ROCKETD_TOML_H */
