/* SPDX-License-Identifier: ISC */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "regress/bench/load.h"

static struct hist	 h;

static int
setup(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	return (0);
}

static void
empty(void **state)
{
	(void)state;
	assert_true(hist_us(&h, 0.5) == 0);
}

/* Every power of two, its neighbours, and the ends. */
static void
precision(void **state)
{
	static const uint64_t	 near[] = { 0, 1, 2 };
	uint64_t		 ns;
	double			 us;
	size_t			 k;
	int			 i;

	(void)state;
	for (i = 1; i < 64; i++) {
		for (k = 0; k < 3; k++) {
			ns = (1ULL << i) - 1 + near[k];
			memset(&h, 0, sizeof(h));
			hist_add(&h, ns);
			assert_int_equal(h.max, ns);
			/* one that is above keeps max from answering */
			h.max = UINT64_MAX;
			us = hist_us(&h, 1);
			assert_true(us * 1000 >= (double)ns * 0.992 - 0.5);
			assert_true(us * 1000 <= (double)ns * 1.008 + 0.5);
		}
	}
	memset(&h, 0, sizeof(h));
	hist_add(&h, UINT64_MAX);
	hist_add(&h, 0);
	assert_int_equal(h.bucket[HIST_BUCKETS - 1], 1);
	assert_int_equal(h.bucket[0], 1);
}

static void
shares(void **state)
{
	double	 us;
	int	 i;

	(void)state;
	for (i = 1; i <= 1000; i++)
		hist_add(&h, i * 1000);
	us = hist_us(&h, 0.5);
	assert_true(us > 496 && us < 504);
	us = hist_us(&h, 0.99);
	assert_true(us > 982 && us < 998);
	assert_true(hist_us(&h, 1) <= 1000);
	assert_int_equal(h.count, 1000);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup(empty, setup),
		cmocka_unit_test_setup(precision, setup),
		cmocka_unit_test_setup(shares, setup),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
