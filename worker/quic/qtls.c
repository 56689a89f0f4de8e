/* SPDX-License-Identifier: ISC */

/*
 * See qtls.h.  GnuTLS gives a key that is not its own the hash of what it signs
 * only, but keys wants to see what that is.  So the messages are kept until the
 * signature, hashed as RFC 8446, 4.4.1, has it, and put behind the words of
 * 4.4.3; if that has not the hash that GnuTLS gave, nothing is signed.
 */

#include <sys/types.h>

#include <arpa/inet.h>

#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "profile.h"
#include "qcert.h"
#include "qtls.h"
#include "qwords.h"
#include "signer.h"

/*
 * Finite fields are not among the groups: a stranger's hello of ffdhe8192
 * costs 180 ms, one of these at most two.
 */
#define PRIORITY \
	"NONE:+VERS-TLS1.3:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:" \
	"+AEAD:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:" \
	"+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:" \
	"+SIGN-ECDSA-SECP521R1-SHA512:+SIGN-EdDSA-Ed25519:" \
	"+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:" \
	"+SIGN-RSA-PSS-RSAE-SHA512:+SIGN-RSA-PSS-SHA256:" \
	"+SIGN-RSA-PSS-SHA384:+SIGN-RSA-PSS-SHA512:" \
	"+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-RSA-SHA512:" \
	"+CTYPE-X509:+COMP-NULL:%DISABLE_TLS13_COMPAT_MODE"

/* Messages before a signature, together: GnuTLS takes no more of one. */
#define SAID_MAX	(192 * 1024)
/* And after the handshake: a server's tickets, which nobody needs. */
#define AFTER_MAX	(64 * 1024)
#define NEW_TICKET	4
/* RFC 8446, 4.4.3. */
#define CV_PAD		64
#define CV_SERVER	"TLS 1.3, server CertificateVerify"
#define CV_CLIENT	"TLS 1.3, client CertificateVerify"

#define LABEL		"EXPORTER-rocketd-quic"

#define ALERT_UNEXPECTED	10
#define ALERT_NO_ALPN		120
#define NO_ALPN		"no protocol in common (ALPN)"

struct qtls {
	gnutls_session_t	 session;
	ngtcp2_crypto_conn_ref	 ref;
	ngtcp2_conn		*quic;
	struct qset		*set;
	int			 server;
	char			 host[HOST_MAX];	/* client */
	uint8_t			*said;	/* messages, until it is signed */
	size_t			 len, size;
	int			 may_sign;
	int			 finished;	/* the peer has */
	uint8_t			 after[4]; /* of a message after it */
	size_t			 nafter;	/* octets of that */
	size_t			 rest;		/* of its body */
	size_t			 total;
	char			 words[TLS_WORDS_MAX];
};

static struct qtls	*now;	/* whose messages were given last */

/* ---- what is signed ---- */

static int
said_add(struct qtls *t, const void *p, size_t len)
{
	size_t	 size = t->size == 0 ? 4096 : t->size;
	uint8_t	*said;

	if (len > SAID_MAX - t->len)
		return (-1);
	while (size < t->len + len)
		size *= 2;
	if (size != t->size) {
		if ((said = realloc(t->said, size)) == NULL)
			return (-1);
		t->said = said;
		t->size = size;
	}
	memcpy(t->said + t->len, p, len);
	t->len += len;
	return (0);
}

static void
said_drop(struct qtls *t)
{
	free(t->said);
	t->said = NULL;
	t->len = t->size = 0;
}

/* A server wants another hello: its hash stands for the first (4.4.1). */
static int
said_again(struct qtls *t)
{
	gnutls_digest_algorithm_t	 prf = gnutls_prf_hash_get(t->session);
	uint8_t				 hash[64], head[4] = { 254, 0, 0, 0 };

	if (gnutls_hash_get_len(prf) > sizeof(hash) ||
	    gnutls_hash_fast(prf, t->said, t->len, hash) < 0)
		return (-1);
	head[3] = (uint8_t)gnutls_hash_get_len(prf);
	t->len = 0;
	return (said_add(t, head, sizeof(head)) == -1 ||
	    said_add(t, hash, head[3]) == -1 ? -1 : 0);
}

