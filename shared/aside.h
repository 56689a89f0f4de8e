/* SPDX-License-Identifier: ISC */

/*
 * Processes that the parent starts for one job, in the sandbox and with the
 * user id of keys, and which end with it:
 *
 *	rocketd-worker OPTION UID FLAGS WORD ...
 *
 * with a channel of its own kind as descriptor 3 and files from 5 on.
 */

#ifndef SHARED_ASIDE_H
#define SHARED_ASIDE_H

#define ASIDE_CHANNEL	3
#define ASIDE_FILES	5

/* FLAGS, a number */
#define ASIDE_ROOT	0x01	/* drop to UID */
#define ASIDE_NETNS	0x02	/* it is in the empty network namespace */
#define ASIDE_STRICT	0x04	/* do nothing without the whole sandbox */

#endif /* SHARED_ASIDE_H */
