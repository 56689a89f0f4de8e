/* SPDX-License-Identifier: ISC */

/*
 * The children: starts, pings and reaps them, in the right order at start and
 * end.  child.c knows when and why, send.c what to send them, and hear.c what
 * they say.
 */

#ifndef ROCKETD_PROCS_H
#define ROCKETD_PROCS_H

#include <stddef.h>

#include "shared/msg.h"
#include "rocketd.h"

struct imsg;

/* What others do for procs.c: env->procs_ops. */
struct procs_ops {
	/* Sends all that it needs to know.  -1: failed, it has to go. */
	int	 (*configure)(struct rocketd *, struct child *);
	/* A message from it. */
	void	 (*hear)(struct child *, struct imsg *);
	/* A child's state has changed; DOWN: it is gone. */
	void	 (*changed)(struct rocketd *, enum proc_role,
		    uint32_t service, enum child_state before,
		    enum child_state now);
	/* A process was reaped that is not in the list. */
	void	 (*stranger)(struct rocketd *, pid_t, int status);
	/* Every child has been READY. */
	void	 (*up)(struct rocketd *);
	/* A child died before that (logged). */
	void	 (*failed)(struct rocketd *);
};

/* procs.c */

/* Adds a process, which is DOWN; NULL: no memory (logged). */
struct child	*procs_add(struct rocketd *, enum proc_role, enum side,
		    uint32_t service, uint32_t index, const char *name);
/*
 * Starts what has to be started next: stage by stage, or all at once when the
 * daemon is up.
 */
void		 procs_advance(struct rocketd *);
/* Reaps all that have ended. */
void		 procs_reap(struct rocketd *);
/* Ends all of them in order; the event loop ends with the last. */
void		 procs_shutdown(struct rocketd *, uint32_t drain);
/* Ends all of them at once and reaps them. */
void		 procs_abort(struct rocketd *);
/* Kills every process that was ever lent this listener. */
void		 procs_kill_borrowers(struct rocketd *, uint32_t number);
void		 procs_log_level(struct rocketd *, uint32_t level);

/* The one process of a role, or NULL. */
struct child	*procs_find(struct rocketd *, enum proc_role);
/*
 * Sends a message; fd (or -1) is gone in any case.  Does nothing if there is no
 * process: it gets everything when it is started.
 */
void		 procs_send(struct child *, uint32_t, int fd, const void *,
		    size_t);
/* All but dial and resolve are put into the empty network namespace. */
int		 procs_uses_network(const struct child *);
/* A child broke a rule: says so and replaces it. */
void		 procs_breach(struct child *, const char *why);

#endif /* ROCKETD_PROCS_H */
