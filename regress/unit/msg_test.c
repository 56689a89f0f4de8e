/* SPDX-License-Identifier: ISC */

/*
 * msg.c and ctl.c against a second statement of their tables: who may send
 * each message to whom, how long it is, whether a descriptor goes with it, and
 * which values its fields refuse.
 */

#include <sys/types.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/log.h"
#include "shared/msg.h"

/* Letters as in rule.h; "A>BC" says A may send to B and to C. */
static const char	 letters[] = " PCKGRDTWXUQH";

#define ALL		"P>CKGRDTWUQH", NULL
#define TO_PARENT	"CKGRDTWUQH>P", NULL
#define ASK(inner)	"X>C", "C>" inner
#define ASKED(inner)	"XH>C", "C>" inner	/* by web, too */
#define ANSWER(inner)	inner ">C", "C>X"
#define ANSWERED(inner)	inner ">C", "C>XH"
#define FIX(s)		sizeof(struct s), sizeof(struct s)

struct expect {
	uint32_t	 type;
	const char	*way, *way2;
	size_t		 min, max;
	int		 fd;
};

static const struct expect	 table[] = {
	{ IMSG_BEGIN, ALL, FIX(msg_begin), 0 },
	{ IMSG_END, ALL, 0, 0, 0 },
	{ IMSG_READY, TO_PARENT, FIX(msg_ready), 0 },
	{ IMSG_CHANNEL, ALL, FIX(msg_channel), 1 },
	{ IMSG_PING, ALL, 0, 0, 0 },
	{ IMSG_PONG, TO_PARENT, 0, 0, 0 },
	{ IMSG_STOP, ALL, FIX(msg_stop), 0 },
	{ IMSG_LOG_LEVEL, ALL, FIX(msg_level), 0 },
	{ IMSG_LOG, "PKGRDTWUQH>C", NULL, 5, 1028, 0 },
	{ IMSG_COMPLAINT, TO_PARENT, FIX(msg_channel), 0 },
	{ IMSG_CHANNEL_LOST, TO_PARENT, FIX(msg_channel), 0 },
	{ IMSG_FDS_TAKEN, "CKGRDTWUQH>P", "WGDTQ>GDTUQ", FIX(msg_count), 0 },
	{ IMSG_CONF_CONTROL, "P>C", NULL, FIX(msg_control), 1 },
	{ IMSG_CONF_LOG, "P>C", NULL, FIX(msg_logdest), 1 },
	{ IMSG_CONF_KEY, "P>K", NULL, FIX(msg_conf_key), 0 },
	{ IMSG_CONF_GATE, "P>GTQ", NULL, FIX(gate_opts), 0 },
	{ IMSG_CONF_LISTEN, "P>GTUWQH", NULL, FIX(msg_listen), 1 },
	{ IMSG_CONF_REMOTE, "P>DW", NULL, FIX(msg_dialee), 0 },
	{ IMSG_CONF_TARGET, "P>DW", NULL, FIX(msg_dialee), 0 },
	{ IMSG_CONF_DIR, "P>D", NULL, FIX(msg_dir), 1 },
	{ IMSG_CONF_SERVICE, "P>W", NULL, FIX(msg_service), 0 },
	{ IMSG_CONF_TLS, "P>TQ", NULL, FIX(msg_tls), 0 },
	{ IMSG_CONF_CERT, "P>TQ", NULL, FIX(msg_pem), 1 },
	{ IMSG_CONF_CA, "P>TQ", NULL, FIX(msg_pem), 1 },
	{ IMSG_CONF_PRIVKEY, "P>K", NULL, FIX(msg_pem), 1 },
	{ IMSG_CONF_WEB, "P>W", NULL, FIX(msg_web), 0 },
	{ IMSG_CONF_PATH, "P>G", NULL, FIX(msg_path), 0 },
	{ IMSG_CONF_PROXY, "P>GT", NULL, FIX(msg_proxy), 0 },
	{ IMSG_CONF_DECOY, "P>G", NULL, FIX(msg_decoy), 0 },
	{ IMSG_CONF_FILE, "P>G", NULL, FIX(msg_file), 1 },
	{ IMSG_DIR_AGAIN, "D>P", NULL, FIX(msg_dir), 0 },
	{ IMSG_CONF_NET, "P>W", NULL, FIX(msg_net), 0 },
	{ IMSG_CONF_FLOWS, "P>U", NULL, FIX(msg_flows_conf), 0 },
	{ IMSG_CONF_TOKEN, "P>K", NULL, FIX(msg_conf_token), 0 },
	{ IMSG_CONF_MAPPING, "P>W", NULL, FIX(msg_mapping), 0 },
	{ IMSG_CONF_RULE, "P>D", NULL, FIX(msg_rule), 0 },
	{ IMSG_CONF_OWN, "P>D", NULL, FIX(msg_own), 0 },
	{ IMSG_CONF_LOGIN, "P>K", NULL, FIX(msg_conf_login), 0 },
	{ IMSG_PROOF, "G>K", NULL, FIX(msg_proof), 0 },
	{ IMSG_IDENTITY, "G>K", NULL, FIX(msg_identity), 0 },
	{ IMSG_VERDICT, "K>G", NULL, FIX(msg_verdict), 0 },
	{ IMSG_KEY, "K>W", NULL, FIX(msg_key), 0 },
	{ IMSG_KEYS_END, "K>W", NULL, FIX(msg_count), 0 },
	{ IMSG_SIGN, "TQ>K", NULL, FIX(msg_sign), 0 },
	{ IMSG_SIGNED, "K>TQ", NULL, FIX(msg_signed), 0 },
	{ IMSG_TOKEN, "K>W", NULL, FIX(msg_token), 0 },
	{ IMSG_TOKEN_ASK, "W>K", NULL, FIX(msg_token_ask), 0 },
	{ IMSG_TOKEN_TOLD, "K>W", NULL, FIX(msg_token_told), 0 },
	{ IMSG_LOGIN_ASK, "W>K", NULL, FIX(msg_login_ask), 0 },
	{ IMSG_LOGIN_TOLD, "K>W", NULL, FIX(msg_login_told), 0 },
	{ IMSG_ARRIVAL, "TQ>G", NULL, FIX(msg_arrival), 1 },
	{ IMSG_TUNNEL, "G>W", NULL, FIX(msg_tunnel), 1 },
	{ IMSG_TUNNEL_PROVEN, "W>G", NULL, FIX(msg_number), 0 },
	{ IMSG_TUNNEL_CLOSED, "W>G", NULL, FIX(msg_number), 0 },
	{ IMSG_TUNNEL_BLAMED, "W>G", NULL, FIX(msg_blame), 0 },
	{ IMSG_TUNNEL_SHED, "G>W", NULL, FIX(msg_number), 0 },
	{ IMSG_ARRIVED, "G>TQ", NULL, FIX(msg_arrived), 0 },
	{ IMSG_DIAL, "W>D", NULL, FIX(msg_dial), 0 },
	{ IMSG_DIAL_CANCEL, "W>D", NULL, FIX(msg_count), 0 },
	{ IMSG_DIALLED, "D>W", NULL, FIX(msg_dialled), 1 },
	{ IMSG_DIAL_FAILED, "D>W", NULL, FIX(msg_dialled), 0 },
	{ IMSG_TLS_START, "D>TQ", NULL, FIX(msg_start), 1 },
	{ IMSG_TLS_CANCEL, "D>TQ", NULL, FIX(msg_count), 0 },
	{ IMSG_TLS_STARTED, "TQ>D", NULL, FIX(msg_started), 1 },
	{ IMSG_TLS_FAILED, "TQ>D", NULL, FIX(msg_started), 0 },
	{ IMSG_RESOLVE, "D>R", NULL, FIX(msg_resolve), 0 },
	{ IMSG_RESOLVED, "R>D", NULL, FIX(msg_resolved), 0 },
	{ IMSG_DIAL_SETTLED, "W>D", NULL, FIX(msg_count), 0 },
	{ IMSG_TLS_LOST, "D>W", NULL, FIX(msg_lost), 0 },
	{ IMSG_DIAL_NAMED, "W>D", NULL, FIX(msg_dial_named), 0 },
	{ IMSG_ROOM, "W>PU", NULL, FIX(msg_count), 0 },
	{ IMSG_HOLD, "P>W", NULL, FIX(msg_count), 0 },
	{ IMSG_CLIENT_BACK, "W>P", "P>W", FIX(msg_client), 0 },
	{ IMSG_USAGE, "W>P", NULL, FIX(msg_usage), 0 },
	{ IMSG_FLOWS, "U>W", NULL, FIX(msg_flows), 1 },
	{ IMSG_SOCKET_ASK, "Q>D", NULL, FIX(msg_socket_ask), 0 },
	{ IMSG_SOCKET, "D>Q", NULL, FIX(msg_number), 1 },
	{ IMSG_SOCKET_NONE, "D>Q", NULL, FIX(msg_number), 0 },
	{ IMSG_CONF_FIGURES, "P>H", NULL, FIX(msg_figures), 0 },
	{ IMSG_CTL_SUMMARY, ASKED("PKGRDTWUQH"), FIX(ctl_request), 0 },
	{ IMSG_CTL_SERVICES, ASK("W"), FIX(ctl_request), 0 },
	{ IMSG_CTL_SESSIONS, ASKED("W"), FIX(ctl_request), 0 },
	{ IMSG_CTL_STREAMS, ASK("W"), FIX(ctl_request), 0 },
	{ IMSG_CTL_PROCESSES, ASK("P"), FIX(ctl_request), 0 },
	{ IMSG_CTL_CONFIG, ASK("P"), FIX(ctl_request), 0 },
	{ IMSG_CTL_RELOAD, ASK("P"), FIX(ctl_request), 0 },
	{ IMSG_CTL_STOP, ASK("P"), FIX(ctl_request), 0 },
	{ IMSG_CTL_LOG, ASK("P"), FIX(ctl_request), 0 },
	{ IMSG_CTL_CLOSE, ASK("W"), FIX(ctl_request), 0 },
	{ IMSG_CTL_PENALTIES, ASK("GTQW"), FIX(ctl_request), 0 },
	{ IMSG_CTL_RETRY, ASK("W"), FIX(ctl_request), 0 },
	{ IMSG_CTL_PORTS, ASK("W"), FIX(ctl_request), 0 },
	{ IMSG_CTL_DAEMON, ANSWER("P"), FIX(ctl_daemon), 0 },
	{ IMSG_CTL_COUNTER, ANSWERED("PKGRDTWUQH"), FIX(ctl_counter), 0 },
	{ IMSG_CTL_SERVICE, ANSWER("W"), FIX(ctl_service), 0 },
	{ IMSG_CTL_SESSION, ANSWERED("W"), FIX(ctl_session), 0 },
	{ IMSG_CTL_STREAM, ANSWER("W"), FIX(ctl_stream), 0 },
	{ IMSG_CTL_PROCESS, ANSWER("P"), FIX(ctl_process), 0 },
	{ IMSG_CTL_PENALTY, ANSWER("GTQW"), FIX(ctl_penalty), 0 },
	{ IMSG_CTL_PORT, ANSWER("W"), FIX(ctl_port), 0 },
	{ IMSG_CTL_TEXT, ANSWER("P"), 5, 1028, 0 },
	{ IMSG_CTL_DONE, ANSWERED("PKGRDTWUQH"), FIX(ctl_done), 0 }
};

