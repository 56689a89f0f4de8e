/* SPDX-License-Identifier: ISC */

/*
 * The seal, on OpenSSL 3: TLS 1.3 with an external PSK and nothing else of
 * TLS.  It parses no certificate and takes no ticket and no early data; the PSK
 * proves both ends, or the handshake fails.  It owns no descriptor and no
 * buffer of the tunnel's.  Until seal_bulk it never reads beyond the record
 * that is asked for.  After seal_ctx_new nothing is loaded or opened.
 */

#include <sys/types.h>

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "sealpriv.h"

/* The exporter's labels: for what the client sends, and the server. */
#define XOR_CLIENT	"EXPORTER-rocket-xor-client"
#define XOR_SERVER	"EXPORTER-rocket-xor-server"

/* What is read ahead at once: a whole batch of the peer's. */
#define SEAL_AHEAD		(264 * 1024)
/* What OpenSSL has for one seal, measured; and for the record that it reads. */
#define SEAL_COST		(16 * 1024)
#define SEAL_RECORD_COST	(17 * 1024)

/*
 * All that is read ahead is in here, of the one seal whose turn it is.  OpenSSL
 * has a buffer for a single record, which lives only while a part of one waits.
 */
static struct {
	const struct seal	*owner;	/* NULL: it is empty */
	size_t			 off, len;
	uint8_t			 octets[SEAL_AHEAD];
} ahead;

static void	 seal_fail(struct seal *, enum seal_why, const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));

/* ---- the io below OpenSSL ---- */

