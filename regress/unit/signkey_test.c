/* SPDX-License-Identifier: ISC */

/*
 * Private keys of certificates: what keys signs and what not, for whom; and,
 * with the key that stands for one in a tls process, whole handshakes.
 */

#include <sys/types.h>

#include <fcntl.h>
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
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "shared/log.h"
#include "worker/keys/psk.h"
#include "worker/keys/signkey.h"
#include "worker/crypto/tlskey.h"

static struct msg_channel	 server, client, other;
static struct msg_sign		 asked[4];
static int			 nasked;

static void
ask(const struct msg_sign *msg)
{
	assert_true(nasked < 4);
	asked[nasked++] = *msg;
}

/* Of a kind, in a file as the parent would lend it. */
static EVP_PKEY *
make(const char *kind)
{
	if (strcmp(kind, "EC") == 0)
		return (EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
	if (strcmp(kind, "RSA") == 0)
		return (EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
	return (EVP_PKEY_Q_keygen(NULL, NULL, kind));
}

static int
file_of(EVP_PKEY *pkey, const char *text)
{
	char	 path[] = "/tmp/rocketd-signkey.XXXXXXXXXX";
	FILE	*f;
	int	 fd;

	assert_int_not_equal(fd = mkstemp(path), -1);
	assert_int_equal(unlink(path), 0);
	assert_non_null(f = fdopen(dup(fd), "w"));
	if (pkey != NULL)
		assert_int_equal(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0,
		    NULL, NULL), 1);
	else
		assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return (fd);
}

/* Taken, or why not. */
static const char *
add(const struct msg_channel *whose, int fd)
{
	struct msg_pem	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.side = whose->side;
	msg.index = whose->index;
	strlcpy(msg.path, "test.key", sizeof(msg.path));
	return (signkey_add(&msg, fd, NULL));
}

static void
spki_of(EVP_PKEY *pkey, uint8_t hash[HASH_LEN])
{
	unsigned char	*der = NULL;
	int		 len = i2d_PUBKEY(pkey, &der);

	assert_true(len > 0);
	SHA256(der, (size_t)len, hash);
	OPENSSL_free(der);
}

/* What TLS 1.3 has signed, of a side. */
static void
verify(struct msg_sign *m, const char *side, uint32_t scheme)
{
	memset(m, 0, sizeof(*m));
	m->number = 7;
	m->scheme = scheme;
	memset(m->data, ' ', 64);
	m->len = 64 + (uint32_t)snprintf((char *)m->data + 64, 64,
	    "TLS 1.3, %s CertificateVerify", side) + 1;
	memset(m->data + m->len, 0x5a, 32);
	m->len += 32;
}

/* And TLS 1.2: randoms, x25519, 32 octets. */
static void
exchange(struct msg_sign *m, uint32_t scheme)
{
	memset(m, 0, sizeof(*m));
	m->scheme = scheme;
	memset(m->data, 0x11, 64);
	m->data[64] = 3;
	m->data[66] = 29;
	m->data[67] = 32;
	m->len = 68 + 32;
}

static void
test_permits(void **state)
{
	struct msg_sign	 m, bad;

	(void)state;
	verify(&m, "server", SIGN_ED25519);
	assert_true(signkey_permits(&m, SIDE_SERVER));
	assert_false(signkey_permits(&m, SIDE_CLIENT));
	m.len += 16;			/* SHA-384 */
	assert_true(signkey_permits(&m, SIDE_SERVER));
	m.len++;
	assert_false(signkey_permits(&m, SIDE_SERVER));
	verify(&m, "client", SIGN_RSA_PSS_SHA256);
	assert_true(signkey_permits(&m, SIDE_CLIENT));
	assert_false(signkey_permits(&m, SIDE_SERVER));
	/* PKCS #1 is gone in 1.3 */
	verify(&m, "server", SIGN_RSA_PKCS1_SHA256);
	assert_false(signkey_permits(&m, SIDE_SERVER));
	verify(&m, "server", SIGN_ECDSA_SHA256);
	bad = m;
	bad.data[63] = 0;
	assert_false(signkey_permits(&bad, SIDE_SERVER));
	bad = m;
	bad.data[64 + 33 - 1] = 'x';
	assert_false(signkey_permits(&bad, SIDE_SERVER));
	bad = m;
	bad.scheme = 0x0201;		/* with SHA-1 */
	assert_false(signkey_permits(&bad, SIDE_SERVER));

	exchange(&m, SIGN_RSA_PKCS1_SHA256);
	assert_true(signkey_permits(&m, SIDE_SERVER));
	assert_false(signkey_permits(&m, SIDE_CLIENT));
	bad = m;
	bad.data[64] = 1;		/* a curve of one's own */
	assert_false(signkey_permits(&bad, SIDE_SERVER));
	bad = m;
	bad.data[66] = 22;
	assert_false(signkey_permits(&bad, SIDE_SERVER));
	bad = m;
	bad.len++;
	assert_false(signkey_permits(&bad, SIDE_SERVER));
	bad.len = 68;
	assert_false(signkey_permits(&bad, SIDE_SERVER));
	bad.len = UINT32_MAX;
	assert_false(signkey_permits(&bad, SIDE_SERVER));
}

static void
test_whose(void **state)
{
	struct msg_signed	 out;
	struct msg_sign		 m;
	EVP_PKEY		*pkey = make("ED25519");
	EVP_MD_CTX		*ctx = EVP_MD_CTX_new();

	(void)state;
	signkey_begin();
	assert_null(add(&server, file_of(pkey, NULL)));
	verify(&m, "server", SIGN_ED25519);
	spki_of(pkey, m.spki);
	signkey_sign(&server, &m, &out);
	assert_int_equal(out.len, 0);		/* not in force yet */
	signkey_commit();
	signkey_sign(&server, &m, &out);
	assert_int_equal(out.number, 7);
	assert_int_equal(out.len, 64);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey),
	    1);
	assert_int_equal(EVP_DigestVerify(ctx, out.signature, out.len,
	    m.data, m.len), 1);
	/* another block's process, the same of the other side */
	signkey_sign(&other, &m, &out);
	assert_int_equal(out.len, 0);
	signkey_sign(&client, &m, &out);
	assert_int_equal(out.len, 0);
	/* a scheme that is not this key's */
	m.scheme = SIGN_ECDSA_SHA256;
	signkey_sign(&server, &m, &out);
	assert_int_equal(out.len, 0);
	m.scheme = SIGN_ED25519;
	m.spki[0] ^= 1;
	signkey_sign(&server, &m, &out);
	assert_int_equal(out.len, 0);
	m.spki[0] ^= 1;
	/* a set without it */
	signkey_begin();
	signkey_commit();
	signkey_sign(&server, &m, &out);
	assert_int_equal(out.len, 0);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

