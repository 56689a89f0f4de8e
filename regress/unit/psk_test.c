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
#include "manual.h"

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

/* Tokens in which there is nothing to guess (strong_test.c has their form). */
static void
test_strong(void **state)
{
	static const char	 token[] =
	    "rk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-KkDXN";
	static const char	 down[] =
	    "rk1-__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eBS4wRA";
	struct psk		 a, b;
	uint8_t			 secret[STRONG_SECRET_LEN];
	char			 name[SERVICE_NAME_MAX];

	(void)state;
	expect_psk("ssh", (const uint8_t *)token, STRONG_LEN,
	    "0c79c2d3550ac3167b4ea79e3090e6cc70d07d9555494601ab3956673fd0332a",
	    "d81098f64143e5ce8e2ccbc23b088a44",
	    "54136dc269d8f6b18b9621cd0b34c724aa94a685b2d37c7f2e926b4d8b7e54db",
	    "7e6835c9c83b2ebde70392843974b2160b3a6d3a62885c71faf0d36fefad83ea");
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	expect_psk(name, (const uint8_t *)down, STRONG_LEN,
	    "83db84314ee372f1bb76dd9d0cf9821877b5b14a276903be87a978f1792b0e53",
	    "df90564eefbf6c7bc18a82ee68da9366",
	    "7b7f47e12be215488f54f21adc61f5ad077475bab7f779e8f5f7bc24ffa1929f",
	    "c5af9dbf994bd4105fd1f03131924296aaaf113fa3d8b4b723c98ea8f81a9e98");
	assert_int_equal(strong_read((const uint8_t *)token, STRONG_LEN,
	    secret), 0);
	assert_int_equal(psk_make(&a, "ssh", (const uint8_t *)token,
	    STRONG_LEN), 0);
	assert_int_equal(psk_derive(&b, "ssh", secret), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	/* Another service has another key. */
	assert_int_equal(psk_derive(&b, "ssi", secret), 0);
	assert_memory_not_equal(a.key, b.key, KEY_LEN);
	assert_memory_not_equal(a.identity, b.identity, IDENTITY_LEN);
}

/* With one character changed it is stretched, as any other. */
static void
test_spoilt(void **state)
{
	static const char	 token[] =
	    "rk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-KkDXA";
	struct psk		 psk;

	(void)state;
	assert_int_equal(psk_make(&psk, "ssh", (const uint8_t *)token,
	    STRONG_LEN), 0);
	expect_hex(psk.key, sizeof(psk.key),
	    "5eef778776380f13c550fdc00e713886a5ef980d5cdd11686803763a1b94a4bd");
}

/* The examples of rocket-protocol(7). */
static void
test_manual(void **state)
{
	static const char	 horse[] = "correct horse battery staple";
	struct psk		 psk;
	uint8_t			 octets[64];

	(void)state;
	assert_int_equal(psk_make(&psk, "ssh", (const uint8_t *)horse,
	    strlen(horse)), 0);
	assert_int_equal(manual_example("key", octets, sizeof(octets)),
	    KEY_LEN);
	assert_memory_equal(octets, psk.key, KEY_LEN);
	assert_int_equal(manual_example("identity", octets, sizeof(octets)),
	    IDENTITY_LEN);
	assert_memory_equal(octets, psk.identity, IDENTITY_LEN);
	assert_int_equal(manual_example("secret", octets, sizeof(octets)),
	    STRONG_SECRET_LEN);
	assert_int_equal(psk_derive(&psk, "ssh", octets), 0);
	assert_int_equal(manual_example("strong key", octets,
	    sizeof(octets)), KEY_LEN);
	assert_memory_equal(octets, psk.key, KEY_LEN);
	assert_int_equal(manual_example("strong identity", octets,
	    sizeof(octets)), IDENTITY_LEN);
	assert_memory_equal(octets, psk.identity, IDENTITY_LEN);
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
		cmocka_unit_test(test_strong),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_different),
		cmocka_unit_test(test_alloc)
	};

	return (cmocka_run_group_tests(tests, setup, NULL));
}
