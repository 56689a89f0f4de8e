/* SPDX-License-Identifier: ISC */

/*
 * What follows from a token (rocket-protocol(7), section KEYS): a service's
 * key, the identity that a client presents, and the key under which its
 * ClientHello is proven.  No state but what OpenSSL loaded; no token is kept.
 */

#ifndef WORKER_PSK_H
#define WORKER_PSK_H

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"

#define PSK_HASH_LEN	32		/* of SHA-256 */

struct psk {
	uint8_t	 key[KEY_LEN];
	uint8_t	 identity[IDENTITY_LEN];
	uint8_t	 finished[PSK_HASH_LEN];	/* the binders' key */
};

/* psk.c */

/*
 * Has OpenSSL load all that the other functions need, so that they open no
 * file later.  -1 with a log line.
 */
int	 psk_init(void);
/*
 * From a service's name and one of its tokens.  Takes about 100 ms and 32 MiB.
 * -1, *psk wiped, when there is no memory.
 */
int	 psk_make(struct psk *, const char *name, const uint8_t *token,
	    size_t len);
/* Fills in identity and finished from key: the quick part of psk_make. */
int	 psk_expand(struct psk *);
/* The binder for a hash of a truncated ClientHello.  -1: no memory. */
int	 psk_binder(const uint8_t finished[PSK_HASH_LEN],
	    const uint8_t hash[PSK_HASH_LEN], uint8_t binder[PSK_HASH_LEN]);
/* 1 when binder is the one for hash, 0 when not (or there is no memory). */
int	 psk_check(const uint8_t finished[PSK_HASH_LEN],
	    const uint8_t hash[PSK_HASH_LEN],
	    const uint8_t binder[PSK_HASH_LEN]);
/*
 * By what a token is known again without being kept: a hash of name and token
 * under a secret of this process.  -1: no memory.
 */
int	 psk_digest(const uint8_t secret[PSK_HASH_LEN], const char *name,
	    const uint8_t *token, size_t len, uint8_t digest[PSK_HASH_LEN]);
/*
 * Zeroed memory for secrets, never swapped or dumped where the system allows
 * that and the room set aside by psk_init lasts; freed with its size, wiped.
 */
void	*psk_alloc(size_t);
void	 psk_free(void *, size_t);

#endif /* WORKER_PSK_H */
