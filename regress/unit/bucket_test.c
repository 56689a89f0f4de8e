/* SPDX-License-Identifier: ISC */

/*
 * The token bucket: without a limit, its rate over seconds however it is asked,
 * its bursts, debts, what is given back, a limit that changes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/net/bucket.h"

#define SECOND	1000000ULL
#define BURST	50000ULL

static struct bucket	 b;

static int
setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	return (0);
}

static void
test_unlimited(void **state)
{
	(void)state;
	assert_int_equal(bucket_room(&b, 5), BUCKET_ALL);
	bucket_take(&b, UINT32_MAX);
	bucket_give(&b, 7);
	assert_int_equal(bucket_room(&b, 5), BUCKET_ALL);
	assert_int_equal(bucket_wait(&b, 1000, 5), 0);
	bucket_limit(&b, 0, BURST, 5);
	assert_int_equal(bucket_room(&b, 5), BUCKET_ALL);
}

/* All that passes in so many seconds, asked each step microseconds. */
static uint64_t
passed(uint32_t rate, uint64_t step, uint64_t seconds, uint64_t *most)
{
	uint64_t	 now = 77, end = now + seconds * SECOND, total = 0;
	uint32_t	 n;

	memset(&b, 0, sizeof(b));
	bucket_limit(&b, rate, BURST, now);
	*most = 0;
	for (; now < end; now += step) {
		n = bucket_room(&b, now);
		bucket_take(&b, n);
		total += n;
		if (n > *most)
			*most = n;
	}
	return (total);
}

/* Over ten seconds, to the unit: no drift, and no burst above its depth. */
static void
test_rate(void **state)
{
	static const uint32_t	 rates[] = { 1024, 1000003, 125000000,
				    UINT32_MAX };
	static const uint64_t	 steps[] = { 1, 13, 997, 10007, 49999 };
	uint64_t		 total, most, depth, full;
	size_t			 i, j;

	(void)state;
	for (i = 0; i < 4; i++) {
		depth = rates[i] * BURST / SECOND;
		full = rates[i] * 10ULL;
		for (j = 0; j < 5; j++) {
			total = passed(rates[i], steps[j], 10, &most);
			assert_true(total <= full + depth + 1);
			assert_true(total + rates[i] * steps[j] / SECOND + 1 >=
			    full);
			assert_true(most <= depth + 1);
		}
	}
}

static void
test_debt(void **state)
{
	uint64_t	 now = SECOND;

	(void)state;
	bucket_limit(&b, 1000, BURST, now);
	assert_int_equal(bucket_room(&b, now), 50);
	bucket_take(&b, 1050);
	assert_int_equal(bucket_room(&b, now), 0);
	/* a second's worth to pay, then one passes */
	assert_int_equal(bucket_wait(&b, 1, now), SECOND + 1000);
	assert_int_equal(bucket_room(&b, now + SECOND), 0);
	assert_int_equal(bucket_room(&b, now + SECOND + 1000), 1);
	/* and of more than it holds, what it holds */
	assert_int_equal(bucket_wait(&b, 5000, now + SECOND + 1000), 49000);
	/* a debt has an end */
	for (now = 0; now < 10000; now++)
		bucket_take(&b, UINT32_MAX);
	assert_true(bucket_wait(&b, 1, 3 * SECOND) <= 5000000 * SECOND);
}

static void
test_give(void **state)
{
	(void)state;
	bucket_limit(&b, 1000, BURST, 0);
	bucket_take(&b, 50);
	bucket_give(&b, 20);
	assert_int_equal(bucket_room(&b, 0), 20);
	bucket_give(&b, 500);
	assert_int_equal(bucket_room(&b, 0), 50);
	/* a clock that stands, or goes back, gives nothing */
	bucket_take(&b, 50);
	assert_int_equal(bucket_room(&b, 0), 0);
	b.at = 100;
	assert_int_equal(bucket_room(&b, 50), 0);
}

/* A small rate holds one unit at least, and it comes in its time. */
static void
test_small(void **state)
{
	(void)state;
	bucket_limit(&b, 1, BURST, 0);
	assert_int_equal(bucket_room(&b, 0), 1);
	bucket_take(&b, 1);
	assert_int_equal(bucket_room(&b, SECOND - 1), 0);
	assert_int_equal(bucket_wait(&b, 1, SECOND - 1), 1);
	assert_int_equal(bucket_room(&b, SECOND), 1);
	assert_int_equal(bucket_room(&b, 100 * SECOND), 1);
}

/* A reload: nobody gets a burst by it, and no debt is forgotten. */
static void
test_change(void **state)
{
	(void)state;
	bucket_limit(&b, 1000, BURST, 0);
	bucket_take(&b, 150);
	bucket_limit(&b, 2000, BURST, 0);
	assert_int_equal(bucket_room(&b, 0), 0);
	assert_int_equal(bucket_room(&b, SECOND / 20), 0);
	assert_int_equal(bucket_room(&b, SECOND / 10), 100);
	/* lowered: no more than it holds now */
	bucket_limit(&b, 100, BURST, SECOND);
	assert_int_equal(bucket_room(&b, SECOND), 5);
	bucket_limit(&b, 0, BURST, SECOND);
	assert_int_equal(bucket_room(&b, SECOND), BUCKET_ALL);
	bucket_limit(&b, 100, BURST, SECOND);
	assert_int_equal(bucket_room(&b, SECOND), 5);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_unlimited, setup),
		cmocka_unit_test_setup(test_rate, setup),
		cmocka_unit_test_setup(test_debt, setup),
		cmocka_unit_test_setup(test_give, setup),
		cmocka_unit_test_setup(test_small, setup),
		cmocka_unit_test_setup(test_change, setup)
	};

	return (cmocka_run_group_tests_name("bucket", tests, NULL, NULL));
}
