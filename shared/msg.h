/* SPDX-License-Identifier: ISC */

/*
 * Messages between the processes, except those of the control interface
 * (ctl.h): which there are, who may send them, and what they carry.  Every
 * type has a rule in msg.c, and a message that breaks its rule never reaches a
 * dispatcher.  Any change here raises MSG_VERSION.
 *
 * Payloads are fixed-width integers and arrays in host order (the processes
 * share a machine), zeroed before they are filled.
 */

#ifndef SHARED_MSG_H
#define SHARED_MSG_H

#include <stdint.h>

#include "addr.h"
#include "ctl.h"
#include "imsg.h"
#include "opts.h"
#include "proc.h"

#define MSG_VERSION		18

#define KEY_LEN			32
#define IDENTITY_LEN		16
#define START_ID_LEN		8
#define LOG_LINE_MAX		1024	/* with its NUL */
#define RESOLVED_MAX		16	/* addresses of one name */
#define TLS_WORDS_MAX		192	/* why a handshake failed, with NUL */
/*
 * What a handshake has signed: 64 octets, a name and a hash (TLS 1.3), or two
 * randoms and a point of at most P-521 (1.2).
 */
#define SIGN_DATA_MAX		256
#define SIGNATURE_MAX		512	/* of RSA with 4096 bits */
/* That a tls or quic process may have asked for at once; others wait there. */
#define SIGNS_MAX		4
/* That a worker may have asked about at once; others wait there. */
#define TOKEN_ASKS_MAX		256
/*
 * The same of logins, each of which may take a second.  Those that are only
 * asked whether they are known do not wait, and are not counted.
 */
#define LOGIN_ASKS_MAX		8
#define DECOY_FILES_MAX		256	/* of all decoys: descriptors of gate */
#define DECOY_NAME_MAX		192	/* of a file below its directory, NUL */

/*
 * P parent, C control, K keys, G gate, R resolve, D dial, T tls, W worker of
 * a service, X rocketctl, U udp, Q quic, H web, * any of the children (or, as
 * sender, the parent too).
 */
enum msg_type {
	IMSG_NONE,

	/* a child's life */
	IMSG_BEGIN,		/* P -> *	struct msg_begin */
	IMSG_END,		/* P -> *	empty */
	IMSG_READY,		/* * -> P	struct msg_ready */
	IMSG_CHANNEL,		/* P -> *	struct msg_channel, fd */
	IMSG_PING,		/* P -> *	empty */
	IMSG_PONG,		/* * -> P	empty */
	IMSG_STOP,		/* P -> *	struct msg_stop */
	IMSG_LOG_LEVEL,		/* P -> *	struct msg_level */
	IMSG_LOG,	/* * -> C	struct msg_log (cut after text) */
	IMSG_COMPLAINT,	/* * -> P	struct msg_channel: of whom */
	IMSG_FDS_TAKEN,	/* * -> *	struct msg_count: channel.c eats it */
	IMSG_CHANNEL_LOST,	/* * -> P	struct msg_channel: to whom */

