/* SPDX-License-Identifier: ISC */

/*
 * LZ4 on one stream, both directions (rocket-protocol(7), COMPRESSION).
 * Octets in, octets out; it knows no socket and no session.
 *
 * Outwards what was read becomes one block at once, never later.  Inwards a
 * block is unpacked only when what came before it has been written, so that
 * what waits is held packed; of plain octets no more than one block waits.
 *
 * Each direction's history is its own stream's; nothing is allocated for a
 * direction before it has carried something.  A block's lengths are checked
 * before memory is found for it.
 */

#ifndef WORKER_LZ_H
#define WORKER_LZ_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "worker/session/session.h"

/* Plain octets of a block at most: a frame of the default size. */
#define LZ_BLOCK_MAX	32768
/* The same of one that is not in the history, and so never held: a batch. */
#define LZ_PLAIN_MAX	(256 * 1024)
/* What stands before the octets of a block that is not packed. */
#define LZ_HEADER	4

struct lz;

/* lz.c */

/* NULL: no memory. */
struct lz	*lz_new(void);
/* Takes NULL. */
void		 lz_free(struct lz *);
/* Octets of memory that it holds. */
size_t		 lz_held(const struct lz *);
/* What has passed so far. */
const struct lz_count *lz_count(const struct lz *);

/*
 * Outwards, for a buffer of max (> 0) octets: first what is left of the last
 * block, lz_rest; if that gave 0, octets are read to where lz_space says, at
 * most *len of them, and made a block of by lz_pack, which returns how much of
 * the buffer is filled.  With lean it allocates nothing, and may not pack.
 */
size_t		 lz_rest(struct lz *, uint8_t *buf, size_t max);
uint8_t		*lz_space(struct lz *, uint8_t *buf, size_t max, size_t *len);
size_t		 lz_pack(struct lz *, uint8_t *buf, size_t max, size_t len,
		    int lean);

/*
 * Inwards: takes of the stream's len octets what makes some plain ones, which
 * are at *plain, *n of them (0: more is needed).  Those that are written are
 * told to lz_wrote, which returns how many of the len were taken; the others
 * are to be given again.  Plain octets that were not written and are not part
 * of buf are the first of the next call, which may be with len 0.
 * -1: EPROTO, the peer broke the rules; ENOMEM, room more octets were not
 * enough.
 */
int		 lz_unpack(struct lz *, const uint8_t *buf, size_t len,
		    size_t room, const uint8_t **plain, size_t *n);
size_t		 lz_wrote(struct lz *, size_t n);
/* Unpacked octets that are still to be written. */
size_t		 lz_waits(const struct lz *);
/* Not within a block: the stream may end here. */
int		 lz_whole(const struct lz *);

#endif /* WORKER_LZ_H */
