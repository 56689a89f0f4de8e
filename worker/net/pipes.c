/* SPDX-License-Identifier: ISC */

/* See pipes.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "pipes.h"

/* A slot may hold as little as a packet: more than a frame of pages. */
#define PIPE_SIZE	(512 * 1024)

static SLIST_HEAD(, pipebuf)	 pool = SLIST_HEAD_INITIALIZER(pool);
static unsigned int		 made;
static unsigned int		 limit = SPLICE_WORKS ? PIPES_MAX : 0;

static struct pipebuf *
pipes_new(void)
{
	struct pipebuf	*p;
	int		 fds[2];

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1) {
		free(p);
		return (NULL);
	}
	/* The usual 64 KiB will do where a user may have no more. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	p->rd = fds[0];
	p->wr = fds[1];
	return (p);
}

struct pipebuf *
pipes_get(void)
{
	struct pipebuf	*p;

	if ((p = SLIST_FIRST(&pool)) != NULL) {
		SLIST_REMOVE_HEAD(&pool, entry);
		return (p);
	}
	if (made >= limit)
		return (NULL);
	if ((p = pipes_new()) == NULL) {
		/* Not again at each frame: those there are go round. */
		limit = made;
		log_info("pipes: %s: payload is copied when %u are in use",
		    strerror(errno), made);
		return (NULL);
	}
	made++;
	return (p);
}

void
pipes_put(struct pipebuf *p)
{
	if (p == NULL)
		return;
	if (p->len == 0) {
		SLIST_INSERT_HEAD(&pool, p, entry);
		return;
	}
	close(p->rd);
	close(p->wr);
	free(p);
	made--;
}

ssize_t
pipes_fill(struct pipebuf *p, int fd, size_t n)
{
	ssize_t	 got;

	do {
		got = splice(fd, NULL, p->wr, NULL, n, SPLICE_F_MOVE |
		    SPLICE_F_NONBLOCK);
	} while (got == -1 && errno == EINTR);
	if (got > 0)
		p->len += got;
	return (got);
}

ssize_t
pipes_drain(struct pipebuf *p, int fd, size_t max)
{
	ssize_t	 n;

	if (max > p->len)
		max = p->len;
	do {
		n = splice(p->rd, NULL, fd, NULL, max, SPLICE_F_MOVE |
		    SPLICE_F_NONBLOCK);
	} while (n == -1 && errno == EINTR);
	if (n == 0) {			/* so that no caller goes round */
		errno = EIO;
		return (-1);
	}
	if (n > 0)
		p->len -= n;
	return (n);
}

ssize_t
pipes_read(struct pipebuf *p, void *buf, size_t len)
{
	ssize_t	 n;

	do {
		n = read(p->rd, buf, len);
	} while (n == -1 && errno == EINTR);
	if (n > 0)
		p->len -= n;
	return (n);
}
