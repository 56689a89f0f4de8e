/* SPDX-License-Identifier: ISC */

/*
 * What a user of a listener for SOCKS (4, 4a, 5) or for HTTP (CONNECT, and
 * requests in absolute form) asks for: a target by name, which somebody else
 * may allow and dial.  Octets in, octets out; it knows no descriptor, no clock,
 * no log and no name service, and allocates nothing once it is made.
 *
 *	ask_new, then ask_input with what comes while it says ASK_MORE;
 *	at ASK_LOGIN: ask_told, and on with the octets that were not taken;
 *	at ASK_TARGET or ASK_UDP: ask_answer, once it is known how it went.
 *
 * After each of these calls there may be something to be said to the user.  In
 * ASK_REFUSED the connection is closed once that is said (read on until then,
 * or a reset may overtake it).  In ASK_DONE the target gets the octets of
 * ask_front, then of those that were not taken, and of what the user sends
 * later, as many as the body has: keep a copy of it when the ask is freed.
 */

#ifndef WORKER_ASK_H
#define WORKER_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "shared/addr.h"
#include "shared/opts.h"
#include "dest.h"
#include "http.h"
#include "httpbody.h"

#define ASK_NAME_MAX	256	/* of a user, or a password, with its NUL */
#define ASK_HEAD_MAX	16384	/* octets of a request's head */
#define ASK_SAY_MAX	512

enum ask_state {
	ASK_MORE,		/* more octets are wanted */
	ASK_LOGIN,		/* are name and password right? */
	ASK_TARGET,		/* to: a connection there is wanted */
	ASK_UDP,		/* an association for datagrams is wanted */
	ASK_DONE,		/* answered: connected, or associated */
	ASK_REFUSED		/* why says why */
};

/* How it went with the target: what the user is told. */
enum ask_result {
	ASK_CONNECTED,		/* or associated */
	ASK_FAILED,		/* for a reason of ours: no tunnel, no memory */
	ASK_NOT_ALLOWED,
	ASK_NO_NAME,		/* it does not resolve */
	ASK_UNREACHABLE,	/* no way to its network or host */
	ASK_WAS_REFUSED,	/* nobody listens there */
	ASK_TIMED_OUT,
	ASK_RESULTS
};

struct ask_ops;

/* Only to be read, and only what is above the line. */
struct ask {
	enum ask_kind		 kind;
	enum ask_state		 state;
	const char		*protocol;	/* "SOCKS 5", for a log line */
	/* ASK_REFUSED: in words that are constant, for a log line */
	const char		*why;
	struct dest		 to;	/* from ASK_TARGET on */
	/*
	 * ASK_UDP: where its datagrams will come from, as far as the user says
	 * so; ADDR_NONE, an address or a port of zero: from anywhere.
	 */
	struct addr		 from;
	/*
	 * At ASK_LOGIN: any octets but NUL, not fit for a log.  The password is
	 * wiped by ask_told; the name stays if it was right.
	 */
	char			 name[ASK_NAME_MAX];
	char			 password[ASK_NAME_MAX];
	/*
	 * From ASK_TARGET on: which of the user's next octets are the target's.
	 * All, but for a request in absolute form: the next one may be for
	 * another, even if the target did not close.
	 */
	struct httpbody		 body;

	/* ---- */
	const struct ask_ops	*ops;
	int			 login;
	int			 udp;
	uint8_t			 say[ASK_SAY_MAX];
	size_t			 said;		/* octets of say... */
	size_t			 saying;	/* ...of so many */
	int			 step;		/* SOCKS: what comes next... */
	size_t			 need;	/* ...when so many octets are there */
	struct http_seen	 seen;		/* HTTP: of the head */
	int			 connect;	/* it is CONNECT... */
	int			 head;		/* ...or HEAD: without a body */
	size_t			 front;		/* octets for the target */
	size_t			 len;	/* octets of buf that are in use */
	uint8_t			 buf[];		/* of the kind's size */
};

/* ask.c */

/*
 * login: users have to log in.  udp: they may ask for an association.  NULL: no
 * memory; it takes some 2 KiB for SOCKS, 18 KiB for HTTP.
 */
struct ask	*ask_new(enum ask_kind, int login, int udp);
/* Wipes it first.  Takes NULL. */
void		 ask_free(struct ask *);
/*
 * Takes octets, *took of the len, and says how it stands.  The others stay the
 * caller's: they are for the next call after ASK_LOGIN, or early data for the
 * target.  Takes none unless it stands at ASK_MORE.
 */
enum ask_state	 ask_input(struct ask *, const uint8_t *, size_t len,
		    size_t *took);
/*
 * At ASK_LOGIN: are they right?  The answer to a wrong one says neither which,
 * nor more than that to none; when it is said is the caller's to decide.
 */
enum ask_state	 ask_told(struct ask *, int right);
/*
 * At ASK_TARGET or ASK_UDP.  bound: our end of the connection to the target, or
 * where datagrams are to be sent to; NULL or ADDR_NONE: it is not known.
 */
enum ask_state	 ask_answer(struct ask *, enum ask_result,
		    const struct addr *bound);
/* What is to be said to the user, *len octets, and that so many were. */
const uint8_t	*ask_say(const struct ask *, size_t *len);
void		 ask_said(struct ask *, size_t);
/* What goes to the target before all else; from ASK_TARGET on. */
const uint8_t	*ask_front(const struct ask *, size_t *len);

#endif /* WORKER_ASK_H */
