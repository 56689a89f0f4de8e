/* SPDX-License-Identifier: ISC */

/*
 * The option table: what may be set by `name value' in a configuration, where,
 * within which limits, and with which default.  Only this file knows limits and
 * defaults: the parser, the printer, the difference of two configurations and
 * the test of the manual all use the table.  optval.c reads and writes values.
 * Knows nothing of files, blocks or services.
 */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "conf.h"

#define SERVER	(SCOPE_SERVER | SCOPE_SERVER_SERVICE)
#define CLIENT	(SCOPE_CLIENT | SCOPE_CLIENT_SERVICE)
#define BOTH	(SERVER | CLIENT)
/* A tunnel's listener is a block's, for all of its services. */
#define TUNNEL	(SCOPE_SERVER | CLIENT)

#define O(m)	offsetof(struct service_opts, m)
#define G(m)	offsetof(struct rocketd_conf, m)
#define PENALTY(n, f, d, h)						\
	{ .name = n, .type = OPT_SECONDS, .scope = SCOPE_GLOBAL,	\
	    .offset = G(gate.penalty[f]), .min = 1, .max = 3600,	\
	    .zero = "none", .dflt = d, .change = CHANGE_LIVE, .help = h }
/* Where text is stored, and how long it may be. */
#define TEXT(m)	.base = BASE_WEB, .offset = offsetof(struct web_opts, m), \
		    .max = sizeof(((struct web_opts *)0)->m) - 1

#define KILO	1024ULL
#define MEGA	(1024 * KILO)
#define GIGA	(1024 * MEGA)

/* So much of a wrong name is compared; longer than any right one. */
#define NEAR_MAX	48

static const struct name	 words_sandbox[] = {
	{ "relaxed", 0 },
	{ "strict", 1 },
	{ NULL, 0 }
};

static const struct name	 words_proxy[] = {
	{ "none", 0 },
	{ "v1", 1 },
	{ "v2", 2 },
	{ NULL, 0 }
};

static const struct name	 words_status[] = {
	{ "403", 403 },
	{ "404", 404 },
	{ "410", 410 },
	{ "500", 500 },
	{ "502", 502 },
	{ "503", 503 },
	{ NULL, 0 }
};

