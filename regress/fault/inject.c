/* SPDX-License-Identifier: ISC */

/*
 * Failures of system calls and of memory, by number: linked into test builds of
 * both programs (--wrap), never into the product.  A plan in a mapped file, see
 * Fault.pm, says in which process, of which kind, which call from now on fails
 * once, and how.  Without a plan all is as it was.
 *
 * The clocks are put forward or back by what the plan says, for libevent too.
 */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"

#define SITES		1024
#define FDS		4096
#define SHORT		-1		/* in place of an errno: one octet */

enum kind { KIND_MEM = 1, KIND_FD, KIND_IO, KIND_MISC };

/* As Fault.pm packs it. */
struct plan {
	uint32_t	 armed;
	uint32_t	 kind;
	int32_t		 error;		/* errno, or SHORT */
	uint32_t	 fired;
	uint64_t	 nth;		/* 0: none, only count */
	uint64_t	 count;		/* of calls since it was armed */
	char		 who[64];	/* "gate", "service x", "parent" */
	char		 what[32];	/* the function that failed */
	uint64_t	 where;		/* and from where it was called */
	int64_t		 ahead_us;	/* of the monotonic clock */
	int64_t		 wall_us;	/* of the other one */
	uint32_t	 nsites;
	uint32_t	 pad;
	/* Calls of the kind by where they are made: the first one's number. */
	struct {
		uint64_t	 where;
		uint64_t	 first;
	}		 sites[SITES];
};

extern char		 __executable_start;

static struct plan	*plan;
static char		 self[64];
static uint8_t		 watched[FDS];	/* 1: in the loop, 2: by edges */
static int		 (*clock_real)(clockid_t, struct timespec *);

static void
plan_note(uint64_t where, uint64_t n)
{
	uint32_t	 i, have = plan->nsites;

	for (i = 0; i < have; i++)
		if (plan->sites[i].where == where)
			return;
	if (have == SITES)
		return;
	plan->sites[have].where = where;
	plan->sites[have].first = n;
	plan->nsites = have + 1;
}

/* Is this the call?  Then how it fails; else 0. */
static int
plan_fails(enum kind kind, const char *what, const void *from)
{
	uint64_t	 n, where;

	if (plan == NULL || !plan->armed || plan->kind != kind ||
	    strcmp(plan->who, self) != 0)
		return (0);
	n = __atomic_add_fetch(&plan->count, 1, __ATOMIC_SEQ_CST);
	where = (uint64_t)((const char *)from - &__executable_start);
	plan_note(where, n);
	if (n != plan->nth)
		return (0);
	plan->where = where;
	(void)strlcpy(plan->what, what, sizeof(plan->what));
	plan->armed = 0;
	plan->fired = 1;
	return (plan->error);
}

#define FROM	__builtin_return_address(0)
#define FAILS(kind, what)						\
	((errno_ = plan_fails(kind, what, FROM)) != 0)

/*
 * What is not watched, or by edges, never says EAGAIN without need; but without
 * memory for TCP a user's or target's socket may, and no edge comes.
 */
static int
io_always(const char *what, int fd)
{
	if (fd < 0 || fd >= FDS || watched[fd] == 0)
		return (0);
	return (watched[fd] == 1 || (strncmp(self, "service", 7) == 0 &&
	    strncmp(what, "write", 5) == 0));
}

static int
io_fails(const char *what, int fd, const void *from)
{
	if (plan == NULL || !plan->armed ||
	    (plan->error == EAGAIN && !io_always(what, fd)))
		return (0);
	return (plan_fails(KIND_IO, what, from));
}

void	*__real_malloc(size_t);
void	*__real_realloc(void *, size_t);

static void *
event_malloc(size_t size)
{
	if (plan_fails(KIND_MEM, "libevent", event_malloc) != 0) {
		errno = ENOMEM;
		return (NULL);
	}
	return (__real_malloc(size));
}

static void *
event_realloc(void *p, size_t size)
{
	if (plan_fails(KIND_MEM, "libevent", event_realloc) != 0) {
		errno = ENOMEM;
		return (NULL);
	}
	return (__real_realloc(p, size));
}

static void __attribute__((__constructor__))
inject_init(int argc, char **argv)
{
	const char	*path = getenv("ROCKETD_FAULT");
	int		 fd;

	clock_real = (int (*)(clockid_t, struct timespec *))(uintptr_t)
	    dlsym(RTLD_NEXT, "clock_gettime");
	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		return;
	plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	close(fd);
	if (plan == MAP_FAILED)
		abort();
	if (argc > 1 && argv[1][0] != '-')
		snprintf(self, sizeof(self), "%s%s%s", argv[1], argc > 2 ?
		    " " : "", argc > 2 ? argv[2] : "");
	else
		strlcpy(self, "parent", sizeof(self));
	event_set_mem_functions(event_malloc, event_realloc, free);
}

/* ---- clocks ---- */

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t	 by = 0;
	int	 r = clock_real(id, ts);

	if (plan != NULL)
		by = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ?
		    plan->wall_us : plan->ahead_us;
	ts->tv_sec += by / 1000000;
	ts->tv_nsec += by % 1000000 * 1000;
	if (ts->tv_nsec >= 1000000000) {
		ts->tv_sec++;
		ts->tv_nsec -= 1000000000;
	}
	return (r);
}

