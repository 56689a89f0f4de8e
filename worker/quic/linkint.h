/* SPDX-License-Identifier: ISC */

/*
 * What the files of link share: link.c (what its connection calls), linkturn.c
 * (turns between pair and session), linkend.c (its end), linkst.c (the
 * streams), linksend.c (which is next), linkroom.c (what waits for the worker),
 * linkflow.c (datagrams), linkaddr.c (flows that are named by addresses),
 * linkopen.c (the opening), linkpair.c (the socket pair), linkbuf.c and
 * linkdialect.c.  Nobody else includes this.
 */

#ifndef WORKER_LINKINT_H
#define WORKER_LINKINT_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "worker/session/smux.h"
#include "link.h"
#include "linkbuf.h"
#include "linkdialect.h"
#include "qconn.h"

/* ---- a stream ---- */

#define LINKST_OURS		0x0001	/* the worker opened it */
#define LINKST_URGENT		0x0002
#define LINKST_OPENING		0x0004	/* no stream of the session's */
#define LINKST_QUIET		0x0008	/* has none on the wire: linkaddr.c */
#define LINKST_HEAD		0x0010	/* how it begins is known */
/* from the worker */
#define LINKST_OUT_FIN		0x0020	/* the worker has ended it */
#define LINKST_OUT_FIN_SENT	0x0040
#define LINKST_OUT_DEAD		0x0080	/* nobody wants what comes */
#define LINKST_BLOCKED		0x0100	/* no credit of the peer's */
/* from the peer */
#define LINKST_IN_FIN		0x0200	/* the peer has ended it... */
#define LINKST_IN_TOLD		0x0400	/* ...and the worker knows */
#define LINKST_IN_DEAD		0x0800	/* nobody wants what comes */
#define LINKST_OVER		0x1000	/* QUIC has forgotten it */
#define LINKST_WAITS		0x2000	/* for the peer to allow it */
#define LINKST_GONE		0x4000	/* freed when the call returns */
#define LINKST_HELD		0x8000	/* waits for the control stream */
#define LINKST_REFUSED		0x10000	/* the worker has said no */

enum linksend_queue {
	LINKSEND_NONE,
	LINKSEND_URGENT,
	LINKSEND_FRESH,		/* has sent little lately */
	LINKSEND_BULK,		/* by turns of a quantum */
	LINKSEND_QUEUES
};

struct linkflow;

struct linkst {
	RB_ENTRY(linkst)	 by_id;
	TAILQ_ENTRY(linkst)	 entry;	/* of link.streams, or of dead */
	TAILQ_ENTRY(linkst)	 queue;	/* to be sent, or WAITS */
	struct link		*link;
	struct stream		*inner;	/* the session's; NULL: none, gone */
	int64_t			 id;	/* QUIC's; -1: none yet */
	struct linkbuf		 out;
	struct linkbuf		 in;
	struct qconn_credit	 credit;	/* for in */
	uint64_t		 sent;	/* of out, on their way */
	uint64_t		 acked;	/* ...and there */
	uint64_t		 last;	/* worker_now: last sent, or stopped */
	uint64_t		 took;	/* worker_now: the worker took... */
	uint64_t		 mark;	/* ...enough of in, up to here */
	uint32_t		 lately; /* octets sent, not long ago */
	uint32_t		 turn;	/* left of its quantum */
	uint32_t		 flags;	/* LINKST_ */
	enum linksend_queue	 queued;
	struct linkflow		*flow;	/* it carries datagrams; or NULL */
	/* the opener's first octets, until it is known what they begin */
	uint8_t			 head[4];
	uint32_t		 headed;
};
TAILQ_HEAD(linksts, linkst);
RB_HEAD(linkids, linkst);

/* ---- a flow ---- */

#define LINKFLOW_HEAD	2		/* its length, before a datagram */
#define LINKFLOW_PREFIX_MAX (3 + 255)	/* port, length, host */

struct linkdgram {
	TAILQ_ENTRY(linkdgram)	 entry;
	uint64_t		 since;	/* worker_now */
	uint32_t		 len;
	uint8_t			 octets[];
};
TAILQ_HEAD(linkdgrams, linkdgram);

struct linkdgramq {
	struct linkdgrams	 list;
	uint32_t		 n, octets;
};

/* Where the octets of a stream are in `u16 length, octets'. */
struct linkwalk {
	uint32_t		 skip;	/* octets before the first */
	uint32_t		 have;	/* octets of head */
	uint32_t		 left;	/* of the datagram it is in */
	uint8_t			 head[LINKFLOW_HEAD];
};

