/* SPDX-License-Identifier: ISC */

/*
 * The seal: what protects a tunnel's octets.  TLS 1.3 with an external PSK
 * (rocket-protocol(7)), which can be left for bare octets after ACCEPT, or for
 * octets with a key stream over them.  It
 * reads and writes through two functions it is given and knows no descriptor.
 * Only seal.c, sealctx.c and, for keys.c, psk.c know OpenSSL.
 */

#ifndef WORKER_SEAL_H
#define WORKER_SEAL_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"

struct seal_ctx;		/* one a worker, made before the sandbox */
struct seal;			/* one a tunnel */

struct seal_io {		/* results as of read(2) and write(2) */
	ssize_t	(*read)(void *arg, void *buf, size_t len);
	ssize_t	(*write)(void *arg, const void *buf, size_t len);
};

enum seal_result {
	SEAL_DONE,
	SEAL_WANT_READ,
	SEAL_WANT_WRITE,
	SEAL_FAILED		/* seal_error, seal_why */
};

enum seal_why {
	SEAL_WHY_NONE,
	SEAL_WHY_REFUSED,	/* the peer's alert: our identity or key */
	SEAL_WHY_NO_PSK,	/* the peer proved something, not the token */
	SEAL_WHY_BAD_KEY,	/* its binder or Finished does not verify */
	SEAL_WHY_PROTOCOL,	/* not TLS 1.3, or not as rocket wants it */
	SEAL_WHY_CLOSED,	/* the connection ended in the middle */
	SEAL_WHY_IO		/* errno of read or write, see seal_error */
};

/* sealctx.c */

/* Everything that loads, opens or allocates for good; NULL with a log line. */
struct seal_ctx	*seal_ctx_new(enum side);
/* After the last of its seals.  Takes NULL. */
void		 seal_ctx_free(struct seal_ctx *);
/* Replaces the keys, at most TOKENS_MAX; a client presents the first. */
int		 seal_ctx_keys(struct seal_ctx *, const struct msg_key *,
		    size_t);
/* Is this identity still among the keys? */
int		 seal_ctx_has(const struct seal_ctx *,
		    const uint8_t identity[IDENTITY_LEN]);
/* Of the key that a client presents, IDENTITY_LEN octets; NULL: none yet. */
const uint8_t	*seal_ctx_identity(const struct seal_ctx *);

/* seal.c */

/* NULL when there is no key (client, ENOENT) or no memory. */
struct seal	*seal_new(struct seal_ctx *, const struct seal_io *, void *arg);
/* Takes NULL; not from within the io's functions. */
void		 seal_free(struct seal *);
/* Call until it is DONE or FAILED, whenever what it wanted is there. */
enum seal_result seal_handshake(struct seal *);
/*
 * As read(2): 0 is an end that the peer announced; a cut is -1 ECONNRESET, a
 * broken record -1 EPROTO, none yet -1 EAGAIN.  Bare: as the io gives.
 */
ssize_t		 seal_read(struct seal *, void *, size_t);
/*
 * As write(2); what it could not send in full must be offered again, at least
 * as much of it, before seal_end and seal_bare.
 */
ssize_t		 seal_write(struct seal *, const void *, size_t);
/*
 * After the last message of the handshake's dialogue: keep TLS, reading ahead
 * by large records (bulk), or leave it for bare octets, or for such as have a
 * key stream over them (xor; -1 when there is none, seal_error).
 */
void		 seal_bulk(struct seal *);
void		 seal_bare(struct seal *);
int		 seal_xor(struct seal *);
/*
 * TLS was left, and what goes out need not pass seal_write: in place, what
 * there is to be done to the next octets that are sent.
 */
void		 seal_cover(struct seal *, uint8_t *, size_t);
/* Announces our end; may be called again until not SEAL_WANT_WRITE. */
enum seal_result seal_end(struct seal *);
/*
 * Octets read from the io and not yet handed out; 0 also when they are no
 * whole record and the last seal_read found nothing.
 */
int		 seal_pending(struct seal *);
/* "TLS_AES_128_GCM_SHA256", "xor", "none". */
const char	*seal_cipher(const struct seal *);
/* Whose key was used, IDENTITY_LEN octets; NULL before DONE. */
const uint8_t	*seal_identity(const struct seal *);
enum seal_why	 seal_why(const struct seal *);
const char	*seal_error(const struct seal *);

#endif /* WORKER_SEAL_H */
