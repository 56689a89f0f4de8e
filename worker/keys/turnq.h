/* SPDX-License-Identifier: ISC */

/*
 * Questions that wait for their turn, in the role keys.  One is answered in a
 * turn of the loop, after everything else that has come, so that no proof waits
 * for more than one.  The channels that ask take turns, and each has a bounded
 * number of questions here; its own are answered in their order.
 */

#ifndef WORKER_TURNQ_H
#define WORKER_TURNQ_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/channel.h"

struct asker;
struct event;

struct turnq {
	TAILQ_HEAD(, asker)	 askers;	/* by turns */
	size_t			 size;		/* of a question, in octets */
	uint32_t		 max;		/* of a channel */
	void			(*answer)(struct channel *, const void *);
	struct event		*step;
	int			 started;
	uint64_t		 waiting;
};

/* turnq.c */

/*
 * For questions of a size, so many a channel.  answer is called with each in
 * its turn, when it waits no more; the channel may leave in it.  The question
 * is wiped after that.
 */
void	 turnq_init(struct turnq *, size_t size, uint32_t max,
	    void (*answer)(struct channel *, const void *));
/* There is what it takes to answer: now it is done.  Again: no matter. */
void	 turnq_start(struct turnq *);
/*
 * Copies a question in.  -1 with errno: ENOMEM, or EDQUOT: the channel has as
 * many as it may.
 */
int	 turnq_add(struct turnq *, struct channel *, const void *);
/* The channel has gone, and what it asked is wiped. */
void	 turnq_left(struct turnq *, const struct channel *);

#endif /* WORKER_TURNQ_H */