time_t
time(time_t *t)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (t != NULL)
		*t = ts.tv_sec;
	return (ts.tv_sec);
}

/* ---- the wrapped: a name at the start of its line is one of the list ---- */

#define WRAP(type, name, ...)						\
	type	 __real_##name(__VA_ARGS__);				\
	type	 __wrap_##name(__VA_ARGS__);				\
	type	 __wrap_##name(__VA_ARGS__)

/* fails as such calls do, with the plan's errno */
#define OR_FAIL(kind, what, value, real) do {				\
	int	 errno_;						\
									\
	if (FAILS(kind, what)) {					\
		errno = errno_;						\
		return (value);						\
	}								\
	return (real);							\
} while (0)

#define OR_FAIL_IO(what, fd, real, less) do {				\
	int	 errno_ = io_fails(what, fd, FROM);			\
									\
	if (errno_ == SHORT)						\
		return (less);						\
	if (errno_ != 0) {						\
		errno = errno_;						\
		return (-1);						\
	}								\
	return (real);							\
} while (0)

static size_t
least(size_t n)
{
	return (n > 1 ? 1 : n);
}

WRAP(void *, malloc, size_t n)
{
	OR_FAIL(KIND_MEM, "malloc", NULL, __real_malloc(n));
}

WRAP(void *, calloc, size_t n, size_t size)
{
	OR_FAIL(KIND_MEM, "calloc", NULL, __real_calloc(n, size));
}

WRAP(void *, realloc, void *p, size_t n)
{
	OR_FAIL(KIND_MEM, "realloc", NULL, __real_realloc(p, n));
}

WRAP(void *, reallocarray, void *p, size_t n, size_t size)
{
	OR_FAIL(KIND_MEM, "reallocarray", NULL, __real_reallocarray(p, n,
	    size));
}

WRAP(void *, recallocarray, void *p, size_t old, size_t n, size_t size)
{
	OR_FAIL(KIND_MEM, "recallocarray", NULL, __real_recallocarray(p, old,
	    n, size));
}

WRAP(char *, strdup, const char *s)
{
	OR_FAIL(KIND_MEM, "strdup", NULL, __real_strdup(s));
}

WRAP(char *, strndup, const char *s, size_t n)
{
	OR_FAIL(KIND_MEM, "strndup", NULL, __real_strndup(s, n));
}

WRAP(int, socket, int domain, int type, int protocol)
{
	OR_FAIL(KIND_FD, "socket", -1, __real_socket(domain, type, protocol));
}

WRAP(int, socketpair, int domain, int type, int protocol, int *fds)
{
	OR_FAIL(KIND_FD, "socketpair", -1, __real_socketpair(domain, type,
	    protocol, fds));
}

WRAP(int, pipe2, int *fds, int flags)
{
	OR_FAIL(KIND_FD, "pipe2", -1, __real_pipe2(fds, flags));
}

WRAP(int, accept4, int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	OR_FAIL(KIND_FD, "accept4", -1, __real_accept4(fd, sa, len, flags));
}

int	 __real_open(const char *, int, ...);
int	 __wrap_open(const char *, int, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	va_list	 ap;
	mode_t	 mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	OR_FAIL(KIND_FD, "open", -1, __real_open(path, flags, mode));
}

int	 __real_fcntl(int, int, ...);
int	 __wrap_fcntl(int, int, ...);

int
__wrap_fcntl(int fd, int cmd, ...)
{
	va_list	 ap;
	long	 arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		OR_FAIL(KIND_FD, "fcntl", -1, __real_fcntl(fd, cmd, arg));
	return (__real_fcntl(fd, cmd, arg));
}

WRAP(pid_t, fork, void)
{
	OR_FAIL(KIND_MISC, "fork", -1, __real_fork());
}

WRAP(int, setsockopt, int fd, int level, int name, const void *p,
    socklen_t len)
{
	OR_FAIL(KIND_MISC, "setsockopt", -1, __real_setsockopt(fd, level, name,
	    p, len));
}

WRAP(int, getsockopt, int fd, int level, int name, void *p, socklen_t *len)
{
	OR_FAIL(KIND_MISC, "getsockopt", -1, __real_getsockopt(fd, level, name,
	    p, len));
}

WRAP(int, getsockname, int fd, struct sockaddr *sa, socklen_t *len)
{
	OR_FAIL(KIND_MISC, "getsockname", -1, __real_getsockname(fd, sa, len));
}

WRAP(int, bind, int fd, const struct sockaddr *sa, socklen_t len)
{
	OR_FAIL(KIND_MISC, "bind", -1, __real_bind(fd, sa, len));
}

WRAP(int, listen, int fd, int n)
{
	OR_FAIL(KIND_MISC, "listen", -1, __real_listen(fd, n));
}

WRAP(int, connect, int fd, const struct sockaddr *sa, socklen_t len)
{
	OR_FAIL(KIND_MISC, "connect", -1, __real_connect(fd, sa, len));
}

