/* SPDX-License-Identifier: ISC */

/*
 * The streams of a Mux.Pro session: the table by id, ids that are free, the
 * queues, what windows ask for, and how a stream ends.  A stream that dies is
 * only marked, and freed when the turn is over: any callback may end any
 * stream.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "muxproint.h"

/* What a stream of a foreign peer begins with, if there is room. */
#define WIDE		(1024 * 1024)
/* Late frames of an id that has ended come for so long, times GHOSTS - 1. */
#define GHOST_US	15000000
/* How often all streams are looked at, for what a foreign peer needs. */
#define SWEEP_US	10000000
/* A peer that has ended, or that we have told so, is heard for so long. */
#define DRAIN_MS	30000

/* ---- the table ---- */

struct muxpro_stream *
muxprost_find(struct muxpro *s, uint32_t id)
{
	struct muxpro_page	*page;

	if (id >= MUXPRO_IDS || (page = s->pages[id / MUXPRO_PAGE]) == NULL)
		return (NULL);
	return (page->streams[id % MUXPRO_PAGE]);
}

static int
muxprost_put(struct muxpro *s, struct muxpro_stream *st)
{
	struct muxpro_page	**page = &s->pages[st->st.id / MUXPRO_PAGE];

	if (*page == NULL && (*page = calloc(1, sizeof(**page))) == NULL)
		return (-1);
	(*page)->streams[st->st.id % MUXPRO_PAGE] = st;
	(*page)->n++;
	if (s->entries++ == 0 && s->bare) {
		s->swept = s->now;
		muxpro_alarm(s, s->now + SWEEP_US);
	}
	return (0);
}

static void
muxprost_take(struct muxpro *s, struct muxpro_stream *st)
{
	struct muxpro_page	**page = &s->pages[st->st.id / MUXPRO_PAGE];

	(*page)->streams[st->st.id % MUXPRO_PAGE] = NULL;
	s->entries--;
	if (--(*page)->n > 0)
		return;
	free(*page);
	*page = NULL;
}

/* The stream with the lowest id from this one on; NULL: none. */
static struct muxpro_stream *
muxprost_from(struct muxpro *s, uint32_t id)
{
	struct muxpro_stream	*st;

	while (id < MUXPRO_IDS) {
		if (s->pages[id / MUXPRO_PAGE] == NULL)
			id += MUXPRO_PAGE - id % MUXPRO_PAGE;
		else if ((st = muxprost_find(s, id)) != NULL)
			return (st);
		else
			id++;
	}
	return (NULL);
}

/* ---- ids ---- */

void
muxprost_ghost(struct muxpro *s, uint32_t id)
{
	s->ghosts[0][id / 32] |= 1U << id % 32;
}

int
muxprost_is_ghost(const struct muxpro *s, uint32_t id)
{
	int	 i;

	for (i = 0; i < MUXPRO_GHOSTS; i++)
		if (s->ghosts[i][id / 32] & 1U << id % 32)
			return (1);
	return (0);
}

/* The oldest generation is forgotten. */
static void
muxprost_age(struct muxpro *s)
{
	if (s->now - s->ghosts_at < GHOST_US)
		return;
	s->ghosts_at = s->now;
	memmove(s->ghosts[1], s->ghosts[0], sizeof(s->ghosts) -
	    sizeof(s->ghosts[0]));
	memset(s->ghosts[0], 0, sizeof(s->ghosts[0]));
	s->used_up = 0;
}

uint32_t
muxprost_id(struct muxpro *s)
{
	uint32_t	 i, id;

	muxprost_age(s);
	for (i = 1; i < MUXPRO_IDS && !s->used_up; i++) {
		id = s->next_id;
		s->next_id = id == MUXPRO_IDS - 1 ? 1 : id + 1;
		if (!muxprost_is_ghost(s, id) && muxprost_find(s, id) == NULL)
			return (id);
	}
	s->used_up = 1;
	return (0);
}

/* ---- life ---- */

struct muxpro_stream *
muxprost_new(struct muxpro *s, uint32_t id, int urgent)
{
	struct muxpro_stream	*st;

	if ((st = calloc(1, sizeof(*st))) == NULL)
		return (NULL);
	st->st.session = &s->session;
	st->st.id = id;
	if (muxprost_put(s, st) == -1) {
		free(st);
		return (NULL);
	}
	st->credit = s->session.conf.peer_initial;
	st->sent_ms = st->told_ms = muxpro_ms(s);
	window_init(&s->windows, &st->win, urgent);
	st->win.rcvd_ms = muxpro_ms(s);
	if (urgent)
		st->flags |= MUXPRO_URGENT;
	else if (s->bare)
		window_widen(&s->windows, &st->win, WIDE);
	return (st);
}

void
muxprost_start(struct muxpro *s, struct muxpro_stream *st)
{
	if (st->flags & MUXPRO_URGENT)
		return;
	st->flags |= MUXPRO_COUNTED;
	s->session.stats.streams++;
	s->session.stats.streams_ever++;
}

