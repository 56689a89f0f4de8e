/* SPDX-License-Identifier: ISC */

/*
 * See tlsctx.h.  One SSL_CTX per certificate; the first also serves where no
 * name is asked for.  Nothing is cached and no ticket issued: every handshake
 * is a full one, and no key can be stolen that would open earlier ones.
 */

#include <sys/types.h>

#include <arpa/inet.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "selfsign.h"
#include "tlsctx.h"
#include "tlskey.h"

/* A whole system store has some 220 KiB. */
#define PEM_MAX		(4 * 1024 * 1024)
/* One read: four records with their headers. */
#define READ_BUFFER	(4 * (16384 + 256 + 5))
/* How every kind of private key begins, encrypted or not. */
#define PEM_PRIVATE	"PRIVATE KEY-----"
/* Before the end of a certificate, in seconds: no renewal has come. */
#define DATES_SOON	(7 * 24 * 60 * 60)
/* Names of a certificate that fit into a log line. */
#define NAMES_SHOWN	4

#define CIPHERS_12	"ECDHE+AESGCM:ECDHE+CHACHA20"
/*
 * OpenSSL's own list ends with finite fields: a stranger's hello of ffdhe8192
 * costs 180 ms, one of these at most two.
 */
#define GROUPS		"X25519:P-256:P-384"

struct set {
	struct msg_tls	 conf;
	X509_STORE	*store;
	SSL_CTX		*ctx[TLS_CERTS_MAX];	/* each with certs[i] */
	X509		*certs[TLS_CERTS_MAX];
	uint8_t		 stands[TLS_CERTS_MAX];	/* for the first */
	uint32_t	 n;		/* client: 0 or 1 */
	SSL_CTX		*bare;		/* client without a certificate */
	int		 failed;
};

static struct {
	enum side	 side;
	struct set	*next;
	struct set	*live;
	char		 names[128];	/* of the certificate refused last */
} env;

/* The protocol inside, where it has a name (RFC 7301). */
static const uint8_t	 alpn_http[] = "\010http/1.1";

/* Marks, as app data, a connection that speaks it. */
static char	 web;

/* ---- sets ---- */

static void
set_free(struct set *s)
{
	uint32_t	 i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n; i++) {
		SSL_CTX_free(s->ctx[i]);
		X509_free(s->certs[i]);
	}
	SSL_CTX_free(s->bare);
	X509_STORE_free(s->store);
	free(s);
}

/* The parent shares the descriptor, so its offset is left alone. */
static ssize_t
pem_octets(int fd, uint8_t *buf, size_t size)
{
	size_t	 len = 0;
	ssize_t	 n;

	do {
		n = pread(fd, buf + len, size - len, (off_t)len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size) || (n == -1 && errno == EINTR));
	return (n == -1 ? -1 : (ssize_t)len);
}

/*
 * Reads a whole file; NULL: it cannot be used, and why says so.  A file with a
 * private key in it is refused: this process must not have any.
 */
static BIO *
pem_open(int fd, const char **why)
{
	uint8_t	*buf;
	BIO	*bio = NULL;
	ssize_t	 len = -1;

	*why = "no memory";
	if ((buf = malloc(PEM_MAX)) == NULL)
		return (NULL);
	if ((len = pem_octets(fd, buf, PEM_MAX)) == -1)
		*why = "cannot be read";
	else if (len == PEM_MAX)
		*why = "larger than 4 MiB";
	else if (memmem(buf, (size_t)len, PEM_PRIVATE,
	    sizeof(PEM_PRIVATE) - 1) != NULL)
		*why = "it contains a private key, which the process that "
		    "reads it must not have";
	else if ((bio = BIO_new(BIO_s_mem())) != NULL &&
	    (len == 0 || BIO_write(bio, buf, (int)len) == (int)len))
		*why = NULL;
	freezero(buf, len > 0 ? (size_t)len : 0);
	if (*why != NULL) {
		BIO_free(bio);
		bio = NULL;
	}
	return (bio);
}

