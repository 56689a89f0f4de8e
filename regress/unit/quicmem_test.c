/* SPDX-License-Identifier: ISC */

/* What ngtcp2 may hold for a connection: counted, and capped. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/quic/qmem.h"

#define MOST	4096

static void
test_counts(void **state)
{
	struct qmem	 m, other;
	char		*p, *q;
	size_t		 one;

	(void)state;
	qmem_init(&m, MOST);
	qmem_init(&other, MOST);
	assert_non_null(p = m.mem.malloc(100, m.mem.user_data));
	one = m.held;
	assert_true(one >= 100);
	memset(p, 'a', 100);
	assert_non_null(q = other.mem.calloc(10, 10, other.mem.user_data));
	assert_int_equal(other.held, one);
	assert_int_equal(qmem_all(), 2 * one);
	assert_int_equal(q[0] | q[99], 0);
	assert_non_null(p = m.mem.realloc(p, 1000, m.mem.user_data));
	assert_int_equal(m.held, one + 900);
	assert_int_equal(p[99], 'a');
	assert_non_null(p = m.mem.realloc(p, 10, m.mem.user_data));
	assert_int_equal(m.held, one - 90);
	m.mem.free(p, m.mem.user_data);
	m.mem.free(NULL, m.mem.user_data);
	assert_int_equal(m.held, 0);
	other.mem.free(q, other.mem.user_data);
	assert_int_equal(qmem_all(), 0);
}

static void
test_capped(void **state)
{
	struct qmem	 m;
	char		*p;
	size_t		 held;

	(void)state;
	qmem_init(&m, MOST);
	assert_null(m.mem.malloc(MOST, m.mem.user_data));
	assert_int_equal(m.held, 0);
	assert_null(m.mem.malloc(SIZE_MAX, m.mem.user_data));
	assert_null(m.mem.calloc(SIZE_MAX / 2, 3, m.mem.user_data));
	assert_non_null(p = m.mem.malloc(MOST / 2, m.mem.user_data));
	memset(p, 'b', MOST / 2);
	held = m.held;
	/* what it has stays when it gets no more */
	assert_null(m.mem.realloc(p, 2 * MOST, m.mem.user_data));
	assert_null(m.mem.malloc(MOST / 2, m.mem.user_data));
	assert_int_equal(m.held, held);
	assert_int_equal(p[MOST / 2 - 1], 'b');
	m.most = 4 * MOST;			/* it is proven */
	assert_non_null(p = m.mem.realloc(p, 2 * MOST, m.mem.user_data));
	m.most = MOST;			/* above it: only less */
	assert_null(m.mem.malloc(1, m.mem.user_data));
	assert_non_null(p = m.mem.realloc(p, 16, m.mem.user_data));
	m.mem.free(p, m.mem.user_data);
	assert_int_equal(m.held, 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_capped)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
