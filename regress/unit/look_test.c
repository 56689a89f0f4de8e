/* SPDX-License-Identifier: ISC */

/*
 * Files of certificates, keys and authorities, looked at as a configuration is
 * read: which can be used, and what is said of the others.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "shared/log.h"
#include "worker/keys/look.h"
#include "worker/keys/psk.h"
#include "worker/keys/signkey.h"

#define DAY	(24L * 60 * 60)
#define DAMAGED	"-----BEGIN CERTIFICATE-----\nAAAA\n"		\
		"-----END CERTIFICATE-----\n"

static EVP_PKEY	*key, *other;
static uint32_t	 renew;		/* of the last answer */

static FILE *
file_new(void)
{
	FILE	*f = tmpfile();

	assert_non_null(f);
	return (f);
}

/* What is said of what was written into it: "" when it can be used. */
static const char *
look(FILE *f, const char *what, enum side side)
{
	static struct looked	 answer;
	int			 fd;

	assert_int_equal(fflush(f), 0);
	assert_int_not_equal(fd = dup(fileno(f)), -1);
	assert_int_equal(fclose(f), 0);
	look_at(side, what, fd, &answer);
	assert_int_equal(close(fd), -1);	/* it was closed */
	renew = answer.renew;
	assert_true(answer.failed || answer.words[0] == '\0' ||
	    strstr(answer.words, "valid") != NULL ||
	    strstr(answer.words, "expired on 20") != NULL ||
	    strstr(answer.words, "expires on 20") != NULL ||
	    strstr(answer.words, "never used") != NULL ||
	    strstr(answer.words, "RSA with") != NULL);
	return (answer.words);
}

static const char *
look_text(const char *text, const char *what)
{
	FILE	*f = file_new();

	assert_true(fputs(text, f) >= 0);
	return (look(f, what, SIDE_SERVER));
}

static void
put_key(FILE *f, EVP_PKEY *pkey)
{
	assert_int_equal(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL,
	    NULL), 1);
}

/* Valid from one day to another, seen from now; constraints may be NULL. */
static void
put_cert(FILE *f, EVP_PKEY *pkey, EVP_PKEY *signer, long from, long to,
    const char *constraints)
{
	static const unsigned char	 cn[] = "test", issuer[] = "signer";
	X509_EXTENSION			*ext;
	X509				*cert = X509_new();

	assert_non_null(cert);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), from * DAY);
	X509_gmtime_adj(X509_getm_notAfter(cert), to * DAY);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
	    MBSTRING_ASC, cn, -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN",
	    MBSTRING_ASC, pkey == signer ? cn : issuer, -1, -1, 0);
	assert_int_equal(X509_set_pubkey(cert, pkey), 1);
	if (constraints != NULL) {
		ext = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
		    constraints);
		assert_non_null(ext);
		assert_int_equal(X509_add_ext(cert, ext, -1), 1);
		X509_EXTENSION_free(ext);
	}
	assert_true(X509_sign(cert, signer, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	X509_free(cert);
}

/* ---- what can be used ---- */

static void
test_pair(void **state)
{
	FILE	*f;

	(void)state;
	put_cert(f = file_new(), key, other, -1, 30, NULL);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER), "");
	put_key(f = file_new(), key);
	assert_string_equal(look(f, LOOK_KEY, SIDE_SERVER), "");
	/* a client's, and with a chain of two; words between do not matter */
	f = file_new();
	put_cert(f, key, other, -1, 30, NULL);
	fputs("what is between it and its authority\n", f);
	put_cert(f, other, other, -1, 30, "critical,CA:TRUE");
	assert_string_equal(look(f, LOOK_CERT, SIDE_CLIENT), "");
	put_key(f = file_new(), key);
	assert_string_equal(look(f, LOOK_KEY, SIDE_CLIENT), "");
}

/* One that signs itself, alone, and ends within a month. */
static void
test_renew(void **state)
{
	FILE	*f;

	(void)state;
	put_cert(f = file_new(), key, key, -1, 20, NULL);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER), "");
	assert_int_equal(renew, 1);
	put_cert(f = file_new(), key, key, -20, -10, NULL);
	assert_non_null(strstr(look(f, LOOK_CERT, SIDE_SERVER), "expired"));
	assert_int_equal(renew, 1);
	put_cert(f = file_new(), key, key, -1, 40, NULL);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER), "");
	assert_int_equal(renew, 0);
	put_cert(f = file_new(), key, other, -1, 20, NULL);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER), "");
	assert_int_equal(renew, 0);
	f = file_new();
	put_cert(f, key, key, -1, 20, NULL);
	put_cert(f, other, other, -1, 30, "critical,CA:TRUE");
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER), "");
	assert_int_equal(renew, 0);
}

