/* SPDX-License-Identifier: ISC */

/*
 * Two seals over memory: handshakes with right and wrong keys, impostors on
 * either side, cuts at every octet, ends, key updates, leaving for bare
 * octets.
 */

#include <sys/types.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cmocka.h>

#include "worker/gate/hello.h"
#include "worker/keys/psk.h"
#include "worker/tunnel/seal.h"
#include "sealrig.h"

#define UPDATE		SEAL_UPDATE_RECORDS

static void
test_handshake(void **state)
{
	struct pair	 p;

	(void)state;
	pair_open(&p);
	assert_null(seal_identity(p.c));
	assert_null(seal_identity(p.s));
	pair_shake(&p);
	assert_int_equal(p.cr, SEAL_DONE);
	assert_int_equal(p.sr, SEAL_DONE);
	assert_memory_equal(seal_identity(p.c), keys[0].identity,
	    IDENTITY_LEN);
	assert_memory_equal(seal_identity(p.s), keys[0].identity,
	    IDENTITY_LEN);
	assert_string_equal(seal_cipher(p.c), seal_cipher(p.s));
	assert_int_equal(seal_write(p.c, "up", 2), 2);
	assert_int_equal(seal_write(p.s, "down", 4), 4);
	expect_read(p.s, "up");
	expect_read(p.c, "down");
	assert_int_equal(seal_why(p.c), SEAL_WHY_NONE);
	pair_close(&p);
}

/* The gate's parser and keys' check agree with what OpenSSL sends. */
static void
test_hello(void **state)
{
	struct pair	 p;
	struct psk	 psk;
	struct msg_key	 k;
	struct hello	 h;
	const char	*why;
	uint8_t		 hash[32];
	size_t		 need;

	(void)state;
	memset(&k, 0, sizeof(k));
	memset(&psk, 0, sizeof(psk));
	memset(psk.key, 7, KEY_LEN);
	assert_int_equal(psk_expand(&psk), 0);
	memcpy(k.key, psk.key, KEY_LEN);
	memcpy(k.identity, psk.identity, IDENTITY_LEN);
	assert_int_equal(seal_ctx_keys(client, &k, 1), 0);
	pair_open(&p);
	assert_int_equal(seal_handshake(p.c), SEAL_WANT_READ);
	assert_true(p.there.len <= HELLO_MAX);
	assert_int_equal(hello_parse(&h, p.there.buf, p.there.len, &need,
	    &why), HELLO_OK);
	assert_int_equal(p.there.buf[3] << 8 | p.there.buf[4],
	    p.there.len - 5);
	assert_memory_equal(h.identity, psk.identity, IDENTITY_LEN);
	SHA256(h.transcript, h.transcript_len, hash);
	assert_true(psk_check(psk.finished, hash, h.binder));
	hash[0] ^= 1;
	assert_false(psk_check(psk.finished, hash, h.binder));
	pair_close(&p);
}

/* One octet a call, and every second call fails. */
static void
test_trickle(void **state)
{
	struct pair	 p;

	(void)state;
	pair_open(&p);
	p.there.step = p.back.step = 1;
	p.there.moody = p.back.moody = 1;
	pair_shake(&p);
	assert_int_equal(p.cr, SEAL_DONE);
	assert_int_equal(p.sr, SEAL_DONE);
	pair_close(&p);
}

static void
test_false_key(void **state)
{
	struct pair	 p;
	struct msg_key	 k = keys[0];

	(void)state;
	k.key[31] ^= 1;
	assert_int_equal(seal_ctx_keys(client, &k, 1), 0);
	pair_open(&p);
	pair_shake(&p);
	assert_int_equal(seal_why(p.s), SEAL_WHY_BAD_KEY);
	assert_int_equal(seal_why(p.c), SEAL_WHY_REFUSED);
	assert_int_equal(seal_handshake(p.c), SEAL_FAILED);
	expect_error(seal_read(p.c, &k, 1), EPROTO);
	expect_error(seal_write(p.c, &k, 1), EPROTO);
	assert_null(seal_identity(p.s));
	pair_close(&p);
}

static void
test_unknown_identity(void **state)
{
	struct pair	 p;

	(void)state;
	assert_int_equal(seal_ctx_keys(client, &keys[5], 1), 0);
	pair_open(&p);
	pair_shake(&p);
	assert_int_equal(seal_why(p.s), SEAL_WHY_NO_PSK);
	assert_int_equal(seal_why(p.c), SEAL_WHY_REFUSED);
	assert_non_null(strstr(seal_error(p.s), "unknown identity"));
	pair_close(&p);
}

