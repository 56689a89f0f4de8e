/* SPDX-License-Identifier: ISC */

/*
 * Streams that carry datagrams.  Towards the worker a datagram is `u16 length,
 * octets', whole, however it came: from QUIC's stream, in pieces, or as a
 * DATAGRAM frame, which is put between two of those.  From the worker each is
 * collected and waits for its turn: to be a frame of its own, or, where that
 * cannot be, to go on the stream.
 *
 * What waits is bounded by number, octets and age, for a flow and, with what is
 * being collected, for the connection.  A flow never holds up its worker.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "worker/frame/worker.h"
#include "linkint.h"

/* Datagrams that wait each way: of a flow, and octets of a connection's. */
#define FLOW_DATAGRAMS	64
#define FLOW_OCTETS	(256 * 1024)
#define LINK_OCTETS	(1024 * 1024)
/* While its peer may be a stranger: the opening is not over. */
#define EARLY_OCTETS	(64 * 1024)
#define OLD_US		(500 * 1000)
/* The longest that a worker takes. */
#define DATAGRAM_MAX	65507

/* ---- datagrams that wait ---- */

/* Charged with its head; NULL: no room, or no memory. */
static struct linkdgram *
linkdgram_new(struct link *l, size_t len)
{
	struct linkdgram	*d;
	size_t			 size = sizeof(*d) + len, most = LINK_OCTETS;

	if (!(l->flags & LINK_F_IN_OPEN))
		most = EARLY_OCTETS;
	if (l->held + size > most || (d = malloc(size)) == NULL)
		return (NULL);
	l->held += size;
	d->since = worker_now();
	d->len = len;
	return (d);
}

/* Of d->len octets, the length it was made with. */
static void
linkdgram_free(struct link *l, struct linkdgram *d)
{
	if (d == NULL)
		return;
	l->held -= sizeof(*d) + d->len;
	free(d);
}

static void
linkdgramq_remove(struct link *l, struct linkdgramq *q, struct linkdgram *d)
{
	TAILQ_REMOVE(&q->list, d, entry);
	q->n--;
	q->octets -= d->len;
	linkdgram_free(l, d);
}

/* busy: its first one has begun to leave. */
static void
linkdgramq_put(struct link *l, struct linkdgramq *q, struct linkdgram *d,
    int busy)
{
	struct linkdgram	*old;

	TAILQ_INSERT_TAIL(&q->list, d, entry);
	q->n++;
	q->octets += d->len;
	while (q->n > FLOW_DATAGRAMS || q->octets > FLOW_OCTETS) {
		old = TAILQ_FIRST(&q->list);
		if (busy)
			old = TAILQ_NEXT(old, entry);
		linkdgramq_remove(l, q, old);
		link_counts.dropped_full++;
	}
}

static void
linkdgramq_age(struct link *l, struct linkdgramq *q, uint64_t now, int busy)
{
	struct linkdgram	*d, *next;

	d = TAILQ_FIRST(&q->list);
	if (d != NULL && busy)
		d = TAILQ_NEXT(d, entry);
	for (; d != NULL && now - d->since > OLD_US; d = next) {
		next = TAILQ_NEXT(d, entry);
		linkdgramq_remove(l, q, d);
		link_counts.dropped_late++;
	}
}

static void
linkdgramq_clear(struct link *l, struct linkdgramq *q)
{
	struct linkdgram	*d;

	while ((d = TAILQ_FIRST(&q->list)) != NULL)
		linkdgramq_remove(l, q, d);
}

/* ---- made and freed ---- */

int
linkflow_new(struct linkst *st, uint32_t from_skip, uint32_t to_skip,
    const uint8_t *prefix, size_t prefix_len)
{
	struct linkflow	*f;

	if ((f = calloc(1, sizeof(*f) + prefix_len)) == NULL)
		return (-1);
	f->st = st;
	f->from.skip = from_skip;
	f->to.skip = to_skip;
	TAILQ_INIT(&f->out.list);
	TAILQ_INIT(&f->in.list);
	f->prefix_len = prefix_len;
	if (prefix_len > 0)
		memcpy(f->prefix, prefix, prefix_len);
	st->flow = f;
	link_counts.flows++;
	return (0);
}

static void
linkflow_rest(struct linkflow *f)
{
	struct link	*l = f->st->link;

	if (f->is_ready)
		TAILQ_REMOVE(&l->ready, f, ready);
	f->is_ready = 0;
}

void
linkflow_free(struct linkflow *f)
{
	struct link	*l;

	if (f == NULL)
		return;
	l = f->st->link;
	linkflow_rest(f);
	if (l->offered == f)
		l->offered = NULL;
	if (f->prefix_len > 0)
		linkaddr_remove(f);
	linkdgramq_clear(l, &f->out);
	linkdgramq_clear(l, &f->in);
	linkdgram_free(l, f->part);
	free(f);
}

/* ---- where datagrams begin and end ---- */