#define NTABLE	(sizeof(table) / sizeof(table[0]))

/* One field set to a value, and whether the message then still passes. */
struct field {
	uint32_t	 type;
	size_t		 off;
	uint32_t	 value;
	int		 ok;
};

#define F(t, s, m, v, ok)	{ t, offsetof(struct s, m), v, ok }
/* the last good value and the first bad one */
#define UPTO(t, s, m, max)	F(t, s, m, max, 1), F(t, s, m, max + 1, 0), \
				F(t, s, m, UINT32_MAX, 0)
#define FROM(t, s, m, min)	F(t, s, m, min, 1), F(t, s, m, min - 1, 0)

static const struct field	 fields[] = {
	FROM(IMSG_BEGIN, msg_begin, role, PROC_CONTROL),
	UPTO(IMSG_BEGIN, msg_begin, role, PROC_WEB),
	UPTO(IMSG_BEGIN, msg_begin, index, 63),
	FROM(IMSG_BEGIN, msg_begin, generation, 1),
	F(IMSG_BEGIN, msg_begin, generation, UINT32_MAX, 1),
	UPTO(IMSG_BEGIN, msg_begin, flags, 15),
	UPTO(IMSG_BEGIN, msg_begin, changed, 15),
	UPTO(IMSG_BEGIN, msg_begin, log_level, LOGLEVEL_TRACE),
	UPTO(IMSG_BEGIN, msg_begin, side, SIDE_CLIENT),
	UPTO(IMSG_BEGIN, msg_begin, dials, 1),
	UPTO(IMSG_BEGIN, msg_begin, opens, 1),
	UPTO(IMSG_BEGIN, msg_begin, dialect, DIALECT_MAX - 1),
	UPTO(IMSG_BEGIN, msg_begin, ngroups, TARGET_GROUPS_MAX),
	F(IMSG_BEGIN, msg_begin, version, 77, 1),
	UPTO(IMSG_CLIENT_BACK, msg_client, again, 1),
	UPTO(IMSG_CLIENT_BACK, msg_client, quic, 1),
	UPTO(IMSG_READY, msg_ready, have, 0x7ff),
	UPTO(IMSG_READY, msg_ready, lack, 0x7ff),
	FROM(IMSG_CHANNEL, msg_channel, role, PROC_PARENT),
	UPTO(IMSG_CHANNEL, msg_channel, role, PROC_WEB),
	UPTO(IMSG_CHANNEL, msg_channel, index, 63),
	UPTO(IMSG_CHANNEL, msg_channel, side, SIDE_CLIENT),
	UPTO(IMSG_COMPLAINT, msg_channel, role, PROC_WEB),
	UPTO(IMSG_CHANNEL_LOST, msg_channel, role, PROC_WEB),
	F(IMSG_STOP, msg_stop, drain_ms, UINT32_MAX, 1),
	UPTO(IMSG_LOG_LEVEL, msg_level, level, LOGLEVEL_TRACE),
	UPTO(IMSG_LOG, msg_log, level, LOGLEVEL_TRACE),
	UPTO(IMSG_RESOLVE, msg_resolve, what, DIAL_NAMED),
	FROM(IMSG_TLS_LOST, msg_lost, role, PROC_TLS),
	UPTO(IMSG_TLS_LOST, msg_lost, role, PROC_QUIC),
	UPTO(IMSG_TLS_LOST, msg_lost, index, 63),
	UPTO(IMSG_SOCKET_ASK, msg_socket_ask, index, 31),
	UPTO(IMSG_TLS_START, msg_start, index, 31),
	FROM(IMSG_FDS_TAKEN, msg_count, count, 1),
	F(IMSG_FDS_TAKEN, msg_count, count, UINT32_MAX, 1),
	UPTO(IMSG_CONF_LOG, msg_logdest, dest, LOGDEST_JSON),
	FROM(IMSG_CONF_KEY, msg_conf_key, side, SIDE_SERVER),
	UPTO(IMSG_CONF_KEY, msg_conf_key, side, SIDE_CLIENT),
	UPTO(IMSG_CONF_KEY, msg_conf_key, order, 7),
	UPTO(IMSG_CONF_KEY, msg_conf_key, stage, KEY_SECRET),
	FROM(IMSG_CONF_GATE, gate_opts, deadline_ms, 1),
	FROM(IMSG_CONF_GATE, gate_opts, max_unproven, 1),
	FROM(IMSG_CONF_GATE, gate_opts, max_per_source, 1),
	F(IMSG_CONF_GATE, gate_opts, max_unproven, UINT32_MAX, 1),
	UPTO(IMSG_CONF_REMOTE, msg_dialee, index, 31),
	UPTO(IMSG_CONF_REMOTE, msg_dialee, is_unix, 1),
	UPTO(IMSG_CONF_REMOTE, msg_dialee, port, 65535),
	UPTO(IMSG_CONF_TARGET, msg_dialee, opts.nodelay, 1),
	UPTO(IMSG_CONF_TARGET, msg_dialee, kinds, 3),
	UPTO(IMSG_CONF_TARGET, msg_dialee, named, 1),
	UPTO(IMSG_CONF_TARGET, msg_dialee, guard, 1),
	FROM(IMSG_CONF_TOKEN, msg_conf_token, service, 1),
	FROM(IMSG_CONF_TOKEN, msg_conf_token, side, SIDE_SERVER),
	UPTO(IMSG_CONF_TOKEN, msg_conf_token, side, SIDE_CLIENT),
	UPTO(IMSG_CONF_TOKEN, msg_conf_token, order, 7),
	FROM(IMSG_CONF_TOKEN, msg_conf_token, len, 1),
	UPTO(IMSG_CONF_TOKEN, msg_conf_token, len, 256),
	FROM(IMSG_CONF_LOGIN, msg_conf_login, service, 1),
	FROM(IMSG_CONF_LOGIN, msg_conf_login, side, SIDE_SERVER),
	UPTO(IMSG_CONF_LOGIN, msg_conf_login, side, SIDE_CLIENT),
	FROM(IMSG_CONF_MAPPING, msg_mapping, port, 1),
	UPTO(IMSG_CONF_MAPPING, msg_mapping, port, 65535),
	FROM(IMSG_CONF_MAPPING, msg_mapping, port_last, 1),
	UPTO(IMSG_CONF_MAPPING, msg_mapping, port_last, 65535),
	UPTO(IMSG_CONF_MAPPING, msg_mapping, kinds, 3),
	FROM(IMSG_CONF_RULE, msg_rule, service, 1),
	UPTO(IMSG_CONF_RULE, msg_rule, rule.pass, 1),
	UPTO(IMSG_CONF_RULE, msg_rule, rule.bits, 128),
	UPTO(IMSG_CONF_RULE, msg_rule, rule.port, 65535),
	UPTO(IMSG_CONF_RULE, msg_rule, rule.port_last, 65535),
	UPTO(IMSG_CONF_OWN, msg_own, datagrams, 1),
	UPTO(IMSG_CONF_DIR, msg_dir, index, 31),
	UPTO(IMSG_DIR_AGAIN, msg_dir, index, 31),
	UPTO(IMSG_CONF_LISTEN, msg_listen, decoy, 63),
	UPTO(IMSG_CONF_LISTEN, msg_listen, dialect, DIALECT_MAX - 1),
	UPTO(IMSG_CONF_LISTEN, msg_listen, side, SIDE_CLIENT),
	UPTO(IMSG_CONF_LISTEN, msg_listen, datagrams, 1),
	UPTO(IMSG_CONF_LISTEN, msg_listen, asks, ASK_KINDS - 1),
	UPTO(IMSG_CONF_LISTEN, msg_listen, kinds, KIND_ALL),
	UPTO(IMSG_CONF_LISTEN, msg_listen, serves, SERVE_MYTUNNEL_API),
	FROM(IMSG_CONF_FIGURES, msg_figures, service, 1),
	UPTO(IMSG_CONF_FIGURES, msg_figures, quic, PREFORK_MAX),
	FROM(IMSG_CONF_FLOWS, msg_flows_conf, service, 1),
	FROM(IMSG_CONF_FLOWS, msg_flows_conf, side, SIDE_SERVER),
	UPTO(IMSG_CONF_FLOWS, msg_flows_conf, side, SIDE_CLIENT),
	FROM(IMSG_CONF_FLOWS, msg_flows_conf, timeout_s, 1),
	UPTO(IMSG_CONF_FLOWS, msg_flows_conf, timeout_s, 86400),
	FROM(IMSG_CONF_FLOWS, msg_flows_conf, flows_max, 1),
	UPTO(IMSG_CONF_FLOWS, msg_flows_conf, flows_max, 1048576),
	FROM(IMSG_CONF_FLOWS, msg_flows_conf, flows_source, 1),
	UPTO(IMSG_CONF_FLOWS, msg_flows_conf, flows_source, 1048576),
	UPTO(IMSG_CONF_PROXY, msg_proxy, bits, 128),
	UPTO(IMSG_CONF_NET, msg_net, tunnels, 1),
	UPTO(IMSG_CONF_NET, msg_net, rule.bits, 128),
	UPTO(IMSG_CONF_NET, msg_net, rule.allow, 1),
	UPTO(IMSG_CONF_DECOY, msg_decoy, number, 63),
	FROM(IMSG_CONF_DECOY, msg_decoy, status, 200),
	UPTO(IMSG_CONF_DECOY, msg_decoy, status, 599),
	UPTO(IMSG_CONF_FILE, msg_file, decoy, 63),
	FROM(IMSG_CONF_SERVICE, msg_service, side, SIDE_SERVER),
	UPTO(IMSG_CONF_SERVICE, msg_service, side, SIDE_CLIENT),
	UPTO(IMSG_CONF_SERVICE, msg_service, index, 63),
	UPTO(IMSG_CONF_SERVICE, msg_service, remotes, 32),
	UPTO(IMSG_CONF_SERVICE, msg_service, kinds, 3),
	UPTO(IMSG_CONF_SERVICE, msg_service, logins, 1),
	UPTO(IMSG_CONF_SERVICE, msg_service, opts.udp_timeout, 86400),
	UPTO(IMSG_CONF_SERVICE, msg_service, opts.mux_kind, 1),
	FROM(IMSG_CONF_SERVICE, msg_service, opts.mux_version, 1),
	UPTO(IMSG_CONF_SERVICE, msg_service, opts.mux_version, 2),
	FROM(IMSG_CONF_SERVICE, msg_service, opts.mux_framesize, 1),
	UPTO(IMSG_CONF_SERVICE, msg_service, opts.mux_framesize, 65535),
	UPTO(IMSG_CONF_SERVICE, msg_service, opts.seals, 7),
	UPTO(IMSG_CONF_SERVICE, msg_service, opts.prefork, 64),
	UPTO(IMSG_CONF_SERVICE, msg_service, opts.strategy, STRATEGY_BALANCE),
	UPTO(IMSG_CONF_SERVICE, msg_service, opts.proxy_protocol, 2),
	UPTO(IMSG_CONF_SERVICE, msg_service, opts.service_sock.nodelay, 1),
	UPTO(IMSG_CONF_SERVICE, msg_service, opts.tunnel_sock.nodelay, 1),
	UPTO(IMSG_VERDICT, msg_verdict, verdict, VERDICT_REPLAYED),
	UPTO(IMSG_KEY, msg_key, order, 7),
	UPTO(IMSG_KEYS_END, msg_count, count, 8),
	UPTO(IMSG_TOKEN, msg_token, order, 7),
	FROM(IMSG_TOKEN, msg_token, len, 1),
	UPTO(IMSG_TOKEN, msg_token, len, 256),
	UPTO(IMSG_TOKEN_ASK, msg_token_ask, len, 256),
	UPTO(IMSG_TOKEN_TOLD, msg_token_told, right, 1),
	UPTO(IMSG_LOGIN_ASK, msg_login_ask, only_known, 1),
	UPTO(IMSG_LOGIN_TOLD, msg_login_told, right, 1),
	UPTO(IMSG_DIAL, msg_dial, what, DIAL_TARGET),
	FROM(IMSG_DIAL_NAMED, msg_dial_named, dial.what, DIAL_NAMED),
	UPTO(IMSG_DIAL_NAMED, msg_dial_named, dial.what, DIAL_NAMED),
	UPTO(IMSG_DIAL_NAMED, msg_dial_named, dial.index, 0),
	UPTO(IMSG_DIAL_NAMED, msg_dial_named, dial.offset, 0),
	UPTO(IMSG_DIAL_NAMED, msg_dial_named, dial.datagrams, 1),
	UPTO(IMSG_DIAL_NAMED, msg_dial_named, port, 65535),
	UPTO(IMSG_DIAL, msg_dial, index, 31),
	UPTO(IMSG_DIAL, msg_dial, datagrams, 1),
	F(IMSG_DIAL_CANCEL, msg_count, count, UINT32_MAX, 1),
	UPTO(IMSG_DIALLED, msg_dialled, stage, DIAL_STAGE_ELSEWHERE),
	UPTO(IMSG_DIAL_FAILED, msg_dialled, stage, DIAL_STAGE_ELSEWHERE),
	UPTO(IMSG_CONF_REMOTE, msg_dialee, tls, 63),
	UPTO(IMSG_CONF_TLS, msg_tls, insecure, 1),
	UPTO(IMSG_CONF_TLS, msg_tls, npins, 8),
	UPTO(IMSG_CONF_TLS, msg_tls, has_ca, 1),
	UPTO(IMSG_CONF_TLS, msg_tls, congestion, CONGESTION_MAX - 1),
	UPTO(IMSG_CONF_TLS, msg_tls, idle_ms, 600000),
	UPTO(IMSG_CONF_TLS, msg_tls, streams, 1048576),
	FROM(IMSG_CONF_CERT, msg_pem, side, SIDE_SERVER),
	UPTO(IMSG_CONF_CERT, msg_pem, side, SIDE_CLIENT),
	UPTO(IMSG_CONF_PRIVKEY, msg_pem, index, 63),
	FROM(IMSG_SIGN, msg_sign, scheme, SIGN_RSA_PKCS1_SHA256),
	UPTO(IMSG_SIGN, msg_sign, scheme, SIGN_ED25519),
	FROM(IMSG_SIGN, msg_sign, len, 1),
	UPTO(IMSG_SIGN, msg_sign, len, 256),
	UPTO(IMSG_SIGNED, msg_signed, len, 512),
	UPTO(IMSG_ARRIVAL, msg_arrival, transport, 63),
	UPTO(IMSG_ARRIVAL, msg_arrival, decoy, 63),
	UPTO(IMSG_ARRIVAL, msg_arrival, dialect, DIALECT_MAX - 1),
	UPTO(IMSG_TUNNEL_BLAMED, msg_blame, offence, OFFENCE_GARBAGE),
	UPTO(IMSG_ARRIVED, msg_arrived, offence, OFFENCES),
	UPTO(IMSG_TLS_START, msg_start, transport, 63),
	F(IMSG_TLS_CANCEL, msg_count, count, UINT32_MAX, 1),
	UPTO(IMSG_RESOLVED, msg_resolved, count, 16),
	UPTO(IMSG_RESOLVED, msg_resolved, more, 1),
	UPTO(IMSG_ROOM, msg_count, count, 1),
	UPTO(IMSG_HOLD, msg_count, count, 1),
	F(IMSG_CTL_SUMMARY, ctl_request, version, 77, 1),
	F(IMSG_CTL_SUMMARY, ctl_request, arg, LOGLEVEL_MAX, 1),
	F(IMSG_CTL_LOG, ctl_request, arg, LOGLEVEL_TRACE, 1),
	F(IMSG_CTL_LOG, ctl_request, arg, LOGLEVEL_MAX, 0),
	F(IMSG_CTL_LOG, ctl_request, arg, UINT32_MAX - 1, 0),
	F(IMSG_CTL_LOG, ctl_request, arg, UINT32_MAX, 1),
	UPTO(IMSG_CTL_DAEMON, ctl_daemon, log_level, LOGLEVEL_TRACE),
	UPTO(IMSG_CTL_DAEMON, ctl_daemon, root, 1),
	UPTO(IMSG_CTL_COUNTER, ctl_counter, role, PROC_WEB),
	UPTO(IMSG_CTL_COUNTER, ctl_counter, index, PREFORK_MAX - 1),
	UPTO(IMSG_CTL_COUNTER, ctl_counter, side, SIDE_CLIENT),
	UPTO(IMSG_CTL_SERVICE, ctl_service, index, 63),
	UPTO(IMSG_CTL_SERVICE, ctl_service, sources, 5),
	FROM(IMSG_CTL_SERVICE, ctl_service, side, SIDE_SERVER),
	UPTO(IMSG_CTL_SERVICE, ctl_service, side, SIDE_CLIENT),
	FROM(IMSG_CTL_SESSION, ctl_session, side, SIDE_SERVER),
	UPTO(IMSG_CTL_SESSION, ctl_session, side, SIDE_CLIENT),
	UPTO(IMSG_CTL_SESSION, ctl_session, seal, 15),
	UPTO(IMSG_CTL_SESSION, ctl_session, transport, 63),
	UPTO(IMSG_CTL_SESSION, ctl_session, draining, 1),
	UPTO(IMSG_CTL_SESSION, ctl_session, control, 1),
	UPTO(IMSG_USAGE, msg_usage, port, 65535),
	UPTO(IMSG_CTL_PORT, ctl_port, index, PREFORK_MAX - 1),
	FROM(IMSG_CTL_PORT, ctl_port, side, SIDE_SERVER),
	UPTO(IMSG_CTL_PORT, ctl_port, side, SIDE_CLIENT),
	UPTO(IMSG_CTL_PORT, ctl_port, opens, 1),
	UPTO(IMSG_CTL_PORT, ctl_port, port, 65535),
	UPTO(IMSG_CTL_STREAM, ctl_stream, state, CTL_STREAM_CLOSING),
	FROM(IMSG_CTL_STREAM, ctl_stream, kind, 1),
	UPTO(IMSG_CTL_STREAM, ctl_stream, kind, 2),
	UPTO(IMSG_CTL_PENALTY, ctl_penalty, bits, 128),
	UPTO(IMSG_CTL_PENALTY, ctl_penalty, refused, 1),
	FROM(IMSG_CTL_PROCESS, ctl_process, role, PROC_PARENT),
	UPTO(IMSG_CTL_PROCESS, ctl_process, role, PROC_WEB),
	UPTO(IMSG_CTL_PROCESS, ctl_process, index, 63),
	UPTO(IMSG_CTL_PROCESS, ctl_process, side, SIDE_CLIENT),
	UPTO(IMSG_CTL_PROCESS, ctl_process, state, CTL_PROCESS_BACKOFF),
	UPTO(IMSG_CTL_PROCESS, ctl_process, have, 0x7ff),
	UPTO(IMSG_CTL_PROCESS, ctl_process, lack, 0x7ff)
};

