/* SPDX-License-Identifier: ISC */

/*
 * See window.h.  Windows are charged once something came in by them; all are
 * looked through only when room is short, or a limit falls.
 */

#include <sys/types.h>

#include "window.h"

/* A session that may not hold a frame could not go on. */
#define BUDGET_MIN	65536
/* The least step by which we report consumption, but for small windows... */
#define STEP_MIN	16384
/* ...and the largest on a long way, which would stand empty meanwhile. */
#define STEP_FAR	131072
#define FAR_US		5000
/*
 * On a long way a window is so many times what a round trip brings.  One is on
 * its way.  Our word of new room may be lost, and what is lost holds up all
 * that is behind it: that is as much again, and the same for the word.  And who
 * sends doubles his pace in a round trip.
 */
#define AHEAD		4
/* For so much of a round trip the first window is one initial one more. */
#define FIRST_US	10000
#define FIRST_MAX	32
/* On a short way no window needs more, whatever its limit. */
#define NEAR_MAX	(2 * 1024 * 1024)
/* A round trip that takes longer than this to show is not waited for. */
#define TRIP_US		5000000
/* Who takes so much, a 16th of the cap, or all that he has, makes progress. */
#define PROGRESS	65536
#define PROGRESS_CAP	16
/* Patience with readers falls to a 16th of what it is at first. */
#define HASTE_MAX	16
/* What a window grew by goes to others when it was unused for so long. */
#define IDLE_MS		2000
#define RECLAIM_US	1000000

static uint32_t
windows_ms(const struct windows *ws)
{
	return (ws->now / 1000);
}

static struct window *
windows_next(struct windows *ws, const struct window *w)
{
	return (ws->events->next(ws, w));
}

#define WINDOWS_FOREACH(w, ws)						\
	for ((w) = windows_next((ws), NULL); (w) != NULL;		\
	    (w) = windows_next((ws), (w)))

/* ---- what all may hold ---- */

/*
 * What may be held unconsumed.  Windows bound each stream and the owner's
 * limit, if it set one, bounds them all.  Without windows recvbuffer is a bound
 * too.
 */
uint64_t
windows_cap(const struct windows *ws)
{
	uint64_t	 n = ws->session->conf.recvbuffer;

	if (ws->limit < n || (ws->bounded && ws->limit != UINT64_MAX))
		n = ws->limit;
	return (n < BUDGET_MIN ? BUDGET_MIN : n);
}

uint64_t
windows_room(const struct windows *ws)
{
	uint64_t	 cap = windows_cap(ws);

	if (ws->stalled || ws->session->stats.unconsumed >= cap)
		return (0);
	return (cap - ws->session->stats.unconsumed);
}

/*
 * What windows may sum up to: recvbuffer, not counting octets that readers have
 * not taken.  Otherwise readers that stopped would leave the others no room to
 * grow.  But a quarter of the owner's limit is for streams that begin.
 */
static uint64_t
windows_budget(const struct windows *ws)
{
	uint64_t	 n = ws->session->conf.recvbuffer;
	uint64_t	 cap = windows_cap(ws);

	n += ws->session->stats.unconsumed;
	if (ws->limit != UINT64_MAX)
		cap -= cap / 4;
	if (n > cap)
		n = cap;
	return (n < BUDGET_MIN ? BUDGET_MIN : n);
}

/*
 * How long a reader may be without progress now, in milliseconds: UINT32_MAX
 * while there is room.  With windows and several streams that begins with three
 * quarters spent, and whenever room has halved it is a quarter of what it was,
 * so that those who stop go as fast as others come, and the session is hardly
 * ever full.
 */
static uint32_t
windows_patience(const struct windows *ws)
{
	uint64_t	 cap = windows_cap(ws), room, left;
	uint32_t	 grace = ws->session->conf.stall_grace_ms, haste = 1;

	if (!ws->bounded || ws->session->stats.streams < 2)
		return (ws->stalled ? grace : UINT32_MAX);
	if (ws->stalled)
		return (grace / HASTE_MAX);
	left = cap - ws->session->stats.unconsumed;
	if (left > cap / 4)
		return (UINT32_MAX);
	for (room = cap / 8; left <= room && haste < HASTE_MAX; room /= 2)
		haste *= 4;
	return (grace / haste);
}

/* Octets of a stream that may be reset for them. */
static uint32_t
window_held(const struct window *w)
{
	return (w->flags & WINDOW_FREE ? 0 : w->rcvd - w->consumed);
}

