/* SPDX-License-Identifier: ISC */

/*
 * The sandbox: the one file that knows what the operating system offers.  A
 * role's system calls are rows of a table, each with its reason.  A call, or an
 * argument, that no row names ends the process.  A row is there for what the
 * code does now, and for no more.
 *
 * seccomp sees numbers, not what a descriptor is: whoever may sendmsg on a
 * channel (gate, dial) may do so on any socket it holds, and whoever may read
 * its channels may read those sockets.  This is acceptable because dial and
 * gate hold no secret.
 *
 * Builds with sanitizers or coverage need files and calls that their runtime
 * chooses.  They get the opposite: a list of what is refused.  With coverage
 * they also keep their root directory: what ran is written beside the objects.
 */

#include <sys/types.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <seccomp.h>
#endif

#include "shared/compat.h"
#include "shared/log.h"
#include "sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#if defined(SANITIZED) || defined(ROCKETD_COVERAGE)
#define WIDENED		1
#else
#define WIDENED		0
#endif

#ifdef ROCKETD_COVERAGE
#define COVERED		1
#else
#define COVERED		0
#endif

/* MiB: what the largest `memory' may need. */
#define SANDBOX_DATA_MOST	8192
/* Octets of a file that is written: a certificate, or a key. */
#define SANDBOX_FILE_MOST	65536

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

/* Where to make an empty directory for a moment. */
static const char *const	 sandbox_places[] = {
	"/run", "/var/run", "/tmp", "/var/empty", "/dev/shm"
};

/* What this system refuses, and why: "chroot (Operation not permitted)". */
static char	 sandbox_refusals[256];
static int	 sandbox_pledged;

const char *
sandbox_names(uint32_t mask)
{
	static char	 buf[128];

	(void)name_mask(sandbox_parts, mask, buf, sizeof(buf));
	return (buf[0] == '\0' ? "nothing" : buf);
}

const char *
sandbox_refused(void)
{
	return (sandbox_refusals);
}

/* Part is in force (result 0), or is not, for the reason in errno. */
static void
sandbox_note(int result, uint32_t part, uint32_t *have, uint32_t *lack)
{
	size_t	 len = strlen(sandbox_refusals);

	if (result == 0) {
		*have |= part;
		return;
	}
	*lack |= part;
	(void)snprintf(sandbox_refusals + len, sizeof(sandbox_refusals) - len,
	    "%s%s (%s)", len == 0 ? "" : ", ", sandbox_names(part),
	    strerror(errno));
}

/* ---- what is given up first, on any system ---- */

/* One that is lower already cannot be raised. */
static void
sandbox_limit(int what, const char *name, rlim_t max)
{
	struct rlimit	 rl;

	if (getrlimit(what, &rl) == -1)
		fatal("getrlimit %s", name);
	if (rl.rlim_max > max)
		rl.rlim_max = max;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(what, &rl) == -1)
		fatal("setrlimit %s", name);
}

static void
sandbox_limits(enum proc_role role, uint32_t flags)
{
	struct rlimit	 rl;

	sandbox_limit(RLIMIT_CORE, "core", 0);
	if (!WIDENED) {
		/* control may log to a file */
		if (role != PROC_CONTROL)
			sandbox_limit(RLIMIT_FSIZE, "fsize",
			    flags & BEGIN_FILES ? SANDBOX_FILE_MOST : 0);
		/*
		 * Only resolve makes processes.  When we are root it has a user
		 * id of its own: allow 32 lookups, each in three, twice.
		 */
		if (role != PROC_RESOLVE)
			sandbox_limit(RLIMIT_NPROC, "nproc", 0);
		else if (flags & BEGIN_ROOT)
			sandbox_limit(RLIMIT_NPROC, "nproc", 193);
	}
	/* each user, tunnel and listener is a descriptor */
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit nofile");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		log_warn("setrlimit nofile");
}

/*
 * A reload may raise it, up to a fixed bound, which a process that was taken
 * over cannot pass either; pledge allows no change.  Sanitizers reserve
 * terabytes.
 */
void
sandbox_data(uint32_t mib)
{
	struct rlimit	 rl;

	if (WIDENED || mib == 0 || sandbox_pledged ||
	    getrlimit(RLIMIT_DATA, &rl) == -1)
		return;
	rl.rlim_cur = (rlim_t)mib << 20;
	if (rl.rlim_max > (rlim_t)SANDBOX_DATA_MOST << 20)
		rl.rlim_max = (rlim_t)SANDBOX_DATA_MOST << 20;
	if (rl.rlim_cur > rl.rlim_max)
		rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_DATA, &rl) == -1)
		log_warn("setrlimit data");
}

/*
 * Moves into an empty directory that no longer has a name, so that nothing can
 * ever be put there.  resolve stays outside: the system's resolver reads
 * resolv.conf, nsswitch.conf and hosts, loads modules, and may need other
 * sockets; Landlock takes the rest of the files away.
 */
