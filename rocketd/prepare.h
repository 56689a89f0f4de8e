/* SPDX-License-Identifier: ISC */

/*
 * What a configuration needs of the system: listeners, the control socket, the
 * pid file.  All that can fail is made beside what is in force; to put it in
 * force cannot.
 */

#ifndef ROCKETD_PREPARE_H
#define ROCKETD_PREPARE_H

#include <stdio.h>

#include "rocketd.h"

struct prepared {
	struct rocketd_conf	*conf;		/* what it is for */
	int			 ctl_fd;
	int			 pidfd;
	int			 ctl_moves;	/* elsewhere, or away */
	int			 pid_moves;
};

/* prepare.c */

/*
 * Makes what new->conf names and is not there yet.  -1: errors were printed on
 * err, and nothing has changed.
 */
int	 prepare_make(struct rocketd *, struct prepared *new, FILE *err);
/* Puts it in force; what was before goes. */
void	 prepare_commit(struct rocketd *, struct prepared *);

#endif /* ROCKETD_PREPARE_H */
