/* SPDX-License-Identifier: ISC */

/*
 * From one configuration to the next: the first one, and each reload.  A
 * refused reload changes nothing.
 */

#ifndef ROCKETD_RELOAD_H
#define ROCKETD_RELOAD_H

#include <stdint.h>
#include <stdio.h>

#include "rocketd.h"

struct reload_asker {		/* gets the answer */
	uint32_t	 generation;	/* of the process that is answered */
	uint32_t	 request;	/* its number there */
	/* why is an error when it failed, else a warning or empty. */
	void		 (*answer)(struct rocketd *,
			    const struct reload_asker *, int failed,
			    const char *why);
};

/* reload.c */

/*
 * Puts a configuration in force that was read with its files: binds and lists
 * everything, starts nothing.  -1: errors were printed on err, and nothing has
 * changed.
 */
int	 reload_first(struct rocketd *, struct rocketd_conf *, FILE *err);
/*
 * Reloads now, or after the reload under way, or after the start.  Everything
 * is logged.  who, or NULL, is answered when it is over, perhaps at once.
 */
void	 reload_run(struct rocketd *, const struct reload_asker *who);
/* Gives up what is under way: the daemon stops. */
void	 reload_cancel(struct rocketd *);

#endif /* ROCKETD_RELOAD_H */
