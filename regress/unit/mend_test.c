/* SPDX-License-Identifier: ISC */

/*
 * mend.c: which losses bring a new pair, and when one of the two has to go.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "rocketd/chans.h"
#include "rocketd/mend.h"
#include "rocketd/procs.h"
#include "shared/compat.h"

static struct rocketd	 env;
static struct child	 one, two;
static int		 made, wanted;
static struct child	*replaced;

/* ---- in the place of chans.c and procs.c ---- */

int
chans_again(struct rocketd *e, struct child *a, struct child *b)
{
	assert_ptr_equal(e, &env);
	assert_ptr_not_equal(a, b);
	if (wanted != 1)
		return (wanted);
	env.pair++;
	made++;
	return (1);
}

struct child *
chans_to_blame(struct child *a, struct child *b)
{
	(void)a;
	(void)b;
	return (&two);
}

void
procs_breach(struct child *child, const char *why)
{
	assert_non_null(why);
	assert_null(replaced);
	replaced = child;
}

/* ---- a rig ---- */

static int
prepare(void **state)
{
	(void)state;
	memset(&env, 0, sizeof(env));
	assert_non_null(env.base = event_base_new());
	env.phase = PHASE_RUNNING;
	env.pair = 40;
	TAILQ_INIT(&env.children);
	TAILQ_INIT(&env.mends);
	child_init(&one, NULL, PROC_DIAL, SIDE_NONE, 0, 0, "");
	child_init(&two, NULL, PROC_SERVICE, SIDE_CLIENT, 7, 0, "web");
	one.env = two.env = &env;
	one.pid = two.pid = 4711;
	one.generation = 3;
	two.generation = 4;
	TAILQ_INSERT_TAIL(&env.children, &one, entry);
	TAILQ_INSERT_TAIL(&env.children, &two, entry);
	made = 0;
	wanted = 1;
	replaced = NULL;
	return (0);
}

static int
due(const struct event_base *base, const struct event *ev, void *arg)
{
	(void)base;
	memcpy(arg, &ev, sizeof(ev));
	return (1);
}

/* What is kept goes when its time has come, which is now. */
static int
finish(void **state)
{
	struct event	*timer;

	(void)state;
	while (!TAILQ_EMPTY(&env.mends)) {
		assert_int_equal(event_base_foreach_event(env.base, due,
		    &timer), 1);
		event_active(timer, EV_TIMEOUT, 0);
		assert_int_not_equal(event_base_loop(env.base,
		    EVLOOP_NONBLOCK), -1);
	}
	event_base_free(env.base);
	return (0);
}

/* Until the timer has fired that a loss has set. */
static void
soon(void)
{
	struct timeval	 tv = { 0, 60 * 1000 };

	assert_int_equal(event_base_loopexit(env.base, &tv), 0);
	assert_int_not_equal(event_base_dispatch(env.base), -1);
}

/* ---- tests ---- */

static void
test_once(void **state)
{
	(void)state;
	mend_lost(&one, &two, 12);
	assert_int_equal(made, 0);	/* it may just have died */
	mend_lost(&two, &one, 12);	/* the other end of the same */
	soon();
	assert_int_equal(made, 1);
	assert_int_equal(env.mended, 1);
	mend_lost(&two, &one, 12);	/* it is late */
	soon();
	assert_int_equal(made, 1);
	mend_lost(&two, &one, env.pair);	/* the new one is lost too */
	soon();
	assert_int_equal(made, 2);
	assert_null(replaced);
}

static void
test_died(void **state)
{
	(void)state;
	mend_lost(&one, &two, 12);
	two.pid = 0;
	soon();
	assert_int_equal(made, 0);
	assert_true(TAILQ_EMPTY(&env.mends));
	two.pid = 4712;
	mend_lost(&one, &two, 12);
	two.generation++;		/* and was started again */
	soon();
	assert_int_equal(made, 0);
	mend_lost(&one, &two, 12);
	wanted = 0;
	soon();
	assert_int_equal(env.mended, 0);
	assert_true(TAILQ_EMPTY(&env.mends));
	assert_null(replaced);
}

static void
test_ends(void **state)
{
	(void)state;
	mend_lost(&one, &two, 12);
	env.phase = PHASE_STOPPING;
	soon();
	assert_int_equal(made, 0);
	assert_true(TAILQ_EMPTY(&env.mends));
}

static void
test_again_and_again(void **state)
{
	int	 i;

	(void)state;
	for (i = 1; i <= 8; i++) {
		mend_lost(&one, &two, env.pair);
		soon();
		assert_int_equal(made, i);
	}
	assert_null(replaced);
	mend_lost(&one, &two, env.pair);
	assert_ptr_equal(replaced, &two);
	assert_true(TAILQ_EMPTY(&env.mends));
}

static void
test_no_pair(void **state)
{
	(void)state;
	wanted = -1;
	mend_lost(&one, &two, 12);
	soon();
	assert_ptr_equal(replaced, &two);
	assert_true(TAILQ_EMPTY(&env.mends));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_once, prepare, finish),
		cmocka_unit_test_setup_teardown(test_died, prepare, finish),
		cmocka_unit_test_setup_teardown(test_ends, prepare, finish),
		cmocka_unit_test_setup_teardown(test_again_and_again, prepare,
		    finish),
		cmocka_unit_test_setup_teardown(test_no_pair, prepare, finish)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