/* What the gate writes to those it refuses. */
static void
test_gate_alert(void **state)
{
	static const uint8_t	 alert[] = { 21, 3, 3, 0, 2, 2, 40 };
	struct pair		 p;

	(void)state;
	pair_open(&p);
	assert_int_equal(seal_handshake(p.c), SEAL_WANT_READ);
	assert_int_equal(end_write(&p.send, alert, sizeof(alert)), 7);
	assert_int_equal(seal_handshake(p.c), SEAL_FAILED);
	assert_int_equal(seal_why(p.c), SEAL_WHY_REFUSED);
	pair_close(&p);
}

static void
test_several_keys(void **state)
{
	struct pair	 p;
	size_t		 i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(seal_ctx_keys(client, &keys[i], 2), 0);
		pair_ready(&p);
		assert_memory_equal(seal_identity(p.s), keys[i].identity,
		    IDENTITY_LEN);
		assert_true(seal_ctx_has(server, keys[i].identity));
		pair_close(&p);
	}
	assert_false(seal_ctx_has(server, keys[3].identity));
	assert_int_equal(seal_ctx_keys(server, keys, TOKENS_MAX), 0);
	assert_true(seal_ctx_has(server, keys[TOKENS_MAX - 1].identity));
	assert_int_equal(seal_ctx_keys(server, keys, TOKENS_MAX + 1), -1);
	assert_int_equal(seal_ctx_keys(server, NULL, 0), 0);
	assert_false(seal_ctx_has(server, keys[0].identity));
	assert_int_equal(seal_ctx_keys(client, NULL, 0), 0);
	assert_null(seal_new(client, &end_io, NULL));
	assert_int_equal(errno, ENOENT);
}

/* ---- impostors, by plain OpenSSL ---- */

struct impostor {
	SSL_CTX		*ctx;
	SSL		*ssl;
	BIO		*in, *out;
};

static void
impostor_certificate(SSL_CTX *ctx)
{
	EVP_PKEY	*key;
	X509		*x;

	assert_non_null(key = EVP_EC_gen("P-256"));
	assert_non_null(x = X509_new());
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 86400));
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x),
	    "CN", MBSTRING_ASC, (const unsigned char *)"rocket", -1, -1, 0),
	    1);
	assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(x)), 1);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	X509_free(x);
	EVP_PKEY_free(key);
}

static int
impostor_select(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	(void)ssl;
	(void)inlen;
	(void)arg;
	*out = in + 1;
	*outlen = in[0];
	return (SSL_TLSEXT_ERR_OK);
}

static int
impostor_psk(SSL *ssl, const EVP_MD *md, const unsigned char **id,
    size_t *idlen, SSL_SESSION **session)
{
	static const unsigned char	 suite[] = { 0x13, 0x01 };

	(void)ssl;
	(void)md;
	assert_non_null(*session = SSL_SESSION_new());
	assert_int_equal(SSL_SESSION_set1_master_key(*session, keys[0].key,
	    KEY_LEN), 1);
	assert_int_equal(SSL_SESSION_set_cipher(*session,
	    SSL_CIPHER_find(ssl, suite)), 1);
	assert_int_equal(SSL_SESSION_set_protocol_version(*session,
	    TLS1_3_VERSION), 1);
	*id = keys[0].identity;
	*idlen = IDENTITY_LEN;
	return (1);
}

static void
impostor_open(struct impostor *im, int is_server, const char *alpn)
{
	im->ctx = SSL_CTX_new(is_server ? TLS_server_method() :
	    TLS_client_method());
	assert_non_null(im->ctx);
	impostor_certificate(im->ctx);
	if (is_server)
		SSL_CTX_set_alpn_select_cb(im->ctx, impostor_select, NULL);
	else if (alpn != NULL)
		assert_int_equal(SSL_CTX_set_alpn_protos(im->ctx,
		    (const uint8_t *)alpn, strlen(alpn)), 0);
	im->ssl = NULL;
}

