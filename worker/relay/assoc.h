/* SPDX-License-Identifier: ISC */

/*
 * Associations (RFC 1928, section 7): a user's connection that lets datagrams
 * of his be relayed while it lasts.  Datagrams come by another way than the
 * connection, so the two are joined by addresses alone: datagrams may come to
 * the address that the connection came to, from the address that it came from,
 * and from the port that the user named, if he did.  Who relies on that does so
 * as long as any association lets him.
 */

#ifndef WORKER_ASSOC_H
#define WORKER_ASSOC_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

struct addr;
struct assoc;
struct assoc_source;
struct relay;
struct service;

struct assoc_use {		/* a socket of a user: who relies on it */
	TAILQ_ENTRY(assoc_use)	 entry;		/* of its source */
	struct assoc_source	*source;	/* NULL: it does not */
	uint32_t		 port;		/* of the user */
	/* No association lets it any more; it has left already. */
	void			(*over)(struct assoc_use *);
};
TAILQ_HEAD(assoc_uses, assoc_use);

struct assoc_stats {
	uint32_t	 now;		/* associations there are */
	uint64_t	 ever;
};

/* assoc.c */

void		 assoc_init(struct service *);
/*
 * The user of a relay has one until assoc_end; svc->lets is told of both.
 * from: where he says that his datagrams come from.  A port of zero is any; and
 * so is the port of another address than his connection comes from, for in
 * between addresses are translated, and ports with them.  NULL: no memory.
 */
struct assoc	*assoc_begin(struct relay *, const struct addr *from);
/* Ends those who relied on it alone.  Takes NULL. */
void		 assoc_end(struct assoc *);
/* Tells svc->lets of all there are. */
void		 assoc_tell_all(void);
/* Does it let anybody pass, alone or not? */
int		 assoc_used(const struct assoc *);
/*
 * What comes from user to local: lets it, if one of the associations does.  The
 * caller has set over.  -1: none does.
 */
int		 assoc_enter(struct assoc_use *, const struct addr *user,
		    const struct addr *local);
/* Does nothing when it has left. */
void		 assoc_leave(struct assoc_use *);
/* A datagram has passed. */
void		 assoc_moved(struct assoc_use *);
/*
 * Once a second: for a user's limits a datagram counts as an octet on each of
 * the connections that let it pass.
 */
void		 assoc_tick(void);
const struct assoc_stats *assoc_stats(void);

#endif /* WORKER_ASSOC_H */
