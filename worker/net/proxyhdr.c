/* SPDX-License-Identifier: ISC */

/*
 * PROXY protocol headers.  Writes the one that a target gets before its user's
 * first octet: version 1 is a line of text, version 2 binary.  It names two
 * addresses of one internet family; anything else is sent as unknown (1) or
 * local (2), which every reader of the protocol must accept.
 *
 * Reads the one that a trusted proxy puts before a tunnel.  Octets in,
 * addresses out; strict, because a proxy that errs here errs about who has
 * come.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "proxyhdr.h"

#define V2_HEADER	16		/* signature, version, family, length */
#define V2_LOCAL	0x20
#define V2_PROXY	0x21
#define V2_UNSPEC	0x00
#define V2_TCP4		0x11
#define V2_TCP6		0x21
#define V2_UDP		0x01	/* added to V2_TCP4, V2_TCP6 */
#define V2_UNIX		0x31
#define V2_UNIX_OCTETS	108		/* of one address */
#define V2_FIELD	3		/* type and length of what follows */
#define V2_CRC32C	0x03

static const uint8_t	 v2_signature[12] = {
	'\r', '\n', '\r', '\n', '\0', '\r', '\n', 'Q', 'U', 'I', 'T', '\n'
};

/* Octets of an address; 0 when the two cannot go into one header. */
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

size_t
proxyhdr_put_datagram(uint8_t buf[PROXYHDR_MAX], const struct addr *user,
    const struct addr *listener)
{
	size_t	 len = proxyhdr_v2(buf, user, listener);

	if (buf[13] != V2_UNSPEC)
		buf[13] += V2_UDP;
	return (len);
}

/* ---- read ---- */

#define V1_BEGIN	"PROXY "
#define V1_FIELDS	5	/* family, two addresses, two ports */

static void
proxyhdr_addr(struct addr *a, int af, const void *octets, uint16_t port)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	if (af == AF_INET) {
		memset(&sin, 0, sizeof(sin));
		sin.sin_family = AF_INET;
		sin.sin_port = htons(port);
		memcpy(&sin.sin_addr, octets, sizeof(sin.sin_addr));
		addr_from_sa(a, (struct sockaddr *)&sin);
		return;
	}
	memset(&sin6, 0, sizeof(sin6));
	sin6.sin6_family = AF_INET6;
	sin6.sin6_port = htons(port);
	memcpy(&sin6.sin6_addr, octets, sizeof(sin6.sin6_addr));
	addr_from_sa(a, (struct sockaddr *)&sin6);
}

/* "192.0.2.1" and "443" of a line. */
static int
proxyhdr_v1_addr(struct addr *a, int af, const char *host, const char *port)
{
	uint8_t		 octets[16];
	const char	*fault;
	long long	 n;

	n = strtonum(port, 0, UINT16_MAX, &fault);
	if (fault != NULL || port[strspn(port, "0123456789")] != '\0' ||
	    (port[0] == '0' && port[1] != '\0') ||
	    inet_pton(af, host, octets) != 1)
		return (-1);
	proxyhdr_addr(a, af, octets, (uint16_t)n);
	return (0);
}

/* The line without its end. */
static int
proxyhdr_v1_line(char *line, struct addr *from, struct addr *to)
{
	char	*field[V1_FIELDS];
	size_t	 n = 0;
	int	 af;

	line += strlen(V1_BEGIN);
	if (strncmp(line, "UNKNOWN", 7) == 0 &&
	    (line[7] == '\0' || line[7] == ' '))
		return (0);
	while (line != NULL && n < V1_FIELDS)
		field[n++] = strsep(&line, " ");
	if (line != NULL || n < V1_FIELDS)
		return (-1);
	if (strcmp(field[0], "TCP4") == 0)
		af = AF_INET;
	else if (strcmp(field[0], "TCP6") == 0)
		af = AF_INET6;
	else
		return (-1);
	if (proxyhdr_v1_addr(from, af, field[1], field[3]) == -1 ||
	    proxyhdr_v1_addr(to, af, field[2], field[4]) == -1)
		return (-1);
	return (0);
}

static enum proxyhdr_result
proxyhdr_parse_v1(const uint8_t *buf, size_t len, size_t *need,
    struct addr *from, struct addr *to, const char **why)
{
	char		 line[PROXYHDR_MAX + 1];
	const uint8_t	*end;
	size_t		 n = len < PROXYHDR_MAX ? len : PROXYHDR_MAX;

	*why = "a malformed line";
	if ((end = memchr(buf, '\r', n)) == NULL) {
		*need = len + 1;
		return (n < PROXYHDR_MAX ? PROXYHDR_MORE : PROXYHDR_BAD);
	}
	n = end - buf;
	*need = n + 2;
	if (*need > PROXYHDR_MAX)
		return (PROXYHDR_BAD);
	if (*need > len)
		return (PROXYHDR_MORE);
	memcpy(line, buf, n);
	line[n] = '\0';
	if (end[1] != '\n' || strlen(line) != n ||
	    proxyhdr_v1_line(line, from, to) == -1)
		return (PROXYHDR_BAD);
	return (PROXYHDR_OK);
}

