/* SPDX-License-Identifier: ISC */

/*
 * One connection being made: to the first of several addresses that answers, or
 * to a UNIX socket.  Knows no message and no channel.
 */

#ifndef WORKER_CONNECT_H
#define WORKER_CONNECT_H

#include <stdint.h>

#include "shared/msg.h"

struct event_base;
struct connect;

/*
 * fd is the connected socket and belongs to the caller; or it is -1, error the
 * errno of the last attempt and peer its address.  local is the socket's own
 * address, if it has one.  Called once, never from within connect_new; free the
 * connection in it or later.
 */
typedef void	connect_done(void *arg, int fd, int error,
		    const struct addr *peer, const struct addr *local);

/* connect.c */

/*
 * Opens the root directory, before the sandbox, to return to it after each UNIX
 * socket.  -1 with errno.
 */
int		 connect_init(void);
/*
 * Takes options and source address from the dialee.  Addresses, at most
 * RESOLVED_MAX, include their ports.  With datagrams it makes UDP sockets, of
 * which the first one is taken that the system connects: nobody answers.  turn:
 * how many addresses, once all are known, are to be the last.  NULL: no memory.
 */
struct connect	*connect_new(struct event_base *, const struct msg_dialee *,
		    int datagrams, uint32_t turn, const struct addr *,
		    uint32_t count, connect_done *, void *arg);
/*
 * Adds addresses that it does not have, as above.  more: others may come, and
 * it does not fail before another call says that there are none.
 */
void		 connect_more(struct connect *, const struct addr *,
		    uint32_t count, int more);
/*
 * Connects to the last component of the dialee's path, in the directory dir,
 * which is lent until connect_done or connect_free.
 */
struct connect	*connect_new_unix(struct event_base *,
		    const struct msg_dialee *, int dir, connect_done *,
		    void *arg);
/* Takes NULL; closes what is under way. */
void		 connect_free(struct connect *);
/* The address of the last attempt. */
void		 connect_last(const struct connect *, struct addr *);

#endif /* WORKER_CONNECT_H */
