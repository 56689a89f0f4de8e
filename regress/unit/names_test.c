/* SPDX-License-Identifier: ISC */

/*
 * Names and their last addresses: which are forgotten when there are too many,
 * and how long they are of use.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "worker/dial/names.h"

static const struct msg_resolved	 res = { .count = 1 };

static void
found(const char *prefix, int n, int named)
{
	char	 host[32];

	(void)snprintf(host, sizeof(host), "%s%d", prefix, n);
	names_found(host, &res, named, 1);
}

static int
known(const char *prefix, int n)
{
	struct msg_resolved	 last;
	char			 host[32];

	(void)snprintf(host, sizeof(host), "%s%d", prefix, n);
	return (names_last(host, &last, 2));
}

static void
test_age(void **state)
{
	struct msg_resolved	 last;

	(void)state;
	names_found("a", &res, 0, 1);
	assert_int_equal(names_last("a", &last, NAMES_KEPT_US + 1), 1);
	assert_int_equal(last.count, 1);
	assert_int_equal(names_last("a", &last, NAMES_KEPT_US + 2), 0);
	assert_int_equal(names_last("b", &last, 2), 0);
	names_silent("a", 0);
	assert_int_equal(names_is_silent("a"), 1);
	names_found("a", &res, 0, 1);
	assert_int_equal(names_is_silent("a"), 0);
	names_gone("a");
	assert_int_equal(names_last("a", &last, 2), 0);
}

/* What peers think of pushes out nothing that is configured. */
static void
test_named(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < 10; i++)
		found("configured", i, 0);
	found("both", 0, 1);
	found("both", 0, 0);		/* it is configured after all */
	found("both", 1, 0);
	found("both", 1, 1);
	for (i = 0; i < 2 * NAMES_MAX; i++)
		found("named", i, 1);
	for (i = 0; i < 10; i++)
		assert_true(known("configured", i));
	assert_true(known("both", 0));
	assert_true(known("both", 1));
	/* of these the oldest */
	assert_false(known("named", NAMES_MAX));
	assert_true(known("named", 2 * NAMES_MAX - 1));
	assert_true(known("named", NAMES_MAX + 12));
	assert_false(known("named", NAMES_MAX + 11));
	/* and they make room for what is configured, which then is all */
	for (i = 0; i < NAMES_MAX; i++)
		found("more", i, 0);
	assert_false(known("named", 2 * NAMES_MAX - 1));
	assert_false(known("configured", 0));
	assert_true(known("more", 0));
	assert_true(known("more", NAMES_MAX - 1));
	/* a stranger's takes the place of the one that was used last then */
	found("named", 0, 1);
	assert_true(known("named", 0));
	assert_false(known("more", 0));
	found("named", 1, 1);
	assert_false(known("named", 0));
	assert_true(known("more", 1));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_named)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
