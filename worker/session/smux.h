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
 * and while streams are few, one begins with more.  A window grows while the
 * reader keeps pace: on a long way to a few times what comes in a round trip,
 * on a short one, to 2 MiB, while the peer uses it up.  It stays within
 * window_max and what windows may sum up to: recvbuffer, and three quarters of
 * the budget (the lower of recvbuffer and session_limit, in version 2 the
 * latter, but 64 KiB at least).  The round trip is the shortest of late: of
 * session_rtt, and of the time from a UPD to the first octet that it allowed.
 *
 * In version 1 a single stream can spend the whole budget, in version 2 only
 * very many can.  The tunnel is then not read (want is 0) until a quarter is
 * free.  Who takes 64 KiB, a 16th of the budget, or all that waits for him,
 * makes progress.  Readers without progress for stall_grace_ms are reset until
 * the tunnel is read again: of those who stopped first, who holds most.  In
 * version 2, where there are others, that begins with three quarters spent, and
 * goes faster the less room is left.
 *
 * Ids end at 2^31: from then on session_open returns NULL.
 */

#ifndef WORKER_SMUX_H
#define WORKER_SMUX_H

#include "session.h"

/* smux.c */

/* NULL when there is no memory. */
struct session	*smux_new(const struct session_conf *,
		    const struct session_events *, void *arg);

#endif /* WORKER_SMUX_H */
