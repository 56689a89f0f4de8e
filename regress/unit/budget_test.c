/* SPDX-License-Identifier: ISC */

/*
 * The budget: what is held, when it is tight and when it is full, how often
 * the worst readers are reset, and what the log says of it and how often.
 */

#include <sys/types.h>
#include <sys/resource.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/net/budget.h"

#define SECOND	1000000ULL

static struct budget	 b;
static unsigned int	 nasked, nrelieved, nlines;
static int		 stale;		/* it has been so for long */
static int64_t		 relief;	/* octets of the worst reader, 0 none */
static char		 line_is[256];

static int
relieve(int any)
{
	nasked++;
	if (!any && !stale)
		return (0);
	nrelieved++;
	budget_hold(&b, -relief);
	return (relief != 0);
}

static void
sink(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	assert_int_equal(level, LOGLEVEL_WARN);
	nlines++;
	strlcpy(line_is, line, sizeof(line_is));
}

static int
prepare(void **state)
{
	(void)state;
	budget_init(&b, relieve);
	b.max = 800;
	nasked = nrelieved = nlines = 0;
	relief = 0;
	stale = 0;
	log_set_sink(sink, NULL);
	return (0);
}

/* ---- octets ---- */

static void
test_hold(void **state)
{
	(void)state;
	assert_int_equal(b.held, 0);
	assert_int_equal(budget_left(&b), 800);
	budget_hold(&b, 300);
	budget_hold(&b, 500);
	budget_hold(&b, -100);
	assert_int_equal(b.held, 700);
	assert_int_equal(budget_left(&b), 100);
	budget_hold(&b, 100);
	assert_int_equal(budget_left(&b), 0);
	budget_hold(&b, 1);
	assert_int_equal(budget_left(&b), 0);	/* and not less */
	budget_hold(&b, -801);
	assert_int_equal(b.held, 0);
	budget_hold(&b, INT64_MAX);
	budget_hold(&b, -INT64_MAX);
	assert_int_equal(b.held, 0);
	assert_int_equal(nrelieved, 0);	/* that is for whoever charges it */
}

/* From seven eighths on; a budget of next to nothing is tight by an octet. */
static void
test_tight(void **state)
{
	(void)state;
	assert_false(budget_tight(&b));
	budget_hold(&b, 700);
	assert_false(budget_tight(&b));
	budget_hold(&b, 1);
	assert_true(budget_tight(&b));
	budget_hold(&b, 1000);
	assert_true(budget_tight(&b));
	b.max = UINT64_MAX;
	assert_false(budget_tight(&b));
	b.max = 7;
	budget_hold(&b, -1701);
	assert_false(budget_tight(&b));
	budget_hold(&b, 1);
	assert_true(budget_tight(&b));
}

/* No more than it takes, and not for ever when nobody holds anything. */
static void
test_enforce(void **state)
{
	(void)state;
	relief = 10;
	budget_hold(&b, 800);
	budget_enforce(&b);
	assert_int_equal(nrelieved, 0);
	budget_hold(&b, 1);
	budget_enforce(&b);
	assert_int_equal(nrelieved, 1);
	assert_int_equal(b.held, 791);
	budget_hold(&b, 39);
	budget_enforce(&b);
	assert_int_equal(nrelieved, 4);
	assert_int_equal(b.held, 800);
	relief = 0;
	budget_hold(&b, 1);
	budget_enforce(&b);
	assert_int_equal(nrelieved, 5);
	assert_int_equal(b.held, 801);
	assert_int_equal(nlines, 0);	/* who resets says it */
}

/* Tight for five seconds on end: until it is not. */
static void
test_tick(void **state)
{
	uint64_t	 now = 7 * SECOND;

	(void)state;
	relief = 30;
	budget_tick(&b, now);
	budget_hold(&b, 790);
	budget_tick(&b, now += SECOND);
	budget_tick(&b, now += 5 * SECOND - 1);
	assert_int_equal(nrelieved, 0);
	budget_tick(&b, now += 1);
	assert_int_equal(nrelieved, 3);
	assert_int_equal(b.held, 700);
	budget_tick(&b, now += 1);
	/* And anew. */
	budget_hold(&b, 10);
	budget_tick(&b, now += SECOND);
	budget_tick(&b, now += 4 * SECOND);
	budget_hold(&b, -10);		/* it was not for five seconds */
	budget_tick(&b, now += SECOND / 2);
	budget_hold(&b, 10);
	budget_tick(&b, now += SECOND / 2);
	budget_tick(&b, now += 4 * SECOND);
	assert_int_equal(nrelieved, 3);
	budget_tick(&b, now += 3 * SECOND);
	assert_int_equal(nrelieved, 4);
}

/* Who has been without progress for long goes at once, and nobody else. */
static void
test_tick_stale(void **state)
{
	(void)state;
	relief = 30;
	stale = 1;
	budget_hold(&b, 790);
	budget_tick(&b, SECOND);
	assert_int_equal(nrelieved, 3);
	assert_int_equal(b.held, 700);
	assert_int_equal(b.shed, 3);
	budget_tick(&b, 2 * SECOND);
	assert_int_equal(nrelieved, 3);
}

/* All that were shed are said, in a line every ten seconds. */
static void
test_log(void **state)
{
	(void)state;
	relief = 30;
	stale = 1;
	budget_hold(&b, 830);
	budget_enforce(&b);
	budget_tick(&b, SECOND);
	assert_int_equal(nlines, 1);
	assert_string_equal(line_is, "memory: 5 connections were closed to "
	    "keep within 800 octets, 680 are held");
	budget_hold(&b, 30);
	budget_tick(&b, 2 * SECOND);
	budget_hold(&b, 30);
	budget_tick(&b, 11 * SECOND - 1);
	assert_int_equal(nlines, 1);
	budget_tick(&b, 11 * SECOND);
	assert_int_equal(nlines, 2);
	assert_string_equal(line_is, "memory: 2 connections were closed to "
	    "keep within 800 octets, 680 are held");
	budget_tick(&b, 30 * SECOND);
	assert_int_equal(nlines, 2);
}

