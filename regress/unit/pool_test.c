/* SPDX-License-Identifier: ISC */

/*
 * The pool: how many tunnels it keeps at which remote, when it grows, shrinks,
 * fails over and comes back.
 */

#include "poolworld.h"

/* ---- tests ---- */

static void
test_fill(void **state)
{
	char	 state_now[64];

	(void)state;
	start(3, 1, STRATEGY_FAILOVER);
	pool_changed();
	run(5);
	assert_int_equal(nasks, 0);
	pool_state(state_now, sizeof(state_now));
	assert_string_equal(state_now, "waits for its key");
	svc.keyed = 1;
	pool_changed();
	assert_int_equal(nasks, 3);
	run(300);
	assert_int_equal(nasks, 3);
	assert_int_equal(tunnels(0, 0), 3);
	assert_int_equal(pool_wanted(), 3);
	pool_state(state_now, sizeof(state_now));
	assert_string_equal(state_now, "up");
	assert_string_equal(pool_remote_name(
	    TAILQ_FIRST(&svc.tunnels)->remote), "r0:4040");
	assert_string_equal(pool_remote_name(NULL), "");
}

static void
test_growth(void **state)
{
	struct tunnel	*t;

	(void)state;
	start_keyed(2, 1, STRATEGY_FAILOVER);
	run(1);
	pool_more(1);
	run(1);
	assert_int_equal(tunnels(0, 0), 3);
	svc.budget.fds = 1;	/* full */
	pool_more(1000);
	svc.budget.fds = 0;
	run(1);
	assert_int_equal(tunnels(0, 0), 3);
	pool_more(1000);
	pool_more(UINT32_MAX);
	run(1);
	assert_int_equal(tunnels(0, 0), 8);	/* four times */
	/* Half full: it stays. */
	TAILQ_FOREACH(t, &svc.tunnels, entry)
		t->relays = 5;
	run(200);
	assert_int_equal(tunnels(0, 0), 8);
	/* Empty: a tunnel a minute goes, none is made for it. */
	TAILQ_FOREACH(t, &svc.tunnels, entry)
		t->relays = 0;
	run(125);
	assert_int_equal(tunnels(0, 0), 6);
	run(600);
	assert_int_equal(tunnels(0, 0), 2);
	assert_int_equal(nasks, 8);
}

static void
test_cap(void **state)
{
	(void)state;
	start(4, 1, STRATEGY_FAILOVER);
	svc.conf.opts.pool_max = 5;
	svc.keyed = 1;
	pool_changed();
	run(1);
	pool_more(7);
	run(1);
	assert_int_equal(tunnels(0, 0), 5);
	/* One of two workers: its half of it, and its share at least. */
	svc.conf.pool_share = 2;
	pool_changed();
	run(1);
	assert_int_equal(pool_wanted(), 2);
	assert_int_equal(tunnels(0, 0), 2);
	svc.conf.opts.pool_max = 16;
	pool_more(100);
	assert_int_equal(pool_wanted(), 8);
	run(1000);			/* empty: small again */
	assert_int_equal(pool_wanted(), 2);
}

static void
test_backoff(void **state)
{
	static const double	 wait[] = { 0.05, 3, 6, 12, 24, 48, 48, 48 };
	double			 got;
	unsigned int		 i;
	char			 state_now[64];

	(void)state;
	start(3, 1, STRATEGY_FAILOVER);
	remote[0] = REFUSES;
	svc.keyed = 1;
	pool_changed();
	run(400);
	assert_true(nasks > 3 + 8);
	for (i = 0; i < 8; i++) {
		got = (double)(asked_at[3 + i] - asked_at[2 + i]) / SECOND;
		/* the dial takes a step, the clock has another */
		assert_true(got >= wait[i] * 0.75);
		assert_true(got <= wait[i] * 1.25 + 0.03);
	}
	assert_int_equal(most_dialling, 3);
	pool_state(state_now, sizeof(state_now));
	assert_string_equal(state_now, "no tunnel: refused");
	remote[0] = UP;		/* again: the whole pool at the next attempt */
	run(76);
	assert_int_equal(tunnels(0, 0), 3);
	run(60);		/* long up: the first retry is quick again */
	lose(0);
	run(1);
	assert_int_equal(tunnels(0, 0), 3);
}

