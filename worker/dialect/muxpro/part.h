/* SPDX-License-Identifier: ISC */

/*
 * What the files of dialect muxpro share.  A tunnel is one main connection of
 * Mux.Pro and nothing else: no token, no control stream, no answer to a stream,
 * no word for "drain".  The side that dials is its client, has the users and
 * opens the streams; the other has the target.
 */

#ifndef MUXPRO_PART_H
#define MUXPRO_PART_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

struct tunnel;
struct want;

/* ---- settle.c: until a version is settled ---- */

/* Makes t->part.  -1: no memory. */
int	 settle_begin(struct tunnel *);
/* Frees it, if it is still there. */
void	 settle_free(struct tunnel *);
/* A turn of a tunnel that opens: in the end it runs, or is killed. */
void	 settle_turn(struct tunnel *);

/* ---- head.c: what a stream is for, which the session puts into New ---- */

/* -1: it names no target, or one that has no place in a head. */
ssize_t	 head_put_want(struct tunnel *, const struct want *, uint8_t *,
	    size_t);
/*
 * The user is the peer, since no other is known.  The target is named if peers
 * may name it, else it has to be the one that is configured.
 */
ssize_t	 head_get_want(struct tunnel *, const uint8_t *, size_t,
	    struct want *, const char **why);

#endif /* MUXPRO_PART_H */
