/* SPDX-License-Identifier: ISC */

/*
 * Links: octets, ends and resets of streams, in each order, and their credit.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "linkqconn.h"

/* One whose control stream is there, opened by the worker or the peer. */
static struct linkrig *
start(int worker_opens)
{
	struct linkrig	*r = linkrig_new(DIALECT_ROCKET, 1, !worker_opens);

	if (worker_opens) {
		rig_open(r->worker, 1);
		rig_send(&r->worker->streams[0], 1, 0);
	} else
		linkrig_says(r, 4, "c", 0);
	linkrig_run(r);
	return (r);
}

static struct linkrig *
start_mytunnel(void)
{
	return (linkrig_new(DIALECT_MYTUNNEL, 1, 1));
}

/* ---- octets and ends ---- */

static void
test_worker_to_peer(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs = rig_open(r->worker, 0);

	(void)state;
	rig_pre(rs, "01 00 00 00");
	rig_send(rs, 3000000, 1);
	linkrig_run(r);
	assert_true(linkrig_stream(r, 5)->fin);
	linkrig_got_pattern(r, 5, 4, 3000000);
	/* half-closed: the other direction goes on */
	assert_int_equal(rs->fins, 0);
	linkrig_says(r, 5, "answer", 1);
	linkrig_run(r);
	assert_int_equal(rs->rx, 6);
	assert_string_equal(rs->text, "answer");
	assert_int_equal(rs->closes, 1);
	assert_int_equal(linkrig_stream(r, 5)->consumed, 6);
	linkrig_over(r, 5);
	/* it was ours: the peer gets no stream for it */
	assert_int_equal(linkrig_stream(r, 5)->done, 1);
	linkrig_free(r);
}

static void
test_peer_to_worker(void **state)
{
	struct linkrig		*r = start(0);
	struct rig_stream	*rs;

	(void)state;
	r->worker->accept_pattern = 1;
	linkrig_sends(r, 8, 0, 3000000, 1);
	linkrig_run(r);
	assert_int_equal(r->worker->n, 2);
	rs = &r->worker->streams[1];
	assert_int_equal(rs->rx, 3000000);
	assert_int_equal(rs->fins, 1);
	assert_int_equal(linkrig_stream(r, 8)->consumed, 3000000);
	rig_send(rs, 70000, 1);
	linkrig_run(r);
	linkrig_got_pattern(r, 8, 0, 70000);
	assert_true(linkrig_stream(r, 8)->fin);
	assert_int_equal(rs->closes, 1);
	linkrig_over(r, 8);
	assert_int_equal(linkrig_stream(r, 8)->done, 2);
	linkrig_free(r);
}

/* QUIC may have forgotten it while its octets wait for the worker. */
static void
test_over_early(void **state)
{
	struct linkrig		*r = start(0);
	struct rig_stream	*rs;

	(void)state;
	r->worker->accept_pattern = r->worker->accept_hold = 1;
	linkrig_sends(r, 8, 0, 200000, 1);
	linkrig_run(r);
	rs = &r->worker->streams[1];
	assert_int_equal(rs->rx, SMUX_INSIDE_WINDOW);
	rig_send(rs, 0, 1);
	linkrig_run(r);
	assert_true(linkrig_stream(r, 8)->fin);
	linkrig_over(r, 8);
	assert_int_equal(linkrig_stream(r, 8)->done, 1);
	rs->hold = 0;
	rig_consume(rs, rs->rx_held);
	linkrig_run(r);
	assert_int_equal(rs->rx, 200000);
	assert_int_equal(rs->closes, 1);
	assert_int_equal(linkrig_stream(r, 8)->done, 2);
	/* credit that is the connection's alone now */
	assert_int_equal(linkrig_stream(r, 8)->consumed + r->q.consumed,
	    200000);
	linkrig_free(r);
}

/* An end without octets, of a stream that had none. */
static void
test_empty(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs = rig_open(r->worker, 0);

	(void)state;
	rig_send(rs, 0, 1);
	linkrig_run(r);
	assert_true(linkrig_stream(r, 5)->fin);
	assert_int_equal(linkrig_stream(r, 5)->len, 0);
	link_data(r->link, 5, NULL, 0, 1);
	linkrig_run(r);
	assert_int_equal(rs->closes, 1);
	linkrig_over(r, 5);
	linkrig_free(r);
}