	/* configuration */
	IMSG_CONF_CONTROL,	/* P -> C	struct msg_control, fd */
	IMSG_CONF_LOG,		/* P -> C	struct msg_logdest, fd */
	IMSG_CONF_KEY,		/* P -> K	struct msg_conf_key */
	IMSG_CONF_GATE,		/* P -> G, T, Q	struct gate_opts */
	IMSG_CONF_LISTEN, /* P -> G, T, U, W, Q, H  struct msg_listen, fd */
	IMSG_CONF_REMOTE,	/* P -> D, W	struct msg_dialee */
	IMSG_CONF_TARGET,	/* P -> D, W	struct msg_dialee */
	IMSG_CONF_DIR,		/* P -> D	struct msg_dir, fd */
	IMSG_CONF_SERVICE,	/* P -> W	struct msg_service */
	IMSG_CONF_TLS,		/* P -> T, Q	struct msg_tls */
	IMSG_CONF_CERT,		/* P -> T, Q	struct msg_pem, fd */
	IMSG_CONF_CA,		/* P -> T, Q	struct msg_pem, fd */
	IMSG_CONF_PRIVKEY,	/* P -> K	struct msg_pem, fd */
	IMSG_CONF_WEB,		/* P -> W	struct msg_web */
	IMSG_CONF_PATH,		/* P -> G	struct msg_path */
	IMSG_CONF_PROXY,	/* P -> G, T	struct msg_proxy */
	IMSG_CONF_DECOY,	/* P -> G	struct msg_decoy */
	IMSG_CONF_FILE,		/* P -> G	struct msg_file, fd */
	IMSG_DIR_AGAIN,		/* D -> P	struct msg_dir */
	IMSG_CONF_NET,		/* P -> W	struct msg_net */
	IMSG_CONF_FLOWS,	/* P -> U	struct msg_flows_conf */
	IMSG_CONF_TOKEN,	/* P -> K	struct msg_conf_token */
	IMSG_CONF_MAPPING,	/* P -> W	struct msg_mapping */
	IMSG_CONF_RULE,		/* P -> D	struct msg_rule */
	IMSG_CONF_OWN,		/* P -> D	struct msg_own */
	IMSG_CONF_LOGIN,	/* P -> K	struct msg_conf_login */

	/* keys */
	IMSG_PROOF,		/* G -> K	struct msg_proof */
	IMSG_IDENTITY,		/* G -> K	struct msg_identity */
	IMSG_VERDICT,		/* K -> G	struct msg_verdict */
	IMSG_KEY,		/* K -> W	struct msg_key */
	IMSG_KEYS_END,	/* K -> W	struct msg_count: of keys sent */
	IMSG_SIGN,		/* T, Q -> K	struct msg_sign */
	IMSG_SIGNED,		/* K -> T, Q	struct msg_signed */
	IMSG_TOKEN,	/* K -> W	struct msg_token, then KEYS_END */
	IMSG_TOKEN_ASK,		/* W -> K	struct msg_token_ask */
	IMSG_TOKEN_TOLD,	/* K -> W	struct msg_token_told */
	IMSG_LOGIN_ASK,		/* W -> K	struct msg_login_ask */
	IMSG_LOGIN_TOLD,	/* K -> W	struct msg_login_told */

	/* tunnels */
	IMSG_ARRIVAL,		/* T, Q -> G	struct msg_arrival, fd */
	IMSG_TUNNEL,		/* G -> W	struct msg_tunnel, fd */
	IMSG_TUNNEL_PROVEN,	/* W -> G	struct msg_number */
	IMSG_TUNNEL_CLOSED,	/* W -> G	struct msg_number */
	IMSG_TUNNEL_BLAMED,	/* W -> G	struct msg_blame, then CLOSED */
	IMSG_TUNNEL_SHED,	/* G -> W	struct msg_number: close it */
	IMSG_ARRIVED,		/* G -> T, Q	struct msg_arrived */

	/* dialling */
	IMSG_DIAL,		/* W -> D	struct msg_dial */
	IMSG_DIAL_CANCEL,	/* W -> D	struct msg_count: the request */
	IMSG_DIALLED,		/* D -> W	struct msg_dialled, fd */
	IMSG_DIAL_FAILED,	/* D -> W	struct msg_dialled */
	IMSG_TLS_START,		/* D -> T, Q	struct msg_start, fd */
	IMSG_TLS_CANCEL,	/* D -> T, Q	struct msg_count: the request */
	IMSG_TLS_STARTED,	/* T, Q -> D	struct msg_started, fd */
	IMSG_TLS_FAILED,	/* T, Q -> D	struct msg_started */
	IMSG_RESOLVE,		/* D -> R	struct msg_resolve */
	IMSG_RESOLVED,		/* R -> D	struct msg_resolved */
	IMSG_DIAL_SETTLED,	/* W -> D	struct msg_count: the request */
	IMSG_TLS_LOST,		/* D -> W	struct msg_lost */
	IMSG_DIAL_NAMED,	/* W -> D	struct msg_dial_named */

