/* SPDX-License-Identifier: ISC */

/*
 * The control interface: what rocketctl and the daemon say to each other over
 * the control socket, and what control says to the other processes to find
 * the answer.
 *
 * rocketctl outlives an upgrade of the daemon and the other way round, so the
 * interface has a version and numbers of its own: other messages may change
 * without it.  Any change here raises CTL_VERSION; so does a change of a
 * number or size of opts.h, proc.h, addr.h or log.h that a struct here has.
 *
 * The version is in the imsg header's id of every message to rocketctl, and
 * first in every request.  Neither ever moves.
 */

#ifndef SHARED_CTL_H
#define SHARED_CTL_H

#include <stdint.h>

#include "addr.h"
#include "opts.h"
#include "proc.h"

#define CTL_VERSION		14

/* Of a name that is shown, with its NUL: answers have a bound. */
#define CTL_NAMED_MAX		128

#define CTL_FIRST		1000	/* above all of enum msg_type */
#define CTL_SOURCES		5	/* shown of a service */
#define CTL_WORDS		384	/* of a sentence: none is cut */

/*
 * P parent, C control, W worker of a service, G gate, T tls, H web,
 * X rocketctl, * any process.
 */
enum ctl_type {
	/* requests: X -> C, then C -> P or C -> W; H may ask, too */
	IMSG_CTL_SUMMARY = CTL_FIRST, /* X, H -> C -> * struct ctl_request */
	IMSG_CTL_SERVICES,	/* X -> C -> W	struct ctl_request */
	IMSG_CTL_SESSIONS,	/* X, H -> C -> W struct ctl_request */
	IMSG_CTL_STREAMS,	/* X -> C -> W	struct ctl_request */
	IMSG_CTL_PROCESSES,	/* X -> C -> P	struct ctl_request */
	IMSG_CTL_CONFIG,	/* X -> C -> P	struct ctl_request */
	IMSG_CTL_RELOAD,	/* X -> C -> P	struct ctl_request */
	IMSG_CTL_STOP,		/* X -> C -> P	struct ctl_request */
	IMSG_CTL_LOG,	/* X -> C -> P	struct ctl_request, arg = level */
	IMSG_CTL_CLOSE,		/* X -> C -> W	struct ctl_request, session */
	IMSG_CTL_PENALTIES, /* X -> C -> G, T, Q, W struct ctl_request */
	IMSG_CTL_RETRY,		/* X -> C -> W	struct ctl_request */
	IMSG_CTL_PORTS,		/* X -> C -> W	struct ctl_request */

	/* and answers, the same way back; CTL_DONE ends each request */
	IMSG_CTL_DAEMON,	/* P -> C -> X	struct ctl_daemon */
	IMSG_CTL_COUNTER,	/* * -> C -> X, H struct ctl_counter */
	IMSG_CTL_SERVICE,	/* W -> C -> X	struct ctl_service */
	IMSG_CTL_SESSION,	/* W -> C -> X, H struct ctl_session */
	IMSG_CTL_STREAM,	/* W -> C -> X	struct ctl_stream */
	IMSG_CTL_PROCESS,	/* P -> C -> X	struct ctl_process */
	IMSG_CTL_PENALTY, /* G, T, Q, W -> C -> X struct ctl_penalty */
	IMSG_CTL_PORT,		/* W -> C -> X	struct ctl_port */
	IMSG_CTL_TEXT,	/* P -> C -> X	struct ctl_text (cut after text) */
	IMSG_CTL_DONE,		/* * -> C -> X, H struct ctl_done */

	IMSG_CTL_END
};

struct ctl_session_id {			/* written service.index.serial */
	uint32_t	 service;
	uint32_t	 index;
	uint32_t	 serial;
};

struct ctl_request {
	uint32_t		 version;	/* CTL_VERSION of the asker */
	/* control's number inwards, 0 from X */
	uint32_t		 request;
	uint32_t		 arg;		/* CTL_LOG: enum log_level or
						 * UINT32_MAX, as configured */
	struct ctl_session_id	 session; /* CTL_CLOSE; CTL_STREAMS: 0 all */
	/*
	 * "" is all.  CTL_SUMMARY of a service: its workers, and the processes
	 * that end QUIC.
	 */
	char			 service[SERVICE_NAME_MAX];
};

