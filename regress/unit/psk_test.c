/* SPDX-License-Identifier: ISC */

/*
 * Derivations from tokens, against values that another implementation (the
 * hashlib and hmac of Python) gives for the same token and name.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worker/keys/psk.h"

/* SHA-256 of "hello", in place of a truncated ClientHello. */
static const char	 hash_hex[] =
	"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

static void
expect_hex(const uint8_t *octets, size_t len, const char *hex)
{
	char	 text[2 * 64 + 1];
	size_t	 i;

	assert_int_equal(strlen(hex), 2 * len);
	for (i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", octets[i]);
	assert_string_equal(text, hex);
}

static void
unhex(const char *hex, uint8_t *octets)
{
	unsigned int	 octet;

	for (; *hex != '\0'; hex += 2) {
		assert_int_equal(sscanf(hex, "%2x", &octet), 1);
		*octets++ = (uint8_t)octet;
	}
}

static void
expect_psk(const char *name, const uint8_t *token, size_t len, const char *key,
    const char *identity, const char *finished, const char *binder)
{
	struct psk	 psk;
	uint8_t		 hash[PSK_HASH_LEN], out[PSK_HASH_LEN];
	size_t		 i;

	assert_int_equal(psk_make(&psk, name, token, len), 0);
	expect_hex(psk.key, sizeof(psk.key), key);
	expect_hex(psk.identity, sizeof(psk.identity), identity);
	expect_hex(psk.finished, sizeof(psk.finished), finished);
	unhex(hash_hex, hash);
	assert_int_equal(psk_binder(psk.finished, hash, out), 0);
	expect_hex(out, sizeof(out), binder);
	assert_true(psk_check(psk.finished, hash, out));
	for (i = 0; i < sizeof(out); i++) {
		out[i] ^= 1;
		assert_false(psk_check(psk.finished, hash, out));
		out[i] ^= 1;
		hash[i] ^= 0x80;
		assert_false(psk_check(psk.finished, hash, out));
		hash[i] ^= 0x80;
	}
}

static void
test_known(void **state)
{
	static const char	 token[] = "use_a_secret_that_only_you_know";
	uint8_t			 longest[TOKEN_MAX];
	char			 name[SERVICE_NAME_MAX];
	size_t			 i;

	(void)state;
	expect_psk("ssh", (const uint8_t *)token, sizeof(token) - 1,
	    "746ef8172d5780c671a7e28a4d9064cb61e2858ca221975b55bef582acb6d79a",
	    "055c72c54276378d209c96577f121827",
	    "e011792b4a113656874d5f5e76f7ec7272bf118e99bd0bb5cbeadfa489e43448",
	    "130444f2a9bc6db74ed5e742a8856cd44839cebe151b505591d1d47fe625c12a");
	for (i = 0; i < sizeof(longest); i++)
		longest[i] = (uint8_t)i;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	expect_psk(name, longest, sizeof(longest),
	    "0c49cf3e3226d9a516420cb6074799c9bee482112d332b7a671005eac533e6cc",
	    "906b36c1dcd11215cd60abd9c878d413",
	    "eff493a0f778b948de7967c4be169bef223b9ecaa6e7fd8a34801fb70eb37059",
	    "d1143d028910b9b42d0a4bde1bba8b1738421231be9817273b90760f4d4cefb7");
}

/* Name and token each count, and neither runs into the other. */
static void
test_different(void **state)
{
	struct psk	 a, b;

	(void)state;
	assert_int_equal(psk_make(&a, "ab", (const uint8_t *)"c", 1), 0);
	assert_int_equal(psk_make(&b, "a", (const uint8_t *)"bc", 2), 0);
	assert_memory_not_equal(a.key, b.key, KEY_LEN);
	assert_memory_not_equal(a.identity, b.identity, IDENTITY_LEN);
	assert_int_equal(psk_make(&b, "ab", (const uint8_t *)"d", 1), 0);
	assert_memory_not_equal(a.key, b.key, KEY_LEN);
	/* The quick part alone gives the same. */
	memcpy(b.key, a.key, KEY_LEN);
	assert_int_equal(psk_expand(&b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
}

/* Past what is set aside there is ordinary memory; all of it comes zeroed. */
static void
test_alloc(void **state)
{
	static uint8_t	*p[4000];
	size_t		 i, j;

	(void)state;
	for (i = 0; i < 4000; i++) {
		assert_non_null(p[i] = psk_alloc(500));
		for (j = 0; j < 500; j++)
			assert_int_equal(p[i][j], 0);
		memset(p[i], 0xff, 500);
	}
	for (i = 0; i < 4000; i++)
		psk_free(p[i], 500);
	assert_non_null(p[0] = psk_alloc(500));
	assert_int_equal(p[0][0], 0);
	psk_free(p[0], 500);
	psk_free(NULL, 500);
}

static int
setup(void **state)
{
	(void)state;
	return (psk_init());
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_different),
		cmocka_unit_test(test_alloc)
	};

	return (cmocka_run_group_tests(tests, setup, NULL));
}