/* Whatever the remote does at once after it opened, it is not dialled more. */
static void
test_short_lived(void **state)
{
	static const enum behaviour	 what[] = { FLASHES, LEAVES, DRAINS };
	unsigned int			 i;

	for (i = 0; i < 3; i++) {
		start(4, 1, STRATEGY_FAILOVER);
		remote[0] = what[i];
		svc.keyed = 1;
		pool_changed();
		run(600);
		assert_in_range(nasks, 10, 80);
		finish(state);
	}
}

/* A place that the server never gives is not asked for all the time. */
static void
test_refused_place(void **state)
{
	(void)state;
	start(20, 1, STRATEGY_FAILOVER);
	limit[0] = 3;
	svc.keyed = 1;
	pool_changed();
	run(600);
	assert_int_equal(tunnels(0, 0), 3);
	assert_in_range(nasks, 20, 80);	/* then one at a time */
	limit[0] = 0;
	run(76);
	assert_int_equal(tunnels(0, 0), 20);
}

static void
test_failover(void **state)
{
	unsigned int	 before;

	(void)state;
	start_keyed(3, 3, STRATEGY_FAILOVER);
	run(20);
	assert_int_equal(tunnels(0, 0), 3);
	assert_int_equal(nasked[1] + nasked[2], 0);
	remote[0] = REFUSES;
	lose(0);
	run(2);
	assert_int_equal(tunnels(1, 0), 3);
	assert_int_equal(nasked[2], 0);
	/* The better one is looked at now and then, by one. */
	before = nasked[0];
	remote[0] = HANGS;
	most_dialling = 0;
	run(600);
	assert_in_range(nasked[0] - before, 5, 30);
	assert_int_equal(most_dialling, 1);
	assert_int_equal(tunnels(1, 0), 3);
	/* It is back, for five seconds: nothing moves. */
	remote[0] = FLAPS;
	run(600);
	assert_int_equal(tunnels(1, 0), 3);
	/* It is back for good: a probe for ten seconds, then all of them. */
	remote[0] = UP;
	run(100);
	assert_int_equal(tunnels(0, 0), 3);
	assert_int_equal(all_tunnels(1), 0);
	before = nasks;
	run(600);
	assert_int_equal(nasks, before);
}

/* The return is after the probe held, and users are not cut by it. */
static void
test_return(void **state)
{
	struct tunnel	*t;
	unsigned int	 i;

	(void)state;
	start(2, 2, STRATEGY_FAILOVER);
	remote[0] = REFUSES;
	svc.keyed = 1;
	pool_changed();
	run(30);
	assert_int_equal(tunnels(1, 0), 2);
	TAILQ_FOREACH(t, &svc.tunnels, entry)
		t->relays = 1;
	remote[0] = UP;
	for (i = 0; i < 100 && tunnels(0, 0) == 0; i++)
		run(1);
	run(8);
	assert_int_equal(tunnels(0, 0), 1);
	assert_int_equal(tunnels(1, 0), 2);
	run(4);
	assert_int_equal(tunnels(0, 0), 2);
	assert_int_equal(tunnels(1, 0), 0);
	assert_int_equal(tunnels(1, 1), 2);	/* with their users */
	TAILQ_FOREACH(t, &svc.tunnels, entry)
		t->relays = 0;
	run(1);
	assert_int_equal(all_tunnels(1), 0);
}

static void
test_balance(void **state)
{
	(void)state;
	start_keyed(2, 3, STRATEGY_BALANCE);
	run(20);
	assert_int_equal(pool_wanted(), 6);
	assert_int_equal(tunnels(0, 0), 2);
	assert_int_equal(tunnels(1, 0), 2);
	assert_int_equal(tunnels(2, 0), 2);
	remote[1] = REFUSES;
	lose(1);
	run(100);
	assert_int_equal(tunnels(0, 0), 2);
	assert_int_equal(tunnels(1, 0), 0);
	assert_int_equal(tunnels(2, 0), 2);
	remote[1] = UP;
	run(76);
	assert_int_equal(tunnels(1, 0), 2);
	assert_int_equal(nasked[0] + nasked[2], 4);
}

