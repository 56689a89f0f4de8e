/* SPDX-License-Identifier: ISC */

/*
 * Whose turn it is: remotes first and few at a time, workers by turns, and who
 * has to make way.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/dial/queue.h"

#define PLACES	64

static struct owner	 a, b, c;
static struct place	 places[PLACES];
static int		 n;

static struct place *
enter(struct owner *o, enum dial_what what, const char *host, uint32_t port)
{
	struct place	*pl = &places[n++];

	assert_true(n <= PLACES);
	assert_int_equal(queue_enter(pl, pl, o, what, host, port), 0);
	assert_ptr_equal(pl->request, pl);
	return (pl);
}

static struct place *
target(struct owner *o)
{
	return (enter(o, DIAL_TARGET, "", 0));
}

static int
prepare(void **state)
{
	(void)state;
	memset(places, 0, sizeof(places));
	n = 0;
	queue_init(20, 4);
	queue_owner(&a);
	queue_owner(&b);
	queue_owner(&c);
	return (0);
}

static int
finish(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < n; i++)
		queue_leave(&places[i]);
	queue_owner_gone(&a);
	queue_owner_gone(&b);
	queue_owner_gone(&c);
	return (queue_next(9) == NULL && !queue_crowded() ? 0 : -1);
}

/* A worker that asks for much does not keep another waiting. */
static void
test_turns(void **state)
{
	struct place	*pl[8], *other, *remote;
	int		 i;

	(void)state;
	for (i = 0; i < 8; i++)
		pl[i] = target(&a);
	other = target(&b);
	remote = enter(&a, DIAL_REMOTE, "r", 1);
	assert_ptr_equal(queue_next(7), remote);
	assert_ptr_equal(queue_next(7), pl[0]);
	assert_ptr_equal(queue_next(7), other);
	assert_ptr_equal(queue_next(8), pl[1]);
	assert_ptr_equal(queue_next(8), pl[2]);
	assert_int_equal(pl[2]->since, 8);
	assert_null(queue_next(8));		/* four is all there is */
	assert_true(queue_crowded());
	/* a remote has room of its own */
	remote = enter(&c, DIAL_REMOTE, "r", 1);
	assert_ptr_equal(queue_next(9), remote);
	assert_null(queue_next(9));
	queue_leave(pl[5]);			/* it was cancelled */
	queue_leave(pl[0]);
	assert_ptr_equal(queue_next(9), pl[3]);
	assert_null(queue_next(9));
}

/* Who has more than its part loses the oldest, once that had its time. */
static void
test_victim(void **state)
{
	struct place	*pl[5], *other, *more;
	int		 i;

	(void)state;
	for (i = 0; i < 5; i++)
		pl[i] = target(&a);
	for (i = 0; i < 4; i++)
		assert_ptr_equal(queue_next(100 + i), pl[i]);
	/* it only competes with itself */
	assert_null(queue_victim(100 + 10 * QUEUE_SHED));
	other = target(&b);
	assert_null(queue_victim(99 + QUEUE_SHED));
	assert_ptr_equal(queue_victim(100 + QUEUE_SHED), pl[0]);
	queue_leave(pl[0]);
	assert_null(queue_victim(100 + QUEUE_SHED));	/* there is room */
	assert_ptr_equal(queue_next(200), other);
	/* three and one: the next makes it two and two, and that is fair */
	more = target(&b);
	assert_ptr_equal(queue_victim(101 + QUEUE_SHED), pl[1]);
	queue_leave(pl[1]);
	assert_ptr_equal(queue_next(200), more);
	(void)target(&b);
	assert_null(queue_victim(200 + 10 * QUEUE_SHED));
	/* a third one has a part, too */
	(void)target(&c);
	assert_non_null(queue_victim(200 + 10 * QUEUE_SHED));
}

static void
test_pace(void **state)
{
	struct place	*pl[QUEUE_PACE + 8];
	int		 i;

	(void)state;
	/* eight of one worker */
	for (i = 0; i < QUEUE_PACE_OWNER + 2; i++)
		pl[i] = enter(&a, DIAL_REMOTE, "r", 1);
	for (i = 0; i < QUEUE_PACE_OWNER; i++)
		assert_ptr_equal(queue_next(1), pl[i]);
	assert_null(queue_next(1));
	/* connected is not enough; over is */
	queue_settling(pl[3]);
	assert_null(queue_next(1));
	queue_leave(pl[3]);
	assert_ptr_equal(queue_next(1), pl[QUEUE_PACE_OWNER]);
	assert_null(queue_next(1));
	/* another port, or host, is another server */
	pl[3] = enter(&a, DIAL_REMOTE, "r", 2);
	assert_ptr_equal(queue_next(1), pl[3]);
	pl[3] = enter(&a, DIAL_REMOTE, "s", 1);
	assert_ptr_equal(queue_next(1), pl[3]);
	/* sixteen of all, and the first of each worker before its second */
	for (i = 0; i < 7; i++)
		pl[10 + i] = enter(&b, DIAL_REMOTE, "r", 1);
	pl[17] = enter(&c, DIAL_REMOTE, "r", 1);
	pl[18] = enter(&c, DIAL_REMOTE, "r", 1);
	assert_ptr_equal(queue_next(1), pl[10]);
	assert_ptr_equal(queue_next(1), pl[17]);
	for (i = 0; i < 6; i++)
		assert_non_null(queue_next(1));
	assert_null(queue_next(1));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_turns, prepare, finish),
		cmocka_unit_test_setup_teardown(test_victim, prepare, finish),
		cmocka_unit_test_setup_teardown(test_pace, prepare, finish)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
