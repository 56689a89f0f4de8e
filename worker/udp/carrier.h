/* SPDX-License-Identifier: ISC */

/*
 * Who carries flows: a worker of a service, and the pair (flowpair.h) that is
 * made for it.  What is put during a turn of the loop leaves in one write at
 * its end.  A pair that is closed or breaks takes its flows with it, and is
 * made again.
 */

#ifndef WORKER_CARRIER_H
#define WORKER_CARRIER_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include <event2/event_struct.h>

#include "worker/net/flowpair.h"
#include "flowtab.h"

struct channel;
struct claim;
struct udpservice;

struct carrier {
	TAILQ_ENTRY(carrier)	 entry;
	struct channel		*channel;
	struct udpservice	*service;	/* NULL: none in this set */
	struct flow_owner	 flows;
	struct flowpair		*pair;		/* NULL: made again soon */
	struct event		 readable, writable;	/* of the pair */
	struct event		 again;		/* makes it */
	int			 room;		/* it has said so */
	int			 broken;	/* the pair is, in this turn */
	uint64_t		 took;	/* when it last took octets, or could */
	LIST_HEAD(, claim)	 claims;	/* claim.c's */
	uint32_t		 nclaims;
};

struct carrier_ops {
	/* A frame has come; its octets stay until done. */
	void	(*frame)(struct carrier *, const struct flow_frame *);
	void	(*done)(void);
	/* All its flows are gone: remove them. */
	void	(*lost)(struct carrier *);
	/* One that was behind is not any more, or it has lasted too long. */
	void	(*eased)(void);
};

/* carrier.c */

void		 carriers_init(const struct carrier_ops *);
/* No pair is made any more. */
void		 carriers_stop(void);
/* A worker's channel comes, goes; NULL: it is none of those, or no memory. */
struct carrier	*carrier_join(struct channel *);
void		 carrier_leave(struct carrier *);
struct carrier	*carrier_find(const struct channel *);
/* The next one after one, or the first. */
struct carrier	*carrier_next(struct carrier *);

/*
 * Who has fewest flows of those of a service that have said they have room;
 * else of all who are there.  NULL: nobody is.
 */
struct carrier	*carrier_pick(const struct udpservice *);
/* Can it carry flows of that service now? */
int		 carrier_serves(const struct carrier *,
		    const struct udpservice *);
/*
 * So much waits for each of a service's that what comes for it is better left
 * in the kernel for a moment; eased is called after it.
 */
int		 carriers_behind(const struct udpservice *);

/* Something waits for it, and it may not keep up with more. */
int		 carrier_pressed(const struct carrier *);

/* As flowpair's; an END can always be put once the pair is given up. */
int		 carrier_fits(struct carrier *, size_t len);
int		 carrier_open(struct carrier *, uint32_t flow,
		    const struct flow_open *);
int		 carrier_data(struct carrier *, uint32_t flow, const void *,
		    size_t len);
int		 carrier_end(struct carrier *, uint32_t flow,
		    enum flow_reason);
/* Gives up its pair at the end of this turn. */
void		 carrier_break(struct carrier *);

#endif /* WORKER_CARRIER_H */
