/* SPDX-License-Identifier: ISC */

/*
 * For each role a process enters its sandbox and tries things.  What a role is
 * refused ends the process with SIGSYS, or fails; what it needs works.
 */

#include <sys/types.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/sandbox.h"
#include "tries.h"

#define TEST_GROUP	65531	/* of a target's socket */
#define TEST_ID		65533	/* as root: a user and group of nobody's */

static const enum proc_role	 roles[] = {
	PROC_CONTROL, PROC_KEYS, PROC_GATE, PROC_RESOLVE, PROC_DIAL,
	PROC_SERVICE, PROC_TLS, PROC_UDP, PROC_QUIC, PROC_WEB
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
	if (role == PROC_DIAL) {
		b.ngroups = 1;
		b.groups[0] = TEST_GROUP;
	}
	if (geteuid() == 0) {
		b.flags = BEGIN_ROOT;
		b.uid = b.gid = TEST_ID;
	}
	sandbox_drop(role, &b, &masks[0], &masks[1]);
	if (closed)
		sandbox_close(role, SIDE_CLIENT, &masks[0], &masks[1]);
}

static int
attempt(enum proc_role role, int closed, int (*fn)(void))
{
	pid_t	 pid;
	int	 status, pp[2], r = WENT_WRONG;

	tries_open();
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
	tries_close();
	return (r);
}

static int
refused(int r)
{
	return (r == KILLED || r == EPERM || r == ENOSYS || r == EACCES);
}

static void
try_all(void **state)
{
	const struct try	*t;
	enum proc_role		 role = *(const enum proc_role *)*state;
	size_t			 i;
	int			 r, bad = 0;

	for (i = 0; i < ntries; i++) {
		t = &tries[i];
		if (is_widened && t->widened)
			continue;
		r = attempt(role, 1, t->fn);
		if (t->allowed & (1U << role) ? r == ALLOWED : refused(r))
			continue;
		print_error("%s: %s: %s\n", role_name(role), t->name,
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

/* dial has those that its targets name, and no other. */
static int
check_groups(void)
{
	gid_t	 groups[4];

	if (getgroups(4, groups) != 1 || groups[0] != TEST_GROUP)
		return (1);
	return (setgroups(0, NULL) == -1 ? 0 : 2);
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
	return (bind(tries_lonely, (struct sockaddr *)&sin,
	    sizeof(sin)) == -1 && errno == EACCES ? 0 : 1);
}

static void
drops_privileges(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < nitems(roles); i++) {
		assert_int_equal(attempt(roles[i], 0, check_drop), 0);
#ifdef ROCKETD_COVERAGE
		continue;	/* it keeps its root directory */
#endif
		if (geteuid() == 0 && roles[i] != PROC_RESOLVE &&
		    roles[i] != PROC_DIAL)
			assert_int_equal(attempt(roles[i], 0, check_root), 0);
	}
	if (geteuid() == 0)
		assert_int_equal(attempt(PROC_DIAL, 0, check_groups), 0);
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
		PROC_SERVICE, PROC_TLS, PROC_UDP, PROC_QUIC, PROC_WEB
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
		{ "tls", try_all, NULL, NULL, &r[6] },
		{ "udp", try_all, NULL, NULL, &r[7] },
		{ "quic", try_all, NULL, NULL, &r[8] },
		{ "web", try_all, NULL, NULL, &r[9] }
	};

	log_init("sandbox_test", LOGLEVEL_INFO);
	return (cmocka_run_group_tests(tests, prepare, NULL));
}
