/* SPDX-License-Identifier: ISC */

/*
 * What all processes that the parent starts have in common: the channel to
 * the parent on descriptor 3, privileges, the order of configuration, the
 * sandbox, READY, pings, the log, channels to siblings, and the end.  What
 * differs is one struct role, one file each.
 *
 * The order of a start: BEGIN is read; ids and root directory are given up;
 * role->init; CONF_ messages and CHANNELs; END: the sandbox is closed, then
 * role->ready, then READY is said.  A reload is BEGIN..END again.
 */

#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdint.h>

#include "shared/channel.h"
#include "shared/log.h"
#include "shared/msg.h"
#include "figure.h"

struct event_base;

struct role {
	enum proc_role	 id;
	/* Before the sandbox: libraries, contexts.  fatal() is fine. */
	void	(*init)(void);
	/* A set of configuration starts (also the first).  May be NULL. */
	void	(*begin)(void);
	/* One CONF_ message of the set; -1 with errno: it makes no sense. */
	int	(*configure)(struct imsg *);
	/* END, and the sandbox is closed: take the set, start or go on. */
	void	(*ready)(int reload);
	/*
	 * A channel to a sibling is there; one to the same peer that it
	 * replaces has been `left' before.  Also called before ready.
	 */
	void	(*joined)(struct channel *);
	/* It is gone; forget it, worker.c closes it after. */
	void	(*left)(struct channel *);
	/* A message of a sibling, or of the parent that is not worker.c's. */
	void	(*message)(struct channel *, struct imsg *);
	/* What CTL_SUMMARY is answered with; NULL: nothing. */
	const struct figure	*figures;
	/*
	 * control asks for anything else: send the answers over the channel;
	 * the last one is IMSG_CTL_DONE (worker_done).  May be NULL.
	 */
	void	(*ask)(struct channel *, uint32_t,
		    const struct ctl_request *);
	/* End within drain_ms (0 at once, UINT32_MAX no limit): worker_exit. */
	void	(*stop)(uint32_t drain_ms);
	/* Called last: log what is still to be said.  May be NULL. */
	void	(*last)(void);
};

#define WORKER_PARENT_FD	3	/* the channel to the parent */

/* worker.c */

/* Runs a process of this role, to its end; the exit status. */
int			 worker_run(const struct role *, int argc,
			    char **argv);

struct event_base	*worker_base(void);
/* What BEGIN said; role, service, index, start_id... */
const struct msg_begin	*worker_self(void);
/* Microseconds of a clock that never goes back, as of this turn. */
uint64_t		 worker_now(void);
/* Queues a message to the parent. */
void			 worker_tell(uint32_t, const void *, size_t);
/* A sibling sent what it may not: logs, tells the parent, closes it. */
void			 worker_complain(struct channel *, const char *why);
/* The last answer to a request. */
void			 worker_done(struct channel *, uint32_t request,
			    const char *failure);	/* NULL: all well */
/*
 * Asks control, where the rules let this role do so; the answers are messages
 * for role->message, and IMSG_CTL_DONE is the last.  They may fail to come:
 * when control is replaced.  -1: it is not there, or busy.
 */
int			 worker_ask(uint32_t, const struct ctl_request *);
/* Leaves the event loop; worker.c flushes its channels and exits 0. */
void			 worker_exit(void);

#endif /* WORKER_WORKER_H */
