/* SPDX-License-Identifier: ISC */

/*
 * Derivations from a token.  scrypt makes guessing expensive; HKDF (RFC 5869)
 * takes its place where there is nothing to guess, and gives the identity; the
 * key schedule of TLS 1.3 (RFC 8446 sections 4.2.11.2 and 7.1) gives the key of
 * the binders.  Everything in between is wiped.  The gate has no key, so a
 * ClientHello is proven here, ahead of any TLS.
 */

#include <sys/types.h>

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "shared/log.h"
#include "psk.h"

/*
 * The cost of one guess.  It is part of the protocol: changing it changes every
 * key.
 */
#define SCRYPT_N		(1 << 15)
#define SCRYPT_R		8
#define SCRYPT_P		1
/* 128 * N * r octets and a little; OpenSSL's limit, not an allocation. */
#define SCRYPT_MEMORY		(64 * 1024 * 1024)

static const char	 salt_prefix[] = "rocket1 ";
static const char	 key_info[] = "rocket key";
static const char	 identity_info[] = "rocket id";

/* Longer than any info used here. */
#define INFO_MAX		64
#define SALT_MAX		(sizeof(salt_prefix) - 1 + SERVICE_NAME_MAX)

/* Room for the secrets of some 2000 tokens; a power of two for OpenSSL. */
#define SECRET_ROOM		(1024 * 1024)
#define SECRET_UNIT		64

static int
hmac(const uint8_t *key, size_t keylen, const uint8_t *data, size_t len,
    uint8_t out[PSK_HASH_LEN])
{
	unsigned int n;

	if (HMAC(EVP_sha256(), key, (int)keylen, data, len, out, &n) == NULL)
		return (-1);
	return (n == PSK_HASH_LEN ? 0 : -1);
}

/* HKDF-Expand to at most one hash: T(1) = HMAC(prk, info | 0x01). */
static int
expand(const uint8_t prk[PSK_HASH_LEN], const uint8_t *info, size_t len,
    uint8_t *out, size_t outlen)
{
	uint8_t block[INFO_MAX + 1], t[PSK_HASH_LEN];
	int r;

	if (len > INFO_MAX || outlen > sizeof(t))
		return (-1);
	memcpy(block, info, len);
	block[len] = 1;
	if ((r = hmac(prk, PSK_HASH_LEN, block, len + 1, t)) == 0)
		memcpy(out, t, outlen);
	explicit_bzero(t, sizeof(t));
	return (r);
}

/* HKDF-Expand-Label of RFC 8446 section 7.1, to the length of the hash. */
static int
expand_label(const uint8_t secret[PSK_HASH_LEN], const char *label,
    const uint8_t *context, size_t len, uint8_t out[PSK_HASH_LEN])
{
	static const char prefix[] = "tls13 ";
	uint8_t info[INFO_MAX], *p = info;
	size_t prelen = sizeof(prefix) - 1, lablen = strlen(label);

	if (2 + 1 + prelen + lablen + 1 + len > sizeof(info))
		return (-1);
	*p++ = 0;
	*p++ = PSK_HASH_LEN;
	*p++ = (uint8_t)(prelen + lablen);
	memcpy(p, prefix, prelen);
	p += prelen;
	memcpy(p, label, lablen);
	p += lablen;
	*p++ = (uint8_t)len;
	if (len > 0)
		memcpy(p, context, len);
	p += len;
	return (expand(secret, info, p - info, out, PSK_HASH_LEN));
}

int
psk_expand(struct psk *psk)
{
	static const uint8_t zeros[PSK_HASH_LEN];
	uint8_t early[PSK_HASH_LEN], binder[PSK_HASH_LEN];
	uint8_t empty[PSK_HASH_LEN];
	int r = -1;

	/*
	 * HKDF-Extract without a salt, which HMAC pads with zeros, is also
	 * the early secret of TLS; the labels keep the two uses apart.
	 */
	if (hmac(zeros, sizeof(zeros), psk->key, sizeof(psk->key), early) ==
	    -1)
		goto done;
	if (expand(early, (const uint8_t *)identity_info,
	    sizeof(identity_info) - 1, psk->identity,
	    sizeof(psk->identity)) == -1)
		goto done;
	/* Derive-Secret(early, "ext binder", ""): the hash of nothing. */
	if (EVP_Digest("", 0, empty, NULL, EVP_sha256(), NULL) != 1 ||
	    expand_label(early, "ext binder", empty, sizeof(empty), binder) ==
	    -1 ||
	    expand_label(binder, "finished", NULL, 0, psk->finished) == -1)
		goto done;
	r = 0;
 done:
	explicit_bzero(early, sizeof(early));
	explicit_bzero(binder, sizeof(binder));
	return (r);
}