WRAP(int, shutdown, int fd, int how)
{
	OR_FAIL(KIND_MISC, "shutdown", -1, __real_shutdown(fd, how));
}

WRAP(int, stat, const char *path, struct stat *st)
{
	OR_FAIL(KIND_MISC, "stat", -1, __real_stat(path, st));
}

WRAP(int, fstat, int fd, struct stat *st)
{
	OR_FAIL(KIND_MISC, "fstat", -1, __real_fstat(fd, st));
}

WRAP(int, event_add, struct event *ev, const struct timeval *tv)
{
	OR_FAIL(KIND_MISC, "event_add", -1, __real_event_add(ev, tv));
}

/* ---- input and output ---- */

WRAP(ssize_t, read, int fd, void *p, size_t n)
{
	OR_FAIL_IO("read", fd, __real_read(fd, p, n), __real_read(fd, p,
	    least(n)));
}

WRAP(ssize_t, __read_chk, int fd, void *p, size_t n, size_t size)
{
	OR_FAIL_IO("read", fd, __real___read_chk(fd, p, n, size),
	    __real___read_chk(fd, p, least(n), size));
}

WRAP(ssize_t, recv, int fd, void *p, size_t n, int flags)
{
	OR_FAIL_IO("recv", fd, __real_recv(fd, p, n, flags), __real_recv(fd,
	    p, least(n), flags));
}

WRAP(ssize_t, __recv_chk, int fd, void *p, size_t n, size_t size, int flags)
{
	OR_FAIL_IO("recv", fd, __real___recv_chk(fd, p, n, size, flags),
	    __real___recv_chk(fd, p, least(n), size, flags));
}

WRAP(ssize_t, write, int fd, const void *p, size_t n)
{
	OR_FAIL_IO("write", fd, __real_write(fd, p, n), __real_write(fd, p,
	    least(n)));
}

WRAP(ssize_t, send, int fd, const void *p, size_t n, int flags)
{
	OR_FAIL_IO("send", fd, __real_send(fd, p, n, flags), __real_send(fd,
	    p, least(n), flags));
}

/* One octet of the first that has any. */
static void
one_octet(struct iovec *one, const struct iovec *iov, int n)
{
	while (n > 1 && iov->iov_len == 0) {
		iov++;
		n--;
	}
	*one = *iov;
	one->iov_len = least(one->iov_len);
}

WRAP(ssize_t, writev, int fd, const struct iovec *iov, int n)
{
	struct iovec	 one;

	one_octet(&one, iov, n);
	OR_FAIL_IO("writev", fd, __real_writev(fd, iov, n), __real_writev(fd,
	    &one, 1));
}

static struct msghdr *
less_of(struct msghdr *less, struct iovec *one, const struct msghdr *msg)
{
	*less = *msg;
	one_octet(one, msg->msg_iov, (int)msg->msg_iovlen);
	less->msg_iov = one;
	less->msg_iovlen = 1;
	return (less);
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *msg, int flags)
{
	struct msghdr	 less;
	struct iovec	 one;

	OR_FAIL_IO("sendmsg", fd, __real_sendmsg(fd, msg, flags),
	    __real_sendmsg(fd, less_of(&less, &one, msg), flags));
}

/* What comes beside the octets is written to where the caller looks. */
static ssize_t
recvmsg_less(int fd, struct msghdr *msg, int flags)
{
	struct iovec	*iov = msg->msg_iov, one;
	size_t		 n = msg->msg_iovlen;
	ssize_t		 got;

	one_octet(&one, iov, (int)n);
	msg->msg_iov = &one;
	msg->msg_iovlen = 1;
	got = recvmsg(fd, msg, flags);
	msg->msg_iov = iov;
	msg->msg_iovlen = n;
	return (got);
}

WRAP(ssize_t, recvmsg, int fd, struct msghdr *msg, int flags)
{
	OR_FAIL_IO("recvmsg", fd, __real_recvmsg(fd, msg, flags),
	    recvmsg_less(fd, msg, flags));
}

WRAP(ssize_t, splice, int in, off_t *at, int out, off_t *to, size_t n,
    unsigned int flags)
{
	OR_FAIL_IO("splice", in, __real_splice(in, at, out, to, n, flags),
	    __real_splice(in, at, out, to, least(n), flags));
}

/* ---- which are watched ---- */

static void
watch(int fd, short what)
{
	if (fd >= 0 && fd < FDS)
		watched[fd] = what & EV_ET ? 2 : 1;
}

WRAP(struct event *, event_new, struct event_base *base, evutil_socket_t fd,
    short what, event_callback_fn fn, void *arg)
{
	watch(fd, what);
	return (__real_event_new(base, fd, what, fn, arg));
}

WRAP(int, event_assign, struct event *ev, struct event_base *base,
    evutil_socket_t fd, short what, event_callback_fn fn, void *arg)
{
	watch(fd, what);
	return (__real_event_assign(ev, base, fd, what, fn, arg));
}

WRAP(int, close, int fd)
{
	if (fd >= 0 && fd < FDS)
		watched[fd] = 0;
	return (__real_close(fd));
}