/* A message, as it goes into the hash of the handshake. */
static int
said_message(struct qtls *t, unsigned int type, const gnutls_datum_t *msg)
{
	uint8_t	 head[4];

	if (type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC)
		return (0);
	if (type == GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST) {
		if (said_again(t) == -1)
			return (-1);
		type = GNUTLS_HANDSHAKE_SERVER_HELLO;
	}
	head[0] = (uint8_t)type;
	head[1] = (uint8_t)(msg->size >> 16);
	head[2] = (uint8_t)(msg->size >> 8);
	head[3] = (uint8_t)msg->size;
	return (said_add(t, head, sizeof(head)) == -1 ||
	    said_add(t, msg->data, msg->size) == -1 ? -1 : 0);
}

/* Writes all that a CertificateVerify signs; its length, or 0. */
static size_t
said_signed(struct qtls *t, uint8_t data[SIGN_DATA_MAX])
{
	gnutls_digest_algorithm_t	 prf = gnutls_prf_hash_get(t->session);
	const char	*name = t->server ? CV_SERVER : CV_CLIENT;
	size_t		 head = CV_PAD + sizeof(CV_SERVER);

	if (head + gnutls_hash_get_len(prf) > SIGN_DATA_MAX)
		return (0);
	memset(data, ' ', CV_PAD);
	memcpy(data + CV_PAD, name, sizeof(CV_SERVER));
	if (gnutls_hash_fast(prf, t->said, t->len, data + head) < 0)
		return (0);
	return (head + gnutls_hash_get_len(prf));
}

/* 0: none that TLS 1.3 has. */
static uint32_t
sign_scheme(gnutls_sign_algorithm_t algo)
{
	switch (algo) {
	case GNUTLS_SIGN_RSA_PSS_RSAE_SHA256:
	case GNUTLS_SIGN_RSA_PSS_SHA256:
		return (SIGN_RSA_PSS_SHA256);
	case GNUTLS_SIGN_RSA_PSS_RSAE_SHA384:
	case GNUTLS_SIGN_RSA_PSS_SHA384:
		return (SIGN_RSA_PSS_SHA384);
	case GNUTLS_SIGN_RSA_PSS_RSAE_SHA512:
	case GNUTLS_SIGN_RSA_PSS_SHA512:
		return (SIGN_RSA_PSS_SHA512);
	case GNUTLS_SIGN_ECDSA_SHA256:
	case GNUTLS_SIGN_ECDSA_SECP256R1_SHA256:
		return (SIGN_ECDSA_SHA256);
	case GNUTLS_SIGN_ECDSA_SHA384:
	case GNUTLS_SIGN_ECDSA_SECP384R1_SHA384:
		return (SIGN_ECDSA_SHA384);
	case GNUTLS_SIGN_ECDSA_SHA512:
	case GNUTLS_SIGN_ECDSA_SECP521R1_SHA512:
		return (SIGN_ECDSA_SHA512);
	case GNUTLS_SIGN_EDDSA_ED25519:
		return (SIGN_ED25519);
	default:
		return (0);
	}
}

/* Has keys sign: msg has its data and scheme. */
static int
sign_ask(struct qtls *t, const struct qcert *c, struct msg_sign *msg,
    gnutls_datum_t *sig)
{
	struct msg_signed	 answer;

	memcpy(msg->spki, c->spki, sizeof(msg->spki));
	t->may_sign = 0;
	said_drop(t);
	if (msg->scheme == 0 || signer_sign(msg, &answer) == -1)
		return (GNUTLS_E_PK_SIGN_FAILED);
	if ((sig->data = gnutls_malloc(answer.len)) == NULL)
		return (GNUTLS_E_MEMORY_ERROR);
	memcpy(sig->data, answer.signature, answer.len);
	sig->size = answer.len;
	return (0);
}

static int
sign_data(gnutls_privkey_t key, gnutls_sign_algorithm_t algo, void *arg,
    unsigned int flags, const gnutls_datum_t *data, gnutls_datum_t *sig)
{
	struct msg_sign	 msg;

	(void)key;
	(void)flags;
	memset(&msg, 0, sizeof(msg));
	if (now == NULL || data->size > sizeof(msg.data))
		return (GNUTLS_E_PK_SIGN_FAILED);
	msg.scheme = sign_scheme(algo);
	msg.len = data->size;
	memcpy(msg.data, data->data, data->size);
	return (sign_ask(now, arg, &msg, sig));
}

