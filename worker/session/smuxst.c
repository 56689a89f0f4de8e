/* SPDX-License-Identifier: ISC */

/*
 * The streams of a smux session: the table by id, the queues, what the peer may
 * still send on each (windows, and the budget of all), and how a stream ends.
 * A stream that dies is only marked, and freed when the turn is over: any
 * callback may end any stream.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "smuxint.h"

/* A session that may not hold a frame could not go on. */
#define SMUX_BUDGET_MIN	65536
/* The least step by which we report consumption, but for small windows... */
#define SMUX_STEP_MIN	16384
/* ...and the largest on a long way, which would stand empty meanwhile. */
#define SMUX_STEP_FAR	131072
#define SMUX_FAR_US	5000
/*
 * On a long way a window is so many times what a round trip brings.  One is on
 * its way.  Our word of new room may be lost, and what is lost holds up all
 * that is behind it: that is as much again, and the same for the word.  And who
 * sends doubles his pace in a round trip.
 */
#define SMUX_AHEAD	4
/* For so much of a round trip the first window is one initial one more. */
#define SMUX_FIRST_US	10000
#define SMUX_FIRST_MAX	32
/* On a short way no window needs more, whatever its limit. */
#define SMUX_NEAR_MAX	(2 * 1024 * 1024)
/* A round trip that takes longer than this to show is not waited for. */
#define SMUX_TRIP_US	5000000
/* Who takes so much, a 16th of the cap, or all that he has, makes progress. */
#define SMUX_PROGRESS	65536
#define SMUX_PROGRESS_CAP	16
/* Patience with readers falls to a 16th of what it is at first. */
#define SMUX_HASTE_MAX	16
/* What a window grew by goes to others when it was unused for so long. */
#define SMUX_IDLE_MS	2000
#define SMUX_RECLAIM_US	1000000

/* ---- the table ---- */

/* A peer chooses ids, but cannot choose buckets: the multiplier is secret. */
static struct smux_stream **
smuxst_bucket(struct smux *s, uint32_t id)
{
	return (&s->buckets[id * s->secret >> (64 - s->bits)]);
}

struct smux_stream *
smuxst_find(struct smux *s, uint32_t id)
{
	struct smux_stream	*st;

	for (st = *smuxst_bucket(s, id); st != NULL; st = st->next)
		if (st->st.id == id)
			return (st);
	return (NULL);
}

/* Without memory the chains just become longer. */
static void
smuxst_grow_table(struct smux *s)
{
	struct smux_stream	**old = s->buckets, **b, *st;
	size_t			  i, n = (size_t)1 << s->bits;

	if ((b = calloc(2 * n, sizeof(*b))) == NULL)
		return;
	s->buckets = b;
	s->bits++;
	for (i = 0; i < n; i++) {
		while ((st = old[i]) != NULL) {
			old[i] = st->next;
			b = smuxst_bucket(s, st->st.id);
			st->next = *b;
			*b = st;
		}
	}
	free(old);
}

/*
 * What a stream may be sent before we have seen how it goes.  On a long way the
 * first steps of a window take a round trip each, and longer where there is
 * loss: while streams are few they begin with what a round trip could bring.
 */
static uint32_t
smuxst_first_window(const struct smux *s)
{
	const struct session_conf	*c = &s->session.conf;
	uint64_t			 trips = s->rtt_us / SMUX_FIRST_US, n;
	uint64_t			 part = smuxst_budget(s) / 2 /
					    (s->session.stats.streams + 1);

	if (s->version != 2 || trips < 2)
		return (c->window_initial);
	if (trips > SMUX_FIRST_MAX)
		trips = SMUX_FIRST_MAX;
	n = trips * c->window_initial;
	if (n > part)
		n = part;
	if (n > c->window_max)
		n = c->window_max;
	return (n > c->window_initial ? (uint32_t)n : c->window_initial);
}

struct smux_stream *
smuxst_new(struct smux *s, uint32_t id, int urgent)
{
	const struct session_conf	 *c = &s->session.conf;
	struct smux_stream		 *st, **b;

	if ((st = calloc(1, sizeof(*st))) == NULL)
		return (NULL);
	if (s->entries >= (uint32_t)1 << s->bits)
		smuxst_grow_table(s);
	st->st.session = &s->session;
	st->st.id = id;
	st->peer_window = c->peer_initial;
	st->told_window = st->edge = st->window = c->window_initial;
	st->paced_us = s->now;
	if (urgent)
		st->flags |= SMUX_URGENT;
	else if (st->window > c->window_max)
		st->window = c->window_max;
	else
		st->window = smuxst_first_window(s);
	b = smuxst_bucket(s, id);
	st->next = *b;
	*b = st;
	s->entries++;
	return (st);
}

