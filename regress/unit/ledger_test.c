/* SPDX-License-Identifier: ISC */

/*
 * The ledger: who is shed at each cap and for relief, who is spared, who is
 * refused and when not any more, how many lines there are, and that a million
 * sources leave no more behind than the bounds say.
 */

#include <sys/types.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "shared/log.h"
#include "worker/net/ledger.h"
#include "worker/net/penalty.h"
#include "worker/net/source.h"
#include "frame.h"

#define SECOND	1000000ULL
#define N	64

struct conn {
	struct charge	 charge;
	const char	*shed;		/* why, or NULL */
};

static uint64_t		 now;
static struct ledger	*ledger;
static struct conn	 conns[N];
static char		 line[LOG_LINE_MAX];
static int		 nlines;

static void
sink(enum log_level level, const char *words, void *arg)
{
	(void)level;
	(void)arg;
	strlcpy(line, words, sizeof(line));
	nlines++;
}

static void
shed(struct charge *c, const char *why)
{
	struct conn	*conn = (struct conn *)(void *)c;

	assert_null(c->source);
	assert_null(conn->shed);
	conn->shed = why;
}

static struct addr
ipv4(uint32_t host)
{
	struct addr	 a;

	memset(&a, 0, sizeof(a));
	a.family = ADDR_IPV4;
	a.octets[0] = 10;
	a.octets[1] = (uint8_t)(host >> 16);
	a.octets[2] = (uint8_t)(host >> 8);
	a.octets[3] = (uint8_t)host;
	return (a);
}

/* The /48, the /56 in it, the /64 in that, the host in that. */
static struct addr
ipv6(uint8_t a48, uint8_t a56, uint8_t a64, uint8_t host)
{
	struct addr	 a;

	memset(&a, 0, sizeof(a));
	a.family = ADDR_IPV6;
	a.octets[0] = 0x20;
	a.octets[5] = a48;
	a.octets[6] = a56;
	a.octets[7] = a64;
	a.octets[15] = host;
	return (a);
}

/* The next moment: what comes or moves then has waited less. */
static int
enter(int i, struct addr from, uint32_t share)
{
	now += SECOND;
	conns[i].charge.shed = shed;
	errno = 0;
	return (ledger_enter(ledger, &conns[i].charge, &from, share));
}

static int
held(void)
{
	return ((int)ledger_stats(ledger)->held);
}

static void
limits(uint32_t total, uint32_t per_source, uint32_t min, uint32_t max)
{
	const struct ledger_limits	 l = { total, per_source, min, max };

	ledger_limits(ledger, &l);
}

static int
setup(void **state)
{
	(void)state;
	memset(conns, 0, sizeof(conns));
	now = 1000 * SECOND;
	nlines = 0;
	frame_clock = &now;
	log_set_sink(sink, NULL);
	if ((frame_base = event_base_new()) == NULL)
		return (-1);
	return ((ledger = ledger_new("tunnel")) == NULL ? -1 : 0);
}

static int
teardown(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < N; i++)
		ledger_leave(&conns[i].charge);
	assert_int_equal(ledger_stats(ledger)->held, 0);
	assert_int_equal(ledger_stats(ledger)->octets, 0);
	assert_int_equal(ledger_relieve(ledger, LEDGER_CONNECTIONS, "x"), 0);
	ledger_free(ledger);
	event_base_free(frame_base);
	return (0);
}

/* Exactly these have been shed, in any order. */
static void
is_shed(int n, ...)
{
	int	 want[N] = { 0 }, i;
	va_list	 ap;

	va_start(ap, n);
	while (n-- > 0)
		want[va_arg(ap, int)] = 1;
	va_end(ap);
	for (i = 0; i < N; i++)
		if ((conns[i].shed != NULL) != want[i])
			fail_msg("%d: %s", i, conns[i].shed != NULL ?
			    "is shed" : "is not shed");
}

