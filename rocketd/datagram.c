/* SPDX-License-Identifier: ISC */

/*
 * See datagram.h.  On Linux a datagram says, in its control messages, which
 * address of ours it was sent to (where there are several), how long the parts
 * are of which the kernel made one, and how many were dropped before it.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/udp.h>

#include <errno.h>
#include <string.h>

#include "shared/addr.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "shared/opts.h"
#include "datagram.h"

/*
 * Octets that may wait in a socket, unless it is configured: what a fast line
 * brings while udp does not run, a moment, or its successor starts.
 */
#define DATAGRAM_BUFFER	(4 << 20)

static void
datagram_set(int fd, int level, int option, const char *word, int value,
    const char *name)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) == -1)
		log_debug("listen on %s: %s %d: %s", name, word, value,
		    strerror(errno));
}

/* As root past the system's maximum; 0: that much of it that there is. */
static void
datagram_buffer(int fd, int forced, int option, const char *word,
    uint32_t octets, const char *name)
{
	int	 value = octets != 0 ? octets : DATAGRAM_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, forced, &value, sizeof(value)) == -1)
		datagram_set(fd, SOL_SOCKET, option, word, value, name);
}

/* Is it bound to more than one address? */
static int
datagram_is_any(const struct addr *a)
{
	static const uint8_t	 any[sizeof(a->octets)];

	return (memcmp(a->octets, any, sizeof(any)) == 0);
}

void
datagram_options(int fd, const struct addr *a, const struct sockopts *o,
    const char *name)
{
	datagram_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, "receive buffer",
	    o->rcvbuf, name);
	datagram_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, "send buffer", o->sndbuf,
	    name);
	if (datagram_is_any(a) && a->family == ADDR_IPV6)
		datagram_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, "packet info",
		    1, name);
	else if (datagram_is_any(a))
		datagram_set(fd, IPPROTO_IP, IP_PKTINFO, "packet info", 1,
		    name);
	datagram_set(fd, IPPROTO_UDP, UDP_GRO, "receive offload", 1, name);
	datagram_set(fd, SOL_SOCKET, SO_RXQ_OVFL, "count of drops", 1, name);
}

/*
 * QUIC finds the largest packet of a path itself, and none of its packets may
 * be cut on the way.  A socket of IPv6 may have packets of IPv4, too.
 */
void
datagram_quic(int fd, const struct addr *a, const char *name)
{
	datagram_set(fd, IPPROTO_IP, IP_RECVTOS, "marks of IPv4", 1, name);
	datagram_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, "whole packets of IPv4",
	    IP_PMTUDISC_PROBE, name);
	if (a->family != ADDR_IPV6)
		return;
	datagram_set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, "marks of IPv6", 1,
	    name);
	datagram_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
	    "whole packets of IPv6", IPV6_PMTUDISC_PROBE, name);
}