/* The next certificate; NULL at the end, or with why when it is damaged. */
static X509 *
pem_next(BIO *bio, const char **why)
{
	X509		*cert;
	unsigned long	 error;

	*why = NULL;
	if ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		return (cert);
	error = ERR_peek_last_error();
	ERR_clear_error();
	if (ERR_GET_LIB(error) != ERR_LIB_PEM ||
	    ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		*why = "a certificate in it is damaged";
	return (NULL);
}

/* ---- which certificate ---- */

static int
cert_kind(X509 *cert)
{
	return (EVP_PKEY_get_base_id(X509_get0_pubkey(cert)));
}

/* Beside what it has, the connection can use this one. */
static void
ssl_also(SSL *ssl, struct set *s, uint32_t i)
{
	STACK_OF(X509)	*chain = NULL;
	SSL_CTX		*ctx = s->ctx[i];

	(void)SSL_CTX_get0_chain_certs(ctx, &chain);
	if (SSL_use_cert_and_key(ssl, s->certs[i],
	    SSL_CTX_get0_privatekey(ctx), chain, 0) != 1)
		ERR_clear_error();	/* it does without */
}

/*
 * The first of those that fit is used, and of other kinds of keys the first of
 * each: OpenSSL chooses between kinds by what the client can verify.
 */
static void
ssl_choose(SSL *ssl, struct set *s, const uint8_t fits[TLS_CERTS_MAX])
{
	int		 had[TLS_CERTS_MAX], kind;
	uint32_t	 i, j, n = 0;

	for (i = 0; i < s->n; i++) {
		if (!fits[i])
			continue;
		kind = cert_kind(s->certs[i]);
		for (j = 0; j < n && had[j] != kind; j++)
			continue;
		if (j < n)
			continue;
		if (n == 0)
			SSL_set_SSL_CTX(ssl, s->ctx[i]);
		else
			ssl_also(ssl, s, i);
		had[n++] = kind;
	}
}

/* Chooses the certificates for the name that a client asks for. */
static int
tlsctx_choose(SSL *ssl, int *alert, void *arg)
{
	uint8_t		 fits[TLS_CERTS_MAX];
	struct set	*s = env.live;
	const char	*name;
	uint32_t	 i, n = 0;

	(void)alert;
	(void)arg;
	if (s == NULL)
		return (SSL_TLSEXT_ERR_NOACK);
	name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	for (i = 0; i < s->n; i++)
		n += fits[i] = name != NULL && X509_check_host(s->certs[i],
		    name, 0, 0, NULL) == 1;
	/* No such name: the first, or who could stand for it. */
	ssl_choose(ssl, s, n > 0 ? fits : s->stands);
	return (n > 0 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK);
}

/*
 * Calls found for each name that a client could ask for to get this one, until
 * it returns 0; "*" stands for any word.  Returns what it returned last, or 1.
 */
static int
cert_names(X509 *cert, int (*found)(const char *, void *), void *arg)
{
	GENERAL_NAMES		*names;
	const GENERAL_NAME	*name;
	char			 shown[HOST_MAX];
	int			 i, n = 0, r = 1;

	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names) && r; i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		n++;
		strlcpy(shown, (const char *)ASN1_STRING_get0_data(
		    name->d.dNSName), sizeof(shown));
		if (shown[0] == '*')
			shown[0] = 'x';
		r = found(shown, arg);
	}
	GENERAL_NAMES_free(names);
	if (n == 0 && X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
	    NID_commonName, shown, sizeof(shown)) > 0)
		r = found(shown, arg);
	return (r);
}

struct cover {
	const struct set	*set;
	uint32_t		 from, to;	/* which of its certificates */
	int			 kind;		/* of this kind; 0: any */
};

/* Has one of them this name? */
static int
cover_has(const char *name, void *arg)
{
	const struct cover	*c = arg;
	uint32_t		 i;

	for (i = c->from; i < c->to; i++)
		if ((c->kind == 0 || cert_kind(c->set->certs[i]) == c->kind) &&
		    X509_check_host(c->set->certs[i], name, 0, 0, NULL) == 1)
			return (1);
	return (0);
}

/* Is the last one of no use, since earlier ones of its kind go before it? */
static int
set_shadows(const struct set *s)
{
	struct cover	 c = { s, 0, s->n - 1, cert_kind(s->certs[s->n - 1]) };

	return (s->n > 1 && cert_names(s->certs[s->n - 1], cover_has, &c));
}

/* Which of them have all names of the first? */
static void
set_stand(struct set *s)
{
	struct cover	 c = { .set = s };
	uint32_t	 i;

	for (i = 0; i < s->n; i++) {
		c.from = i;
		c.to = i + 1;
		s->stands[i] = i == 0 || cert_names(s->certs[0], cover_has,
		    &c);
	}
}

