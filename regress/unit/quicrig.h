/* SPDX-License-Identifier: ISC */

/*
 * A rig for tests of the role quic: both sides of a connection in one process,
 * on the loopback, with a link that the test plays.  keys, gate and dial are
 * the test's, and keys signs with what a certificate was made with.
 */

#ifndef UNIT_QUICRIG_H
#define UNIT_QUICRIG_H

#include <sys/types.h>
#include <sys/queue.h>

#include <netinet/in.h>

#include <stdint.h>

#include "worker/quic/link.h"
#include "worker/quic/qconn.h"
#include "frame.h"

#define QRIG_STREAMS	16
#define QRIG_ROOM	(4 * 1024 * 1024)

struct qrig_stream {			/* as a link has it */
	int64_t		 id;
	int		 used;
	const uint8_t	*out;		/* what is to be sent... */
	size_t		 len, sent, acked;
	int		 fin, fin_sent;	/* ...and then its end */
	int		 rests;		/* until link_may_send */
	uint64_t	 in;		/* octets that came... */
	uint64_t	 odd;		/* ...and were not the pattern's */
	int		 hold;		/* they are not consumed... */
	/* ...but by this, which is called for each piece; or NULL */
	void		(*held)(struct qrig_stream *);
	uint64_t	 took;		/* for that */
	struct qconn_credit	 credit;
	int		 fin_in, over;
	int64_t		 was_reset, was_stopped;	/* code, or -1 */
};

struct link {				/* see quiclink.h */
	struct qconn		*c;
	int			 fd;
	struct qrig_stream	 streams[QRIG_STREAMS];
	const uint8_t		*datagram;	/* to be sent, or NULL */
	size_t			 datagram_len;
	int			 lost;		/* the last one was not sent */
	uint64_t		 datagrams;	/* that came */
	size_t			 datagram_in;	/* octets of the last */
	int			 may_open, ticks;
};

extern struct link	*qrig_server, *qrig_client;	/* NULL: not there */
/* What the gate and dial were told last, and how often. */
extern struct msg_arrival	 qrig_arrival;
extern struct msg_started	 qrig_started, qrig_failed;
extern int		 qrig_arrivals, qrig_starts, qrig_fails, qrig_asks;
extern int		 qrig_server_fd, qrig_client_fd;
extern struct msg_socket_ask	 qrig_ask;
extern struct far_end	 qrig_keys, qrig_gate, qrig_dial;
/* keys does not answer: it keeps what it is asked. */
extern int		 qrig_deaf_keys;
extern int		 qrig_signs;		/* that it was asked for */
/* The gate does not say at once that what arrives is a tunnel. */
extern int		 qrig_mute_gate;
extern uint8_t		 qrig_pin[HASH_LEN];	/* of the certificate */
/* A set of configuration has none. */
extern int		 qrig_no_listener;
extern struct msg_tls	 qrig_tls;		/* before qrig_start */
extern struct gate_opts	 qrig_conf;		/* likewise */
extern struct sockaddr_in	 qrig_where;	/* the listener */
/* A client says so many octets of TLS behind its last message. */
extern size_t		 qrig_behind;
extern uint8_t		 qrig_pattern[QRIG_ROOM];

/* quiclink.h */

struct qrig_stream *qrig_stream(struct link *, int64_t id);
/* More octets of the pattern; fin: and the end. */
void		 qrig_send(struct link *, int64_t id, size_t, int fin);

/* quicrig.c */

/* Starts the role, with a certificate and a listener. */
void		 qrig_start(void);
/* A set of configuration with these as they are now. */
void		 qrig_configured(int reload);
/* keys answers all that it has kept. */
void		 qrig_sign(void);
/* The gate says that the last arrival is a tunnel. */
void		 qrig_tell(void);
/* A connected UDP socket to the listener. */
int		 qrig_socket(void);
/* dial asks for a connection to there; request is its number. */
void		 qrig_dial_to(uint32_t request, int fd);
void		 qrig_cancel(uint32_t request);
void		 qrig_keys_join(void);
/* The name that the certificate is for. */
void		 qrig_name(char *, size_t);
/* Until both sides have a link, by this socket or another. */
void		 qrig_shake_at(int fd);
void		 qrig_shake(void);
/* The connection of a link is gone, without a word to its peer. */
void		 qrig_forget(struct link *);

#endif /* UNIT_QUICRIG_H */
