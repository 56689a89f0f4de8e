/* SPDX-License-Identifier: ISC */

/*
 * Which hashes of passwords are taken: all that crypt(3) makes with the usual
 * settings, none that is cut or damaged, and none that takes too long.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "rocketd/conf/pwhash.h"

#define SALT22		"abcdefghijklmnopqrstuu"

static const char	 form[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz";

static void
bad(const char *hash, const char *words)
{
	const char	*fault;
	uint64_t	 us;

	if ((fault = pwhash_fault(hash, &us)) == NULL ||
	    strstr(fault, words) == NULL)
		fail_msg("%s: %s", hash, fault == NULL ? "taken" : fault);
}

/* What a check takes, of a hash that is taken. */
static uint64_t
cost(const char *hash)
{
	const char	*fault;
	uint64_t	 us;

	if ((fault = pwhash_fault(hash, &us)) != NULL)
		fail_msg("%s: %s", hash, fault);
	return (us);
}

/* A setting and, in place of the rest, so many digits that fit. */
static const char *
as(const char *setting, size_t digits)
{
	static char	 hash[512];
	size_t		 i, len;

	len = strlcpy(hash, setting, sizeof(hash));
	for (i = 0; i < digits; i++)
		hash[len + i] = form[i % 64];
	hash[len + i] = '\0';
	return (hash);
}

/* Each way that one may be damaged by a hand. */
static void
damaged(const char *whole)
{
	char		 hash[256];
	size_t		 len = strlen(whole), i;
	uint64_t	 us;

	for (i = 0; i < len; i++) {
		memcpy(hash, whole, i);
		hash[i] = '\0';
		assert_non_null(pwhash_fault(hash, &us));
		memcpy(hash, whole, len + 1);
		hash[i] = i % 2 ? ' ' : ':';
		assert_non_null(pwhash_fault(hash, &us));
	}
	snprintf(hash, sizeof(hash), "%s.", whole);
	assert_non_null(pwhash_fault(hash, &us));
	snprintf(hash, sizeof(hash), "%s:", whole);
	assert_non_null(pwhash_fault(hash, &us));
	snprintf(hash, sizeof(hash), " %s", whole);
	assert_non_null(pwhash_fault(hash, &us));
}

/* What crypt(3) itself makes is taken whole, and no part of it. */
static void
test_made(void **state)
{
	static const char *const	 settings[] = {
		"$2a$04$" SALT22, "$2b$04$" SALT22,
		/* where all of them are made */
		"$2y$05$" SALT22, "$5$s", "$5$rounds=1000$saltsaltsaltsalt",
		"$6$salt", "$6$rounds=1001$saltsaltsalt.alt",
		"$y$j75$saltsalt", "$y$j7T$abcdefghijklmnopqrstu1"
	};
	const char	*made;
	char		 hash[256];
	size_t		 i, n = CRYPT_MAKES_ALL ? nitems(settings) : 2;

	(void)state;
	for (i = 0; i < n; i++) {
		made = crypt("a password", settings[i]);
		assert_non_null(made);
		assert_int_equal(made[0], '$');
		assert_true(strlcpy(hash, made, sizeof(hash)) < sizeof(hash));
		assert_true(cost(hash) > 0);
		damaged(hash);
	}
}

static void
test_none(void **state)
{
	(void)state;
	bad("", "not a hash of a password; \"openssl passwd -6\" makes one");
	bad("hunter2", "not a hash");
	bad("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "not a hash");
	bad("ab01234567890", "not a hash");		/* DES */
	bad("*", "not a hash");
	bad("$", "no hash of a kind that is taken");
	bad("$1$YUNFvcnz$lt4P5FgsBw.myJN47Pu4R.", "openssl passwd -6");
	bad("$apr1$abcdefgh$abcdefghijklmnopqrstu.", "kind");
	bad(as("$2x$10$", 53), "kind");
	bad("$7$BU..../....gKoZxX9mJUtJRAw8jWciK.$x", "kind");
}

static void
test_bcrypt(void **state)
{
	(void)state;
	assert_true(cost(as("$2b$05$", 53)) < 20000);
	assert_true(cost(as("$2b$07$", 53)) < 20000);
	assert_true(cost(as("$2b$10$", 53)) > 20000);
	assert_true(cost(as("$2b$13$", 53)) < 1000000);
	bad(as("$2b$14$", 53), "more than a second");
	bad(as("$2b$31$", 53), "more than a second");
	bad(as("$2b$32$", 53), "not whole");
	bad(as("$2b$03$", 53), "not whole");
	bad(as("$2b$5$", 53), "not whole");
	bad(as("$2b$-5$", 53), "not whole");
	bad(as("$2b$ 5$", 53), "not whole");
	bad(as("$2b$05$", 52), "not whole");
	bad(as("$2b$05$", 54), "not whole");
}

static void
test_sha(void **state)
{
	(void)state;
	if (!CRYPT_MAKES_ALL)
		return;
	assert_true(cost(as("$6$salt$", 86)) < 20000);
	assert_true(cost(as("$5$salt$", 43)) < 20000);
	assert_true(cost(as("$6$rounds=100000$salt$", 86)) > 20000);
	assert_int_equal(cost(as("$6$rounds=1000000$salt$", 86)), 800000);
	bad(as("$6$rounds=1000001$salt$", 86), "more than a second");
	bad(as("$6$rounds=999999999$salt$", 86), "more than a second");
	bad(as("$6$rounds=1000000000$salt$", 86), "rounds are no number");
	bad(as("$6$rounds=999$salt$", 86), "rounds are no number");
	bad(as("$6$rounds=05000$salt$", 86), "rounds are no number");
	bad(as("$6$rounds= 5000$salt$", 86), "rounds are no number");
	bad(as("$6$rounds=+5000$salt$", 86), "rounds are no number");
	bad(as("$6$rounds=$salt$", 86), "rounds are no number");
	bad(as("$6$rounds=5000", 86), "not whole");
	bad(as("$6$$", 86), "not whole");
	bad(as("$6$saltsaltsaltsalts$", 86), "not whole");
	bad(as("$6$salt$", 85), "not whole");
	bad(as("$6$salt$", 43), "not whole");
	bad(as("$5$salt$", 86), "not whole");
}

static void
test_yescrypt(void **state)
{
	(void)state;
	if (!CRYPT_MAKES_ALL)
		return;
	assert_true(cost(as("$y$j75$salt$", 43)) < 20000);
	assert_true(cost(as("$y$j9T$salt$", 43)) > 20000);
	/* 64 MiB, and twice as much */
	assert_true(cost(as("$y$jBT$salt$", 43)) < 1000000);
	bad(as("$y$jCT$salt$", 43), "64 MiB");
	bad(as("$y$jjT$salt$", 43), "64 MiB");
	bad(as("$y$jfj$salt$", 43), "64 MiB");
	bad(as("$y$jzT$salt$", 43), "parameters");
	bad(as("$y$j9T/$salt$", 43), "parameters");
	bad(as("$y$/9T$salt$", 43), "usual kind");
	bad(as("$y$j9T$salt$", 42), "not whole");
	bad(as("$y$j9T$$", 43), "not whole");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_bcrypt),
		cmocka_unit_test(test_sha),
		cmocka_unit_test(test_yescrypt)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
