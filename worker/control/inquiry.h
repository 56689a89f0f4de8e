/* SPDX-License-Identifier: ISC */

/*
 * An inquiry: one request of an asker, the processes that it goes to, and
 * their answers on the way back.
 */

#ifndef WORKER_INQUIRY_H
#define WORKER_INQUIRY_H

#include <stdint.h>

#include "shared/msg.h"

struct asker;
struct sibling;
struct siblings;

/* inquiry.c */

/* Asks.  The asker gets the answers and, in any case, an asker_done. */
void	 inquiry_start(struct asker *, uint32_t,
	    const struct ctl_request *, struct sibling *parent,
	    struct siblings *);
/*
 * One message of an answer.  -1: this process was not asked for that.  An
 * answer that comes too late is dropped without a fault.
 */
int	 inquiry_answer(struct sibling *, struct imsg *);
/* The asker no longer waits for the answers. */
void	 inquiry_cancel(struct asker *);
/* This process will not answer any more. */
void	 inquiry_left(const struct sibling *);
/* How many times a process has not answered in time. */
uint64_t inquiry_unanswered(void);

#endif /* WORKER_INQUIRY_H */
