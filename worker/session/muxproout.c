/* SPDX-License-Identifier: ISC */

/*
 * What a Mux.Pro session sends, and in which order: the version, alone; then
 * KeepAlive, Ends and updates; urgent streams; the others by class, and in
 * turns of a quantum within it.  Only Ends are kept here, and their number is
 * bounded.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "muxproint.h"

/* Less room than this behind other frames is left empty. */
#define TAIL_MIN	512
/* Ends that may wait while the peer reads none of our output. */
#define ENDS_MAX	1024
/* A class waits for so many frames of others at most. */
#define PASSES_MAX	8

void
muxproout_put16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

void
muxproout_put32(uint8_t *p, uint32_t v)
{
	muxproout_put16(p, v >> 16);
	muxproout_put16(p + 2, v);
}

size_t
muxproout_frame(uint8_t *p, size_t meta, uint32_t id,
    enum muxpro_status status, unsigned opt)
{
	muxproout_put16(p, meta);
	muxproout_put16(p + 2, id);
	p[4] = status;
	p[5] = opt;
	return (MUXPRO_FRAME);
}

/* Dies in the next tick: an op's caller does not expect its streams to die. */
static void
muxproout_break(struct muxpro *s, const char *why)
{
	s->broken = why;
	muxpro_alarm(s, s->now);
}

void
muxproout_end(struct muxpro *s, uint32_t id, enum reset_reason why)
{
	struct muxpro_end	*e;
	size_t			 size;

	/* Two for each stream: for earlier ones, and for those open now. */
	if (s->end_len - s->end_head >= ENDS_MAX +
	    2 * (uint64_t)s->session.conf.max_streams) {
		muxproout_break(s, "does not take the Ends it asks for");
		return;
	}
	if (s->end_head > 0 && s->end_len == s->end_size) {
		s->end_len -= s->end_head;
		memmove(s->ends, s->ends + s->end_head,
		    s->end_len * sizeof(*s->ends));
		s->end_head = 0;
	}
	if (s->end_len == s->end_size) {
		size = s->end_size == 0 ? 8 : 2 * s->end_size;
		if ((e = reallocarray(s->ends, size, sizeof(*e))) == NULL) {
			muxproout_break(s, "no memory");
			return;
		}
		s->ends = e;
		s->end_size = size;
	}
	if (why <= RESET_NONE || why >= RESET_TUNNEL)
		why = RESET_ABORT;
	s->ends[s->end_len].id = id;
	s->ends[s->end_len++].reason = why;
	muxpro_wake(s);
}

uint64_t
muxproout_room(const struct muxpro *s, const struct muxpro_stream *st)
{
	return (s->knows == MUXPRO_CREDIT_NO ? MUXPRO_CREDIT_MAX : st->credit);
}

/* May it send octets? */
static int
muxproout_may_send(struct muxpro *s, const struct muxpro_stream *st)
{
	/* A foreign server that has ended does not listen. */
	if (s->bare && s->session.conf.client && (st->flags & MUXPRO_FIN_RCVD))
		return (0);
	if ((st->flags & MUXPRO_NEW_DUE) || muxproout_room(s, st) > 0)
		return (1);
	if (s->knows == MUXPRO_CREDIT_UNKNOWN && s->starved == 0) {
		s->starved = s->now;
		muxpro_alarm(s, s->now);
	}
	return (0);
}

/* Between two rocketd, New needs nothing from its owner. */
static int
muxproout_has(const struct muxpro *s, const struct muxpro_stream *st)
{
	return ((st->flags & MUXPRO_READY) ||
	    (!s->bare && (st->flags & MUXPRO_NEW_DUE)));
}

void
muxproout_schedule(struct muxpro *s, struct muxpro_stream *st)
{
	if (st->queue != MUXPRO_Q_NONE || (st->flags & MUXPRO_FIN_SENT))
		return;
	if (!(st->flags & MUXPRO_FIN_DUE) &&
	    (!muxproout_has(s, st) || !muxproout_may_send(s, st)))
		return;
	muxprost_move(st, st->flags & MUXPRO_URGENT ? MUXPRO_Q_URGENT :
	    (enum muxpro_queue)(MUXPRO_Q_READY + st->class));
	muxpro_wake(s);
}

static int
muxproout_streams(const struct muxpro *s)
{
	int	 q;

	for (q = MUXPRO_Q_READY; q < MUXPRO_Q_MAX; q++)
		if (!TAILQ_EMPTY(&s->queues[q]))
			return (1);
	return (!TAILQ_EMPTY(&s->queues[MUXPRO_Q_URGENT]));
}

