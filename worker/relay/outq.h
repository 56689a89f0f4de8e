/* SPDX-License-Identifier: ISC */

/*
 * What waits for a socket, in order: octets that were copied, and octets that
 * came by pipe and leave by it.  All of them are charged to the budget.
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
};

/* outq.c */

/* Whom the octets of all queues are charged to. */
void		 outq_init(struct budget *);
/* A copy of the octets behind what waits.  -1: no memory, nothing changed. */
int		 outq_append(struct outq *, const uint8_t *, size_t);
/*
 * Takes at most n octets of a socket by pipe: as read(2), EOPNOTSUPP when
 * they are to be copied.
 */
ssize_t		 outq_fill(struct outq *, int fd, size_t n);
/* Writes what is first: as write(2); n > 0 have left the queue. */
ssize_t		 outq_write(struct outq *, int fd);
/* Copies the first octets, at most n; how many.  Stops at a pipe. */
size_t		 outq_peek(const struct outq *, uint8_t *, size_t n);
/* The first piece, which is no pipe; NULL and 0 when nothing waits. */
const uint8_t	*outq_first(const struct outq *, size_t *);
/* The first n octets are gone; none of them is in a pipe. */
void		 outq_drop(struct outq *, size_t n);
/* What is in pipes is copied, so that others have them.  -1: it is lost. */
int		 outq_unpipe(struct outq *);
/* Gives all back. */
void		 outq_clear(struct outq *);

#endif /* WORKER_OUTQ_H */