/* How long somebody has been without progress; -1: nobody holds anything. */
static int64_t
windows_oldest(struct windows *ws)
{
	const struct window	*w;
	int64_t			 old = -1;
	uint32_t		 now = windows_ms(ws);

	WINDOWS_FOREACH(w, ws)
		if (window_held(w) > 0 && now - w->took_ms > old)
			old = now - w->took_ms;
	return (old);
}

/* Of those that are about as old, the one that holds most. */
static struct window *
windows_worst(struct windows *ws, uint32_t old)
{
	struct window	*w, *worst = NULL;
	uint32_t	 held, most = 0, now = windows_ms(ws);

	WINDOWS_FOREACH(w, ws) {
		held = window_held(w);
		if (held <= most || now - w->took_ms < old - old / 8)
			continue;
		most = held;
		worst = w;
	}
	return (worst);
}

void
windows_shed(struct windows *ws)
{
	int64_t	 old = -1;

	while ((ws->patience = windows_patience(ws)) != UINT32_MAX &&
	    (old = windows_oldest(ws)) >= ws->patience) {
		ws->session->stats.killed++;
		ws->events->kill(ws, windows_worst(ws, old));
	}
	ws->shed_at = ws->patience == UINT32_MAX || old == -1 ? UINT64_MAX :
	    ws->now + (ws->patience - old) * 1000ULL;
}

/* The tunnel is not read while the cap is reached... */
void
windows_stall(struct windows *ws)
{
	uint32_t	 patience;

	if (ws->session->stats.unconsumed >= windows_cap(ws))
		ws->stalled = 1;
	if ((patience = windows_patience(ws)) >= ws->patience)
		return;
	ws->patience = patience;
	ws->shed_at = ws->now;
	ws->events->alarm(ws, ws->now);
}

/* ...and until a quarter of it is free: not an octet at a time. */
void
windows_relieve(struct windows *ws)
{
	uint64_t	 cap;

	if (!ws->stalled)
		return;
	cap = windows_cap(ws);
	if (ws->session->stats.unconsumed > cap - cap / 4)
		return;
	ws->stalled = 0;
	ws->events->relieved(ws);
}

/* ---- what one may be sent ---- */

/* n as a stream's first window, or what of it the others leave. */
static uint32_t
windows_share(const struct windows *ws, uint64_t n)
{
	const struct session_conf	*c = &ws->session->conf;
	uint64_t			 part = windows_budget(ws) / 2 /
					    (ws->session->stats.streams + 1);

	if (n > part)
		n = part;
	if (n > c->window_max)
		n = c->window_max;
	return (n > c->window_initial ? (uint32_t)n : c->window_initial);
}

/*
 * What a stream may be sent before we have seen how it goes.  On a long way the
 * first steps of a window take a round trip each, and longer where there is
 * loss: while streams are few they begin with what a round trip could bring.
 */
static uint32_t
windows_first(const struct windows *ws)
{
	const struct session_conf	*c = &ws->session->conf;
	uint64_t			 trips = ws->rtt_us / FIRST_US;

	if (!ws->bounded || trips < 2)
		return (c->window_initial);
	if (trips > FIRST_MAX)
		trips = FIRST_MAX;
	return (windows_share(ws, trips * c->window_initial));
}

void
windows_init(struct windows *ws, struct session *s,
    const struct windows_events *events)
{
	ws->session = s;
	ws->events = events;
	ws->limit = UINT64_MAX;
	ws->shed_at = UINT64_MAX;
	ws->patience = UINT32_MAX;
}

void
window_init(struct windows *ws, struct window *w, int urgent)
{
	const struct session_conf	*c = &ws->session->conf;

	w->told_window = w->edge = w->window = c->window_initial;
	w->paced_us = ws->now;
	if (urgent)
		w->flags |= WINDOW_FREE;
	else if (w->window > c->window_max)
		w->window = c->window_max;
	else
		w->window = windows_first(ws);
}

void
window_widen(struct windows *ws, struct window *w, uint32_t n)
{
	if ((n = windows_share(ws, n)) > w->window)
		w->window = n;
}

static void
window_uncharge(struct windows *ws, struct window *w)
{
	if (!(w->flags & WINDOW_CHARGED))
		return;
	w->flags &= ~WINDOW_CHARGED;
	ws->granted -= w->window;
}

void
window_end(struct windows *ws, struct window *w)
{
	w->flags |= WINDOW_SHUT;
	window_uncharge(ws, w);
	if (ws->trip == w)
		ws->trip = NULL;
	ws->session->stats.unconsumed -= w->rcvd - w->consumed;
	windows_relieve(ws);
}

