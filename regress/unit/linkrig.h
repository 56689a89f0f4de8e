/* SPDX-License-Identifier: ISC */

/*
 * A rig for tests of links: one, whose connection is played (linkqconn.h), and
 * at the other end of its socket pair a session as a worker has it.  Of the
 * connection it is kept what was sent, asked and said, stream by stream.
 */

#ifndef UNIT_LINKRIG_H
#define UNIT_LINKRIG_H

#include <stddef.h>
#include <stdint.h>

#include "shared/opts.h"
#include "worker/quic/link.h"
#include "worker/quic/qconn.h"
#include "smuxrig.h"

#define LINKRIG_STREAMS		512
#define LINKRIG_DATAGRAMS	512
#define LINKRIG_PACKET		1200	/* octets of a piece that go at once */

struct qstream {			/* as the peer sees it */
	int64_t		 id;
	uint8_t		*octets;	/* that came */
	size_t		 len, size;
	int		 fin, resets, stops, done;
	uint64_t	 reset_code, stop_code;
	uint64_t	 acked;
	uint64_t	 credit;	/* octets that it may be sent, ever */
	uint64_t	 consumed;	/* credit that the peer got */
};

struct qdatagram {
	uint8_t		 octets[1500];
	size_t		 len;
};

struct qconn {
	int		 server;
	int		 may_open;	/* so many more streams */
	int64_t		 next;		/* id of ours */
	struct qstream	 streams[LINKRIG_STREAMS];
	size_t		 n;
	struct qdatagram datagrams[LINKRIG_DATAGRAMS];
	size_t		 ndatagrams;
	size_t		 datagram_max;
	int		 refuses;	/* datagrams: not now */
	uint64_t	 credit;	/* of each new stream */
	uint64_t	 consumed;	/* of the connection alone */
	int		 stuck;		/* it sends nothing */
	int		 deaf;		/* nothing is acknowledged */
	int		 wakes;
	int		 closed;
	uint64_t	 close_code;
	const char	*close_why;
	struct qconn_facts facts;
	/* the order of what was sent: ids, -1 a datagram */
	int64_t		 order[4096];
	size_t		 norder;
};

struct linkrig {
	struct qconn	 q;
	struct link	*link;
	struct rig	*worker;
	int		 fd;		/* the worker's end, or -1 */
	int		 started;	/* its session has begun */
	int		 eof, lost;	/* it has ended for the worker */
	uint8_t		 raw[1 << 18];	/* came before that */
	size_t		 raw_len;
	uint64_t	 now;
};

/* linkrig.c */

/* Of a connection: the stream, or NULL; one that is not over; a new one. */
struct qstream	*qstream_find(struct qconn *, int64_t id);
struct qstream	*qstream_known(struct qconn *, int64_t id);
struct qstream	*qstream_new(struct qconn *, int64_t id);

/*
 * A link of a dialect whose opening is over.  may_open: may the peer open
 * streams, by the worker's lights?
 */
struct linkrig	*linkrig_new(uint32_t dialect, int server, int may_open);
/* One whose opening, if it has one, has not begun. */
struct linkrig	*linkrig_early(uint32_t dialect, int server, int may_open);
void		 linkrig_free(struct linkrig *);
/* The worker writes octets as they are. */
void		 linkrig_write(struct linkrig *, const void *, size_t);
/* Its session begins, with a NOP. */
void		 linkrig_start(struct linkrig *);
/* It closes its end, or ends writing. */
void		 linkrig_leave(struct linkrig *);
/* Each does a little, and nothing is acknowledged; 0: nothing moves. */
int		 linkrig_step(struct linkrig *);
/* Until nothing moves any more. */
void		 linkrig_run(struct linkrig *);
/* The connection sends one packet; 0: there was nothing. */
int		 linkrig_send(struct linkrig *);
/* What was sent is acknowledged; 0: nothing was. */
int		 linkrig_ack(struct linkrig *);
/* Time goes by; each second is told. */
void		 linkrig_pass(struct linkrig *, uint64_t ms);
/* The peer's, or NULL. */
struct qstream	*linkrig_stream(struct linkrig *, int64_t id);
/* The peer sends octets of a stream: text, or n of the pattern from off. */
void		 linkrig_says(struct linkrig *, int64_t id, const char *,
		    int fin);
void		 linkrig_sends(struct linkrig *, int64_t id, uint64_t off,
		    size_t n, int fin);
void		 linkrig_puts(struct linkrig *, int64_t id, const uint8_t *,
		    size_t, int fin);
/* It has a stream of the peer's, of which nothing has come. */
void		 linkrig_know(struct linkrig *, int64_t id);
/* A datagram of the peer's, in hexadecimal. */
void		 linkrig_datagram(struct linkrig *, const char *hex);
/* The stream came with this text; with octets from skip on of the pattern. */
void		 linkrig_got(struct linkrig *, int64_t id, const char *);
void		 linkrig_got_pattern(struct linkrig *, int64_t id, size_t skip,
		    size_t n);
/* Both directions are acknowledged and over. */
void		 linkrig_over(struct linkrig *, int64_t id);

#endif /* UNIT_LINKRIG_H */