static int
linkwalk_between(const struct linkwalk *w)
{
	return (w->skip == 0 && w->have == 0 && w->left == 0);
}

/* One octet of a length.  1: it is whole, and left is what it says. */
static int
linkwalk_head(struct linkwalk *w, uint8_t octet)
{
	w->head[w->have++] = octet;
	if (w->have < LINKFLOW_HEAD)
		return (0);
	w->have = 0;
	w->left = (uint32_t)w->head[0] << 8 | w->head[1];
	return (1);
}

/* ---- from the worker ---- */

void
linkflow_wake(struct linkflow *f)
{
	struct link	*l = f->st->link;

	if (f->is_ready || f->out.n == 0 || (l->flags & LINK_F_CLOSED))
		return;
	f->is_ready = 1;
	TAILQ_INSERT_TAIL(&l->ready, f, ready);
	qconn_wake(l->qconn);
}

/* A datagram has come whole; or there was no room for it. */
static void
linkflow_complete(struct linkflow *f)
{
	struct link	*l = f->st->link;

	if (f->part == NULL) {
		link_counts.dropped_full++;
		return;
	}
	if (f->prefix_len > 0)
		linkaddr_used(f);
	linkdgramq_put(l, &f->out, f->part, 0);
	f->part = NULL;
	linkflow_wake(f);
}

/* At most n octets, at least one; how many were taken, 0: no memory. */
static size_t
linkflow_put_some(struct linkst *st, const uint8_t *p, size_t n)
{
	struct linkflow	*f = st->flow;
	struct linkwalk	*w = &f->from;

	if (w->skip > 0) {
		if (n > w->skip)
			n = w->skip;
		if (linkbuf_add(&st->out, p, n) == -1)
			return (0);
		w->skip -= n;
		linksend_schedule(st);
	} else if (w->left == 0) {
		n = 1;
		if (!linkwalk_head(w, *p))
			return (n);
		f->part = linkdgram_new(st->link, w->left);
		if (w->left == 0)
			linkflow_complete(f);
	} else {
		if (n > w->left)
			n = w->left;
		if (f->part != NULL)
			memcpy(f->part->octets + f->part->len - w->left, p, n);
		if ((w->left -= n) == 0)
			linkflow_complete(f);
	}
	return (n);
}

void
linkflow_put(struct linkst *st, const uint8_t *p, size_t n)
{
	size_t	 used, all = n;

	for (; n > 0; p += used, n -= used)
		if ((used = linkflow_put_some(st, p, n)) == 0) {
			linkst_kill(st, RESET_MEMORY);
			return;
		}
	if (st->inner != NULL)
		session_consumed(st->inner, all);
}

/* ---- to the peer ---- */

/* Octets before the datagram in its frame. */
static size_t
linkflow_prefix(struct link *l, const struct linkflow *f, struct iovec *vec)
{
	uint64_t	 n;
	size_t		 len = 1, i;

	if (f->prefix_len > 0) {
		vec->iov_base = (void *)(uintptr_t)f->prefix;
		return (vec->iov_len = f->prefix_len);
	}
	n = (uint64_t)f->st->id >> 2;
	while (len < 8 && n >> (8 * len - 2) > 0)
		len *= 2;
	for (i = 0; i < len; i++)
		l->prefix[i] = n >> (8 * (len - 1 - i));
	l->prefix[0] |= (len == 1 ? 0 : len == 2 ? 1 : len == 4 ? 2 : 3) << 6;
	vec->iov_base = l->prefix;
	return (vec->iov_len = len);
}

/*
 * The first one goes on the stream, unless that has still something to send:
 * there it would be out of our hands.  1: it went, or is lost.
 */
static int
linkflow_divert(struct linkflow *f, struct linkdgram *d)
{
	struct linkst	*st = f->st;
	uint8_t		 head[LINKFLOW_HEAD] = { d->len >> 8, d->len };
	uint64_t	 end = st->out.end;

	if (!(st->flags & LINKST_OUT_FIN_SENT)) {
		if (st->id == -1 || linksend_unsent(st) > 0)
			return (0);
		if (linkbuf_add(&st->out, head, sizeof(head)) == -1 ||
		    linkbuf_add(&st->out, d->octets, d->len) == -1) {
			linkbuf_cut(&st->out, end);
			link_counts.dropped_full++;
		} else {
			link_counts.long_out++;
			linksend_schedule(st);
		}
	} else
		link_counts.dropped_late++;
	linkdgramq_remove(st->link, &f->out, d);
	return (1);
}

/*
 * Its first datagram as a frame.  1: piece has it, 0: it went another way, or
 * is lost; -1: it has to wait for the stream.
 */
