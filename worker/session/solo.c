/* SPDX-License-Identifier: ISC */

/*
 * See solo.h: the records of a tunnel that has one user, both ways, and time.
 * Payload is handed on as it arrives; only the four octets of a head are
 * collected.  Whatever a peer can make us send is a flag, so nothing here
 * grows.  It trusts a length only as far as the rules below allow.
 */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>

#include "shared/log.h"
#include "solo.h"

/* An owner that may hold less than this could not go on. */
#define SOLO_BUDGET_MIN	16384
/* A diversion pays from so many octets on. */
#define SOLO_DIVERT_MIN	16384
/* Less room than this behind other octets is left empty. */
#define SOLO_TAIL_MIN	512
/* A session so late for its deadline gets time to read first. */
#define SOLO_LATE_US	1000000

struct solo {
	struct session	 session;		/* first */
	struct stream	 st;			/* the one */
	/* sending */
	int		 ready;	/* the owner has something to send */
	int		 fin_due, fin_sent;
	int		 said;		/* the peer knows of the stream */
	int		 idle_due;
	int		 ask_due;	/* one that asks for an answer */
	int		 drain_due;
	int		 bulk;		/* payload follows the output */
	int		 quiet;		/* the owner waits for a wake */
	enum reset_reason kill;		/* to be sent; RESET_NONE */
	/* receiving */
	uint8_t		 head[SOLO_HEAD];
	uint32_t	 have;		/* in head */
	uint32_t	 left;		/* of a record's payload */
	int		 exact;		/* read no further than a head */
	int		 fin_rcvd, reset_rcvd;
	int		 stalled;	/* the tunnel is not read */
	uint64_t	 limit;		/* session_limit */
	/* life */
	int		 used;		/* the stream has been opened */
	int		 live;		/* and its owner gets events */
	int		 dead;
	int		 depth;		/* turns under way */
	int		 started;	/* tick has told the time */
	/* time, in microseconds */
	uint64_t	 now;
	uint64_t	 last_rx;
	uint64_t	 last_tx;
	uint64_t	 deadline;	/* as tick told it */
};

static struct stream *solo_open(struct session *, const struct stream_owner *,
		    void *, int);
static void	 solo_ready(struct stream *);
static void	 solo_fin(struct stream *);
static void	 solo_reset(struct stream *, enum reset_reason);
static void	 solo_consumed(struct stream *, size_t);
static uint32_t	 solo_window(const struct stream *);
static void	 solo_limit(struct session *, uint64_t);
static void	 solo_rtt(struct session *, uint32_t);
static void	 solo_drain(struct session *);
static void	 solo_probe(struct session *);
static uint64_t	 solo_tick(struct session *, uint64_t);
static size_t	 solo_want(struct session *);
static struct stream *solo_divert(struct session *, size_t *);
static void	 solo_diverted(struct session *, size_t);
static int	 solo_input(struct session *, const uint8_t *, size_t);
static size_t	 solo_output(struct session *, uint8_t *, size_t);
static void	 solo_free(struct session *);

static const struct session_ops solo_ops = {
	solo_open,
	solo_ready,
	solo_fin,
	solo_reset,
	solo_consumed,
	solo_window,
	solo_limit,
	solo_rtt,
	solo_drain,
	solo_probe,
	solo_tick,
	solo_want,
	solo_divert,
	solo_diverted,
	solo_input,
	solo_output,
	NULL,
	solo_free
};

/* Says once that there is output, until output has found nothing more. */
static void
solo_wake(struct solo *s)
{
	if (!s->quiet || s->dead)
		return;
	s->quiet = 0;
	s->session.events->wake(&s->session);
}

/* ---- memory ---- */

static uint64_t
solo_cap(const struct solo *s)
{
	uint64_t	 n = s->session.conf.recvbuffer;

	if (s->limit < n)
		n = s->limit;
	return (n < SOLO_BUDGET_MIN ? SOLO_BUDGET_MIN : n);
}

static void
solo_stall(struct solo *s)
{
	if (s->session.stats.unconsumed >= solo_cap(s))
		s->stalled = 1;
}

