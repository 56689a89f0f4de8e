/* SPDX-License-Identifier: ISC */

/*
 * The control stream of a tunnel, the first of its session
 * (rocket-protocol(7)): pings and their RTT, drain, more tunnels wanted.
 */

#ifndef WORKER_CTLSTREAM_H
#define WORKER_CTLSTREAM_H

#include <stddef.h>
#include <stdint.h>

#include "rocket.h"
#include "worker/session/session.h"

struct tunnel;

#define CTLSTREAM_OUT	160	/* octets: ten messages, and more is a flood */

struct ctlstream {
	struct tunnel	*tunnel;
	struct stream	*stream; /* NULL: not open yet, or not any more */
	uint64_t	 ping_next;	/* when to ping */
	uint64_t	 ping_sent;	/* 0: none under way */
	int		 drain_due; /* to be said as soon as there is room */
	size_t		 in_len;
	size_t		 out_len;
	uint8_t		 in[ROCKET_CONTROL_MAX];
	uint8_t		 out[CTLSTREAM_OUT];	/* not pulled yet */
};

/* ctlstream.c */

void	 ctlstream_init(struct ctlstream *, struct tunnel *);
/*
 * Who opens streams: opens it, the first of a session.  -1: it has none to
 * give.
 */
int	 ctlstream_open(struct ctlstream *, struct session *);
/* The other side: the first stream that the peer opened is it. */
void	 ctlstream_accept(struct ctlstream *, struct stream *);
/* Says so, if need be once the stream is there and has room. */
void	 ctlstream_drain(struct ctlstream *);
/* Sends a message; one that finds no room is dropped and said in the log. */
void	 ctlstream_more(struct ctlstream *, uint32_t);
void	 ctlstream_ping(struct ctlstream *, uint64_t now);
/* Pings when it is time; returns when that is. */
uint64_t ctlstream_tick(struct ctlstream *, uint64_t now);

#endif /* WORKER_CTLSTREAM_H */