static void
impostor_start(struct impostor *im, int is_server)
{
	assert_non_null(im->ssl = SSL_new(im->ctx));
	assert_non_null(im->in = BIO_new(BIO_s_mem()));
	assert_non_null(im->out = BIO_new(BIO_s_mem()));
	BIO_set_mem_eof_return(im->in, -1);
	SSL_set_bio(im->ssl, im->in, im->out);
	if (is_server)
		SSL_set_accept_state(im->ssl);
	else
		SSL_set_connect_state(im->ssl);
}

static void
impostor_close(struct impostor *im)
{
	SSL_free(im->ssl);
	SSL_CTX_free(im->ctx);
}

/* Carries octets between it and a seal, whose end they are. */
static void
impostor_turn(struct impostor *im, struct end *e)
{
	static char	 buf[65536];
	struct end	 other = { e->out, e->in };
	ssize_t		 n;

	while ((n = end_read(&other, buf, sizeof(buf))) > 0)
		assert_int_equal(BIO_write(im->in, buf, (int)n), n);
	(void)SSL_do_handshake(im->ssl);
	while ((n = BIO_read(im->out, buf, sizeof(buf))) > 0)
		assert_int_equal(end_write(&other, buf, n), n);
}

static enum seal_why
against_server(struct impostor *im)
{
	struct pair	 p;
	enum seal_why	 why;
	int		 i;

	impostor_start(im, 1);
	pair_open(&p);
	for (i = 0; i < 8; i++) {
		p.cr = seal_handshake(p.c);
		impostor_turn(im, &p.cend);
	}
	assert_int_equal(p.cr, SEAL_FAILED);
	why = seal_why(p.c);
	/* most likely a listener of another transport */
	assert_int_equal(strstr(seal_error(p.c), "is the transport right?") !=
	    NULL, why == SEAL_WHY_NO_PSK);
	pair_close(&p);
	impostor_close(im);
	return (why);
}

static enum seal_why
against_client(struct impostor *im, enum seal_result *r)
{
	struct pair	 p;
	enum seal_why	 why;
	int		 i;

	impostor_start(im, 0);
	pair_open(&p);
	for (i = 0; i < 8; i++) {
		impostor_turn(im, &p.send);
		p.sr = seal_handshake(p.s);
	}
	*r = p.sr;
	why = seal_why(p.s);
	pair_close(&p);
	impostor_close(im);
	return (why);
}

static void
test_impostor_server(void **state)
{
	struct impostor	 im;

	(void)state;
	impostor_open(&im, 1, NULL);
	assert_int_equal(against_server(&im), SEAL_WHY_NO_PSK);

	impostor_open(&im, 1, NULL);
	SSL_CTX_set_max_proto_version(im.ctx, TLS1_2_VERSION);
	assert_int_equal(against_server(&im), SEAL_WHY_PROTOCOL);
}

static void
expect_client(const char *alpn, int psk, int version, int group,
    enum seal_why why)
{
	struct impostor	 im;
	enum seal_result r;

	impostor_open(&im, 0, alpn);
	if (psk)
		SSL_CTX_set_psk_use_session_callback(im.ctx, impostor_psk);
	assert_int_equal(SSL_CTX_set_max_proto_version(im.ctx, version), 1);
	assert_int_equal(SSL_CTX_set1_groups(im.ctx, &group, 1), 1);
	assert_int_equal(against_client(&im, &r), why);
	assert_int_equal(r, why == SEAL_WHY_NONE ? SEAL_DONE : SEAL_FAILED);
}

static void
test_impostor_client(void **state)
{
	(void)state;
	/* A certificate, no PSK; not even TLS 1.3. */
	expect_client("\010rocket/1", 0, TLS1_3_VERSION, NID_X25519,
	    SEAL_WHY_NO_PSK);
	expect_client("\010rocket/1", 0, TLS1_2_VERSION, NID_X25519,
	    SEAL_WHY_PROTOCOL);
	/* The right PSK: this one is let in, and what else is wrong is not. */
	expect_client("\010rocket/1", 1, TLS1_3_VERSION, NID_X25519,
	    SEAL_WHY_NONE);
	expect_client("\010rocket/2\002h2", 1, TLS1_3_VERSION, NID_X25519,
	    SEAL_WHY_PROTOCOL);
	expect_client(NULL, 1, TLS1_3_VERSION, NID_X25519, SEAL_WHY_PROTOCOL);
	expect_client("\010rocket/1", 1, TLS1_3_VERSION, NID_X9_62_prime256v1,
	    SEAL_WHY_PROTOCOL);
}

/* ---- the network ---- */

