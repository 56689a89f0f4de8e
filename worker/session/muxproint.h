/* SPDX-License-Identifier: ISC */

/*
 * What the files of Mux.Pro share: muxpro.c (the session, time), muxproin.c
 * (receiving), muxprost.c (the streams: ids, life), muxproout.c (what is sent,
 * in which order), muxprodata.c (how a stream's octets become frames).  Nobody
 * else includes this.
 */

#ifndef WORKER_MUXPROINT_H
#define WORKER_MUXPROINT_H

#include <sys/queue.h>

#include "muxpro.h"
#include "window.h"

#define MUXPRO_META_MIN	4		/* id, status, opt */
#define MUXPRO_META_MAX	512
#define MUXPRO_FRAME	(2 + MUXPRO_META_MIN)	/* one without more */
#define MUXPRO_DATA	(MUXPRO_FRAME + 2)	/* before payload */
#define MUXPRO_DATA_MAX	65535
#define MUXPRO_DATAGRAM_MAX 2048	/* more ends a foreign session */
/* For some datagrams of an owner, and at least one of the longest. */
#define MUXPRO_STAGE	8192
/* In New: foreign code never reports its consumption. */
#define MUXPRO_NEW_MAX	8192
#define MUXPRO_CREDIT	65536		/* to begin with */
/*
 * Foreign code loses some of the octets that it cuts where its credit ends: it
 * gets so much more than it needs.
 */
#define MUXPRO_AHEAD	(1U << 30)
#define MUXPRO_CREDIT_MAX (1ULL << 40)
/* A version list of at most 255, with its count. */
#define MUXPRO_LIST_MAX	1021
/* The longest frame that is not pulled: an End with its KeepAlive. */
#define MUXPRO_CTL_MAX	14
#define MUXPRO_NEW_HEAD	(MUXPRO_FRAME + MUXPRO_HEAD_MAX)

#define MUXPRO_IDS	65536
#define MUXPRO_PAGE	256		/* streams in a page of the table */
#define MUXPRO_CLASSES	4		/* of priority: 0..63 is the first */

enum muxpro_status {
	MUXPRO_NEGOTIATE,
	MUXPRO_NEW,
	MUXPRO_KEEP,
	MUXPRO_END,
	MUXPRO_ALIVE,
	MUXPRO_UPDATE			/* of credit */
};

#define MUXPRO_OPT_DATA	0x01
#define MUXPRO_OPT_ADDR	0x02		/* a datagram's, before it */

enum muxpro_code {			/* of End */
	MUXPRO_CODE_NONE,
	MUXPRO_CODE_GONE,
	MUXPRO_CODE_TIMEOUT,
	MUXPRO_CODE_PROTOCOL,
	MUXPRO_CODE_MEMORY,
	MUXPRO_CODE_UNREACHABLE,
	MUXPRO_CODE_REJECTED
};

/* The way to a version.  Up to OPEN nothing else is sent. */
enum muxpro_phase {
	MUXPRO_ASK,			/* client: our request is due */
	MUXPRO_ASKED,			/* client: the answer is to come */
	MUXPRO_LISTEN,			/* server: the request is to come */
	MUXPRO_ANSWER,			/* server: our answer is due */
	MUXPRO_MUTE,			/* server: the client speaks first */
	MUXPRO_OPEN
};

enum muxpro_credit {			/* does the peer know of it? */
	MUXPRO_CREDIT_YES,
	MUXPRO_CREDIT_UNKNOWN,		/* version 0.0, nothing seen yet */
	MUXPRO_CREDIT_NO
};

#define MUXPRO_URGENT	0x0001
#define MUXPRO_NEW_DUE	0x0002		/* nothing of it is on the wire */
#define MUXPRO_UPDATE_DUE 0x0004
#define MUXPRO_ZERO_DUE	0x0008		/* an update even of 0 */
#define MUXPRO_IN_CTL	0x0010
#define MUXPRO_READY	0x0020		/* the owner has something to send */
#define MUXPRO_FIN_DUE	0x0040		/* the owner ended our direction */
#define MUXPRO_FIN_SENT	0x0080
#define MUXPRO_FIN_RCVD	0x0100
#define MUXPRO_LINGERED	0x0200		/* our End has waited */
#define MUXPRO_DATAGRAMS 0x0400		/* network 2 */
#define MUXPRO_GLOBALID	0x0800		/* its New had one */
#define MUXPRO_COUNTED	0x1000		/* among the open ones */
#define MUXPRO_DEAD	0x2000		/* freed at the end of the turn */
#define MUXPRO_AMPLE	0x4000		/* its peer has MUXPRO_AHEAD more */

