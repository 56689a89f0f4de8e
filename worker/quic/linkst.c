/* SPDX-License-Identifier: ISC */

/*
 * The streams of a link: each is one of QUIC's and one of the session's, and is
 * forgotten when both have.  The session's may go first, by a reset: what was
 * sent stays until QUIC does not need it any more.  QUIC's may go first: what
 * came waits for the worker.
 *
 * A stream is freed only when the call of link.h in which it ended returns.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "linkint.h"

/* A stream's preface in dialect rocket: kind, flags, length of what follows. */
#define PREFACE_HEAD	4
#define PREFACE_MAX	1024
#define PREFACE_UDP	2
#define PREFACE_ANSWER	0x01
/* And in mytunnel: a stream's first octet. */
#define REQUEST_TCP	1
#define REQUEST_UDP	2

static size_t	 linkst_pull(struct stream *, uint8_t *, size_t);
static void	 linkst_data(struct stream *, const uint8_t *, size_t);
static void	 linkst_fin(struct stream *);
static void	 linkst_was_reset(struct stream *, enum reset_reason);
static void	 linkst_closed(struct stream *);

const struct stream_owner linkst_owner = {
	linkst_pull,
	linkst_data,
	linkst_fin,
	linkst_was_reset,
	linkst_closed,
	NULL,
	NULL
};

