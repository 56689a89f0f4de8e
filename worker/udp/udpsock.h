/* SPDX-License-Identifier: ISC */

/*
 * A UDP socket that the parent has bound and lent: datagrams of many users come
 * and go, in batches.  An answer leaves from the address that its user sent to,
 * also where the socket is bound to all of them.  Runs of datagrams of one user
 * pass the kernel as one where it can (GRO, GSO).  Nothing waits: what the
 * socket does not take is dropped, and counted.
 */

#ifndef WORKER_UDPSOCK_H
#define WORKER_UDPSOCK_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include <event2/event_struct.h>

#include "shared/msg.h"

struct udpservice;
struct udpsock;

/*
 * Datagrams of one user have come: each of them `each' octets long, but for the
 * last, which may be shorter; one alone, if len is not above each.
 */
typedef void	 udpsock_arrived(struct udpsock *, const struct addr *user,
		    const struct addr *local, const uint8_t *, size_t len,
		    size_t each);

struct udpsock {
	TAILQ_ENTRY(udpsock)	 entry;		/* the caller's, as... */
	struct udpservice	*service;
	struct event		 ev;		/* ...are these */
	int			 paused;
	int			 gone;	/* not in the new set */
	struct msg_listen	 conf;
	int			 fd;
	int			 any;		/* bound to all addresses */
	uint32_t		 lost;	/* by the kernel, ever */
	size_t			 large;	/* about what a message holds */
	uint64_t		 runs_again;	/* none are tried until then */
};

struct udpsock_stats {
	uint64_t	 datagrams_in, octets_in;
	uint64_t	 datagrams_out, octets_out;
	uint64_t	 dropped_kernel;	/* before we could read them */
	uint64_t	 dropped_full;		/* a socket took no more */
	uint64_t	 dropped_send;		/* it could not be sent */
};

/* udpsock.c */

/* Memory for batches; -1: there is none. */
int		 udpsock_init(udpsock_arrived *);
/* Takes over fd.  NULL: no memory, and fd is closed. */
struct udpsock	*udpsock_new(int fd, const struct msg_listen *);
/* Closes it; the event has to be deleted before.  Takes NULL. */
void		 udpsock_free(struct udpsock *);
/*
 * Reads one batch and calls for all that is in it.  How many datagrams the
 * kernel lost since the last time.
 */
uint32_t	 udpsock_read(struct udpsock *);
/*
 * Puts a datagram into the batch, which may be sent for that; the octets have
 * to stay until udpsock_flush.
 */
void		 udpsock_put(struct udpsock *, const struct addr *user,
		    const struct addr *local, const uint8_t *, size_t len,
		    uint64_t now);
/* Sends the batch. */
void		 udpsock_flush(uint64_t now);
const struct udpsock_stats *udpsock_stats(void);

#endif /* WORKER_UDPSOCK_H */
