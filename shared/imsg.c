/* SPDX-License-Identifier: ISC */

/*
 * Messages over a stream socket: a header, a payload, perhaps one descriptor.
 *
 * Promises that a peer can make us hold one message and two descriptors, no
 * more; that each descriptor reaches the message it was sent with or is
 * closed; that nothing a peer sends does more than fail the imsgbuf.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "imsg.h"

/* In the length of a header: a descriptor goes with this message. */
#define IMSG_FD_MARK	0x80000000U
/* Two messages, so that a read always has room for at least one. */
#define IMSG_READSIZE	(2 * MAX_IMSGSIZE)
/* Messages gathered in one writev(2): enough to fill a socket's buffer. */
#define IMSG_GATHER	64

#define NRFD		(sizeof(((struct imsgbuf *)0)->rfd) / \
			    sizeof(struct imsg_rfd))

int
imsgbuf_init(struct imsgbuf *ib, int fd)
{
	memset(ib, 0, sizeof(*ib));
	TAILQ_INIT(&ib->wqueue);
	ib->pid = getpid();
	ib->maxsize = MAX_IMSGSIZE;
	ib->fd = fd;
	return (0);
}

void
imsgbuf_allow_fdpass(struct imsgbuf *ib)
{
	ib->fdpass = 1;
}

int
imsgbuf_set_maxsize(struct imsgbuf *ib, uint32_t max)
{
	if (max > UINT32_MAX - IMSG_HEADER_SIZE) {
		errno = ERANGE;
		return (-1);
	}
	max += IMSG_HEADER_SIZE;
	if (max & IMSG_FD_MARK) {
		errno = EINVAL;
		return (-1);
	}
	ib->maxsize = max;
	return (0);
}

static void
imsg_rfd_drop(struct imsg_rfd *r)
{
	if (r->to != 0 && r->fd != -1)
		close(r->fd);
	memset(r, 0, sizeof(*r));
}

void
imsgbuf_clear(struct imsgbuf *ib)
{
	struct ibuf	*buf;
	size_t		 i;

	while ((buf = TAILQ_FIRST(&ib->wqueue)) != NULL) {
		TAILQ_REMOVE(&ib->wqueue, buf, entry);
		ibuf_free(buf);
	}
	ib->wsize = ib->wcount = 0;
	for (i = 0; i < NRFD; i++)
		imsg_rfd_drop(&ib->rfd[i]);
	freezero(ib->rbuf, ib->rsize);
	ib->rbuf = NULL;
	ib->rsize = ib->rpos = ib->rend = 0;
}

uint32_t
imsgbuf_queuelen(struct imsgbuf *ib)
{
	return (ib->wcount);
}

size_t
imsgbuf_queuesize(struct imsgbuf *ib)
{
	return (ib->wsize);
}

/* ---- reading ---- */

/*
 * The header of the next message; its length without the mark is in *len.
 * 0 when it is not complete, -1 when the length is out of bounds.
 */
static int
imsg_peek(const struct imsgbuf *ib, struct imsg_hdr *hdr, size_t *len)
{
	if (ib->rend - ib->rpos < IMSG_HEADER_SIZE)
		return (0);
	memcpy(hdr, ib->rbuf + ib->rpos, IMSG_HEADER_SIZE);
	*len = hdr->len & ~IMSG_FD_MARK;
	if (*len < IMSG_HEADER_SIZE || *len > ib->maxsize) {
		errno = ERANGE;
		return (-1);
	}
	return (1);
}

/*
 * Makes room behind what is there of the next message: for all of it, if its
 * length is known.  Only part of a message is there, so what is moved is small.
 */
static int
imsg_make_room(struct imsgbuf *ib)
{
	struct imsg_hdr	 hdr;
	unsigned char	*p;
	size_t		 len, size = IMSG_READSIZE;

	if (imsg_peek(ib, &hdr, &len) == 1 && len > size)
		size = len;
	if (size > ib->rsize) {
		p = recallocarray(ib->rbuf, ib->rsize, size, 1);
		if (p == NULL)
			return (-1);
		ib->rbuf = p;
		ib->rsize = size;
	}
	if (ib->rpos > 0) {
		memmove(ib->rbuf, ib->rbuf + ib->rpos, ib->rend - ib->rpos);
		ib->rend -= ib->rpos;
		/* where it was, part of a secret may have been */
		explicit_bzero(ib->rbuf + ib->rend, ib->rpos);
		ib->rpos = 0;
	}
	return (0);
}