/* The tunnel is read again once a quarter is free: not an octet at a time. */
static void
solo_relieve(struct solo *s)
{
	uint64_t	 cap = solo_cap(s);

	if (!s->stalled || s->dead ||
	    s->session.stats.unconsumed > cap - cap / 4)
		return;
	s->stalled = 0;
	s->last_rx = s->now;	/* it was silent because of us */
	s->session.events->wake(&s->session);
}

/* ---- how it ends ---- */

/* The stream gets no more events, but its last may follow. */
static void
solo_forget(struct solo *s)
{
	s->live = 0;
	s->ready = s->fin_due = 0;
	s->session.stats.unconsumed = 0;
	solo_relieve(s);
}

/* All is said. */
static void
solo_done(struct solo *s)
{
	s->session.stats.streams = 0;
	s->session.aborting = 0;
	s->session.done = 1;
}

/* Ends it at once; the peer is told as soon as there is room. */
static void
solo_abort(struct solo *s, enum reset_reason why)
{
	if (why <= RESET_NONE || why >= RESET_TUNNEL)
		why = RESET_ABORT;
	s->kill = why;
	s->session.aborting = 1;
	solo_forget(s);
	solo_wake(s);
}

static void
solo_finish(struct solo *s)
{
	if (!s->live || !s->fin_sent || !s->fin_rcvd)
		return;
	solo_forget(s);
	solo_done(s);
	s->st.owner->closed(&s->st);
}

static int
solo_die(struct solo *s, const char *why)
{
	if (s->dead)
		return (-1);
	s->dead = 1;
	s->session.error = why;
	s->session.stats.streams = 0;
	if (s->live) {
		solo_forget(s);
		s->st.owner->reset(&s->st, RESET_TUNNEL);
	}
	return (-1);
}

/* ---- receiving ---- */

static void
solo_opened(struct solo *s)
{
	s->used = s->live = 1;
	s->session.stats.streams = s->session.stats.streams_ever = 1;
	if (s->session.events->opened(&s->st) == -1 && s->live) {
		s->session.stats.refused++;
		solo_abort(s, RESET_POLICY);
	}
}

/* May a record of the stream come now?  The first one opens it. */
static int
solo_may(struct solo *s, enum solo_type type)
{
	if (!s->session.conf.may_open && !s->said)
		return (solo_die(s, "spoke before it was spoken to"));
	if (s->reset_rcvd)
		return (solo_die(s, "a record behind its reset"));
	if (s->fin_rcvd && type != SOLO_RESET)
		return (solo_die(s, "a record behind its end"));
	if (!s->used)
		solo_opened(s);
	return (0);
}

static int
solo_recv_data(struct solo *s, uint32_t len)
{
	if (len == 0 || len > SOLO_DATA_MAX)
		return (solo_die(s, "a record of the wrong length"));
	if (solo_may(s, SOLO_DATA) == -1)
		return (-1);
	s->left = len;
	s->exact = s->session.conf.divert && len >= SOLO_DIVERT_MIN;
	return (0);
}

static int
solo_recv_end(struct solo *s, uint32_t len)
{
	if (len != 0)
		return (solo_die(s, "a record of the wrong length"));
	if (solo_may(s, SOLO_END) == -1)
		return (-1);
	s->fin_rcvd = 1;
	if (s->live) {
		s->st.owner->fin(&s->st);
		solo_finish(s);
	}
	return (0);
}

static int
solo_recv_reset(struct solo *s, uint32_t reason)
{
	if (reason > 0xff)
		return (solo_die(s, "a record of the wrong length"));
	if (solo_may(s, SOLO_RESET) == -1)
		return (-1);
	s->reset_rcvd = 1;
	s->kill = RESET_NONE;		/* the peer need not be told */
	solo_done(s);
	if (reason == RESET_NONE || reason >= RESET_TUNNEL)
		reason = RESET_ABORT;
	if (s->live) {
		solo_forget(s);
		s->st.owner->reset(&s->st, reason);
	}
	return (0);
}