/* Every array of characters of every message. */
static const struct {
	uint32_t	 type;
	size_t		 off;
	size_t		 len;
} strings[] = {
#define S(t, s, m)	{ t, offsetof(struct s, m), sizeof(((struct s *)0)->m) }
	S(IMSG_BEGIN, msg_begin, name),
	S(IMSG_CHANNEL, msg_channel, name),
	S(IMSG_COMPLAINT, msg_channel, name),
	S(IMSG_CHANNEL_LOST, msg_channel, name),
	S(IMSG_CONF_CONTROL, msg_control, path),
	S(IMSG_CONF_KEY, msg_conf_key, name),
	S(IMSG_CONF_REMOTE, msg_dialee, host),
	S(IMSG_CONF_TARGET, msg_dialee, host),
	S(IMSG_CONF_DIR, msg_dir, name),
	S(IMSG_DIR_AGAIN, msg_dir, name),
	S(IMSG_CONF_SERVICE, msg_service, name),
	S(IMSG_CONF_SERVICE, msg_service, client_id),
	S(IMSG_CONF_SERVICE, msg_service, where),
	S(IMSG_CONF_FLOWS, msg_flows_conf, name),
	S(IMSG_CONF_TOKEN, msg_conf_token, name),
	S(IMSG_CONF_LOGIN, msg_conf_login, name),
	S(IMSG_CONF_LOGIN, msg_conf_login, hash),
	S(IMSG_LOGIN_ASK, msg_login_ask, name),
	S(IMSG_LOGIN_ASK, msg_login_ask, password),
	S(IMSG_CONF_MAPPING, msg_mapping, to),
	S(IMSG_CONF_RULE, msg_rule, rule.name),
	S(IMSG_CONF_TLS, msg_tls, name),
	S(IMSG_CONF_CERT, msg_pem, path),
	S(IMSG_CONF_CA, msg_pem, path),
	S(IMSG_CONF_PRIVKEY, msg_pem, path),
	S(IMSG_DIALLED, msg_dialled, words),
	S(IMSG_DIAL_FAILED, msg_dialled, words),
	S(IMSG_TLS_START, msg_start, host),
	S(IMSG_TLS_STARTED, msg_started, words),
	S(IMSG_TLS_FAILED, msg_started, words),
	S(IMSG_CONF_WEB, msg_web, path),
	S(IMSG_CONF_WEB, msg_web, host),
	S(IMSG_CONF_WEB, msg_web, agent),
	S(IMSG_CONF_WEB, msg_web, headers),
	S(IMSG_CONF_PATH, msg_path, path),
	S(IMSG_CONF_FIGURES, msg_figures, name),
	S(IMSG_CONF_DECOY, msg_decoy, url),
	S(IMSG_CONF_DECOY, msg_decoy, server),
	S(IMSG_CONF_FILE, msg_file, name),
	S(IMSG_RESOLVE, msg_resolve, host),
	S(IMSG_DIAL_NAMED, msg_dial_named, host),
	S(IMSG_CLIENT_BACK, msg_client, client_id),
	S(IMSG_CTL_SUMMARY, ctl_request, service),
	S(IMSG_CTL_SERVICES, ctl_request, service),
	S(IMSG_CTL_SESSIONS, ctl_request, service),
	S(IMSG_CTL_STREAMS, ctl_request, service),
	S(IMSG_CTL_PROCESSES, ctl_request, service),
	S(IMSG_CTL_PENALTIES, ctl_request, service),
	S(IMSG_CTL_PENALTY, ctl_penalty, why),
	S(IMSG_CTL_PENALTY, ctl_penalty, service),
	S(IMSG_CTL_CONFIG, ctl_request, service),
	S(IMSG_CTL_RELOAD, ctl_request, service),
	S(IMSG_CTL_STOP, ctl_request, service),
	S(IMSG_CTL_LOG, ctl_request, service),
	S(IMSG_CTL_CLOSE, ctl_request, service),
	S(IMSG_CTL_RETRY, ctl_request, service),
	S(IMSG_CTL_DAEMON, ctl_daemon, version),
	S(IMSG_CTL_DAEMON, ctl_daemon, conf_path),
	S(IMSG_CTL_DAEMON, ctl_daemon, conf_error),
	S(IMSG_CTL_COUNTER, ctl_counter, name),
	S(IMSG_CTL_SERVICE, ctl_service, name),
	S(IMSG_CTL_SERVICE, ctl_service, where),
	S(IMSG_CTL_SERVICE, ctl_service, state),
	S(IMSG_CTL_SESSION, ctl_session, service),
	S(IMSG_CTL_SESSION, ctl_session, client_id),
	S(IMSG_CTL_SESSION, ctl_session, cipher),
	S(IMSG_CTL_SESSION, ctl_session, dialect),
	S(IMSG_CTL_SESSION, ctl_session, remote),
	S(IMSG_CTL_PORTS, ctl_request, service),
	S(IMSG_CTL_PORT, ctl_port, name),
	S(IMSG_CTL_STREAM, ctl_stream, named),
	S(IMSG_CTL_STREAM, ctl_stream, service),
	S(IMSG_CTL_PROCESS, ctl_process, name),
	S(IMSG_CTL_PROCESS, ctl_process, last_death),
	S(IMSG_CTL_DONE, ctl_done, words)
};

