/* SPDX-License-Identifier: ISC */

/*
 * See strong.h.  A token is "rk1-" and 36 octets in the alphabet of base64url
 * (RFC 4648, section 5), of which there is one way to write them: the secret,
 * and the first octets of SHA-256 over "rk1-" and the secret.
 */

#include <sys/types.h>

#include <sha2.h>
#include <string.h>
#include <strings.h>

#include "compat.h"
#include "strong.h"

#define PREFIX		"rk1-"
#define PREFIX_LEN	(sizeof(PREFIX) - 1)
#define CHECK_LEN	4
#define BODY_LEN	(STRONG_SECRET_LEN + CHECK_LEN)

_Static_assert(BODY_LEN % 3 == 0 && PREFIX_LEN + BODY_LEN / 3 * 4 ==
    STRONG_LEN, "no character is filled up");

static const char	 alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789-_";

static void
strong_check(const uint8_t secret[STRONG_SECRET_LEN],
    uint8_t check[CHECK_LEN])
{
	uint8_t	 digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, (const uint8_t *)PREFIX, PREFIX_LEN);
	SHA256Update(&ctx, secret, STRONG_SECRET_LEN);
	SHA256Final(digest, &ctx);
	memcpy(check, digest, CHECK_LEN);
	explicit_bzero(&ctx, sizeof(ctx));
	explicit_bzero(digest, sizeof(digest));
}

void
strong_write(const uint8_t secret[STRONG_SECRET_LEN],
    char token[STRONG_LEN + 1])
{
	uint8_t	 body[BODY_LEN];
	uint32_t three;
	size_t	 i;
	char	*p = token + PREFIX_LEN;

	memcpy(body, secret, STRONG_SECRET_LEN);
	strong_check(secret, body + STRONG_SECRET_LEN);
	memcpy(token, PREFIX, PREFIX_LEN);
	for (i = 0; i < BODY_LEN; i += 3) {
		three = (uint32_t)body[i] << 16 | body[i + 1] << 8 |
		    body[i + 2];
		*p++ = alphabet[three >> 18];
		*p++ = alphabet[three >> 12 & 0x3f];
		*p++ = alphabet[three >> 6 & 0x3f];
		*p++ = alphabet[three & 0x3f];
	}
	*p = '\0';
	explicit_bzero(body, sizeof(body));
}

/* -1: a character that is none of the alphabet's. */
static int
strong_decode(const uint8_t *p, uint8_t body[BODY_LEN])
{
	const char	*at;
	uint32_t	 three;
	size_t		 i, j;

	for (i = 0; i < BODY_LEN; i += 3) {
		for (three = j = 0; j < 4; j++, p++) {
			at = *p == '\0' ? NULL : strchr(alphabet, *p);
			if (at == NULL)
				return (-1);
			three = three << 6 | (uint32_t)(at - alphabet);
		}
		body[i] = three >> 16 & 0xff;
		body[i + 1] = three >> 8 & 0xff;
		body[i + 2] = three & 0xff;
	}
	return (0);
}

int
strong_read(const uint8_t *token, size_t len,
    uint8_t secret[STRONG_SECRET_LEN])
{
	uint8_t	 body[BODY_LEN], check[CHECK_LEN];
	int	 ret = -1;

	if (len != STRONG_LEN || memcmp(token, PREFIX, PREFIX_LEN) != 0)
		return (-1);
	if (strong_decode(token + PREFIX_LEN, body) == 0) {
		strong_check(body, check);
		if (memcmp(body + STRONG_SECRET_LEN, check, CHECK_LEN) == 0) {
			memcpy(secret, body, STRONG_SECRET_LEN);
			ret = 0;
		}
	}
	explicit_bzero(body, sizeof(body));
	return (ret);
}

int
strong_is(const uint8_t *token, size_t len)
{
	uint8_t	 secret[STRONG_SECRET_LEN];

	if (strong_read(token, len, secret) == -1)
		return (0);
	explicit_bzero(secret, sizeof(secret));
	return (1);
}

int
strong_spoilt(const uint8_t *token, size_t len)
{
	if (strong_is(token, len))
		return (0);
	if (len >= PREFIX_LEN && strncasecmp((const char *)token, PREFIX,
	    PREFIX_LEN) == 0)
		return (1);
	return (len > STRONG_LEN && memmem(token, len, PREFIX, PREFIX_LEN) !=
	    NULL);
}