static int
sandbox_chroot(void)
{
	char	 dir[64];
	size_t	 i;

	if (COVERED)
		return (chroot("/"));
	for (i = 0; i < nitems(sandbox_places); i++) {
		snprintf(dir, sizeof(dir), "%s/rocketd.XXXXXXXXXX",
		    sandbox_places[i]);
		if (mkdtemp(dir) != NULL)
			break;
	}
	if (i == nitems(sandbox_places) || chdir(dir) == -1)
		return (-1);
	if (rmdir(dir) == -1)
		fatal("sandbox: rmdir %s", dir);
	/* 0111: dial returns to it from the directory of a target */
	if (chmod(".", 0111) == -1 || chroot(".") == -1)
		return (-1);
	if (chdir("/") == -1)
		fatal("sandbox: chdir");
	return (0);
}

/* None but those that targets name; without them if one cannot be had. */
static int
sandbox_groups(const struct msg_begin *b)
{
	gid_t		 groups[TARGET_GROUPS_MAX];
	uint32_t	 i;

	for (i = 0; i < b->ngroups; i++) {
		groups[i] = b->groups[i];
		if (groups[i] == 0)
			fatalx("sandbox: the group of a target is root's");
	}
	if (b->ngroups > 0 && setgroups(b->ngroups, groups) == 0)
		return (0);
	if (b->ngroups > 0)
		log_warn("sandbox: groups of targets");
	return (setgroups(0, NULL));
}

/*
 * -1: ids cannot be changed, because root here is not root (no capability), or
 * its user namespace has not these.  The process keeps what it has; it loses
 * its privileges below.
 */
