/* SPDX-License-Identifier: ISC */

/*
 * How a stream's octets become frames of Mux.Pro: New with its head and first
 * data, Keep, datagrams, and the End.  Payload is pulled straight into the
 * buffer behind its header; only a head and datagrams are staged.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/log.h"
#include "muxproint.h"

/* A stream's turn, and so its frame, when several share the tunnel. */
#define QUANTUM		16384

/* To the end of its queue: the next one's turn. */
static void
muxprodata_turn(struct muxpro_stream *st)
{
	st->deficit = 0;
	muxprost_move(st, st->flags & MUXPRO_URGENT ? MUXPRO_Q_URGENT :
	    (enum muxpro_queue)(MUXPRO_Q_READY + st->class));
}

/* It has nothing now; session_ready or an update brings it back. */
static void
muxprodata_rest(struct muxpro_stream *st)
{
	st->deficit = 0;
	if (!(st->flags & MUXPRO_FIN_DUE))
		muxprost_move(st, MUXPRO_Q_NONE);
}

/* As the owner's pull; 0 also when that ended the stream. */
static size_t
muxprodata_pull(struct muxpro_stream *st, uint8_t *buf, size_t max)
{
	size_t	 got;

	st->flags &= ~MUXPRO_READY;
	got = st->st.owner->pull(&st->st, buf, max);
	if (got > max)
		fatalx("%s: %zu octets where there is room for %zu", __func__,
		    got, max);
	if (st->flags & MUXPRO_DEAD)
		return (0);
	if (got > 0)
		st->flags |= MUXPRO_READY;
	else
		st->flags &= ~MUXPRO_READY;
	return (got);
}

static int
muxprodata_alone(const struct muxpro *s, const struct muxpro_stream *st)
{
	int	 q;

	if (st->flags & MUXPRO_URGENT)
		return (0);
	for (q = MUXPRO_Q_READY; q < MUXPRO_Q_MAX; q++)
		if (!TAILQ_EMPTY(&s->queues[q]) && q != st->queue)
			return (0);
	return (TAILQ_NEXT(st, entry) == NULL &&
	    TAILQ_FIRST(&s->queues[st->queue]) == st);
}

/* How much payload its next frame may carry; max: for so much there is room. */
static size_t
muxprodata_allowance(const struct muxpro *s, struct muxpro_stream *st,
    size_t max)
{
	uint64_t	 room = muxproout_room(s, st);

	if (max > s->session.conf.framesize)
		max = s->session.conf.framesize;
	if (max > room)
		max = room;
	if (max == 0 || muxprodata_alone(s, st))
		return (max);
	if (st->deficit == 0)
		st->deficit = QUANTUM;
	return (max > st->deficit ? st->deficit : max);
}

static void
muxprodata_sent(struct muxpro *s, struct muxpro_stream *st, size_t n)
{
	if (s->knows != MUXPRO_CREDIT_NO)
		st->credit -= n;
	st->sent_ms = muxpro_ms(s);
	st->deficit -= n < st->deficit ? n : st->deficit;
	s->session.stats.payload_out += n;
}

/* A frame that is not pulled: what has no room is spilled. */
static uint8_t *
muxprodata_space(struct muxpro *s, uint8_t *buf, size_t n, size_t len)
{
	if (len <= n)
		return (buf);
	s->spill_len = len;
	return (s->spill);
}

/* ---- the end ---- */

/* To a foreign peer an End is that of both: ours waits for what may come. */
static int
muxprodata_hold(struct muxpro *s, struct muxpro_stream *st)
{
	uint32_t	 delay = s->session.conf.fin_delay_ms;

	if (!s->bare || delay == 0 ||
	    (st->flags & (MUXPRO_FIN_RCVD | MUXPRO_LINGERED)))
		return (0);
	st->sent_ms = muxpro_ms(s);
	muxprost_move(st, MUXPRO_Q_HELD);
	muxpro_alarm(s, s->now + delay * 1000ULL);
	return (1);
}

static size_t
muxprodata_fin(struct muxpro *s, struct muxpro_stream *st, uint8_t *buf)
{
	if (muxprodata_hold(s, st))
		return (0);
	muxproout_frame(buf, MUXPRO_META_MIN, st->st.id, MUXPRO_END, 0);
	st->flags |= MUXPRO_FIN_SENT;
	st->sent_ms = muxpro_ms(s);
	muxprost_move(st, MUXPRO_Q_NONE);
	muxprost_finish(s, st);
	return (MUXPRO_FRAME);
}

/* ---- datagrams ---- */

/*
 * The first whole datagram that waits, NULL: there is none.  What is too long,
 * or empty, which a frame cannot say, is dropped on the way.
 */
