/* SPDX-License-Identifier: ISC */

/*
 * All connections of a quic process, for its role: on the server's side from
 * the first packet (stranger.h) to the gate's word and after; on the client's
 * from dial, and back to it.
 */

#ifndef WORKER_QCONNS_H
#define WORKER_QCONNS_H

#include <stdint.h>

#include "shared/channel.h"
#include "shared/msg.h"
#include "endpoint.h"
#include "ngapi.h"

struct qconn_stats;

/* qconn.c */

/* secret: of resets, see qconns_secret.  -1: no memory. */
int	 qconns_init(const uint8_t secret[HASH_LEN]);
/*
 * idle_ms: of a connection, that ends it; congestion: CONGESTION_; streams:
 * that a peer may have, 0: as many as its dialect says.
 */
void	 qconns_limits(const struct gate_opts *, uint32_t idle_ms,
	    uint32_t congestion, uint32_t streams);
/* Calls back as soon as there is none any more, which may be at once. */
void	 qconns_when_none(void (*)(void));
/* All are told that we stop, and end. */
void	 qconns_stop(void);
const struct qconn_stats *qconn_stats(void);
/* Who knows it may reset connections that are not there: HASH_LEN octets. */
const uint8_t *qconns_secret(void);
/* Handshakes now; many of them want proof of where they come from. */
int	 qconns_crowded(void);

/* qserve.c */

/*
 * A client's first packet.  odcid: what it sent it to at first, if our Retry
 * came in between, else NULL.  validated: its address is its own.
 */
void	 qserve_accept(struct endpoint *, const struct endpoint_packet *,
	    const ngtcp2_pkt_hd *, const ngtcp2_cid *odcid, int validated);
/*
 * Who takes connections from here on; NULL: it is gone, and with it all that it
 * still had.
 */
void	 qserve_gate(struct channel *);
/* The gate's word on one that it was given.  It may just have ended. */
void	 qserve_told(const struct msg_arrived *);
/* A listener has gone: so have its connections. */
void	 qserve_left(struct endpoint *);

/* qdial.c */

/*
 * Shakes hands for dial on a connected socket, which is taken.  It is answered
 * by message, also when that fails, unless it cancels.
 */
void	 qdial_start(struct channel *, const struct msg_start *, int fd);
void	 qdial_cancel(struct channel *, uint32_t request);
void	 qdial_joined(struct channel *);
void	 qdial_left(struct channel *);

/* qpath.c */

/* dial has another socket for one; -1: it has none. */
void	 qpath_socket(uint64_t number, int fd);

#endif /* WORKER_QCONNS_H */
