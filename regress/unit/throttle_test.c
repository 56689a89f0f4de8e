/* SPDX-License-Identifier: ISC */

/*
 * Rates: what a relay moves in a time, either way, alone and beside others, by
 * memory, by pipe and with LZ4; ends, resets and reloads of one that waits.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/relay/relay.h"
#include "worker/relay/throttle.h"
#include "workrig.h"

#define RATE	1000000U
#define STEP_US	50000U		/* what a bucket holds, as a time */
#define STEP	(RATE / 20)
#define SIZE	(8 * STEP + 17)

static struct wrig_peer		 peer;
static struct wrig_end		 end, other;
static struct wrig_stream	*fs;

static void
limits(uint32_t in, uint32_t out, uint32_t in_user, uint32_t out_user)
{
	struct service_opts	*o = &svc->conf.opts;

	o->rate_in = in;
	o->rate_out = out;
	o->rate_in_user = in_user;
	o->rate_out_user = out_user;
	throttle_changed();
}

static int
teardown(void **state)
{
	int	 ret = wrig_teardown(state);

	limits(0, 0, 0, 0);
	return (ret);
}

/* All of it comes, and never more than the rate allows. */
static void
comes(const uint64_t *rx, uint64_t size)
{
	uint64_t	 start = wrig_now, before;

	wrig_settle();
	while (*rx < size) {
		assert_true(*rx <= STEP + (wrig_now - start) * RATE / 1000000);
		before = *rx;
		wrig_now += STEP_US;
		UNTIL(*rx > before);
		wrig_settle();
	}
	assert_true(wrig_now - start >= (size - STEP) * 1000000 / RATE);
	assert_int_equal(*rx, size);
}

static void
both_ways(enum side side, uint32_t transport)
{
	wrig_side(side);
	wrig_open(&peer, transport);
	fs = wrig_join(&peer, &end, WRIG_TCP);
	wrig_settle();
	wrig_send(fs, SIZE, 0);
	comes(&end.rx, SIZE);
	wrig_now += WRIG_SECOND;
	wrig_write(&end, SIZE, 0);
	comes(&fs->rx, SIZE);
	wrig_shut(&end, 0);
	wrig_close(&peer);
}

static void
test_service(void **state)
{
	int	 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		limits(RATE, RATE, 0, 0);
		both_ways(i & 1 ? SIDE_CLIENT : SIDE_SERVER,
		    i & 2 ? TRANSPORT_TCP : TRANSPORT_TCPMUX);
	}
}

static void
test_user(void **state)
{
	(void)state;
	limits(0, 0, RATE, RATE);
	both_ways(SIDE_SERVER, TRANSPORT_TCPMUX);
	/* the lower of two limits counts */
	limits(4 * RATE, RATE, RATE, 4 * RATE);
	both_ways(SIDE_SERVER, TRANSPORT_TCPMUX);
}

static void
test_pipe(void **state)
{
	(void)state;
	svc->conf.opts.seals = SEAL_NONE;
	limits(RATE, RATE, 0, 0);
	both_ways(SIDE_SERVER, TRANSPORT_TCP);
	svc->conf.opts.seals = SEAL_TLS;
}

static void
test_lz4(void **state)
{
	(void)state;
	svc->conf.opts.compression = COMPRESSION_LZ4;
	limits(RATE, RATE, 0, 0);
	both_ways(SIDE_SERVER, TRANSPORT_TCPMUX);
	svc->conf.opts.compression = COMPRESSION_NO;
}

/* Who is slow because of his rate is nobody to be reset for memory. */
static void
test_no_victim(void **state)
{
	uint64_t	 before;
	int		 i;

	(void)state;
	limits(0, 0, 0, RATE / 200);
	wrig_open(&peer, TRANSPORT_TCPMUX);
	fs = wrig_join(&peer, &end, WRIG_TCP);
	wrig_settle();
	wrig_send(fs, 30000, 0);
	wrig_settle();
	for (i = 0; i < (int)(HOLD_STALE_US / STEP_US) + 2; i++) {
		before = end.rx;
		wrig_now += STEP_US;
		UNTIL(end.rx > before);
	}
	assert_true(wrig_relay()->hold.octets > 4096);
	assert_int_equal(relay_relieve(0), 0);
	wrig_shut(&end, 0);
	wrig_close(&peer);
}

