/* SPDX-License-Identifier: ISC */

/*
 * Which request is next: remotes before targets, each kind up to a number, and
 * workers by turns, so that none of them, and no target that does not answer,
 * keeps the others waiting.  A remote is given only a few of our tunnels at a
 * time to shake hands with, over all services: a server takes a burst of
 * unproven connections from one address for an attack.
 *
 * Knows no socket, message or clock.
 */

#ifndef WORKER_QUEUE_H
#define WORKER_QUEUE_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/msg.h"

/* Handshakes with one remote at a time: of all workers, and of one. */
#define QUEUE_PACE	16
#define QUEUE_PACE_OWNER	8
/* A target's connection this old (us) may make way for one of another. */
#define QUEUE_SHED	1000000ULL

struct owner;
struct pace;

enum place_state {
	PLACE_NONE,		/* zeroed: not in the queue */
	PLACE_WAITING,
	PLACE_BUSY,
	PLACE_SETTLING		/* of a remote: connected, shaking hands */
};

struct place {				/* of a request, which embeds it */
	TAILQ_ENTRY(place)	 entry;
	TAILQ_ENTRY(place)	 of_pace;
	void			*request;	/* the embedding one's */
	struct owner		*owner;
	struct pace		*pace;		/* NULL: of a target */
	enum dial_what		 what;
	enum place_state	 state;
	uint64_t		 since;		/* of PLACE_BUSY */
};
TAILQ_HEAD(places, place);

struct owner {				/* a worker; embedded, too */
	TAILQ_ENTRY(owner)	 entry;
	struct places		 waiting;	/* of targets */
	uint32_t		 busy;		/* targets */
};

/* queue.c */

/* So many may be PLACE_BUSY.  Forgets everything. */
void		 queue_init(uint32_t remotes, uint32_t targets);
void		 queue_owner(struct owner *);
/* Its places have left. */
void		 queue_owner_gone(struct owner *);
/* PLACE_WAITING.  host and port name a remote.  -1: no memory. */
int		 queue_enter(struct place *, void *request, struct owner *,
		    enum dial_what, const char *host, uint32_t port);
/* What may start: it is PLACE_BUSY since now.  NULL: nothing may. */
struct place	*queue_next(uint64_t now);
/* A remote's: it is connected, and counts as a handshake until it leaves. */
void		 queue_settling(struct place *);
/* In whatever state; it is PLACE_NONE. */
void		 queue_leave(struct place *);
/*
 * Targets wait for room, and another worker has more than its part of it: its
 * oldest, which is to be given up.  NULL: nobody waits, or none is old enough.
 */
struct place	*queue_victim(uint64_t now);
/* Does a target wait for room? */
int		 queue_crowded(void);

#endif /* WORKER_QUEUE_H */
