/* SPDX-License-Identifier: ISC */

/* See siphash.h. */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "siphash.h"

#define ROL(x, n)	((x) << (n) | (x) >> (64 - (n)))

static void
sip_rounds(uint64_t *v, int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = ROL(v[1], 13) ^ v[0];
		v[3] = ROL(v[3], 16) ^ v[2];
		v[0] = ROL(v[0], 32) + v[3];
		v[2] += v[1];
		v[1] = ROL(v[1], 17) ^ v[2];
		v[3] = ROL(v[3], 21) ^ v[0];
		v[2] = ROL(v[2], 32);
	}
}

static void
sip_word(uint64_t *v, uint64_t word)
{
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
}

/* Up to eight octets, the first of them lowest. */
static uint64_t
sip_load(const uint8_t *p, size_t n)
{
	uint64_t	 word = 0;

	while (n-- > 0)
		word = word << 8 | p[n];
	return (word);
}

uint64_t
siphash(const struct sipkey *key, const void *data, size_t len)
{
	const uint8_t	*p = data;
	uint64_t	 v[4] = {
		key->k[0] ^ 0x736f6d6570736575ULL,
		key->k[1] ^ 0x646f72616e646f6dULL,
		key->k[0] ^ 0x6c7967656e657261ULL,
		key->k[1] ^ 0x7465646279746573ULL
	};
	size_t		 i;

	for (i = 0; i + 8 <= len; i += 8)
		sip_word(v, sip_load(p + i, 8));
	sip_word(v, sip_load(p + i, len - i) | (uint64_t)len << 56);
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return (v[0] ^ v[1] ^ v[2] ^ v[3]);
}
