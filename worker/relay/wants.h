/* SPDX-License-Identifier: ISC */

/*
 * Streams that a peer has opened and not said yet what they are for: they are
 * charged to the peer, and end when that takes too long.  So do those that were
 * refused by an answer, if the peer does not end its side.
 */

#ifndef WORKER_WANTS_H
#define WORKER_WANTS_H

#include <stdint.h>

struct addr;
struct relay;

/* wants.c */

/* A stream was opened by this peer. */
void	 wants_begin(struct relay *, const struct addr *peer);
/* It is known now, or it ends, also after it was refused.  Idempotent. */
void	 wants_end(struct relay *);
/* It is refused, and its answer is on its way. */
void	 wants_refused(struct relay *);
/* Once a second: resets those for which it has taken longest us. */
void	 wants_tick(uint64_t now, uint64_t longest);

#endif /* WORKER_WANTS_H */
