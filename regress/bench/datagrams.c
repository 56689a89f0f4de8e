/* SPDX-License-Identifier: ISC */

/*
 * The generator's UDP sockets: many datagrams in one system call, as a busy
 * program of today would do it, but each of them by itself: how a kernel could
 * put them together is the subject's to find out.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <netinet/in.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"

#include "load.h"

#define BUFFER	(4 * 1024 * 1024)	/* of a socket, if that is allowed */

static struct {
	struct mmsghdr	 msgs[DATAGRAMS];
	struct iovec	 iov[DATAGRAMS];
	struct datagram	 datagrams[DATAGRAMS];
	uint8_t		 octets[DATAGRAMS][DATAGRAM_SIZE];
} in;

static struct {
	struct mmsghdr	 msgs[DATAGRAMS];
	struct iovec	 iov;
	uint8_t		 octets[DATAGRAM_SIZE];
	int		 filled;
} out;

void
net_buffers(int fd)
{
	int	 n = BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof(n)) == -1 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof(n)) == -1)
		err(1, "SO_RCVBUF");
}

static void
out_prepare(const struct sockaddr_storage *to, uint8_t ask, size_t size, int n)
{
	union { const void *c; void *v; }	 u = { to };
	struct msghdr				*m;
	int					 i;

	if (!out.filled) {
		arc4random_buf(out.octets, sizeof(out.octets));
		out.filled = 1;
	}
	out.octets[0] = ask;
	out.iov.iov_base = out.octets;
	out.iov.iov_len = size;
	for (i = 0; i < n; i++) {
		m = &out.msgs[i].msg_hdr;
		m->msg_name = u.v;
		m->msg_namelen = to == NULL ? 0 : to->ss_family == AF_INET ?
		    sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
		m->msg_iov = &out.iov;
		m->msg_iovlen = 1;
	}
}

int
net_send_datagrams(int fd, const struct sockaddr_storage *to, uint8_t ask,
    size_t size, int n)
{
	out_prepare(to, ask, size, n);
	return (sendmmsg(fd, out.msgs, n, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int
net_recv_datagrams(int fd, struct datagram **datagrams)
{
	struct datagram	*d;
	struct msghdr	*m;
	int		 i, n;

	for (i = 0; i < DATAGRAMS; i++) {
		memset(&in.datagrams[i].from, 0, sizeof(d->from));
		in.iov[i].iov_base = in.octets[i];
		in.iov[i].iov_len = DATAGRAM_SIZE;
		m = &in.msgs[i].msg_hdr;
		m->msg_name = &in.datagrams[i].from;
		m->msg_namelen = sizeof(d->from);
		m->msg_iov = &in.iov[i];
		m->msg_iovlen = 1;
	}
	n = recvmmsg(fd, in.msgs, DATAGRAMS, MSG_DONTWAIT, NULL);
	for (i = 0; i < n; i++) {
		d = &in.datagrams[i];
		d->from_len = in.msgs[i].msg_hdr.msg_namelen;
		d->octets = in.octets[i];
		d->len = in.msgs[i].msg_len;
	}
	*datagrams = in.datagrams;
	return (n);
}

int
net_discard_datagrams(int fd, size_t *octets)
{
	struct datagram	*ds;
	int		 i, n;

	*octets = 0;
	n = net_recv_datagrams(fd, &ds);
	for (i = 0; i < n; i++)
		*octets += ds[i].len;
	return (n);
}
