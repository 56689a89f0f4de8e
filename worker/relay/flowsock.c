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

/* Messages of one read. */
#define BATCH		32
/* The largest message; not all begin in the same lines of a cache. */
#define SLOT		(65536 + 320)

/* What has come.  Of the slots, memory is taken as far as they are filled. */
static struct {
	struct mmsghdr		 msgs[BATCH];
	struct iovec		 iov[BATCH];
	struct flowsock_message	 messages[BATCH];
	union {
		struct cmsghdr	 hdr;
		uint8_t		 buf[CMSG_SPACE(sizeof(int))];
	}			 control[BATCH];
	int			 prepared;
	uint8_t			 slots[BATCH][SLOT];
}				 in;

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

/* ---- what comes ---- */

static void
in_prepare(void)
{
	struct msghdr	*m;
	int		 i;

	for (i = 0; i < BATCH; i++) {
		in.iov[i].iov_base = in.slots[i];
		in.iov[i].iov_len = sizeof(in.slots[i]);
		m = &in.msgs[i].msg_hdr;
		m->msg_iov = &in.iov[i];
		m->msg_iovlen = 1;
		m->msg_control = &in.control[i];
		m->msg_controllen = sizeof(in.control[i]);
	}
	in.prepared = 1;
}

/* The octets of each datagram in a message of len. */
static size_t
in_segment(struct msghdr *m, size_t len)
{
#ifdef UDP_GRO
	struct cmsghdr	*c;
	int		 size;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			if (size > 0 && (size_t)size < len)
				return (size);
		}
#else
	(void)m;
#endif
	return (len);
}

/* As many messages as max octets are, by what they held lately. */
static uint32_t
in_wanted(struct flowsock *s, size_t max)
{
	size_t	 n;

	s->large -= s->large / 16;
	n = max / (s->large + DATAGRAM_HEAD);
	return (n < 1 ? 1 : n > BATCH ? BATCH : n);
}

int
flowsock_read(struct flowsock *s, size_t max,
    const struct flowsock_message **messages, int *more)
{
	struct flowsock_message	*m;
	uint32_t		 want = in_wanted(s, max);
	int			 i, n;

	if (!in.prepared)
		in_prepare();
	do {
		n = recvmmsg(s->fd, in.msgs, want, MSG_DONTWAIT, NULL);
	} while (n == -1 && errno == EINTR);
	*more = n == (int)want;
	*messages = in.messages;
	for (i = 0; i < n; i++) {
		m = &in.messages[i];
		m->octets = in.slots[i];
		m->len = in.msgs[i].msg_len;
		m->segment = in_segment(&in.msgs[i].msg_hdr, m->len);
		if (m->len > s->large)
			s->large = m->len;
		/* all else is as it was */
		in.msgs[i].msg_hdr.msg_controllen = sizeof(in.control[i]);
	}
	return (n);
}

/* ---- what is sent ---- */

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
