/* SPDX-License-Identifier: ISC */

/*
 * Listeners for tunnels, as the parent has lent them to gate or tls: accepts in
 * turns, pauses where there is no room for more, knows who is a trusted proxy,
 * and tells the role of each that has come.  One set serves until the next is
 * whole.
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
 * One has come: fd is the callee's, also when it returns -1, that there was no
 * memory for it.  proxied: the header of a trusted proxy is in front.
 */
typedef int	 listener_arrived(int fd, const struct addr *peer,
		    const struct msg_listen *, int proxied);

/* listener.c */

void	 listener_init(listener_arrived *);
/* A new set begins, gets a message (-1: it is none of ours), and is whole. */
void	 listener_begin(void);
int	 listener_configure(struct imsg *);
void	 listener_commit(void);
/* May any come now?  Not at first. */
void	 listener_open(int);
/* None will come any more. */
void	 listener_close(void);
const struct listener_stats *listener_stats(void);

#endif /* WORKER_LISTENER_H */
