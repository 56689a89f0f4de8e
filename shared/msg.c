/* SPDX-License-Identifier: ISC */

/*
 * The rules of the messages: one row says who may send a message to whom, how
 * long it is, whether a descriptor goes with it, and what its fields may hold.
 * The rules of the control interface are in ctl.c.
 */

#include <sys/types.h>

#include <stddef.h>

#include "compat.h"
#include "log.h"
#include "msg.h"
#include "rule.h"

#define BEGIN_ALL	(BEGIN_RELOAD | BEGIN_STRICT | BEGIN_ROOT | BEGIN_NETNS)
#define CHANGE_ALL	(CHANGE_LIVE | CHANGE_TUNNELS | CHANGE_LISTENER | \
			    CHANGE_PROCESS)

/* ---- fields, a child's life and configuration ---- */

static const struct rule_field	 fields_begin[] = {
	RANGE(msg_begin, role, PROC_CONTROL, PROC_MAX - 1),
	RANGE(msg_begin, index, 0, PREFORK_MAX - 1),
	RANGE(msg_begin, generation, 1, UINT32_MAX),
	MASK(msg_begin, flags, BEGIN_ALL),
	MASK(msg_begin, changed, CHANGE_ALL),
	RANGE(msg_begin, log_level, 0, LOGLEVEL_MAX - 1),
	RANGE(msg_begin, side, SIDE_NONE, SIDE_CLIENT),
	RANGE(msg_begin, dials, 0, 1),
	RANGE(msg_begin, opens, 0, 1),
	RANGE(msg_begin, dialect, 0, DIALECT_MAX - 1),
	RANGE(msg_begin, ngroups, 0, TARGET_GROUPS_MAX),
	STRING(msg_begin, name),
	END
};

static const struct rule_field	 fields_ready[] = {
	MASK(msg_ready, have, SANDBOX_ALL),
	MASK(msg_ready, lack, SANDBOX_ALL),
	END
};

static const struct rule_field	 fields_channel[] = {
	RANGE(msg_channel, role, PROC_PARENT, PROC_MAX - 1),
	RANGE(msg_channel, index, 0, PREFORK_MAX - 1),
	RANGE(msg_channel, side, SIDE_NONE, SIDE_CLIENT),
	STRING(msg_channel, name),
	END
};

static const struct rule_field	 fields_level[] = {
	RANGE(msg_level, level, 0, LOGLEVEL_MAX - 1),
	END
};

static const struct rule_field	 fields_log[] = {
	RANGE(msg_log, level, 0, LOGLEVEL_MAX - 1),
	LINE(msg_log, text),
	END
};

static const struct rule_field	 fields_some[] = {
	RANGE(msg_count, count, 1, UINT32_MAX),
	END
};

static const struct rule_field	 fields_yesno[] = {
	RANGE(msg_count, count, 0, 1),
	END
};

static const struct rule_field	 fields_lost[] = {
	RANGE(msg_lost, role, PROC_TLS, PROC_QUIC),
	RANGE(msg_lost, index, 0, PREFORK_MAX - 1),
	END
};

static const struct rule_field	 fields_socket_ask[] = {
	RANGE(msg_socket_ask, index, 0, REMOTES_MAX - 1),
	ADDRS(msg_socket_ask, peer),
	END
};

static const struct rule_field	 fields_tokens[] = {
	RANGE(msg_count, count, 0, TOKENS_MAX),
	END
};

static const struct rule_field	 fields_control[] = {
	STRING(msg_control, path),
	END
};

static const struct rule_field	 fields_logdest[] = {
	RANGE(msg_logdest, dest, LOGDEST_STDERR, LOGDEST_JSON),
	END
};

static const struct rule_field	 fields_conf_key[] = {
	RANGE(msg_conf_key, side, SIDE_SERVER, SIDE_CLIENT),
	RANGE(msg_conf_key, order, 0, TOKENS_MAX - 1),
	RANGE(msg_conf_key, stage, KEY_COMES, KEY_SECRET),
	STRING(msg_conf_key, name),
	END
};

