/* SPDX-License-Identifier: ISC */

/* See outq.h. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "worker/net/budget.h"
#include "worker/net/pipes.h"
#include "outq.h"

#define PIECE_MIN	512
#define PIECE_MAX	(64 * 1024)
#define WRITE_IOV	16
/* Pipes of a queue at most, or a few slow readers would have them all. */
#define OUTQ_PIPES	(PIPES_MAX / 4)

struct piece {
	struct piece	*next;
	struct pipebuf	*pipe;	/* NULL: it is data */
	uint32_t	 off, len, size;
	uint8_t		 data[];
};

static struct budget	*budget;

void
outq_init(struct budget *b)
{
	budget = b;
}

static void
outq_hold(struct outq *q, int64_t octets)
{
	q->held += octets;
	budget_hold(budget, octets);
}

static struct piece *
piece_new(struct outq *q, size_t size)
{
	struct piece	*p;

	if ((p = malloc(sizeof(*p) + size)) == NULL)
		return (NULL);
	p->next = NULL;
	p->pipe = NULL;
	p->off = p->len = 0;
	p->size = size;
	outq_hold(q, (int64_t)(sizeof(*p) + size));
	return (p);
}

static void
piece_free(struct outq *q, struct piece *p)
{
	int64_t	 held = sizeof(*p) + p->size;

	if (p->pipe != NULL)
		held += p->pipe->len;
	pipes_put(p->pipe);
	free(p);
	outq_hold(q, -held);
}

static void
outq_add(struct outq *q, struct piece *p)
{
	if (q->tail == NULL)
		q->head = p;
	else
		q->tail->next = p;
	q->tail = p;
	if (p->pipe != NULL)
		q->pipes++;
}

static void
outq_shift(struct outq *q)
{
	struct piece	*p = q->head;

	if ((q->head = p->next) == NULL)
		q->tail = NULL;
	if (p->pipe != NULL)
		q->pipes--;
	piece_free(q, p);
}

/* A write that was cut short, by a signal or otherwise, is followed by more. */
ssize_t
outq_send(int fd, const uint8_t *p, size_t len)
{
	size_t	 done = 0;
	ssize_t	 n = 0;

	while (done < len) {
		if ((n = write(fd, p + done, len - done)) > 0)
			done += n;
		else if (n == 0 || errno == EAGAIN)
			break;
		else if (errno != EINTR)
			return (-1);
	}
	return (done > 0 ? (ssize_t)done : n);
}

int
outq_append(struct outq *q, const uint8_t *buf, size_t n)
{
	struct piece	*last = q->tail, *p = NULL;
	size_t		 fits = 0, size;

	if (last != NULL && last->pipe == NULL)
		fits = last->size - last->len;
	if (fits > n)
		fits = n;
	if (n > fits) {
		/* Grows with what waits, so that small frames stay cheap. */
		size = q->len + fits < PIECE_MAX ? q->len + fits : PIECE_MAX;
		if (size < PIECE_MIN)
			size = PIECE_MIN;
		if (size < n - fits)
			size = n - fits;
		if ((p = piece_new(q, size)) == NULL)
			return (-1);
		p->len = n - fits;
		memcpy(p->data, buf + fits, p->len);
	}
	if (fits > 0) {
		memcpy(last->data + last->len, buf, fits);
		last->len += fits;
	}
	if (p != NULL)
		outq_add(q, p);
	q->len += n;
	return (0);
}

static void
outq_filled(struct outq *q, size_t n)
{
	q->len += n;
	outq_hold(q, n);
}

