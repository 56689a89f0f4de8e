/* SPDX-License-Identifier: ISC */

/*
 * One connection being made: to the first of some addresses that answers, or
 * to a UNIX socket.  It knows no message and no channel.
 */

#ifndef WORKER_CONNECT_H
#define WORKER_CONNECT_H

#include <stdint.h>

#include "shared/msg.h"

struct event_base;
struct connect;

/*
 * fd is the connected socket, now the caller's; or -1, error the errno of the
 * last attempt and peer whom it was to.  local is the socket's own address, if
 * it has one.  Called once, never from within connect_new; the caller frees in
 * it or later.
 */
typedef void	connect_done(void *arg, int fd, int error,
		    const struct addr *peer, const struct addr *local);

/* connect.c */

/*
 * Before the sandbox: holds the root directory, to be back in it after each
 * UNIX socket.  -1 with errno.
 */
int		 connect_init(void);
/*
 * Options and source address are those of the dialee.  NULL: no memory.
 * Addresses, at most RESOLVED_MAX, have their ports.
 */
struct connect	*connect_new(struct event_base *, const struct msg_dialee *,
		    const struct addr *, uint32_t count, connect_done *,
		    void *arg);
/*
 * The last component of the dialee's path, in the directory dir, which is lent
 * until connect_done or connect_free.
 */
struct connect	*connect_new_unix(struct event_base *,
		    const struct msg_dialee *, int dir, connect_done *,
		    void *arg);
/* Takes NULL; closes what is under way. */
void		 connect_free(struct connect *);
/* Whom the last attempt was to. */
void		 connect_last(const struct connect *, struct addr *);

#endif /* WORKER_CONNECT_H */
