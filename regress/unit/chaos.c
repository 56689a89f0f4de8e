/* SPDX-License-Identifier: ISC */

/* See chaos.h. */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chaos.h"

#define TURNS	600

uint32_t	 chaos_seed;

uint32_t
chaos_rnd(uint32_t n)
{
	chaos_seed = chaos_seed * 1664525 + 1013904223;
	return ((chaos_seed >> 8) % n);
}

static void
chaos_consume(struct rig_stream *rs)
{
	rs->hold = 0;
	if (rs->rx_held > 0)
		rig_consume(rs, rs->rx_held);
}

static void
chaos_act(struct rig *r, const struct chaos_how *how)
{
	struct rig_stream	*rs;

	how->open(r);
	if (r->n == 0 || (rs = &r->streams[chaos_rnd(r->n)])->st == NULL)
		return;
	switch (chaos_rnd(12)) {
	case 0:
		rig_kill(rs, how->reasons == 0 ? RESET_ABORT :
		    RESET_ABORT + chaos_rnd(how->reasons));
		break;
	case 1:
		rs->hold = 1;
		break;
	case 2:
	case 3:
		chaos_consume(rs);
		break;
	case 4:
		if (!rs->tx_fin)
			rig_send(rs, chaos_rnd(100000), chaos_rnd(2));
		break;
	case 5:
		if (rs->rx_held > 0)
			rig_consume(rs, 1 + chaos_rnd(rs->rx_held));
		break;
	default:
		break;
	}
}

static void
chaos_turn(struct rig *a, struct rig *b, const struct chaos_how *how)
{
	chaos_act(a, how);
	chaos_act(b, how);
	rig_exchange(a, b, SESSION_OUTPUT_MIN + chaos_rnd(chaos_rnd(2) ? 300 :
	    60000));
	if (chaos_rnd(10) != 0)
		return;
	rig_tick(a, chaos_rnd(1000));
	rig_tick(b, chaos_rnd(1000));
}

/* At the end everyone reads and ends: nothing may be left anywhere. */
static void
chaos_finish(struct rig *r, const struct chaos_how *how)
{
	struct rig_stream	*rs;

	for (rs = r->streams; rs < r->streams + r->n; rs++) {
		if (rs->st == NULL)
			continue;
		chaos_consume(rs);
		if (rs->st != NULL && !rs->tx_fin)
			rig_send(rs, 0, 1);
		if (rs->st != NULL && rs->fins > 0 && how->foreign)
			rig_kill(rs, RESET_ABORT);
	}
}

static void
chaos_check(const struct rig *r)
{
	assert_null(r->s->error);
	assert_int_equal(r->s->stats.streams, 0);
	assert_int_equal(r->s->stats.unconsumed, 0);
	assert_int_equal(r->s->stats.faults, 0);
	assert_int_equal(r->s->stats.killed, 0);
}

void
chaos_run(struct rig *a, struct rig *b, const struct chaos_how *how)
{
	int	 i;

	for (i = 0; i < TURNS; i++)
		chaos_turn(a, b, how);
	for (i = 0; i < how->rounds; i++) {
		chaos_finish(a, how);
		chaos_finish(b, how);
		rig_run(a, b);
		if (how->pause_ms == 0)
			continue;
		rig_tick(a, how->pause_ms);
		rig_tick(b, how->pause_ms);
	}
	chaos_check(a);
	chaos_check(b);
}
