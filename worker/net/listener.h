/* SPDX-License-Identifier: ISC */

/*
 * Listeners for tunnels, lent to gate or tls by the parent.  They accept in
 * turns, pause when descriptors or memory run out, recognise trusted proxies,
 * and tell the role about each new connection.  One set is in force until the
 * next is complete.
 */

#ifndef WORKER_LISTENER_H
#define WORKER_LISTENER_H

#include <stdint.h>

#include "shared/msg.h"

struct listener_stats {
	uint64_t	 accepted;
	uint64_t	 paused;
};

/*
 * A connection has come.  fd belongs to the callee, even when it returns -1 for
 * want of memory.  proxied: a trusted proxy's header comes first.
 */
typedef int	 listener_arrived(int fd, const struct addr *peer,
		    const struct msg_listen *, int proxied);

/* listener.c */

void	 listener_init(listener_arrived *);
/* A new set begins, gets a message (-1: not one of ours), is complete. */
void	 listener_begin(void);
int	 listener_configure(struct imsg *);
void	 listener_commit(void);
/* Whether connections are accepted; at first they are not. */
void	 listener_open(int);
/* Closes them all, for good. */
void	 listener_close(void);
const struct listener_stats *listener_stats(void);

#endif /* WORKER_LISTENER_H */
