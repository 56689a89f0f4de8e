/* SPDX-License-Identifier: ISC */

/*
 * A job that a process is started for alone (aside.h), and that is answered in
 * parts, each a struct looked, over a pipe.  One at a time.
 */

#ifndef ROCKETD_ERRAND_H
#define ROCKETD_ERRAND_H

#include <sys/types.h>

#include "shared/look.h"
#include "rocketd.h"

struct errand_order {
	const char	*option;
	char		**words;	/* one answer each */
	uint32_t	 nwords;
	int		*files;
	uint32_t	 nfiles;
	/* One is there, in order, its words made printable. */
	void		(*answer)(void *arg, const struct looked *);
	/* NULL: all are, or why no more come.  May start the next errand. */
	void		(*done)(void *arg, const char *why);
	void		*arg;
};

/* errand.c */

/*
 * Starts it; base is that of a loop that runs or will run.  If it cannot be
 * started done is called at once.
 */
void	 errand_start(struct rocketd *, struct event_base *,
	    const struct rocketd_conf *, const struct errand_order *);
/* Gives it up: done is not called.  Does nothing if there is none. */
void	 errand_cancel(struct rocketd *);
/* Runs a loop of its own until *errors, -1 before, is another number. */
void	 errand_loop(struct rocketd *, struct event_base *,
	    const int *errors);
/* A process was reaped that is none of the configuration's. */
void	 errand_reaped(struct rocketd *, pid_t, int status);

#endif /* ROCKETD_ERRAND_H */
