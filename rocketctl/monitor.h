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
 * The refreshing view.
 */

#ifndef ROCKETCTL_MONITOR_H
#define ROCKETCTL_MONITOR_H

#include <stdint.h>

struct imsgbuf;

/* monitor.c */

/*
 * Until q, ^C or the end of the daemon: 0, or -1 with words (a buffer of
 * size).  Frames one after the other when standard output is no terminal.
 */
int	 monitor(struct imsgbuf *, uint32_t seconds, char *words,
	    size_t size);

#endif /* ROCKETCTL_MONITOR_H */
