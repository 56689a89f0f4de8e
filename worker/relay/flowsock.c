/* SPDX-License-Identifier: ISC */

/* See flowsock.h. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "flowsock.h"

/* The kernel makes no more of one write, and none of more octets. */
#define RUN_MAX		64
#define RUN_OCTETS	65000

/* Datagrams of one size, but for the last, which may be smaller. */
static struct run {
	struct iovec	 iov[2 * RUN_MAX];	/* header and datagram */
	int		 cnt;			/* of iov */
	int		 n;			/* datagrams */
	size_t		 size;			/* of the first */
	size_t		 octets;
	int		 failed;		/* errno, of an earlier part */
}				 run;
static struct flowsock_stats	 stats;

const struct flowsock_stats *
flowsock_stats(void)
{
	return (&stats);
}

ssize_t
flowsock_read(struct flowsock *s, uint8_t buf[FLOWSOCK_READ], size_t *segment)
{
	union {
		struct cmsghdr	 hdr;
		uint8_t		 buf[CMSG_SPACE(sizeof(int))];
	}		 control;
	struct iovec	 iov = { buf, FLOWSOCK_READ };
	struct msghdr	 msg;
	struct cmsghdr	*c;
	ssize_t		 n;
	int		 size;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	do {
		n = recvmsg(s->fd, &msg, 0);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (-1);
	*segment = n;
#ifdef UDP_GRO
	for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			if (size > 0 && size < n)
				*segment = size;
		}
#else
	(void)c;
	(void)size;
#endif
	return (n);
}

/*
 * A run of several needs UDP_SEGMENT; a single one that is larger than what is
 * set would be cut up.  -1: the kernel refuses.
 */
static int
flowsock_segment(struct flowsock *s)
{
#ifdef UDP_SEGMENT
	int	 size = run.n > 1 ? (int)run.size : 0;

	if (run.n > 1 ? s->segment == run.size : s->segment == 0 ||
	    run.size <= s->segment)
		return (0);
	if (setsockopt(s->fd, IPPROTO_UDP, UDP_SEGMENT, &size,
	    sizeof(size)) == 0) {
		s->segment = size;
		return (0);
	}
#else
	(void)s;
	if (run.n == 1)
		return (0);
#endif
	return (-1);
}

/* As writev(2), of cnt parts. */
static ssize_t
flowsock_write(struct flowsock *s, const struct iovec *iov, int cnt)
{
	ssize_t	 n;

	stats.calls++;
	do {
		/* writev(2) sends nothing where there is nothing */
		n = cnt == 1 && iov->iov_len == 0 ? write(s->fd, "", 0) :
		    writev(s->fd, iov, cnt);
	} while (n == -1 && errno == EINTR);
	return (n);
}

/*
 * n datagrams were not taken.  Most reasons are of the moment, or of these
 * alone; -1: the target is not there.
 */
static int
flowsock_refused(int n)
{
	switch (errno) {
	case EMSGSIZE:
		stats.large += n;
		return (0);
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
	case EPERM:			/* a filter's rule */
		stats.full += n;
		return (0);
	default:
		stats.full += n;
		return (-1);
	}
}

/* One by one. */
static int
run_send_each(struct flowsock *s)
{
	int	 each = run.cnt / run.n, i, failed = 0;

	for (i = 0; i < run.n; i++) {
		if (flowsock_write(s, run.iov + i * each, each) != -1)
			stats.sent++;
		else if (flowsock_refused(1) == -1)
			failed = errno;
	}
	errno = failed;
	return (failed != 0 ? -1 : 0);
}

/* The kernel makes no such segments: of this size, or none at all. */
static int
run_send_plain(struct flowsock *s)
{
	log_debug("flow: segments of %zu: %s", run.size, strerror(errno));
	s->plain = errno == EINVAL || errno == EMSGSIZE ? run.size : 1;
	return (run_send_each(s));
}

static int
run_send(struct flowsock *s)
{
	if (flowsock_segment(s) == -1)
		return (run.n > 1 ? run_send_plain(s) : flowsock_refused(1));
	if (flowsock_write(s, run.iov, run.cnt) != -1) {
		stats.sent += run.n;
		return (0);
	}
	if (run.n > 1 && (errno == EINVAL || errno == EIO ||
	    errno == EMSGSIZE))
		return (run_send_plain(s));
	return (flowsock_refused(run.n));
}

/* Sends the run and begins another. */
static void
run_end(struct flowsock *s)
{
	if (run.n > 0 && run_send(s) == -1)
		run.failed = errno;
	run.n = run.cnt = 0;
	run.octets = 0;
}

static void
run_part(const void *p, size_t len)
{
	struct iovec	*iov = &run.iov[run.cnt++];

	/* writev(2) only reads */
	iov->iov_base = (void *)(uintptr_t)p;
	iov->iov_len = len;
}

void
flowsock_put(struct flowsock *s, const uint8_t *p, size_t len)
{
	size_t	 size = s->header_len + len;

	if (size > DATAGRAM_MAX) {
		stats.large++;
		return;
	}
	if (run.n > 0 && (size > run.size || size == 0 || run.n == RUN_MAX ||
	    run.octets + size > RUN_OCTETS || (s->plain != 0 &&
	    run.size >= s->plain)))
		run_end(s);
	if (run.n == 0)
		run.size = size;
	if (s->header_len > 0)
		run_part(s->header, s->header_len);
	run_part(p, len);
	run.n++;
	run.octets += size;
	/* only the last of a run may be smaller */
	if (size < run.size)
		run_end(s);
}

int
flowsock_flush(struct flowsock *s)
{
	int	 failed;

	run_end(s);
	failed = run.failed;
	run.failed = 0;
	errno = failed;
	return (failed != 0 ? -1 : 0);
}
