/* SPDX-License-Identifier: ISC */

/*
 * The file of a UNIX socket: with which mode it is made, what it replaces and
 * what it does not, in which directories it may be, and when it is removed.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocketd/unixsock.h"
#include "shared/compat.h"

static char	 dir[] = "/tmp/unixsock_test.XXXXXX";
static char	 path[64], other[64], why[256];

static int
setup(void **state)
{
	(void)state;
	strlcpy(dir + strlen(dir) - 6, "XXXXXX", 7);
	if (mkdtemp(dir) == NULL)
		return (-1);
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(other, sizeof(other), "%s/t", dir);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(other);
	return (rmdir(dir));
}

static int
bound(struct unixsock *u)
{
	return (unixsock_bind(u, path, 0640, 1, why, sizeof(why)));
}

/* Connects to the path.  0, or errno. */
static int
connects(void)
{
	struct sockaddr_un	 sun;
	int			 fd, error = 0;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	assert_int_not_equal(fd = socket(AF_UNIX, SOCK_STREAM |
	    SOCK_NONBLOCK, 0), -1);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		error = errno;
	close(fd);
	return (error);
}

static void
makes_it_with_its_mode(void **state)
{
	struct unixsock	 u;
	struct stat	 st;
	char		 was[PATH_MAX], is[PATH_MAX];
	mode_t		 mask = umask(022);
	int		 fd;

	(void)state;
	assert_non_null(getcwd(was, sizeof(was)));
	assert_int_not_equal(fd = bound(&u), -1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, geteuid());
	assert_string_equal(u.path, path);
	assert_int_equal(u.ino, st.st_ino);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* the masks and the directory of everything else are as before */
	assert_int_equal(umask(mask), 022);
	assert_non_null(getcwd(is, sizeof(is)));
	assert_string_equal(is, was);
	/* not before it listens */
	assert_int_equal(connects(), ECONNREFUSED);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(connects(), 0);

	assert_int_equal(unixsock_set(&u, 0606, getegid()), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0606);
	assert_int_equal(st.st_gid, getegid());
	if (geteuid() == 0) {
		assert_int_equal(unixsock_give(&u, 12345), 0);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_gid, 12345);
		assert_int_equal(st.st_mode & 07777, 0606);
	}
	close(fd);
}

/* So that nobody is kept out of it even for a moment. */
static void
leaves_a_mode_that_is_right(void **state)
{
	struct timespec	 now;
	struct unixsock	 u;
	struct stat	 was, is;
	int		 fd;

	(void)state;
	assert_int_not_equal(fd = bound(&u), -1);
	assert_int_equal(unixsock_set(&u, 0640, getegid()), 0);
	assert_int_equal(lstat(path, &was), 0);
	do					/* the clock that files have */
		assert_int_equal(clock_gettime(CLOCK_REALTIME_COARSE, &now),
		    0);
	while (now.tv_sec == was.st_ctim.tv_sec &&
	    now.tv_nsec == was.st_ctim.tv_nsec);
	assert_int_equal(unixsock_set(&u, 0640, getegid()), 0);
	assert_int_equal(lstat(path, &is), 0);
	assert_memory_equal(&is.st_ctim, &was.st_ctim, sizeof(is.st_ctim));
	assert_int_equal(unixsock_set(&u, 0600, getegid()), 0);
	assert_int_equal(lstat(path, &is), 0);
	assert_int_equal(is.st_mode & 07777, 0600);
	close(fd);
}

static void
replaces_what_nobody_has(void **state)
{
	struct unixsock	 old, u, again;
	int		 fd;

	(void)state;
	assert_int_not_equal(fd = bound(&old), -1);
	close(fd);
	assert_int_not_equal(fd = bound(&u), -1);
	assert_int_equal(listen(fd, 1), 0);
	assert_true(unixsock_is_ours(&u));
	/* somebody listens there, also if its queue is full */
	assert_int_equal(bound(&again), -1);
	assert_non_null(strstr(why, "another program listens there"));
	assert_int_equal(bound(&again), -1);
	assert_int_equal(bound(&again), -1);
	assert_non_null(strstr(why, "another program listens there"));
	assert_int_equal(connects(), EAGAIN);
	assert_int_equal(unixsock_check(path, 1, why, sizeof(why)), 0);
	assert_true(unixsock_is_ours(&u));
	close(fd);
}

