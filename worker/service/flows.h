/* SPDX-License-Identifier: ISC */

/*
 * The flows of users, on the side that opens streams: the udp process tells of
 * them, and of their datagrams, on a socket pair.  Each gets the least loaded
 * session with room, as users do; one for which there is none waits, with what
 * its queue may hold, for `user timeout'.
 */

#ifndef WORKER_FLOWS_H
#define WORKER_FLOWS_H

#include <stdint.h>

struct channel;
struct service;

/* flows.c */

void		 flows_init(struct service *);
/* The channel to the udp process is there. */
void		 flows_joined(struct channel *);
/* It is gone, and so are all flows. */
void		 flows_left(void);
/* It sent the pair (fd taken), which replaces the one before. */
void		 flows_pair(int fd);
/* Whether there is a session with room has changed. */
void		 flows_room(int room);
/* Sessions came, went, or have room. */
void		 flows_changed(void);
/* Once a second: gives up those that have waited too long. */
void		 flows_tick(uint64_t now);
/* No new ones; those that are there end as soon as nothing passes. */
void		 flows_stop(void);
/* Those that wait for a session. */
uint32_t	 flows_waiting(void);

#endif /* WORKER_FLOWS_H */
