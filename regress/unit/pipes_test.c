/* SPDX-License-Identifier: ISC */

/* Pipes between sockets: what goes in comes out, and how many there are. */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/pipes.h"

static void
pair(int sv[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, sv), 0);
}

static void
test_through(void **state)
{
	struct pipebuf	*p;
	char		 buf[16];
	int		 a[2], b[2];

	(void)state;
	pair(a);
	pair(b);
	assert_non_null(p = pipes_get());
	assert_int_equal(p->len, 0);
	assert_int_equal(pipes_fill(p, a[1], 100), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(write(a[0], "rocket", 6), 6);
	assert_int_equal(pipes_fill(p, a[1], 4), 4);
	assert_int_equal(pipes_fill(p, a[1], 100), 2);
	assert_int_equal(p->len, 6);
	assert_int_equal(pipes_read(p, buf, 2), 2);
	assert_memory_equal(buf, "ro", 2);
	assert_int_equal(pipes_drain(p, b[0], SIZE_MAX), 4);
	assert_int_equal(p->len, 0);
	assert_int_equal(read(b[1], buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "cket", 4);
	/* The end is an end, also by this way. */
	close(a[0]);
	assert_int_equal(pipes_fill(p, a[1], 100), 0);
	close(b[1]);
	close(a[1]);
	close(b[0]);
	pipes_put(p);
}

static void
test_full(void **state)
{
	static char	 block[65536];
	struct pipebuf	*p;
	size_t		 in = 0, out = 0;
	ssize_t		 n;
	int		 a[2], b[2];

	(void)state;
	pair(a);
	pair(b);
	assert_non_null(p = pipes_get());
	do {
		while ((n = write(a[0], block, sizeof(block))) > 0)
			;
		if ((n = pipes_fill(p, a[1], sizeof(block))) > 0)
			in += n;
	} while (n > 0);
	assert_int_equal(errno, EAGAIN);	/* the pipe's */
	assert_int_equal(p->len, in);
	while ((n = pipes_drain(p, b[0], SIZE_MAX)) > 0)
		out += n;
	assert_int_equal(errno, EAGAIN);	/* the socket's */
	assert_int_equal(p->len, in - out);
	assert_true(p->len > 0);
	pipes_put(p);
	/* What was left in it is not in the next. */
	assert_non_null(p = pipes_get());
	assert_int_equal(p->len, 0);
	assert_int_equal(read(p->rd, block, 1), -1);
	assert_int_equal(errno, EAGAIN);
	pipes_put(p);
	pipes_put(NULL);
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
}

static void
test_bound(void **state)
{
	struct pipebuf	*p[PIPES_MAX];
	int		 i, high;

	(void)state;
	for (i = 0; i < PIPES_MAX; i++)
		assert_non_null(p[i] = pipes_get());
	assert_null(pipes_get());
	high = p[PIPES_MAX - 1]->wr;
	for (i = 0; i < PIPES_MAX; i++)
		pipes_put(p[i]);
	/* The same again: none was made anew. */
	for (i = 0; i < PIPES_MAX; i++) {
		assert_non_null(p[i] = pipes_get());
		assert_in_range(p[i]->wr, 0, high);
	}
	assert_null(pipes_get());
	for (i = 0; i < PIPES_MAX; i++)
		pipes_put(p[i]);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_through),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_bound)
	};

	if (!SPLICE_WORKS) {
		print_message("1..0 # skipped: no splice(2) here\n");
		return (0);
	}
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
