/* SPDX-License-Identifier: ISC */

/*
 * How much a session carries: octets a second, both ways, over the last few
 * seconds.  It is given totals and keeps a few of them; it has no clock.
 */

#ifndef WORKER_METER_H
#define WORKER_METER_H

#include <stdint.h>

/* Totals kept, one a second: long enough to be read, short enough to be now. */
#define METER_SEEN	5

struct meter {
	struct {
		uint64_t	 at;	/* microseconds */
		uint64_t	 in, out;	/* octets by then */
	} seen[METER_SEEN];
	unsigned int	 next;		/* the oldest of them */
	uint64_t	 moved;		/* when they last changed */
};

/* meter.c */

/* Nothing was carried yet.  Times are of a clock that never goes back. */
void	 meter_start(struct meter *, uint64_t now);
/* Once a second: the totals so far. */
void	 meter_tick(struct meter *, uint64_t now, uint64_t in, uint64_t out);
/*
 * Octets a second from the oldest total to these; a first second that is not
 * over counts as a whole one.
 */
void	 meter_rates(const struct meter *, uint64_t now, uint64_t in,
	    uint64_t out, uint64_t *rate_in, uint64_t *rate_out);
/* Microseconds since anything was carried, to a second. */
uint64_t meter_idle(const struct meter *, uint64_t now, uint64_t in,
	    uint64_t out);

#endif /* WORKER_METER_H */
