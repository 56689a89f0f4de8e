/* SPDX-License-Identifier: ISC */

/*
 * Users who say what target they want, by SOCKS or HTTP, before they are
 * connected to it: from their first octet to the answer that they get.  Each is
 * a relay all the time, charged as any user is; it has no stream before it is
 * known what the stream is for.  Where the service has logins he logs in first
 * (login.h).  Who does not say so in time is cut off, and who is refused is
 * told why, after a wrong login no earlier than in a second.  Who wants
 * datagrams relayed goes on to be one: he has an association (assoc.h) until he
 * goes, and never a stream.
 */

#ifndef WORKER_PROXY_H
#define WORKER_PROXY_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/opts.h"
#include "worker/session/session.h"

struct relay;
struct service;
struct want;

struct proxy_counts {
	uint64_t	 asks;		/* targets asked for */
	uint64_t	 bad;		/* users who did not ask in order */
	uint64_t	 late;		/* or not in time */
	uint64_t	 shed;		/* or made way for others who ask */
	uint64_t	 unchecked;	/* keys did not say in time */
	uint64_t	 refused;	/* who were told that they get none */
};

/* proxy.c */

void		 proxy_init(struct service *);
/*
 * A user, whose relay has no stream, begins to ask; svc->enter takes him when
 * he has asked for a target.  His relay is gone if he had to log in and has
 * been wrong too often.  udp: he may ask for an association.  -1: no memory,
 * and the relay is as it was.
 */
int		 proxy_begin(struct relay *, enum ask_kind, int udp);
/*
 * What he wants: sets host and port.  Returns the octets that his stream begins
 * with, *len of them, which stay here.
 */
const uint8_t	*proxy_wants(struct relay *, struct want *, size_t *len);
/* Are there such octets? */
int		 proxy_has_first(const struct relay *);
/*
 * He is connected, and told so; his proxy is gone.  Returns how many
 * octets his stream began with; -1: he takes none.
 */
ssize_t		 proxy_connected(struct relay *);
/*
 * He gets no target, and is told why; his relay has neither stream nor event,
 * and ends by itself, perhaps at once.
 */
void		 proxy_refuse(struct relay *, enum reset_reason);
/*
 * A request for one target is over: what else comes is read for a while, and
 * thrown away, or a reset would overtake the answer.  The relay has neither
 * stream nor event, and ends by itself.  -1: no memory.
 */
int		 proxy_linger(struct relay *);
/* His relay ends.  Does nothing when he is none. */
void		 proxy_end(struct relay *);
/*
 * Once a second: who did not ask in time, or does not go.  While the service
 * stops, associations that nobody uses end.
 */
void		 proxy_tick(uint64_t now);
/* The service stops: who has not asked yet will not; as for the tick. */
void		 proxy_stop(void);
const struct proxy_counts *proxy_counts(void);

#endif /* WORKER_PROXY_H */
