/* SPDX-License-Identifier: ISC */

/*
 * The wire: a tunnel's side of its socket.  It owns the descriptor, knows from
 * edges whether it can be read and written, and holds what the socket has not
 * taken: one batch at most, and behind it one pipe.  Where WebSocket is between
 * tunnel and socket, it is in here, and there is no pipe.
 */

#ifndef WORKER_WIRE_H
#define WORKER_WIRE_H

#include <sys/types.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stddef.h>
#include <stdint.h>

#include "ws.h"

struct budget;
struct event_base;
struct pipebuf;

#define WIRE_BATCH	(256 * 1024)	/* octets a system call */

struct wire {
	struct budget	*budget;	/* is charged for what waits */
	void		(*ready)(void *, int);
	void		*arg;
	struct event	 ev;		/* the socket, edge-triggered */
	uint8_t		*tx;		/* WIRE_TX_SIZE, or NULL */
	size_t		 tx_off, tx_len;
	struct ws	*ws;		/* or NULL */
	/* Octets behind tx_len and the room for a header, not yet a message. */
	size_t		 raw;
	struct pipebuf	*pipe;		/* what is in it goes out after tx */
	uint64_t	 paced;	/* worker_now of the last measurement */
	uint64_t	 sent;		/* octets since */
	/* octets that are worth a pipe at the present rate, or 0 */
	uint32_t	 bulk;
	unsigned int	 flags;		/* WIRE_F_, below */
	int		 fd;
};

#define WIRE_F_READABLE	0x01
#define WIRE_F_WRITABLE	0x02

/* wire.c */

/*
 * Takes a connected, non-blocking socket; ready(arg, 0) is called when it can
 * be read or written again, ready(arg, 1) from within wire_read when it is to
 * go on after others had their turn.  -1: nothing was done, the socket is the
 * caller's.
 */
int		 wire_open(struct wire *, struct event_base *, struct budget *,
		    int fd, void (*ready)(void *, int), void *arg);
/* What the socket does not take now is lost. */
void		 wire_close(struct wire *);
/* When it is closed, and something is unsent, the peer is told by a reset. */
void		 wire_abort(struct wire *);
/* While it is not read: was it reset? */
int		 wire_failed(const struct wire *);
/*
 * As read(2) and write(2), with a wire for the first argument: of what is
 * written all gathers in the batch, which wire_flush sends.
 */
ssize_t		 wire_read(void *, void *, size_t);
ssize_t		 wire_write(void *, const void *, size_t);
/* Looks at what can be read; when that is too little, wire_peeked. */
ssize_t		 wire_peek(struct wire *, void *, size_t);
/* What was peeked at stays, and more of it is waited for. */
void		 wire_peeked(struct wire *);
/*
 * From here on, both ways, all is in WebSocket's messages; -1: no memory.  The
 * peer's close is an end (0) to wire_read, what it breaks EPROTO.
 */
int		 wire_websocket(struct wire *, enum ws_side);
/*
 * One message of WebSocket.  Get: 1: m is whole, and stays so until the next
 * call; 0: the peer closed; -1: errno, EAGAIN also while it is not whole (m is
 * to be the same then).  A longer one than WS_MESSAGE_MAX is refused.  Put: 0,
 * or -1: errno, EMSGSIZE, or EAGAIN: no room before the next wire_flush.  From
 * the first of either on text is taken, by wire_read too.
 */
int		 wire_get_message(struct wire *, struct ws_message *m);
int		 wire_put_message(struct wire *, enum ws_type, const void *,
		    size_t);
/* The last is written: WebSocket is closed by the next wire_flush. */
void		 wire_end(struct wire *);
/* Did WebSocket end, other than well?  Says how. */
int		 wire_broken(const struct wire *, char *, size_t);
/* Sends what waits: 0 nothing is left, 1 some is, -1 errno. */
int		 wire_flush(struct wire *);
/* After nothing is left: where a batch of WIRE_BATCH can be put, or NULL. */
uint8_t		*wire_batch(struct wire *);
/* So much was put there. */
void		 wire_put(struct wire *, size_t);
/* With nothing left, the batch's memory is given back. */
void		 wire_idle(struct wire *);
/*
 * An empty pipe that will be sent behind the batch, and at most how much is to
 * go into it; NULL when copying is better.  Then how much is in it.
 */
struct pipebuf	*wire_pipe(struct wire *, size_t *max);
void		 wire_piped(struct wire *, size_t);
/* Measures the rate, which says what is worth a pipe. */
void		 wire_pace(struct wire *, uint64_t now);
/* The kernel's round trip, microseconds; 0 where it has none. */
uint32_t	 wire_rtt(const struct wire *);
/* Octets that wait in the batch. */
size_t		 wire_queued(const struct wire *);

#endif /* WORKER_WIRE_H */