static const struct rule_field	 fields_gate[] = {
	RANGE(gate_opts, deadline_ms, 1, UINT32_MAX),
	RANGE(gate_opts, max_unproven, 1, UINT32_MAX),
	RANGE(gate_opts, max_per_source, 1, UINT32_MAX),
	END
};

static const struct rule_field	 fields_listen[] = {
	MASK(msg_listen, transport, TRANSPORT_ALL),
	RANGE(msg_listen, decoy, 0, DECOYS_MAX - 1),
	RANGE(msg_listen, dialect, 0, DIALECT_MAX - 1),
	RANGE(msg_listen, side, SIDE_NONE, SIDE_CLIENT),
	RANGE(msg_listen, datagrams, 0, 1),
	RANGE(msg_listen, asks, 0, ASK_KINDS - 1),
	RANGE(msg_listen, kinds, 0, KIND_ALL),
	RANGE(msg_listen, serves, 0, SERVE_KINDS - 1),
	ADDRS(msg_listen, addr),
	END
};

static const struct rule_field	 fields_figures[] = {
	RANGE(msg_figures, service, 1, UINT32_MAX),
	RANGE(msg_figures, quic, 0, PREFORK_MAX),
	STRING(msg_figures, name),
	END
};

static const struct rule_field	 fields_flows_conf[] = {
	RANGE(msg_flows_conf, service, 1, UINT32_MAX),
	RANGE(msg_flows_conf, side, SIDE_SERVER, SIDE_CLIENT),
	RANGE(msg_flows_conf, timeout_s, 1, UDP_TIMEOUT_MAX),
	RANGE(msg_flows_conf, flows_max, 1, UDP_FLOWS_MAX),
	RANGE(msg_flows_conf, flows_source, 1, UDP_FLOWS_MAX),
	STRING(msg_flows_conf, name),
	END
};

static const struct rule_field	 fields_conf_token[] = {
	RANGE(msg_conf_token, service, 1, UINT32_MAX),
	RANGE(msg_conf_token, side, SIDE_SERVER, SIDE_CLIENT),
	RANGE(msg_conf_token, order, 0, TOKENS_MAX - 1),
	RANGE(msg_conf_token, len, 1, TOKEN_MAX),
	STRING(msg_conf_token, name),
	END
};

static const struct rule_field	 fields_conf_login[] = {
	RANGE(msg_conf_login, service, 1, UINT32_MAX),
	RANGE(msg_conf_login, side, SIDE_SERVER, SIDE_CLIENT),
	STRING(msg_conf_login, name),
	STRING(msg_conf_login, hash),
	END
};

static const struct rule_field	 fields_mapping[] = {
	RANGE(msg_mapping, port, 1, UINT16_MAX),
	RANGE(msg_mapping, port_last, 1, UINT16_MAX),
	MASK(msg_mapping, kinds, KIND_ALL),
	ADDRS(msg_mapping, addr),
	STRING(msg_mapping, to),
	END
};

static const struct rule_field	 fields_rule[] = {
	RANGE(msg_rule, service, 1, UINT32_MAX),
	RANGE(msg_rule, rule.pass, 0, 1),
	RANGE(msg_rule, rule.bits, 0, 128),
	RANGE(msg_rule, rule.port, 0, UINT16_MAX),
	RANGE(msg_rule, rule.port_last, 0, UINT16_MAX),
	ADDRS(msg_rule, rule.addr),
	STRING(msg_rule, rule.name),
	END
};

static const struct rule_field	 fields_own[] = {
	RANGE(msg_own, datagrams, 0, 1),
	ADDRS(msg_own, addr),
	END
};

