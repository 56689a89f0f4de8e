/*
 * Copyright (c) 2026 The rocketd authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

/*
 * PROXY protocol headers.  Owns how the header looks that a target gets before
 * the first octet of its user: version 1 is a line of text, version 2 binary.
 * Two addresses of one internet family are told; anything else is said to be
 * unknown (1) or local (2), which every reader of the protocol must take.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <arpa/inet.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proxyhdr.h"

#define V2_HEADER	16		/* signature, version, family, length */
#define V2_LOCAL	0x20
#define V2_PROXY	0x21
#define V2_UNSPEC	0x00
#define V2_TCP4		0x11
#define V2_TCP6		0x21

static const uint8_t	 v2_signature[12] = {
	'\r', '\n', '\r', '\n', '\0', '\r', '\n', 'Q', 'U', 'I', 'T', '\n'
};

/* Octets of an address, 0 when the two cannot be told together. */
static size_t
proxyhdr_octets(const struct addr *user, const struct addr *listener)
{
	if (user->family != listener->family)
		return (0);
	switch (user->family) {
	case ADDR_IPV4:
		return (4);
	case ADDR_IPV6:
		return (16);
	default:
		return (0);
	}
}

static size_t
proxyhdr_v1(uint8_t *buf, const struct addr *user, const struct addr *listener)
{
	char	 line[PROXYHDR_MAX + 1];
	char	 from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	size_t	 octets;
	int	 af, len = -1;

	if ((octets = proxyhdr_octets(user, listener)) != 0) {
		af = octets == 4 ? AF_INET : AF_INET6;
		if (inet_ntop(af, user->octets, from, sizeof(from)) != NULL &&
		    inet_ntop(af, listener->octets, to, sizeof(to)) != NULL)
			len = snprintf(line, sizeof(line),
			    "PROXY %s %s %s %u %u\r\n",
			    octets == 4 ? "TCP4" : "TCP6", from, to,
			    (unsigned int)user->port,
			    (unsigned int)listener->port);
	}
	if (len < 0 || (size_t)len >= sizeof(line))
		len = snprintf(line, sizeof(line), "PROXY UNKNOWN\r\n");
	memcpy(buf, line, len);
	return (len);
}

static void
proxyhdr_port(uint8_t *p, uint16_t port)
{
	p[0] = port >> 8;
	p[1] = port & 0xff;
}

static size_t
proxyhdr_v2(uint8_t *buf, const struct addr *user, const struct addr *listener)
{
	uint8_t	*p = buf + V2_HEADER;
	size_t	 octets;

	octets = proxyhdr_octets(user, listener);
	memcpy(buf, v2_signature, sizeof(v2_signature));
	buf[12] = octets == 0 ? V2_LOCAL : V2_PROXY;
	buf[13] = octets == 0 ? V2_UNSPEC : octets == 4 ? V2_TCP4 : V2_TCP6;
	buf[14] = 0;
	buf[15] = 0;
	if (octets == 0)
		return (V2_HEADER);
	buf[15] = 2 * octets + 4;
	memcpy(p, user->octets, octets);
	memcpy(p + octets, listener->octets, octets);
	proxyhdr_port(p + 2 * octets, user->port);
	proxyhdr_port(p + 2 * octets + 2, listener->port);
	return (V2_HEADER + buf[15]);
}

size_t
proxyhdr_put(uint8_t buf[PROXYHDR_MAX], uint32_t version,
    const struct addr *user, const struct addr *listener)
{
	if (version == 1)
		return (proxyhdr_v1(buf, user, listener));
	return (proxyhdr_v2(buf, user, listener));
}
