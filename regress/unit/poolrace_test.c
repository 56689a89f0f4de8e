/* SPDX-License-Identifier: ISC */

/*
 * The pool at remotes of several transports: QUIC first, and the next one when
 * UDP does not come through within a second.
 */

#include "poolworld.h"

#define TENTHS	(SECOND / 10)

/* n tunnels; remotes[0] is over QUIC, and so is remotes[1] if `both'. */
static void
race(uint32_t n, uint32_t remotes, int both, enum strategy strategy)
{
	start(n, remotes, strategy);
	confs[0].transport = TRANSPORT_QUICMUX;
	if (both)
		confs[1].transport = TRANSPORT_QUICMUX;
	pool_remotes(confs, remotes);
	svc.keyed = 1;
}

static void
run_tenths(uint64_t n)
{
	run_until(now + n * TENTHS);
}

/* A quick one is left alone. */
static void
test_quick(void **state)
{
	(void)state;
	race(3, 2, 0, STRATEGY_FAILOVER);
	slow[0] = 8 * TENTHS;
	pool_changed();
	run(100);
	assert_int_equal(tunnels(0, 0), 3);
	assert_int_equal(nasked[1], 0);
}

/* A silent one: the next is dialled a second after it, and serves. */
static void
test_silent(void **state)
{
	(void)state;
	race(3, 2, 0, STRATEGY_FAILOVER);
	remote[0] = HANGS;
	pool_changed();
	run_tenths(9);
	assert_int_equal(nasked[0], 3);
	assert_int_equal(nasked[1], 0);
	run_tenths(3);
	assert_int_equal(nasked[1], 3);
	assert_int_equal(tunnels(1, 0), 3);
	/* it is tried again, one at a time, as any better one */
	run(300);
	assert_int_equal(tunnels(1, 0), 3);
	assert_int_equal(nasked[1], 3);
	assert_in_range(nasked[0], 3 + 4, 3 + 12);
	/* and once it can be had for a while it takes over */
	remote[0] = UP;
	run(76);
	assert_int_equal(tunnels(0, 0), 3);
	assert_int_equal(all_tunnels(1), 0);
}

/* Both are under way: who is up first serves, the better one takes over. */
static void
test_both_come(void **state)
{
	(void)state;
	race(2, 2, 0, STRATEGY_FAILOVER);
	slow[0] = 15 * TENTHS;
	pool_changed();
	run_tenths(13);
	assert_int_equal(tunnels(1, 0), 2);
	assert_int_equal(tunnels(0, 0), 0);
	run_tenths(50);		/* it is up, but has not been for long */
	assert_true(tunnels(0, 0) > 0);
	assert_int_equal(tunnels(1, 0), 2);
	run(30);
	assert_int_equal(tunnels(0, 0), 2);
	assert_int_equal(all_tunnels(1), 0);

	/* the other way: it wins, and the next one's are not kept */
	finish(state);
	race(2, 2, 0, STRATEGY_FAILOVER);
	slow[0] = 12 * TENTHS;
	slow[1] = 30 * TENTHS;
	pool_changed();
	run_tenths(15);
	assert_int_equal(nasked[1], 2);
	assert_int_equal(tunnels(0, 0), 2);
	run(10);
	assert_int_equal(tunnels(0, 0), 2);
	assert_int_equal(all_tunnels(1), 0);
	assert_int_equal(nasked[0], 2);
	assert_int_equal(nasked[1], 2);
}

/* That UDP does not come through is remembered: no second is waited again. */
static void
test_remembered(void **state)
{
	uint64_t	 at;

	(void)state;
	race(2, 2, 0, STRATEGY_FAILOVER);
	remote[0] = HANGS;
	pool_changed();
	run(60);
	assert_int_equal(tunnels(1, 0), 2);
	lose(1);
	at = now;
	while (tunnels(1, 0) < 2 && now < at + 10 * SECOND)
		run_tenths(1);
	assert_in_range(now - at, 0, 5 * TENTHS);
	/* neither where all failed for long, so that both are new again */
	remote[1] = REFUSES;
	lose(1);
	run(300);
	remote[1] = UP;
	pool_retry();
	at = now;
	while (tunnels(1, 0) == 0 && now < at + 10 * SECOND)
		run_tenths(1);
	assert_in_range(now - at, 0, 5 * TENTHS);

	/* until it has had a tunnel: then it has its second again */
	remote[0] = UP;
	run(200);
	assert_int_equal(tunnels(0, 0), 2);
	assert_int_equal(all_tunnels(1), 0);
	remote[0] = HANGS;
	nasked[1] = 0;
	pool_renew();
	run_tenths(9);
	assert_int_equal(nasked[1], 0);
	run_tenths(4);
	assert_int_equal(tunnels(1, 0), 2);
}

