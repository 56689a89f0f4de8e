/* SPDX-License-Identifier: ISC */

/*
 * A session: a multiplexer on a tunnel.  Octets in, octets out; it knows no
 * descriptor, no clock (the time is given) and nothing of what its streams
 * carry.  smux, Mux.Pro, QUIC and "no mux" implement the ops; each stream's
 * owner, a relay or a dialect's control stream, is called for its octets.
 *
 * Payload out: a stream with something to send is made ready; the session
 * pulls it, fairly, when the tunnel takes octets, so nothing is read from a
 * socket before it can be put on the wire.  Payload in: handed over at once,
 * within what the stream was granted; it counts as held until it is consumed.
 *
 * With CAP_BULK bulk payload need not pass through memory.  Out: an owner puts
 * it into a pipe that follows the octets of output.  In: the session says whose
 * the next octets of the tunnel are, and they are diverted to that owner.
 */

#ifndef WORKER_SESSION_H
#define WORKER_SESSION_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

struct session;
struct stream;

enum reset_reason {		/* rocket-protocol(7), smux command 5 */
	RESET_NONE,
	RESET_ABORT,		/* the socket behind it was reset or failed */
	RESET_REFUSED,	/* the target refused, or cannot be reached */
	RESET_TIMEOUT,		/* the target did not answer in time */
	RESET_POLICY,		/* no such kind, not allowed, no room */
	RESET_PROTOCOL,		/* the peer broke the rules on this stream */
	RESET_MEMORY,	/* the worst reader, when the budget was spent */
	RESET_UNREACHABLE,	/* no way to the target */
	RESET_NAME,		/* the target's name does not resolve */
	RESET_TUNNEL,		/* never on the wire: the tunnel died */
	RESET_MAX
};

/* Agreed in HELLO; none towards foreign peers, but see muxpro.h. */
#define CAP_HALFCLOSE	0x01	/* FIN ends one direction only */
#define CAP_RESET	0x02	/* command 5 is understood */
#define CAP_BULK	0x04	/* so is command 6 */
#define CAP_LZ4		0x08	/* payload is in relay's blocks: lz.h */
#define CAP_FORGET	0x10	/* so is their block that forgets */

/* The least room that a buffer for output has. */
#define SESSION_OUTPUT_MIN	64
/*
 * Whoever sends little has somebody waiting for it: a batch smaller than this
 * goes out before the streams are asked for more.
 */
#define SESSION_SMALL		4096

struct session_conf {
	int		 client;	/* the mux client: odd ids */
	int		 may_open;	/* the peer may open streams */
	/* the first stream is the dialect's own */
	int		 first_urgent;
	uint32_t	 version;	/* 1, 2; 0: that of the first frame */
	uint32_t	 framesize; /* payload we put in a frame, 1..65535 */
	uint32_t	 recvbuffer;	/* octets unconsumed, all streams */
	uint32_t	 window_max;	/* octets unconsumed, one stream */
	uint32_t	 window_initial; /* what the peer may send at first */
	uint32_t	 peer_initial;	/* what we may send at first */
	uint32_t	 max_streams;	/* at once; more are refused */
	uint32_t	 caps;		/* CAP_ */
	int		 divert;	/* payload may pass by: CAP_BULK */
	int		 bare;		/* muxpro.h: towards other programs */
	int		 ample;		/* muxpro.h: credit that does not end */
	int		 inside;	/* smux.h: quic has the peer */
	/* we say something after so much silence; 0: never */
	uint32_t	 keepalive_ms;
	uint32_t	 timeout_ms; /* the peer's silence that ends it; 0 */
	uint32_t	 fin_delay_ms;	/* foreign peers: see smux.h; 0 none */
	/* How long readers of a full session may be without progress. */
	uint32_t	 stall_grace_ms;
};

struct pipebuf;

/* Common to every stream; the implementation's own data is around it. */
struct stream {
	struct session			*session;
	const struct stream_owner	*owner;
	void				*arg;	/* the owner's */
	uint32_t			 id;
};

/*
 * Owns a stream: a relay, or a dialect's control stream.  All calls come from
 * within input, output, tick and free of its session.  A stream that has ended
 * may be read until the op in which it ended returns.
 */
