/* SPDX-License-Identifier: ISC */

/*
 * SipHash-2-4, by Aumasson and Bernstein: a short hash under a secret key, for
 * tables whose keys strangers choose.  Who does not know the secret cannot tell
 * which of them share a bucket.
 */

#ifndef WORKER_SIPHASH_H
#define WORKER_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct sipkey {
	uint64_t	 k[2];
};

/* siphash.c */

uint64_t	 siphash(const struct sipkey *, const void *, size_t);

#endif /* WORKER_SIPHASH_H */
