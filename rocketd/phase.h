/* SPDX-License-Identifier: ISC */

/*
 * The phases of the daemon's life, and what is done between two of them.
 */

#ifndef ROCKETD_PHASE_H
#define ROCKETD_PHASE_H

#include "rocketd.h"

/* phase.c */

/* Every process has been READY: the daemon is up. */
void	 phase_up(struct rocketd *);
/* Another process is READY: the service manager hears how many are. */
void	 phase_progress(struct rocketd *);
/* Tells control again where to log and where to listen. */
void	 phase_tell_control(struct rocketd *);
/* Stops the daemon in order; a second call ends everything at once. */
void	 phase_stop(struct rocketd *, const char *why);

#endif /* ROCKETD_PHASE_H */
