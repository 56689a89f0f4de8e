/* SPDX-License-Identifier: ISC */

/*
 * See tries.h: what is tried, one function each, and at the end the table of
 * who may.
 */

#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "shared/msg.h"
#include "tries.h"

#define BIT(role)	(1U << (role))
#define S		BIT(PROC_SERVICE)
#define G		BIT(PROC_GATE)
#define D		BIT(PROC_DIAL)
#define R		BIT(PROC_RESOLVE)
#define C		BIT(PROC_CONTROL)
#define K		BIT(PROC_KEYS)
#define T		BIT(PROC_TLS)
#define U		BIT(PROC_UDP)
#define Q		BIT(PROC_QUIC)
#define H		BIT(PROC_WEB)
#define ALL		(S | G | D | R | C | K | T | U | Q | H)

/* What the attempts have: made before, as it is handed to a process. */
int				 tries_lonely;
static pid_t			 outside;
static int			 listener, tcp[2], pair[2], udp, dirfd_tmp;
static struct sockaddr_in	 addr_listener;

void
tries_open(void)
{
	socklen_t	 len = sizeof(addr_listener);

	outside = getpid();
	memset(&addr_listener, 0, sizeof(addr_listener));
	addr_listener.sin_family = AF_INET;
	addr_listener.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	tries_lonely = socket(AF_INET, SOCK_STREAM, 0);
	tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	dirfd_tmp = open("/tmp", O_PATH | O_DIRECTORY);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr_listener,
	    len), 0);
	assert_int_equal(listen(listener, 128), 0);
	assert_int_equal(getsockname(listener,
	    (struct sockaddr *)&addr_listener, &len), 0);
	assert_int_equal(connect(tcp[0], (struct sockaddr *)&addr_listener,
	    len), 0);
	assert_int_not_equal(tcp[1] = accept(listener, NULL, NULL), -1);
	/* as all are that are handed in */
	assert_int_equal(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(tcp[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
}

void
tries_close(void)
{
	close(listener);
	close(tries_lonely);
	close(tcp[0]);
	close(tcp[1]);
	close(pair[0]);
	close(pair[1]);
	close(udp);
	close(dirfd_tmp);
}

static int
result(long r)
{
	return (r == -1 ? errno : ALLOWED);
}

static int
try_socket_tcp(void)
{
	return (result(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)));
}

static int
try_socket_mptcp(void)
{
	return (result(socket(AF_INET, SOCK_STREAM, 262)));
}

static int
try_socket_unix(void)
{
	return (result(socket(AF_UNIX, SOCK_STREAM, 0)));
}

static int
try_socket_udp(void)
{
	return (result(socket(AF_INET, SOCK_DGRAM, 0)));
}

static int
try_socket_packet(void)
{
	return (result(socket(AF_PACKET, SOCK_RAW, 0)));
}

static int
try_connect(void)
{
	return (result(connect(tries_lonely, (struct sockaddr *)&addr_listener,
	    sizeof(addr_listener))));
}

/* A connection that was handed in, used to make another. */
static int
try_reconnect(void)
{
	struct sockaddr	 none = { .sa_family = AF_UNSPEC };

	if (connect(tcp[0], &none, sizeof(none)) == -1)
		return (errno);
	return (connect(tcp[0], (struct sockaddr *)&addr_listener,
	    sizeof(addr_listener)) == -1 && errno != EINPROGRESS ? errno :
	    ALLOWED);
}

static int
try_bind(void)
{
	struct sockaddr_in	 sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return (result(bind(tries_lonely, (struct sockaddr *)&sin,
	    sizeof(sin))));
}

static int
try_listen(void)
{
	return (result(listen(listener, 5)));
}

static int
try_shutdown_rd(void)
{
	return (result(shutdown(tcp[0], SHUT_RD)));
}

static int
try_shutdown_rdwr(void)
{
	return (result(shutdown(listener, SHUT_RDWR)));
}

static int
try_shutdown_wr(void)
{
	return (result(shutdown(tcp[0], SHUT_WR)));
}

static int
try_open(void)
{
	return (result(open("/etc/passwd", O_RDONLY)));
}

static int
try_open_write(void)
{
	return (result(open("/tmp/rocketd-sandbox-test", O_WRONLY | O_CREAT,
	    0600)));
}

static int
try_openat2(void)
{
	uint64_t	 how[3] = { O_RDONLY, 0, 0 };

	return (result(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how,
	    sizeof(how))));
}

