/* SPDX-License-Identifier: ISC */

/*
 * imsg.c and ibuf.c over real sockets: results and errors, sizes off by one,
 * reads split at every octet, and where each descriptor ends up.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/imsg.h"
#include "fds.h"

#define FD_MARK		0x80000000U

struct pair {
	struct imsgbuf	 a;
	struct imsgbuf	 b;
	int		 fds;		/* open before */
};

static int
setup(void **state)
{
	struct pair	*p;
	int		 fds[2];

	p = calloc(1, sizeof(*p));
	assert_non_null(p);
	p->fds = fds_count();
	assert_int_equal(socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	imsgbuf_init(&p->a, fds[0]);
	imsgbuf_init(&p->b, fds[1]);
	imsgbuf_allow_fdpass(&p->b);
	*state = p;
	return (0);
}

/* Each test also proves that no descriptor is left over. */
static int
teardown(void **state)
{
	struct pair	*p = *state;

	imsgbuf_clear(&p->a);
	imsgbuf_clear(&p->b);
	close(p->a.fd);
	close(p->b.fd);
	assert_int_equal(fds_count(), p->fds);
	free(p);
	return (0);
}

/* A descriptor that can be told from others: by its inode. */
static int
new_fd(ino_t *ino)
{
	struct stat	 st;
	int		 fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[1]);
	assert_int_equal(fstat(fds[0], &st), 0);
	*ino = st.st_ino;
	return (fds[0]);
}

static void
assert_is_fd(int fd, ino_t ino)
{
	struct stat	 st;

	assert_int_not_equal(fd, -1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_ino, ino);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void
assert_next(struct imsgbuf *ib, uint32_t type, size_t len)
{
	struct imsg	 imsg;

	assert_int_equal(imsgbuf_get(ib, &imsg), 1);
	assert_int_equal(imsg_get_type(&imsg), type);
	assert_int_equal(imsg_get_len(&imsg), len);
	imsg_free(&imsg);
}

/* The octets of one message, as they go over the wire. */
static size_t
wire(unsigned char *buf, uint32_t type, uint32_t mark, const void *data,
    size_t len)
{
	struct imsg_hdr	 hdr;

	memset(&hdr, 0, sizeof(hdr));
	hdr.type = type;
	hdr.len = (uint32_t)(sizeof(hdr) + len) | mark;
	memcpy(buf, &hdr, sizeof(hdr));
	if (len > 0)
		memcpy(buf + sizeof(hdr), data, len);
	return (sizeof(hdr) + len);
}

/* Sends octets with descriptors beside them, as no honest peer would. */
static void
send_raw(int sock, const void *data, size_t len, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr	 hdr;
		char		 buf[CMSG_SPACE(4 * sizeof(int))];
	}			 control;
	struct msghdr		 msg;
	struct cmsghdr		*cmsg;
	struct iovec		 iov;
	char			 copy[65536];

	assert_true(len <= sizeof(copy));
	memcpy(copy, data, len);
	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	iov.iov_base = copy;
	iov.iov_len = len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (nfds > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
	}
	assert_int_equal(sendmsg(sock, &msg, 0), len);
}

