/* SPDX-License-Identifier: ISC */

/*
 * Mux.Pro: the session.  The ops that the owner calls, and time.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/log.h"
#include "muxproint.h"

/* Both sides settle a version within this time. */
#define NEGOTIATION_US	10000000
/* Without credit for so long, and never an update: the peer knows of none. */
#define STARVED_US	2000000
/* A session so late for its deadline gets time to read first. */
#define LATE_US		1000000

static struct stream *muxpro_open(struct session *,
		    const struct stream_owner *, void *, int);
static void	 muxpro_ready(struct stream *);
static void	 muxpro_fin(struct stream *);
static void	 muxpro_reset(struct stream *, enum reset_reason);
static void	 muxpro_consumed(struct stream *, size_t);
static uint32_t	 muxpro_window(const struct stream *);
static void	 muxpro_limit(struct session *, uint64_t);
static void	 muxpro_rtt(struct session *, uint32_t);
static void	 muxpro_drain(struct session *);
static void	 muxpro_probe(struct session *);
static uint64_t	 muxpro_tick(struct session *, uint64_t);
static size_t	 muxpro_want(struct session *);
static struct stream *muxpro_divert(struct session *, size_t *);
static void	 muxpro_diverted(struct session *, size_t);
static int	 muxpro_input(struct session *, const uint8_t *, size_t);
static size_t	 muxpro_output(struct session *, uint8_t *, size_t);
static void	 muxpro_free(struct session *);

static const struct session_ops muxpro_ops = {
	muxpro_open,
	muxpro_ready,
	muxpro_fin,
	muxpro_reset,
	muxpro_consumed,
	muxpro_window,
	muxpro_limit,
	muxpro_rtt,
	muxpro_drain,
	muxpro_probe,
	muxpro_tick,
	muxpro_want,
	muxpro_divert,
	muxpro_diverted,
	muxpro_input,
	muxpro_output,
	NULL,
	muxpro_free
};

ssize_t
muxpro_head(const uint8_t *p, size_t n)
{
	if (n > 0 && p[0] != MUXPRO_TCP && p[0] != MUXPRO_UDP)
		return (-1);
	if (n < 5)
		return (5);
	switch (p[4]) {
	case MUXPRO_IPV4:
		return (5 + 4);
	case MUXPRO_IPV6:
		return (5 + 16);
	case MUXPRO_NAME:
		if (n < 6)
			return (6);
		return (p[5] == 0 ? -1 : 6 + p[5]);
	default:
		return (-1);
	}
}

uint32_t
muxpro_ms(const struct muxpro *s)
{
	return (s->now / 1000);
}

void
muxpro_wake(struct muxpro *s)
{
	if (!s->idle || s->dead || !muxproout_pending(s))
		return;
	s->idle = 0;
	s->session.events->wake(&s->session);
}

void
muxpro_alarm(struct muxpro *s, uint64_t at)
{
	if (at >= s->deadline || s->dead)
		return;
	s->deadline = at;
	s->session.events->wake(&s->session);
}

int
muxpro_die(struct muxpro *s, const char *why)
{
	if (s->dead)
		return (-1);
	s->dead = 1;
	s->session.error = why;
	muxprost_end(s);
	return (-1);
}

static void
muxpro_leave(struct muxpro *s)
{
	s->depth--;
	muxprost_bury(s);
}

void
muxpro_open_phase(struct muxpro *s)
{
	s->phase = MUXPRO_OPEN;
	muxpro_wake(s);
}

void
muxpro_adopt(struct muxpro *s, uint32_t version)
{
	s->version = version;
	s->knows = version == 0 ? MUXPRO_CREDIT_UNKNOWN : MUXPRO_CREDIT_YES;
	s->windows.bounded = s->knows == MUXPRO_CREDIT_YES;
}

/* ---- the ops ---- */

static int
muxpro_input(struct session *session, const uint8_t *p, size_t n)
{
	struct muxpro	*s = (struct muxpro *)session;

	if (s->dead)
		return (-1);
	if (n > 0)
		s->last_rx = s->now;
	s->depth++;
	(void)muxproin_input(s, p, n);
	muxpro_leave(s);
	return (s->dead ? -1 : 0);
}

static size_t
muxpro_want(struct session *session)
{
	struct muxpro	*s = (struct muxpro *)session;

	return (s->dead ? 0 : windows_room(&s->windows));
}

static struct stream *
muxpro_divert(struct session *session, size_t *n)
{
	(void)session;
	(void)n;
	return (NULL);
}

static void
muxpro_diverted(struct session *session, size_t n)
{
	(void)session;
	fatalx("%s: %zu octets of nobody", __func__, n);
}