/* A client that offers only others goes on without ALPN. */
static int
tlsctx_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	unsigned char	*p = NULL;

	(void)arg;
	if (SSL_get_app_data(ssl) != &web || SSL_select_next_proto(&p, outlen,
	    alpn_http, sizeof(alpn_http) - 1, in, inlen) !=
	    OPENSSL_NPN_NEGOTIATED)
		return (SSL_TLSEXT_ERR_NOACK);
	*out = p;
	return (SSL_TLSEXT_ERR_OK);
}

/* Hashes its public key. */
static int
tlsctx_spki(X509 *cert, uint8_t hash[HASH_LEN])
{
	unsigned char	*der = NULL;
	int		 len;

	if ((len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der)) <= 0)
		return (-1);
	SHA256(der, (size_t)len, hash);
	OPENSSL_free(der);
	return (0);
}

static int
tlsctx_is_pinned(const struct msg_tls *conf, X509 *cert)
{
	uint8_t		 hash[HASH_LEN];
	uint32_t	 i;

	if (tlsctx_spki(cert, hash) == -1)
		return (0);
	for (i = 0; i < conf->npins; i++)
		if (memcmp(conf->pins[i], hash, sizeof(hash)) == 0)
			return (1);
	return (0);
}

/* Warns if it is not valid today, or soon; an earlier warning stays. */
static void
tlsctx_dates(X509 *cert, const char *which, struct tlsctx_facts *facts)
{
	const ASN1_TIME	*when = NULL;
	const char	*words = "is not valid before";
	time_t		 soon = time(NULL) + DATES_SOON;
	struct tm	 tm;
	char		 day[16];

	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		when = X509_get0_notBefore(cert);
	else if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
		when = X509_get0_notAfter(cert);
		words = "expired on";
	} else if (X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0) {
		when = X509_get0_notAfter(cert);
		words = "expires on";
	}
	if (when == NULL || facts->warning[0] != '\0')
		return;
	if (ASN1_TIME_to_tm(when, &tm) != 1 ||
	    strftime(day, sizeof(day), "%Y-%m-%d", &tm) == 0)
		strlcpy(day, "an unknown day", sizeof(day));
	snprintf(facts->warning, sizeof(facts->warning), "%s %s %s", which,
	    words, day);
}

static void	 tlsctx_names(X509 *, char *, size_t);

/* Instead of OpenSSL's own: pins first, then the chain where it is wanted. */
static int
tlsctx_verify(X509_STORE_CTX *store, void *arg)
{
	const struct msg_tls	*conf = &env.live->conf;
	X509			*cert = X509_STORE_CTX_get0_cert(store);

	(void)arg;	/* the set may change during a handshake */
	if (conf->insecure)
		return (1);
	if (conf->npins > 0) {
		if (cert == NULL || !tlsctx_is_pinned(conf, cert)) {
			X509_STORE_CTX_set_error(store,
			    X509_V_ERR_APPLICATION_VERIFICATION);
			return (0);
		}
		if (!conf->has_ca)
			return (1);
	}
	if (X509_verify_cert(store) == 1)
		return (1);
	/* OpenSSL forgets the certificate before it says why. */
	if (cert != NULL)
		tlsctx_names(cert, env.names, sizeof(env.names));
	return (0);
}

static SSL_CTX *
tlsctx_new(void)
{
	SSL_CTX	*ctx;

	ctx = SSL_CTX_new(env.side == SIDE_SERVER ? TLS_server_method() :
	    TLS_client_method());
	if (ctx == NULL)
		return (NULL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
	if (SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, CIPHERS_12) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, GROUPS) != 1) {
		SSL_CTX_free(ctx);
		return (NULL);
	}
	if (env.side == SIDE_SERVER) {
		SSL_CTX_set_tlsext_servername_callback(ctx, tlsctx_choose);
		SSL_CTX_set_alpn_select_cb(ctx, tlsctx_alpn, NULL);
	}
	return (ctx);
}

/* Loads the rest of a file: the chain towards an authority. */
static const char *
tlsctx_chain(SSL_CTX *ctx, BIO *bio, struct tlsctx_facts *facts)
{
	const char	*why;
	X509		*cert;

	while ((cert = pem_next(bio, &why)) != NULL) {
		tlsctx_dates(cert, "a certificate between it and its "
		    "authority", facts);
		if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
			X509_free(cert);
			return ("OpenSSL refuses what is between it and its "
			    "authority");
		}
	}
	return (why);
}

