/* SPDX-License-Identifier: ISC */

/*
 * A QUIC connection, from its first packet or from dial to its end: whom it is
 * charged to, a deadline in each state, its handshake, its paths and timers,
 * what it sends and when.  What its streams carry is its link's (link.h), which
 * it has as soon as the handshake is done.
 *
 * It knows no socket but through its endpoint.  All octets of a peer pass
 * ngtcp2, which checks them; a breach closes the connection.
 */

#ifndef WORKER_QCONN_H
#define WORKER_QCONN_H

#include <stddef.h>
#include <stdint.h>

#include "shared/addr.h"

struct qconn;

struct qconn_facts {			/* of its path, for rocketctl */
	uint32_t	 rtt_us;		/* smoothed */
	uint32_t	 rtt_min_us;
	uint32_t	 mtu;			/* octets of a UDP payload */
	uint32_t	 moves;			/* to another path, so far */
	/* since a packet came, while an answer is awaited; or 0 */
	uint32_t	 silent_ms;
	uint64_t	 cwnd;			/* octets */
	uint64_t	 packets_sent;
	uint64_t	 packets_lost;		/* 0 before ngtcp2 1.16 */
	struct addr	 peer;			/* where it is now */
	struct addr	 local;
};

/* How a stream's peer is told that it may send more: its link keeps it. */
struct qconn_credit {			/* at first all 0 */
	uint64_t	 given;			/* worker_now: the last; or 0 */
	uint64_t	 window;		/* octets */
	uint64_t	 owed;			/* octets consumed since then */
};

/* qconn.c: for its link, from within any call of link.h or from the loop */

/* Did its peer dial it? */
int		 qconn_is_server(const struct qconn *);
/* Opens a stream of both directions.  -1: the peer allows none now. */
int		 qconn_open(struct qconn *, int64_t *id);
/*
 * So many octets of a stream are gone from here: its peer may send as many
 * more, or more than that, as the window grows.  id -1: of the connection
 * alone, its stream is over; the credit is not looked at then.
 */
void		 qconn_consumed(struct qconn *, int64_t id,
		    struct qconn_credit *, size_t);
/*
 * Sends no more on a stream and says so by RESET_STREAM; wants no more of it
 * and says so by STOP_SENDING.  An error number of the dialect's.
 */
void		 qconn_reset(struct qconn *, int64_t id, uint64_t code);
void		 qconn_stop(struct qconn *, int64_t id, uint64_t code);
/* A stream of the peer's is over here, too: it may open another. */
void		 qconn_done(struct qconn *, int64_t id);
/* Its link has something to send: in this turn of the loop.  Idempotent. */
void		 qconn_wake(struct qconn *);
/* The longest datagram that fits its path now, octets; 0: it takes none. */
size_t		 qconn_datagram_max(const struct qconn *);
/*
 * Ends it after this turn, with CONNECTION_CLOSE: a number of the dialect's and
 * words for the peer, and for the log why (constant, or NULL: no line).  The
 * link is freed then.
 */
void		 qconn_close(struct qconn *, uint64_t code, const char *words,
		    const char *why);
void		 qconn_facts(const struct qconn *, struct qconn_facts *);
/* Its peer did something useful: for its charge. */
void		 qconn_progress(struct qconn *);

#endif /* WORKER_QCONN_H */
