/* SPDX-License-Identifier: ISC */

/*
 * See signkey.h.  A key is named by the hash of its public part, so a
 * certificate and a key that do not match never make a signature, and is bound
 * to the tls process of one block.  What is to be signed arrives whole and is
 * checked: a compromised tls process can shake hands as its servers while it
 * lives, and get nothing else signed.
 *
 * Only a tls process knows which certificates it could use.  So earlier keys
 * are kept beside new ones until one of the new is used.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "psk.h"
#include "signkey.h"

/* A PEM file of one key: 3.3 KiB for RSA of 4096 bits, and comments. */
#define PEM_MAX		(32 * 1024)
/* Each block has at most TLS_CERTS_MAX, and there are 64 blocks. */
#define SIGNKEYS_MAX	(64 * TLS_CERTS_MAX)

/* Above so many bits RSA is warned about. */
#define RSA_CHEAP	2048

/* RFC 8446, 4.4.3. */
#define CV_PAD		64
#define CV_SERVER	"TLS 1.3, server CertificateVerify"
#define CV_CLIENT	"TLS 1.3, client CertificateVerify"
/* RFC 8422, 5.4: two randoms, then named_curve, which one, a point. */
#define SKE_RANDOMS	64
#define SKE_HEAD	(SKE_RANDOMS + 4)
#define SKE_NAMED	3

struct signkey {
	TAILQ_ENTRY(signkey)	 entry;
	EVP_PKEY		*pkey;	/* NULL: could not be read */
	uint32_t		 side;		/* whose it is */
	uint32_t		 index;
	int			 fresh;		/* new, and not used yet */
	uint8_t			 spki[HASH_LEN];
};
TAILQ_HEAD(signkeys, signkey);

static struct {
	struct signkeys	 live, before, next;
	uint32_t	 nnext;
	uint32_t	 nbefore;
	uint64_t	 made;
	uint64_t	 refused;
} env;

/* How a scheme is made. */
static const struct how {
	uint32_t	 scheme;
	const char	*type;
	const char	*digest;
	int		 padding;
	int		 old;		/* in TLS 1.2 only */
} hows[] = {
	{ SIGN_RSA_PKCS1_SHA256, "RSA", "SHA256", RSA_PKCS1_PADDING, 1 },
	{ SIGN_RSA_PKCS1_SHA384, "RSA", "SHA384", RSA_PKCS1_PADDING, 1 },
	{ SIGN_RSA_PKCS1_SHA512, "RSA", "SHA512", RSA_PKCS1_PADDING, 1 },
	{ SIGN_RSA_PSS_SHA256, "RSA", "SHA256", RSA_PKCS1_PSS_PADDING, 0 },
	{ SIGN_RSA_PSS_SHA384, "RSA", "SHA384", RSA_PKCS1_PSS_PADDING, 0 },
	{ SIGN_RSA_PSS_SHA512, "RSA", "SHA512", RSA_PKCS1_PSS_PADDING, 0 },
	{ SIGN_ECDSA_SHA256, "EC", "SHA256", 0, 0 },
	{ SIGN_ECDSA_SHA384, "EC", "SHA384", 0, 0 },
	{ SIGN_ECDSA_SHA512, "EC", "SHA512", 0, 0 },
	{ SIGN_ED25519, "ED25519", NULL, 0, 0 }
};

/* ---- sets ---- */

static void
signkey_free(struct signkey *k)
{
	EVP_PKEY_free(k->pkey);		/* wipes its numbers */
	free(k);
}

static void
signkeys_free(struct signkeys *list)
{
	struct signkey	*k;

	while ((k = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, k, entry);
		signkey_free(k);
	}
}

static struct signkey *
signkeys_find(const struct signkeys *list, uint32_t side, uint32_t index,
    const uint8_t spki[HASH_LEN])
{
	struct signkey	*k;

	TAILQ_FOREACH(k, list, entry)
		if (k->pkey != NULL && k->side == side && k->index == index &&
		    memcmp(k->spki, spki, sizeof(k->spki)) == 0)
			return (k);
	return (NULL);
}

static void
before_drop(struct signkey *k)
{
	TAILQ_REMOVE(&env.before, k, entry);
	env.nbefore--;
	signkey_free(k);
}

/* A new key was used: its tls has the new set, and needs no earlier key. */
static void
before_forget(const struct signkey *user)
{
	struct signkey	*k, *next;

	TAILQ_FOREACH_SAFE(k, &env.before, entry, next)
		if (k->side == user->side && k->index == user->index)
			before_drop(k);
}

/* May its tls still need this earlier key, after what comes next? */
static int
before_needs(const struct signkey *was)
{
	const struct signkey	*k;

	if (was->pkey == NULL || signkeys_find(&env.next, was->side,
	    was->index, was->spki) != NULL)
		return (0);
	TAILQ_FOREACH(k, &env.next, entry)
		if (k->side == was->side && k->index == was->index &&
		    (k->fresh || k->pkey == NULL))
			return (1);
	return (0);
}

