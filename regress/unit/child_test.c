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
	uint64_t	 now;
	int		 spawn_fails;
	int		 spawned;
	int		 pings;
	int		 stops;
	uint32_t	 drain;
	int		 kills;
	const char	*why;
	uint32_t	 timer;
	int		 dones;
	enum svc_state	 before;
} t;

static int
t_spawn(struct svc *svc)
{
	(void)svc;
	t.spawned++;
	return (t.spawn_fails ? -1 : 0);
}

static void
t_ping(struct svc *svc)
{
	(void)svc;
	t.pings++;
}

static void
t_stop(struct svc *svc, uint32_t drain)
{
	(void)svc;
	t.stops++;
	t.drain = drain;
}

static void
t_kill(struct svc *svc, const char *why)
{
	(void)svc;
	t.kills++;
	t.why = why;
}

static void
t_timer(struct svc *svc, uint32_t ms)
{
	(void)svc;
	t.timer = ms;
}

static uint64_t
t_now(struct svc *svc)
{
	(void)svc;
	return (t.now);
}

static void
t_done(struct svc *svc, enum svc_state before)
{
	(void)svc;
	t.dones++;
	t.before = before;
}

static const struct svc_ops	 t_ops = {
	t_spawn, t_ping, t_stop, t_kill, t_timer, t_now, t_done
};

static void
t_init(struct svc *svc)
{
	memset(&t, 0, sizeof(t));
	t.now = 1000000;
	svc_init(svc, &t_ops, PROC_SERVICE, SIDE_SERVER, 1, 0, "web");
}

static void
t_ready(struct svc *svc)
{
	svc_event(svc, SVC_EV_START);
	svc_event(svc, SVC_EV_READY);
	assert_int_equal(svc->state, SVC_READY);
}

/* The timer fires, when it was to and not earlier. */
static void
t_fire(struct svc *svc)
{
	assert_int_not_equal(t.timer, 0);
	t.now += t.timer;
	svc_event(svc, SVC_EV_TIMEOUT);
}

static void
t_enter(struct svc *svc, enum svc_state state)
{
	t_init(svc);
	switch (state) {
	case SVC_STARTING:
		svc_event(svc, SVC_EV_START);
		break;
	case SVC_READY:
		t_ready(svc);
		break;
	case SVC_STOPPING:
		t_ready(svc);
		svc_stop(svc, 1000);
		break;
	case SVC_BACKOFF:
		t_ready(svc);
		svc_event(svc, SVC_EV_EXIT);
		break;
	default:
		break;
	}
	assert_int_equal(svc->state, state);
	t.dones = t.kills = t.spawned = t.stops = 0;
}

#define SAME	SVC_STATE_MAX		/* ignored: not even done is called */

static const enum svc_state	 expect[SVC_STATE_MAX][SVC_EV_MAX] = {
	[SVC_DOWN] = {
		[SVC_EV_START] = SVC_STARTING, [SVC_EV_READY] = SAME,
		[SVC_EV_HEARD] = SAME, [SVC_EV_SENT] = SAME,
		[SVC_EV_STOP] = SVC_DOWN, [SVC_EV_EXIT] = SAME,
		[SVC_EV_HANGUP] = SAME, [SVC_EV_TIMEOUT] = SAME,
		[SVC_EV_BREACH] = SAME
	},
	[SVC_STARTING] = {
		[SVC_EV_START] = SAME, [SVC_EV_READY] = SVC_READY,
		[SVC_EV_HEARD] = SAME, [SVC_EV_SENT] = SVC_STARTING,
		[SVC_EV_STOP] = SVC_STOPPING, [SVC_EV_EXIT] = SVC_BACKOFF,
		[SVC_EV_HANGUP] = SVC_STOPPING,
		[SVC_EV_TIMEOUT] = SVC_STOPPING,
		[SVC_EV_BREACH] = SVC_STOPPING
	},
	[SVC_READY] = {
		[SVC_EV_START] = SAME, [SVC_EV_READY] = SVC_STOPPING,
		[SVC_EV_HEARD] = SVC_READY, [SVC_EV_SENT] = SVC_READY,
		[SVC_EV_STOP] = SVC_STOPPING, [SVC_EV_EXIT] = SVC_BACKOFF,
		[SVC_EV_HANGUP] = SVC_STOPPING, [SVC_EV_TIMEOUT] = SVC_READY,
		[SVC_EV_BREACH] = SVC_STOPPING
	},
	[SVC_STOPPING] = {
		[SVC_EV_START] = SVC_STOPPING, [SVC_EV_READY] = SVC_STOPPING,
		[SVC_EV_HEARD] = SVC_STOPPING, [SVC_EV_SENT] = SAME,
		[SVC_EV_STOP] = SVC_STOPPING, [SVC_EV_EXIT] = SVC_DOWN,
		[SVC_EV_HANGUP] = SVC_STOPPING,
		[SVC_EV_TIMEOUT] = SVC_STOPPING,
		[SVC_EV_BREACH] = SVC_STOPPING
	},
	[SVC_BACKOFF] = {
		[SVC_EV_START] = SAME, [SVC_EV_READY] = SAME,
		[SVC_EV_HEARD] = SAME, [SVC_EV_SENT] = SAME,
		[SVC_EV_STOP] = SVC_DOWN, [SVC_EV_EXIT] = SAME,
		[SVC_EV_HANGUP] = SAME, [SVC_EV_TIMEOUT] = SVC_STARTING,
		[SVC_EV_BREACH] = SAME
	}
};

