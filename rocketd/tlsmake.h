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
 * A certificate that signs itself, made when the files that the configuration
 * names are not there.
 */

#ifndef ROCKETD_TLSMAKE_H
#define ROCKETD_TLSMAKE_H

#include <stdio.h>

#include "rocketd/conf/conf.h"

/* tlsmake.c */

/*
 * For each "tls self-signed" without its files: the worker's program makes
 * them, and is waited for (a tenth of a second, at a first start).  With make 0
 * it is only found out whether they could be made.  Errors as conf_parse; their
 * number.
 */
int	 tlsmake_missing(const char *worker, struct rocketd_conf *, int make,
	    FILE *err);

#endif /* ROCKETD_TLSMAKE_H */