static int
try_execve(void)
{
	char	 name[] = "true", *argv[] = { name, NULL }, *envp[] = { NULL };

	return (result(execve("/bin/true", argv, envp)));
}

static int
try_execveat(void)
{
	char	 name[] = "true", *argv[] = { name, NULL }, *envp[] = { NULL };

	return (result(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv,
	    envp, 0)));
}

static int
forked(pid_t pid)
{
	if (pid == 0)
		_exit(0);
	if (pid == -1)
		return (errno);
	return (result(waitpid(pid, NULL, 0)));
}

static int
try_fork(void)
{
	return (forked(fork()));
}

static int
try_clone(void)
{
	return (forked(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)));
}

static int
try_clone_user(void)
{
	return (forked(syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0,
	    0)));
}

static int
try_clone3(void)
{
	uint64_t	 args[8] = { 0 };

	args[4] = SIGCHLD;
	return (forked(syscall(SYS_clone3, args, sizeof(args))));
}

#ifdef SYS_vfork
static int
try_vfork(void)
{
	return (forked(syscall(SYS_vfork)));
}
#endif

static int
try_ptrace(void)
{
	return (result(ptrace(PTRACE_TRACEME, 0, NULL, NULL)));
}

static int
try_kill(void)
{
	return (result(kill(outside, 0)));
}

static int
try_tgkill(void)
{
	return (result(syscall(SYS_tgkill, outside, outside, 0)));
}

static int
try_vm_readv(void)
{
	char		 c;
	struct iovec	 iov = { &c, 1 };

	return (result(process_vm_readv(getpid(), &iov, 1, &iov, 1, 0)));
}

static int
try_vm_writev(void)
{
	char		 c = 0;
	struct iovec	 iov = { &c, 1 };

	return (result(process_vm_writev(getpid(), &iov, 1, &iov, 1, 0)));
}

static int
try_pidfd_open(void)
{
	return (result(syscall(SYS_pidfd_open, getpid(), 0)));
}

static int
try_pidfd_getfd(void)
{
	return (result(syscall(SYS_pidfd_getfd, 0, 0, 0)));
}

static int
try_pidfd_signal(void)
{
	return (result(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0)));
}

static int
try_uring_setup(void)
{
	char	 params[120] = { 0 };

	return (result(syscall(SYS_io_uring_setup, 1, params)));
}

static int
try_uring_enter(void)
{
	return (result(syscall(SYS_io_uring_enter, 0, 0, 0, 0, NULL, 0)));
}

static int
try_uring_register(void)
{
	return (result(syscall(SYS_io_uring_register, 0, 0, NULL, 0)));
}

static int
try_dup(void)
{
	return (result(dup(tcp[0])));
}

static int
try_dup2(void)
{
	return (result(dup2(tcp[0], 100)));
}

static int
try_dup3(void)
{
	return (result(dup3(tcp[0], 100, O_CLOEXEC)));
}

static int
try_setfl(void)
{
	return (result(fcntl(listener, F_SETFL, 0)));
}

static int
try_fionbio(void)
{
	int	 off = 0;

	return (result(ioctl(listener, FIONBIO, &off)));
}

static int
try_dupfd(void)
{
	return (result(fcntl(tcp[0], F_DUPFD, 0)));
}

static int
try_dupfd_cloexec(void)
{
	return (result(fcntl(tcp[0], F_DUPFD_CLOEXEC, 0)));
}

static int
try_mmap_exec(void)
{
	return (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : ALLOWED);
}

static int
try_mprotect_exec(void)
{
	void	*p;

	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return (WENT_WRONG);
	return (result(mprotect(p, 4096, PROT_READ | PROT_EXEC)));
}

static int
try_pkey_mprotect(void)
{
	return (result(syscall(SYS_pkey_mprotect, NULL, 0, PROT_EXEC, -1)));
}

