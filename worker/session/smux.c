/* SPDX-License-Identifier: ISC */

/*
 * smux, versions 1 and 2: the session.  Frames in, and what each does; the
 * ops that the owner calls; time.  Payload is handed on piece by piece as it
 * arrives, and none of it is kept: only headers and bodies of at most 32 octets
 * are collected.
 *
 * It trusts the peer's lengths, ids and windows only as far as the rules below
 * allow.  A peer cannot make us owe it answers without end: at most one UPD a
 * stream waits, and resets wait in a list with a limit.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/log.h"
#include "smuxint.h"

/* The last id that we open: the session is replaced long before 2^32. */
#define SMUX_ID_LAST	0x7fffffffU
/* A bulk frame is expected among so many frames after the last one. */
#define SMUX_EXACT	8
/* A diversion pays from so many octets on. */
#define SMUX_DIVERT_MIN	16384
/* A session so late for its deadline gets time to read first. */
#define SMUX_LATE_US	1000000

static struct stream *smux_open(struct session *, const struct stream_owner *,
		    void *, int);
static void	 smux_ready(struct stream *);
static void	 smux_fin(struct stream *);
static void	 smux_reset(struct stream *, enum reset_reason);
static void	 smux_consumed(struct stream *, size_t);
static uint32_t	 smux_window(const struct stream *);
static void	 smux_limit(struct session *, uint64_t);
static void	 smux_rtt(struct session *, uint32_t);
static void	 smux_drain(struct session *);
static void	 smux_probe(struct session *);
static uint64_t	 smux_tick(struct session *, uint64_t);
static size_t	 smux_want(struct session *);
static struct stream *smux_divert(struct session *, size_t *);
static void	 smux_diverted(struct session *, size_t);
static int	 smux_input(struct session *, const uint8_t *, size_t);
static size_t	 smux_output(struct session *, uint8_t *, size_t);
static void	 smux_free(struct session *);

static const struct session_ops smux_ops = {
	smux_open,
	smux_ready,
	smux_fin,
	smux_reset,
	smux_consumed,
	smux_window,
	smux_limit,
	smux_rtt,
	smux_drain,
	smux_probe,
	smux_tick,
	smux_want,
	smux_divert,
	smux_diverted,
	smux_input,
	smux_output,
	NULL,
	smux_free
};

static uint32_t
smux_get32(const uint8_t *p)
{
	return ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24);
}

static uint64_t
smux_get64(const uint8_t *p)
{
	return (smux_get32(p) | (uint64_t)smux_get32(p + 4) << 32);
}

uint32_t
smux_ms(const struct smux *s)
{
	return (s->now / 1000);
}

void
smux_wake(struct smux *s)
{
	if (!s->idle || s->dead || s->version == 0)
		return;
	s->idle = 0;
	s->session.events->wake(&s->session);
}

void
smux_alarm(struct smux *s, uint64_t at)
{
	if (at >= s->deadline || s->dead)
		return;
	s->deadline = at;
	s->session.events->wake(&s->session);
}

static int
smux_die(struct smux *s, const char *why)
{
	if (s->dead)
		return (-1);
	s->dead = 1;
	s->session.error = why;
	smuxst_end(s);
	return (-1);
}

static void
smux_leave(struct smux *s)
{
	s->depth--;
	smuxst_bury(s);
}

/* ---- receiving ---- */

static void
smux_refuse(struct smux *s, uint32_t id)
{
	s->session.stats.refused++;
	smuxout_reset(s, id, RESET_POLICY);
	if (s->session.conf.caps == 0)
		s->refused[s->nrefused++ % SMUX_REFUSED] = id;
}

/*
 * Data for a stream that is not there.  A foreign peer loses a FIN that answers
 * its SYN before it has noted the stream: it hears it once more.
 */
static void
smux_refuse_again(struct smux *s, uint32_t id)
{
	size_t	 i;

	for (i = 0; i < SMUX_REFUSED; i++)
		if (s->refused[i] == id && id != 0) {
			s->refused[i] = 0;
			smuxout_reset(s, id, RESET_POLICY);
			return;
		}
}

