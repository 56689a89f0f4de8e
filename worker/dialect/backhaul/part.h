/* SPDX-License-Identifier: ISC */

/*
 * What dialect backhaul keeps for a tunnel and for a service, and what its
 * files share.
 *
 * A server has one client at a time.  The client's first connection is the
 * control channel, which carries signals of one octet; all others are data
 * tunnels, which the client makes ahead of need, and more of them when the
 * server asks.  Only the control channel (and, over WebSocket, each tunnel's
 * request) says the token.
 */

#ifndef BACKHAUL_PART_H
#define BACKHAUL_PART_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "frames.h"
#include "shared/msg.h"
#include "worker/net/lines.h"

struct http_ask;
struct http_head;
struct remote;
struct service;
struct slotpool;
struct tunnel;
struct want;
struct ws_message;

struct token {
	uint32_t	 len;		/* 0: none */
	uint8_t		 octets[TOKEN_MAX];
};

struct token_ask {			/* keys has not answered yet */
	TAILQ_ENTRY(token_ask)	 entry;
	uint64_t		 number;
	uint64_t		 id;	/* not 0: is it still one? */
	/* NULL: nobody waits for the answer any more */
	void			(*told)(void *, uint64_t id);
	void			*arg;
	int			 sent;
	struct token		 token;
};

struct backhaul_service {		/* service.part */
	struct token		 token;	/* it presents, where it dials */
	struct token		 staged; /* of the set that is coming */
	TAILQ_HEAD(, token_ask)	 asks;
	uint64_t		 last_ask;
	uint32_t		 nsent;	/* asks that keys has */
	/* where tunnels are accepted */
	struct tunnel		*control;	/* that serves, or NULL */
	struct tunnel		*rival;	/* knows the token, and waits */
	uint32_t		 asked; /* tunnels, of late, not here yet */
	uint32_t		 owed;	/* and since longer */
	uint64_t		 asked_at, arrived_at;
	uint32_t		 pool;	/* waiting tunnels that are kept */
	uint64_t		 refused_logged;
	struct lines		 surplus;
};

enum backhaul_kind {
	BACKHAUL_NEW,			/* accepted: it is not known yet */
	BACKHAUL_CONTROL,
	BACKHAUL_DATA
};

enum token_state {			/* of an accepted one's token */
	TOKEN_UNREAD,
	TOKEN_ASKED,
	TOKEN_RIGHT,
	TOKEN_WRONG
};

/* A peer that is set up in another way is not understood. */
#define BACKHAUL_HINT							\
	"; has the other side the same transport and mux version?"

struct backhaul_tunnel {		/* tunnel.part */
	enum backhaul_kind	 kind;
	enum token_state	 token;
	uint64_t		 ask;		/* its number, TOKEN_ASKED */
	uint64_t		 id;	/* the token's, TOKEN_RIGHT */
	/* the token frame, as it comes */
	uint8_t			 frame[FRAMES_TYPED + TOKEN_MAX];
	uint32_t		 have;
	int			 again;	/* a data tunnel that was none */
	int			 refused;	/* another client is there */
	struct ws_message	*message;	/* as it comes */
	/* a control channel */
	uint64_t		 heard;	/* the last signal, worker_now */
	uint64_t		 spacing; /* longest of two heartbeats */
	uint64_t		 beat_last;	/* the last that came */
	uint64_t		 beat_at;	/* the next that is due */
	uint64_t		 probed;	/* no answer to it yet; 0 */
	uint64_t		 doubted; /* it must show life by then; 0 */
	uint64_t		 said;	/* since then: unheard? */
	uint64_t		 joined; /* last seen with a data tunnel */
	int			 closed;	/* its end was said */
	int32_t			 balance; /* tunnels asked for less used */
	struct slotpool		*slots;	/* transport udp, dialled */
	/* a data tunnel */
	uint64_t		 ping_at;	/* WebSocket, idle */
	uint64_t		 begun;	/* too few octets have come since; 0 */
	uint64_t		 usable_at;	/* for users, then; 0 */
	int			 doubtful; /* is it one? */
	int32_t			 counted;	/* demand_arrived's */
};

/* ---- control.c: a control channel, on both sides ---- */

/* It is one from here on. */
void	 control_run(struct tunnel *);
/* Reads its signals, in its turn. */
void	 control_turn(struct tunnel *);
uint64_t control_tick(struct tunnel *, uint64_t now);
/* Not wanted any more, which is constant words: it says its end, and ends. */
void	 control_leave(struct tunnel *, const char *why);
/* Says one signal.  -1: the peer does not read, and it is killed. */
int	 control_say(struct tunnel *, enum signal);
/*
 * Bare TCP: should the peer's system have acknowledged by now what was said?
 */
