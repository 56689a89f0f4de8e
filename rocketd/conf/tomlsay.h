/* SPDX-License-Identifier: ISC */

/*
 * A TOML file in words of the grammar: statements at the places of its keys.
 * What the keys mean is in a table, one for each program whose files are read.
 */

#ifndef ROCKETD_TOMLSAY_H
#define ROCKETD_TOMLSAY_H

#include <stdint.h>

#include "conf.h"
#include "lex.h"
#include "toml.h"

/* A key; there may be several of one name, for different tables. */
struct toml_key {
	const char	*key;
	uint32_t	 scope;		/* where it may stand */
	const char	*options[2];	/* what it sets */
	int		 inverted;	/* true is no */
	int		 own;	/* the program's own code makes statements */
};

/*
 * All keys of a program.  Besides them there are ours: the names of options
 * with '_' for each blank, unless a key has the same name.  In a block each
 * option also has a key with the prefix.
 */
struct toml_keys {
	const struct toml_key	*keys;
	size_t			 nkeys;
	const char		*prefix;
};

struct tomlsay {
	struct lex			*lex;
	const struct conf_file		*file;
	const struct toml_keys		*keys;
	int				 errors;	/* of the text itself */
};

/* An error at the key, or at the value. */
#define KEY_ERROR(r, n, ...)						\
	tomlsay_error((r), (n)->line, (n)->column, __VA_ARGS__)
#define VALUE_ERROR(r, n, ...)						\
	tomlsay_error((r), (n)->value_line, (n)->value_column, __VA_ARGS__)

/* tomlsay.c */

void		 tomlsay_error(struct tomlsay *, int line, int column,
		    const char *, ...)
		    __attribute__((__format__(printf, 4, 5)));
/* A warning at the key. */
void		 tomlsay_warn(struct tomlsay *, const struct toml *,
		    const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
/* Text of the file made fit for a message; one of a few static buffers. */
const char	*tomlsay_show(const char *);
/* Is the value of the key of this type?  If not, reports it. */
int		 tomlsay_is(struct tomlsay *, const char *key,
		    const struct toml *, enum toml_type);
/* A string that a statement may have in quotes; NULL: an error, reported. */
const char	*tomlsay_string(struct tomlsay *, const char *key,
		    const struct toml *);
/*
 * Words for the grammar: keywords, with a blank between two, at the key's
 * place; something that must not be taken for a keyword, at the value's; and
 * \n { }, at the key's.
 */
void		 tomlsay_words(struct tomlsay *, const struct toml *,
		    const char *words);
void		 tomlsay_text(struct tomlsay *, const struct toml *,
		    const char *);
void		 tomlsay_mark(struct tomlsay *, const struct toml *, int);
/* A statement: an option's name and its value. */
void		 tomlsay_statement(struct tomlsay *, const struct toml *,
		    const char *name, const char *value);
/*
 * A path that is relative to the directory of the file, which may itself be
 * relative to ours: a daemon has left that, and has an absolute one.  The
 * string is static.
 */
const char	*tomlsay_path(struct tomlsay *, const char *);
/* An element of a key "targets", which is one of our own: words of a rule. */
void		 tomlsay_rule(struct tomlsay *, const struct toml *);
/* May such a key stand there? */
int		 tomlsay_known(const struct toml_keys *, const char *key,
		    uint32_t scope);
/* The statement of an option.  -1: it takes no such value; reported. */
int		 tomlsay_option(struct tomlsay *, const struct option *,
		    const struct toml *, int inverted);
/* All options of a table; reports keys that have no meaning there. */
void		 tomlsay_options(struct tomlsay *, const struct toml *table,
		    uint32_t scope);

#endif /* ROCKETD_TOMLSAY_H */
