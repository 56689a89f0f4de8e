/* SPDX-License-Identifier: ISC */

/*
 * child.c: each state against each event, the back-off, the deadlines.  The
 * process and the clock are this file's.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rocketd/child.h"
#include "shared/compat.h"
#include "shared/log.h"

static struct {
	uint64_t		 now;
	int			 spawn_fails;
	int			 spawned;
	int			 pings;
	int			 stops;
	uint32_t		 drain;
	int			 kills;
	const char		*why;
	uint32_t		 timer;
	int			 dones;
	enum child_state	 before;
} t;

static int
t_spawn(struct child *child)
{
	(void)child;
	t.spawned++;
	return (t.spawn_fails ? -1 : 0);
}

static void
t_ping(struct child *child)
{
	(void)child;
	t.pings++;
}

static void
t_stop(struct child *child, uint32_t drain)
{
	(void)child;
	t.stops++;
	t.drain = drain;
}

static void
t_kill(struct child *child, const char *why)
{
	(void)child;
	t.kills++;
	t.why = why;
}

static void
t_timer(struct child *child, uint32_t ms)
{
	(void)child;
	t.timer = ms;
}

static uint64_t
t_now(struct child *child)
{
	(void)child;
	return (t.now);
}

static void
t_done(struct child *child, enum child_state before)
{
	(void)child;
	t.dones++;
	t.before = before;
}

static const struct child_ops	 t_ops = {
	t_spawn, t_ping, t_stop, t_kill, t_timer, t_now, t_done
};

static void
t_init(struct child *child)
{
	memset(&t, 0, sizeof(t));
	t.now = 1000000;
	child_init(child, &t_ops, PROC_SERVICE, SIDE_SERVER, 1, 0, "web");
}

static void
t_ready(struct child *child)
{
	child_event(child, CHILD_EV_START);
	child_event(child, CHILD_EV_READY);
	assert_int_equal(child->state, CHILD_READY);
}

/* The timer fires, when it was to and not earlier. */
static void
t_fire(struct child *child)
{
	assert_int_not_equal(t.timer, 0);
	t.now += t.timer;
	child_event(child, CHILD_EV_TIMEOUT);
}

static void
t_enter(struct child *child, enum child_state state)
{
	t_init(child);
	switch (state) {
	case CHILD_STARTING:
		child_event(child, CHILD_EV_START);
		break;
	case CHILD_READY:
		t_ready(child);
		break;
	case CHILD_STOPPING:
		t_ready(child);
		child_stop(child, 1000);
		break;
	case CHILD_BACKOFF:
		t_ready(child);
		child_event(child, CHILD_EV_EXIT);
		break;
	default:
		break;
	}
	assert_int_equal(child->state, state);
	t.dones = t.kills = t.spawned = t.stops = 0;
}

#define SAME	CHILD_STATE_MAX		/* ignored: not even done is called */

static const enum child_state	 expect[CHILD_STATE_MAX][CHILD_EV_MAX] = {
	[CHILD_DOWN] = {
		[CHILD_EV_START] = CHILD_STARTING, [CHILD_EV_READY] = SAME,
		[CHILD_EV_HEARD] = SAME, [CHILD_EV_SENT] = SAME,
		[CHILD_EV_STOP] = CHILD_DOWN, [CHILD_EV_EXIT] = SAME,
		[CHILD_EV_HANGUP] = SAME, [CHILD_EV_TIMEOUT] = SAME,
		[CHILD_EV_BREACH] = SAME
	},
	[CHILD_STARTING] = {
		[CHILD_EV_START] = SAME, [CHILD_EV_READY] = CHILD_READY,
		[CHILD_EV_HEARD] = SAME, [CHILD_EV_SENT] = CHILD_STARTING,
		[CHILD_EV_STOP] = CHILD_STOPPING,
		[CHILD_EV_EXIT] = CHILD_BACKOFF,
		[CHILD_EV_HANGUP] = CHILD_STOPPING,
		[CHILD_EV_TIMEOUT] = CHILD_STOPPING,
		[CHILD_EV_BREACH] = CHILD_STOPPING
	},
	[CHILD_READY] = {
		[CHILD_EV_START] = SAME, [CHILD_EV_READY] = CHILD_STOPPING,
		[CHILD_EV_HEARD] = CHILD_READY, [CHILD_EV_SENT] = CHILD_READY,
		[CHILD_EV_STOP] = CHILD_STOPPING,
		[CHILD_EV_EXIT] = CHILD_BACKOFF,
		[CHILD_EV_HANGUP] = CHILD_STOPPING,
		[CHILD_EV_TIMEOUT] = CHILD_READY,
		[CHILD_EV_BREACH] = CHILD_STOPPING
	},
	[CHILD_STOPPING] = {
		[CHILD_EV_START] = CHILD_STOPPING,
		[CHILD_EV_READY] = CHILD_STOPPING,
		[CHILD_EV_HEARD] = CHILD_STOPPING, [CHILD_EV_SENT] = SAME,
		[CHILD_EV_STOP] = CHILD_STOPPING, [CHILD_EV_EXIT] = CHILD_DOWN,
		[CHILD_EV_HANGUP] = CHILD_STOPPING,
		[CHILD_EV_TIMEOUT] = CHILD_STOPPING,
		[CHILD_EV_BREACH] = CHILD_STOPPING
	},
	[CHILD_BACKOFF] = {
		[CHILD_EV_START] = SAME, [CHILD_EV_READY] = SAME,
		[CHILD_EV_HEARD] = SAME, [CHILD_EV_SENT] = SAME,
		[CHILD_EV_STOP] = CHILD_DOWN, [CHILD_EV_EXIT] = SAME,
		[CHILD_EV_HANGUP] = SAME, [CHILD_EV_TIMEOUT] = CHILD_STARTING,
		[CHILD_EV_BREACH] = SAME
	}
};