/* Does keys sign for this tls with that key? */
static int
signs(const struct msg_channel *whose, EVP_PKEY *pkey)
{
	struct msg_sign		 m;
	struct msg_signed	 out;

	verify(&m, "server", SIGN_ED25519);
	spki_of(pkey, m.spki);
	signkey_sign(whose, &m, &out);
	return (out.len != 0);
}

static void
commit(EVP_PKEY *a, EVP_PKEY *b)
{
	signkey_begin();
	if (a != NULL)
		assert_null(add(&server, file_of(a, NULL)));
	if (b != NULL)
		assert_null(add(&server, file_of(b, NULL)));
	signkey_commit();
}

/*
 * A tls that cannot use its new certificates goes on with the earlier ones, and
 * so has to have their keys: until a new one is used, or there is none.
 */
static void
test_replaced(void **state)
{
	EVP_PKEY	*a = make("ED25519"), *b = make("ED25519");
	EVP_PKEY	*c = make("ED25519");

	(void)state;
	commit(a, NULL);
	assert_true(signs(&server, a));
	/* twice over, without having been used in between */
	commit(b, NULL);
	commit(c, NULL);
	assert_true(signs(&server, a));
	assert_false(signs(&other, a));
	assert_true(signs(&server, c));
	assert_false(signs(&server, a));
	assert_false(signs(&server, b));
	/* The one in use was never used before others came. */
	commit(b, NULL);
	commit(a, NULL);
	assert_true(signs(&server, b));
	assert_true(signs(&server, b));
	assert_true(signs(&server, a));
	assert_false(signs(&server, b));
	commit(c, NULL);
	assert_true(signs(&server, c));
	/* One that stays says nothing about the one that comes with it. */
	commit(c, b);
	commit(c, a);
	assert_true(signs(&server, c));
	assert_true(signs(&server, b));
	assert_true(signs(&server, a));
	assert_false(signs(&server, b));
	/* A new one that is none. */
	signkey_begin();
	assert_non_null(add(&server, file_of(NULL, "nonsense")));
	signkey_commit();
	assert_true(signs(&server, a));
	/* No new one: what is gone is gone. */
	commit(c, NULL);
	assert_true(signs(&server, c));
	assert_false(signs(&server, a));
	commit(a, NULL);
	commit(NULL, NULL);
	assert_false(signs(&server, c));
	assert_false(signs(&server, a));
	/* And at the end all. */
	commit(a, NULL);
	commit(b, NULL);
	signkey_wipe();
	assert_false(signs(&server, a));
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(c);
}