void
muxprost_known(struct muxpro *s, struct muxpro_stream *st)
{
	if (st->win.window > st->win.told_window ||
	    (s->session.conf.ample && !s->exact))
		muxprost_windows.tell(&s->windows, &st->win);
}

void
muxprost_move(struct muxpro_stream *st, enum muxpro_queue queue)
{
	struct muxpro	*s = (struct muxpro *)st->st.session;

	if (st->queue != MUXPRO_Q_NONE)
		TAILQ_REMOVE(&s->queues[st->queue], st, entry);
	if (queue != MUXPRO_Q_NONE)
		TAILQ_INSERT_TAIL(&s->queues[queue], st, entry);
	st->queue = queue;
}

int
muxprost_stage(struct muxpro_stream *st, uint32_t size)
{
	free(st->stage);
	if ((st->stage = calloc(1, sizeof(*st->stage) + size)) == NULL)
		return (-1);
	st->stage->size = size;
	return (0);
}

/* ---- windows ---- */

static void
muxprost_due(struct muxpro *s, struct muxpro_stream *st, uint16_t what)
{
	/* The peer does not know it, or knows no updates. */
	if ((st->flags & MUXPRO_NEW_DUE) || !s->windows.bounded)
		return;
	st->flags |= what;
	if (!(st->flags & MUXPRO_IN_CTL)) {
		st->flags |= MUXPRO_IN_CTL;
		TAILQ_INSERT_TAIL(&s->ctl, st, ctl);
	}
	muxpro_wake(s);
}

void
muxprost_refresh(struct muxpro *s, struct muxpro_stream *st)
{
	muxprost_due(s, st, MUXPRO_UPDATE_DUE | MUXPRO_ZERO_DUE);
}

void
muxprost_ctl_remove(struct muxpro *s, struct muxpro_stream *st)
{
	if (st->flags & MUXPRO_IN_CTL)
		TAILQ_REMOVE(&s->ctl, st, ctl);
	st->flags &= ~(MUXPRO_IN_CTL | MUXPRO_UPDATE_DUE | MUXPRO_ZERO_DUE);
}

static struct muxpro_stream *
muxprost_of(const struct window *w)
{
	return ((struct muxpro_stream *)((uintptr_t)w -
	    offsetof(struct muxpro_stream, win)));
}

static struct muxpro *
muxprost_mux(struct windows *ws)
{
	return ((struct muxpro *)ws->session);
}

static struct window *
muxprost_next(struct windows *ws, const struct window *w)
{
	struct muxpro_stream	*st;

	st = muxprost_from(muxprost_mux(ws), w == NULL ? 1 :
	    muxprost_of(w)->st.id + 1);
	return (st == NULL ? NULL : &st->win);
}

static void
muxprost_tell(struct windows *ws, struct window *w)
{
	muxprost_due(muxprost_mux(ws), muxprost_of(w), MUXPRO_UPDATE_DUE);
}

static void
muxprost_shed(struct windows *ws, struct window *w)
{
	muxprost_kill(muxprost_mux(ws), muxprost_of(w), RESET_MEMORY);
}

static void
muxprost_alarm(struct windows *ws, uint64_t at)
{
	muxpro_alarm(muxprost_mux(ws), at);
}

static void
muxprost_relieved(struct windows *ws)
{
	struct muxpro	*s = muxprost_mux(ws);

	if (s->dead)
		return;
	s->last_rx = s->now;	/* it was silent because of us */
	s->session.events->wake(&s->session);
}

const struct windows_events muxprost_windows = {
	muxprost_next,
	muxprost_tell,
	muxprost_shed,
	muxprost_alarm,
	muxprost_relieved
};

void
muxprost_tell_all(struct muxpro *s)
{
	struct muxpro_stream	*st;

	for (st = muxprost_from(s, 1); st != NULL;
	    st = muxprost_from(s, st->st.id + 1))
		if (!(st->flags & MUXPRO_FIN_RCVD))
			muxprost_due(s, st, MUXPRO_UPDATE_DUE);
}

void
muxprost_unbound(struct muxpro *s)
{
	struct muxpro_stream	*st;

	for (st = muxprost_from(s, 1); st != NULL;
	    st = muxprost_from(s, st->st.id + 1))
		muxproout_schedule(s, st);
}

/* ---- how they end ---- */

void
muxprost_abort(struct muxpro *s, struct muxpro_stream *st,
    enum reset_reason why)
{
	/* The peer never heard of it, or is foreign and has our End. */
	if ((st->flags & MUXPRO_NEW_DUE) ||
	    ((st->flags & MUXPRO_FIN_SENT) && s->bare))
		return;
	muxproout_end(s, st->st.id, why);
}

