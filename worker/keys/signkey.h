/* SPDX-License-Identifier: ISC */

/*
 * The private keys of certificates, in the role keys.  Owns them parsed.  Signs
 * what a TLS handshake needs signed, for the tls process that a key belongs to,
 * and nothing else.
 */

#ifndef WORKER_SIGNKEY_H
#define WORKER_SIGNKEY_H

#include <stdint.h>

#include "shared/msg.h"

/* signkey.c */

void	 signkey_init(void);
/* Begins a new set; it takes effect at signkey_commit. */
void	 signkey_begin(void);
struct signkey_facts {
	uint8_t	 spki[HASH_LEN];	/* hash of the public part */
	char	 warning[128];		/* about what it costs, or "" */
};

/*
 * Reads a key from fd, which is closed, and fills in the facts, unless NULL.
 * Returns why the key cannot be used (it then signs nothing), or NULL.
 */
const char *signkey_add(const struct msg_pem *, int fd,
	    struct signkey_facts *);
/*
 * The new set takes effect.  Earlier keys of a tls process that has new ones
 * stay in force until it uses one of those: perhaps it cannot.
 */
void	 signkey_commit(void);
/*
 * Signs for a tls process.  len is 0 in the answer when that is refused: it has
 * no such key, or its side of a handshake signs no such thing.
 */
void	 signkey_sign(const struct msg_channel *peer, const struct msg_sign *,
	    struct msg_signed *);
/* Counts of signatures made and refused. */
uint64_t signkey_signed(void);
uint64_t signkey_refused(void);
/* May a side sign this?  1 or 0; separate for the tests. */
int	 signkey_permits(const struct msg_sign *, uint32_t side);
void	 signkey_wipe(void);

#endif /* WORKER_SIGNKEY_H */