static int
sandbox_ids(const struct msg_begin *b)
{
	uid_t	 uid = b->uid;
	gid_t	 gid = b->gid;

	if (uid == 0 || gid == 0)
		fatalx("sandbox: no user and group id was given");
	if (sandbox_groups(b) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		return (-1);
	if (setresuid(0, 0, 0) != -1)
		fatalx("sandbox: root came back");
	return (0);
}

#ifdef __linux__

/* ---- Linux: the list of system calls ---- */

enum op {
	OP_ANY,
	OP_EQ,
	OP_NOT,
	OP_CLEAR,		/* none of these bits */
	OP_SOME,		/* this one bit */
	OP_LOW,			/* the low four bits are this */
	OP_SELF			/* our process */
};

struct arg {
	enum op		 op;
	unsigned int	 number;
	uint64_t	 value;
	const char	*name;		/* of the value */
};

#define ANY		{ OP_ANY, 0, 0, "" }
#define EQ(n, v)	{ OP_EQ, n, v, #v }
#define NOT(n, v)	{ OP_NOT, n, v, #v }
#define CLEAR(n, v)	{ OP_CLEAR, n, v, #v }
#define SOME(n, v)	{ OP_SOME, n, v, #v }
#define LOW(n, v)	{ OP_LOW, n, v, #v }
#define SELF(n)		{ OP_SELF, n, 0, "own pid" }

struct row {
	int		 call;
	uint32_t	 roles;
	int		 error;		/* refused with it; 0: allowed */
	struct arg	 args[3];
	const char	*why;
};

#define SYS(c)		SCMP_SYS(c)

static const struct row	 sandbox_rows[] = {
	/* existing descriptors */
	{ SYS(read), ALL, 0, { ANY }, "channels, sockets, the loop's pipe" },
	{ SYS(write), ALL, 0, { ANY }, "sockets, standard error" },
	{ SYS(writev), ALL, 0, { ANY }, "channels, no descriptor with it" },
	{ SYS(recvmsg), ALL, 0, { ANY }, "channels, with descriptors" },
	{ SYS(close), ALL, 0, { ANY }, "what was handed in" },
	{ SYS(epoll_wait), ALL, 0, { ANY }, "the loop" },
	{ SYS(epoll_pwait), ALL, 0, { ANY }, "the loop" },
	{ SYS(epoll_pwait2), ALL, 0, { ANY }, "the loop" },
	{ SYS(epoll_ctl), ALL, 0, { ANY }, "the loop" },
	{ SYS(fstat), ALL, 0, { ANY }, "stdio, of what is open" },
	{ SYS(ioctl), ALL, ENOTTY, { EQ(1, TCGETS) }, "stdio asks" },

	/* memory, time, signals, the end */
	{ SYS(brk), ALL, 0, { ANY }, "malloc" },
	{ SYS(mmap), ALL & ~R, 0, { CLEAR(2, PROT_EXEC) }, "malloc" },
	{ SYS(mprotect), ALL & ~R, 0, { CLEAR(2, PROT_EXEC) }, "malloc" },
	{ SYS(munmap), ALL, 0, { ANY }, "malloc" },
	{ SYS(mremap), ALL, 0, { ANY }, "malloc" },
	{ SYS(madvise), ALL, 0, { ANY }, "malloc, arc4random" },
	{ SYS(futex), ALL, 0, { ANY }, "locks of libc and libcrypto" },
	{ SYS(getrandom), ALL, 0, { ANY }, "arc4random, libcrypto" },
	{ SYS(clock_gettime), ALL, 0, { ANY }, "where there is no vdso" },
	{ SYS(clock_getres), ALL, 0, { ANY }, "where there is no vdso" },
	{ SYS(gettimeofday), ALL, 0, { ANY }, "where there is no vdso" },
	{ SYS(time), ALL, 0, { ANY }, "where there is no vdso" },
	{ SYS(sysinfo), ALL, 0, { ANY }, "libc's qsort: how much memory" },
	{ SYS(sched_getaffinity), ALL, 0, { ANY }, "libc: processors" },
	{ SYS(rt_sigaction), ALL, 0, { ANY }, "libevent, abort" },
	{ SYS(rt_sigprocmask), ALL, 0, { ANY }, "fork, abort" },
	{ SYS(rt_sigreturn), ALL, 0, { ANY }, "after a handler" },
	{ SYS(restart_syscall), ALL, 0, { ANY }, "after SIGSTOP, SIGCONT" },
	{ SYS(getpid), ALL, 0, { ANY }, "arc4random, libcrypto, syslog" },
	{ SYS(gettid), ALL, 0, { ANY }, "abort, libcrypto" },
	{ SYS(tgkill), ALL, 0, { SELF(0) }, "abort" },
	{ SYS(getuid), ALL, 0, { ANY }, "libcrypto, libc" },
	{ SYS(geteuid), ALL, 0, { ANY }, "libcrypto, libc" },
	{ SYS(getgid), ALL, 0, { ANY }, "libcrypto, libc" },
	{ SYS(getegid), ALL, 0, { ANY }, "libcrypto, libc" },
	{ SYS(exit), ALL, 0, { ANY }, "the end" },
	{ SYS(exit_group), ALL, 0, { ANY }, "the end" },

	/* what libraries try, and can do without */
	{ SYS(open), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(openat), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(access), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(faccessat), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(faccessat2), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(stat), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(lstat), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(newfstatat), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(statx), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(readlink), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(readlinkat), ALL & ~R, EPERM, { ANY }, "libc's files" },
	{ SYS(lseek), ALL & ~R, ESPIPE, { ANY }, "stdio at exit" },
	{ SYS(prctl), ALL & ~R, EPERM, { ANY }, "malloc names its memory" },
	{ SYS(prlimit64), ALL & ~R, 0, { EQ(0, 0), EQ(1, RLIMIT_DATA) },
	    "another limit with another configuration" },
	{ SYS(prlimit64), ALL & ~R, EPERM, { EQ(0, 0), NOT(1, RLIMIT_DATA) },
	    "sysconf" },
	{ SYS(uname), ALL & ~R, EPERM, { ANY }, "libcrypto" },

	/* sockets that were handed in */
	{ SYS(accept4), S | G | C | T | H, 0, { ANY },
	    "a listener that was lent" },
	{ SYS(getsockname), S | G | D | T | Q, 0, { ANY }, "logs, prefaces, "
	    "paths" },
	{ SYS(getpeername), D, 0, { ANY }, "has it met itself?" },
	{ SYS(getpeername), Q, 0, { ANY }, "where dial has connected" },
	{ SYS(shutdown), S | G | T | H, 0, { EQ(1, SHUT_WR) }, "half-close" },
	{ SYS(recvfrom), S, 0, { ANY }, "the data path" },
	{ SYS(recvfrom), G | T, 0, { SOME(3, MSG_PEEK) },
	    "peeks at a hello, or a proxy's header" },
	{ SYS(sendto), S | C | T | Q, 0,
	    { CLEAR(3, MSG_FASTOPEN), EQ(4, 0) }, "users; syslog; is a pair "
	    "closed?  A connection's streams" },
	{ SYS(splice), S, 0, { ANY }, "the data path" },
	{ SYS(pipe2), S, 0, { ANY }, "the data path" },
	{ SYS(fcntl), S, 0, { EQ(1, F_SETPIPE_SZ) }, "the data path" },
	{ SYS(poll), C, 0, { ANY }, "would standard error take a line?" },
	{ SYS(socketpair), T, 0, { EQ(0, AF_UNIX), LOW(1, SOCK_STREAM),
	    EQ(2, 0) }, "its bytes on this side of TLS" },
	{ SYS(socketpair), U, 0, { EQ(0, AF_UNIX), LOW(1, SOCK_STREAM),
	    EQ(2, 0) }, "the flows of a worker" },
	{ SYS(socketpair), Q, 0, { EQ(0, AF_UNIX), LOW(1, SOCK_STREAM),
	    EQ(2, 0) }, "a connection's streams, for a worker" },
	{ SYS(pread64), K | T | G | Q, 0, { ANY }, "keys and certificates in "
	    "PEM; files for visitors, handed in" },
	{ SYS(sendmsg), G | D | T, 0, { CLEAR(2, MSG_FASTOPEN) },
	    "descriptors, over channels" },
	/*
	 * MSG_MORE would leave the beginning of a datagram in a socket that
	 * others have, too.
	 */
	{ SYS(sendmsg), U | Q, 0, { CLEAR(2, MSG_FASTOPEN | MSG_MORE) },
	    "datagrams to users or peers; descriptors, over channels" },
	{ SYS(sendmmsg), U | Q, 0, { CLEAR(3, MSG_FASTOPEN | MSG_MORE) },
	    "datagrams to users or peers" },
	{ SYS(recvmmsg), U | S | Q, 0, { ANY },
	    "datagrams of users, of targets, of peers" },
	{ SYS(getsockopt), S | D, 0, { EQ(1, SOL_SOCKET), EQ(2, SO_ERROR) },
	    "why a socket failed" },
	{ SYS(getsockopt), S | T, 0, { EQ(1, IPPROTO_TCP), EQ(2, TCP_INFO) },
	    "round trips; is the peer there?" },
	{ SYS(getsockopt), C, 0, { EQ(1, SOL_SOCKET), EQ(2, SO_PEERCRED) },
	    "who asks" },
	{ SYS(setsockopt), S | D | T, 0, { EQ(1, SOL_SOCKET),
	    EQ(2, SO_LINGER) },
	    "a reset" },
	{ SYS(setsockopt), G, 0, { EQ(1, SOL_SOCKET), EQ(2, SO_RCVLOWAT) },
	    "waits for a whole hello" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_TCP),
	    EQ(2, TCP_NODELAY) }, "small writes" },
	{ SYS(setsockopt), S, 0, { EQ(1, IPPROTO_TCP),
	    EQ(2, TCP_NOTSENT_LOWAT) }, "short queues" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_TCP),
	    EQ(2, TCP_USER_TIMEOUT) }, "dead peers" },
	{ SYS(setsockopt), S, 0, { EQ(1, IPPROTO_UDP), EQ(2, UDP_SEGMENT) },
	    "a run of datagrams in one write" },

	/* dial makes sockets */
	{ SYS(socket), D, 0, { EQ(0, AF_INET), LOW(1, SOCK_STREAM),
	    EQ(2, 0) }, "remotes and targets" },
	{ SYS(socket), D, 0, { EQ(0, AF_INET6), LOW(1, SOCK_STREAM),
	    EQ(2, 0) }, "remotes and targets" },
	{ SYS(socket), D, 0, { EQ(0, AF_INET), LOW(1, SOCK_DGRAM),
	    EQ(2, 0) }, "targets of datagrams" },
	{ SYS(socket), D, 0, { EQ(0, AF_INET6), LOW(1, SOCK_DGRAM),
	    EQ(2, 0) }, "targets of datagrams" },
	{ SYS(socket), D, 0, { EQ(0, AF_UNIX), LOW(1, SOCK_STREAM),
	    EQ(2, 0) }, "targets" },
	{ SYS(connect), D, 0, { ANY }, "remotes and targets" },
	{ SYS(bind), D, 0, { ANY }, "a source that is configured, and whether "
	    "an address is this host's" },
	{ SYS(fchdir), D, 0, { ANY }, "the directory of a UNIX target" },
	{ SYS(setsockopt), D, 0, { EQ(1, SOL_SOCKET), EQ(2, SO_RCVBUF) },
	    "as configured" },
	{ SYS(setsockopt), D, 0, { EQ(1, SOL_SOCKET), EQ(2, SO_SNDBUF) },
	    "as configured" },
	{ SYS(setsockopt), D, 0, { EQ(1, SOL_SOCKET), EQ(2, SO_KEEPALIVE) },
	    "as configured" },
	{ SYS(setsockopt), D, 0, { EQ(1, SOL_SOCKET), EQ(2, SO_OOBINLINE) },
	    "urgent octets stay in line" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_TCP), EQ(2, TCP_MAXSEG) },
	    "as configured" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_TCP),
	    EQ(2, TCP_CONGESTION) }, "as configured" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_TCP), EQ(2, TCP_KEEPIDLE) },
	    "as configured" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_TCP), EQ(2, TCP_KEEPINTVL) },
	    "as configured" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_IP),
	    EQ(2, IP_BIND_ADDRESS_NO_PORT) }, "ports for each destination" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_UDP), EQ(2, UDP_GRO) },
	    "runs of datagrams in one read" },
	{ SYS(setsockopt), D, 0, { EQ(1, SOL_SOCKET), EQ(2, SO_RXQ_OVFL) },
	    "QUIC's datagrams that were dropped" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_IP), EQ(2, IP_RECVTOS) },
	    "QUIC sees marks of a full path" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_IPV6),
	    EQ(2, IPV6_RECVTCLASS) }, "QUIC sees marks of a full path" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_IP), EQ(2, IP_MTU_DISCOVER) },
	    "QUIC's packets are not cut" },
	{ SYS(setsockopt), D, 0, { EQ(1, IPPROTO_IPV6),
	    EQ(2, IPV6_MTU_DISCOVER) }, "QUIC's packets are not cut" },

	/*
	 * resolve: getaddrinfo in a child, with whatever modules nsswitch.conf
	 * names.  It can kill only its own children: it has its own user id,
	 * and Landlock restricts signals; seccomp cannot tell whose they are.
	 */
	{ SYS(socket), R, 0, { EQ(0, AF_INET) }, "name servers" },
	{ SYS(socket), R, 0, { EQ(0, AF_INET6) }, "name servers" },
	{ SYS(socket), R, 0, { EQ(0, AF_UNIX) }, "nscd, resolved, avahi" },
	{ SYS(socket), R, 0, { EQ(0, AF_NETLINK) }, "which families we have" },
	{ SYS(connect), R, 0, { ANY }, "name servers" },
	{ SYS(bind), R, 0, { ANY }, "netlink" },
	{ SYS(sendto), R, 0, { CLEAR(3, MSG_FASTOPEN) }, "name servers" },
	{ SYS(sendmsg), R, 0, { CLEAR(2, MSG_FASTOPEN) }, "name servers" },
	{ SYS(sendmmsg), R, 0, { CLEAR(3, MSG_FASTOPEN) }, "name servers" },
	{ SYS(recvfrom), R, 0, { ANY }, "name servers" },
	{ SYS(poll), R, 0, { ANY }, "name servers" },
	{ SYS(ppoll), R, 0, { ANY }, "name servers" },
	{ SYS(setsockopt), R, 0, { EQ(1, SOL_SOCKET) }, "name servers" },
	{ SYS(setsockopt), R, 0, { EQ(1, IPPROTO_IP) }, "name servers" },
	{ SYS(setsockopt), R, 0, { EQ(1, IPPROTO_IPV6) }, "name servers" },
	{ SYS(getsockopt), R, 0, { ANY }, "name servers" },
	{ SYS(getsockname), R, 0, { ANY }, "sorting addresses" },
	{ SYS(getpeername), R, 0, { ANY }, "modules" },
	{ SYS(ioctl), R, 0, { EQ(1, FIONREAD) }, "name servers" },
	{ SYS(ioctl), R, 0, { EQ(1, SIOCGIFINDEX) }, "fe80::1%eth0" },
	{ SYS(fcntl), R, 0, { EQ(1, F_SETFL) }, "name servers, modules" },
	{ SYS(shutdown), R, 0, { ANY }, "modules" },
	{ SYS(open), R, 0, { CLEAR(1, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) },
	    "resolv.conf, hosts, modules" },
	{ SYS(openat), R, 0,
	    { CLEAR(2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) },
	    "resolv.conf, hosts, modules" },
	{ SYS(stat), R, 0, { ANY }, "resolv.conf, modules" },
	{ SYS(lstat), R, 0, { ANY }, "resolv.conf, modules" },
	{ SYS(newfstatat), R, 0, { ANY }, "resolv.conf, modules" },
	{ SYS(statx), R, 0, { ANY }, "resolv.conf, modules" },
	{ SYS(access), R, 0, { ANY }, "modules" },
	{ SYS(faccessat), R, 0, { ANY }, "modules" },
	{ SYS(faccessat2), R, 0, { ANY }, "modules" },
	{ SYS(readlink), R, 0, { ANY }, "modules" },
	{ SYS(readlinkat), R, 0, { ANY }, "modules" },
	{ SYS(getdents64), R, 0, { ANY }, "modules" },
	{ SYS(pread64), R, 0, { ANY }, "modules" },
	{ SYS(lseek), R, 0, { ANY }, "hosts" },
	{ SYS(mmap), R, 0, { ANY }, "modules are code" },
	{ SYS(mprotect), R, 0, { ANY }, "modules are code" },
	{ SYS(uname), R, 0, { ANY }, "modules" },
	{ SYS(clone), R, 0, { CLEAR(0, CLONE_NEWUSER | CLONE_NEWNS |
	    CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
	    CLONE_NEWCGROUP | CLONE_VM) }, "a child for each lookup" },
	{ SYS(fork), R, 0, { ANY }, "a child for each lookup" },
	{ SYS(clone3), R, ENOSYS, { ANY }, "its flags cannot be seen" },
	{ SYS(set_robust_list), R, 0, { ANY }, "fork" },
	{ SYS(rseq), R, 0, { ANY }, "fork" },
	{ SYS(pipe2), R, 0, { ANY }, "a lookup's result" },
	{ SYS(dup2), R, 0, { ANY }, "a child keeps one descriptor" },
	{ SYS(dup3), R, 0, { ANY }, "a child keeps one descriptor" },
	{ SYS(close_range), R, 0, { ANY }, "a child keeps one descriptor" },
	{ SYS(alarm), R, 0, { ANY }, "a child's own deadline" },
	{ SYS(setitimer), R, 0, { ANY }, "a child's own deadline" },
	{ SYS(wait4), R, 0, { ANY }, "its children" },
	{ SYS(kill), R, 0, { ANY }, "its children, at their deadline" }
};

