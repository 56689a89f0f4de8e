/* SPDX-License-Identifier: ISC */

/*
 * Tokens that workers ask about, in the role keys.  One is compared in a turn
 * of the loop, so that no proof waits for more, and who guesses in a hurry is
 * found out; none is before there are any to compare with.
 */

#ifndef WORKER_TOKENQ_H
#define WORKER_TOKENQ_H

#include "shared/channel.h"

/* tokenq.c */

void	 tokenq_init(void);
/* The tokens are there: now it is answered. */
void	 tokenq_start(void);
/* -1: it has asked about more than it may have here (TOKEN_ASKS_MAX). */
int	 tokenq_add(struct channel *worker, const struct msg_token_ask *);
/* The worker has gone, and what it asked is forgotten. */
void	 tokenq_left(const struct channel *worker);
/* Numbers of those that wait, were right, and were wrong. */
uint64_t tokenq_waiting(void);
uint64_t tokenq_right(void);
uint64_t tokenq_wrong(void);

#endif /* WORKER_TOKENQ_H */
