/* SPDX-License-Identifier: ISC */

/*
 * What relays hold of memory, since when, and who is reset for it.
 *
 * A relay holds what waits for its socket, and what LZ4 has for its stream.
 * Its socket has made progress when all has gone that waited at the last
 * progress, so that who takes an octet now and then makes none.  When memory is
 * short the victim is one of those who have been without progress longest: of
 * the source for which these hold most (ledger.h), never who merely holds most.
 */

#ifndef WORKER_HOLD_H
#define WORKER_HOLD_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "worker/net/ledger.h"

struct addr;
struct relay;
struct service;

struct hold {
	TAILQ_ENTRY(relay)	 entry;		/* if it holds something */
	uint64_t		 since;	/* worker_now of the last progress */
	uint64_t		 taken;	/* octets of the stream, ever */
	uint64_t		 mark;	/* so many are the next progress */
	uint64_t		 octets; /* of memory, but for the relay's */
	struct charge		 old;	/* weighed; of no ledger: hold.c */
	int			 listed;
};

/* Who has been without progress for so long may go before memory is spent. */
#define HOLD_STALE_US	(4 * 1000000ULL)

/* hold.c */

void		 hold_init(struct service *);
/* A relay's beginning, and its end: its own memory is charged. */
void		 hold_begin(struct relay *);
void		 hold_end(struct relay *);
/* Its user is known: who is charged from now on. */
void		 hold_charge(struct relay *, const struct addr *);
/* What it holds may have changed. */
void		 hold_look(struct relay *);
/* So many octets of the stream have left what waits, perhaps none. */
void		 hold_took(struct relay *, size_t);
/* Who has been without progress longest, and behind it by hold.entry. */
struct relay	*hold_oldest(void);
/* What all of them hold. */
uint64_t	 hold_octets(void);
/*
 * The one to be reset for memory; NULL: nobody holds anything, or (unless any)
 * nobody has been without progress for HOLD_STALE_US.
 */
struct relay	*hold_victim(int any);
/*
 * Only the reserve of descriptors is left: is there somebody who has more than
 * his part, or no use for it?  hold_make_room resets him; 0: there is nobody.
 */
int		 hold_can_shed(void);
int		 hold_make_room(void);

#endif /* WORKER_HOLD_H */