static void
test_cut_handshake(void **state)
{
	struct pair	 p;
	size_t		 i, there, back;

	(void)state;
	pair_open(&p);
	pair_shake(&p);
	there = p.there.total;
	back = p.back.total;
	pair_close(&p);
	for (i = 1; i < there; i++) {
		pair_open(&p);
		p.there.cut = i;
		pair_shake(&p);
		assert_int_equal(p.sr, SEAL_FAILED);
		assert_int_equal(seal_why(p.s), SEAL_WHY_CLOSED);
		pair_close(&p);
	}
	for (i = 1; i < back; i++) {
		pair_open(&p);
		p.back.cut = i;
		pair_shake(&p);
		assert_int_equal(p.cr, SEAL_FAILED);
		assert_int_equal(seal_why(p.c), SEAL_WHY_CLOSED);
		pair_close(&p);
	}
}

/* One bit of the server's flight changed: never does the client go on. */
static void
test_tampered_handshake(void **state)
{
	struct pair	 p;
	size_t		 i, back;

	(void)state;
	pair_open(&p);
	pair_shake(&p);
	back = p.back.total;
	pair_close(&p);
	for (i = 0; i < back; i++) {
		pair_open(&p);
		assert_int_equal(seal_handshake(p.c), SEAL_WANT_READ);
		assert_int_equal(seal_handshake(p.s), SEAL_WANT_READ);
		p.back.buf[i] ^= 0x10;
		p.cr = seal_handshake(p.c);
		/* The first record's minor version is ignored by all TLS. */
		assert_int_equal(p.cr == SEAL_DONE, i == 2);
		if (i == back - 1)	/* the tag of the last record */
			assert_int_equal(seal_why(p.c), SEAL_WHY_BAD_KEY);
		pair_close(&p);
	}

	/* A hello played again: what has to follow it cannot be made. */
	pair_open(&p);
	(void)seal_handshake(p.c);
	(void)seal_handshake(p.s);
	(void)seal_handshake(p.c);
	p.there.buf[p.there.len - 1] ^= 1;
	assert_int_equal(seal_handshake(p.s), SEAL_FAILED);
	assert_int_equal(seal_why(p.s), SEAL_WHY_BAD_KEY);
	pair_close(&p);
}

static void
test_io_error(void **state)
{
	struct pair	 p;

	(void)state;
	pair_open(&p);
	p.there.error = ECONNREFUSED;
	assert_int_equal(seal_handshake(p.c), SEAL_FAILED);
	assert_int_equal(seal_why(p.c), SEAL_WHY_IO);
	assert_string_equal(seal_error(p.c), strerror(ECONNREFUSED));
	pair_close(&p);

	pair_ready(&p);
	p.there.error = EPIPE;
	expect_error(seal_write(p.c, "a", 1), EPIPE);
	assert_int_equal(seal_why(p.c), SEAL_WHY_IO);
	expect_error(seal_write(p.c, "a", 1), EPIPE);
	pair_close(&p);
}

static void
test_end(void **state)
{
	struct pair	 p;
	char		 buf[16];

	(void)state;
	pair_ready(&p);
	assert_int_equal(seal_write(p.c, "last", 4), 4);
	assert_int_equal(seal_end(p.c), SEAL_DONE);
	assert_int_equal(seal_end(p.c), SEAL_DONE);
	expect_read(p.s, "last");
	assert_int_equal(seal_read(p.s, buf, sizeof(buf)), 0);
	assert_int_equal(seal_read(p.s, buf, sizeof(buf)), 0);
	/* The other direction goes on. */
	assert_int_equal(seal_write(p.s, "more", 4), 4);
	expect_read(p.c, "more");
	assert_int_equal(seal_end(p.s), SEAL_DONE);
	assert_int_equal(seal_read(p.c, buf, sizeof(buf)), 0);
	pair_close(&p);

	/* Nowhere to put it yet. */
	pair_ready(&p);
	p.there.room = 10;
	assert_int_equal(seal_end(p.c), SEAL_WANT_WRITE);
	assert_int_equal(seal_end(p.c), SEAL_WANT_WRITE);
	expect_error(seal_read(p.s, buf, sizeof(buf)), EAGAIN);
	assert_int_equal(seal_end(p.c), SEAL_WANT_WRITE);
	p.there.room = 0;
	assert_int_equal(seal_end(p.c), SEAL_DONE);
	assert_int_equal(seal_read(p.s, buf, sizeof(buf)), 0);
	pair_close(&p);
}