static const struct rule_field	 fields_dialee[] = {
	RANGE(msg_dialee, index, 0, REMOTES_MAX - 1),
	RANGE(msg_dialee, is_unix, 0, 1),
	RANGE(msg_dialee, port, 0, UINT16_MAX),
	RANGE(msg_dialee, ports, 0, UINT16_MAX),
	RANGE(msg_dialee, for_port, 0, UINT16_MAX),
	MASK(msg_dialee, transport, TRANSPORT_ALL),
	RANGE(msg_dialee, tls, 0, PREFORK_MAX - 1),
	MASK(msg_dialee, kinds, KIND_ALL),
	RANGE(msg_dialee, named, 0, 1),
	RANGE(msg_dialee, guard, 0, 1),
	RANGE(msg_dialee, opts.nodelay, 0, 1),
	RANGE(msg_dialee, opts.congestion, 0, CONGESTION_MAX - 1),
	ADDRS(msg_dialee, source),
	ADDRS(msg_dialee, edge),
	STRING(msg_dialee, host),
	END
};

static const struct rule_field	 fields_dir[] = {
	RANGE(msg_dir, index, 0, REMOTES_MAX - 1),
	STRING(msg_dir, name),
	END
};

static const struct rule_field	 fields_service[] = {
	RANGE(msg_service, side, SIDE_SERVER, SIDE_CLIENT),
	RANGE(msg_service, index, 0, PREFORK_MAX - 1),
	RANGE(msg_service, remotes, 0, REMOTES_MAX),
	MASK(msg_service, kinds, KIND_ALL),
	RANGE(msg_service, logins, 0, 1),
	RANGE(msg_service, opts.mux_kind, MUX_SMUX, MUX_PRO),
	RANGE(msg_service, opts.mux_version, 1, 2),
	RANGE(msg_service, opts.mux_framesize, 1, UINT16_MAX),
	MASK(msg_service, opts.seals, SEAL_ALL),
	RANGE(msg_service, opts.compression, COMPRESSION_NO, COMPRESSION_LZ4),
	RANGE(msg_service, opts.prefork, 0, PREFORK_MAX),
	RANGE(msg_service, opts.strategy, STRATEGY_FAILOVER, STRATEGY_BALANCE),
	RANGE(msg_service, opts.proxy_protocol, 0, 2),
	RANGE(msg_service, opts.usage, 0, 1),
	RANGE(msg_service, opts.udp_timeout, 0, UDP_TIMEOUT_MAX),
	RANGE(msg_service, opts.service_sock.nodelay, 0, 1),
	RANGE(msg_service, opts.tunnel_sock.nodelay, 0, 1),
	STRING(msg_service, name),
	STRING(msg_service, client_id),
	STRING(msg_service, where),
	END
};

static const struct rule_field	 fields_tls[] = {
	RANGE(msg_tls, insecure, 0, 1),
	RANGE(msg_tls, npins, 0, TLS_PINS_MAX),
	RANGE(msg_tls, has_ca, 0, 1),
	RANGE(msg_tls, congestion, 0, CONGESTION_MAX - 1),
	RANGE(msg_tls, idle_ms, 0, 600000),
	RANGE(msg_tls, streams, 0, 1048576),
	STRING(msg_tls, name),
	END
};

static const struct rule_field	 fields_pem[] = {
	RANGE(msg_pem, side, SIDE_SERVER, SIDE_CLIENT),
	RANGE(msg_pem, index, 0, PREFORK_MAX - 1),
	STRING(msg_pem, path),
	END
};

static const struct rule_field	 fields_web[] = {
	STRING(msg_web, path),
	STRING(msg_web, host),
	STRING(msg_web, agent),
	STRING(msg_web, headers),
	END
};

static const struct rule_field	 fields_path[] = {
	STRING(msg_path, path),
	RANGE(msg_path, own, 0, 1),
	END
};

static const struct rule_field	 fields_proxy[] = {
	RANGE(msg_proxy, bits, 0, 128),
	ADDRS(msg_proxy, addr),
	END
};

static const struct rule_field	 fields_decoy[] = {
	RANGE(msg_decoy, number, 0, DECOYS_MAX - 1),
	RANGE(msg_decoy, status, 200, 599),
	STRING(msg_decoy, url),
	STRING(msg_decoy, server),
	END
};

static const struct rule_field	 fields_file[] = {
	RANGE(msg_file, decoy, 0, DECOYS_MAX - 1),
	STRING(msg_file, name),
	END
};

