/* SPDX-License-Identifier: ISC */

/*
 * What is started, and what is heard of its end: words of the process, its
 * loader's, or ours; which file is executed when another has its name.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocketd/null.h"
#include "rocketd/rocketd.h"
#include "rocketd/spawn.h"
#include "shared/build.h"
#include "shared/compat.h"

#define SHELL	"/bin/sh"

static char	 words[32];

/* Runs path (or exec) with a shell's command; its status and its words. */
static int
run(const char *path, int exec, const char *command)
{
	char			*argv[] = { strdup("sh"), strdup("-c"),
				    strdup(command), NULL };
	struct spawn_order	 order = { .path = path, .exec = exec,
				    .argv = argv, .netns = -1 };
	int			 report, status, i, sv[2];
	pid_t			 pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    sv), 0);
	order.chan = sv[1];
	assert_int_not_equal(pid = spawn_run(&order, &report), -1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(sv[0]);
	close(sv[1]);
	for (i = 0; i < 3; i++)
		free(argv[i]);
	if (!spawn_report(report, words, sizeof(words)))
		strlcpy(words, "(nothing)", sizeof(words));
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static int
shell(const char *command)
{
	return (run(SHELL, -1, command));
}

static void
test_words(void **state)
{
	(void)state;
	assert_int_equal(shell("exit 3"), 3);
	assert_string_equal(words, "(nothing)");
	assert_int_equal(shell("echo out; echo first >&2; echo last >&2"), 0);
	assert_string_equal(words, "last");
	(void)shell("printf 'no end' >&2");
	assert_string_equal(words, "no end");
	(void)shell("printf 'why\\n====\\n\\n' >&2");	/* says something */
	assert_string_equal(words, "why");
	(void)shell("printf 'a\\033[2Jb\\377\\n' >&2");	/* printable */
	assert_string_equal(words, "a?[2Jb?");
	(void)shell("printf '\\0\\0\\0\\0\\1\\0\\0\\0' >&2");	/* not ours */
	assert_string_equal(words, "(nothing)");
	/* cut, and more than a pipe holds does not hold it up */
	(void)shell("yes abcdefghijklmnopqrstuvwxyz0123456789 | "
	    "head -n 9999 >&2");
	assert_non_null(strstr(words, "abc"));
}

static void
test_place(void **state)
{
	(void)state;
	/* descriptors, its environment, its signals */
	assert_int_equal(shell("test -S /dev/fd/3 && ! test -e /dev/fd/4 && "
	    "! test -e /dev/fd/5"), 0);
	assert_int_equal(shell("test \"$" BUILD_NAME "\" = '" BUILD "'"), 0);
	assert_int_equal(shell("test -z \"$HOME\""), 0);
}

static void
test_not_executed(void **state)
{
	(void)state;
	assert_int_equal(run("/nonexistent", -1, ""), 127);
	assert_string_equal(words, "cannot be executed: No such fil");
	assert_int_equal(run("/", -1, ""), 127);
	assert_string_equal(words, "cannot be executed: Permission ");
}

/* A copy of the shell at path. */
static void
copy(const char *from, const char *path)
{
	char	 cmd[256];

	(void)snprintf(cmd, sizeof(cmd), "cp %s %s.new && mv %s.new %s", from,
	    path, path, path);
	assert_int_equal(system(cmd), 0);
}

static void
test_replaced(void **state)
{
	char	 dir[] = "/tmp/spawn_test.XXXXXXXX", path[64], why[64];
	int	 fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/program", dir);
	copy(SHELL, path);
	assert_int_not_equal(fd = spawn_open(path, 0, why, sizeof(why)), -1);
	copy("/bin/false", path);
	assert_int_equal(run(path, fd, "exit 7"), 7);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(run(path, fd, "exit 7"), 7);
	close(fd);
	/* a script is read by its name */
	(void)snprintf(why, sizeof(why), "%s/script", dir);
	fd = open(why, O_WRONLY | O_CREAT, 0755);
	assert_int_equal(write(fd, "#!/bin/sh\nexit 8\n", 17), 17);
	close(fd);
	fd = open(why, O_PATH | O_CLOEXEC);
	assert_int_equal(run(why, fd, ""), 8);
	close(fd);
	assert_int_equal(unlink(why), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* QUIC's processes are another program. */
static void
test_quic(void **state)
{
	char		 dir[] = "/tmp/spawn_test.XXXXXXXX", path[64];
	char		 none[] = "/nonexistent";
	const char	*script = "#!/bin/sh\n[ \"$1\" = quic ] && exit 9\n";
	struct rocketd	 env = { .worker_path = none, .quic_path = path,
			    .worker_fd = -1, .quic_fd = -1 };
	struct child	 child = { .role = PROC_QUIC, .side = SIDE_SERVER };
	int		 fd, chan, report, status;
	pid_t		 pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/rocketd-quic", dir);
	assert_int_not_equal(fd = open(path, O_WRONLY | O_CREAT, 0755), -1);
	assert_int_equal(write(fd, script, strlen(script)), strlen(script));
	close(fd);
	env.quic_fd = spawn_open(path, 0, none, sizeof(none));
	pid = spawn_child(&env, &child, -1, &chan, &report);
	assert_int_not_equal(pid, -1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
	close(chan);
	close(report);
	close(env.quic_fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void
test_checked(void **state)
{
	char	 why[64];

	(void)state;
	assert_int_equal(spawn_check(SHELL, 1, why, sizeof(why)), 0);
	assert_int_equal(spawn_check("/nonexistent", 0, why, sizeof(why)), -1);
	assert_string_equal(why, "No such file or directory");
	assert_int_equal(spawn_check("/", 0, why, sizeof(why)), -1);
	assert_string_equal(why, "not a regular file");
	assert_int_equal(spawn_check("/etc/passwd", 0, why, sizeof(why)), -1);
	assert_string_equal(why, "Permission denied");
}

static void
test_null(void **state)
{
	char	 c;
	int	 fd;

	(void)state;
	assert_int_not_equal(fd = null_open(), -1);
	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_not_executed),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_quic),
		cmocka_unit_test(test_checked),
		cmocka_unit_test(test_null)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