static void
test_unfit(void **state)
{
	EVP_PKEY	*pkey = make("X25519"), *big;
	struct msg_sign	 m;
	struct msg_signed out;

	(void)state;
	signkey_begin();
	assert_string_equal(add(&server, file_of(NULL, "")),
	    "no private key in PEM");
	assert_string_equal(add(&server, file_of(NULL,
	    "-----BEGIN PRIVATE KEY-----\nAAAA\n")), "no private key in PEM");
	assert_string_equal(add(&server, file_of(pkey, NULL)),
	    "neither RSA nor ECDSA nor Ed25519");
	big = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_null(add(&server, file_of(big, NULL)));
	signkey_commit();
	verify(&m, "server", SIGN_ED25519);
	spki_of(big, m.spki);
	signkey_sign(&server, &m, &out);
	assert_int_equal(out.len, 64);		/* the others did no harm */
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(big);
}

/* ---- handshakes ---- */

static X509 *
certificate(EVP_PKEY *pkey)
{
	X509		*x = X509_new();
	X509_NAME	*name;

	assert_non_null(x);
	name = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, pkey);
	assert_true(X509_sign(x, pkey, EVP_PKEY_is_a(pkey, "ED25519") ? NULL :
	    EVP_sha256()) > 0);
	return (x);
}

/* -1: failed, 0: waits for keys, 1: both are through. */
static int
shake(SSL *s, SSL *c)
{
	int	 i, rs = 0, rc = 0, error;

	for (i = 0; i < 20; i++) {
		rc = SSL_do_handshake(c);
		if (rc != 1 && SSL_get_error(c, rc) != SSL_ERROR_WANT_READ)
			return (-1);
		tlskey_enter(s, NULL);
		rs = SSL_do_handshake(s);
		error = rs == 1 ? 0 : SSL_get_error(s, rs);
		if (error == SSL_ERROR_WANT_ASYNC)
			return (0);
		if (rs != 1 && error != SSL_ERROR_WANT_READ)
			return (-1);
		if (rs == 1 && rc == 1)
			return (1);
	}
	return (-1);
}

static void
join(SSL *s, SSL *c)
{
	BIO	*a, *b;

	assert_int_equal(BIO_new_bio_pair(&a, 65536, &b, 65536), 1);
	SSL_set_bio(s, a, a);
	SSL_set_bio(c, b, b);
	SSL_set_accept_state(s);
	SSL_set_connect_state(c);
}