/*
 * Tells the peer if the window is not the one it assumes (section 8).  One that
 * may not know yet a stream whose SYN it has just sent (fin_delay_ms is for
 * such, too) would drop that: it is told with its first octets.
 */
void
smuxst_start(struct smux *s, struct smux_stream *st)
{
	if (!(st->flags & SMUX_URGENT)) {
		s->session.stats.streams++;
		if (++s->session.stats.streams_ever >= SMUX_WORN)
			s->session.worn = 1;
	}
	if (st->window != st->told_window &&
	    ((st->flags & SMUX_SYN_DUE) || s->session.conf.fin_delay_ms == 0))
		st->flags |= SMUX_UPD_DUE;
	if (st->flags & (SMUX_SYN_DUE | SMUX_UPD_DUE)) {
		st->flags |= SMUX_IN_CTL;
		TAILQ_INSERT_TAIL(&s->ctl, st, ctl);
		smux_wake(s);
	}
}

void
smuxst_move(struct smux_stream *st, enum smux_queue queue)
{
	struct smux	*s = (struct smux *)st->st.session;

	if (st->queue != SMUX_Q_NONE)
		TAILQ_REMOVE(&s->queues[st->queue], st, entry);
	if (queue != SMUX_Q_NONE)
		TAILQ_INSERT_TAIL(&s->queues[queue], st, entry);
	st->queue = queue;
}

void
smuxst_ctl_remove(struct smux *s, struct smux_stream *st)
{
	if (st->flags & SMUX_IN_CTL)
		TAILQ_REMOVE(&s->ctl, st, ctl);
	st->flags &= ~(SMUX_IN_CTL | SMUX_SYN_DUE | SMUX_UPD_DUE);
}

/* ---- memory ---- */

/*
 * What may be held unconsumed.  In version 2 windows bound each stream and the
 * owner's limit, if it set one, bounds them all.  Version 1 has no windows:
 * there recvbuffer is a bound too.
 */
uint64_t
smuxst_cap(const struct smux *s)
{
	uint64_t	 n = s->session.conf.recvbuffer;

	if (s->limit < n || (s->version == 2 && s->limit != UINT64_MAX))
		n = s->limit;
	return (n < SMUX_BUDGET_MIN ? SMUX_BUDGET_MIN : n);
}

/*
 * What windows may sum up to: recvbuffer, not counting octets that readers have
 * not taken.  Otherwise readers that stopped would leave the others no room to
 * grow.  But a quarter of the owner's limit is for streams that begin.
 */
uint64_t
smuxst_budget(const struct smux *s)
{
	uint64_t	 n = s->session.conf.recvbuffer, cap = smuxst_cap(s);

	n += s->session.stats.unconsumed;
	if (s->limit != UINT64_MAX)
		cap -= cap / 4;
	if (n > cap)
		n = cap;
	return (n < SMUX_BUDGET_MIN ? SMUX_BUDGET_MIN : n);
}

/*
 * How long a reader may be without progress now, in milliseconds: UINT32_MAX
 * while there is room.  In version 2, with several streams, that begins with
 * three quarters spent, and whenever room has halved it is a quarter of what it
 * was, so that those who stop go as fast as others come, and the session is
 * hardly ever full.
 */
static uint32_t
smuxst_patience(const struct smux *s)
{
	uint64_t	 cap = smuxst_cap(s), room, left;
	uint32_t	 grace = s->session.conf.stall_grace_ms, haste = 1;

	if (s->version != 2 || s->session.stats.streams < 2)
		return (s->stalled ? grace : UINT32_MAX);
	if (s->stalled)
		return (grace / SMUX_HASTE_MAX);
	left = cap - s->session.stats.unconsumed;
	if (left > cap / 4)
		return (UINT32_MAX);
	for (room = cap / 8; left <= room && haste < SMUX_HASTE_MAX; room /= 2)
		haste *= 4;
	return (grace / haste);
}

/* Octets of a stream that may be reset for them. */
static uint32_t
smuxst_held(const struct smux_stream *st)
{
	return (st->flags & SMUX_URGENT ? 0 : st->rcvd - st->consumed);
}

/* How long somebody has been without progress; -1: nobody holds anything. */
static int64_t
smuxst_oldest(const struct smux *s)
{
	const struct smux_stream	*st;
	int64_t				 old = -1;
	uint32_t			 now = smux_ms(s);
	size_t				 i;

	for (i = 0; i < (size_t)1 << s->bits; i++)
		for (st = s->buckets[i]; st != NULL; st = st->next)
			if (smuxst_held(st) > 0 && now - st->took_ms > old)
				old = now - st->took_ms;
	return (old);
}

