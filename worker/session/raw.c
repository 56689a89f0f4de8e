/* SPDX-License-Identifier: ISC */

/*
 * See raw.h: who may open the one stream, how much of it is held, and how it
 * ends.  Octets are handed on as they are, both ways.
 */

#include <sys/types.h>

#include <stdlib.h>

#include "shared/log.h"
#include "raw.h"

/* An owner that may hold less than this could not go on. */
#define RAW_BUDGET_MIN	16384
/*
 * A diversion pays from so many octets on.  How many wait is not known, so
 * those that came before tell: so many large reads.
 */
#define RAW_DIVERT_MIN	32768
#define RAW_LARGE	4
/* Of what is dropped, in one turn: so many reads of so much. */
#define RAW_DROP	16384
#define RAW_DROPS	4
/* A pipe takes less. */
#define RAW_BULK_MAX	(1024 * 1024)

struct raw {
	struct session	 session;		/* first */
	struct stream	 st;			/* the one */
	/* sending */
	int		 ready;	/* the owner has something to send */
	int		 fin_due;
	int		 quiet;		/* the owner waits for a wake */
	/* receiving */
	int		 ended;		/* the tunnel's octets have */
	int		 stalled;	/* the tunnel is not read */
	uint32_t	 large;		/* large reads of late */
	uint64_t	 limit;		/* session_limit */
	/* life */
	int		 used;		/* the stream has been opened */
	int		 live;		/* and its owner gets events */
	int		 dead;
	int		 depth;		/* turns under way */
	uint64_t	 now;		/* in microseconds */
};

static struct stream *raw_open(struct session *, const struct stream_owner *,
		    void *, int);
static void	 raw_ready(struct stream *);
static void	 raw_fin(struct stream *);
static void	 raw_reset(struct stream *, enum reset_reason);
static void	 raw_consumed(struct stream *, size_t);
static uint32_t	 raw_window(const struct stream *);
static void	 raw_limit(struct session *, uint64_t);
static void	 raw_rtt(struct session *, uint32_t);
static void	 raw_nothing(struct session *);
static uint64_t	 raw_tick(struct session *, uint64_t);
static size_t	 raw_want(struct session *);
static struct stream *raw_divert(struct session *, size_t *);
static void	 raw_diverted(struct session *, size_t);
static int	 raw_input(struct session *, const uint8_t *, size_t);
static size_t	 raw_output(struct session *, uint8_t *, size_t);
static int	 raw_ended(struct session *);
static void	 raw_free(struct session *);

static const struct session_ops raw_ops = {
	raw_open,
	raw_ready,
	raw_fin,
	raw_reset,
	raw_consumed,
	raw_window,
	raw_limit,
	raw_rtt,
	raw_nothing,
	raw_nothing,
	raw_tick,
	raw_want,
	raw_divert,
	raw_diverted,
	raw_input,
	raw_output,
	raw_ended,
	raw_free
};

/* Says once that there is output, until output has found nothing more. */
static void
raw_wake(struct raw *r)
{
	if (!r->quiet || r->dead)
		return;
	r->quiet = 0;
	r->session.events->wake(&r->session);
}

/* ---- memory ---- */

static uint64_t
raw_cap(const struct raw *r)
{
	uint64_t	 n = r->session.conf.recvbuffer;

	if (r->limit < n)
		n = r->limit;
	return (n < RAW_BUDGET_MIN ? RAW_BUDGET_MIN : n);
}

static void
raw_stall(struct raw *r)
{
	if (r->session.stats.unconsumed >= raw_cap(r))
		r->stalled = 1;
}

/* The tunnel is read again once a quarter is free: not an octet at a time. */
static void
raw_relieve(struct raw *r)
{
	uint64_t	 cap = raw_cap(r);

	if (!r->stalled || r->dead ||
	    r->session.stats.unconsumed > cap - cap / 4)
		return;
	r->stalled = 0;
	r->session.events->wake(&r->session);
}

/* ---- how it ends ---- */

/* The stream gets no more events, but its last may follow. */
static void
raw_forget(struct raw *r)
{
	r->live = 0;
	r->ready = r->fin_due = 0;
	r->session.stats.unconsumed = 0;
	raw_relieve(r);
}

/* There is nothing left but the tunnel's end. */
static void
raw_done(struct raw *r)
{
	raw_forget(r);
	r->session.stats.streams = 0;
	r->session.done = 1;
}

/* At once, whatever waits to be sent. */
static void
raw_abort(struct raw *r)
{
	r->session.aborting = r->session.aborted = 1;
	raw_done(r);
	r->session.events->wake(&r->session);
}

