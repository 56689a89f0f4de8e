/* SPDX-License-Identifier: ISC */

/*
 * A tiny dialect, for tests and as the example for the next ones: lines of
 * text over bare tcp.
 *
 * Who dials greets, and the other side answers:
 *
 *	tiny 1 control KEY		ok NUMBER
 *	tiny 1 tunnel KEY		no REASON
 *
 * KEY is the service's, which has to be of letters, in the clear.  NUMBER names
 * the tunnel from then on.  A tunnel runs smux, version 2, with half-close and
 * reset.  A control channel goes on with lines, both ways:
 *
 *	ping, pong
 *	drain NUMBER			no more streams on that tunnel
 *	more COUNT			so many tunnels more, of who dials
 *
 * A service has one control channel: the first tunnel that is dialled.  A newer
 * one takes the place of an older one.  When it is lost all tunnels are made
 * anew; what is in the old ones goes on.
 *
 * A stream begins with the line "to PORT", the listener's or another.  Behind
 * "to PORT?" an answer is awaited: "+", or "-" and a reason.
 */

#ifndef UNIT_TINY_H
#define UNIT_TINY_H

#include "shared/msg.h"
#include "worker/dialect/dialect.h"

#define DIALECT_TINY	DIALECT_MAX

extern const struct dialect	 dialect_tiny;

#endif /* UNIT_TINY_H */
