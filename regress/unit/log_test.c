/* SPDX-License-Identifier: ISC */

/*
 * log.c: levels, bounds, what becomes of octets, errno, and the last word.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/log.h"
#include "shared/msg.h"

static struct {
	char		 line[2 * LOG_LINE_MAX];
	enum log_level	 level;
	int		 lines;
} got;

static void
sink(enum log_level level, const char *line, void *arg)
{
	assert_ptr_equal(arg, &got);
	assert_true(strlen(line) < LOG_LINE_MAX);
	snprintf(got.line, sizeof(got.line), "%s", line);
	got.level = level;
	got.lines++;
	errno = EXDEV;		/* a sink may do what it likes with it */
}

static int
setup(void **state)
{
	(void)state;
	memset(&got, 0, sizeof(got));
	log_init("test", LOGLEVEL_TRACE);
	log_set_sink(sink, &got);
	return (0);
}

static void
test_levels(void **state)
{
	enum log_level	 max;

	(void)state;
	for (max = LOGLEVEL_PANIC; max < LOGLEVEL_MAX; max++) {
		got.lines = 0;
		log_set_level(max);
		assert_int_equal(log_get_level(), max);
		log_error("%d", 1);
		assert_int_equal(got.lines, max >= LOGLEVEL_ERROR);
		log_warn("%d", 1);
		log_warnx("%d", 1);
		log_info("%d", 1);
		log_debug("%d", 1);
		log_trace("%d", 1);
		assert_int_equal(got.lines, (max >= LOGLEVEL_ERROR) +
		    2 * (max >= LOGLEVEL_WARN) + (max >= LOGLEVEL_INFO) +
		    (max >= LOGLEVEL_DEBUG) + (max >= LOGLEVEL_TRACE));
	}
}

static void
test_words(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < LOGLEVEL_MAX; i++)
		assert_int_equal(name_find(log_levels,
		    log_level_name(i))->value, i);
	assert_string_equal(log_level_name(LOGLEVEL_WARN), "warn");
	assert_string_equal(log_level_name(LOGLEVEL_MAX), "?");
	assert_string_equal(log_level_name(UINT32_MAX), "?");
	assert_null(name_find(log_levels, ""));
	assert_null(name_find(log_levels, "warning"));
	assert_null(name_find(log_levels, "WARN"));
	assert_string_equal(log_who(), "test");
}

static void
test_errno(void **state)
{
	(void)state;
	errno = ENOENT;
	log_warn("svc %s", "web");
	assert_string_equal(got.line, "svc web: No such file or directory");
	assert_int_equal(got.level, LOGLEVEL_WARN);
	assert_int_equal(errno, ENOENT);
	log_warnx("svc %s", "web");
	assert_string_equal(got.line, "svc web");
	assert_int_equal(errno, ENOENT);
	log_set_level(LOGLEVEL_PANIC);
	log_warn("unheard");
	assert_int_equal(errno, ENOENT);
}

/* Lengths about the bound: cut and marked from the first octet too many on. */
static void
test_long(void **state)
{
	char	 big[2 * LOG_LINE_MAX];
	size_t	 len;

	(void)state;
	memset(big, 'x', sizeof(big));
	for (len = LOG_LINE_MAX - 8; len < LOG_LINE_MAX + 8; len++) {
		log_info("%.*s", (int)len, big);
		if (len < LOG_LINE_MAX) {
			assert_int_equal(strlen(got.line), len);
			assert_null(strchr(got.line, '.'));
		} else {
			assert_int_equal(strlen(got.line), LOG_LINE_MAX - 1);
			assert_string_equal(got.line + LOG_LINE_MAX - 5,
			    "x...");
		}
	}
	/* the reason survives */
	errno = EPERM;
	log_warn("%.*s", (int)sizeof(big), big);
	assert_int_equal(strlen(got.line), LOG_LINE_MAX - 1);
	assert_non_null(strstr(got.line, "x...: Operation not permitted"));
	len = LOG_LINE_MAX - 1 - strlen(": Operation not permitted");
	errno = EPERM;
	log_warn("%.*s", (int)len, big);
	assert_null(strstr(got.line, "..."));
	assert_int_equal(strlen(got.line), LOG_LINE_MAX - 1);
}

