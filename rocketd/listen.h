/* SPDX-License-Identifier: ISC */

/*
 * The listening sockets, and those for datagrams.  The parent binds them, keeps
 * them over reloads and deaths, lends them, and watches that no borrower shuts
 * one down.
 */

#ifndef ROCKETD_LISTEN_H
#define ROCKETD_LISTEN_H

#include <stdint.h>
#include <stdio.h>

#include "rocketd.h"

/* listen.c */

/*
 * Binds what the configuration names and is not bound yet.  -1: one could not
 * be bound (printed on err with its file and line), and nothing has changed.
 */
int		 listen_prepare(struct rocketd *, const struct rocketd_conf *,
		    FILE *err);
/* Undoes a prepare that succeeded. */
void		 listen_abandon(struct rocketd *);
/* Puts a prepare in force: closes what is no longer named. */
void		 listen_commit(struct rocketd *);
/*
 * Has the last commit bound one of this service?  Also where its configuration
 * has not changed: somebody had removed the file of a UNIX socket.
 */
int		 listen_is_new(struct rocketd *, uint32_t service);
/* Closes all of them. */
void		 listen_close(struct rocketd *);
/*
 * Lends a service's listeners (0: those of blocks, for tunnels or figures) by
 * CONF_LISTEN messages: those for datagrams to udp, those for figures to web,
 * the others to workers.  -1: one could not be sent (logged).
 */
int		 listen_lend(struct rocketd *, struct child *,
		    uint32_t service);
/* Tells where they all are, by CONF_OWN messages.  -1: one was not sent. */
int		 listen_tell(struct rocketd *, struct child *);
/* How many there are for connections. */
uint32_t	 listen_count(struct rocketd *, uint32_t service);
/*
 * "[::]:53/udp, 192.0.2.1:53 and 7 more", of a service; "" if it has none.  In
 * HOST_MAX octets all four fit that are named.
 */
void		 listen_where(struct rocketd *, uint32_t service, char *,
		    size_t);
/* Logs where tunnels and users come in, in a limited number of lines. */
void		 listen_log(struct rocketd *);

#endif /* ROCKETD_LISTEN_H */
