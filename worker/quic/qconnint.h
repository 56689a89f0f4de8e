/* SPDX-License-Identifier: ISC */

/*
 * What the files of a connection share: qconn.c makes and ends it, qconnio.c
 * has its packets and timers, qconncb.c is called by ngtcp2, qpath.c has a
 * client's other sockets, qserve.c and qdial.c the gate and dial.
 */

#ifndef WORKER_QCONNINT_H
#define WORKER_QCONNINT_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>

#include "shared/channel.h"
#include "shared/msg.h"
#include "worker/frame/worker.h"
#include "worker/net/places.h"
#include "cids.h"
#include "endpoint.h"
#include "link.h"
#include "ngapi.h"
#include "profile.h"
#include "qconn.h"
#include "qtls.h"
#include "signer.h"

/* Packets that wait for a step of the handshake, of one connection. */
#define KEPT_MAX	16
#define KEPT_OCTETS	(24 * 1024)
/* Connections that are over and still answer, at most; the first go first. */
#define LINGER_MAX	1024
#define NS(us)		((us) * 1000)

enum qconn_state {
	QCONN_SHAKE,		/* in its handshake */
	QCONN_STRANGER,		/* open, and with the gate or a worker */
	QCONN_TUNNEL,		/* its peer is proven, or was dialled */
	QCONN_LINGER		/* it is over: the peer may not have heard */
};

struct kept {				/* a packet that has to wait */
	TAILQ_ENTRY(kept)	 entry;
	struct addr		 peer, local;
	uint32_t		 ecn;
	size_t			 len;
	uint8_t			 octets[];
};
TAILQ_HEAD(kept_list, kept);

struct qconn {
	TAILQ_ENTRY(qconn)	 entry;		/* or of those that linger */
	RB_ENTRY(qconn)		 by_number;
	TAILQ_ENTRY(qconn)	 ready;		/* if is_ready */
	RB_ENTRY(qconn)		 by_expiry;	/* if timed */
	enum qconn_state	 state;
	int			 server;
	int			 is_ready, timed;
	int			 dying;	/* is not woken any more */
	int			 blocked;	/* its socket is full */
	int			 numbered;	/* it is found by its number */
	const struct profile	*profile;
	ngtcp2_conn		*quic;
	struct qtls		*tls;
	struct link		*link;
	int			 far;	/* the pair's other end, or -1 */
	struct endpoint		*ep;
	struct endpoint		*old;		/* client: moved away from it */
	struct cid_list		 cids;
	uint64_t		 streams_more;	/* once it is proven */
	uint64_t		 expiry;	/* us; the first of all: */
	uint64_t		 deadline;	/* of its state; 0: none */

	/* the handshake */
	struct signstep		 step;
	struct kept_list	 kept;
	uint32_t		 nkept;
	size_t			 kept_octets;
	int			 step_rv;
	int			 validated;	/* its address, by a token */

	/* what is being written */
	uint8_t			*pkt;
	ngtcp2_path_storage	 ps;
	ngtcp2_pkt_info		 pi;
	ngtcp2_tstamp		 ts;
	int			 more;		/* a packet is unfinished */
	ngtcp2_ssize		 done;	/* it was finished meanwhile, or -1 */
	int64_t			*starved;	/* streams, by the peer's... */
	size_t			 nstarved, starved_size; /* ...credit */

	/* its end */
	int			 closing;	/* by qconn_close */
	int			 forgotten;	/* its peer has reset it */
	uint64_t		 code;
	const char		*words;
	const char		*why;
	uint8_t			*last;		/* LINGER: the last packet */
	size_t			 last_len;
	uint32_t		 last_in;	/* packets since */
	uint32_t		 last_at;	/* it is sent at so many */

	/* whose it is */
	struct charge		 charge;	/* all its life */
	struct channel		*dial;		/* client, until it is open */
	uint32_t		 request;	/* dial's */
	uint32_t		 service, index; /* client: its remote's */
	int			 orphan;	/* STRANGER: see conns_orphan */
	struct msg_arrival	 arrival;	/* but for its peer */

	/* its path */
	struct addr		 peer;		/* where it was last */
	uint32_t		 moves;
	uint64_t		 packets;	/* sent */
	uint64_t		 heard;		/* the last packet */
	/* the first sent since then that may be answered; or 0 */
	uint64_t		 said;
	int			 heard_any;
	int			 path_gone;	/* errno: it cannot be sent */
	int			 asked;		/* dial, for a socket */
	int			 settled;	/* the old socket may go */
	uint64_t		 ask_at, ask_wait;
};
TAILQ_HEAD(qconns, qconn);
RB_HEAD(qnumbers, qconn);

