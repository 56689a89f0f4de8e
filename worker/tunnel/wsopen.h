/* SPDX-License-Identifier: ISC */

/*
 * The start of a tunnel over WebSocket: who dials asks by HTTP and checks the
 * answer, the other side answers what its gate has routed to it.  Behind it all
 * is in binary messages, which the wire sees to.
 */

#ifndef WORKER_WSOPEN_H
#define WORKER_WSOPEN_H

struct tunnel;

/* wsopen.c */

/*
 * Goes on with it, in TUNNEL_WEB; 1: it is done, 0: not yet, -1: it has
 * failed and the tunnel ends.
 */
int	 wsopen_turn(struct tunnel *);

#endif /* WORKER_WSOPEN_H */
