/* SPDX-License-Identifier: ISC */

/*
 * Relays whose stream has ended, and whose socket has yet to take what came
 * before that.  Who takes an octet now and then must not stay for ever.
 */

#ifndef WORKER_LINGER_H
#define WORKER_LINGER_H

#include <stdint.h>

struct relay;
struct service;

/* linger.c */

void	 linger_init(struct service *);
/* Its stream has ended in order, and something waits for its socket. */
void	 linger_add(struct relay *);
/* Does nothing when it does not linger. */
void	 linger_remove(struct relay *);
/* Once a second: resets those that took too little for too long. */
void	 linger_tick(uint64_t now);

#endif /* WORKER_LINGER_H */
