/* SPDX-License-Identifier: ISC */

/*
 * Can a file that a configuration names be used?  Found out before anything
 * is changed, in a process of the role keys that is there for this alone, with
 * the code that would use the file.
 */

#ifndef WORKER_LOOK_H
#define WORKER_LOOK_H

#include "shared/msg.h"

/* look.c */

/* Fills the answer in; fd is closed, and nothing of the file is kept. */
void	 look_at(const struct msg_look *, int fd, struct msg_looked *);

#endif /* WORKER_LOOK_H */
