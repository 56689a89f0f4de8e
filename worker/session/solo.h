/* SPDX-License-Identifier: ISC */

/*
 * A session without a mux: one stream in its life, the transports tcp, ws, tls
 * and wss (rocket-protocol(7)).  The side that is conf.client opens it, the
 * other has conf.may_open; the tunnel is not used again.
 *
 * Records of a head of four octets, and for data up to 256 KiB behind it: so
 * an end, a reset and silence arrive through every hop as what they were, and
 * with conf.divert payload may pass by as with smux.h's large frames.  There
 * are no windows: while the owner holds the receive buffer (or session_limit,
 * 64 KiB at least) the tunnel is not read.
 *
 * When the session is done, all is said and put out: the tunnel can be ended;
 * aborted says that it was by our reset.
 * session_drain tells the peer, whose peer_drains is then set, that no user is
 * wanted on this tunnel any more; the opener may still open, for want of
 * another.
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
