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

#define CTLSTREAM_OUT	160	/* octets: more than ten messages are a flood */

struct ctlstream {
	struct tunnel	*tunnel;
	struct stream	*stream; /* NULL: not open */
	uint64_t	 ping_next;	/* when to ping */
	uint64_t	 ping_sent;	/* 0: none under way */
	int		 drain_due; /* sent as soon as there is room */
	int		 full;	/* the log says that it is not read */
	int		 noticed;	/* it has, of the peer's notices */
	size_t		 in_len;
	size_t		 out_len;
	uint8_t		 in[ROCKET_CONTROL_MAX];
	uint8_t		 out[CTLSTREAM_OUT];	/* not pulled yet */
};

/* ctlstream.c */

void	 ctlstream_init(struct ctlstream *, struct tunnel *);
/*
 * On the side that opens streams: opens it, the first of a session.  -1: the
 * session gave none.
 */
int	 ctlstream_open(struct ctlstream *, struct session *);
/* On the other side: it is the first stream that the peer opens. */
void	 ctlstream_accept(struct ctlstream *, struct stream *);
/* Tells the peer to drain, as soon as the stream is there and has room. */
void	 ctlstream_drain(struct ctlstream *);
/* Sends a message; if there is no room it is dropped and logged. */
void	 ctlstream_more(struct ctlstream *, uint32_t);
void	 ctlstream_notice(struct ctlstream *, const char *words);
void	 ctlstream_ping(struct ctlstream *, uint64_t now);
/* Pings if it is time; returns when it will be. */
uint64_t ctlstream_tick(struct ctlstream *, uint64_t now);

#endif /* WORKER_CTLSTREAM_H */
