/* SPDX-License-Identifier: ISC */

/*
 * Octets by port, where `usage yes' wants them counted: the port that users
 * come to or, on the side with the target, the target's.  A bounded table,
 * which relays and flows feed at their end and once a second.  What has been
 * added goes to the parent now and then, which has a file for it.
 */

#ifndef WORKER_PORTS_H
#define WORKER_PORTS_H

#include <stdint.h>

struct service;

struct port_count {
	uint32_t	 port;		/* 0: all that are not counted alone */
	uint64_t	 octets_in;	/* from tunnels */
	uint64_t	 octets_out;	/* into tunnels */
	uint64_t	 connections;	/* or flows, ever */
	uint64_t	 told;		/* octets that the parent knows of */
};

/* Ports that are counted alone; with more, memory would have no bound. */
#define PORTS_MAX	4096

/* ports.c */

/* From here on service->used counts. */
void		 ports_init(struct service *);
/* Once a second, after relay_tick and flow_tick. */
void		 ports_tick(void);
/* Tells the parent all that it does not know: at the end of the process. */
void		 ports_tell(void);
/* The i'th of those that are counted; NULL: there are no more. */
const struct port_count	*ports_get(uint32_t i);
/* Connections that were counted under port 0 for want of room. */
uint64_t	 ports_beyond(void);

#endif /* WORKER_PORTS_H */
