/* SPDX-License-Identifier: ISC */

/*
 * A dialect: what is said on a tunnel around the session.  How a tunnel opens,
 * how to ask for more of them, drain and ping them, and how a stream says what
 * it is for.  Each dialect is one table of functions and one folder; shared
 * code never asks for a dialect's name.
 *
 * A dialect talks through tunnel.h: tunnel_get and tunnel_put for octets,
 * tunnel_get_message and tunnel_put_message where WebSocket's borders matter,
 * tunnel_run when the opening is over.  Its functions are called from the turn
 * of a tunnel, unless they say otherwise, and may kill the tunnel: it is freed
 * after the turn.
 */

#ifndef WORKER_DIALECT_H
#define WORKER_DIALECT_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/addr.h"
#include "worker/session/session.h"

struct ctl_session;
struct flow;
struct http_ask;
struct http_head;
struct msg_client;
struct msg_key;
struct msg_token;
struct msg_token_told;
struct remote;
struct service;
struct tunnel;

#define WANT_MAX	(4 + 1024)	/* most octets that a want takes */
#define ANSWER_MAX	16		/* and its answer */
#define DATAGRAM_STAMP_MAX	4

enum want_kind {
	WANT_IDLE,
	WANT_TCP,
	WANT_UDP
};

struct want {				/* what a stream is for */
	enum want_kind	 kind;
	int		 answer;	/* the opener waits for one */
	uint32_t	 port;	/* of the target; 0: by the listener */
	const char	*host;	/* a target that is named; or NULL */
	struct addr	 user;		/* ADDR_NONE: not known */
	struct addr	 listener;
};

/*
 * Tunnels that are datagrams themselves, each for one flow (flow.h).  Where
 * they are accepted, each is a flow of the udp process, known by its number.
 */
struct dialect_slots {
	/* One has come, then a datagram of it; it is gone, or all are. */
	void	(*opened)(struct service *, uint32_t number,
		    const struct addr *peer);
	void	(*data)(struct service *, uint32_t number, const uint8_t *,
		    size_t);
	void	(*gone)(struct service *, uint32_t number);
	void	(*lost)(struct service *);
	/* Gives a user's flow one: flow_carry.  -1: there is none now. */
	int	(*take)(struct service *, struct flow *);
	/* Once a second, on the side that dials, too. */
	void	(*tick)(struct service *, uint64_t now);
};

struct dialect {
	const char	*name;
	/* Said behind the words of a protocol error.  NULL: nothing. */
	const char	*hint;
	/* And behind those of an upgrade that got the status 401. */
	const char	*hint_401;

	/* ---- a service ---- */

	/*
	 * Makes svc->part, before the sandbox; may call fatal().  NULL: it
	 * keeps nothing for a service.
	 */
	void	(*init)(struct service *);
	/*
	 * Its keys have come or changed: drains tunnels that were proven with a
	 * key that is gone.  -1: no memory.  NULL: it has none, and waits for
	 * none.
	 */
	int	(*keys)(struct service *, const struct msg_key *, uint32_t n);
	/*
	 * A token has come, before the keys of its set; and what keys said
	 * about one that it was asked about, or NULL: keys is new, and knows of
	 * nothing that was asked.  No functions: the dialect says no tokens.
	 */
	void	(*token)(struct service *, const struct msg_token *);
	void	(*told)(struct service *, const struct msg_token_told *);
	/*
	 * Its configuration has come or changed.  Returns how many octets of
	 * its memory the dialect sets aside, at most half.  NULL: none.
	 */
	uint64_t (*reserve)(struct service *);
	/*
	 * The path of a WebSocket request, if none is configured; -1: no key.
	 * NULL: the dialect is not spoken over WebSocket.
	 */
	int	(*path)(const struct service *, char *, size_t);
	/*
	 * Another worker of the service has seen a client that was restarted,
	 * or that may have lost its other tunnels.
	 * NULL: the dialect does not know its clients.
	 */
	void	(*client_back)(struct service *, const struct msg_client *);
	/*
	 * How many tunnels to a remote, of n that the pool wants, may be
	 * dialled or open now.  NULL: all.
	 */
	uint32_t (*may_dial)(struct service *, const struct remote *,
		    uint32_t n);
	/*
	 * The only address of a remote at which its next tunnel may be dialled,
	 * or NULL: any.  NULL: always.
	 */
	const struct addr *(*at)(const struct service *,
		    const struct remote *);
	/*
	 * So many users wait for a tunnel, maybe none.  NULL: its tunnels are
	 * asked for more only.
	 */
	void	(*starved)(struct service *, uint32_t waiting);
	/*
	 * 1: nothing tells the peer that a tunnel drains.  Either side closes
	 * one with a mux that is empty; without a mux a user may be on its way.
	 * A control channel that was dialled is not replaced.
	 */
	int	 mute;

