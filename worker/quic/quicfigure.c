/* SPDX-License-Identifier: ISC */

/* The figures of the role quic: see figure.h, and rocketctl(8). */

#include <sys/types.h>

#include "shared/compat.h"
#include "worker/net/places.h"
#include "endpoint.h"
#include "link.h"
#include "qconnint.h"
#include "qconns.h"
#include "quic.h"
#include "stranger.h"

static const void *
quic_conns(void)
{
	return (qconn_stats());
}

static const void *
quic_packets(void)
{
	return (endpoint_stats());
}

static const void *
quic_strangers(void)
{
	return (stranger_stats());
}

static const void *
quic_links(void)
{
	return (link_stats());
}

static uint64_t
quic_unproven(void)
{
	return (places_strangers()->held);
}

static uint64_t
quic_limited(void)
{
	return (places_strangers()->shed_source +
	    places_strangers()->shed_total + places_strangers()->shed_relief);
}

static uint64_t
quic_tunnels_limited(void)
{
	return (places_tunnels()->shed_total + places_tunnels()->shed_relief);
}

#define CONNS(k, n, h) \
	FIGURE_OF(k, #n, quic_conns, qconn_stats, n, h)
#define PACKETS(n, h) \
	FIGURE_OF(COUNTER, #n, quic_packets, endpoint_stats, n, h)
#define STRANGERS(n, h) \
	FIGURE_OF(COUNTER, #n, quic_strangers, stranger_stats, n, h)
#define LINKS(n, h) \
	FIGURE_OF(COUNTER, #n, quic_links, link_stats, n, h)

const struct figure	 quic_figures[] = {
	CONNS(GAUGE, connections, "connections"),
	CONNS(GAUGE, handshakes, "handshakes in progress"),
	CONNS(GAUGE, lingering,
	    "connections that are over, and answer late packets"),
	FIGURE_GET(GAUGE, "strangers", quic_unproven,
	    "connections whose peer has not proven a token yet"),
	STRANGERS(initials, "connections begun by clients"),
	CONNS(COUNTER, shaken, "handshakes that succeeded"),
	CONNS(COUNTER, failed, "handshakes that failed"),
	CONNS(COUNTER, timeouts, "handshakes that took too long"),
	CONNS(COUNTER, idle, "connections ended because nothing came"),
	CONNS(COUNTER, moves, "times that a connection went to another path"),
	FIGURE_GET(COUNTER, "limited", quic_limited,
	    "connections not proven that lost their place to others"),
	FIGURE_GET(COUNTER, "limited_tunnels", quic_tunnels_limited,
	    "tunnels that lost their place to others"),
	STRANGERS(retries, "clients asked to prove their address (Retry)"),
	STRANGERS(tokens_bad, "proofs of an address that were wrong or late"),
	STRANGERS(versions, "packets of other versions that were answered"),
	STRANGERS(resets,
	    "packets of connections that are gone, answered by a reset"),
	STRANGERS(junk, "packets that are nothing"),
	STRANGERS(unanswered,
	    "packets not answered because the rate of answers is limited"),
	CONNS(COUNTER, dropped_kept,
	    "packets dropped because too many waited for a signature"),
	PACKETS(packets_in, "packets received"),
	PACKETS(octets_in, "bytes received, of packets"),
	PACKETS(packets_out, "packets sent"),
	PACKETS(octets_out, "bytes sent, of packets"),
	PACKETS(reads, "system calls that received packets"),
	PACKETS(writes, "system calls that sent packets"),
	PACKETS(full, "times that a socket took no more packets"),
	PACKETS(dropped_kernel,
	    "packets lost before they could be received"),
	PACKETS(dropped_send, "packets that could not be sent"),
	LINKS(streams, "streams, of users and of peers"),
	FIGURE_OF(COUNTER, "stream_octets_in", quic_links, link_stats,
	    octets_in, "bytes received on streams"),
	FIGURE_OF(COUNTER, "stream_octets_out", quic_links, link_stats,
	    octets_out, "bytes sent on streams"),
	LINKS(datagrams_in, "datagrams received in packets of their own"),
	LINKS(datagrams_out, "datagrams sent in packets of their own"),
	LINKS(long_in, "datagrams received on streams"),
	LINKS(long_out, "datagrams too long for a packet, sent on streams"),
	LINKS(dropped_late, "datagrams dropped after waiting too long"),
	LINKS(dropped_full, "datagrams dropped because a queue was full"),
	LINKS(dropped_long, "datagrams dropped as too long for the path"),
	LINKS(dropped_malformed, "datagrams received that name no flow"),
	LINKS(dropped_unknown, "datagrams received for no known flow"),
	LINKS(flows, "flows of datagrams, of users and of peers"),
	LINKS(flows_shed, "flows ended, the idlest, to make room for others"),
	LINKS(streams_shed,
	    "streams reset because the peer did not take what waited"),
	LINKS(streams_unread,
	    "streams reset because a user here did not take what waited"),
	{ .name = NULL }
};