static const struct rule_field	 fields_net[] = {
	RANGE(msg_net, tunnels, 0, 1),
	RANGE(msg_net, rule.bits, 0, 128),
	RANGE(msg_net, rule.allow, 0, 1),
	ADDRS(msg_net, rule.addr),
	END
};

/* ---- fields, keys, tunnels and dialling ---- */

static const struct rule_field	 fields_sign[] = {
	RANGE(msg_sign, scheme, SIGN_RSA_PKCS1_SHA256, SIGN_ED25519),
	RANGE(msg_sign, len, 1, SIGN_DATA_MAX),
	END
};

static const struct rule_field	 fields_signed[] = {
	RANGE(msg_signed, len, 0, SIGNATURE_MAX),
	END
};

static const struct rule_field	 fields_arrival[] = {
	MASK(msg_arrival, transport, TRANSPORT_ALL),
	RANGE(msg_arrival, decoy, 0, DECOYS_MAX - 1),
	RANGE(msg_arrival, dialect, 0, DIALECT_MAX - 1),
	ADDRS(msg_arrival, peer),
	ADDRS(msg_arrival, local),
	END
};

static const struct rule_field	 fields_start[] = {
	MASK(msg_start, transport, TRANSPORT_ALL),
	RANGE(msg_start, index, 0, REMOTES_MAX - 1),
	ADDRS(msg_start, peer),
	STRING(msg_start, host),
	END
};

static const struct rule_field	 fields_started[] = {
	STRING(msg_started, words),
	END
};

static const struct rule_field	 fields_verdict[] = {
	RANGE(msg_verdict, verdict, VERDICT_OK, VERDICT_REPLAYED),
	END
};

static const struct rule_field	 fields_key[] = {
	RANGE(msg_key, order, 0, TOKENS_MAX - 1),
	END
};

static const struct rule_field	 fields_token[] = {
	RANGE(msg_token, order, 0, TOKENS_MAX - 1),
	RANGE(msg_token, len, 1, TOKEN_MAX),
	END
};

static const struct rule_field	 fields_token_ask[] = {
	RANGE(msg_token_ask, len, 0, TOKEN_MAX),
	END
};

static const struct rule_field	 fields_token_told[] = {
	RANGE(msg_token_told, right, 0, 1),
	END
};

static const struct rule_field	 fields_login_ask[] = {
	RANGE(msg_login_ask, only_known, 0, 1),
	STRING(msg_login_ask, name),
	STRING(msg_login_ask, password),
	END
};

static const struct rule_field	 fields_login_told[] = {
	RANGE(msg_login_told, right, 0, 1),
	END
};

static const struct rule_field	 fields_blame[] = {
	RANGE(msg_blame, offence, 0, OFFENCES - 1),
	END
};

static const struct rule_field	 fields_arrived[] = {
	ADDRS(msg_arrived, peer),
	RANGE(msg_arrived, offence, 0, OFFENCES),
	END
};

static const struct rule_field	 fields_tunnel[] = {
	MASK(msg_tunnel, transport, TRANSPORT_ALL),
	ADDRS(msg_tunnel, peer),
	ADDRS(msg_tunnel, local),
	END
};

static const struct rule_field	 fields_dial[] = {
	RANGE(msg_dial, what, DIAL_REMOTE, DIAL_TARGET),
	RANGE(msg_dial, index, 0, REMOTES_MAX - 1),
	RANGE(msg_dial, offset, 0, UINT16_MAX),
	RANGE(msg_dial, datagrams, 0, 1),
	ADDRS(msg_dial, at),
	END
};

static const struct rule_field	 fields_dial_named[] = {
	RANGE(msg_dial_named, dial.what, DIAL_NAMED, DIAL_NAMED),
	RANGE(msg_dial_named, dial.index, 0, 0),
	RANGE(msg_dial_named, dial.offset, 0, 0),
	RANGE(msg_dial_named, dial.datagrams, 0, 1),
	ADDRS(msg_dial_named, dial.at),
	RANGE(msg_dial_named, port, 0, UINT16_MAX),
	STRING(msg_dial_named, host),
	END
};

