/* SPDX-License-Identifier: ISC */

/*
 * What waits for a socket, in order: octets that were copied, and octets that
 * came by pipe and leave by it.  The budget is charged for all of them.
 */

#ifndef WORKER_OUTQ_H
#define WORKER_OUTQ_H

#include <sys/types.h>

#include <stdint.h>

struct budget;
struct piece;

struct outq {			/* empty: all 0 */
	struct piece	*head, *tail;
	uint32_t	 len;	/* octets, of all pieces */
	uint32_t	 pipes;	/* of the pieces */
	uint64_t	 held;	/* octets that the budget is charged for it */
};

/* outq.c */

/* The budget that is charged for the octets of all queues. */
void		 outq_init(struct budget *);
/*
 * Writes octets for which nothing waits: as write(2), but less than all means
 * that the socket has no room, and an edge will tell when it has.
 */
ssize_t		 outq_send(int fd, const uint8_t *, size_t);
/* Appends a copy of the octets.  -1: no memory, nothing changed. */
int		 outq_append(struct outq *, const uint8_t *, size_t);
/*
 * Takes at most n octets of a socket by pipe: as read(2); EOPNOTSUPP: they
 * must be copied.
 */
ssize_t		 outq_fill(struct outq *, int fd, size_t n);
/*
 * Writes at most max octets of the first pieces: as write(2); n > 0 octets have
 * left the queue.
 */
ssize_t		 outq_write(struct outq *, int fd, size_t max);
/* Copies the first n octets, or those before a pipe; returns how many. */
size_t		 outq_peek(const struct outq *, uint8_t *, size_t n);
/* The first piece, which must not be a pipe; NULL and 0: nothing waits. */
const uint8_t	*outq_first(const struct outq *, size_t *);
/* Drops the first n octets; none of them may be in a pipe. */
void		 outq_drop(struct outq *, size_t n);
/* Copies what is in pipes, to free them for others.  -1: it is lost. */
int		 outq_unpipe(struct outq *);
/* Frees all that waits. */
void		 outq_clear(struct outq *);

#endif /* WORKER_OUTQ_H */