struct ctl_daemon {
	uint32_t	 request;
	uint32_t	 pid;
	uint64_t	 started;	/* seconds since the epoch */
	uint64_t	 configured;	/* the last load that was taken */
	uint64_t	 now;
	uint32_t	 log_level;
	uint32_t	 root;		/* 1: full separation */
	char		 version[32];
	char		 conf_path[HOST_MAX];
	char		 conf_error[HOST_MAX]; /* of the last reload, "" none */
};

struct ctl_counter {			/* of the process it came from */
	uint32_t	 request;
	uint32_t	 role;		/* filled in by control */
	uint64_t	 value;
	char		 name[32];	/* such as "refused_unknown" */
	/* whose it is, filled in by control */
	uint32_t	 service;
	uint32_t	 index;
	uint32_t	 side;
	uint32_t	 generation;	/* of the process */
};

struct ctl_service {			/* one worker's part of it */
	uint32_t	 request;
	uint32_t	 service;
	uint32_t	 index;
	uint32_t	 side;		/* of its block */
	uint32_t	 opens;		/* 1: has users; 0: has the target */
	uint32_t	 tunnels_wanted;
	uint32_t	 sessions;
	uint32_t	 streams;
	uint32_t	 waiting;	/* users without a session */
	uint32_t	 sources;	/* how many follow */
	uint64_t	 users;		/* connections ever */
	uint64_t	 refused;	/* users reset for want of a session */
	uint64_t	 failed;	/* targets that could not be reached */
	uint64_t	 resets;	/* streams that ended in a reset */
	uint64_t	 descriptors_short; /* times; see rocketctl(8) */
	uint64_t	 octets_in;	/* from tunnels */
	uint64_t	 octets_out;	/* into tunnels */
	uint64_t	 memory;	/* octets held in queues now */
	uint64_t	 memory_max;	/* the budget */
	/* the sources with most users, and how many these have */
	struct addr	 source[CTL_SOURCES];	/* no port... */
	uint32_t	 source_bits[CTL_SOURCES]; /* ...but a prefix */
	uint32_t	 source_users[CTL_SOURCES];
	char		 name[SERVICE_NAME_MAX];
	char		 where[HOST_MAX];	/* listeners or target */
	char		 state[CTL_WORDS]; /* "up", "no tunnel: ..." */
};

struct ctl_session {
	uint32_t		 request;
	uint32_t		 side;
	struct ctl_session_id	 id;
	uint32_t		 streams;
	uint32_t		 mux_version;	/* 0: no mux... */
	uint32_t		 seal;		/* one SEAL_ */
	uint32_t		 rtt_us;	/* 0: not measured yet */
	uint32_t		 draining;
	uint32_t		 queued;	/* octets waiting to be sent */
	uint32_t		 transport;	/* TRANSPORT_ */
	uint32_t		 lz4;		/* 1: agreed */
	uint32_t		 control;	/* 1: a control channel... */
	/* ...and how many tunnels that it speaks for have no user */
	uint32_t		 idle;
	uint32_t		 mux_kind;	/* ...else enum mux_kind */
	/* of QUIC: octets of a UDP payload, and how often its path changed */
	uint32_t		 mtu;
	uint32_t		 moves;
	uint64_t		 since;		/* seconds since the epoch */
	uint64_t		 octets_in;
	uint64_t		 octets_out;
	uint64_t		 rate_in;	/* octets a second, of late */
	uint64_t		 rate_out;
	/* LZ4, both ways: of payload, and of what was sent for it */
	uint64_t		 lz4_plain;
	uint64_t		 lz4_wire;
	uint64_t		 streams_ever;
	uint64_t		 packets_sent;	/* of QUIC... */
	uint64_t		 packets_lost;	/* ...and of these */
	struct addr		 peer;
	struct addr		 local;
	char			 service[SERVICE_NAME_MAX];
	char			 client_id[CLIENT_ID_MAX]; /* server side */
	char			 cipher[32];
	char			 dialect[16];
	/* client side, as configured */
	char			 remote[HOST_MAX];
	uint32_t		 flows;	/* of streams: of datagrams */
	uint32_t		 pad;
	uint64_t		 age_ms;
	uint64_t		 idle_ms;	/* since payload passed */
};