	/* ---- a tunnel ---- */

	/* It starts: makes t->part and t->seal.  -1: no key, no memory. */
	int	(*begin)(struct tunnel *);
	/* Frees t->part, which may be NULL.  May be called outside a turn. */
	void	(*free)(struct tunnel *);
	/*
	 * WebSocket, the side that dials: completes the request.  -1: it cannot
	 * be sent yet.  NULL: the path is enough.
	 */
	int	(*ask)(struct tunnel *, struct http_ask *);
	/*
	 * And the side that is asked: 101 to go on, another status to refuse, 0
	 * to be asked again in a later turn.  NULL: 101.
	 */
	int	(*asked)(struct tunnel *, const struct http_head *);
	/* Do octets follow the upgrade as they are?  NULL: no, messages. */
	int	(*plain)(const struct tunnel *);
	/*
	 * There may be octets to read, or room to write.  A tunnel that opens
	 * gets these until tunnel_run, a control channel to its end, an open
	 * tunnel as long as TUNNEL_F_LISTENS is set: nobody else reads it then.
	 */
	void	(*turn)(struct tunnel *);
	/*
	 * Does what is due (times as worker_now) and returns when to call it
	 * again; UINT64_MAX: never.  NULL: nothing is ever due.
	 */
	uint64_t (*tick)(struct tunnel *, uint64_t now);
	/* The peer opened a stream: give it an owner; -1 refuses it. */
	int	(*opened)(struct tunnel *, struct stream *);
	/* Tells the peer that no more streams are wanted on it. */
	void	(*drain)(struct tunnel *);
	/*
	 * The process ends now, and the tunnel with it: its last word leaves
	 * at once, or never.  NULL: it has none.
	 */
	void	(*last)(struct tunnel *);
	/*
	 * Pings the peer: any octet is an answer.  NULL: the dialect never
	 * calls for tunnel_probe.
	 */
	void	(*probe)(struct tunnel *, uint64_t now);
	/* It has got its user, and has no mux.  NULL: no matter. */
	void	(*taken)(struct tunnel *);
	/* A probe was answered. */
	void	(*lives)(struct tunnel *);
	/*
	 * Asks the peer, which dials, for more tunnels.  NULL: nobody asks, for
	 * the side with the users dials.
	 */
	void	(*more)(struct tunnel *, uint32_t);
	/* For rocketctl: fills in what only the dialect knows. */
	void	(*describe)(const struct tunnel *, struct ctl_session *);
	/* For the log: who the peer is, and how the tunnel is sealed. */
	void	(*words)(const struct tunnel *, char *, size_t);

	/* ---- a stream's first octets ---- */

	/*
	 * 1: each stream of a connection has an answer, be it asked for or not,
	 * also one that is refused for what it wants.
	 */
	int	 answers;
	/*
	 * Writes what the stream is for; 0: that was sent in another way; -1:
	 * it does not fit, or nobody is served there.
	 */
	ssize_t	(*put_want)(struct tunnel *, const struct want *, uint8_t *,
		    size_t);
	/*
	 * Reads it: how many octets it takes; 0: it is not whole; -1: *why says
	 * what is wrong with it, and the kind is set if it is known.
	 */
	ssize_t	(*get_want)(struct tunnel *, const uint8_t *, size_t,
		    struct want *, const char **why);
	/*
	 * Writes the answer: RESET_NONE, or why there is no target.  NULL: no
	 * stream asks for one.
	 */
	size_t	(*put_answer)(struct tunnel *, enum reset_reason, uint8_t *,
		    size_t);
	/*
	 * What it says, where it has one octet.  NULL: there are no answers,
	 * and no want asks for one.
	 */
	enum reset_reason (*get_answer)(struct tunnel *, uint8_t);

	/* ---- datagrams ---- */

	/*
	 * The shortest and the longest that the peer takes; others are dropped.
	 * A longer one of the peer's is nonsense, a shorter one is not.
	 */
	uint32_t	 datagram_min;
	uint32_t	 datagram_max;
	/*
	 * The user alone keeps a flow: it ends when he has sent nothing for
	 * `udp timeout', whatever goes to him.  For peers that never end it.
	 */
	int		 user_keeps;
	/* NULL: all flows have streams. */
	const struct dialect_slots *slots;
	/*
	 * What stands before the length of each datagram that the side with the
	 * target sends.
	 */
	uint32_t	 stamp_len;
	uint8_t		 stamp[DATAGRAM_STAMP_MAX];
};

/* dialect.c */

/* By its number in messages: DIALECT_ROCKET.  NULL: there is none. */
const struct dialect	*dialect_get(uint32_t);

#endif /* WORKER_DIALECT_H */