static void
test_table(void **state)
{
	struct svc	 svc;
	int		 s, e;

	(void)state;
	for (s = 0; s < SVC_STATE_MAX; s++)
		for (e = 0; e < SVC_EV_MAX; e++) {
			t_enter(&svc, s);
			svc_event(&svc, e);
			if (expect[s][e] == SAME) {
				assert_int_equal(svc.state, s);
				assert_int_equal(t.dones, 0);
				continue;
			}
			assert_int_equal(svc.state, expect[s][e]);
			assert_int_equal(t.dones, 1);
			assert_int_equal(t.before, s);
		}
}

static void
test_backoff_doubles(void **state)
{
	static const uint32_t	 ms[] = { 100, 200, 400, 800, 1600, 3200, 6400,
		12800, 25600, 30000, 30000 };
	struct svc		 svc;
	size_t			 i;

	(void)state;
	t_init(&svc);
	svc_event(&svc, SVC_EV_START);
	for (i = 0; i < nitems(ms); i++) {
		svc_event(&svc, SVC_EV_EXIT);
		assert_int_equal(svc.state, SVC_BACKOFF);
		assert_int_equal(t.timer, ms[i]);
		assert_int_equal(svc.restarts, i + 1);
		t_fire(&svc);
		assert_int_equal(svc.state, SVC_STARTING);
	}
}

static void
test_backoff_forgets(void **state)
{
	struct svc	 svc;
	int		 i;

	(void)state;
	t_init(&svc);
	t_ready(&svc);
	for (i = 0; i < 3; i++) {
		svc_event(&svc, SVC_EV_EXIT);
		t_fire(&svc);
		svc_event(&svc, SVC_EV_READY);
	}
	t.now += SVC_STABLE - 1;	/* not long enough */
	svc_event(&svc, SVC_EV_EXIT);
	assert_int_equal(t.timer, 800);
	t_fire(&svc);
	svc_event(&svc, SVC_EV_READY);
	t.now += SVC_STABLE;
	svc_event(&svc, SVC_EV_EXIT);
	assert_int_equal(t.timer, SVC_BACKOFF_MIN);
	/* READY counts from READY, not from the start before. */
	t_fire(&svc);
	t.now += SVC_STABLE;
	svc_event(&svc, SVC_EV_EXIT);
	assert_int_equal(t.timer, 2 * SVC_BACKOFF_MIN);
}

static void
test_spawn_fails(void **state)
{
	struct svc	 svc;

	(void)state;
	t_init(&svc);
	t.spawn_fails = 1;
	svc_event(&svc, SVC_EV_START);
	assert_int_equal(svc.state, SVC_BACKOFF);
	assert_int_equal(t.timer, SVC_BACKOFF_MIN);
	t_fire(&svc);
	assert_int_equal(svc.state, SVC_BACKOFF);
	assert_int_equal(t.timer, 2 * SVC_BACKOFF_MIN);
	t.spawn_fails = 0;
	t_fire(&svc);
	assert_int_equal(svc.state, SVC_STARTING);
	assert_int_equal(t.spawned, 3);
}

