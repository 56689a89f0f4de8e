/* SPDX-License-Identifier: ISC */

/*
 * What a smux session sends, and in which order: NOP, what is said of the path,
 * resets, SYN and UPD first; then urgent streams; then the others in turns of a
 * quantum, each pulled straight into the buffer behind its header.  Only resets
 * are kept here, and their number is bounded.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/log.h"
#include "smuxint.h"

/* A stream's turn, and so its frame, when several share the tunnel. */
#define SMUX_QUANTUM	16384
/* Less room than this behind other frames is left empty. */
#define SMUX_TAIL_MIN	512
/* Resets that may wait while the peer reads none of our output. */
#define SMUX_KILLS_MAX	1024

static void
smuxout_put32(uint8_t *p, uint32_t v)
{
	p[0] = v;
	p[1] = v >> 8;
	p[2] = v >> 16;
	p[3] = v >> 24;
}

static void
smuxout_put64(uint8_t *p, uint64_t v)
{
	smuxout_put32(p, (uint32_t)v);
	smuxout_put32(p + 4, v >> 32);
}

static size_t
smuxout_header(const struct smux *s, uint8_t *p, enum smux_command command,
    size_t len, uint32_t id)
{
	p[0] = s->version;
	p[1] = command;
	p[2] = len;
	p[3] = len >> 8;
	smuxout_put32(p + 4, id);
	return (SMUX_HEADER);
}

/* Dies in the next tick: an op's caller does not expect its streams to die. */
static void
smuxout_break(struct smux *s, const char *why)
{
	s->broken = why;
	smux_alarm(s, s->now);
}

void
smuxout_reset(struct smux *s, uint32_t id, enum reset_reason why)
{
	struct smux_kill	*k;
	size_t			 size;

	/* Two for each stream: for earlier ones, and for those open now. */
	if (s->kill_len - s->kill_head >= SMUX_KILLS_MAX +
	    2 * (uint64_t)s->session.conf.max_streams) {
		smuxout_break(s, "does not take the resets it asks for");
		return;
	}
	if (s->kill_head > 0 && s->kill_len == s->kill_size) {
		s->kill_len -= s->kill_head;
		memmove(s->kills, s->kills + s->kill_head,
		    s->kill_len * sizeof(*s->kills));
		s->kill_head = 0;
	}
	if (s->kill_len == s->kill_size) {
		size = s->kill_size == 0 ? 8 : 2 * s->kill_size;
		if ((k = reallocarray(s->kills, size, sizeof(*k))) == NULL) {
			smuxout_break(s, "no memory");
			return;
		}
		s->kills = k;
		s->kill_size = size;
	}
	if (why <= RESET_NONE || why >= RESET_TUNNEL)
		why = RESET_ABORT;
	s->kills[s->kill_len].id = id;
	s->kills[s->kill_len++].reason = why;
	smux_wake(s);
}

/* Room in the peer's window; negative when the peer has shrunk it. */
static int64_t
smuxout_room(const struct smux *s, const struct smux_stream *st)
{
	if (s->version != 2)
		return (INT64_MAX);
	return ((int64_t)(int32_t)st->peer_window -
	    (int32_t)(st->written - st->peer_consumed));
}

void
smuxout_schedule(struct smux *s, struct smux_stream *st)
{
	if (st->queue != SMUX_Q_NONE || (st->flags & SMUX_FIN_SENT))
		return;
	if (!(st->flags & SMUX_FIN_DUE) && (!(st->flags & SMUX_READY) ||
	    smuxout_room(s, st) <= 0))
		return;
	smuxst_move(st, st->flags & SMUX_URGENT ? SMUX_Q_URGENT :
	    SMUX_Q_READY);
	smux_wake(s);
}

int
smuxout_pending(const struct smux *s)
{
	return (s->nop || s->path || s->kill_head < s->kill_len ||
	    !TAILQ_EMPTY(&s->ctl) ||
	    !TAILQ_EMPTY(&s->queues[SMUX_Q_URGENT]) ||
	    !TAILQ_EMPTY(&s->queues[SMUX_Q_READY]));
}

/* ---- control frames ---- */

static size_t
smuxout_kill(struct smux *s, uint8_t *buf)
{
	const struct smux_kill	*k = &s->kills[s->kill_head++];

	if (s->kill_head == s->kill_len)
		s->kill_head = s->kill_len = 0;
	if (!(s->session.conf.caps & CAP_RESET))
		return (smuxout_header(s, buf, SMUX_FIN, 0, k->id));
	smuxout_header(s, buf, SMUX_RST, SMUX_RST_LEN, k->id);
	smuxout_put32(buf + SMUX_HEADER, k->reason);
	return (SMUX_HEADER + SMUX_RST_LEN);
}

