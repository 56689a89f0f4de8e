/* SPDX-License-Identifier: ISC */

/*
 * Configurations in TOML, with the keys of Rocket.
 */

#ifndef ROCKETD_TOMLROCKET_H
#define ROCKETD_TOMLROCKET_H

#include "conf.h"
#include "lex.h"

/* tomlrocket.c */

/* Is a file of this name in TOML? */
int	 tomlconf_named(const char *path);
/*
 * Reads the file that lex_open has opened and supplies the words of the
 * statements that say the same.  Errors are told and counted by lex_error.
 */
void	 tomlconf_read(struct lex *, const struct rocketd_conf *);

#endif /* ROCKETD_TOMLROCKET_H */
