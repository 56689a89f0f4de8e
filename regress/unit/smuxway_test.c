/* SPDX-License-Identifier: ISC */

/* smux's windows where the way is long: they grow as a round trip needs. */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smuxrig.h"

#define TRIP_MS		100

/*
 * A way: what is sent in a round trip is what was told one ago.  It comes in
 * small pieces, each consumed and told of at once.
 */
struct way {
	uint32_t	 rtt_us;	/* what pings say; 0: nothing */
	unsigned	 part;		/* of the window is used, percent */
	int		 trips;
	/* a loss: nothing in so many trips, and all of it in the next */
	int		 gap;
	int		 late;	/* ms until the reader takes it */
	uint32_t	 max;		/* the largest window; 0: 2 MiB */
};

static struct rig *
way_rig(const struct way *w)
{
	struct session_conf	 c;
	struct rig		*r;

	rig_conf(&c);
	c.client = 0;
	c.caps = CAP_RESET;
	c.window_initial = 32768;
	c.window_max = w->max == 0 ? 2097152 : w->max;
	c.recvbuffer = 2 * c.window_max;
	r = rig_new(&c);
	rig_tick(r, 0);
	if (w->rtt_us != 0)
		session_rtt(r->s, w->rtt_us);
	assert_int_equal(rig_feed(r, "02 00 0000 01000000"), 0);
	rig_collect(r);
	assert_non_null(rig_find(r, 1));
	return (r);
}

static void
way_trip(struct rig *r, struct rig_stream *rs, const struct way *w, uint32_t n)
{
	uint32_t	 sent, piece;

	rs->hold = w->late != 0;
	for (sent = 0; sent < n; sent += piece) {
		piece = n - sent < 1400 ? n - sent : 1400;
		assert_int_equal(rig_feed_psh(r, 2, 1, rs->rx, piece), 0);
		rig_collect(r);
	}
	if (w->late == 0)
		return;
	rig_tick(r, w->late);
	rig_consume(rs, rs->rx_held);
	rig_collect(r);
}

/* The window after so many round trips. */
static uint32_t
way(struct way w)
{
	struct rig		*r = way_rig(&w);
	struct rig_stream	*rs = rig_find(r, 1);
	uint32_t		 window = 0;
	int			 i;

	for (i = 0; i < w.trips; i++) {
		window = session_window(rs->st);
		way_trip(r, rs, &w, window / 100 * w.part);
		rig_tick(r, TRIP_MS * (1 + w.gap));
	}
	rig_free(r);
	return (window);
}

#define WAY(ping, use, ...)						\
	way((struct way){ .rtt_us = (ping) * 1000, .part = (use), __VA_ARGS__ })

/* With what a stream begins at 100 ms. */
#define FIRST	(10 * 32768)

static void
test_long_way(void **state)
{
	(void)state;
	/* More than doubled in each. */
	assert_in_range(WAY(100, 100, .trips = 6), 1000000, 2097152);
	assert_in_range(WAY(100, 100, .trips = 2), 400000, 1700000);
	assert_in_range(WAY(100, 100, .trips = 9, .max = 8 << 20), 8000000,
	    8 << 20);
	/* An eighth of it in each does not want more. */
	assert_in_range(WAY(100, 12, .trips = 30), 0, FIRST + FIRST / 8);
}

/* The only ping so far was lost, or waits behind what is sent. */
static void
test_false_trip(void **state)
{
	(void)state;
	assert_in_range(WAY(3000, 100, .trips = 8), 1500000, 2097152);
	assert_in_range(WAY(0, 100, .trips = 9), 1500000, 2097152);
}

/* What was lost held up the rest. */
static void
test_burst(void **state)
{
	(void)state;
	assert_in_range(WAY(100, 100, .trips = 8, .gap = 1), 1500000, 2097152);
	/* The reader's socket does not take all of it at once. */
	assert_in_range(WAY(100, 100, .trips = 8, .gap = 1, .late = 20),
	    1500000, 2097152);
}

/* A reader that stops and goes on is not one that wants more. */
static void
test_stop_and_go(void **state)
{
	(void)state;
	assert_in_range(WAY(100, 100, .trips = 20, .late = 3000), 0, FIRST);
}

/* On a short way a window need not be so large. */
static void
test_short_way(void **state)
{
	struct way		 w = { .rtt_us = 100, .part = 100,
				    .max = 8 << 20 };
	struct rig		*r = way_rig(&w);
	struct rig_stream	*rs = rig_find(r, 1);
	uint32_t		 n;
	int			 i;

	(void)state;
	for (i = 0; i < 20; i++) {
		while ((n = session_window(rs->st)) > 0)
			assert_int_equal(rig_feed_psh(r, 2, 1, rs->rx,
			    n < 65535 ? n : 65535), 0);
		rig_collect(r);
	}
	assert_int_equal(session_window(rs->st), 2 << 20);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_long_way),
		cmocka_unit_test(test_false_trip),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_stop_and_go),
		cmocka_unit_test(test_short_way)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