static int
smux_recv_syn(struct smux *s, uint32_t id)
{
	const struct session_conf	*c = &s->session.conf;
	struct smux_stream		*st;
	int				 urgent;

	if (id == 0 || (id & 1) == (c->client ? 1 : 0))
		return (smux_die(s, "a stream id of the wrong side"));
	if (!c->may_open)
		return (smux_die(s, "opened a stream, which it may not"));
	if (smuxst_find(s, id) != NULL) {
		s->session.stats.ignored++;
		return (0);
	}
	urgent = c->first_urgent && !s->seen;
	s->seen = 1;
	if (s->draining ||
	    (!urgent && s->session.stats.streams >= c->max_streams) ||
	    (st = smuxst_new(s, id, urgent)) == NULL) {
		smux_refuse(s, id);
		return (0);
	}
	smuxst_start(s, st);
	if (s->session.events->opened(&st->st) == -1 &&
	    !(st->flags & SMUX_DEAD)) {
		smux_refuse(s, id);
		smuxst_forget(s, st);
	}
	return (0);
}

/*
 * The stream that a frame is for.  NULL: there is none, or it has one of these
 * flags (the peer has ended it), or the peer cannot know of it yet.  Such
 * frames are no errors (section 12), just counted.
 */
static struct smux_stream *
smux_known(struct smux *s, uint32_t id, uint32_t not)
{
	struct smux_stream	*st;

	st = smuxst_find(s, id);
	if (st != NULL && !(st->flags & (not | SMUX_SYN_DUE)))
		return (st);
	s->session.stats.ignored++;
	return (NULL);
}

static void
smux_recv_fin(struct smux *s, uint32_t id)
{
	struct smux_stream	*st;

	if ((st = smux_known(s, id, SMUX_FIN_RCVD)) == NULL)
		return;
	st->flags |= SMUX_FIN_RCVD;
	st->win.flags |= WINDOW_SHUT;
	smuxst_ctl_remove(s, st);	/* no more credit is needed */
	st->st.owner->fin(&st->st);
	if (!(st->flags & SMUX_DEAD))
		smuxst_finish(s, st);
}

/* The header of a PSH or bulk frame; the payload follows as it comes. */
static int
smux_recv_psh(struct smux *s, uint32_t id, uint32_t len)
{
	struct smux_stream	*st;
	int32_t			 slack;

	s->left = len;
	s->rx = NULL;
	if ((st = smux_known(s, id, SMUX_FIN_RCVD)) == NULL) {
		smux_refuse_again(s, id);
		return (0);
	}
	slack = s->session.conf.caps != 0 ? 0 : SMUX_PAYLOAD_MAX;
	if (s->version == 2 &&
	    (int32_t)(st->win.rcvd + len - st->win.edge) > slack)
		return (smux_die(s, "sent more than the stream's window"));
	s->rx = st;
	return (0);
}

static int
smux_recv_bulk(struct smux *s, uint32_t id, uint32_t len)
{
	if (len == 0 || len > SMUX_BULK_MAX)
		return (smux_die(s, "a bulk frame of the wrong length"));
	if (s->session.conf.divert)
		s->exact = SMUX_EXACT;
	return (smux_recv_psh(s, id, len));
}

/* n octets of payload, at most what is left of the frame; p may be NULL. */
static void
smux_recv_payload(struct smux *s, const uint8_t *p, uint32_t n)
{
	struct smux_stream	*st = s->rx;

	s->left -= n;
	if (st == NULL)
		return;
	window_received(&s->windows, &st->win, n);
	st->st.owner->data(&st->st, p, n);
	windows_stall(&s->windows);
}