/* Every address. */
static const struct {
	uint32_t	 type;
	size_t		 off;
} addrs[] = {
#define A(t, s, m)	{ t, offsetof(struct s, m) }
	A(IMSG_CONF_LISTEN, msg_listen, addr),
	A(IMSG_CONF_PROXY, msg_proxy, addr),
	A(IMSG_CONF_REMOTE, msg_dialee, source),
	A(IMSG_CONF_REMOTE, msg_dialee, edge),
	A(IMSG_CONF_NET, msg_net, rule.addr),
	A(IMSG_CONF_MAPPING, msg_mapping, addr),
	A(IMSG_CONF_RULE, msg_rule, rule.addr),
	A(IMSG_CONF_OWN, msg_own, addr),
	A(IMSG_CTL_SERVICE, ctl_service, source),
	A(IMSG_CONF_TARGET, msg_dialee, source),
	A(IMSG_CONF_TARGET, msg_dialee, edge),
	A(IMSG_ARRIVAL, msg_arrival, peer),
	A(IMSG_ARRIVAL, msg_arrival, local),
	A(IMSG_ARRIVED, msg_arrived, peer),
	A(IMSG_CTL_PENALTY, ctl_penalty, addr),
	A(IMSG_TLS_START, msg_start, peer),
	A(IMSG_TUNNEL, msg_tunnel, peer),
	A(IMSG_TUNNEL, msg_tunnel, local),
	A(IMSG_DIAL, msg_dial, at),
	A(IMSG_DIAL_NAMED, msg_dial_named, dial.at),
	A(IMSG_DIALLED, msg_dialled, peer),
	A(IMSG_DIALLED, msg_dialled, local),
	A(IMSG_DIAL_FAILED, msg_dialled, peer),
	A(IMSG_DIAL_FAILED, msg_dialled, local),
	A(IMSG_RESOLVED, msg_resolved, addr[0]),
	A(IMSG_RESOLVED, msg_resolved, addr[RESOLVED_MAX - 1]),
	A(IMSG_CTL_SESSION, ctl_session, peer),
	A(IMSG_CTL_SESSION, ctl_session, local),
	A(IMSG_CTL_STREAM, ctl_stream, user),
	A(IMSG_CTL_STREAM, ctl_stream, target)
};

