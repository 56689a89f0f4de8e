/* SPDX-License-Identifier: ISC */

/*
 * A user of a SOCKS 5 proxy (RFC 1928): between connecting and what a user does
 * ever after, the proxy is asked for the target.  The user waits for the method
 * before it says its request, as programs do, and takes no octet behind the
 * reply.  Without a proxy nothing stands in between.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <stdint.h>
#include <string.h>

#include "load.h"

#define SOCKS_VERSION	5
#define SOCKS_CONNECT	1
#define SOCKS_IPV4	1
#define SOCKS_NAME	3
#define SOCKS_IPV6	4

#define METHOD_SIZE	2	/* of the answer to the greeting */
#define REPLY_FIXED	6	/* beside the address: four octets, the port */
#define REPLY_MAX	(REPLY_FIXED + 1 + UINT8_MAX)
#define REQUEST_MAX	(REPLY_FIXED + sizeof(struct in6_addr))

static struct {
	uint8_t	 request[REQUEST_MAX];
	size_t	 request_len;		/* 0: there is no proxy */
} socks;

void
socks_target(const struct sockaddr_storage *ss)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;
	uint8_t			*p = socks.request;
	size_t			 len;

	*p++ = SOCKS_VERSION;
	*p++ = SOCKS_CONNECT;
	*p++ = 0;
	/* The port is in the same place for both families. */
	memcpy(&sin, ss, sizeof(sin));
	if (ss->ss_family == AF_INET6) {
		memcpy(&sin6, ss, sizeof(sin6));
		*p++ = SOCKS_IPV6;
		len = sizeof(sin6.sin6_addr);
		memcpy(p, &sin6.sin6_addr, len);
	} else {
		*p++ = SOCKS_IPV4;
		len = sizeof(sin.sin_addr);
		memcpy(p, &sin.sin_addr, len);
	}
	memcpy(p + len, &sin.sin_port, sizeof(sin.sin_port));
	socks.request_len = REPLY_FIXED + len;
}

/* The user's own from here on, as if it had only just connected. */
static int
socks_done(struct conn *c, int flag)
{
	c->run = c->proxy.run;
	c->flags |= flag;
	return (c->run(c));
}

/* Octets of the whole answer, as far as can be told from those it has. */
static size_t
socks_expects(const struct proxy *px)
{
	if (px->stage == PROXY_GREETED)
		return (METHOD_SIZE);
	if (px->got < sizeof(px->head))
		return (sizeof(px->head));
	if (px->head[3] == SOCKS_IPV4)
		return (REPLY_FIXED + sizeof(struct in_addr));
	if (px->head[3] == SOCKS_IPV6)
		return (REPLY_FIXED + sizeof(struct in6_addr));
	return (REPLY_FIXED + 1 + px->head[4]);
}

/* Whether all that it has so far is what who connects would say. */
static int
socks_granted(const struct proxy *px)
{
	if (px->got > 0 && px->head[0] != SOCKS_VERSION)
		return (0);
	if (px->got > 1 && px->head[1] != 0)
		return (0);
	return (px->got < sizeof(px->head) || px->head[3] == SOCKS_IPV4 ||
	    px->head[3] == SOCKS_IPV6 || px->head[3] == SOCKS_NAME);
}

/* 1 when the whole answer is there, 0 when more is due, -1 when it is no. */
static int
socks_recv(struct conn *c)
{
	struct proxy	*px = &c->proxy;
	uint8_t		 buf[REPLY_MAX];
	size_t		 i, want;
	ssize_t		 n;

	while ((want = socks_expects(px)) > px->got) {
		if (!(c->flags & CONN_IN))
			return (0);
		if ((n = recv(c->fd, buf, want - px->got, 0)) == -1 &&
		    net_again()) {
			c->flags &= ~CONN_IN;
			return (0);
		}
		if (n <= 0)
			return (-1);
		for (i = 0; i < (size_t)n; i++)
			if (px->got + i < sizeof(px->head))
				px->head[px->got + i] = buf[i];
		px->got += n;
		if (!socks_granted(px))
			return (-1);
	}
	return (1);
}

/* Says what this stage says; they are few octets, which go whole. */
static int
socks_send(struct conn *c)
{
	static const uint8_t	 greeting[] = { SOCKS_VERSION, 1, 0 };
	const uint8_t		*p = greeting;
	size_t			 len = sizeof(greeting);
	ssize_t			 n;

	if (c->proxy.stage == PROXY_CHOSEN) {
		p = socks.request;
		len = socks.request_len;
	}
	n = send(c->fd, p, len, MSG_NOSIGNAL);
	if (n == -1 && net_again())
		return (0);
	if (n != (ssize_t)len)
		return (-1);
	c->proxy.stage++;
	c->proxy.got = 0;
	return (0);
}

static int
socks_run(struct conn *c)
{
	struct proxy	*px = &c->proxy;
	int		 said;

	if (c->flags & CONN_STALLED)
		return (socks_done(c, 0));
	if (px->stage == PROXY_NEW && socks_send(c) == -1)
		return (socks_done(c, CONN_REFUSED));
	if (px->stage == PROXY_GREETED) {
		if ((said = socks_recv(c)) == -1)
			return (socks_done(c, CONN_REFUSED));
		px->stage += said;
	}
	if (px->stage == PROXY_CHOSEN && socks_send(c) == -1)
		return (socks_done(c, CONN_REFUSED));
	if (px->stage != PROXY_ASKED)
		return (0);
	if ((said = socks_recv(c)) == 0)
		return (0);
	return (socks_done(c, said == 1 ? 0 : CONN_REFUSED));
}

int
socks_add(struct conn *c, int fd, int (*run)(struct conn *))
{
	if (socks.request_len == 0) {
		loop_add(c, fd, run);
		return (1);
	}
	memset(&c->proxy, 0, sizeof(c->proxy));
	c->proxy.run = run;
	loop_add(c, fd, socks_run);
	/* Should it fail, the event that follows says so too. */
	socks_send(c);
	return (0);
}