static int
seal_again(void)
{
	return (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* The io's write; its 0 means the same as EAGAIN. */
static ssize_t
seal_io_write(struct seal *s, const void *buf, size_t len)
{
	ssize_t n;

	if ((n = s->io->write(s->arg, buf, len)) == 0) {
		errno = EAGAIN;
		return (-1);
	}
	return (n);
}

/* Writes what the socket did not take before; 0: all of it is out. */
static int
seal_unspill(struct seal *s)
{
	ssize_t n;

	while (s->spilled > 0) {
		if ((n = seal_io_write(s, s->spill, s->spilled)) == -1)
			return (-1);
		s->spilled -= n;
		memmove(s->spill, s->spill + n, s->spilled);
	}
	return (0);
}

/*
 * An earlier failure must not stay in OpenSSL's queue.  Looking costs a tenth
 * of clearing it.
 */
static void
seal_forget(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

/* Makes OpenSSL say WANT_ after EAGAIN or EINTR; keeps any other error. */
static void
seal_bio_failed(struct seal *s, BIO *bio, int reading)
{
	if (!seal_again())
		s->io_errno = errno;
	else if (reading)
		BIO_set_retry_read(bio);
	else
		BIO_set_retry_write(bio);
}

static int
seal_bio_write(BIO *bio, const char *buf, int len)
{
	struct seal *s = BIO_get_data(bio);
	size_t left = len;
	ssize_t n = -1;

	BIO_clear_retry_flags(bio);
	if (len <= 0)
		return (0);
	if (seal_unspill(s) == 0)
		n = seal_io_write(s, buf, left);
	if (s->spilling && (n >= 0 || seal_again())) {
		/* Reading must never wait for this to be written. */
		if (n > 0) {
			buf += n;
			left -= n;
		}
		if (left <= SEAL_SPILL - s->spilled) {
			memcpy(s->spill + s->spilled, buf, left);
			s->spilled += left;
			return (len);
		}
	}
	if (n == -1)
		seal_bio_failed(s, bio, 0);
	return ((int)n);
}

/* ---- reading ahead ---- */

static size_t
ahead_take(struct seal *s, uint8_t *buf, size_t len)
{
	if (len > ahead.len - ahead.off)
		len = ahead.len - ahead.off;
	memcpy(buf, ahead.octets + ahead.off, len);
	if ((ahead.off += len) == ahead.len)
		ahead.owner = NULL;
	s->room -= len < s->room ? len : s->room;
	return (len);
}

static size_t
aside_take(struct seal *s, uint8_t *buf, size_t len)
{
	if (len > s->aside_len - s->aside_off)
		len = s->aside_len - s->aside_off;
	memcpy(buf, s->aside + s->aside_off, len);
	if ((s->aside_off += len) == s->aside_len) {
		free(s->aside);
		s->aside = NULL;
		s->aside_off = s->aside_len = 0;
	}
	return (len);
}

/*
 * As the io's read, but as much as the caller of seal_read has room for is read
 * at once: as many records as it has time for, and a part of one more.
 */
static ssize_t
seal_read_ahead(struct seal *s, uint8_t *buf, size_t len)
{
	size_t	 most = s->room > len ? s->room : len;
	ssize_t	 n;

	if (s->aside != NULL)
		return ((ssize_t)aside_take(s, buf, len));
	if (ahead.owner != s) {
		/* Whose turn is over has paused. */
		if (ahead.owner != NULL)
			return (s->io->read(s->arg, buf, len));
		if (most > sizeof(ahead.octets))
			most = sizeof(ahead.octets);
		n = s->io->read(s->arg, ahead.octets, most);
		if (n <= 0)
			return (n);
		ahead.owner = s;
		ahead.off = 0;
		ahead.len = n;
	}
	return ((ssize_t)ahead_take(s, buf, len));
}

/* Has it read octets that OpenSSL has not seen? */
static int
seal_is_ahead(const struct seal *s)
{
	return (ahead.owner == s || s->aside != NULL);
}

int
seal_pause(struct seal *s)
{
	size_t	 n = ahead.len - ahead.off;

	if (s == NULL || ahead.owner != s)
		return (0);
	ahead.owner = NULL;
	if ((s->aside = malloc(n)) == NULL) {
		seal_fail(s, SEAL_WHY_PROTOCOL, "no memory");
		return (-1);
	}
	memcpy(s->aside, ahead.octets + ahead.off, n);
	s->aside_off = 0;
	s->aside_len = n;
	return (0);
}

size_t
seal_held_read(const struct seal *s)
{
	return (s->aside_len + (s->ssl != NULL && SSL_has_pending(s->ssl) ?
	    SEAL_RECORD_COST : 0));
}

size_t
seal_held(const struct seal *s)
{
	return (sizeof(*s) + (s->ssl == NULL ? 0 : SEAL_COST) +
	    (s->in == NULL ? 0 : sizeof(*s->in) + sizeof(*s->out)) +
	    seal_held_read(s));
}

static int
seal_bio_read(BIO *bio, char *buf, int len)
{
	struct seal *s = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (len <= 0)
		return (0);
	/* OpenSSL would read on until payload comes. */
	if (s->violation != NULL)
		return (-1);
	n = s->bulk ? seal_read_ahead(s, (uint8_t *)buf, len) :
	    s->io->read(s->arg, buf, len);
	if (n == 0)
		s->eof = 1;
	else if (n == -1)
		seal_bio_failed(s, bio, 1);
	return ((int)n);
}

static long
seal_bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	struct seal *s = BIO_get_data(bio);

	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return (1);
	case BIO_CTRL_EOF:
		return (s->eof);
	default:
		return (0);
	}
}

BIO_METHOD *
seal_bio_method(void)
{
	BIO_METHOD *m;
	int type;

	if ((type = BIO_get_new_index()) == -1)
		return (NULL);
	m = BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "seal");
	if (m == NULL)
		return (NULL);
	if (BIO_meth_set_write(m, seal_bio_write) != 1 ||
	    BIO_meth_set_read(m, seal_bio_read) != 1 ||
	    BIO_meth_set_ctrl(m, seal_bio_ctrl) != 1) {
		BIO_meth_free(m);
		return (NULL);
	}
	return (m);
}

/* ---- failures ---- */

static void
seal_fail(struct seal *s, enum seal_why why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, ap);
	va_end(ap);
	s->why = why;
	switch (why) {
	case SEAL_WHY_CLOSED:
		s->error_errno = ECONNRESET;
		break;
	case SEAL_WHY_IO:
		s->error_errno = s->io_errno;
		break;
	default:
		s->error_errno = EPROTO;
		break;
	}
}

/* Empties OpenSSL's queue and returns its first TLS reason; 0: none. */
static int
seal_reason(const char **words)
{
	unsigned long e;
	int reason = 0;

	*words = "unknown error";
	while ((e = ERR_get_error()) != 0) {
		if (reason != 0 || ERR_GET_LIB(e) != ERR_LIB_SSL)
			continue;
		reason = ERR_GET_REASON(e);
		if (ERR_reason_error_string(e) != NULL)
			*words = ERR_reason_error_string(e);
	}
	return (reason);
}