static void
put(unsigned char *data, size_t off, uint32_t value)
{
	memcpy(data + off, &value, sizeof(value));
}

/* A payload that passes; all zeroes do but for these. */
static void
valid(uint32_t type, unsigned char *data)
{
	memset(data, 0, 4096);
	switch (type) {
	case IMSG_BEGIN:
		put(data, offsetof(struct msg_begin, role), PROC_KEYS);
		put(data, offsetof(struct msg_begin, generation), 1);
		break;
	case IMSG_CHANNEL:
	case IMSG_COMPLAINT:
	case IMSG_CHANNEL_LOST:
		put(data, offsetof(struct msg_channel, role), PROC_KEYS);
		break;
	case IMSG_FDS_TAKEN:
		put(data, 0, 1);
		break;
	case IMSG_LOG:
		memset(data + 4, 'x', 1023);
		break;
	case IMSG_CTL_TEXT:
		memset(data + 4, '\n', 1023);
		break;
	case IMSG_CONF_KEY:
		put(data, offsetof(struct msg_conf_key, side), SIDE_SERVER);
		break;
	case IMSG_CONF_TOKEN:
		put(data, offsetof(struct msg_conf_token, service), 1);
		put(data, offsetof(struct msg_conf_token, side), SIDE_SERVER);
		put(data, offsetof(struct msg_conf_token, len), 1);
		break;
	case IMSG_CONF_LOGIN:
		put(data, offsetof(struct msg_conf_login, service), 1);
		put(data, offsetof(struct msg_conf_login, side), SIDE_SERVER);
		break;
	case IMSG_CONF_MAPPING:
		put(data, offsetof(struct msg_mapping, port), 1);
		put(data, offsetof(struct msg_mapping, port_last), 1);
		break;
	case IMSG_CONF_RULE:
		put(data, offsetof(struct msg_rule, service), 1);
		break;
	case IMSG_TOKEN:
		put(data, offsetof(struct msg_token, len), 1);
		break;
	case IMSG_DIAL_NAMED:
		put(data, offsetof(struct msg_dial_named, dial.what),
		    DIAL_NAMED);
		break;
	case IMSG_CONF_CERT:
	case IMSG_CONF_CA:
	case IMSG_CONF_PRIVKEY:
		put(data, offsetof(struct msg_pem, side), SIDE_SERVER);
		break;
	case IMSG_SIGN:
		put(data, offsetof(struct msg_sign, scheme), SIGN_ED25519);
		put(data, offsetof(struct msg_sign, len), 1);
		break;
	case IMSG_CONF_SERVICE:
		put(data, offsetof(struct msg_service, side), SIDE_SERVER);
		put(data, offsetof(struct msg_service, opts.mux_version), 2);
		put(data, offsetof(struct msg_service, opts.mux_framesize),
		    32768);
		break;
	case IMSG_CONF_FLOWS:
		put(data, offsetof(struct msg_flows_conf, service), 1);
		put(data, offsetof(struct msg_flows_conf, side), SIDE_SERVER);
		put(data, offsetof(struct msg_flows_conf, timeout_s), 1);
		put(data, offsetof(struct msg_flows_conf, flows_max), 1);
		put(data, offsetof(struct msg_flows_conf, flows_source), 1);
		break;
	case IMSG_CONF_FIGURES:
		put(data, offsetof(struct msg_figures, service), 1);
		break;
	case IMSG_CONF_GATE:
		put(data, offsetof(struct gate_opts, deadline_ms), 1);
		put(data, offsetof(struct gate_opts, max_unproven), 1);
		put(data, offsetof(struct gate_opts, max_per_source), 1);
		break;
	case IMSG_CONF_DECOY:
		put(data, offsetof(struct msg_decoy, status), 404);
		break;
	case IMSG_TLS_LOST:
		put(data, offsetof(struct msg_lost, role), PROC_TLS);
		break;
	case IMSG_CTL_SERVICE:
		put(data, offsetof(struct ctl_service, side), SIDE_SERVER);
		break;
	case IMSG_CTL_PORT:
		put(data, offsetof(struct ctl_port, side), SIDE_SERVER);
		break;
	case IMSG_CTL_SESSION:
		put(data, offsetof(struct ctl_session, side), SIDE_SERVER);
		break;
	case IMSG_CTL_STREAM:
		put(data, offsetof(struct ctl_stream, kind), KIND_TCP);
		break;
	case IMSG_CTL_PROCESS:
		put(data, offsetof(struct ctl_process, role), PROC_GATE);
		break;
	default:
		break;
	}
}