static int
sign_hash(gnutls_privkey_t key, gnutls_sign_algorithm_t algo, void *arg,
    unsigned int flags, const gnutls_datum_t *hash, gnutls_datum_t *sig)
{
	gnutls_digest_algorithm_t	 how;
	struct msg_sign			 msg;
	uint8_t				 mine[64];

	(void)key;
	(void)flags;
	memset(&msg, 0, sizeof(msg));
	how = gnutls_sign_get_hash_algorithm(algo);
	if (now == NULL || now->said == NULL ||
	    (msg.len = (uint32_t)said_signed(now, msg.data)) == 0 ||
	    gnutls_hash_get_len(how) != hash->size ||
	    hash->size > sizeof(mine) ||
	    gnutls_hash_fast(how, msg.data, msg.len, mine) < 0 ||
	    memcmp(mine, hash->data, hash->size) != 0)
		return (GNUTLS_E_PK_SIGN_FAILED);
	msg.scheme = sign_scheme(algo);
	return (sign_ask(now, arg, &msg, sig));
}

/* ---- which certificate ---- */

/* Has the peer said that it can verify signatures of such a key? */
static int
kind_asked(gnutls_session_t session, int kind)
{
	gnutls_sign_algorithm_t	 algo;
	gnutls_pk_algorithm_t	 pk;
	size_t			 i;

	for (i = 0; gnutls_sign_algorithm_get_requested(session, i,
	    &algo) == 0; i++) {
		pk = gnutls_sign_get_pk_algorithm(algo);
		if ((int)pk == kind || (kind == GNUTLS_PK_RSA &&
		    pk == GNUTLS_PK_RSA_PSS))
			return (1);
	}
	return (0);
}

/* The first that fits the name and the peer; or the first. */
static const struct qcert *
cert_choose(struct qtls *t, const char *name)
{
	const struct qset	*s = t->set;
	unsigned int		 i, n = 0;

	for (i = 0; i < s->n && name != NULL; i++) {
		if (!qcert_is_for(&s->certs[i], name))
			continue;
		n++;
		if (kind_asked(t->session, s->certs[i].kind))
			return (&s->certs[i]);
	}
	for (i = 0; i < s->n && n == 0; i++)
		if (s->certs[i].stands &&
		    kind_asked(t->session, s->certs[i].kind))
			return (&s->certs[i]);
	return (s->n > 0 ? &s->certs[0] : NULL);
}

static struct qtls *
qtls_of(gnutls_session_t session)
{
	ngtcp2_crypto_conn_ref	*ref = gnutls_session_get_ptr(session);

	return (ref->user_data);
}

static int
qtls_retrieve(gnutls_session_t session,
    const struct gnutls_cert_retr_st *info, gnutls_pcert_st **certs,
    unsigned int *n, gnutls_ocsp_data_st **ocsp, unsigned int *nocsp,
    gnutls_privkey_t *key, unsigned int *flags)
{
	struct qtls		*t = qtls_of(session);
	union { const struct qcert *c; struct qcert *v; }	 u;
	char			 name[HOST_MAX];
	size_t			 len = sizeof(name);
	unsigned int		 type = GNUTLS_NAME_DNS;
	int			 named;

	(void)info;
	named = t->server && gnutls_server_name_get(session, name, &len, &type,
	    0) == 0 && type == GNUTLS_NAME_DNS;
	*n = 0;
	*certs = NULL;
	*key = NULL;
	*ocsp = NULL;
	*nocsp = 0;
	*flags = 0;
	if ((u.c = cert_choose(t, named ? name : NULL)) == NULL)
		return (t->server ? -1 : 0);
	*certs = u.v->chain;
	*n = u.c->n;
	*key = u.c->key;
	return (0);
}

/* ---- what is verified ---- */

static const char *
whose(const struct qtls *t)
{
	return (t->server ? "the client's" : "the server's");
}

static int
qtls_is_pinned(const struct msg_tls *conf, gnutls_x509_crt_t crt)
{
	uint8_t		 hash[HASH_LEN];
	uint32_t	 i;

	if (qcert_spki(crt, hash) == -1)
		return (0);
	for (i = 0; i < conf->npins; i++)
		if (memcmp(conf->pins[i], hash, sizeof(hash)) == 0)
			return (1);
	return (0);
}

