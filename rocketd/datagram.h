/* SPDX-License-Identifier: ISC */

/*
 * How a UDP socket is made that users send datagrams to.
 */

#ifndef ROCKETD_DATAGRAM_H
#define ROCKETD_DATAGRAM_H

struct addr;
struct sockopts;

/* datagram.c */

/*
 * Sets all that the process udp needs of a socket that is bound to this
 * address, and may not set itself.  What the system refuses is logged, with the
 * listener's name, and done without.
 */
void	 datagram_options(int fd, const struct addr *, const struct sockopts *,
	    const char *name);

#endif /* ROCKETD_DATAGRAM_H */
