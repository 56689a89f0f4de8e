/* SPDX-License-Identifier: ISC */

/*
 * How often each source (network.h) may come in a second: a bucket for each
 * that has come lately.  Those that came longest ago are forgotten, so that
 * many sources cost no more memory than PACE_MAX do.
 */

#ifndef WORKER_PACE_H
#define WORKER_PACE_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdint.h>

#include "shared/addr.h"

#define PACE_MAX	4096		/* sources */

struct pacer;				/* a source's bucket */
RB_HEAD(pace_tree, pacer);
TAILQ_HEAD(pace_list, pacer);

struct pace {
	struct pace_tree	 all;
	struct pace_list	 used;		/* the longest ago first */
	uint32_t		 n;
};

/* pace.c */

void	 pace_init(struct pace *);
/*
 * May one more come from there, if rate may in a second and as many at once?
 * rate 0: yes.  Without memory it may.
 */
int	 pace_may(struct pace *, const struct addr *, uint32_t rate,
	    uint64_t now_us);
void	 pace_free(struct pace *);

#endif /* WORKER_PACE_H */
