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
 * A relay's octets through LZ4: lz.h joined to the socket, the budget and the
 * counters.
 */

#ifndef WORKER_RELAYLZ_H
#define WORKER_RELAYLZ_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

struct relay;
struct service;

/* relaylz.c */

void	 relaylz_init(struct service *);
/*
 * Behind the preface: from here on the stream's octets are in blocks both ways,
 * if that was agreed for its tunnel (r->lz).  -1: no memory.
 */
int	 relaylz_start(struct relay *);
void	 relaylz_end(struct relay *);
/* What passed, and what is held for it, is counted where it belongs. */
void	 relaylz_count(struct relay *);
/*
 * Writes to the socket what the stream's octets stand for.  Returns how many
 * of these were taken; if not all were, or lz_waits, the socket is full.  -1:
 * as write(2), or lz_unpack.
 */
ssize_t	 relaylz_write(struct relay *, const uint8_t *, size_t);

#endif /* WORKER_RELAYLZ_H */
