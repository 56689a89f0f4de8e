/* SPDX-License-Identifier: ISC */

/*
 * What all seals of a process have in common: how TLS is set up (TLS 1.3, PSK
 * with X25519, one ALPN, no certificates, tickets or early data), the keys,
 * the hellos that were taken, and the answers to what OpenSSL asks in a
 * handshake.  A new context shakes hands with itself first: so OpenSSL has
 * loaded all it ever needs, and was seen to refuse a wrong key.
 */

#include <sys/types.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "shared/log.h"
#include "sealpriv.h"

/* Longer Certificate messages are refused unread, and all of them are. */
#define SEAL_CERTIFICATE_MAX	1

#define CIPHER_AES		"TLS_AES_128_GCM_SHA256"
#define CIPHER_CHACHA		"TLS_CHACHA20_POLY1305_SHA256"

enum {
	HANDSHAKE_SERVER_HELLO = 2,
	HANDSHAKE_KEY_UPDATE = 24
};

/* A length and a name. */
static const uint8_t	 alpn_list[] = "\010" SEAL_ALPN;
#define ALPN_LIST_LEN	(sizeof(alpn_list) - 1)

/* ---- what OpenSSL asks and tells ---- */

static const struct msg_key *
seal_ctx_find(const struct seal_ctx *ctx, const uint8_t *identity, size_t len)
{
	size_t i;

	if (len != IDENTITY_LEN)
		return (NULL);
	for (i = 0; i < ctx->nkeys; i++)
		if (memcmp(ctx->keys[i].identity, identity, len) == 0)
			return (&ctx->keys[i]);
	return (NULL);
}

/* Made afresh for each handshake: OpenSSL writes into what it is given. */
static SSL_SESSION *
seal_session(SSL *ssl, const struct msg_key *key)
{
	static const unsigned char suite[] = { 0x13, 0x01 };
	const SSL_CIPHER *cipher;
	SSL_SESSION *session;

	/* The cipher stands for its hash, SHA-256, which the other shares. */
	if ((cipher = SSL_CIPHER_find(ssl, suite)) == NULL ||
	    (session = SSL_SESSION_new()) == NULL)
		return (NULL);
	if (SSL_SESSION_set1_master_key(session, key->key, KEY_LEN) != 1 ||
	    SSL_SESSION_set_cipher(session, cipher) != 1 ||
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) != 1) {
		SSL_SESSION_free(session);
		return (NULL);
	}
	return (session);
}

/* Client: which PSK?  The first of the keys. */
static int
seal_psk_use(SSL *ssl, const EVP_MD *md, const unsigned char **id,
    size_t *idlen, SSL_SESSION **session)
{
	struct seal *s = SSL_get_app_data(ssl);

	(void)md;
	*session = NULL;
	if (s->ctx->nkeys == 0)
		return (0);
	if ((*session = seal_session(ssl, &s->ctx->keys[0])) == NULL)
		return (0);
	memcpy(s->identity, s->ctx->keys[0].identity, IDENTITY_LEN);
	s->asked = s->known = 1;
	*id = s->identity;
	*idlen = IDENTITY_LEN;
	return (1);
}

/* Server: whose identity is this?  None of ours: no session, no failure. */
static int
seal_psk_find(SSL *ssl, const unsigned char *id, size_t idlen,
    SSL_SESSION **session)
{
	struct seal *s = SSL_get_app_data(ssl);
	const struct msg_key *key;

	*session = NULL;
	s->asked = 1;
	if ((key = seal_ctx_find(s->ctx, id, idlen)) == NULL)
		return (1);
	if ((*session = seal_session(ssl, key)) == NULL)
		return (0);
	s->known = 1;
	memcpy(s->identity, id, IDENTITY_LEN);
	return (1);
}

/*
 * The binder of a hello with one identity and one binder, as rocket's are; NULL
 * of any other.  It follows from the key and all octets before it: whoever has
 * no key can change none of them.
 */
static const uint8_t *
seal_binder(const uint8_t *ext, size_t len)
{
	static const uint8_t ids[] = { 0, 2 + IDENTITY_LEN + 4,
	    0, IDENTITY_LEN };
	static const uint8_t binders[] = { 0, 1 + REPLAY_PROOF,
	    REPLAY_PROOF };
	size_t at = sizeof(ids) + IDENTITY_LEN + 4;

	if (len != at + sizeof(binders) + REPLAY_PROOF ||
	    memcmp(ext, ids, sizeof(ids)) != 0 ||
	    memcmp(ext + at, binders, sizeof(binders)) != 0)
		return (NULL);
	return (ext + at + sizeof(binders));
}

