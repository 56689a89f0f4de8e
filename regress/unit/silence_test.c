/* SPDX-License-Identifier: ISC */

/*
 * A peer that is there, reads or not, and one that has vanished: its system
 * drops all that comes, as a black hole does.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#include <linux/filter.h>

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/net/silence.h"

#define MS		1000ULL
#define PATIENCE_MS	60000	/* longer than any test */

static int	 ours, theirs;

static uint64_t
now_ms(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}

static int
setup(void **state)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 l;

	(void)state;
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(l = socket(AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(bind(l, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &len), 0);
	assert_int_not_equal(ours = socket(AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(connect(ours, (struct sockaddr *)&sin, len), 0);
	assert_int_not_equal(theirs = accept(l, NULL, NULL), -1);
	close(l);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	close(ours);
	close(theirs);
	return (0);
}

static void
vanish(void)
{
	struct sock_filter	 drop = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog	 prog = { 1, &drop };

	assert_int_equal(setsockopt(theirs, SOL_SOCKET, SO_ATTACH_FILTER,
	    &prog, sizeof(prog)), 0);
}

/* Waits as it is told to. */
static void
wait_for(uint64_t us)
{
	(void)poll(NULL, 0, (int)(us / 1000) + 1);
}

static void
is_noticed(uint64_t us)
{
	uint64_t	 start = now_ms(), again;

	while (!silence_is_long(ours, us, &again)) {
		assert_true(now_ms() - start < PATIENCE_MS);
		assert_in_range(again, 1, us);
		wait_for(again);
	}
	/* it has been tried several times: 200, 400, 800 ms apart */
	assert_true(now_ms() - start >= 1000);
}

/* For so long (ms) it is not. */
static void
is_there(uint64_t us, uint64_t ms)
{
	uint64_t	 start = now_ms(), again;

	while (now_ms() - start < ms) {
		assert_int_equal(silence_is_long(ours, us, &again), 0);
		wait_for(again);
	}
}

/* All that is taken, of which nothing is read. */
static void
stuff(void)
{
	static const char	 octets[65536];

	while (send(ours, octets, sizeof(octets), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(errno, EAGAIN);
}

static void
test_there(void **state)
{
	uint64_t	 again;

	(void)state;
	/* it has had its answers, and is asked nothing */
	assert_int_equal(write(ours, "a", 1), 1);
	assert_int_equal(silence_is_long(ours, 60000 * MS, &again), 0);
	assert_in_range(again, 50000 * MS, 60000 * MS);
	is_there(100 * MS, 500);
	/* even when it is there no more: nobody has asked */
	vanish();
	is_there(100 * MS, 500);
}

static void
test_vanished(void **state)
{
	(void)state;
	vanish();
	assert_int_equal(write(ours, "a", 1), 1);
	is_noticed(300 * MS);
}

/* One that reads nothing answers that it has no room. */
static void
test_full(void **state)
{
	(void)state;
	stuff();
	is_there(100 * MS, 2000);
}

static void
test_full_and_vanished(void **state)
{
	(void)state;
	stuff();
	vanish();
	is_noticed(300 * MS);
}

static void
test_not_tcp(void **state)
{
	uint64_t	 again;
	int		 sp[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sp), 0);
	assert_int_equal(silence_is_long(sp[0], 1, &again), 0);
	assert_int_equal(again, 1);
	close(sp[0]);
	close(sp[1]);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vanished, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_and_vanished, setup,
		    teardown),
		cmocka_unit_test(test_not_tcp)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