	/* workers of one service, through the parent; or udp */
	IMSG_ROOM,	/* W -> P, U	struct msg_count: 0 none, 1 some */
	IMSG_HOLD,	/* P -> W	struct msg_count: 1 you hold users */
	IMSG_CLIENT_BACK,	/* W -> P, P -> W  struct msg_client */

	/* octets by port */
	IMSG_USAGE,		/* W -> P	struct msg_usage */

	/* flows of datagrams */
	IMSG_FLOWS,		/* U -> W	struct msg_flows, fd */

	/* another way to a remote */
	IMSG_SOCKET_ASK,	/* Q -> D	struct msg_socket_ask */
	IMSG_SOCKET,		/* D -> Q	struct msg_number, fd */
	IMSG_SOCKET_NONE,	/* D -> Q	struct msg_number */

	/* figures */
	IMSG_CONF_FIGURES,	/* P -> H	struct msg_figures */

	IMSG_MAX
};

/* ---- a child's life ---- */

#define BEGIN_RELOAD	0x01	/* the process is READY and gets a new set */
#define BEGIN_STRICT	0x02	/* what the sandbox lacks is fatal */
#define BEGIN_ROOT	0x04	/* we are root: chroot, drop to uid and gid */
#define BEGIN_NETNS	0x08	/* started in the empty network namespace */
#define BEGIN_FILES	0x10	/* it writes files: never sent, see aside.c */

struct msg_begin {
	uint32_t	 version;	/* MSG_VERSION */
	uint32_t	 role;		/* enum proc_role */
	uint32_t	 service;	/* PROC_SERVICE: its number, else 0 */
	uint32_t	 index;	/* of prefork; of tls, quic see child.h */
	uint32_t	 generation;	/* of this child, never 0 */
	uint32_t	 uid;
	uint32_t	 gid;
	uint32_t	 flags;		/* BEGIN_ */
	uint32_t	 changed;	/* CHANGE_, reload only */
	uint32_t	 log_level;	/* enum log_level */
	uint32_t	 side;		/* enum side; SERVICE, TLS, QUIC */
	uint32_t	 data_max;	/* MiB that it may have; 0: no limit */
	/* of PROC_SERVICE */
	uint32_t	 dials;		/* 1: tunnels; 0: accepts them */
	uint32_t	 opens;	/* 1: streams, has users; 0: the target */
	uint32_t	 dialect;	/* enum dialect_number */
	/* of PROC_DIAL: groups that targets name, besides gid */
	uint32_t	 ngroups;
	uint32_t	 groups[TARGET_GROUPS_MAX];
	uint8_t		 start_id[START_ID_LEN];
	/* of PROC_QUIC: its successor has the same; else 0 */
	uint8_t		 secret[HASH_LEN];
	char		 name[SERVICE_NAME_MAX];	/* PROC_SERVICE only */
};

struct msg_ready {
	uint32_t	 have;		/* SANDBOX_: in force */
	uint32_t	 lack;	/* SANDBOX_: wanted, refused by the system */
};

struct msg_channel {
	uint32_t	 role;		/* the process at the other end */
	uint32_t	 service;
	uint32_t	 index;
	uint32_t	 generation;
	uint32_t	 side;		/* enum side; SERVICE, TLS, QUIC */
	uint32_t	 pair;		/* the parent's number of the pair */
	char		 name[SERVICE_NAME_MAX];
};

struct msg_stop {
	uint32_t	 drain_ms;	/* 0: at once; UINT32_MAX: no limit */
};

struct msg_level {
	uint32_t	 level;		/* enum log_level */
};

struct msg_log {
	uint32_t	 level;		/* enum log_level */
	/* printable, NUL is the last octet */
	char		 text[LOG_LINE_MAX];
};

struct msg_count {
	uint32_t	 count;
};

struct msg_number {
	uint64_t	 number;
};

/* ---- configuration ---- */

struct msg_control {
	uint32_t	 owner;		/* who may command, besides uid 0 */
	uint32_t	 pad;
	char		 path[HOST_MAX];	/* for messages only */
};

struct msg_logdest {
	uint32_t	 dest;		/* enum log_dest */
};