static void
test_not_its_key(void **state)
{
	FILE	*f;

	(void)state;
	put_cert(f = file_new(), key, other, -1, 30, NULL);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER), "");
	put_key(f = file_new(), other);
	assert_string_equal(look(f, LOOK_KEY, SIDE_SERVER),
	    "it is not the key of the certificate");
	/* after a certificate that is none there is nothing to compare */
	assert_string_equal(look_text("", LOOK_CERT), "no certificate in PEM");
	put_key(f = file_new(), other);
	assert_string_equal(look(f, LOOK_KEY, SIDE_SERVER), "");
	/* nor after another key */
	put_key(f = file_new(), key);
	assert_string_equal(look(f, LOOK_KEY, SIDE_SERVER), "");
}

static void
test_authorities(void **state)
{
	FILE	*f;

	(void)state;
	put_cert(f = file_new(), other, other, -1, 30, "critical,CA:TRUE");
	assert_string_equal(look(f, LOOK_CA, SIDE_CLIENT), "");
	/* one that signs itself may be trusted as it is */
	put_cert(f = file_new(), other, other, -1, 30, "CA:FALSE");
	assert_string_equal(look(f, LOOK_CA, SIDE_CLIENT), "");
	put_cert(f = file_new(), key, other, -1, 30, "CA:FALSE");
	assert_string_equal(look(f, LOOK_CA, SIDE_SERVER),
	    "no certificate in it is of an authority");
	assert_string_equal(look_text("nonsense\n", LOOK_CA),
	    "no certificate in PEM");
	f = file_new();
	put_cert(f, other, other, -1, 30, "critical,CA:TRUE");
	fputs(DAMAGED, f);
	assert_string_equal(look(f, LOOK_CA, SIDE_SERVER),
	    "a certificate in it is damaged");
}

/* ---- what cannot ---- */

static void
test_no_certificate(void **state)
{
	FILE	*f;

	(void)state;
	assert_string_equal(look_text("nonsense\n", LOOK_CERT),
	    "no certificate in PEM");
	assert_string_equal(look_text(DAMAGED, LOOK_CERT),
	    "a certificate in it is damaged");
	f = file_new();
	put_cert(f, key, other, -1, 30, NULL);
	fputs(DAMAGED, f);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER),
	    "a certificate in it is damaged");
	f = file_new();
	put_cert(f, key, other, -1, 30, NULL);
	fputs("-----BEGIN CERTIFICATE-----\nAAAA\n", f);	/* cut off */
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER),
	    "a certificate in it is damaged");
	f = file_new();
	assert_int_equal(ftruncate(fileno(f), 4 * 1024 * 1024), 0);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER),
	    "larger than 4 MiB");
}

/* What tls reads is no place for what it is to have no part in. */
static void
test_key_in_it(void **state)
{
	const char	*why;
	FILE		*f;

	(void)state;
	why = "it contains a private key, which the process that reads "
	    "it must not have";
	f = file_new();
	put_cert(f, key, other, -1, 30, NULL);
	put_key(f, key);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER), why);
	put_key(f = file_new(), key);
	assert_string_equal(look(f, LOOK_CA, SIDE_CLIENT), why);
}

static void
test_weak(void **state)
{
	EVP_PKEY	*weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA",
			    (size_t)512);
	EVP_PKEY	*wrong = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	FILE		*f;

	(void)state;
	assert_true(weak != NULL && wrong != NULL);
	put_cert(f = file_new(), weak, other, -1, 30, NULL);
	assert_non_null(strstr(look(f, LOOK_CERT, SIDE_SERVER),
	    "OpenSSL refuses it"));
	f = file_new();
	put_cert(f, key, other, -1, 30, NULL);
	put_cert(f, weak, other, -1, 30, "critical,CA:TRUE");
	assert_non_null(strstr(look(f, LOOK_CERT, SIDE_SERVER),
	    "OpenSSL refuses what is between"));
	put_cert(f = file_new(), wrong, other, -1, 30, NULL);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER),
	    "its key is neither RSA nor ECDSA nor Ed25519");
	EVP_PKEY_free(weak);
	EVP_PKEY_free(wrong);
}

