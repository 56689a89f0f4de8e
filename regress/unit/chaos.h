/* SPDX-License-Identifier: ISC */

/*
 * Two sessions back to back under random cuts, ends and resets, the same for
 * the same seed.
 */

#ifndef UNIT_CHAOS_H
#define UNIT_CHAOS_H

#include <stdint.h>

#include "smuxrig.h"

struct chaos_how {
	/* each turn, of each end: it may open a stream */
	void		(*open)(struct rig *);
	/* resets are for one of these, from RESET_ABORT on; 0: for that */
	uint32_t	 reasons;
	/* an end of the other side may be a reset: nobody reads any more */
	int		 foreign;
	/* how often all that is left ends, and milliseconds between */
	int		 rounds;
	uint64_t	 pause_ms;
};

extern uint32_t	 chaos_seed;

/* chaos.c */

/* Below n. */
uint32_t	 chaos_rnd(uint32_t n);
/* 600 turns; then everyone reads and ends, and nothing is left in a session. */
void		 chaos_run(struct rig *, struct rig *,
		    const struct chaos_how *);

#endif /* UNIT_CHAOS_H */