/* A descriptor in a message, as gate and dial send them. */
static int
try_send_fd(void)
{
	union {
		struct cmsghdr	 hdr;
		char		 buf[CMSG_SPACE(sizeof(int))];
	}		 control;
	struct msghdr	 msg;
	struct cmsghdr	*cmsg;
	char		 c = 0;
	struct iovec	 iov = { &c, 1 };

	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &tcp[0], sizeof(int));
	return (result(sendmsg(pair[0], &msg, 0)));
}

static int
try_sendmmsg(void)
{
	char		 c = 0;
	struct iovec	 iov = { &c, 1 };
	struct mmsghdr	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_hdr.msg_iov = &iov;
	msg.msg_hdr.msg_iovlen = 1;
	return (result(sendmmsg(pair[0], &msg, 1, 0)));
}

/* It would wait in the socket for the rest of a datagram. */
static int
try_sendmsg_more(void)
{
	char		 c = 0;
	struct iovec	 iov = { &c, 1 };
	struct msghdr	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_name = &addr_listener;
	msg.msg_namelen = sizeof(addr_listener);
	return (result(sendmsg(udp, &msg, MSG_MORE)));
}

/* A datagram to whom one likes. */
static int
try_sendmsg_address(void)
{
	char		 c = 0;
	struct iovec	 iov = { &c, 1 };
	struct msghdr	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_name = &addr_listener;
	msg.msg_namelen = sizeof(addr_listener);
	return (result(sendmsg(udp, &msg, MSG_DONTWAIT)));
}

static int
try_recvmmsg(void)
{
	char		 c;
	struct iovec	 iov = { &c, 1 };
	struct mmsghdr	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_hdr.msg_iov = &iov;
	msg.msg_hdr.msg_iovlen = 1;
	return (recvmmsg(udp, &msg, 1, MSG_DONTWAIT, NULL) == -1 &&
	    errno == EAGAIN ? ALLOWED : errno);
}

static int
try_sendmsg_fastopen(void)
{
	char		 c = 0;
	struct iovec	 iov = { &c, 1 };
	struct msghdr	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_name = &addr_listener;
	msg.msg_namelen = sizeof(addr_listener);
	return (result(sendmsg(tries_lonely, &msg, MSG_FASTOPEN)));
}

static int
try_send_fastopen(void)
{
	return (result(send(tries_lonely, "x", 1, MSG_FASTOPEN)));
}

static int
try_sendto_fastopen(void)
{
	return (result(sendto(tries_lonely, "x", 1, MSG_FASTOPEN,
	    (struct sockaddr *)&addr_listener, sizeof(addr_listener))));
}

static int
try_sendto_address(void)
{
	/* a stream that is connected takes no notice of it */
	return (result(sendto(tcp[0], "x", 1, MSG_NOSIGNAL,
	    (struct sockaddr *)&addr_listener, sizeof(addr_listener))));
}

static int
try_send(void)
{
	return (result(send(tcp[0], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT)));
}

static int
try_recv(void)
{
	char	 c;

	return (recv(tcp[0], &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN ?
	    ALLOWED : errno);
}

/* Of a directory it fails, and another way than when it is refused. */
static int
try_pread(void)
{
	char	 c;

	if (pread(dirfd_tmp, &c, 1, 0) == -1 && errno != EBADF)
		return (errno);
	return (ALLOWED);
}

static int
try_peek(void)
{
	char	 c;

	return (recv(tcp[0], &c, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	    errno == EAGAIN ? ALLOWED : errno);
}

static int
try_socketpair(void)
{
	int	 fds[2];

	return (result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds)));
}

static int
try_socketpair_dgram(void)
{
	int	 fds[2];

	return (result(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds)));
}

static int
try_accept(void)
{
	return (accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) ==
	    -1 && errno == EAGAIN ? ALLOWED : errno);
}

static int
option(int fd, int level, int name, int value)
{
	return (result(setsockopt(fd, level, name, &value, sizeof(value))));
}