ssize_t
outq_fill(struct outq *q, int fd, size_t n)
{
	struct piece	*p = q->tail;
	ssize_t		 got;
	int		 error;

	if (p != NULL && p->pipe != NULL) {
		got = pipes_fill(p->pipe, fd, n);
		if (got > 0)
			outq_filled(q, got);
		if (got >= 0 || (errno != EAGAIN && errno != EINVAL))
			return (got);
		/* It is full, or there is nothing: an empty one tells. */
	}
	if (q->pipes >= OUTQ_PIPES || (p = piece_new(q, 0)) == NULL) {
		errno = EOPNOTSUPP;
		return (-1);
	}
	if ((p->pipe = pipes_get()) == NULL) {
		piece_free(q, p);
		errno = EOPNOTSUPP;
		return (-1);
	}
	if ((got = pipes_fill(p->pipe, fd, n)) > 0) {
		outq_add(q, p);
		outq_filled(q, got);
		return (got);
	}
	error = errno == EINVAL ? EOPNOTSUPP : errno;
	piece_free(q, p);
	errno = error;
	return (got);
}

ssize_t
outq_write(struct outq *q, int fd, size_t max)
{
	struct iovec	 iov[WRITE_IOV];
	struct piece	*p = q->head;
	ssize_t		 n;
	size_t		 len;
	int		 cnt = 0;

	if (p != NULL && p->pipe != NULL) {
		if ((n = pipes_drain(p->pipe, fd, max)) <= 0)
			return (n);
		q->len -= n;
		outq_hold(q, -(int64_t)n);
		if (p->pipe->len == 0)
			outq_shift(q);
		return (n);
	}
	for (; p != NULL && p->pipe == NULL && cnt < WRITE_IOV && max > 0;
	    p = p->next) {
		if ((len = p->len - p->off) > max)
			len = max;
		max -= len;
		iov[cnt].iov_base = p->data + p->off;
		iov[cnt++].iov_len = len;
	}
	if ((n = writev(fd, iov, cnt)) > 0)
		outq_drop(q, n);
	return (n);
}

size_t
outq_peek(const struct outq *q, uint8_t *buf, size_t n)
{
	const struct piece	*p;
	size_t			 len = 0, take;

	for (p = q->head; p != NULL && p->pipe == NULL && len < n;
	    p = p->next) {
		if ((take = p->len - p->off) > n - len)
			take = n - len;
		memcpy(buf + len, p->data + p->off, take);
		len += take;
	}
	return (len);
}

const uint8_t *
outq_first(const struct outq *q, size_t *n)
{
	const struct piece	*p = q->head;

	*n = p == NULL ? 0 : p->len - p->off;
	return (p == NULL ? NULL : p->data + p->off);
}

void
outq_drop(struct outq *q, size_t n)
{
	struct piece	*p;
	size_t		 have;

	q->len -= n;
	while ((p = q->head) != NULL && p->pipe == NULL) {
		have = p->len - p->off;
		if (n < have) {
			p->off += n;
			break;
		}
		n -= have;
		outq_shift(q);
	}
}

/* Copies what is in the pipe: it becomes data. */
static struct piece *
piece_copy(struct outq *q, struct piece *p)
{
	struct piece	*copy;
	ssize_t		 n;

	if ((copy = piece_new(q, p->pipe->len)) == NULL)
		return (NULL);
	while (copy->len < copy->size) {
		n = pipes_read(p->pipe, copy->data + copy->len,
		    copy->size - copy->len);
		if (n <= 0) {
			piece_free(q, copy);
			return (NULL);
		}
		copy->len += n;
		outq_hold(q, -(int64_t)n);
	}
	return (copy);
}

int
outq_unpipe(struct outq *q)
{
	struct piece	**at, *p, *copy;

	q->tail = NULL;
	for (at = &q->head; (p = *at) != NULL; at = &p->next) {
		if (p->pipe != NULL) {
			if ((copy = piece_copy(q, p)) == NULL)
				break;
			copy->next = p->next;
			*at = copy;
			q->pipes--;
			piece_free(q, p);
			p = copy;
		}
		q->tail = p;
	}
	return (p == NULL ? 0 : -1);
}

void
outq_clear(struct outq *q)
{
	while (q->head != NULL)
		outq_shift(q);
	q->len = 0;
}
