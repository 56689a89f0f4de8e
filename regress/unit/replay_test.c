/* SPDX-License-Identifier: ISC */

/*
 * The register of proofs: what was entered is seen, and nothing else; when it
 * is full the oldest of who has most goes.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/net/replay.h"

#define MAX	1000

static const uint8_t *
proof(uint32_t n)
{
	static uint8_t	 p[REPLAY_PROOF];
	uint32_t	 x = n * 2654435761U + 1;
	size_t		 i;

	memset(p, 0, sizeof(p));
	memcpy(p, &n, sizeof(n));
	for (i = sizeof(n); i < sizeof(p); i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
	return (p);
}

static void
test_seen(void **state)
{
	struct replays	*r = replay_new(MAX);
	uint32_t	 i;

	(void)state;
	assert_non_null(r);
	assert_false(replay_seen(r, proof(1)));
	for (i = 0; i < MAX; i++) {
		assert_false(replay_seen(r, proof(i)));
		replay_enter(r, 7, proof(i));
	}
	for (i = 0; i < MAX; i++)
		assert_true(replay_seen(r, proof(i)));
	assert_false(replay_seen(r, proof(MAX)));
	assert_int_equal(replay_count(r), MAX);
	replay_free(r);
	replay_free(NULL);
}

/* Proofs that somebody has chosen to be alike. */
static void
test_alike(void **state)
{
	struct replays	*r = replay_new(MAX);
	uint8_t		 p[REPLAY_PROOF];
	uint32_t	 i;

	(void)state;
	assert_non_null(r);
	memset(p, 0, sizeof(p));
	for (i = 0; i < 2 * MAX; i++) {
		memcpy(p, &i, sizeof(i));
		assert_false(replay_seen(r, p));
		replay_enter(r, 7, p);
		assert_true(replay_seen(r, p));
	}
	for (i = 0; i < 2 * MAX; i++) {
		memcpy(p, &i, sizeof(i));
		assert_int_equal(replay_seen(r, p), i >= MAX);
	}
	replay_free(r);
}

/* One service's flood pushes out nothing of another's. */
static void
test_full(void **state)
{
	struct replays	*r = replay_new(MAX);
	uint32_t	 i;

	(void)state;
	assert_non_null(r);
	for (i = 0; i < MAX / 4; i++)
		replay_enter(r, 1, proof(i));
	for (i = 0; i < 100 * MAX; i++)
		replay_enter(r, 2, proof(MAX + i));
	assert_int_equal(replay_count(r), MAX);
	for (i = 0; i < MAX / 4; i++)
		assert_true(replay_seen(r, proof(i)));
	assert_true(replay_seen(r, proof(101 * MAX - 1)));
	assert_true(replay_seen(r, proof(101 * MAX - MAX * 3 / 4)));
	assert_false(replay_seen(r, proof(101 * MAX - MAX * 3 / 4 - 1)));
	/* It goes on growing up to its part. */
	for (i = 0; i < MAX; i++)
		replay_enter(r, 1, proof(200 * MAX + i));
	assert_int_equal(replay_count(r), MAX);
	assert_false(replay_seen(r, proof(0)));
	assert_true(replay_seen(r, proof(201 * MAX - MAX / 2)));
	assert_true(replay_seen(r, proof(101 * MAX - MAX / 2)));
	assert_false(replay_seen(r, proof(101 * MAX - MAX / 2 - 2)));
	replay_free(r);
}

/* How many there may be changes; the oldest go, and there is room after. */
static void
test_limit(void **state)
{
	struct replays	*r = replay_new(0);
	uint32_t	 i;

	(void)state;
	assert_non_null(r);
	replay_enter(r, 1, proof(0));
	assert_false(replay_seen(r, proof(0)));
	replay_limit(r, MAX);
	for (i = 0; i < MAX; i++)
		replay_enter(r, 1, proof(i));
	replay_limit(r, 10);
	assert_int_equal(replay_count(r), 10);
	for (i = 0; i < MAX; i++)
		assert_int_equal(replay_seen(r, proof(i)), i >= MAX - 10);
	for (i = MAX; i < 2 * MAX; i++)
		replay_enter(r, 1, proof(i));
	assert_int_equal(replay_count(r), 10);
	replay_limit(r, 3 * MAX);
	for (i = 2 * MAX; i < 5 * MAX; i++)
		replay_enter(r, 1, proof(i));
	assert_int_equal(replay_count(r), 3 * MAX);
	assert_false(replay_seen(r, proof(2 * MAX - 1)));
	for (i = 2 * MAX; i < 5 * MAX; i++)
		assert_true(replay_seen(r, proof(i)));
	replay_limit(r, 0);
	assert_int_equal(replay_count(r), 0);
	assert_false(replay_seen(r, proof(5 * MAX - 1)));
	replay_free(r);
}

/* Tables of 32 octets an entry, each twice as large as the one before. */
static void
test_fit(void **state)
{
	(void)state;
	assert_int_equal(replay_fit(0), 0);
	assert_int_equal(replay_fit(8 * 1024 - 1), 0);
	assert_int_equal(replay_fit(8 * 1024), 256);
	assert_int_equal(replay_fit(16 * 1024 - 1), 256);
	assert_int_equal(replay_fit(4 * 1024 * 1024), 128 * 1024);
	assert_int_equal(replay_fit(UINT64_MAX), 1 << 24);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_fit)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