/* Of those that are about as old, the one that holds most. */
static struct smux_stream *
smuxst_worst(struct smux *s, uint32_t old)
{
	struct smux_stream	*st, *worst = NULL;
	size_t			 i;
	uint32_t		 held, most = 0, now = smux_ms(s);

	for (i = 0; i < (size_t)1 << s->bits; i++) {
		for (st = s->buckets[i]; st != NULL; st = st->next) {
			held = smuxst_held(st);
			if (held <= most || now - st->took_ms < old - old / 8)
				continue;
			most = held;
			worst = st;
		}
	}
	return (worst);
}

void
smuxst_shed(struct smux *s)
{
	int64_t	 old = -1;

	while ((s->patience = smuxst_patience(s)) != UINT32_MAX &&
	    (old = smuxst_oldest(s)) >= s->patience) {
		s->session.stats.killed++;
		smuxst_kill(s, smuxst_worst(s, old), RESET_MEMORY);
	}
	s->shed_at = s->patience == UINT32_MAX || old == -1 ? UINT64_MAX :
	    s->now + (s->patience - old) * 1000ULL;
}

/* The tunnel is not read while the cap is reached... */
void
smuxst_stall(struct smux *s)
{
	uint32_t	 patience;

	if (s->session.stats.unconsumed >= smuxst_cap(s))
		s->stalled = 1;
	if ((patience = smuxst_patience(s)) >= s->patience)
		return;
	s->patience = patience;
	s->shed_at = s->now;
	smux_alarm(s, s->now);
}

/* ...and until a quarter of it is free: not an octet at a time. */
void
smuxst_relieve(struct smux *s)
{
	uint64_t	 budget;

	if (!s->stalled || s->dead)
		return;
	budget = smuxst_cap(s);
	if (s->session.stats.unconsumed > budget - budget / 4)
		return;
	s->stalled = 0;
	s->last_rx = s->now;	/* it was silent because of us */
	s->session.events->wake(&s->session);
}

static void
smuxst_set_window(struct smux *s, struct smux_stream *st, uint32_t window)
{
	if (st->flags & SMUX_CHARGED)
		s->granted = s->granted - st->window + window;
	st->window = window;
}

static void
smuxst_tell_window(struct smux *s, struct smux_stream *st)
{
	if (s->version != 2 || (st->flags & (SMUX_DEAD | SMUX_FIN_RCVD)))
		return;
	st->flags |= SMUX_UPD_DUE | SMUX_TOLD;
	if (!(st->flags & SMUX_IN_CTL)) {
		st->flags |= SMUX_IN_CTL;
		TAILQ_INSERT_TAIL(&s->ctl, st, ctl);
	}
	smux_wake(s);
}

/* A stream's window never falls below this. */
static uint32_t
smuxst_window_floor(const struct smux *s)
{
	const struct session_conf	*c = &s->session.conf;

	return (c->window_initial < c->window_max ? c->window_initial :
	    c->window_max);
}

/*
 * Takes back the windows of idle streams that hold nothing: they are no longer
 * charged, and grow again when they are used.
 */
static void
smuxst_reclaim(struct smux *s)
{
	struct smux_stream	*st;
	uint32_t		 floor, now = smux_ms(s);
	size_t			 i;

	if (s->now - s->reclaimed < SMUX_RECLAIM_US)
		return;
	s->reclaimed = s->now;
	floor = smuxst_window_floor(s);
	for (i = 0; i < (size_t)1 << s->bits; i++) {
		for (st = s->buckets[i]; st != NULL; st = st->next) {
			if (!(st->flags & SMUX_CHARGED) ||
			    st->rcvd != st->consumed ||
			    now - st->rcvd_ms < SMUX_IDLE_MS)
				continue;
			s->granted -= st->window;
			st->flags &= ~SMUX_CHARGED;
			if (st->window > floor) {
				smuxst_set_window(s, st, floor);
				smuxst_tell_window(s, st);
			}
		}
	}
}

/*
 * How much came in a round trip, if that is known now: 0, or what the window
 * must be for it.  A loss holds up what comes for a round trip or more, and
 * then all is there at once: two are counted whole.  (A reader that stopped and
 * goes on shows the same, but not in so short a time.)
 */
