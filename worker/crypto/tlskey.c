/* SPDX-License-Identifier: ISC */

/*
 * See tlskey.h.  The provider lives in a library context of its own, so only
 * these keys ever find its algorithms; all that is public about a key is left
 * to the default provider.  A request lives in the suspended handshake that
 * made it, which removes it, so none is lost.
 *
 * keys is asked for few signatures at once: strangers can ask for any number,
 * and the others wait here, dealt round over their sources.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "tlskey.h"

#define TLSKEY_PROVIDER	"rocketd-keys"

struct tlskey {
	const char	*type;
	EVP_PKEY	*pub;		/* of the default provider */
	uint8_t		 spki[HASH_LEN];
};

/* A signature being made. */
struct tlskey_sig {
	const struct tlskey	*key;
	char			 digest[16];
	int			 pss;
};

struct request {
	TAILQ_ENTRY(request)	 entry;
	TAILQ_ENTRY(request)	 turn;		/* until it is asked */
	void			*who;
	const void		*source;
	uint64_t		 round;		/* of its turn */
	int			 asked;
	int			 done;
	struct msg_sign		 msg;
	struct msg_signed	 answer;
};
TAILQ_HEAD(requests, request);

static struct {
	OSSL_LIB_CTX			*lib;
	void				(*ask)(const struct msg_sign *);
	void				*who;
	const void			*source;
	struct requests			 requests;	/* all */
	struct requests			 turns;		/* by round */
	uint64_t			 round;		/* of the last asked */
	uint32_t			 asked;		/* not answered */
	uint64_t			 serial;
} env;

/* ---- requests ---- */

void
tlskey_enter(void *who, const void *source)
{
	env.who = who;
	env.source = source;
}

/* As many as keys takes at once; the others wait. */
static void
tlskey_deal(void)
{
	struct request	*r;

	while (env.asked < SIGNS_MAX &&
	    (r = TAILQ_FIRST(&env.turns)) != NULL) {
		TAILQ_REMOVE(&env.turns, r, turn);
		env.round = r->round;
		env.asked++;
		r->asked = 1;
		env.ask(&r->msg);
	}
}

/*
 * A source has one turn in a round: its second request of this round waits for
 * the next, behind everybody's first.
 */
static void
tlskey_queue(struct request *r)
{
	struct request	*q;

	r->round = env.round + 1;
	TAILQ_FOREACH(q, &env.turns, turn)
		if (q->source == r->source)
			r->round = q->round + 1;
	TAILQ_FOREACH(q, &env.turns, turn)
		if (q->round > r->round)
			break;
	if (q != NULL)
		TAILQ_INSERT_BEFORE(q, r, turn);
	else
		TAILQ_INSERT_TAIL(&env.turns, r, turn);
	tlskey_deal();
}

void *
tlskey_answer(const struct msg_signed *msg)
{
	struct request	*r;

	if (env.asked > 0)
		env.asked--;
	tlskey_deal();
	TAILQ_FOREACH(r, &env.requests, entry)
		if (r->msg.number == msg->number && r->asked && !r->done) {
			r->answer = *msg;
			r->done = 1;
			return (r->who);
		}
	return (NULL);
}

int
tlskey_cancel(const void *who)
{
	struct request	*r;

	TAILQ_FOREACH(r, &env.requests, entry)
		if (r->who == who && !r->done) {
			r->answer.len = 0;
			r->done = 1;
			return (1);
		}
	return (0);
}

void
tlskey_again(void)
{
	struct request	*r;

	env.asked = 0;
	TAILQ_FOREACH(r, &env.requests, entry)
		if (r->asked && !r->done) {
			env.asked++;
			env.ask(&r->msg);
		}
	tlskey_deal();
}

static struct request *
tlskey_new_request(const struct msg_sign *msg)
{
	struct request	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->who = env.who;
	r->source = env.source;
	r->msg = *msg;
	r->msg.number = ++env.serial;
	TAILQ_INSERT_TAIL(&env.requests, r, entry);
	tlskey_queue(r);
	return (r);
}

