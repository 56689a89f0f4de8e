/* SPDX-License-Identifier: ISC */

/*
 * A rig for tests of a service's worker: all of it is the real one but for its
 * process and the others around that.  A tunnel's other end is a peer that the
 * test plays, with a wire, a seal and a session of its own; users and targets
 * are sockets that the test has the other end of.  All of them are driven by
 * one event base.
 *
 * After wrig_setup_all one worker serves all tests, on the test's clock, and a
 * test looks into it.  wrig_start has it configured and told all that its
 * process would tell it.
 */

#ifndef UNIT_WORKRIG_H
#define UNIT_WORKRIG_H

#include <sys/types.h>
#include <sys/queue.h>

#include <netinet/in.h>

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "worker/relay/lz.h"
#include "worker/dialect/rocket/rocket.h"
#include "worker/tunnel/seal.h"
#include "worker/tunnel/tunnel.h"
#include "frame.h"

#define WRIG_STREAMS	128		/* ever, of one peer */
#define WRIG_TEXT	1100		/* a preface, or a status octet */
#define WRIG_SECOND	1000000ULL

/* The test's end of a user's or target's socket; octets are a pattern's. */
struct wrig_end {
	struct event	 ev_read, ev_write;
	int		 fd;		/* -1: closed */
	int		 eof, error;	/* how reading ended */
	int		 shut;		/* once tx_left has gone */
	uint64_t	 rx, tx, tx_left;
	size_t		 at_most;	/* read at once; 0: no limit */
	size_t		 skip;		/* octets before the pattern */
	char		 text[256];	/* which are kept here */
	size_t		 text_len;
};

/* What a pair of sockets is like. */
#define WRIG_TCP	0x01		/* else AF_UNIX */
#define WRIG_SMALL	0x02		/* takes little at once */

/* How wrig_stream opens one. */
#define WRIG_ANSWER	0x01		/* and wants an answer */

enum wrig_state {
	WRIG_SHAKES,
	WRIG_TALKS,			/* HELLO, ACCEPT */
	WRIG_OPEN,
	WRIG_DONE			/* refused, or failed */
};

/* A stream as the peer has it. */
struct wrig_stream {
	struct wrig_peer	*peer;
	struct stream		*st;	/* NULL: it has ended */
	struct lz		*lz;
	uint64_t		 rx, tx, tx_left;
	size_t			 tx_piece;	/* at most in one pull; 0 */
	int			 tx_fin;	/* once tx_left has gone */
	/* before the pattern; of datagrams, all */
	uint8_t			 text[WRIG_TEXT];
	size_t			 text_len;
	int			 begun;	/* what comes is the pattern */
	uint8_t			 head[WRIG_TEXT]; /* to be sent before it */
	size_t			 head_len, head_off;
	struct want	 preface;
	int			 hold;	/* what comes is not consumed */
	size_t			 held;
	int			 fins, resets, closes;
	enum reset_reason	 reason;
};

struct wrig_peer {
	SLIST_ENTRY(wrig_peer)	 entry;
	struct budget		 acct;	/* of its wire */
	struct wire		 wire;
	struct event		 ev;	/* its turn */
	struct seal		*seal;
	struct session		*s;
	struct tunnel		*t;	/* the worker's end; NULL: gone */
	enum wrig_state		 state;
	uint32_t		 transport;
	int			 mute;	/* says nothing after the handshake */
	int			 deaf;	/* does not read the tunnel */
	int			 no_pong;
	int			 cut;	/* it is closed */
	int			 hold;	/* streams that come start with it */
	int			 keep;	/* what comes on them is text */
	/* before wrig_connect, of QUIC: what the worker is told */
	uint8_t			 binding[HASH_LEN];
	/* likewise: what it says for HELLO or ACCEPT */
	const uint8_t		*says;
	size_t			 says_len;
	struct rocket_params	 mine;	/* HELLO, or what it settles with */
	struct rocket_params	 theirs;
	struct rocket_params	 settled;
	/* looks at settled before that goes out as ACCEPT */
	void			(*on_settle)(struct rocket_params *);
	uint8_t			 msg[ROCKET_MESSAGE_MAX];
	size_t			 msg_len;
	int			 rejected;
	struct rocket_refusal	 why;
	enum seal_why		 seal_why;	/* of a handshake that failed */
	int			 eof, error;	/* how reading ended */
	/* of the tunnel, once it is gone */
	enum tunnel_end		 end;
	char			 words[256];
	int			 opened, drains, taken;	/* events of it */
	uint32_t		 more;
	/* the control stream: what came, and how often */
	int			 pings, pongs, ctl_drains, ctl_mores, notices;
	char			 notice[ROCKET_NOTICE_MAX];	/* the last */
	struct wrig_stream	 ctl;
	struct wrig_stream	 streams[WRIG_STREAMS];
	int			 n;
};

extern struct service	*svc;		/* after wrig_setup_all */
extern uint64_t		 wrig_now;	/* worker_now */
extern const char	*wrig_fault;	/* what a callback has found */
/* The other processes, and the last that dial was asked, the gate was told. */
extern struct far_end	 wrig_gate, wrig_dial;
extern struct msg_dial	 wrig_asked;
extern uint64_t		 wrig_proven, wrig_closed;
extern unsigned int	 wrig_nasked, wrig_ncancelled, wrig_nproven,
			 wrig_nclosed, wrig_nblamed, wrig_blamed;
extern int		 wrig_room;	/* the last IMSG_ROOM, or -1 */

