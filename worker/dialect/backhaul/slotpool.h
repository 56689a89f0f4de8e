/* SPDX-License-Identifier: ISC */

/*
 * Transport udp, the side that dials: the slots of one control channel.  A slot
 * is a socket of its own to the server.  It says the token once, in its first
 * datagram, and then nothing: the server would take it for data of a user who
 * is yet to come.  While it is idle the server says one octet now and then.
 * The first other datagram names the target, and from there on all that passes
 * is data of one flow.
 *
 * Nothing tells us whether a token has arrived, but that octet: a slot that has
 * not heard it for three times as long as is usual is abandoned for another.
 */

#ifndef BACKHAUL_SLOTPOOL_H
#define BACKHAUL_SLOTPOOL_H

#include <stdint.h>

struct service;
struct slotpool;

/* slotpool.c */

/*
 * Opens the service's pool at this remote (its index), at the address that its
 * control channel has reached.  NULL: no memory.
 */
struct slotpool	*slotpool_new(struct service *, uint32_t remote,
		    const struct addr *at);
/* Closes all, and ends the flows that have slots.  Takes NULL. */
void		 slotpool_free(struct slotpool *);
/* Is the remote's address another by now?  It can open no more slots. */
int		 slotpool_elsewhere(const struct slotpool *);
/* The server has asked for one more. */
void		 slotpool_more(struct slotpool *);
/* The server's heartbeats are so far apart, in microseconds. */
void		 slotpool_spacing(struct slotpool *, uint64_t);
/*
 * Abandons slots, and opens others in their place, if it is time for that;
 * returns when it will be again.
 */
uint64_t	 slotpool_tick(struct slotpool *, uint64_t now);
/* Slots that wait for a user. */
uint32_t	 slotpool_idle(const struct slotpool *);

#endif /* BACKHAUL_SLOTPOOL_H */
