/* SPDX-License-Identifier: ISC */

/*
 * The form of strong tokens, against what another implementation (hashlib and
 * base64 of Python) writes for the same octets: there and back, and that
 * nothing else is taken for one, however little is changed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/strong.h"
#include "manual.h"

static const char	 counted[] =
	"rk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-KkDXN";

static int
spoilt(const char *token)
{
	return (strong_spoilt((const uint8_t *)token, strlen(token)));
}

/* 0: it is one. */
static int
take(const char *token, uint8_t secret[STRONG_SECRET_LEN])
{
	size_t	 len = strlen(token);
	int	 ret;

	ret = strong_read((const uint8_t *)token, len, secret);
	assert_int_equal(strong_is((const uint8_t *)token, len), ret == 0);
	return (ret);
}

static void
expect_token(const uint8_t secret[STRONG_SECRET_LEN], const char *token)
{
	uint8_t	 back[STRONG_SECRET_LEN];
	char	 text[STRONG_LEN + 1];

	strong_write(secret, text);
	assert_string_equal(text, token);
	assert_int_equal(take(token, back), 0);
	assert_memory_equal(back, secret, sizeof(back));
	assert_false(spoilt(token));
}

static void
test_known(void **state)
{
	uint8_t	 secret[STRONG_SECRET_LEN];
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)i;
	expect_token(secret, counted);
	for (i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)(0xff - i);
	expect_token(secret,
	    "rk1-__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eBS4wRA");
	memset(secret, 0, sizeof(secret));
	expect_token(secret,
	    "rk1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACvGuJo");
	memset(secret, 0xff, sizeof(secret));
	expect_token(secret,
	    "rk1-__________________________________________88Gizu");
}

static void
test_manual(void **state)
{
	uint8_t	 secret[STRONG_SECRET_LEN];

	(void)state;
	assert_int_equal(manual_example("secret", secret, sizeof(secret)),
	    sizeof(secret));
	expect_token(secret, counted);
}

/* Each character counts, and so does each bit of it. */
static void
test_changed(void **state)
{
	uint8_t	 secret[STRONG_SECRET_LEN], none[STRONG_SECRET_LEN];
	char	 text[STRONG_LEN + 1];
	size_t	 i;
	int	 c;

	(void)state;
	memset(none, 0xa5, sizeof(none));
	for (i = 0; i < STRONG_LEN; i++)
		for (c = 1; c < 256; c++) {
			memcpy(text, counted, sizeof(text));
			if (text[i] == (char)c)
				continue;
			text[i] = (char)c;
			memcpy(secret, none, sizeof(secret));
			assert_int_equal(take(text, secret), -1);
			assert_memory_equal(secret, none, sizeof(none));
			/* with another beginning it may be anything */
			if (i >= 4)
				assert_true(spoilt(text));
		}
	for (i = 4; i < STRONG_LEN - 1; i++) {
		memcpy(text, counted, sizeof(text));
		if (text[i] == text[i + 1])
			continue;
		text[i] = counted[i + 1];
		text[i + 1] = counted[i];
		assert_int_equal(take(text, secret), -1);
		assert_true(spoilt(text));
	}
}

static void
test_length(void **state)
{
	uint8_t	 secret[STRONG_SECRET_LEN], raw[STRONG_LEN];
	char	 text[2 * STRONG_LEN + 1];
	size_t	 i;

	(void)state;
	for (i = 0; i < STRONG_LEN; i++) {
		memcpy(text, counted, i);
		text[i] = '\0';
		assert_int_equal(take(text, secret), -1);
		assert_int_equal(spoilt(text), i >= 4);
		/* without its beginning it is a token like any other */
		if (i > 0) {
			assert_int_equal(take(counted + i, secret), -1);
			assert_false(spoilt(counted + i));
		}
	}
	memcpy(raw, counted, sizeof(raw));
	raw[STRONG_LEN / 2] = '\0';
	assert_int_equal(strong_read(raw, sizeof(raw), secret), -1);
	assert_true(strong_spoilt(raw, sizeof(raw)));
}

/* What gets in when a token is copied, and what only reminds of one. */
static void
test_spoilt(void **state)
{
	uint8_t	 secret[STRONG_SECRET_LEN];

	(void)state;
	assert_true(spoilt("rk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-"
	    "KkDXN "));
	assert_true(spoilt(" rk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-"
	    "KkDXN"));
	assert_true(spoilt("\xef\xbb\xbfrk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	    "GBkaGxwdHh-KkDXN"));
	assert_true(spoilt("RK1-AAECAWQFBGCICQOLDA0ODXAREHMUFRYXGBKAGXWDHH-"
	    "KKDXN"));
	assert_int_equal(take("Rk1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-"
	    "KkDXN", secret), -1);
	assert_false(spoilt("mark1-mark2-mark3-mark4"));
	assert_false(spoilt("rk1"));
	assert_false(spoilt(""));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_spoilt)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