static void
verify_words(struct qtls *t, gnutls_x509_crt_t crt, unsigned int status)
{
	char	 names[96];

	if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND |
	    GNUTLS_CERT_SIGNER_NOT_CA))
		snprintf(t->words, sizeof(t->words), "%s certificate is of an "
		    "unknown authority", whose(t));
	else if (status & GNUTLS_CERT_UNEXPECTED_OWNER) {
		qcert_names(crt, names, sizeof(names));
		snprintf(t->words, sizeof(t->words), "%s certificate is for "
		    "other names: %s", whose(t), names);
	} else if (status & GNUTLS_CERT_EXPIRED)
		snprintf(t->words, sizeof(t->words), "%s certificate has "
		    "expired", whose(t));
	else if (status & GNUTLS_CERT_NOT_ACTIVATED)
		snprintf(t->words, sizeof(t->words), "%s certificate is not "
		    "valid yet", whose(t));
	else if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
		snprintf(t->words, sizeof(t->words), "%s certificate is for "
		    "another purpose", whose(t));
	else if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
		snprintf(t->words, sizeof(t->words), "%s certificate has too "
		    "short a key, or too weak a hash", whose(t));
	else
		snprintf(t->words, sizeof(t->words), "%s certificate does not "
		    "verify", whose(t));
}

/* The chain and, of a server, its name. */
static int
verify_chain(struct qtls *t, gnutls_x509_crt_t *chain, unsigned int n)
{
	gnutls_typed_vdata_st	 data[2];
	union { const char *c; unsigned char *v; }	 u;
	unsigned int		 status = 0, ndata = 0;
	uint8_t			 addr[16];
	size_t			 len;

	memset(data, 0, sizeof(data));
	u.c = t->server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
	data[ndata].type = GNUTLS_DT_KEY_PURPOSE_OID;
	data[ndata++].data = u.v;
	if (!t->server) {
		len = inet_pton(AF_INET, t->host, addr) == 1 ? 4 :
		    inet_pton(AF_INET6, t->host, addr) == 1 ? 16 : 0;
		data[ndata].type = len > 0 ? GNUTLS_DT_IP_ADDRESS :
		    GNUTLS_DT_DNS_HOSTNAME;
		data[ndata].data = len > 0 ? addr : (unsigned char *)t->host;
		data[ndata++].size = (unsigned int)len;
	}
	if (gnutls_x509_trust_list_verify_crt2(t->set->trust, chain, n, data,
	    ndata, 0, &status, NULL) == 0 && status == 0)
		return (0);
	verify_words(t, chain[0], status);
	return (GNUTLS_E_CERTIFICATE_ERROR);
}

/* Pins first, then the chain where it is wanted. */
static int
verify_crts(struct qtls *t, gnutls_x509_crt_t *chain, unsigned int n)
{
	const struct msg_tls	*conf = &t->set->conf;

	if (!t->server && conf->npins > 0) {
		if (!qtls_is_pinned(conf, chain[0])) {
			snprintf(t->words, sizeof(t->words), "%s key does not "
			    "match the pin", whose(t));
			return (GNUTLS_E_CERTIFICATE_ERROR);
		}
		if (!conf->has_ca)
			return (0);
	}
	return (verify_chain(t, chain, n));
}

static int
qtls_verify(gnutls_session_t session)
{
	struct qtls		*t = qtls_of(session);
	gnutls_x509_crt_t	 chain[QCERT_CHAIN];
	const gnutls_datum_t	*der;
	unsigned int		 n, i, have = 0;
	int			 r = GNUTLS_E_CERTIFICATE_ERROR;

	if (!t->server && t->set->conf.insecure)
		return (0);
	der = gnutls_certificate_get_peers(session, &n);
	for (i = 0; der != NULL && i < n && i < nitems(chain); i++, have++) {
		if (gnutls_x509_crt_init(&chain[i]) < 0)
			break;
		if (gnutls_x509_crt_import(chain[i], &der[i],
		    GNUTLS_X509_FMT_DER) < 0) {
			gnutls_x509_crt_deinit(chain[i]);
			break;
		}
	}
	if (have > 0 && have == (n < nitems(chain) ? n : nitems(chain)))
		r = verify_crts(t, chain, have);
	else
		snprintf(t->words, sizeof(t->words), n == 0 ? "no certificate "
		    "of the peer" : "%s certificate is damaged", whose(t));
	for (i = 0; i < have; i++)
		gnutls_x509_crt_deinit(chain[i]);
	return (r);
}

/* ---- its messages ---- */

