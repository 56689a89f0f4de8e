/* SPDX-License-Identifier: ISC */

/*
 * How a UDP socket is made that users send datagrams to, or peers of QUIC.
 */

#ifndef ROCKETD_DATAGRAM_H
#define ROCKETD_DATAGRAM_H

struct addr;
struct sockopts;

/* datagram.c */

/*
 * Sets all that the process udp or quic needs of a socket that is bound to this
 * address, and may not set itself.  What the system refuses is logged, with the
 * listener's name, and done without.
 */
void	 datagram_options(int fd, const struct addr *, const struct sockopts *,
	    const char *name);
/* Besides, for quic: the mark of a full path is seen, and nothing is cut. */
void	 datagram_quic(int fd, const struct addr *, const char *name);

#endif /* ROCKETD_DATAGRAM_H */