void
signkey_init(void)
{
	TAILQ_INIT(&env.live);
	TAILQ_INIT(&env.before);
	TAILQ_INIT(&env.next);
}

void
signkey_begin(void)
{
	signkeys_free(&env.next);
	env.nnext = 0;
}

void
signkey_commit(void)
{
	struct signkey	*k, *next;

	TAILQ_FOREACH(k, &env.next, entry)
		k->fresh = k->pkey != NULL && signkeys_find(&env.live, k->side,
		    k->index, k->spki) == NULL && signkeys_find(&env.before,
		    k->side, k->index, k->spki) == NULL;
	TAILQ_FOREACH(k, &env.live, entry) {
		k->fresh = 0;
		env.nbefore++;
	}
	TAILQ_CONCAT(&env.before, &env.live, entry);
	TAILQ_FOREACH_SAFE(k, &env.before, entry, next)
		if (!before_needs(k) || env.nbefore > 2 * SIGNKEYS_MAX)
			before_drop(k);
	TAILQ_CONCAT(&env.live, &env.next, entry);
	env.nnext = 0;
}

void
signkey_wipe(void)
{
	signkeys_free(&env.live);
	signkeys_free(&env.before);
	signkeys_free(&env.next);
	env.nbefore = 0;
}

/* The parent shares the descriptor, so its offset is left alone. */
static ssize_t
signkey_read(int fd, void *buf, size_t size)
{
	size_t	 len = 0;
	ssize_t	 n;

	do {
		n = pread(fd, (uint8_t *)buf + len, size - len, (off_t)len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size) || (n == -1 && errno == EINTR));
	return (n == -1 ? -1 : (ssize_t)len);
}

/* Nobody can type a passphrase; notes that one was wanted. */
static int
signkey_no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	int	*wanted = arg;

	(void)buf;
	(void)size;
	(void)rwflag;
	*wanted = 1;
	return (-1);
}

/* Why there is no key, or NULL. */
static const char *
signkey_parse(struct signkey *k, const void *pem, size_t len)
{
	BIO	*bio;
	int	 wanted = 0;

	if ((bio = BIO_new_mem_buf(pem, (int)len)) == NULL)
		return ("no memory");
	k->pkey = PEM_read_bio_PrivateKey(bio, NULL, signkey_no_passphrase,
	    &wanted);
	BIO_free(bio);
	ERR_clear_error();
	if (k->pkey != NULL)
		return (NULL);
	return (wanted ? "the private key has a passphrase" :
	    "no private key in PEM");
}

/* Why a key is of no use, or NULL; fills in its name. */
static const char *
signkey_unfit(struct signkey *k)
{
	unsigned char	*der = NULL;
	size_t		 i;
	int		 len;

	for (i = 0; i < nitems(hows); i++)
		if (EVP_PKEY_is_a(k->pkey, hows[i].type))
			break;
	if (i == nitems(hows))
		return ("neither RSA nor ECDSA nor Ed25519");
	if (EVP_PKEY_get_size(k->pkey) > SIGNATURE_MAX)
		return ("larger than 4096 bits");
	if ((len = i2d_PUBKEY(k->pkey, &der)) <= 0)
		return ("no memory");
	SHA256(der, (size_t)len, k->spki);
	OPENSSL_free(der);
	return (NULL);
}

/* The same of a file. */
static const char *
signkey_load(struct signkey *k, int fd)
{
	const char	*why;
	ssize_t		 len;
	uint8_t		*buf;

	if ((buf = psk_alloc(PEM_MAX)) == NULL)
		return ("no memory");
	if ((len = signkey_read(fd, buf, PEM_MAX)) == -1)
		why = "cannot be read";
	else
		why = signkey_parse(k, buf, (size_t)len);
	psk_free(buf, PEM_MAX);
	return (why != NULL ? why : signkey_unfit(k));
}

/* Who may connect may have it sign: a large one is a way to keep us busy. */
static void
signkey_tell(const struct signkey *k, struct signkey_facts *facts)
{
	int	 bits = EVP_PKEY_get_bits(k->pkey);

	memset(facts, 0, sizeof(*facts));
	memcpy(facts->spki, k->spki, sizeof(facts->spki));
	if (EVP_PKEY_is_a(k->pkey, "RSA") && bits > RSA_CHEAP)
		snprintf(facts->warning, sizeof(facts->warning), "RSA with %d "
		    "bits: a signature costs many times one of ECDSA, and "
		    "anybody can ask for it", bits);
}

