/* SPDX-License-Identifier: ISC */

/*
 * The configuration's file, looked at every two seconds where it is of a kind
 * whose changes are expected to be seen.
 */

#ifndef ROCKETD_CONFWATCH_H
#define ROCKETD_CONFWATCH_H

#include "rocketd.h"

/* confwatch.c */

/* The file is about to be read: what it is like is noted. */
void	 confwatch_note(struct rocketd *);
/* Looks at it from now on, or no more, as env->conf says. */
void	 confwatch_conf(struct rocketd *);
void	 confwatch_stop(struct rocketd *);

#endif /* ROCKETD_CONFWATCH_H */