const struct option	 options[] = {
	/* at the top of the file */
	{ .name = "log", .type = OPT_WORD, .scope = SCOPE_GLOBAL,
	    .offset = G(log_level), .dflt = LOGLEVEL_INFO,
	    .words = log_levels, .change = CHANGE_LIVE,
	    .help = "the least severe lines that are logged" },
	{ .name = "log to", .type = OPT_WORD, .scope = SCOPE_GLOBAL,
	    .offset = G(log_dest), .dflt = LOGDEST_SYSLOG,
	    .words = log_dest_names, .change = CHANGE_LIVE,
	    .help = "where log lines go" },
	{ .name = "pidfile", .type = OPT_STRING, .scope = SCOPE_GLOBAL,
	    .offset = G(pidfile), .change = CHANGE_LIVE,
	    .help = "a file for the parent's process id" },
	{ .name = "sandbox", .type = OPT_WORD, .scope = SCOPE_GLOBAL,
	    .offset = G(strict), .dflt = 0, .words = words_sandbox,
	    .change = CHANGE_RESTART,
	    .help = "whether a missing part of the sandbox is fatal" },
	{ .name = "freebind", .type = OPT_BOOL, .scope = SCOPE_GLOBAL,
	    .offset = G(freebind), .max = 1, .dflt = 0,
	    .change = CHANGE_LISTENER,
	    .help = "whether listeners may wait for their addresses" },
	{ .name = "stop timeout", .type = OPT_SECONDS,
	    .scope = SCOPE_GLOBAL, .offset = G(stop_timeout), .min = 1,
	    .max = 3600, .dflt = 8, .zero = "at once", .change = CHANGE_LIVE,
	    .help = "how long connections may go on when the daemon stops" },
	{ .name = "handshake timeout", .type = OPT_MILLISECONDS,
	    .scope = SCOPE_GLOBAL, .offset = G(gate.deadline_ms),
	    .min = 100, .max = 60000, .dflt = 10000, .change = CHANGE_LIVE,
	    .help = "time for an accepted tunnel to prove its token" },
	{ .name = "unproven max", .type = OPT_NUMBER, .scope = SCOPE_GLOBAL,
	    .offset = G(gate.max_unproven), .min = 1, .max = 65536,
	    .dflt = 1024, .change = CHANGE_LIVE,
	    .help = "accepted tunnels that have not proven their token" },
	{ .name = "unproven per source", .type = OPT_NUMBER,
	    .scope = SCOPE_GLOBAL, .offset = G(gate.max_per_source),
	    .min = 1, .max = 65536, .dflt = 64, .change = CHANGE_LIVE,
	    .help = "the same, from one address" },
	PENALTY("penalty proof", OFFENCE_PROOF, 5,
	    "refusal of a source for a false proof"),
	PENALTY("penalty replay", OFFENCE_REPLAY, 30,
	    "the same, for a proof that was used before"),
	PENALTY("penalty timeout", OFFENCE_TIMEOUT, 2,
	    "the same, for no proof in time"),
	PENALTY("penalty garbage", OFFENCE_GARBAGE, 2,
	    "the same, for what begins no tunnel"),
	{ .name = "penalty min", .type = OPT_SECONDS, .scope = SCOPE_GLOBAL,
	    .offset = G(gate.penalty_min), .min = 1, .max = 86400,
	    .dflt = 15, .change = CHANGE_LIVE,
	    .help = "penalties that have to come together for it" },
	{ .name = "penalty max", .type = OPT_SECONDS, .scope = SCOPE_GLOBAL,
	    .offset = G(gate.penalty_max), .min = 1, .max = 86400,
	    .dflt = 600, .zero = "no penalties", .change = CHANGE_LIVE,
	    .help = "the longest refusal" },

	/* the mux */
	{ .name = "mux kind", .type = OPT_WORD, .scope = BOTH,
	    .offset = O(mux_kind), .dflt = MUX_SMUX, .words = mux_names,
	    .change = CHANGE_TUNNELS,
	    .help = "the multiplexer, the same on both sides" },
	{ .name = "mux version", .type = OPT_NUMBER, .scope = BOTH,
	    .offset = O(mux_version), .min = 1, .max = 2, .dflt = 2,
	    .change = CHANGE_TUNNELS,
	    .help = "version of smux, the same on both sides" },
	{ .name = "mux concurrency", .type = OPT_NUMBER, .scope = BOTH,
	    .offset = O(mux_concurrency), .min = 1, .max = 1048576,
	    .dflt = 16, .change = CHANGE_LIVE,
	    .help = "streams a session before another tunnel is wanted" },
	{ .name = "mux max streams", .type = OPT_NUMBER, .scope = BOTH,
	    .offset = O(mux_max_streams), .min = 1, .max = 1048576,
	    .dflt = 16384, .change = CHANGE_TUNNELS,
	    .help = "streams a session at most" },
	{ .name = "mux frame size", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(mux_framesize), .min = 1, .max = 65535,
	    .dflt = 32768, .change = CHANGE_TUNNELS,
	    .help = "payload of one frame" },
	{ .name = "mux receive buffer", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(mux_recvbuffer), .min = 1, .max = INT32_MAX,
	    .dflt = MUX_RECVBUFFER, .change = CHANGE_TUNNELS,
	    .help = "undelivered data that a session may hold" },
	{ .name = "mux stream buffer", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(mux_streambuffer), .min = 1, .max = INT32_MAX,
	    .dflt = MUX_STREAMBUFFER, .change = CHANGE_TUNNELS,
	    .help = "the same for one stream: its largest window" },

	/* tunnels */
	{ .name = "seal", .type = OPT_WORDS, .scope = BOTH,
	    .offset = O(seals), .dflt = SEAL_TLS, .words = SEAL_OPTION_NAMES,
	    .change = CHANGE_TUNNELS,
	    .help = "what may protect the octets of a tunnel" },
	{ .name = "compression", .type = OPT_WORD, .scope = BOTH,
	    .offset = O(compression), .dflt = COMPRESSION_NO,
	    .words = compression_names, .change = CHANGE_TUNNELS,
	    .help = "whether users' data is compressed on a tunnel" },
	{ .name = "keepalive", .type = OPT_SECONDS, .scope = BOTH,
	    .offset = O(keepalive), .min = 1, .max = 3600, .dflt = 20,
	    .zero = "off", .change = CHANGE_TUNNELS,
	    .help = "heartbeats of a session" },
	{ .name = "memory", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(memory), .min = MEGA, .max = 4 * GIGA - MEGA,
	    .dflt = 256 * MEGA, .change = CHANGE_LIVE,
	    .help = "memory of one worker for data on its way" },
	{ .name = "prefork", .type = OPT_NUMBER, .scope = BOTH,
	    .offset = O(prefork), .min = 1, .max = PREFORK_MAX, .dflt = 1,
	    .change = CHANGE_PROCESS,
	    .help = "workers of a service" },
	{ .name = "drain timeout", .type = OPT_SECONDS, .scope = BOTH,
	    .offset = O(drain_timeout), .min = 1, .max = 7 * 86400,
	    .dflt = 0, .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "how long removed services and tunnels may drain" },
	{ .name = "rate in", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(rate_in), .min = KILO, .max = 4 * GIGA - MEGA,
	    .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "octets a second from all users to the target" },
	{ .name = "rate out", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(rate_out), .min = KILO, .max = 4 * GIGA - MEGA,
	    .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "octets a second from the target to all users" },
	{ .name = "rate in per user", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(rate_in_user), .min = KILO, .max = 4 * GIGA - MEGA,
	    .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "octets a second from each user to the target" },
	{ .name = "rate out per user", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(rate_out_user), .min = KILO, .max = 4 * GIGA - MEGA,
	    .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "octets a second from the target to each user" },

	/* where users are */
	{ .name = "user timeout", .type = OPT_MILLISECONDS, .scope = BOTH,
	    .facts = FACT_USERS, .offset = O(user_timeout), .min = 0,
	    .max = 3600000, .dflt = 3000, .change = CHANGE_LIVE,
	    .help = "how long a user waits for a session with room" },
	{ .name = "user queue", .type = OPT_NUMBER, .scope = BOTH,
	    .facts = FACT_USERS, .offset = O(user_queue), .min = 1,
	    .max = 65536, .dflt = 1024, .change = CHANGE_LIVE,
	    .help = "how many users may wait at one worker" },
	{ .name = "users max", .type = OPT_NUMBER, .scope = BOTH,
	    .facts = FACT_USERS, .offset = O(users_max), .min = 1,
	    .max = 1048576, .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "users at once" },
	{ .name = "users per source", .type = OPT_NUMBER, .scope = BOTH,
	    .facts = FACT_USERS, .offset = O(users_per_source), .min = 1,
	    .max = 1048576, .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "the same, from one address" },
	{ .name = "user rate", .type = OPT_NUMBER, .scope = BOTH,
	    .facts = FACT_USERS, .offset = O(user_rate), .min = 1,
	    .max = 1000000, .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "new users a second, from one address" },
	{ .name = "user idle timeout", .type = OPT_SECONDS, .scope = BOTH,
	    .facts = FACT_USERS, .offset = O(user_idle), .min = 1,
	    .max = 7 * 86400, .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "how long a user may stay without an octet" },
	{ .name = "users file", .type = OPT_TEXT,
	    .scope = SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE,
	    .facts = FACT_USERS, TEXT(users_file), .valid = valid_directory,
	    .takes = "an absolute path", .change = CHANGE_LIVE,
	    .help = "names and hashes of passwords of users that log in" },

	/* who accepts tunnels */
	{ .name = "tunnels max", .type = OPT_NUMBER, .scope = SERVER,
	    .offset = O(tunnels_max), .min = 1, .max = 65536, .dflt = 256,
	    .zero = "no limit", .change = CHANGE_LIVE,
	    .help = "tunnels of one client that have no user of their own" },

	/* who has the target */
	{ .name = "stream rate", .type = OPT_NUMBER, .scope = BOTH,
	    .facts = FACT_TARGET, .offset = O(stream_rate), .min = 100,
	    .max = 1000000, .dflt = 10000, .zero = "no limit",
	    .change = CHANGE_LIVE,
	    .help = "streams a second that are opened on one session" },

	/* what is counted */
	{ .name = "usage", .type = OPT_BOOL, .scope = BOTH,
	    .offset = O(usage), .max = 1, .dflt = 0, .change = CHANGE_LIVE,
	    .help = "whether octets are counted by port" },
	{ .name = "usage file", .type = OPT_TEXT, .scope = BOTH,
	    TEXT(usage_file), .valid = valid_directory,
	    .takes = "an absolute path", .change = CHANGE_LIVE,
	    .help = "where they are written" },

	/* datagrams */
	{ .name = "udp timeout", .type = OPT_SECONDS, .scope = BOTH,
	    .offset = O(udp_timeout), .min = 1, .max = UDP_TIMEOUT_MAX,
	    .dflt = 60, .change = CHANGE_LIVE,
	    .help = "how long a flow may stay without a datagram" },
	{ .name = "udp flows max", .type = OPT_NUMBER, .scope = BOTH,
	    .facts = FACT_USERS, .offset = O(udp_flows), .min = 1,
	    .max = UDP_FLOWS_MAX, .dflt = 10000, .change = CHANGE_LIVE,
	    .help = "flows of datagrams at once" },
	{ .name = "udp flows per source", .type = OPT_NUMBER, .scope = BOTH,
	    .facts = FACT_USERS, .offset = O(udp_flows_source), .min = 1,
	    .max = UDP_FLOWS_MAX, .dflt = 1000, .change = CHANGE_LIVE,
	    .help = "the same, from one address" },

	/* who dials */
	{ .name = "pool", .type = OPT_NUMBER, .scope = CLIENT,
	    .offset = O(pool), .min = 1, .max = 1024, .dflt = 8,
	    .change = CHANGE_LIVE,
	    .help = "tunnels that are kept open" },
	{ .name = "pool max", .type = OPT_NUMBER, .scope = CLIENT,
	    .offset = O(pool_max), .min = 1, .max = 4096, .dflt = 0,
	    .zero = "4 x pool", .change = CHANGE_LIVE,
	    .help = "tunnels at most" },
	{ .name = "remotes", .type = OPT_WORD, .scope = CLIENT,
	    .offset = O(strategy), .dflt = STRATEGY_FAILOVER,
	    .words = strategy_names, .change = CHANGE_TUNNELS,
	    .help = "one pool at the best remote, or one at each" },
	{ .name = "retry interval", .type = OPT_SECONDS, .scope = CLIENT,
	    .offset = O(retry_interval), .min = 1, .max = 3600, .dflt = 3,
	    .change = CHANGE_LIVE,
	    .help = "pause after a tunnel that failed" },
	{ .name = "retry max", .type = OPT_SECONDS, .scope = CLIENT,
	    .offset = O(retry_max), .min = 1, .max = 3600, .dflt = 5,
	    .change = CHANGE_LIVE,
	    .help = "the longest of these pauses" },
	{ .name = "dial timeout", .type = OPT_SECONDS, .scope = BOTH,
	    .facts = FACT_DIALS | FACT_TARGET, .offset = O(dial_timeout),
	    .min = 1, .max = 600, .dflt = 10, .change = CHANGE_LIVE,
	    .help = "time to resolve a name and connect" },
	{ .name = "handshake timeout", .type = OPT_SECONDS, .scope = CLIENT,
	    .offset = O(handshake_timeout), .min = 1, .max = 60, .dflt = 10,
	    .change = CHANGE_LIVE,
	    .help = "time for a connected tunnel to open" },
	{ .name = "proxy protocol", .type = OPT_WORD, .scope = BOTH,
	    .facts = FACT_TARGET | FACT_HEADER, .offset = O(proxy_protocol),
	    .dflt = 0,
	    .words = words_proxy, .change = CHANGE_LIVE,
	    .help = "the header that tells a target who the user is" },

	/* WebSocket */
	{ .name = "path", .type = OPT_TEXT,
	    .scope = SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE, TEXT(path),
	    .valid = valid_path, .takes = "an absolute path",
	    .change = CHANGE_TUNNELS,
	    .help = "what a tunnel of the service asks for" },
	{ .name = "host", .type = OPT_TEXT, .scope = CLIENT, TEXT(host),
	    .valid = valid_authority, .takes = "a host or HOST:PORT",
	    .change = CHANGE_TUNNELS,
	    .help = "the Host of a request" },
	{ .name = "user agent", .type = OPT_TEXT, .scope = CLIENT,
	    TEXT(agent), .valid = valid_value,
	    .takes = "printable text",
	    .change = CHANGE_TUNNELS,
	    .help = "the User-Agent of a request" },
	{ .name = "header", .type = OPT_TEXTS, .scope = CLIENT,
	    TEXT(headers), .valid = valid_header,
	    .takes = "further fields \"Name: value\"",
	    .change = CHANGE_TUNNELS,
	    .help = "further fields of a request" },
	{ .name = "decoy status", .type = OPT_WORD, .scope = SCOPE_SERVER,
	    .base = BASE_WEB, .offset = offsetof(struct web_opts,
	    decoy_status), .dflt = 404, .words = words_status,
	    .change = CHANGE_LIVE,
	    .help = "the answer to strangers" },
	{ .name = "decoy redirect", .type = OPT_TEXT, .scope = SCOPE_SERVER,
	    TEXT(decoy_url), .valid = valid_url,
	    .takes = "an http or https URL or a path",
	    .change = CHANGE_LIVE,
	    .help = "where strangers are sent" },
	{ .name = "decoy directory", .type = OPT_TEXT, .scope = SCOPE_SERVER,
	    TEXT(decoy_dir), .valid = valid_directory,
	    .takes = "an absolute path", .change = CHANGE_LIVE,
	    .help = "what strangers may see" },
	{ .name = "decoy server", .type = OPT_TEXT, .scope = SCOPE_SERVER,
	    TEXT(decoy_server), .valid = valid_value,
	    .takes = "printable text", .change = CHANGE_LIVE,
	    .help = "the Server of an answer" },

	/* sockets of users or targets */
	{ .name = "nodelay", .type = OPT_BOOL, .scope = BOTH,
	    .offset = O(service_sock.nodelay), .max = 1, .dflt = 1,
	    .change = CHANGE_LISTENER,
	    .help = "TCP_NODELAY" },
	{ .name = "receive socket buffer", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(service_sock.rcvbuf), .min = 2 * KILO, .max = GIGA,
	    .zero = "the system's choice", .change = CHANGE_LISTENER,
	    .help = "SO_RCVBUF" },
	{ .name = "send socket buffer", .type = OPT_SIZE, .scope = BOTH,
	    .offset = O(service_sock.sndbuf), .min = 2 * KILO, .max = GIGA,
	    .zero = "the system's choice", .change = CHANGE_LISTENER,
	    .help = "SO_SNDBUF" },
	{ .name = "mss", .type = OPT_NUMBER, .scope = BOTH,
	    .offset = O(service_sock.mss), .min = 88, .max = 32767,
	    .zero = "the system's choice", .change = CHANGE_LISTENER,
	    .help = "TCP_MAXSEG" },
	{ .name = "tcp keepalive", .type = OPT_SECONDS, .scope = BOTH,
	    .offset = O(service_sock.keepalive), .min = 1, .max = 32767,
	    .dflt = 60, .zero = "off", .change = CHANGE_LISTENER,
	    .help = "TCP_KEEPIDLE and TCP_KEEPINTVL" },
	{ .name = "tcp user timeout", .type = OPT_MILLISECONDS, .scope = BOTH,
	    .offset = O(service_sock.user_timeout), .min = 1, .max = 86400000,
	    .zero = "the system's choice", .change = CHANGE_LISTENER,
	    .help = "TCP_USER_TIMEOUT" },
	{ .name = "congestion", .type = OPT_WORD, .scope = BOTH,
	    .offset = O(service_sock.congestion),
	    .dflt = CONGESTION_SYSTEM, .words = congestion_names,
	    .change = CHANGE_LISTENER,
	    .help = "TCP_CONGESTION" },

	/* sockets of tunnels */
	{ .name = "tunnel nodelay", .type = OPT_BOOL, .scope = TUNNEL,
	    .offset = O(tunnel_sock.nodelay), .max = 1, .dflt = 1,
	    .change = CHANGE_TUNNELS,
	    .help = "TCP_NODELAY" },
	{ .name = "tunnel receive socket buffer", .type = OPT_SIZE,
	    .scope = TUNNEL, .offset = O(tunnel_sock.rcvbuf),
	    .min = 2 * KILO, .max = GIGA, .zero = "the system's choice",
	    .change = CHANGE_TUNNELS,
	    .help = "SO_RCVBUF" },
	{ .name = "tunnel send socket buffer", .type = OPT_SIZE,
	    .scope = TUNNEL, .offset = O(tunnel_sock.sndbuf),
	    .min = 2 * KILO, .max = GIGA, .zero = "the system's choice",
	    .change = CHANGE_TUNNELS,
	    .help = "SO_SNDBUF" },
	{ .name = "tunnel mss", .type = OPT_NUMBER, .scope = TUNNEL,
	    .offset = O(tunnel_sock.mss), .min = 88, .max = 32767,
	    .zero = "the system's choice", .change = CHANGE_TUNNELS,
	    .help = "TCP_MAXSEG" },
	{ .name = "tunnel tcp keepalive", .type = OPT_SECONDS,
	    .scope = TUNNEL, .offset = O(tunnel_sock.keepalive),
	    .min = 1, .max = 32767, .dflt = 20, .zero = "off",
	    .change = CHANGE_TUNNELS,
	    .help = "TCP_KEEPIDLE and TCP_KEEPINTVL" },
	{ .name = "tunnel tcp user timeout", .type = OPT_MILLISECONDS,
	    .scope = TUNNEL, .offset = O(tunnel_sock.user_timeout),
	    .min = 1, .max = 86400000, .zero = "the system's choice",
	    .change = CHANGE_TUNNELS,
	    .help = "TCP_USER_TIMEOUT" },
	{ .name = "tunnel congestion", .type = OPT_WORD, .scope = TUNNEL,
	    .offset = O(tunnel_sock.congestion),
	    .dflt = CONGESTION_SYSTEM, .words = congestion_names,
	    .change = CHANGE_TUNNELS,
	    .help = "TCP_CONGESTION, and how QUIC finds its pace" },
	{ .name = "quic idle timeout", .type = OPT_SECONDS,
	    .scope = SCOPE_SERVER | SCOPE_CLIENT, .offset = O(quic_idle),
	    .min = 5, .max = 600, .dflt = 30, .change = CHANGE_TUNNELS,
	    .help = "silence that ends a tunnel of QUIC" }
};