static void
raw_finish(struct raw *r)
{
	if (!r->live || !r->fin_due)
		return;
	raw_done(r);
	r->st.owner->closed(&r->st);
}

static int
raw_die(struct raw *r, const char *why)
{
	if (r->dead)
		return (-1);
	r->dead = 1;
	r->session.error = why;
	r->session.stats.streams = 0;
	if (r->live) {
		raw_forget(r);
		r->st.owner->reset(&r->st, RESET_TUNNEL);
	}
	return (-1);
}

/* ---- sending ---- */

/* As the owner's pull; 0 also when that ended the stream. */
static size_t
raw_pull(struct raw *r, uint8_t *buf, size_t max)
{
	size_t	 got;

	r->ready = 0;
	got = r->st.owner->pull(&r->st, buf, max);
	if (got > max)
		fatalx("%s: %zu octets where there is room for %zu", __func__,
		    got, max);
	if (got == 0 || !r->live)
		return (0);
	r->ready = 1;
	return (got);
}

/* The peer reads no more: finds out whether the owner has an end, too. */
static void
raw_drop(struct raw *r)
{
	uint8_t	 scrap[RAW_DROP];
	int	 i;

	for (i = 0; i < RAW_DROPS && r->live && r->ready && !r->fin_due; i++)
		(void)raw_pull(r, scrap, sizeof(scrap));
	raw_finish(r);
	r->quiet = !r->ready;
}

static int
raw_pending(const struct raw *r)
{
	return (r->live && !r->ended && (r->ready || r->fin_due));
}

/* 1: the owner put something into a pipe, which is all for now. */
static int
raw_put_bulk(struct raw *r)
{
	size_t	 got;

	if (!r->session.conf.divert ||
	    (got = session_bulk(&r->st, RAW_BULK_MAX)) == 0)
		return (0);
	if (got > RAW_BULK_MAX)
		fatalx("%s: %zu octets", __func__, got);
	r->session.stats.payload_out += got;
	return (1);
}

/* Fills buf, or else a pipe: what is in buf goes out before. */
static size_t
raw_fill(struct raw *r, uint8_t *buf, size_t n)
{
	size_t	 off = 0, got;

	while (r->live && r->ready && !r->fin_due && off < n) {
		if (raw_put_bulk(r))
			break;
		if (!r->live || r->fin_due ||
		    (got = raw_pull(r, buf + off, n - off)) == 0)
			break;
		r->session.stats.payload_out += got;
		off += got;
	}
	raw_finish(r);
	return (off);
}

static size_t
raw_output(struct session *session, uint8_t *buf, size_t n)
{
	struct raw	*r = (struct raw *)session;
	size_t		 max = session->conf.framesize, len;

	if (r->dead || r->ended)
		return (0);
	if (max == 0 || max > n)
		max = n;
	r->depth++;
	r->quiet = 0;
	len = raw_fill(r, buf, max);
	session->more = raw_pending(r);
	r->quiet = !session->more;
	r->depth--;
	return (len);
}

/* ---- receiving ---- */

static void
raw_opened(struct raw *r)
{
	r->used = r->live = 1;
	r->session.stats.streams = r->session.stats.streams_ever = 1;
	if (r->session.events->opened(&r->st) == -1 && r->live) {
		r->session.stats.refused++;
		raw_abort(r);
	}
}

/* A read gave so many octets. */
static void
raw_gauge(struct raw *r, size_t n)
{
	if (n < RAW_DIVERT_MIN && r->large > 0)
		r->large--;
	else if (n >= RAW_DIVERT_MIN && r->large < RAW_LARGE)
		r->large++;
}

/* Payload; p may be NULL. */
static void
raw_recv(struct raw *r, const uint8_t *p, size_t n)
{
	raw_gauge(r, n);
	r->session.stats.payload_in += n;
	r->session.stats.unconsumed += n;
	r->st.owner->data(&r->st, p, n);
	raw_stall(r);
}

static int
raw_input(struct session *session, const uint8_t *p, size_t n)
{
	struct raw	*r = (struct raw *)session;

	if (r->dead)
		return (-1);
	if (n == 0)
		return (0);
	r->depth++;
	if (!r->used && !session->conf.may_open)
		raw_die(r, "spoke before it was spoken to");
	else if (!r->used)
		raw_opened(r);
	if (r->live)
		raw_recv(r, p, n);
	else
		session->stats.ignored++;
	r->depth--;
	return (r->dead ? -1 : 0);
}

