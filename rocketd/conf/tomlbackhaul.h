/* SPDX-License-Identifier: ISC */

/*
 * The files of Backhaul.
 */

#ifndef ROCKETD_TOMLBACKHAUL_H
#define ROCKETD_TOMLBACKHAUL_H

#include "tomlsay.h"

/* tomlbackhaul.c */

extern const struct toml_keys	 tomlbackhaul_keys;

/*
 * Is it such a file?  others: the keys of the program whose files have the same
 * tables; only what is in one of both decides, and a table "services" is
 * theirs.
 */
int	 tomlbackhaul_is(const struct toml *root,
	    const struct toml_keys *others);
/* Says what the file says. */
void	 tomlbackhaul_read(struct tomlsay *, const struct toml *root);

#endif /* ROCKETD_TOMLBACKHAUL_H */
