/* SPDX-License-Identifier: ISC */

/*
 * What joins a QUIC connection and a worker: one end of a stream socket pair,
 * whose other end the gate or a worker has as a tunnel.  On the pair runs a
 * session of smux's, in which each stream is one of QUIC's: its octets, end,
 * half-close and reset as what they are, and credit from end to end, so that
 * nothing is taken from the peer that the worker has no room for, and nothing
 * from the worker that the path has none for.
 *
 * Where the dialect opens a tunnel by an exchange of its own (rocket), that
 * passes as it is, on the peer's first stream, before the session starts:
 * records of TLS as they come, each direction for itself.  The first octet that
 * begins no record begins the session, and ends the stream in that direction.
 *
 * A stream whose first octet is 2 is a flow: what follows its want are
 * datagrams, `u16 length, octets'.  On the wire each that fits the path is a
 * DATAGRAM frame, as the dialect says; what does not fit goes as the dialect
 * says, too.  Datagrams never block: what waits too long is dropped, and
 * counted.
 *
 * For a connection a link holds at most 4 MiB of the worker's that were not
 * sent, 12 MiB on their way, what the peer was allowed by QUIC and the worker
 * has not taken (linkroom.c), 1 MiB of datagrams, and a batch of 256 KiB; as
 * much again is not used, in the worst case, where streams say little, and half
 * a KiB for each stream that has something.  One that is idle costs some 470
 * octets.
 */

#ifndef WORKER_LINK_H
#define WORKER_LINK_H

#include <sys/types.h>
#include <sys/uio.h>

#include <stddef.h>
#include <stdint.h>

struct link;
struct qconn;

#define LINK_VECS	16		/* of a piece, at most */

struct link_piece {			/* what is to be sent next */
	int64_t		 id;		/* of a stream; -1: a datagram */
	struct iovec	 vec[LINK_VECS];
	size_t		 nvec;		/* 0: no octets, its end alone */
	int		 fin;		/* its end follows these octets */
};

struct link_stats {
	uint64_t	 streams;	/* ever */
	uint64_t	 streams_shed;	/* the peer did not take what waited */
	uint64_t	 streams_unread; /* the worker did not */
	uint64_t	 octets_in;	/* from peers, of streams */
	uint64_t	 octets_out;
	uint64_t	 datagrams_in;	/* DATAGRAM frames */
	uint64_t	 datagrams_out;
	uint64_t	 long_in;	/* datagrams that came on streams */
	uint64_t	 long_out;
	uint64_t	 dropped_late;	/* datagrams: waited for too long */
	uint64_t	 dropped_full;	/* no room in a queue */
	uint64_t	 dropped_long;	/* the dialect has no way for them */
	uint64_t	 dropped_unknown; /* of no flow */
	uint64_t	 dropped_malformed;
	uint64_t	 flows;		/* ever */
	uint64_t	 flows_shed;	/* the idlest, for another one */
};

/* link.c: for its connection */

/*
 * Starts one on our end of the pair (non-blocking; taken, also on failure).
 * dialect: DIALECT_.  NULL: no memory.
 */
struct link	*link_new(struct qconn *, uint32_t dialect, int fd);
/*
 * The connection is gone: what has come is still written to the pair, as long
 * as the worker reads it, and what had no end is cut.  Takes NULL.
 */
void		 link_free(struct link *);

/*
 * Octets of a stream of both directions, in order and each once, and whether
 * its end follows them.  New streams of the peer begin here.  They count as
 * held until qconn_consumed.
 */
void		 link_data(struct link *, int64_t id, const uint8_t *, size_t,
		    int fin);
/* The peer will send no more of it (RESET_STREAM): what came is void. */
void		 link_was_reset(struct link *, int64_t id, uint64_t code);
/* The peer wants no more of it (STOP_SENDING). */
void		 link_was_stopped(struct link *, int64_t id, uint64_t code);
/*
 * Octets up to this offset have arrived, and are not needed any more.  Those of
 * a stream that was reset stay until then, or until it is over.
 */
void		 link_acked(struct link *, int64_t id, uint64_t offset);
/*
 * Both directions of it are over for QUIC: it is forgotten, and no octet of it
 * is needed any more.  Once a stream.
 */
void		 link_over(struct link *, int64_t id);
/* The peer allows more streams, or more octets of one. */
void		 link_may_open(struct link *);
void		 link_may_send(struct link *, int64_t id);
/* A DATAGRAM frame has come; it may be empty. */
void		 link_datagram(struct link *, const uint8_t *, size_t);

/*
 * What is to be sent next: urgent streams, datagrams, streams that have sent
 * little, then the others in turns.  0: nothing.  The octets stay until they
 * are acknowledged, a datagram's until the next call.
 */
int		 link_next(struct link *, struct link_piece *);
/*
 * So many octets of it are on their way, and its end if it had one and all
 * went.  blocked: the stream's credit is used up; it rests until
 * link_may_send.  Octets that did not go are offered again.
 */
void		 link_sent(struct link *, const struct link_piece *, size_t,
		    int blocked);
/*
 * The same of a datagram.  gone 0: it does not fit, or not now; it is offered
 * again, if it is not too old then.
 */
void		 link_sent_datagram(struct link *, int gone);
/* Once a second: tells its worker of the path, ends what has lasted. */
void		 link_tick(struct link *, uint64_t now);
const struct link_stats *link_stats(void);

#endif /* WORKER_LINK_H */
