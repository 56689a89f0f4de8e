/* SPDX-License-Identifier: ISC */

/*
 * What each process is told: its configuration from BEGIN to END, at its start
 * and again when a reload has changed it.
 */

#ifndef ROCKETD_SEND_H
#define ROCKETD_SEND_H

#include <stdint.h>

#include "rocketd/conf/conf.h"
#include "rocketd.h"

/* send.c */

/* Sends a new process all that it needs.  -1: failed, it has to go. */
int	 send_start(struct rocketd *, struct child *);
/*
 * Sends a running process a whole new set, and what has changed (CHANGE_).  One
 * that does not run gets it when it is started.
 */
void	 send_again(struct rocketd *, struct child *, uint32_t changed);
/* The same to each worker of a service. */
void	 send_again_service(struct rocketd *, uint32_t service,
	    uint32_t changed);
/* The user id, and group id, of a process when we are root. */
uint32_t send_uid(const struct rocketd *, const struct child *);
/* dial asks for the directory of a UNIX target again. */
void	 send_dir_again(struct child *, const struct msg_dir *);
/*
 * Workers of a service that was removed, or now has users instead of a target,
 * still dial while they drain: dial must know their target until the last of
 * them is gone.
 */
void	 send_keep_drained(struct rocketd *, const struct conf_service *);
void	 send_forget_drained(struct rocketd *, uint32_t service);

#endif /* ROCKETD_SEND_H */
