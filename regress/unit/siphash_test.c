/* SPDX-License-Identifier: ISC */

/*
 * The vectors of SipHash's authors: octets 0, 1, 2... under the key 0, 1, 2...,
 * of each length up to two words; and that the key counts.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/siphash.h"

static const uint64_t	 vectors[] = {
	0x726fdb47dd0e0e31ULL, 0x74f839c593dc67fdULL, 0x0d6c8009d9a94f5aULL,
	0x85676696d7fb7e2dULL, 0xcf2794e0277187b7ULL, 0x18765564cd99a68dULL,
	0xcbc9466e58fee3ceULL, 0xab0200f58b01d137ULL, 0x93f5f5799a932462ULL,
	0x9e0082df0ba9e4b0ULL, 0x7a5dbbc594ddb9f3ULL, 0xf4b32f46226bada7ULL,
	0x751e8fbc860ee5fbULL, 0x14ea5627c0843d90ULL, 0xf723ca908e7af2eeULL,
	0xa129ca6149be45e5ULL
};

static void
test_vectors(void **state)
{
	struct sipkey	 key = { { 0x0706050403020100ULL,
			    0x0f0e0d0c0b0a0908ULL } };
	uint8_t		 octets[nitems(vectors)];
	size_t		 i;

	(void)state;
	for (i = 0; i < nitems(vectors); i++) {
		octets[i] = (uint8_t)i;
		assert_int_equal(siphash(&key, octets, i), vectors[i]);
	}
	key.k[1]++;
	assert_int_not_equal(siphash(&key, octets, 15), vectors[15]);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_vectors)
	};

	return (cmocka_run_group_tests_name("siphash", tests, NULL, NULL));
}
