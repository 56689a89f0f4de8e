/* SPDX-License-Identifier: ISC */

/*
 * What outer TLS offers to a stranger: which groups and versions, and which of
 * its certificates.  Whole handshakes between a server of tlsctx.c, whose keys
 * are those of signkey.c, and a client of OpenSSL's, in memory.
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
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/crypto/tlsctx.h"
#include "worker/crypto/tlskey.h"
#include "worker/keys/signkey.h"

static const struct msg_channel	 server = { .side = SIDE_SERVER };
static struct msg_sign		 asked;
static int			 nasked;
static SSL_CTX			*ctx;		/* the client's */
static char			 got[64];	/* CN of the certificate seen */

static void
ask(const struct msg_sign *msg)
{
	asked = *msg;
	nasked++;
}

static int
setup_all(void **state)
{
	(void)state;
	signkey_init();
	return (tlskey_init(ask));
}

/* Each test has a set of its own. */
static int
setup(void **state)
{
	static const struct msg_tls	 conf;

	(void)state;
	tlsctx_init(SIDE_SERVER);
	tlsctx_begin();
	tlsctx_set(&conf);
	signkey_begin();
	return ((ctx = SSL_CTX_new(TLS_client_method())) == NULL ? -1 : 0);
}

static int
teardown(void **state)
{
	(void)state;
	SSL_CTX_free(ctx);
	return (0);
}

/* ---- certificates ---- */

static EVP_PKEY *
make_key(const char *kind, size_t bits)
{
	if (strcmp(kind, "RSA") == 0)
		return (EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits));
	if (strcmp(kind, "EC") == 0)
		return (EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
	return (EVP_PKEY_Q_keygen(NULL, NULL, kind));
}

/* names: "DNS:a,DNS:b", or NULL */
static X509 *
make_cert(EVP_PKEY *pkey, const char *cn, const char *names)
{
	X509		*cert = X509_new();
	X509_NAME	*subject = X509_get_subject_name(cert);
	X509_EXTENSION	*ext;
	X509V3_CTX	 v3;

	assert_true(X509_set_version(cert, X509_VERSION_3) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), 30 * 86400) != NULL &&
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)cn, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(cert, subject) == 1 &&
	    X509_set_pubkey(cert, pkey) == 1);
	if (names != NULL) {
		X509V3_set_ctx(&v3, cert, cert, NULL, NULL, 0);
		ext = X509V3_EXT_conf_nid(NULL, &v3, NID_subject_alt_name,
		    names);
		assert_int_equal(X509_add_ext(cert, ext, -1), 1);
		X509_EXTENSION_free(ext);
	}
	assert_true(X509_sign(cert, pkey, strcmp(EVP_PKEY_get0_type_name(pkey),
	    "ED25519") == 0 ? NULL : EVP_sha256()) > 0);
	return (cert);
}

/* Adds a pair to the set; what is to be said about the certificate. */
static const char *
pair(const char *kind, const char *cn, const char *names)
{
	static struct tlsctx_facts	 facts;
	struct msg_pem			 msg = { .side = SIDE_SERVER };
	EVP_PKEY			*pkey = make_key(kind, 2048);
	X509				*cert = make_cert(pkey, cn, names);
	FILE				*f = tmpfile(), *k = tmpfile();

	assert_int_equal(PEM_write_X509(f, cert), 1);
	assert_int_equal(PEM_write_PrivateKey(k, pkey, NULL, NULL, 0, NULL,
	    NULL), 1);
	assert_int_equal(fflush(f) | fflush(k), 0);
	assert_null(tlsctx_cert(&msg, dup(fileno(f)), &facts));
	assert_null(signkey_add(&msg, dup(fileno(k)), NULL));
	fclose(f);
	fclose(k);
	X509_free(cert);
	EVP_PKEY_free(pkey);
	return (facts.warning);
}

static void
commit(void)
{
	assert_int_equal(tlsctx_commit(), 0);
	signkey_commit();
}

/* ---- handshakes ---- */

static void
sign(void)
{
	struct msg_signed	 answer;

	signkey_sign(&server, &asked, &answer);
	(void)tlskey_answer(&answer);
}

static void
saw(SSL *c)
{
	X509	*cert = SSL_get0_peer_certificate(c);

	got[0] = '\0';
	if (cert != NULL)
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
		    NID_commonName, got, sizeof(got));
}

