/* SPDX-License-Identifier: ISC */

/*
 * A tunnel's turn, in which all its work is done: reading, its session and its
 * dialect, writing, deadlines.  It runs once in a turn of the event loop,
 * however many sockets and streams asked for it, so that what they have to send
 * leaves in one system call.  Only a turn (and the end of the process) frees a
 * tunnel.
 *
 * What the socket does not take waits in the wire; no stream is pulled while
 * it is there.
 */

#ifndef WORKER_TURN_H
#define WORKER_TURN_H

#include <event2/util.h>

struct service;

/* turn.c */

void	 turn_init(struct service *);
/* Events of a tunnel, their argument.  It may be gone then. */
void	 turn_event(evutil_socket_t, short, void *);
void	 turn_timer(evutil_socket_t, short, void *);

#endif /* WORKER_TURN_H */
