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
 * Whether the files of outer TLS can be used, asked before anything is changed.
 */

#ifndef ROCKETD_TLSLOOK_H
#define ROCKETD_TLSLOOK_H

#include <stdio.h>

#include "rocketd.h"

/* tlslook.c */

/*
 * Has all files that tlsconf_open has opened looked at, and waits for that:
 * some hundredths of a second.  Errors and warnings as conf_parse; the number
 * of errors.
 */
int	 tlslook_files(struct rocketd *, const struct rocketd_conf *,
	    FILE *err);

#endif /* ROCKETD_TLSLOOK_H */
