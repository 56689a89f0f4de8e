/* SPDX-License-Identifier: ISC */

/*
 * Ends that are held back.  To a peer without half-close the end of one
 * direction is that of both, but a user who has ended his may wait for an
 * answer that is on its way: his is told once nothing has come for a while.
 */

#ifndef WORKER_HELDEND_H
#define WORKER_HELDEND_H

struct relay;
struct service;

void	 heldend_init(struct service *);
/* Its user has ended: the stream is told later.  Once for each relay. */
void	 heldend_add(struct relay *);
/* 1: it was held back, and is so no more; the stream was not told. */
int	 heldend_remove(struct relay *);

#endif /* WORKER_HELDEND_H */