/* A hello has been read: what QUIC and its dialect must have is there? */
static int
qtls_hello(struct qtls *t)
{
	gnutls_datum_t	 alpn;

	if (ngtcp2_conn_get_remote_transport_params(t->quic) == NULL) {
		strlcpy(t->words, "no parameters of QUIC", sizeof(t->words));
		return (GNUTLS_E_MISSING_EXTENSION);
	}
	if (gnutls_alpn_get_selected_protocol(t->session, &alpn) < 0) {
		strlcpy(t->words, NO_ALPN, sizeof(t->words));
		return (GNUTLS_E_NO_APPLICATION_PROTOCOL);
	}
	return (0);
}

static int
qtls_hook(gnutls_session_t session, unsigned int type, unsigned int when,
    unsigned int incoming, const gnutls_datum_t *msg)
{
	struct qtls	*t = qtls_of(session);

	if (when == GNUTLS_HOOK_PRE && t->may_sign &&
	    said_message(t, type, msg) == -1)
		return (GNUTLS_E_MEMORY_ERROR);
	if (!incoming)
		return (0);
	/* The extensions of a server's have been read when it has finished. */
	if (t->server ? when == GNUTLS_HOOK_POST &&
	    type == GNUTLS_HANDSHAKE_CLIENT_HELLO :
	    when == GNUTLS_HOOK_PRE && type == GNUTLS_HANDSHAKE_FINISHED)
		return (qtls_hello(t));
	return (0);
}

/*
 * After the handshake a server may send tickets, which are not kept.  Nothing
 * else is allowed, a change of keys by TLS least of all, and nothing reaches
 * GnuTLS.
 */
static int
qtls_after(struct qtls *t, const uint8_t *p, size_t len)
{
	size_t	 n;

	if (t->server || (t->total += len) > AFTER_MAX)
		goto bad;
	while (len > 0) {
		if (t->rest > 0) {
			n = len < t->rest ? len : t->rest;
			t->rest -= n;
			p += n;
			len -= n;
			continue;
		}
		t->after[t->nafter++] = *p++;
		len--;
		if (t->after[0] != NEW_TICKET)
			goto bad;
		if (t->nafter == sizeof(t->after)) {
			t->nafter = 0;
			t->rest = (size_t)t->after[1] << 16 |
			    (size_t)t->after[2] << 8 | t->after[3];
		}
	}
	return (0);
 bad:
	ngtcp2_conn_set_tls_alert(t->quic, ALERT_UNEXPECTED);
	return (NGTCP2_ERR_CRYPTO);
}

int
qtls_crypto(struct qtls *t, ng_level level, const uint8_t *p, size_t len)
{
	int	 r;

	/*
	 * After the last message GnuTLS would change its keys, whatever comes
	 * and on whatever level, and ngtcp2 takes no others: it aborts.
	 */
	if (t->finished || level == NG_LEVEL_APPLICATION)
		return (qtls_after(t, p, len));
	/* Whatever else waits meanwhile, it signs before that. */
	now = t;
	r = ngtcp2_crypto_read_write_crypto_data(t->quic, level, p, len);
	t->finished = gnutls_handshake_get_last_in(t->session) ==
	    GNUTLS_HANDSHAKE_FINISHED;
	if (r == 0)
		return (0);
	r = ngtcp2_conn_get_tls_error(t->quic);
	return (r != 0 ? r : NGTCP2_ERR_CRYPTO);
}

int
qtls_may_sign(const struct qtls *t)
{
	return (t->may_sign);
}

void
qtls_done(struct qtls *t)
{
	t->may_sign = 0;	/* nobody may have asked for it */
	t->finished = 1;
	said_drop(t);
}

int
qtls_binding(struct qtls *t, uint8_t out[HASH_LEN])
{
	return (gnutls_prf_rfc5705(t->session, sizeof(LABEL) - 1, LABEL, 0,
	    NULL, HASH_LEN, (char *)out) < 0 ? -1 : 0);
}

/* ---- made and freed ---- */

static ngtcp2_conn *
qtls_quic(ngtcp2_crypto_conn_ref *ref)
{
	struct qtls	*t = ref->user_data;

	return (t->quic);
}

void
qtls_init(enum side s)
{
	qcert_init(s, qtls_retrieve, sign_data, sign_hash);
}

