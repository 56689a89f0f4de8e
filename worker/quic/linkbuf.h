/* SPDX-License-Identifier: ISC */

/*
 * Octets of one direction of a stream, copied in once and kept in pieces until
 * they are taken, or released because the peer has them.  They are addressed by
 * their offset in the stream.  A piece is about as large as what is there
 * already, so little is wasted by streams that say little, and there are few of
 * streams that say much.
 */

#ifndef WORKER_LINKBUF_H
#define WORKER_LINKBUF_H

#include <sys/types.h>
#include <sys/uio.h>

#include <stddef.h>
#include <stdint.h>

/* A piece with its head: at most, and at least. */
#define LINKBUF_PIECE_MAX	16384
#define LINKBUF_PIECE_MIN	512

struct linkbuf_piece;

struct linkbuf {				/* empty: all 0 */
	struct linkbuf_piece	*head, *tail;
	struct linkbuf_piece	*at;	/* last looked at, or NULL... */
	uint64_t		 at_base;	/* ...and its offset */
	uint64_t		 base;	/* of head's first octet */
	uint64_t		 start;	/* of the first that was not taken */
	uint64_t		 end;
};

/* linkbuf.c */

/* Adds a copy.  -1: no memory, and nothing was added. */
int		 linkbuf_add(struct linkbuf *, const void *, size_t);
/*
 * Up to max octets from an offset on that is there: how many the vectors have.
 * They stay until they are released.
 */
size_t		 linkbuf_look(struct linkbuf *, uint64_t from, size_t max,
		    struct iovec *, size_t *nvec);
/*
 * Octets below this offset are not needed any more.  How many are gone for that
 * from memory: whole pieces.
 */
size_t		 linkbuf_release(struct linkbuf *, uint64_t);
/* Moves at most max octets from the start to buf; how many. */
size_t		 linkbuf_take(struct linkbuf *, void *buf, size_t max);
/* What is there from this offset on was never added. */
void		 linkbuf_cut(struct linkbuf *, uint64_t);
/* All of it; start and base become end.  How many octets, as released. */
size_t		 linkbuf_clear(struct linkbuf *);
/* Octets that were added and not taken. */
size_t		 linkbuf_len(const struct linkbuf *);

#endif /* WORKER_LINKBUF_H */
