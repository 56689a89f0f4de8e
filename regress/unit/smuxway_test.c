/* SPDX-License-Identifier: ISC */

/* smux's windows where the way is long: they grow as a round trip needs. */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smuxrig.h"

/*
 * A long way: what is sent in a round trip is what was told one ago, and it
 * comes in small pieces, each consumed and told of at once.  part is how much
 * of the window the peer uses.  The window after so many round trips.
 */
static uint32_t
long_way(uint32_t rtt_us, unsigned part, int trips)
{
	struct session_conf	 c;
	struct rig		*r;
	struct rig_stream	*rs;
	uint32_t		 window = 0, n, sent, piece;
	int			 i;

	rig_conf(&c);
	c.client = 0;
	c.caps = CAP_RESET;
	c.window_initial = 32768;
	c.window_max = 2097152;
	r = rig_new(&c);
	if (rtt_us != 0)
		session_rtt(r->s, rtt_us);
	assert_int_equal(rig_feed(r, "02 00 0000 01000000"), 0);
	rig_collect(r);
	assert_non_null(rs = rig_find(r, 1));
	for (i = 0; i < trips; i++) {
		window = session_window(rs->st);
		n = window / 100 * part;
		for (sent = 0; sent < n; sent += piece) {
			piece = n - sent < 1400 ? n - sent : 1400;
			assert_int_equal(rig_feed_psh(r, 2, 1, rs->rx, piece),
			    0);
			rig_collect(r);
		}
		rig_tick(r, 100);
	}
	rig_free(r);
	return (window);
}

static void
test_long_way(void **state)
{
	(void)state;
	/* Doubled in each, from the second on. */
	assert_in_range(long_way(100000, 100, 8), 1500000, 2097152);
	assert_in_range(long_way(100000, 100, 5), 200000, 600000);
	/* Less than a quarter of it in each does not want more. */
	assert_in_range(long_way(100000, 20, 30), 0, 32768);
	/* Nothing is known of the way. */
	assert_in_range(long_way(0, 100, 30), 0, 40000);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_long_way)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
