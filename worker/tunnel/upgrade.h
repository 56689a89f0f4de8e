/* SPDX-License-Identifier: ISC */

/*
 * The start of a tunnel over WebSocket: the client asks by HTTP and checks the
 * answer, the server answers what its gate has routed to it.  Behind it all
 * is in binary messages, which the wire sees to.
 */

#ifndef WORKER_UPGRADE_H
#define WORKER_UPGRADE_H

struct tunnel;

/* upgrade.c */

/*
 * Goes on with it, in TUNNEL_UPGRADE; 1: it is done, 0: not yet, -1: it has
 * failed and the tunnel ends.
 */
int	 upgrade_turn(struct tunnel *);

#endif /* WORKER_UPGRADE_H */
