/* SPDX-License-Identifier: ISC */

/*
 * A register of proofs that were true, so that none is taken twice.  It is
 * exact as long as there is room; then the oldest proof of the owner (a
 * service) with most of them is forgotten.  False proofs are never entered, so
 * who has no key cannot fill it, and who has one pushes out its own.
 */

#ifndef WORKER_REPLAY_H
#define WORKER_REPLAY_H

#include <stdint.h>

#define REPLAY_PROOF	32	/* octets, as good as random */

struct replays;

/* replay.c */

/* Room for so many, which is taken as they come.  NULL: no memory. */
struct replays	*replay_new(uint32_t max);
/*
 * Room for so many from now on; the oldest of who has most are forgotten, but
 * what their table takes is kept.
 */
void		 replay_limit(struct replays *, uint32_t max);
/* How many take no more than so many octets, whole tables of them. */
uint32_t	 replay_fit(uint64_t octets);
/* Takes NULL. */
void		 replay_free(struct replays *);
/* Has it been entered? */
int		 replay_seen(const struct replays *, const uint8_t *proof);
/* A proof that was not seen before, and is true. */
void		 replay_enter(struct replays *, uint32_t owner,
		    const uint8_t *proof);
uint32_t	 replay_count(const struct replays *);

#endif /* WORKER_REPLAY_H */