/* Two users take turns. */
static void
test_turns(void **state)
{
	struct wrig_stream	*second;
	int			 i;

	(void)state;
	limits(0, RATE, 0, 0);
	wrig_open(&peer, TRANSPORT_TCPMUX);
	fs = wrig_join(&peer, &end, WRIG_TCP);
	second = wrig_join(&peer, &other, WRIG_TCP);
	wrig_send(fs, SIZE, 0);
	wrig_settle();
	wrig_send(second, SIZE, 0);
	wrig_settle();
	for (i = 0; i < 6; i++) {
		wrig_now += STEP_US;
		wrig_settle();
		UNTIL(end.rx + other.rx >= (i + 2) * (uint64_t)STEP - 2);
	}
	assert_true(end.rx + other.rx <= 7 * (uint64_t)STEP + 1);
	assert_true(other.rx >= 2 * STEP);
	wrig_shut(&end, 1);
	wrig_shut(&other, 1);
}

#define SHARERS	5

static struct wrig_peer	 peers[SHARERS];
static struct wrig_end	 ends[SHARERS];

static uint64_t
all_have(void)
{
	uint64_t	 sum = 0;
	int		 i;

	for (i = 0; i < SHARERS; i++)
		sum += ends[i].rx;
	return (sum);
}

/* However many wait, and whoever came first: each has the same. */
static void
test_shares(void **state)
{
	struct wrig_stream	*streams[SHARERS];
	uint64_t		 rx[SHARERS], least = UINT64_MAX, most = 0;
	uint64_t		 before;
	int			 i, step;

	(void)state;
	limits(0, RATE, 0, 0);
	for (i = 0; i < SHARERS; i++) {
		wrig_open(&peers[i], TRANSPORT_TCP);
		streams[i] = wrig_join(&peers[i], &ends[i], WRIG_TCP);
	}
	for (i = 0; i < SHARERS; i++) {
		wrig_send(streams[i], SIZE, 0);
		wrig_settle();
	}
	/* A round at a time, as at a steady rate. */
	for (step = 0; step < 50; step++) {
		before = all_have();
		wrig_now += STEP_US / 2;
		UNTIL(all_have() > before);
		for (i = 0; step == 10 && i < SHARERS; i++)
			rx[i] = ends[i].rx;
	}
	wrig_settle();
	for (i = 0; i < SHARERS; i++) {
		rx[i] = ends[i].rx - rx[i];
		most = rx[i] > most ? rx[i] : most;
		least = rx[i] < least ? rx[i] : least;
	}
	assert_true(least * 10 >= most * 8);
	for (i = 0; i < SHARERS; i++)
		wrig_shut(&ends[i], 1);
}

/* Its end waits behind what it has not got yet; a reset does not. */
static void
test_ends(void **state)
{
	(void)state;
	limits(RATE, RATE, 0, 0);
	wrig_open(&peer, TRANSPORT_TCPMUX);
	fs = wrig_join(&peer, &end, WRIG_TCP);
	wrig_send(fs, 2 * STEP, 1);
	wrig_settle();
	assert_false(end.eof);
	wrig_now += STEP_US;
	UNTIL(end.eof);
	assert_int_equal(end.rx, 2 * STEP);
	wrig_write(&end, 2 * STEP, 0);
	wrig_settle();
	wrig_shut(&end, 1);
	UNTIL(fs->resets == 1);
	UNTIL(svc->nrelays == 0);
}

/* A reload: who waits does not have to any more, or begins to. */
static void
test_reload(void **state)
{
	(void)state;
	wrig_open(&peer, TRANSPORT_TCPMUX);
	fs = wrig_join(&peer, &end, WRIG_TCP);
	wrig_send(fs, SIZE, 0);
	UNTIL(end.rx == SIZE);
	limits(0, RATE, 0, RATE);
	wrig_send(fs, SIZE, 0);
	wrig_settle();
	assert_int_equal(end.rx, SIZE + STEP);
	limits(0, 0, 0, 0);
	UNTIL(end.rx == 2 * SIZE);
	wrig_shut(&end, 0);
}

int
main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, wrig_setup, teardown)
	const struct CMUnitTest	 tests[] = {
		T(test_service),
		T(test_user),
		T(test_pipe),
		T(test_lz4),
		T(test_no_victim),
		T(test_turns),
		T(test_shares),
		T(test_ends),
		T(test_reload)
	};

	return (cmocka_run_group_tests(tests, wrig_setup_all,
	    wrig_teardown_all));
}
