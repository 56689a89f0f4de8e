/* SPDX-License-Identifier: ISC */

/*
 * Can a file named in a configuration be used?  A process of the role keys,
 * started for this alone, finds out before anything changes, with the code that
 * would use the file.
 */

#ifndef WORKER_LOOK_H
#define WORKER_LOOK_H

#include "shared/msg.h"

/* look.c */

/* Fills in the answer, closes fd, and keeps nothing of the file. */
void	 look_at(const struct msg_look *, int fd, struct msg_looked *);

#endif /* WORKER_LOOK_H */
