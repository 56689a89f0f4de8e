/* SPDX-License-Identifier: ISC */

/*
 * Addresses as octets: from and to the kernel's form, and in words.  Asks no
 * name service and makes no system call but getpeername and getsockname, so
 * that every sandbox has room for it.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"

/* Results of addr_print that live side by side: more than one line needs. */
#define ADDR_BUFFERS	8

static const uint8_t	 addr_mapped[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

static void
addr_from_in6(struct addr *a, const struct sockaddr_in6 *sin6)
{
	const uint8_t	*octets = sin6->sin6_addr.s6_addr;

	a->port = ntohs(sin6->sin6_port);
	/* a dual-stack socket's name for what is an IPv4 address */
	if (memcmp(octets, addr_mapped, sizeof(addr_mapped)) == 0) {
		a->family = ADDR_IPV4;
		memcpy(a->octets, octets + sizeof(addr_mapped), 4);
		return;
	}
	a->family = ADDR_IPV6;
	a->scope = sin6->sin6_scope_id;
	memcpy(a->octets, octets, sizeof(a->octets));
}

void
addr_from_sa(struct addr *a, const struct sockaddr *sa)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	memset(a, 0, sizeof(*a));
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&sin, sa, sizeof(sin));
		a->family = ADDR_IPV4;
		a->port = ntohs(sin.sin_port);
		memcpy(a->octets, &sin.sin_addr, 4);
		break;
	case AF_INET6:
		memcpy(&sin6, sa, sizeof(sin6));
		addr_from_in6(a, &sin6);
		break;
	case AF_UNIX:
		a->family = ADDR_UNIX;
		break;
	}
}

socklen_t
addr_to_sa(const struct addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in	 sin;
	struct sockaddr_in6	 sin6;

	memset(ss, 0, sizeof(*ss));
	switch (a->family) {
	case ADDR_IPV4:
		memset(&sin, 0, sizeof(sin));
		sin.sin_family = AF_INET;
		sin.sin_port = htons(a->port);
		memcpy(&sin.sin_addr, a->octets, 4);
		memcpy(ss, &sin, sizeof(sin));
		return (sizeof(sin));
	case ADDR_IPV6:
		memset(&sin6, 0, sizeof(sin6));
		sin6.sin6_family = AF_INET6;
		sin6.sin6_port = htons(a->port);
		sin6.sin6_scope_id = a->scope;
		memcpy(&sin6.sin6_addr, a->octets, sizeof(a->octets));
		memcpy(ss, &sin6, sizeof(sin6));
		return (sizeof(sin6));
	}
	return (0);
}

void
addr_of_peer(struct addr *a, int fd)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);

	memset(&ss, 0, sizeof(ss));
	if (getpeername(fd, (struct sockaddr *)&ss, &len) == -1)
		ss.ss_family = AF_UNSPEC;
	addr_from_sa(a, (struct sockaddr *)&ss);
}

void
addr_of_self(struct addr *a, int fd)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);

	memset(&ss, 0, sizeof(ss));
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		ss.ss_family = AF_UNSPEC;
	addr_from_sa(a, (struct sockaddr *)&ss);
}

const char *
addr_print(const struct addr *a)
{
	static char	 bufs[ADDR_BUFFERS][ADDR_STRLEN];
	static int	 next;
	char		 host[INET6_ADDRSTRLEN], scope[16];
	char		*buf = bufs[next++ % ADDR_BUFFERS];

	if (next == ADDR_BUFFERS)
		next = 0;
	if (a->family == ADDR_UNIX)
		return ("unix");
	if (a->family != ADDR_IPV4 && a->family != ADDR_IPV6)
		return ("unknown");
	if (inet_ntop(a->family == ADDR_IPV4 ? AF_INET : AF_INET6, a->octets,
	    host, sizeof(host)) == NULL)
		return ("unknown");
	/* by number: to ask for the interface's name needs a socket */
	scope[0] = '\0';
	if (a->family == ADDR_IPV6 && a->scope != 0)
		snprintf(scope, sizeof(scope), "%%%u", a->scope);
	if (a->port == 0)
		snprintf(buf, ADDR_STRLEN, "%s%s", host, scope);
	else if (a->family == ADDR_IPV4)
		snprintf(buf, ADDR_STRLEN, "%s:%u", host, a->port);
	else
		snprintf(buf, ADDR_STRLEN, "[%s%s]:%u", host, scope, a->port);
	return (buf);
}

size_t
addr_join(char *buf, size_t size, const char *host, uint32_t port)
{
	int	 v6 = strchr(host, ':') != NULL;

	if (port == 0)
		return (strlcpy(buf, host, size));
	return (snprintf(buf, size, "%s%s%s:%u", v6 ? "[" : "", host,
	    v6 ? "]" : "", port));
}

int
addr_same(const struct addr *a, const struct addr *b, int with_port)
{
	size_t	 len;

	if (a->family != b->family)
		return (0);
	if (a->family == ADDR_IPV4)
		len = 4;
	else if (a->family == ADDR_IPV6)
		len = sizeof(a->octets);
	else
		return (1);
	return (memcmp(a->octets, b->octets, len) == 0 &&
	    (len == 4 || a->scope == b->scope) &&
	    (!with_port || a->port == b->port));
}

int
addr_is_loopback(const struct addr *a)
{
	static const uint8_t	 one[16] = { [15] = 1 };

	if (a->family == ADDR_IPV4)
		return (a->octets[0] == 127);
	return (a->family == ADDR_IPV6 &&
	    memcmp(a->octets, one, sizeof(one)) == 0);
}
