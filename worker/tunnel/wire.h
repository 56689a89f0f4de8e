/* SPDX-License-Identifier: ISC */

/*
 * The wire: a tunnel's end of its socket.  It owns the descriptor and knows
 * from edges whether it can be read and written.  It holds what the socket has
 * not taken yet: at most one batch, and behind it one pipe.  WebSocket, where
 * the transport has it, is spoken in here; then there is no pipe.
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
#define WIRE_BATCH_MIN	(16 * 1024)

struct wire {
	struct budget	*budget;	/* is charged for what waits */
	void		(*ready)(void *, int);
	void		*arg;
	struct event	 ev;		/* the socket, edge-triggered */
	uint8_t		*tx;		/* the batch, or NULL */
	size_t		 tx_size, tx_off, tx_len;
	struct ws	*ws;		/* or NULL */
	/* Octets that are no message yet: behind tx_len and a header's room. */
	size_t		 raw;
	struct pipebuf	*pipe;		/* what is in it goes out after tx */
	uint64_t	 paced;	/* worker_now of the last measurement */
	uint64_t	 sent;		/* octets since */
	uint64_t	 emptied;	/* times that nothing was left */
	/* octets that a pipe takes, at the present rate; 0: copy */
	uint32_t	 bulk;
	/* octets that the kernel takes unsent, and that a batch should have */
	uint32_t	 ahead, batch;
	unsigned int	 flags;		/* WIRE_F_, below */
	int		 fd;
};

#define WIRE_F_READABLE	0x01
#define WIRE_F_WRITABLE	0x02

/* wire.c */

/*
 * Takes a connected, non-blocking socket.  ready(arg, 0) says that it can be
 * read or written again; ready(arg, 1), from within a read, that there is more
 * to read once others have had their turn.  -1: nothing was done, and the
 * socket is still the caller's.
 */
int		 wire_open(struct wire *, struct event_base *, struct budget *,
		    int fd, void (*ready)(void *, int), void *arg);
/* What the socket does not take at once is lost. */
void		 wire_close(struct wire *);
/* The peer is to see a reset when it is closed, and no clean end. */
void		 wire_abort(struct wire *);
/* Of a socket that nobody reads: has it failed? */
int		 wire_failed(const struct wire *);
/*
 * As read(2) and write(2), with a wire as the first argument.  What is written
 * gathers in the batch until wire_flush sends it.
 */
ssize_t		 wire_read(void *, void *, size_t);
ssize_t		 wire_write(void *, const void *, size_t);
/* Looks at what can be read, and leaves it there. */
ssize_t		 wire_peek(struct wire *, void *, size_t);
/* What was peeked at is too little: the wire is ready once more has come. */
void		 wire_peeked(struct wire *);
/*
 * From here on everything travels in messages of WebSocket, both ways.  To
 * wire_read the peer's close is an end (0), and a broken rule is EPROTO.  -1:
 * no memory.
 */
int		 wire_websocket(struct wire *, enum ws_side);
/*
 * Reads one message of WebSocket into m, which is the caller's, zeroed before
 * the first.  1: m is whole, until the next call; 0: the peer closed; -1:
 * errno.  EAGAIN: call again with the same m, which may have a part of it.  A
 * message of more than WS_MESSAGE_MAX octets is refused: EPROTO.  From the
 * first call on text is taken, by wire_read too.
 */
int		 wire_get_message(struct wire *, struct ws_message *m);
/*
 * Writes one message, as wire_write.  0; -1: errno, EAGAIN when there is no
 * room before the next wire_flush, EMSGSIZE beyond WS_MESSAGE_MAX.
 */
int		 wire_put_message(struct wire *, enum ws_type, const void *,
		    size_t);
/* All is written: the next wire_flush closes WebSocket. */
void		 wire_end(struct wire *);
/* Did WebSocket end badly?  1, and how, in words; or 0. */
int		 wire_broken(const struct wire *, char *, size_t);
/* Sends what waits.  0: nothing is left, 1: some is, -1: errno. */
int		 wire_flush(struct wire *);
/*
 * The batch of every wire: between WIRE_BATCH_MIN and WIRE_BATCH octets, as
 * the process has memory for all of them.
 */
void		 wire_limit(size_t);
/* Octets that the next batch should have: so much, or less on a long way. */
size_t		 wire_room(const struct wire *);
/* Nothing is left: room for wire_room octets, or NULL: no memory. */
uint8_t		*wire_batch(struct wire *);
/* So many octets were put there. */
void		 wire_put(struct wire *, size_t);
/* Nothing is left: gives the batch's memory back. */
void		 wire_idle(struct wire *);
/* The peer takes no more: what is left is lost. */
void		 wire_drop(struct wire *);
/* Some is left: gives back the memory that it does not need. */
void		 wire_trim(struct wire *);
/* Octets of memory, and of a pipe, that it holds for what waits. */
size_t		 wire_held(const struct wire *);
/*
 * An empty pipe that will be sent behind the batch, and how many octets may go
 * into it, at most *max; NULL: copying is better.  wire_piped says how many
 * went in.
 */
struct pipebuf	*wire_pipe(struct wire *, size_t *max);
void		 wire_piped(struct wire *, size_t);
/*
 * Measures the rate, which decides whether a pipe is better, and how much may
 * wait in the kernel and in a batch: wire.batch octets, at most WIRE_BATCH.
 */
void		 wire_pace(struct wire *, uint64_t now);
/*
 * Sets that by the way: its round trip (0: not known, as a short one), and the
 * octets that may be under way in it, in segments of mss octets.
 */
void		 wire_fit(struct wire *, uint32_t rtt_us, uint64_t window,
		    uint32_t mss);
/* The kernel's round-trip time in microseconds; 0: it has none. */
uint32_t	 wire_rtt(const struct wire *);
/* Has the peer's TCP acknowledged all that was written?  0 also: not known. */
int		 wire_acknowledged(const struct wire *);
/*
 * Something that was written is not acknowledged: how long the peer's TCP has
 * acknowledged nothing, in microseconds.  0 also: nothing is, or not known.
 */
uint64_t	 wire_unheard(const struct wire *);
/* Octets that wait in the batch. */
size_t		 wire_queued(const struct wire *);

#endif /* WORKER_WIRE_H */
