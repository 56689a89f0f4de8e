/* SPDX-License-Identifier: ISC */

/*
 * Dialect rocket, its octets: HELLO, ACCEPT and REJECT, the preface of a
 * stream, the messages of the control stream (rocket-protocol(7)).  Octets in,
 * octets out, no state.
 */

#ifndef WORKER_ROCKET_H
#define WORKER_ROCKET_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"
#include "worker/dialect/dialect.h"

#define ROCKET_MESSAGE_MAX	(3 + 4096)	/* HELLO..., with its header */
#define ROCKET_CONTROL_MAX	(3 + 256)
#define ROCKET_NOTICE_MAX	256	/* with its NUL */

/* A stream's first window between two rocketd. */
#define ROCKET_WINDOW_INITIAL	(32 * 1024)

enum rocket_message {
	ROCKET_HELLO = 1,
	ROCKET_ACCEPT = 2,
	ROCKET_REJECT = 3
};

enum rocket_reject {
	REJECT_NONE,
	REJECT_MALFORMED,	/* not a HELLO of rocket-protocol(7) */
	REJECT_MUX,		/* kinds or versions differ */
	REJECT_SEAL,		/* no seal that both allow */
	REJECT_PARAMETER,	/* a value out of range */
	REJECT_UNKNOWN,		/* a critical TLV is not understood */
	REJECT_BUSY,		/* no more tunnels of this service */
	REJECT_STOPPING,
	REJECT_BINDING		/* somebody ends QUIC in between */
};

#define ROCKET_MUX_SMUX		1
#define ROCKET_MUX_NONE		2	/* solo.h; its version is 1 */
#define ROCKET_MUX_PRO		3	/* muxpro.h; likewise */
#define ROCKET_MUX_QUIC		4	/* QUIC's own streams; likewise */

/*
 * HELLO and ACCEPT carry the same; ACCEPT has what was settled.  The other side
 * refuses unless window_initial <= window_max <= recvbuffer, and of QUIC unless
 * its own binding is the same.
 */
struct rocket_params {
	uint32_t	 mux_kind;
	uint32_t	 mux_version;
	uint32_t	 framesize;
	uint32_t	 window_initial; /* the sender's own */
	uint32_t	 window_max;	/* the sender's own */
	uint32_t	 recvbuffer;	/* the sender's own */
	uint32_t	 max_streams;	/* at once, that the sender takes */
	uint32_t	 seals;		/* SEAL_ mask; in ACCEPT the one */
	uint32_t	 caps;		/* CAP_ mask */
	uint32_t	 keepalive_ms;	/* the sender's heartbeat */
	uint32_t	 opens; /* 1: the sender opens streams; not in ACCEPT */
	uint8_t		 start_id[START_ID_LEN];
	/* of QUIC alone: what the sender's end of its handshake exported */
	uint8_t		 binding[HASH_LEN];
	char		 client_id[CLIENT_ID_MAX];	/* HELLO only */
	char		 software[64];		/* for the log */
};

struct rocket_refusal {
	enum rocket_reject	 code;
	char			 words[256];	/* printable */
};

enum rocket_control {
	CONTROL_PING = 0x81,		/* 8 octets, sent back as PONG */
	CONTROL_PONG = 0x82,
	CONTROL_DRAIN = 0x83,		/* empty: no more streams on this one */
	CONTROL_MORE = 0x04,		/* u16: further tunnels wanted */
	CONTROL_NOTICE = 0x05		/* words for the peer's log */
};

struct rocket_ctl {
	uint32_t	 type;		/* enum rocket_control */
	uint64_t	 ping;		/* PING, PONG */
	uint32_t	 more;		/* MORE */
	char		 words[ROCKET_NOTICE_MAX];	/* NOTICE */
};

/* rocket.c */

/*
 * Writes the message; returns its length; 0: size is too small, or a value is
 * out of the range that rocket-protocol(7) gives it.
 */
size_t	 rocket_put_params(uint8_t *, size_t size, enum rocket_message,
	    const struct rocket_params *);
size_t	 rocket_put_reject(uint8_t *, size_t size,
	    const struct rocket_refusal *);
size_t	 rocket_put_preface(uint8_t *, size_t size,
	    const struct want *);
size_t	 rocket_put_control(uint8_t *, size_t size, const struct rocket_ctl *);

/*
 * Each takes what has come so far and returns how many octets the message has;
 * 0: more are to come; -1: it is wrong, and why is filled.
 */
ssize_t	 rocket_get_hello(const uint8_t *, size_t, struct rocket_params *,
	    struct rocket_refusal *why);
/* An ACCEPT (*rejected 0) or a REJECT (*rejected 1, *why is the peer's). */
ssize_t	 rocket_get_answer(const uint8_t *, size_t, struct rocket_params *,
	    int *rejected, struct rocket_refusal *why);
ssize_t	 rocket_get_preface(const uint8_t *, size_t, struct want *,
	    struct rocket_refusal *why);
/* type 0: it is unknown, and may be skipped. */
ssize_t	 rocket_get_control(const uint8_t *, size_t, struct rocket_ctl *,
	    struct rocket_refusal *why);

/*
 * The server decides: its own parameters against the client's.  0: *settled is
 * what ACCEPT says; -1: why is what REJECT says, with both values.
 */
int	 rocket_settle(const struct rocket_params *ours,
	    const struct rocket_params *theirs, struct rocket_params *settled,
	    struct rocket_refusal *why);
/* The client checks an ACCEPT: it may have only what was offered. */
int	 rocket_check_accept(const struct rocket_params *ours,
	    const struct rocket_params *accepted, struct rocket_refusal *why);
const char	*rocket_reject_name(uint32_t code);

#endif /* WORKER_ROCKET_H */
