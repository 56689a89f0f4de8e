/* SPDX-License-Identifier: ISC */

/*
 * The connections of those who want figures.  Each is a stranger's: it has one
 * request, which must come in time, waits a moment for figures that are not too
 * old, gets its answer, and is over.  Bounded in all and by source; at a bound
 * the heaviest goes first (ledger.h).
 */

#ifndef WORKER_WEB_GUEST_H
#define WORKER_WEB_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"

#define GUESTS_MAX		256
#define GUESTS_SOURCE		64
/* Octets of a request: of its line without the end, and of all its head. */
#define GUEST_LINE		1024
#define GUEST_HEAD		8192
/* Microseconds for a request; for figures; for the answer to be taken... */
#define GUEST_ASK_US		(10 * 1000000ULL)
#define GUEST_FRESH_US		(1 * 1000000ULL)
#define GUEST_TAKE_US		(30 * 1000000ULL)
/* ...and for the peer's end, or so many octets of what else it sends. */
#define GUEST_LINGER_US		(2 * 1000000ULL)
#define GUEST_LINGER		(64 * 1024)
/* Octets of all answers: above it who has most on its way is closed. */
#define GUESTS_OCTETS		(64 * 1024 * 1024)

struct guest_stats {
	uint32_t	 now;
	uint64_t	 requests;	/* that were answered with a page */
	uint64_t	 bad;		/* no request, or too long a one */
	uint64_t	 late;		/* it did not come in time */
	uint64_t	 stale;		/* answered with older figures */
	uint64_t	 stalled;	/* the answer was not taken in time */
};

/* guest.c */

void	 guests_init(void);
/* listener_arrived (listener.h). */
int	 guest_accept(int fd, const struct addr *peer,
	    const struct msg_listen *, int proxied);
/* There are new figures: who waits for them may be answered. */
void	 guests_look(void);
/* Calls it when there are none, perhaps now. */
void	 guests_when_none(void (*)(void));
const struct guest_stats *guest_stats(void);
/* Connections that lost their place to others. */
uint64_t guests_limited(void);

#endif /* WORKER_WEB_GUEST_H */