/* A source at its cap loses its own, and never the newcomer. */
static void
test_per_source(void **state)
{
	int	 i;

	(void)state;
	limits(0, 3, 0, 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(enter(i, ipv4(1), 0), 0);
	now += SECOND;
	ledger_progress(&conns[0].charge);
	assert_int_equal(enter(3, ipv4(2), 0), 0);
	is_shed(0);
	assert_int_equal(enter(4, ipv4(1), 1), 0);
	is_shed(1, 1);
	assert_int_equal(ledger_stats(ledger)->shed_source, 1);
	assert_string_equal(line, "tunnel from 10.0.0.1: closed: its source "
	    "has too many, and this one has waited longest");
	/* Who speaks for others has no such cap. */
	for (i = 5; i < 10; i++) {
		conns[i].charge.exempt = 1;
		assert_int_equal(enter(i, ipv4(9), 0), 0);
	}
	is_shed(1, 1);
}

/* At the cap of all: heaviest network, source in it, stalest of that. */
static void
test_total(void **state)
{
	(void)state;
	limits(8, 0, 0, 0);
	assert_int_equal(enter(0, ipv4(0x0101), 0), 0);	/* the one /24 */
	assert_int_equal(enter(1, ipv4(0x0201), 0), 0);	/* the other */
	assert_int_equal(enter(2, ipv4(0x0201), 0), 0);
	assert_int_equal(enter(3, ipv4(0x0202), 0), 0);
	assert_int_equal(enter(4, ipv6(1, 0, 0, 0), 0), 0);
	assert_int_equal(enter(5, ipv6(1, 1, 1, 0), 0), 0);
	assert_int_equal(enter(6, ipv6(1, 1, 2, 0), 0), 0);
	assert_int_equal(enter(7, ipv6(1, 1, 2, 1), 0), 0);
	/* The /48 has 4, its /56 has 3 of them, that one's /64 2. */
	assert_int_equal(enter(8, ipv4(0x0301), 0), 0);
	is_shed(1, 6);
	/* Now the /24 and the /48 have 3: who has waited longest of both. */
	assert_int_equal(enter(9, ipv4(0x0401), 0), 0);
	is_shed(2, 6, 1);
	assert_int_equal(held(), 8);
	assert_int_equal(ledger_stats(ledger)->shed_total, 2);
}

/* A flood in one share costs no other share anything. */
static void
test_shares(void **state)
{
	int	 i;

	(void)state;
	limits(10, 0, 0, 0);
	assert_int_equal(enter(0, ipv4(0x0101), 7), 0);
	assert_int_equal(enter(1, ipv4(0x0101), 7), 0);
	for (i = 2; i < 40; i++)
		assert_int_equal(enter(i, ipv4((uint32_t)i << 8), 8), 0);
	assert_null(conns[0].shed);
	assert_null(conns[1].shed);
	/* One that moves to another share weighs there. */
	for (i = 32; i < 37; i++) {
		now += SECOND;
		assert_int_equal(ledger_enter(ledger, &conns[i].charge,
		    &conns[i].charge.peer, 7), 0);
	}
	assert_int_equal(held(), 10);
	assert_int_equal(enter(40, ipv4(0x5001), 8), 0);
	assert_non_null(conns[0].shed);
	assert_null(conns[37].shed);
}

/* Who wakes up again and again is not the stalest. */
static void
test_progress(void **state)
{
	int	 i;

	(void)state;
	limits(4, 0, 0, 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(enter(i, ipv4((uint32_t)i << 8), 0), 0);
	now += SECOND;
	ledger_progress(&conns[0].charge);
	now += LEDGER_GRAIN_US - 1;
	ledger_progress(&conns[2].charge);
	/* Not finer than the grain. */
	ledger_progress(&conns[0].charge);
	assert_int_equal(enter(4, ipv4(0x0400), 0), 0);
	is_shed(1, 1);
	assert_int_equal(enter(5, ipv4(0x0500), 0), 0);
	is_shed(2, 1, 3);
	assert_int_equal(enter(6, ipv4(0x0600), 0), 0);
	is_shed(3, 1, 3, 0);
}

/* Who would be next is who is; looking changes nothing. */
static void
test_heaviest(void **state)
{
	const struct charge	*c;
	uint64_t		 held;
	int			 i;

	(void)state;
	limits(0, 0, 0, 0);
	assert_null(ledger_heaviest(ledger, LEDGER_CONNECTIONS, &held));
	assert_int_equal(held, 0);
	for (i = 0; i < 5; i++)
		assert_int_equal(enter(i, ipv4(i < 2 ? 1 : 0x0200), 0), 0);
	c = ledger_heaviest(ledger, LEDGER_CONNECTIONS, &held);
	assert_ptr_equal(c, &conns[2].charge);
	assert_int_equal(held, 3);
	assert_null(ledger_heaviest(ledger, LEDGER_OCTETS, &held));
	assert_int_equal(ledger_relieve(ledger, LEDGER_CONNECTIONS, "x"), 1);
	is_shed(1, 2);
}

/* The proven come last, whatever they hold; and not for ever. */
static void
test_spared(void **state)
{
	int	 i;

	(void)state;
	limits(8, 0, 0, 0);
	for (i = 0; i < 6; i++)
		assert_int_equal(enter(i, ipv4(1), 0), 0);
	ledger_proven(&conns[0].charge);
	ledger_leave(&conns[0].charge);
	assert_int_equal(enter(6, ipv4(0x0600), 0), 0);
	assert_int_equal(enter(7, ipv4(0x0700), 0), 0);
	assert_int_equal(enter(8, ipv4(0x0800), 0), 0);
	assert_int_equal(enter(9, ipv4(1), 0), 0);
	is_shed(1, 6);
	assert_int_equal(enter(10, ipv4(1), 0), 0);
	assert_int_equal(enter(11, ipv4(1), 0), 0);
	is_shed(3, 6, 7, 8);
	/* Nobody else is left. */
	assert_int_equal(enter(12, ipv4(1), 0), 0);
	is_shed(4, 6, 7, 8, 1);
	now += LEDGER_LATELY_US;
	assert_int_equal(enter(13, ipv4(0x0901), 0), 0);
	is_shed(5, 6, 7, 8, 1, 2);
	assert_int_equal(enter(14, ipv4(0x0901), 0), 0);
	is_shed(6, 6, 7, 8, 1, 2, 3);
}

/* A connection moves to whom its proxy names; caps hold there too. */
static void
test_move(void **state)
{
	int	 i;

	(void)state;
	limits(4, 2, 0, 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(enter(i, ipv4(1), 0), 0);
	assert_int_equal(enter(2, ipv4(0x0901), 0), 0);
	assert_int_equal(enter(3, ipv4(0x0902), 0), 0);
	ledger_cost(&conns[2].charge, 5000);
	/* All is full, yet only the source's own has to go. */
	assert_int_equal(enter(2, ipv4(1), 0), 0);
	is_shed(1, 0);
	assert_int_equal(held(), 3);
	assert_int_equal(ledger_stats(ledger)->octets, 5000);
	assert_string_equal(addr_print(&conns[2].charge.peer), "10.0.0.1");
	/* Where it is already, it may stay. */
	assert_int_equal(enter(2, ipv4(1), 0), 0);
	is_shed(1, 0);
}

/* Memory: who holds most octets, of that who is stalest and holds any. */
static void
test_octets(void **state)
{
	(void)state;
	limits(0, 0, 0, 0);
	assert_int_equal(enter(0, ipv4(1), 0), 0);
	assert_int_equal(enter(1, ipv4(1), 0), 0);
	assert_int_equal(enter(2, ipv4(1), 0), 0);
	assert_int_equal(enter(3, ipv4(0x0301), 0), 0);
	assert_int_equal(ledger_relieve(ledger, LEDGER_OCTETS, "memory"), 0);
	ledger_cost(&conns[1].charge, 100000);
	ledger_cost(&conns[2].charge, 300000);
	ledger_cost(&conns[3].charge, 350000);
	assert_int_equal(ledger_relieve(ledger, LEDGER_OCTETS, "memory"), 1);
	is_shed(1, 1);
	assert_string_equal(line, "tunnel from 10.0.0.1: closed: memory");
	assert_int_equal(ledger_stats(ledger)->octets, 650000);
	assert_int_equal(ledger_relieve(ledger, LEDGER_OCTETS, "memory"), 1);
	is_shed(2, 1, 3);
	ledger_cost(&conns[2].charge, -300000);
	assert_int_equal(ledger_relieve(ledger, LEDGER_OCTETS, "memory"), 0);
	assert_int_equal(ledger_stats(ledger)->shed_relief, 2);
}

/* A cap that is lower after a reload holds at once. */
static void
test_lower(void **state)
{
	int	 i;

	(void)state;
	limits(20, 0, 0, 0);
	for (i = 0; i < 20; i++)
		assert_int_equal(enter(i, ipv4((uint32_t)i), 0), 0);
	limits(5, 0, 0, 0);
	assert_int_equal(held(), 5);
	assert_null(conns[19].shed);
}

static int
refused(int i, struct addr from)
{
	int	 r = enter(i, from, 0);

	assert_true(r == 0 || errno == EPERM);
	ledger_leave(&conns[i].charge);
	return (r == -1);
}

static void
test_penalty(void **state)
{
	struct ledger_penalty	 p;
	struct addr		 a = ipv4(1);

	(void)state;
	limits(0, 0, 15, 60);
	assert_int_equal(enter(0, a, 0), 0);
	ledger_penalty(&conns[0].charge, 10, "garbage");
	assert_false(refused(1, a));
	/* Seconds pass: these two do not add up to 15. */
	now += 7 * SECOND;
	ledger_penalty(&conns[0].charge, 10, "garbage");
	assert_false(refused(1, a));
	ledger_leave(&conns[0].charge);
	ledger_penalty(&conns[0].charge, 10, "a false binder");
	assert_true(refused(1, a));
	assert_string_equal(line, "tunnel from 10.0.0.1: refused: penalty of "
	    "10.0.0.1: a false binder");
	assert_false(refused(1, ipv4(2)));
	assert_int_equal(ledger_penalty_next(ledger, NULL, &p), 1);
	assert_int_equal(p.bits, 24);
	assert_int_equal(p.inside, 1);
	assert_int_equal(ledger_penalty_next(ledger, &p, &p), 1);
	assert_int_equal(p.refused, 1);
	assert_int_equal(p.left, 19);
	assert_int_equal(p.turned_away, 1);
	assert_string_equal(p.why, "a false binder");
	assert_int_equal(ledger_penalty_next(ledger, &p, &p), 0);
	now += 17 * SECOND;
	assert_true(refused(1, a));
	now += SECOND;
	assert_false(refused(1, a));
	assert_int_equal(ledger_penalty_next(ledger, NULL, &p), 0);
	/* Never longer than so long. */
	ledger_penalty(&conns[0].charge, 1000, "garbage");
	now += 58 * SECOND;
	assert_true(refused(1, a));
	now += SECOND;
	assert_false(refused(1, a));
	assert_int_equal(ledger_stats(ledger)->refused, 3);
	assert_int_equal(ledger_stats(ledger)->penalties, 2);
}

/* Who proves itself is forgiven, and not refused for a neighbour's sake. */
static void
test_forgiven(void **state)
{
	struct ledger_penalty	 p;

	(void)state;
	limits(0, 0, 5, 60);
	assert_int_equal(enter(0, ipv4(1), 0), 0);
	assert_int_equal(enter(1, ipv4(1), 0), 0);
	ledger_penalty(&conns[0].charge, 60, "garbage");
	assert_true(refused(2, ipv4(1)));
	ledger_proven(&conns[1].charge);
	assert_false(refused(2, ipv4(1)));
	ledger_penalty(&conns[0].charge, 60, "garbage");
	assert_string_equal(line, "tunnel from 10.0.0.1: its source has a "
	    "penalty, but has proven itself and is let in: garbage");
	assert_false(refused(2, ipv4(1)));
	/* nor is it shown as refused; the first is its network */
	assert_int_equal(ledger_penalty_next(ledger, NULL, &p), 1);
	assert_int_equal(ledger_penalty_next(ledger, &p, &p), 1);
	assert_int_equal(p.bits, 32);
	assert_int_equal(p.refused, 0);
	/* This host, and who speaks for others, have none. */
	conns[3].charge.exempt = 1;
	assert_int_equal(enter(3, ipv4(3), 0), 0);
	ledger_penalty(&conns[3].charge, 60, "garbage");
	assert_false(refused(4, ipv4(3)));
}

/* Many refused in one network refuse the network, and the one around it. */
static void
test_networks(void **state)
{
	struct addr	 a;
	int		 i, j;

	(void)state;
	limits(0, 0, 5, 1000);
	for (i = 0; i < PENALTY_NETWORK; i++)
		for (j = 0; j < PENALTY_NETWORK; j++) {
			a = ipv6(1, (uint8_t)i, (uint8_t)j, 1);
			assert_false(refused(0, a));
			ledger_penalty(&conns[0].charge, 600, "garbage");
		}
	assert_true(refused(0, ipv6(1, 200, 200, 1)));
	assert_false(refused(0, ipv6(2, 0, 0, 1)));
	/* As soon as the first few of them are not, nor is what is around. */
	now += 300 * SECOND;
	assert_true(refused(0, ipv6(1, 200, 200, 1)));
	now += 60 * SECOND;
	assert_false(refused(0, ipv6(1, 200, 200, 1)));
	assert_true(refused(0, ipv6(1, 15, 200, 1)));
	now += 300 * SECOND;
	assert_false(refused(0, ipv6(1, 15, 15, 1)));
	assert_int_equal(ledger_penalty_next(ledger, NULL,
	    &(struct ledger_penalty){ 0 }), 0);
}

static void
test_lines(void **state)
{
	struct addr	 a;
	uint32_t	 i;
	int		 known;

	(void)state;
	limits(0, 0, 0, 0);
	assert_int_equal(enter(0, ipv4(0xffff01), 0), 0);
	ledger_proven(&conns[0].charge);
	a = ipv4(1);
	for (i = 0; i < 2 * SOURCE_LINES; i++)
		ledger_log(ledger, &a, "line %u", i);
	assert_int_equal(nlines, SOURCE_LINES);
	now += SOURCE_LINE_S * SECOND;
	ledger_log(ledger, &a, "again");
	assert_string_equal(line, "tunnel from 10.0.0.1: again (and 5 lines "
	    "more about this source, not logged)");
	/* Ten thousand sources in a second: a few lines. */
	nlines = 0;
	for (i = 0; i < 10000; i++) {
		a = ipv4(0x10000 + i);
		ledger_log(ledger, &a, "line");
	}
	assert_in_range(nlines, 1, 20);
	/* Who is known has a measure of its own. */
	known = nlines;
	ledger_log(ledger, &conns[0].charge.peer, "wanted");
	assert_string_equal(line, "tunnel from 10.255.255.1: wanted");
	assert_int_equal(nlines, known + 1);
	/* After a second, how many were not logged. */
	now += SECOND;
	assert_int_equal(enter(1, ipv4(2), 0), 0);
	assert_int_equal(nlines, known + 2);
	assert_non_null(strstr(line, " lines more about "));
	assert_null(strstr(line, " 0 "));
}

/* A source that falls silent: what was not logged is said nevertheless. */
static void
test_sum(void **state)
{
	struct addr	 a, b = ipv4(2);
	uint32_t	 i;

	(void)state;
	a = ipv4(1);
	limits(0, 0, 0, 0);
	for (i = 0; i < SOURCE_LINES; i++)
		ledger_log(ledger, &a, "line");
	assert_int_equal(event_base_get_num_events(frame_base,
	    EVENT_BASE_COUNT_ADDED), 0);
	ledger_log(ledger, &a, "line");
	for (i = 0; i < SOURCE_LINES + 3; i++)
		ledger_log(ledger, &b, "line");
	/* It will be. */
	assert_int_equal(event_base_get_num_events(frame_base,
	    EVENT_BASE_COUNT_ADDED), 1);
	ledger_sum(ledger);
	assert_string_equal(line, "tunnel: 4 lines more about 2 sources, not "
	    "logged");
	/* Once. */
	nlines = 0;
	ledger_sum(ledger);
	assert_int_equal(nlines, 0);
	/* The process ends: of all ledgers there are. */
	ledger_log(ledger, &a, "line");
	ledger_sum_all();
	assert_int_equal(nlines, 1);
	assert_string_equal(line, "tunnel: 1 lines more about 1 sources, not "
	    "logged");
}

/* Who comes to be refused is named, however much was said before. */
static void
test_refusal_line(void **state)
{
	struct addr	 a = ipv4(1);
	uint32_t	 i;

	(void)state;
	limits(0, 0, 5, 600);
	assert_int_equal(enter(0, a, 0), 0);
	for (i = 0; i < SOURCE_LINES + 2; i++)
		ledger_log(ledger, &a, "garbage %u", i);
	assert_int_equal(nlines, SOURCE_LINES);
	ledger_penalty(&conns[0].charge, 60, "garbage");
	assert_int_equal(nlines, SOURCE_LINES + 1);
	assert_string_equal(line, "tunnel from 10.0.0.1: its source is refused "
	    "for a while: garbage (and 2 lines more about this source, not "
	    "logged)");
	/* A flood of strangers does not drown it, and of these are few. */
	for (i = 0; i < 1000; i++) {
		a = ipv4(0x10000 + i);
		ledger_log(ledger, &a, "line");
	}
	nlines = 0;
	for (i = 0; i < 1000; i++) {
		a = ipv4(0x20000 + i);
		ledger_penalty_peer(ledger, &a, 60, "garbage");
	}
	assert_in_range(nlines, 1, 20);
	assert_non_null(strstr(line, "is refused for a while"));
}

/* A million sources leave no more than the bounds say. */
static void
test_bounded(void **state)
{
	struct ledger_penalty	 p;
	struct addr		 a;
	uint32_t		 i, n;

	(void)state;
	limits(N - 1, 0, 5, 600);
	for (i = 0; i < 1000000; i++) {
		a = ipv4(i);
		now += 10;
		n = i % N;
		ledger_leave(&conns[n].charge);
		conns[n].shed = NULL;
		conns[n].charge.shed = shed;
		if (ledger_enter(ledger, &conns[n].charge, &a, i % 3) == -1)
			continue;
		ledger_penalty(&conns[n].charge, 60, "garbage");
		ledger_log(ledger, &a, "garbage");
	}
	assert_true(held() < N);
	for (n = 0; ledger_penalty_next(ledger, n == 0 ? NULL : &p, &p) &&
	    n <= 2 * PENALTIES_MAX; n++)
		;
	assert_in_range(n, PENALTIES_MAX, 2 * PENALTIES_MAX);
	assert_true(ledger_stats(ledger)->refused > 0);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_per_source),
		TEST(test_total),
		TEST(test_shares),
		TEST(test_progress),
		TEST(test_heaviest),
		TEST(test_spared),
		TEST(test_move),
		TEST(test_octets),
		TEST(test_lower),
		TEST(test_penalty),
		TEST(test_forgiven),
		TEST(test_networks),
		TEST(test_lines),
		TEST(test_refusal_line),
		TEST(test_sum),
		TEST(test_bounded)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
