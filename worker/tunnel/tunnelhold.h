/* SPDX-License-Identifier: ISC */

/*
 * What tunnels hold of memory, and which is ended for it.  Beside what every
 * tunnel has, it holds what its peer lets wait: a batch that it does not read,
 * and half of a record.  A batch that has gone, and a record that is whole, are
 * progress.  When memory is short, one without progress is ended whose peer
 * holds most; and nobody has longer than a minute for the rest of a record.
 */

#ifndef WORKER_TUNNELHOLD_H
#define WORKER_TUNNELHOLD_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "worker/net/ledger.h"

struct service;
struct tunnel;

struct tunnelhold {
	TAILQ_ENTRY(tunnel) entry;	/* if it is stuck */
	struct charge	 charge;	/* to its peer's source */
	size_t		 octets;	/* charged; the wire's are not in it */
	size_t		 waits;		/* for the peer, with the wire's... */
	uint64_t	 stuck;		/* ...without progress since; 0 */
	uint64_t	 half;		/* half a record since; 0 */
	uint64_t	 emptied;	/* of the wire, at stuck */
	size_t		 going;		/* ended for memory: so much */
	int		 listed;
};

/* tunnelhold.c */

void		 tunnelhold_init(struct service *);
void		 tunnelhold_begin(struct tunnel *);
void		 tunnelhold_end(struct tunnel *);
/* At the end of its turn. */
void		 tunnelhold_look(struct tunnel *, uint64_t now);
/* Ends it if its record is overdue; when to look again, or UINT64_MAX. */
uint64_t	 tunnelhold_deadline(struct tunnel *, uint64_t now);
/* Octets that wait for peers, without progress for so many microseconds. */
uint64_t	 tunnelhold_stuck(uint64_t us);
/* Ends one of these.  0: there is none. */
int		 tunnelhold_relieve(uint64_t us);

#endif /* WORKER_TUNNELHOLD_H */