static void
test_cut(void **state)
{
	struct pair	 p;
	char		 buf[16];
	size_t		 i, record;

	(void)state;
	pair_ready(&p);
	assert_int_equal(seal_write(p.c, "abc", 3), 3);
	record = p.there.len - p.there.off;
	pair_close(&p);
	for (i = 0; i < record; i++) {
		pair_ready(&p);
		assert_int_equal(seal_write(p.c, "abc", 3), 3);
		p.there.cut = p.there.off + i;
		expect_error(seal_read(p.s, buf, sizeof(buf)), ECONNRESET);
		assert_int_equal(seal_why(p.s), SEAL_WHY_CLOSED);
		pair_close(&p);
	}
	for (i = 0; i < record; i++) {
		pair_ready(&p);
		assert_int_equal(seal_write(p.c, "abc", 3), 3);
		if (i != 3 && i != 4) {		/* else it waits for more */
			p.there.buf[p.there.off + i] ^= 1;
			expect_error(seal_read(p.s, buf, sizeof(buf)), EPROTO);
			assert_int_equal(seal_why(p.s), SEAL_WHY_PROTOCOL);
		}
		pair_close(&p);
	}
}

/* More than the pipe takes: what is not taken is offered again, elsewhere. */
static void
test_partial_write(void **state)
{
	static uint8_t	 data[300000], got[300000], *copy;
	struct pair	 p;
	size_t		 i, sent, len, read;
	ssize_t		 n;
	int		 blocked = 0;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	pair_ready(&p);
	p.there.room = 20000;
	p.there.step = 5000;
	for (sent = read = 0; read < sizeof(data); ) {
		len = sizeof(data) - sent;
		assert_non_null(copy = malloc(len + 1));
		memcpy(copy, data + sent, len);
		n = len == 0 ? 0 : seal_write(p.c, copy, len);
		if (n == -1) {
			blocked++;
			assert_int_equal(errno, EAGAIN);
			assert_int_equal(seal_end(p.c), SEAL_WANT_WRITE);
			expect_error(seal_write(p.c, copy, 1), EINVAL);
			n = 0;
		}
		sent += n;
		free(copy);
		while ((n = seal_read(p.s, got + read,
		    sizeof(got) - read)) > 0 && read + n < sizeof(got))
			read += n;
		if (n > 0)
			read += n;
	}
	assert_true(blocked > 2);
	assert_int_equal(sent, sizeof(data));
	assert_memory_equal(got, data, sizeof(data));
	pair_close(&p);
}

/* ---- leaving TLS, and staying ---- */

static void
test_bare(void **state)
{
	struct pair	 p;
	char		 buf[64];

	(void)state;
	pair_ready(&p);
	assert_int_equal(seal_write(p.c, "last", 4), 4);
	seal_bare(p.c);
	assert_int_equal(seal_write(p.c, "raw octets", 10), 10);
	expect_read(p.s, "last");
	/* Not one octet of what stands behind the record was taken. */
	assert_int_equal(p.there.len - p.there.off, 10);
	seal_bare(p.s);
	expect_read(p.s, "raw octets");
	assert_string_equal(seal_cipher(p.s), "none");
	assert_memory_equal(seal_identity(p.s), keys[0].identity,
	    IDENTITY_LEN);
	assert_int_equal(seal_write(p.s, "back", 4), 4);
	assert_memory_equal(p.back.buf + p.back.len - 4, "back", 4);
	expect_read(p.c, "back");
	assert_int_equal(seal_end(p.c), SEAL_DONE);
	assert_int_equal(seal_pending(p.c), 0);
	p.there.cut = p.there.off;
	assert_int_equal(seal_read(p.s, buf, sizeof(buf)), 0);
	pair_close(&p);

	/* Part of a record unread: it would be lost between the two. */
	pair_ready(&p);
	assert_int_equal(seal_write(p.c, "abcd", 4), 4);
	assert_int_equal(seal_read(p.s, buf, 2), 2);
	seal_bare(p.s);
	expect_error(seal_read(p.s, buf, 2), EPROTO);
	assert_int_equal(seal_why(p.s), SEAL_WHY_PROTOCOL);
	pair_close(&p);
}