/* What such builds refuse; they allow everything else. */
static const struct row	 sandbox_widened[] = {
	{ SYS(socket), ALL & ~(D | R), EPERM, { ANY }, "" },
	{ SYS(socketpair), ALL & ~(T | U | R | Q), EPERM, { ANY }, "" },
	{ SYS(connect), ALL & ~(D | R), EPERM, { ANY }, "" },
	{ SYS(bind), ALL & ~(D | R), EPERM, { ANY }, "" },
	{ SYS(listen), ALL, EPERM, { ANY }, "" },
	{ SYS(shutdown), ALL & ~R, EPERM, { NOT(1, SHUT_WR) }, "" },
	{ SYS(execve), ALL, EPERM, { ANY }, "" },
	{ SYS(execveat), ALL, EPERM, { ANY }, "" },
	{ SYS(fork), ALL & ~R, EPERM, { ANY }, "" },
	{ SYS(vfork), ALL, EPERM, { ANY }, "" },
	/* the leak check starts a thread that stops the others */
	{ SYS(clone), ALL & ~R, EPERM, { CLEAR(0, CLONE_VM) }, "" },
	{ SYS(clone), R, EPERM, { SOME(0, CLONE_NEWUSER) }, "" },
	{ SYS(clone3), ALL, ENOSYS, { ANY }, "" },
#ifndef SANITIZED
	{ SYS(ptrace), ALL, EPERM, { ANY }, "" },
#endif
	{ SYS(kill), ALL & ~R, EPERM, { ANY }, "" },
	{ SYS(process_vm_readv), ALL, EPERM, { ANY }, "" },
	{ SYS(process_vm_writev), ALL, EPERM, { ANY }, "" },
	{ SYS(pidfd_open), ALL, EPERM, { ANY }, "" },
	{ SYS(pidfd_getfd), ALL, EPERM, { ANY }, "" },
	{ SYS(pidfd_send_signal), ALL, EPERM, { ANY }, "" },
	{ SYS(io_uring_setup), ALL, EPERM, { ANY }, "" },
	{ SYS(io_uring_enter), ALL, EPERM, { ANY }, "" },
	{ SYS(io_uring_register), ALL, EPERM, { ANY }, "" },
	{ SYS(dup), ALL, EPERM, { ANY }, "" },
	{ SYS(dup2), ALL & ~R, EPERM, { ANY }, "" },
	{ SYS(dup3), ALL & ~R, EPERM, { ANY }, "" },
	{ SYS(fcntl), ALL & ~R, EPERM, { EQ(1, F_SETFL) }, "" },
	{ SYS(fcntl), ALL, EPERM, { EQ(1, F_DUPFD) }, "" },
	{ SYS(fcntl), ALL, EPERM, { EQ(1, F_DUPFD_CLOEXEC) }, "" },
	{ SYS(mmap), ALL & ~R, EPERM, { SOME(2, PROT_EXEC) }, "" },
	{ SYS(mprotect), ALL & ~R, EPERM, { SOME(2, PROT_EXEC) }, "" },
	{ SYS(sendmsg), ALL & ~(G | D | R | T | U | Q), EPERM, { ANY }, "" },
	{ SYS(sendmsg), G | D | R | T | U | Q, EPERM,
	    { SOME(2, MSG_FASTOPEN) }, "" },
	{ SYS(sendmmsg), ALL & ~(R | U | Q), EPERM, { ANY }, "" },
	{ SYS(sendto), ALL & ~R, EPERM, { NOT(4, 0) }, "" },
	{ SYS(sendto), ALL, EPERM, { SOME(3, MSG_FASTOPEN) }, "" }
};

