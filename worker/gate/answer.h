/* SPDX-License-Identifier: ISC */

/*
 * The answer for a stranger whose connection goes to no worker: it is sent at
 * its time, then the connection ends, with patience for what is still on its
 * way.  Each kind of answer is a table of times and functions.
 */

#ifndef WORKER_ANSWER_H
#define WORKER_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "shared/addr.h"

struct answer_kind {
	/* From the stranger's last octet to the answer, and at least ... */
	uint64_t	 delay_us;
	/* ... from the decision to it, when that comes later. */
	uint64_t	 late_us;
	/* Until all of it is sent; then until the peer's end ... */
	uint64_t	 send_us;
	uint64_t	 linger_us;
	/* ... or so many octets from it. */
	size_t		 linger_max;
	/*
	 * It is for anyone, even for a stranger that sent nothing like a tunnel
	 * or waited in vain, and no connection is reset.  Otherwise it is for
	 * those that keys refuses, and no others.
	 */
	int		 anyone;
	/*
	 * Makes it from the octets that can be read.  NULL: no memory.  A kind
	 * without this function is always the same.
	 */
	void	*(*make)(uint32_t decoy, const struct addr *peer,
		    const uint8_t *, size_t);
	/*
	 * Writes what the socket takes: 1 when all is sent, 0 when there is
	 * more, -1 when it is pointless to go on.
	 */
	int	 (*send)(void *, int fd);
	void	 (*free)(void *);
};

struct answer;

/* alert.c, site.c */

extern const struct answer_kind	 answer_alert;	/* of TLS */
extern const struct answer_kind	 answer_site;	/* of a web server */

/* answer.c */

/*
 * Answers on fd, which stays the caller's; asked is when its last octet came.
 * over is called once, from the event loop, when all is done: call answer_free
 * and close then.  NULL: the peer is gone, or no memory.
 */
struct answer	*answer_new(int fd, const struct answer_kind *, uint32_t decoy,
		    const struct addr *peer, uint64_t asked,
		    void (*over)(void *), void *arg);
/* Takes NULL. */
void		 answer_free(struct answer *);

#endif /* WORKER_ANSWER_H */