static void
smux_recv_upd(struct smux *s, uint32_t id, uint32_t consumed, uint32_t window)
{
	struct smux_stream	*st;

	if ((st = smux_known(s, id, 0)) == NULL)
		return;
	if ((int32_t)(st->written - consumed) < 0) {
		s->session.stats.faults++;
		smuxst_kill(s, st, RESET_PROTOCOL);
		return;
	}
	st->peer_consumed = consumed;
	st->peer_window = window;
	smuxout_schedule(s, st);
}

static void
smux_recv_rst(struct smux *s, uint32_t id, uint32_t reason)
{
	struct smux_stream	*st;

	if ((st = smux_known(s, id, 0)) == NULL)
		return;
	if (reason <= RESET_NONE || reason >= RESET_TUNNEL)
		reason = RESET_ABORT;
	smuxst_forget(s, st);
	st->st.owner->reset(&st->st, reason);
}

static void
smux_recv_path(struct smux *s, const uint8_t *p)
{
	struct session_path	*path = &s->session.path;

	path->rtt_us = smux_get32(p);
	path->mtu = smux_get32(p + 4);
	path->moves = smux_get32(p + 8);
	path->silent_ms = smux_get32(p + 12);
	path->sent = smux_get64(p + 16);
	path->lost = smux_get64(p + 24);
}

/* The first frame of a session that adopts its peer's version. */
static int
smux_adopt(struct smux *s, uint8_t version)
{
	if (version != 1 && version != 2)
		return (smux_die(s, "a version that is neither 1 nor 2"));
	s->version = version;
	s->windows.bounded = version == 2;
	if (smuxout_pending(s))
		smux_wake(s);
	return (0);
}

/* Is it a command that only some sessions have, and not this one? */
static int
smux_foreign(const struct smux *s, uint8_t command)
{
	const struct session_conf	*c = &s->session.conf;

	switch (command) {
	case SMUX_RST:
		return (!(c->caps & CAP_RESET));
	case SMUX_BULK:
		return (!(c->caps & CAP_BULK));
	case SMUX_PATH:
		return (!c->inside || !c->client);
	default:
		return (0);
	}
}

/* A header is whole: how many octets of body to collect with it, or -1. */
static int
smux_recv_header(struct smux *s)
{
	const uint8_t	*h = s->head;
	uint32_t	 len = h[2] | (uint32_t)h[3] << 8, body = 0;

	if (s->version == 0 && smux_adopt(s, h[0]) == -1)
		return (-1);
	if (h[0] != s->version)
		return (smux_die(s, "a frame of another version"));
	switch (h[1]) {
	case SMUX_PSH:
		return (smux_recv_psh(s, smux_get32(h + 4), len));
	case SMUX_SYN:
	case SMUX_FIN:
	case SMUX_NOP:
		break;
	case SMUX_UPD:
		if (s->version != 2)
			return (smux_die(s, "a window update in version 1"));
		body = SMUX_UPD_LEN;
		break;
	case SMUX_RST:
		body = SMUX_RST_LEN;
		break;
	case SMUX_BULK:
		body = SMUX_BULK_LEN;
		break;
	case SMUX_PATH:
		body = SMUX_PATH_LEN;
		break;
	default:
		return (smux_die(s, "an unknown command"));
	}
	if (smux_foreign(s, h[1]))
		return (smux_die(s, "an unknown command"));
	if (len != body)
		return (smux_die(s, "a frame of the wrong length"));
	return (body);
}

/* Header and body of a frame, other than PSH, are whole. */
static int
smux_recv_frame(struct smux *s)
{
	const uint8_t	*h = s->head;
	uint32_t	 id = smux_get32(h + 4);

	switch (h[1]) {
	case SMUX_SYN:
		return (smux_recv_syn(s, id));
	case SMUX_FIN:
		smux_recv_fin(s, id);
		break;
	case SMUX_UPD:
		smux_recv_upd(s, id, smux_get32(h + 8), smux_get32(h + 12));
		break;
	case SMUX_RST:
		smux_recv_rst(s, id, smux_get32(h + 8));
		break;
	case SMUX_BULK:
		return (smux_recv_bulk(s, id, smux_get32(h + 8)));
	case SMUX_PATH:
		smux_recv_path(s, h + SMUX_HEADER);
		break;
	default:
		break;		/* a NOP says that the peer lives */
	}
	return (0);
}

