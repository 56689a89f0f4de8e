/* SPDX-License-Identifier: ISC */

/*
 * How often a source may come: its burst and its rate, sources beside each
 * other, networks of IPv6, a rate that changes, more sources than are kept.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/net/pace.h"

#define SECOND	1000000ULL

static struct pace	 pace;

static int
setup(void **state)
{
	(void)state;
	pace_init(&pace);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	pace_free(&pace);
	assert_int_equal(pace.n, 0);
	return (0);
}

static struct addr
v4(uint32_t n)
{
	struct addr	 a;

	memset(&a, 0, sizeof(a));
	a.family = ADDR_IPV4;
	a.port = n & 0xffff;
	a.octets[0] = 10;
	a.octets[1] = n >> 16;
	a.octets[2] = n >> 8;
	a.octets[3] = n;
	return (a);
}

/* How many of n come through. */
static uint32_t
come(struct addr a, uint32_t n, uint32_t rate, uint64_t now)
{
	uint32_t	 i, ok = 0;

	for (i = 0; i < n; i++) {
		a.port++;
		ok += pace_may(&pace, &a, rate, now) != 0;
	}
	return (ok);
}

static void
test_rate(void **state)
{
	uint64_t	 now = 5 * SECOND;

	(void)state;
	assert_int_equal(come(v4(1), 100, 0, now), 100);
	assert_int_equal(pace.n, 0);
	assert_int_equal(come(v4(1), 100, 10, now), 10);
	assert_int_equal(come(v4(1), 100, 10, now + SECOND / 2), 5);
	assert_int_equal(come(v4(2), 100, 10, now + SECOND / 2), 10);
	assert_int_equal(come(v4(1), 100, 10, now + 60 * SECOND), 10);
	/* a reload: no burst by it */
	assert_int_equal(come(v4(1), 100, 20, now + 60 * SECOND), 0);
	assert_int_equal(come(v4(1), 100, 20, now + 61 * SECOND), 20);
}

/* All of a /64 is one source, the next is another. */
static void
test_networks(void **state)
{
	struct addr	 a;

	(void)state;
	memset(&a, 0, sizeof(a));
	a.family = ADDR_IPV6;
	a.octets[0] = 0x20;
	assert_int_equal(come(a, 3, 2, SECOND), 2);
	a.octets[15] = 9;
	assert_int_equal(come(a, 3, 2, SECOND), 0);
	a.octets[7] = 1;
	assert_int_equal(come(a, 3, 2, SECOND), 2);
}

static void
test_many(void **state)
{
	uint32_t	 i;

	(void)state;
	for (i = 0; i < PACE_MAX + 500; i++)
		assert_int_equal(come(v4(i << 1), 2, 1, SECOND), 1);
	assert_int_equal(pace.n, PACE_MAX);
	/* the latest are known, the first are not any more */
	assert_int_equal(come(v4((PACE_MAX + 499) << 1), 1, 1, SECOND), 0);
	assert_int_equal(come(v4(0), 1, 1, SECOND), 1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_networks, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown)
	};

	return (cmocka_run_group_tests_name("pace", tests, NULL, NULL));
}