int
muxproout_pending(const struct muxpro *s)
{
	if (s->phase == MUXPRO_ASK || s->phase == MUXPRO_ANSWER)
		return (1);
	return (s->phase == MUXPRO_OPEN && (s->spill_len > 0 || s->alive ||
	    s->end_head < s->end_len || !TAILQ_EMPTY(&s->ctl) ||
	    muxproout_streams(s)));
}

uint64_t
muxproout_release(struct muxpro *s)
{
	struct muxpro_stream	*st;
	uint32_t		 delay = s->session.conf.fin_delay_ms, waited;

	while ((st = TAILQ_FIRST(&s->queues[MUXPRO_Q_HELD])) != NULL) {
		waited = muxpro_ms(s) - st->sent_ms;
		if (waited < delay)
			return (s->now + (delay - waited) * 1000ULL);
		/* Something came meanwhile: from then on. */
		if (muxpro_ms(s) - st->win.rcvd_ms < delay) {
			st->sent_ms = st->win.rcvd_ms;
			muxprost_move(st, MUXPRO_Q_HELD);
			continue;
		}
		st->flags |= MUXPRO_LINGERED;
		muxprost_move(st, MUXPRO_Q_NONE);
		muxproout_schedule(s, st);
	}
	return (UINT64_MAX);
}

/* ---- the version ---- */

/* A request or an answer, which goes alone. */
static size_t
muxproout_version(struct muxpro *s, uint8_t *buf)
{
	int	 both = s->session.conf.client && s->session.conf.version == 0;
	size_t	 n = 1 + both;

	muxproout_frame(buf, MUXPRO_META_MIN + s->draft, 0, MUXPRO_NEGOTIATE,
	    MUXPRO_OPT_DATA);
	if (s->draft) {			/* the count is metadata there */
		buf[6] = n;
		muxproout_put16(buf + 7, 4 * n);
	} else {
		muxproout_put16(buf + 6, 1 + 4 * n);
		buf[8] = n;
	}
	muxproout_put32(buf + 9, s->session.conf.client ? 1 : s->version);
	if (both)
		muxproout_put32(buf + 13, 0);
	return (9 + 4 * n);
}

static size_t
muxproout_negotiate(struct muxpro *s, uint8_t *buf)
{
	if (s->phase == MUXPRO_ASK) {
		s->phase = MUXPRO_ASKED;
		s->asked = s->now;
		return (muxproout_version(s, buf));
	}
	if (s->phase != MUXPRO_ANSWER)
		return (0);
	s->phase = s->ahead ? MUXPRO_OPEN : MUXPRO_MUTE;
	return (muxproout_version(s, buf));
}

/* ---- control frames ---- */

static uint32_t
muxproout_code(enum reset_reason why)
{
	switch (why) {
	case RESET_NONE:
	case RESET_ABORT:
	case RESET_TUNNEL:
		return (MUXPRO_CODE_GONE);
	case RESET_TIMEOUT:
		return (MUXPRO_CODE_TIMEOUT);
	case RESET_PROTOCOL:
		return (MUXPRO_CODE_PROTOCOL);
	case RESET_MEMORY:
		return (MUXPRO_CODE_MEMORY);
	case RESET_POLICY:
		return (MUXPRO_CODE_REJECTED);
	default:
		return (MUXPRO_CODE_UNREACHABLE);
	}
}

/*
 * An End with a code.  Foreign code takes the next frame for data of it: there
 * it is a KeepAlive, which nobody misses.  Between two rocketd the reason is
 * behind the code.
 */
static size_t
muxproout_reset(struct muxpro *s, uint8_t *buf)
{
	const struct muxpro_end	*e = &s->ends[s->end_head++];
	size_t			 n;

	if (s->end_head == s->end_len)
		s->end_head = s->end_len = 0;
	n = muxproout_frame(buf, MUXPRO_META_MIN + 2 + !s->bare, e->id,
	    MUXPRO_END, MUXPRO_OPT_DATA);
	muxproout_put16(buf + n, muxproout_code(e->reason));
	n += 2;
	if (!s->bare) {
		buf[n] = e->reason;
		return (n + 1);
	}
	return (n + muxproout_frame(buf + n, MUXPRO_META_MIN, 0, MUXPRO_ALIVE,
	    0));
}