const size_t	 noptions = nitems(options);

_Static_assert(nitems(options) <= OPTIONS_MAX, "a set has a bit for each");

/* Other statements, as near names of wrong words. */
static const struct {
	const char	*name;
	uint32_t	 scope;
} statements[] = {
	{ "allow from", BOTH },
	{ "allow tunnels from", SERVER },
	{ "block from", BOTH },
	{ "block tunnels from", SERVER },
	{ "client", SCOPE_GLOBAL },
	{ "client id", SCOPE_CLIENT },
	{ "connect to", SCOPE_CLIENT },
	{ "control socket", SCOPE_GLOBAL },
	{ "dialect", SCOPE_SERVER | SCOPE_CLIENT },
	{ "forward to", SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE },
	{ "ids", SCOPE_GLOBAL },
	{ "include", SCOPE_GLOBAL | BOTH },
	{ "listen on", SERVER | SCOPE_CLIENT_SERVICE },
	{ "server", SCOPE_GLOBAL },
	{ "service", SCOPE_SERVER | SCOPE_CLIENT },
	{ "targets", SCOPE_CLIENT_SERVICE },
	{ "token", BOTH }
};

void
option_add(struct option_set *set, const struct option *o,
    const struct conf_place *at)
{
	size_t	 i = (size_t)(o - options);

	set->bits[i / 64] |= (uint64_t)1 << i % 64;
	set->at[i] = *at;
}

