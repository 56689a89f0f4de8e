/* SPDX-License-Identifier: ISC */

/*
 * Dialect backhaul, its octets: see frames.h.  Promises that a target has a
 * host of letters, digits and ".-_" and a port that can be dialled.  Allocates
 * nothing, logs nothing.
 */

#include <sys/types.h>

#include <stdio.h>
#include <string.h>

#include "shared/compat.h"
#include "frames.h"

#define LOOPBACK	"127.0.0.1"
#define BEARER		"Bearer "
/* Offered, but a server of this dialect never grants it. */
#define EXTENSIONS	"Sec-WebSocket-Extensions: permessage-deflate; " \
			    "server_no_context_takeover; " \
			    "client_no_context_takeover\r\n"

const char *
frames_signal_name(uint8_t octet)
{
	switch (octet) {
	case SIGNAL_HEARTBEAT:
		return ("heartbeat");
	case SIGNAL_CHANNEL:
		return ("channel");
	case SIGNAL_PING:
		return ("ping");
	case SIGNAL_CLOSED:
		return ("closed");
	case SIGNAL_RTT:
		return ("rtt");
	case FRAME_TCP:
		return ("tcp");
	case FRAME_UDP:
		return ("udp");
	default:
		return ("unknown");
	}
}

/* ---- strings ---- */

/* type 0: none. */
static size_t
frames_put(uint8_t *buf, size_t size, uint8_t type, const void *string,
    size_t len)
{
	size_t	 head = type == 0 ? FRAMES_UNTYPED : FRAMES_TYPED;

	if (len > FRAMES_STRING_MAX || size < head || len > size - head)
		return (0);
	buf[0] = len >> 8;
	buf[1] = len & 0xff;
	if (type != 0)
		buf[2] = type;
	memcpy(buf + head, string, len);
	return (head + len);
}

size_t
frames_put_typed(uint8_t *buf, size_t size, enum frame_type type,
    const void *string, size_t len)
{
	return (frames_put(buf, size, type, string, len));
}

size_t
frames_put_untyped(uint8_t *buf, size_t size, const void *string, size_t len)
{
	return (frames_put(buf, size, 0, string, len));
}

size_t
frames_put_datagram(uint8_t *buf, size_t size, const char *target)
{
	size_t	 len = strlen(target);

	if (len > FRAMES_DATAGRAM_MAX || len > size)
		return (0);
	memcpy(buf, target, len);
	return (len);
}

static ssize_t
frames_get(const uint8_t *buf, size_t len, size_t head, size_t max,
    struct frame *f)
{
	if (len < FRAMES_UNTYPED)
		return (0);
	f->len = (size_t)buf[0] << 8 | buf[1];
	if (f->len > max)
		return (-1);
	if (len < head || f->len > len - head)
		return (0);
	f->type = head == FRAMES_TYPED ? buf[2] : 0;
	f->string = buf + head;
	return (head + f->len);
}

ssize_t
frames_get_typed(const uint8_t *buf, size_t len, size_t max, struct frame *f)
{
	return (frames_get(buf, len, FRAMES_TYPED, max, f));
}

ssize_t
frames_get_untyped(const uint8_t *buf, size_t len, size_t max, struct frame *f)
{
	return (frames_get(buf, len, FRAMES_UNTYPED, max, f));
}

/* ---- targets ---- */

/* Digits, and maybe a sign before them. */
static const char *
frames_port(const char *p, size_t len, uint32_t *port)
{
	int	 negative = len > 0 && *p == '-';

	if (len > 0 && (*p == '-' || *p == '+')) {
		p++;
		len--;
	}
	if (len == 0)
		return ("its port is missing");
	for (*port = 0; len > 0; p++, len--) {
		if (*p < '0' || *p > '9')
			return ("its port is no number");
		if (*port <= UINT16_MAX)
			*port = *port * 10 + (*p - '0');
	}
	if (negative || *port == 0 || *port > UINT16_MAX)
		return ("its port is not between 1 and 65535");
	return (NULL);
}

static int
frames_is_host(const char *p, size_t len)
{
	for (; len > 0; p++, len--)
		if ((*p < 'a' || *p > 'z') && (*p < 'A' || *p > 'Z') &&
		    (*p < '0' || *p > '9') && *p != '.' && *p != '-' &&
		    *p != '_')
			return (0);
	return (1);
}

