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
 * A key stream laid over octets: what seal `xor' does to a tunnel.  It hides a
 * pattern and protects nothing.  In place, at the speed of memory; it knows
 * where in the stream it is.
 */

#ifndef WORKER_XOR_H
#define WORKER_XOR_H

#include <stddef.h>
#include <stdint.h>

/* Octets of key stream, which is repeated for as long as the tunnel lasts. */
#define XOR_STREAM	1024

struct xor {
	size_t		 pos;		/* in stream */
	uint8_t		 stream[XOR_STREAM];	/* the owner fills it */
};

/* xor.c */

/* The next len octets of a direction, once each way: it is its own reverse. */
void	 xor_apply(struct xor *, uint8_t *buf, size_t len);

#endif /* WORKER_XOR_H */