static void
test_table(void **state)
{
	struct child	 child;
	int		 s, e;

	(void)state;
	for (s = 0; s < CHILD_STATE_MAX; s++)
		for (e = 0; e < CHILD_EV_MAX; e++) {
			t_enter(&child, s);
			child_event(&child, e);
			if (expect[s][e] == SAME) {
				assert_int_equal(child.state, s);
				assert_int_equal(t.dones, 0);
				continue;
			}
			assert_int_equal(child.state, expect[s][e]);
			assert_int_equal(t.dones, 1);
			assert_int_equal(t.before, s);
		}
}

static void
test_backoff_doubles(void **state)
{
	static const uint32_t	 ms[] = { 100, 200, 400, 800, 1600, 3200, 6400,
		12800, 25600, 30000, 30000 };
	struct child		 child;
	size_t			 i;

	(void)state;
	t_init(&child);
	child_event(&child, CHILD_EV_START);
	for (i = 0; i < nitems(ms); i++) {
		child_event(&child, CHILD_EV_EXIT);
		assert_int_equal(child.state, CHILD_BACKOFF);
		assert_int_equal(t.timer, ms[i]);
		assert_int_equal(child.restarts, i + 1);
		t_fire(&child);
		assert_int_equal(child.state, CHILD_STARTING);
	}
}

static void
test_backoff_forgets(void **state)
{
	struct child	 child;
	int		 i;

	(void)state;
	t_init(&child);
	t_ready(&child);
	for (i = 0; i < 3; i++) {
		child_event(&child, CHILD_EV_EXIT);
		t_fire(&child);
		child_event(&child, CHILD_EV_READY);
	}
	t.now += CHILD_STABLE - 1;	/* not long enough */
	child_event(&child, CHILD_EV_EXIT);
	assert_int_equal(t.timer, 800);
	t_fire(&child);
	child_event(&child, CHILD_EV_READY);
	t.now += CHILD_STABLE;
	child_event(&child, CHILD_EV_EXIT);
	assert_int_equal(t.timer, CHILD_BACKOFF_MIN);
	/* READY counts from READY, not from the start before. */
	t_fire(&child);
	t.now += CHILD_STABLE;
	child_event(&child, CHILD_EV_EXIT);
	assert_int_equal(t.timer, 2 * CHILD_BACKOFF_MIN);
}

static void
test_spawn_fails(void **state)
{
	struct child	 child;

	(void)state;
	t_init(&child);
	t.spawn_fails = 1;
	child_event(&child, CHILD_EV_START);
	assert_int_equal(child.state, CHILD_BACKOFF);
	assert_int_equal(t.timer, CHILD_BACKOFF_MIN);
	t_fire(&child);
	assert_int_equal(child.state, CHILD_BACKOFF);
	assert_int_equal(t.timer, 2 * CHILD_BACKOFF_MIN);
	t.spawn_fails = 0;
	t_fire(&child);
	assert_int_equal(child.state, CHILD_STARTING);
	assert_int_equal(t.spawned, 3);
}

