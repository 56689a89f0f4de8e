/* SPDX-License-Identifier: ISC */

/*
 * What is said on a tunnel between the TLS handshake and the session: HELLO
 * of the client, ACCEPT or REJECT of the server (rocket-protocol(7)).
 */

#ifndef WORKER_DIALOGUE_H
#define WORKER_DIALOGUE_H

struct tunnel;

/* dialogue.c */

/*
 * Goes as far as the octets that are there allow.  1: settled, the session
 * may start (t->settled, t->theirs); 0: waits; -1: the tunnel ends or is
 * killed.
 */
int	 dialogue_turn(struct tunnel *);

#endif /* WORKER_DIALOGUE_H */