enum key_stage {
	KEY_COMES,			/* it is being made from the token */
	KEY_MADE,
	KEY_SECRET	/* a strong token's, from which keys makes it */
};

/*
 * A key that a token of a service has, in a set or, as soon as it is made, at
 * any time after a set in which it was to come.
 */
struct msg_conf_key {
	uint32_t	 service;
	uint32_t	 side;
	uint32_t	 order;		/* 0 is the one a client presents */
	uint32_t	 stage;		/* enum key_stage: what key is */
	char		 name[SERVICE_NAME_MAX];
	uint8_t		 key[KEY_LEN];
};

/*
 * A token of a service whose dialect says tokens on the wire, in a set.  keys
 * compares, and only a worker that dials is given it.
 */
struct msg_conf_token {
	uint32_t	 service;
	uint32_t	 side;
	uint32_t	 order;		/* 0 is the one a client presents */
	uint32_t	 len;
	char		 name[SERVICE_NAME_MAX];
	uint8_t		 octets[TOKEN_MAX];
};

/*
 * Who may log in as a user of a service, in a set.  The hash is one of crypt(3)
 * and never leaves keys.
 */
struct msg_conf_login {
	uint32_t	 service;
	uint32_t	 side;
	char		 name[LOGIN_WORD_MAX];
	char		 hash[LOGIN_WORD_MAX];
};

/* What the users of some of a service's listeners want, in its words. */
struct msg_mapping {
	uint32_t	 port;		/* the first... */
	uint32_t	 port_last;	/* ...and the last */
	uint32_t	 kinds;		/* KIND_ mask */
	uint32_t	 pad;
	struct addr	 addr;		/* ADDR_NONE: every address */
	char		 to[NAMED_MAX];	/* "": the listener's own port */
};

/* Of a service with a target that is named: what may be dialled. */
struct msg_rule {
	uint32_t		 service;
	uint32_t		 pad;
	struct target_rule	 rule;
};

/*
 * Where this daemon listens itself: nobody is sent there by a name.  The
 * address is ADDR_NONE where it is every address, of both families, and the
 * unspecified one where it is every address of one.
 */
struct msg_own {
	uint32_t	 datagrams;	/* 1: a UDP socket */
	struct addr	 addr;
};

struct msg_listen {
	uint32_t	 number; /* the parent's, for logs and replacement */
	uint32_t	 backlog;
	uint32_t	 transport;	/* of tunnels; 0: users come here */
	uint32_t	 decoy;		/* of tunnels: struct msg_decoy */
	uint32_t	 dialect;	/* of tunnels */
	uint32_t	 service; /* of all its tunnels, or users; or 0 */
	uint32_t	 side;		/* of users' service: enum side */
	uint32_t	 datagrams;	/* 1: a UDP socket, of users or slots */
	uint32_t	 asks;		/* of users: enum ask_kind */
	uint32_t	 kinds;	/* KIND_ mask, of its line */
	uint32_t	 serves;	/* enum serve_kind */
	struct addr	 addr;
};

/*
 * A service whose users send datagrams.  Its listeners follow, and its workers
 * have channels to udp.
 */
struct msg_flows_conf {
	uint32_t	 service;
	uint32_t	 side;		/* enum side */
	uint32_t	 timeout_s;	/* a flow without a datagram ends */
	uint32_t	 flows_max;	/* at once, of all its listeners */
	uint32_t	 flows_source;	/* of one IPv4 address or IPv6 /64 */
	uint32_t	 pad;
	char		 name[SERVICE_NAME_MAX];	/* for messages */
};