static int
qtls_alpn(struct qtls *t, const struct profile *profile)
{
	gnutls_datum_t	 names[nitems(profile->alpn)];
	union { const char *c; unsigned char *v; }	 u;
	unsigned int	 n;

	for (n = 0; n < nitems(names) && profile->alpn[n] != NULL; n++) {
		u.c = profile->alpn[n];
		names[n].data = u.v;
		names[n].size = (unsigned int)strlen(u.c);
	}
	/* A client offers what it prefers alone. */
	return (gnutls_alpn_set_protocols(t->session, names, t->server ? n : 1,
	    GNUTLS_ALPN_MANDATORY |
	    (t->server ? GNUTLS_ALPN_SERVER_PRECEDENCE : 0)));
}

/* The name that a client asks for; an address has none. */
static int
qtls_sni(struct qtls *t)
{
	uint8_t	 addr[16];

	if (t->server || inet_pton(AF_INET, t->host, addr) == 1 ||
	    inet_pton(AF_INET6, t->host, addr) == 1)
		return (0);
	return (gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, t->host,
	    strlen(t->host)));
}

static int
qtls_setup(struct qtls *t, const struct profile *profile)
{
	unsigned int	 flags = t->server ? GNUTLS_SERVER |
			    GNUTLS_NO_TICKETS : GNUTLS_CLIENT |
			    GNUTLS_NO_TICKETS;
	int		 r;

	if (gnutls_init(&t->session, flags | GNUTLS_NO_END_OF_EARLY_DATA) < 0)
		return (-1);
	r = t->server ?
	    ngtcp2_crypto_gnutls_configure_server_session(t->session) :
	    ngtcp2_crypto_gnutls_configure_client_session(t->session);
	if (r != 0 ||
	    gnutls_priority_set_direct(t->session, PRIORITY, NULL) < 0 ||
	    gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE,
	    t->set->cred) < 0 || qtls_alpn(t, profile) < 0 || qtls_sni(t) < 0)
		return (-1);
	t->ref.get_conn = qtls_quic;
	t->ref.user_data = t;
	gnutls_session_set_ptr(t->session, &t->ref);
	gnutls_handshake_set_hook_function(t->session, GNUTLS_HANDSHAKE_ANY,
	    GNUTLS_HOOK_BOTH, qtls_hook);
	gnutls_handshake_set_timeout(t->session, 0);
	if (!t->server || t->set->conf.has_ca)
		gnutls_session_set_verify_function(t->session, qtls_verify);
	if (t->server && t->set->conf.has_ca) {
		gnutls_certificate_server_set_request(t->session,
		    GNUTLS_CERT_REQUIRE);
		gnutls_certificate_send_x509_rdn_sequence(t->session, 1);
	}
	return (0);
}

struct qtls *
qtls_new(const struct profile *profile, const char *host)
{
	struct qtls	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->server = host == NULL;
	if ((t->set = qset_get()) == NULL)
		goto fail;
	if (!t->server)
		strlcpy(t->host, t->set->conf.name[0] != '\0' ?
		    t->set->conf.name : host, sizeof(t->host));
	t->may_sign = t->server || t->set->n > 0;
	if (qtls_setup(t, profile) == 0)
		return (t);
 fail:
	qtls_free(t);
	return (NULL);
}

void
qtls_bind(struct qtls *t, ngtcp2_conn *quic)
{
	t->quic = quic;
	ngtcp2_conn_set_tls_native_handle(quic, t->session);
}

void
qtls_free(struct qtls *t)
{
	if (t == NULL)
		return;
	if (t->session != NULL)
		gnutls_deinit(t->session);
	qset_put(t->set);
	said_drop(t);
	free(t);
}

/* ---- words ---- */

const char *
qtls_words(struct qtls *t, int error)
{
	static char	 buf[TLS_WORDS_MAX];
	ng_close	 peer;
	const char	*words;

	if (t->words[0] != '\0')
		return (t->words);
	if (error == NGTCP2_ERR_DRAINING) {
		ng_peer_close(t->quic, &peer);
		words = qwords_close(&peer);
		return (words != NULL ? words : "the peer closed it");
	}
	if (error == NGTCP2_ERR_CRYPTO &&
	    ngtcp2_conn_get_tls_alert(t->quic) == ALERT_NO_ALPN)
		return (NO_ALPN);
	if (error == NGTCP2_ERR_CRYPTO) {
		words = gnutls_alert_get_name((gnutls_alert_description_t)
		    ngtcp2_conn_get_tls_alert(t->quic));
		snprintf(buf, sizeof(buf), "TLS: %s", words != NULL ? words :
		    "failed");
		return (buf);
	}
	return (ngtcp2_strerror(error));
}
