/* SPDX-License-Identifier: ISC */

/*
 * What control knows about another process.
 */

#ifndef WORKER_SIBLING_H
#define WORKER_SIBLING_H

#include <sys/tree.h>

#include <stdint.h>

#include "shared/msg.h"

struct channel;

struct sibling {
	RB_ENTRY(sibling)	 entry;
	struct channel		*ch;		/* NULL: the parent, or us */
	struct msg_channel	 peer;
	uint64_t		 refilled;	/* worker_now() of lines */
	uint64_t		 lines;		/* it may log, in LINES_ONE */
	uint64_t		 limited;	/* lines over that, not noted */
};
RB_HEAD(siblings, sibling);

/* control.c */

RB_PROTOTYPE(siblings, sibling, entry, )

/* proc_name of it. */
const char	*sibling_title(const struct sibling *);

#endif /* WORKER_SIBLING_H */
