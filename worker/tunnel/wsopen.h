/* SPDX-License-Identifier: ISC */

/*
 * The start of a tunnel over WebSocket.  The side that dials sends an HTTP
 * request and checks the answer; the other side answers a request that its gate
 * has routed to it.  From then on the wire puts everything into messages.
 */

#ifndef WORKER_WSOPEN_H
#define WORKER_WSOPEN_H

struct tunnel;

/* wsopen.c */

/*
 * Goes on with a tunnel in TUNNEL_WEB, from its turn.  1: it speaks WebSocket,
 * 0: not yet, -1: it failed, and the tunnel is killed.
 */
int	 wsopen_turn(struct tunnel *);

#endif /* WORKER_WSOPEN_H */