struct msg_dialee {		/* REMOTE(i) or TARGET(i) of a service */
	uint32_t	 service;
	uint32_t	 index;
	uint32_t	 is_unix;	/* host is the path of a UNIX socket */
	uint32_t	 port;		/* host order, 0 when is_unix... */
	uint32_t	 ports;		/* ...the first of so many */
	uint32_t	 for_port;	/* of a listener: goes to port; or 0 */
	uint32_t	 transport;	/* TRANSPORT_; 0: a target */
	/* with TRANSPORT_TLS or _QUIC: which tls or quic process */
	uint32_t	 tls;
	uint32_t	 kinds;		/* a target's KIND_ mask; or 0 */
	uint32_t	 named;	/* 1: a target that peers name, no host */
	/* of a named one, 1: what leads back to this machine is guarded */
	uint32_t	 guard;
	struct sockopts	 opts;
	struct addr	 source;	/* family 0: the kernel's choice */
	struct addr	 edge;	/* dialled in place of host, without port */
	char		 host[HOST_MAX];
};

struct msg_dir {		/* the directory of a UNIX target's socket */
	uint32_t	 service;
	uint32_t	 index;
	uint32_t	 error;	/* DIR_AGAIN: errno of the connection, or 0 */
	uint32_t	 pad;
	char		 name[HOST_MAX];	/* of the socket in it */
};

struct msg_service {
	uint32_t		 service;
	uint32_t		 side;
	uint32_t		 index;		/* which of prefork */
	/* client: tunnels this worker keeps */
	uint32_t		 pool_share;
	uint32_t		 remotes; /* CONF_REMOTE messages that follow */
	uint32_t		 listens; /* CONF_LISTEN messages that follow */
	uint32_t		 kinds;	/* KIND_, of users or the target */
	uint32_t		 logins;	/* 1: users who ask log in */
	struct service_opts	 opts;
	char			 name[SERVICE_NAME_MAX];
	char			 client_id[CLIENT_ID_MAX];
	char			 where[HOST_MAX]; /* listener or target */
};

/*
 * What a tls or quic process verifies.  On a client's side: the server, unless
 * insecure is set.  With pins its key has to be one of them, and the chain is
 * verified only when a CA was given too.  On a server's side: certificates of
 * clients, demanded where a CA was given.
 */
struct msg_tls {
	uint32_t	 insecure;	/* 1: any server will do */
	uint32_t	 npins;
	uint32_t	 has_ca;	/* a file, not the system's store */
	uint32_t	 silence_ms;	/* of a peer, that ends it; 0: none */
	/* of QUIC: enum congestion, and not CONGESTION_SYSTEM */
	uint32_t	 congestion;
	uint32_t	 idle_ms;	/* of QUIC: 5000 to 600000 */
	uint32_t	 streams; /* of QUIC, a peer's; 0: its dialect's */
	uint8_t		 pins[TLS_PINS_MAX][HASH_LEN];	/* of public keys */
	char		 name[HOST_MAX];	/* "": the remote's host */
};

struct msg_pem {			/* a file that the parent has opened */
	uint32_t	 side;		/* whose tls or quic may use it */
	uint32_t	 index;
	char		 path[HOST_MAX];	/* for messages only */
};

/*
 * What a service's requests for WebSocket say; an empty string is what is said
 * without it.
 */
struct msg_web {
	char		 path[WEB_PATH_MAX];	/* "": /IDENTITY, in hex */
	char		 host[HOST_MAX];	/* "": the remote's name */
	char		 agent[WEB_WORDS_MAX];	/* "": no User-Agent */
	/* "Name: value\r\n", up to WEB_HEADERS of them */
	char		 headers[WEB_HEADERS_MAX];
};

struct msg_path {		/* which service is asked for by this path */
	uint32_t	 service;
	char		 path[WEB_PATH_MAX];
	uint32_t	 own;	/* 1: by its block's own listeners alone */
};

struct msg_proxy {	/* who is believed about whom it speaks for */
	uint32_t	 listen;	/* number of the listener */
	uint32_t	 bits;		/* of addr that have to be the same */
	struct addr	 addr;
};

struct msg_net {		/* one of a list: the first that fits counts */
	uint32_t	 tunnels;	/* 1: who may have tunnels; 0: users */
	uint32_t	 pad;
	struct net_rule	 rule;
};

/* What strangers are answered on the listeners of a server block. */
struct msg_decoy {
	uint32_t	 number;	/* of the block, from 0 */
	uint32_t	 status; /* 200 where files follow; 302 goes to url */
	char		 url[HOST_MAX];
	char		 server[WEB_WORDS_MAX];	/* "": no Server */
};

