/* SPDX-License-Identifier: ISC */

/*
 * The options that configuration and messages both carry, with their limits
 * and names.  The parent reads them from a file, and workers receive them as
 * parts of messages: they are fixed-width integers and arrays in host order.
 */

#ifndef SHARED_OPTS_H
#define SHARED_OPTS_H

#include <stdint.h>

#include "addr.h"
#include "name.h"

#define SERVICE_NAME_MAX	64	/* with its NUL */
#define HOST_MAX		256 /* a DNS name or a UNIX path, with NUL */
#define TOKEN_MAX		256	/* octets, without NUL */
#define CLIENT_ID_MAX		64	/* with its NUL */
#define REMOTES_MAX		32	/* of one client service */
#define TOKENS_MAX		8	/* live at once, a service */
#define TARGET_GROUPS_MAX	16	/* of all targets */
#define PREFORK_MAX		64	/* workers of one service */
/* If not configured: the largest window of a stream, of a session's sum. */
#define MUX_STREAMBUFFER	(8U << 20)
#define MUX_RECVBUFFER		(16U << 20)
#define TLS_CERTS_MAX		32	/* of one block */
#define TLS_PINS_MAX		8	/* of one block */
#define HASH_LEN		32	/* of SHA-256 */
#define PROXIES_MAX		16	/* networks of one listener */
#define WEB_PATH_MAX		128	/* of a request, with its NUL */
#define WEB_PATH_OWN		"/"	/* dialect muxpro, by default */
#define WEB_WORDS_MAX		256	/* a field's value, with its NUL */
#define WEB_HEADERS_MAX		1024	/* lines and their ends, with NUL */
#define WEB_HEADERS		8	/* such lines */
#define DECOYS_MAX		64	/* one a server block */
#define NET_RULES_MAX		64	/* of one list of networks */
#define TARGET_RULES_MAX	4096	/* of one service's targets */
#define MAPPINGS_MAX		1024	/* of one service's listeners */
#define LOGINS_MAX		1024	/* of one service's users */
#define LOGINS_ALL_MAX		16384	/* of all services */
#define LOGIN_WORD_MAX		256	/* name, password or hash, with NUL */
#define NAMED_MAX	(HOST_MAX + 8)	/* "host:port" of a peer, with NUL */

enum side {
	SIDE_NONE,
	SIDE_SERVER,
	SIDE_CLIENT
};

/*
 * What a tunnel is made of: TCP or QUIC, and what is put on it.  0 where there
 * is no tunnel.
 */
#define TRANSPORT_TCP		0x01
#define TRANSPORT_MUX		0x02	/* streams; without, one user each */
#define TRANSPORT_WS		0x04	/* WebSocket */
#define TRANSPORT_TLS		0x08	/* outer TLS, with certificates */
#define TRANSPORT_UDP		0x10	/* datagrams, in dialect backhaul */
#define TRANSPORT_QUIC		0x20	/* has TLS and streams of its own */
#define TRANSPORT_CERTS		(TRANSPORT_TLS | TRANSPORT_QUIC)
#define TRANSPORT_TCPMUX	(TRANSPORT_TCP | TRANSPORT_MUX)
#define TRANSPORT_QUICMUX	(TRANSPORT_QUIC | TRANSPORT_MUX)
#define TRANSPORT_ALL		0x3f

enum dialect_number {			/* what is said on tunnels */
	DIALECT_ROCKET,
	DIALECT_BACKHAUL,
	DIALECT_MUXPRO,
	DIALECT_MYTUNNEL,
	DIALECT_MAX
};

/* What users of a service send, and its target takes: a mask, or one of it. */
#define KIND_TCP		0x01	/* connections */
#define KIND_UDP		0x02	/* datagrams */
#define KIND_ALL		0x03

enum ask_kind {			/* how users of a listener say what they want */
	ASK_NONE,		/* they do not */
	ASK_SOCKS,
	ASK_HTTP,
	ASK_KINDS
};