int
option_given(const struct option_set *set, const struct option *o)
{
	size_t	 i = (size_t)(o - options);

	return ((set->bits[i / 64] >> i % 64 & 1) != 0);
}

const struct conf_place *
option_place(const struct option_set *set, const char *name)
{
	const struct option	*o = option_find(name, UINT32_MAX);

	return (option_given(set, o) ? &set->at[o - options] : NULL);
}

/* If the words at s begin with the whole words of name, their length, or 0. */
static size_t
words_begin(const char *s, const char *name)
{
	size_t	 len = strlen(name);

	if (strncmp(s, name, len) != 0 || (s[len] != '\0' && s[len] != ' '))
		return (0);
	return (len);
}

const struct option *
option_find(const char *words, uint32_t scope)
{
	const struct option	*found = NULL;
	size_t			 i, len, longest = 0;

	for (i = 0; i < noptions; i++) {
		if ((options[i].scope & scope) == 0)
			continue;
		len = words_begin(words, options[i].name);
		if (len > longest) {
			longest = len;
			found = &options[i];
		}
	}
	return (found);
}

static int
same_underscored(const char *key, const char *name)
{
	for (; *key != '\0'; key++, name++)
		if (*key != (*name == ' ' ? '_' : *name))
			return (0);
	return (*name == '\0');
}

