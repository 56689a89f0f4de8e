/* SPDX-License-Identifier: ISC */

/*
 * A tunnel from its first octet to its session: the request for WebSocket where
 * there is one, the TLS handshake, HELLO and ACCEPT.
 */

#ifndef WORKER_OPENING_H
#define WORKER_OPENING_H

struct session_conf;
struct tunnel;

/* opening.c */

/*
 * Goes on with what the socket gives and takes; 1 when all is said, and the
 * session can be started.  A tunnel that fails is killed.
 */
int	 opening_turn(struct tunnel *);
/*
 * Fills in what the session is to be like, and leaves TLS if that was settled.
 * -1: the tunnel is killed.
 */
int	 opening_settle(struct tunnel *, struct session_conf *);

#endif /* WORKER_OPENING_H */