static uint64_t
smuxst_need_far(struct smux *s, struct smux_stream *st)
{
	uint32_t	 now = s->now, took = now - st->paced_us;
	uint32_t	 trips = s->rtt_us < UINT32_MAX / 2 ? 2 * s->rtt_us :
	    UINT32_MAX;
	uint64_t	 came = st->rcvd - st->paced;
	int		 full = (st->flags & SMUX_FULL) != 0;

	if (took < s->rtt_us && !full && came < st->told_window / 2)
		return (0);
	if (took > trips)
		came = came * trips / took;
	else if (full)
		came = st->told_window;
	st->flags &= ~SMUX_FULL;
	st->paced_us = now;
	st->paced = st->rcvd;
	came *= SMUX_AHEAD;
	return (came / SMUX_AHEAD > st->told_window ?
	    (uint64_t)SMUX_AHEAD * st->told_window : came);
}

/* On a short way our own pace counts: as much again, if it is full. */
static uint64_t
smuxst_need_near(struct smux_stream *st)
{
	uint64_t	 need = 2 * (uint64_t)st->window;

	if (!(st->flags & SMUX_FULL))
		return (0);
	st->flags &= ~SMUX_FULL;
	return (need < SMUX_NEAR_MAX ? need : SMUX_NEAR_MAX);
}

/*
 * A UPD with new room is sent.  What the peer sends beyond the old edge shows
 * that it has come: that took a round trip at least.
 */
void
smuxst_trip_starts(struct smux *s, const struct smux_stream *st)
{
	if (s->trip_id != 0 && s->now - s->trip_at < SMUX_TRIP_US)
		return;
	s->trip_id = st->st.id;
	s->trip_edge = st->edge;
	s->trip_at = s->now;
}

/* Pings may have been held up, by a loss or by what was before them. */
static void
smuxst_trip_ends(struct smux *s, const struct smux_stream *st)
{
	uint64_t	 took = s->now - s->trip_at;

	if (st->st.id != s->trip_id || (int32_t)(st->rcvd - s->trip_edge) <= 0)
		return;
	s->trip_id = 0;
	if (took > 0 && took < SMUX_TRIP_US &&
	    (s->rtt_us == 0 || took < s->rtt_us))
		s->rtt_us = took;
}

/* It has made progress; the next one is when the mark is reached. */
static void
smuxst_progress(struct smux *s, struct smux_stream *st)
{
	uint64_t	 n = smuxst_cap(s) / SMUX_PROGRESS_CAP;
	uint32_t	 held = st->rcvd - st->consumed;

	if (n > SMUX_PROGRESS)
		n = SMUX_PROGRESS;
	st->took_ms = smux_ms(s);
	st->mark = st->consumed + (held < n ? held : n);
}

void
smuxst_received(struct smux *s, struct smux_stream *st, uint32_t n)
{
	if (!(st->flags & (SMUX_CHARGED | SMUX_URGENT))) {
		st->flags |= SMUX_CHARGED;
		s->granted += st->window;
	}
	st->rcvd += n;
	if (st->rcvd - st->consumed == n)	/* it waits from now on */
		smuxst_progress(s, st);
	st->rcvd_ms = smux_ms(s);
	s->session.stats.payload_in += n;
	s->session.stats.unconsumed += n;
	/* An eighth is as good as used up: the peer may not send so little. */
	if ((int32_t)(st->told_consumed + st->told_window - st->rcvd) <=
	    (int32_t)(st->told_window / 8))
		st->flags |= SMUX_FULL;
	smuxst_trip_ends(s, st);
}

void
smuxst_shrink(struct smux *s)
{
	struct smux_stream	*st;
	uint64_t		 budget, granted = s->granted, window;
	uint32_t		 floor;
	size_t			 i;

	budget = smuxst_budget(s);
	if (granted <= budget)
		return;
	floor = smuxst_window_floor(s);
	for (i = 0; i < (size_t)1 << s->bits; i++) {
		for (st = s->buckets[i]; st != NULL; st = st->next) {
			if (!(st->flags & SMUX_CHARGED) || st->window <= floor)
				continue;
			window = st->window * budget / granted;
			smuxst_set_window(s, st, window > floor ? window :
			    floor);
			smuxst_tell_window(s, st);
		}
	}
}

/* By how much the window should grow now, if there is room. */
static uint32_t
smuxst_growth(struct smux *s, struct smux_stream *st)
{
	uint32_t	 max = s->session.conf.window_max;
	uint64_t	 need;

	int		 far = s->rtt_us > SMUX_FAR_US;

	if (st->rcvd - st->consumed > st->window / 4) {
		/* On a long way it may be behind for a moment only. */
		if (!far)
			st->flags &= ~SMUX_FULL;
		return (0);
	}
	need = far ? smuxst_need_far(s, st) : smuxst_need_near(st);
	if (need > max)
		need = max;
	return (need > st->window ? need - st->window : 0);
}

