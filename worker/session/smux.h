/* SPDX-License-Identifier: ISC */

/*
 * smux, versions 1 and 2, as a session.
 *
 * Between two rocketd the capabilities of session.h add half-close, a reset
 * (command 5, length 4: a reason, little-endian), and frames of up to 256 KiB
 * (command 6, length 4: the payload's length, little-endian; the payload
 * follows).  With conf.divert only what `bulk' put into a pipe is sent in these
 * large frames.  Where one came more are expected: want then stops where
 * payload may begin, so that the rest of a large frame can be diverted.
 * Without divert a stream that has the session to itself is pulled into large
 * frames, which saves calls of its owner.
 *
 * Towards foreign peers (caps 0) the frames are exactly smux's.  A reset is a
 * FIN, and later frames of the stream are ignored, but for the first data of
 * one that was refused: the FIN may have come too early, and is said again.
 * When the peer's FIN came first, ours waits until fin_delay_ms after our last
 * data.
 *
 * A foreign peer's FIN may mean that it will not read either; the wire does not
 * tell, and its window may never open again.  The owner sets a time limit after
 * `fin', then calls session_fin or session_reset.
 *
 * window_initial is the window that the peer assumes of us, peer_initial the
 * one we assume of it; 262144 with foreign peers.  If window_max is less, the
 * peer is told so right after the stream was opened; so it is if, on a long way
 * and while streams are few, one begins with more.  How windows grow, and who
 * is reset when memory is short, is in window.h.  The budget is the lower of
 * recvbuffer and session_limit, in version 2 the latter, but 64 KiB at least.
 *
 * In version 1 a single stream can spend the whole budget, in version 2 only
 * very many can.  The tunnel is then not read (want is 0) until a quarter is
 * free.
 *
 * With conf.inside it runs on a socket pair between a worker and the quic
 * process.  Both may open streams: the worker, which is the mux client, those
 * of its users, quic those of the peer's.  Both assume SMUX_INSIDE_WINDOW,
 * whatever the conf says, and session_probe sends a NOP.  The way is short, and
 * windows are sized for that: session_rtt means nothing.  Command 7, length 32,
 * tells the worker of the path; see smux_path.
 *
 * Ids end at 2^31: from then on session_open returns NULL.
 */

#ifndef WORKER_SMUX_H
#define WORKER_SMUX_H

#include "session.h"

/* What either end of a pair may send on a stream at first. */
#define SMUX_INSIDE_WINDOW	(64 * 1024)

/* smux.c */

/* NULL when there is no memory. */
struct session	*smux_new(const struct session_conf *,
		    const struct session_events *, void *arg);
/*
 * Tells the worker at the other end of a pair about the path: it is in its
 * session's path then.  A later one takes the place of one that has not left
 * yet.  On the wire, little-endian: rtt_us, mtu, moves, silent_ms (u32 each),
 * sent, lost (u64 each).
 */
void		 smux_path(struct session *, const struct session_path *);

#endif /* WORKER_SMUX_H */