/* A head is whole. */
static int
solo_recv_head(struct solo *s)
{
	const uint8_t	*h = s->head;
	uint32_t	 len = (uint32_t)h[1] << 16 | h[2] << 8 | h[3];

	s->have = 0;
	switch (h[0]) {
	case SOLO_DATA:
		return (solo_recv_data(s, len));
	case SOLO_END:
		return (solo_recv_end(s, len));
	case SOLO_RESET:
		return (solo_recv_reset(s, len));
	case SOLO_IDLE:
		if (len > 1)
			return (solo_die(s, "a record of the wrong length"));
		if (len == 1) {
			s->idle_due = 1;
			solo_wake(s);
		}
		return (0);
	case SOLO_DRAIN:
		if (len != 0)
			return (solo_die(s, "a record of the wrong length"));
		s->session.peer_drains = 1;
		return (0);
	default:
		return (solo_die(s, "a record of an unknown type"));
	}
}

/* n octets of payload, at most what is left of the record; p may be NULL. */
static void
solo_recv_payload(struct solo *s, const uint8_t *p, uint32_t n)
{
	s->left -= n;
	if (!s->live) {
		s->session.stats.ignored++;
		return;
	}
	s->session.stats.payload_in += n;
	s->session.stats.unconsumed += n;
	s->st.owner->data(&s->st, p, n);
	solo_stall(s);
}

static int
solo_input(struct session *session, const uint8_t *p, size_t n)
{
	struct solo	*s = (struct solo *)session;
	size_t		 take;

	if (s->dead)
		return (-1);
	if (n > 0)
		s->last_rx = s->now;
	s->depth++;
	for (; n > 0 && !s->dead; p += take, n -= take) {
		if (s->left > 0) {
			take = s->left < n ? s->left : n;
			solo_recv_payload(s, p, take);
			continue;
		}
		take = SOLO_HEAD - s->have < n ? SOLO_HEAD - s->have : n;
		memcpy(s->head + s->have, p, take);
		if ((s->have += take) == SOLO_HEAD && solo_recv_head(s) == -1)
			break;
	}
	s->depth--;
	return (s->dead ? -1 : 0);
}

static size_t
solo_want(struct session *session)
{
	struct solo	*s = (struct solo *)session;
	uint64_t	 room = solo_cap(s);
	uint32_t	 exact = s->left + SOLO_HEAD - s->have;

	if (s->dead || s->stalled || session->stats.unconsumed >= room)
		return (0);
	room -= session->stats.unconsumed;
	/* Stop where payload begins that can be diverted. */
	return (s->exact && exact < room ? exact : room);
}

static struct stream *
solo_divert(struct session *session, size_t *n)
{
	struct solo	*s = (struct solo *)session;
	uint64_t	 room;

	if (!session->conf.divert || s->dead || s->stalled || !s->live ||
	    s->left < SOLO_DIVERT_MIN ||
	    (room = solo_cap(s)) <= session->stats.unconsumed)
		return (NULL);
	room -= session->stats.unconsumed;
	*n = s->left < room ? s->left : room;
	return (&s->st);
}

static void
solo_diverted(struct session *session, size_t n)
{
	struct solo	*s = (struct solo *)session;

	if (n > s->left || !s->live)
		fatalx("%s: %zu octets of %u", __func__, n, s->left);
	s->last_rx = s->now;
	s->depth++;
	solo_recv_payload(s, NULL, n);
	s->depth--;
}

/* ---- sending ---- */

static size_t
solo_put(uint8_t *p, enum solo_type type, size_t len)
{
	p[0] = type;
	p[1] = len >> 16;
	p[2] = len >> 8;
	p[3] = len;
	return (SOLO_HEAD);
}

static int
solo_pending(const struct solo *s)
{
	return (s->idle_due || s->ask_due || s->drain_due ||
	    s->kill != RESET_NONE || (s->live && (s->ready ||
	    (s->fin_due && !s->fin_sent))));
}

