/* SPDX-License-Identifier: ISC */

/*
 * Stacks on which something can be begun, left in the middle and gone on with:
 * a handshake, which has to wait for its signature deep inside a library.  They
 * are few, made before the sandbox is closed, each with a page below it that
 * cannot be written.
 */

#ifndef WORKER_FIBER_H
#define WORKER_FIBER_H

struct fiber;

/* fiber.c */

/* Makes so many; -1: no memory. */
int		 fibers_init(unsigned int n);
/* One that is free, or NULL. */
struct fiber	*fiber_get(void);
/*
 * Runs body on it, until that ends or waits.  1: it has ended, and the fiber is
 * free again.
 */
int		 fiber_run(struct fiber *, void (*body)(void *), void *arg);
/* The same for one that waits. */
int		 fiber_resume(struct fiber *);
/* Which one runs this, or NULL. */
struct fiber	*fiber_self(void);
/* Only on a fiber: returns from fiber_run, and here by fiber_resume. */
void		 fiber_wait(void);

#endif /* WORKER_FIBER_H */