static int
linkflow_offer(struct linkflow *f, struct link_piece *piece)
{
	struct link		*l = f->st->link;
	struct linkdgram	*d = TAILQ_FIRST(&f->out.list);
	size_t			 max = qconn_datagram_max(l->qconn);

	if (l->dialect->by_address || (f->st->id != -1 &&
	    f->st->acked >= f->want)) {
		if (linkflow_prefix(l, f, &piece->vec[0]) + d->len <= max) {
			piece->vec[1].iov_base = d->octets;
			piece->vec[1].iov_len = d->len;
			piece->nvec = d->len > 0 ? 2 : 1;
			piece->id = -1;
			piece->fin = 0;
			l->offered = f;
			return (1);
		}
		if (l->dialect->by_address) {
			link_counts.dropped_long++;
			linkdgramq_remove(l, &f->out, d);
			return (0);
		}
	}
	return (linkflow_divert(f, d) ? 0 : -1);
}

int
linkflow_next(struct link *l, struct link_piece *piece)
{
	struct linkflow	*f;
	uint64_t	 now = worker_now();
	int		 r;

	l->offered = NULL;
	while ((f = TAILQ_FIRST(&l->ready)) != NULL) {
		linkdgramq_age(l, &f->out, now, 0);
		if (f->out.n == 0 || (r = linkflow_offer(f, piece)) == -1)
			linkflow_rest(f);
		else if (r == 1)
			return (1);
	}
	return (0);
}

void
linkflow_sent(struct link *l, int gone)
{
	struct linkflow		*f = l->offered;
	struct linkdgram	*d;

	l->offered = NULL;
	if (f == NULL || !gone || (d = TAILQ_FIRST(&f->out.list)) == NULL)
		return;
	link_counts.datagrams_out++;
	l->burst += d->len;
	linkdgramq_remove(l, &f->out, d);
	linkflow_rest(f);		/* to the end, if there is more */
	linkflow_wake(f);
}

/* ---- to the worker ---- */

void
linkflow_arrived(struct linkflow *f, const uint8_t *p, size_t n)
{
	struct link		*l = f->st->link;
	struct linkdgram	*d;

	if (n > DATAGRAM_MAX) {
		link_counts.dropped_malformed++;
		return;
	}
	if (f->prefix_len > 0)
		linkaddr_used(f);
	linkdgramq_age(l, &f->in, worker_now(), f->in_off > 0);
	if ((d = linkdgram_new(l, n)) == NULL) {
		link_counts.dropped_full++;
		return;
	}
	if (n > 0)
		memcpy(d->octets, p, n);
	linkdgramq_put(l, &f->in, d, f->in_off > 0);
	if (f->st->inner != NULL)
		session_ready(f->st->inner);
}

int
linkflow_inwards(const struct linkflow *f)
{
	return (f->in_off > 0 || (f->in.n > 0 && linkwalk_between(&f->to)));
}

/* Of the first of those that came as frames, at most max octets. */
static size_t
linkflow_pull_datagram(struct linkflow *f, uint8_t *buf, size_t max)
{
	struct linkdgram	*d = TAILQ_FIRST(&f->in.list);
	uint8_t			 head[LINKFLOW_HEAD] = { d->len >> 8, d->len };
	size_t			 n = 0, len;

	while (n < max && f->in_off < LINKFLOW_HEAD)
		buf[n++] = head[f->in_off++];
	if (f->in_off < LINKFLOW_HEAD)
		return (n);
	len = LINKFLOW_HEAD + d->len - f->in_off;
	if (len > max - n)
		len = max - n;
	memcpy(buf + n, d->octets + f->in_off - LINKFLOW_HEAD, len);
	f->in_off += len;
	if (f->in_off == LINKFLOW_HEAD + d->len) {
		f->in_off = 0;
		linkdgramq_remove(f->st->link, &f->in, d);
	}
	return (n + len);
}

/* Of the peer's stream, at most to the next place where a datagram may go. */
static size_t
linkflow_pull_stream(struct linkst *st, uint8_t *buf, size_t max)
{
	struct linkwalk	*w = &st->flow->to;
	size_t		 n;

	if (w->skip > 0) {
		n = linkbuf_take(&st->in, buf, max < w->skip ? max : w->skip);
		w->skip -= n;
	} else if (w->left > 0) {
		n = linkbuf_take(&st->in, buf, max < w->left ? max : w->left);
		w->left -= n;
	} else {
		n = linkbuf_take(&st->in, buf, 1);
		if (n == 1 && linkwalk_head(w, *buf))
			link_counts.long_in++;
	}
	return (n);
}

size_t
linkflow_pull(struct linkst *st, uint8_t *buf, size_t max)
{
	struct linkflow	*f = st->flow;
	size_t		 n = 0, got;

	if (f->in_off == 0)
		linkdgramq_age(st->link, &f->in, worker_now(), 0);
	while (n < max) {
		if (linkflow_inwards(f))
			got = linkflow_pull_datagram(f, buf + n, max - n);
		else
			got = linkflow_pull_stream(st, buf + n, max - n);
		if (got == 0)
			break;
		n += got;
	}
	return (n);
}

void
linkflow_age(struct linkflow *f, uint64_t now)
{
	linkdgramq_age(f->st->link, &f->out, now, 0);
	linkdgramq_age(f->st->link, &f->in, now, f->in_off > 0);
}