/* One of our own making, or like it, that should be made anew. */
static int
tlsctx_renew(SSL_CTX *ctx, X509 *cert)
{
	STACK_OF(X509)	*chain = NULL;
	time_t		 soon = time(NULL) + SELFSIGN_RENEW;

	SSL_CTX_get0_chain_certs(ctx, &chain);
	return (sk_X509_num(chain) <= 0 && X509_self_signed(cert, 1) == 1 &&
	    X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0);
}

static void	 tlsctx_log(const char *, X509 *, const uint8_t *);

/* Why it is of no use, or NULL. */
static const char *
tlsctx_load(struct set *s, BIO *bio, const char *path,
    struct tlsctx_facts *facts)
{
	EVP_PKEY	*pkey = NULL;
	SSL_CTX		*ctx = tlsctx_new();
	X509		*cert;
	const char	*why = NULL;

	if ((cert = pem_next(bio, &why)) == NULL) {
		if (why == NULL)
			why = "no certificate in PEM";
	} else if (ctx == NULL)
		why = "no memory";
	else if ((pkey = tlskey_new(cert)) == NULL)
		why = "its key is neither RSA nor ECDSA nor Ed25519";
	else if (SSL_CTX_use_certificate(ctx, cert) != 1)
		why = "OpenSSL refuses it: too short a key, or too weak a hash";
	else if (SSL_CTX_use_PrivateKey(ctx, pkey) != 1 ||
	    tlsctx_spki(cert, facts->spki) == -1)
		why = "no memory";
	else {
		tlsctx_dates(cert, "it", facts);
		why = tlsctx_chain(ctx, bio, facts);
		facts->renew = why == NULL && tlsctx_renew(ctx, cert);
	}
	/* In 1.2 a client signs more than keys is given: see signkey.c. */
	if (why == NULL && env.side == SIDE_CLIENT &&
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
		why = "no TLS 1.3";
	EVP_PKEY_free(pkey);
	if (why != NULL) {
		SSL_CTX_free(ctx);
		X509_free(cert);
		return (why);
	}
	/* So that a handshake can be suspended while keys signs. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC);
	tlsctx_log(path, cert, facts->spki);
	s->ctx[s->n] = ctx;
	s->certs[s->n++] = cert;
	if (set_shadows(s) && facts->warning[0] == '\0')
		strlcpy(facts->warning, "it is never used: certificates "
		    "before it have a key of the same kind and all of its "
		    "names", sizeof(facts->warning));
	return (NULL);
}

void
tlsctx_init(enum side side)
{
	env.side = side;
}

void
tlsctx_begin(void)
{
	set_free(env.next);
	if ((env.next = calloc(1, sizeof(*env.next))) == NULL ||
	    (env.next->store = X509_STORE_new()) == NULL)
		fatal("tls: a set of certificates");
}

void
tlsctx_set(const struct msg_tls *conf)
{
	env.next->conf = *conf;
}

const char *
tlsctx_cert(const struct msg_pem *msg, int fd, struct tlsctx_facts *facts)
{
	const char	*why;
	BIO		*bio;

	memset(facts, 0, sizeof(*facts));
	bio = pem_open(fd, &why);
	close(fd);
	if (bio != NULL)
		why = env.next->n == TLS_CERTS_MAX ? "too many certificates" :
		    tlsctx_load(env.next, bio, msg->path, facts);
	if (why != NULL)
		env.next->failed = 1;
	BIO_free(bio);
	ERR_clear_error();
	return (why);
}

static int
tlsctx_valid_today(X509 *cert)
{
	return (X509_cmp_current_time(X509_get0_notBefore(cert)) <= 0 &&
	    X509_cmp_current_time(X509_get0_notAfter(cert)) >= 0);
}

/* A self-signed certificate can be trusted directly. */
static int
tlsctx_is_authority(X509 *cert)
{
	return (X509_check_ca(cert) != 0 ||
	    (X509_get_extension_flags(cert) & EXFLAG_SS) != 0);
}

/* Why it is of no use, or NULL. */
static const char *
tlsctx_trust(X509_STORE *store, BIO *bio, struct tlsctx_facts *facts)
{
	const char	*why;
	X509		*cert;
	int		 n = 0, authorities = 0, valid = 0;

	for (; (cert = pem_next(bio, &why)) != NULL; n++) {
		if (tlsctx_is_authority(cert)) {
			authorities++;
			valid += tlsctx_valid_today(cert);
		}
		if (X509_STORE_add_cert(store, cert) != 1)
			why = "no memory";
		X509_free(cert);
		if (why != NULL)
			break;
	}
	if (why != NULL)
		return (why);
	if (n == 0)
		return ("no certificate in PEM");
	if (authorities == 0)
		return ("no certificate in it is of an authority");
	if (valid == 0)
		strlcpy(facts->warning, "of the authorities in it none is "
		    "valid today", sizeof(facts->warning));
	return (NULL);
}

const char *
tlsctx_ca(int fd, struct tlsctx_facts *facts)
{
	const char	*why;
	BIO		*bio;

	memset(facts, 0, sizeof(*facts));
	bio = pem_open(fd, &why);
	close(fd);
	if (bio != NULL)
		why = tlsctx_trust(env.next->store, bio, facts);
	if (why != NULL)
		env.next->failed = 1;
	BIO_free(bio);
	ERR_clear_error();
	return (why);
}

static void
set_common(struct set *s, SSL_CTX *ctx)
{
	SSL_CTX_set1_cert_store(ctx, s->store);
	if (env.side == SIDE_CLIENT) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(ctx, tlsctx_verify, NULL);
	} else if (s->conf.has_ca)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
		    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

int
tlsctx_commit(void)
{
	struct set	*s = env.next;
	uint32_t	 i;

	env.next = NULL;
	if (env.side == SIDE_CLIENT && s->n == 0 &&
	    (s->bare = tlsctx_new()) == NULL)
		s->failed = 1;
	if (s->bare != NULL)
		set_common(s, s->bare);
	for (i = 0; i < s->n; i++)
		set_common(s, s->ctx[i]);
	if (env.side == SIDE_SERVER && s->n == 0)
		s->failed = 1;
	if (s->failed) {
		log_error("tls: %s", env.live != NULL ? "the earlier "
		    "certificates stay in force" : "no connection is possible");
		set_free(s);
		return (-1);
	}
	set_stand(s);
	set_free(env.live);
	env.live = s;
	return (0);
}

/* ---- one connection ---- */

static int
tlsctx_client(SSL *ssl, uint32_t transport, const char *host)
{
	const struct msg_tls	*conf = &env.live->conf;
	X509_VERIFY_PARAM	*param = SSL_get0_param(ssl);
	uint8_t			 addr[16];
	char			 name[HOST_MAX];

	if (conf->name[0] != '\0')
		host = conf->name;
	strlcpy(name, host, sizeof(name));
	if ((transport & TRANSPORT_WS) &&
	    SSL_set_alpn_protos(ssl, alpn_http, sizeof(alpn_http) - 1) != 0)
		return (-1);
	SSL_set_connect_state(ssl);
	if (inet_pton(AF_INET, host, addr) == 1 ||
	    inet_pton(AF_INET6, host, addr) == 1)
		return (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ? 0 :
		    -1);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_host(param, host, 0) != 1 ||
	    SSL_set_tlsext_host_name(ssl, name) != 1)
		return (-1);
	return (0);
}

SSL *
tlsctx_ssl(uint32_t transport, const char *host)
{
	struct set	*s = env.live;
	SSL		*ssl;

	if (s == NULL)
		return (NULL);
	if ((ssl = SSL_new(s->n > 0 ? s->ctx[0] : s->bare)) == NULL)
		return (NULL);
	if (transport & TRANSPORT_WS)
		SSL_set_app_data(ssl, &web);
	if (env.side == SIDE_SERVER)
		SSL_set_accept_state(ssl);
	else if (tlsctx_client(ssl, transport, host) == -1) {
		SSL_free(ssl);
		return (NULL);
	}
	return (ssl);
}

/* ---- words ---- */

/* Writes one name for the log; 0: no kind of name that is logged. */
static int
tlsctx_name(const GENERAL_NAME *gn, char *buf, size_t size)
{
	const ASN1_STRING	*s;
	int			 len;

	if (gn->type != GEN_DNS && gn->type != GEN_IPADD)
		return (0);
	s = gn->type == GEN_DNS ? gn->d.dNSName : gn->d.iPAddress;
	len = ASN1_STRING_length(s);
	if (gn->type == GEN_DNS) {
		log_printable(buf, size, ASN1_STRING_get0_data(s),
		    (size_t)len);
		return (1);
	}
	return ((len == 4 || len == 16) && inet_ntop(len == 4 ? AF_INET :
	    AF_INET6, ASN1_STRING_get0_data(s), buf, size) != NULL);
}

static void
tlsctx_names(X509 *cert, char *buf, size_t size)
{
	GENERAL_NAMES	*names;
	char		 shown[64];
	int		 i, n = 0;

	buf[0] = '\0';
	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names) && n < NAMES_SHOWN; i++) {
		if (!tlsctx_name(sk_GENERAL_NAME_value(names, i), shown,
		    sizeof(shown)))
			continue;
		if (n++ > 0)
			(void)strlcat(buf, ", ", size);
		(void)strlcat(buf, shown, size);
	}
	GENERAL_NAMES_free(names);
	if (n == 0)
		(void)strlcpy(buf, "none", size);
}

