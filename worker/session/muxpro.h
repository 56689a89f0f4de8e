/* SPDX-License-Identifier: ISC */

/*
 * Mux.Pro, version 0.1, as a session: frames whose metadata and data have a
 * length each, big-endian, 16-bit ids, credit for each stream.  The client
 * negotiates a version first, and only the client opens streams; the server is
 * silent until the client's next frame.
 *
 * Between two rocketd (conf.bare 0) the target of each New is the name
 * "rocketd" and means nothing.  An End without a code ends one direction; a
 * reset is an End with a code and, behind it, an octet that has the reason as
 * enum reset_reason.  The first credit is window_initial and peer_initial.
 *
 * Bare, towards any other program, conf.bare 1, the frames are exactly theirs.
 * The first octets that the owner of an opened stream gives are a head, which
 * goes into New:
 *
 *	u8 network (1 TCP, 2 UDP), u8 priority, u16 port,
 *	u8 atype (1 IPv4, 2 name, 3 IPv6), address (name: u8 length, octets)
 *
 * The owner of an accepted one is handed such a head first.  It is no payload:
 * it costs no credit, and is not counted.  After a head with network 2 the
 * owner's octets, both ways, are datagrams: u16 length, octets.  A datagram
 * never waits for credit: it is dropped (stats.dropped), and so are those of
 * more than 2048 octets, which end some peers.
 *
 * There an End ends both directions.  Ours waits until the peer's, or until
 * nothing has come for fin_delay_ms (0: it does not wait).  After it a client
 * still delivers what comes, until the server's End: 30 s without any, once its
 * owner has taken all, reset the stream.  A server's stream is over.  After the
 * client's End the server may go on to send, but not longer than 30 s without
 * an octet: an owner that shall do so is given conf.caps CAP_HALFCLOSE.  A
 * client whose peer has ended sends nothing more: its owner calls session_fin
 * or session_reset.
 *
 * conf.version: 1, or 0: version 0.0 too, which we take for one without credit
 * if an update never comes.  A stream begins with up to 1 MiB, and its peer is
 * told that at once.  Where the reader stands still, and the peer has no credit
 * left, an update of 0 every 10 s keeps the peer patient.
 *
 * The published code loses some of the octets that it cuts where its credit
 * ends.  With conf.ample a stream has 1 GiB more from its first update on, and
 * what the whole session may hold (session_limit) alone holds its peer back,
 * unless the peer's own updates show that it is other code: those of the
 * published one are of 65536, all of them.
 */

#ifndef WORKER_MUXPRO_H
#define WORKER_MUXPRO_H

#include "session.h"

#define MUXPRO_HEAD_MAX	261		/* with a name of 255 */
#define MUXPRO_STREAMS	65534	/* that have ids, besides an urgent one */

#define MUXPRO_TCP	1
#define MUXPRO_UDP	2
#define MUXPRO_IPV4	1
#define MUXPRO_NAME	2
#define MUXPRO_IPV6	3

/* muxpro.c */

/* NULL when there is no memory. */
struct session	*muxpro_new(const struct session_conf *,
		    const struct session_events *, void *arg);
/*
 * How many octets a head has at least, as far as these n tell: it is whole when
 * there are so many.  -1: it is none.
 */
ssize_t	 muxpro_head(const uint8_t *, size_t n);

#endif /* WORKER_MUXPRO_H */