static void
test_start_deadline(void **state)
{
	struct child	 child;

	(void)state;
	t_init(&child);
	child_event(&child, CHILD_EV_START);
	assert_int_equal(t.timer, CHILD_START);
	t_fire(&child);
	assert_int_equal(child.state, CHILD_STOPPING);
	assert_int_equal(t.kills, 1);
	assert_string_equal(t.why, "not ready in time");
	/* It is still wanted: its end brings the next. */
	child_event(&child, CHILD_EV_EXIT);
	assert_int_equal(child.state, CHILD_BACKOFF);
}

static void
test_silence(void **state)
{
	struct child	 child;
	int		 i;

	(void)state;
	t_init(&child);
	t_ready(&child);
	for (i = 0; i < 20; i++) {	/* as long as it answers */
		assert_int_equal(t.timer, CHILD_PING);
		t_fire(&child);
		child_event(&child, CHILD_EV_HEARD);
	}
	assert_int_equal(t.pings, 20);
	for (i = 0; i < CHILD_SILENCE / CHILD_PING - 1; i++) {
		t_fire(&child);
		assert_int_equal(child.state, CHILD_READY);
	}
	t_fire(&child);
	assert_int_equal(child.state, CHILD_STOPPING);
	assert_string_equal(t.why, "is silent");
	/* SIGKILL is said again as long as it is there. */
	t_fire(&child);
	assert_int_equal(t.kills, 2);
	assert_null(t.why);
	assert_int_equal(child.state, CHILD_STOPPING);
}

/* We were stopped for a minute: its answers wait unread. */
static void
test_late_timer(void **state)
{
	struct child	 child;

	(void)state;
	t_init(&child);
	t_ready(&child);
	t.now += 60000;
	child_event(&child, CHILD_EV_TIMEOUT);
	assert_int_equal(child.state, CHILD_READY);
	assert_int_equal(t.kills, 0);
}

/* A set may take as long as a start; then silence counts again. */
static void
test_set_takes_time(void **state)
{
	struct child	 child;
	int		 i;

	(void)state;
	t_init(&child);
	child.ready_ms = CHILD_START + 5000;
	t_ready(&child);
	child_event(&child, CHILD_EV_SENT);
	/* answering does not shorten it */
	child_event(&child, CHILD_EV_HEARD);
	for (i = 0; i < (CHILD_START + 5000) / CHILD_PING; i++) {
		t_fire(&child);
		assert_int_equal(child.state, CHILD_READY);
	}
	child_event(&child, CHILD_EV_READY);
	assert_int_equal(child.state, CHILD_READY);
	for (i = 0; i < CHILD_SILENCE / CHILD_PING; i++)
		t_fire(&child);
	assert_int_equal(child.state, CHILD_STOPPING);
}

static void
test_set_never_taken(void **state)
{
	struct child	 child;
	int		 i;

	(void)state;
	t_init(&child);
	t_ready(&child);
	child_event(&child, CHILD_EV_SENT);
	for (i = 0; i < CHILD_START / CHILD_PING; i++)
		t_fire(&child);
	assert_int_equal(child.state, CHILD_STOPPING);
}

/* Sent while starting: two READYs are due, and a third is one too many. */
static void
test_ready_count(void **state)
{
	struct child	 child;

	(void)state;
	t_init(&child);
	child_event(&child, CHILD_EV_START);
	child_event(&child, CHILD_EV_SENT);
	child_event(&child, CHILD_EV_READY);
	child_event(&child, CHILD_EV_READY);
	assert_int_equal(child.state, CHILD_READY);
	assert_int_equal(t.kills, 0);
	child_event(&child, CHILD_EV_READY);
	assert_int_equal(child.state, CHILD_STOPPING);
	assert_string_equal(t.why, "READY out of turn");
}

static void
test_stop(void **state)
{
	struct child	 child;

	(void)state;
	t_init(&child);
	t_ready(&child);
	child_stop(&child, 500);
	assert_int_equal(t.stops, 1);
	assert_int_equal(t.drain, 500);
	t_fire(&child);			/* a ping in between */
	assert_int_equal(t.kills, 0);
	assert_int_equal(t.timer, 500 + CHILD_GRACE - CHILD_PING);
	t_fire(&child);
	assert_int_equal(t.kills, 1);
	assert_string_equal(t.why, "did not end in time");
	child_event(&child, CHILD_EV_EXIT);
	assert_int_equal(child.state, CHILD_DOWN);
	assert_int_equal(t.timer, 0);
}