/* Returns once keys has answered: 1, or 0 when there is no signature. */
static int
tlskey_request(const struct msg_sign *msg, unsigned char *sig, size_t size,
    size_t *len)
{
	struct request	*r;
	int		 ok;

	if (ASYNC_get_current_job() == NULL ||
	    (r = tlskey_new_request(msg)) == NULL)
		return (0);
	while (!r->done)
		if (ASYNC_pause_job() != 1)
			break;
	TAILQ_REMOVE(&env.requests, r, entry);
	if (!r->asked)
		TAILQ_REMOVE(&env.turns, r, turn);
	ok = r->done && r->answer.len > 0 && r->answer.len <= size;
	if (ok) {
		memcpy(sig, r->answer.signature, r->answer.len);
		*len = r->answer.len;
	}
	free(r);
	return (ok);
}

/* ---- the provider's keys ---- */

static void *
key_new(const char *type)
{
	struct tlskey	*k;

	if ((k = calloc(1, sizeof(*k))) != NULL)
		k->type = type;
	return (k);
}

static void *
key_new_rsa(void *prov)
{
	(void)prov;
	return (key_new("RSA"));
}

static void *
key_new_ec(void *prov)
{
	(void)prov;
	return (key_new("EC"));
}

static void *
key_new_ed25519(void *prov)
{
	(void)prov;
	return (key_new("ED25519"));
}

static void
key_free(void *arg)
{
	struct tlskey	*k = arg;

	if (k == NULL)
		return;
	EVP_PKEY_free(k->pub);
	free(k);
}

/* Of both parts: keys has the private one. */
static int
key_has(const void *arg, int selection)
{
	const struct tlskey	*k = arg;

	(void)selection;
	return (k->pub != NULL);
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct tlskey	*x = a, *y = b;

	(void)selection;
	return (x->pub != NULL && y->pub != NULL &&
	    EVP_PKEY_eq(x->pub, y->pub) == 1);
}

static int
key_import(void *arg, int selection, const OSSL_PARAM params[])
{
	struct tlskey	*k = arg;
	EVP_PKEY_CTX	*ctx;
	OSSL_PARAM	*copy;
	unsigned char	*der = NULL;
	int		 ok, len;

	(void)selection;
	if ((copy = OSSL_PARAM_dup(params)) == NULL)
		return (0);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, k->type, NULL);
	ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &k->pub, EVP_PKEY_PUBLIC_KEY, copy) == 1;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(copy);
	if (!ok || (len = i2d_PUBKEY(k->pub, &der)) <= 0)
		return (0);
	SHA256(der, (size_t)len, k->spki);
	OPENSSL_free(der);
	return (1);
}

static const OSSL_PARAM *
key_import_types(int selection)
{
	static const OSSL_PARAM	 types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END
	};

	(void)selection;
	return (types);
}

static int
key_get_params(void *arg, OSSL_PARAM params[])
{
	const struct tlskey	*k = arg;

	return (k->pub != NULL && EVP_PKEY_get_params(k->pub, params) == 1);
}

static const OSSL_PARAM *
key_gettable(void *prov)
{
	static const OSSL_PARAM	 params[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL,
		    0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST,
		    NULL, 0),
		OSSL_PARAM_END
	};

	(void)prov;
	return (params);
}

