/* SPDX-License-Identifier: ISC */

/*
 * A flow joins one stream of kind udp and what is at its end: a user behind
 * the udp process, for whom the stream is opened, or a target's connected
 * socket, which the peer's stream asks for.  It is to datagrams what a relay is
 * to octets, with one difference: it never blocks and never makes others wait.
 * What cannot go on is dropped, whole, and counted by reason; what comes out of
 * the stream is taken at once.
 *
 * Where tunnels are datagrams themselves a flow has one of them in place of a
 * stream, its slot, and nothing is framed.
 */

#ifndef WORKER_FLOW_H
#define WORKER_FLOW_H

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdint.h>

#include "shared/addr.h"
#include "flowq.h"
#include "flowsock.h"
#include "throttle.h"
#include "worker/net/bucket.h"
#include "worker/net/flowpair.h"
#include "worker/session/session.h"
#include "worker/tunnel/service.h"

struct branch;
struct ctl_stream;
struct dest;
struct flow;
struct service;
struct tunnel;
struct want;

/* What a slot does for its flow. */
struct flow_slot {
	/*
	 * A datagram for the peer: it may have left only after flush.  -1: the
	 * slot is of no use any more and has let go of the flow, which waits
	 * for another.
	 */
	int	(*send)(struct flow *, const uint8_t *, size_t);
	void	(*flush)(struct flow *);
	/* The flow ends: to be forgotten, and not touched. */
	void	(*left)(struct flow *);
};

struct flow {
	TAILQ_ENTRY(flow)	 entry;	/* of service.flows, idlest first */
	TAILQ_ENTRY(flow)	 queue;	/* the process's, while it waits */
	LIST_ENTRY(flow)	 bucket;	/* the process's, by number */
	struct bucket		 own[THROTTLE_WAYS];	/* its rates */
	struct stream		*stream;	/* NULL: it waits for one */
	struct tunnel		*tunnel;	/* of the stream */
	const struct flow_slot	*slot;		/* in place of a stream */
	void			*slot_arg;	/* the slot's own */
	uint32_t		 slots;	/* that it has had */
	struct flowq		 q;		/* for the stream */
	uint8_t			*pre;		/* the want, sent first */
	uint16_t		 pre_off, pre_len;
	/* of the datagram that the stream is in: stamp and length, octets */
	uint8_t			 head[DATAGRAM_HEAD_MAX];
	uint8_t			 have;		/* octets of head */
	uint32_t		 got;		/* octets of part */
	uint8_t			*part;		/* NULL: to be dropped */
	uint64_t		 since;		/* worker_now of the start... */
	uint64_t		 last;	/* ...and of the last datagram */
	uint64_t		 octets_in;	/* from the stream */
	uint64_t		 octets_out;	/* into it */
	struct usage		 usage;
	uint32_t		 datagrams_in;
	uint32_t		 datagrams_out;
	int			 waits;		/* in the process's queue... */
	uint64_t		 asked;		/* ...since */
	enum reset_reason	 failed; /* it ends soon; RESET_NONE: not */
	/* the user's end: of the udp process */
	uint32_t		 number;	/* on the process's pair */
	int			 gone;		/* it has ended there */
	/* of one who names targets: which, and the process's; else NULL */
	const struct dest	*to;
	struct branch		*branch;
	/* the target's end */
	struct event		 ev;
	struct flowq		 early;		/* until it is connected */
	uint32_t		 dial;		/* request under way, or 0 */
	struct flowsock		 sock;
	int			 readable;
	struct addr		 user;
	struct addr		 other;		/* listener, or target */
};

struct flow_events {			/* of a user's, to the process */
	/* Its tunnel died: it wants another stream, or slot. */
	void	(*lost)(struct flow *);
	/* A datagram for the user.  -1: udp takes no more now. */
	int	(*send)(struct flow *, const uint8_t *, size_t);
	/* It is freed after the call; unless gone, udp has to be told. */
	void	(*ended)(struct flow *, enum flow_reason);
	/* Of a peer's slot, by its number: as flow_slot_put and so on. */
	int	(*slot_put)(uint32_t, const uint8_t *, size_t);
	int	(*slot_keep)(uint32_t);
	void	(*slot_end)(uint32_t, enum flow_reason);
};

/* flow.c */

void		 flow_init(struct service *, const struct flow_events *);
/*
 * A user's; the idlest may make way for it.  to: the target that he names,
 * which stays the caller's, or NULL.  NULL: no memory.
 */
struct flow	*flow_new_user(uint32_t number, const struct flow_open *,
		    const struct dest *to);
/* Opens its stream; -1: the session has no room (the flow stays). */
int		 flow_open(struct flow *, struct tunnel *);
/* The user has sent this. */
void		 flow_from_user(struct flow *, const uint8_t *, size_t);
/* The user's end is gone; the flow is too, or soon. */
void		 flow_user_gone(struct flow *);
/* Ends it as refused. */
void		 flow_abort(struct flow *, enum reset_reason);
/*
 * The peer's stream wants a target's datagrams: dials it.  The stream, which is
 * counted in its tunnel, is the flow's from here on.  NULL: no memory.
 */
struct flow	*flow_accept(struct stream *, struct tunnel *,
		    const struct want *, uint32_t offset);
/* ---- slots ---- */

/* A user's flow gets this one, and what waits leaves by it. */
void		 flow_carry(struct flow *, const struct flow_slot *,
		    void *arg);
/*
 * A peer's slot wants the target that is named, "host" and port: dials it.
 * left is called when it ends.  NULL: no memory, or too many.
 */
struct flow	*flow_accept_slot(const struct flow_slot *, void *arg,
		    const struct addr *peer, const char *host, uint32_t port);
/* A datagram has come by its slot, and may leave only with settle. */
void		 flow_from_slot(struct flow *, const uint8_t *, size_t);
void		 flow_settle(struct flow *);
/* The slot is gone: a user's flow waits for another, a target's ends. */
void		 flow_slot_lost(struct flow *);
/*
 * On the side that accepts tunnels a slot is a flow of the udp process: sends a
 * datagram, says that it is no stranger's, ends it.  -1: udp takes no more now.
 */
int		 flow_slot_put(uint32_t number, const uint8_t *, size_t);
int		 flow_slot_keep(uint32_t number);
void		 flow_slot_end(uint32_t number, enum flow_reason);

/* ---- streams ---- */

/* Octets that came behind the want.  -1: the flow is gone. */
int		 flow_take(struct flow *, const uint8_t *, size_t);
/* Once a second: ends those that nobody else has ended, and counts octets. */
void		 flow_tick(uint64_t now);
void		 flow_describe(const struct flow *, struct ctl_stream *);

#endif /* WORKER_FLOW_H */
