/* SPDX-License-Identifier: ISC */

/*
 * An address, as processes send it to each other and print it.
 */

#ifndef SHARED_ADDR_H
#define SHARED_ADDR_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdint.h>

#define ADDR_STRLEN	72	/* enough for addr_print */

enum addr_family {
	ADDR_NONE,
	ADDR_IPV4,
	ADDR_IPV6,
	ADDR_UNIX		/* only that it is one: no path */
};

struct addr {
	uint16_t	 family;	/* enum addr_family */
	uint16_t	 port;		/* host order */
	uint32_t	 scope;		/* IPv6 scope id */
	uint8_t		 octets[16];	/* network order; IPv4 in the first 4 */
};

/* addr.c */

/* From a socket address; family ADDR_NONE when it is of an unknown kind. */
void		 addr_from_sa(struct addr *, const struct sockaddr *);
/* Returns the length of *ss, 0 when the address has no socket form. */
socklen_t	 addr_to_sa(const struct addr *, struct sockaddr_storage *);
/* The peer's or our own address of a socket; ADDR_NONE: there is none. */
void		 addr_of_peer(struct addr *, int fd);
void		 addr_of_self(struct addr *, int fd);
/*
 * "192.0.2.1:80", "[2001:db8::1]:80", "unix", "unknown"; without ":port" and
 * brackets when port is 0.  The result is one of a few static buffers.
 */
const char	*addr_print(const struct addr *);
/* "host:port" of a name or address as configured; returns the length. */
size_t		 addr_join(char *, size_t, const char *host, uint32_t port);
/* Equal in family, octets and scope; the port only where with_port. */
int		 addr_same(const struct addr *, const struct addr *,
		    int with_port);
/* 127.0.0.0/8 or ::1? */
int		 addr_is_loopback(const struct addr *);

#endif /* SHARED_ADDR_H */
