/* SPDX-License-Identifier: ISC */

/*
 * The streams of a smux session: the table by id, the queues, what their
 * windows ask for, and how a stream ends.  A stream that dies is only marked,
 * and freed when the turn is over: any callback may end any stream.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "smuxint.h"

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
	window_init(&s->windows, &st->win, urgent);
	if (urgent)
		st->flags |= SMUX_URGENT;
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
	if (st->win.window != st->win.told_window &&
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

/* ---- windows ---- */

static struct smux_stream *
smuxst_of(const struct window *w)
{
	return ((struct smux_stream *)((uintptr_t)w -
	    offsetof(struct smux_stream, win)));
}

static struct smux *
smuxst_mux(struct windows *ws)
{
	return ((struct smux *)ws->session);
}

static struct window *
smuxst_next(struct windows *ws, const struct window *w)
{
	struct smux		*s = smuxst_mux(ws);
	struct smux_stream	**b = s->buckets, *st = NULL;

	if (w != NULL) {
		st = smuxst_of(w);
		b = smuxst_bucket(s, st->st.id) + 1;
		st = st->next;
	}
	while (st == NULL && b < s->buckets + ((size_t)1 << s->bits))
		st = *b++;
	return (st == NULL ? NULL : &st->win);
}

static void
smuxst_tell(struct windows *ws, struct window *w)
{
	struct smux		*s = smuxst_mux(ws);
	struct smux_stream	*st = smuxst_of(w);

	st->flags |= SMUX_UPD_DUE;
	if (!(st->flags & SMUX_IN_CTL)) {
		st->flags |= SMUX_IN_CTL;
		TAILQ_INSERT_TAIL(&s->ctl, st, ctl);
	}
	smux_wake(s);
}

static void
smuxst_shed(struct windows *ws, struct window *w)
{
	smuxst_kill(smuxst_mux(ws), smuxst_of(w), RESET_MEMORY);
}

static void
smuxst_alarm(struct windows *ws, uint64_t at)
{
	smux_alarm(smuxst_mux(ws), at);
}

static void
smuxst_relieved(struct windows *ws)
{
	struct smux	*s = smuxst_mux(ws);

	if (s->dead)
		return;
	s->last_rx = s->now;	/* it was silent because of us */
	s->session.events->wake(&s->session);
}

const struct windows_events smuxst_windows = {
	smuxst_next,
	smuxst_tell,
	smuxst_shed,
	smuxst_alarm,
	smuxst_relieved
};

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
	if (!(st->flags & SMUX_URGENT))
		s->session.stats.streams--;
	window_end(&s->windows, &st->win);
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
