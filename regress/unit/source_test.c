/* SPDX-License-Identifier: ISC */

/*
 * Sources of connections: what is one, how many are remembered, how many lines
 * each may cause.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/net/source.h"

#define SECOND	1000000ULL

static struct addr
address(uint16_t family, uint32_t high, uint32_t low)
{
	struct addr	 a;

	memset(&a, 0, sizeof(a));
	a.family = family;
	a.port = (uint16_t)(high + low);	/* does not count */
	memcpy(a.octets, &high, sizeof(high));
	memcpy(a.octets + 8, &low, sizeof(low));
	return (a);
}

static struct source *
get(uint16_t family, uint32_t high, uint32_t low)
{
	struct addr	 a = address(family, high, low);
	struct source	*src = source_get(&a, 0);

	assert_non_null(src);
	return (src);
}

static void
test_same(void **state)
{
	struct addr	 a;

	(void)state;
	assert_ptr_equal(get(ADDR_IPV4, 1, 0), get(ADDR_IPV4, 1, 0));
	assert_ptr_not_equal(get(ADDR_IPV4, 1, 0), get(ADDR_IPV4, 2, 0));
	assert_ptr_not_equal(get(ADDR_IPV4, 1, 0), get(ADDR_IPV6, 1, 0));
	/* The lower half of an IPv6 address is its host's to choose. */
	assert_ptr_equal(get(ADDR_IPV6, 1, 5), get(ADDR_IPV6, 1, 6));
	assert_ptr_not_equal(get(ADDR_IPV6, 1, 5), get(ADDR_IPV6, 2, 5));
	a = address(ADDR_IPV6, 1, 5);
	a.scope = 2;
	assert_ptr_not_equal(source_get(&a, 0), get(ADDR_IPV6, 1, 5));
	/* All without an address are one. */
	assert_ptr_equal(get(ADDR_UNIX, 1, 1), get(ADDR_UNIX, 2, 2));
}

static void
test_forgotten(void **state)
{
	struct source	*busy;
	uint32_t	 i, unsaid;

	(void)state;
	busy = get(ADDR_IPV4, 1, 0);
	source_enter(busy);
	source_enter(busy);
	assert_true(source_may_log(get(ADDR_IPV4, 2, 0), 0, &unsaid));
	for (i = 3; i <= SOURCES_IDLE + 1; i++)
		(void)get(ADDR_IPV4, i, 0);
	/* 2 to SOURCES_IDLE + 1 are idle: all remembered. */
	assert_int_equal(get(ADDR_IPV4, 2, 0)->lines, SOURCE_LINES - 1);
	(void)get(ADDR_IPV4, i, 0);
	assert_int_equal(get(ADDR_IPV4, 2, 0)->lines, SOURCE_LINES);
	/* One that has connections is never the one to go. */
	assert_ptr_equal(get(ADDR_IPV4, 1, 0), busy);
	source_leave(busy);
	assert_int_equal(busy->unproven, 1);
	for (i = 0; i < 2 * SOURCES_IDLE; i++)
		(void)get(ADDR_IPV4, 5000 + i, 0);
	assert_ptr_equal(get(ADDR_IPV4, 1, 0), busy);
	source_leave(busy);
	assert_int_equal(busy->unproven, 0);
	source_enter(busy);
	assert_int_equal(busy->unproven, 1);
	source_leave(busy);
}

static void
test_lines(void **state)
{
	struct source	*src = get(ADDR_IPV4, 9, 0);
	uint64_t	 now = 100 * SECOND;
	uint32_t	 i, unsaid;

	(void)state;
	for (i = 0; i < SOURCE_LINES; i++) {
		assert_true(source_may_log(src, now, &unsaid));
		assert_int_equal(unsaid, 0);
	}
	for (i = 0; i < 7; i++)
		assert_false(source_may_log(src, now, &unsaid));
	now += SOURCE_LINE_S * SECOND - 1;
	assert_false(source_may_log(src, now, &unsaid));
	now++;
	assert_true(source_may_log(src, now, &unsaid));
	assert_int_equal(unsaid, 8);
	assert_false(source_may_log(src, now, &unsaid));
	/* Never more than the first measure, however long it was quiet. */
	now += 1000 * SOURCE_LINE_S * SECOND;
	for (i = 0; i < SOURCE_LINES; i++)
		assert_true(source_may_log(src, now, &unsaid));
	assert_false(source_may_log(src, now, &unsaid));
}

static int
teardown(void **state)
{
	(void)state;
	source_free_all();
	return (0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_teardown(test_same, teardown),
		cmocka_unit_test_teardown(test_forgotten, teardown),
		cmocka_unit_test_teardown(test_lines, teardown)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
