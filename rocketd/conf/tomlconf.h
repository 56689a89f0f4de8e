/* SPDX-License-Identifier: ISC */

/*
 * Configurations in TOML: the files of other programs.
 */

#ifndef ROCKETD_TOMLCONF_H
#define ROCKETD_TOMLCONF_H

#include <stdint.h>

#include "conf.h"
#include "lex.h"

/* tomlconf.c */

/* Is a file of this name in TOML? */
int		 tomlconf_named(const char *path);
/*
 * Reads the file that lex_open has opened and supplies the words of the
 * statements that say the same.  Errors go to lex_error.  Sets polled.
 */
void		 tomlconf_read(struct lex *, struct rocketd_conf *);
/*
 * The option meant by words that begin with a key of such a file, in that scope
 * if possible; or NULL.
 */
const char	*tomlconf_option(const char *words, uint32_t scope);

#endif /* ROCKETD_TOMLCONF_H */
