/* SPDX-License-Identifier: ISC */

/*
 * An inquiry: one request of an asker on its way through the processes that
 * know the answer, and the answers on their way back.
 */

#ifndef WORKER_INQUIRY_H
#define WORKER_INQUIRY_H

#include <stdint.h>

#include "shared/msg.h"

struct asker;
struct sibling;
struct siblings;

/* inquiry.c */

/* Asks; the asker gets the answers, and in any case an asker_done. */
void	 inquiry_start(struct asker *, uint32_t,
	    const struct ctl_request *, struct sibling *parent,
	    struct siblings *);
/*
 * One message of an answer.  -1: it does not answer what this process was
 * asked.  One that comes too late is dropped, and returns 0.
 */
int	 inquiry_answer(struct sibling *, struct imsg *);
/* The asker is gone: drops its inquiry. */
void	 inquiry_cancel(struct asker *);
/* The process is gone: nothing waits for it. */
void	 inquiry_left(const struct sibling *);
/* How often a process did not answer in time. */
uint64_t inquiry_unanswered(void);

#endif /* WORKER_INQUIRY_H */