static int
try_opt_nodelay(void)
{
	return (option(tcp[0], IPPROTO_TCP, TCP_NODELAY, 1));
}

static int
try_opt_lowat(void)
{
	return (option(tcp[0], SOL_SOCKET, SO_RCVLOWAT, 5));
}

static int
try_opt_rcvbuf(void)
{
	return (option(tcp[0], SOL_SOCKET, SO_RCVBUF, 4096));
}

static int
try_opt_fastopen(void)
{
	return (option(tries_lonely, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1));
}

static int
try_opt_repair(void)
{
	return (option(tcp[0], IPPROTO_TCP, TCP_REPAIR, 1));
}

static int
try_opt_segment(void)
{
	return (option(udp, IPPROTO_UDP, UDP_SEGMENT, 1200));
}

static int
try_opt_gro(void)
{
	return (option(udp, IPPROTO_UDP, UDP_GRO, 1));
}

static int
try_opt_tos(void)
{
	return (option(udp, IPPROTO_IP, IP_RECVTOS, 1));
}

static int
try_opt_whole(void)
{
	return (option(udp, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE));
}

static int
try_opt_reuseport(void)
{
	return (option(listener, SOL_SOCKET, SO_REUSEPORT, 1));
}

static int
try_opt_congestion(void)
{
	return (result(setsockopt(tcp[0], IPPROTO_TCP, TCP_CONGESTION, "reno",
	    4)));
}

static int
try_get_error(void)
{
	int		 v;
	socklen_t	 len = sizeof(v);

	return (result(getsockopt(tcp[0], SOL_SOCKET, SO_ERROR, &v, &len)));
}

static int
try_get_info(void)
{
	struct tcp_info	 info;
	socklen_t	 len = sizeof(info);

	return (result(getsockopt(tcp[0], IPPROTO_TCP, TCP_INFO, &info,
	    &len)));
}

static int
try_getsockname(void)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);

	return (result(getsockname(tcp[0], (struct sockaddr *)&sin, &len)));
}

static int
try_getpeername(void)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);

	return (result(getpeername(tcp[0], (struct sockaddr *)&sin, &len)));
}

static int
try_getpeereid(void)
{
	uid_t	 uid;
	gid_t	 gid;

	return (result(getpeereid(pair[0], &uid, &gid)));
}

static int
try_poll(void)
{
	struct pollfd	 pfd = { STDERR_FILENO, POLLOUT, 0 };

	return (result(poll(&pfd, 1, 0)));
}

static int
try_fchdir(void)
{
	return (result(fchdir(dirfd_tmp)));
}

static int
try_splice(void)
{
	int	 pp[2];

	if (pipe2(pp, O_NONBLOCK | O_CLOEXEC) == -1)
		return (errno);
	return (splice(tcp[0], NULL, pp[1], NULL, 1,
	    SPLICE_F_NONBLOCK | SPLICE_F_MOVE) == -1 && errno == EAGAIN ?
	    ALLOWED : errno);
}

static int
try_unshare(void)
{
	return (result(unshare(CLONE_NEWUSER)));
}

static int
try_setuid(void)
{
	return (result(setuid(getuid())));
}

static int
try_memfd(void)
{
	return (result(syscall(SYS_memfd_create, "x", 0)));
}

static int
try_bpf(void)
{
	return (result(syscall(SYS_bpf, 0, NULL, 0)));
}

static int
try_keyctl(void)
{
	return (result(syscall(SYS_keyctl, 0, 0)));
}

static int
try_personality(void)
{
	return (result(syscall(SYS_personality, 0xffffffff)));
}