static int
check(int self, int peer, uint32_t type, const unsigned char *data,
    size_t len, int fd)
{
	const char	*why = "unset";
	struct imsg	 imsg;
	int		 rv;

	memset(&imsg, 0, sizeof(imsg));
	imsg.hdr.type = type;
	imsg.buf = ibuf_dynamic(len, len == 0 ? 1 : len);
	assert_non_null(imsg.buf);
	assert_int_equal(ibuf_add(imsg.buf, data, len), 0);
	if (fd)
		ibuf_fd_set(imsg.buf, open("/dev/null", O_RDONLY | O_CLOEXEC));
	rv = msg_check(self, peer, &imsg, &why);
	if (rv == 0)
		assert_null(why);
	else
		assert_non_null(why);
	/* nothing was read off it */
	assert_int_equal(imsg_get_len(&imsg), len);
	assert_int_equal(ibuf_fd_avail(imsg.buf), fd);
	imsg_free(&imsg);
	return (rv == 0);
}

static int
allowed(const char *way, int from, int to)
{
	const char	*arrow;

	if (way == NULL)
		return (0);
	arrow = strchr(way, '>');
	return (memchr(way, letters[from], arrow - way) != NULL &&
	    strchr(arrow, letters[to]) != NULL);
}

static const struct expect *
expected(uint32_t type)
{
	size_t	 i;

	for (i = 0; i < NTABLE; i++)
		if (table[i].type == type)
			return (&table[i]);
	return (NULL);
}