void
muxprost_forget(struct muxpro *s, struct muxpro_stream *st)
{
	muxprost_take(s, st);
	if (!(st->flags & MUXPRO_NEW_DUE))
		muxprost_ghost(s, st->st.id);
	muxprost_ctl_remove(s, st);
	muxprost_move(st, MUXPRO_Q_DEAD);
	st->flags |= MUXPRO_DEAD;
	free(st->stage);
	st->stage = NULL;
	if (s->rx == st)
		s->rx = NULL;
	if (st->flags & MUXPRO_COUNTED)
		s->session.stats.streams--;
	s->session.stats.unconsumed -= st->aside;
	st->aside = 0;
	window_end(&s->windows, &st->win);
}

void
muxprost_kill(struct muxpro *s, struct muxpro_stream *st,
    enum reset_reason why)
{
	muxprost_abort(s, st, why);
	muxprost_forget(s, st);
	st->st.owner->reset(&st->st, why);
}

void
muxprost_fin(struct muxpro *s, struct muxpro_stream *st)
{
	if (st->flags & MUXPRO_FIN_RCVD) {
		s->session.stats.ignored++;
		return;
	}
	st->flags |= MUXPRO_FIN_RCVD;
	st->win.flags |= WINDOW_SHUT;
	st->sent_ms = muxpro_ms(s);
	muxprost_ctl_remove(s, st);
	/* Our End need not wait; a client's further octets are in vain. */
	muxprost_move(st, MUXPRO_Q_NONE);
	st->st.owner->fin(&st->st);
	if (st->flags & MUXPRO_DEAD)
		return;
	muxproout_schedule(s, st);
	muxprost_finish(s, st);
}

void
muxprost_finish(struct muxpro *s, struct muxpro_stream *st)
{
	if (!(st->flags & MUXPRO_FIN_SENT))
		return;
	if (!(st->flags & MUXPRO_FIN_RCVD)) {
		/* A foreign client has forgotten it now. */
		if (s->bare && !s->session.conf.client)
			muxprost_fin(s, st);
		return;
	}
	muxprost_forget(s, st);
	st->st.owner->closed(&st->st);
}

/* ---- from time to time ---- */

/*
 * Has a stream that had our End been silent for too long?  While its owner has
 * not taken all, or has only just, the silence is ours.
 */
static int
muxprost_drained(const struct muxpro *s, const struct muxpro_stream *st)
{
	const struct window	*w = &st->win;
	uint32_t		 now = muxpro_ms(s);

	return (w->rcvd == w->consumed && now - st->sent_ms >= DRAIN_MS &&
	    now - w->rcvd_ms >= DRAIN_MS && now - w->took_ms >= DRAIN_MS);
}

/*
 * Towards a foreign peer: a client that had our End has heard enough, a server
 * whose client has ended has waited enough, and a peer that has no credit left
 * is kept patient.  Without the peer's End nobody knows whether all has come,
 * so what is given up is no clean end.
 */
static void
muxprost_look(struct muxpro *s, struct muxpro_stream *st)
{
	uint32_t	 now = muxpro_ms(s);

	if ((st->flags & MUXPRO_FIN_SENT) && muxprost_drained(s, st))
		muxprost_kill(s, st, RESET_TIMEOUT);
	else if ((st->flags & (MUXPRO_FIN_RCVD | MUXPRO_FIN_DUE)) ==
	    MUXPRO_FIN_RCVD && now - st->sent_ms >= DRAIN_MS)
		muxprost_kill(s, st, RESET_TIMEOUT);
	else if (!(st->flags & MUXPRO_FIN_RCVD) &&
	    st->win.rcvd != st->win.consumed &&
	    (int32_t)(st->win.edge - st->win.rcvd) <= 0 &&
	    now - st->told_ms >= SWEEP_US / 1000)
		muxprost_refresh(s, st);
}

uint64_t
muxprost_sweep(struct muxpro *s)
{
	struct muxpro_stream	*st;
	uint32_t		 id;

	muxprost_age(s);
	if (!s->bare || s->entries == 0)
		return (UINT64_MAX);
	if (s->now - s->swept >= SWEEP_US) {
		s->swept = s->now;
		for (st = muxprost_from(s, 1); st != NULL;
		    st = muxprost_from(s, id + 1)) {
			id = st->st.id;
			muxprost_look(s, st);
		}
	}
	return (s->swept + SWEEP_US);
}

void
muxprost_end(struct muxpro *s)
{
	struct muxpro_stream	*st;

	while ((st = muxprost_from(s, 1)) != NULL) {
		muxprost_forget(s, st);
		st->st.owner->reset(&st->st, RESET_TUNNEL);
	}
}

void
muxprost_bury(struct muxpro *s)
{
	struct muxpro_stream	*st;

	if (s->depth > 0)
		return;
	while ((st = TAILQ_FIRST(&s->queues[MUXPRO_Q_DEAD])) != NULL) {
		TAILQ_REMOVE(&s->queues[MUXPRO_Q_DEAD], st, entry);
		free(st);
	}
}
