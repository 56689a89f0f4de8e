/* SPDX-License-Identifier: ISC */

/*
 * The private keys of certificates, in the role keys.  Owns them parsed; signs
 * what a TLS handshake has signed, for the tls process whose key it is, and
 * nothing else.
 */

#ifndef WORKER_SIGNKEY_H
#define WORKER_SIGNKEY_H

#include <stdint.h>

#include "shared/msg.h"

/* signkey.c */

void	 signkey_init(void);
/* A new set: what is added from now on counts once it is committed. */
void	 signkey_begin(void);
/*
 * Reads a key from fd, which is closed; spki, unless it is NULL, is filled with
 * the hash of its public part.  Why one cannot be used, and signs nothing, or
 * NULL.
 */
const char *signkey_add(const struct msg_pem *, int fd,
	    uint8_t spki[HASH_LEN]);
/*
 * The set counts.  Keys of before it do so too, for a tls process that has new
 * ones, until it uses one of them: it may be that it cannot.
 */
void	 signkey_commit(void);
/*
 * Signs for a tls process; with len 0 in the answer when that is refused: no
 * such key of its own, or not what its side of a handshake has signed.
 */
void	 signkey_sign(const struct msg_channel *peer, const struct msg_sign *,
	    struct msg_signed *);
/* Signatures made, and refused. */
uint64_t signkey_signed(void);
uint64_t signkey_refused(void);
/* May this be signed for a side?  1 or 0; apart for the tests. */
int	 signkey_permits(const struct msg_sign *, uint32_t side);
void	 signkey_wipe(void);

#endif /* WORKER_SIGNKEY_H */
