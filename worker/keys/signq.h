/* SPDX-License-Identifier: ISC */

/*
 * Signatures that tls processes wait for, in the role keys.  One is made in a
 * turn of the loop, so that no proof waits for more than one.
 */

#ifndef WORKER_SIGNQ_H
#define WORKER_SIGNQ_H

#include "shared/channel.h"

/* signq.c */

void	 signq_init(void);
/* The private keys are there: now they are made. */
void	 signq_start(void);
/* -1: it has asked for more than it may have. */
int	 signq_add(struct channel *tls, const struct msg_sign *);
/* The tls has gone, and what it asked for is forgotten. */
void	 signq_left(const struct channel *tls);
/* Number of those that wait. */
uint64_t signq_waiting(void);

#endif /* WORKER_SIGNQ_H */