enum serve_kind {		/* what a listener for figures serves */
	SERVE_NONE,			/* it is for tunnels or users */
	SERVE_MYTUNNEL_METRICS,
	SERVE_MYTUNNEL_API,
	SERVE_KINDS
};

#define UDP_TIMEOUT_MAX		86400	/* seconds of `udp timeout' */
#define UDP_FLOWS_MAX		1048576	/* of `udp flows max' */

/* What a reload does about a changed option. */
#define CHANGE_LIVE	0x01	/* takes effect in place */
#define CHANGE_TUNNELS	0x02	/* new tunnels first, then the old ones drain */
#define CHANGE_LISTENER	0x04
#define CHANGE_PROCESS	0x08
#define CHANGE_RESTART	0x10	/* a reload keeps the old value */

enum log_dest {
	LOGDEST_STDERR,
	LOGDEST_SYSLOG,			/* fd: a datagram socket to syslog */
	LOGDEST_JSON			/* JSON lines on fd */
};

/* What a source is given a penalty for. */
enum offence {
	OFFENCE_PROOF,		/* a false proof, or for an unknown token */
	OFFENCE_REPLAY,		/* a proof that was used before */
	OFFENCE_TIMEOUT,		/* no proof in time */
	OFFENCE_GARBAGE,		/* what begins no tunnel */
	OFFENCES
};

/* How long and how many connections may be unproven at the gate. */
struct gate_opts {
	uint32_t	 deadline_ms;	/* for a tunnel to be proven */
	uint32_t	 max_unproven;	/* of all sources together */
	uint32_t	 max_per_source; /* unproven ones of one address */
	uint32_t	 penalty[OFFENCES]; /* seconds, for each of them */
	uint32_t	 penalty_min;	/* seconds: refused from there on... */
	uint32_t	 penalty_max;	/* ...for so long at most; 0: never */
};

enum congestion {
	CONGESTION_SYSTEM,
	CONGESTION_RENO,
	CONGESTION_CUBIC,
	CONGESTION_BBR,
	CONGESTION_MAX
};

/* How a socket is made; 0 leaves a value to the kernel. */
struct sockopts {
	uint32_t	 rcvbuf;	/* octets */
	uint32_t	 sndbuf;	/* octets */
	uint32_t	 mss;		/* octets */
	uint32_t	 keepalive;	/* seconds, also TCP_KEEPINTVL; 0 off */
	uint32_t	 nodelay;	/* 1: TCP_NODELAY */
	uint32_t	 user_timeout;	/* milliseconds, TCP_USER_TIMEOUT */
	uint32_t	 congestion;	/* enum congestion, TCP_CONGESTION */
};

enum strategy {
	STRATEGY_FAILOVER,
	STRATEGY_BALANCE
};

/* Are those of a network allowed?  The first of a list that fits decides. */
struct net_rule {
	struct addr	 addr;		/* ADDR_NONE: any address */
	uint32_t	 bits;		/* of addr that have to match */
	uint32_t	 allow;		/* 1; or 0: blocked */
};

/*
 * May a target be dialled that a peer names?  The first of a list that fits
 * decides, and if none does the answer is no.
 */
struct target_rule {
	uint32_t	 pass;		/* 1; or 0: blocked */
	uint32_t	 bits;		/* of addr that have to match */
	uint32_t	 port;		/* the first, from 0... */
	uint32_t	 port_last;	/* ...and the last, to 65535 */
	/* ADDR_NONE: any, unless there is a name */
	struct addr	 addr;
	/* "": an address; "*.example.com" is all names below it */
	char		 name[HOST_MAX];
};

/*
 * What may protect a tunnel's octets; a mask.  Over QUIC it is QUIC, and
 * nothing else can be chosen; elsewhere that cannot.
 */
#define SEAL_TLS	0x01
#define SEAL_XOR	0x02
#define SEAL_NONE	0x04
#define SEAL_ALL	0x07		/* that can be configured */
#define SEAL_QUIC	0x08