/* No end to its drain time, but it has to answer; and a STOP may hasten it. */
static void
test_drain(void **state)
{
	struct child	 child;
	int		 i;

	(void)state;
	t_init(&child);
	t_ready(&child);
	child_stop(&child, UINT32_MAX);
	for (i = 0; i < 1000; i++) {
		t_fire(&child);
		child_event(&child, CHILD_EV_HEARD);
	}
	assert_int_equal(t.kills, 0);
	child_stop(&child, 0);
	assert_int_equal(t.stops, 2);
	t_fire(&child);
	assert_int_equal(t.kills, 1);

	t_init(&child);
	t_ready(&child);
	child_stop(&child, UINT32_MAX);
	for (i = 0; i < CHILD_SILENCE / CHILD_PING; i++)
		t_fire(&child);
	assert_string_equal(t.why, "is silent");
}

/* The end of its channel without its own is one that is helped along. */
static void
test_hangup(void **state)
{
	struct child	 child;

	(void)state;
	t_init(&child);
	t_ready(&child);
	child_event(&child, CHILD_EV_HANGUP);
	assert_int_equal(child.state, CHILD_STOPPING);
	assert_int_equal(t.timer, CHILD_HANGUP);
	t_fire(&child);
	assert_int_equal(t.kills, 1);
	child_event(&child, CHILD_EV_EXIT);
	assert_int_equal(child.state, CHILD_BACKOFF);
	/* Of one that drains without end as well. */
	t_init(&child);
	t_ready(&child);
	child_stop(&child, UINT32_MAX);
	child_event(&child, CHILD_EV_HANGUP);
	t_fire(&child);
	assert_int_equal(t.kills, 1);
	child_event(&child, CHILD_EV_EXIT);
	assert_int_equal(child.state, CHILD_DOWN);
}

/* Killed, then not wanted, then wanted again, before it is reaped. */
static void
test_changed_minds(void **state)
{
	struct child	 child;

	(void)state;
	t_init(&child);
	t_ready(&child);
	child_event(&child, CHILD_EV_BREACH);
	child_stop(&child, 0);
	assert_int_equal(t.stops, 0);	/* nothing is said to the dead */
	child_event(&child, CHILD_EV_START);
	child_event(&child, CHILD_EV_EXIT);
	assert_int_equal(child.state, CHILD_BACKOFF);
	t_fire(&child);
	assert_int_equal(child.state, CHILD_STARTING);
	assert_int_equal(child.killed, 0);
}

static void
test_words(void **state)
{
	struct child	 child;
	char		 buf[64];

	(void)state;
	t_init(&child);
	assert_string_equal(child_name(&child), "worker web (server)");
	child.index = 2;
	assert_string_equal(child_name(&child), "worker web.2 (server)");
	child.role = PROC_KEYS;
	assert_string_equal(child_name(&child), "keys");
	child_death(buf, sizeof(buf), 1 << 8, 0);
	assert_string_equal(buf, "exit 1");
	child_death(buf, sizeof(buf), SIGKILL, 1);
	assert_string_equal(buf, "signal 9 (Killed)");
	child_death(buf, sizeof(buf), SIGKILL, 0);
	assert_string_equal(buf,
	    "signal 9 (Killed), perhaps for want of memory");
	child_death(buf, sizeof(buf), SIGSYS, 0);
	assert_string_equal(buf, "sandbox violation (SIGSYS)");
	/* Whom we killed at the end did not die of anything. */
	memset(&child, 0, sizeof(child));
	child.state = CHILD_STOPPING;
	assert_true(child_expected(&child, 0));
	assert_false(child_expected(&child, 1 << 8));
	assert_false(child_expected(&child, SIGKILL));
	child.killed = 1;
	assert_true(child_expected(&child, SIGKILL));
	assert_false(child_expected(&child, SIGSEGV));
	child.wanted = 1;
	assert_false(child_expected(&child, SIGKILL));
	assert_string_equal(child_state_name(CHILD_BACKOFF), "backoff");
	assert_string_equal(child_state_name(CHILD_STATE_MAX), "?");
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_backoff_doubles),
		cmocka_unit_test(test_backoff_forgets),
		cmocka_unit_test(test_spawn_fails),
		cmocka_unit_test(test_start_deadline),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_late_timer),
		cmocka_unit_test(test_set_takes_time),
		cmocka_unit_test(test_set_never_taken),
		cmocka_unit_test(test_ready_count),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_hangup),
		cmocka_unit_test(test_changed_minds),
		cmocka_unit_test(test_words),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