/* ---- resets ---- */

static void
test_worker_resets(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs = rig_open(r->worker, 0);
	struct qstream		*s;

	(void)state;
	r->q.credit = 1000;
	rig_pre(rs, "01 00 00 00");
	rig_send(rs, 50000, 0);
	linkrig_run(r);
	s = linkrig_stream(r, 5);
	assert_int_equal(s->len, 1000);
	rig_kill(rs, RESET_TIMEOUT);
	linkrig_run(r);
	assert_int_equal(s->resets, 1);
	assert_int_equal(s->stops, 1);
	assert_int_equal(s->reset_code, RESET_TIMEOUT);
	assert_int_equal(s->stop_code, RESET_TIMEOUT);
	/* what the peer still sends is not wanted, but credited */
	linkrig_says(r, 5, "late", 0);
	assert_int_equal(r->q.consumed, 4);
	s->credit = 100000;
	link_may_send(r->link, 5);
	linkrig_run(r);
	assert_int_equal(s->len, 1000);
	link_was_reset(r->link, 5, RESET_ABORT);
	linkrig_over(r, 5);
	linkrig_free(r);
}

/* Before the peer had a stream for it: nobody hears of it. */
static void
test_reset_waiting(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*a, *b;

	(void)state;
	r->q.may_open = 0;
	a = rig_open(r->worker, 0);
	b = rig_open(r->worker, 0);
	rig_send(a, 10, 1);
	rig_send(b, 20, 1);
	linkrig_run(r);
	assert_null(linkrig_stream(r, 5));
	rig_kill(a, RESET_ABORT);
	linkrig_run(r);
	r->q.may_open = 1;
	link_may_open(r->link);
	linkrig_run(r);
	linkrig_got_pattern(r, 5, 0, 20);
	assert_null(linkrig_stream(r, 9));
	linkrig_free(r);
}

static void
peer_resets(int stop, uint64_t code, enum reset_reason why)
{
	struct linkrig		*r = start(0);
	struct rig_stream	*rs;
	struct qstream		*s;

	r->worker->accept_hold = 1;
	linkrig_sends(r, 8, 0, 100000, 0);
	linkrig_run(r);
	rs = &r->worker->streams[1];
	rs->pattern = 0;
	rig_send(rs, 1000000, 0);
	linkrig_run(r);
	s = linkrig_stream(r, 8);
	if (stop)
		link_was_stopped(r->link, 8, code);
	else
		link_was_reset(r->link, 8, code);
	linkrig_run(r);
	assert_int_equal(rs->resets, 1);
	assert_int_equal(rs->reason, why);
	assert_int_equal(s->resets, 1);
	assert_int_equal(s->reset_code, why);
	assert_int_equal(s->stops, stop);
	/* all is credited that will never be read */
	assert_int_equal(s->consumed + r->q.consumed, 100000);
	/* and then the other half of it, which changes nothing */
	if (stop)
		link_was_reset(r->link, 8, code);
	else
		link_was_stopped(r->link, 8, code);
	linkrig_run(r);
	assert_int_equal(s->resets, 1);
	linkrig_over(r, 8);
	assert_int_equal(s->done, 2);
	linkrig_free(r);
}

static void
test_peer_resets(void **state)
{
	int	 stop;

	(void)state;
	for (stop = 0; stop < 2; stop++) {
		peer_resets(stop, RESET_REFUSED, RESET_REFUSED);
		peer_resets(stop, RESET_NAME, RESET_NAME);
		peer_resets(stop, 0, RESET_ABORT);
		peer_resets(stop, RESET_TUNNEL, RESET_ABORT);
		peer_resets(stop, UINT64_MAX, RESET_ABORT);
	}
}