int
linkst_cmp(const struct linkst *a, const struct linkst *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

RB_GENERATE(linkids, linkst, by_id, linkst_cmp)

/* ---- made and freed ---- */

struct linkst *
linkst_new(struct link *l, uint32_t flags)
{
	struct linkst	*st;

	if ((st = calloc(1, sizeof(*st))) == NULL)
		return (NULL);
	st->link = l;
	st->id = -1;
	st->flags = flags;
	TAILQ_INSERT_TAIL(&l->streams, st, entry);
	link_counts.streams++;
	return (st);
}

struct linkst *
linkst_find(struct link *l, int64_t id)
{
	struct linkst	 key;

	key.id = id;
	return (RB_FIND(linkids, &l->ids, &key));
}

void
linkst_named(struct linkst *st, int64_t id)
{
	st->id = id;
	RB_INSERT(linkids, &st->link->ids, st);
	linksend_schedule(st);
	if (st->flow != NULL)
		linkflow_wake(st->flow);
}

void
linkst_open(struct linkst *st)
{
	struct link	*l = st->link;
	int64_t		 id;

	if (l->flags & LINK_F_CLOSED)
		return;
	if (TAILQ_EMPTY(&l->waiting) && qconn_open(l->qconn, &id) == 0) {
		linkst_named(st, id);
		return;
	}
	st->flags |= LINKST_WAITS;
	TAILQ_INSERT_TAIL(&l->waiting, st, queue);
}

static void
linkst_forget_waiting(struct linkst *st)
{
	if (st->flags & LINKST_WAITS)
		TAILQ_REMOVE(&st->link->waiting, st, queue);
	st->flags &= ~LINKST_WAITS;
}

void
linkst_open_inner(struct linkst *st)
{
	struct link	*l = st->link;

	st->flags &= ~LINKST_HELD;
	if (l->session != NULL)
		st->inner = session_open(l->session, &linkst_owner, st,
		    (st->flags & LINKST_URGENT) != 0);
	if (st->inner == NULL)
		linkst_reset(st, RESET_POLICY);
	else if (linkbuf_len(&st->in) > 0 || (st->flags & LINKST_IN_FIN))
		session_ready(st->inner);
}

void
linkst_credit(struct linkst *st, size_t n)
{
	if (n == 0 || (st->flags & LINKST_QUIET))
		return;
	linkroom_left(st, n);
	if (st->link->flags & LINK_F_CLOSED)
		return;
	qconn_consumed(st->link->qconn, st->flags & (LINKST_OVER |
	    LINKST_IN_DEAD) ? -1 : st->id, &st->credit, n);
}

/* What came for the worker is void. */
static void
linkst_drop_in(struct linkst *st)
{
	size_t	 n = linkbuf_len(&st->in);

	st->flags |= LINKST_IN_DEAD;
	(void)linkbuf_clear(&st->in);
	linkst_credit(st, n);
}

/* Did the peer open it? */
static int
linkst_is_peers(const struct linkst *st)
{
	return (st->id != -1 && (st->id & 1) == (st->link->server ? 0 : 1));
}

void
linkst_free(struct linkst *st)
{
	struct link	*l = st->link;

	linksend_remove(st);
	linkst_forget_waiting(st);
	linkflow_free(st->flow);
	linkbuf_cut(&st->out, st->sent);
	l->unacked -= linkbuf_clear(&st->out);
	linkst_drop_in(st);
	if (st->id != -1)
		RB_REMOVE(linkids, &l->ids, st);
	if (!(l->flags & LINK_F_CLOSED) && linkst_is_peers(st))
		qconn_done(l->qconn, st->id);
	if (l->opening == st)
		l->opening = NULL;
	TAILQ_REMOVE(st->flags & LINKST_GONE ? &l->dead : &l->streams, st,
	    entry);
	free(st);
}

void
linkst_settle(struct linkst *st)
{
	struct link	*l = st->link;

	if (st->inner != NULL || (st->flags & LINKST_GONE) ||
	    (st->id != -1 && !(st->flags & LINKST_OVER)) ||
	    ((st->flags & LINKST_WAITS) && (st->flags & LINKST_OUT_FIN)))
		return;
	if ((st->flags & LINKST_OPENING) && (!(st->flags & LINKST_OVER) ||
	    !(l->flags & LINK_F_IN_OPEN)))
		return;
	linksend_remove(st);
	linkst_forget_waiting(st);
	TAILQ_REMOVE(&l->streams, st, entry);
	TAILQ_INSERT_TAIL(&l->dead, st, entry);
	st->flags |= LINKST_GONE;
}

/* ---- how they end ---- */

/* What was not sent is void. */
void
linkst_drop_out(struct linkst *st)
{
	size_t	 n = linksend_unsent(st);

	if (st->flags & LINKST_OUT_DEAD)
		return;
	st->flags |= LINKST_OUT_DEAD;
	if (st->inner != NULL && st->flow == NULL && n > 0)
		session_consumed(st->inner, n);
	linksend_remove(st);
	linkst_forget_waiting(st);
	linkbuf_cut(&st->out, st->sent);
}

void
linkst_reset(struct linkst *st, enum reset_reason why)
{
	struct link	*l = st->link;
	uint64_t	 code = l->dialect->code(why);

	linkst_drop_in(st);
	linkst_drop_out(st);
	linkflow_free(st->flow);
	st->flow = NULL;
	st->flags &= ~LINKST_HELD;
	if (st->id != -1 && !(st->flags & LINKST_OVER) &&
	    !(l->flags & LINK_F_CLOSED)) {
		qconn_reset(l->qconn, st->id, code);
		if (!(st->flags & LINKST_IN_FIN))
			qconn_stop(l->qconn, st->id, code);
	}
	linkst_settle(st);
}

void
linkst_kill(struct linkst *st, enum reset_reason why)
{
	struct stream	*inner = st->inner;

	st->inner = NULL;
	if (inner != NULL)
		session_reset(inner, why);
	linkst_reset(st, why);
}

void
linkst_deaf(struct linkst *st)
{
	if (st->flags & LINKST_OUT_DEAD)
		return;
	linkst_drop_out(st);
	st->last = worker_now();
	qconn_reset(st->link->qconn, st->id,
	    st->link->dialect->code(RESET_ABORT));
}

void
linkst_acked(struct linkst *st, uint64_t upto)
{
	uint64_t	 before = st->acked;

	if (upto > st->sent)
		upto = st->sent;
	if (upto <= before)
		return;
	st->acked = upto;
	linksend_freed(st->link, linkbuf_release(&st->out, upto));
	if (st->flow != NULL && before < st->flow->want)
		linkflow_wake(st->flow);
}

void
linkst_over(struct linkst *st)
{
	uint32_t	 done = st->flags & (LINKST_OUT_FIN_SENT |
			    LINKST_OUT_DEAD);

	st->flags |= LINKST_OVER;
	st->acked = st->sent;
	linksend_remove(st);
	linkbuf_cut(&st->out, st->sent);
	linksend_freed(st->link, linkbuf_clear(&st->out));
	/* it ended without our being told how */
	if ((st->inner != NULL || (st->flags & LINKST_HELD)) && (done == 0 ||
	    !(st->flags & LINKST_IN_FIN)))
		linkst_kill(st, RESET_ABORT);
	else
		linkst_settle(st);
}

/* ---- how they begin ---- */

/*
 * Dialect rocket: the opener's first octets, of which these are next.  Once it
 * is clear that what follows are datagrams, the stream has a flow; skip is how
 * many of the next octets come before them.
 */
static int
linkst_look(struct linkst *st, const uint8_t *p, size_t n, uint64_t gone)
{
	uint32_t	 len, skip, answer;

	while (n > 0 && st->headed < PREFACE_HEAD) {
		st->head[st->headed++] = *p++;
		n--;
	}
	if (st->headed == 0)
		return (0);
	len = (uint32_t)st->head[2] << 8 | st->head[3];
	if (st->head[0] != PREFACE_UDP || len > PREFACE_MAX)
		st->flags |= LINKST_HEAD;
	if ((st->flags & LINKST_HEAD) || st->headed < PREFACE_HEAD)
		return (0);
	st->flags |= LINKST_HEAD;
	skip = PREFACE_HEAD + len - gone;
	answer = st->head[1] & PREFACE_ANSWER;
	if (st->flags & LINKST_OURS) {
		if (linkflow_new(st, skip, answer, NULL, 0) == -1)
			return (-1);
		st->flow->want = PREFACE_HEAD + len;
		return (0);
	}
	return (linkflow_new(st, st->out.end > 0 ? 0 : answer, skip, NULL, 0));
}

/* Mytunnel: flows have no stream of QUIC's, so first it has to be clear. */
static void
linkst_look_request(struct linkst *st, uint8_t first)
{
	if (first == REQUEST_UDP)
		st->flags |= LINKST_QUIET;
	else {
		st->flags |= LINKST_HEAD;
		linkst_open(st);
	}
}

/* ---- the worker's octets ---- */

/* Mytunnel: what of the worker's octets names a flow is not sent. */
static int
linkst_put_request(struct linkst *st, const uint8_t **p, size_t *n)
{
	size_t	 used;

	if (!(st->flags & (LINKST_HEAD | LINKST_QUIET)))
		linkst_look_request(st, **p);
	if (st->flags & LINKST_HEAD)
		return (0);
	if ((used = linkaddr_head(st, *p, *n)) == 0)
		return (-1);
	*p += used;
	*n -= used;
	if (st->inner != NULL)
		session_consumed(st->inner, used);
	return (0);
}

int
linkst_put(struct linkst *st, const uint8_t *p, size_t n)
{
	if ((st->flags & (LINKST_OURS | LINKST_HEAD)) == LINKST_OURS) {
		if (st->link->dialect->by_address) {
			if (linkst_put_request(st, &p, &n) == -1)
				return (-1);
			if (n == 0)
				return (0);
		} else if (linkst_look(st, p, n, st->out.end) == -1)
			return (-1);
	}
	if (st->flow != NULL) {
		linkflow_put(st, p, n);
		return (0);
	}
	if (!(st->flags & LINKST_OURS) && st->out.end == 0 && n > 0 &&
	    st->link->dialect->refusal != 0 &&
	    *p == st->link->dialect->refusal)
		st->flags |= LINKST_REFUSED;
	if (linkbuf_add(&st->out, p, n) == -1)
		return (-1);
	linksend_schedule(st);
	return (0);
}

static void
linkst_data(struct stream *stream, const uint8_t *p, size_t n)
{
	struct linkst	*st = stream->arg;

	if (st->flags & LINKST_OUT_DEAD)
		session_consumed(stream, n);
	else if (linkst_put(st, p, n) == -1)
		linkst_kill(st, RESET_MEMORY);
}

/* Nothing that the peer of a refused stream still says is wanted. */
static void
linkst_hush(struct linkst *st)
{
	linkst_drop_in(st);
	qconn_stop(st->link->qconn, st->id,
	    st->link->dialect->code(RESET_ABORT));
	if (st->flags & LINKST_IN_TOLD)
		return;
	st->flags |= LINKST_IN_TOLD;
	session_fin(st->inner);
}

static void
linkst_fin(struct stream *stream)
{
	struct linkst	*st = stream->arg;

	st->flags |= LINKST_OUT_FIN;
	if ((st->flags & (LINKST_REFUSED | LINKST_IN_FIN | LINKST_OVER)) ==
	    LINKST_REFUSED && !(st->link->flags & LINK_F_CLOSED))
		linkst_hush(st);
	if (st->flags & LINKST_QUIET) {
		st->flags |= LINKST_IN_TOLD;
		session_fin(stream);
		return;
	}
	if (st->id == -1 && !(st->flags & LINKST_WAITS))
		linkst_open(st);
	linksend_schedule(st);
}

/*
 * The session has let go of it.  If the worker is gone, it may have ended its
 * direction before.
 */
static void
linkst_was_reset(struct stream *stream, enum reset_reason why)
{
	struct linkst	*st = stream->arg;

	st->inner = NULL;
	if (st->link->flags & LINK_F_CLOSED)
		return;
	if (why != RESET_TUNNEL || !(st->flags & (LINKST_OUT_FIN |
	    LINKST_URGENT))) {
		linkst_reset(st, why);
		return;
	}
	linkst_drop_in(st);
	if (st->id != -1 && (st->flags & (LINKST_OUT_FIN | LINKST_IN_FIN |
	    LINKST_OVER)) == LINKST_OUT_FIN)
		qconn_stop(st->link->qconn, st->id,
		    st->link->dialect->code(why));
	linkst_settle(st);
}

static void
linkst_closed(struct stream *stream)
{
	struct linkst	*st = stream->arg;

	st->inner = NULL;
	linkst_settle(st);
}

/* ---- the peer's octets ---- */

/* Mytunnel: a peer asks for nothing but streams, whatever it says. */
static int
linkst_take_request(struct linkst *st, const uint8_t **p, size_t *n)
{
	static const uint8_t	 wrong = 0;

	if (*n == 0)
		return (0);
	st->flags |= LINKST_HEAD;
	if (**p == REQUEST_TCP)
		return (0);
	(*p)++;
	(*n)--;
	return (linkbuf_add(&st->in, &wrong, 1));
}

int
linkst_take(struct linkst *st, const uint8_t *p, size_t n)
{
	uint64_t	 before = st->in.end;
	int		 r = 0;

	if (!(st->flags & (LINKST_OURS | LINKST_HEAD)))
		r = st->link->dialect->by_address ?
		    linkst_take_request(st, &p, &n) :
		    linkst_look(st, p, n, st->in.start);
	if (r == -1 || linkbuf_add(&st->in, p, n) == -1) {
		linkbuf_cut(&st->in, before);
		return (-1);
	}
	linkroom_came(st, st->in.end - before);
	if (st->inner != NULL)
		session_ready(st->inner);
	return (0);
}

/* Is all that will come with the worker? */
static int
linkst_in_done(const struct linkst *st)
{
	return ((st->flags & (LINKST_IN_FIN | LINKST_IN_TOLD)) ==
	    LINKST_IN_FIN && linkbuf_len(&st->in) == 0 &&
	    (st->flow == NULL || !linkflow_inwards(st->flow)));
}

static size_t
linkst_pull(struct stream *stream, uint8_t *buf, size_t max)
{
	struct linkst	*st = stream->arg;
	uint64_t	 before = st->in.start;
	size_t		 n;

	if (st->flow != NULL)
		n = linkflow_pull(st, buf, max);
	else
		n = linkbuf_take(&st->in, buf, max);
	linkst_credit(st, st->in.start - before);
	if (linkst_in_done(st)) {
		st->flags |= LINKST_IN_TOLD;
		session_fin(stream);
	}
	return (n);
}
