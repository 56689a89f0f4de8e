/* SPDX-License-Identifier: ISC */

/*
 * The seal: what protects a tunnel's octets.  It is TLS 1.3 with an external
 * PSK (rocket-protocol(7)); after ACCEPT it can give way to bare octets, or to
 * octets under a key stream.  It reads and writes through two functions that it
 * is given, and knows no descriptor.
 */

#ifndef WORKER_SEAL_H
#define WORKER_SEAL_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"

struct seal_ctx;		/* one a worker, made before the sandbox */
struct seal;			/* one a tunnel */

struct seal_io {		/* as read(2) and write(2) */
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
	SEAL_WHY_REPLAYED,	/* its hello was taken before */
	SEAL_WHY_PROTOCOL,	/* not TLS 1.3, or not as rocket wants it */
	SEAL_WHY_CLOSED,	/* the connection ended in the middle */
	SEAL_WHY_IO		/* errno of read or write, see seal_error */
};

/* sealctx.c */

/* Loads, opens and allocates all that seals ever need.  NULL: logged. */
struct seal_ctx	*seal_ctx_new(enum side);
/* After the last of its seals.  Takes NULL. */
void		 seal_ctx_free(struct seal_ctx *);
/* Replaces the keys, at most TOKENS_MAX; a client presents the first. */
int		 seal_ctx_keys(struct seal_ctx *, const struct msg_key *,
		    size_t);
/*
 * A server takes no hello twice: those that were proven it remembers in at most
 * so many octets, at first none, and forgets the oldest.
 */
void		 seal_ctx_limit(struct seal_ctx *, uint64_t octets);
/* Is this identity still among the keys? */
int		 seal_ctx_has(const struct seal_ctx *,
		    const uint8_t identity[IDENTITY_LEN]);
/* IDENTITY_LEN octets, of the key that a client presents; NULL: none yet. */
const uint8_t	*seal_ctx_identity(const struct seal_ctx *);

/* seal.c */

/* NULL when there is no key (client, ENOENT) or no memory. */
struct seal	*seal_new(struct seal_ctx *, const struct seal_io *, void *arg);
/* Takes NULL; not from within the io's functions. */
void		 seal_free(struct seal *);
/* Call it again when the io can do what it wants, until DONE or FAILED. */
enum seal_result seal_handshake(struct seal *);
/*
 * As read(2).  0: the peer announced its end; -1: ECONNRESET the connection was
 * cut, EPROTO a broken record, EAGAIN nothing yet.  Bare: as the io.
 */
ssize_t		 seal_read(struct seal *, void *, size_t);
/*
 * As write(2).  What it did not send must be offered again, at least as much,
 * before seal_end and seal_bare.
 */
ssize_t		 seal_write(struct seal *, const void *, size_t);
/*
 * After the opening's last message: keep TLS and read ahead, as far as the
 * caller of seal_read has room for (bulk); or leave it, for bare octets or for
 * octets under a key stream (xor; -1: there is none, seal_error).
 */
void		 seal_bulk(struct seal *);
void		 seal_bare(struct seal *);
int		 seal_xor(struct seal *);
/*
 * TLS was left, and octets go out without seal_write: lays the key stream, if
 * there is one, over the next octets to be sent, in place.
 */
void		 seal_cover(struct seal *, uint8_t *, size_t);
/* Announces our end; call it again while it says SEAL_WANT_WRITE. */
enum seal_result seal_end(struct seal *);
/*
 * Octets read from the io and not yet handed out; 0 also when the last
 * seal_read found no whole record in them.
 */
int		 seal_pending(struct seal *);
/*
 * Reading stops for now: what was read ahead is put aside, for all seals read
 * ahead into the same buffer.  -1: no memory, the seal has failed.
 */
int		 seal_pause(struct seal *);
/* Octets of memory that it holds; and those of them for what was read. */
size_t		 seal_held(const struct seal *);
size_t		 seal_held_read(const struct seal *);
/* "TLS_AES_128_GCM_SHA256", "xor", "none". */
const char	*seal_cipher(const struct seal *);
/* Whose key was used, IDENTITY_LEN octets; NULL before DONE. */
const uint8_t	*seal_identity(const struct seal *);
enum seal_why	 seal_why(const struct seal *);
const char	*seal_error(const struct seal *);

#endif /* WORKER_SEAL_H */