struct qconn_stats {
	uint32_t	 connections;	/* now */
	uint32_t	 handshakes;	/* now */
	uint64_t	 shaken;
	uint64_t	 failed;
	uint64_t	 timeouts;
	uint64_t	 moves;		/* to another path */
	uint64_t	 idle;		/* ended by silence */
	uint64_t	 lingering;	/* now */
	uint64_t	 dropped_kept;	/* packets: too many waited */
};

struct qconn_env {
	struct gate_opts	 conf;
	struct qconns		 all;
	struct qconns		 lingering;
	struct qnumbers		 numbers;
	uint64_t		 number;	/* the last given */
	uint32_t		 idle_ms, congestion, streams;
	uint8_t			 secret[HASH_LEN];	/* of resets */
	struct channel		*gate;
	struct channel		*dial;
	uint32_t		 nstarts;	/* for dial, under way */
	void			(*none)(void);	/* to be called, or NULL */
	struct qconn_stats	 stats;
};
extern struct qconn_env		 qenv;

#define qconn_log(c, ...)	places_log(&(c)->charge, __VA_ARGS__)

/* qconn.c */

/* A connection on an endpoint; a client's is its own.  NULL: no memory. */
struct qconn	*qconn_new(struct endpoint *, uint32_t transport,
		    uint32_t dialect, const struct addr *peer);
struct qconn	*qconn_numbered(uint64_t number);
/* Its first packet: hd is a client's, or NULL: it is to be dialled. */
int		 qconn_start(struct qconn *, const char *host,
		    const ngtcp2_pkt_hd *hd, const struct addr *local,
		    const ngtcp2_cid *odcid, int retried);
/* Its peer is no stranger, and has all the credit that there is: once. */
void		 qconn_proven(struct qconn *);
/* It is open, or over: dial and the handshake are past. */
void		 qconn_settled(struct qconn *);
void		 qconn_wait(struct qconn *, uint64_t us);	/* deadline */
void		 qconn_free(struct qconn *);
/* An error of ngtcp2's: it ends, and the peer is told where it has to be. */
void		 qconn_fail(struct qconn *, int error);
/* The end that its link or the role wanted. */
void		 qconn_end(struct qconn *);
/* Its peer is told that we go, or its way in does. */
void		 qconn_farewell(struct qconn *);
/* One that is over has got a packet. */
void		 qconn_lingers(struct qconn *, const struct endpoint_packet *);
/* Its peer's number and words, as the close says it; logs why. */
void		 qconn_over(struct qconn *, const char *why);

/* qconnio.c */

void		 qconnio_init(void);
void		 qconn_packet(struct qconn *, const struct endpoint_packet *);
/* Packets that its last calls want, and timers. */
void		 qconn_write(struct qconn *);
/* When something is to be done again. */
void		 qconn_retime(struct qconn *);
void		 qconn_untime(struct qconn *);
void		 qconn_unready(struct qconn *);
void		 qconn_drop_kept(struct qconn *);
/* An unfinished packet is finished: other calls of ngtcp2 may come. */
void		 qconn_finish(struct qconn *);
void		 qconn_path(ngtcp2_path_storage *, const struct addr *local,
		    const struct addr *peer);

/* qconncb.c */

extern const ngtcp2_callbacks	 qconn_callbacks;

/* qserve.c, qdial.c: what becomes of one */

/* Hands have been shaken; fd is the pair's other end. */
void		 qserve_opened(struct qconn *, int fd);
void		 qdial_opened(struct qconn *, int fd);
/* It has failed before, and why. */
void		 qdial_failed(struct qconn *, const char *why);
/* Its deadline has passed. */
void		 qserve_timeout(struct qconn *);
/* It has lost its place to others. */
void		 qconn_shed(struct charge *, const char *why);

/* qpath.c */

/* Once a second. */
void		 qpath_tick(struct qconn *, uint64_t now);
/* The path that was moved to works, or not. */
void		 qpath_validated(struct qconn *, int works);
/*
 * For how many milliseconds nothing has come, though an answer is awaited, and
 * a path that works would have brought one; 0: it may.
 */
uint32_t	 qpath_silence(const struct qconn *, uint64_t now);
/* A packet has come to a socket of its: that works. */
void		 qpath_heard(struct qconn *, struct endpoint *);
/* A packet could not be sent: its socket's error says why. */
void		 qpath_failed(struct qconn *, struct endpoint *);
/*
 * Sockets that are not needed any more go.  -1: its path is gone before hands
 * were shaken, and so is it.
 */
int		 qpath_turn(struct qconn *);

#endif /* WORKER_QCONNINT_H */
