/* SPDX-License-Identifier: ISC */

/*
 * The files of Rocket.
 */

#ifndef ROCKETD_TOMLROCKET_H
#define ROCKETD_TOMLROCKET_H

#include "tomlsay.h"

/* tomlrocket.c */

extern const struct toml_keys	 tomlrocket_keys;

/* Says what the file says, and the keys that it may have. */
void	 tomlrocket_read(struct tomlsay *, const struct toml *root);

#endif /* ROCKETD_TOMLROCKET_H */