struct linkflow {
	TAILQ_ENTRY(linkflow)	 ready;	/* of link.ready */
	struct linkst		*st;
	int			 is_ready;
	/* from the worker */
	struct linkwalk		 from;
	struct linkdgram	*part;	/* being collected; NULL: none, lost */
	struct linkdgramq	 out;
	uint64_t		 want;	/* of out: acked before a datagram */
	/* for the worker */
	struct linkwalk		 to;
	struct linkdgramq	 in;
	uint32_t		 in_off;	/* of its first: is taken */
	/* named by an address: linkaddr.c */
	TAILQ_ENTRY(linkflow)	 idle;	/* of link.addrs, idlest first */
	LIST_ENTRY(linkflow)	 bucket;
	uint64_t		 used;	/* worker_now */
	uint32_t		 prefix_len;	/* 0: it is not */
	uint8_t			 prefix[];
};
TAILQ_HEAD(linkflows, linkflow);
LIST_HEAD(linkbucket, linkflow);

/* ---- the pair ---- */

struct linkpair {
	int			 fd;	/* -1: closed */
	uint32_t		 flags;	/* LINKPAIR_, in linkpair.c */
	struct event		 ev;
	uint8_t			*rest;	/* what it did not take, or NULL */
	size_t			 rest_off, rest_len;
	void			(*ready)(void *);
	void			*arg;
};

/* ---- the link ---- */

#define LINKADDR_BUCKETS	64

#define LINK_F_OUT_OPEN		0x01	/* the worker's session began */
#define LINK_F_IN_OPEN		0x02	/* so has ours */
#define LINK_F_ENDING		0x04	/* the worker is gone */
#define LINK_F_CLOSED		0x08	/* nothing more is for QUIC */
#define LINK_F_ORPHAN		0x10	/* its connection is gone */
#define LINK_F_PEER_OPENED	0x20	/* its control stream is known */
#define LINK_F_WORKER_OPENED	0x40

struct link {
	struct qconn		*qconn;
	const struct linkdialect *dialect;
	struct session		*session;	/* NULL: it has ended */
	struct linkpair		 pair;
	struct event		 turn;
	uint32_t		 flags;		/* LINK_F_ */
	int			 server;	/* the peer has dialled */
	int			 depth;		/* calls under way */
	uint64_t		 deadline;	/* worker_now: its last */
	uint64_t		 killed;	/* streams, as counted */
	/* streams */
	struct linkids		 ids;
	struct linksts		 streams;
	struct linksts		 waiting;	/* for the peer's leave */
	struct linksts		 dead;
	struct linksts		 queues[LINKSEND_QUEUES];
	uint64_t		 unacked;	/* octets on their way */
	uint64_t		 unread;	/* octets, for the worker */
	uint64_t		 unsent;	/* of the worker's, of late */
	struct linkst		*opening;
	uint32_t		 record;	/* left of the opening's... */
	uint32_t		 record_have;	/* ...or octets of its head */
	uint8_t			 record_head[5];
	/* flows */
	struct linkflows	 ready;		/* have something to send */
	size_t			 held;		/* octets of datagrams */
	uint32_t		 burst;	/* since a stream had its turn */
	struct linkflow		*offered;	/* of it a datagram is */
	uint8_t			 prefix[8];	/* its */
	struct linkflows	 addrs;
	struct linkbucket	*buckets;
	uint32_t		 naddrs;
	/* the path, as the worker was told */
	struct session_path	 path;
};

/* link.c */

extern struct link_stats link_counts;
/* Between these nothing is freed; both nest. */
void	 link_enter(struct link *);
void	 link_leave(struct link *);
/* With all that it has, at once. */
void	 link_destroy(struct link *);

/* linkturn.c */

/* Its session, of which nothing passes yet.  -1: no memory. */
int	 linkturn_init(struct link *);
/* A turn is due, after what is under way; or once others had theirs. */
void	 linkturn_soon(struct link *);
/* The pair may be read or written again, or the turn is due. */
void	 linkturn_ready(void *);
void	 linkturn_event(evutil_socket_t, short, void *);
/* One, now. */
void	 linkturn_run(struct link *);

/* linkend.c */

/* The worker broke a rule: says so, and ends the connection. */
void	 linkend_broken(struct link *, const char *why);
/* Ends the connection in order. */
void	 linkend_done(struct link *);
/* The worker is done, or gone: what it has ended is still sent. */
void	 linkend_worker(struct link *);
/* ENDING: is it time?  Streams may have been acknowledged. */
void	 linkend_look(struct link *);
/* The connection is gone: the worker still gets what has come.  0: it has. */
int	 linkend_orphan(struct link *);
/* A turn of an orphan, which may be its last: it is gone then. */
void	 linkend_orphan_turn(struct link *);

/* linkst.c */

RB_PROTOTYPE(linkids, linkst, by_id, linkst_cmp)
int	 linkst_cmp(const struct linkst *, const struct linkst *);

extern const struct stream_owner linkst_owner;

