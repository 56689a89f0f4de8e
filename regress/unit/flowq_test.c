/* SPDX-License-Identifier: ISC */

/*
 * flowq: datagrams that wait leave whole and in order, and what waits too much
 * or too long is dropped, the oldest first.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/net/budget.h"
#include "worker/relay/flowq.h"

static struct budget	 budget;
static uint8_t		 some[DATAGRAM_MAX], out[4 * DATAGRAM_MAX];

static int
relieve(int any)
{
	(void)any;
	return (0);
}

static void
begin(void)
{
	memset(&budget, 0, sizeof(budget));
	budget.max = 16 << 20;
	budget.relieve = relieve;
	flowq_init(&budget, NULL, 0);
}

/* A datagram whose octets are all n. */
static void
put(struct flowq *q, int n, size_t len, uint64_t now)
{
	memset(some, n, len);
	flowq_put(q, some, len, now);
}

static void
test_split_everywhere(void **state)
{
	struct flowq	 q = { 0 };
	size_t		 max, done, n;

	(void)state;
	begin();
	for (max = 1; max < 20; max++) {
		put(&q, 1, 5, 0);
		put(&q, 2, 0, 0);
		put(&q, 3, 300, 0);
		for (done = 0; (n = flowq_pull(&q, out + done, max, 0)) > 0;
		    done += n)
			assert_true(n <= max);
		assert_int_equal(done, 2 + 5 + 2 + 2 + 300);
		assert_memory_equal(out, "\0\5\1\1\1\1\1\0\0\1\x2c\3\3", 13);
		assert_int_equal(out[done - 1], 3);
		assert_int_equal(budget.held, 0);
	}
}

/* A stamp is before each length, wherever it is cut. */
static void
test_stamped(void **state)
{
	struct flowq	 q = { 0 };
	size_t		 max, done, n;

	(void)state;
	begin();
	flowq_init(&budget, (const uint8_t *)"\0\11\47\277", 4);
	assert_int_equal(flowq_head_len(), 6);
	assert_int_equal(flowq_put_head(out, 300), 6);
	assert_memory_equal(out, "\0\11\47\277\1\x2c", 6);
	for (max = 1; max < 20; max++) {
		put(&q, 1, 3, 0);
		put(&q, 2, 300, 0);
		for (done = 0; (n = flowq_pull(&q, out + done, max, 0)) > 0;
		    done += n)
			assert_true(n <= max);
		assert_int_equal(done, 6 + 3 + 6 + 300);
		assert_memory_equal(out, "\0\11\47\277\0\3\1\1\1"
		    "\0\11\47\277\1\x2c\2\2", 17);
		assert_int_equal(out[done - 1], 2);
	}
	/* Its stream is lost in the middle of the stamp: all of it again. */
	put(&q, 1, 1, 0);
	assert_int_equal(flowq_pull(&q, out, 3, 0), 3);
	flowq_again(&q);
	assert_int_equal(flowq_pull(&q, out, 100, 0), 7);
	assert_memory_equal(out, "\0\11\47\277\0\1\1", 7);
	/* What a socket gets has none. */
	put(&q, 4, 2, 0);
	assert_int_equal(flowq_get(&q, out, 0), 2);
	assert_memory_equal(out, "\4\4", 2);
	assert_int_equal(budget.held, 0);
}

/* What fits whole into the next call is not cut, and what never does is. */
static void
test_not_split(void **state)
{
	struct flowq	 q = { 0 };

	(void)state;
	begin();
	put(&q, 1, 10, 0);
	put(&q, 2, 10, 0);
	put(&q, 3, 30, 0);
	assert_int_equal(flowq_pull(&q, out, 23, 0), 12);
	assert_int_equal(flowq_pull(&q, out, 23, 0), 23);
	assert_int_equal(out[2], 2);
	assert_int_equal(out[14], 3);
	assert_int_equal(flowq_pull(&q, out, 23, 0), 21);
	assert_int_equal(flowq_pull(&q, out, 23, 0), 0);
	assert_int_equal(budget.held, 0);
}

static void
test_too_many(void **state)
{
	struct flowq	 q = { 0 };
	uint64_t	 full = flowq_stats()->full;
	int		 i;

	(void)state;
	begin();
	for (i = 1; i <= 5; i++)
		put(&q, i, DATAGRAM_MAX, 0);
	/* Four of the largest are kept, the last ones. */
	assert_int_equal(flowq_stats()->full, full + 1);
	assert_int_equal(flowq_get(&q, out, 0), DATAGRAM_MAX);
	assert_int_equal(out[0], 2);
	put(&q, 6, DATAGRAM_MAX, 0);
	/* One that has begun to leave stays, and the next one goes. */
	assert_int_equal(flowq_pull(&q, out, 3, 0), 3);
	put(&q, 7, DATAGRAM_MAX, 0);
	assert_int_equal(flowq_stats()->full, full + 2);
	assert_int_equal(flowq_pull(&q, out, DATAGRAM_MAX - 1, 0),
	    DATAGRAM_MAX - 1);
	assert_int_equal(out[DATAGRAM_MAX - 2], 3);
	assert_int_equal(flowq_get(&q, out, 0), DATAGRAM_MAX);
	assert_int_equal(out[0], 5);
	flowq_clear(&q);
	assert_int_equal(budget.held, 0);
}