const struct option *
option_key(const char *key, uint32_t scope)
{
	const struct option	*o;

	for (o = options; o < options + noptions; o++)
		if ((o->scope & scope) != 0 && same_underscored(key, o->name))
			return (o);
	return (NULL);
}

const char *
option_begun(const char *word)
{
	const struct option	*o = option_key(word, UINT32_MAX);

	if (o != NULL)
		return (o->name);
	for (o = options; o < options + noptions; o++)
		if (words_begin(o->name, word) > 0)
			return (o->name);
	return (strcmp(word, "tls") == 0 ? "tls certificate" : NULL);
}

/* How many letters to change, add or remove; both are short. */
static size_t
edit_distance(const char *a, size_t alen, const char *b)
{
	size_t	 row[NEAR_MAX + 1], blen = strlen(b), i, j, diagonal, best;

	for (j = 0; j <= blen; j++)
		row[j] = j;
	for (i = 1; i <= alen; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= blen; j++) {
			best = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return (row[blen]);
}

/* Is a name of so many letters near to one at that distance? */
static int
is_near(size_t len, size_t distance)
{
	return (distance <= 1 + len / 4 && distance < len);
}

size_t
option_distance(const char *wrong, const char *name)
{
	size_t	 len = strlen(wrong), d;

	if (len > NEAR_MAX || strlen(name) > NEAR_MAX)
		return (SIZE_MAX);
	d = edit_distance(wrong, len, name);
	return (is_near(len, d) ? d : SIZE_MAX);
}

struct near {
	const char	*words;		/* the wrong ones, '_' made ' ' */
	uint32_t	 scope;
	const char	*name;		/* the best so far, or NULL */
	size_t		 score;		/* its score; less is better */
	size_t		 len;		/* so many letters of words match */
};

/* Compares name with the first word, the first two, ... */
static void
near_try(struct near *n, const char *name, const char *suggest,
    uint32_t scope)
{
	size_t	 len = 0, d, score;

	while (n->words[len] != '\0') {
		len += strspn(n->words + len, " ");
		len += strcspn(n->words + len, " ");
		d = edit_distance(n->words, len, name);
		if (!is_near(len, d))
			continue;
		/* one letter counts more than the scope */
		score = 2 * d + ((scope & n->scope) == 0);
		if (score < n->score || (score == n->score && len > n->len)) {
			n->score = score;
			n->len = len;
			n->name = suggest;
		}
	}
}

/* Returns how many letters of words the found name stands for. */
static size_t
near_find(const char *words, uint32_t scope, const char **name)
{
	struct near	 n = { NULL, scope, NULL, SIZE_MAX, 0 };
	char		 buf[NEAR_MAX];
	size_t		 i;

	strlcpy(buf, words, sizeof(buf));
	for (i = 0; buf[i] != '\0'; i++)
		if (buf[i] == '_')
			buf[i] = ' ';
	/* blanks at the end would never match */
	while (i > 0 && buf[i - 1] == ' ')
		buf[--i] = '\0';
	n.words = buf;
	for (i = 0; i < noptions; i++)
		near_try(&n, options[i].name, options[i].name,
		    options[i].scope);
	for (i = 0; i < nitems(statements); i++)
		near_try(&n, statements[i].name, statements[i].name,
		    statements[i].scope);
	*name = n.name;
	return (n.len);
}

const char *
option_nearest(const char *words, uint32_t scope)
{
	const char	*name;

	(void)near_find(words, scope, &name);
	return (name);
}

void
option_unknown(const char *words, uint32_t scope, const char *meant, char *buf,
    size_t size)
{
	char		 wrong[NEAR_MAX * 4];
	const char	*name;
	size_t		 len, first = strcspn(words, " ");

	len = near_find(words, scope, &name);
	if (meant != NULL)
		name = meant;
	if (name == NULL || len < first)
		len = first;
	if (len >= NEAR_MAX)
		len = NEAR_MAX - 1;
	log_printable(wrong, sizeof(wrong), words, len);
	if (name == NULL)
		snprintf(buf, size, "unknown keyword \"%s\"", wrong);
	else
		snprintf(buf, size, "unknown keyword \"%s\"; did you mean "
		    "\"%s\"?", wrong, name);
}

/* ---- places and classes ---- */

void
option_places(uint32_t scope, char *buf, size_t size)
{
	static const struct {
		uint32_t	 mask;
		const char	*words;
	} places[] = {
		{ SCOPE_GLOBAL, "at the top of the file" },
		{ BOTH, "in a block or in a service" },
		{ TUNNEL, "in a block or in a service of a client block" },
		{ SCOPE_SERVER | SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE,
		    "in a server block or in a service" },
		{ SERVER, "in a server block or a service of one" },
		{ CLIENT, "in a client block or a service of one" },
		{ SCOPE_SERVER | SCOPE_CLIENT, "in a server or client block" },
		{ SCOPE_SERVER_SERVICE | SCOPE_CLIENT_SERVICE, "in a service" },
		{ SCOPE_SERVER, "in a server block" },
		{ SCOPE_CLIENT, "in a client block" },
		{ SCOPE_SERVER_SERVICE, "in a service of a server block" },
		{ SCOPE_CLIENT_SERVICE, "in a service of a client block" }
	};
	size_t	 i;

	strlcpy(buf, "elsewhere", size);
	for (i = 0; i < nitems(places); i++) {
		if ((scope & places[i].mask) == places[i].mask) {
			strlcpy(buf, places[i].words, size);
			return;
		}
	}
}

const char *
option_change_name(uint32_t change)
{
	switch (change) {
	case CHANGE_LIVE:
		return ("live");
	case CHANGE_TUNNELS:
		return ("tunnels");
	case CHANGE_LISTENER:
		return ("listener");
	case CHANGE_PROCESS:
		return ("process");
	}
	return ("restart");
}