/* NULL: no memory. */
struct linkst *linkst_new(struct link *, uint32_t flags);
struct linkst *linkst_find(struct link *, int64_t id);
/* It has this id now. */
void	 linkst_named(struct linkst *, int64_t id);
/* Asks QUIC for a stream, or waits until the peer allows one. */
void	 linkst_open(struct linkst *);
/* Adds the session's stream for it, or kills it where there is no room. */
void	 linkst_open_inner(struct linkst *);
/* The worker's octets, to be sent.  -1: no memory, it is reset. */
int	 linkst_put(struct linkst *, const uint8_t *, size_t);
/* The peer's octets.  -1: no memory, it is reset. */
int	 linkst_take(struct linkst *, const uint8_t *, size_t);
/* It ends for both sides. */
void	 linkst_kill(struct linkst *, enum reset_reason);
/* On the wire alone: the session has let go of it. */
void	 linkst_reset(struct linkst *, enum reset_reason);
/* Nobody reads the worker's octets any more: says so, or does not. */
void	 linkst_deaf(struct linkst *);
void	 linkst_drop_out(struct linkst *);
/* So many of the peer's octets are gone: it may send as many more. */
void	 linkst_credit(struct linkst *, size_t);
/* Octets up to this offset are there. */
void	 linkst_acked(struct linkst *, uint64_t);
void	 linkst_over(struct linkst *);
/* Freed if nothing is left that needs it. */
void	 linkst_settle(struct linkst *);
/* At once. */
void	 linkst_free(struct linkst *);

/* linksend.c */

/* Octets that were not sent yet. */
size_t	 linksend_unsent(const struct linkst *);
/* Queues it, if it has something to send and may; tells the connection. */
void	 linksend_schedule(struct linkst *);
void	 linksend_remove(struct linkst *);
int	 linksend_next(struct link *, struct link_piece *);
void	 linksend_sent(struct linkst *, const struct link_piece *, size_t,
	    int blocked);
/* So many octets need not be kept any more. */
void	 linksend_freed(struct link *, size_t);

/* linkroom.c */

/* Octets of the worker's that wait to be sent, of all streams. */
#define LINK_UNSENT_MAX	(4 * 1024 * 1024)

/* So many octets have come for the worker, and are in st->in. */
void	 linkroom_came(struct linkst *, size_t);
/* So many are there no more. */
void	 linkroom_left(struct linkst *, size_t);
/* Once a second: who takes nothing makes way where room is short. */
void	 linkroom_tick(struct link *, uint64_t now);
/* The link ends. */
void	 linkroom_end(struct link *);
/* Is it short for all links together? */
int	 linkroom_full(void);

/* linkflow.c */

/*
 * The stream carries datagrams: behind so many octets each way.  -1: no
 * memory.
 */
int	 linkflow_new(struct linkst *, uint32_t from_skip, uint32_t to_skip,
	    const uint8_t *prefix, size_t prefix_len);
void	 linkflow_free(struct linkflow *);
/* The worker's octets. */
void	 linkflow_put(struct linkst *, const uint8_t *, size_t);
/* What goes to the worker next; from the peer's stream, or datagrams. */
size_t	 linkflow_pull(struct linkst *, uint8_t *, size_t max);
/* Is there a datagram that can still go to the worker? */
int	 linkflow_inwards(const struct linkflow *);
/* A datagram of the peer's. */
void	 linkflow_arrived(struct linkflow *, const uint8_t *, size_t);
/* It may have something to send. */
void	 linkflow_wake(struct linkflow *);
/* The next datagram.  0: there is none. */
int	 linkflow_next(struct link *, struct link_piece *);
void	 linkflow_sent(struct link *, int gone);
/* Drops what has waited for too long. */
void	 linkflow_age(struct linkflow *, uint64_t now);

/* linkaddr.c */

/* -1: no memory. */
int	 linkaddr_init(struct link *);
/* One that the worker has opened: what it begins with.  Gathers the name. */
size_t	 linkaddr_head(struct linkst *, const uint8_t *, size_t);
/* A datagram of the peer's, with its address. */
void	 linkaddr_datagram(struct link *, const uint8_t *, size_t);
void	 linkaddr_add(struct linkflow *);
void	 linkaddr_remove(struct linkflow *);
void	 linkaddr_used(struct linkflow *);
/* Ends those that were idle for too long. */
void	 linkaddr_tick(struct link *, uint64_t now);

/* linkopen.c */

/* Begins; -1: no memory. */
int	 linkopen_init(struct link *);
/* The worker's octets: how many belong to it; the rest are the session's. */
size_t	 linkopen_put(struct link *, const uint8_t *, size_t);
/* May more be read from the worker? */
int	 linkopen_room(const struct link *);
/* Writes the peer's octets to the pair. */
int	 linkopen_write(struct link *);

/* linkpair.c */

/* Takes fd.  -1: no memory, and it is closed. */
int	 linkpair_open(struct linkpair *, int fd, void (*ready)(void *),
	    void *arg);
void	 linkpair_close(struct linkpair *);
/* As read(2): EAGAIN until ready is called. */
ssize_t	 linkpair_read(struct linkpair *, void *, size_t);
/*
 * Nothing waits: all of it is written, or kept; or lost, where nobody reads.
 * -1: no memory.
 */
int	 linkpair_write(struct linkpair *, const void *, size_t);
/* 1: nothing waits, 0: something does. */
int	 linkpair_flush(struct linkpair *);
/* Did a write find that nobody reads? */
int	 linkpair_left(const struct linkpair *);

#endif /* WORKER_LINKINT_H */