struct stream_owner {
	/*
	 * Put at most max (> 0) octets to send at buf and return how many; 0:
	 * nothing now, session_ready() says when there is again.  May call
	 * session_fin or session_reset for this stream.
	 */
	size_t	(*pull)(struct stream *, uint8_t *buf, size_t max);
	/*
	 * Payload: consume or copy it, buf is gone after the call.  NULL: it
	 * was diverted, and the owner has it.
	 */
	void	(*data)(struct stream *, const uint8_t *buf, size_t len);
	/* The peer sends no more.  Without CAP_HALFCLOSE: see smux.h. */
	void	(*fin)(struct stream *);
	/*
	 * The stream died, or the tunnel did.  This is the stream's last event,
	 * as closed is for one that ended in order.  It is freed after the
	 * call.
	 */
	void	(*reset)(struct stream *, enum reset_reason);
	/* Both directions have ended in order; freed after the call. */
	void	(*closed)(struct stream *);
	/*
	 * As pull, into an empty pipe: put at most max octets there.  0: pull
	 * them, or the call has ended the stream.  NULL: never.
	 */
	size_t	(*bulk)(struct stream *, struct pipebuf *, size_t max);
	/*
	 * Take at most n octets of the tunnel's socket; data(NULL) follows.  As
	 * read(2); EOPNOTSUPP: they must be copied.  The tunnel calls it, after
	 * session_divert.  NULL: never.
	 */
	ssize_t	(*divert)(struct stream *, int fd, size_t n);
};

/* What a session asks of the tunnel that it runs on. */
struct session_events {
	/*
	 * The peer opened a stream: give it its owner and arg; -1 refuses it
	 * (reset).
	 */
	int	(*opened)(struct stream *);
	/*
	 * There is new output, or an earlier deadline, or want is no longer 0.
	 * It may come from within any op: only take note of it.
	 */
	void	(*wake)(struct session *);
	/*
	 * An empty pipe for at most *max octets, which may be lowered; it goes
	 * out right behind what this call of output returns.  NULL: pull.
	 * `piped' says how many went in.  NULL: never.
	 */
	struct pipebuf *(*pipe)(struct session *, size_t *max);
	void	(*piped)(struct session *, size_t);
};

struct lz_count {		/* wire: blocks with headers; plain: payload */
	uint64_t	 plain_in;	/* from the stream */
	uint64_t	 wire_in;
	uint64_t	 plain_out;	/* into it */
	uint64_t	 wire_out;
};

struct session_stats {
	uint32_t	 streams;	/* open, the urgent ones not counted */
	uint64_t	 streams_ever;
	uint64_t	 unconsumed; /* octets of payload held by the owner */
	uint64_t	 payload_in;
	uint64_t	 payload_out;
	uint64_t	 ignored; /* frames for unknown streams, late data */
	uint64_t	 refused; /* streams refused by the cap or owner */
	uint64_t	 killed;	/* streams reset for memory */
	uint64_t	 faults; /* streams reset for the peer's breach */
	uint64_t	 dropped;	/* datagrams: too long, or no credit */
	uint64_t	 empty;		/* frames of data that had none */
	struct lz_count	 lz;	/* of streams with LZ4: counted by owners */
};

struct session_path {	/* of a tunnel over QUIC, as its process last said */
	uint32_t	 rtt_us;	/* 0: not known */
	uint32_t	 mtu;		/* octets of a UDP payload */
	uint32_t	 moves;		/* to another path, so far */
	/* for so long nothing came, though an answer is awaited; 0 */
	uint32_t	 silent_ms;
	uint64_t	 sent;		/* packets */
	uint64_t	 lost;
};

struct session_ops {
	struct stream *(*open)(struct session *, const struct stream_owner *,
		    void *arg, int urgent);
	void	(*ready)(struct stream *);
	void	(*fin)(struct stream *);
	void	(*reset)(struct stream *, enum reset_reason);
	void	(*consumed)(struct stream *, size_t);
	uint32_t (*window)(const struct stream *);
	void	(*limit)(struct session *, uint64_t);
	void	(*rtt)(struct session *, uint32_t);
	void	(*drain)(struct session *);
	void	(*probe)(struct session *);
	uint64_t (*tick)(struct session *, uint64_t);
	size_t	(*want)(struct session *);
	struct stream *(*divert)(struct session *, size_t *);
	void	(*diverted)(struct session *, size_t);
	int	(*input)(struct session *, const uint8_t *, size_t);
	size_t	(*output)(struct session *, uint8_t *, size_t);
	int	(*ended)(struct session *);
	void	(*free)(struct session *);
};