/*
 * Server: a hello has come, and nothing in it is proven.  One that was taken
 * before ends here, ahead of all that costs.  One without ALPN does, too, for
 * seal_alpn would not see it.
 */
static int
seal_hello(SSL *ssl, int *alert, void *arg)
{
	struct seal *s = SSL_get_app_data(ssl);
	const uint8_t *binder, *ext;
	size_t len;

	(void)arg;
	*alert = SSL_AD_HANDSHAKE_FAILURE;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &ext, &len) != 1)
		return (SSL_CLIENT_HELLO_SUCCESS);	/* it will fail */
	if ((binder = seal_binder(ext, len)) == NULL)
		s->violation = "not one identity with a binder";
	else if (replay_seen(s->ctx->replays, binder)) {
		s->violation = "it was used before";
		s->replayed = 1;
	} else if (SSL_client_hello_get0_ext(ssl,
	    TLSEXT_TYPE_application_layer_protocol_negotiation, &ext, &len) !=
	    1)
		s->violation = "no ALPN";
	if (s->violation != NULL)
		return (SSL_CLIENT_HELLO_ERROR);
	memcpy(s->binder, binder, sizeof(s->binder));
	return (SSL_CLIENT_HELLO_SUCCESS);
}

/*
 * Server: OpenSSL asks for this between the binder's check and the key
 * exchange, in the same call as seal_hello: so of two equal hellos the second
 * finds the first, however little of its handshake is done.
 */
static int
seal_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	struct seal *s = SSL_get_app_data(ssl);
	unsigned char *proto;

	(void)arg;
	if (SSL_session_reused(ssl))
		replay_enter(s->ctx->replays, 0, s->binder);
	if (SSL_select_next_proto(&proto, outlen, alpn_list, ALPN_LIST_LEN,
	    in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return (SSL_TLSEXT_ERR_ALERT_FATAL);
	*out = proto;
	return (SSL_TLSEXT_ERR_OK);
}

/* A record came in: so many of them allow the peer another KeyUpdate. */
static void
seal_record_in(struct seal *s)
{
	if (++s->records_in < SEAL_UPDATES_RECORDS)
		return;
	s->records_in = 0;
	if (s->updates < SEAL_UPDATES_MAX)
		s->updates++;
}

/*
 * Sees each record's header and each handshake message.  It cannot stop
 * OpenSSL; what it finds wrong is acted on when OpenSSL wants to read more.
 */
static void
seal_message(int write_p, int version, int type, const void *buf, size_t len,
    SSL *ssl, void *arg)
{
	struct seal *s = arg;
	const uint8_t *p = buf;

	(void)version;
	(void)ssl;
	if (type == SSL3_RT_HEADER) {
		if (write_p)
			s->records_out++;
		else
			seal_record_in(s);
	}
	if (type != SSL3_RT_HANDSHAKE || write_p || len < 1)
		return;
	if (!s->done) {
		if (p[0] == HANDSHAKE_SERVER_HELLO)
			s->greeted = 1;
		return;
	}
	if (p[0] != HANDSHAKE_KEY_UPDATE)
		s->violation = "a handshake message after the handshake";
	else if (len != 5 || p[4] != 0)
		s->violation = "the peer asks for a key update";
	else if (s->updates == 0)
		s->violation = "too many key updates";
	else
		s->updates--;
}

/* ---- the context ---- */

/*
 * Does the CPU have AES?  Without it AES is slow, and its tables leak through
 * the cache.  An unknown CPU is taken to have none.
 */
static int
seal_fast_aes(void)
{
	static const char ia32[] = "OPENSSL_ia32cap=";
	static const char arm[] = "OPENSSL_armcap=";
	const char *info = OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS);

	if (info == NULL)
		return (0);
	if (strncmp(info, ia32, sizeof(ia32) - 1) == 0)	/* CPUID.1:ECX.25 */
		return (strtoull(info + sizeof(ia32) - 1, NULL, 0) >> 57 & 1);
	if (strncmp(info, arm, sizeof(arm) - 1) == 0)	/* ARMV8_AES */
		return (strtoull(info + sizeof(arm) - 1, NULL, 0) >> 2 & 1);
	return (0);
}

