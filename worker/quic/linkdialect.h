/* SPDX-License-Identifier: ISC */

/*
 * What links of different dialects differ in: who opens streams, how flows look
 * on the wire, and the numbers of errors and closes.  All of it is here, and
 * nothing else of quic asks which dialect it has.
 */

#ifndef WORKER_LINKDIALECT_H
#define WORKER_LINKDIALECT_H

#include <stdint.h>

#include "worker/session/session.h"

struct linkdialect {
	/* The first stream of the peer who dialled carries an opening. */
	int		 opening;
	/* The first stream that either opens is the dialect's own: urgent. */
	int		 control;
	/*
	 * Flows have no streams on the wire: each datagram says where it goes.
	 * Else one is `varint stream id / 4' and octets, and what does not fit
	 * goes on the stream.
	 */
	int		 by_address;
	/* Who wants no more of a stream has let go of all of it. */
	int		 stop_resets;
	/* Who may open streams; [1] where our peer has dialled. */
	int		 worker_opens[2];
	int		 peer_opens[2];
	/* On the wire: why a stream was reset. */
	uint64_t	 (*code)(enum reset_reason);
	enum reset_reason (*reason)(uint64_t);
	/*
	 * A worker's first octet that says no to a stream of the peer's: it
	 * wants no more of it when it has ended it.  0: there is none.
	 */
	uint8_t		 refusal;
	/* CONNECTION_CLOSE: its worker is done; its worker broke a rule. */
	uint64_t	 close_done;
	uint64_t	 close_broken;
	const char	*words_broken;
	const char	*words_done[2];	/* [1] where our peer has dialled */
};

/* linkdialect.c */

/* NULL: it has nothing to do with QUIC. */
const struct linkdialect *linkdialect_get(uint32_t dialect);

#endif /* WORKER_LINKDIALECT_H */
