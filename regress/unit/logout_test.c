/* SPDX-License-Identifier: ISC */

/*
 * The log's output: each form of a line, and what happens when the other end
 * takes none, takes some, or is gone.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <fcntl.h>
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

#include <event2/event.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "shared/logline.h"
#include "worker/control/logout.h"

static const struct timespec	 when = { 1767323045, 678900000 };
static const struct msg_channel	 gate = { .role = PROC_GATE };
static const struct msg_channel	 ssh = { .role = PROC_SERVICE, .index = 2,
				    .side = SIDE_SERVER, .name = "ssh" };

static struct event_base	*base;

static int
setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	return (base == NULL ? -1 : 0);
}

static int
teardown(void **state)
{
	(void)state;
	event_base_free(base);
	return (0);
}

static void
turn(void)
{
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
check_format(enum log_dest dest, const struct msg_channel *from,
    uint32_t level, const char *text, const char *want)
{
	char	buf[LOGLINE_MAX];
	size_t	n;

	n = logline_format(buf, dest, 42, &when, from, level, text);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(buf, want, n);
}

static void
test_format(void **state)
{
	(void)state;
	check_format(LOGDEST_STDERR, &ssh, LOGLEVEL_INFO, "text",
	    "2026-01-02T03:04:05Z info worker ssh.2 (server): text\n");
	check_format(LOGDEST_STDERR, &gate, LOGLEVEL_WARN, "a \"b\" \\",
	    "2026-01-02T03:04:05Z warn gate: a \"b\" \\\n");
	check_format(LOGDEST_SYSLOG, &gate, LOGLEVEL_WARN, "text",
	    "<28>rocketd[42]: gate: text");
	check_format(LOGDEST_JSON, &gate, LOGLEVEL_ERROR, "text",
	    "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"error\","
	    "\"process\":\"gate\",\"message\":\"text\"}\n");
	check_format(LOGDEST_JSON, &ssh, LOGLEVEL_INFO, "a \"b\" \\x41",
	    "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"info\","
	    "\"process\":\"worker\",\"service\":\"ssh\","
	    "\"side\":\"server\",\"index\":2,"
	    "\"message\":\"a \\\"b\\\" \\\\x41\"}\n");
}

/* Nothing may be louder than critical, nothing quieter than debug. */
static void
test_priorities(void **state)
{
	static const char *const	want[LOGLEVEL_MAX] = { "<26>", "<26>",
					    "<27>", "<28>", "<30>", "<31>",
					    "<31>" };
	char				buf[LOGLINE_MAX];
	uint32_t			i;

	(void)state;
	for (i = 0; i < LOGLEVEL_MAX; i++) {
		(void)logline_format(buf, LOGDEST_SYSLOG, 1, &when, &gate, i,
		    "");
		assert_memory_equal(buf, want[i], 4);
	}
}

/* The longest text, every character of it escaped: nothing is cut. */
static void
test_longest(void **state)
{
	struct msg_channel	from = ssh;
	char			text[LOG_LINE_MAX], buf[LOGLINE_MAX];
	size_t			n;

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(from.name, 's', sizeof(from.name) - 1);
	from.name[sizeof(from.name) - 1] = '\0';
	from.index = UINT32_MAX;
	n = logline_format(buf, LOGDEST_JSON, 1, &when, &from, 0, text);
	assert_true(n < LOGLINE_MAX && n > 2 * strlen(text));
	assert_memory_equal(buf + n - 4, "\"\"}\n", 4);
	assert_int_equal(buf[n - 5], '\\');
	assert_true(LOGLINE_MAX <= 4096);
}