/* Both do it at once. */
static void
test_both_reset(void **state)
{
	struct linkrig		*r = start(0);
	struct qstream		*s;

	(void)state;
	linkrig_sends(r, 8, 0, 1000, 0);
	linkrig_run(r);
	rig_kill(&r->worker->streams[1], RESET_MEMORY);
	link_was_reset(r->link, 8, RESET_NAME);
	s = linkrig_stream(r, 8);
	assert_int_equal(s->reset_code, RESET_NAME);
	linkrig_run(r);
	assert_int_equal(s->resets, 1);
	assert_int_equal(s->stops, 0);
	linkrig_over(r, 8);
	assert_int_equal(s->done, 2);
	linkrig_free(r);
}

/* A reset behind an end: in the one direction there is nothing to stop. */
static void
test_reset_after_end(void **state)
{
	struct linkrig		*r = start(0);
	struct qstream		*s;

	(void)state;
	linkrig_sends(r, 8, 0, 1000, 1);
	linkrig_run(r);
	assert_int_equal(r->worker->streams[1].fins, 1);
	rig_kill(&r->worker->streams[1], RESET_REFUSED);
	linkrig_run(r);
	s = linkrig_stream(r, 8);
	assert_int_equal(s->resets, 1);
	assert_int_equal(s->stops, 0);
	linkrig_over(r, 8);
	linkrig_free(r);
}

/* QUIC forgets a stream without a word of how it ended. */
static void
test_over_unsaid(void **state)
{
	struct linkrig		*r = start(0);

	(void)state;
	linkrig_sends(r, 8, 0, 1000, 0);
	linkrig_run(r);
	linkrig_over(r, 8);
	linkrig_run(r);
	assert_int_equal(r->worker->streams[1].resets, 1);
	assert_int_equal(linkrig_stream(r, 8)->done, 2);
	/* what it may say later is nothing */
	link_acked(r->link, 8, 1000);
	link_may_send(r->link, 8);
	linkrig_run(r);
	assert_false(r->q.closed);
	linkrig_free(r);
}

/* The first that is heard of a stream is that it ends. */
static void
test_unseen(void **state)
{
	struct linkrig		*r = start(0);

	(void)state;
	linkrig_know(r, 8);
	link_was_reset(r->link, 8, RESET_NAME);
	assert_int_equal(linkrig_stream(r, 8)->resets, 1);
	assert_int_equal(linkrig_stream(r, 8)->reset_code, RESET_NAME);
	linkrig_over(r, 8);
	assert_int_equal(linkrig_stream(r, 8)->done, 2);
	linkrig_know(r, 12);
	link_was_stopped(r->link, 12, 99);
	assert_int_equal(linkrig_stream(r, 12)->resets, 1);
	assert_int_equal(linkrig_stream(r, 12)->stops, 1);
	assert_int_equal(linkrig_stream(r, 12)->stop_code, RESET_ABORT);
	linkrig_over(r, 12);
	linkrig_run(r);
	assert_int_equal(r->worker->n, 1);
	linkrig_free(r);
}

/* ---- mytunnel ---- */

/* Who asks for no more is deaf, no more; what he sent is still delivered. */
static void
test_deaf_peer(void **state)
{
	struct linkrig		*r = start_mytunnel();
	struct rig_stream	*rs;
	struct qstream		*s;

	(void)state;
	linkrig_says(r, 0, "\001\001\273\001a", 0);
	linkrig_run(r);
	rs = &r->worker->streams[0];
	rig_send(rs, 500000, 0);
	r->q.stuck = 1;
	linkrig_run(r);
	link_was_stopped(r->link, 0, 0);
	s = linkrig_stream(r, 0);
	assert_int_equal(s->resets, 1);
	assert_int_equal(s->stops, 0);
	r->q.stuck = 0;
	linkrig_says(r, 0, "last", 1);
	linkrig_run(r);
	/* all that the worker sends is taken, and none goes out */
	assert_int_equal(rs->tx_left, 0);
	assert_int_equal(s->len, 0);
	assert_int_equal(rs->rx, 9);
	assert_int_equal(rs->fins, 1);
	assert_int_equal(rs->resets, 0);
	/* but not for ever */
	linkrig_pass(r, 12000);
	assert_int_equal(rs->resets, 1);
	linkrig_over(r, 0);
	assert_int_equal(s->done, 2);
	linkrig_free(r);
}

