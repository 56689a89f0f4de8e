/* SPDX-License-Identifier: ISC */

/*
 * The control socket: bound by the parent, lent to control, removed when the
 * daemon ends.
 */

#ifndef ROCKETD_CTLSOCK_H
#define ROCKETD_CTLSOCK_H

#include <stddef.h>

#include "rocketd.h"

/* ctlsock.c */

/*
 * Binds and listens at path.  First removes a socket that nobody listens on;
 * one with a listener stays.  group may read it (NULL: the default group, if
 * there is one).  Returns a descriptor, or -1 with the reason in why.
 */
int	 ctlsock_bind(const char *path, const char *group, int root,
	    char *why, size_t whysize);
/*
 * Could it, as far as that can be told while a daemon may be at work there?
 * Changes nothing; -1 likewise.
 */
int	 ctlsock_check(const char *path, const char *group, int root,
	    char *why, size_t whysize);
/* Puts it in place of the old one, which is removed.  path is copied. */
int	 ctlsock_set(struct rocketd *, int fd, const char *path);
/* Closes and removes it. */
void	 ctlsock_close(struct rocketd *);

#endif /* ROCKETD_CTLSOCK_H */
