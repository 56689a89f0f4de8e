/* SPDX-License-Identifier: ISC */

/*
 * What another process may send: octets, cut into reads, with descriptors
 * beside some of them, through imsgbuf and the rules of msg.c.  Every pair of
 * roles takes its turn at one input.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/imsg.h"
#include "shared/msg.h"

/* What fits into a socket without a reader. */
#define INPUT_MAX	65536

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
send_part(int sock, const uint8_t *data, size_t len, int fd)
{
	union {
		struct cmsghdr	 hdr;
		char		 buf[CMSG_SPACE(sizeof(int))];
	}			 control;
	struct msghdr		 msg;
	struct cmsghdr		*cmsg;
	struct iovec		 iov;
	uint8_t			 copy[256];

	memcpy(copy, data, len);
	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	iov.iov_base = copy;
	iov.iov_len = len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (fd != -1) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	if (sendmsg(sock, &msg, 0) != (ssize_t)len)
		abort();
}

/* Every accessor has to be fine with a message that passed. */
static void
use(struct imsg *imsg)
{
	struct ibuf	 view;
	char		 str[HOST_MAX];
	uint64_t	 n;

	if (imsg_get_len(imsg) > 0 && imsg_get_ibuf(imsg, &view) == 0) {
		(void)ibuf_get_n64(&view, &n);
		(void)ibuf_get_strbuf(&view, str, sizeof(str));
		free(ibuf_get_string(&view, ibuf_size(&view)));
	}
	if ((n = imsg_get_fd(imsg)) != (uint64_t)-1)
		close((int)n);
}

static int
take(struct imsgbuf *ib)
{
	const char	*why;
	struct imsg	 imsg;
	int		 n, self, peer, ok = 0;

	while ((n = imsgbuf_get(ib, &imsg)) == 1) {
		for (self = 0; self < PROC_MAX; self++)
			for (peer = 0; peer < PROC_MAX; peer++)
				if (msg_check(self, peer, &imsg, &why) == 0)
					ok++;
				else if (why == NULL)
					abort();
		if (ok > 0)
			use(&imsg);
		imsg_free(&imsg);
	}
	return (n);
}

/*
 * First octet: 1 descriptors may come in.  Then parts: an octet with the
 * length, another whose lowest bit says that a descriptor goes with it.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int	 null = -1;
	struct imsgbuf	 ib;
	size_t		 len;
	int		 fds[2], fd, next, alive = 1;

	if (size < 1 || size > INPUT_MAX)
		return (0);
	if (null == -1)
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if ((next = dup(null)) == -1)
		return (0);
	close(next);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1)
		return (0);
	imsgbuf_init(&ib, fds[0]);
	if (data[0] & 1)
		imsgbuf_allow_fdpass(&ib);
	data++;
	size--;
	while (size > 2 && alive) {
		len = data[0] < size - 2 ? data[0] : size - 2;
		fd = data[1] & 1 ? null : -1;
		data += 2;
		size -= 2;
		if (len == 0)
			continue;
		send_part(fds[1], data, len, fd);
		data += len;
		size -= len;
		alive = imsgbuf_read(&ib) == 1 && take(&ib) == 0;
	}
	imsgbuf_clear(&ib);
	close(fds[0]);
	close(fds[1]);
	/* no descriptor is left over */
	if ((fd = dup(null)) != next)
		abort();
	close(fd);
	return (0);
}