/* A stream is a request for a connection, or for nothing. */
static void
test_first_octet(void **state)
{
	struct linkrig	*r = start_mytunnel();

	(void)state;
	linkrig_says(r, 0, "", 0);
	linkrig_says(r, 0, "\001\001\273\001a", 0);
	linkrig_says(r, 4, "\002", 0);
	linkrig_says(r, 4, "\002\273\001a", 0);
	linkrig_run(r);
	assert_int_equal(r->worker->n, 2);
	assert_memory_equal(r->worker->streams[0].text, "\001\001\273\001a",
	    5);
	assert_memory_equal(r->worker->streams[1].text, "\000\002\273\001a",
	    5);
	linkrig_free(r);
}

/* The client takes none of a server's, and its worker hears of none. */
static void
test_server_opens(void **state)
{
	struct linkrig	*r = linkrig_new(DIALECT_MYTUNNEL, 0, 0);

	(void)state;
	linkrig_says(r, 1, "hello", 0);
	linkrig_run(r);
	assert_int_equal(linkrig_stream(r, 1)->resets, 1);
	assert_int_equal(linkrig_stream(r, 1)->stops, 1);
	assert_int_equal(linkrig_stream(r, 1)->reset_code, 0);
	assert_int_equal(r->q.consumed, 5);
	assert_false(r->q.closed);
	linkrig_over(r, 1);
	assert_int_equal(linkrig_stream(r, 1)->done, 2);
	linkrig_free(r);
}

/* ---- credit ---- */

/* A worker that does not read costs its own window, and the peer's credit. */
static void
test_slow_worker(void **state)
{
	struct linkrig	*r = start(0);

	(void)state;
	r->worker->accept_hold = 1;
	linkrig_sends(r, 8, 0, 500000, 0);
	linkrig_run(r);
	assert_int_equal(linkrig_stream(r, 8)->consumed, SMUX_INSIDE_WINDOW);
	r->worker->streams[1].hold = 0;
	rig_consume(&r->worker->streams[1], SMUX_INSIDE_WINDOW);
	linkrig_run(r);
	assert_int_equal(linkrig_stream(r, 8)->consumed, 500000);
	linkrig_free(r);
}

/* A peer that takes nothing costs us the stream's window, no more. */
static void
test_slow_peer(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs = rig_open(r->worker, 0), *other;

	(void)state;
	r->q.credit = 0;
	rig_pre(rs, "01 00 00 00");
	rig_send(rs, 10000000, 1);
	linkrig_run(r);
	assert_int_equal(rs->tx_done + 4, SMUX_INSIDE_WINDOW);
	/* others go on */
	r->q.credit = UINT32_MAX;
	other = rig_open(r->worker, 0);
	rig_pre(other, "01 00 00 00");
	rig_send(other, 100000, 1);
	linkrig_run(r);
	linkrig_got_pattern(r, 9, 4, 100000);
	linkrig_stream(r, 5)->credit = UINT32_MAX;
	link_may_send(r->link, 5);
	linkrig_run(r);
	linkrig_got_pattern(r, 5, 4, 10000000);
	linkrig_free(r);
}

/* What is on its way is bounded, and is enough for a long one. */
static void
test_unacknowledged(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs = rig_open(r->worker, 0);
	struct qstream		*s;

	(void)state;
	r->q.deaf = 1;
	rig_pre(rs, "01 00 00 00");
	rig_send(rs, 40000000, 1);
	linkrig_run(r);
	s = linkrig_stream(r, 5);
	assert_in_range(s->len, 12 << 20, (12 << 20) + 16384);
	assert_in_range(rs->tx_done, s->len, (16 << 20) + 16384);
	/* an octet is not worth a turn, a piece of memory is */
	s->acked = 1;
	link_acked(r->link, 5, 1);
	linkrig_run(r);
	assert_in_range(s->len, 12 << 20, (12 << 20) + 16384);
	r->q.deaf = 0;
	linkrig_run(r);
	linkrig_got_pattern(r, 5, 4, 40000000);
	linkrig_free(r);
}

