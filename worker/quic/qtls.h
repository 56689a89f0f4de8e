/* SPDX-License-Identifier: ISC */

/*
 * The TLS 1.3 of one QUIC connection: its messages travel in QUIC, which has
 * the keys.  Nothing is cached and no ticket issued or kept.  Signatures are
 * made by the process keys (signer.h), which is given all that is signed.
 */

#ifndef WORKER_QTLS_H
#define WORKER_QTLS_H

#include "shared/msg.h"
#include "ngapi.h"

struct profile;
struct qtls;

/* qtls.c */

void		 qtls_init(enum side);
/*
 * host, of the remote: on a client's side; NULL on a server's.  NULL: no set of
 * certificates is in force, or no memory.
 */
struct qtls	*qtls_new(const struct profile *, const char *host);
/* It is of this connection, from before its first packet. */
void		 qtls_bind(struct qtls *, ngtcp2_conn *);
/* Takes NULL.  No step of it may be under way. */
void		 qtls_free(struct qtls *);
/*
 * Octets of the peer's TLS, within a call of ngtcp2's; 0 or an error of its.
 */
int		 qtls_crypto(struct qtls *, ng_level, const uint8_t *, size_t);
/* May its next step want a signature? */
int		 qtls_may_sign(const struct qtls *);
/* The handshake is complete: nothing is signed any more. */
void		 qtls_done(struct qtls *);
/*
 * What both ends of the handshake export, once it is done.  -1: it is of no
 * use.
 */
int		 qtls_binding(struct qtls *, uint8_t out[HASH_LEN]);
/*
 * Why the handshake failed, by the error of ngtcp2's: words for the log, which
 * stay until the next call.
 */
const char	*qtls_words(struct qtls *, int error);

#endif /* WORKER_QTLS_H */
