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
 * What strangers find on a listener for WebSocket: an answer, and perhaps the
 * files of a directory, on their way to gate.
 */

#ifndef ROCKETD_DECOY_H
#define ROCKETD_DECOY_H

#include <stdio.h>

#include "rocketd/conf/conf.h"

struct svc;

/* decoy.c */

/*
 * Are all directories there, and are there not too many files in them?
 * Errors as conf_parse; their number.
 */
int	 decoy_check(const struct rocketd_conf *, FILE *err);
/*
 * Tells gate of all decoys, with the files as they are now.  What cannot be
 * opened is logged and left out.  -1: gate cannot be told.
 */
int	 decoy_send(struct svc *gate, const struct rocketd_conf *);

#endif /* ROCKETD_DECOY_H */