static void
leaves_what_is_no_socket(void **state)
{
	struct unixsock	 u;
	struct stat	 st;
	int		 fd;

	(void)state;
	assert_int_not_equal(fd = open(path, O_CREAT | O_RDWR, 0600), -1);
	close(fd);
	assert_int_equal(bound(&u), -1);
	assert_string_equal(why, "there is a file that is no socket");
	assert_int_equal(unixsock_check(path, 1, why, sizeof(why)), -1);
	assert_int_equal(lstat(path, &st), 0);
	/* nor is a link to one followed */
	assert_int_equal(unlink(path), 0);
	assert_int_not_equal(fd = unixsock_bind(&u, other, 0600, 1, why,
	    sizeof(why)), -1);
	close(fd);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(bound(&u), -1);
	assert_string_equal(why, "there is a file that is no socket");
	assert_int_equal(lstat(other, &st), 0);
}

static void
wants_a_safe_directory(void **state)
{
	struct unixsock	 u;
	char		 name[160];
	int		 fd;

	(void)state;
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(bound(&u), -1);
	assert_string_equal(why,
	    "others may write to its directory; chmod o-w");
	assert_int_equal(unixsock_check(path, 1, why, sizeof(why)), -1);
	assert_int_not_equal(fd = unixsock_bind(&u, path, 0600, 0, why,
	    sizeof(why)), -1);
	close(fd);
	assert_int_equal(chmod(dir, 01777), 0);
	assert_int_not_equal(fd = bound(&u), -1);
	close(fd);
	if (geteuid() == 0) {
		assert_int_equal(chown(dir, 0, 12345), 0);
		assert_int_equal(chmod(dir, 0770), 0);
		assert_int_equal(bound(&u), -1);
		assert_non_null(strstr(why, "chmod g-w"));
		assert_int_equal(chmod(dir, 0750), 0);
		assert_int_not_equal(fd = bound(&u), -1);
		close(fd);
		assert_int_equal(chown(dir, 12345, 0), 0);
		assert_int_equal(bound(&u), -1);
		assert_string_equal(why,
		    "its directory is not owned by root");
	}
	snprintf(name, sizeof(name), "%s/none/s", dir);
	assert_int_equal(unixsock_bind(&u, name, 0600, 1, why, sizeof(why)),
	    -1);
	assert_string_equal(why, "its directory: No such file or directory");
	/* without a name bind(2) would make one up */
	snprintf(name, sizeof(name), "%s/", dir);
	assert_int_equal(unixsock_bind(&u, name, 0600, 1, why, sizeof(why)),
	    -1);
	snprintf(name, sizeof(name), "%s/%0108d", dir, 1);
	assert_int_equal(unixsock_bind(&u, name, 0600, 1, why, sizeof(why)),
	    -1);
	assert_string_equal(why, "File name too long");
}

static void
removes_only_its_own(void **state)
{
	struct unixsock	 u, copy;
	struct stat	 st;
	int		 fd;

	(void)state;
	assert_int_not_equal(fd = bound(&u), -1);
	copy = u;
	unixsock_remove(&u);
	assert_int_equal(lstat(path, &st), -1);
	assert_string_equal(u.path, "");
	unixsock_remove(&u);
	assert_false(unixsock_is_ours(&copy));
	close(fd);

	assert_int_not_equal(fd = bound(&u), -1);
	assert_int_equal(rename(path, other), 0);
	close(open(path, O_CREAT | O_RDWR, 0600));
	assert_false(unixsock_is_ours(&u));
	assert_int_equal(unixsock_set(&u, 0666, getegid()), -1);
	unixsock_remove(&u);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);

	assert_int_equal(unixsock_note(&u, other), 0);
	unixsock_remove(&u);
	assert_int_equal(lstat(other, &st), -1);
	assert_int_equal(unixsock_note(&u, other), -1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(makes_it_with_its_mode, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(leaves_a_mode_that_is_right,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(replaces_what_nobody_has,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_what_is_no_socket,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(wants_a_safe_directory, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(removes_only_its_own, setup,
		    teardown)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