static void
test_start_deadline(void **state)
{
	struct svc	 svc;

	(void)state;
	t_init(&svc);
	svc_event(&svc, SVC_EV_START);
	assert_int_equal(t.timer, SVC_START);
	t_fire(&svc);
	assert_int_equal(svc.state, SVC_STOPPING);
	assert_int_equal(t.kills, 1);
	assert_string_equal(t.why, "not ready in time");
	/* It is still wanted: its end brings the next. */
	svc_event(&svc, SVC_EV_EXIT);
	assert_int_equal(svc.state, SVC_BACKOFF);
}

static void
test_silence(void **state)
{
	struct svc	 svc;
	int		 i;

	(void)state;
	t_init(&svc);
	t_ready(&svc);
	for (i = 0; i < 20; i++) {	/* as long as it answers */
		assert_int_equal(t.timer, SVC_PING);
		t_fire(&svc);
		svc_event(&svc, SVC_EV_HEARD);
	}
	assert_int_equal(t.pings, 20);
	for (i = 0; i < SVC_SILENCE / SVC_PING - 1; i++) {
		t_fire(&svc);
		assert_int_equal(svc.state, SVC_READY);
	}
	t_fire(&svc);
	assert_int_equal(svc.state, SVC_STOPPING);
	assert_string_equal(t.why, "is silent");
	/* SIGKILL is said again as long as it is there. */
	t_fire(&svc);
	assert_int_equal(t.kills, 2);
	assert_null(t.why);
	assert_int_equal(svc.state, SVC_STOPPING);
}

/* We were stopped for a minute: its answers wait unread. */
static void
test_late_timer(void **state)
{
	struct svc	 svc;

	(void)state;
	t_init(&svc);
	t_ready(&svc);
	t.now += 60000;
	svc_event(&svc, SVC_EV_TIMEOUT);
	assert_int_equal(svc.state, SVC_READY);
	assert_int_equal(t.kills, 0);
}

/* A set may take as long as a start; then silence counts again. */
static void
test_set_takes_time(void **state)
{
	struct svc	 svc;
	int		 i;

	(void)state;
	t_init(&svc);
	svc.ready_ms = SVC_START + 5000;
	t_ready(&svc);
	svc_event(&svc, SVC_EV_SENT);
	svc_event(&svc, SVC_EV_HEARD);	/* answering does not shorten it */
	for (i = 0; i < (SVC_START + 5000) / SVC_PING; i++) {
		t_fire(&svc);
		assert_int_equal(svc.state, SVC_READY);
	}
	svc_event(&svc, SVC_EV_READY);
	assert_int_equal(svc.state, SVC_READY);
	for (i = 0; i < SVC_SILENCE / SVC_PING; i++)
		t_fire(&svc);
	assert_int_equal(svc.state, SVC_STOPPING);
}

static void
test_set_never_taken(void **state)
{
	struct svc	 svc;
	int		 i;

	(void)state;
	t_init(&svc);
	t_ready(&svc);
	svc_event(&svc, SVC_EV_SENT);
	for (i = 0; i < SVC_START / SVC_PING; i++)
		t_fire(&svc);
	assert_int_equal(svc.state, SVC_STOPPING);
}

/* Sent while starting: two READYs are due, and a third is one too many. */
static void
test_ready_count(void **state)
{
	struct svc	 svc;

	(void)state;
	t_init(&svc);
	svc_event(&svc, SVC_EV_START);
	svc_event(&svc, SVC_EV_SENT);
	svc_event(&svc, SVC_EV_READY);
	svc_event(&svc, SVC_EV_READY);
	assert_int_equal(svc.state, SVC_READY);
	assert_int_equal(t.kills, 0);
	svc_event(&svc, SVC_EV_READY);
	assert_int_equal(svc.state, SVC_STOPPING);
	assert_string_equal(t.why, "READY out of turn");
}