/* The length of header and body, as far as it is known. */
static uint32_t
smux_need(const struct smux *s)
{
	if (s->have < SMUX_HEADER)
		return (SMUX_HEADER);
	switch (s->head[1]) {
	case SMUX_UPD:
		return (SMUX_HEADER + SMUX_UPD_LEN);
	case SMUX_BULK:
		return (SMUX_HEADER + SMUX_BULK_LEN);
	case SMUX_PATH:
		return (SMUX_HEADER + SMUX_PATH_LEN);
	default:
		return (SMUX_HEADER + SMUX_RST_LEN);
	}
}

/* Collects octets of a header or body; how many were taken, or -1. */
static int
smux_recv_head(struct smux *s, const uint8_t *p, size_t n)
{
	uint32_t	 need = smux_need(s), take;
	int		 body;

	take = need - s->have;
	if (take > n)
		take = n;
	memcpy(s->head + s->have, p, take);
	if ((s->have += take) < need)
		return (take);
	if (need == SMUX_HEADER) {
		if ((body = smux_recv_header(s)) == -1)
			return (-1);
		if (body > 0)
			return (take);
	}
	s->have = 0;
	if (s->exact > 0)
		s->exact--;
	if (s->head[1] != SMUX_PSH && smux_recv_frame(s) == -1)
		return (-1);
	return (take);
}

static int
smux_input(struct session *session, const uint8_t *p, size_t n)
{
	struct smux	*s = (struct smux *)session;
	size_t		 take;
	int		 r;

	if (s->dead)
		return (-1);
	if (n > 0)
		s->last_rx = s->now;
	s->depth++;
	for (; n > 0; p += take, n -= take) {
		if (s->broken != NULL && smux_die(s, s->broken) == -1)
			break;
		if (s->left > 0) {
			take = s->left < n ? s->left : n;
			smux_recv_payload(s, p, take);
		} else {
			if ((r = smux_recv_head(s, p, n)) == -1)
				break;
			take = r;
		}
	}
	smux_leave(s);
	return (s->dead ? -1 : 0);
}

static size_t
smux_want(struct session *session)
{
	struct smux	*s = (struct smux *)session;
	uint64_t	 room = windows_room(&s->windows);
	uint32_t	 exact;

	if (s->dead)
		return (0);
	if (s->exact == 0)
		return (room);
	/* Stop where payload begins that can be diverted. */
	exact = s->have >= SMUX_HEADER ? smux_need(s) :
	    SMUX_HEADER + SMUX_BULK_LEN;
	exact += s->left - s->have;
	return (room < exact ? room : exact);
}

static struct stream *
smux_divert(struct session *session, size_t *n)
{
	struct smux	*s = (struct smux *)session;
	uint64_t	 room;

	if (!session->conf.divert || s->dead || s->rx == NULL ||
	    s->left < SMUX_DIVERT_MIN || s->broken != NULL ||
	    (room = windows_room(&s->windows)) == 0)
		return (NULL);
	*n = s->left < room ? s->left : room;
	return (&s->rx->st);
}

static void
smux_diverted(struct session *session, size_t n)
{
	struct smux	*s = (struct smux *)session;

	if (n > s->left || s->rx == NULL)
		fatalx("%s: %zu octets of %u", __func__, n, s->left);
	s->last_rx = s->now;
	s->depth++;
	smux_recv_payload(s, NULL, n);
	smux_leave(s);
}

/* ---- the other ops ---- */

static size_t
smux_output(struct session *session, uint8_t *buf, size_t n)
{
	struct smux	*s = (struct smux *)session;
	size_t		 len;

	if (s->dead || s->version == 0)
		return (0);
	s->depth++;
	s->idle = 0;
	len = smuxout_fill(s, buf, n);
	session->more = smuxout_pending(s);
	s->idle = !session->more;
	if (len > 0)
		s->last_tx = s->now;
	smux_leave(s);
	return (len);
}