static struct scmp_arg_cmp
sandbox_compare(const struct arg *a)
{
	struct scmp_arg_cmp	 cmp;

	memset(&cmp, 0, sizeof(cmp));
	cmp.arg = a->number;
	cmp.op = SCMP_CMP_MASKED_EQ;
	cmp.datum_a = a->value;
	switch (a->op) {
	case OP_CLEAR:
		cmp.datum_b = 0;
		break;
	case OP_SOME:
		cmp.datum_b = a->value;
		break;
	case OP_LOW:
		cmp.datum_a = 0xf;
		cmp.datum_b = a->value;
		break;
	case OP_SELF:
		cmp.op = SCMP_CMP_EQ;
		cmp.datum_a = getpid();
		break;
	case OP_NOT:
		cmp.op = SCMP_CMP_NE;
		break;
	default:
		cmp.op = SCMP_CMP_EQ;
	}
	return (cmp);
}

static void
sandbox_add(scmp_filter_ctx ctx, const struct row *row)
{
	struct scmp_arg_cmp	 cmp[nitems(row->args)];
	uint32_t		 action;
	unsigned int		 i, n = 0;
	int			 error;

	action = row->error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(row->error);
	for (i = 0; i < nitems(row->args); i++)
		if (row->args[i].op != OP_ANY)
			cmp[n++] = sandbox_compare(&row->args[i]);
	error = seccomp_rule_add_array(ctx, action, row->call, n, cmp);
	if (error != 0)
		fatalx("sandbox: rule for system call %d: %s", row->call,
		    strerror(-error));
}