/* workrig.c */

int		 wrig_setup_all(void **);
int		 wrig_teardown_all(void **);
/* Server side, usual options, nothing held; teardown: nothing held again. */
int		 wrig_setup(void **);
int		 wrig_teardown(void **);
void		 wrig_side(enum side);
/* The one key of either side: all of its octets are these. */
void		 wrig_key(enum side, uint8_t id, uint8_t secret);
unsigned int	 wrig_fds(void);	/* open descriptors but pipes' */
unsigned int	 wrig_pipes(void);	/* that have been made */
/* One turn of the loop, which waits for an event; too long: it has failed. */
void		 wrig_begin(void);
void		 wrig_once(const char *what, int line);
#define UNTIL(cond)	do {						\
	for (wrig_begin(); !(cond); )					\
		wrig_once(#cond, __LINE__);				\
} while (0)
/* All that is under way gets as far as it can. */
void		 wrig_settle(void);

/* And all timers that are due have fired, by the loop's clock. */
void		 wrig_timers(void);

/* Makes a pair: the worker's descriptor, and the test's end. */
int		 wrig_pair(struct wrig_end *, int how);
/* The test's end only, of a descriptor (taken). */
void		 wrig_end(struct wrig_end *, int fd);
void		 wrig_read(struct wrig_end *, int on);
void		 wrig_write(struct wrig_end *, uint64_t, int shut);
void		 wrig_shut(struct wrig_end *, int rst);

/* Capabilities that peers do not have, from the next on. */
extern uint32_t	 wrig_lacks;
/*
 * Presets mine, then starts the peer, whose socket's other end is returned for
 * the worker; wrig_connect makes a tunnel of it.
 */
void		 wrig_peer(struct wrig_peer *, uint32_t transport);
int		 wrig_far(struct wrig_peer *, int how);
void		 wrig_connect(struct wrig_peer *, int how);
/* Both, to where the session runs. */
void		 wrig_open(struct wrig_peer *, uint32_t transport);
/*
 * A relay of the tunnel's next stream, e is the other end of its socket: of a
 * user, or of the target, by the worker's side.
 */
struct wrig_stream *wrig_join(struct wrig_peer *, struct wrig_end *e, int how);
/* The peer's end is closed, without a word; rst: by a reset. */
void		 wrig_cut(struct wrig_peer *, int rst);
/* The same, and the tunnel is gone after; teardown does it for all. */
void		 wrig_close(struct wrig_peer *);
void		 wrig_wake(struct wrig_peer *);
/* The peer (of a client's worker) opens a stream with this preface. */
struct wrig_stream *wrig_stream(struct wrig_peer *, uint32_t flags,
		    size_t piece);
struct wrig_stream *wrig_want(struct wrig_peer *, const struct want *,
		    size_t piece);
void		 wrig_send(struct wrig_stream *, uint64_t, int fin);
/* Octets that are no pattern's; those before have left. */
void		 wrig_say(struct wrig_stream *, const void *, size_t);
/* Consumes what was held, and holds no more. */
void		 wrig_consume(struct wrig_stream *);
void		 wrig_control(struct wrig_peer *, const struct rocket_ctl *);
void		 wrig_reset(struct wrig_stream *, enum reset_reason);
/* dial answers the last request: with a socket, or error. */
void		 wrig_dialled(int fd);
void		 wrig_dial_failed(uint32_t stage, int error);
/* The worker's relay that came last. */
struct relay	*wrig_relay(void);
void		 wrig_pattern(uint8_t *, uint64_t off, size_t n);
/* The tunnel looks at its deadlines. */
void		 wrig_tick(struct tunnel *);
/* For frame_join, of another gate or dial. */
void		 wrig_got(struct far_end *, struct imsg *);

/* workstart.c: the worker as its process starts it, with the real clock. */

/* What it was configured with, its key, and where its users come. */
extern struct msg_service	 wrig_conf;
extern struct msg_key		 wrig_token;
extern struct sockaddr_in	 wrig_where;
/* How users ask; if they do, for datagrams too.  Before wrig_start. */
extern enum ask_kind		 wrig_asks;
/*
 * QUIC: the side that dials has the users, who want this if they do not say
 * it, and the other has the targets, which are named.
 */
extern int			 wrig_forward;
extern const char		*wrig_to;
/* keys, and control with what the last wrig_ask brought. */
extern struct far_end		 wrig_keys, wrig_asker;
extern struct wrig_answer {
	struct ctl_service	 service;	/* the last of each */
	struct ctl_session	 session;
	int			 nservices, nsessions, nstreams;
}				 wrig_answer;

/* Presets wrig_conf; starts a worker with it, which waits for keys. */
void		 wrig_default(enum side);
void		 wrig_start(enum side);
/* A set of configuration, as wrig_conf is now. */
void		 wrig_configured(int reload);
/* A descriptor of the users' listener. */
int		 wrig_listener(void);
/* keys sends wrig_token. */
void		 wrig_keyed(void);
/* The peers have this key. */
void		 wrig_trust(const struct msg_key *);
/* control asks; as frame_done, with the words in frame_words. */
int		 wrig_ask(uint32_t, uint32_t serial);
/* A second of the worker's is over. */
void		 wrig_second(void);
/* The peers go, and nothing is left: of descriptors, and of what was held. */
void		 wrig_clean(void);

/* A worker is one a process. */
#define ALONE(f)	FRAME_ALONE(f)

#endif /* UNIT_WORKRIG_H */