/* Some pair of roles that may exchange it. */
static void
some_pair(const struct expect *e, int *from, int *to)
{
	const char	*arrow = strchr(e->way, '>');

	*from = strchr(letters, e->way[0]) - letters;
	*to = strchr(letters, arrow[1]) - letters;
}

static int
check_some(uint32_t type, const unsigned char *data, size_t len)
{
	const struct expect	*e = expected(type);
	int			 from, to;

	some_pair(e, &from, &to);
	return (check(to, from, type, data, len, e->fd));
}

static void
test_every_message(void **state)
{
	uint32_t	 type;

	(void)state;
	assert_int_equal(NTABLE, IMSG_MAX - 1 + IMSG_CTL_END - CTL_FIRST);
	for (type = IMSG_NONE + 1; type < IMSG_CTL_END;
	    type = type == IMSG_MAX - 1 ? CTL_FIRST : type + 1) {
		assert_non_null(expected(type));
		assert_string_not_equal(msg_name(type), "?");
	}
}

static void
test_pairs(void **state)
{
	unsigned char	 data[4096];
	size_t		 i;
	int		 from, to, want;

	(void)state;
	for (i = 0; i < NTABLE; i++) {
		valid(table[i].type, data);
		for (from = 0; from < PROC_MAX; from++)
			for (to = 0; to < PROC_MAX; to++) {
				want = from != 0 && to != 0 &&
				    (allowed(table[i].way, from, to) ||
				    allowed(table[i].way2, from, to));
				if (check(to, from, table[i].type, data,
				    table[i].max, table[i].fd) != want)
					fail_msg("%s from %s to %s",
					    msg_name(table[i].type),
					    role_name(from), role_name(to));
			}
	}
}

static void
test_lengths(void **state)
{
	unsigned char	 data[4096];
	size_t		 i, len;
	int		 from, to, want, fd;

	(void)state;
	for (i = 0; i < NTABLE; i++) {
		some_pair(&table[i], &from, &to);
		fd = table[i].fd;
		valid(table[i].type, data);
		for (len = 0; len < table[i].max + 3; len++) {
			/* what is cut after its text ends in a NUL */
			if (table[i].min != table[i].max) {
				valid(table[i].type, data);
				if (len > 4)
					data[len - 1] = '\0';
			}
			want = len >= table[i].min && len <= table[i].max;
			if (check(to, from, table[i].type, data, len, fd) !=
			    want)
				fail_msg("%s of %zu octets",
				    msg_name(table[i].type), len);
		}
		assert_false(check(to, from, table[i].type, data, 4096, fd));
	}
}

static void
test_descriptors(void **state)
{
	unsigned char	 data[4096];
	size_t		 i;
	int		 from, to;

	(void)state;
	for (i = 0; i < NTABLE; i++) {
		some_pair(&table[i], &from, &to);
		valid(table[i].type, data);
		assert_true(check(to, from, table[i].type, data,
		    table[i].max, table[i].fd));
		assert_false(check(to, from, table[i].type, data,
		    table[i].max, !table[i].fd));
	}
}

static void
test_takes_fd(void **state)
{
	size_t	 i;
	int	 from, to, want;

	(void)state;
	for (from = 1; from < PROC_MAX; from++)
		for (to = 1; to < PROC_MAX; to++) {
			want = 0;
			for (i = 0; i < NTABLE; i++)
				if (table[i].fd &&
				    (allowed(table[i].way, from, to) ||
				    allowed(table[i].way2, from, to)))
					want = 1;
			assert_int_equal(msg_takes_fd(to, from), want);
			/* and as the design says */
			if (to == PROC_PARENT || from == PROC_ROCKETCTL ||
			    from == PROC_SERVICE)
				assert_int_equal(want, 0);
		}
}

static void
test_unknown(void **state)
{
	static const uint32_t	 types[] = {
		IMSG_NONE, IMSG_MAX, IMSG_MAX + 1, CTL_FIRST - 1, IMSG_CTL_END,
		0x80000001, UINT32_MAX
	};
	unsigned char		 data[4096] = { 0 };
	size_t			 i;
	int			 from, to;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (from = 0; from < PROC_MAX; from++)
			for (to = 0; to < PROC_MAX; to++)
				assert_false(check(to, from, types[i], data,
				    0, 0));
		assert_string_equal(msg_name(types[i]), "?");
	}
	assert_string_equal(role_name(PROC_MAX), "?");
	assert_string_equal(role_name(PROC_GATE), "gate");
	assert_string_equal(msg_name(IMSG_READY), "IMSG_READY");
	assert_string_equal(side_name(SIDE_SERVER), "server");
	assert_string_equal(side_name(SIDE_CLIENT), "client");
	assert_string_equal(side_name(77), "none");
}

static void
test_fields(void **state)
{
	const struct field	*f;
	unsigned char		 data[4096];
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		f = &fields[i];
		valid(f->type, data);
		put(data, f->off, f->value);
		if (check_some(f->type, data, expected(f->type)->max) !=
		    f->ok)
			fail_msg("%s, offset %zu: %u", msg_name(f->type),
			    f->off, f->value);
	}
}