/* Lines of before the destination is known; what is not printable. */
static void
test_early(void **state)
{
	struct logout		*l;
	struct logout_stats	 stats;
	char			 buf[256];
	ssize_t			 n;
	int			 fd[2];

	(void)state;
	l = logout_new(base);
	assert_non_null(l);
	logout_put(l, &gate, LOGLEVEL_INFO, "one\ntwo\x1b[2J\x80");
	stats = *logout_stats(l);
	assert_int_equal(stats.written, 0);
	assert_true(stats.queued > 0);
	assert_int_equal(pipe(fd), 0);
	logout_to(l, LOGDEST_STDERR, fd[1]);
	n = read(fd[0], buf, sizeof(buf) - 1);
	assert_true(n > 22);
	buf[n] = '\0';
	assert_string_equal(buf + 20, " info gate: one?two?[2J?\n");
	stats = *logout_stats(l);
	assert_int_equal(stats.written, 1);
	assert_int_equal(stats.queued, 0);
	logout_free(l);
	close(fd[0]);
}

/* Fills what nobody reads until lines are lost; reads all; they are said. */
static void
blocked(int rfd, int wfd, enum log_dest dest)
{
	struct logout		*l;
	struct logout_stats	 stats;
	char			 want[64];
	static char		 buf[4 * 1024 * 1024];
	size_t			 len = 0;
	ssize_t			 n;
	uint64_t		 put = 0, lost;
	int			 i;

	l = logout_new(base);
	assert_non_null(l);
	logout_to(l, dest, wfd);
	do {
		logout_put(l, &gate, LOGLEVEL_INFO, "the same line again");
		put++;
		turn();
		stats = *logout_stats(l);
		assert_true(stats.queued <= LOGOUT_QUEUE);
		assert_true(put < 100000);
	} while (stats.lost < 7);
	lost = stats.lost;
	assert_int_equal(fcntl(rfd, F_SETFL, O_NONBLOCK), 0);
	for (i = 0; i < 2000; i++) {
		while ((n = read(rfd, buf + len, sizeof(buf) - 1 - len)) > 0)
			len += n;
		turn();
		stats = *logout_stats(l);
		if (stats.queued == 0)
			break;
	}
	while ((n = read(rfd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += n;
	buf[len] = '\0';
	assert_int_equal(stats.queued, 0);
	/* Each line was written or lost, and one more speaks of the losses. */
	assert_int_equal(stats.lost, lost);
	assert_int_equal(stats.written, put - lost + 1);
	(void)snprintf(want, sizeof(want), "control: %llu log lines lost",
	    (unsigned long long)lost);
	assert_non_null(strstr(buf, want));
	if (dest == LOGDEST_STDERR) {
		uint64_t	lines = 0;
		char		*p;

		for (p = buf; (p = strchr(p, '\n')) != NULL; p++)
			lines++;
		assert_int_equal(lines, stats.written);
	}
	logout_free(l);
	close(rfd);
}

static void
test_blocked_pipe(void **state)
{
	int	fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	blocked(fd[0], fd[1], LOGDEST_STDERR);
}

static void
test_blocked_stream(void **state)
{
	int	fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	blocked(fd[0], fd[1], LOGDEST_STDERR);
}

/* A socket that takes half a line is given the rest later. */
static void
test_blocked_part(void **state)
{
	struct sockaddr_in	sin;
	socklen_t		len = sizeof(sin);
	int			s, fd[2], size = 4096;

	(void)state;
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(s, 1), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&sin, &len), 0);
	fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size)), 0);
	assert_int_equal(connect(fd[1], (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	fd[0] = accept(s, NULL, NULL);
	assert_int_not_equal(fd[0], -1);
	close(s);
	blocked(fd[0], fd[1], LOGDEST_STDERR);
}

static void
test_blocked_datagram(void **state)
{
	int	fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	blocked(fd[0], fd[1], LOGDEST_SYSLOG);
}

/* syslogd starts anew: lines wait for its new socket, without a busy loop. */
static void
test_syslog_again(void **state)
{
	struct logout		*l;
	struct logout_stats	 stats;
	struct timespec		 before, after;
	char			 buf[LOGLINE_MAX];
	ssize_t			 n;
	int			 fd[2], i;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	close(fd[0]);
	l = logout_new(base);
	assert_non_null(l);
	logout_to(l, LOGDEST_SYSLOG, fd[1]);
	for (i = 0; i < 3; i++)
		logout_put(l, &gate, LOGLEVEL_INFO, "kept");
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &before), 0);
	for (i = 0; i < 2; i++)
		(void)event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &after), 0);
	assert_true((after.tv_sec - before.tv_sec) * 1000 +
	    (after.tv_nsec - before.tv_nsec) / 1000000 >= 200);
	stats = *logout_stats(l);
	assert_int_equal(stats.lost, 0);
	assert_int_equal(stats.written, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	logout_to(l, LOGDEST_SYSLOG, fd[1]);
	for (i = 0; i < 3; i++) {
		n = recv(fd[0], buf, sizeof(buf) - 1, MSG_DONTWAIT);
		assert_true(n > 0);
		buf[n] = '\0';
		assert_non_null(strstr(buf, "gate: kept"));
	}
	stats = *logout_stats(l);
	assert_int_equal(stats.queued, 0);
	assert_int_equal(stats.written, 3);
	logout_free(l);
	close(fd[0]);
}

