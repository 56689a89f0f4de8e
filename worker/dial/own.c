/* SPDX-License-Identifier: ISC */

/*
 * See own.h.  A socket can be bound to the addresses of this host and to no
 * others, also to those that a connected socket would not choose for its own
 * (secondary ones, and networks that are routed to this host).  Only where the
 * system lets any address be bound does a connected one have to tell; neither
 * sends a packet.
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

/* A UDP socket that is connected there, or bound at any port; -1 with errno. */
static int
own_socket(const struct addr *a, int connects)
{
	struct sockaddr_storage	 ss;
	struct addr		 at = *a;
	socklen_t		 len;
	int			 fd, ret, saved;

	if (!connects)
		at.port = 0;
	if ((len = addr_to_sa(&at, &ss)) == 0) {
		errno = EAFNOSUPPORT;
		return (-1);
	}
	if ((fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	ret = connects ? connect(fd, (struct sockaddr *)&ss, len) :
	    bind(fd, (struct sockaddr *)&ss, len);
	if (ret == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return (-1);
	}
	return (fd);
}

/* Does the system let this be bound? */
static int
own_binds(const struct addr *a)
{
	int	 fd;

	if ((fd = own_socket(a, 0)) != -1)
		close(fd);
	return (fd != -1 ||
	    (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT));
}

/* And what nobody has (RFC 1112's reserved class, RFC 6666)? */
static int
own_binds_all(uint16_t family)
{
	struct addr	 none = { .family = family, .octets = { 240 } };

	none.octets[3] = 1;
	if (family == ADDR_IPV6)
		memcpy(none.octets, (const uint8_t [16]){ 1, [15] = 1 }, 16);
	return (own_binds(&none));
}

/* A socket that goes to its own host goes from the address where it goes to. */
static int
own_meets_itself(const struct addr *a)
{
	struct addr	 us;
	int		 fd;

	if ((fd = own_socket(a, 1)) == -1)
		return (0);
	addr_of_self(&us, fd);
	close(fd);
	return (us.family == a->family &&
	    memcmp(us.octets, a->octets, sizeof(us.octets)) == 0);
}

static int
own_host_has(const struct addr *a)
{
	if (addr_is_loopback(a))
		return (1);
	if (!own_binds(a))
		return (0);
	return (!own_binds_all(a->family) || own_meets_itself(a));
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
	return (every && own_host_has(a));
}
