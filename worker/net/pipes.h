/* SPDX-License-Identifier: ISC */

/*
 * Pipes that payload passes through from one socket to another without being
 * copied, a few a process: one is held only while something is in it.  Where
 * the system has no splice(2), or gives no more pipes, there is none to be had
 * and the caller copies.
 */

#ifndef WORKER_PIPES_H
#define WORKER_PIPES_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

struct pipebuf {
	SLIST_ENTRY(pipebuf)	 entry;
	size_t			 len;	/* octets in it */
	int			 rd, wr;
};

/* Pipes at once, with two descriptors each. */
#define PIPES_MAX	32

/* pipes.c */

/* An empty one; NULL when there is none to be had. */
struct pipebuf	*pipes_get(void);
/* What is still in it is lost.  Takes NULL. */
void		 pipes_put(struct pipebuf *);
/*
 * Moves at most n octets from a socket into it: as read(2), but EAGAIN also
 * when it is full, EINVAL when the socket is of a kind that cannot.
 */
ssize_t		 pipes_fill(struct pipebuf *, int fd, size_t n);
/* Moves at most n octets of what is in it to a socket: as write(2). */
ssize_t		 pipes_drain(struct pipebuf *, int fd, size_t n);
/* Takes octets out to memory. */
ssize_t		 pipes_read(struct pipebuf *, void *, size_t n);

#endif /* WORKER_PIPES_H */
