/* SPDX-License-Identifier: ISC */

/*
 * An inquiry: one request of an asker, the processes that it goes to, and
 * their answers on the way back.
 */

#ifndef WORKER_INQUIRY_H
#define WORKER_INQUIRY_H

#include <stdint.h>

#include "shared/msg.h"

struct inquirer;
struct sibling;
struct siblings;

/* inquiry.c */

/* What the request is called if only the owner may give it; or NULL. */
const char *inquiry_command(uint32_t);
/* Asks.  The inquirer gets the answers and, in any case, done. */
void	 inquiry_start(struct inquirer *, uint32_t,
	    const struct ctl_request *, struct sibling *parent,
	    struct siblings *);
/*
 * One message of an answer.  -1: this process was not asked for that.  An
 * answer that comes too late is dropped without a fault.
 */
int	 inquiry_answer(struct sibling *, struct imsg *);
/* The inquirer no longer waits for the answers. */
void	 inquiry_cancel(struct inquirer *);
/* This process will not answer any more. */
void	 inquiry_left(const struct sibling *);
/* How many times a process has not answered in time. */
uint64_t inquiry_unanswered(void);

#endif /* WORKER_INQUIRY_H */
