/* SPDX-License-Identifier: ISC */

/*
 * Where bodies of requests end: by length, in chunks, malformed; whole and cut
 * at each place.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/httpbody.h"

/* Pieces of so many octets: how many in all are the body's. */
static size_t
taken(struct httpbody *b, const void *octets, size_t len, size_t piece)
{
	const uint8_t	*p = octets;
	size_t		 at, n, give;

	for (at = 0; at < len; at += n) {
		give = len - at < piece ? len - at : piece;
		n = httpbody_take(b, p + at, give);
		assert_true(n <= give);
		assert_true(n == give || httpbody_ended(b));
		if (n < give)
			return (at + n);
	}
	return (at);
}

/* In chunks: so many are its own, and then it has ended, or not. */
static void
expect(const char *octets, size_t own, int ended, int good)
{
	struct httpbody	 b;
	size_t		 len = strlen(octets), piece;

	for (piece = 1; piece <= len; piece++) {
		httpbody_chunked(&b);
		assert_int_equal(taken(&b, octets, len, piece), own);
		assert_int_equal(httpbody_ended(&b), ended);
		assert_int_equal(b.why == NULL, good);
	}
}

static void
test_length(void **state)
{
	static const uint8_t	 octets[10];
	struct httpbody		 b;
	size_t			 piece, length;

	(void)state;
	for (length = 0; length <= 11; length++)
		for (piece = 1; piece <= 10; piece++) {
			httpbody_length(&b, length);
			assert_int_equal(taken(&b, octets, 10, piece),
			    length < 10 ? length : 10);
			assert_int_equal(httpbody_ended(&b), length <= 10);
			assert_null(b.why);
		}
	httpbody_length(&b, UINT64_MAX);
	assert_int_equal(taken(&b, octets, 10, 10), 10);
	assert_false(httpbody_ended(&b));
	httpbody_all(&b);
	assert_int_equal(taken(&b, octets, 10, 3), 10);
	assert_false(httpbody_ended(&b));
}

static void
test_chunks(void **state)
{
	(void)state;
	expect("0\r\n\r\nGET /", 5, 1, 1);
	expect("0\r\n\r\n", 5, 1, 1);
	expect("0\r\n\r", 4, 0, 1);
	expect("3\r\nabc\r\n0\r\n\r\nGET", 13, 1, 1);
	expect("3\r\nabc\r\n1\r\nd\r\n0\r\n\r\nGET", 19, 1, 1);
	expect("003\r\n\r\n\r\r\n00\r\n\r\n\r\n", 16, 1, 1);
	expect("a\r\n0123456789\r\nA;x=\"y\"\r\n0123456789\r\n0 ; z\r\n"
	    "\r\n0", 45, 1, 1);
	expect("0\r\nA: b\r\nC: d\r\n\r\nGET", 17, 1, 1);
	expect("fffffffffffffff\r\nabc", 20, 0, 1);
}

/* It ends before what is wrong. */
static void
test_malformed(void **state)
{
	(void)state;
	expect("GET / HTTP/1.1\r\n", 0, 1, 0);
	expect("\r\n", 0, 1, 0);
	expect(";\r\n", 0, 1, 0);
	expect(" 3\r\n", 0, 1, 0);
	expect("-1\r\n", 0, 1, 0);
	expect("0x3\r\nabc", 1, 1, 0);
	expect("3\nabc", 1, 1, 0);
	expect("3\rabc", 2, 1, 0);
	expect("3;a\nabc", 3, 1, 0);
	expect("3;a\rabc", 4, 1, 0);
	expect("3\r\nabcd", 6, 1, 0);
	expect("3\r\nabc\n0", 6, 1, 0);
	expect("3\r\nabc\r0", 7, 1, 0);
	expect("3\r\nabc\r\n\r\n", 8, 1, 0);
	expect("0\r\n\n", 3, 1, 0);
	expect("0\r\n\rG", 4, 1, 0);
	expect("0\r\nA: b\nC", 7, 1, 0);
	expect("0\r\nA: b\rC", 8, 1, 0);
	expect("0000000000000000\r\n", 15, 1, 0);
	expect("1000000000000000\r\n", 15, 1, 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_malformed)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
