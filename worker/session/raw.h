/* SPDX-License-Identifier: ISC */

/*
 * A session without a mux and without frames: one stream in its life, and every
 * octet of the tunnel is its payload.  The side with conf.client opens it; on
 * the other, with conf.may_open, the first octet that comes does.
 *
 * Nothing but the tunnel can tell that a stream ends.  It ends in order with
 * the tunnel, both directions at once: after session_fin the session is done,
 * and what still comes is not wanted.  The peer's end (session_ended) means
 * that it reads no more either: the owner gets `fin', what it still sends is
 * dropped, and session_fin or session_reset makes the session done.  The owner
 * sets a time limit for that.  After session_reset it is done and aborting: the
 * tunnel is to be reset.
 *
 * There are no windows: while the owner holds a full receive buffer (or
 * session_limit, but 16 KiB at least) the tunnel is not read, until a quarter
 * is free.  Nothing can be said beside payload, so conf.keepalive_ms,
 * session_drain and session_probe have no effect, and silence is no sign of
 * death.
 *
 * conf.framesize: one call of output makes no more than so many octets, as many
 * as shall be in one message of WebSocket; 0: no limit.  With conf.divert, for
 * a bare tunnel without messages, bulk payload passes by in both directions.
 */

#ifndef WORKER_RAW_H
#define WORKER_RAW_H

#include "session.h"

/* raw.c */

/* NULL when there is no memory. */
struct session	*raw_new(const struct session_conf *,
		    const struct session_events *, void *arg);

#endif /* WORKER_RAW_H */