static const struct rule_field	 fields_dialled[] = {
	RANGE(msg_dialled, stage, DIAL_STAGE_REFUSED, DIAL_STAGE_ELSEWHERE),
	ADDRS(msg_dialled, peer),
	ADDRS(msg_dialled, local),
	STRING(msg_dialled, words),
	END
};

static const struct rule_field	 fields_resolve[] = {
	RANGE(msg_resolve, what, DIAL_REMOTE, DIAL_NAMED),
	STRING(msg_resolve, host),
	END
};

static const struct rule_field	 fields_resolved[] = {
	RANGE(msg_resolved, count, 0, RESOLVED_MAX),
	RANGE(msg_resolved, more, 0, 1),
	ADDRS(msg_resolved, addr),
	END
};

static const struct rule_field	 fields_client[] = {
	RANGE(msg_client, again, 0, 1),
	RANGE(msg_client, quic, 0, 1),
	STRING(msg_client, client_id),
	END
};

static const struct rule_field	 fields_usage[] = {
	RANGE(msg_usage, port, 0, UINT16_MAX),
	END
};

static const struct rule_field	 fields_none[] = {
	END
};

/* ---- the rules ---- */

static const struct rule	 msg_rules[IMSG_MAX] = {
	RULE(IMSG_BEGIN, ONE(P, CHILDREN), FIXED(msg_begin), 0, fields_begin),
	RULE(IMSG_END, ONE(P, CHILDREN), EMPTY, 0, fields_none),
	RULE(IMSG_READY, ONE(CHILDREN, P), FIXED(msg_ready), 0, fields_ready),
	RULE(IMSG_CHANNEL, ONE(P, CHILDREN), FIXED(msg_channel), 1,
	    fields_channel),
	RULE(IMSG_PING, ONE(P, CHILDREN), EMPTY, 0, fields_none),
	RULE(IMSG_PONG, ONE(CHILDREN, P), EMPTY, 0, fields_none),
	RULE(IMSG_STOP, ONE(P, CHILDREN), FIXED(msg_stop), 0, fields_none),
	RULE(IMSG_LOG_LEVEL, ONE(P, CHILDREN), FIXED(msg_level), 0,
	    fields_level),
	RULE(IMSG_LOG, ONE((P | CHILDREN) & ~C, C), CUT(msg_log, text), 0,
	    fields_log),
	RULE(IMSG_COMPLAINT, ONE(CHILDREN, P), FIXED(msg_channel), 0,
	    fields_channel),
	RULE(IMSG_CHANNEL_LOST, ONE(CHILDREN, P), FIXED(msg_channel), 0,
	    fields_channel),
	RULE(IMSG_FDS_TAKEN,
	    TWO(CHILDREN, P, W | G | D | T | Q, G | D | T | U | Q),
	    FIXED(msg_count), 0, fields_some),

	RULE(IMSG_CONF_CONTROL, ONE(P, C), FIXED(msg_control), 1,
	    fields_control),
	RULE(IMSG_CONF_LOG, ONE(P, C), FIXED(msg_logdest), 1, fields_logdest),
	RULE(IMSG_CONF_KEY, ONE(P, K), FIXED(msg_conf_key), 0,
	    fields_conf_key),
	RULE(IMSG_CONF_GATE, ONE(P, G | T | Q), FIXED(gate_opts), 0,
	    fields_gate),
	RULE(IMSG_CONF_LISTEN, ONE(P, G | T | U | W | Q | H),
	    FIXED(msg_listen), 1, fields_listen),
	RULE(IMSG_CONF_REMOTE, ONE(P, D | W), FIXED(msg_dialee), 0,
	    fields_dialee),
	RULE(IMSG_CONF_TARGET, ONE(P, D | W), FIXED(msg_dialee), 0,
	    fields_dialee),
	RULE(IMSG_CONF_DIR, ONE(P, D), FIXED(msg_dir), 1, fields_dir),
	RULE(IMSG_CONF_SERVICE, ONE(P, W), FIXED(msg_service), 0,
	    fields_service),
	RULE(IMSG_CONF_TLS, ONE(P, T | Q), FIXED(msg_tls), 0, fields_tls),
	RULE(IMSG_CONF_CERT, ONE(P, T | Q), FIXED(msg_pem), 1, fields_pem),
	RULE(IMSG_CONF_CA, ONE(P, T | Q), FIXED(msg_pem), 1, fields_pem),
	RULE(IMSG_CONF_PRIVKEY, ONE(P, K), FIXED(msg_pem), 1, fields_pem),
	RULE(IMSG_CONF_WEB, ONE(P, W), FIXED(msg_web), 0, fields_web),
	RULE(IMSG_CONF_PATH, ONE(P, G), FIXED(msg_path), 0, fields_path),
	RULE(IMSG_CONF_PROXY, ONE(P, G | T), FIXED(msg_proxy), 0,
	    fields_proxy),
	RULE(IMSG_CONF_DECOY, ONE(P, G), FIXED(msg_decoy), 0, fields_decoy),
	RULE(IMSG_CONF_FILE, ONE(P, G), FIXED(msg_file), 1, fields_file),
	RULE(IMSG_DIR_AGAIN, ONE(D, P), FIXED(msg_dir), 0, fields_dir),
	RULE(IMSG_CONF_NET, ONE(P, W), FIXED(msg_net), 0, fields_net),
	RULE(IMSG_CONF_FLOWS, ONE(P, U), FIXED(msg_flows_conf), 0,
	    fields_flows_conf),
	RULE(IMSG_CONF_TOKEN, ONE(P, K), FIXED(msg_conf_token), 0,
	    fields_conf_token),
	RULE(IMSG_CONF_MAPPING, ONE(P, W), FIXED(msg_mapping), 0,
	    fields_mapping),
	RULE(IMSG_CONF_RULE, ONE(P, D), FIXED(msg_rule), 0, fields_rule),
	RULE(IMSG_CONF_OWN, ONE(P, D), FIXED(msg_own), 0, fields_own),
	RULE(IMSG_CONF_LOGIN, ONE(P, K), FIXED(msg_conf_login), 0,
	    fields_conf_login),

	RULE(IMSG_PROOF, ONE(G, K), FIXED(msg_proof), 0, fields_none),
	RULE(IMSG_IDENTITY, ONE(G, K), FIXED(msg_identity), 0, fields_none),
	RULE(IMSG_VERDICT, ONE(K, G), FIXED(msg_verdict), 0, fields_verdict),
	RULE(IMSG_KEY, ONE(K, W), FIXED(msg_key), 0, fields_key),
	RULE(IMSG_KEYS_END, ONE(K, W), FIXED(msg_count), 0, fields_tokens),

	RULE(IMSG_SIGN, ONE(T | Q, K), FIXED(msg_sign), 0, fields_sign),
	RULE(IMSG_SIGNED, ONE(K, T | Q), FIXED(msg_signed), 0, fields_signed),
	RULE(IMSG_TOKEN, ONE(K, W), FIXED(msg_token), 0, fields_token),
	RULE(IMSG_TOKEN_ASK, ONE(W, K), FIXED(msg_token_ask), 0,
	    fields_token_ask),
	RULE(IMSG_TOKEN_TOLD, ONE(K, W), FIXED(msg_token_told), 0,
	    fields_token_told),
	RULE(IMSG_LOGIN_ASK, ONE(W, K), FIXED(msg_login_ask), 0,
	    fields_login_ask),
	RULE(IMSG_LOGIN_TOLD, ONE(K, W), FIXED(msg_login_told), 0,
	    fields_login_told),

	RULE(IMSG_ARRIVAL, ONE(T | Q, G), FIXED(msg_arrival), 1,
	    fields_arrival),
	RULE(IMSG_TUNNEL, ONE(G, W), FIXED(msg_tunnel), 1, fields_tunnel),
	RULE(IMSG_TUNNEL_PROVEN, ONE(W, G), FIXED(msg_number), 0, fields_none),
	RULE(IMSG_TUNNEL_CLOSED, ONE(W, G), FIXED(msg_number), 0, fields_none),
	RULE(IMSG_TUNNEL_BLAMED, ONE(W, G), FIXED(msg_blame), 0, fields_blame),
	RULE(IMSG_TUNNEL_SHED, ONE(G, W), FIXED(msg_number), 0, fields_none),
	RULE(IMSG_ARRIVED, ONE(G, T | Q), FIXED(msg_arrived), 0,
	    fields_arrived),

	RULE(IMSG_DIAL, ONE(W, D), FIXED(msg_dial), 0, fields_dial),
	RULE(IMSG_DIAL_CANCEL, ONE(W, D), FIXED(msg_count), 0, fields_none),
	RULE(IMSG_DIALLED, ONE(D, W), FIXED(msg_dialled), 1, fields_dialled),
	RULE(IMSG_DIAL_FAILED, ONE(D, W), FIXED(msg_dialled), 0,
	    fields_dialled),
	RULE(IMSG_TLS_START, ONE(D, T | Q), FIXED(msg_start), 1, fields_start),
	RULE(IMSG_TLS_CANCEL, ONE(D, T | Q), FIXED(msg_count), 0,
	    fields_none),
	RULE(IMSG_TLS_STARTED, ONE(T | Q, D), FIXED(msg_started), 1,
	    fields_started),
	RULE(IMSG_TLS_FAILED, ONE(T | Q, D), FIXED(msg_started), 0,
	    fields_started),
	RULE(IMSG_RESOLVE, ONE(D, R), FIXED(msg_resolve), 0, fields_resolve),
	RULE(IMSG_RESOLVED, ONE(R, D), FIXED(msg_resolved), 0,
	    fields_resolved),
	RULE(IMSG_DIAL_SETTLED, ONE(W, D), FIXED(msg_count), 0, fields_none),
	RULE(IMSG_TLS_LOST, ONE(D, W), FIXED(msg_lost), 0, fields_lost),
	RULE(IMSG_DIAL_NAMED, ONE(W, D), FIXED(msg_dial_named), 0,
	    fields_dial_named),

	RULE(IMSG_ROOM, ONE(W, P | U), FIXED(msg_count), 0, fields_yesno),
	RULE(IMSG_HOLD, ONE(P, W), FIXED(msg_count), 0, fields_yesno),
	RULE(IMSG_CLIENT_BACK, TWO(W, P, P, W), FIXED(msg_client), 0,
	    fields_client),

	RULE(IMSG_USAGE, ONE(W, P), FIXED(msg_usage), 0, fields_usage),

	RULE(IMSG_FLOWS, ONE(U, W), FIXED(msg_flows), 1, fields_none),

	RULE(IMSG_SOCKET_ASK, ONE(Q, D), FIXED(msg_socket_ask), 0,
	    fields_socket_ask),
	RULE(IMSG_SOCKET, ONE(D, Q), FIXED(msg_number), 1, fields_none),
	RULE(IMSG_SOCKET_NONE, ONE(D, Q), FIXED(msg_number), 0, fields_none),
	RULE(IMSG_CONF_FIGURES, ONE(P, H), FIXED(msg_figures), 0,
	    fields_figures),
};

static const struct rule *
msg_rule(uint32_t type)
{
	if (type >= CTL_FIRST)
		return (ctl_rule(type));
	if (type >= IMSG_MAX || msg_rules[type].name == NULL)
		return (NULL);
	return (&msg_rules[type]);
}

int
msg_check(enum proc_role self, enum proc_role peer, struct imsg *imsg,
    const char **why)
{
	*why = rule_broken(msg_rule(imsg_get_type(imsg)), self, peer, imsg);
	return (*why == NULL ? 0 : -1);
}

int
msg_takes_fd(enum proc_role self, enum proc_role peer)
{
	size_t	 i;

	for (i = 0; i < nitems(msg_rules); i++)
		if (msg_rules[i].fd && rule_way(&msg_rules[i], peer, self))
			return (1);
	return (0);
}

const char *
msg_name(uint32_t type)
{
	const struct rule	*rule = msg_rule(type);

	return (rule == NULL ? "?" : rule->name);
}
