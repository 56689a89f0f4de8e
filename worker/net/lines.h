/* SPDX-License-Identifier: ISC */

/*
 * A measure of log lines: a burst, then one in so long.
 */

#ifndef WORKER_LINES_H
#define WORKER_LINES_H

#include <stdint.h>

struct lines {			/* zeroed: full */
	uint32_t	 taken;		/* of the burst */
	uint64_t	 refilled;	/* microseconds */
};

/* lines.c */

/* May a line be logged now?  If so it is taken from the measure. */
int	 lines_take(struct lines *, uint32_t burst, uint64_t every_us,
	    uint64_t now_us);

#endif /* WORKER_LINES_H */
