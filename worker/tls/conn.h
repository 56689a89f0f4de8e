/* SPDX-License-Identifier: ISC */

/*
 * The connections of a tls process, each from its accept or from dial until its
 * TLS has ended: whom it is charged to (places.h), and a deadline in each
 * state.  On the server's side it may begin with the header of a proxy; once
 * the handshake is done the gate has the inner end, and says whether the peer
 * was proven.  On the client's side dial has the inner end back.
 */

#ifndef WORKER_CONN_H
#define WORKER_CONN_H

#include <stdint.h>

#include "shared/channel.h"
#include "shared/msg.h"

struct conn_stats {
	uint32_t	 connections;	/* now */
	uint32_t	 handshakes;	/* now, and what precedes them */
	uint64_t	 shaken;
	uint64_t	 failed;
	uint64_t	 timeouts;
	uint64_t	 stalled;	/* the peer did not read */
};

/* conn.c */

void	 conns_init(void);
void	 conns_limits(const struct gate_opts *);
/*
 * Takes a socket that a listener has accepted.  proxied: a PROXY header comes
 * first.  -1: no memory; being refused is no failure.
 */
int	 conn_accept(int fd, const struct addr *peer, const struct msg_listen *,
	    int proxied);
/*
 * Who takes connections from here on; NULL: it is gone, and with it all that it
 * still had.
 */
void	 conns_gate(struct channel *);
/* The gate's word on one that it was given.  It may just have ended. */
void	 conns_told(const struct msg_arrived *);
/*
 * Shakes hands for dial on a connected socket, which is taken.  It is answered
 * by message, also when that fails, unless it cancels.
 */
void	 conn_dialled(struct channel *, const struct msg_start *, int fd);
void	 conn_cancel(struct channel *, uint32_t request);
void	 conns_dial_left(struct channel *);
/* Calls back as soon as there is none any more, which may be at once. */
void	 conns_when_none(void (*)(void));
const struct conn_stats *conn_stats(void);

#endif /* WORKER_CONN_H */
