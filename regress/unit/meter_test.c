/* SPDX-License-Identifier: ISC */

/* A session's rates: at its start, in steady flow, after it, and for long. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/tunnel/meter.h"

#define SECOND	1000000ULL
#define START	(77 * SECOND)

static struct meter	 m;
static uint64_t		 in, out;

static int
setup(void **state)
{
	(void)state;
	meter_start(&m, START);
	return (0);
}

static void
rates(uint64_t now, uint64_t total_in, uint64_t total_out)
{
	meter_rates(&m, now, total_in, total_out, &in, &out);
}

static void
test_start(void **state)
{
	(void)state;
	rates(START, 0, 0);
	assert_int_equal(in, 0);
	assert_int_equal(out, 0);
	/* The first second counts as one, not as the moment it was. */
	rates(START + 10, 5000, 1);
	assert_int_equal(in, 5000);
	assert_int_equal(out, 1);
	rates(START + 2 * SECOND, 5000, 8000);
	assert_int_equal(in, 2500);
	assert_int_equal(out, 4000);
}

static void
test_flow(void **state)
{
	uint64_t	 i;

	(void)state;
	for (i = 1; i <= 20; i++) {
		rates(START + i * SECOND, i * 1000, i * 30);
		assert_int_equal(in, 1000);
		assert_int_equal(out, 30);
		meter_tick(&m, START + i * SECOND, i * 1000, i * 30);
	}
	/* It stops: the rate falls, and is 0 once all that is seen is still. */
	for (; i <= 20 + METER_SEEN; i++) {
		rates(START + i * SECOND, 20000, 600);
		assert_int_equal(in, i == 20 + METER_SEEN ? 0 :
		    (20 + METER_SEEN - i) * 1000 / METER_SEEN);
		meter_tick(&m, START + i * SECOND, 20000, 600);
	}
	rates(START + i * SECOND, 20000, 600);
	assert_int_equal(in, 0);
	assert_int_equal(out, 0);
}

/* Ticks that come late, and figures past what 64 bits of a product hold. */
static void
test_far(void **state)
{
	(void)state;
	meter_tick(&m, START + 60 * SECOND, 6000, 0);
	rates(START + 100 * SECOND, 10000, 0);
	assert_int_equal(in, 100);
	meter_start(&m, START);
	rates(START + 1000 * SECOND, 1ULL << 60, 0);
	assert_true(in > (1ULL << 50) - 1000 && in < (1ULL << 50) * 1.1);
}

/* Idle from the tick that saw the last change; not, if there was another. */
static void
test_idle(void **state)
{
	(void)state;
	assert_int_equal(meter_idle(&m, START + 5, 0, 0), 5);
	assert_int_equal(meter_idle(&m, START + 5, 1, 0), 0);
	meter_tick(&m, START + SECOND, 1, 0);
	meter_tick(&m, START + 2 * SECOND, 1, 0);
	meter_tick(&m, START + 3 * SECOND, 1, 0);
	assert_int_equal(meter_idle(&m, START + 4 * SECOND, 1, 0), 3 * SECOND);
	assert_int_equal(meter_idle(&m, START + 4 * SECOND, 1, 1), 0);
	meter_tick(&m, START + 5 * SECOND, 1, 1);
	assert_int_equal(meter_idle(&m, START + 5 * SECOND, 1, 1), 0);
	meter_tick(&m, START + 105 * SECOND, 1, 1);
	assert_int_equal(meter_idle(&m, START + 105 * SECOND, 1, 1),
	    100 * SECOND);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(test_start, setup),
		cmocka_unit_test_setup(test_flow, setup),
		cmocka_unit_test_setup(test_far, setup),
		cmocka_unit_test_setup(test_idle, setup),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