struct msg_file {			/* one that such a stranger may see */
	uint32_t	 decoy;
	uint32_t	 pad;
	uint64_t	 size;		/* octets */
	uint64_t	 changed;	/* seconds since the epoch */
	char		 name[DECOY_NAME_MAX];	/* "/a/b.html" */
};

/* Whose figures a listener serves: one of the services of its block. */
struct msg_figures {
	uint32_t	 listen;	/* number of the listener */
	uint32_t	 service;
	uint32_t	 quic;	/* 1 + index of its quic process; or 0 */
	char		 name[SERVICE_NAME_MAX];
};

/* ---- keys ---- */

struct msg_identity {		/* whose is it?  Proves nothing */
	uint64_t	 number; /* the gate's, comes back in the verdict */
	uint8_t		 identity[IDENTITY_LEN];
};

struct msg_proof {
	uint64_t	 number; /* the gate's, comes back in the verdict */
	uint8_t		 identity[IDENTITY_LEN];
	uint8_t		 hash[32]; /* SHA-256 of the truncated ClientHello */
	uint8_t		 binder[32];
};

enum verdict {
	VERDICT_OK,
	VERDICT_UNKNOWN,		/* no live token has this identity */
	VERDICT_FALSE,			/* one has, and the binder is not its */
	VERDICT_REPLAYED		/* it is, and was used before */
};

struct msg_verdict {
	uint64_t	 number;
	uint32_t	 verdict;	/* enum verdict */
	uint32_t	 service;	/* unless VERDICT_UNKNOWN */
};

struct msg_key {
	uint32_t	 order;		/* 0 is the one a client presents */
	uint32_t	 pad;
	uint8_t		 identity[IDENTITY_LEN];
	uint8_t		 key[KEY_LEN];
};

struct msg_token {
	uint32_t	 order;		/* 0 is the one a client presents */
	uint32_t	 len;
	uint8_t		 octets[TOKEN_MAX];
};

struct msg_token_ask {			/* is it one of this service's? */
	uint64_t	 number;	/* comes back with the answer */
	uint64_t	 id;	/* not 0: of one that was, without octets */
	uint32_t	 len;
	uint32_t	 pad;
	uint8_t		 octets[TOKEN_MAX];
};

struct msg_token_told {
	uint64_t	 number;
	/* Of the one that is right: the same as long as rocketd runs; or 0. */
	uint64_t	 id;
	uint32_t	 right;		/* 1: it is */
	uint32_t	 pad;
};

struct msg_login_ask {			/* is it a user of this service? */
	uint64_t	 number;	/* comes back with the answer */
	/* 1: right only if it was so before; answered at once, unchecked. */
	uint32_t	 only_known;
	uint32_t	 pad;
	char		 name[LOGIN_WORD_MAX];
	char		 password[LOGIN_WORD_MAX];
};

struct msg_login_told {
	uint64_t	 number;
	uint32_t	 right;		/* 1: it is */
	uint32_t	 pad;
};

/*
 * How a handshake's signature is made: the numbers are TLS's own
 * SignatureSchemes.
 */
enum sign_scheme {
	SIGN_RSA_PKCS1_SHA256 = 0x0401,
	SIGN_ECDSA_SHA256 = 0x0403,
	SIGN_RSA_PKCS1_SHA384 = 0x0501,
	SIGN_ECDSA_SHA384 = 0x0503,
	SIGN_RSA_PKCS1_SHA512 = 0x0601,
	SIGN_ECDSA_SHA512 = 0x0603,
	SIGN_RSA_PSS_SHA256 = 0x0804,
	SIGN_RSA_PSS_SHA384 = 0x0805,
	SIGN_RSA_PSS_SHA512 = 0x0806,
	SIGN_ED25519 = 0x0807
};

/*
 * All that is to be signed, not its hash: so that keys can see that it is of
 * a handshake, and of the right side.
 */
