/* SPDX-License-Identifier: ISC */

/*
 * Becoming a daemon: away from the terminal, with a pid file, and telling
 * whoever started it how that went.
 */

#ifndef ROCKETD_DETACH_H
#define ROCKETD_DETACH_H

#include <stddef.h>

#include "rocketd.h"

/* detach.c */

/*
 * Goes on in a process of its own; the one that was started waits, and exits
 * with 0 when detach_done is called, with 1 when we end before.
 */
void	 detach_start(void);
/* All is well: lets the waiting one go, and the terminal. */
void	 detach_done(void);
/*
 * Writes our pid to a file of that path and keeps it locked.  Returns a
 * descriptor, or -1 with the reason in why.
 */
int	 detach_pidfile(const char *path, char *why, size_t whysize);
/* Puts it in the place of the one before, which goes.  fd -1: none. */
int	 detach_set_pidfile(struct rocketd *, int fd, const char *path);
/*
 * A line such as "READY=1" to the service manager, if there is one; by hand,
 * as it is one datagram.
 */
void	 detach_notify(const char *line);
/* "RELOADING=1" needs the time with it. */
void	 detach_notify_reloading(void);

#endif /* ROCKETD_DETACH_H */