static void
test_renew(void **state)
{
	(void)state;
	start_keyed(3, 1, STRATEGY_FAILOVER);
	run(20);
	remote[0] = REFUSES;
	pool_renew();
	run(100);
	/* Nothing better: those there were go on. */
	assert_int_equal(tunnels(0, 0), 0);
	assert_int_equal(tunnels(0, 1), 3);
	remote[0] = UP;
	run(76);
	assert_int_equal(tunnels(0, 0), 3);
	assert_int_equal(all_tunnels(0), 3);
}

/* The second of them, in the log and in a request. */
static void
expect_names(const struct msg_dialee *set, const char *name, const char *host)
{
	const struct remote	*r;
	char			 buf[HOST_MAX];

	pool_remotes(set, 2);
	pool_changed();
	run(1);
	r = TAILQ_LAST(&svc.tunnels, tunnels)->remote;
	assert_string_equal(pool_remote_name(r), name);
	pool_remote_host(r, buf, sizeof(buf));
	assert_string_equal(buf, host);
}

static void
test_remotes(void **state)
{
	struct msg_dialee	 set[2];

	(void)state;
	start(2, 2, STRATEGY_BALANCE);
	remote[1] = HANGS;
	svc.keyed = 1;
	pool_changed();
	run(1);
	assert_int_equal(ndials, 2);
	/* 1 is first now, 0 is gone and 2 is new. */
	set[0] = confs[place[0] = 1];
	set[1] = confs[place[1] = 2];
	remote[0] = remote[1] = UP;
	pool_remotes(set, 2);
	assert_int_equal(ncancelled, 2);
	assert_int_equal(ndials, 0);
	assert_int_equal(tunnels(NOWHERE, 1), 2);
	pool_changed();
	run(1);
	assert_int_equal(tunnels(1, 0), 2);
	assert_int_equal(tunnels(2, 0), 2);
	assert_int_equal(svc.ntunnels, 4);
	/* The same set again: everything stays. */
	pool_remotes(set, 2);
	pool_changed();
	run(60);
	assert_int_equal(nasks, 8);
	/* An IPv6 address and its port can be told apart. */
	strlcpy(set[1].host, "2001:db8::1", sizeof(set[1].host));
	expect_names(set, "[2001:db8::1]:4040", "[2001:db8::1]:4040");
	set[1].port = 80;		/* need not be said to the server */
	expect_names(set, "[2001:db8::1]:80", "[2001:db8::1]");
	set[1].transport |= TRANSPORT_TLS;
	expect_names(set, "[2001:db8::1]:80", "[2001:db8::1]:80");
}

/* The tunnels of one that a reload has dropped serve until others are there. */
static void
test_dropped(void **state)
{
	struct tunnel	*t;

	(void)state;
	start_keyed(3, 2, STRATEGY_FAILOVER);
	run(20);
	TAILQ_FIRST(&svc.tunnels)->state = TUNNEL_OPENING;
	remote[1] = REFUSES;
	place[0] = 1;
	pool_remotes(&confs[1], 1);
	TAILQ_FOREACH(t, &svc.tunnels, entry)
		assert_null(t->remote);
	assert_int_equal(tunnels(NOWHERE, 1), 2);
	/* What was not open yet is not waited for. */
	assert_int_equal(TAILQ_FIRST(&svc.tunnels)->state, TUNNEL_ENDING);
	pool_changed();
	run(30);
	assert_int_equal(tunnels(NOWHERE, 1), 2);
	tunnel_ends(TAILQ_LAST(&svc.tunnels, tunnels), TUNNEL_END_LOST);
	assert_int_equal(nasked[0], 3);
	remote[1] = UP;
	run(60);
	assert_int_equal(tunnels(1, 0), 3);
	assert_int_equal(svc.ntunnels, 3);
}