/* What makes the key of one service differ from another's; its length. */
static size_t
fill_salt(uint8_t salt[SALT_MAX], const char *name)
{
	size_t prelen = sizeof(salt_prefix) - 1;
	size_t namelen = strnlen(name, SERVICE_NAME_MAX);

	memcpy(salt, salt_prefix, prelen);
	memcpy(salt + prelen, name, namelen);
	return (prelen + namelen);
}

/* cost: SCRYPT_N of every key that counts. */
static int
stretch(struct psk *psk, const char *name, const uint8_t *token, size_t len,
    uint64_t cost)
{
	uint8_t salt[SALT_MAX];
	size_t saltlen = fill_salt(salt, name);

	if (EVP_PBE_scrypt((const char *)token, len, salt, saltlen, cost,
	    SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY, psk->key, sizeof(psk->key)) !=
	    1 || psk_expand(psk) == -1) {
		explicit_bzero(psk, sizeof(*psk));
		return (-1);
	}
	return (0);
}

int
psk_derive(struct psk *psk, const char *name,
    const uint8_t secret[STRONG_SECRET_LEN])
{
	uint8_t salt[SALT_MAX], prk[PSK_HASH_LEN];
	size_t saltlen = fill_salt(salt, name);
	int r = -1;

	if (hmac(salt, saltlen, secret, STRONG_SECRET_LEN, prk) == 0 &&
	    expand(prk, (const uint8_t *)key_info, sizeof(key_info) - 1,
	    psk->key, sizeof(psk->key)) == 0)
		r = psk_expand(psk);
	if (r == -1)
		explicit_bzero(psk, sizeof(*psk));
	explicit_bzero(prk, sizeof(prk));
	return (r);
}

int
psk_make(struct psk *psk, const char *name, const uint8_t *token, size_t len)
{
	uint8_t secret[STRONG_SECRET_LEN];
	int r;

	if (strong_read(token, len, secret) == -1)
		return (stretch(psk, name, token, len, SCRYPT_N));
	r = psk_derive(psk, name, secret);
	explicit_bzero(secret, sizeof(secret));
	return (r);
}

int
psk_binder(const uint8_t finished[PSK_HASH_LEN],
    const uint8_t hash[PSK_HASH_LEN], uint8_t binder[PSK_HASH_LEN])
{
	return (hmac(finished, PSK_HASH_LEN, hash, PSK_HASH_LEN, binder));
}

int
psk_check(const uint8_t finished[PSK_HASH_LEN],
    const uint8_t hash[PSK_HASH_LEN], const uint8_t binder[PSK_HASH_LEN])
{
	uint8_t right[PSK_HASH_LEN];
	int same;

	if (psk_binder(finished, hash, right) == -1)
		return (0);
	same = CRYPTO_memcmp(right, binder, sizeof(right)) == 0;
	explicit_bzero(right, sizeof(right));
	return (same);
}

int
psk_init(void)
{
	static const uint8_t token[] = "psk";
	uint8_t hash[PSK_HASH_LEN] = { 0 }, binder[PSK_HASH_LEN];
	struct psk psk;
	int r = -1;

	/* No openssl.cnf: an operator's providers have no business here. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT,
	    NULL) != 1) {
		log_warnx("OpenSSL cannot be initialised");
		return (-1);
	}
	if (!CRYPTO_secure_malloc_initialized() &&
	    CRYPTO_secure_malloc_init(SECRET_ROOM, SECRET_UNIT) != 1)
		log_debug("memory for secrets is not locked");
	/* Loads as much as a real derivation, which takes 100 ms. */
	if (stretch(&psk, "psk", token, sizeof(token) - 1, 2) == -1 ||
	    psk_binder(psk.finished, hash, binder) == -1 ||
	    !psk_check(psk.finished, hash, binder))
		log_warnx("OpenSSL cannot derive keys (scrypt, HMAC-SHA256)");
	else
		r = 0;
	explicit_bzero(&psk, sizeof(psk));
	return (r);
}

void *
psk_alloc(size_t size)
{
	void *p;

	if ((p = OPENSSL_secure_zalloc(size)) == NULL)
		p = OPENSSL_zalloc(size);
	return (p);
}

void
psk_free(void *p, size_t size)
{
	/* Wipes, and knows by the address where the memory came from. */
	OPENSSL_secure_clear_free(p, size);
}
