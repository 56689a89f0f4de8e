/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

/*
 * Configurations in TOML, with the keys of Rocket.
 */

#ifndef ROCKETD_TOMLCONF_H
#define ROCKETD_TOMLCONF_H

#include "conf.h"
#include "lex.h"

/* tomlconf.c */

/* Is a file of this name in TOML? */
int	 tomlconf_named(const char *path);
/*
 * Reads the file that lex_open has opened and supplies the words of the
 * statements that say the same.  Errors are told and counted by lex_error.
 */
void	 tomlconf_read(struct lex *, const struct rocketd_conf *);

#endif /* ROCKETD_TOMLCONF_H */