/* One that is named still is the one it was, wherever in the file. */
static void
test_kept(void **state)
{
	struct msg_dialee	 set[2];
	struct remote		*r1;
	unsigned int		 i;

	(void)state;
	start(2, 3, STRATEGY_BALANCE);
	remote[0] = remote[2] = REFUSES;
	svc.keyed = 1;
	pool_changed();
	run(100);
	r1 = TAILQ_FIRST(&svc.tunnels)->remote;
	set[0] = confs[place[0] = 2];	/* the first now; 0 is gone */
	set[1] = confs[place[1] = 1];
	set[1].opts.mss = 1000;		/* is dialled there as before */
	nasks = nasked[2] = 0;
	for (i = 0; i < 100; i++) {
		pool_remotes(set, 2);
		pool_changed();
		run(1);
	}
	/* 2 is tried when its time comes, not when the file is read. */
	assert_in_range(nasks, 1, 4);
	assert_int_equal(nasked[2], nasks);
	assert_int_equal(tunnels(1, 0), 2);
	assert_ptr_equal(TAILQ_FIRST(&svc.tunnels)->remote, r1);
	/* And by the index that it has now. */
	lose(1);
	run(1);
	assert_int_equal(tunnels(1, 0), 2);
}

/* ---- without a mux ---- */

static int
alone(void **state)
{
	(void)state;
	transport = TRANSPORT_TCP;
	return (0);
}

/* So many users come to tunnels that wait; how many found one. */
static unsigned int
users_come(unsigned int n)
{
	struct tunnel	*t;
	unsigned int	 found = 0;

	TAILQ_FOREACH(t, &svc.tunnels, entry) {
		if (found == n)
			break;
		if (t->state != TUNNEL_OPEN || (t->flags & TUNNEL_F_USED))
			continue;
		t->relays = 1;
		t->flags |= TUNNEL_F_USED;
		svc.nused++;
		found++;
		pool_tunnel_taken(t);
	}
	return (found);
}

static void
test_alone_refill(void **state)
{
	unsigned int	 i;

	(void)state;
	start_keyed(3, 1, STRATEGY_FAILOVER);
	run(1);
	assert_int_equal(waiting(0), 3);
	/* Replaced in the moment, not when the timer comes. */
	assert_int_equal(users_come(1), 1);
	assert_int_equal(nasks, 4);
	run(1);
	assert_int_equal(waiting(0), 3);
	assert_int_equal(pool_wanted(), 4);
	/* That users are quick, and cut off, is no fault of the remote's. */
	for (i = 0; i < 20; i++) {
		users_leave(i & 1 ? TUNNEL_END_LOST : TUNNEL_END_CLEAN);
		assert_int_equal(users_come(2), 2);
		run(1);
		assert_int_equal(waiting(0), 3);
	}
	assert_int_equal(nasks, 44);
	users_leave(TUNNEL_END_CLEAN);
	run(100);
	assert_int_equal(nasks, 44);
	/* One that waited, and died, is. */
	tunnel_ends(TAILQ_FIRST(&svc.tunnels), TUNNEL_END_LOST);
	assert_int_equal(nasks, 44);
	run(1);
	assert_int_equal(nasks, 45);
	assert_int_equal(waiting(0), 3);
}

static void
test_alone_growth(void **state)
{
	(void)state;
	start_keyed(3, 1, STRATEGY_FAILOVER);
	run(1);
	assert_int_equal(users_come(3), 3);	/* the last one */
	run(1);
	assert_int_equal(waiting(0), 6);
	assert_int_equal(users_come(100), 6);
	run(1);
	assert_int_equal(waiting(0), 12);
	assert_int_equal(users_come(100), 12);
	run(1);
	assert_int_equal(waiting(0), 12);	/* four times, as ever */
	assert_int_equal(svc.nused, 21);
	/* Used, but never to the last: what was needed stays. */
	assert_int_equal(users_come(11), 11);
	run(32);
	assert_int_equal(pool_wanted() - svc.nused, 12);
	run(300);
	assert_int_equal(waiting(0), 3);
	assert_int_equal(svc.nused, 32);
}

