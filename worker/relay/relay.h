/* SPDX-License-Identifier: ISC */

/*
 * A relay joins one stream and one socket: a user's, for which the stream is
 * opened, or a target's, which the peer's stream asks for.  It is written once
 * for every session, dialect and side.  End of file, half-close and reset
 * arrive on the other side as such; nothing that was taken from one side is
 * lost unless that side aborts.
 *
 * Towards the session a socket is read only when the session pulls, straight
 * into the batch that goes to the tunnel.  From the session, octets are
 * written at once; what the socket does not take is kept, within the window
 * that the stream was granted.
 *
 * With LZ4, what is kept for the socket is kept packed, and what is read
 * becomes a block at once: lz.h.
 *
 * On a bare tunnel bulk data passes between socket and tunnel through a pipe,
 * without a copy: relay_bulk and relay_divert.
 */

#ifndef WORKER_RELAY_H
#define WORKER_RELAY_H

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdint.h>

#include "shared/addr.h"
#include "hold.h"
#include "lz.h"
#include "outq.h"
#include "worker/net/ledger.h"
#include "worker/session/session.h"
#include "worker/tunnel/service.h"

struct proxy;
struct httpbody;
struct service;
struct tunnel;
struct ctl_stream;

struct relay {
	TAILQ_ENTRY(relay)	 entry;		/* of service.relays */
	/* waiting, wanting, leaving, held, lingering */
	TAILQ_ENTRY(relay)	 queue;
	TAILQ_ENTRY(relay)	 piping;	/* with a pipe */
	struct event		 ev;
	struct charge		 charge;	/* to its user's source */
	struct charge		 waits;	/* likewise, while it waits */
	struct hold		 hold;
	int			 wants;	/* its opener has not said what for */
	int			 leaves; /* it was refused, and is told so */
	struct stream		*stream;	/* NULL: waiting or lingering */
	struct tunnel		*tunnel;	/* of the stream */
	struct outq		 out;		/* waits for the socket */
	struct lz		*lz;	/* where it was agreed */
	struct throttle		*throttle;	/* NULL: no limit */
	struct proxy		*proxy;	/* of a user who asks for a target */
	struct httpbody		*body;	/* his request's, for one target */
	uint8_t			*pre;	/* want or answer, sent first */
	char			*named;	/* the target, by who named it */
	uint64_t		 since;		/* worker_now of the start... */
	uint64_t		 moved;	/* ...and of the last octet taken */
	uint64_t		 ended;	/* since when its end is held back; 0 */
	uint64_t		 lingers; /* observed since then, or 0... */
	uint32_t		 lingering; /* ...and what waited then */
	uint64_t		 octets_in;	/* from the stream, unpacked */
	uint64_t		 octets_out;	/* into it, not packed yet */
	struct usage		 usage;
	struct lz_count		 counted;	/* of lz, in the totals */
	size_t			 lz_held;	/* of it, in the budget */
	uint64_t		 lz_used;	/* last packed */
	uint32_t		 dial;		/* request under way, or 0 */
	int			 fd;		/* -1: not connected yet */
	uint16_t		 flags;		/* RELAY_, relay.c */
	uint16_t		 pre_off, pre_len;
	uint8_t			 fulls;	/* reads that gave much, of late */
	uint8_t			 answers;	/* its opener wants one */
	uint8_t			 awaits;	/* its first octet is one */
	uint8_t			 sessions;	/* that it has had */
	struct addr		 user;
	struct addr		 other;		/* listener, or target */
};

/* relay.c */

void		 relay_init(struct service *);
/* A user's socket (taken, also on failure), not on a stream yet. */
struct relay	*relay_new_user(int fd, const struct addr *user,
		    const struct addr *listener);
/* Opens its stream; -1 when the session has no room (the relay stays). */
int		 relay_open(struct relay *, struct tunnel *);
/* The peer opened a stream; its first octets say what for.  -1: refuse it. */
int		 relay_accept(struct stream *, struct tunnel *);
/* Ends both sides as an abort. */
void		 relay_abort(struct relay *, enum reset_reason);
/*
 * The same, but a user who has asked for a target, and has no answer yet, gets
 * one first: then the relay is there a little longer.
 */
void		 relay_refuse(struct relay *, enum reset_reason);
/*
 * Once a second: ends what lingers, takes pipes from slow sockets, gives back
 * what idle streams hold, and counts octets by port.
 */
void		 relay_tick(uint64_t now);
/* Resets one for memory: hold_victim.  0: there is none. */
int		 relay_relieve(int any);
/* Is something still to be written to its socket? */
int		 relay_waits(const struct relay *);
void		 relay_describe(const struct relay *, struct ctl_stream *);

/* ---- for its target ---- */

/* Sends these octets before the socket's.  -1: no memory. */
int		 relay_say_first(struct relay *, const uint8_t *, size_t);
/*
 * Its socket is r->fd from here on, and takes what has come for it.  It may be
 * gone then.  -1: no memory; it is still there.
 */
int		 relay_connected(struct relay *);

#endif /* WORKER_RELAY_H */
