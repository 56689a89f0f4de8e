/* SPDX-License-Identifier: ISC */

/*
 * Users, on the side that opens streams: accepts them from the lent listener,
 * gives each the least loaded session with room, and holds those for whom there
 * is none for `user timeout'.
 */

#ifndef WORKER_USER_H
#define WORKER_USER_H

#include <stdint.h>

#include "shared/opts.h"

struct service;
struct tunnel;

/* user.c */

void		 user_init(struct service *);
/* A set of listeners begins, one is added (fd taken), the set is whole. */
void		 user_listen_begin(void);
int		 user_listen_add(int fd, uint32_t number, enum ask_kind,
		    uint32_t kinds);
void		 user_listen_end(void);
/* The parent lets us hold users while no session has room. */
void		 user_hold(int on);
/* Sessions came, went, or have room: looks at queue and listeners. */
void		 user_changed(void);
/* Once a second: resets those without an octet for `user idle timeout'. */
void		 user_tick(void);
/* Stops accepting, and resets those that wait. */
void		 user_stop(void);
uint32_t	 user_waiting(void);
/*
 * The tunnel that the next user gets; NULL: none has room.  When all are well
 * filled, the client is asked to grow its pool.
 */
struct tunnel	*user_pick(void);
void		 user_ask_more(void);

#endif /* WORKER_USER_H */
