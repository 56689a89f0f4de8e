/* SPDX-License-Identifier: ISC */

/*
 * What web asks, which speaks with strangers: counters and sessions of one
 * service at a time, and nothing that its rules do not let it ask.  Bounded in
 * how many at once, in how often, and in what waits for it; past a bound it is
 * refused, and nobody else notices.
 */

#ifndef WORKER_WEBASK_H
#define WORKER_WEBASK_H

#include <stdint.h>

/* At once. */
#define WEBASK_MAX		8
/*
 * In a second, and after a quiet one: two for each of 64 blocks, and as many
 * again.
 */
#define WEBASK_SECOND		256

struct channel;
struct imsg;
struct sibling;
struct siblings;

/* webask.c */

/* One of its requests.  It gets the answers, and in any case CTL_DONE. */
void	 webask_take(struct channel *, struct imsg *, struct sibling *parent,
	    struct siblings *);
/* web's channel is gone: nobody waits for answers any more. */
void	 webask_left(const struct channel *);
/* How many were refused. */
uint64_t webask_refused(void);

#endif /* WORKER_WEBASK_H */
