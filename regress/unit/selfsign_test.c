/* SPDX-License-Identifier: ISC */

/*
 * Self-signed certificates: what a new one is like, and that one made anew
 * differs from the old one in number and dates only.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "worker/crypto/selfsign.h"

#define DAY	(24L * 60 * 60)

static FILE	*cert, *key;
static char	 day[SELFSIGN_DAY];

static X509 *
read_cert(FILE *f)
{
	X509	*x;

	rewind(f);
	assert_non_null(x = PEM_read_X509(f, NULL, NULL, NULL));
	return (x);
}

static EVP_PKEY *
read_key(FILE *f)
{
	EVP_PKEY	*k;

	rewind(f);
	assert_non_null(k = PEM_read_PrivateKey(f, NULL, NULL, NULL));
	return (k);
}

/* Does it end between so many days from now? */
static int
ends(const X509 *x, long from, long to)
{
	int	 days, seconds;

	assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL,
	    X509_get0_notAfter(x)), 1);
	return (days >= from && days <= to);
}

static int
setup(void **state)
{
	(void)state;
	selfsign_init();
	cert = tmpfile();
	key = tmpfile();
	if (cert == NULL || key == NULL)
		return (-1);
	return (selfsign_new(fileno(cert), fileno(key), day) != NULL);
}

static int
teardown(void **state)
{
	(void)state;
	return (fclose(cert) == EOF || fclose(key) == EOF);
}

static void
test_new(void **state)
{
	EVP_PKEY	*k = read_key(key);
	X509		*x = read_cert(cert);
	int		 y, m, d;

	(void)state;
	assert_int_equal(X509_check_private_key(x, k), 1);
	assert_int_equal(X509_self_signed(x, 1), 1);
	assert_int_equal(X509_check_ca(x), 0);
	assert_true(ends(x, 3649, 3650));
	assert_int_equal(sscanf(day, "%d-%d-%d", &y, &m, &d), 3);
	X509_free(x);
	EVP_PKEY_free(k);
}

/* Writes another in its place, which ends so many days from now. */
static void
shorten(X509 *x, EVP_PKEY *k, long days)
{
	X509_gmtime_adj(X509_getm_notAfter(x), days * DAY);
	assert_true(X509_sign(x, k, EVP_sha256()) > 0);
	rewind(cert);
	assert_int_equal(ftruncate(fileno(cert), 0), 0);
	assert_int_equal(PEM_write_X509(cert, x), 1);
	assert_int_equal(fflush(cert), 0);
}

static void
test_renew(void **state)
{
	EVP_PKEY	*k = read_key(key);
	X509		*x = read_cert(cert), *y;
	FILE		*f = tmpfile();

	(void)state;
	assert_non_null(f);
	shorten(x, k, 3);
	assert_null(selfsign_renew(fileno(f), fileno(cert), fileno(key), day));
	y = read_cert(f);
	assert_int_equal(X509_check_private_key(y, k), 1);
	assert_int_equal(X509_self_signed(y, 1), 1);
	assert_true(ends(x, 2, 3) && ends(y, 3649, 3650));
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(x),
	    X509_get0_serialNumber(y)), 0);
	assert_int_equal(X509_NAME_cmp(X509_get_subject_name(x),
	    X509_get_subject_name(y)), 0);
	assert_int_equal(X509_get_ext_count(y), X509_get_ext_count(x));
	assert_true(X509_get_ext_by_NID(y, NID_subject_alt_name, -1) >= 0);
	X509_free(y);
	X509_free(x);
	EVP_PKEY_free(k);
	fclose(f);
}

static void
refused(FILE *old, FILE *k, const char *words)
{
	FILE		*f = tmpfile();
	const char	*why;

	assert_non_null(f);
	why = selfsign_renew(fileno(f), fileno(old), fileno(k), day);
	assert_string_equal(why, words);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	assert_int_equal(ftell(f), 0);		/* nothing was written */
	fclose(f);
}

static void
test_refused(void **state)
{
	FILE	*c = tmpfile(), *k = tmpfile(), *none = tmpfile();

	(void)state;
	assert_true(c != NULL && k != NULL && none != NULL);
	assert_null(selfsign_new(fileno(c), fileno(k), day));
	refused(cert, k, "its key has not signed it");
	refused(none, key, "it or its key cannot be read");
	refused(cert, none, "it or its key cannot be read");
	/* a file that takes nothing */
	fclose(none);
	assert_non_null(none = fopen("/dev/full", "w"));
	assert_string_equal(selfsign_new(fileno(none), fileno(k), day),
	    "No space left on device");
	assert_string_equal(selfsign_renew(fileno(none), fileno(cert),
	    fileno(key), day), "No space left on device");
	fclose(none);
	fclose(c);
	fclose(k);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest	 tests[] = {
		T(test_new),
		T(test_renew),
		T(test_refused)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