/*
 * resolve runs modules that the system chooses.  A call beyond the list fails,
 * and does not end the lookup.
 */
static uint32_t
sandbox_default(enum proc_role role)
{
	if (WIDENED)
		return (SCMP_ACT_ALLOW);
	return (role == PROC_RESOLVE ? SCMP_ACT_ERRNO(EPERM) :
	    SCMP_ACT_KILL_PROCESS);
}

/* -1 with errno: the system lacks seccomp filters. */
static int
sandbox_seccomp(enum proc_role role)
{
	const struct row	*rows;
	scmp_filter_ctx		 ctx;
	uint32_t		 kill = SECCOMP_RET_KILL_PROCESS;
	size_t			 i, n;
	int			 error;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kill) == -1)
		return (-1);
	rows = WIDENED ? sandbox_widened : sandbox_rows;
	n = WIDENED ? nitems(sandbox_widened) : nitems(sandbox_rows);
	if ((ctx = seccomp_init(sandbox_default(role))) == NULL)
		fatalx("sandbox: no memory for the list of system calls");
	/* a search tree: the last rows cost no more than the first */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS) != 0)
		fatalx("sandbox: other architectures cannot be refused");
	for (i = 0; i < n; i++)
		if (rows[i].roles & BIT(role))
			sandbox_add(ctx, &rows[i]);
	error = seccomp_load(ctx);
	seccomp_release(ctx);
	if (error == 0)
		return (0);
	errno = -error;
	return (-1);
}

