/* SPDX-License-Identifier: ISC */

/*
 * Arbitrary octets as a stream of blocks, cut and written in pieces that the
 * first octet chooses; or, packed first, they must come out as they went in.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/relay/lz.h"

#define ROOM	(64 * 1024)	/* so that memory is short at times */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(int truth)
{
	if (!truth)
		abort();
}

/* Returns the plain octets that came out, all of p if want is not NULL. */
static void
unpack(struct lz *lz, const uint8_t *p, size_t len, size_t piece,
    size_t room, const uint8_t *want, size_t want_len)
{
	const uint8_t	*from;
	size_t		 n, give, took, done = 0, got = 0;

	while (done < len || lz_waits(lz) > 0) {
		give = len - done < piece ? len - done : piece;
		if (lz_unpack(lz, p + done, give, room, &from, &n) == -1) {
			check(want == NULL);
			return;
		}
		if (n > piece)
			n = piece;
		if (want != NULL) {
			check(n <= want_len - got);
			check(n == 0 || memcmp(from, want + got, n) == 0);
		}
		got += n;
		took = lz_wrote(lz, n);
		check(took <= give && (took > 0 || n > 0));
		check(lz_held(lz) <= 1024 * 1024);
		done += took;
	}
	check(want == NULL || (got == want_len && lz_whole(lz)));
}

static void
round_trip(const uint8_t *p, size_t len, size_t piece)
{
	struct lz	*a = lz_new(1), *b = lz_new(1);
	uint8_t		*out = NULL, *to;
	size_t		 n, max, size = 4 * len + 64, done = 0, put = 0;

	check(a != NULL && b != NULL && (out = malloc(size)) != NULL);
	for (;;) {
		max = size - put < 3 * piece ? size - put : 3 * piece;
		if ((n = lz_rest(a, out + put, max)) > 0) {
			put += n;
			continue;
		}
		if (done == len)
			break;
		to = lz_space(a, out + put, max, &n);
		if (n > len - done)
			n = len - done;
		memcpy(to, p + done, n);
		done += n;
		put += lz_pack(a, out + put, max, n, 0);
	}
	unpack(b, out, put, piece, SIZE_MAX, p, len);
	free(out);
	lz_free(a);
	lz_free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz	*lz;
	size_t		 piece;

	if (size == 0)
		return (0);
	piece = (size_t)1 << (data[0] & 15);
	if (data[0] & 0x80)
		round_trip(data + 1, size - 1, piece);
	else if ((lz = lz_new(1)) != NULL) {
		unpack(lz, data + 1, size - 1, piece, ROOM, NULL, 0);
		lz_free(lz);
	}
	return (0);
}