struct msg_sign {
	uint64_t	 number;	/* comes back with the signature */
	uint32_t	 scheme;	/* enum sign_scheme */
	uint32_t	 len;		/* of data */
	uint8_t		 spki[HASH_LEN];	/* names the key */
	uint8_t		 data[SIGN_DATA_MAX];
};

struct msg_signed {
	uint64_t	 number;
	uint32_t	 len;		/* of signature; 0: refused */
	uint32_t	 pad;
	uint8_t		 signature[SIGNATURE_MAX];
};

/* ---- tunnels and dialling ---- */

/* one end of a socket pair, TLS or QUIC behind it */
struct msg_arrival {
	uint64_t	 number;	/* of its tls or quic process */
	uint32_t	 transport;	/* TRANSPORT_, of its listener */
	uint32_t	 decoy;		/* of its listener */
	uint32_t	 dialect;	/* of its listener */
	uint32_t	 service;	/* of its listener, or 0 */
	uint32_t	 listener;	/* its number */
	uint32_t	 pad;
	struct addr	 peer;		/* of the connection itself */
	struct addr	 local;
	uint8_t		 binding[HASH_LEN];	/* of QUIC; else 0 */
};

struct msg_blame {		/* why it was never proven */
	uint64_t	 number;
	uint32_t	 offence;	/* enum offence */
	uint32_t	 pad;
};

struct msg_arrived {	/* what became of one that tls or quic handed on */
	uint64_t	 number;	/* of its tls or quic process */
	struct addr	 peer;
	uint32_t	 service;	/* whose tunnel it is, if proven */
	uint32_t	 offence;	/* enum offence; OFFENCES: proven */
};

struct msg_tunnel {
	uint64_t	 number;	/* the gate's */
	uint32_t	 left_ms;	/* of the deadline to be proven */
	uint32_t	 transport;	/* TRANSPORT_, of its listener */
	struct addr	 peer;
	struct addr	 local;
	/*
	 * Of QUIC: what both ends of its handshake have exported.  Where they
	 * differ somebody else ends QUIC in between.
	 */
	uint8_t		 binding[HASH_LEN];
};

enum dial_what {
	DIAL_REMOTE,
	DIAL_TARGET,
	DIAL_NAMED		/* a target that the peer has named */
};

struct msg_dial {
	uint32_t	 request;	/* the worker's own number */
	uint32_t	 what;		/* enum dial_what */
	uint32_t	 index;
	uint32_t	 offset;	/* to the dialee's port */
	uint32_t	 timeout_ms;	/* for names and connect together */
	uint32_t	 datagrams;	/* 1: a UDP socket */
	/*
	 * With datagrams: how many addresses of the name to leave to the last.
	 * A UDP socket connects to one where nobody is, too.
	 */
	uint32_t	 turn;
	/*
	 * DIAL_REMOTE: dialled there only, whatever other addresses its name
	 * has.  ADDR_NONE: at any.  Its port does not count.
	 */
	struct addr	 at;
};

struct msg_dial_named {
	struct msg_dial	 dial;
	uint32_t	 port;
	uint32_t	 pad;
	char		 host[HOST_MAX];	/* a name, or an address */
};

enum dial_stage {
	DIAL_STAGE_REFUSED,	/* not configured, or too many at once */
	DIAL_STAGE_RESOLVE,
	DIAL_STAGE_CONNECT,
	DIAL_STAGE_TLS,		/* words say why */
	DIAL_STAGE_PACED,	/* others of ours shook hands there meanwhile */
	DIAL_STAGE_CANCELLED,	/* as it was asked to be */
	DIAL_STAGE_BLOCKED,	/* the service's targets do not allow it */
	DIAL_STAGE_ELSEWHERE	/* it is not at that address any more */
};

/*
 * Each DIAL is answered once, also one that was cancelled: so a worker knows
 * how many are with dial.  After IMSG_DIALLED of a remote, but for datagrams,
 * the worker says IMSG_DIAL_SETTLED when its tunnel there is open or failed.
 */