/* The process of QUIC died: that says nothing of the remote. */
static void
test_process_lost(void **state)
{
	unsigned int	 was;

	(void)state;
	race(2, 2, 0, STRATEGY_FAILOVER);
	pool_changed();
	run(30);
	assert_int_equal(tunnels(0, 0), 2);
	lose(0);
	pool_tls_lost(PROC_QUIC, 0);
	run_tenths(5);
	assert_true(tunnels(0, 0) > 0);
	run(30);
	assert_int_equal(tunnels(0, 0), 2);
	assert_int_equal(all_tunnels(1), 0);
	/* and another's death is no matter of its */
	remote[0] = REFUSES;
	lose(0);
	run(20);
	was = nasked[0];
	pool_tls_lost(PROC_TLS, 0);
	pool_tls_lost(PROC_QUIC, 1);
	assert_int_equal(nasked[0], was);
	pool_tls_lost(PROC_QUIC, 0);
	assert_int_equal(nasked[0], was + 1);
}

/* Two over QUIC: each has its second, then comes the last. */
static void
test_one_after_another(void **state)
{
	(void)state;
	race(2, 3, 1, STRATEGY_FAILOVER);
	remote[0] = remote[1] = HANGS;
	pool_changed();
	run_tenths(9);
	assert_int_equal(nasked[1], 0);
	run_tenths(4);
	assert_int_equal(nasked[1], 2);
	assert_int_equal(nasked[2], 0);
	run_tenths(9);
	assert_int_equal(tunnels(2, 0), 2);
	run(1);
	/* and none but QUIC is raced with */
	finish(state);
	start(2, 2, STRATEGY_FAILOVER);
	remote[0] = HANGS;
	svc.keyed = 1;
	pool_changed();
	run(9);
	assert_int_equal(nasked[1], 0);
}

/* balance: each has its pool, as ever. */
static void
test_balanced(void **state)
{
	(void)state;
	race(2, 2, 0, STRATEGY_BALANCE);
	remote[0] = HANGS;
	pool_changed();
	run_tenths(2);
	assert_int_equal(tunnels(1, 0), 2);
	assert_int_equal(nasked[0], 2);
	finish(state);
	start_keyed(2, 2, STRATEGY_BALANCE);
	run(1);
	assert_int_equal(tunnels(0, 0), 2);
}

static unsigned int	 told[2];	/* "active" of each remote */

static void
count_told(enum log_level level, const char *line, void *arg)
{
	(void)level, (void)arg;
	if (strstr(line, "now the active one") != NULL)
		told[strstr(line, "remote r1") != NULL]++;
}

/* The log has which one is active when it has a tunnel, and not too often. */
static void
test_told(void **state)
{
	(void)state;
	log_set_sink(count_told, NULL);
	memset(told, 0, sizeof(told));
	race(2, 2, 0, STRATEGY_FAILOVER);
	remote[0] = remote[1] = REFUSES;
	pool_changed();
	run(300);
	assert_int_equal(told[0] + told[1], 0);
	remote[1] = UP;
	pool_retry();
	run(20);
	assert_int_equal(told[1], 1);
	remote[0] = UP;
	run(200);
	assert_int_equal(told[0], 1);
	/* none is there: that changes nothing */
	remote[0] = remote[1] = REFUSES;
	lose(0);
	run(300);
	remote[0] = UP;
	run(100);
	assert_int_equal(told[0] + told[1], 2);
	/* both come and go at once, however often they are tried */
	remote[0] = remote[1] = FLASHES;
	lose(0);
	for (int i = 0; i < 300; i++) {
		pool_retry();
		run_tenths(2);
	}
	assert_in_range(told[0] + told[1], 2, 2 + 60 / 5 + 1);
	log_set_sink(NULL, NULL);
}

static unsigned int	 named[4];

static void
count_named(enum log_level level, const char *line, void *arg)
{
	static const char *const	 names[4] = {
		"remote r0:4040 (quic): ", "remote r0:4040 (wssmux): ",
		"remote r2:4040: ", "remote r0:4040: "
	};
	size_t				 i;

	(void)level, (void)arg;
	for (i = 0; i < 4; i++)
		if (strstr(line, names[i]) != NULL)
			named[i]++;
}

/* Two at one address and port are told apart, and others are not longer. */
static void
test_names(void **state)
{
	(void)state;
	log_set_sink(count_named, NULL);
	memset(named, 0, sizeof(named));
	race(1, 3, 0, STRATEGY_BALANCE);
	(void)strlcpy(confs[1].host, confs[0].host, sizeof(confs[1].host));
	confs[1].transport = TRANSPORT_TCPMUX | TRANSPORT_WS | TRANSPORT_TLS;
	pool_remotes(confs, 3);
	remote[0] = remote[1] = remote[2] = REFUSES;
	pool_changed();
	run(2);
	assert_int_equal(named[0], 1);
	assert_int_equal(named[1], 1);
	assert_int_equal(named[2], 1);
	assert_int_equal(named[3], 0);
	/* the other one leaves the file */
	pool_remotes(confs, 1);
	pool_renew();
	run(10);
	assert_int_equal(named[0], 1);
	assert_in_range(named[3], 1, 10);
	log_set_sink(NULL, NULL);
}

#define TEST(f)	cmocka_unit_test_teardown(f, finish)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(test_quick),
		TEST(test_silent),
		TEST(test_both_come),
		TEST(test_remembered),
		TEST(test_process_lost),
		TEST(test_one_after_another),
		TEST(test_balanced),
		TEST(test_told),
		TEST(test_names)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