static void
test_no_key(void **state)
{
	char	 secret[] = "a passphrase";
	FILE	*f;

	(void)state;
	assert_string_equal(look_text("", LOOK_KEY), "no private key in PEM");
	put_cert(f = file_new(), key, other, -1, 30, NULL);
	assert_string_equal(look(f, LOOK_KEY, SIDE_SERVER),
	    "no private key in PEM");
	f = file_new();
	assert_int_equal(PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(),
	    (unsigned char *)secret, sizeof(secret) - 1, NULL, NULL), 1);
	assert_string_equal(look(f, LOOK_KEY, SIDE_SERVER),
	    "the private key has a passphrase");
}

/* ---- days ---- */

static void
test_days(void **state)
{
	FILE	*f;

	(void)state;
	put_cert(f = file_new(), key, other, -3, -1, NULL);
	assert_non_null(strstr(look(f, LOOK_CERT, SIDE_SERVER),
	    "it expired on 20"));
	put_key(f = file_new(), key);
	assert_string_equal(look(f, LOOK_KEY, SIDE_SERVER), "");
	put_cert(f = file_new(), key, other, -3, 1, NULL);
	assert_non_null(strstr(look(f, LOOK_CERT, SIDE_SERVER),
	    "it expires on 20"));
	put_cert(f = file_new(), key, other, 1, 3, NULL);
	assert_non_null(strstr(look(f, LOOK_CERT, SIDE_CLIENT),
	    "it is not valid before 20"));
	f = file_new();
	put_cert(f, key, other, -1, 30, NULL);
	put_cert(f, other, other, -3, -1, "critical,CA:TRUE");
	assert_non_null(strstr(look(f, LOOK_CERT, SIDE_SERVER),
	    "a certificate between it and its authority expired on 20"));
	put_cert(f = file_new(), other, other, -3, -1, "critical,CA:TRUE");
	assert_string_equal(look(f, LOOK_CA, SIDE_CLIENT),
	    "of the authorities in it none is valid today");
	f = file_new();
	put_cert(f, other, other, -3, -1, "critical,CA:TRUE");
	put_cert(f, other, other, -1, 30, "critical,CA:TRUE");
	assert_string_equal(look(f, LOOK_CA, SIDE_CLIENT), "");
}

/* ---- pairs of one block ---- */

static void
test_beside(void **state)
{
	EVP_PKEY	*rsa;
	FILE		*f;

	(void)state;
	put_cert(f = file_new(), key, other, -1, 30, NULL);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER), "");
	put_key(f = file_new(), key);
	assert_string_equal(look(f, LOOK_KEY, SIDE_SERVER), "");
	put_cert(f = file_new(), other, other, -1, 30, NULL);
	assert_non_null(strstr(look(f, LOOK_ALSO, SIDE_SERVER),
	    "it is never used"));
	/* another block */
	put_cert(f = file_new(), other, other, -1, 30, NULL);
	assert_string_equal(look(f, LOOK_CERT, SIDE_SERVER), "");
	rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072);
	assert_non_null(rsa);
	put_cert(f = file_new(), rsa, other, -1, 30, NULL);
	assert_string_equal(look(f, LOOK_ALSO, SIDE_SERVER), "");
	put_key(f = file_new(), rsa);
	assert_non_null(strstr(look(f, LOOK_KEY, SIDE_SERVER),
	    "RSA with 3072 bits"));
	EVP_PKEY_free(rsa);
}

static int
setup(void **state)
{
	(void)state;
	if (psk_init() == -1)
		return (-1);
	signkey_init();
	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	return (key != NULL && other != NULL ? 0 : -1);
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	OPENSSL_cleanup();	/* which psk_init has put off */
	return (0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_renew),
		cmocka_unit_test(test_not_its_key),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_no_certificate),
		cmocka_unit_test(test_key_in_it),
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_beside)
	};

	log_init("look_test", LOGLEVEL_FATAL);
	return (cmocka_run_group_tests(tests, setup, teardown));
}