/* Says what clients can pin. */
static void
tlsctx_log(const char *path, X509 *cert, const uint8_t *spki)
{
	char	 names[256], hex[2 * HASH_LEN + 1];
	size_t	 i;

	for (i = 0; i < HASH_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", spki[i]);
	tlsctx_names(cert, names, sizeof(names));
	log_info("certificate %s: for %s, pin sha256:%s", path, names, hex);
}

static const char *
tlsctx_verify_words(long error)
{
	static char	 buf[TLS_WORDS_MAX];
	const char	*whose = env.side == SIDE_SERVER ? "the client's" :
	    "the server's";

	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		snprintf(buf, sizeof(buf), "%s certificate has expired",
		    whose);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		snprintf(buf, sizeof(buf), "%s certificate is not valid yet",
		    whose);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(buf, sizeof(buf), "%s certificate is for other "
		    "names: %s", whose, env.names);
		break;
	case X509_V_ERR_APPLICATION_VERIFICATION:
		snprintf(buf, sizeof(buf), "%s key does not match the pin",
		    whose);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		snprintf(buf, sizeof(buf), "%s certificate is of an unknown "
		    "authority", whose);
		break;
	default:
		snprintf(buf, sizeof(buf), "%s certificate: %s", whose,
		    X509_verify_cert_error_string(error));
	}
	return (buf);
}