static void
test_unprintable(void **state)
{
	char	 big[LOG_LINE_MAX];

	(void)state;
	log_info("a\nb\tc\x1b[2J\x7f\xff \\n \\x00");
	assert_string_equal(got.line,
	    "a\\x0ab\\x09c\\x1b[2J\\x7f\\xff \\n \\x00");
	memset(big, '\1', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_info("%s", big);
	assert_true(strlen(got.line) >= LOG_LINE_MAX - 5);
	assert_string_equal(got.line + strlen(got.line) - 3, "...");
	assert_null(strchr(got.line, '\1'));
}

static void
test_printable(void **state)
{
	char	 dst[16];

	(void)state;
	assert_ptr_equal(log_printable(dst, sizeof(dst), "ab\0c", 4), dst);
	assert_string_equal(dst, "ab\\x00c");
	log_printable(dst, sizeof(dst), "\\", 1);
	assert_string_equal(dst, "\\\\");
	log_printable(dst, sizeof(dst), "", 0);
	assert_string_equal(dst, "");
	/* never half of an escape, never past the end */
	memset(dst, '#', sizeof(dst));
	log_printable(dst, 5, "\xff\xff", 2);
	assert_string_equal(dst, "\\xff");
	assert_int_equal(dst[5], '#');
	memset(dst, '#', sizeof(dst));
	log_printable(dst, 4, "\xff", 1);
	assert_string_equal(dst, "");
	log_printable(dst, 5, "a\xff", 2);
	assert_string_equal(dst, "a");
	log_printable(dst, 2, "\\", 1);
	assert_string_equal(dst, "");
	log_printable(dst, 1, "abc", 3);
	assert_string_equal(dst, "");
	memset(dst, '#', sizeof(dst));
	log_printable(dst, 0, "abc", 3);
	assert_int_equal(dst[0], '#');
	log_printable(dst, 4, "abcd", 4);
	assert_string_equal(dst, "abc");
}

static void
noisy_sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(*(int *)arg)++;
	log_warnx("the sink has a fault of its own");
}

/* What a child wrote to standard error, and how it ended. */
static int
run_child(void (*fn)(void), char *out, size_t size)
{
	ssize_t	 n;
	size_t	 len = 0;
	pid_t	 pid;
	int	 fds[2], status;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	if ((pid = fork()) == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		log_set_sink(NULL, NULL);
		fn();
		_exit(77);
	}
	close(fds[1]);
	while ((n = read(fds[0], out + len, size - 1 - len)) > 0)
		len += n;
	out[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void
child_lines(void)
{
	log_info("for %s", "information");
	log_warnx("careful");
	log_error("broken");
}

static void
child_fatal(void)
{
	log_set_level(LOGLEVEL_PANIC);
	errno = EACCES;
	fatal("open %s", "/x");
}

static void
child_fatalx(void)
{
	fatalx("that is all");
}

static void
child_noisy(void)
{
	int	 n = 0;

	log_set_sink(noisy_sink, &n);
	log_info("hello");
	if (n != 1)
		log_info("again");
}

static void
test_stderr(void **state)
{
	char	 out[1024];

	(void)state;
	assert_int_equal(run_child(child_lines, out, sizeof(out)), 77);
	assert_string_equal(out, "test: for information\n"
	    "test: warn: careful\ntest: error: broken\n");
	assert_int_equal(run_child(child_fatal, out, sizeof(out)), 1);
	assert_string_equal(out, "test: fatal: open /x: Permission denied\n");
	assert_int_equal(run_child(child_fatalx, out, sizeof(out)), 1);
	assert_string_equal(out, "test: fatal: that is all\n");
	assert_int_equal(run_child(child_noisy, out, sizeof(out)), 77);
	assert_string_equal(out,
	    "test: warn: the sink has a fault of its own\n");
}

static void
test_who(void **state)
{
	char	 big[300];

	(void)state;
	memset(big, 'w', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_init(big, LOGLEVEL_INFO);
	assert_true(strlen(log_who()) < 100);
	log_init("worker web", LOGLEVEL_INFO);
	assert_string_equal(log_who(), "worker web");
}

#define TEST(f)	cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_levels),
		TEST(test_words),
		TEST(test_errno),
		TEST(test_long),
		TEST(test_unprintable),
		TEST(test_printable),
		TEST(test_stderr),
		TEST(test_who),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
