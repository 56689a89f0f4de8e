/* SPDX-License-Identifier: ISC */

/*
 * The names of options' values, as configuration, log and rocketctl show
 * them.
 */

#include <sys/types.h>

#include <stddef.h>

#include "compat.h"
#include "opts.h"

const struct name	 transport_names[] = {
	{ "tcp", TRANSPORT_TCP },
	{ "tcpmux", TRANSPORT_TCPMUX },
	{ "udp", TRANSPORT_UDP },
	{ "quic", TRANSPORT_QUICMUX },
	{ "tls", TRANSPORT_TCP | TRANSPORT_TLS },
	{ "tlsmux", TRANSPORT_TCPMUX | TRANSPORT_TLS },
	{ "ws", TRANSPORT_TCP | TRANSPORT_WS },
	{ "wsmux", TRANSPORT_TCPMUX | TRANSPORT_WS },
	{ "wss", TRANSPORT_TCP | TRANSPORT_WS | TRANSPORT_TLS },
	{ "wssmux", TRANSPORT_TCPMUX | TRANSPORT_WS | TRANSPORT_TLS },
	{ NULL, 0 }
};

const struct name	 dialect_names[] = {
	{ "rocket", DIALECT_ROCKET },
	{ "backhaul", DIALECT_BACKHAUL },
	{ "muxpro", DIALECT_MUXPRO },
	{ "mytunnel", DIALECT_MYTUNNEL },
	{ NULL, 0 }
};

const struct name	 kind_names[] = {
	{ "tcp", KIND_TCP },
	{ "udp", KIND_UDP },
	{ NULL, 0 }
};

const struct name	 ask_names[] = {
	{ "socks", ASK_SOCKS },
	{ "http", ASK_HTTP },
	{ NULL, 0 }
};

const struct name	 serve_names[] = {
	{ "mytunnel-metrics", SERVE_MYTUNNEL_METRICS },
	{ "mytunnel-api", SERVE_MYTUNNEL_API },
	{ NULL, 0 }
};

const struct name	 mux_names[] = {
	{ "smux", MUX_SMUX },
	{ "muxpro", MUX_PRO },
	{ NULL, 0 }
};

const struct name	 seal_names[] = {
	{ "quic", SEAL_QUIC },		/* the first: see opts.h */
	{ "tls", SEAL_TLS },
	{ "xor", SEAL_XOR },
	{ "none", SEAL_NONE },
	{ NULL, 0 }
};

const struct name	 strategy_names[] = {
	{ "failover", STRATEGY_FAILOVER },
	{ "balance", STRATEGY_BALANCE },
	{ NULL, 0 }
};

const struct name	 compression_names[] = {
	{ "no", COMPRESSION_NO },
	{ "lz4", COMPRESSION_LZ4 },
	{ NULL, 0 }
};

const struct name	 congestion_names[] = {
	{ "system", CONGESTION_SYSTEM },
	{ "reno", CONGESTION_RENO },
	{ "cubic", CONGESTION_CUBIC },
	{ "bbr", CONGESTION_BBR },
	{ NULL, 0 }
};

const struct name	 log_dest_names[] = {
	{ "stderr", LOGDEST_STDERR },
	{ "syslog", LOGDEST_SYSLOG },
	{ "json", LOGDEST_JSON },
	{ NULL, 0 }
};

const char *
side_name(uint32_t side)
{
	if (side == SIDE_SERVER)
		return ("server");
	return (side == SIDE_CLIENT ? "client" : "none");
}

const char *
transport_name(uint32_t transport)
{
	return (name_of(transport_names, transport));
}

uint32_t
transport_find(const char *name)
{
	const struct name	*n = name_find(transport_names, name);

	return (n == NULL ? 0 : n->value);
}
