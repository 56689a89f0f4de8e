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
 * Goes on in a new process.  The one that was started waits, and exits with 0
 * when detach_done is called, with 1 if we end before that.
 */
void	 detach_start(void);
/* All is well: lets the waiting process end, and leaves the terminal. */
void	 detach_done(void);
/*
 * Writes our pid to the file at path, and keeps it locked.  Returns a
 * descriptor, or -1 with the reason in why.
 */
int	 detach_pidfile(const char *path, char *why, size_t whysize);
/*
 * Could it, as far as that can be told while a daemon may hold it?  Changes
 * nothing; -1 likewise.
 */
int	 detach_pidfile_check(const char *path, char *why, size_t whysize);
/* Puts it in place of the old one, which is removed.  fd -1: none. */
int	 detach_set_pidfile(struct rocketd *, int fd, const char *path);
/*
 * Sends a line such as "READY=1" to the service manager, if there is one, in
 * one datagram.
 */
void	 detach_notify(const char *line);
/* "RELOADING=1", which needs the time with it. */
void	 detach_notify_reloading(void);

#endif /* ROCKETD_DETACH_H */