/* 1: hands were shaken; got is who the server said it is. */
static int
shake(char *name)
{
	SSL	*s = tlsctx_ssl(TRANSPORT_TLS, NULL), *c = SSL_new(ctx);
	BIO	*up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());
	int	 turn, done = 0;

	assert_true(s != NULL && c != NULL);
	BIO_up_ref(up);
	BIO_up_ref(down);
	SSL_set_bio(s, up, down);
	SSL_set_bio(c, down, up);
	SSL_set_connect_state(c);
	if (name != NULL)
		assert_int_equal(SSL_set_tlsext_host_name(c, name), 1);
	for (turn = 0; turn < 10 && !done; turn++) {
		done = SSL_do_handshake(c) == 1;
		nasked = 0;
		tlskey_enter(s, NULL);
		done = SSL_do_handshake(s) == 1 && done;
		if (nasked > 0) {
			sign();
			(void)SSL_do_handshake(s);
		}
	}
	saw(c);
	SSL_free(s);
	SSL_free(c);
	return (done);
}

/* ---- groups and ciphers ---- */

/* The price of a group is the server's: none that costs much is offered. */
static void
test_groups(void **state)
{
	static const struct {
		char	*name;
		int	 version, wanted;
	} groups[] = {
		{ "X25519", TLS1_3_VERSION, 1 },
		{ "P-256", TLS1_3_VERSION, 1 },
		{ "P-384", TLS1_3_VERSION, 1 },
		{ "X25519", TLS1_2_VERSION, 1 },
		{ "P-256", TLS1_2_VERSION, 1 },
		{ "P-521", TLS1_3_VERSION, 0 },
		{ "P-521", TLS1_2_VERSION, 0 },
		{ "X448", TLS1_3_VERSION, 0 },
		{ "ffdhe2048", TLS1_3_VERSION, 0 },
		{ "ffdhe8192", TLS1_3_VERSION, 0 }
	};
	size_t	 i;

	(void)state;
	(void)pair("RSA", "rsa", "DNS:a.test");
	commit();
	for (i = 0; i < nitems(groups); i++) {
		assert_int_equal(SSL_CTX_set1_groups_list(ctx,
		    groups[i].name), 1);
		assert_int_equal(SSL_CTX_set_min_proto_version(ctx, 0), 1);
		assert_int_equal(SSL_CTX_set_max_proto_version(ctx,
		    groups[i].version), 1);
		if (shake("a.test") != groups[i].wanted)
			fail_msg("%s with %x", groups[i].name,
			    groups[i].version);
	}
}

static void
test_ciphers(void **state)
{
	static const struct {
		const char	*list;
		int		 wanted;
	} ciphers[] = {
		{ "ECDHE-RSA-AES128-GCM-SHA256", 1 },
		{ "ECDHE-RSA-CHACHA20-POLY1305", 1 },
		{ "DHE-RSA-AES128-GCM-SHA256", 0 },
		{ "ECDHE-RSA-AES128-SHA256", 0 },
		{ "AES128-GCM-SHA256", 0 }
	};
	size_t	 i;

	(void)state;
	(void)pair("RSA", "rsa", "DNS:a.test");
	commit();
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION),
	    1);
	for (i = 0; i < nitems(ciphers); i++) {
		assert_int_equal(SSL_CTX_set_cipher_list(ctx,
		    ciphers[i].list), 1);
		if (shake("a.test") != ciphers[i].wanted)
			fail_msg("%s", ciphers[i].list);
	}
}

/* ---- certificates of two kinds ---- */

