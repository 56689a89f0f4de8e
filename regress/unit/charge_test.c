/* SPDX-License-Identifier: ISC */

/*
 * What is charged to a source and to the process: each limit, a connection
 * that moves to the source its proxy names, and what comes back at its end.
 */

#include <sys/types.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/log.h"
#include "shared/msg.h"
#include "worker/net/charge.h"
#include "worker/net/source.h"
#include "frame.h"

#define PER_SOURCE	2
#define TOTAL		3

static const uint64_t	 now = 1000000;
static char		 line[LOG_LINE_MAX];

static void
sink(enum log_level level, const char *words, void *arg)
{
	(void)level;
	(void)arg;
	strlcpy(line, words, sizeof(line));
}

static struct addr
host(uint8_t last)
{
	struct addr	 a;

	memset(&a, 0, sizeof(a));
	a.family = ADDR_IPV4;
	a.octets[3] = last;
	return (a);
}

static int
to(struct charge *c, uint8_t last)
{
	struct addr	 a = host(last);

	errno = 0;
	return (charge_to(c, &a));
}

static int
setup(void **state)
{
	static const struct gate_opts	 limits = { 1000, TOTAL, PER_SOURCE,
					    0 };

	(void)state;
	frame_clock = &now;
	log_set_sink(sink, NULL);
	charge_init("tunnel");
	charge_limits(&limits);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(charge_stats()->unproven, 0);
	source_free_all();
	return (0);
}

static void
test_limits(void **state)
{
	struct charge	 c[TOTAL + 1];
	uint64_t	 source = charge_stats()->limited_source;
	uint64_t	 total = charge_stats()->limited_total;
	size_t		 i;

	(void)state;
	memset(c, 0, sizeof(c));
	assert_int_equal(to(&c[0], 1), 0);
	assert_int_equal(to(&c[1], 1), 0);
	assert_int_equal(to(&c[2], 1), -1);
	assert_int_equal(errno, EDQUOT);
	assert_null(c[2].source);
	assert_string_equal(line, "tunnel from 0.0.0.1: closed: its source "
	    "has 2 unproven connections already");
	assert_int_equal(to(&c[2], 2), 0);
	assert_int_equal(charge_stats()->unproven, TOTAL);
	assert_int_equal(to(&c[3], 3), -1);
	assert_int_equal(errno, EDQUOT);
	assert_string_equal(line, "tunnel from 0.0.0.3: closed: 3 "
	    "connections are unproven already");
	assert_int_equal(charge_stats()->limited_source, source + 1);
	assert_int_equal(charge_stats()->limited_total, total + 1);
	/* One less, and there is room for one. */
	charge_release(&c[0]);
	charge_release(&c[0]);
	assert_int_equal(charge_stats()->unproven, TOTAL - 1);
	assert_int_equal(to(&c[3], 3), 0);
	for (i = 1; i <= TOTAL; i++)
		charge_release(&c[i]);
}

/* A full process is no reason against a move; a full source is. */
static void
test_move(void **state)
{
	struct charge	 c[TOTAL];
	size_t		 i;

	(void)state;
	memset(c, 0, sizeof(c));
	for (i = 0; i < TOTAL; i++)
		assert_int_equal(to(&c[i], i < 2 ? 1 : 9), 0);
	assert_int_equal(to(&c[2], 1), -1);
	assert_int_equal(errno, EDQUOT);
	assert_int_equal(c[2].peer.octets[3], 9);
	assert_int_equal(to(&c[2], 2), 0);
	assert_int_equal(c[2].peer.octets[3], 2);
	assert_int_equal(charge_stats()->unproven, TOTAL);
	/* Where it is already, it may stay. */
	assert_int_equal(to(&c[0], 1), 0);
	assert_int_equal(c[0].source->unproven, 2);
	for (i = 0; i < TOTAL; i++)
		charge_release(&c[i]);
}

/* Who is proven can still be spoken of, at the source's rate. */
static void
test_log(void **state)
{
	struct charge	 c = { NULL };
	int		 i, n = 0;

	(void)state;
	assert_int_equal(to(&c, 1), 0);
	charge_release(&c);
	for (i = 0; i < 2 * SOURCE_LINES; i++) {
		line[0] = '\0';
		charge_log(&c, "line %d", i);
		n += line[0] != '\0';
	}
	assert_int_equal(n, SOURCE_LINES);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_move, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log, setup, teardown)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