/* len octets as a worker sends them without seal_write. */
static void
send_covered(struct seal *s, struct end *e, const char *words)
{
	uint8_t	 buf[64];
	size_t	 len = strlen(words);

	memcpy(buf, words, len);
	seal_cover(s, buf, len);
	assert_int_equal(end_write(e, buf, len), len);
}

static void
test_xor(void **state)
{
	struct pair	 p;
	uint8_t		 first[10], zeros[10] = { 0 };

	(void)state;
	pair_ready(&p);
	assert_int_equal(seal_write(p.c, "last", 4), 4);
	assert_int_equal(seal_xor(p.c), 0);
	send_covered(p.c, &p.cend, "raw octets");
	expect_read(p.s, "last");
	assert_int_equal(seal_xor(p.s), 0);
	assert_string_equal(seal_cipher(p.s), "xor");
	memcpy(first, p.there.buf + p.there.off, sizeof(first));
	assert_memory_not_equal(first, "raw octets", 10);
	expect_read(p.s, "raw octets");
	send_covered(p.c, &p.cend, "and more of them");
	p.there.step = 3;
	expect_read(p.s, "and");
	p.there.step = 0;
	expect_read(p.s, " more of them");
	/* Each direction has a stream of its own. */
	send_covered(p.s, &p.send, "raw octets");
	assert_memory_not_equal(first, p.back.buf + p.back.off, 10);
	assert_memory_not_equal(first, zeros, 10);
	expect_read(p.c, "raw octets");
	/* It is not written past the stream. */
	expect_error(seal_write(p.c, "x", 1), EINVAL);
	pair_close(&p);

	/* So has each tunnel. */
	pair_ready(&p);
	assert_int_equal(seal_xor(p.c), 0);
	send_covered(p.c, &p.cend, "raw octets");
	assert_memory_not_equal(first, p.there.buf + p.there.len - 10, 10);
	assert_int_equal(seal_xor(p.c), -1);
	pair_close(&p);
}

static void
pattern(uint8_t *p, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(i ^ i >> 8);
}

/* Many records are read at once, as many as the caller has room for. */
static void
test_bulk(void **state)
{
	static uint8_t	 data[60000], got[60000];
	struct pair	 p;
	size_t		 read;
	ssize_t		 n;

	(void)state;
	pair_ready(&p);
	pattern(data, sizeof(data));
	seal_bulk(p.s);
	assert_int_equal(seal_write(p.c, data, sizeof(data)), sizeof(data));
	p.there.reads = 0;
	p.there.largest = 0;
	assert_true((read = seal_read(p.s, got, 50000)) > 0);
	assert_int_equal(p.there.reads, 1);
	assert_int_equal(p.there.largest, 50000);
	assert_true(seal_pending(p.s) > 0);
	for (; read < sizeof(got); read += n)
		assert_true((n = seal_read(p.s, got + read,
		    sizeof(got) - read)) > 0);
	assert_memory_equal(got, data, sizeof(data));
	assert_int_equal(seal_pending(p.s), 0);
	assert_int_equal(seal_held_read(p.s), 0);

	/* Half a record is there, and is nothing to be read now. */
	assert_int_equal(seal_write(p.c, data, 1000), 1000);
	p.there.len -= 500;
	expect_error(seal_read(p.s, got, 1000), EAGAIN);
	assert_int_equal(seal_pending(p.s), 0);
	p.there.len += 500;
	assert_int_equal(seal_read(p.s, got, 1000), 1000);
	assert_memory_equal(got, data, 1000);
	pair_close(&p);
}

/*
 * All seals read ahead into the same place.  Who pauses keeps its octets, and
 * for who did not the others read without it.
 */
static void
test_ahead(void **state)
{
	static uint8_t	 data[60000], got[2][60000];
	struct pair	 p[2];
	size_t		 read[2], i, most = 0;
	ssize_t		 n;
	int		 pauses;

	(void)state;
	pattern(data, sizeof(data));
	for (pauses = 0; pauses < 2; pauses++) {
		for (i = 0; i < 2; i++) {
			read[i] = 0;
			pair_ready(&p[i]);
			seal_bulk(p[i].s);
			assert_int_equal(seal_write(p[i].c, data,
			    sizeof(data)), sizeof(data));
		}
		for (i = 0; read[0] + read[1] < 2 * sizeof(data); i = !i) {
			n = seal_read(p[i].s, got[i] + read[i],
			    sizeof(data) - read[i]);
			assert_true(n >= 0 || errno == EAGAIN ||
			    read[i] == sizeof(data));
			read[i] += n > 0 ? n : 0;
			if (pauses)
				assert_int_equal(seal_pause(p[i].s), 0);
			if (pauses && seal_held_read(p[i].s) > most)
				most = seal_held_read(p[i].s);
		}
		for (i = 0; i < 2; i++) {
			assert_memory_equal(got[i], data, sizeof(data));
			assert_int_equal(seal_held_read(p[i].s), 0);
			pair_close(&p[i]);
		}
	}
	/* what was put aside was counted */
	assert_in_range(most, 30000, sizeof(data));
}