/* Takes out what came beside the octets: one descriptor, others are closed. */
static int
imsg_cmsg_fd(struct msghdr *msg)
{
	struct cmsghdr	*cmsg;
	size_t		 i, n;
	int		 fd, found = -1;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	    cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int),
			    sizeof(fd));
			if (found == -1)
				found = fd;
			else
				close(fd);
		}
	}
	return (found);
}

/*
 * One recvmsg(2).  The kernel ends a read behind the segment whose descriptor
 * it has handed out, so there is at most one, and its message starts among
 * the octets of this very read.
 */
static ssize_t
imsg_recv(struct imsgbuf *ib)
{
	union {
		struct cmsghdr	 hdr;
		char		 buf[CMSG_SPACE(sizeof(int))];
	}			 control;
	struct imsg_rfd		*r;
	struct msghdr		 msg;
	struct iovec		 iov;
	uint64_t		 from;
	ssize_t			 n;
	size_t			 i;
	int			 fd;

	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	iov.iov_base = ib->rbuf + ib->rend;
	iov.iov_len = ib->rsize - ib->rend;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control.buf;
	msg.msg_controllen = sizeof(control.buf);

	n = recvmsg(ib->fd, &msg, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return (n);
	fd = imsg_cmsg_fd(&msg);
	if (fd == -1 && (msg.msg_flags & MSG_CTRUNC) == 0)
		return (n);
	from = ib->rseen + (ib->rend - ib->rpos);
	for (i = 0; i < NRFD; i++) {
		r = &ib->rfd[i];
		if (r->to != 0)
			continue;
		r->from = from;
		r->to = from + n;
		r->fd = fd;
		return (n);
	}
	/* not reached: imsg_prune left one of two free */
	if (fd != -1)
		close(fd);
	return (n);
}

/* Before a read only the message that has begun may still claim one. */
static void
imsg_prune(struct imsgbuf *ib)
{
	struct imsg_rfd	*r;
	size_t		 i;

	for (i = 0; i < NRFD; i++) {
		r = &ib->rfd[i];
		if (r->to != 0 &&
		    (ib->rseen < r->from || ib->rseen >= r->to))
			imsg_rfd_drop(r);
	}
}

int
imsgbuf_read(struct imsgbuf *ib)
{
	struct imsg_hdr	 hdr;
	ssize_t		 n;
	size_t		 len;
	int		 have;

	if ((have = imsg_peek(ib, &hdr, &len)) == -1 ||
	    (have == 1 && ib->rend - ib->rpos >= len))
		return (1);	/* imsgbuf_get has something to say first */
	imsg_prune(ib);
	if (imsg_make_room(ib) == -1)
		return (-1);
	do {
		if (ib->fdpass)
			n = imsg_recv(ib);
		else
			n = read(ib->fd, ib->rbuf + ib->rend,
			    ib->rsize - ib->rend);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (errno == EAGAIN ? 1 : -1);
	if (n == 0)
		return (0);
	ib->rend += n;
	return (1);
}

/* The descriptor of the message that starts at the read position. */
static void
imsg_claim_fd(struct imsgbuf *ib, struct imsg *imsg)
{
	struct imsg_rfd	*r;
	size_t		 i;

	for (i = 0; i < NRFD; i++) {
		r = &ib->rfd[i];
		if (r->to == 0 || ib->rseen < r->from || ib->rseen >= r->to)
			continue;
		ibuf_fd_set(imsg->buf, r->fd);
		imsg->fdlost = r->fd == -1;
		memset(r, 0, sizeof(*r));
		return;
	}
}

int
imsgbuf_get(struct imsgbuf *ib, struct imsg *imsg)
{
	struct imsg_hdr	 hdr;
	size_t		 len;
	int		 have;

	if ((have = imsg_peek(ib, &hdr, &len)) != 1)
		return (have);
	if (ib->rend - ib->rpos < len)
		return (0);

	memset(imsg, 0, sizeof(*imsg));
	if ((imsg->buf = ibuf_open(len)) == NULL ||
	    ibuf_add(imsg->buf, ib->rbuf + ib->rpos, len) == -1 ||
	    ibuf_skip(imsg->buf, IMSG_HEADER_SIZE) == -1) {
		ibuf_free(imsg->buf);
		return (-1);
	}
	if (hdr.len & IMSG_FD_MARK)
		imsg_claim_fd(ib, imsg);
	hdr.len = len;
	imsg->hdr = hdr;
	if (len > IMSG_HEADER_SIZE)
		imsg->data = ibuf_data(imsg->buf);
	/* what is secret in it lives on in one place only */
	explicit_bzero(ib->rbuf + ib->rpos, len);
	ib->rpos += len;
	ib->rseen += len;
	return (1);
}

/* ---- writing ---- */

/* Takes n octets that were sent off the queue. */
static void
imsg_sent(struct imsgbuf *ib, size_t n)
{
	struct ibuf	*buf;
	size_t		 len;

	ib->wsize -= n;
	while ((buf = TAILQ_FIRST(&ib->wqueue)) != NULL) {
		len = ibuf_size(buf);
		/* sent with the first octet: not to be sent again */
		if (n > 0)
			ibuf_fd_set(buf, -1);
		if (n < len) {
			buf->rpos += n;
			return;
		}
		n -= len;
		TAILQ_REMOVE(&ib->wqueue, buf, entry);
		ib->wcount--;
		ibuf_free(buf);
	}
}

/* A descriptor goes with the first octet of the first message. */
static ssize_t
imsg_sendmsg(struct imsgbuf *ib, struct iovec *iov, int niov, int fd)
{
	union {
		struct cmsghdr	 hdr;
		char		 buf[CMSG_SPACE(sizeof(int))];
	}			 control;
	struct msghdr		 msg;
	struct cmsghdr		*cmsg;

	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	msg.msg_iov = iov;
	msg.msg_iovlen = niov;
	msg.msg_control = &control.buf;
	msg.msg_controllen = sizeof(control.buf);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return (sendmsg(ib->fd, &msg, MSG_NOSIGNAL));
}

int
imsgbuf_write(struct imsgbuf *ib)
{
	struct iovec	 iov[IMSG_GATHER];
	struct ibuf	*buf;
	ssize_t		 n;
	int		 niov = 0, fd = -1;

	TAILQ_FOREACH(buf, &ib->wqueue, entry) {
		/* the next descriptor needs a system call of its own */
		if (niov == IMSG_GATHER || (niov > 0 && buf->fd != -1))
			break;
		if (niov == 0)
			fd = buf->fd;
		iov[niov].iov_base = ibuf_data(buf);
		iov[niov++].iov_len = ibuf_size(buf);
	}
	if (niov == 0)
		return (0);
	do {
		if (fd != -1)
			n = imsg_sendmsg(ib, iov, niov, fd);
		else
			n = writev(ib->fd, iov, niov);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (errno == EAGAIN ? 0 : -1);
	imsg_sent(ib, n);
	return (0);
}

int
imsgbuf_flush(struct imsgbuf *ib)
{
	struct pollfd	 pfd;
	size_t		 before;

	while (ib->wcount > 0) {
		before = ib->wsize;
		if (imsgbuf_write(ib) == -1)
			return (-1);
		if (ib->wsize < before)
			continue;
		pfd.fd = ib->fd;
		pfd.events = POLLOUT;
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			return (-1);
	}
	return (0);
}

/* ---- making ---- */

struct ibuf *
imsg_create(struct imsgbuf *ib, uint32_t type, uint32_t id, pid_t pid,
    size_t datalen)
{
	struct imsg_hdr	 hdr;
	struct ibuf	*buf;

	if (datalen > ib->maxsize - IMSG_HEADER_SIZE) {
		errno = ERANGE;
		return (NULL);
	}
	memset(&hdr, 0, sizeof(hdr));
	hdr.type = type;
	hdr.peerid = id;
	hdr.pid = pid == 0 ? ib->pid : pid;
	buf = ibuf_dynamic(datalen + IMSG_HEADER_SIZE, ib->maxsize);
	if (buf == NULL)
		return (NULL);
	if (ibuf_add(buf, &hdr, sizeof(hdr)) == -1) {
		ibuf_free(buf);
		return (NULL);
	}
	return (buf);
}

int
imsg_add(struct ibuf *buf, const void *data, size_t len)
{
	if (ibuf_add(buf, data, len) == -1) {
		ibuf_free(buf);
		return (-1);
	}
	return (len);
}

void
imsg_close(struct imsgbuf *ib, struct ibuf *buf)
{
	uint32_t	 len;

	len = ibuf_size(buf);
	if (ibuf_fd_avail(buf))
		len |= IMSG_FD_MARK;
	memcpy(buf->buf + offsetof(struct imsg_hdr, len), &len, sizeof(len));
	TAILQ_INSERT_TAIL(&ib->wqueue, buf, entry);
	ib->wsize += ibuf_size(buf);
	ib->wcount++;
}

int
imsg_compose(struct imsgbuf *ib, uint32_t type, uint32_t id, pid_t pid,
    int fd, const void *data, size_t len)
{
	struct ibuf	*buf;

	if ((buf = imsg_create(ib, type, id, pid, len)) == NULL)
		return (-1);
	if (imsg_add(buf, data, len) == -1)
		return (-1);
	ibuf_fd_set(buf, fd);
	imsg_close(ib, buf);
	return (1);
}

int
imsg_composev(struct imsgbuf *ib, uint32_t type, uint32_t id, pid_t pid,
    int fd, const struct iovec *iov, int niov)
{
	struct ibuf	*buf;
	size_t		 len = 0;
	int		 i;

	for (i = 0; i < niov; i++) {
		if (iov[i].iov_len > ib->maxsize - len) {
			errno = ERANGE;
			return (-1);
		}
		len += iov[i].iov_len;
	}
	if ((buf = imsg_create(ib, type, id, pid, len)) == NULL)
		return (-1);
	for (i = 0; i < niov; i++)
		if (imsg_add(buf, iov[i].iov_base, iov[i].iov_len) == -1)
			return (-1);
	ibuf_fd_set(buf, fd);
	imsg_close(ib, buf);
	return (1);
}

int
imsg_compose_ibuf(struct imsgbuf *ib, uint32_t type, uint32_t id, pid_t pid,
    struct ibuf *payload)
{
	struct ibuf	*buf;
	int		 saved;

	if ((buf = imsg_create(ib, type, id, pid, ibuf_size(payload))) == NULL)
		goto fail;
	if (ibuf_add_ibuf(buf, payload) == -1)
		goto fail;
	ibuf_fd_set(buf, ibuf_fd_get(payload));
	imsg_close(ib, buf);
	ibuf_free(payload);
	return (1);

 fail:
	saved = errno;
	ibuf_free(buf);
	ibuf_free(payload);
	errno = saved;
	return (-1);
}

int
imsg_forward(struct imsgbuf *ib, struct imsg *imsg)
{
	struct ibuf	*buf;
	size_t		 len;

	/* all of it, however much was read of it */
	ibuf_rewind(imsg->buf);
	if (ibuf_skip(imsg->buf, IMSG_HEADER_SIZE) == -1)
		return (-1);
	len = ibuf_size(imsg->buf);
	buf = imsg_create(ib, imsg->hdr.type, imsg->hdr.peerid,
	    imsg->hdr.pid, len);
	if (buf == NULL)
		return (-1);
	if (imsg_add(buf, ibuf_data(imsg->buf), len) == -1)
		return (-1);
	imsg_close(ib, buf);
	return (1);
}

/* ---- what was received ---- */

void
imsg_free(struct imsg *imsg)
{
	ibuf_free(imsg->buf);
	imsg->buf = NULL;
	imsg->data = NULL;
}

uint32_t
imsg_get_type(struct imsg *imsg)
{
	return (imsg->hdr.type);
}

uint32_t
imsg_get_id(struct imsg *imsg)
{
	return (imsg->hdr.peerid);
}

pid_t
imsg_get_pid(struct imsg *imsg)
{
	return (imsg->hdr.pid);
}

size_t
imsg_get_len(struct imsg *imsg)
{
	return (ibuf_size(imsg->buf));
}

int
imsg_get_data(struct imsg *imsg, void *data, size_t len)
{
	if (len == 0) {
		errno = EINVAL;
		return (-1);
	}
	if (ibuf_size(imsg->buf) != len) {
		errno = EBADMSG;
		return (-1);
	}
	return (ibuf_get(imsg->buf, data, len));
}

int
imsg_get_ibuf(struct imsg *imsg, struct ibuf *view)
{
	if (ibuf_size(imsg->buf) == 0) {
		errno = EBADMSG;
		return (-1);
	}
	return (ibuf_get_ibuf(imsg->buf, ibuf_size(imsg->buf), view));
}

int
imsg_get_buf(struct imsg *imsg, void *data, size_t len)
{
	return (ibuf_get(imsg->buf, data, len));
}

int
imsg_get_strbuf(struct imsg *imsg, char *str, size_t len)
{
	return (ibuf_get_strbuf(imsg->buf, str, len));
}

int
imsg_get_fd(struct imsg *imsg)
{
	return (ibuf_fd_get(imsg->buf));
}

int
imsg_fd_lost(const struct imsg *imsg)
{
	return (imsg->fdlost);
}