static int
seal_ctx_setup(struct seal_ctx *ctx)
{
	SSL_CTX *c = ctx->ssl;

	if (SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(c, seal_fast_aes() ?
	    CIPHER_AES ":" CIPHER_CHACHA : CIPHER_CHACHA ":" CIPHER_AES) != 1 ||
	    SSL_CTX_set1_groups_list(c, "X25519") != 1)
		return (-1);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_num_tickets(c, 0) != 1)
		return (-1);
	/* ChaCha20 if it is the client's first choice: its CPU has no AES. */
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(c, 0);
	SSL_CTX_set_msg_callback(c, seal_message);
	/*
	 * Should a certificate be looked at after all, the empty store trusts
	 * none.
	 */
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER |
	    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_max_cert_list(c, SEAL_CERTIFICATE_MAX);
	if (ctx->side == SIDE_CLIENT) {
		SSL_CTX_set_psk_use_session_callback(c, seal_psk_use);
		/* 0 is success here, unlike in its siblings. */
		return (SSL_CTX_set_alpn_protos(c, alpn_list,
		    ALPN_LIST_LEN) == 0 ? 0 : -1);
	}
	SSL_CTX_set_client_hello_cb(c, seal_hello, NULL);
	SSL_CTX_set_psk_find_session_callback(c, seal_psk_find);
	SSL_CTX_set_alpn_select_cb(c, seal_alpn, NULL);
	/* A server that verifies refuses PSKs without such a context. */
	return (SSL_CTX_set_session_id_context(c, alpn_list,
	    ALPN_LIST_LEN) == 1 ? 0 : -1);
}

static struct seal_ctx *
seal_ctx_make(enum side side)
{
	struct seal_ctx *ctx;

	if ((ctx = calloc(1, sizeof(*ctx))) == NULL)
		return (NULL);
	ctx->side = side;
	ctx->bio = seal_bio_method();
	ctx->ssl = SSL_CTX_new(side == SIDE_CLIENT ? TLS_client_method() :
	    TLS_server_method());
	if (side == SIDE_SERVER)
		ctx->replays = replay_new(0);
	if (ctx->bio == NULL || ctx->ssl == NULL ||
	    (side == SIDE_SERVER && ctx->replays == NULL) ||
	    seal_ctx_setup(ctx) == -1) {
		seal_ctx_free(ctx);
		return (NULL);
	}
	return (ctx);
}

void
seal_ctx_free(struct seal_ctx *ctx)
{
	if (ctx == NULL)
		return;
	SSL_CTX_free(ctx->ssl);
	BIO_meth_free(ctx->bio);
	replay_free(ctx->replays);
	freezero(ctx, sizeof(*ctx));
}

void
seal_ctx_limit(struct seal_ctx *ctx, uint64_t octets)
{
	if (ctx->replays != NULL)
		replay_limit(ctx->replays, replay_fit(octets));
}

int
seal_ctx_keys(struct seal_ctx *ctx, const struct msg_key *keys, size_t n)
{
	if (n > TOKENS_MAX) {
		errno = EINVAL;
		return (-1);
	}
	explicit_bzero(ctx->keys, sizeof(ctx->keys));
	if (n > 0)
		memcpy(ctx->keys, keys, n * sizeof(*keys));
	ctx->nkeys = n;
	return (0);
}

int
seal_ctx_has(const struct seal_ctx *ctx, const uint8_t identity[IDENTITY_LEN])
{
	return (seal_ctx_find(ctx, identity, IDENTITY_LEN) != NULL);
}

const uint8_t *
seal_ctx_identity(const struct seal_ctx *ctx)
{
	return (ctx->nkeys == 0 ? NULL : ctx->keys[0].identity);
}

/* ---- a handshake with oneself ---- */

/* One direction of the memory between two seals: a hello, a few records. */
#define LOOP_SIZE	8192

/* Both sides take turns until the handshake is over, one way or the other. */
#define LOOP_TURNS	8

struct loop {
	uint8_t		 buf[LOOP_SIZE];
	size_t		 len;
};

struct loop_end {
	struct loop	*in;
	struct loop	*out;
};

static ssize_t
loop_read(void *arg, void *buf, size_t len)
{
	struct loop *in = ((struct loop_end *)arg)->in;

	if (in->len == 0) {
		errno = EAGAIN;
		return (-1);
	}
	if (len > in->len)
		len = in->len;
	memcpy(buf, in->buf, len);
	in->len -= len;
	memmove(in->buf, in->buf + len, in->len);
	return ((ssize_t)len);
}