static size_t
raw_want(struct session *session)
{
	struct raw	*r = (struct raw *)session;
	uint64_t	 room = raw_cap(r);

	if (r->dead || r->stalled || session->stats.unconsumed >= room)
		return (0);
	return (room - session->stats.unconsumed);
}

static struct stream *
raw_divert(struct session *session, size_t *n)
{
	struct raw	*r = (struct raw *)session;
	size_t		 room = raw_want(session);

	if (!session->conf.divert || !r->live || r->large < RAW_LARGE ||
	    room < RAW_DIVERT_MIN)
		return (NULL);
	*n = room;
	return (&r->st);
}

static void
raw_diverted(struct session *session, size_t n)
{
	struct raw	*r = (struct raw *)session;

	if (!r->live)
		fatalx("%s: %zu octets for nobody", __func__, n);
	r->depth++;
	raw_recv(r, NULL, n);
	r->depth--;
}

static int
raw_ended(struct session *session)
{
	struct raw	*r = (struct raw *)session;

	if (r->dead || !r->used)
		return (0);
	if (r->ended || !r->live)
		return (1);
	r->ended = 1;
	r->depth++;
	r->st.owner->fin(&r->st);
	raw_drop(r);
	r->depth--;
	return (1);
}

/* ---- the other ops ---- */

static struct stream *
raw_open(struct session *session, const struct stream_owner *owner, void *arg,
    int urgent)
{
	struct raw	*r = (struct raw *)session;

	if (r->dead || r->used || session->conf.may_open || urgent)
		return (NULL);
	r->used = r->live = 1;
	r->st.owner = owner;
	r->st.arg = arg;
	session->stats.streams = session->stats.streams_ever = 1;
	return (&r->st);
}

static void
raw_ready(struct stream *stream)
{
	struct raw	*r = (struct raw *)stream->session;

	if (!r->live || r->fin_due)
		return;
	r->ready = 1;
	raw_wake(r);
}

static void
raw_fin(struct stream *stream)
{
	struct raw	*r = (struct raw *)stream->session;

	if (!r->live || r->fin_due)
		return;
	r->fin_due = 1;
	raw_wake(r);
}

/* No reason can be given. */
static void
raw_reset(struct stream *stream, enum reset_reason why)
{
	struct raw	*r = (struct raw *)stream->session;

	(void)why;
	if (r->live)
		raw_abort(r);
}

static void
raw_consumed(struct stream *stream, size_t n)
{
	struct raw	*r = (struct raw *)stream->session;

	if (!r->live)
		return;
	if (n > r->session.stats.unconsumed)
		fatalx("%s: %zu octets of %llu", __func__, n,
		    (unsigned long long)r->session.stats.unconsumed);
	r->session.stats.unconsumed -= n;
	raw_relieve(r);
}

static uint32_t
raw_window(const struct stream *stream)
{
	const struct raw	*r = (const void *)stream->session;
	uint64_t		 cap = raw_cap(r);

	if (!r->live || r->ended || r->stalled ||
	    r->session.stats.unconsumed >= cap)
		return (0);
	return (cap - r->session.stats.unconsumed);
}

static void
raw_limit(struct session *session, uint64_t n)
{
	struct raw	*r = (struct raw *)session;

	r->limit = n;
	raw_stall(r);
	raw_relieve(r);
}

/* TCP finds its windows itself. */
static void
raw_rtt(struct session *session, uint32_t us)
{
	(void)session;
	(void)us;
}

/* A drain or a probe would be payload. */
static void
raw_nothing(struct session *session)
{
	(void)session;
}

static uint64_t
raw_tick(struct session *session, uint64_t now)
{
	struct raw	*r = (struct raw *)session;

	if (r->dead)
		return (0);
	if (now > r->now)
		r->now = now;
	if (!r->ended || !r->live)
		return (UINT64_MAX);
	/* A tunnel that takes nothing asks for no output. */
	r->depth++;
	raw_drop(r);
	r->depth--;
	return (r->ready ? r->now : UINT64_MAX);
}

static void
raw_free(struct session *session)
{
	struct raw	*r = (struct raw *)session;

	if (r->depth > 0)
		fatalx("%s: from within an event", __func__);
	r->depth++;
	(void)raw_die(r, "closed");
	free(r);
}

struct session *
raw_new(const struct session_conf *conf, const struct session_events *events,
    void *arg)
{
	struct raw	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->session.ops = &raw_ops;
	r->session.events = events;
	r->session.arg = arg;
	r->session.conf = *conf;
	r->st.session = &r->session;
	r->st.id = 1;
	r->limit = UINT64_MAX;
	r->quiet = 1;
	return (&r->session);
}