int	 control_is_late(const struct tunnel *);
/* Another claims its place: it must show within a moment that it lives. */
void	 control_doubt(struct tunnel *);
/*
 * It is gone: the data tunnels that it spoke for (of the remote, where tunnels
 * are dialled) end, or drain if they are used.
 */
void	 control_gone(struct service *, const struct remote *);
/* A data tunnel ends, or drains if it is used. */
void	 control_end_data(struct tunnel *, const char *why);

/* ---- demand.c: how many tunnels there should be ---- */

/* Accepting side: asks the client for n tunnels more. */
void	 backhaul_want_more(struct service *, uint32_t n);
/* So many users wait for one. */
void	 demand_starved(struct service *, uint32_t waiting);
/*
 * A tunnel, or slot, has come.  How many more are kept waiting for it; -1: it
 * was asked for.
 */
int32_t	 demand_arrived(struct service *);
/* Undoes that: a data tunnel has turned out to be none. */
void	 demand_was_none(struct tunnel *);
/* A tunnel has been taken. */
void	 demand_taken(struct tunnel *);
/* Accepting side: a tunnel has come.  Is it one too many?  The oldest goes. */
void	 demand_bound(struct tunnel *);
/* Accepting side: a user has got one. */
void	 demand_used(struct service *);
/* Asks again for what did not come. */
void	 demand_tick(struct service *, uint64_t now);
/* Dialling side: how many of n the pool may have at a remote now. */
uint32_t demand_may_dial(struct service *, const struct remote *, uint32_t n);
/* The server has asked for one more. */
void	 demand_asked(struct tunnel *control);

/* ---- admit.c: the accepting side's tunnels until they run ---- */

void	 admit_turn(struct tunnel *);
/* WebSocket: the status of the answer, 0: not known yet. */
int	 admit_asked(struct tunnel *, const struct http_head *);
/* The control channel, whose place another claims, lives. */
void	 admit_control_lives(struct service *);
/*
 * A token is none any more: whoever has said it is let go, and its users stay
 * to their end.
 */
void	 admit_token_gone(struct service *, uint64_t id);
/* The tunnel is being freed. */
void	 admit_forget(struct tunnel *);

/* ---- token.c: tokens that are said, and what keys say of them ---- */

/*
 * Reads the token frame that a tunnel begins with, and not an octet beyond it.
 * 1: it is whole, and in bt->frame; 0: not yet; -1: it is none, or has ended,
 * and the tunnel is killed.
 */
int	 token_read(struct tunnel *, struct frame *);
/*
 * Asks keys whether these octets are a token of the service; told is called
 * later, with the id of the one that it is or 0, when keys is there, or never.
 * 0: no memory, or no token is so long; else a number for backhaul_unask.
 */
uint64_t backhaul_ask_token(struct service *, const uint8_t *, size_t,
	    void (*told)(void *, uint64_t id), void *);
void	 backhaul_unask(struct service *, uint64_t);
/* Other tokens may be in force: is each that was said still one? */
void	 token_review(struct service *);
/* -1: no memory, and who said it has been let go. */
int	 token_review_id(struct service *, uint64_t id);
/* keys has answered, or (NULL) is new. */
void	 token_told(struct service *, const struct msg_token_told *);

/* ---- reach.c: the dialling side's tunnels until they run ---- */

/* Which kind the tunnel is to be. */
void	 reach_begin(struct tunnel *);
void	 reach_turn(struct tunnel *);
int	 reach_ask(struct tunnel *, struct http_ask *);
/* Where tunnels to a remote go: to its control channel's address, or NULL. */
const struct addr *reach_at(const struct service *, const struct remote *);
/* The control channel to a remote that is up, or on its way; or NULL. */
struct tunnel *reach_control(const struct service *, const struct remote *);

/* ---- data.c: a data tunnel ---- */

/* It is one from here on: its session starts. */
void	 data_run(struct tunnel *);
/* Its turn as long as nobody else reads it (TUNNEL_F_LISTENS). */
void	 data_listen(struct tunnel *);
uint64_t data_tick(struct tunnel *, uint64_t now);
/* Accepted: users will get it in a moment. */
int	 data_is_coming(const struct tunnel *);
/* What users of a listener want that send one KIND_, in the peer's words. */
const char *data_target(const struct service *, const struct addr *listener,
	    uint32_t kind);
ssize_t	 data_put_want(struct tunnel *, const struct want *, uint8_t *,
	    size_t);
ssize_t	 data_get_want(struct tunnel *, const uint8_t *, size_t,
	    struct want *, const char **why);

#endif /* BACKHAUL_PART_H */
