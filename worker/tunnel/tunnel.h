/* SPDX-License-Identifier: ISC */

/*
 * A tunnel: one connection between client and server and what is said on it
 * in dialect rocket, from the first octet to the last (rocket-protocol(7)):
 * TLS handshake, HELLO and ACCEPT, then a session whose first stream is the
 * control stream.  Both sides.
 */

#ifndef WORKER_TUNNEL_H
#define WORKER_TUNNEL_H

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdint.h>

#include "worker/dialect/rocket/ctlstream.h"
#include "worker/net/http.h"
#include "meter.h"
#include "worker/relay/relay.h"
#include "worker/dialect/rocket/rocket.h"
#include "seal.h"
#include "worker/session/session.h"
#include "wire.h"

enum tunnel_state {
	TUNNEL_UPGRADE,		/* HTTP, where the transport is WebSocket */
	TUNNEL_HANDSHAKE,	/* TLS */
	TUNNEL_DIALOGUE,	/* HELLO, ACCEPT */
	TUNNEL_OPEN,		/* the session runs */
	TUNNEL_ENDING		/* only what is buffered is still sent */
};

enum tunnel_end {		/* how it ended, for pool and log */
	TUNNEL_END_CLEAN,	/* drained, or the peer closed an idle one */
	TUNNEL_END_LOST,	/* network failure, or silence */
	TUNNEL_END_TOKEN,	/* refused: wrong token or unknown service */
	TUNNEL_END_IMPOSTOR,	/* the peer did not prove the token */
	TUNNEL_END_REJECTED,	/* REJECT: parameters */
	TUNNEL_END_PROTOCOL	/* the peer broke the rules */
};

struct tunnel {
	TAILQ_ENTRY(tunnel)	 entry;		/* of service.tunnels */
	struct service		*service;
	struct event		 ev_turn; /* work to do in this loop turn */
	struct event		 ev_timer;
	struct wire		 wire;		/* its socket */
	struct seal		*seal;
	struct session		*session;
	struct ctlstream	 ctl;
	struct meter		 meter;		/* of the session's payload */
	uint8_t			*message; /* of the dialogue, as far as read */
	size_t			 got;		/* octets read in this turn */
	size_t			 message_len;
	uint64_t		 number;	/* the gate's; server side */
	uint64_t		 since;		/* worker_now of the start */
	uint64_t		 opened; /* worker_now of TUNNEL_OPEN, or 0 */
	uint64_t		 deadline; /* to be open, drained, ended; 0 */
	uint64_t		 timer_at; /* when ev_timer fires; UINT64_MAX */
	/* ending: so long may the peer be silent, microseconds; 0: not fixed */
	uint64_t		 patience;
	/* must answer a ping by then; 0 */
	uint64_t		 probe_until;
	struct lz_count		 lz;		/* of all its streams */
	uint32_t		 serial;
	uint32_t		 remote;	/* index; client side */
	uint32_t		 rtt_us;
	uint32_t		 relays; /* streams but the control stream */
	/* at most, that the peer takes */
	uint32_t		 peer_streams;
	uint32_t		 transport;	/* TRANSPORT_ */
	enum tunnel_state	 state;
	enum tunnel_end		 end;
	uint32_t		 flags;		/* TUNNEL_F_, below */
	struct addr		 peer;
	struct addr		 local;
	struct rocket_params	 theirs;	/* HELLO or ACCEPT */
	struct rocket_params	 settled;	/* client, before: HELLO */
	char			 web_key[HTTP_KEY_LEN + 1]; /* asked with */
	char			 words[256];	/* why it ended */
};
TAILQ_HEAD(tunnels, tunnel);

/* A stream's first window between two rocketd. */
#define TUNNEL_WINDOW_INITIAL	(32 * 1024)

#define TUNNEL_F_BARE		0x0008	/* TLS was left: none, xor */
#define TUNNEL_F_DYING		0x0010	/* freed in its next turn */
#define TUNNEL_F_OLD		0x0020	/* to be replaced, then drained */
#define TUNNEL_F_DRAINING	0x0040	/* no new streams */
#define TUNNEL_F_DRAIN_SENT	0x0080
#define TUNNEL_F_STARTED	0x0100	/* our HELLO, or nothing, is out */
#define TUNNEL_F_SHUT		0x0200	/* ending: the socket was told */
#define TUNNEL_F_CTL		0x0400	/* the control stream has been opened */
#define TUNNEL_F_TURN		0x0800	/* its turn runs */
#define TUNNEL_F_USED		0x1000	/* no mux: it has, or had, its user */
#define TUNNEL_F_PEER_DRAINS	0x2000	/* no mux: it was said */
#define TUNNEL_F_ABORT		0x4000	/* no mux: our reset was the end */
#define TUNNEL_F_LAST		0x8000	/* ending: the last is written */

struct tunnel_events {
	void	(*opened)(struct tunnel *);	/* the session runs */
	void	(*taken)(struct tunnel *);	/* no mux: by a user */
	void	(*drain)(struct tunnel *);	/* the peer asked for it */
	void	(*more)(struct tunnel *, uint32_t);	/* tunnels wanted */
	void	(*closed)(struct tunnel *);	/* freed after; end, words */
};

/* tunnel.c */

void		 tunnel_init(struct service *, const struct tunnel_events *);
/*
 * Starts one on a connected, non-blocking socket (taken, also on failure).
 * Server side: how->number is the gate's.  Client side: remote is which.  It
 * must be open within how->left_ms.  NULL: no key or no memory, logged.
 */
struct tunnel	*tunnel_new(int fd, const struct msg_tunnel *how,
		    uint32_t remote);
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
/* Writes what waits for the socket; 0: nothing is left of it, -1: killed. */
int		 tunnel_flush(struct tunnel *);
/* Frees at once, at the end of the process. */
void		 tunnel_free(struct tunnel *);
/* No new streams; the peer is told; the server side closes when it is empty. */
void		 tunnel_drain(struct tunnel *);
/*
 * It is to be replaced: used for want of a better one only.  The client side
 * makes another and drains it then; the server side asks for that.
 */
void		 tunnel_replace(struct tunnel *);
/* Has it a mux?  Without, one user is all it has in its life. */
int		 tunnel_muxed(const struct tunnel *);
/* Nobody is in it; one that has had its only user ends by itself. */
int		 tunnel_empty(const struct tunnel *);
/* Room for another stream, below the hard cap? */
int		 tunnel_has_room(const struct tunnel *);
/* The peer has a second to answer, or the tunnel is dropped. */
void		 tunnel_probe(struct tunnel *);
/* Asks the client for n more tunnels. */
void		 tunnel_ask_more(struct tunnel *, uint32_t);
/* A relay came to it or left it. */
void		 tunnel_relay_added(struct tunnel *);
void		 tunnel_relay_gone(struct tunnel *);
/* Something is to be sent, read, or decided: in this turn of the loop. */
void		 tunnel_schedule(struct tunnel *);
/* The control stream: the peer asks to drain it, or wants n tunnels more. */
void		 tunnel_peer_drains(struct tunnel *);
void		 tunnel_peer_wants(struct tunnel *, uint32_t);
const char	*tunnel_end_name(enum tunnel_end);

#endif /* WORKER_TUNNEL_H */