enum mux_kind {
	MUX_SMUX,
	MUX_PRO
};

enum compression {
	COMPRESSION_NO,
	COMPRESSION_LZ4
};

/* All options of a service, resolved: a worker is given these. */
struct service_opts {
	uint32_t	 mux_kind;		/* enum mux_kind */
	uint32_t	 mux_version;		/* of smux: 1 or 2 */
	/* streams a session before another is wanted */
	uint32_t	 mux_concurrency;
	uint32_t	 mux_max_streams; /* hard cap of streams a session */
	uint32_t	 mux_framesize;	/* octets of payload, 1..65535 */
	uint32_t	 mux_recvbuffer;	/* octets a session */
	/* octets, the largest window of a stream */
	uint32_t	 mux_streambuffer;
	uint32_t	 seals;			/* SEAL_ mask allowed */
	uint32_t	 compression;		/* enum compression */
	uint32_t	 keepalive;	/* seconds; heartbeats of the session */
	uint32_t	 memory;	/* octets, the budget of one worker */
	/* seconds, until a tunnel is proven */
	uint32_t	 handshake_timeout;
	/* server side */
	uint32_t	 user_timeout;	/* milliseconds a user waits for room */
	uint32_t	 user_queue;		/* users that may wait */
	uint32_t	 prefork;
	uint32_t	 drain_timeout;		/* seconds, 0: no limit */
	/* client side */
	uint32_t	 pool;			/* tunnels kept */
	uint32_t	 pool_max;	/* tunnels at most; 0: 4 x pool */
	uint32_t	 retry_interval;	/* seconds */
	uint32_t	 retry_max;		/* seconds */
	uint32_t	 dial_timeout;		/* seconds */
	uint32_t	 strategy;		/* enum strategy */
	uint32_t	 proxy_protocol; /* 0, 1 or 2, towards the target */
	/* limits; 0: none */
	uint32_t	 users_max;		/* users at once */
	uint32_t	 users_per_source;	/* of one address */
	uint32_t	 user_rate;	/* new ones of it, a second */
	uint32_t	 user_idle;	/* seconds without an octet */
	uint32_t	 rate_in;	/* octets a second to the target... */
	uint32_t	 rate_out;		/* ...and to users */
	uint32_t	 rate_in_user;		/* the same of one user */
	uint32_t	 rate_out_user;
	uint32_t	 tunnels_max;		/* of one client */
	uint32_t	 stream_rate;	/* that a peer opens, of a session */
	uint32_t	 usage;		/* 1: octets are counted by port */
	/* datagrams */
	uint32_t	 udp_timeout;	/* seconds of a flow without any */
	uint32_t	 udp_flows;		/* at once */
	uint32_t	 udp_flows_source;	/* of one source */
	/* QUIC: seconds of silence that end a connection; a block's */
	uint32_t	 quic_idle;
	/* sockets: of users (server side) or targets (client side) */
	struct sockopts	 service_sock;
	/* and of tunnels */
	struct sockopts	 tunnel_sock;
};

/* opts.c */

/* As configuration writes them, and log lines and rocketctl show them. */
extern const struct name	 transport_names[];
extern const struct name	 dialect_names[];
extern const struct name	 kind_names[];
extern const struct name	 ask_names[];
extern const struct name	 serve_names[];
extern const struct name	 mux_names[];
extern const struct name	 seal_names[];
#define SEAL_OPTION_NAMES	(&seal_names[1])	/* without quic */
extern const struct name	 strategy_names[];
extern const struct name	 compression_names[];
extern const struct name	 congestion_names[];
extern const struct name	 log_dest_names[];

/* "server", "client"; "none" for any other number. */
const char	*side_name(uint32_t side);
/* "tcpmux"; "?" for a combination that does not exist. */
const char	*transport_name(uint32_t transport);
/* The other way; 0: there is no such transport. */
uint32_t	 transport_find(const char *name);

#endif /* SHARED_OPTS_H */
