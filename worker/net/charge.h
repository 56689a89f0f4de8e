/* SPDX-License-Identifier: ISC */

/*
 * What a connection is charged to until it is proven: the source it comes
 * from, and the whole process.  Each has a limit, so strangers can never hold
 * more than so many descriptors.  One process has one set of limits, so there
 * is one state.
 */

#ifndef WORKER_CHARGE_H
#define WORKER_CHARGE_H

#include <stdint.h>

#include "shared/addr.h"

struct gate_opts;
struct source;

struct charge {			/* starts zeroed: not charged */
	struct source	*source;	/* NULL: not charged (any more) */
	struct addr	 peer;		/* who has come, for the log */
};

struct charge_stats {
	uint32_t	 unproven;	/* connections charged now */
	uint64_t	 limited_source;	/* refused by either limit */
	uint64_t	 limited_total;
};

/* charge.c */

/* what: how log lines call a connection; the string stays the caller's. */
void	 charge_init(const char *what);
void	 charge_limits(const struct gate_opts *);
/*
 * Charges a connection to the source of peer; one that is charged already
 * moves there.  -1 with errno ENOMEM, or EDQUOT when that is over a limit,
 * which is logged and counted; nothing has changed then.
 */
int	 charge_to(struct charge *, const struct addr *peer);
/* It is proven, or gone.  Does nothing when it is not charged. */
void	 charge_release(struct charge *);
/* Logs "WHAT from PEER: ...", as often as the source may cause a line. */
void	 charge_log(struct charge *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
const struct charge_stats *charge_stats(void);

#endif /* WORKER_CHARGE_H */