/* One that goes takes along what it has read ahead, and no other's. */
static void
test_ahead_gone(void **state)
{
	static uint8_t	 data[60000], got[60000];
	struct pair	 p, q;

	(void)state;
	pattern(data, sizeof(data));
	pair_ready(&p);
	seal_bulk(p.s);
	assert_int_equal(seal_write(p.c, data, sizeof(data)), sizeof(data));
	assert_true(seal_read(p.s, got, sizeof(got)) > 0);
	pair_close(&p);
	pair_ready(&q);
	seal_bulk(q.s);
	assert_int_equal(seal_write(q.c, data, 1000), 1000);
	assert_int_equal(seal_read(q.s, got, sizeof(got)), 1000);
	assert_memory_equal(got, data, 1000);
	pair_close(&q);
}

/* Records that say nothing, and half of one: no more is held than that half. */
static void
test_half(void **state)
{
	static uint8_t	 data[16384], got[60000];
	struct pair	 p;
	size_t		 i;

	(void)state;
	pair_ready(&p);
	seal_bulk(p.s);
	for (i = 0; i < 1000; i++)
		assert_int_equal(seal_write(p.c, data, 8), 8);
	assert_int_equal(seal_write(p.c, data, sizeof(data)), sizeof(data));
	p.there.len -= 100;
	while (seal_read(p.s, got, sizeof(got)) > 0)
		;
	assert_int_equal(seal_pause(p.s), 0);
	assert_in_range(seal_held_read(p.s), 16000, 20000);
	p.there.len += 100;
	assert_int_equal(seal_read(p.s, got, sizeof(got)), sizeof(data));
	assert_int_equal(seal_held_read(p.s), 0);
	pair_close(&p);
}

/* ---- new keys ---- */

static void
test_update(void **state)
{
	struct pair	 p;
	char		 buf[8];
	int		 i;

	(void)state;
	pair_ready(&p);
	for (i = 0; i < 1280; i++) {
		/* As if all records of a key were written, every 64. */
		if (i % 64 == 0) {
			p.c->records_out = UPDATE;
			p.s->records_in = SEAL_UPDATES_RECORDS - 2;
		}
		assert_int_equal(seal_write(p.c, "x", 1), 1);
		assert_true(p.c->records_out <= UPDATE);
		if (i % 3 == 0)
			assert_int_equal(seal_write(p.s, "y", 1), 1);
		expect_read(p.s, "x");
		if (i % 3 == 0)
			expect_read(p.c, "y");
	}
	assert_true(p.s->updates > 0);
	pair_close(&p);

	/* The socket is full when keys change: reading goes on all the same. */
	pair_ready(&p);
	p.c->records_out = UPDATE;
	p.there.room = 5;
	expect_error(seal_write(p.c, "late", 4), EAGAIN);
	assert_int_equal(p.c->records_out, 1);
	assert_int_equal(seal_write(p.s, "down", 4), 4);
	expect_read(p.c, "down");
	expect_error(seal_read(p.s, buf, sizeof(buf)), EAGAIN);
	p.there.room = 0;
	assert_int_equal(seal_write(p.c, "late", 4), 4);
	expect_read(p.s, "late");
	/* And so an end just behind it. */
	p.c->records_out = UPDATE;
	p.there.room = 1;
	expect_error(seal_write(p.c, "z", 1), EAGAIN);
	assert_int_equal(seal_end(p.c), SEAL_WANT_WRITE);
	p.there.room = 0;
	assert_int_equal(seal_write(p.c, "z", 1), 1);
	assert_int_equal(seal_end(p.c), SEAL_DONE);
	expect_read(p.s, "z");
	assert_int_equal(seal_read(p.s, buf, sizeof(buf)), 0);
	pair_close(&p);
}