/* Common head of every implementation's struct. */
struct session {
	const struct session_ops	*ops;
	const struct session_events	*events;
	void				*arg;	/* the owner's */
	struct session_conf		 conf;
	struct session_stats		 stats;
	struct session_path		 path;	/* conf.inside */
	const char			*error;	/* why input or tick failed */
	/* Something odd of the peer, for the log: who looks sets it to NULL. */
	const char			*notice;
	/* The tunnel looks at these after a turn; all but more stay set. */
	int		 more;		/* output has more to give */
	int		 worn;		/* its ids run out: replace it */
	int		 peer_drains;	/* the peer wants no more streams */
	int		 aborting;	/* our reset waits for room... */
	/* ...or, with done, only the tunnel's own reset can tell of it */
	int		 done;	/* no stream will come, all is out... */
	int		 aborted;	/* ...and our reset was the last */
};

/*
 * Opens a stream for an owner.  urgent: outside limits and fairness, sent
 * before all others (a dialect's control stream).  With first_urgent the first
 * stream that the peer opens is urgent too.
 * NULL: no room, no more ids, or draining.
 */
#define session_open(s, owner, arg, urgent)				\
	((s)->ops->open((s), (owner), (arg), (urgent)))
/* The stream has something to send: pull it soon.  Idempotent. */
#define session_ready(st)	((st)->session->ops->ready(st))
/* Our direction ends after what was pulled; pull is not called again. */
#define session_fin(st)		((st)->session->ops->fin(st))
/*
 * Ends both directions.  No event of this stream follows, and the stream must
 * not be touched again: do not call it from within `opened'.
 */
#define session_reset(st, why)	((st)->session->ops->reset((st), (why)))
/* So many octets of its data are gone: new credit for the peer. */
#define session_consumed(st, n)	((st)->session->ops->consumed((st), (n)))
/* Octets that the peer may still send on it, for display. */
#define session_window(st)	((st)->session->ops->window(st))
/* Octets of payload that this session may hold: sets how windows grow. */
#define session_limit(s, n)	((s)->ops->limit((s), (n)))
/* A round trip took so many microseconds: a long one needs larger windows. */
#define session_rtt(s, us)	((s)->ops->rtt((s), (us)))
/* Open and accept no more; what is open goes on. */
#define session_drain(s)	((s)->ops->drain(s))
/*
 * Makes the peer say something.  With a mux the owner has pings for that; with
 * conf.inside we say something ourselves.
 */
#define session_probe(s)	((s)->ops->probe(s))
/*
 * Tells the time, in microseconds of a monotonic clock.  Call it in each turn
 * before input and output, and at the deadline it returned (UINT64_MAX: none).
 * Returns 0 when the session is dead (s->error says why).
 */
#define session_tick(s, now)	((s)->ops->tick((s), (now)))
/* Octets that input takes now; 0: do not read the tunnel until consumed. */
#define session_want(s)		((s)->ops->want(s))
/*
 * The stream that the tunnel's next octets belong to, and how many do, if a
 * diversion pays; NULL: it does not.  Only while want is not 0.
 */
#define session_divert(s, n)	((s)->ops->divert((s), (n)))
/* So many of them went to its owner.  As input, but data gets NULL. */
#define session_diverted(s, n)	((s)->ops->diverted((s), (n)))
/* -1: the peer broke the rules, s->error; all streams were reset. */
#define session_input(s, p, n)	((s)->ops->input((s), (p), (n)))
/*
 * Makes at most n octets of wire format (n is SESSION_OUTPUT_MIN or more); 0:
 * nothing to send now, unless something was `piped' meanwhile.  Call it until
 * s->more is 0: no wake comes before.
 */
#define session_output(s, p, n)	((s)->ops->output((s), (p), (n)))
/*
 * The tunnel's octets have ended.  1: so a stream ends here; the owner of one
 * that lives was told by `fin', and `done' says when there is nothing left to
 * wait for.  Until then it is called again each time that a read finds the end.
 * 0: the tunnel is lost.
 */
#define session_ended(s)						\
	((s)->ops->ended == NULL ? 0 : (s)->ops->ended(s))
/* Frees all; streams still open get reset(RESET_TUNNEL).  Takes NULL. */
#define session_free(s)		((s) == NULL ? (void)0 : (s)->ops->free(s))

/* session.c */

/*
 * For an implementation, with CAP_BULK: the stream's owner puts at most max
 * octets into a pipe that goes out behind this output.  How many; 0: pull them.
 */
size_t	 session_bulk(struct stream *, size_t max);

#endif /* WORKER_SESSION_H */
