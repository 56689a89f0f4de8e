/* SPDX-License-Identifier: ISC */

/*
 * Where the control socket is when nobody says where: rocketd puts it there,
 * and rocketctl looks for it.
 */

#ifndef SHARED_CTLPATH_H
#define SHARED_CTLPATH_H

#include <sys/types.h>

#include <stddef.h>

/* The directory of a user without a runtime directory; takes the uid. */
#define CTLPATH_DIR	"/tmp/rocketd-%u"

/* ctlpath.c */

/*
 * The i-th place, from 0, for a user.  rocketd uses the first one.  rocketctl
 * uses the first one that exists: a user's own daemon comes before root's.
 * -1: there are no more.
 */
int	 ctlpath(unsigned int i, uid_t, char *path, size_t size);

#endif /* SHARED_CTLPATH_H */