static void
test_strings(void **state)
{
	unsigned char	 data[4096];
	size_t		 i, max;

	(void)state;
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		max = expected(strings[i].type)->max;
		valid(strings[i].type, data);
		memset(data + strings[i].off, 'x', strings[i].len - 1);
		data[strings[i].off + strings[i].len - 1] = '\0';
		assert_true(check_some(strings[i].type, data, max));
		data[strings[i].off + strings[i].len - 1] = 'x';
		if (check_some(strings[i].type, data, max))
			fail_msg("%s, string at %zu without end",
			    msg_name(strings[i].type), strings[i].off);
	}
}

/* What a worker says of itself goes to a terminal. */
static void
test_shown(void **state)
{
	unsigned char	 data[4096];
	size_t		 i;
	int		 c;

	(void)state;
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		if (strings[i].type != IMSG_CTL_COUNTER &&
		    strings[i].type != IMSG_CTL_SERVICE &&
		    strings[i].type != IMSG_CTL_SESSION &&
		    strings[i].type != IMSG_CTL_STREAM &&
		    strings[i].type != IMSG_CTL_PORT)
			continue;
		for (c = 1; c < 256; c++) {
			valid(strings[i].type, data);
			data[strings[i].off] = c;
			data[strings[i].off + 1] = '\0';
			assert_int_equal(check_some(strings[i].type, data,
			    expected(strings[i].type)->max),
			    c >= ' ' && c != 0x7f);
		}
	}
}

static void
test_addrs(void **state)
{
	unsigned char	 data[4096];
	uint16_t	 family;
	size_t		 i, max;

	(void)state;
	for (i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		max = expected(addrs[i].type)->max;
		for (family = 0; family < 8; family++) {
			valid(addrs[i].type, data);
			memcpy(data + addrs[i].off, &family, sizeof(family));
			assert_int_equal(check_some(addrs[i].type, data, max),
			    family <= ADDR_UNIX);
		}
	}
}

static void
test_texts(void **state)
{
	unsigned char	 data[4096];
	int		 c;

	(void)state;
	for (c = 0; c < 256; c++) {
		valid(IMSG_LOG, data);
		data[20] = c;
		assert_int_equal(check_some(IMSG_LOG, data, 1028),
		    c >= ' ' && c <= '~');
		valid(IMSG_CTL_TEXT, data);
		data[20] = c;
		assert_int_equal(check_some(IMSG_CTL_TEXT, data, 1028),
		    c != '\0');
	}
	/* no NUL at the end */
	valid(IMSG_LOG, data);
	assert_false(check_some(IMSG_LOG, data, 100));
	valid(IMSG_CTL_TEXT, data);
	assert_false(check_some(IMSG_CTL_TEXT, data, 100));
}

/* Messages are structs on a wire: nothing in them may be padding. */
static void
test_no_padding(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct addr), 24);
	assert_int_equal(sizeof(struct msg_begin), 16 * 4 +
	    4 * TARGET_GROUPS_MAX + 8 + 32 + 64);
	assert_int_equal(sizeof(struct msg_channel), 6 * 4 + 64);
	assert_int_equal(sizeof(struct msg_conf_key), 4 * 4 + 64 + 32);
	assert_int_equal(sizeof(struct msg_listen), 11 * 4 + 24);
	assert_int_equal(sizeof(struct msg_flows_conf), 6 * 4 + 64);
	assert_int_equal(sizeof(struct msg_dialee), 11 * 4 + 7 * 4 + 2 * 24 +
	    256);
	assert_int_equal(sizeof(struct msg_conf_token), 4 * 4 + 64 + 256);
	assert_int_equal(sizeof(struct msg_mapping), 4 * 4 + 24 + 264);
	assert_int_equal(sizeof(struct msg_rule), 2 * 4 + 4 * 4 + 24 + 256);
	assert_int_equal(sizeof(struct msg_own), 4 + 24);
	assert_int_equal(sizeof(struct msg_token), 2 * 4 + 256);
	assert_int_equal(sizeof(struct msg_token_ask), 24 + 256);
	assert_int_equal(sizeof(struct msg_token_told), 24);
	assert_int_equal(sizeof(struct msg_conf_login), 2 * 4 + 2 * 256);
	assert_int_equal(sizeof(struct msg_login_ask), 16 + 2 * 256);
	assert_int_equal(sizeof(struct msg_login_told), 16);
	assert_int_equal(sizeof(struct msg_dial_named), 9 * 4 + 24 + 256);
	assert_int_equal(sizeof(struct msg_dial), 7 * 4 + 24);
	assert_int_equal(sizeof(struct msg_proof), 8 + 16 + 32 + 32);
	assert_int_equal(sizeof(struct msg_tunnel), 16 + 2 * 24 + 32);
	assert_int_equal(sizeof(struct msg_dialled), 16 + 2 * 24 + 192 + 32);
	assert_int_equal(sizeof(struct msg_tls), 28 + 8 * 32 + 256);
	assert_int_equal(sizeof(struct msg_pem), 8 + 256);
	assert_int_equal(sizeof(struct msg_sign), 16 + 32 + 256);
	assert_int_equal(sizeof(struct msg_signed), 16 + 512);
	assert_int_equal(sizeof(struct msg_arrival), 32 + 2 * 24 + 32);
	assert_int_equal(sizeof(struct msg_arrived), 16 + 24);
	assert_int_equal(sizeof(struct msg_start), 16 + 24 + 256);
	assert_int_equal(sizeof(struct msg_started), 8 + 192 + 32);
	assert_int_equal(sizeof(struct msg_lost), 8);
	assert_int_equal(sizeof(struct msg_socket_ask), 16 + 24);
	assert_int_equal(sizeof(struct msg_resolved), 16 + 16 * 24);
	assert_int_equal(sizeof(struct ctl_request), 6 * 4 + 64);
	assert_int_equal(sizeof(struct ctl_daemon),
	    8 + 24 + 8 + 32 + 2 * 256);
	assert_int_equal(sizeof(struct ctl_counter), 16 + 32 + 16);
	assert_int_equal(sizeof(struct msg_figures), 12 + 64);
	assert_int_equal(sizeof(struct ctl_service),
	    10 * 4 + 9 * 8 + 5 * (24 + 2 * 4) + 64 + 256 + CTL_WORDS);
	assert_int_equal(sizeof(struct ctl_session),
	    20 * 4 + 12 * 8 + 2 * 24 + 64 + 64 + 32 + 16 + 256);
	assert_int_equal(sizeof(struct ctl_stream),
	    10 * 4 + 3 * 8 + 2 * 24 + CTL_NAMED_MAX + 64);
	assert_int_equal(sizeof(struct msg_usage), 16);
	assert_int_equal(sizeof(struct ctl_port), 6 * 4 + 3 * 8 + 64);
	assert_int_equal(sizeof(struct ctl_process),
	    12 * 4 + 8 + 64 + CTL_WORDS);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_every_message),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_takes_fd),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_addrs),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_no_padding),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
