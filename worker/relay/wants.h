/* SPDX-License-Identifier: ISC */

/*
 * Streams that a peer has opened and not said yet what they are for: they are
 * charged to the peer, and end when that takes too long.
 */

#ifndef WORKER_WANTS_H
#define WORKER_WANTS_H

#include <stdint.h>

struct addr;
struct msg_dialee;
struct relay;
struct want;

/* wants.c */

/* A stream was opened by this peer. */
void	 wants_begin(struct relay *, const struct addr *peer);
/* It is known now, or it ends.  Does nothing when it was known already. */
void	 wants_end(struct relay *);
/* Once a second: resets those for which it has taken longest us. */
void	 wants_tick(uint64_t now, uint64_t longest);
/* The wanted port, counted from the target's first; -1: it is none of them. */
int	 wants_port(const struct want *, const struct msg_dialee *);

#endif /* WORKER_WANTS_H */
