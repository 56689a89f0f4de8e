/* SPDX-License-Identifier: ISC */

/*
 * What the files of smux share: smux.c (the session, receiving, time),
 * smuxst.c (the streams: their table and life) and smuxout.c (what is sent, in
 * which order).  Nobody else includes this.
 */

#ifndef WORKER_SMUXINT_H
#define WORKER_SMUXINT_H

#include <sys/queue.h>

#include "smux.h"
#include "window.h"

#define SMUX_HEADER	8
#define SMUX_UPD_LEN	8
#define SMUX_RST_LEN	4
#define SMUX_PATH_LEN	32
#define SMUX_BODY_MAX	SMUX_PATH_LEN	/* of frames other than PSH */
#define SMUX_CTL_MAX	(SMUX_HEADER + SMUX_HEADER + SMUX_UPD_LEN)
#define SMUX_PAYLOAD_MAX 65535
#define SMUX_BULK_LEN	4
/* A bulk frame's payload: at most, and at least. */
#define SMUX_BULK_MAX	(256 * 1024)
#define SMUX_BULK_MIN	(32 * 1024)

#define SMUX_WINDOW_MAX	0x7fffffffU	/* it is signed for some peers */
#define SMUX_BUCKETS_BITS 4		/* of an empty session's table */

/* Of 2^30 ids: leaves time enough to make another session. */
#define SMUX_WORN	(1U << 29)

enum smux_command {
	SMUX_SYN,
	SMUX_FIN,
	SMUX_PSH,
	SMUX_NOP,
	SMUX_UPD,
	SMUX_RST,			/* with CAP_RESET only */
	SMUX_BULK,			/* with CAP_BULK only */
	SMUX_PATH			/* with conf.inside, to the client */
};

#define SMUX_URGENT	0x0001
#define SMUX_SYN_DUE	0x0002		/* nothing of it is on the wire */
#define SMUX_UPD_DUE	0x0004
#define SMUX_IN_CTL	0x0008
#define SMUX_READY	0x0010		/* the owner has something to send */
#define SMUX_FIN_DUE	0x0020		/* the owner ended our direction */
#define SMUX_FIN_SENT	0x0040
#define SMUX_FIN_RCVD	0x0080
#define SMUX_DEAD	0x0100		/* freed at the end of the turn */
#define SMUX_REFUSED		64	/* of them are remembered */

enum smux_queue {
	SMUX_Q_NONE,
	SMUX_Q_READY,			/* by turns of a quantum */
	SMUX_Q_URGENT,
	SMUX_Q_HELD,			/* a FIN that waits, oldest first */
	SMUX_Q_DEAD,
	SMUX_Q_MAX
};

/*
 * Octets of payload are counted modulo 2^32, as on the wire.  9,000 of these
 * may be idle, so nothing here is larger than it must be.
 */
struct smux_stream {
	struct stream			 st;	/* first: casts go both ways */
	TAILQ_ENTRY(smux_stream)	 entry;	/* of queue */
	TAILQ_ENTRY(smux_stream)	 ctl;	/* with SMUX_IN_CTL */
	struct smux_stream		*next;	/* of the bucket */
	/* sending */
	uint32_t			 written;
	uint32_t			 peer_consumed;
	uint32_t			 peer_window;
	uint32_t			 sent_ms;	/* last sent, or held */
	struct window			 win;		/* receiving */
	uint16_t			 deficit;	/* left of its turn */
	uint16_t			 flags : 13;	/* SMUX_ */
	uint16_t			 queue : 3;	/* enum smux_queue */
};
TAILQ_HEAD(smux_streams, smux_stream);

struct smux_kill {			/* a reset that waits to be sent */
	uint32_t	 id;
	uint32_t	 reason;
};

