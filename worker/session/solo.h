/* SPDX-License-Identifier: ISC */

/*
 * A session without a mux, for the transports tcp, ws, tls and wss
 * (rocket-protocol(7)): one stream in its life.  The side with conf.client
 * opens it, the other has conf.may_open; the tunnel is not used again.
 *
 * A record has a head of four octets, and for data up to 256 KiB behind it.  So
 * an end, a reset and silence pass through every hop as what they were, and
 * with conf.divert payload may be diverted as with smux.h's large frames.
 * There are no windows: while the owner holds a full receive buffer (or
 * session_limit, but 16 KiB at least) the tunnel is not read.
 *
 * When the session is done everything is out and the tunnel can end; aborted
 * says that our reset ended it.  session_drain tells the peer, by its
 * peer_drains, that this tunnel wants no user; the opener may still open if it
 * has no other.
 */

#ifndef WORKER_SOLO_H
#define WORKER_SOLO_H

#include "session.h"

/* Payload of a record. */
#define SOLO_DATA_MAX	(256 * 1024)
#define SOLO_HEAD	4

enum solo_type {
	SOLO_DATA,
	SOLO_END,
	SOLO_RESET,		/* the low octet is the reason */
	SOLO_IDLE,		/* low octet 1: an answer is wanted */
	SOLO_DRAIN
};

/* solo.c */

/* NULL when there is no memory. */
struct session	*solo_new(const struct session_conf *,
		    const struct session_events *, void *arg);

#endif /* WORKER_SOLO_H */