const char *
signkey_add(const struct msg_pem *msg, int fd, struct signkey_facts *facts)
{
	struct signkey	*k;
	const char	*why;

	if (env.nnext >= SIGNKEYS_MAX ||
	    (k = calloc(1, sizeof(*k))) == NULL) {
		close(fd);
		return ("no memory, or too many keys");
	}
	k->side = msg->side;
	k->index = msg->index;
	why = signkey_load(k, fd);
	close(fd);
	if (why != NULL) {
		EVP_PKEY_free(k->pkey);
		k->pkey = NULL;
	} else if (facts != NULL)
		signkey_tell(k, facts);
	TAILQ_INSERT_TAIL(&env.next, k, entry);
	env.nnext++;
	return (why);
}

/* ---- what may be signed ---- */

static const struct how *
signkey_how(uint32_t scheme)
{
	size_t	 i;

	for (i = 0; i < nitems(hows); i++)
		if (hows[i].scheme == scheme)
			return (&hows[i]);
	return (NULL);
}

/* The CertificateVerify of TLS 1.3: spaces, which side, a hash. */
static int
signkey_is_verify(const struct msg_sign *m, uint32_t side)
{
	const char	*name = side == SIDE_SERVER ? CV_SERVER : CV_CLIENT;
	size_t		 head = CV_PAD + sizeof(CV_SERVER), i;

	if (m->len != head + 32 && m->len != head + 48)
		return (0);
	for (i = 0; i < CV_PAD; i++)
		if (m->data[i] != ' ')
			return (0);
	/* with the NUL between name and hash */
	return (memcmp(m->data + CV_PAD, name, sizeof(CV_SERVER)) == 0);
}

/* The ServerKeyExchange of TLS 1.2: randoms, a curve's number, a point. */
static int
signkey_is_exchange(const struct msg_sign *m, uint32_t side)
{
	uint32_t	 curve;

	if (side != SIDE_SERVER || m->len <= SKE_HEAD ||
	    m->data[SKE_RANDOMS] != SKE_NAMED ||
	    m->data[SKE_HEAD - 1] != m->len - SKE_HEAD)
		return (0);
	curve = (uint32_t)m->data[SKE_RANDOMS + 1] << 8 |
	    m->data[SKE_RANDOMS + 2];
	/* secp256r1, secp384r1, secp521r1, x25519, x448 */
	return ((curve >= 23 && curve <= 25) || curve == 29 || curve == 30);
}

int
signkey_permits(const struct msg_sign *m, uint32_t side)
{
	const struct how	*how = signkey_how(m->scheme);

	if (how == NULL || m->len > sizeof(m->data))
		return (0);
	if (signkey_is_verify(m, side))
		return (!how->old);
	return (signkey_is_exchange(m, side));
}

/* ---- signing ---- */

static struct signkey *
signkey_find(const struct msg_channel *peer, const uint8_t *spki)
{
	struct signkey	*k;

	if ((k = signkeys_find(&env.live, peer->side, peer->index, spki)) ==
	    NULL)
		k = signkeys_find(&env.before, peer->side, peer->index, spki);
	return (k);
}

static int
signkey_make(const struct signkey *k, const struct msg_sign *m,
    struct msg_signed *out)
{
	const struct how	*how = signkey_how(m->scheme);
	EVP_PKEY_CTX		*pctx = NULL;
	EVP_MD_CTX		*ctx;
	size_t			 len = sizeof(out->signature);
	int			 ok;

	if (!EVP_PKEY_is_a(k->pkey, how->type) ||
	    (ctx = EVP_MD_CTX_new()) == NULL)
		return (-1);
	ok = EVP_DigestSignInit_ex(ctx, &pctx, how->digest, NULL, NULL,
	    k->pkey, NULL) == 1;
	if (ok && how->padding != 0)
		ok = EVP_PKEY_CTX_set_rsa_padding(pctx, how->padding) > 0;
	if (ok && how->padding == RSA_PKCS1_PSS_PADDING)
		ok = EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx,
		    RSA_PSS_SALTLEN_DIGEST) > 0;
	ok = ok && EVP_DigestSign(ctx, out->signature, &len, m->data,
	    m->len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return (-1);
	out->len = (uint32_t)len;
	return (0);
}

void
signkey_sign(const struct msg_channel *peer, const struct msg_sign *m,
    struct msg_signed *out)
{
	struct signkey	*k;

	memset(out, 0, sizeof(*out));
	out->number = m->number;
	if (signkey_permits(m, peer->side) &&
	    (k = signkey_find(peer, m->spki)) != NULL &&
	    signkey_make(k, m, out) == 0) {
		if (k->fresh) {
			k->fresh = 0;
			before_forget(k);
		}
		env.made++;
		return;
	}
	memset(out->signature, 0, sizeof(out->signature));
	env.refused++;
}

uint64_t
signkey_signed(void)
{
	return (env.made);
}

uint64_t
signkey_refused(void)
{
	return (env.refused);
}