static const uint8_t *
muxprodata_staged(struct muxpro *s, struct muxpro_stage *g, uint32_t *len)
{
	const uint8_t	*p;
	uint32_t	 n;

	for (;;) {
		n = g->len - g->off < g->skip ? g->len - g->off : g->skip;
		g->off += n;
		g->skip -= n;
		if (g->len - g->off < 2)
			return (NULL);
		p = g->buf + g->off;
		*len = (uint32_t)p[0] << 8 | p[1];
		if (*len > 0 && *len <= MUXPRO_DATAGRAM_MAX)
			break;
		s->session.stats.dropped++;
		g->skip = 2 + *len;
	}
	return (g->len - g->off < 2 + *len ? NULL : p + 2);
}

/* One that is whole, after a few pulls if need be; NULL: there is none. */
static const uint8_t *
muxprodata_datagram(struct muxpro *s, struct muxpro_stream *st, uint32_t *len)
{
	struct muxpro_stage	*g = st->stage;
	const uint8_t		*p;
	size_t			 got;

	while ((p = muxprodata_staged(s, g, len)) == NULL &&
	    (st->flags & (MUXPRO_FIN_DUE | MUXPRO_READY)) == MUXPRO_READY) {
		g->len -= g->off;
		memmove(g->buf, g->buf + g->off, g->len);
		g->off = 0;
		got = muxprodata_pull(st, g->buf + g->len, g->size - g->len);
		if (got == 0)
			break;		/* g may be gone */
		g->len += got;
	}
	return (p);
}

/* They do not wait for credit. */
static void
muxprodata_drop(struct muxpro *s, struct muxpro_stream *st)
{
	uint32_t	 len;

	while (muxprodata_staged(s, st->stage, &len) != NULL) {
		st->stage->off += 2 + len;
		s->session.stats.dropped++;
	}
}

static size_t
muxprodata_keep(struct muxpro *s, struct muxpro_stream *st, uint8_t *buf,
    size_t n, const uint8_t *p, uint32_t len)
{
	uint8_t	*out;

	out = muxprodata_space(s, buf, n, MUXPRO_DATA + len);
	muxproout_frame(out, MUXPRO_META_MIN, st->st.id, MUXPRO_KEEP,
	    MUXPRO_OPT_DATA);
	muxproout_put16(out + MUXPRO_FRAME, len);
	memcpy(out + MUXPRO_DATA, p, len);
	st->stage->off += 2 + len;
	muxprodata_sent(s, st, len);
	return (out == buf ? MUXPRO_DATA + len : 0);
}

static size_t
muxprodata_datagrams(struct muxpro *s, struct muxpro_stream *st, uint8_t *buf,
    size_t n)
{
	const uint8_t	*p;
	size_t		 off = 0, done = 0;
	uint32_t	 len;

	while (done < QUANTUM && s->spill_len == 0 && off < n) {
		p = muxprodata_datagram(s, st, &len);
		if (st->flags & MUXPRO_DEAD)
			return (off);
		if (p == NULL) {
			muxprodata_rest(st);
			return (off);
		}
		if (len > muxproout_room(s, st)) {
			muxprodata_drop(s, st);
			muxprost_move(st, MUXPRO_Q_NONE);
			/* its End needs no credit */
			muxproout_schedule(s, st);
			return (off);
		}
		off += muxprodata_keep(s, st, buf + off, n - off, p, len);
		done += MUXPRO_DATA + len;
	}
	muxprodata_turn(st);
	return (off);
}

/* ---- New ---- */

/* Between two rocketd all go to the same. */
static const uint8_t	 muxprodata_ours[] = {
	MUXPRO_TCP, 0, 0, 0, MUXPRO_NAME, 7, 'r', 'o', 'c', 'k', 'e', 't', 'd'
};

/*
 * The head of a New, *len octets; NULL: it is not there yet, or the stream has
 * ended.  No more is pulled than belongs to it.
 */
static const uint8_t *
muxprodata_head(struct muxpro *s, struct muxpro_stream *st, size_t *len)
{
	struct muxpro_stage	*g = st->stage;
	ssize_t			 need;
	size_t			 got;

	if (!s->bare) {
		*len = sizeof(muxprodata_ours);
		return (muxprodata_ours);
	}
	while ((need = muxpro_head(g->buf, g->len)) != -1) {
		if (g->len == (size_t)need) {
			st->class = g->buf[1] / (256 / MUXPRO_CLASSES);
			*len = need;
			return (g->buf);
		}
		if (st->flags & MUXPRO_FIN_DUE)
			break;
		got = muxprodata_pull(st, g->buf + g->len, need - g->len);
		if (st->flags & MUXPRO_DEAD)
			return (NULL);
		if (got == 0) {
			muxprodata_rest(st);
			return (NULL);
		}
		g->len += got;
	}
	/* Its owner does not know where it wants to go: nobody hears of it. */
	muxprost_kill(s, st, RESET_PROTOCOL);
	return (NULL);
}