static void
test_stop(void **state)
{
	struct svc	 svc;

	(void)state;
	t_init(&svc);
	t_ready(&svc);
	svc_stop(&svc, 500);
	assert_int_equal(t.stops, 1);
	assert_int_equal(t.drain, 500);
	t_fire(&svc);			/* a ping in between */
	assert_int_equal(t.kills, 0);
	assert_int_equal(t.timer, 500 + SVC_GRACE - SVC_PING);
	t_fire(&svc);
	assert_int_equal(t.kills, 1);
	assert_string_equal(t.why, "did not end in time");
	svc_event(&svc, SVC_EV_EXIT);
	assert_int_equal(svc.state, SVC_DOWN);
	assert_int_equal(t.timer, 0);
}

/* No end to its drain time, but it has to answer; and a STOP may hasten it. */
static void
test_drain(void **state)
{
	struct svc	 svc;
	int		 i;

	(void)state;
	t_init(&svc);
	t_ready(&svc);
	svc_stop(&svc, UINT32_MAX);
	for (i = 0; i < 1000; i++) {
		t_fire(&svc);
		svc_event(&svc, SVC_EV_HEARD);
	}
	assert_int_equal(t.kills, 0);
	svc_stop(&svc, 0);
	assert_int_equal(t.stops, 2);
	t_fire(&svc);
	assert_int_equal(t.kills, 1);

	t_init(&svc);
	t_ready(&svc);
	svc_stop(&svc, UINT32_MAX);
	for (i = 0; i < SVC_SILENCE / SVC_PING; i++)
		t_fire(&svc);
	assert_string_equal(t.why, "is silent");
}

/* The end of its channel without its own is one that is helped along. */
static void
test_hangup(void **state)
{
	struct svc	 svc;

	(void)state;
	t_init(&svc);
	t_ready(&svc);
	svc_event(&svc, SVC_EV_HANGUP);
	assert_int_equal(svc.state, SVC_STOPPING);
	assert_int_equal(t.timer, SVC_HANGUP);
	t_fire(&svc);
	assert_int_equal(t.kills, 1);
	svc_event(&svc, SVC_EV_EXIT);
	assert_int_equal(svc.state, SVC_BACKOFF);
	/* Of one that drains without end as well. */
	t_init(&svc);
	t_ready(&svc);
	svc_stop(&svc, UINT32_MAX);
	svc_event(&svc, SVC_EV_HANGUP);
	t_fire(&svc);
	assert_int_equal(t.kills, 1);
	svc_event(&svc, SVC_EV_EXIT);
	assert_int_equal(svc.state, SVC_DOWN);
}

/* Killed, then not wanted, then wanted again, before it is reaped. */
static void
test_changed_minds(void **state)
{
	struct svc	 svc;

	(void)state;
	t_init(&svc);
	t_ready(&svc);
	svc_event(&svc, SVC_EV_BREACH);
	svc_stop(&svc, 0);
	assert_int_equal(t.stops, 0);	/* nothing is said to the dead */
	svc_event(&svc, SVC_EV_START);
	svc_event(&svc, SVC_EV_EXIT);
	assert_int_equal(svc.state, SVC_BACKOFF);
	t_fire(&svc);
	assert_int_equal(svc.state, SVC_STARTING);
	assert_int_equal(svc.killed, 0);
}

static void
test_words(void **state)
{
	struct svc	 svc;
	char		 buf[64];

	(void)state;
	t_init(&svc);
	assert_string_equal(svc_name(&svc), "worker web (server)");
	svc.index = 2;
	assert_string_equal(svc_name(&svc), "worker web.2 (server)");
	svc.role = PROC_KEYS;
	assert_string_equal(svc_name(&svc), "keys");
	svc_death(buf, sizeof(buf), 1 << 8);
	assert_string_equal(buf, "exit 1");
	svc_death(buf, sizeof(buf), SIGKILL);
	assert_string_equal(buf, "signal 9 (Killed)");
	svc_death(buf, sizeof(buf), SIGSYS);
	assert_string_equal(buf, "sandbox violation (SIGSYS)");
	assert_string_equal(svc_state_name(SVC_BACKOFF), "backoff");
	assert_string_equal(svc_state_name(SVC_STATE_MAX), "?");
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
