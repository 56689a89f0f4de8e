/* SPDX-License-Identifier: ISC */

/*
 * The pair between udp and a worker: a socket pair of octets on which frames
 * pass, so that a flow of datagrams is for the worker what a user's connection
 * is.  One end, udp's, opens flows and numbers them; both send datagrams, whole
 * or not at all, and both may end a flow.  What is written is gathered in a
 * buffer of bounded size, and leaves in one write; what is read comes in big
 * pieces.  Nothing is allocated for a datagram, and nothing waits.
 *
 * Whatever the other end sends is checked here, but for one thing: whether a
 * flow is still there.  A frame may come late, after its flow was ended from
 * here, and is then no fault.
 */

#ifndef WORKER_FLOWPAIR_H
#define WORKER_FLOWPAIR_H

#include <stddef.h>
#include <stdint.h>

#include "shared/addr.h"
#include "shared/opts.h"

/* The largest that UDP over IPv4 can carry. */
#define FLOW_DATAGRAM_MAX	65507

enum flow_type {
	FLOW_OPEN = 1,	/* udp -> worker	struct flow_open */
	FLOW_DATA,	/* both			one datagram */
	FLOW_END,	/* both			uint32_t, enum flow_reason */
	FLOW_KEEP,	/* worker -> udp	nothing: it is no stranger's */
	FLOW_LET	/* worker -> udp	struct flow_let; of no flow */
};

enum flow_reason {
	FLOW_IDLE,		/* nothing has passed for too long */
	FLOW_SHED,		/* it lost its place to others */
	FLOW_REFUSED,		/* it cannot be served now */
	FLOW_FAILED,		/* its target cannot be reached */
	FLOW_GONE,		/* what carried it is gone */
	FLOW_REASONS
};

/* A frame as it passes, in host order; so many octets follow. */
struct flow_head {
	uint32_t	 flow;		/* never 0, but with LET */
	uint16_t	 len;
	uint8_t		 type;		/* enum flow_type */
	uint8_t		 flags;		/* 0 */
};

struct flow_open {			/* both IPv4, or both IPv6 */
	struct addr	 user;
	struct addr	 listener;	/* that the user sent to */
	uint32_t	 tunnel;	/* 1: a socket for tunnels; no user */
	/* ASK_SOCKS: its datagrams say where they go; ASK_NONE */
	uint32_t	 asks;
};

/* The worker lets datagrams pass that say where they go, or not any more. */
struct flow_let {			/* both IPv4, or both IPv6 */
	struct addr	 user;		/* they come from; port 0: any */
	struct addr	 local;		/* they are sent to */
	uint32_t	 on;		/* 0: not any more */
};

/* A frame that has come. */
struct flow_frame {
	enum flow_type	 type;
	uint32_t	 flow;
	size_t		 len;		/* DATA */
	const uint8_t	*data;	/* DATA, until the next flowpair_fill */
	struct flow_open open;		/* OPEN */
	struct flow_let	 let;		/* LET */
	uint32_t	 reason;	/* END */
};

/*
 * Octets that may wait to be written; datagrams leave the last for ENDs.  On a
 * busy machine the other end may not run for some milliseconds: what comes in
 * those has to fit, or a bulk flow's work is done for nothing, up to here.
 * Memory is taken as far as it was ever filled.
 */
#define FLOWPAIR_MAX	(1024 * 1024)
#define FLOWPAIR_RESERVE	(16 * 1024)

struct flowpair;

/* flowpair.c */

/*
 * Takes over fd, one end of a socket pair (stream, non-blocking), also when it
 * fails.  opens: this end is udp's.  NULL: no memory.
 */
struct flowpair	*flowpair_new(int fd, int opens);
/* Closes it; what was not written is lost.  Takes NULL. */
void		 flowpair_free(struct flowpair *);
/* For events; it stays the pair's. */
int		 flowpair_fd(const struct flowpair *);

/*
 * Reads what has come, once.  1: there may be frames; 0: nothing has come;
 * -1: the other end is gone.  Frames not yet taken by flowpair_next stay.
 */
int		 flowpair_fill(struct flowpair *);
/*
 * The next whole frame of what was read.  1: there is one; 0: there is none;
 * -1: what comes is no frame that the other end may send, *why (a constant)
 * says why, and so will all that follows be.
 */
int		 flowpair_next(struct flowpair *, struct flow_frame *,
		    const char **why);

/*
 * Each puts a frame into the buffer, and copies what it is given.  -1: there is
 * no room for all of it, and nothing was put.  An END has room when datagrams
 * have none, and so have a KEEP and a LET, unless a great many wait: then it
 * has to be put later.
 *
 * open is for udp's end: a flow's number is greater than the last one's, in
 * circles (RFC 1982), and not that of a flow that is still there.
 */
int		 flowpair_open(struct flowpair *, uint32_t flow,
		    const struct flow_open *);
int		 flowpair_data(struct flowpair *, uint32_t flow, const void *,
		    size_t len);
int		 flowpair_end(struct flowpair *, uint32_t flow,
		    enum flow_reason);
int		 flowpair_keep(struct flowpair *, uint32_t flow);
int		 flowpair_let(struct flowpair *, const struct flow_let *);
/* Would an OPEN and a datagram of so many octets fit now? */
int		 flowpair_fits(const struct flowpair *, size_t len);
/*
 * Writes what it can without waiting.  1: all is written; 0: the rest when it
 * is writable; -1: the other end is gone.
 */
int		 flowpair_flush(struct flowpair *);
/* Octets that wait for flowpair_flush. */
size_t		 flowpair_waiting(const struct flowpair *);

#endif /* WORKER_FLOWPAIR_H */
