/* SPDX-License-Identifier: ISC */

/*
 * Sockets of users and targets that end as aborts: who reads there may not take
 * what came so far for everything.
 */

#ifndef WORKER_RESET_H
#define WORKER_RESET_H

/* reset.c */

/*
 * on: closing it sends a reset, as it does if this process dies.  0: no more,
 * it has come to its proper end.
 */
void	 reset_on_close(int fd, int on);
/* Closes it with a reset. */
void	 reset_now(int fd);

#endif /* WORKER_RESET_H */