static struct stream *
smux_open(struct session *session, const struct stream_owner *owner, void *arg,
    int urgent)
{
	struct smux		*s = (struct smux *)session;
	struct smux_stream	*st;

	if (s->dead || s->draining || s->next_id > SMUX_ID_LAST || (!urgent &&
	    session->stats.streams >= session->conf.max_streams) ||
	    (st = smuxst_new(s, s->next_id, urgent)) == NULL)
		return (NULL);
	st->st.owner = owner;
	st->st.arg = arg;
	s->next_id += 2;
	st->flags |= SMUX_SYN_DUE;
	smuxst_start(s, st);
	return (&st->st);
}

static void
smux_ready(struct stream *stream)
{
	struct smux_stream	*st = (struct smux_stream *)stream;

	if (st->flags & (SMUX_DEAD | SMUX_FIN_DUE))
		return;
	st->flags |= SMUX_READY;
	smuxout_schedule((struct smux *)stream->session, st);
}

static void
smux_fin(struct stream *stream)
{
	struct smux_stream	*st = (struct smux_stream *)stream;

	if (st->flags & (SMUX_DEAD | SMUX_FIN_DUE))
		return;
	st->flags |= SMUX_FIN_DUE;
	smuxout_schedule((struct smux *)stream->session, st);
}

static void
smux_reset(struct stream *stream, enum reset_reason why)
{
	struct smux_stream	*st = (struct smux_stream *)stream;
	struct smux		*s = (struct smux *)stream->session;

	if (st->flags & SMUX_DEAD)
		return;
	smuxst_abort(s, st, why);
	smuxst_forget(s, st);
	smuxst_bury(s);
}

static void
smux_consumed(struct stream *stream, size_t n)
{
	struct smux_stream	*st = (struct smux_stream *)stream;
	struct smux		*s = (struct smux *)stream->session;

	if ((st->flags & SMUX_DEAD) || n == 0)
		return;
	if (n > st->win.rcvd - st->win.consumed)
		fatalx("%s: stream %u: %zu octets of %u", __func__,
		    stream->id, n, st->win.rcvd - st->win.consumed);
	window_consumed(&s->windows, &st->win, n);
}

static uint32_t
smux_window(const struct stream *stream)
{
	const struct smux_stream	*st = (const void *)stream;
	const struct smux		*s = (const void *)stream->session;

	if (st->flags & (SMUX_DEAD | SMUX_FIN_RCVD))
		return (0);
	if (s->version != 2)
		return (smux_want(stream->session));
	return (window_left(&st->win));
}

static void
smux_limit(struct session *session, uint64_t n)
{
	windows_limit(&((struct smux *)session)->windows, n);
}

static void
smux_rtt(struct session *session, uint32_t us)
{
	/* Of a pair's windows the path is no part. */
	if (!session->conf.inside)
		windows_rtt(&((struct smux *)session)->windows, us);
}

static void
smux_drain(struct session *session)
{
	((struct smux *)session)->draining = 1;
}

static void
smux_probe(struct session *session)
{
	struct smux	*s = (struct smux *)session;

	if (!session->conf.inside)
		return;
	s->nop = 1;
	smux_wake(s);
}

void
smux_path(struct session *session, const struct session_path *path)
{
	struct smux	*s = (struct smux *)session;

	if (!session->conf.inside || session->conf.client)
		return;
	session->path = *path;
	s->path = 1;
	smux_wake(s);
}

/* ---- time ---- */

static void
smux_set_time(struct smux *s, uint64_t now)
{
	uint64_t	 timeout = s->session.conf.timeout_ms * 1000ULL, last;
	uint64_t	 read = timeout > SMUX_LATE_US ?
			    timeout - SMUX_LATE_US : 0;

	if (!s->started) {
		s->started = 1;
		s->last_rx = s->last_tx = now;
	}
	/* We were late ourselves: read first what the peer has sent. */
	if (timeout > 0 && now > s->deadline &&
	    now - s->deadline > SMUX_LATE_US) {
		last = now > read ? now - read : 0;
		if (s->last_rx < last)
			s->last_rx = last;
	}
	if (now > s->now)
		s->now = s->windows.now = now;
}