static const char *
key_ec_operation(int operation)
{
	return (operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC");
}

/* ---- the provider's signatures ---- */

static void *
sig_new(void *prov, const char *propq)
{
	(void)prov;
	(void)propq;
	return (calloc(1, sizeof(struct tlskey_sig)));
}

static void
sig_free(void *arg)
{
	free(arg);
}

static int
sig_set_params(void *arg, const OSSL_PARAM params[])
{
	struct tlskey_sig	*s = arg;
	const OSSL_PARAM	*p;
	const char		*word = NULL;
	int			 mode = 0, len = 0;

	if (params == NULL)
		return (1);
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p != NULL && p->data_type == OSSL_PARAM_UTF8_STRING) {
		if (!OSSL_PARAM_get_utf8_string_ptr(p, &word))
			return (0);
		s->pss = strcmp(word, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
	} else if (p != NULL) {
		if (!OSSL_PARAM_get_int(p, &mode))
			return (0);
		s->pss = mode == RSA_PKCS1_PSS_PADDING;
	}
	/* TLS has one salt length, and keys supports no other. */
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	if (p == NULL)
		return (1);
	if (p->data_type == OSSL_PARAM_UTF8_STRING)
		return (OSSL_PARAM_get_utf8_string_ptr(p, &word) &&
		    strcmp(word, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0);
	return (OSSL_PARAM_get_int(p, &len) && len == RSA_PSS_SALTLEN_DIGEST);
}

static const OSSL_PARAM *
sig_settable(void *arg, void *prov)
{
	static const OSSL_PARAM	 params[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL,
		    0),
		OSSL_PARAM_END
	};

	(void)arg;
	(void)prov;
	return (params);
}

static int
sig_init(void *arg, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct tlskey_sig	*s = arg;

	s->key = key;
	if (digest != NULL && strlcpy(s->digest, digest, sizeof(s->digest)) >=
	    sizeof(s->digest))
		return (0);
	return (sig_set_params(s, params));
}

/* 0: none that TLS has. */
static uint32_t
sig_scheme(const struct tlskey_sig *s)
{
	static const struct {
		const char	*type;
		int		 pss;
		const char	*digest;
		uint32_t	 scheme;
	} schemes[] = {
		{ "RSA", 0, "SHA256", SIGN_RSA_PKCS1_SHA256 },
		{ "RSA", 0, "SHA384", SIGN_RSA_PKCS1_SHA384 },
		{ "RSA", 0, "SHA512", SIGN_RSA_PKCS1_SHA512 },
		{ "RSA", 1, "SHA256", SIGN_RSA_PSS_SHA256 },
		{ "RSA", 1, "SHA384", SIGN_RSA_PSS_SHA384 },
		{ "RSA", 1, "SHA512", SIGN_RSA_PSS_SHA512 },
		{ "EC", 0, "SHA256", SIGN_ECDSA_SHA256 },
		{ "EC", 0, "SHA384", SIGN_ECDSA_SHA384 },
		{ "EC", 0, "SHA512", SIGN_ECDSA_SHA512 }
	};
	char		 digest[16], *p = digest;
	const char	*q;
	size_t		 i;

	if (strcmp(s->key->type, "ED25519") == 0)
		return (SIGN_ED25519);
	/* "SHA256" and "SHA2-256" are the same */
	q = strncmp(s->digest, "SHA2-", 5) == 0 ? s->digest + 5 : s->digest;
	if (q != s->digest)
		p += strlcpy(digest, "SHA", sizeof(digest));
	strlcpy(p, q, sizeof(digest) - (size_t)(p - digest));
	for (i = 0; i < nitems(schemes); i++)
		if (strcmp(schemes[i].type, s->key->type) == 0 &&
		    schemes[i].pss == s->pss &&
		    strcmp(schemes[i].digest, digest) == 0)
			return (schemes[i].scheme);
	return (0);
}

static int
sig_sign(void *arg, unsigned char *sig, size_t *len, size_t size,
    const unsigned char *data, size_t datalen)
{
	struct tlskey_sig	*s = arg;
	struct msg_sign		 msg;
	int			 most = EVP_PKEY_get_size(s->key->pub);

	if (sig == NULL) {
		*len = most > 0 ? (size_t)most : 0;
		return (most > 0);
	}
	memset(&msg, 0, sizeof(msg));
	if (datalen > sizeof(msg.data) ||
	    (msg.scheme = sig_scheme(s)) == 0)
		return (0);
	msg.len = (uint32_t)datalen;
	memcpy(msg.spki, s->key->spki, sizeof(msg.spki));
	memcpy(msg.data, data, datalen);
	return (tlskey_request(&msg, sig, size, len));
}

/* ---- the provider ---- */

#define FN(id, f)	{ id, (void (*)(void))(f) }
#define KEY_FNS(new)							\
	FN(OSSL_FUNC_KEYMGMT_NEW, new),					\
	FN(OSSL_FUNC_KEYMGMT_FREE, key_free),				\
	FN(OSSL_FUNC_KEYMGMT_HAS, key_has),				\
	FN(OSSL_FUNC_KEYMGMT_MATCH, key_match),				\
	FN(OSSL_FUNC_KEYMGMT_IMPORT, key_import),			\
	FN(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),		\
	FN(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),		\
	FN(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable)

static const OSSL_DISPATCH	 rsa_fns[] = {
	KEY_FNS(key_new_rsa),
	{ 0, NULL }
};

static const OSSL_DISPATCH	 ec_fns[] = {
	KEY_FNS(key_new_ec),
	FN(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_ec_operation),
	{ 0, NULL }
};

static const OSSL_DISPATCH	 ed25519_fns[] = {
	KEY_FNS(key_new_ed25519),
	{ 0, NULL }
};

static const OSSL_DISPATCH	 sig_fns[] = {
	FN(OSSL_FUNC_SIGNATURE_NEWCTX, sig_new),
	FN(OSSL_FUNC_SIGNATURE_FREECTX, sig_free),
	FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sig_init),
	FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sig_sign),
	FN(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, sig_set_params),
	FN(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, sig_settable),
	{ 0, NULL }
};

