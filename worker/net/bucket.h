/* SPDX-License-Identifier: ISC */

/*
 * A token bucket: how much may pass now if so much may pass in a second.  It
 * counts in millionths of a unit and in microseconds, so nothing is rounded
 * away however often it is asked.  More may be taken than there is; the debt is
 * paid before anything else passes.  Knows no clock, socket or timer.
 */

#ifndef WORKER_BUCKET_H
#define WORKER_BUCKET_H

#include <stdint.h>

/* What bucket_room says of a bucket without a limit. */
#define BUCKET_ALL	UINT32_MAX

struct bucket {			/* zeroed: no limit */
	uint32_t	 rate;		/* units a second; 0: no limit */
	int64_t		 depth;		/* millionths of a unit, at most... */
	int64_t		 level;	/* ...and now; below 0 it is a debt */
	uint64_t	 at;		/* when it was so, microseconds */
};

/* bucket.c */

/*
 * Limits it to rate units a second (0: not any more), which may come at once
 * when nothing has come for depth_us; a depth below one unit is one unit.  A
 * bucket that had no limit is full; one that had keeps what it has, and its
 * debts.
 */
void		 bucket_limit(struct bucket *, uint32_t rate,
		    uint64_t depth_us, uint64_t now_us);
/* Whole units that may pass now. */
uint32_t	 bucket_room(struct bucket *, uint64_t now_us);
/* So many have passed; or, of those, so many have not. */
void		 bucket_take(struct bucket *, uint32_t units);
void		 bucket_give(struct bucket *, uint32_t units);
/*
 * Microseconds until that many may pass, or as many as it ever holds; 0: now.
 */
uint64_t	 bucket_wait(struct bucket *, uint32_t units, uint64_t now_us);

#endif /* WORKER_BUCKET_H */