static void
test_round_trip(void **state)
{
	struct pair	*p = *state;
	struct imsg	 imsg;
	struct ibuf	 view;
	char		 data[6];

	assert_int_equal(imsg_compose(&p->a, 7, 9, 11, -1, "hello", 6), 1);
	assert_int_equal(imsg_compose(&p->a, 8, 0, 0, -1, NULL, 0), 1);
	assert_int_equal(imsgbuf_queuelen(&p->a), 2);
	assert_int_equal(imsgbuf_queuesize(&p->a), 16 + 6 + 16);
	assert_int_equal(imsgbuf_flush(&p->a), 0);
	assert_int_equal(imsgbuf_queuelen(&p->a), 0);
	assert_int_equal(imsgbuf_queuesize(&p->a), 0);

	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_get_type(&imsg), 7);
	assert_int_equal(imsg_get_id(&imsg), 9);
	assert_int_equal(imsg_get_pid(&imsg), 11);
	assert_int_equal(imsg_get_len(&imsg), 6);
	assert_int_equal(imsg_get_data(&imsg, data, 5), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(imsg_get_data(&imsg, data, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(imsg_get_data(&imsg, data, 6), 0);
	assert_string_equal(data, "hello");
	assert_int_equal(imsg_get_len(&imsg), 0);
	assert_int_equal(imsg_get_ibuf(&imsg, &view), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(imsg_get_fd(&imsg), -1);
	imsg_free(&imsg);

	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_get_len(&imsg), 0);
	assert_int_equal(imsg_get_pid(&imsg), getpid());
	imsg_free(&imsg);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);	/* EAGAIN */
	close(p->a.fd);
	assert_int_equal(imsgbuf_read(&p->b), 0);
	p->a.fd = dup(0);
}

static void
test_getters(void **state)
{
	struct pair	*p = *state;
	struct imsg	 imsg;
	struct ibuf	 view;
	char		 str[4];
	uint16_t	 n16;

	assert_int_equal(imsg_compose(&p->a, 1, 0, 0, -1, "\1\2abc\0xyz", 9),
	    1);
	assert_int_equal(imsgbuf_write(&p->a), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_get_buf(&imsg, &n16, 2), 0);
	assert_int_equal(imsg_get_strbuf(&imsg, str, 4), 0);
	assert_string_equal(str, "abc");
	assert_int_equal(imsg_get_strbuf(&imsg, str, 4), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(imsg_get_strbuf(&imsg, str, 0), -1);
	assert_int_equal(imsg_get_ibuf(&imsg, &view), 0);
	assert_int_equal(ibuf_size(&view), 3);
	assert_int_equal(ibuf_get_strbuf(&view, str, 3), -1);
	assert_int_equal(errno, EOVERFLOW);
	assert_string_equal(str, "xy");
	imsg_free(&imsg);
}

static void
test_sizes(void **state)
{
	struct pair	*p = *state;
	struct imsg	 imsg;
	struct iovec	 iov[2];
	char		*big;

	big = calloc(1, MAX_IMSGSIZE);
	assert_non_null(big);
	assert_int_equal(imsg_compose(&p->a, 1, 0, 0, -1, big,
	    MAX_IMSGSIZE - 16), 1);
	assert_int_equal(imsg_compose(&p->a, 1, 0, 0, -1, big,
	    MAX_IMSGSIZE - 15), -1);
	assert_int_equal(errno, ERANGE);
	iov[0].iov_base = iov[1].iov_base = big;
	iov[0].iov_len = MAX_IMSGSIZE - 17;
	iov[1].iov_len = 1;
	assert_int_equal(imsg_composev(&p->a, 2, 0, 0, -1, iov, 2), 1);
	iov[1].iov_len = 2;
	assert_int_equal(imsg_composev(&p->a, 2, 0, 0, -1, iov, 2), -1);
	iov[1].iov_len = SIZE_MAX;
	assert_int_equal(imsg_composev(&p->a, 2, 0, 0, -1, iov, 2), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(imsgbuf_queuelen(&p->a), 2);
	assert_int_equal(imsgbuf_write(&p->a), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_next(&p->b, 1, MAX_IMSGSIZE - 16);
	assert_next(&p->b, 2, MAX_IMSGSIZE - 16);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 0);
	free(big);
}

static void
test_maxsize(void **state)
{
	struct pair	*p = *state;
	struct imsg	 imsg;
	size_t		 len = 100000;
	char		*big;
	int		 n;

	assert_int_equal(imsgbuf_set_maxsize(&p->a, UINT32_MAX), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(imsgbuf_set_maxsize(&p->a, 0x7ffffff0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(imsgbuf_set_maxsize(&p->a, len), 0);
	assert_int_equal(imsgbuf_set_maxsize(&p->b, len), 0);
	big = malloc(len + 1);
	assert_non_null(big);
	memset(big, 'x', len + 1);
	assert_int_equal(imsg_compose(&p->a, 1, 0, 0, -1, big, len + 1), -1);
	assert_int_equal(imsg_compose(&p->a, 1, 0, 0, -1, big, len), 1);
	do {
		assert_int_equal(imsgbuf_write(&p->a), 0);
		assert_int_equal(imsgbuf_read(&p->b), 1);
	} while ((n = imsgbuf_get(&p->b, &imsg)) == 0);
	assert_int_equal(n, 1);
	assert_int_equal(imsg_get_len(&imsg), len);
	assert_memory_equal(ibuf_data(imsg.buf), big, len);
	imsg_free(&imsg);
	free(big);
}

static void
test_bad_length(void **state)
{
	static const uint32_t	 bad[] = {
		0, 1, 15, MAX_IMSGSIZE + 1, 0x7fffffff, 0xffffffff,
		FD_MARK, FD_MARK | 15, FD_MARK | (MAX_IMSGSIZE + 1)
	};
	struct pair		*p = *state;
	struct imsgbuf		 ib;
	struct imsg_hdr		 hdr;
	struct imsg		 imsg;
	unsigned char		 first[32];
	size_t			 i;
	int			 fds[2];

	(void)p;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		imsgbuf_init(&ib, fds[1]);
		imsgbuf_allow_fdpass(&ib);
		send_raw(fds[0], first, wire(first, 3, 0, "good", 4), NULL, 0);
		memset(&hdr, 0, sizeof(hdr));
		hdr.len = bad[i];
		send_raw(fds[0], &hdr, sizeof(hdr), NULL, 0);
		assert_int_equal(imsgbuf_read(&ib), 1);
		/* what came before is not lost */
		assert_next(&ib, 3, 4);
		assert_int_equal(imsgbuf_get(&ib, &imsg), -1);
		assert_int_equal(errno, ERANGE);
		assert_int_equal(imsgbuf_read(&ib), 1);
		assert_int_equal(imsgbuf_get(&ib, &imsg), -1);
		imsgbuf_clear(&ib);
		close(fds[0]);
		close(fds[1]);
	}
}

/* Three messages, the second with a descriptor, cut at every octet. */
static void
test_split(void **state)
{
	struct pair	*p = *state;
	unsigned char	 buf[3][64];
	struct imsg	 imsg;
	size_t		 len[3], cut;
	ino_t		 ino;
	int		 fd, n, seen;

	len[0] = wire(buf[0], 1, 0, "one", 3);
	len[1] = wire(buf[1], 2, FD_MARK, "two", 3);
	len[2] = wire(buf[2], 3, 0, "three", 5);
	for (cut = 1; cut < len[1]; cut++) {
		fd = new_fd(&ino);
		send_raw(p->a.fd, buf[0], len[0], NULL, 0);
		send_raw(p->a.fd, buf[1], cut, &fd, 1);
		close(fd);
		assert_int_equal(imsgbuf_read(&p->b), 1);
		assert_next(&p->b, 1, 3);
		assert_int_equal(imsgbuf_get(&p->b, &imsg), 0);
		send_raw(p->a.fd, buf[1] + cut, len[1] - cut, NULL, 0);
		send_raw(p->a.fd, buf[2], len[2], NULL, 0);
		for (seen = 0; seen < 2;) {
			assert_int_equal(imsgbuf_read(&p->b), 1);
			while ((n = imsgbuf_get(&p->b, &imsg)) == 1) {
				if (++seen == 1)
					assert_is_fd(imsg_get_fd(&imsg), ino);
				assert_int_equal(imsg_get_fd(&imsg), -1);
				assert_int_equal(imsg_get_type(&imsg),
				    seen + 1);
				imsg_free(&imsg);
			}
			assert_int_equal(n, 0);
		}
	}
}

/* One octet a time: header and payload come together all the same. */
static void
test_trickle(void **state)
{
	struct pair	*p = *state;
	unsigned char	 buf[64];
	struct imsg	 imsg;
	size_t		 i, len;
	ino_t		 ino;
	int		 fd;

	len = wire(buf, 5, FD_MARK, "payload", 8);
	fd = new_fd(&ino);
	for (i = 0; i < len; i++) {
		assert_int_equal(imsgbuf_get(&p->b, &imsg), 0);
		send_raw(p->a.fd, buf + i, 1, &fd, i == 0);
		assert_int_equal(imsgbuf_read(&p->b), 1);
	}
	close(fd);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_is_fd(imsg_get_fd(&imsg), ino);
	imsg_free(&imsg);
}

static void
test_many_fds(void **state)
{
	struct pair	*p = *state;
	struct imsg	 imsg;
	ino_t		 ino[40];
	int		 fd, i, n, seen = 0;

	for (i = 0; i < 40; i++) {
		fd = new_fd(&ino[i]);
		assert_int_equal(imsg_compose(&p->a, i, 0, 0, fd, &i,
		    sizeof(i)), 1);
		/* without one in between, gathered */
		assert_int_equal(imsg_compose(&p->a, 1000, 0, 0, -1, NULL, 0),
		    1);
	}
	assert_int_equal(imsgbuf_flush(&p->a), 0);
	while (seen < 80) {
		assert_int_equal(imsgbuf_read(&p->b), 1);
		while ((n = imsgbuf_get(&p->b, &imsg)) == 1) {
			if (seen % 2 == 0) {
				assert_int_equal(imsg_get_type(&imsg),
				    seen / 2);
				assert_is_fd(imsg_get_fd(&imsg),
				    ino[seen / 2]);
			} else
				assert_int_equal(imsg_get_fd(&imsg), -1);
			imsg_free(&imsg);
			seen++;
		}
		assert_int_equal(n, 0);
	}
}

/* A message nobody asks its descriptor of gives it up when freed. */
static void
test_fd_freed(void **state)
{
	struct pair	*p = *state;
	ino_t		 ino;

	assert_int_equal(imsg_compose(&p->a, 1, 0, 0, new_fd(&ino), "x", 1),
	    1);
	assert_int_equal(imsgbuf_flush(&p->a), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_next(&p->b, 1, 1);
	/* and one that was never sent, and one that was never got */
	assert_int_equal(imsg_compose(&p->a, 1, 0, 0, new_fd(&ino), "x", 1),
	    1);
	assert_int_equal(imsgbuf_flush(&p->a), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(imsg_compose(&p->a, 1, 0, 0, new_fd(&ino), "x", 1),
	    1);
}

/* Descriptors beside octets that announce none, or in mid-message. */
static void
test_fd_unclaimed(void **state)
{
	struct pair	*p = *state;
	unsigned char	 buf[128];
	struct imsg	 imsg;
	size_t		 len, i;
	ino_t		 ino;
	int		 fd[4], before;

	before = fds_count();
	for (i = 0; i < 4; i++)
		fd[i] = new_fd(&ino);
	len = wire(buf, 1, 0, "data", 4);
	send_raw(p->a.fd, buf, len, fd, 1);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_get_fd(&imsg), -1);
	assert_int_equal(imsg_fd_lost(&imsg), 0);
	imsg_free(&imsg);

	/* one with each octet of a header and of a body */
	for (i = 0; i < len; i++) {
		send_raw(p->a.fd, buf + i, 1, &fd[i % 4], 1);
		assert_int_equal(imsgbuf_read(&p->b), 1);
		assert_true(fds_count() <= before + 4 + 2);
	}
	assert_next(&p->b, 1, 4);

	/* several at once: the first may be claimed, the others are closed */
	len = wire(buf, 2, FD_MARK, NULL, 0);
	send_raw(p->a.fd, buf, len, fd, 4);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_next(&p->b, 2, 0);

	/* announced and not sent */
	send_raw(p->a.fd, buf, len, NULL, 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_get_fd(&imsg), -1);
	assert_int_equal(imsg_fd_lost(&imsg), 0);
	imsg_free(&imsg);
	for (i = 0; i < 4; i++)
		close(fd[i]);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(fds_count(), before);
}

/* What came with one message is not left for a later one to take. */
static void
test_fd_stale(void **state)
{
	struct pair	*p = *state;
	unsigned char	 buf[2][32];
	struct imsg	 imsg;
	ino_t		 ino;
	int		 fd;

	wire(buf[0], 1, 0, NULL, 0);
	wire(buf[1], 2, FD_MARK, NULL, 0);
	fd = new_fd(&ino);
	send_raw(p->a.fd, buf[0], 5, &fd, 1);
	close(fd);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	send_raw(p->a.fd, buf[0] + 5, 11, NULL, 0);
	send_raw(p->a.fd, buf[1], 16, NULL, 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_next(&p->b, 1, 0);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_get_fd(&imsg), -1);
	imsg_free(&imsg);
}

/* No slot free here: the message comes, without it; the next has its own. */
static void
test_fd_lost(void **state)
{
	struct pair	*p = *state;
	struct rlimit	 rl, old;
	struct imsg	 imsg;
	ino_t		 ino;
	int		 top;

	assert_int_equal(imsg_compose(&p->a, 1, 0, 0, new_fd(&ino), "x", 1),
	    1);
	assert_int_equal(imsgbuf_flush(&p->a), 0);
	top = dup(0);
	close(top);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	rl = old;
	rl.rlim_cur = top;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(imsg_compose(&p->a, 2, 0, 0, new_fd(&ino), "y", 1),
	    1);
	assert_int_equal(imsgbuf_flush(&p->a), 0);

	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_fd_lost(&imsg), 1);
	assert_int_equal(imsg_get_fd(&imsg), -1);
	imsg_free(&imsg);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_fd_lost(&imsg), 0);
	assert_is_fd(imsg_get_fd(&imsg), ino);
	imsg_free(&imsg);
}

/*
 * Lost while its header was only half there: the descriptor of the next
 * message must not slip into its place.
 */
static void
test_fd_lost_order(void **state)
{
	struct pair	*p = *state;
	unsigned char	 buf[2][32];
	struct rlimit	 rl, old;
	struct imsg	 imsg;
	ino_t		 ino1, ino2;
	int		 fd1, fd2, top;

	wire(buf[0], 1, FD_MARK, NULL, 0);
	wire(buf[1], 2, FD_MARK, NULL, 0);
	fd1 = new_fd(&ino1);
	fd2 = new_fd(&ino2);
	send_raw(p->a.fd, buf[0], 5, &fd1, 1);
	top = dup(0);
	close(top);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	rl = old;
	rl.rlim_cur = top;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	send_raw(p->a.fd, buf[0] + 5, 11, NULL, 0);
	send_raw(p->a.fd, buf[1], 16, &fd2, 1);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_get_type(&imsg), 1);
	assert_int_equal(imsg_get_fd(&imsg), -1);
	assert_int_equal(imsg_fd_lost(&imsg), 1);
	imsg_free(&imsg);
	if (imsgbuf_get(&p->b, &imsg) == 0) {
		assert_int_equal(imsgbuf_read(&p->b), 1);
		assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	}
	assert_is_fd(imsg_get_fd(&imsg), ino2);
	imsg_free(&imsg);
	close(fd1);
	close(fd2);
}

/* Who does not allow descriptors is never given one. */
static void
test_fd_not_allowed(void **state)
{
	struct pair	*p = *state;
	struct imsg	 imsg;
	ino_t		 ino;
	int		 before;

	before = fds_count();
	assert_int_equal(imsg_compose(&p->b, 4, 0, 0, new_fd(&ino), "x", 1),
	    1);
	assert_int_equal(imsgbuf_flush(&p->b), 0);
	assert_int_equal(fds_count(), before);
	assert_int_equal(imsgbuf_read(&p->a), 1);
	assert_int_equal(fds_count(), before);
	assert_int_equal(imsgbuf_get(&p->a, &imsg), 1);
	assert_int_equal(imsg_get_fd(&imsg), -1);
	assert_int_equal(imsg_fd_lost(&imsg), 0);
	imsg_free(&imsg);
}

/* A socket too full for all of it: nothing lost, nothing twice, in order. */
static void
test_partial_writes(void **state)
{
	struct pair	*p = *state;
	struct imsg	 imsg;
	char		 data[12000];
	uint32_t	 sent, seen = 0;
	ino_t		 ino[400];
	struct ibuf	*buf;
	int		 n, fd, tries = 0, partial = 0, size = 4096;

	setsockopt(p->a.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	memset(data, 'd', sizeof(data));
	for (sent = 0; sent < 400; sent++) {
		fd = sent % 7 == 3 ? new_fd(&ino[sent]) : -1;
		assert_int_equal(imsg_compose(&p->a, sent, 0, 0, fd, data,
		    fd == -1 ? sent * 12 : sizeof(data)), 1);
	}
	while (seen < sent) {
		assert_true(tries++ < 100000);
		assert_int_equal(imsgbuf_write(&p->a), 0);
		/* a descriptor goes with the first octet, and just once */
		buf = TAILQ_FIRST(&p->a.wqueue);
		if (buf != NULL && buf->rpos > 0) {
			assert_false(ibuf_fd_avail(buf));
			partial++;
		}
		assert_int_equal(imsgbuf_read(&p->b), 1);
		while ((n = imsgbuf_get(&p->b, &imsg)) == 1) {
			assert_int_equal(imsg_get_type(&imsg), seen);
			assert_int_equal(imsg_get_len(&imsg),
			    seen % 7 == 3 ? sizeof(data) : seen * 12);
			if (seen % 7 == 3)
				assert_is_fd(imsg_get_fd(&imsg), ino[seen]);
			else
				assert_int_equal(imsg_get_fd(&imsg), -1);
			imsg_free(&imsg);
			seen++;
		}
		assert_int_equal(n, 0);
	}
	assert_int_equal(imsgbuf_queuelen(&p->a), 0);
	assert_int_equal(imsgbuf_queuesize(&p->a), 0);
	assert_true(partial > 10);
}

static void
test_write_to_none(void **state)
{
	struct pair	*p = *state;

	close(p->b.fd);
	assert_int_equal(imsg_compose(&p->a, 1, 0, 0, -1, "x", 1), 1);
	assert_int_equal(imsgbuf_write(&p->a), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(imsgbuf_queuelen(&p->a), 1);
	assert_int_equal(imsgbuf_flush(&p->a), -1);
	p->b.fd = dup(0);
}

static void
test_forward(void **state)
{
	struct pair	*p = *state;
	struct imsgbuf	 ib;
	struct imsg	 imsg;
	char		 data[4];
	ino_t		 ino;
	int		 fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	imsgbuf_init(&ib, fds[0]);
	assert_int_equal(imsg_compose(&p->a, 6, 5, 4, new_fd(&ino), "abc", 4),
	    1);
	assert_int_equal(imsgbuf_flush(&p->a), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_get_data(&imsg, data, 4), 0);
	assert_int_equal(imsg_forward(&ib, &imsg), 1);
	imsg_free(&imsg);
	assert_int_equal(imsgbuf_flush(&ib), 0);
	imsgbuf_clear(&ib);

	imsgbuf_init(&ib, fds[1]);
	imsgbuf_allow_fdpass(&ib);
	assert_int_equal(imsgbuf_read(&ib), 1);
	assert_int_equal(imsgbuf_get(&ib, &imsg), 1);
	assert_int_equal(imsg_get_type(&imsg), 6);
	assert_int_equal(imsg_get_id(&imsg), 5);
	assert_int_equal(imsg_get_pid(&imsg), 4);
	assert_int_equal(imsg_get_fd(&imsg), -1);
	assert_int_equal(imsg_get_data(&imsg, data, 4), 0);
	assert_string_equal(data, "abc");
	imsg_free(&imsg);
	imsgbuf_clear(&ib);
	close(fds[0]);
	close(fds[1]);
}

static void
test_compose_ibuf(void **state)
{
	struct pair	*p = *state;
	struct ibuf	*buf;
	struct imsg	 imsg;
	ino_t		 ino;

	buf = ibuf_dynamic(1, MAX_IMSGSIZE);
	assert_non_null(buf);
	assert_int_equal(ibuf_add(buf, "abcdef", 6), 0);
	ibuf_fd_set(buf, new_fd(&ino));
	assert_int_equal(imsg_compose_ibuf(&p->a, 3, 0, 0, buf), 1);
	buf = ibuf_dynamic(0, MAX_IMSGSIZE);
	assert_non_null(buf);
	assert_int_equal(ibuf_add_zero(buf, MAX_IMSGSIZE - 15), 0);
	ibuf_fd_set(buf, dup(0));
	assert_int_equal(imsg_compose_ibuf(&p->a, 3, 0, 0, buf), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(imsgbuf_flush(&p->a), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 1);
	assert_int_equal(imsg_get_len(&imsg), 6);
	assert_is_fd(imsg_get_fd(&imsg), ino);
	imsg_free(&imsg);
}

static void
test_create(void **state)
{
	struct pair	*p = *state;
	struct ibuf	*buf;

	buf = imsg_create(&p->a, 4, 0, 0, 2);
	assert_non_null(buf);
	/* the length is a hint: it may grow to the limit, not past it */
	assert_int_equal(imsg_add(buf, "abcd", 4), 4);
	imsg_close(&p->a, buf);
	buf = imsg_create(&p->a, 4, 0, 0, MAX_IMSGSIZE - 16);
	assert_non_null(buf);
	assert_int_equal(ibuf_add_zero(buf, MAX_IMSGSIZE - 16), 0);
	assert_int_equal(imsg_add(buf, "x", 1), -1);	/* and it is freed */
	assert_int_equal(imsgbuf_flush(&p->a), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	assert_next(&p->b, 4, 4);
}

/* While a whole message waits no more is read: a peer cannot fill us. */
static void
test_read_bounded(void **state)
{
	struct pair	*p = *state;
	struct imsg	 imsg;
	int		 i;

	for (i = 0; i < 4; i++)
		assert_int_equal(imsg_compose(&p->a, i, 0, 0, -1, "x", 1), 1);
	assert_int_equal(imsgbuf_flush(&p->a), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	for (i = 4; i < 8; i++)
		assert_int_equal(imsg_compose(&p->a, i, 0, 0, -1, "x", 1), 1);
	assert_int_equal(imsgbuf_flush(&p->a), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	for (i = 0; i < 4; i++)
		assert_next(&p->b, i, 1);
	assert_int_equal(imsgbuf_get(&p->b, &imsg), 0);
	assert_int_equal(imsgbuf_read(&p->b), 1);
	for (i = 4; i < 8; i++)
		assert_next(&p->b, i, 1);
}

static void
test_ibuf_numbers(void **state)
{
	static const unsigned char	 want[] = {
		0x12, 0x34, 0x56, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8
	};
	struct ibuf			*buf;
	uint64_t			 n64;
	uint32_t			 n32;
	uint16_t			 n16;
	uint8_t				 n8;

	(void)state;
	buf = ibuf_open(15);
	assert_non_null(buf);
	assert_int_equal(ibuf_add_n8(buf, 0x100), -1);
	assert_int_equal(ibuf_add_n16(buf, 0x10000), -1);
	assert_int_equal(ibuf_add_n32(buf, 0x100000000ULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(ibuf_add_n8(buf, 0x12), 0);
	assert_int_equal(ibuf_add_n16(buf, 0x3456), 0);
	assert_int_equal(ibuf_add_n32(buf, 0x01020304), 0);
	assert_int_equal(ibuf_left(buf), 8);
	assert_int_equal(ibuf_add_n64(buf, 0x0102030405060708ULL), 0);
	assert_int_equal(ibuf_left(buf), 0);
	assert_int_equal(ibuf_add_n8(buf, 0), -1);
	assert_int_equal(errno, ERANGE);
	assert_memory_equal(ibuf_data(buf), want, 15);
	assert_int_equal(ibuf_get_n8(buf, &n8), 0);
	assert_int_equal(ibuf_get_n16(buf, &n16), 0);
	assert_int_equal(ibuf_get_n32(buf, &n32), 0);
	assert_int_equal(n8, 0x12);
	assert_int_equal(n16, 0x3456);
	assert_int_equal(n32, 0x01020304);
	assert_int_equal(ibuf_skip(buf, 1), 0);
	assert_int_equal(ibuf_get_n64(buf, &n64), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(ibuf_skip(buf, 8), -1);
	ibuf_rewind(buf);
	assert_int_equal(ibuf_size(buf), 15);
	assert_int_equal(ibuf_set_n16(buf, 13, 0xffff), 0);
	assert_int_equal(ibuf_set_n16(buf, 14, 0xffff), -1);
	assert_int_equal(ibuf_set_n64(buf, 7, 0), 0);
	assert_int_equal(ibuf_set_n64(buf, 8, 0), -1);
	assert_int_equal(ibuf_set_n8(buf, 14, 7), 0);
	assert_int_equal(ibuf_set_n32(buf, 11, 9), 0);
	assert_int_equal(ibuf_set_n32(buf, 12, 9), -1);
	assert_null(ibuf_seek(buf, SIZE_MAX, 2));
	assert_null(ibuf_seek(buf, 1, SIZE_MAX));
	assert_non_null(ibuf_seek(buf, 15, 0));
	ibuf_free(buf);
	ibuf_free(NULL);
}

static void
test_ibuf_host(void **state)
{
	struct ibuf	*buf;
	uint64_t	 n64;
	uint32_t	 n32;
	uint16_t	 n16;

	(void)state;
	assert_null(ibuf_open(0));
	assert_null(ibuf_dynamic(2, 1));
	assert_null(ibuf_dynamic(0, 0));
	buf = ibuf_dynamic(0, 14);
	assert_non_null(buf);
	assert_null(ibuf_data(buf));
	assert_int_equal(ibuf_add_h16(buf, 0x10000), -1);
	assert_int_equal(ibuf_add_h32(buf, 0x100000000ULL), -1);
	assert_int_equal(ibuf_add_h16(buf, 1), 0);
	assert_int_equal(ibuf_add_h32(buf, 2), 0);
	assert_int_equal(ibuf_add_h64(buf, 3), 0);
	assert_int_equal(ibuf_add_h16(buf, 4), -1);
	assert_int_equal(ibuf_get_h16(buf, &n16), 0);
	assert_int_equal(ibuf_get_h32(buf, &n32), 0);
	assert_int_equal(ibuf_get_h64(buf, &n64), 0);
	assert_int_equal(ibuf_get_h16(buf, &n16), -1);
	assert_true(n16 == 1 && n32 == 2 && n64 == 3);
	ibuf_free(buf);
}

static void
test_ibuf_views(void **state)
{
	struct ibuf	*buf, view, copy;
	char		 mem[4] = "abc", *s;

	(void)state;
	ibuf_from_buffer(&view, mem, 4);
	assert_int_equal(ibuf_left(&view), 0);
	assert_int_equal(ibuf_add(&view, "x", 1), -1);
	assert_int_equal(ibuf_truncate(&view, 5), -1);
	assert_int_equal(ibuf_get_ibuf(&view, 5, &copy), -1);
	assert_int_equal(ibuf_skip(&view, 1), 0);
	ibuf_from_ibuf(&copy, &view);
	assert_int_equal(ibuf_size(&copy), 3);
	assert_memory_equal(ibuf_data(&copy), "bc", 3);
	assert_int_equal(ibuf_truncate(&copy, 2), 0);
	assert_null(ibuf_get_string(&copy, 3));
	s = ibuf_get_string(&copy, 2);
	assert_string_equal(s, "bc");
	free(s);
	s = ibuf_get_string(&copy, 0);
	assert_string_equal(s, "");
	free(s);
	ibuf_free(&view);		/* harmless: it owns nothing */

	buf = ibuf_dynamic(1, 100);
	assert_non_null(buf);
	assert_int_equal(ibuf_add_ibuf(buf, &view), 0);
	assert_int_equal(ibuf_add_strbuf(buf, "xyz", 3), -1);
	assert_int_equal(errno, EOVERFLOW);
	assert_int_equal(ibuf_add_strbuf(buf, "xyz", 4), 0);
	assert_int_equal(ibuf_add_strbuf(buf, "xyz", 94), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(ibuf_size(buf), 7);
	assert_int_equal(ibuf_truncate(buf, 100), 0);
	assert_int_equal(ibuf_truncate(buf, 101), -1);
	assert_int_equal(ibuf_add(buf, NULL, 0), 0);
	assert_int_equal(ibuf_add(buf, "x", 1), -1);
	assert_null(ibuf_reserve(buf, SIZE_MAX));
	ibuf_free(buf);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_round_trip),
		TEST(test_getters),
		TEST(test_sizes),
		TEST(test_maxsize),
		TEST(test_bad_length),
		TEST(test_split),
		TEST(test_trickle),
		TEST(test_many_fds),
		TEST(test_fd_freed),
		TEST(test_fd_unclaimed),
		TEST(test_fd_stale),
		TEST(test_fd_lost),
		TEST(test_fd_lost_order),
		TEST(test_fd_not_allowed),
		TEST(test_partial_writes),
		TEST(test_write_to_none),
		TEST(test_forward),
		TEST(test_compose_ibuf),
		TEST(test_create),
		TEST(test_read_bounded),
		cmocka_unit_test(test_ibuf_numbers),
		cmocka_unit_test(test_ibuf_host),
		cmocka_unit_test(test_ibuf_views),
	};

	signal(SIGPIPE, SIG_IGN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