static size_t
smuxout_path(struct smux *s, uint8_t *buf)
{
	const struct session_path	*path = &s->session.path;
	uint8_t				*p;

	s->path = 0;
	p = buf + smuxout_header(s, buf, SMUX_PATH, SMUX_PATH_LEN, 0);
	smuxout_put32(p, path->rtt_us);
	smuxout_put32(p + 4, path->mtu);
	smuxout_put32(p + 8, path->moves);
	smuxout_put32(p + 12, path->silent_ms);
	smuxout_put64(p + 16, path->sent);
	smuxout_put64(p + 24, path->lost);
	return (SMUX_HEADER + SMUX_PATH_LEN);
}

/* SYN, UPD or both. */
static size_t
smuxout_stream(struct smux *s, struct smux_stream *st, uint8_t *buf)
{
	uint16_t	 due = st->flags;
	size_t		 n = 0;

	smuxst_ctl_remove(s, st);
	if (due & SMUX_SYN_DUE)
		n = smuxout_header(s, buf, SMUX_SYN, 0, st->st.id);
	/* A UPD may have been due before version 1 was adopted. */
	if (!(due & SMUX_UPD_DUE) || s->version != 2)
		return (n);
	(void)window_tell(&s->windows, &st->win);
	n += smuxout_header(s, buf + n, SMUX_UPD, SMUX_UPD_LEN, st->st.id);
	smuxout_put32(buf + n, st->win.told_consumed);
	smuxout_put32(buf + n + 4, st->win.told_window);
	return (n + SMUX_UPD_LEN);
}

/*
 * Makes one control frame of at most n octets, SMUX_CTL_MAX or more; 0: none is
 * due.
 */
static size_t
smuxout_control(struct smux *s, uint8_t *buf, size_t n)
{
	struct smux_stream	*st;

	if (s->nop) {
		s->nop = 0;
		return (smuxout_header(s, buf, SMUX_NOP, 0, 0));
	}
	if (s->path && n >= SMUX_HEADER + SMUX_PATH_LEN)
		return (smuxout_path(s, buf));
	if (s->kill_head < s->kill_len)
		return (smuxout_kill(s, buf));
	if ((st = TAILQ_FIRST(&s->ctl)) != NULL)
		return (smuxout_stream(s, st, buf));
	return (0);
}

/* ---- streams ---- */

/*
 * When our FIN answers its own, a foreign peer may lose what its reader has not
 * taken yet (section 6): our FIN waits for some time after our data.
 */
static int
smuxout_hold(struct smux *s, struct smux_stream *st)
{
	const struct session_conf	*c = &s->session.conf;

	if (c->fin_delay_ms == 0 || (c->caps & CAP_HALFCLOSE) ||
	    !(st->flags & SMUX_FIN_RCVD) || st->written == 0 ||
	    smux_ms(s) - st->sent_ms >= c->fin_delay_ms)
		return (0);
	st->sent_ms = smux_ms(s);
	smuxst_move(st, SMUX_Q_HELD);
	smux_alarm(s, s->now + c->fin_delay_ms * 1000ULL);
	return (1);
}

uint64_t
smuxout_release(struct smux *s)
{
	struct smux_stream	*st;
	uint32_t		 delay = s->session.conf.fin_delay_ms, waited;

	while ((st = TAILQ_FIRST(&s->queues[SMUX_Q_HELD])) != NULL) {
		waited = smux_ms(s) - st->sent_ms;
		if (waited < delay)
			return (s->now + (delay - waited) * 1000ULL);
		smuxst_move(st, SMUX_Q_NONE);
		smuxout_schedule(s, st);
	}
	return (UINT64_MAX);
}

static size_t
smuxout_fin(struct smux *s, struct smux_stream *st, uint8_t *buf)
{
	if (smuxout_hold(s, st))
		return (0);
	smuxout_header(s, buf, SMUX_FIN, 0, st->st.id);
	st->flags |= SMUX_FIN_SENT;
	smuxst_move(st, SMUX_Q_NONE);
	smuxst_finish(s, st);
	return (SMUX_HEADER);
}

/* How much payload the stream's next frame may carry; space is for it all. */
static size_t
smuxout_allowance(struct smux *s, struct smux_stream *st, size_t space)
{
	const struct session_conf	*c = &s->session.conf;
	int64_t				 room = smuxout_room(s, st);
	size_t				 max = c->framesize;
	int				 alone;

	if (room <= 0)
		return (0);
	/* A stream that is alone may take it all. */
	alone = st->queue == SMUX_Q_READY && TAILQ_NEXT(st, entry) == NULL &&
	    TAILQ_FIRST(&s->queues[SMUX_Q_READY]) == st;
	if (alone && (c->caps & CAP_BULK) && !c->divert)
		max = SMUX_BULK_MAX;
	space -= SMUX_HEADER + (max > c->framesize ? SMUX_BULK_LEN : 0);
	if (max > space)
		max = space;
	if ((int64_t)max > room)
		max = room;
	if (alone)
		return (max);
	if (st->deficit == 0)
		st->deficit = SMUX_QUANTUM;
	return (max > st->deficit ? st->deficit : max);
}

