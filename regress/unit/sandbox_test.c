/* SPDX-License-Identifier: ISC */

/*
 * For each role a process enters its sandbox and tries things.  What a role is
 * refused ends the process with SIGSYS, or fails; what it needs works.
 */

#include <sys/types.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sandbox_tries.h"

#include "shared/log.h"
#include "worker/sandbox.h"

#define TEST_ID		65533	/* as root: a user and group of nobody's */

#define BIT(role)	(1U << (role))
#define S		BIT(PROC_SERVICE)
#define G		BIT(PROC_GATE)
#define D		BIT(PROC_DIAL)
#define R		BIT(PROC_RESOLVE)
#define C		BIT(PROC_CONTROL)
#define K		BIT(PROC_KEYS)
#define T		BIT(PROC_TLS)
#define ALL		(S | G | D | R | C | K | T)

/* 0, or errno.  Runs in the sandbox. */
typedef int	attempt_fn(void);

struct attempt {
	const char	*name;
	attempt_fn	*fn;
	uint32_t	 allowed;	/* roles */
	int		 widened;	/* such builds allow it to all */
};

static const enum proc_role	 roles[] = {
	PROC_CONTROL, PROC_KEYS, PROC_GATE, PROC_RESOLVE, PROC_DIAL,
	PROC_SERVICE, PROC_TLS
};

static uint32_t			 masks[2];
static int			 is_widened, has_landlock;

/* ---- the process in the sandbox ---- */

static void
enter(enum proc_role role, int closed)
{
	struct msg_begin	 b;

	memset(&b, 0, sizeof(b));
	memset(masks, 0, sizeof(masks));
	b.version = MSG_VERSION;
	b.role = role;
	if (geteuid() == 0) {
		b.flags = BEGIN_ROOT;
		b.uid = b.gid = TEST_ID;
	}
	sandbox_drop(role, &b, &masks[0], &masks[1]);
	if (closed)
		sandbox_close(role, SIDE_CLIENT, &masks[0], &masks[1]);
}