/* The first datagram, if there is one and room for it: so many octets. */
static size_t
muxprodata_new_datagram(struct muxpro *s, struct muxpro_stream *st,
    uint8_t *buf, size_t n)
{
	const uint8_t	*p;
	uint32_t	 len;

	if ((p = muxprodata_datagram(s, st, &len)) == NULL ||
	    len > n || len > muxproout_room(s, st))
		return (0);
	memcpy(buf, p, len);
	st->stage->off += 2 + len;
	return (len);
}

/* First data for New, at most n octets. */
static size_t
muxprodata_new_data(struct muxpro *s, struct muxpro_stream *st, uint8_t *buf,
    size_t n)
{
	if (n > MUXPRO_NEW_MAX)
		n = MUXPRO_NEW_MAX;
	if (st->flags & MUXPRO_DATAGRAMS)
		return (muxprodata_new_datagram(s, st, buf, n));
	if ((st->flags & (MUXPRO_READY | MUXPRO_FIN_DUE)) != MUXPRO_READY ||
	    (n = muxprodata_allowance(s, st, n)) == 0)
		return (0);
	return (muxprodata_pull(st, buf, n));
}

/* The head is in its frame: what is staged from now on.  -1: no memory. */
static int
muxprodata_restage(struct muxpro_stream *st, int network)
{
	if (st->stage == NULL)
		return (0);
	if (network != MUXPRO_UDP) {
		free(st->stage);
		st->stage = NULL;
		return (0);
	}
	st->flags |= MUXPRO_DATAGRAMS;
	return (muxprost_stage(st, MUXPRO_STAGE));
}

static size_t
muxprodata_new(struct muxpro *s, struct muxpro_stream *st, uint8_t *buf,
    size_t n)
{
	const uint8_t	*head;
	uint8_t		*out;
	size_t		 len, size, got = 0;

	if ((head = muxprodata_head(s, st, &len)) == NULL)
		return (0);
	size = MUXPRO_FRAME + len;
	out = muxprodata_space(s, buf, n, size);
	memcpy(out + MUXPRO_FRAME, head, len);
	if (muxprodata_restage(st, head[0]) == -1) {
		s->spill_len = 0;
		muxprost_kill(s, st, RESET_MEMORY);
		return (0);
	}
	if (n > size + 2)
		got = muxprodata_new_data(s, st, out + size + 2, n - size - 2);
	if (st->flags & MUXPRO_DEAD)
		return (0);
	muxproout_frame(out, MUXPRO_META_MIN + len, st->st.id, MUXPRO_NEW,
	    got > 0 ? MUXPRO_OPT_DATA : 0);
	st->flags &= ~MUXPRO_NEW_DUE;
	muxprost_known(s, st);
	if (got > 0) {
		muxproout_put16(out + size, got);
		muxprodata_sent(s, st, got);
		size += 2 + got;
	}
	if ((st->flags & (MUXPRO_READY | MUXPRO_FIN_DUE)) || got > 0)
		muxprodata_turn(st);
	else
		muxprodata_rest(st);
	return (out == buf ? size : 0);
}

/* ---- Keep ---- */

static size_t
muxprodata_stream(struct muxpro *s, struct muxpro_stream *st, uint8_t *buf,
    size_t n)
{
	size_t	 max, got;

	if ((max = muxprodata_allowance(s, st, n - MUXPRO_DATA)) == 0) {
		/* The peer's next update brings it back. */
		muxprost_move(st, MUXPRO_Q_NONE);
		muxproout_schedule(s, st);
		return (0);
	}
	got = muxprodata_pull(st, buf + MUXPRO_DATA, max);
	if (st->flags & MUXPRO_DEAD)
		return (0);
	if (got == 0) {
		muxprodata_rest(st);
		return (0);
	}
	muxprodata_sent(s, st, got);
	if (got == max)
		s->dry = NULL;
	else if (s->dry == NULL)
		s->dry = st;
	if (st->deficit == 0 || got < max)
		muxprodata_turn(st);
	muxproout_frame(buf, MUXPRO_META_MIN, st->st.id, MUXPRO_KEEP,
	    MUXPRO_OPT_DATA);
	muxproout_put16(buf + MUXPRO_FRAME, got);
	return (MUXPRO_DATA + got);
}

size_t
muxprodata_frame(struct muxpro *s, struct muxpro_stream *st, uint8_t *buf,
    size_t n)
{
	size_t	 len;

	if (st->flags & MUXPRO_NEW_DUE)
		return (muxprodata_new(s, st, buf, n));
	if (st->flags & MUXPRO_DATAGRAMS) {
		len = muxprodata_datagrams(s, st, buf, n);
		if (len > 0 || s->spill_len > 0 ||
		    (st->flags & (MUXPRO_DEAD | MUXPRO_FIN_DUE)) !=
		    MUXPRO_FIN_DUE)
			return (len);
	}
	if (st->flags & MUXPRO_FIN_DUE)
		return (muxprodata_fin(s, st, buf));
	return (muxprodata_stream(s, st, buf, n));
}
