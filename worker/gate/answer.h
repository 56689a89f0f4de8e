/* SPDX-License-Identifier: ISC */

/*
 * What a stranger sees who is brought to no worker: an answer at its time, the
 * end of the connection, and patience with what is still on its way.  Each
 * kind of answer is a table of times and functions.
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
	/* Until all of it is taken; then until the peer's end ... */
	uint64_t	 send_us;
	uint64_t	 linger_us;
	/* ... or so many octets of its. */
	size_t		 linger_max;
	/*
	 * It is for anyone, also who says nothing that could be a tunnel's or
	 * waits in vain, and no connection is reset.  Without it only those
	 * are answered whom keys refuses.
	 */
	int		 anyone;
	/*
	 * Makes it from what is there to be read.  NULL: no memory.  A kind
	 * without this function is always the same.
	 */
	void	*(*make)(uint32_t decoy, const struct addr *peer,
		    const uint8_t *, size_t);
	/*
	 * Writes what the socket takes: 1 when all is out, 0 when there is
	 * more, -1 when there is no sense in going on.
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
 * over is called from the event loop, once, when there is nothing more to do:
 * answer_free and close then.  NULL: the peer is gone, or no memory.
 */
struct answer	*answer_new(int fd, const struct answer_kind *, uint32_t decoy,
		    const struct addr *peer, uint64_t asked,
		    void (*over)(void *), void *arg);
/* Takes NULL. */
void		 answer_free(struct answer *);

#endif /* WORKER_ANSWER_H */
