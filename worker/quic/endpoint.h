/* SPDX-License-Identifier: ISC */

/*
 * A UDP socket on which QUIC is spoken: a listener that the parent has lent, or
 * one that dial has connected.  Packets come and go in batches, and runs of one
 * peer's pass the kernel as one where it can (GRO, GSO).  An answer leaves from
 * the address that its peer sent to.  What a full socket does not take is kept,
 * and no more is taken meanwhile; what cannot be sent at all is lost, as on the
 * way.
 */

#ifndef WORKER_ENDPOINT_H
#define WORKER_ENDPOINT_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include <event2/event_struct.h>

#include "shared/msg.h"

/* The longest that is built here, and the first size of a path. */
#define ENDPOINT_PACKET	1500

struct endpoint_left;

struct endpoint {
	TAILQ_ENTRY(endpoint)	 entry;		/* the owner's, as are... */
	struct msg_listen	 conf;		/* ...this of a listener */
	void			*arg;		/* ...and this */
	struct event		 ev_read, ev_write;
	int			 fd;
	int			 connected;
	int			 any;		/* bound to all addresses */
	int			 inet6;		/* an IPv6 socket */
	struct addr		 local, peer;	/* peer: connected */
	int			 error;		/* errno of the last send */
	uint32_t		 lost;		/* by the kernel, ever */
	uint64_t		 runs_again;	/* none are tried until then */
	struct endpoint_left	*left;		/* is full: to be sent first */
};

struct endpoint_packet {		/* one that has come */
	const uint8_t	*octets;
	size_t		 len;		/* not 0 */
	uint32_t	 ecn;		/* of IP, 0 to 3 */
	const struct addr *peer, *local;
};

struct endpoint_ops {
	void	(*packet)(struct endpoint *, const struct endpoint_packet *);
	/* All of a batch has been given. */
	void	(*batch)(struct endpoint *);
	/* It has room again. */
	void	(*room)(struct endpoint *);
	/* A send has failed, errno is in error.  It stays for now. */
	void	(*failed)(struct endpoint *);
};

struct endpoint_stats {
	uint64_t	 packets_in, octets_in;
	uint64_t	 packets_out, octets_out;
	uint64_t	 reads, writes;		/* system calls */
	uint64_t	 full;			/* times a socket was */
	uint64_t	 dropped_kernel;	/* before we could read them */
	uint64_t	 dropped_send;		/* could not be sent */
};

/* endpoint.c */

/* Memory for batches; -1: there is none. */
int		 endpoints_init(const struct endpoint_ops *);
/*
 * Takes over fd, also on failure; who made it has set the options that QUIC
 * wants.  conf: of a listener; or NULL: it is connected to peer.  It is not
 * read yet.  NULL: no memory.
 */
struct endpoint	*endpoint_new(int fd, const struct msg_listen *conf,
		    const struct addr *peer);
/* Takes NULL; may be called from its callbacks. */
void		 endpoint_free(struct endpoint *);
void		 endpoint_read(struct endpoint *, int on);
/*
 * Room for a packet of ENDPOINT_PACKET octets.  NULL: it is full, and says when
 * there is room.
 */
uint8_t		*endpoint_room(struct endpoint *);
/* What was written there is a packet of so many octets for a peer. */
void		 endpoint_put(struct endpoint *, size_t len, uint32_t ecn,
		    const struct addr *peer, const struct addr *local);
/* Sends all that was put. */
void		 endpoint_flush(void);
const struct endpoint_stats *endpoint_stats(void);

#endif /* WORKER_ENDPOINT_H */