static size_t
muxpro_output(struct session *session, uint8_t *buf, size_t n)
{
	struct muxpro	*s = (struct muxpro *)session;
	size_t		 len;

	if (s->dead)
		return (0);
	s->depth++;
	s->idle = 0;
	len = muxproout_fill(s, buf, n);
	session->more = muxproout_pending(s);
	s->idle = !session->more;
	if (len > 0)
		s->last_tx = s->now;
	muxpro_leave(s);
	return (len);
}

static struct stream *
muxpro_open(struct session *session, const struct stream_owner *owner,
    void *arg, int urgent)
{
	const struct session_conf	*c = &session->conf;
	struct muxpro			*s = (struct muxpro *)session;
	struct muxpro_stream		*st;
	uint32_t			 id;

	if (s->dead || s->draining || !c->client || (!urgent &&
	    session->stats.streams >= c->max_streams) ||
	    (id = muxprost_id(s)) == 0 ||
	    (st = muxprost_new(s, id, urgent)) == NULL)
		return (NULL);
	if (s->bare && muxprost_stage(st, MUXPRO_HEAD_MAX) == -1) {
		muxprost_forget(s, st);
		muxprost_bury(s);
		return (NULL);
	}
	st->st.owner = owner;
	st->st.arg = arg;
	st->flags |= MUXPRO_NEW_DUE;
	muxprost_start(s, st);
	muxproout_schedule(s, st);
	return (&st->st);
}

static void
muxpro_ready(struct stream *stream)
{
	struct muxpro_stream	*st = (struct muxpro_stream *)stream;

	if (st->flags & (MUXPRO_DEAD | MUXPRO_FIN_DUE))
		return;
	st->flags |= MUXPRO_READY;
	muxproout_schedule((struct muxpro *)stream->session, st);
}

static void
muxpro_fin(struct stream *stream)
{
	struct muxpro_stream	*st = (struct muxpro_stream *)stream;

	if (st->flags & (MUXPRO_DEAD | MUXPRO_FIN_DUE))
		return;
	st->flags |= MUXPRO_FIN_DUE;
	muxproout_schedule((struct muxpro *)stream->session, st);
}

static void
muxpro_reset(struct stream *stream, enum reset_reason why)
{
	struct muxpro_stream	*st = (struct muxpro_stream *)stream;
	struct muxpro		*s = (struct muxpro *)stream->session;

	if (st->flags & MUXPRO_DEAD)
		return;
	muxprost_abort(s, st, why);
	muxprost_forget(s, st);
	muxprost_bury(s);
}

static void
muxpro_consumed(struct stream *stream, size_t n)
{
	struct muxpro_stream	*st = (struct muxpro_stream *)stream;
	struct muxpro		*s = (struct muxpro *)stream->session;
	uint32_t		 held = st->win.rcvd - st->win.consumed, aside;

	if ((st->flags & MUXPRO_DEAD) || n == 0)
		return;
	if (n > (uint64_t)held + st->aside)
		fatalx("%s: stream %u: %zu octets of %u", __func__,
		    stream->id, n, held + st->aside);
	/* What is in no window came first. */
	aside = n < st->aside ? n : st->aside;
	st->aside -= aside;
	s->session.stats.unconsumed -= aside;
	if (n > aside)
		window_consumed(&s->windows, &st->win, n - aside);
	else
		windows_relieve(&s->windows);
}

static uint32_t
muxpro_window(const struct stream *stream)
{
	const struct muxpro_stream	*st = (const void *)stream;

	if (st->flags & (MUXPRO_DEAD | MUXPRO_FIN_RCVD))
		return (0);
	return (window_left(&st->win));
}

static void
muxpro_limit(struct session *session, uint64_t n)
{
	windows_limit(&((struct muxpro *)session)->windows, n);
}

static void
muxpro_rtt(struct session *session, uint32_t us)
{
	windows_rtt(&((struct muxpro *)session)->windows, us);
}

static void
muxpro_drain(struct session *session)
{
	((struct muxpro *)session)->draining = 1;
}

/* Nothing makes a foreign peer speak; between two rocketd there are pings. */
static void
muxpro_probe(struct session *session)
{
	(void)session;
}

/* ---- time ---- */

static void
muxpro_set_time(struct muxpro *s, uint64_t now)
{
	uint64_t	 timeout = s->session.conf.timeout_ms * 1000ULL, last;
	uint64_t	 read = timeout > LATE_US ? timeout - LATE_US : 0;

	if (!s->started) {
		s->started = 1;
		s->last_rx = s->last_tx = s->begun = now;
		s->swept = s->ghosts_at = now;
	}
	/* We were late ourselves: read first what the peer has sent. */
	if (timeout > 0 && now > s->deadline && now - s->deadline > LATE_US) {
		last = now > read ? now - read : 0;
		if (s->last_rx < last)
			s->last_rx = last;
	}
	if (now > s->now)
		s->now = s->windows.now = now;
}