enum muxpro_queue {
	MUXPRO_Q_NONE,
	MUXPRO_Q_URGENT,
	MUXPRO_Q_HELD,			/* an End that waits */
	MUXPRO_Q_DEAD,
	MUXPRO_Q_READY,			/* the first class, and so on */
	MUXPRO_Q_MAX = MUXPRO_Q_READY + MUXPRO_CLASSES
};

/* The octets that an owner gave and that are no frame yet. */
struct muxpro_stage {
	uint32_t	 off, len;	/* what waits is between */
	uint32_t	 size;
	uint32_t	 skip;		/* of a datagram that is dropped */
	uint8_t		 buf[];
};

struct muxpro_stream {
	struct stream			 st;	/* first: casts go both ways */
	TAILQ_ENTRY(muxpro_stream)	 entry;	/* of queue */
	TAILQ_ENTRY(muxpro_stream)	 ctl;	/* with MUXPRO_IN_CTL */
	struct muxpro_stage		*stage;	/* a head, or datagrams */
	struct window			 win;	/* receiving */
	uint64_t			 credit;	/* to send */
	uint32_t			 aside;	/* held, in no window */
	uint16_t			 deficit;	/* left of its turn */
	uint32_t			 sent_ms;	/* last sent, or held */
	uint32_t			 told_ms;	/* last update */
	uint16_t			 flags;		/* MUXPRO_ */
	uint8_t				 queue;		/* enum muxpro_queue */
	uint8_t				 class;
};
TAILQ_HEAD(muxpro_streams, muxpro_stream);

struct muxpro_page {
	struct muxpro_stream	*streams[MUXPRO_PAGE];
	uint32_t		 n;
};

struct muxpro_end {			/* an End that waits to be sent */
	uint16_t	 id;
	uint8_t		 reason;
};

/* Of what the next octets are. */
enum muxpro_part {
	MUXPRO_LENGTH,			/* of metadata */
	MUXPRO_META,
	MUXPRO_SIZE,			/* of Extra Data */
	MUXPRO_BODY,			/* Extra Data that must be whole */
	MUXPRO_PAYLOAD,
	MUXPRO_BLOCK			/* a datagram */
};

#define MUXPRO_GHOSTS	3		/* generations of ids that ended */

struct muxpro {
	struct session		 session;	/* first */
	struct muxpro_page	*pages[MUXPRO_IDS / MUXPRO_PAGE];
	struct muxpro_streams	 queues[MUXPRO_Q_MAX];
	struct muxpro_streams	 ctl;		/* updates due */
	uint32_t		 passed[MUXPRO_CLASSES];	/* turns */
	/* output: since this one, all gave less than there was room for */
	const struct muxpro_stream *dry;
	struct muxpro_end	*ends;
	size_t			 end_head, end_len, end_size;
	struct windows		 windows;
	uint32_t		 entries;	/* in the table */
	uint32_t		 next_id;
	int			 used_up;	/* no id, until they age */
	/* what is being received */
	enum muxpro_part	 part;
	struct muxpro_stream	*rx;		/* NULL: ignored */
	uint8_t			*block;		/* a datagram, framed */
	uint32_t		 left;		/* of Extra Data */
	uint32_t		 have, need;	/* in head */
	uint32_t		 meta;		/* octets of metadata */
	uint8_t			 head[2 + MUXPRO_META_MAX + 2 +
				    MUXPRO_LIST_MAX];
	/* a frame that had no room */
	uint8_t			 spill[MUXPRO_DATA + MUXPRO_DATAGRAM_MAX];
	uint32_t		 spill_off, spill_len;
	/* negotiation */
	enum muxpro_phase	 phase;
	enum muxpro_credit	 knows;
	uint32_t		 version;
	int			 draft;		/* the list is in metadata */
	int			 ahead;	/* the client did not wait for it */
	int			 bare;
	int			 exact;	/* the peer is not foreign code */
	/* time, in microseconds */
	uint64_t		 now;
	uint64_t		 begun;		/* negotiation... */
	uint64_t		 asked;		/* ...our request of it */
	uint64_t		 last_rx;
	uint64_t		 last_tx;
	uint64_t		 swept;
	uint64_t		 starved;	/* no credit since; 0 */
	uint64_t		 ghosts_at;	/* the newest generation's */
	uint64_t		 deadline;	/* as tick told it */
	const char		*broken;	/* it dies next turn */
	int			 depth;		/* turns under way */
	int			 started;	/* tick has told the time */
	int			 dead;
	int			 draining;
	int			 idle;		/* the owner waits for a wake */
	int			 alive;		/* a KeepAlive is due */
	int			 seen;		/* the peer opened one */
	/* ids that ended of late, or were answered for */
	uint32_t		 ghosts[MUXPRO_GHOSTS][MUXPRO_IDS / 32];
};

/* muxpro.c */

