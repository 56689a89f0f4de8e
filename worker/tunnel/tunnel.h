/* SPDX-License-Identifier: ISC */

/*
 * A tunnel: one connection between client and server, from its first octet to
 * its last.  It carries octets through WebSocket, seal and wire, runs its
 * session and ends it.  What is said before the session, and around it, is its
 * dialect's.
 *
 * Each side knows two things: whether it dials tunnels, and whether it opens
 * streams.  The side that opens streams knows when a drained tunnel is empty,
 * and closes it; the side that dials makes another.
 */

#ifndef WORKER_TUNNEL_H
#define WORKER_TUNNEL_H

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdint.h>

#include "meter.h"
#include "seal.h"
#include "service.h"
#include "tunnelhold.h"
#include "wire.h"
#include "worker/net/bucket.h"
#include "worker/net/ledger.h"
#include "worker/session/session.h"

struct remote;

enum tunnel_state {
	TUNNEL_WEB,		/* HTTP, where the transport is WebSocket */
	TUNNEL_OPENING,		/* what the dialect says first */
	TUNNEL_CONTROL,	/* a control channel: the dialect's, no session */
	TUNNEL_OPEN,		/* the session runs */
	TUNNEL_ENDING		/* only what is buffered is still sent */
};

enum tunnel_end {		/* how it ended, for pool and log */
	TUNNEL_END_CLEAN,	/* drained, or the peer closed an idle one */
	TUNNEL_END_LOST,	/* network failure, or silence */
	TUNNEL_END_TOKEN,	/* refused: wrong token or unknown service */
	TUNNEL_END_IMPOSTOR,	/* the peer did not prove the token */
	TUNNEL_END_REPLAYED,	/* the peer sent what another had sent */
	TUNNEL_END_REJECTED,	/* refused: parameters */
	TUNNEL_END_PROTOCOL	/* the peer broke the rules */
};

struct tunnel {
	TAILQ_ENTRY(tunnel)	 entry;		/* of service.tunnels */
	struct service		*service;
	void			*part;		/* the dialect's own */
	struct event		 ev_turn; /* work to do in this loop turn */
	struct event		 ev_timer;
	struct wire		 wire;		/* its socket */
	struct seal		*seal;		/* or NULL: bare */
	char			*wskey;	/* TUNNEL_WEB: the request's key */
	/* of QUIC, HASH_LEN octets, while its dialect's begin runs; or NULL */
	const uint8_t		*binding;
	struct session		*session;
	struct meter		 meter;		/* of the session's payload */
	struct bucket		 opens;	/* streams that the peer may open */
	/* Where it came from: by the gate's number, or the pool's remote. */
	uint64_t		 number;
	struct remote		*remote;
	/* dial's, until it knows what became of it; 0: it does, or none was */
	uint32_t		 request;
	size_t			 got;		/* octets read in this turn */
	uint64_t		 opened; /* worker_now of TUNNEL_OPEN, or 0 */
	uint64_t		 deadline; /* to be open, drained, ended; 0 */
	uint64_t		 timer_at; /* when ev_timer fires; UINT64_MAX */
	/* ending: moves deadline when the peer shows that it lives, us; or 0 */
	uint64_t		 patience;
	uint64_t		 ended;		/* ending: at the latest; 0 */
	uint64_t		 held_until;	/* it is not read; 0 */
	uint64_t		 look_at;	/* tunneldeaf's; 0 */
	uint64_t		 heard;		/* the peer, last */
	uint64_t		 heard_in;	/* of QUIC: payload by then */
	/* the peer must say something by then; 0 */
	uint64_t		 probe_until;
	uint64_t		 probe_at;	/* it was asked */
	struct charge		 charge;	/* of one that was accepted */
	struct tunnelhold	 hold;
	uint32_t		 serial;
	uint32_t		 rtt_us;	/* 0: not known */
	uint32_t		 relays;	/* streams with a relay... */
	uint32_t		 flows;		/* ...and of them with a flow */
	uint32_t		 peer_streams;	/* that the peer takes */
	uint32_t		 transport;	/* TRANSPORT_ */
	enum tunnel_state	 state;
	enum tunnel_end		 end;
	uint32_t		 flags;		/* TUNNEL_F_ */
	struct addr		 peer;
	struct addr		 local;
	char			 words[256];	/* why it ended */
};