/* Records that are not the stream's: at most one of each. */
static size_t
solo_put_own(struct solo *s, uint8_t *buf)
{
	size_t	 off = 0;

	if (s->ask_due || s->idle_due)
		off += solo_put(buf, SOLO_IDLE, s->ask_due);
	if (s->drain_due)
		off += solo_put(buf + off, SOLO_DRAIN, 0);
	s->ask_due = s->idle_due = s->drain_due = 0;
	return (off);
}

/* The head of what the owner put into a pipe; 0: nothing. */
static size_t
solo_put_bulk(struct solo *s, uint8_t *buf)
{
	size_t	 got;

	if (!s->session.conf.divert)
		return (0);
	got = session_bulk(&s->st, SOLO_DATA_MAX);
	if (got > SOLO_DATA_MAX)
		fatalx("%s: %zu octets", __func__, got);
	if (got == 0)
		return (0);
	s->session.stats.payload_out += got;
	s->said = s->bulk = 1;
	return (solo_put(buf, SOLO_DATA, got));
}

/* One record of the stream, for which n octets are enough. */
static size_t
solo_put_data(struct solo *s, uint8_t *buf, size_t n)
{
	size_t	 max = n - SOLO_HEAD, got;

	if ((got = solo_put_bulk(s, buf)) > 0 || !s->live || s->fin_due)
		return (got);
	if (max > SOLO_DATA_MAX)
		max = SOLO_DATA_MAX;
	s->ready = 0;
	got = s->st.owner->pull(&s->st, buf + SOLO_HEAD, max);
	if (got > max)
		fatalx("%s: %zu octets where there is room for %zu", __func__,
		    got, max);
	if (got == 0 || !s->live)
		return (0);
	s->ready = 1;
	s->said = 1;
	s->session.stats.payload_out += got;
	return (solo_put(buf, SOLO_DATA, got) + got);
}

static size_t
solo_fill(struct solo *s, uint8_t *buf, size_t n)
{
	size_t	 off = solo_put_own(s, buf);

	s->bulk = 0;
	while (s->live && (s->ready || s->fin_due) && !s->fin_sent &&
	    !s->bulk && (off == 0 || n - off >= SOLO_TAIL_MIN)) {
		if (!s->fin_due) {
			off += solo_put_data(s, buf + off, n - off);
			continue;
		}
		off += solo_put(buf + off, SOLO_END, 0);
		s->said = s->fin_sent = 1;
		solo_finish(s);
	}
	if (s->kill != RESET_NONE && !s->bulk && n - off >= SOLO_HEAD) {
		off += solo_put(buf + off, SOLO_RESET, s->kill);
		s->kill = RESET_NONE;
		s->said = s->session.aborted = 1;
		solo_done(s);
	}
	return (off);
}

static size_t
solo_output(struct session *session, uint8_t *buf, size_t n)
{
	struct solo	*s = (struct solo *)session;
	size_t		 len;

	if (s->dead)
		return (0);
	s->depth++;
	s->quiet = 0;
	len = solo_fill(s, buf, n);
	session->more = solo_pending(s);
	s->quiet = !session->more;
	if (len > 0)
		s->last_tx = s->now;
	s->depth--;
	return (len);
}

/* ---- the other ops ---- */

static struct stream *
solo_open(struct session *session, const struct stream_owner *owner, void *arg,
    int urgent)
{
	struct solo	*s = (struct solo *)session;

	if (s->dead || s->used || session->conf.may_open || urgent)
		return (NULL);
	s->used = s->live = 1;
	s->st.owner = owner;
	s->st.arg = arg;
	session->stats.streams = session->stats.streams_ever = 1;
	return (&s->st);
}

static void
solo_ready(struct stream *stream)
{
	struct solo	*s = (struct solo *)stream->session;

	if (!s->live || s->fin_due)
		return;
	s->ready = 1;
	solo_wake(s);
}

static void
solo_fin(struct stream *stream)
{
	struct solo	*s = (struct solo *)stream->session;

	if (!s->live || s->fin_due)
		return;
	s->fin_due = 1;
	solo_wake(s);
}

static void
solo_reset(struct stream *stream, enum reset_reason why)
{
	struct solo	*s = (struct solo *)stream->session;

	if (s->live)
		solo_abort(s, why);
}

