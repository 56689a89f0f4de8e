/* SPDX-License-Identifier: ISC */

/*
 * Strong tokens, as `rocketctl token' makes them (rocket-protocol(7), section
 * KEYS): a form that nobody writes by accident, and 32 random octets in it.  To
 * guess them is hopeless, so a key is made from them without stretching.  Both
 * sides of a service decide by the token alone how its key is made.
 */

#ifndef SHARED_STRONG_H
#define SHARED_STRONG_H

#include <stddef.h>
#include <stdint.h>

#define STRONG_LEN		52	/* characters of a token */
#define STRONG_SECRET_LEN	32	/* octets of what is random in it */

/* strong.c */

/* The token with this secret, and a NUL. */
void	 strong_write(const uint8_t secret[STRONG_SECRET_LEN],
	    char token[STRONG_LEN + 1]);
/*
 * Takes the secret out of a token.  -1: it is not a strong one, and secret is
 * as it was.
 */
int	 strong_read(const uint8_t *token, size_t len,
	    uint8_t secret[STRONG_SECRET_LEN]);
/* 1: a strong one. */
int	 strong_is(const uint8_t *token, size_t len);
/*
 * 1: it is not a strong one but begins like one or has more besides: somebody
 * lost or changed a part of it.
 */
int	 strong_spoilt(const uint8_t *token, size_t len);

#endif /* SHARED_STRONG_H */
