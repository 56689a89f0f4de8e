/* SPDX-License-Identifier: ISC */

/*
 * Two links and two workers, and between them a path that QUIC might be:
 * streams overtake each other, acknowledgements are late, and whoever wants to
 * ends or resets a stream at any time, both at once too.  What arrives is in
 * order; in the end nothing is left.
 */

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/quic/linkint.h"
#include "chaos.h"
#include "linkqconn.h"

#define TURNS		400
#define STREAMS_EACH	40

struct carried {			/* of what one side sends */
	size_t		 octets;	/* delivered */
	int		 fin, reset, stop;
};

struct half {
	struct linkrig	*r;
	struct half	*peer;
	struct carried	 carried[LINKRIG_STREAMS];	/* as its q.streams */
};

static struct carried *
carried_of(struct half *from, const struct qstream *s)
{
	return (&from->carried[s - from->r->q.streams]);
}

/* ---- the path ---- */

static void
carry_octets(struct half *from, struct qstream *s, struct carried *c)
{
	size_t	 n = chaos_rnd(s->len - c->octets + 1);

	c->fin = s->fin && n == s->len - c->octets;
	linkrig_puts(from->peer->r, s->id, s->octets + c->octets, n, c->fin);
	c->octets += n;
}

/* What one side says of a stream, unless the other has forgotten it. */
static void
carry_stream(struct half *from, struct qstream *s)
{
	struct carried	*c = carried_of(from, s);
	struct linkrig	*to = from->peer->r;
	struct qstream	*far = linkrig_stream(to, s->id);

	if (far != NULL && far->done)
		return;
	if (s->resets > 0 && !c->reset && !c->fin) {
		c->reset = 1;
		linkrig_know(to, s->id);
		link_was_reset(to->link, s->id, s->reset_code);
	} else if (!c->reset && (c->octets < s->len || s->fin != c->fin))
		carry_octets(from, s, c);
	else if (s->stops > 0 && !c->stop) {
		c->stop = 1;
		linkrig_know(to, s->id);
		link_was_stopped(to->link, s->id, s->stop_code);
	}
	if (s->done || s->acked == c->octets || chaos_rnd(2))
		return;
	s->acked = c->octets;
	link_acked(from->r->link, s->id, s->acked);
}

/* Has this direction ended, for both? */
static int
is_over(struct half *from, int64_t id)
{
	struct qstream	*s = linkrig_stream(from->r, id);
	struct carried	*c;

	if (s == NULL)
		return (0);
	c = carried_of(from, s);
	return (c->reset || (c->fin && (s->done || s->acked == s->len)));
}

/* How much there is to carry. */
static size_t
carry(struct half *from, int all)
{
	struct qstream	*s;
	struct carried	*c;
	size_t		 i, left = 0;

	for (i = 0; i < from->r->q.n; i++) {
		s = &from->r->q.streams[i];
		if (s->id == 0)
			continue;	/* the opening */
		c = carried_of(from, s);
		if (all || chaos_rnd(3) == 0)
			carry_stream(from, s);
		left += (s->len > c->octets || s->fin != c->fin ||
		    (s->resets > 0) != c->reset) && !c->reset && !c->fin;
		if (!s->done && is_over(from, s->id) &&
		    is_over(from->peer, s->id)) {
			linkrig_over(from->r, s->id);
			left++;
		}
		if (s->credit < s->len + 1000) {
			s->credit += chaos_rnd(50000);
			if (!s->done)
				link_may_send(from->r->link, s->id);
		}
	}
	return (left);
}

/* ---- the workers ---- */

static void
consume(struct rig_stream *rs)
{
	rs->hold = 0;
	if (rs->rx_held > 0)
		rig_consume(rs, rs->rx_held);
}