static void
solo_consumed(struct stream *stream, size_t n)
{
	struct solo	*s = (struct solo *)stream->session;

	if (!s->live)
		return;
	if (n > s->session.stats.unconsumed)
		fatalx("%s: %zu octets of %llu", __func__, n,
		    (unsigned long long)s->session.stats.unconsumed);
	s->session.stats.unconsumed -= n;
	solo_relieve(s);
}

static uint32_t
solo_window(const struct stream *stream)
{
	const struct solo	*s = (const void *)stream->session;
	uint64_t		 cap = solo_cap(s);

	if (!s->live || s->fin_rcvd || s->stalled ||
	    s->session.stats.unconsumed >= cap)
		return (0);
	return (cap - s->session.stats.unconsumed);
}

static void
solo_limit(struct session *session, uint64_t n)
{
	struct solo	*s = (struct solo *)session;

	s->limit = n;
	solo_stall(s);
	solo_relieve(s);
}

/* TCP finds its windows itself. */
static void
solo_rtt(struct session *session, uint32_t us)
{
	(void)session;
	(void)us;
}

static void
solo_drain(struct session *session)
{
	struct solo	*s = (struct solo *)session;

	s->drain_due = 1;
	solo_wake(s);
}

static void
solo_probe(struct session *session)
{
	struct solo	*s = (struct solo *)session;

	s->ask_due = 1;
	solo_wake(s);
}

/* ---- time ---- */

static void
solo_set_time(struct solo *s, uint64_t now)
{
	uint64_t	 timeout = s->session.conf.timeout_ms * 1000ULL, last;

	if (!s->started) {
		s->started = 1;
		s->last_rx = s->last_tx = now;
	}
	/* We were late ourselves: read first what the peer has sent. */
	if (timeout > 0 && now > s->deadline &&
	    now - s->deadline > SOLO_LATE_US) {
		last = timeout > SOLO_LATE_US ?
		    now - (timeout - SOLO_LATE_US) : now;
		if (s->last_rx < last)
			s->last_rx = last;
	}
	if (now > s->now)
		s->now = now;
}

static uint64_t
solo_tick(struct session *session, uint64_t now)
{
	struct solo	*s = (struct solo *)session;
	uint64_t	 alive = session->conf.keepalive_ms * 1000ULL;
	uint64_t	 timeout = session->conf.timeout_ms * 1000ULL, at;

	if (s->dead)
		return (0);
	solo_set_time(s, now);
	if (timeout > 0 && !s->stalled && s->now - s->last_rx >= timeout) {
		s->depth++;
		solo_die(s, "the peer is silent");
		s->depth--;
		return (0);
	}
	s->deadline = UINT64_MAX;
	/* We do not hear it; whether it acknowledges what we send tells. */
	if (s->stalled && timeout > 0 && (alive == 0 || alive > timeout / 2))
		alive = timeout / 2;
	if (alive > 0) {
		if ((at = s->last_tx + alive) <= s->now) {
			s->idle_due = 1;
			solo_wake(s);
			/* One that waits to be sent is not asked for again. */
			at = s->now + alive;
		}
		s->deadline = at;
	}
	at = s->last_rx + timeout;
	if (timeout > 0 && !s->stalled && at < s->deadline)
		s->deadline = at;
	return (s->deadline);
}

static void
solo_free(struct session *session)
{
	struct solo	*s = (struct solo *)session;

	if (s->depth > 0)
		fatalx("%s: from within an event", __func__);
	s->depth++;
	(void)solo_die(s, "closed");
	free(s);
}

struct session *
solo_new(const struct session_conf *conf, const struct session_events *events,
    void *arg)
{
	struct solo	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->session.ops = &solo_ops;
	s->session.events = events;
	s->session.arg = arg;
	s->session.conf = *conf;
	s->st.session = &s->session;
	s->st.id = 1;
	s->limit = UINT64_MAX;
	s->deadline = UINT64_MAX;
	s->quiet = 1;
	return (&s->session);
}
