/* SPDX-License-Identifier: ISC */

/*
 * Datagrams that wait: for the stream that is to carry them, or for a socket
 * that is not connected yet.  A flow never blocks, so the queue is bounded by
 * octets and by age, and what waits too much or too long is dropped, the oldest
 * first; but not one that has begun to leave.  The budget is charged for all of
 * them.  On a stream a datagram is its length, two octets, big-endian, and its
 * octets: rocket-protocol(7).  In some dialects one side puts a stamp before
 * each length, the same for all.
 */

#ifndef WORKER_FLOWQ_H
#define WORKER_FLOWQ_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "worker/dialect/dialect.h"
#include "worker/net/flowpair.h"

#define DATAGRAM_MAX	FLOW_DATAGRAM_MAX
#define DATAGRAM_HEAD	2		/* its length on a stream... */
/* ...and what may stand before that */
#define DATAGRAM_HEAD_MAX	(DATAGRAM_STAMP_MAX + DATAGRAM_HEAD)

struct budget;
struct flowq_item;

struct flowq {			/* empty: all 0 */
	struct flowq_item	*head, *tail;
	uint32_t		 octets;	/* of datagrams */
	uint32_t		 left;	/* of head, stamp and length too */
};

struct flowq_stats {
	uint64_t	 full;		/* dropped: too many octets */
	uint64_t	 old;		/* dropped: it waited too long */
	uint64_t	 memory;	/* dropped: memory is short */
};

/* flowq.c */

/*
 * The budget that is charged for the datagrams of all queues, and the stamp of
 * each that goes on a stream: at most DATAGRAM_STAMP_MAX octets, or none.
 */
void		 flowq_init(struct budget *, const uint8_t *stamp, size_t len);
/* Puts stamp and length of a datagram at buf: how many octets that is. */
size_t		 flowq_put_head(uint8_t *buf, size_t datagram);
/* The same number: octets before each datagram on a stream. */
size_t		 flowq_head_len(void);
const struct flowq_stats *flowq_stats(void);
/*
 * Adds a copy of a datagram (at most DATAGRAM_MAX octets) that came at now (us,
 * as worker_now); drops older ones for it.  It may be dropped itself.
 */
void		 flowq_put(struct flowq *, const uint8_t *, size_t,
		    uint64_t now);
/*
 * Moves at most max octets of what goes on the stream to buf; how many.  A
 * datagram is cut only where it would be longer than max by itself, or where
 * nothing else is moved.  0: it is empty, or all that was there was too old.
 */
size_t		 flowq_pull(struct flowq *, uint8_t *, size_t max,
		    uint64_t now);
/* Moves the first datagram to buf, of DATAGRAM_MAX; -1: there is none. */
ssize_t		 flowq_get(struct flowq *, uint8_t *, uint64_t now);
/*
 * Drops all in any queue that is too old, whoever may pull it.  When it has to
 * be looked again; UINT64_MAX: nothing waits.
 */
uint64_t	 flowq_age(uint64_t now);
/* The stream is another one: what had begun to leave begins anew. */
void		 flowq_again(struct flowq *);
void		 flowq_clear(struct flowq *);
/*
 * Memory for a datagram that comes in parts, charged likewise.  NULL: there is
 * none.  flowq_free_part takes NULL.
 */
uint8_t		*flowq_hold_part(size_t);
void		 flowq_free_part(uint8_t *, size_t);

#endif /* WORKER_FLOWQ_H */
