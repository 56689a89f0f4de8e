/* SPDX-License-Identifier: ISC */

/*
 * A worker's request for a connection, until it is answered: once, also if it
 * is cancelled.  It waits for its place (queue.h), then asks resolve for the
 * name (question.h).  Addresses are tried one a moment after another
 * (RFC 8305), and the first that connects wins (connect.h); tls or quic shakes
 * hands with it where the transport wants that.  For QUIC it is a UDP socket,
 * and the next request is at the next address when nobody shook hands.  A
 * remote's keeps its place until the worker says what became of the tunnel.
 *
 * Of a target that the peer has named, the name is judged before it is looked
 * up and each address after that, by the rules that are in force then.  A
 * remote's tunnel may be for one address of its name only: one that the name
 * has, or that was reached by it before.
 */

#ifndef WORKER_REQUEST_H
#define WORKER_REQUEST_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/channel.h"
#include "shared/msg.h"
#include "entry.h"
#include "queue.h"

struct request;

struct peer {				/* a worker */
	TAILQ_ENTRY(peer)	 entry;		/* the role's */
	struct channel		*channel;
	TAILQ_HEAD(, request)	 list;
	struct owner		 owner;
	uint32_t		 requests;
};

struct request_stats {
	uint32_t		 under_way;	/* now */
	uint64_t		 asked, connected, failed, refused;
	uint64_t		 cancelled, paced, shed, blocked;
};

/* request.c */

/* After queue_init.  What may be dialled is in the entries, which are lent. */
void		 requests_init(struct entries *);
/* A worker has come; it has gone, and all that it asked for is given up. */
void		 request_peer(struct peer *, struct channel *);
void		 request_peer_gone(struct peer *);
/* What a worker says; its numbers are its own.  Unknown ones are ignored. */
void		 request_ask(struct peer *, const struct msg_dial *);
void		 request_ask_named(struct peer *,
		    const struct msg_dial_named *);
void		 request_cancel(struct peer *, uint32_t number);
void		 request_settled(struct peer *, uint32_t number);
/*
 * One target has a new directory; with NULL, all have, and other rules, for the
 * entries are new.  The old directories are closed.
 */
void		 requests_renew(const struct entry *);
/*
 * A tls or quic process has come, or has gone: what it did is begun anew with
 * its successor, and 0 is returned when that is there already.
 */
void		 requests_tls_joined(struct channel *);
int		 requests_tls_left(struct channel *);
/* It has finished; takes fd, which is -1 when it failed. */
void		 requests_started(struct channel *, const struct msg_started *,
		    int fd);
const struct request_stats *request_stats(void);

#endif /* WORKER_REQUEST_H */