/* What is not said, or every address, is what a dial makes of it. */
static const char *
frames_host(const char *p, size_t len, struct named *to)
{
	if (len >= sizeof(to->host))
		return ("its host is too long");
	if (!frames_is_host(p, len))
		return ("its host is neither a name nor an IPv4 address");
	memcpy(to->host, p, len);
	to->host[len] = '\0';
	if (len == 0 || strcmp(to->host, "0.0.0.0") == 0)
		(void)strlcpy(to->host, LOOPBACK, sizeof(to->host));
	return (NULL);
}

const char *
frames_target(const void *words, size_t len, struct named *to)
{
	const char	*p = words, *colon, *why;
	size_t		 host;

	memset(to, 0, sizeof(*to));
	if (len == 0)
		return ("it is empty");
	if ((colon = memchr(p, ':', len)) == NULL) {
		(void)strlcpy(to->host, LOOPBACK, sizeof(to->host));
		return (frames_port(p, len, &to->port));
	}
	host = colon - p;
	if (memchr(colon + 1, ':', len - host - 1) != NULL)
		return ("it has more than one colon");
	if ((why = frames_host(p, host, to)) != NULL)
		return (why);
	return (frames_port(colon + 1, len - host - 1, &to->port));
}

/* ---- PROXY protocol ---- */

/* An IPv4 address as an IPv6 one. */
static void
frames_map(struct addr *a)
{
	static const uint8_t	 mapped[12] = { [10] = 0xff, 0xff };

	if (a->family != ADDR_IPV4)
		return;
	memcpy(a->octets + sizeof(mapped), a->octets, 4);
	memcpy(a->octets, mapped, sizeof(mapped));
	a->family = ADDR_IPV6;
}

size_t
frames_put_proxy(uint8_t buf[PROXYHDR_MAX], const struct addr *user,
    const struct addr *client)
{
	struct addr	 from = *user, to = *client;

	if (from.family != to.family) {
		frames_map(&from);
		frames_map(&to);
	}
	return (proxyhdr_put(buf, 2, &from, &to));
}

/* ---- WebSocket ---- */

static size_t
frames_fitted(int n, size_t size)
{
	return (n < 0 || (size_t)n >= size ? 0 : n);
}

size_t
frames_put_path(char *buf, size_t size, enum path path, uint32_t n)
{
	if (path == PATH_CHANNEL)
		return (frames_fitted(snprintf(buf, size, "/channel"), size));
	return (frames_fitted(snprintf(buf, size, "/tunnel/%u", n), size));
}

enum path
frames_path(const struct http_text *target)
{
	static const char	 channel[] = "/channel", tunnel[] = "/tunnel";
	const char		*query;
	size_t			 len = target->len;

	if ((query = memchr(target->p, '?', len)) != NULL)
		len = query - target->p;
	if (len == sizeof(channel) - 1 && memcmp(target->p, channel, len) == 0)
		return (PATH_CHANNEL);
	if (len >= sizeof(tunnel) - 1 &&
	    memcmp(target->p, tunnel, sizeof(tunnel) - 1) == 0)
		return (PATH_TUNNEL);
	return (PATH_OTHER);
}

/* May these octets be the end of a field's value, and arrive as they are? */
static int
frames_is_value(const uint8_t *p, size_t len)
{
	size_t	 i;

	if (len == 0 || p[len - 1] == ' ' || p[len - 1] == '\t')
		return (0);
	for (i = 0; i < len; i++)
		if ((p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
			return (0);
	return (1);
}

size_t
frames_put_headers(char *buf, size_t size, const void *token, size_t len,
    uint32_t n)
{
	if (len > TOKEN_MAX || !frames_is_value(token, len))
		return (0);
	return (frames_fitted(snprintf(buf, size, "Authorization: " BEARER
	    "%.*s\r\n" EXTENSIONS "X-User-Id: %u\r\n", (int)len,
	    (const char *)token, n), size));
}

const char *
frames_agent(uint32_t n)
{
	static const char	*agents[] = {
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
		    "(KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
		"Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 "
		    "Firefox/125.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
		    "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
		    "Safari/605.1.15",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 "
		    "(KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36"
	};

	return (agents[n % (sizeof(agents) / sizeof(agents[0]))]);
}

int
frames_bearer(const struct http_head *h, struct http_text *token)
{
	const struct http_text	*value;
	size_t			 skip = strlen(BEARER);

	if ((value = http_field(h, "Authorization")) == NULL ||
	    value->len <= skip || memcmp(value->p, BEARER, skip) != 0)
		return (-1);
	token->p = value->p + skip;
	token->len = value->len - skip;
	return (0);
}