/*
 * A window grows when the peer uses it and our reader keeps pace with what
 * arrives: then the window limits the stream, and not the reader.  The sum of
 * windows stays within the budget, except that new streams start with theirs;
 * if that brings it above, grown windows are halved.
 */
void
smuxst_tune(struct smux *s, struct smux_stream *st)
{
	uint64_t	 budget, rest;
	uint32_t	 floor, want;

	if (st->flags & SMUX_URGENT)
		return;
	budget = smuxst_budget(s);
	floor = smuxst_window_floor(s);
	if (s->granted > budget)
		smuxst_reclaim(s);
	if (s->granted > budget) {
		if (st->window > floor)
			smuxst_set_window(s, st, st->window / 2 > floor ?
			    st->window / 2 : floor);
		return;
	}
	if ((want = smuxst_growth(s, st)) == 0)
		return;
	if (s->granted + want > budget)
		smuxst_reclaim(s);
	rest = budget > s->granted ? budget - s->granted : 0;
	if (want > rest)
		want = rest;
	smuxst_set_window(s, st, st->window + want);
}

/*
 * New credit for the peer: by quarters.  A foreign peer also gets it at the
 * first consumption, because it does not know the window yet.
 */
void
smuxst_credit(struct smux *s, struct smux_stream *st)
{
	uint32_t	 step = st->told_window / 4;

	if (step < SMUX_STEP_MIN)
		step = SMUX_STEP_MIN;
	if (s->rtt_us > SMUX_FAR_US && step > SMUX_STEP_FAR)
		step = SMUX_STEP_FAR;
	if (step > st->told_window / 2)
		step = st->told_window / 2;
	if ((s->session.conf.caps != 0 || (st->flags & SMUX_TOLD)) &&
	    st->consumed - st->told_consumed < step)
		return;
	smuxst_tell_window(s, st);
}

/* ---- how they end ---- */

/* Tells the peer that the stream has died, if it does not know. */
void
smuxst_abort(struct smux *s, struct smux_stream *st, enum reset_reason why)
{
	/* The peer never heard of it, or is foreign and has our FIN. */
	if ((st->flags & SMUX_SYN_DUE) || ((st->flags & SMUX_FIN_SENT) &&
	    !(s->session.conf.caps & CAP_RESET)))
		return;
	smuxout_reset(s, st->st.id, why);
}

void
smuxst_forget(struct smux *s, struct smux_stream *st)
{
	struct smux_stream	**b;

	for (b = smuxst_bucket(s, st->st.id); *b != st; b = &(*b)->next)
		;
	*b = st->next;
	s->entries--;
	smuxst_ctl_remove(s, st);
	smuxst_move(st, SMUX_Q_DEAD);
	st->flags |= SMUX_DEAD;
	if (s->rx == st)
		s->rx = NULL;
	if (s->trip_id == st->st.id)
		s->trip_id = 0;
	if (st->flags & SMUX_CHARGED)
		s->granted -= st->window;
	s->session.stats.unconsumed -= st->rcvd - st->consumed;
	if (!(st->flags & SMUX_URGENT))
		s->session.stats.streams--;
	smuxst_relieve(s);
}

void
smuxst_kill(struct smux *s, struct smux_stream *st, enum reset_reason why)
{
	smuxst_abort(s, st, why);
	smuxst_forget(s, st);
	st->st.owner->reset(&st->st, why);
}

void
smuxst_finish(struct smux *s, struct smux_stream *st)
{
	if (!(st->flags & SMUX_FIN_SENT) || !(st->flags & SMUX_FIN_RCVD))
		return;
	smuxst_forget(s, st);
	st->st.owner->closed(&st->st);
}

void
smuxst_took(struct smux *s, struct smux_stream *st)
{
	if ((int32_t)(st->consumed - st->mark) >= 0)
		smuxst_progress(s, st);
}

void
smuxst_end(struct smux *s)
{
	struct smux_stream	*st;
	size_t			 i;

	for (i = 0; i < (size_t)1 << s->bits; i++) {
		while ((st = s->buckets[i]) != NULL) {
			smuxst_forget(s, st);
			st->st.owner->reset(&st->st, RESET_TUNNEL);
		}
	}
}

void
smuxst_bury(struct smux *s)
{
	struct smux_stream	*st;

	if (s->depth > 0)
		return;
	while ((st = TAILQ_FIRST(&s->queues[SMUX_Q_DEAD])) != NULL) {
		TAILQ_REMOVE(&s->queues[SMUX_Q_DEAD], st, entry);
		free(st);
	}
}
