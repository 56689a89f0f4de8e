/* SPDX-License-Identifier: ISC */

/*
 * The files of MyTunnel: of its server, and of its client.
 */

#ifndef ROCKETD_TOMLMYTUNNEL_H
#define ROCKETD_TOMLMYTUNNEL_H

#include "tomlsay.h"

/* tomlmytunnel.c */

extern const struct toml_keys	 tomlmytunnel_keys;

/* Is it such a file?  By its tables, which no other program has. */
int	 tomlmytunnel_is(const struct toml *root);
/* Says what the file says. */
void	 tomlmytunnel_read(struct tomlsay *, const struct toml *root);

#endif /* ROCKETD_TOMLMYTUNNEL_H */
