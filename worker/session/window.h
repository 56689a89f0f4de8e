/* SPDX-License-Identifier: ISC */

/*
 * What the streams of a mux may be sent: a window for each, and the budget of
 * all.  It knows no wire: the mux says what came and what was consumed, asks
 * for the window to tell next, and is told when a stream's peer is to hear of
 * it, or when a stream must go because memory is short.
 *
 * A window grows while the reader keeps pace: on a long way to a few times what
 * comes in a round trip, on a short one, to 2 MiB, while the peer uses it up.
 * It stays within window_max and what windows may sum up to: recvbuffer, and
 * three quarters of the budget.  The round trip is the shortest of late: of
 * windows_rtt, and of the time from an update to the first octet it allowed.
 *
 * While the budget is spent the tunnel is not to be read (stalled), until a
 * quarter is free.  Who takes 64 KiB, a 16th of the budget, or all that waits
 * for him, makes progress.  Readers without progress for stall_grace_ms are
 * reset until the tunnel is read again: of those who stopped first, who holds
 * most.  Where several have windows, that begins with three quarters spent, and
 * goes faster the less room is left.
 */

#ifndef WORKER_WINDOW_H
#define WORKER_WINDOW_H

#include <sys/types.h>

#include <stdint.h>

#include "session.h"

#define WINDOW_FREE	0x01		/* outside limits and budget */
#define WINDOW_CHARGED	0x02		/* in the sum of grants */
#define WINDOW_FULL	0x04		/* the peer has used it up */
#define WINDOW_TOLD	0x08		/* an update was due once */
#define WINDOW_SHUT	0x10		/* the peer sends no more: not told */

/*
 * One stream's.  Octets of payload are counted modulo 2^32.  9,000 of these may
 * be idle, so nothing here is larger than it must be.
 */
struct window {
	uint32_t		 rcvd;
	uint32_t		 consumed;
	uint32_t		 told_consumed;	/* in the last update */
	uint32_t		 told_window;
	uint32_t		 edge;		/* furthest granted */
	uint32_t		 window;	/* for the next update */
	uint32_t		 rcvd_ms;	/* last payload */
	uint32_t		 took_ms;	/* last progress: */
	uint32_t		 mark;		/* so much consumed */
	uint32_t		 paced_us;	/* last measured... */
	uint32_t		 paced;		/* ...and rcvd then */
	uint8_t			 flags;		/* WINDOW_ */
};

struct windows;

/* What the windows of a session ask of their mux. */
struct windows_events {
	/* All windows in turn: the one after this, or the first; NULL: end. */
	struct window *(*next)(struct windows *, const struct window *);
	/* An update of this one is due; it asks windows_tune for it. */
	void	(*tell)(struct windows *, struct window *);
	/* Memory is short: reset this stream. */
	void	(*kill)(struct windows *, struct window *);
	/* There is a deadline, shed_at, before the one that was known. */
	void	(*alarm)(struct windows *, uint64_t);
	/* The tunnel is read again. */
	void	(*relieved)(struct windows *);
};

/* A session's. */
struct windows {
	struct session		*session;
	const struct windows_events *events;
	uint64_t		 now;	/* us: the mux keeps it so */
	int			 bounded;	/* windows are told */
	int			 eager;	/* the first consumption is told */
	int			 stalled;	/* the tunnel is not read */
	uint64_t		 shed_at;	/* windows_shed is due */
	uint64_t		 limit;		/* session_limit */
	uint32_t		 patience;	/* with readers; ms */
	uint32_t		 rtt_us;	/* 0: not known */
	/* a round trip that is being timed, by an update; NULL: none */
	const struct window	*trip;
	uint32_t		 trip_edge;	/* allowed before it */
	uint64_t		 trip_at;
	uint64_t		 granted;	/* sum of charged windows */
	uint64_t		 reclaimed;	/* at this time */
};

/* window.c */

/* For this session, whose conf is set, and which outlives it. */
void	 windows_init(struct windows *, struct session *,
	    const struct windows_events *);
/* All but 0 before; the peer assumes window_initial. */
void	 window_init(struct windows *, struct window *, int urgent);
/*
 * Lets a stream begin with so much, as far as there is room while streams are
 * few: before anything of it came.
 */
void	 window_widen(struct windows *, struct window *, uint32_t);
/* It is gone, and what it holds with it. */
void	 window_end(struct windows *, struct window *);

/* Octets that the session may hold; those that it takes now, 0: stalled. */
uint64_t windows_cap(const struct windows *);
uint64_t windows_room(const struct windows *);
/* Sets stalled if the cap is reached, and when somebody has to go. */
void	 windows_stall(struct windows *);
/* Clears it if enough is free. */
void	 windows_relieve(struct windows *);
/* Resets who has to make room; sets shed_at, UINT64_MAX: nobody. */
void	 windows_shed(struct windows *);
void	 windows_limit(struct windows *, uint64_t);
void	 windows_rtt(struct windows *, uint32_t us);

/* Payload came: charges the window, notes whether it is used up. */
void	 window_received(struct windows *, struct window *, uint32_t);
/* The owner consumed payload, at most what it holds; may tell. */
void	 window_consumed(struct windows *, struct window *, uint32_t);
/*
 * An update goes out: sets window by its use and the room there is, and then
 * told_consumed and told_window.  Returns by how much it moves the edge; 0: not
 * beyond what the peer has.
 */
uint32_t window_tell(struct windows *, struct window *);
/* Octets that the peer may still send. */
uint32_t window_left(const struct window *);

#endif /* WORKER_WINDOW_H */