struct smux {
	struct session		 session;	/* first */
	struct smux_stream	**buckets;	/* 1 << bits of them */
	struct smux_streams	 queues[SMUX_Q_MAX];
	struct smux_streams	 ctl;		/* SYN or UPD due */
	/* output: since this one, all gave less than there was room for */
	const struct smux_stream *dry;
	struct smux_kill	*kills;
	size_t			 kill_head, kill_len, kill_size;
	uint64_t		 secret;	/* the hash's, odd */
	uint32_t		 bits;
	uint32_t		 entries;
	uint32_t		 next_id;
	uint32_t		 version;	/* 0: not known yet */
	/* what is being received */
	struct smux_stream	*rx;		/* of the PSH, NULL: ignored */
	uint32_t		 left;		/* of its payload */
	uint32_t		 have;		/* in head */
	uint32_t		 exact;		/* frames to read one by one */
	uint8_t			 head[SMUX_HEADER + SMUX_BODY_MAX];
	struct windows		 windows;
	/* time, in microseconds */
	uint64_t		 now;
	uint64_t		 last_rx;
	uint64_t		 last_tx;
	uint64_t		 deadline;	/* as tick told it */
	const char		*broken;	/* it dies next turn */
	int			 depth;		/* turns under way */
	int			 started;	/* tick has told the time */
	int			 dead;
	int			 draining;
	int			 idle;		/* the owner waits for a wake */
	int			 nop;
	int			 path;	/* session.path is to be told */
	int			 seen;		/* the peer opened one */
	int			 bulk;		/* payload follows the output */
	/* the last that a foreign peer was refused; 0: none */
	uint32_t		 refused[SMUX_REFUSED];
	uint32_t		 nrefused;	/* ever */
};

/* smux.c */

/* Says once that there is output, until output has found nothing more. */
void	 smux_wake(struct smux *);
/* Says that there is a deadline before the one that tick returned. */
void	 smux_alarm(struct smux *, uint64_t);
/* The time, in milliseconds and modulo 2^32. */
uint32_t smux_ms(const struct smux *);

/* smuxst.c */

extern const struct windows_events smuxst_windows;

struct smux_stream *smuxst_find(struct smux *, uint32_t id);
/* Adds it to the table, without counting it; NULL: no memory. */
struct smux_stream *smuxst_new(struct smux *, uint32_t id, int urgent);
/* Counts it as open; queues its SYN, and a UPD if the window needs one. */
void	 smuxst_start(struct smux *, struct smux_stream *);
/* Moves it to the end of that queue, which may be the one it is in. */
void	 smuxst_move(struct smux_stream *, enum smux_queue);
/* Neither SYN nor UPD is due any more. */
void	 smuxst_ctl_remove(struct smux *, struct smux_stream *);
/* Tells the peer that it died, unless the peer never knew it or knows. */
void	 smuxst_abort(struct smux *, struct smux_stream *, enum reset_reason);
/* Takes it out of table, lists and counts; smuxst_bury frees it. */
void	 smuxst_forget(struct smux *, struct smux_stream *);
/* Abort, forget, and the owner's reset. */
void	 smuxst_kill(struct smux *, struct smux_stream *, enum reset_reason);
/* If both directions have ended: forget, and the owner's closed. */
void	 smuxst_finish(struct smux *, struct smux_stream *);
/* The session is dead: forgets each stream and tells its owner. */
void	 smuxst_end(struct smux *);
/* Frees dead streams, once no turn is under way. */
void	 smuxst_bury(struct smux *);

/* smuxout.c */

/* Queues a reset (or FIN) for an id whose stream is gone. */
void	 smuxout_reset(struct smux *, uint32_t id, enum reset_reason);
/* Queues the stream if it has something to send and may. */
void	 smuxout_schedule(struct smux *, struct smux_stream *);
/* Queues FINs whose delay is over; the next deadline, or UINT64_MAX. */
uint64_t smuxout_release(struct smux *);
/* Is there anything to send? */
int	 smuxout_pending(const struct smux *);
/* One bufferful: control frames, urgent streams, the others by turns. */
size_t	 smuxout_fill(struct smux *, uint8_t *, size_t);

#endif /* WORKER_SMUXINT_H */
