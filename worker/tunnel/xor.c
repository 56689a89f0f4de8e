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
 * See xor.h.  Words of 64 octets, which the compiler makes of the widest that
 * the processor has: twice as fast as such of eight.  memcpy, since neither
 * side need be aligned.
 */

#include <string.h>

#include "xor.h"

typedef uint64_t	 wide __attribute__((vector_size(64)));

static void
xor_run(uint8_t *p, const uint8_t *key, size_t len)
{
	wide	 a, b;
	size_t	 i;

	for (i = 0; i + sizeof(a) <= len; i += sizeof(a)) {
		memcpy(&a, p + i, sizeof(a));
		memcpy(&b, key + i, sizeof(b));
		a ^= b;
		memcpy(p + i, &a, sizeof(a));
	}
	for (; i < len; i++)
		p[i] ^= key[i];
}

void
xor_apply(struct xor *x, uint8_t *buf, size_t len)
{
	size_t	 n;

	while (len > 0) {
		n = XOR_STREAM - x->pos;
		if (n > len)
			n = len;
		xor_run(buf, x->stream + x->pos, n);
		x->pos = (x->pos + n) % XOR_STREAM;
		buf += n;
		len -= n;
	}
}