/* What is handed in is made anew for each attempt. */
static void
open_all(void)
{
	socklen_t	 len = sizeof(addr_listener);

	memset(&addr_listener, 0, sizeof(addr_listener));
	addr_listener.sin_family = AF_INET;
	addr_listener.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	lonely = socket(AF_INET, SOCK_STREAM, 0);
	tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
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

static void
close_all(void)
{
	close(listener);
	close(lonely);
	close(tcp[0]);
	close(tcp[1]);
	close(pair[0]);
	close(pair[1]);
	close(dirfd_tmp);
}

static int
attempt(enum proc_role role, int closed, attempt_fn *fn)
{
	pid_t	 pid;
	int	 status, pp[2], r = WENT_WRONG;

	open_all();
	assert_int_equal(pipe(pp), 0);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		alarm(20);		/* none takes long */
		enter(role, closed);
		r = fn();
		if (write(pp[1], &r, sizeof(r)) != sizeof(r))
			_exit(1);
		_exit(0);
	}
	close(pp[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		r = KILLED;
	else if (read(pp[0], &r, sizeof(r)) != sizeof(r))
		r = WENT_WRONG;
	close(pp[0]);
	close_all();
	return (r);
}

static const struct attempt	 attempts[] = {
	{ "everyday life", try_life, ALL, 0 },
	{ "socket, TCP", try_socket_tcp, D | R, 0 },
	{ "socket, MPTCP", try_socket_mptcp, R, 1 },
	{ "socket, UNIX", try_socket_unix, D | R, 0 },
	{ "socket, UDP", try_socket_udp, R, 1 },
	{ "socketpair", try_socketpair, T, 1 },
	{ "socketpair of datagrams", try_socketpair_dgram, 0, 1 },
	{ "socket, packets", try_socket_packet, 0, 0 },
	{ "connect", try_connect, D | R, 0 },
	{ "connect again", try_reconnect, D | R, 0 },
	{ "bind", try_bind, D, 0 },
	{ "listen", try_listen, 0, 0 },
	{ "shutdown to read", try_shutdown_rd, R, 0 },
	{ "shutdown of a listener", try_shutdown_rdwr, R, 0 },
	{ "shutdown to write", try_shutdown_wr, S | G | T | R, 1 },
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
	{ "sendmsg of a descriptor", try_send_fd, G | D | T | R, 0 },
	{ "sendmmsg", try_sendmmsg, R, 0 },
	{ "sendmsg MSG_FASTOPEN", try_sendmsg_fastopen, 0, 0 },
	{ "send MSG_FASTOPEN", try_send_fastopen, 0, 0 },
	{ "sendto MSG_FASTOPEN", try_sendto_fastopen, 0, 0 },
	{ "sendto an address", try_sendto_address, R, 0 },
	{ "send", try_send, S | C | T | R, 1 },
	{ "recv", try_recv, S | R, 1 },
	{ "pread", try_pread, G | K | T | R, 1 },
	{ "recv MSG_PEEK", try_peek, S | G | T | R, 1 },
	{ "accept4", try_accept, S | G | C | T, 1 },
	{ "TCP_NODELAY", try_opt_nodelay, D, 1 },
	{ "SO_RCVLOWAT", try_opt_lowat, G | R, 1 },
	{ "SO_RCVBUF", try_opt_rcvbuf, D | R, 1 },
	{ "TCP_FASTOPEN_CONNECT", try_opt_fastopen, 0, 1 },
	{ "TCP_REPAIR", try_opt_repair, 0, 1 },
	{ "SO_REUSEPORT", try_opt_reuseport, R, 1 },
	{ "TCP_CONGESTION", try_opt_congestion, D, 1 },
	{ "SO_ERROR", try_get_error, S | D | R, 1 },
	{ "getpeereid", try_getpeereid, C | R, 1 },
	{ "getsockname", try_getsockname, S | G | D | T | R, 1 },
	{ "getpeername", try_getpeername, D | R, 1 },
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

static int
refused(int r)
{
	return (r == KILLED || r == EPERM || r == ENOSYS || r == EACCES);
}

static void
try_all(void **state)
{
	const struct attempt	*a;
	enum proc_role		 role = *(const enum proc_role *)*state;
	size_t			 i;
	int			 r, bad = 0;

	for (i = 0; i < nitems(attempts); i++) {
		a = &attempts[i];
		if (is_widened && a->widened)
			continue;
		r = attempt(role, 1, a->fn);
		if (a->allowed & BIT(role) ? r == ALLOWED : refused(r))
			continue;
		print_error("%s: %s: %s\n", role_name(role), a->name,
		    r == ALLOWED ? "allowed" : r == KILLED ? "killed" :
		    r == WENT_WRONG ? "went wrong" : strerror(r));
		bad++;
	}
	assert_int_equal(bad, 0);
}

/* ---- the parts besides seccomp ---- */

static int
check_drop(void)
{
	struct rlimit	 rl;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return (1);
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != is_widened)
		return (2);
	if (getrlimit(RLIMIT_CORE, &rl) == -1 || rl.rlim_max != 0)
		return (3);
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur != rl.rlim_max)
		return (4);
	if ((masks[0] & (SANDBOX_RLIMITS | SANDBOX_NO_NEW_PRIVS)) !=
	    (SANDBOX_RLIMITS | SANDBOX_NO_NEW_PRIVS))
		return (5);
	return (0);
}

static int
check_root(void)
{
	gid_t	 groups[4];

	if (getuid() != TEST_ID || geteuid() != TEST_ID ||
	    getgid() != TEST_ID || getgroups(4, groups) != 0)
		return (1);
	if (setuid(0) != -1 || setgid(0) != -1)
		return (2);
	if (access("/etc", F_OK) != -1 || errno != ENOENT)
		return (3);
	/* the directory has no name and takes none */
	if (mkdir("/x", 0700) != -1 || chdir("..") == -1 ||
	    access("etc", F_OK) != -1)
		return (4);
	if ((masks[0] & (SANDBOX_CHROOT | SANDBOX_IDS)) !=
	    (SANDBOX_CHROOT | SANDBOX_IDS))
		return (5);
	/* root, and nobody said that a namespace was made */
	if (!(masks[1] & SANDBOX_NETNS))
		return (6);
	return (0);
}

static int
report_masks(void)
{
	return ((masks[0] & SANDBOX_WIDENED ? 1 : 0) |
	    (masks[0] & SANDBOX_LANDLOCK ? 2 : 0) |
	    (masks[0] & SANDBOX_SECCOMP ? 4 : 0));
}

/* resolve has files, but not all. */
static int
check_resolve_files(void)
{
	if (open("/etc/hosts", O_RDONLY) == -1)
		return (1);
	if (open("/proc/self/status", O_RDONLY) != -1 || errno != EACCES)
		return (2);
	if (open("/tmp", O_RDONLY | O_DIRECTORY) != -1 || errno != EACCES)
		return (3);
	return (0);
}

/* The system chooses dial's ports. */
static int
check_dial_bind(void)
{
	struct sockaddr_in	 sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(47999);
	return (bind(lonely, (struct sockaddr *)&sin, sizeof(sin)) == -1 &&
	    errno == EACCES ? 0 : 1);
}

static void
drops_privileges(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(roles); i++) {
		assert_int_equal(attempt(roles[i], 0, check_drop), 0);
		if (geteuid() == 0 && roles[i] != PROC_RESOLVE &&
		    roles[i] != PROC_DIAL)
			assert_int_equal(attempt(roles[i], 0, check_root), 0);
	}
}

