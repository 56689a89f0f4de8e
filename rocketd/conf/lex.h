/* SPDX-License-Identifier: ISC */

/*
 * A configuration file in words: what the parser takes from lex.c.
 */

#ifndef ROCKETD_LEX_H
#define ROCKETD_LEX_H

#include <stddef.h>
#include <stdio.h>

#include "conf.h"

#define LEX_WORD_MAX	1024		/* octets of a word or string */

struct lex;

struct word {
	struct word		*next;	/* the parser's, for lists of words */
	struct word		*kept;	/* lex.c's list of all */
	const struct conf_file	*file;
	int			 line;
	int			 column;
	int			 quoted;
	int			 shared;	/* others may read its file */
	int			 kind;	/* if it was supplied */
	struct word		*after;	/* the next supplied one */
	size_t			 len;
	char			 text[];
};

/* What lex_word returns besides the characters \n { } , = */
#define LEX_END		0
#define LEX_BARE	256
#define LEX_QUOTED	257

/* lex.c */

/*
 * Starts with a file.  Every error goes to err, at most LEX_ERRORS_MAX of
 * them.  NULL: it cannot be read, which was printed.
 */
struct lex	*lex_open(struct rocketd_conf *, const char *path, FILE *err);
/* Wipes and frees all words. */
void		 lex_close(struct lex *);
/*
 * The next word or character and its place; the word lives until lex_close.
 * Whatever the files hold, braces are balanced and the last line ends: what was
 * wrong has been reported.
 */
int		 lex_word(struct lex *, struct word **);
/* Goes on with that file after the current line. */
void		 lex_include(struct lex *, const struct word *path);
/* Of every later file: a macro, "name=value"; -1: not of this form. */
int		 lex_given(const char *);
/* Defines a macro as the words, with a blank between two. */
void		 lex_define(struct lex *, const struct word *name,
		    const struct word *value);
/*
 * For another reader in place of lex.c.  lex_take gives it all octets of the
 * file, which live until the next lex_word.  It supplies the words that it
 * makes of them, and lex_word returns these; kind is what that returns.  From
 * lex_take on lex_close prints the errors, in the order of their places.
 */
const void	*lex_take(struct lex *, size_t *len);
struct word	*lex_supply(struct lex *, int kind, const char *text, int line,
		    int column);
/* Reports and counts an error; at is where, NULL: no place. */
void		 lex_error(struct lex *, const struct word *at,
		    const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
/* Prints a warning, which is not counted. */
void		 lex_warn(struct lex *, const struct word *at, const char *);
int		 lex_errors(const struct lex *);

#endif /* ROCKETD_LEX_H */