/* Is it an alert that says that the peer does not have our key? */
static int
seal_refused(int reason)
{
	switch (reason - SSL_AD_REASON_OFFSET) {
	case SSL_AD_BAD_RECORD_MAC:
	case SSL_AD_HANDSHAKE_FAILURE:
	case SSL_AD_ILLEGAL_PARAMETER:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_DECRYPT_ERROR:
	case SSL_AD_UNKNOWN_PSK_IDENTITY:
		return (1);
	default:
		return (0);
	}
}

/* Is it the error that a peer with a wrong key causes? */
static int
seal_false_key(int reason)
{
	switch (reason) {
	case SSL_R_BINDER_DOES_NOT_VERIFY:
	case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
	case SSL_R_DIGEST_CHECK_FAILED:
		return (1);
	default:
		return (0);
	}
}

/*
 * Did the peer go on without our PSK?  As a server we then find nothing to sign
 * with; as a client we get past the ServerHello, to records of another key or
 * to a certificate.
 */
static int
seal_without_psk(struct seal *s, int reason)
{
	if (s->ctx->side == SIDE_SERVER)
		return (!s->known && (s->asked ||
		    reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM ||
		    reason == SSL_R_MISSING_SIGALGS_EXTENSION));
	return (s->greeted && !SSL_session_reused(s->ssl) &&
	    SSL_get_state(s->ssl) != TLS_ST_CR_SRVR_HELLO);
}

/* Did a callback see something that ends the tunnel? */
static int
seal_violated(struct seal *s)
{
	if (s->violation == NULL)
		return (0);
	if (s->why == SEAL_WHY_NONE)
		seal_fail(s, s->replayed ? SEAL_WHY_REPLAYED :
		    SEAL_WHY_PROTOCOL, "%s", s->violation);
	return (1);
}

/* The handshake ended in an error: whose fault was it? */
static void
seal_handshake_failed(struct seal *s, int code)
{
	const char *words;
	int reason = seal_reason(&words);

	if (seal_violated(s))
		return;
	if (reason > SSL_AD_REASON_OFFSET)
		seal_fail(s, seal_refused(reason) ? SEAL_WHY_REFUSED :
		    SEAL_WHY_PROTOCOL, "refused by the peer (%s)", words);
	else if (s->io_errno != 0)
		seal_fail(s, SEAL_WHY_IO, "%s", strerror(s->io_errno));
	else if (s->eof || code == SSL_ERROR_ZERO_RETURN)
		seal_fail(s, SEAL_WHY_CLOSED, "closed in the handshake");
	else if (seal_without_psk(s, reason))
		seal_fail(s, SEAL_WHY_NO_PSK, "the peer does not prove the "
		    "token (%s)", s->ctx->side == SIDE_CLIENT ?
		    "it has another TLS: is the transport right?" :
		    s->asked ? "unknown identity" : "no PSK");
	else if (seal_false_key(reason))
		seal_fail(s, SEAL_WHY_BAD_KEY, "the peer's key is wrong (%s)",
		    words);
	else
		seal_fail(s, SEAL_WHY_PROTOCOL, "%s", words);
}

/* A read or write gave nothing: -1 and errno, or 0: the peer has ended. */
static ssize_t
seal_io_failed(struct seal *s, int code)
{
	const char *words;
	int reason;

	if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return (-1);
	}
	if (code == SSL_ERROR_ZERO_RETURN)
		return (0);
	reason = seal_reason(&words);
	if (reason > SSL_AD_REASON_OFFSET)
		seal_fail(s, SEAL_WHY_PROTOCOL, "the peer sent an alert (%s)",
		    words);
	else if (s->io_errno != 0)
		seal_fail(s, SEAL_WHY_IO, "%s", strerror(s->io_errno));
	else if (s->eof)
		seal_fail(s, SEAL_WHY_CLOSED, "cut off");
	else if (seal_false_key(reason))
		seal_fail(s, SEAL_WHY_PROTOCOL, "a broken record");
	else
		seal_fail(s, SEAL_WHY_PROTOCOL, "%s", words);
	errno = s->error_errno;
	return (-1);
}

/* ---- one tunnel ---- */