/* What every process does, all the time. */
static int
try_life(void)
{
	struct epoll_event	 ev;
	struct msghdr		 msg;
	struct iovec		 iov;
	char			*p, buf[16];
	int			 i;

	for (i = 0; i < 3; i++) {
		if ((p = malloc(4 << 20)) == NULL)
			return (WENT_WRONG);
		memset(p, i, 4 << 20);
		if ((p = realloc(p, 8 << 20)) == NULL)
			return (WENT_WRONG);
		free(p);
	}
	arc4random_buf(buf, sizeof(buf));
	memset(&ev, 0, sizeof(ev));
	memset(&msg, 0, sizeof(msg));
	iov.iov_base = buf;
	iov.iov_len = sizeof(buf);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (writev(pair[0], &iov, 1) != sizeof(buf) ||
	    recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC) != sizeof(buf) ||
	    write(pair[0], buf, 1) != 1 || read(pair[1], buf, 1) != 1)
		return (errno);
	(void)signal(SIGUSR1, SIG_IGN);
	/* stdio, the clock, the time zone, words for errors */
	return (snprintf(buf, sizeof(buf), "%ld", (long)time(NULL)) > 0 &&
	    fflush(stderr) == 0 && close(pair[0]) == 0 &&
	    strerror(EPERM) != NULL ? ALLOWED : WENT_WRONG);
}

/* In a child of its own, as resolve does it. */
static int
try_getaddrinfo(void)
{
	struct addrinfo	 hints, *list;
	pid_t		 pid;
	int		 status;

	if ((pid = fork()) == -1)
		return (errno);
	if (pid == 0) {
		memset(&hints, 0, sizeof(hints));
		hints.ai_socktype = SOCK_STREAM;
		hints.ai_flags = AI_ADDRCONFIG;
		alarm(5);
		_exit(getaddrinfo("localhost", NULL, &hints, &list) == 0 ?
		    0 : 1);
	}
	if (waitpid(pid, &status, 0) == -1)
		return (errno);
	return (status == 0 ? ALLOWED : WENT_WRONG);
}

/* A lookup that never ends is ended. */
static int
try_kill_child(void)
{
	pid_t	 pid;
	int	 status;

	if ((pid = fork()) == -1)
		return (errno);
	if (pid == 0)
		for (;;)
			(void)poll(NULL, 0, -1);
	if (kill(pid, SIGKILL) == -1 || waitpid(pid, &status, 0) == -1)
		return (errno);
	return (WIFSIGNALED(status) ? ALLOWED : WENT_WRONG);
}

/* ---- and who may ---- */