void
sandbox_print(enum proc_role role)
{
	static const char *const	 words[] = {
		[OP_EQ] = "is", [OP_NOT] = "is not", [OP_CLEAR] = "without",
		[OP_SOME] = "with", [OP_LOW] = "is, but for flags,",
		[OP_SELF] = "is"
	};
	const struct row		*row;
	const struct arg		*a;
	char				*name;
	size_t				 i, j;

	printf("# %s: what is not listed %s\n", role_name(role),
	    role == PROC_RESOLVE ? "fails" : "ends the process");
	for (i = 0; i < nitems(sandbox_rows); i++) {
		row = &sandbox_rows[i];
		if (!(row->roles & BIT(role)))
			continue;
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE,
		    row->call);
		if (name == NULL)
			continue;	/* not on this architecture */
		printf("%-18s", name);
		free(name);
		for (j = 0; j < nitems(row->args); j++) {
			a = &row->args[j];
			if (a->op != OP_ANY)
				printf("argument %u %s %s, ", a->number + 1,
				    words[a->op], a->name);
		}
		if (row->error != 0)
			printf("fails (%s), ", strerror(row->error));
		printf("for: %s\n", row->why);
	}
}

/* ---- Linux: Landlock, by its numbers: headers are older than kernels ---- */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset	444
#define SYS_landlock_add_rule		445
#define SYS_landlock_restrict_self	446
#endif

#define LL_ABI_VERSION		1U	/* flag of create_ruleset */
#define LL_RULE_PATH		1
#define LL_RULE_PORT		2
#define LL_FS_READ_FILE		(1ULL << 2)
#define LL_FS_READ_DIR		(1ULL << 3)
#define LL_NET_BIND		(1ULL << 0)
#define LL_NET_CONNECT		(1ULL << 1)
#define LL_SCOPE_ABSTRACT	(1ULL << 0)
#define LL_SCOPE_SIGNAL		(1ULL << 1)

struct ll_ruleset {
	uint64_t	 fs;
	uint64_t	 net;
	uint64_t	 scoped;
};

struct ll_path {
	uint64_t	 allowed;
	int32_t		 fd;
} __attribute__((packed));

struct ll_port {
	uint64_t	 allowed;
	uint64_t	 port;
};

/* Where the resolver's files and modules are. */
static const char *const	 sandbox_readable[] = {
	"/etc", "/usr", "/lib", "/lib32", "/lib64", "/run"
};

/* All rights over files that this version of Landlock knows. */
static uint64_t
sandbox_landlock_fs(long abi)
{
	if (WIDENED)
		return (0);
	if (abi >= 5)
		return ((1ULL << 16) - 1);	/* ioctl on devices */
	if (abi >= 3)
		return ((1ULL << 15) - 1);	/* truncate */
	if (abi == 2)
		return ((1ULL << 14) - 1);	/* link across directories */
	return ((1ULL << 13) - 1);
}

static void
sandbox_landlock_paths(int ruleset)
{
	struct ll_path	 rule;
	size_t		 i;

	for (i = 0; i < nitems(sandbox_readable); i++) {
		memset(&rule, 0, sizeof(rule));
		rule.allowed = LL_FS_READ_FILE | LL_FS_READ_DIR;
		rule.fd = open(sandbox_readable[i], O_PATH | O_CLOEXEC);
		if (rule.fd == -1)
			continue;	/* not every system has it */
		if (syscall(SYS_landlock_add_rule, ruleset, LL_RULE_PATH,
		    &rule, 0) == -1)
			log_warn("sandbox: landlock: %s", sandbox_readable[i]);
		close(rule.fd);
	}
}

/* dial binds to an address and lets the system choose the port. */
static void
sandbox_landlock_bind(int ruleset)
{
	struct ll_port	 rule;

	memset(&rule, 0, sizeof(rule));
	rule.allowed = LL_NET_BIND;
	if (syscall(SYS_landlock_add_rule, ruleset, LL_RULE_PORT, &rule, 0) ==
	    -1)
		log_warn("sandbox: landlock: bind");
}

/* -1: the kernel lacks it, or it is switched off. */
static int
sandbox_landlock(enum proc_role role)
{
	struct ll_ruleset	 set;
	long			 abi, fd, ret;
	int			 saved;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LL_ABI_VERSION);
	if (abi < 1)
		return (-1);
	memset(&set, 0, sizeof(set));
	set.fs = sandbox_landlock_fs(abi);
	if (abi >= 4) {
		set.net = LL_NET_BIND;
		if (role != PROC_DIAL && role != PROC_RESOLVE)
			set.net |= LL_NET_CONNECT;
	}
	if (abi >= 6)
		set.scoped = LL_SCOPE_ABSTRACT | LL_SCOPE_SIGNAL;
	if (set.fs == 0 && set.net == 0 && set.scoped == 0)
		return (0);
	fd = syscall(SYS_landlock_create_ruleset, &set,
	    abi >= 6 ? sizeof(set) : abi >= 4 ?
	    offsetof(struct ll_ruleset, scoped) :
	    offsetof(struct ll_ruleset, net), 0);
	if (fd == -1)
		return (-1);
	if (role == PROC_RESOLVE && set.fs != 0)
		sandbox_landlock_paths(fd);
	if (role == PROC_DIAL && set.net != 0)
		sandbox_landlock_bind(fd);
	ret = syscall(SYS_landlock_restrict_self, fd, 0);
	saved = errno;
	close(fd);
	errno = saved;
	return (ret == 0 ? 0 : -1);
}