#define TUNNEL_F_BARE		0x0001	/* octets need not pass the seal */
#define TUNNEL_F_DYING		0x0002	/* freed in its next turn */
#define TUNNEL_F_OLD		0x0004	/* to be replaced, then drained */
#define TUNNEL_F_DRAINING	0x0008	/* no new streams */
#define TUNNEL_F_DRAIN_SENT	0x0010
/* The dialect's: the peer may take it for open, and use it. */
#define TUNNEL_F_OFFERED	0x0020
#define TUNNEL_F_SHUT		0x0040	/* ending: our direction is shut */
#define TUNNEL_F_TURN		0x0080	/* its turn runs */
#define TUNNEL_F_USED		0x0100	/* no mux: it has, or had, its user */
#define TUNNEL_F_PEER_DRAINS	0x0200	/* tunnel_peer_drains was called */
#define TUNNEL_F_ABORT		0x0400	/* our reset is the end */
#define TUNNEL_F_LAST		0x0800	/* ending: the last is written */
/* The dialect's: it is open, and its turn reads it, not the session. */
#define TUNNEL_F_LISTENS	0x1000
#define TUNNEL_F_PROVEN		0x8000	/* the peer knows the token */

struct tunnel_events {		/* what the service's process does about it */
	void	(*proven)(struct tunnel *);	/* the peer knows the token */
	void	(*opened)(struct tunnel *);	/* the session runs */
	void	(*taken)(struct tunnel *);	/* no mux: by a user */
	void	(*drain)(struct tunnel *);	/* the peer asked for it */
	void	(*more)(struct tunnel *, uint32_t);	/* tunnels wanted */
	void	(*closed)(struct tunnel *);	/* freed after; end, words */
	/* There may be new room, or new work: see to it in this turn. */
	void	(*changed)(void);
	/* How a WebSocket request names the server. */
	void	(*host)(const struct tunnel *, char *, size_t);
	/* Asks keys about a token.  -1: keys is away, or cannot be asked. */
	int	(*ask)(const struct msg_token_ask *);
	/* The number that dial has of its remote. */
	uint32_t (*remote)(const struct tunnel *);
};

/* tunnel.c */

void		 tunnel_init(struct service *, const struct tunnel_events *);
/*
 * Starts one on a connected, non-blocking socket (taken, also on failure).
 * Accepted: how->number is the gate's.  Dialled: remote is the pool's.  It
 * must be open within how->left_ms.  NULL: no key or no memory, logged.
 */
struct tunnel	*tunnel_new(int fd, const struct msg_tunnel *how,
		    struct remote *);
