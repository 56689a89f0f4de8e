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

/* Asks; the asker gets its answers, at last and in any case an asker_done. */
void	 inquiry_start(struct asker *, uint32_t,
	    const struct ctl_request *, struct sibling *parent,
	    struct siblings *);
/*
 * One message of an answer.  -1 when it is none to what this process was
 * asked; one that comes too late is dropped, and well.
 */
int	 inquiry_answer(struct sibling *, struct imsg *);
/* Nobody waits for the answers any more. */
void	 inquiry_cancel(struct asker *);
/* This process answers nothing any more. */
void	 inquiry_left(const struct sibling *);
/* Processes that did not answer in time, ever. */
uint64_t inquiry_unanswered(void);

#endif /* WORKER_INQUIRY_H */