/* The flags of a descriptor that others share stay as they are. */
static void
test_flags(void **state)
{
	struct logout	*l;
	int		 fd[2], copy;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	copy = dup(fd[1]);
	l = logout_new(base);
	assert_non_null(l);
	logout_to(l, LOGDEST_JSON, fd[1]);
	logout_put(l, &gate, LOGLEVEL_INFO, "x");
	assert_int_equal(fcntl(copy, F_GETFL) & O_NONBLOCK, 0);
	logout_free(l);
	close(copy);
	close(fd[0]);
}

/* Nobody reads any more: lines are lost and counted, nothing else. */
static void
test_gone(void **state)
{
	struct logout		*l;
	struct logout_stats	 stats;
	char			 buf[512];
	ssize_t			 n;
	int			 fd[2], i;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	close(fd[0]);
	l = logout_new(base);
	assert_non_null(l);
	logout_to(l, LOGDEST_STDERR, fd[1]);
	for (i = 0; i < 10; i++)
		logout_put(l, &gate, LOGLEVEL_INFO, "x");
	turn();
	stats = *logout_stats(l);
	assert_int_equal(stats.lost, 10);
	assert_int_equal(stats.written, 0);
	/* A new destination hears of it, before the next line. */
	assert_int_equal(pipe(fd), 0);
	logout_to(l, LOGDEST_STDERR, fd[1]);
	logout_put(l, &gate, LOGLEVEL_INFO, "after");
	n = read(fd[0], buf, sizeof(buf) - 1);
	assert_true(n > 0);
	buf[n] = '\0';
	assert_non_null(strstr(buf, "warn control: 10 log lines lost\n"));
	assert_true(strstr(buf, "after") > strstr(buf, "lost"));
	logout_free(l);
	close(fd[0]);
}

/* A file is no event for epoll, and has always room. */
static void
test_file(void **state)
{
	struct logout	*l;
	FILE		*f;
	char		 buf[256];

	(void)state;
	assert_non_null(f = tmpfile());
	l = logout_new(base);
	assert_non_null(l);
	logout_to(l, LOGDEST_STDERR, dup(fileno(f)));
	logout_put(l, &ssh, LOGLEVEL_INFO, "kept");
	assert_int_equal(logout_flush(l), 1);
	rewind(f);
	assert_non_null(fgets(buf, sizeof(buf), f));
	assert_string_equal(buf + 20, " info worker ssh.2 (server): kept\n");
	logout_free(l);
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_longest),
		cmocka_unit_test_setup_teardown(test_early, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blocked_pipe, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_blocked_stream, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_blocked_part, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_blocked_datagram, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_syslog_again, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_flags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown)
	};

	return (cmocka_run_group_tests_name("logout", tests, NULL, NULL));
}