static void
test_alone_cap(void **state)
{
	(void)state;
	start(3, 1, STRATEGY_FAILOVER);
	svc.conf.opts.mux_max_streams = 5;
	svc.keyed = 1;
	pool_changed();
	run(1);
	assert_int_equal(users_come(2), 2);
	run(1);
	assert_int_equal(waiting(0), 3);
	assert_int_equal(users_come(2), 2);
	run(1);
	assert_int_equal(waiting(0), 1);
	assert_int_equal(users_come(5), 1);
	run(10);
	assert_int_equal(waiting(0), 0);
	users_leave(TUNNEL_END_CLEAN);
	run(1);
	assert_true(waiting(0) >= 3);
	/* Short of descriptors none is made in place of one. */
	svc.conf.opts.mux_max_streams = 1000;
	run(1);
	svc.budget.fds = 1;	/* full */
	assert_int_equal(users_come(1), 1);
	nasks = 0;
	run(3);
	assert_int_equal(nasks, 0);
	svc.budget.fds = 0;
	run(2);
	assert_int_equal(nasks, 1);
	users_leave(TUNNEL_END_CLEAN);
	run(200);			/* small again */
	assert_int_equal(waiting(0), 3);
}

/* Where all are in use the remote works; it does not when it does not. */
static void
test_alone_failover(void **state)
{
	(void)state;
	start_keyed(2, 2, STRATEGY_FAILOVER);
	run(20);
	remote[0] = HANGS;
	assert_int_equal(users_come(2), 2);
	run(5);
	assert_int_equal(nasked[1], 0);
	remote[0] = REFUSES;
	users_leave(TUNNEL_END_LOST);
	run(70);
	assert_true(waiting(1) >= 2);
	assert_int_equal(users_come(1), 1);
	remote[0] = UP;
	run(100);
	assert_true(waiting(0) >= 2);
	assert_int_equal(waiting(1), 0);
	assert_int_equal(svc.nused, 1);
}

static void
test_alone_renew(void **state)
{
	(void)state;
	start_keyed(3, 1, STRATEGY_FAILOVER);
	run(20);
	assert_int_equal(users_come(1), 1);
	run(1);
	pool_renew();
	assert_int_equal(tunnels(0, 1), 4);
	run(1);
	assert_int_equal(tunnels(0, 0), 3);
	assert_int_equal(tunnels(0, 1), 1);	/* with its user */
	assert_int_equal(svc.nused, 1);
}

/* The last one: a pool that has stopped stays so. */
static void
test_stop(void **state)
{
	(void)state;
	start(2, 1, STRATEGY_FAILOVER);
	remote[0] = HANGS;
	svc.keyed = 1;
	pool_changed();
	assert_int_equal(ndials, 2);
	pool_stop();
	assert_int_equal(ndials, 0);
	pool_more(3);
	pool_changed();
	run(30);
	assert_int_equal(nasks, 2);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_teardown(test_fill, finish),
		cmocka_unit_test_teardown(test_growth, finish),
		cmocka_unit_test_teardown(test_cap, finish),
		cmocka_unit_test_teardown(test_backoff, finish),
		cmocka_unit_test(test_short_lived),
		cmocka_unit_test_teardown(test_refused_place, finish),
		cmocka_unit_test_teardown(test_failover, finish),
		cmocka_unit_test_teardown(test_return, finish),
		cmocka_unit_test_teardown(test_balance, finish),
		cmocka_unit_test_teardown(test_renew, finish),
		cmocka_unit_test_teardown(test_remotes, finish),
		cmocka_unit_test_teardown(test_dropped, finish),
		cmocka_unit_test_teardown(test_kept, finish),
#define ALONE(f) cmocka_unit_test_setup_teardown(f, alone, finish)
		ALONE(test_alone_refill),
		ALONE(test_alone_growth),
		ALONE(test_alone_cap),
		ALONE(test_alone_failover),
		ALONE(test_alone_renew),
		cmocka_unit_test_teardown(test_stop, finish)
	};

	log_set_level(LOGLEVEL_PANIC);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
