/* SPDX-License-Identifier: ISC */

/*
 * LZ4 on one stream, both directions (rocket-protocol(7), COMPRESSION).
 * Octets in, octets out; it knows no socket and no session.
 *
 * Outwards, what was read becomes one block at once.  Inwards, a block is
 * unpacked only when everything before it has been written: what waits is held
 * packed, but for at most one block of plain octets.
 *
 * Each direction of each stream has its own history, and allocates nothing
 * before it carries something, or after it was idle.  A block's lengths are
 * checked before memory is found for it.
 */

#ifndef WORKER_LZ_H
#define WORKER_LZ_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "worker/session/session.h"

/* Most plain octets of a block: a frame of the default size. */
#define LZ_BLOCK_MAX	32768
/* The same if the history, and so memory, does not keep them: a batch. */
#define LZ_PLAIN_MAX	(256 * 1024)
/* The header of a block that is not packed. */
#define LZ_HEADER	4

struct lz;

/* lz.c */

/* forgets: the peer understands a block that forgets.  NULL: no memory. */
struct lz	*lz_new(int forgets);
/* Takes NULL. */
void		 lz_free(struct lz *);
/* Octets of memory that it holds. */
size_t		 lz_held(const struct lz *);
/* What has passed so far. */
const struct lz_count *lz_count(const struct lz *);

/*
 * Outwards, fills a buffer of max (> 0) octets.  First lz_rest: what is left of
 * the last block.  If it gave 0, read at most *len octets to where lz_space
 * says; lz_pack makes a block of them and returns how much of the buffer is
 * filled.  With lean it allocates nothing, and may leave them unpacked.
 */
size_t		 lz_rest(struct lz *, uint8_t *buf, size_t max);
uint8_t		*lz_space(struct lz *, uint8_t *buf, size_t max, size_t *len);
size_t		 lz_pack(struct lz *, uint8_t *buf, size_t max, size_t len,
		    int lean);

/*
 * Gives back the memory that packing has.  What is packed next refers to
 * nothing before it; if the peer understands that, a block for lz_rest says so,
 * and it gives back its own.  0: there is none, or a block is half sent.
 */
int		 lz_forget(struct lz *);

/*
 * Inwards, takes as much of the stream's len octets as makes some plain ones:
 * *n octets at *plain (0: it needs more).  Tell lz_wrote how many of these were
 * written; it returns how many of the len were taken, and the others must be
 * given again.  Plain octets that were not written and are not part of buf come
 * first in the next call, whose len may be 0.  -1: EPROTO, the peer broke the
 * rules; ENOMEM, room more octets of memory were not enough.
 */
int		 lz_unpack(struct lz *, const uint8_t *buf, size_t len,
		    size_t room, const uint8_t **plain, size_t *n);
size_t		 lz_wrote(struct lz *, size_t n);
/* Unpacked octets that are not written yet. */
size_t		 lz_waits(const struct lz *);
/* Are we between blocks?  Only there the stream may end. */
int		 lz_whole(const struct lz *);

#endif /* WORKER_LZ_H */
