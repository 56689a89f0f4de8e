/* SPDX-License-Identifier: ISC */

/*
 * The listening sockets.  The parent binds them, keeps them over reloads and
 * deaths, lends them, and watches that no borrower shuts one down.
 */

#ifndef ROCKETD_LISTEN_H
#define ROCKETD_LISTEN_H

#include <stdint.h>
#include <stdio.h>

#include "rocketd.h"

/* listen.c */

/*
 * Binds what the configuration names and is not bound yet.  -1: one could not
 * be bound (told on err with its file and line), and all is as before.
 */
int		 listen_prepare(struct rocketd *, const struct rocketd_conf *,
		    FILE *err);
/* Undoes a prepare that succeeded. */
void		 listen_abandon(struct rocketd *);
/* Puts a prepare in force: closes what is not named any more. */
void		 listen_commit(struct rocketd *);
/* Closes all of them. */
void		 listen_close(struct rocketd *);
/*
 * Lends, by CONF_LISTEN messages, those of a service (0: those for tunnels).
 * -1: one could not be sent (logged).
 */
int		 listen_lend(struct rocketd *, struct child *,
		    uint32_t service);
/* How many that are. */
uint32_t	 listen_count(struct rocketd *, uint32_t service);

#endif /* ROCKETD_LISTEN_H */