/* Ends it in its next turn; its streams are reset. */
void		 tunnel_kill(struct tunnel *, enum tunnel_end,
		    const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
/*
 * Ends it in order: what is buffered is sent, the end announced and the
 * peer's awaited for a moment.
 */
void		 tunnel_finish(struct tunnel *, enum tunnel_end,
		    const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
/* Frees at once, at the end of the process. */
void		 tunnel_free(struct tunnel *);
/* Frees its session, if there is one; its figures are the service's now. */
void		 tunnel_leave(struct tunnel *);
/* No new streams; the peer is told.  When empty, the opening side closes it. */
void		 tunnel_drain(struct tunnel *);
/*
 * To be replaced, and used only while there is no better one.  The side that
 * dials makes another, then drains it; the other side asks for that.  Of a mute
 * dialect a control channel that was dialled goes on, unless its remote is no
 * longer there.
 */
void		 tunnel_replace(struct tunnel *);
/* Does it have a mux?  Without one it has a single user in its life. */
int		 tunnel_muxed(const struct tunnel *);
/* Is nobody in it?  0 also after its only user: then it ends by itself. */
int		 tunnel_empty(const struct tunnel *);
/* Room for another stream, below the hard cap? */
int		 tunnel_has_room(const struct tunnel *);
/*
 * Once a second: one over QUIC whose path has been silent for too long is
 * replaced.  Its users stay, for it may come back.  Where we neither dial nor
 * have users that is the other side's to see.  1: it is.
 */
int		 tunnel_look(struct tunnel *);
/*
 * The peer has so many microseconds to say something, or the tunnel is dropped.
 * One that is asked already is not asked again.
 */
void		 tunnel_probe(struct tunnel *, uint64_t us);
/* The same without a time: it is for tunnel_look, over QUIC, to see. */
void		 tunnel_ping(struct tunnel *);
/* n more tunnels are wanted: dials them, or asks the peer. */
void		 tunnel_ask_more(struct tunnel *, uint32_t);
/* A relay came to it or left it. */
void		 tunnel_relay_added(struct tunnel *);
void		 tunnel_relay_gone(struct tunnel *);
/* There is something to send, read or decide: in this turn of the loop. */
void		 tunnel_schedule(struct tunnel *);
const char	*tunnel_end_name(enum tunnel_end);

/* ---- for its turn ---- */

/* Time for what is buffered to go out, and the peer's end to come in. */
#define TUNNEL_ENDING_US	(2 * 1000000ULL)
/* Its peer has said something. */
void		 tunnel_lives(struct tunnel *);

/* ---- for its dialect ---- */

/*
 * As read(2) and write(2), through seal, WebSocket and wire; what is written
 * gathers until tunnel_flush.
 */
ssize_t		 tunnel_get(struct tunnel *, void *, size_t);
ssize_t		 tunnel_put(struct tunnel *, const void *, size_t);
/*
 * One message of WebSocket, text or binary, as wire_get_message and
 * wire_put_message.  Before and after a message the tunnel may be read and
 * written as octets.  -1, ENOTSUP: the transport has no messages, or there is a
 * seal on top.
 */
int		 tunnel_get_message(struct tunnel *, struct ws_message *);
int		 tunnel_put_message(struct tunnel *, enum ws_type,
		    const void *, size_t);
/*
 * Writes what waits for the socket, and WebSocket's own answers to what was
 * read: at the end of each turn.  1: some is left, and the socket wakes the
 * tunnel; 0: nothing; -1: killed.
 */
int		 tunnel_flush(struct tunnel *);
/* There is more to do than fits in one turn: others have theirs first. */
void		 tunnel_again(struct tunnel *);
/* For seal_new: what its seal reads and writes through; arg is its wire. */
extern const struct seal_io	 tunnel_seal_io;
/* For smux_new and the like: what its session asks; arg is the tunnel. */
extern const struct session_events tunnel_session_events;
/* The peer has proven that it knows the token. */
void		 tunnel_proven(struct tunnel *);
/*
 * The opening is over.  It runs the session (taken), on which the peer takes
 * so many streams at once; with NULL it is a control channel from here on.
 */
void		 tunnel_run(struct tunnel *, struct session *,
		    uint32_t streams);
/*
 * The other way: it is to be opened anew, in so much time, and its streams are
 * reset.
 */
void		 tunnel_reopen(struct tunnel *, uint32_t ms);
/* A round trip took so many microseconds; it answers a probe. */
void		 tunnel_rtt(struct tunnel *, uint32_t us);
/* The peer drains it, or wants n tunnels more. */
void		 tunnel_peer_drains(struct tunnel *);
void		 tunnel_peer_wants(struct tunnel *, uint32_t);

#endif /* WORKER_TUNNEL_H */