/* New credit, if there is some. */
static size_t
muxproout_update(struct muxpro *s, struct muxpro_stream *st, uint8_t *buf)
{
	int		 zero = st->flags & MUXPRO_ZERO_DUE;
	uint32_t	 more;
	size_t		 n;

	muxprost_ctl_remove(s, st);
	more = window_tell(&s->windows, &st->win);
	if (s->session.conf.ample && !s->exact &&
	    !(st->flags & MUXPRO_AMPLE)) {
		st->flags |= MUXPRO_AMPLE;
		more += MUXPRO_AHEAD;
	}
	if (more == 0 && !zero)
		return (0);
	st->told_ms = muxpro_ms(s);
	n = muxproout_frame(buf, MUXPRO_META_MIN, st->st.id, MUXPRO_UPDATE,
	    MUXPRO_OPT_DATA);
	muxproout_put16(buf + n, 4);
	muxproout_put32(buf + n + 2, more);
	return (n + 6);
}

/* Makes one control frame of at most MUXPRO_CTL_MAX octets; 0: none is due. */
static size_t
muxproout_control(struct muxpro *s, uint8_t *buf)
{
	struct muxpro_stream	*st;
	size_t			 n;

	if (s->alive) {
		s->alive = 0;
		return (muxproout_frame(buf, MUXPRO_META_MIN, 0, MUXPRO_ALIVE,
		    0));
	}
	if (s->end_head < s->end_len)
		return (muxproout_reset(s, buf));
	while ((st = TAILQ_FIRST(&s->ctl)) != NULL)
		if ((n = muxproout_update(s, st, buf)) > 0)
			return (n);
	return (0);
}

/* ---- streams ---- */

/* Whose turn it is: of the first class, unless another has waited too long. */
static struct muxpro_stream *
muxproout_next(struct muxpro *s)
{
	struct muxpro_stream	*st, *next = NULL;
	int			 class;

	if ((st = TAILQ_FIRST(&s->queues[MUXPRO_Q_URGENT])) != NULL)
		return (st);
	for (class = 0; class < MUXPRO_CLASSES; class++) {
		st = TAILQ_FIRST(&s->queues[MUXPRO_Q_READY + class]);
		if (st != NULL &&
		    (next == NULL || s->passed[class] >= PASSES_MAX))
			next = st;
	}
	return (next);
}

/* A frame of this class is out: the others waited for it. */
static void
muxproout_passed(struct muxpro *s, int class)
{
	int	 i;

	for (i = 0; i < MUXPRO_CLASSES; i++)
		if (i == class || TAILQ_EMPTY(&s->queues[MUXPRO_Q_READY + i]))
			s->passed[i] = 0;
		else
			s->passed[i]++;
}

static size_t
muxproout_stream(struct muxpro *s, struct muxpro_stream *st, uint8_t *buf,
    size_t n)
{
	int	 class = st->class, urgent = st->flags & MUXPRO_URGENT;
	size_t	 len;

	len = muxprodata_frame(s, st, buf, n);
	if (len > 0 && !urgent)
		muxproout_passed(s, class);
	return (len);
}

/* What of a frame had no room. */
static size_t
muxproout_spill(struct muxpro *s, uint8_t *buf, size_t n)
{
	size_t	 left = s->spill_len - s->spill_off;

	if (n > left)
		n = left;
	memcpy(buf, s->spill + s->spill_off, n);
	s->spill_off += n;
	if (s->spill_off == s->spill_len)
		s->spill_off = s->spill_len = 0;
	return (n);
}

static size_t
muxproout_fill_open(struct muxpro *s, uint8_t *buf, size_t n)
{
	struct muxpro_stream	*st;
	size_t			 off, len;

	/* A callback may queue control frames: they go first again. */
	s->dry = NULL;
	off = muxproout_spill(s, buf, n);
	while (n - off >= MUXPRO_CTL_MAX && s->spill_len == 0) {
		if ((len = muxproout_control(s, buf + off)) > 0) {
			off += len;
			continue;
		}
		if ((off > 0 && n - off < TAIL_MIN) ||
		    (st = muxproout_next(s)) == NULL)
			break;
		/* All gave what they had: send it before asking again. */
		if (st == s->dry && off < SESSION_SMALL &&
		    !(st->flags & MUXPRO_FIN_DUE))
			break;
		off += muxproout_stream(s, st, buf + off, n - off);
	}
	return (off + muxproout_spill(s, buf + off, n - off));
}

size_t
muxproout_fill(struct muxpro *s, uint8_t *buf, size_t n)
{
	if (s->phase != MUXPRO_OPEN)
		return (muxproout_negotiate(s, buf));
	return (muxproout_fill_open(s, buf, n));
}