static uint64_t
muxpro_earlier(uint64_t at, uint64_t next)
{
	return (at < next ? at : next);
}

static uint64_t
muxpro_deadline(struct muxpro *s, uint64_t next)
{
	const struct session_conf	*c = &s->session.conf;
	uint64_t			 keep = c->keepalive_ms * 1000ULL;
	uint64_t			 timeout = c->timeout_ms * 1000ULL;

	if (s->broken != NULL)
		return (s->now);
	if (s->phase < MUXPRO_MUTE)
		next = muxpro_earlier(s->begun + NEGOTIATION_US, next);
	if (keep > 0 && s->phase == MUXPRO_OPEN)
		/* One that waits to be sent is not asked for again. */
		next = muxpro_earlier(s->last_tx + keep > s->now ?
		    s->last_tx + keep : s->now + keep, next);
	if (timeout > 0 && !s->windows.stalled)
		next = muxpro_earlier(s->last_rx + timeout, next);
	if (s->starved != 0)
		next = muxpro_earlier(s->starved + STARVED_US, next);
	return (muxpro_earlier(s->windows.shed_at, next));
}

/* Why it has to end now; NULL: it has not. */
static const char *
muxpro_overdue(const struct muxpro *s)
{
	uint64_t	 timeout = s->session.conf.timeout_ms * 1000ULL;

	if (s->broken != NULL)
		return (s->broken);
	if (s->phase < MUXPRO_MUTE && s->now - s->begun >= NEGOTIATION_US)
		return ("the peer has not settled a version");
	if (timeout > 0 && !s->windows.stalled &&
	    s->now - s->last_rx >= timeout)
		return ("the peer is silent");
	return (NULL);
}

/* What time brings, but for the end. */
static uint64_t
muxpro_pass(struct muxpro *s)
{
	uint64_t	 keep = s->session.conf.keepalive_ms * 1000ULL, next;

	if (s->now >= s->windows.shed_at)
		windows_shed(&s->windows);
	if (s->starved != 0 && s->now - s->starved >= STARVED_US) {
		s->starved = 0;
		s->knows = MUXPRO_CREDIT_NO;
		muxprost_unbound(s);
	}
	if (keep > 0 && s->phase == MUXPRO_OPEN &&
	    s->now - s->last_tx >= keep)
		s->alive = 1;
	next = muxproout_release(s);
	return (muxpro_earlier(muxprost_sweep(s), next));
}

static uint64_t
muxpro_tick(struct session *session, uint64_t now)
{
	struct muxpro	*s = (struct muxpro *)session;
	const char	*why;
	uint64_t	 next = UINT64_MAX;

	if (s->dead)
		return (0);
	muxpro_set_time(s, now);
	s->depth++;
	if ((why = muxpro_overdue(s)) != NULL)
		muxpro_die(s, why);
	else
		next = muxpro_pass(s);
	muxpro_wake(s);			/* a request may be due */
	muxpro_leave(s);
	if (s->dead)
		return (0);
	s->deadline = muxpro_deadline(s, next);
	return (s->deadline);
}

static void
muxpro_free(struct session *session)
{
	struct muxpro	*s = (struct muxpro *)session;

	if (s->depth > 0)
		fatalx("%s: from within an event", __func__);
	s->depth++;
	muxpro_die(s, "closed");
	muxpro_leave(s);
	free(s->block);
	free(s->ends);
	free(s);
}

struct session *
muxpro_new(const struct session_conf *conf,
    const struct session_events *events, void *arg)
{
	struct muxpro		*s;
	struct session_conf	*c;
	int			 i;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->session.ops = &muxpro_ops;
	s->session.events = events;
	s->session.arg = arg;
	s->session.conf = *conf;
	c = &s->session.conf;
	s->bare = c->bare;
	if (s->bare)
		c->window_initial = c->peer_initial = MUXPRO_CREDIT;
	if (c->framesize == 0 || c->framesize > MUXPRO_DATA_MAX)
		c->framesize = MUXPRO_DATA_MAX;
	s->phase = c->client ? MUXPRO_ASK : MUXPRO_LISTEN;
	s->next_id = 1;
	s->need = 2;
	s->deadline = UINT64_MAX;
	s->idle = 1;
	windows_init(&s->windows, &s->session, &muxprost_windows);
	for (i = 0; i < MUXPRO_Q_MAX; i++)
		TAILQ_INIT(&s->queues[i]);
	TAILQ_INIT(&s->ctl);
	return (&s->session);
}
