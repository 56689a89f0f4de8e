/* SPDX-License-Identifier: ISC */

/*
 * What the reader of TOML configurations stands on: errors at their places,
 * words for the grammar, and the keys of options.
 */

#ifndef ROCKETD_TOMLSAY_H
#define ROCKETD_TOMLSAY_H

#include <stdint.h>

#include "conf.h"
#include "lex.h"
#include "toml.h"

struct reader {
	struct lex			*lex;
	const struct conf_file		*file;
	int				 errors;	/* of the text itself */
};

/* An error at the key, or at the value. */
#define KEY_ERROR(r, n, ...)						\
	reader_error((r), (n)->line, (n)->column, __VA_ARGS__)
#define VALUE_ERROR(r, n, ...)						\
	reader_error((r), (n)->value_line, (n)->value_column, __VA_ARGS__)

/* tomlsay.c */

void		 reader_error(struct reader *, int line, int column,
		    const char *, ...)
		    __attribute__((__format__(printf, 4, 5)));
/* What the file says, fit for a message; one of a few static buffers. */
const char	*reader_show(const char *);
/* Is the value of the key of this type?  If not, the error has been told. */
int		 reader_is(struct reader *, const char *key,
		    const struct toml *, enum toml_type);
/* A string that a statement may have in quotes; NULL: the error was told. */
const char	*reader_text(struct reader *, const char *key,
		    const struct toml *);
/*
 * Words for the grammar: keywords, with a blank between two; something that is
 * not to be taken for a keyword; and \n { }.  They stand at the key, the value
 * and the key.
 */
void		 reader_say(struct reader *, const struct toml *,
		    const char *words);
void		 reader_say_text(struct reader *, const struct toml *,
		    const char *);
void		 reader_say_mark(struct reader *, const struct toml *, int);
/* The statement of an option.  -1: it takes no such value, told. */
int		 reader_say_option(struct reader *, const struct option *,
		    const struct toml *, int inverted);
/* A key as it is where it is no default for others. */
const char	*reader_plain(const char *key, uint32_t scope);
/* All options of a table; keys of no meaning in it are told. */
void		 reader_options(struct reader *, const struct toml *table,
		    uint32_t scope);

#endif /* ROCKETD_TOMLSAY_H */