static void
test_too_old(void **state)
{
	struct flowq	 q = { 0 };
	uint64_t	 old = flowq_stats()->old;

	(void)state;
	begin();
	put(&q, 1, 10, 1000000);
	put(&q, 2, 10, 1400000);
	assert_int_equal(flowq_pull(&q, out, 100, 1500001), 12);
	assert_int_equal(out[2], 2);
	assert_int_equal(flowq_stats()->old, old + 1);
	/* Not when it has begun to leave, and not if the clock is behind. */
	put(&q, 3, 10, 2000000);
	put(&q, 4, 10, 2000000);
	assert_int_equal(flowq_pull(&q, out, 1, 1900000), 1);
	assert_int_equal(flowq_pull(&q, out, 100, 9000000), 11);
	assert_int_equal(out[1], 3);
	assert_int_equal(flowq_stats()->old, old + 2);
	assert_int_equal(flowq_pull(&q, out, 100, 9000000), 0);
	assert_int_equal(budget.held, 0);
}

/*
 * Nobody pulls: what is too old goes all the same, in every queue, and its
 * memory with it; one that has begun to leave stays, and hides none behind it.
 */
static void
test_nobody_pulls(void **state)
{
	struct flowq	 a = { 0 }, b = { 0 };
	uint64_t	 old = flowq_stats()->old;
	int64_t		 held;

	(void)state;
	begin();
	assert_int_equal(flowq_age(9000000), UINT64_MAX);
	put(&a, 1, 10, 1000000);
	assert_int_equal(flowq_pull(&a, out, 1, 1000000), 1);
	held = budget.held;
	put(&a, 2, 1000, 1000000);
	put(&b, 3, 2000, 1100000);
	put(&a, 4, 30, 1200000);
	assert_int_equal(flowq_age(1500000), 1500001);
	assert_int_equal(flowq_stats()->old, old);
	assert_int_equal(flowq_age(1500001), 1600001);
	assert_int_equal(flowq_stats()->old, old + 1);
	assert_int_equal(a.octets, 10 + 30);
	assert_int_equal(flowq_age(1600001), 1700001);
	assert_int_equal(flowq_stats()->old, old + 2);
	assert_null(b.head);
	assert_int_equal(flowq_age(9000000), UINT64_MAX);
	assert_int_equal(flowq_stats()->old, old + 3);
	assert_int_equal(budget.held, held);
	assert_int_equal(flowq_pull(&a, out, 100, 9000000), 11);
	/* and one that came last, when the one before it has left */
	put(&a, 5, 10, 9000000);
	assert_int_equal(flowq_age(9000000), 9500001);
	/* its stream is lost: it is like any other */
	assert_int_equal(flowq_pull(&a, out, 1, 9000000), 1);
	assert_int_equal(flowq_age(9500001), UINT64_MAX);
	flowq_again(&a);
	assert_int_equal(flowq_age(9500001), UINT64_MAX);
	assert_null(a.head);
	assert_int_equal(budget.held, 0);
}

static void
test_short_of_memory(void **state)
{
	struct flowq	 q = { 0 };
	uint64_t	 memory = flowq_stats()->memory;
	int		 i;

	(void)state;
	begin();
	budget.held = budget.max / 2 + 1;
	for (i = 1; i <= 20; i++)
		put(&q, i, 1000, 0);
	assert_int_equal(q.octets, 16000);
	assert_int_equal(flowq_get(&q, out, 0), 1000);
	assert_int_equal(out[0], 5);
	budget.held = budget.max;
	put(&q, 21, 1, 0);
	assert_int_equal(flowq_stats()->memory, memory + 1);
	assert_int_equal(q.octets, 15000);
	flowq_clear(&q);
}

/* Its stream was lost in the middle of a datagram: it is sent again, whole. */
static void
test_again(void **state)
{
	struct flowq	 q = { 0 };

	(void)state;
	begin();
	put(&q, 1, 4, 0);
	assert_int_equal(flowq_pull(&q, out, 3, 0), 3);
	flowq_again(&q);
	assert_int_equal(flowq_pull(&q, out, 100, 0), 6);
	assert_memory_equal(out, "\0\4\1\1\1\1", 6);
	flowq_again(&q);
	assert_int_equal(flowq_get(&q, out, 0), -1);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_split_everywhere),
		cmocka_unit_test(test_stamped),
		cmocka_unit_test(test_not_split),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_too_old),
		cmocka_unit_test(test_nobody_pulls),
		cmocka_unit_test(test_short_of_memory),
		cmocka_unit_test(test_again)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