#define PROPERTIES	"provider=" TLSKEY_PROVIDER

/* OpenSSL looks a key's type up by these names. */
static const OSSL_ALGORITHM	 keymgmts[] = {
	{ "RSA:rsaEncryption", PROPERTIES, rsa_fns, "kept in keys" },
	{ "EC:id-ecPublicKey", PROPERTIES, ec_fns, "kept in keys" },
	{ "ED25519", PROPERTIES, ed25519_fns, "kept in keys" },
	{ NULL, NULL, NULL, NULL }
};

static const OSSL_ALGORITHM	 signatures[] = {
	{ "RSA:rsaEncryption", PROPERTIES, sig_fns, "made by keys" },
	{ "ECDSA", PROPERTIES, sig_fns, "made by keys" },
	{ "ED25519", PROPERTIES, sig_fns, "made by keys" },
	{ NULL, NULL, NULL, NULL }
};

static const OSSL_ALGORITHM *
provider_query(void *prov, int operation, int *no_cache)
{
	(void)prov;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return (keymgmts);
	case OSSL_OP_SIGNATURE:
		return (signatures);
	default:
		return (NULL);
	}
}

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **prov)
{
	static const OSSL_DISPATCH	 fns[] = {
		FN(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query),
		{ 0, NULL }
	};

	(void)handle;
	(void)in;
	*out = fns;
	*prov = &env;
	return (1);
}

int
tlskey_init(void (*ask)(const struct msg_sign *))
{
	TAILQ_INIT(&env.requests);
	TAILQ_INIT(&env.turns);
	env.ask = ask;
	/* No configuration file of the system's is read. */
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_LOAD_SSL_STRINGS |
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) != 1 ||
	    (env.lib = OSSL_LIB_CTX_new()) == NULL ||
	    OSSL_PROVIDER_add_builtin(env.lib, TLSKEY_PROVIDER,
	    provider_init) != 1 ||
	    OSSL_PROVIDER_load(env.lib, TLSKEY_PROVIDER) == NULL ||
	    !ASYNC_is_capable()) {
		log_warnx("tls: OpenSSL takes no keys from elsewhere");
		return (-1);
	}
	return (0);
}

EVP_PKEY *
tlskey_new(X509 *cert)
{
	EVP_PKEY	*pub = X509_get0_pubkey(cert), *pkey = NULL;
	EVP_PKEY_CTX	*ctx = NULL;
	OSSL_PARAM	*params = NULL;

	if (pub != NULL &&
	    EVP_PKEY_todata(pub, EVP_PKEY_PUBLIC_KEY, &params) == 1 &&
	    (ctx = EVP_PKEY_CTX_new_from_name(env.lib,
	    EVP_PKEY_get0_type_name(pub), NULL)) != NULL &&
	    EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY,
		    params);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return (pkey);
}