/* Says once that there is output, until output has found nothing more. */
void	 muxpro_wake(struct muxpro *);
/* Says that there is a deadline before the one that tick returned. */
void	 muxpro_alarm(struct muxpro *, uint64_t);
/* The time, in milliseconds and modulo 2^32. */
uint32_t muxpro_ms(const struct muxpro *);
/* All streams end; -1. */
int	 muxpro_die(struct muxpro *, const char *why);
/* From now on everything may be sent. */
void	 muxpro_open_phase(struct muxpro *);
/* The version is settled. */
void	 muxpro_adopt(struct muxpro *, uint32_t version);

/* muxproin.c */

/* As the op; the caller counts the turn. */
int	 muxproin_input(struct muxpro *, const uint8_t *, size_t);

/* muxprost.c */

extern const struct windows_events muxprost_windows;

struct muxpro_stream *muxprost_find(struct muxpro *, uint32_t id);
/* Adds it to the table, without counting it; NULL: no memory. */
struct muxpro_stream *muxprost_new(struct muxpro *, uint32_t id, int urgent);
/* Counts it as open. */
void	 muxprost_start(struct muxpro *, struct muxpro_stream *);
/* Peer and we know it: it is told its window, if that is another one. */
void	 muxprost_known(struct muxpro *, struct muxpro_stream *);
/* An id for a new stream; 0: none is free. */
uint32_t muxprost_id(struct muxpro *);
/* Nothing is answered for this id for a while, and it is not used. */
void	 muxprost_ghost(struct muxpro *, uint32_t id);
int	 muxprost_is_ghost(const struct muxpro *, uint32_t id);
/* Moves it to the end of that queue, which may be the one it is in. */
void	 muxprost_move(struct muxpro_stream *, enum muxpro_queue);
/* No update is due any more. */
void	 muxprost_ctl_remove(struct muxpro *, struct muxpro_stream *);
/* One is, even if it is 0. */
void	 muxprost_refresh(struct muxpro *, struct muxpro_stream *);
/* Room for what its owner gives; -1: no memory. */
int	 muxprost_stage(struct muxpro_stream *, uint32_t size);
/* Tells the peer that it died, unless the peer never knew it or knows. */
void	 muxprost_abort(struct muxpro *, struct muxpro_stream *,
	    enum reset_reason);
/* Takes it out of table, lists and counts; muxprost_bury frees it. */
void	 muxprost_forget(struct muxpro *, struct muxpro_stream *);
/* Abort, forget, and the owner's reset. */
void	 muxprost_kill(struct muxpro *, struct muxpro_stream *,
	    enum reset_reason);
/* The peer's direction ends. */
void	 muxprost_fin(struct muxpro *, struct muxpro_stream *);
/* If both directions have ended: forget, and the owner's closed. */
void	 muxprost_finish(struct muxpro *, struct muxpro_stream *);
/* What is to be done from time to time; when next, or UINT64_MAX. */
uint64_t muxprost_sweep(struct muxpro *);
/* The peer takes octets without credit: all that wait may go. */
void	 muxprost_unbound(struct muxpro *);
/* The peer knows of credit: it hears what was consumed so far. */
void	 muxprost_tell_all(struct muxpro *);
/* The session is dead: forgets each stream and tells its owner. */
void	 muxprost_end(struct muxpro *);
/* Frees dead streams, once no turn is under way. */
void	 muxprost_bury(struct muxpro *);

/* muxproout.c */

void	 muxproout_put16(uint8_t *, uint32_t);
void	 muxproout_put32(uint8_t *, uint32_t);
/* Length, id, status and opt: MUXPRO_FRAME octets. */
size_t	 muxproout_frame(uint8_t *, size_t meta, uint32_t id,
	    enum muxpro_status, unsigned opt);
/* Queues an End with a reason for an id whose stream is gone. */
void	 muxproout_end(struct muxpro *, uint32_t id, enum reset_reason);
/* Queues the stream if it has something to send and may. */
void	 muxproout_schedule(struct muxpro *, struct muxpro_stream *);
/* Octets that the stream may send. */
uint64_t muxproout_room(const struct muxpro *, const struct muxpro_stream *);
/* The Ends whose delay is over; the next deadline, or UINT64_MAX. */
uint64_t muxproout_release(struct muxpro *);
/* Is there anything to send? */
int	 muxproout_pending(const struct muxpro *);
/* One bufferful. */
size_t	 muxproout_fill(struct muxpro *, uint8_t *, size_t);

/* muxprodata.c */

/*
 * Makes a frame of the queue's first stream, or takes it off the queue.  n is
 * MUXPRO_CTL_MAX or more; what has no room is spilled.
 */
size_t	 muxprodata_frame(struct muxpro *, struct muxpro_stream *, uint8_t *,
	    size_t n);

#endif /* WORKER_MUXPROINT_H */