static uint64_t
smux_deadline(struct smux *s, uint64_t next)
{
	const struct session_conf	*c = &s->session.conf;
	uint64_t			 at;

	if (s->broken != NULL)
		return (s->now);
	if (c->keepalive_ms > 0 && s->version != 0) {
		at = s->last_tx + c->keepalive_ms * 1000ULL;
		/* A NOP that waits to be sent is not asked for again. */
		if (at <= s->now)
			at = s->now + c->keepalive_ms * 1000ULL;
		if (at < next)
			next = at;
	}
	at = s->last_rx + c->timeout_ms * 1000ULL;
	if (c->timeout_ms > 0 && !s->windows.stalled && at < next)
		next = at;
	if (s->windows.shed_at < next)
		next = s->windows.shed_at;
	return (next);
}

static uint64_t
smux_tick(struct session *session, uint64_t now)
{
	const struct session_conf	*c = &session->conf;
	struct smux			*s = (struct smux *)session;
	uint64_t			 next;

	if (s->dead)
		return (0);
	smux_set_time(s, now);
	s->depth++;
	next = smuxout_release(s);
	if (s->broken != NULL)
		smux_die(s, s->broken);
	else if (c->timeout_ms > 0 && !s->windows.stalled &&
	    s->now - s->last_rx >= c->timeout_ms * 1000ULL)
		smux_die(s, "the peer is silent");
	else if (s->now >= s->windows.shed_at)
		windows_shed(&s->windows);
	if (c->keepalive_ms > 0 && s->version != 0 &&
	    s->now - s->last_tx >= c->keepalive_ms * 1000ULL) {
		s->nop = 1;
		smux_wake(s);
	}
	smux_leave(s);
	if (s->dead)
		return (0);
	s->deadline = smux_deadline(s, next);
	return (s->deadline);
}

static void
smux_free(struct session *session)
{
	struct smux	*s = (struct smux *)session;

	if (s->depth > 0)
		fatalx("%s: from within an event", __func__);
	s->depth++;
	smux_die(s, "closed");
	smux_leave(s);
	free(s->buckets);
	free(s->kills);
	free(s);
}

struct session *
smux_new(const struct session_conf *conf, const struct session_events *events,
    void *arg)
{
	struct smux		*s;
	struct session_conf	*c;
	int			 i;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->bits = SMUX_BUCKETS_BITS;
	s->buckets = calloc((size_t)1 << s->bits, sizeof(*s->buckets));
	if (s->buckets == NULL) {
		free(s);
		return (NULL);
	}
	s->session.ops = &smux_ops;
	s->session.events = events;
	s->session.arg = arg;
	s->session.conf = *conf;
	c = &s->session.conf;
	if (c->framesize == 0 || c->framesize > SMUX_PAYLOAD_MAX)
		c->framesize = SMUX_PAYLOAD_MAX;
	if (c->window_max > SMUX_WINDOW_MAX)
		c->window_max = SMUX_WINDOW_MAX;
	if (c->inside)
		c->window_initial = c->peer_initial = SMUX_INSIDE_WINDOW;
	s->version = c->version;
	s->next_id = c->client ? 3 : 2;
	windows_init(&s->windows, &s->session, &smuxst_windows);
	s->windows.bounded = c->version == 2;
	s->windows.eager = c->caps == 0;
	s->deadline = UINT64_MAX;
	s->idle = 1;
	for (i = 0; i < SMUX_Q_MAX; i++)
		TAILQ_INIT(&s->queues[i]);
	TAILQ_INIT(&s->ctl);
	arc4random_buf(&s->secret, sizeof(s->secret));
	s->secret |= 1;
	return (&s->session);
}