/* Where so many wait that all is full, some are reset, and counted. */
static void
test_shed(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*rs;
	struct link_stats	 before = *link_stats();
	int			 i;

	(void)state;
	r->q.credit = 0;
	for (i = 0; i < 80; i++) {
		rs = rig_open(r->worker, 0);
		rig_pre(rs, "01 00 00 00");
		rig_send(rs, 100000, 0);
	}
	linkrig_run(r);
	linkrig_pass(r, 10000);
	assert_in_range(link_stats()->streams_shed - before.streams_shed, 1,
	    79);
	assert_int_equal(r->worker->resets,
	    link_stats()->streams_shed - before.streams_shed);
	/* a new one has room */
	r->q.credit = UINT32_MAX;
	rs = rig_open(r->worker, 0);
	rig_pre(rs, "01 00 00 00");
	rig_send(rs, 100000, 1);
	linkrig_run(r);
	linkrig_got_pattern(r, 5 + 4 * 80, 4, 100000);
	linkrig_free(r);
}

/*
 * Users who take nothing do not use up the connection's credit for others: who
 * holds most is reset, so many that a quarter of it is free, and told and
 * counted.  Who takes something, however much waits for him, stays.
 */
static void
test_unread(void **state)
{
	struct linkrig		*r = start(0);
	struct rig_stream	*rs;
	struct link_stats	 before = *link_stats();
	int			 i, resets = 0;

	(void)state;
	r->worker->accept_hold = 1;
	for (i = 0; i < 16; i++)
		linkrig_sends(r, 8 + 4 * i, 0, i == 3 ? 3 << 20 : 2 << 20, 0);
	linkrig_run(r);
	r->worker->accept_hold = 0;
	linkrig_sends(r, 200, 0, 1000, 0);
	linkrig_run(r);
	/* they have some time; one of them takes a little of much */
	linkrig_pass(r, 9000);
	assert_int_equal(r->worker->resets, 0);
	rig_consume(&r->worker->streams[4], SMUX_INSIDE_WINDOW);
	linkrig_run(r);
	linkrig_pass(r, 3000);
	for (i = 0; i < 16; i++)
		if (r->worker->streams[1 + i].resets > 0) {
			resets++;
			assert_int_equal(r->worker->streams[1 + i].reason,
			    RESET_MEMORY);
			assert_int_equal(linkrig_stream(r, 8 + 4 * i)->
			    reset_code, RESET_MEMORY);
			assert_int_equal(linkrig_stream(r, 8 + 4 * i)->stops,
			    1);
		}
	assert_int_equal(r->worker->streams[4].resets, 0);
	assert_in_range(resets, 4, 5);
	assert_int_equal(link_stats()->streams_unread - before.streams_unread,
	    resets);
	/* the peer has the credit of all that is void */
	assert_true(r->q.consumed >= (uint64_t)resets *
	    ((2 << 20) - SMUX_INSIDE_WINDOW));
	/* honest users do not notice; and there it ends */
	rs = &r->worker->streams[17];
	linkrig_sends(r, 200, 1000, 1000000, 1);
	linkrig_run(r);
	assert_int_equal(rs->rx, 1001000);
	assert_int_equal(rs->fins, 1);
	linkrig_pass(r, 30000);
	assert_int_equal(r->worker->resets, resets);
	linkrig_free(r);
}

/* All connections have the memory of one process: there it is less. */
static void
test_unread_all(void **state)
{
	struct linkrig	*r[7];
	int		 i, j;

	(void)state;
	for (i = 0; i < 7; i++) {
		r[i] = start(0);
		r[i]->worker->accept_hold = 1;
		for (j = 0; j < 10; j++)
			linkrig_sends(r[i], 8 + 4 * j, 0, 2 << 20, 0);
		linkrig_run(r[i]);
	}
	linkrig_pass(r[0], 1000);
	assert_int_equal(r[0]->worker->resets, 0);
	linkrig_pass(r[0], 2000);
	/* until there is enough, and no longer */
	assert_in_range(r[0]->worker->resets, 1, 7);
	linkrig_pass(r[1], 9000);
	assert_int_equal(r[1]->worker->resets, 0);
	for (i = 0; i < 7; i++)
		linkrig_free(r[i]);
}