static void
can(char *sigalgs, int version)
{
	SSL_CTX_free(ctx);
	ctx = SSL_CTX_new(TLS_client_method());
	assert_non_null(ctx);
	if (sigalgs != NULL)
		assert_int_equal(SSL_CTX_set1_sigalgs_list(ctx, sigalgs), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
}

static void
expect(char *name, const char *cn)
{
	assert_int_equal(shake(name), 1);
	assert_string_equal(got, cn);
}

/* Both are used, by what the client can verify; and by name as ever. */
static void
test_kinds(void **state)
{
	static const int	 versions[] = {
		TLS1_3_VERSION, TLS1_2_VERSION
	};
	size_t			 i;

	(void)state;
	assert_string_equal(pair("RSA", "rsa", "DNS:a.test"), "");
	assert_string_equal(pair("EC", "ec", "DNS:a.test"), "");
	assert_string_equal(pair("RSA", "other", "DNS:b.test"), "");
	assert_string_equal(pair("ED25519", "ed", "DNS:*.c.test"), "");
	commit();
	for (i = 0; i < nitems(versions); i++) {
		can("RSA-PSS+SHA256:RSA+SHA256", versions[i]);
		expect("a.test", "rsa");
		expect("b.test", "other");
		/* who asks for nobody here gets the first or its twin */
		expect("nobody.test", "rsa");
		expect(NULL, "rsa");
		can("ECDSA+SHA256", versions[i]);
		expect("a.test", "ec");
		expect(NULL, "ec");
		assert_int_equal(shake("b.test"), 0);
		/* both: what costs us less */
		can(NULL, versions[i]);
		expect("a.test", "ec");
		expect("b.test", "other");
		expect("x.c.test", "ed");
	}
	/* In 1.2 the cipher decides as well. */
	assert_int_equal(SSL_CTX_set_cipher_list(ctx,
	    "ECDHE-RSA-AES128-GCM-SHA256"), 1);
	expect("a.test", "rsa");
}

/* One of the same kind with part of the names is no twin; all is no use. */
static void
test_shadows(void **state)
{
	static const char	 never[] = "it is never used: certificates "
				    "before it have a key of the same kind "
				    "and all of its names";

	(void)state;
	assert_string_equal(pair("EC", "ec", "DNS:a.test,DNS:*.b.test"), "");
	assert_string_equal(pair("RSA", "rsa", "DNS:a.test"), "");
	assert_string_equal(pair("EC", "c", "DNS:c.test"), "");
	assert_string_equal(pair("EC", "half", "DNS:a.test,DNS:d.test"), "");
	assert_string_equal(pair("EC", "no", "DNS:c.test,DNS:a.test"), never);
	assert_string_equal(pair("EC", "no", "DNS:www.b.test"), never);
	assert_string_equal(pair("EC", "no", "DNS:*.b.test"), never);
	assert_string_equal(pair("EC", "a.test", NULL), never);
	assert_string_equal(pair("RSA", "no", "DNS:a.test"), never);
	assert_string_equal(pair("RSA", "rsa2", "DNS:www.b.test"), "");
	commit();
	/* rsa lacks a name of the first: it does not stand for it */
	can("RSA-PSS+SHA256", TLS1_3_VERSION);
	assert_int_equal(shake(NULL), 0);
	expect("a.test", "rsa");
	expect("www.b.test", "rsa2");
}

/* ---- what our client offers ---- */

static char	 offered[64];	/* ALPN's names, each with its length */

static int
look_at_hello(SSL *s, int *alert, void *arg)
{
	const unsigned char	*p;
	size_t			 len;

	(void)alert;
	(void)arg;
	strlcpy(offered, "none", sizeof(offered));
	if (SSL_client_hello_get0_ext(s,
	    TLSEXT_TYPE_application_layer_protocol_negotiation, &p, &len))
		log_printable(offered, sizeof(offered), p + 2, len - 2);
	return (SSL_CLIENT_HELLO_ERROR);
}

static void
offers(SSL_CTX *judge, uint32_t transport, const char *alpn)
{
	SSL	*c = tlsctx_ssl(transport, "a.test"), *s = SSL_new(judge);
	BIO	*hello = BIO_new(BIO_s_mem());

	assert_true(c != NULL && s != NULL && hello != NULL);
	BIO_up_ref(hello);
	SSL_set_bio(c, BIO_new(BIO_s_mem()), hello);
	SSL_set_bio(s, hello, BIO_new(BIO_s_null()));
	SSL_set_accept_state(s);
	offered[0] = '\0';
	assert_int_equal(SSL_do_handshake(c), -1);
	assert_int_equal(SSL_do_handshake(s), -1);
	assert_string_equal(offered, alpn);
	SSL_free(c);
	SSL_free(s);
}

/*
 * Never h2, with any dialect: a server of Backhaul prefers it, and there is no
 * upgrade to its WebSocket in it.
 */
static void
test_alpn(void **state)
{
	static const struct msg_tls	 any = { .insecure = 1 };
	SSL_CTX				*judge;

	(void)state;
	assert_non_null(judge = SSL_CTX_new(TLS_server_method()));
	SSL_CTX_set_client_hello_cb(judge, look_at_hello, NULL);
	tlsctx_init(SIDE_CLIENT);
	tlsctx_begin();
	tlsctx_set(&any);
	commit();
	offers(judge, TRANSPORT_TCP | TRANSPORT_TLS, "none");
	offers(judge, TRANSPORT_TCPMUX | TRANSPORT_TLS, "none");
	offers(judge, TRANSPORT_TCP | TRANSPORT_WS | TRANSPORT_TLS,
	    "\\x08http/1.1");
	offers(judge, TRANSPORT_TCPMUX | TRANSPORT_WS | TRANSPORT_TLS,
	    "\\x08http/1.1");
	SSL_CTX_free(judge);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shadows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ciphers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alpn, setup, teardown)
	};

	return (cmocka_run_group_tests(tests, setup_all, NULL));
}
