/* SPDX-License-Identifier: ISC */

/*
 * The way to a target's UNIX socket.  dial is chrooted and connects by a name
 * in an open directory; both are found here, behind every link of the path as
 * it is now, and again when dial asks.  Says in words why dial is refused.
 */

#ifndef ROCKETD_SOCKDIR_H
#define ROCKETD_SOCKDIR_H

#include <stdint.h>

#include "rocketd.h"

/* sockdir.c */

/*
 * Sends dial the directory and the name.  error: the errno with which the ones
 * that it has have failed, or 0.  Logs what is wrong, once a minute and
 * service.  -1: the message cannot be sent.
 */
int	 sockdir_send(struct child *, const struct msg_dialee *,
	    uint32_t error);
/* Forgets when what was logged, of all services. */
void	 sockdir_forget(struct rocketd *);
/*
 * The groups that targets name, of all services, sorted: dial's.  Returns
 * their number; what is over TARGET_GROUPS_MAX was refused by conf.
 */
uint32_t sockdir_groups(const struct rocketd *, uint32_t *);

#endif /* ROCKETD_SOCKDIR_H */
