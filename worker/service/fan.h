/* SPDX-License-Identifier: ISC */

/*
 * Users whose datagrams say where they go, by SOCKS 5: a flow of the udp
 * process is such a user's socket, and here a fan.  Each target that he names
 * is a branch of it with a flow of its own, which has a stream and knows
 * nothing of SOCKS.  What comes back gets the header that the user wrote.  A
 * fan is there as long as an association lets it (assoc.h).
 *
 * A target that was refused keeps its branch for a moment, so that it is not
 * asked for with each datagram; what comes for it is dropped.
 */

#ifndef WORKER_FAN_H
#define WORKER_FAN_H

#include <stddef.h>
#include <stdint.h>

#include "worker/net/flowpair.h"

struct fan;
struct flow;
struct flow_events;
struct service;

/* Targets of a user's socket at once; one more, and the idlest goes. */
#define FAN_BRANCHES	64

struct fan_stats {
	uint64_t	 none;		/* flows refused: no association */
	uint32_t	 branches;	/* there are now */
	uint64_t	 shed;		/* went for another of their socket */
	uint64_t	 shed_source;	/* for `udp flows per source' */
	uint64_t	 shed_total;	/* for `udp flows max' */
	/* datagrams dropped: */
	uint64_t	 bad;		/* no header, or a fragment */
	uint64_t	 refused;	/* their target had just been */
	uint64_t	 paced;		/* too many targets begin */
	uint64_t	 memory;	/* none for a target */
	uint64_t	 large;		/* too long with their header */
};

/* fan.c */

/* How udp is told: slot_put and slot_end. */
void		 fans_init(struct service *, const struct flow_events *);
/* udp has opened it.  -1: no association lets it, or no memory. */
int		 fan_begin(uint32_t number, const struct flow_open *);
/* NULL: there is none of that number. */
struct fan	*fan_find(uint32_t number);
/*
 * A datagram of the user: the flow that it is for, which may be one that has no
 * stream yet (*fresh), and the octets of its header.  NULL: it is dropped.
 */
struct flow	*fan_flow(struct fan *, const uint8_t *, size_t len,
		    size_t *head, int *fresh);
/* One for the user, from that flow.  -1: udp takes no more now. */
int		 fan_send(struct flow *, const uint8_t *, size_t);
/* The flow of a branch ends, as flow_events.ended. */
void		 fan_ended(struct flow *, enum flow_reason);
/* udp has ended it.  Takes NULL. */
void		 fan_gone(struct fan *);
/* All numbers mean nothing any more. */
void		 fans_lost(void);
/* Once a second. */
void		 fans_tick(uint64_t now);
const struct fan_stats *fan_stats(void);

#endif /* WORKER_FAN_H */