static void
window_set(struct windows *ws, struct window *w, uint32_t window)
{
	if (w->flags & WINDOW_CHARGED)
		ws->granted = ws->granted - w->window + window;
	w->window = window;
}

static void
window_due(struct windows *ws, struct window *w)
{
	if (!ws->bounded || (w->flags & WINDOW_SHUT))
		return;
	w->flags |= WINDOW_TOLD;
	ws->events->tell(ws, w);
}

/* A stream's window never falls below this. */
static uint32_t
windows_floor(const struct windows *ws)
{
	const struct session_conf	*c = &ws->session->conf;

	return (c->window_initial < c->window_max ? c->window_initial :
	    c->window_max);
}

/*
 * Takes back the windows of idle streams that hold nothing: they are no longer
 * charged, and grow again when they are used.
 */
static void
windows_reclaim(struct windows *ws)
{
	struct window	*w;
	uint32_t	 floor = windows_floor(ws), now = windows_ms(ws);

	if (ws->now - ws->reclaimed < RECLAIM_US)
		return;
	ws->reclaimed = ws->now;
	WINDOWS_FOREACH(w, ws) {
		if (!(w->flags & WINDOW_CHARGED) || w->rcvd != w->consumed ||
		    now - w->rcvd_ms < IDLE_MS)
			continue;
		window_uncharge(ws, w);
		if (w->window > floor) {
			window_set(ws, w, floor);
			window_due(ws, w);
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
window_need_far(struct windows *ws, struct window *w)
{
	uint32_t	 now = ws->now, took = now - w->paced_us;
	uint32_t	 trips = ws->rtt_us < UINT32_MAX / 2 ? 2 * ws->rtt_us :
	    UINT32_MAX;
	uint64_t	 came = w->rcvd - w->paced;
	int		 full = (w->flags & WINDOW_FULL) != 0;

	if (took < ws->rtt_us && !full && came < w->told_window / 2)
		return (0);
	if (took > trips)
		came = came * trips / took;
	else if (full)
		came = w->told_window;
	w->flags &= ~WINDOW_FULL;
	w->paced_us = now;
	w->paced = w->rcvd;
	came *= AHEAD;
	return (came / AHEAD > w->told_window ?
	    (uint64_t)AHEAD * w->told_window : came);
}

/* On a short way our own pace counts: as much again, if it is full. */
static uint64_t
window_need_near(struct window *w)
{
	uint64_t	 need = 2 * (uint64_t)w->window;

	if (!(w->flags & WINDOW_FULL))
		return (0);
	w->flags &= ~WINDOW_FULL;
	return (need < NEAR_MAX ? need : NEAR_MAX);
}

/*
 * An update with new room is sent.  What the peer sends beyond the old edge
 * shows that it has come: that took a round trip at least.
 */
static void
windows_trip_starts(struct windows *ws, const struct window *w)
{
	if (ws->trip != NULL && ws->now - ws->trip_at < TRIP_US)
		return;
	ws->trip = w;
	ws->trip_edge = w->edge;
	ws->trip_at = ws->now;
}

/* Pings may have been held up, by a loss or by what was before them. */
static void
windows_trip_ends(struct windows *ws, const struct window *w)
{
	uint64_t	 took = ws->now - ws->trip_at;

	if (w != ws->trip || (int32_t)(w->rcvd - ws->trip_edge) <= 0)
		return;
	ws->trip = NULL;
	if (took > 0 && took < TRIP_US &&
	    (ws->rtt_us == 0 || took < ws->rtt_us))
		ws->rtt_us = took;
}

/* The shortest of late: a round trip that met a queue tells us nothing. */
void
windows_rtt(struct windows *ws, uint32_t us)
{
	if (ws->rtt_us == 0 || us < ws->rtt_us)
		ws->rtt_us = us;
	else
		ws->rtt_us += (us - ws->rtt_us) / 8;
}

/* It has made progress; the next one is when the mark is reached. */
static void
window_progress(struct windows *ws, struct window *w)
{
	uint64_t	 n = windows_cap(ws) / PROGRESS_CAP;
	uint32_t	 held = w->rcvd - w->consumed;

	if (n > PROGRESS)
		n = PROGRESS;
	w->took_ms = windows_ms(ws);
	w->mark = w->consumed + (held < n ? held : n);
}

void
window_received(struct windows *ws, struct window *w, uint32_t n)
{
	struct session_stats	*stats = &ws->session->stats;

	if (!(w->flags & (WINDOW_CHARGED | WINDOW_FREE))) {
		w->flags |= WINDOW_CHARGED;
		ws->granted += w->window;
	}
	w->rcvd += n;
	if (w->rcvd - w->consumed == n)		/* it waits from now on */
		window_progress(ws, w);
	w->rcvd_ms = windows_ms(ws);
	stats->payload_in += n;
	stats->unconsumed += n;
	/* An eighth is as good as used up: the peer may not send so little. */
	if ((int32_t)(w->told_consumed + w->told_window - w->rcvd) <=
	    (int32_t)(w->told_window / 8))
		w->flags |= WINDOW_FULL;
	windows_trip_ends(ws, w);
}

/* The budget fell: windows shrink with it. */
static void
windows_shrink(struct windows *ws)
{
	struct window	*w;
	uint64_t	 budget = windows_budget(ws), granted = ws->granted;
	uint64_t	 window;
	uint32_t	 floor = windows_floor(ws);

	if (granted <= budget)
		return;
	WINDOWS_FOREACH(w, ws) {
		if (!(w->flags & WINDOW_CHARGED) || w->window <= floor)
			continue;
		window = w->window * budget / granted;
		window_set(ws, w, window > floor ? window : floor);
		window_due(ws, w);
	}
}

void
windows_limit(struct windows *ws, uint64_t n)
{
	if (n == ws->limit)
		return;
	ws->limit = n;
	windows_shrink(ws);
	windows_stall(ws);
	windows_relieve(ws);
}

/* By how much the window should grow now, if there is room. */
static uint32_t
window_growth(struct windows *ws, struct window *w)
{
	uint32_t	 max = ws->session->conf.window_max;
	uint64_t	 need;
	int		 far = ws->rtt_us > FAR_US;

	if (w->rcvd - w->consumed > w->window / 4) {
		/* On a long way it may be behind for a moment only. */
		if (!far)
			w->flags &= ~WINDOW_FULL;
		return (0);
	}
	need = far ? window_need_far(ws, w) : window_need_near(w);
	if (need > max)
		need = max;
	return (need > w->window ? need - w->window : 0);
}

/*
 * A window grows when the peer uses it and our reader keeps pace with what
 * arrives: then the window limits the stream, and not the reader.  The sum of
 * windows stays within the budget, except that new streams start with theirs;
 * if that brings it above, grown windows are halved.
 */
static void
window_tune(struct windows *ws, struct window *w)
{
	uint64_t	 budget = windows_budget(ws), rest;
	uint32_t	 floor = windows_floor(ws), want;

	if (w->flags & WINDOW_FREE)
		return;
	if (ws->granted > budget)
		windows_reclaim(ws);
	if (ws->granted > budget) {
		if (w->window > floor)
			window_set(ws, w, w->window / 2 > floor ?
			    w->window / 2 : floor);
		return;
	}
	if ((want = window_growth(ws, w)) == 0)
		return;
	if (ws->granted + want > budget)
		windows_reclaim(ws);
	rest = budget > ws->granted ? budget - ws->granted : 0;
	if (want > rest)
		want = rest;
	window_set(ws, w, w->window + want);
}

uint32_t
window_tell(struct windows *ws, struct window *w)
{
	int32_t	 more;

	window_tune(ws, w);
	w->told_consumed = w->consumed;
	w->told_window = w->window;
	more = w->consumed + w->window - w->edge;
	if (more <= 0)
		return (0);
	windows_trip_starts(ws, w);
	w->edge += more;
	return (more);
}

/*
 * New credit for the peer: by quarters.  One that does not know the window yet
 * also gets it at the first consumption.
 */
static void
window_credit(struct windows *ws, struct window *w)
{
	uint32_t	 step = w->told_window / 4;

	if (step < STEP_MIN)
		step = STEP_MIN;
	if (ws->rtt_us > FAR_US && step > STEP_FAR)
		step = STEP_FAR;
	if (step > w->told_window / 2)
		step = w->told_window / 2;
	if ((!ws->eager || (w->flags & WINDOW_TOLD)) &&
	    w->consumed - w->told_consumed < step)
		return;
	window_due(ws, w);
}

void
window_consumed(struct windows *ws, struct window *w, uint32_t n)
{
	w->consumed += n;
	if ((int32_t)(w->consumed - w->mark) >= 0)
		window_progress(ws, w);
	ws->session->stats.unconsumed -= n;
	window_credit(ws, w);
	windows_relieve(ws);
}

uint32_t
window_left(const struct window *w)
{
	int32_t	 left = w->told_consumed + w->told_window - w->rcvd;

	return (left > 0 ? left : 0);
}
