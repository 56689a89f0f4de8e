/* SPDX-License-Identifier: ISC */

/*
 * Our end of the socket pair.  It knows from edges whether it can be read and
 * written, and keeps what it did not take: nothing more is made until that is
 * gone, so it is at most one batch.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/frame/worker.h"
#include "linkint.h"

#define LINKPAIR_READABLE	0x01
#define LINKPAIR_WRITABLE	0x02
#define LINKPAIR_LEFT		0x04	/* nobody reads */

static void
linkpair_event(evutil_socket_t fd, short what, void *arg)
{
	struct linkpair	*p = arg;

	(void)fd;
	if (what & EV_READ)
		p->flags |= LINKPAIR_READABLE;
	if (what & EV_WRITE)
		p->flags |= LINKPAIR_WRITABLE;
	p->ready(p->arg);
}

int
linkpair_open(struct linkpair *p, int fd, void (*ready)(void *), void *arg)
{
	memset(p, 0, sizeof(*p));
	p->fd = fd;
	p->ready = ready;
	p->arg = arg;
	p->flags = LINKPAIR_READABLE | LINKPAIR_WRITABLE;
	if (event_assign(&p->ev, worker_base(), fd, EV_READ | EV_WRITE |
	    EV_PERSIST | EV_ET, linkpair_event, p) == -1 ||
	    event_add(&p->ev, NULL) == -1) {
		close(fd);
		p->fd = -1;
		return (-1);
	}
	return (0);
}

void
linkpair_close(struct linkpair *p)
{
	if (p->fd == -1)
		return;
	(void)event_del(&p->ev);
	close(p->fd);
	p->fd = -1;
	free(p->rest);
	p->rest = NULL;
}

ssize_t
linkpair_read(struct linkpair *p, void *buf, size_t n)
{
	ssize_t	 r;

	if (p->fd == -1 || !(p->flags & LINKPAIR_READABLE)) {
		errno = EAGAIN;
		return (-1);
	}
	do {
		r = read(p->fd, buf, n);
	} while (r == -1 && errno == EINTR);
	if (r == -1 && errno == EAGAIN)
		p->flags &= ~LINKPAIR_READABLE;
	return (r);
}

/*
 * How many octets the pair takes.  Where nobody reads it takes all: what was
 * written there before is still to be read.
 */
static size_t
linkpair_send(struct linkpair *p, const uint8_t *octets, size_t n)
{
	size_t	 done = 0;
	ssize_t	 r;

	while (done < n && (p->flags & LINKPAIR_WRITABLE)) {
		r = send(p->fd, octets + done, n - done, MSG_NOSIGNAL);
		if (r >= 0)
			done += r;
		else if (errno == EAGAIN)
			p->flags &= ~LINKPAIR_WRITABLE;
		else if (errno != EINTR) {
			p->flags |= LINKPAIR_LEFT;
			return (n);
		}
	}
	return (done);
}

int
linkpair_write(struct linkpair *p, const void *octets, size_t n)
{
	size_t	 done;

	if (p->fd == -1 || (p->flags & LINKPAIR_LEFT))
		return (0);
	done = linkpair_send(p, octets, n);
	if ((n -= done) == 0)
		return (0);
	if ((p->rest = malloc(n)) == NULL)
		return (-1);
	memcpy(p->rest, (const uint8_t *)octets + done, n);
	p->rest_off = 0;
	p->rest_len = n;
	return (0);
}

int
linkpair_flush(struct linkpair *p)
{
	if (p->rest == NULL)
		return (1);
	p->rest_off += linkpair_send(p, p->rest + p->rest_off,
	    p->rest_len - p->rest_off);
	if (p->rest_off < p->rest_len)
		return (0);
	free(p->rest);
	p->rest = NULL;
	return (1);
}

int
linkpair_left(const struct linkpair *p)
{
	return ((p->flags & LINKPAIR_LEFT) != 0);
}