struct ctl_stream {
	uint32_t		 request;
	uint32_t		 stream;	/* its id in the session */
	struct ctl_session_id	 session;
	uint32_t		 state;		/* enum ctl_stream_state */
	uint32_t		 queued; /* octets waiting for the socket */
	uint32_t		 window;	/* octets the peer may send */
	uint32_t		 kind;		/* one KIND_ */
	uint32_t		 pad;
	uint64_t		 since;
	uint64_t		 octets_in;	/* from the tunnel */
	uint64_t		 octets_out;
	struct addr		 user;
	struct addr		 target;
	/* as the user has named it, "host:port", cut; or "" */
	char			 named[CTL_NAMED_MAX];
	char			 service[SERVICE_NAME_MAX];
};

enum ctl_stream_state {
	CTL_STREAM_CONNECTING,
	CTL_STREAM_OPEN,
	CTL_STREAM_LOCAL_DONE,	/* our socket has ended, the peer has not */
	CTL_STREAM_REMOTE_DONE,
	CTL_STREAM_CLOSING
};

struct ctl_process {
	uint32_t	 request;
	uint32_t	 pid;		/* 0: none */
	uint32_t	 role;
	uint32_t	 service;
	uint32_t	 index;
	uint32_t	 side;		/* enum side, PROC_SERVICE and TLS */
	uint32_t	 state;		/* enum ctl_process_state */
	uint32_t	 restarts;
	uint32_t	 uid;
	uint32_t	 have;		/* SANDBOX_ */
	uint32_t	 lack;
	uint32_t	 pad;
	uint64_t	 since;		/* of this state */
	char		 name[SERVICE_NAME_MAX];
	char		 last_death[CTL_WORDS];	/* "signal 9", "" never */
};

enum ctl_process_state {
	CTL_PROCESS_DOWN,
	CTL_PROCESS_STARTING,
	CTL_PROCESS_READY,
	CTL_PROCESS_STOPPING,
	CTL_PROCESS_BACKOFF
};

struct ctl_penalty {			/* of one process's sources */
	uint32_t	 request;
	uint32_t	 role;		/* filled in by control */
	uint32_t	 bits;		/* of the prefix */
	uint32_t	 refused;	/* 1: its connections are */
	uint32_t	 left;		/* seconds; 0 for a network */
	uint32_t	 inside;	/* refused ones in a network */
	uint64_t	 turned_away;	/* connections */
	struct addr	 addr;		/* masked, no port */
	char		 why[32];	/* the last offence */
	/* whose worker's they are, filled in by control; or "" */
	char		 service[SERVICE_NAME_MAX];
};

struct ctl_port {			/* one worker's count of it */
	uint32_t	 request;
	uint32_t	 service;
	uint32_t	 index;
	uint32_t	 side;		/* of its block */
	uint32_t	 opens;		/* 1: users come to it; 0: a target's */
	uint32_t	 port;		/* 0: all that are not counted alone */
	uint64_t	 octets_in;	/* from tunnels */
	uint64_t	 octets_out;	/* into tunnels */
	uint64_t	 connections;	/* or flows, ever */
	char		 name[SERVICE_NAME_MAX];
};

struct ctl_text {
	uint32_t	 request;
	char		 text[1024];	/* NUL is the last octet */
};

struct ctl_done {
	uint32_t	 request;
	uint32_t	 failed;	/* 0: all went well */
	char		 words[HOST_MAX];	/* the sentence for the user */
};

/* ctl.c */

extern const struct name	 ctl_stream_states[];
extern const struct name	 ctl_process_states[];

struct imsg;
struct rule;

/* The rule of an enum ctl_type; NULL for a number that is none. */
const struct rule *ctl_rule(uint32_t type);
/* msg_check (see msg.h) for messages of this interface alone. */
int		 ctl_check(enum proc_role self, enum proc_role peer,
		    struct imsg *imsg, const char **why);

#endif /* SHARED_CTL_H */