/* RFC 3720's CRC-32C of the header, its own four octets taken as zero. */
static uint32_t
proxyhdr_crc32c(const uint8_t *buf, size_t len, const uint8_t *own)
{
	uint32_t	 crc = UINT32_MAX;
	size_t		 i;
	int		 bit;

	for (i = 0; i < len; i++) {
		if (buf + i < own || buf + i >= own + 4)
			crc ^= buf[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return (~crc);
}

/* The fields from octet at on: whole, and the checksum true if there is one. */
static const char *
proxyhdr_v2_fields(const uint8_t *buf, size_t len, size_t at)
{
	const uint8_t	*value;
	size_t		 n;

	while (at < len) {
		if (len - at < V2_FIELD)
			return ("a field is cut short");
		n = (size_t)(buf[at + 1] << 8 | buf[at + 2]);
		value = buf + at + V2_FIELD;
		if (n > len - at - V2_FIELD)
			return ("a field is cut short");
		if (buf[at] == V2_CRC32C && (n != 4 ||
		    proxyhdr_crc32c(buf, len, value) !=
		    ((uint32_t)value[0] << 24 | (uint32_t)value[1] << 16 |
		    (uint32_t)value[2] << 8 | value[3])))
			return ("its checksum is false");
		at += V2_FIELD + n;
	}
	return (NULL);
}

/* What a connection's header says: two addresses, and fields behind them. */
static const char *
proxyhdr_v2_block(const uint8_t *buf, size_t len, struct addr *from,
    struct addr *to)
{
	const uint8_t	*p = buf + V2_HEADER, *ports;
	size_t		 octets, block;

	switch (buf[13]) {
	case V2_UNSPEC:		/* the length of its block is unknown */
		return (NULL);
	case V2_UNIX:
		octets = V2_UNIX_OCTETS;
		block = 2 * octets;
		break;
	case V2_TCP4:
		octets = 4;
		block = 2 * octets + 4;
		break;
	case V2_TCP6:
		octets = 16;
		block = 2 * octets + 4;
		break;
	default:
		return ("it is not for a TCP connection");
	}
	if (len < V2_HEADER + block)
		return ("its addresses are cut short");
	if (buf[13] != V2_UNIX) {
		ports = p + 2 * octets;
		proxyhdr_addr(from, octets == 4 ? AF_INET : AF_INET6, p,
		    (uint16_t)(ports[0] << 8 | ports[1]));
		proxyhdr_addr(to, octets == 4 ? AF_INET : AF_INET6, p + octets,
		    (uint16_t)(ports[2] << 8 | ports[3]));
	}
	return (proxyhdr_v2_fields(buf, len, V2_HEADER + block));
}

static enum proxyhdr_result
proxyhdr_parse_v2(const uint8_t *buf, size_t len, size_t *need,
    struct addr *from, struct addr *to, const char **why)
{
	*need = V2_HEADER;
	if (len < V2_HEADER)
		return (PROXYHDR_MORE);
	*need += buf[14] << 8 | buf[15];
	*why = NULL;
	if (buf[12] != V2_LOCAL && buf[12] != V2_PROXY)
		*why = "another version or command";
	else if (*need > PROXYHDR_READ_MAX)
		*why = "it is too long";
	if (*why != NULL)
		return (PROXYHDR_BAD);
	if (len < *need)
		return (PROXYHDR_MORE);
	/* the proxy checks whether we are alive */
	if (buf[12] == V2_LOCAL)
		return (PROXYHDR_OK);
	*why = proxyhdr_v2_block(buf, *need, from, to);
	return (*why == NULL ? PROXYHDR_OK : PROXYHDR_BAD);
}

static int
proxyhdr_begins(const uint8_t *buf, size_t len, const void *with, size_t max)
{
	return (memcmp(buf, with, len < max ? len : max) == 0);
}

enum proxyhdr_result
proxyhdr_parse(const uint8_t *buf, size_t len, size_t *need,
    struct addr *from, struct addr *to, const char **why)
{
	memset(from, 0, sizeof(*from));
	memset(to, 0, sizeof(*to));
	*need = 1;
	if (len == 0)
		return (PROXYHDR_MORE);
	if (proxyhdr_begins(buf, len, v2_signature, sizeof(v2_signature)))
		return (proxyhdr_parse_v2(buf, len, need, from, to, why));
	if (proxyhdr_begins(buf, len, V1_BEGIN, strlen(V1_BEGIN)))
		return (proxyhdr_parse_v1(buf, len, need, from, to, why));
	*why = "it begins otherwise";
	return (PROXYHDR_BAD);
}
