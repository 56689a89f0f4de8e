/* SPDX-License-Identifier: ISC */

/*
 * A target's UDP socket, connected: datagrams in and out, many in one system
 * call where the kernel can (UDP_GRO, UDP_SEGMENT).  What it does not take at
 * once is dropped and counted: datagrams never wait here.
 */

#ifndef WORKER_FLOWSOCK_H
#define WORKER_FLOWSOCK_H

#include <sys/types.h>

#include <stdint.h>

#include "flowq.h"
#include "worker/net/proxyhdr.h"

/* One datagram of a target, or several that the kernel put together. */
struct flowsock_message {
	const uint8_t	*octets;
	size_t		 len;
	size_t		 segment;	/* of each but the last */
};

struct flowsock {
	int		 fd;		/* -1: not connected */
	uint32_t	 large;	/* about what a message holds */
	uint32_t	 segment;	/* UDP_SEGMENT as it is set; 0 */
	uint32_t	 plain;	/* sent one by one from this size on; 0 */
	uint32_t	 header_len;	/* goes before each datagram */
	uint8_t		 header[PROXYHDR_MAX];
};

struct flowsock_stats {
	uint64_t	 full;		/* dropped: the socket takes no more */
	uint64_t	 large; /* dropped: larger than the way allows */
	uint64_t	 calls;		/* to send, and... */
	uint64_t	 sent;		/* ...datagrams that they took */
};

/* flowsock.c */

const struct flowsock_stats *flowsock_stats(void);
/*
 * Reads messages, about max octets together, and at least one if there is one:
 * how many; they stay until the next read.  *more is 0 when there were no more.
 * -1 with errno: EAGAIN, or what ICMP told.
 */
int		 flowsock_read(struct flowsock *, size_t max,
		    const struct flowsock_message **, int *more);
/*
 * Adds a datagram, which must not change until flowsock_flush: only one socket
 * is written to at a time.
 */
void		 flowsock_put(struct flowsock *, const uint8_t *, size_t);
/* Sends what was added.  -1 with errno: the target is not there. */
int		 flowsock_flush(struct flowsock *);

#endif /* WORKER_FLOWSOCK_H */
