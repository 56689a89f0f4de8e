/* SPDX-License-Identifier: ISC */

/*
 * A key stream over octets: against one octet at a time, from every position
 * and in every piece.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "worker/tunnel/xor.h"

#define LEN	(3 * XOR_STREAM + 77)

static struct xor	 x;
static uint8_t		 plain[LEN + 8], want[LEN], got[LEN + 8];

static int
setup(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < XOR_STREAM; i++)
		x.stream[i] = (uint8_t)(i * 167 + (i >> 8) + 1);
	for (i = 0; i < LEN; i++) {
		plain[i] = (uint8_t)(i * 31 + (i >> 7));
		want[i] = plain[i] ^ x.stream[i % XOR_STREAM];
	}
	x.pos = 0;
	return (0);
}

static void
test_whole(void **state)
{
	size_t	 align;

	(void)state;
	for (align = 0; align < 8; align++) {
		x.pos = 0;
		memcpy(got + align, plain, LEN);
		xor_apply(&x, got + align, LEN);
		assert_memory_equal(got + align, want, LEN);
		x.pos = 0;
		xor_apply(&x, got + align, LEN);
		assert_memory_equal(got + align, plain, LEN);
	}
}

static void
test_pieces(void **state)
{
	size_t	 piece, off, n;

	(void)state;
	for (piece = 1; piece < XOR_STREAM + 20; piece++) {
		x.pos = 0;
		memcpy(got, plain, LEN);
		for (off = 0; off < LEN; off += n) {
			n = piece < LEN - off ? piece : LEN - off;
			xor_apply(&x, got + off, n);
		}
		assert_memory_equal(got, want, LEN);
	}
}

static void
test_nothing(void **state)
{
	(void)state;
	x.pos = 5;
	xor_apply(&x, got, 0);
	assert_int_equal(x.pos, 5);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_whole, setup),
		cmocka_unit_test_setup(test_pieces, setup),
		cmocka_unit_test_setup(test_nothing, setup),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