static void
act(struct half *half)
{
	struct rig		*w = half->r->worker;
	struct rig_stream	*rs;

	if (w->n < STREAMS_EACH && chaos_rnd(4) == 0) {
		rs = rig_open(w, 0);
		rs->pattern = 1;
		rs->tx_piece = chaos_rnd(3) == 0 ? 1 + chaos_rnd(1000) : 0;
		rig_send(rs, 1 + chaos_rnd(200000), chaos_rnd(2));
	}
	/* the first two are the control streams */
	if (w->n < 3 || (rs = &w->streams[2 + chaos_rnd(w->n - 2)])->st ==
	    NULL)
		return;
	switch (chaos_rnd(10)) {
	case 0:
		rig_kill(rs, RESET_ABORT + chaos_rnd(RESET_NAME));
		break;
	case 1:
		rs->hold = 1;
		break;
	case 2:
	case 3:
		consume(rs);
		break;
	case 4:
	case 5:
		if (!rs->tx_fin)
			rig_send(rs, chaos_rnd(100000), chaos_rnd(2));
		break;
	default:
		break;
	}
}

static void
finish(struct half *half)
{
	struct rig		*w = half->r->worker;
	struct rig_stream	*rs;
	int			 i;

	for (i = 0; i < w->n; i++) {
		rs = &w->streams[i];
		if (rs->st == NULL)
			continue;
		consume(rs);
		if (i >= 2 && rs->st != NULL && !rs->tx_fin)
			rig_send(rs, 0, 1);
	}
}

/* ---- a test ---- */

static void
half_check(struct half *half)
{
	struct link	*l = half->r->link;
	struct linkst	*st;
	struct rig	*w = half->r->worker;

	assert_false(half->r->q.closed);
	TAILQ_FOREACH(st, &l->streams, entry)
		assert_true(st->flags & LINKST_URGENT);
	assert_int_equal(w->s->stats.streams, 0);
	assert_int_equal(w->s->stats.faults, 0);
	assert_int_equal(l->session->stats.streams, 0);
	assert_int_equal(l->session->stats.faults, 0);
	assert_int_equal(l->session->stats.unconsumed, 0);
	assert_int_equal(l->session->stats.killed, 0);
}

/* Each has one control stream of its own, and one of the other's. */
static void
begin(struct half *a, struct half *b)
{
	rig_send(rig_open(a->r->worker, 1), 10, 0);
	rig_send(rig_open(b->r->worker, 1), 10, 0);
	while (linkrig_step(a->r) | linkrig_step(b->r) |
	    (carry(a, 1) + carry(b, 1) > 0))
		;
	while (a->r->worker->n < 2 || b->r->worker->n < 2) {
		carry(a, 1);
		carry(b, 1);
		linkrig_run(a->r);
		linkrig_run(b->r);
	}
	a->r->worker->accept_pattern = b->r->worker->accept_pattern = 1;
}

static void
chaos(struct half *a, struct half *b)
{
	int	 i;

	begin(a, b);
	a->r->q.credit = b->r->q.credit = 30000;
	for (i = 0; i < TURNS; i++) {
		act(a);
		act(b);
		a->r->q.stuck = chaos_rnd(3) == 0;
		b->r->q.stuck = chaos_rnd(3) == 0;
		(void)linkrig_step(a->r);
		(void)linkrig_step(b->r);
		carry(a, 0);
		carry(b, 0);
	}
	a->r->q.stuck = b->r->q.stuck = 0;
	for (i = 0; i < 3000; i++) {
		finish(a);
		finish(b);
		while (linkrig_step(a->r) | linkrig_step(b->r))
			;
		if (carry(a, 1) + carry(b, 1) == 0 && i > 100)
			break;
	}
	half_check(a);
	half_check(b);
}

static void
test_chaos(void **state)
{
	static struct half	 a, b;
	uint32_t		 i;

	(void)state;
	for (i = 0; i < 20; i++) {
		chaos_seed = i;
		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		a.r = linkrig_new(DIALECT_ROCKET, 1, 1);
		b.r = linkrig_new(DIALECT_ROCKET, 0, 1);
		a.r->q.deaf = b.r->q.deaf = 1;	/* the path does that */
		a.peer = &b;
		b.peer = &a;
		chaos(&a, &b);
		linkrig_free(a.r);
		linkrig_free(b.r);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_chaos)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