static void
smuxout_sent(struct smux *s, struct smux_stream *st, size_t n)
{
	st->flags |= SMUX_READY;
	st->written += n;
	st->sent_ms = smux_ms(s);
	s->session.stats.payload_out += n;
	st->deficit -= n < st->deficit ? n : st->deficit;
}

static size_t
smuxout_bulk_header(const struct smux *s, uint8_t *buf, size_t len,
    uint32_t id)
{
	smuxout_put32(buf + SMUX_HEADER, len);
	return (smuxout_header(s, buf, SMUX_BULK, SMUX_BULK_LEN, id) +
	    SMUX_BULK_LEN);
}

/* The header of what the owner put into a pipe; 0: nothing. */
static size_t
smuxout_bulk(struct smux *s, struct smux_stream *st, uint8_t *buf)
{
	int64_t	 max = smuxout_room(s, st);
	size_t	 got;

	if (!(s->session.conf.caps & CAP_BULK) || !s->session.conf.divert ||
	    max < SMUX_BULK_MIN || (st->flags & SMUX_URGENT))
		return (0);
	if (max > SMUX_BULK_MAX)
		max = SMUX_BULK_MAX;
	got = session_bulk(&st->st, max);
	if (got > (size_t)max)
		fatalx("%s: %zu octets where there is room for %lld", __func__,
		    got, (long long)max);
	if (got == 0)
		return (0);
	smuxout_sent(s, st, got);
	st->deficit = 0;
	smuxst_move(st, st->queue);	/* to the end */
	s->bulk = 1;
	return (smuxout_bulk_header(s, buf, got, st->st.id));
}

/* Makes a frame of the queue's first stream, or takes it off the queue. */
static size_t
smuxout_data(struct smux *s, struct smux_stream *st, uint8_t *buf, size_t n)
{
	size_t	 max, got, head = SMUX_HEADER;

	if (st->flags & SMUX_FIN_DUE)
		return (smuxout_fin(s, st, buf));
	if ((got = smuxout_bulk(s, st, buf)) > 0 ||
	    (st->flags & (SMUX_DEAD | SMUX_FIN_DUE)))
		return (got);
	if ((max = smuxout_allowance(s, st, n)) == 0) {
		/* The peer's next UPD brings it back. */
		smuxst_move(st, SMUX_Q_NONE);
		return (0);
	}
	if (max > s->session.conf.framesize)
		head += SMUX_BULK_LEN;
	st->flags &= ~SMUX_READY;
	got = st->st.owner->pull(&st->st, buf + head, max);
	if (got > max)
		fatalx("%s: %zu octets where there is room for %zu", __func__,
		    got, max);
	if (st->flags & SMUX_DEAD)
		return (0);
	if (got == 0) {
		st->deficit = 0;
		st->flags &= ~SMUX_READY;
		if (!(st->flags & SMUX_FIN_DUE))
			smuxst_move(st, SMUX_Q_NONE);
		return (0);
	}
	smuxout_sent(s, st, got);
	if (got == max)
		s->dry = NULL;
	else if (s->dry == NULL)
		s->dry = st;
	if (st->deficit == 0 || got < max) {
		st->deficit = 0;
		smuxst_move(st, st->queue);	/* to the end */
	}
	/* A worker diverts a large frame, and reads the next header alone. */
	if (s->session.conf.inside && head != SMUX_HEADER &&
	    got < SMUX_BULK_MIN) {
		memmove(buf + SMUX_HEADER, buf + head, got);
		head = SMUX_HEADER;
	}
	if (head == SMUX_HEADER)
		return (smuxout_header(s, buf, SMUX_PSH, got, st->st.id) + got);
	return (smuxout_bulk_header(s, buf, got, st->st.id) + got);
}

size_t
smuxout_fill(struct smux *s, uint8_t *buf, size_t n)
{
	struct smux_stream	*st;
	size_t			 off = 0, len;

	/* A callback may queue control frames: they go first again. */
	s->bulk = 0;
	s->dry = NULL;
	while (n - off >= SMUX_CTL_MAX && !s->bulk) {
		if ((len = smuxout_control(s, buf + off, n - off)) > 0) {
			off += len;
			continue;
		}
		if (off > 0 && n - off < SMUX_TAIL_MIN)
			break;
		if ((st = TAILQ_FIRST(&s->queues[SMUX_Q_URGENT])) == NULL &&
		    (st = TAILQ_FIRST(&s->queues[SMUX_Q_READY])) == NULL)
			break;
		/* All gave what they had: send it before asking again. */
		if (st == s->dry && off < SESSION_SMALL &&
		    !(st->flags & SMUX_FIN_DUE))
			break;
		off += smuxout_data(s, st, buf + off, n - off);
	}
	return (off);
}
