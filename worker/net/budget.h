/* SPDX-License-Identifier: ISC */

/*
 * What the worker of a service may hold: octets in queues and buffers, and
 * descriptors.  Whoever queues or opens charges it here.  Near the limit no
 * more users are accepted; past it the worst readers are reset until it is
 * kept again.
 */

#ifndef WORKER_BUDGET_H
#define WORKER_BUDGET_H

#include <stdint.h>

struct budget {
	uint64_t	 held;		/* octets in queues and buffers */
	uint64_t	 max;		/* `memory' of the service */
	uint32_t	 fds;		/* of connections and tunnels */
	uint32_t	 fds_max;
	uint64_t	 fds_short;	/* times that they were not enough */
	uint64_t	 fds_logged;	/* worker_now of the last such line */
	uint64_t	 tight_since;	/* worker_now, 0: it is not */
	/* Resets who holds most; 0 when nobody holds anything. */
	int		(*relieve)(void);
};

/* budget.c */

/* Counts the descriptors that the process may have; fatal when it cannot. */
void	 budget_init(struct budget *, int (*relieve)(void));
/* Charges octets; negative: given back. */
void	 budget_hold(struct budget *, int64_t octets);
/* Past the limit: relieves until it is kept. */
void	 budget_enforce(struct budget *);
/* Octets: near the limit, no new users. */
int	 budget_tight(const struct budget *);
/* Octets that may still be held. */
uint64_t budget_left(const struct budget *);
/*
 * Once a second: readers that stopped keep users out for some seconds, then
 * those that hold most are reset, with a line in the log.
 */
void	 budget_tick(struct budget *, uint64_t now);
/* Descriptors: only the reserve is left, no new users. */
int	 budget_full(const struct budget *);
/* Counts that, and says in the log what comes of it. */
void	 budget_was_full(struct budget *, uint64_t now, const char *what);

#endif /* WORKER_BUDGET_H */