const struct try	 tries[] = {
	{ "everyday life", try_life, ALL, 0 },
	{ "socket, TCP", try_socket_tcp, D | R, 0 },
	{ "socket, MPTCP", try_socket_mptcp, R, 1 },
	{ "socket, UNIX", try_socket_unix, D | R, 0 },
	{ "socket, UDP", try_socket_udp, D | R, 0 },
	{ "socketpair", try_socketpair, T | U | Q, 1 },
	{ "socketpair of datagrams", try_socketpair_dgram, 0, 1 },
	{ "socket, packets", try_socket_packet, 0, 0 },
	{ "connect", try_connect, D | R, 0 },
	{ "connect again", try_reconnect, D | R, 0 },
	{ "bind", try_bind, D, 0 },
	{ "listen", try_listen, 0, 0 },
	{ "shutdown to read", try_shutdown_rd, R, 0 },
	{ "shutdown of a listener", try_shutdown_rdwr, R, 0 },
	{ "shutdown to write", try_shutdown_wr, S | G | T | R | H, 1 },
	{ "open", try_open, R, 1 },
	{ "open to write", try_open_write, 0, 1 },
	{ "openat2", try_openat2, 0, 1 },
	{ "execve", try_execve, 0, 0 },
	{ "execveat", try_execveat, 0, 0 },
	{ "fork", try_fork, R, 0 },
	{ "clone", try_clone, R, 0 },
	{ "clone into a namespace", try_clone_user, 0, 0 },
	{ "clone3", try_clone3, 0, 0 },
#ifdef SYS_vfork
	{ "vfork", try_vfork, 0, 0 },
#endif
	{ "ptrace", try_ptrace, 0, 1 },
	{ "kill of another", try_kill, 0, 0 },
	{ "tgkill of another", try_tgkill, 0, 1 },
	{ "process_vm_readv", try_vm_readv, 0, 0 },
	{ "process_vm_writev", try_vm_writev, 0, 0 },
	{ "pidfd_open", try_pidfd_open, 0, 0 },
	{ "pidfd_getfd", try_pidfd_getfd, 0, 0 },
	{ "pidfd_send_signal", try_pidfd_signal, 0, 0 },
	{ "io_uring_setup", try_uring_setup, 0, 0 },
	{ "io_uring_enter", try_uring_enter, 0, 0 },
	{ "io_uring_register", try_uring_register, 0, 0 },
	{ "dup", try_dup, 0, 0 },
	{ "dup2", try_dup2, R, 0 },
	{ "dup3", try_dup3, R, 0 },
	{ "fcntl F_SETFL", try_setfl, R, 0 },
	{ "ioctl FIONBIO", try_fionbio, 0, 1 },
	{ "fcntl F_DUPFD", try_dupfd, 0, 0 },
	{ "fcntl F_DUPFD_CLOEXEC", try_dupfd_cloexec, 0, 0 },
	{ "mmap to execute", try_mmap_exec, R, 0 },
	{ "mprotect to execute", try_mprotect_exec, R, 0 },
	{ "pkey_mprotect", try_pkey_mprotect, 0, 1 },
	{ "sendmsg of a descriptor", try_send_fd, G | D | T | U | R | Q, 0 },
	{ "sendmmsg", try_sendmmsg, U | R | Q, 0 },
	{ "recvmmsg", try_recvmmsg, U | S | Q, 1 },
	{ "sendmsg to an address", try_sendmsg_address, G | D | T | U | R | Q,
	    0 },
	{ "sendmsg MSG_MORE", try_sendmsg_more, G | D | T | R, 1 },
	{ "sendmsg MSG_FASTOPEN", try_sendmsg_fastopen, 0, 0 },
	{ "send MSG_FASTOPEN", try_send_fastopen, 0, 0 },
	{ "sendto MSG_FASTOPEN", try_sendto_fastopen, 0, 0 },
	{ "sendto an address", try_sendto_address, R, 0 },
	{ "send", try_send, S | C | T | R | Q, 1 },
	{ "recv", try_recv, S | R, 1 },
	{ "pread", try_pread, G | K | T | R | Q, 1 },
	{ "recv MSG_PEEK", try_peek, S | G | T | R, 1 },
	{ "accept4", try_accept, S | G | C | T | H, 1 },
	{ "TCP_NODELAY", try_opt_nodelay, D, 1 },
	{ "SO_RCVLOWAT", try_opt_lowat, G | R, 1 },
	{ "SO_RCVBUF", try_opt_rcvbuf, D | R, 1 },
	{ "TCP_FASTOPEN_CONNECT", try_opt_fastopen, 0, 1 },
	{ "TCP_REPAIR", try_opt_repair, 0, 1 },
	{ "UDP_SEGMENT", try_opt_segment, S, 1 },
	{ "UDP_GRO", try_opt_gro, D, 1 },
	{ "IP_RECVTOS", try_opt_tos, D | R, 1 },
	{ "IP_MTU_DISCOVER", try_opt_whole, D | R, 1 },
	{ "SO_REUSEPORT", try_opt_reuseport, R, 1 },
	{ "TCP_CONGESTION", try_opt_congestion, D, 1 },
	{ "SO_ERROR", try_get_error, S | D | R, 1 },
	{ "TCP_INFO", try_get_info, S | T | R, 1 },
	{ "getpeereid", try_getpeereid, C | R, 1 },
	{ "getsockname", try_getsockname, S | G | D | T | R | Q, 1 },
	{ "getpeername", try_getpeername, D | R | Q, 1 },
	{ "poll", try_poll, C | R, 1 },
	{ "fchdir", try_fchdir, D, 1 },
	{ "splice", try_splice, S, 1 },
	{ "unshare", try_unshare, 0, 1 },
	{ "setuid", try_setuid, 0, 1 },
	{ "memfd_create", try_memfd, 0, 1 },
	{ "bpf", try_bpf, 0, 1 },
	{ "keyctl", try_keyctl, 0, 1 },
	{ "personality", try_personality, 0, 1 },
	{ "getaddrinfo", try_getaddrinfo, R, 0 },
	{ "kill of a child", try_kill_child, R, 0 }
};

const size_t	 ntries = nitems(tries);