struct msg_dialled {
	uint32_t	 request;
	uint32_t	 stage;		/* enum dial_stage, when failed */
	int32_t		 error;		/* errno, or EAI_ code when resolving */
	uint32_t	 pad;
	struct addr	 peer;	/* who was, or last failed to be, reached */
	struct addr	 local;
	/*
	 * Of DIAL_STAGE_TLS: why; of DIAL_STAGE_BLOCKED: what was named, and
	 * why not; of DIAL_STAGE_RESOLVE: the name, as far as it fits.
	 */
	char		 words[TLS_WORDS_MAX];
	uint8_t		 binding[HASH_LEN];	/* of QUIC, as msg_tunnel's */
};

/*
 * A connection to a remote with outer TLS.  dial connects, then lends its
 * socket to tls, which shakes hands and gives one end of a socket pair back;
 * dial answers the worker with that, as it would with the socket.  The time is
 * dial's to keep: it cancels.  The same for QUIC, where it is a connected UDP
 * socket.
 */
struct msg_start {
	uint32_t	 request;	/* dial's own number */
	uint32_t	 transport;	/* TRANSPORT_ */
	uint32_t	 service;	/* whose tunnel it is to be */
	uint32_t	 index;		/* of the remote */
	struct addr	 peer;
	char		 host[HOST_MAX];	/* of the remote */
};

struct msg_started {
	uint32_t	 request;
	uint32_t	 pad;
	char		 words[TLS_WORDS_MAX];	/* why not */
	uint8_t		 binding[HASH_LEN];	/* of QUIC, as msg_tunnel's */
};

/* The process that ended TLS or QUIC of a worker's tunnels is gone. */
struct msg_lost {
	uint32_t	 role;		/* PROC_TLS or PROC_QUIC */
	uint32_t	 index;
};

/*
 * A connection of QUIC wants another connected UDP socket to where it is: its
 * own address is gone, or nothing comes back.  dial gives one to an address
 * that it has reached for that remote, and to no other.
 */
struct msg_socket_ask {
	uint64_t	 number;	/* comes back with the socket */
	uint32_t	 service;
	uint32_t	 index;		/* of the remote */
	struct addr	 peer;
};

struct msg_resolve {
	uint32_t	 request;
	uint32_t	 timeout_ms;
	uint32_t	 service;	/* whose name it is; one of several */
	uint32_t	 what;		/* enum dial_what */
	char		 host[HOST_MAX];
};

struct msg_resolved {
	uint32_t	 request;
	int32_t		 error;		/* 0 or EAI_ code */
	uint32_t	 count;		/* of addr */
	uint32_t	 more;		/* 1: another follows, with all */
	struct addr	 addr[RESOLVED_MAX];	/* ports 0 */
};

struct msg_client {			/* a client has opened a tunnel */
	uint32_t	 again;	/* 0: its first of this start, for who tells */
	uint32_t	 quic;		/* it is over QUIC */
	uint8_t		 start_id[START_ID_LEN];
	char		 client_id[CLIENT_ID_MAX];
};

struct msg_usage {			/* since the last, both ways */
	uint32_t	 port;		/* 0: others */
	uint32_t	 pad;
	uint64_t	 octets;
};

/*
 * One end of a stream socket pair that udp has made, in place of any before:
 * the flows of the worker's users (worker/net/flowpair.h).  Those on the pair
 * before are gone.
 */
struct msg_flows {
	uint32_t	 pad;
};

/* msg.c */

/*
 * May peer send this message to self, with this length and with or without
 * a descriptor?  0, or -1 with the reason in *why (a constant string).  Also
 * checks that each fixed string in the payload ends inside its array, and
 * that each enum is in its range.  Reads nothing off the message; versions
 * are the receiver's to compare.
 */
int		 msg_check(enum proc_role self, enum proc_role peer,
		    struct imsg *imsg, const char **why);

/* May self be sent a descriptor by peer?  If not, none is ever received. */
int		 msg_takes_fd(enum proc_role self, enum proc_role peer);

/* "IMSG_READY"; "?" for a number that is none. */
const char	*msg_name(uint32_t type);

#endif /* SHARED_MSG_H */
