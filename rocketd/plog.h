/* SPDX-License-Identifier: ISC */

/*
 * Where the parent's own log lines go: by message to control if it runs, else
 * straight to the destination, which the parent also lends to control.
 */

#ifndef ROCKETD_PLOG_H
#define ROCKETD_PLOG_H

#include "shared/msg.h"
#include "rocketd.h"

/* plog.c */

/*
 * Takes hold of standard error; lines go there until plog_to says otherwise.
 * -1 with errno.
 */
int	 plog_init(struct rocketd *);
/* Sets the destination from now on. */
void	 plog_to(enum log_dest);
/*
 * A copy of the descriptor that log lines are written to, for control, and
 * what it is.  -1 with errno.
 */
int	 plog_lend(enum log_dest *);
/* Leaves the terminal, unless it is the destination. */
void	 plog_detach(void);
/*
 * Checks now and then whether syslogd is still the one that we connected to.
 * If it is not, calls moved: there is another socket to lend.  -1: no memory.
 */
int	 plog_watch(struct rocketd *, void (*moved)(struct rocketd *));
void	 plog_unwatch(void);

#endif /* ROCKETD_PLOG_H */