/* answer: 1 by keys, 0 with a refusal, -1 not at all. */
static int
handshake(const char *kind, int version, int answer)
{
	struct msg_signed	 out;
	EVP_PKEY		*pkey = make(kind), *stand;
	SSL_CTX			*sctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX			*cctx = SSL_CTX_new(TLS_client_method());
	X509			*cert = certificate(pkey);
	SSL			*s, *c;
	int			 r;

	signkey_begin();
	assert_null(add(&server, file_of(pkey, NULL)));
	signkey_commit();
	assert_non_null(stand = tlskey_new(cert));
	SSL_CTX_set_mode(sctx, SSL_MODE_ASYNC);
	SSL_CTX_set_max_proto_version(cctx, version);
	assert_int_equal(SSL_CTX_use_certificate(sctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(sctx, stand), 1);
	s = SSL_new(sctx);
	c = SSL_new(cctx);
	join(s, c);
	nasked = 0;
	assert_int_equal(shake(s, c), 0);
	assert_int_equal(nasked, 1);
	tlskey_again();				/* keys has died */
	assert_int_equal(nasked, 2);
	assert_memory_equal(&asked[0], &asked[1], sizeof(asked[0]));
	if (answer == 1)
		signkey_sign(&server, &asked[0], &out);
	else
		memset(&out, 0, sizeof(out));
	out.number = asked[0].number + 1;
	assert_null(tlskey_answer(&out));	/* of no request */
	out.number--;
	if (answer == -1)
		assert_true(tlskey_cancel(s));
	else
		assert_ptr_equal(tlskey_answer(&out), s);
	assert_false(tlskey_cancel(s));
	r = shake(s, c);
	if (r == 1)
		assert_int_equal(SSL_version(c), version);
	SSL_free(s);
	SSL_free(c);
	SSL_CTX_free(sctx);
	SSL_CTX_free(cctx);
	EVP_PKEY_free(stand);
	EVP_PKEY_free(pkey);
	X509_free(cert);
	return (r);
}

static void
test_handshakes(void **state)
{
	static const char *const	 kinds[] = { "RSA", "EC", "ED25519" };
	size_t				 i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(handshake(kinds[i], TLS1_3_VERSION, 1), 1);
		assert_int_equal(handshake(kinds[i], TLS1_2_VERSION, 1), 1);
		assert_int_equal(handshake(kinds[i], TLS1_3_VERSION, 0), -1);
		assert_int_equal(handshake(kinds[i], TLS1_2_VERSION, -1), -1);
	}
}

/* The one that stands for a key is not taken for another certificate's. */
static void
test_belongs(void **state)
{
	SSL_CTX		*ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY	*a = make("EC"), *b = make("EC"), *stand;
	X509		*x = certificate(a), *y = certificate(b);

	(void)state;
	assert_non_null(stand = tlskey_new(x));
	assert_int_equal(EVP_PKEY_get_size(stand), EVP_PKEY_get_size(a));
	assert_int_equal(SSL_CTX_use_certificate(ctx, y), 1);
	(void)SSL_CTX_use_PrivateKey(ctx, stand);
	assert_int_equal(SSL_CTX_check_private_key(ctx), 0);
	SSL_CTX_free(ctx);
	EVP_PKEY_free(stand);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	X509_free(x);
	X509_free(y);
}

static int
prepare(void **state)
{
	(void)state;
	server.side = other.side = SIDE_SERVER;
	client.side = SIDE_CLIENT;
	other.index = 1;
	log_init("signkey_test", LOGLEVEL_FATAL);
	signkey_init();
	return (psk_init() == 0 && tlskey_init(ask) == 0 ? 0 : -1);
}

static int
finish(void **state)
{
	(void)state;
	signkey_wipe();
	OPENSSL_cleanup();	/* which psk_init has put off */
	return (0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_permits),
		cmocka_unit_test(test_whose),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_handshakes),
		cmocka_unit_test(test_belongs)
	};

	return (cmocka_run_group_tests(tests, prepare, finish));
}
