/* SPDX-License-Identifier: ISC */

/*
 * What a configuration needs of the system: listeners, the control socket, the
 * pid file.  Everything that can fail is made beside what is in force; putting
 * it in force cannot fail.
 */

#ifndef ROCKETD_PREPARE_H
#define ROCKETD_PREPARE_H

#include <stdio.h>

#include "rocketd.h"

struct prepared {
	struct rocketd_conf	*conf;		/* what it is for */
	int			 ctl_fd;
	int			 pidfd;
	int			 ctl_moves;	/* to another place, or none */
	int			 pid_moves;
};

/* prepare.c */

/*
 * Makes what new->conf names and does not exist yet.  -1: errors were printed
 * on err, and nothing has changed.
 */
int	 prepare_make(struct rocketd *, struct prepared *new, FILE *err);
/* Puts it in force, and closes what it replaces. */
void	 prepare_commit(struct rocketd *, struct prepared *);

#endif /* ROCKETD_PREPARE_H */