struct seal *
seal_new(struct seal_ctx *ctx, const struct seal_io *io, void *arg)
{
	struct seal *s;
	BIO *bio;

	if (ctx->side == SIDE_CLIENT && ctx->nkeys == 0) {
		errno = ENOENT;
		return (NULL);
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->ctx = ctx;
	s->io = io;
	s->arg = arg;
	s->updates = SEAL_UPDATES_MAX;
	seal_forget();
	if ((s->ssl = SSL_new(ctx->ssl)) == NULL ||
	    (bio = BIO_new(ctx->bio)) == NULL) {
		seal_free(s);
		errno = ENOMEM;
		return (NULL);
	}
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_app_data(s->ssl, s);
	SSL_set_msg_callback_arg(s->ssl, s);
	if (ctx->side == SIDE_CLIENT)
		SSL_set_connect_state(s->ssl);
	else
		SSL_set_accept_state(s->ssl);
	return (s);
}

void
seal_free(struct seal *s)
{
	if (s == NULL)
		return;
	SSL_free(s->ssl);	/* wipes its keys; the BIO goes with it */
	freezero(s->in, sizeof(*s->in));
	freezero(s->out, sizeof(*s->out));
	if (ahead.owner == s)
		ahead.owner = NULL;
	free(s->aside);
	free(s);
}

/* The handshake is done: was it with the PSK, and for our dialect? */
static int
seal_accept(struct seal *s)
{
	const unsigned char *proto;
	unsigned int len;

	SSL_get0_alpn_selected(s->ssl, &proto, &len);
	if (!SSL_session_reused(s->ssl) || !s->known) {
		seal_fail(s, SEAL_WHY_NO_PSK,
		    "the peer does not prove the token");
		return (-1);
	}
	if (SSL_version(s->ssl) != TLS1_3_VERSION ||
	    len != sizeof(SEAL_ALPN) - 1 ||
	    memcmp(proto, SEAL_ALPN, len) != 0) {
		seal_fail(s, SEAL_WHY_PROTOCOL, "ALPN is not rocket/1");
		return (-1);
	}
	s->done = 1;
	return (0);
}

enum seal_result
seal_handshake(struct seal *s)
{
	int r, code;

	if (s->why != SEAL_WHY_NONE)
		return (SEAL_FAILED);
	if (s->done)
		return (SEAL_DONE);
	seal_forget();
	if ((r = SSL_do_handshake(s->ssl)) == 1)
		return (seal_accept(s) == 0 ? SEAL_DONE : SEAL_FAILED);
	code = SSL_get_error(s->ssl, r);
	if (code == SSL_ERROR_WANT_READ)
		return (SEAL_WANT_READ);
	if (code == SSL_ERROR_WANT_WRITE)
		return (SEAL_WANT_WRITE);
	seal_handshake_failed(s, code);
	return (SEAL_FAILED);
}

ssize_t
seal_read(struct seal *s, void *buf, size_t len)
{
	size_t n;
	ssize_t r;
	int ok;

	if (s->why != SEAL_WHY_NONE) {
		errno = s->error_errno;
		return (-1);
	}
	if (s->bare) {
		r = s->io->read(s->arg, buf, len);
		if (r > 0 && s->in != NULL)
			xor_apply(s->in, buf, r);
		return (r);
	}
	if (len == 0)
		return (0);
	seal_forget();
	s->room = len;
	ok = SSL_read_ex(s->ssl, buf, len, &n);
	if (seal_violated(s)) {
		errno = s->error_errno;
		return (-1);
	}
	r = ok == 1 ? (ssize_t)n :
	    seal_io_failed(s, SSL_get_error(s->ssl, ok));
	s->dry = r == -1;
	return (r);
}

/* Changes the key of what we send. */
static int
seal_update(struct seal *s)
{
	int r;

	seal_forget();
	if (SSL_key_update(s->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
		return ((int)seal_io_failed(s, SSL_ERROR_SSL));
	s->spilling = 1;
	r = SSL_do_handshake(s->ssl);
	s->spilling = 0;
	if (r != 1)
		return ((int)seal_io_failed(s, SSL_get_error(s->ssl, r)));
	s->records_out = 0;
	return (0);
}

/* Writes one record, or the rest of one. */
static ssize_t
seal_write_record(struct seal *s, const void *buf, size_t len)
{
	size_t n;
	int ok;

	if (s->unsent == 0 && s->records_out >= SEAL_UPDATE_RECORDS &&
	    seal_update(s) == -1)
		return (-1);
	seal_forget();
	if ((ok = SSL_write_ex(s->ssl, buf, len, &n)) == 1) {
		s->unsent = 0;
		return ((ssize_t)n);
	}
	if (s->unsent == 0)
		s->unsent = len < SSL3_RT_MAX_PLAIN_LENGTH ? len :
		    SSL3_RT_MAX_PLAIN_LENGTH;
	/* The peer has ended: for a write that is an error. */
	if (seal_io_failed(s, SSL_get_error(s->ssl, ok)) == 0)
		errno = EPIPE;
	return (-1);
}

ssize_t
seal_write(struct seal *s, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	size_t sent;
	ssize_t n;

	if (s->why != SEAL_WHY_NONE) {
		errno = s->error_errno;
		return (-1);
	}
	if (s->bare && s->out == NULL)
		return (s->io->write(s->arg, buf, len));
	/* Less than was offered before; or xor, where seal_cover is used. */
	if (s->bare || len < s->unsent) {
		errno = EINVAL;
		return (-1);
	}
	for (sent = 0; sent < len; sent += n)
		if ((n = seal_write_record(s, p + sent, len - sent)) == -1)
			return (sent > 0 ? (ssize_t)sent : -1);
	return ((ssize_t)sent);
}

void
seal_bulk(struct seal *s)
{
	s->bulk = s->ssl != NULL;
}

void
seal_bare(struct seal *s)
{
	if (s->bare || s->why != SEAL_WHY_NONE)
		return;
	/* All records must be read and written before bare octets begin. */
	if (!s->done || s->unsent > 0 || s->spilled > 0 ||
	    SSL_has_pending(s->ssl)) {
		seal_fail(s, SEAL_WHY_PROTOCOL,
		    "records are left before bare octets");
		return;
	}
	SSL_free(s->ssl);
	s->ssl = NULL;
	s->bare = 1;
}

static struct xor *
seal_stream(struct seal *s, const char *label)
{
	struct xor *x;

	if ((x = calloc(1, sizeof(*x))) == NULL)
		return (NULL);
	if (SSL_export_keying_material(s->ssl, x->stream, sizeof(x->stream),
	    label, strlen(label), NULL, 0, 0) == 1)
		return (x);
	freezero(x, sizeof(*x));
	return (NULL);
}

int
seal_xor(struct seal *s)
{
	int client = s->ctx->side == SIDE_CLIENT;

	if (s->why != SEAL_WHY_NONE || s->bare || !s->done)
		return (-1);
	s->out = seal_stream(s, client ? XOR_CLIENT : XOR_SERVER);
	s->in = seal_stream(s, client ? XOR_SERVER : XOR_CLIENT);
	if (s->out == NULL || s->in == NULL) {
		seal_fail(s, SEAL_WHY_PROTOCOL, "no key stream");
		return (-1);
	}
	seal_bare(s);
	return (s->bare ? 0 : -1);
}

void
seal_cover(struct seal *s, uint8_t *buf, size_t len)
{
	if (s->out != NULL)
		xor_apply(s->out, buf, len);
}

enum seal_result
seal_end(struct seal *s)
{
	int r;

	if (s->why != SEAL_WHY_NONE)
		return (SEAL_FAILED);
	if (s->bare || !s->done)
		return (SEAL_DONE);
	/* Half a record goes before it, and only our caller has the rest. */
	if (s->unsent > 0)
		return (SEAL_WANT_WRITE);
	if (!s->ended) {
		seal_forget();
		s->spilling = 1;
		r = SSL_shutdown(s->ssl);
		s->spilling = 0;
		if (r < 0) {
			(void)seal_io_failed(s, SSL_get_error(s->ssl, r));
			return (SEAL_FAILED);
		}
		s->ended = 1;
	}
	if (seal_unspill(s) == 0)
		return (SEAL_DONE);
	if (seal_again())
		return (SEAL_WANT_WRITE);
	s->io_errno = errno;
	(void)seal_io_failed(s, SSL_ERROR_SYSCALL);
	return (SEAL_FAILED);
}

int
seal_pending(struct seal *s)
{
	int n;

	if (s->ssl == NULL || s->why != SEAL_WHY_NONE || s->dry)
		return (0);
	if ((n = SSL_pending(s->ssl)) > 0)
		return (n);
	return (seal_is_ahead(s) || SSL_has_pending(s->ssl));
}

const char *
seal_cipher(const struct seal *s)
{
	if (s->bare)
		return (s->out != NULL ? "xor" : "none");
	return (SSL_CIPHER_get_name(SSL_get_current_cipher(s->ssl)));
}

const uint8_t *
seal_identity(const struct seal *s)
{
	return (s->done ? s->identity : NULL);
}

enum seal_why
seal_why(const struct seal *s)
{
	return (s->why);
}

const char *
seal_error(const struct seal *s)
{
	return (s->error);
}