static ssize_t
loop_write(void *arg, const void *buf, size_t len)
{
	struct loop *out = ((struct loop_end *)arg)->out;

	if (len > sizeof(out->buf) - out->len) {
		errno = EAGAIN;
		return (-1);
	}
	memcpy(out->buf + out->len, buf, len);
	out->len += len;
	return ((ssize_t)len);
}

/* An octet, new keys, another octet, the end. */
static int
seal_warm_talk(struct seal *from, struct seal *to)
{
	char c;

	if (seal_write(from, "a", 1) != 1 || seal_read(to, &c, 1) != 1)
		return (-1);
	from->records_out = UINT64_MAX;
	if (seal_write(from, "b", 1) != 1 || seal_read(to, &c, 1) != 1)
		return (-1);
	if (seal_end(from) != SEAL_DONE || seal_read(to, &c, 1) != 0)
		return (-1);
	return (0);
}

/* 0: the two shake hands with this cipher suite, or rightly do not. */
static int
seal_warm(struct seal_ctx *client, struct seal_ctx *server, const char *suite,
    int may)
{
	static const struct seal_io io = { loop_read, loop_write };
	struct loop there = { .len = 0 }, back = { .len = 0 };
	struct loop_end cend = { &back, &there }, send = { &there, &back };
	enum seal_result cr = SEAL_WANT_READ, sr = SEAL_WANT_READ;
	struct seal *c, *s;
	int i, r = -1;

	c = seal_new(client, &io, &cend);
	s = seal_new(server, &io, &send);
	if (c == NULL || s == NULL || SSL_set_ciphersuites(c->ssl, suite) != 1)
		goto done;
	for (i = 0; i < LOOP_TURNS; i++) {
		cr = seal_handshake(c);
		sr = seal_handshake(s);
	}
	if (may)
		r = cr == SEAL_DONE && sr == SEAL_DONE &&
		    seal_warm_talk(c, s) == 0 && seal_warm_talk(s, c) == 0 ?
		    0 : -1;
	else
		r = seal_why(s) == SEAL_WHY_BAD_KEY &&
		    seal_why(c) == SEAL_WHY_REFUSED ? 0 : -1;
 done:
	seal_free(c);
	seal_free(s);
	return (r);
}

static int
seal_ctx_warm(struct seal_ctx *ctx, struct seal_ctx *other)
{
	struct seal_ctx *client = ctx->side == SIDE_CLIENT ? ctx : other;
	struct seal_ctx *server = ctx->side == SIDE_CLIENT ? other : ctx;
	struct msg_key key;
	int r;

	memset(&key, 0, sizeof(key));
	arc4random_buf(key.identity, sizeof(key.identity));
	arc4random_buf(key.key, sizeof(key.key));
	(void)seal_ctx_keys(client, &key, 1);
	(void)seal_ctx_keys(server, &key, 1);
	r = seal_warm(client, server, CIPHER_AES, 1);
	if (r == 0)
		r = seal_warm(client, server, CIPHER_CHACHA, 1);
	key.key[0] ^= 1;
	(void)seal_ctx_keys(client, &key, 1);
	if (r == 0)
		r = seal_warm(client, server, CIPHER_AES, 0);
	(void)seal_ctx_keys(ctx, NULL, 0);
	explicit_bzero(&key, sizeof(key));
	return (r);
}

struct seal_ctx *
seal_ctx_new(enum side side)
{
	struct seal_ctx *ctx, *other;

	/* No openssl.cnf: an operator's settings have no business here. */
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
	    OPENSSL_INIT_NO_ATEXIT, NULL) != 1) {
		log_warnx("OpenSSL cannot be initialised");
		return (NULL);
	}
	ctx = seal_ctx_make(side);
	other = seal_ctx_make(side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT);
	if (ctx == NULL || other == NULL) {
		log_warnx("OpenSSL cannot do TLS 1.3 as the seal needs it");
		goto fail;
	}
	if (seal_ctx_warm(ctx, other) == -1) {
		log_warnx("OpenSSL fails a handshake with itself");
		goto fail;
	}
	seal_ctx_free(other);
	return (ctx);
 fail:
	seal_ctx_free(ctx);
	seal_ctx_free(other);
	return (NULL);
}