static void
landlock_narrows(void **state)
{
	(void)state;
	if (!has_landlock || is_widened)
		skip();
	assert_int_equal(attempt(PROC_RESOLVE, 1, check_resolve_files), 0);
	assert_int_equal(attempt(PROC_DIAL, 1, check_dial_bind), 0);
}

static void
names_parts(void **state)
{
	(void)state;
	assert_string_equal(sandbox_names(0), "nothing");
	assert_string_equal(sandbox_names(SANDBOX_SECCOMP), "seccomp");
	assert_string_equal(sandbox_names(SANDBOX_IDS | SANDBOX_CHROOT |
	    SANDBOX_WIDENED), "chroot ids widened");
}

static int
prepare(void **state)
{
	int	 r;

	(void)state;
	outside = getpid();
	r = attempt(PROC_KEYS, 1, report_masks);
	if (r == WENT_WRONG || r == KILLED || !(r & 4))
		return (-1);
	is_widened = r & 1;
	has_landlock = r & 2;
	return (0);
}

/* Children in the sandbox cannot be traced, which a look for leaks would do. */
const char	*__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}

int
main(void)
{
	static enum proc_role	 r[] = {
		PROC_CONTROL, PROC_KEYS, PROC_GATE, PROC_RESOLVE, PROC_DIAL,
		PROC_SERVICE, PROC_TLS
	};
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(names_parts),
		cmocka_unit_test(drops_privileges),
		cmocka_unit_test(landlock_narrows),
		{ "control", try_all, NULL, NULL, &r[0] },
		{ "keys", try_all, NULL, NULL, &r[1] },
		{ "gate", try_all, NULL, NULL, &r[2] },
		{ "resolve", try_all, NULL, NULL, &r[3] },
		{ "dial", try_all, NULL, NULL, &r[4] },
		{ "service", try_all, NULL, NULL, &r[5] },
		{ "tls", try_all, NULL, NULL, &r[6] }
	};

	log_init("sandbox_test", LOGLEVEL_INFO);
	return (cmocka_run_group_tests(tests, prepare, NULL));
}