/* The same of what their peers do not take. */
static void
test_unsent_all(void **state)
{
	struct linkrig		*r[48];
	struct rig_stream	*rs;
	size_t			 i, j;

	(void)state;
	for (i = 0; i < 48; i++) {
		r[i] = start(1);
		r[i]->q.credit = 0;
		for (j = 0; j < 46; j++) {
			rs = rig_open(r[i]->worker, 0);
			rig_pre(rs, "01 00 00 00");
			rig_send(rs, 100000, 0);
		}
		linkrig_run(r[i]);
		assert_in_range(rs->tx_done, 60000, 65536);
		/* so few might have that for ever */
		linkrig_pass(r[i], i == 0 ? 20000 : 1000);
		assert_true(i > 40 || r[i]->worker->resets == 0);
	}
	linkrig_pass(r[0], 8000);
	assert_in_range(r[0]->worker->resets, 30, 45);
	for (i = 0; i < 48; i++)
		linkrig_free(r[i]);
}

/* ---- the order ---- */

static void
test_order(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*bulk, *little;
	size_t			 i, first = 0, n = 0;

	(void)state;
	bulk = rig_open(r->worker, 0);
	rig_pre(bulk, "01 00 00 00");
	rig_send(bulk, 2000000, 0);
	linkrig_run(r);
	r->q.stuck = 1;
	rig_send(bulk, 2000000, 0);
	linkrig_run(r);
	little = rig_open(r->worker, 0);
	rig_pre(little, "01 00 00 00");
	rig_send(little, 3000, 1);
	rig_send(&r->worker->streams[0], 10, 0);
	linkrig_run(r);
	r->q.norder = 0;
	r->q.stuck = 0;
	linkrig_run(r);
	/* control, then the little one, then the bulk */
	assert_int_equal(r->q.order[0], 1);
	for (i = 1; i < r->q.norder && i < 100; i++) {
		if (r->q.order[i] == 9)
			n = i;
		else if (first == 0)
			first = i;
	}
	assert_true(n > 0 && n < first);
	linkrig_got_pattern(r, 9, 4, 3000);
	linkrig_free(r);
}

/* Two bulk ones take turns. */
static void
test_turns(void **state)
{
	struct linkrig		*r = start(1);
	struct rig_stream	*a = rig_open(r->worker, 0);
	struct rig_stream	*b = rig_open(r->worker, 0);
	size_t			 i, run = 0, most = 0;

	(void)state;
	rig_pre(a, "01 00 00 00");
	rig_pre(b, "01 00 00 00");
	rig_send(a, 1000000, 0);
	rig_send(b, 1000000, 0);
	linkrig_run(r);
	r->q.stuck = 1;
	rig_send(a, 1000000, 0);
	rig_send(b, 1000000, 0);
	linkrig_run(r);
	r->q.norder = 0;
	r->q.stuck = 0;
	for (i = 0; i < 60; i++)
		assert_int_equal(linkrig_send(r), 1);
	for (i = 1; i < 60; i++) {
		run = r->q.order[i] == r->q.order[i - 1] ? run + 1 : 0;
		if (run > most)
			most = run;
	}
	assert_in_range(most, 1, 16384 / LINKRIG_PACKET + 1);
	linkrig_free(r);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_worker_to_peer),
		cmocka_unit_test(test_peer_to_worker),
		cmocka_unit_test(test_over_early),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_worker_resets),
		cmocka_unit_test(test_reset_waiting),
		cmocka_unit_test(test_peer_resets),
		cmocka_unit_test(test_both_reset),
		cmocka_unit_test(test_reset_after_end),
		cmocka_unit_test(test_over_unsaid),
		cmocka_unit_test(test_unseen),
		cmocka_unit_test(test_deaf_peer),
		cmocka_unit_test(test_first_octet),
		cmocka_unit_test(test_server_opens),
		cmocka_unit_test(test_slow_worker),
		cmocka_unit_test(test_slow_peer),
		cmocka_unit_test(test_unacknowledged),
		cmocka_unit_test(test_shed),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_unread_all),
		cmocka_unit_test(test_unsent_all),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_turns)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
