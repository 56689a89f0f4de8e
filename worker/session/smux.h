/* SPDX-License-Identifier: ISC */

/*
 * smux, versions 1 and 2, as a session.
 *
 * Between two rocketd the capabilities of session.h add half-close and a
 * reset (command 5, length 4: a reason, little-endian), and frames of up to
 * 256 KiB (command 6, length 4: the payload's length, little-endian, which
 * follows).  With conf.divert only payload that bulk has put aside is sent in
 * these, so where one came more are expected: want then ends where payload may
 * begin, and what is still to come of a large frame can be diverted.  Without
 * it a stream that has the session to itself is pulled into these, which saves
 * its owner calls.  Towards foreign peers
 * (caps 0) the frames are exactly smux's; reset is a FIN and all later frames
 * of the stream are ignored; a FIN of ours is held back by fin_delay_ms after
 * our last data when the peer's came first.
 *
 * A FIN of a foreign peer may mean that it will not read either, and nothing
 * on the wire tells: its window may never open again.  The owner gives our
 * direction a limit of time after `fin', then calls session_fin or reset.
 *
 * window_initial is what the peer assumes of us: 262144 towards foreign peers,
 * and peer_initial is the same of them.  When window_max is less, the peer is
 * told so right after the stream was opened.  A window grows while the peer
 * uses it up, or in a round trip a quarter of it, and the reader keeps pace,
 * within window_max and the budget (the less of recvbuffer and session_limit,
 * 64 KiB at least).
 *
 * In version 2 the whole budget can be spent only by very many streams; then,
 * as in version 1 by any, the tunnel is not read (want is 0) until a quarter
 * is free, and after stall_grace_ms the worst readers are reset until that is
 * so, unless the readers together took 64 KiB in that time.
 *
 * Ids end at 2^31: session_open returns NULL then, for good.
 */

#ifndef WORKER_SMUX_H
#define WORKER_SMUX_H

#include "session.h"

/* smux.c */

/* NULL when there is no memory. */
struct session	*smux_new(const struct session_conf *,
		    const struct session_events *, void *arg);

#endif /* WORKER_SMUX_H */
