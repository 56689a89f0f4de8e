/* SPDX-License-Identifier: ISC */

/*
 * Where the control socket is when nothing else is configured: root's is
 * CTLPATH_ROOT, another user's is CTLPATH_NAME in $XDG_RUNTIME_DIR, or without
 * that in the directory CTLPATH_DIR, a format for the user id.
 */

#ifndef SHARED_CTLPATH_H
#define SHARED_CTLPATH_H

#define CTLPATH_NAME	"rocketd.sock"
#define CTLPATH_ROOT	"/var/run/" CTLPATH_NAME
#define CTLPATH_DIR	"/tmp/rocketd-%u"

#endif /* SHARED_CTLPATH_H */
