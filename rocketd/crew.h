/* SPDX-License-Identifier: ISC */

/*
 * The workers of one service: how many there are, which of them holds users
 * while none has room, and what one tells the others.
 */

#ifndef ROCKETD_CREW_H
#define ROCKETD_CREW_H

#include <stdint.h>

#include "rocketd/conf/conf.h"
#include "child.h"

struct rocketd;

/* crew.c */

/* Sets the number of workers: adds some, or stops some with drain. */
void	 crew_resize(struct rocketd *, const struct conf_service *,
	    uint32_t drain);
/* Ends every worker of the service that is still wanted. */
void	 crew_stop(struct rocketd *, uint32_t service, uint32_t drain);
/* A worker said whether it has room. */
void	 crew_room(struct child *, uint32_t room);
/* Workers came or went: picks one to hold users if none has room. */
void	 crew_update(struct rocketd *, uint32_t service);
/* Sends it to all other workers of the same service. */
void	 crew_client_back(struct child *, const struct msg_client *);
/* This worker's part of the service's pool. */
uint32_t crew_share(struct rocketd *, const struct child *, uint32_t pool);
/* How many workers of a service live, including those that drain. */
int	 crew_alive(struct rocketd *, uint32_t service);

#endif /* ROCKETD_CREW_H */
