/* SPDX-License-Identifier: ISC */

/*
 * See own.h.  A socket can be bound to the addresses of this host, also to
 * those that a connected one would not choose for its own (secondary ones, and
 * networks that are routed to this host).  Where the system lets every address
 * be bound (ip_nonlocal_bind), only a socket bound to its own can be connected.
 * Nothing of this sends a packet.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "own.h"

/* More listeners than a configuration may have. */
#define OWNS_MAX	65536

int
own_add(struct owns *o, const struct msg_own *msg)
{
	struct msg_own	*list;

	if (o->n == OWNS_MAX) {
		errno = E2BIG;
		return (-1);
	}
	/* a power of two is full */
	if ((o->n & (o->n - 1)) == 0) {
		list = reallocarray(o->list, o->n == 0 ? 1 : 2 * o->n,
		    sizeof(*list));
		if (list == NULL)
			return (-1);
		o->list = list;
	}
	o->list[o->n++] = *msg;
	return (0);
}

void
own_free(struct owns *o)
{
	free(o->list);
	memset(o, 0, sizeof(*o));
}

/* ---- this host's addresses ---- */

/* Binds or connects a socket there, with that port.  -1 with errno. */
static int
own_put(int fd, int connects, const struct addr *a, uint16_t port)
{
	struct sockaddr_storage	 ss;
	struct addr		 at = *a;
	socklen_t		 len;

	at.port = port;
	len = addr_to_sa(&at, &ss);
	return (connects ? connect(fd, (struct sockaddr *)&ss, len) :
	    bind(fd, (struct sockaddr *)&ss, len));
}

/* From what is not this host's address no IPv4 route begins. */
static int
own_goes_from(int fd, uint16_t port)
{
	static const struct addr	 here = { .family = ADDR_IPV4,
					    .octets = { 127, 0, 0, 1 } };

	/* older kernels say EINVAL */
	return (own_put(fd, 1, &here, port) == 0 ||
	    (errno != ENETUNREACH && errno != EINVAL));
}

/* By IPv6 this host goes to its own address from just this one. */
static int
own_meets_itself(const struct addr *a)
{
	struct addr	 us;
	int		 fd, same;

	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (1);
	same = own_put(fd, 1, a, a->port) == 0;
	if (same) {
		addr_of_self(&us, fd);
		same = memcmp(us.octets, a->octets, sizeof(us.octets)) == 0;
	}
	close(fd);
	return (same);
}

int
own_is_here(const struct addr *a)
{
	int	 fd, has;

	fd = socket(a->family == ADDR_IPV6 ? AF_INET6 : AF_INET, SOCK_DGRAM |
	    SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (errno != EAFNOSUPPORT);
	if (own_put(fd, 0, a, 0) == -1)
		has = errno != EADDRNOTAVAIL;
	else if (a->family == ADDR_IPV4)
		has = own_goes_from(fd, a->port);
	else
		has = own_meets_itself(a);
	close(fd);
	return (has);
}

/* ---- its listeners ---- */

static int
own_is_every(const struct msg_own *o, uint16_t family)
{
	static const uint8_t	 any[sizeof(o->addr.octets)];

	return (o->addr.family == ADDR_NONE || (o->addr.family == family &&
	    memcmp(o->addr.octets, any, sizeof(any)) == 0));
}

int
own_has(const struct owns *os, const struct addr *a, int datagrams)
{
	const struct msg_own	*o;
	int			 every = 0;

	for (o = os->list; o < os->list + os->n; o++) {
		if (o->addr.port != a->port ||
		    (o->datagrams != 0) != (datagrams != 0))
			continue;
		if (o->addr.family == a->family && memcmp(o->addr.octets,
		    a->octets, sizeof(a->octets)) == 0)
			return (1);
		every |= own_is_every(o, a->family);
	}
	return (every && own_is_here(a));
}