static const char *
tlsctx_reason(unsigned long error)
{
	static const struct {
		int		 reason;
		const char	*words;
	} reasons[] = {
		{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
		    "no certificate of the client" },
		{ SSL_R_UNSUPPORTED_PROTOCOL, "only versions before TLS 1.2" },
		{ SSL_R_VERSION_TOO_LOW, "only versions before TLS 1.2" },
		{ SSL_R_WRONG_VERSION_NUMBER, "not TLS" },
		{ SSL_R_HTTP_REQUEST, "HTTP without TLS" },
		{ SSL_R_HTTPS_PROXY_REQUEST, "HTTP without TLS" },
		{ SSL_R_NO_SHARED_CIPHER, "no cipher in common" },
		{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
		    "the peer wants another version of TLS" },
		{ SSL_R_TLSV1_ALERT_UNKNOWN_CA,
		    "the peer does not know the authority of the certificate" },
		{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
		    "the server demands a client certificate" },
		{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
		    "the peer refuses the certificate" },
		{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
		    "the peer finds the certificate expired" },
		{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
		    "the peer wants no such handshake" },
		{ SSL_R_UNEXPECTED_EOF_WHILE_READING, "cut" }
	};
	const char	*words;
	size_t		 i;

	for (i = 0; i < nitems(reasons); i++)
		if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
		    ERR_GET_REASON(error) == reasons[i].reason)
			return (reasons[i].words);
	words = ERR_reason_error_string(error);
	return (words != NULL ? words : "cut");
}

const char *
tlsctx_words(SSL *ssl)
{
	unsigned long	 error = ERR_peek_error();
	long		 verify = SSL_get_verify_result(ssl);

	ERR_clear_error();
	if (verify != X509_V_OK && ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return (tlsctx_verify_words(verify));
	return (error == 0 ? "cut" : tlsctx_reason(error));
}