/* What will be given back soon is not asked for again. */
static void
test_going(void **state)
{
	(void)state;
	relief = 0;
	budget_hold(&b, 1000);
	budget_going(&b, 200);
	budget_enforce(&b);
	assert_int_equal(nasked, 0);
	assert_true(budget_tight(&b));
	budget_going(&b, 100);
	assert_false(budget_tight(&b));
	budget_hold(&b, -100);		/* some of it is */
	budget_going(&b, -100);
	assert_false(budget_tight(&b));
	budget_going(&b, -200);		/* and the rest stays */
	budget_enforce(&b);
	assert_int_equal(nasked, 1);
}

/* What is held is no reader's: there is nothing to be said. */
static void
test_tick_nobody(void **state)
{
	uint64_t	 now;

	(void)state;
	budget_hold(&b, 790);
	for (now = SECOND; now <= 12 * SECOND; now += SECOND)
		budget_tick(&b, now);
	assert_int_equal(nrelieved, 7);	/* from the sixth second on */
	assert_int_equal(b.shed, 0);
	assert_int_equal(nlines, 0);
	assert_int_equal(b.held, 790);
}

/*
 * A quarter of a MiB that was freed is given back to the system, every ten
 * seconds at most; of much memory no less than an eighth, for looking costs.
 */
static void
test_trim(void **state)
{
	uint64_t	 now = 20 * SECOND;

	(void)state;
	b.max = UINT64_MAX;
	budget_hold(&b, 1024 * 1024);
	budget_tick(&b, now);
	budget_hold(&b, -255 * 1024);
	budget_tick(&b, now += SECOND);
	assert_int_equal(b.trimmed, 0);
	budget_hold(&b, -1024);
	budget_tick(&b, now += SECOND);
	assert_int_equal(b.trimmed, now);
	budget_hold(&b, 512 * 1024);
	budget_hold(&b, -512 * 1024);
	budget_tick(&b, now + 10 * SECOND - 1);
	assert_int_equal(b.trimmed, now);
	budget_tick(&b, now += 10 * SECOND);
	assert_int_equal(b.trimmed, now);
	budget_tick(&b, now + 10 * SECOND);	/* nothing since */
	assert_int_equal(b.trimmed, now);
	budget_hold(&b, 800 * 1024 * 1024);
	budget_hold(&b, -80 * 1024 * 1024);
	budget_tick(&b, now + 20 * SECOND);
	assert_int_equal(b.trimmed, now);
	budget_hold(&b, -80 * 1024 * 1024);
	budget_tick(&b, now + 21 * SECOND);
	assert_int_equal(b.trimmed, now + 21 * SECOND);
}

/* ---- descriptors ---- */

/* What users get of a limit: all but a reserve, small in a large one. */
static void
test_init(void **state)
{
	struct rlimit	 rl, own;
	uint32_t	 eighth;
	rlim_t		 n;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &own), 0);
	for (n = 64; n <= own.rlim_cur && n <= 65536; n *= 2) {
		rl = own;
		rl.rlim_cur = n;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
		b.held = b.fds = b.fds_short = b.fds_logged = b.tight_since =
		    1;
		budget_init(&b, relieve);
		eighth = n / 8;
		assert_in_range(b.fds_max, n - 2 * eighth, n - 2);
		if (n >= 16384)
			assert_in_range(b.fds_max, n - n / 16, n - 2);
		assert_int_equal(b.held + b.fds + b.fds_short + b.fds_logged +
		    b.tight_since, 0);
		assert_ptr_equal(b.relieve, relieve);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &own), 0);
}

static void
test_full(void **state)
{
	(void)state;
	b.fds_max = 3;
	b.fds = 2;
	assert_false(budget_full(&b));
	b.fds++;
	assert_true(budget_full(&b));
	b.fds++;			/* of the reserve */
	assert_true(budget_full(&b));
}

/* Each is counted; a line in ten seconds says how many. */
static void
test_was_full(void **state)
{
	uint64_t	 now = 3 * SECOND;
	int		 i;

	(void)state;
	b.fds = 42;
	budget_was_full(&b, now, "users wait");
	assert_int_equal(b.fds_short, 1);
	assert_int_equal(nlines, 1);
	assert_string_equal(line_is, "descriptors run short with 42 "
	    "connections and tunnels: users wait, 1 times so far");
	for (i = 0; i < 100; i++)
		budget_was_full(&b, now + i, "users wait");
	budget_was_full(&b, now + 10 * SECOND - 1, "users wait");
	assert_int_equal(b.fds_short, 102);
	assert_int_equal(nlines, 1);
	budget_was_full(&b, now + 10 * SECOND, "a stream is refused");
	assert_int_equal(nlines, 2);
	assert_string_equal(line_is, "descriptors run short with 42 "
	    "connections and tunnels: a stream is refused, 103 times so far");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
#define T(f)	cmocka_unit_test_setup(f, prepare)
		T(test_hold),
		T(test_tight),
		T(test_enforce),
		T(test_tick),
		T(test_tick_stale),
		T(test_log),
		T(test_going),
		T(test_tick_nobody),
		T(test_trim),
		T(test_init),
		T(test_full),
		T(test_was_full),
#undef T
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
