/* SPDX-License-Identifier: ISC */

/*
 * What the worker of a service may hold: octets of memory, and descriptors.
 * Whoever queues or opens charges it here.  Near the limit no more users are
 * accepted until some who make no progress are shed; past it somebody is shed
 * at once.
 */

#ifndef WORKER_BUDGET_H
#define WORKER_BUDGET_H

#include <stdint.h>

struct budget {
	uint64_t	 held;		/* octets of memory */
	uint64_t	 going;		/* of these, given back soon */
	uint64_t	 max;		/* `memory' of the service */
	uint32_t	 fds;		/* of connections and tunnels */
	uint32_t	 fds_max;
	uint64_t	 fds_short;	/* times that they were not enough */
	uint64_t	 fds_logged;	/* worker_now of the last such line */
	uint64_t	 tight_since;	/* worker_now, 0: it is not */
	uint64_t	 shed;		/* by relieve, ever... */
	uint64_t	 shed_told;	/* ...and of these said in the log, */
	uint64_t	 shed_logged;	/* at this time */
	uint64_t	 peak;		/* most held since memory was... */
	uint64_t	 trimmed;	/* ...given back to the system, then */
	/*
	 * Sheds one who has been without progress for long, or (any) the worst
	 * there is.  0: there is none.
	 */
	int		(*relieve)(int any);
};

/* budget.c */

/* Counts the descriptors that the process may have; fatal when it cannot. */
void	 budget_init(struct budget *, int (*relieve)(int any));
/* Charges octets; negative: given back. */
void	 budget_hold(struct budget *, int64_t octets);
/* So many octets will be given back soon; negative: they were, or not. */
void	 budget_going(struct budget *, int64_t octets);
/* Past the limit: relieves until it is kept. */
void	 budget_enforce(struct budget *);
/* Octets: near the limit, no new users. */
int	 budget_tight(const struct budget *);
/* Half of it is held: nobody should keep what he does not need. */
int	 budget_pressed(const struct budget *);
/* Octets that may still be held. */
uint64_t budget_left(const struct budget *);
/*
 * Once a second: near the limit sheds those without progress, and after some
 * seconds anybody; gives memory that was freed back to the system.
 */
void	 budget_tick(struct budget *, uint64_t now);
/* Descriptors: only the reserve is left, no new users. */
int	 budget_full(const struct budget *);
/* Counts that, and says in the log what comes of it. */
void	 budget_was_full(struct budget *, uint64_t now, const char *what);

#endif /* WORKER_BUDGET_H */
