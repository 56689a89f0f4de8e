/* SPDX-License-Identifier: ISC */

/*
 * From one configuration to the next: the first one, and each reload.  A reload
 * that is refused changes nothing.
 */

#ifndef ROCKETD_RELOAD_H
#define ROCKETD_RELOAD_H

#include <stddef.h>
#include <stdio.h>

#include "rocketd.h"

/* reload.c */

/*
 * Puts what read_conf gave in force for the first time: all is bound and
 * listed, nothing started.  -1: errors were printed on err.
 */
int	 reload_first(struct rocketd *, struct rocketd_conf *, FILE *err);
/*
 * Reloads; -1 with the reason in why, nothing has changed; else why is a
 * warning or empty.  All is logged.
 */
int	 reload_run(struct rocketd *, char *why, size_t whysize);

#endif /* ROCKETD_RELOAD_H */