/* ---- Linux: the rest ---- */

/*
 * Root lost them with its ids; a daemon without root may have been given some.
 */
static void
sandbox_capabilities(void)
{
	struct __user_cap_header_struct	 head;
	struct __user_cap_data_struct	 none[2];

	memset(&head, 0, sizeof(head));
	memset(none, 0, sizeof(none));
	head.version = _LINUX_CAPABILITY_VERSION_3;
	if (syscall(SYS_capset, &head, none) == -1)
		fatal("sandbox: capset");
}

void
sandbox_drop(enum proc_role role, const struct msg_begin *b, uint32_t *have,
    uint32_t *lack)
{
	int	 root = (b->flags & BEGIN_ROOT) != 0;

	sandbox_limits(role, b->flags);
	*have |= SANDBOX_RLIMITS;
	if (root && role != PROC_RESOLVE)
		sandbox_note(sandbox_chroot(), SANDBOX_CHROOT, have, lack);
	if (root)
		sandbox_note(sandbox_ids(b), SANDBOX_IDS, have, lack);
	errno = EPERM;		/* the parent has said why */
	if (role != PROC_DIAL && role != PROC_RESOLVE &&
	    (root || b->flags & BEGIN_NETNS))
		sandbox_note(b->flags & BEGIN_NETNS ? 0 : -1, SANDBOX_NETNS,
		    have, lack);
	sandbox_capabilities();
	sandbox_note(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
	    SANDBOX_NO_NEW_PRIVS, have, lack);
	/* changing ids made us undumpable; the leak check needs to attach */
	if (prctl(PR_SET_DUMPABLE, WIDENED, 0, 0, 0) == -1)
		fatal("sandbox: not dumpable");
	if (!WIDENED)
		*have |= SANDBOX_NODUMP;
}

void
sandbox_close(enum proc_role role, enum side side, uint32_t *have,
    uint32_t *lack)
{
	(void)side;	/* both sides of a service need the same */
	if (WIDENED)
		*have |= SANDBOX_WIDENED;
	sandbox_note(sandbox_landlock(role), SANDBOX_LANDLOCK, have, lack);
	sandbox_note(sandbox_seccomp(role), SANDBOX_SECCOMP, have, lack);
}

#else /* !__linux__ */

/* ---- OpenBSD ---- */

static const struct {
	const char	*promises;
	const char	*why;
} sandbox_pledges[PROC_MAX] = {
	[PROC_CONTROL] = { "stdio unix recvfd", "accepts on its socket" },
	[PROC_KEYS] = { "stdio recvfd", "channels" },
	[PROC_GATE] = { "stdio inet recvfd sendfd", "accepts, hands on" },
	[PROC_RESOLVE] = { "stdio rpath dns proc recvfd",
	    "looks names up, in children" },
	[PROC_DIAL] = { "stdio rpath inet unix recvfd sendfd", "connects" },
	[PROC_TLS] = { "stdio inet recvfd sendfd", "accepts, hands on" },
	[PROC_SERVICE] = { "stdio inet recvfd", "accepts users" },
	[PROC_UDP] = { "stdio inet recvfd sendfd", "has users' datagrams" },
	[PROC_QUIC] = { "stdio inet recvfd sendfd", "has peers' datagrams, "
	    "hands on" },
	[PROC_WEB] = { "stdio inet recvfd", "accepts who wants figures" }
};

void
sandbox_drop(enum proc_role role, const struct msg_begin *b, uint32_t *have,
    uint32_t *lack)
{
	int	 root = (b->flags & BEGIN_ROOT) != 0;

	sandbox_limits(role, b->flags);
	*have |= SANDBOX_RLIMITS;
	if (root && role != PROC_RESOLVE)
		sandbox_note(sandbox_chroot(), SANDBOX_CHROOT, have, lack);
	if (root)
		sandbox_note(sandbox_ids(b), SANDBOX_IDS, have, lack);
}

void
sandbox_close(enum proc_role role, enum side side, uint32_t *have,
    uint32_t *lack)
{
	(void)side;
	(void)lack;
#ifdef HAVE_UNVEIL
	/* dial reaches targets outside its root by directories it is lent */
	if (role == PROC_RESOLVE && unveil("/etc", "r") == -1)
		fatal("unveil");
	if (role != PROC_DIAL) {
		if (unveil(NULL, NULL) == -1)
			fatal("unveil");
		*have |= SANDBOX_UNVEIL;
	}
#endif
#ifdef HAVE_PLEDGE
	if (pledge(sandbox_pledges[role].promises, NULL) == -1)
		fatal("pledge");
	*have |= SANDBOX_PLEDGE;
	sandbox_pledged = 1;
#endif
	if (WIDENED)
		*have |= SANDBOX_WIDENED;
}

void
sandbox_print(enum proc_role role)
{
	printf("# %s: pledge\n%s: for: %s\n", role_name(role),
	    sandbox_pledges[role].promises, sandbox_pledges[role].why);
}

#endif /* __linux__ */