static void
test_update_flood(void **state)
{
	struct pair	 p;
	size_t		 at, enough = 0;
	char		 buf[8];
	int		 i;

	(void)state;
	pair_ready(&p);
	for (i = 0; i < SEAL_UPDATES_MAX; i++) {
		assert_int_equal(SSL_key_update(p.c->ssl,
		    SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(p.c->ssl), 1);
		expect_error(seal_read(p.s, buf, sizeof(buf)), EAGAIN);
	}
	assert_int_equal(SSL_key_update(p.c->ssl,
	    SSL_KEY_UPDATE_NOT_REQUESTED), 1);
	assert_int_equal(SSL_do_handshake(p.c->ssl), 1);
	expect_error(seal_read(p.s, buf, sizeof(buf)), EPROTO);
	assert_int_equal(seal_why(p.s), SEAL_WHY_PROTOCOL);
	expect_error(seal_read(p.s, buf, sizeof(buf)), EPROTO);
	pair_close(&p);

	/* A record more than may come ends it: the rest is not even read. */
	pair_ready(&p);
	at = p.there.len;
	for (i = 0; i < 1000; i++) {
		assert_int_equal(SSL_key_update(p.c->ssl,
		    SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(p.c->ssl), 1);
		if (i == SEAL_UPDATES_MAX)
			enough = p.there.len;
	}
	assert_int_equal(p.there.off, at);
	expect_error(seal_read(p.s, buf, sizeof(buf)), EPROTO);
	assert_int_equal(p.there.off, enough);
	assert_string_equal(seal_error(p.s), "too many key updates");
	pair_close(&p);

	/* We do not ask, and are not asked. */
	pair_ready(&p);
	assert_int_equal(SSL_key_update(p.c->ssl, SSL_KEY_UPDATE_REQUESTED),
	    1);
	assert_int_equal(SSL_do_handshake(p.c->ssl), 1);
	expect_error(seal_read(p.s, buf, sizeof(buf)), EPROTO);
	assert_int_equal(seal_why(p.s), SEAL_WHY_PROTOCOL);
	pair_close(&p);
}

/* A ticket is a message after the handshake, and none of ours. */
static void
test_ticket(void **state)
{
	struct pair	 p;
	char		 buf[8];

	(void)state;
	pair_open(&p);
	SSL_clear_options(p.s->ssl, SSL_OP_NO_TICKET);
	assert_int_equal(SSL_set_num_tickets(p.s->ssl, 1), 1);
	pair_shake(&p);
	assert_int_equal(p.cr, SEAL_DONE);
	assert_int_equal(p.sr, SEAL_DONE);
	expect_error(seal_read(p.c, buf, sizeof(buf)), EPROTO);
	assert_int_equal(seal_why(p.c), SEAL_WHY_PROTOCOL);
	pair_close(&p);

	/* And of ours there is none: the first thing read is data. */
	pair_ready(&p);
	assert_int_equal(p.back.len - p.back.off, 0);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_handshake, setup),
		cmocka_unit_test_setup(test_hello, setup),
		cmocka_unit_test_setup(test_trickle, setup),
		cmocka_unit_test_setup(test_false_key, setup),
		cmocka_unit_test_setup(test_unknown_identity, setup),
		cmocka_unit_test_setup(test_gate_alert, setup),
		cmocka_unit_test_setup(test_several_keys, setup),
		cmocka_unit_test_setup(test_impostor_server, setup),
		cmocka_unit_test_setup(test_impostor_client, setup),
		cmocka_unit_test_setup(test_cut_handshake, setup),
		cmocka_unit_test_setup(test_tampered_handshake, setup),
		cmocka_unit_test_setup(test_io_error, setup),
		cmocka_unit_test_setup(test_end, setup),
		cmocka_unit_test_setup(test_cut, setup),
		cmocka_unit_test_setup(test_partial_write, setup),
		cmocka_unit_test_setup(test_bare, setup),
		cmocka_unit_test_setup(test_xor, setup),
		cmocka_unit_test_setup(test_bulk, setup),
		cmocka_unit_test_setup(test_ahead, setup),
		cmocka_unit_test_setup(test_ahead_gone, setup),
		cmocka_unit_test_setup(test_half, setup),
		cmocka_unit_test_setup(test_update, setup),
		cmocka_unit_test_setup(test_update_flood, setup),
		cmocka_unit_test_setup(test_ticket, setup)
	};

	return (cmocka_run_group_tests(tests, setup_all, teardown_all));
}
