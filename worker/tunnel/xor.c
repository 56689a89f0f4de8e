/* SPDX-License-Identifier: ISC */

/*
 * See xor.h.  For 64 octets at a time the compiler uses the widest words that
 * the processor has: twice as fast as words of eight.  memcpy, because neither
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
