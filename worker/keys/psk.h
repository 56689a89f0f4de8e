/* SPDX-License-Identifier: ISC */

/*
 * What follows from a token (rocket-protocol(7), section KEYS): a service's
 * key, the identity that a client presents, and the key that proves its
 * ClientHello.  No state but what OpenSSL has loaded; no token is kept.
 */

#ifndef WORKER_PSK_H
#define WORKER_PSK_H

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"
#include "shared/strong.h"

#define PSK_HASH_LEN	32		/* of SHA-256 */

struct psk {
	uint8_t	 key[KEY_LEN];
	uint8_t	 identity[IDENTITY_LEN];
	uint8_t	 finished[PSK_HASH_LEN];	/* the binders' key */
};

/* psk.c */

/*
 * Makes OpenSSL load all that the other functions need, so that they open no
 * file later.  -1 (logged) when it cannot.
 */
int	 psk_init(void);
/*
 * Derives a psk from a service's name and one of its tokens.  Takes about 100
 * ms and 32 MiB, unless the token is a strong one.  -1: no memory, and *psk is
 * wiped.
 */
int	 psk_make(struct psk *, const char *name, const uint8_t *token,
	    size_t len);
/* The same for the secret of a strong token (shared/strong.h), at once. */
int	 psk_derive(struct psk *, const char *name,
	    const uint8_t secret[STRONG_SECRET_LEN]);
/* Fills in identity and finished from key: the fast part of psk_make. */
int	 psk_expand(struct psk *);
/*
 * Computes the binder for the hash of a truncated ClientHello.  -1: no memory.
 */
int	 psk_binder(const uint8_t finished[PSK_HASH_LEN],
	    const uint8_t hash[PSK_HASH_LEN], uint8_t binder[PSK_HASH_LEN]);
/* 1 if binder is the one for hash, 0 if not (or memory ran out). */
int	 psk_check(const uint8_t finished[PSK_HASH_LEN],
	    const uint8_t hash[PSK_HASH_LEN],
	    const uint8_t binder[PSK_HASH_LEN]);
/*
 * Zeroed memory for secrets: never swapped or dumped, where the system allows
 * that and until the room set aside by psk_init is used up.  psk_free wipes it.
 */
void	*psk_alloc(size_t);
void	 psk_free(void *, size_t);

#endif /* WORKER_PSK_H */
