/* SPDX-License-Identifier: ISC */

/*
 * What goes out next.  Streams that have something to send, and may, are in one
 * of three queues: urgent ones; those that have sent little lately, in order of
 * their coming; the others, in turns of a quantum.  Datagrams go before all but
 * the urgent, yet after so many octets of them a stream has its turn.
 *
 * What the peer has not acknowledged is bounded: beyond that only urgent
 * streams go on.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "worker/frame/worker.h"
#include "linkint.h"

/* A turn of a stream among others. */
#define QUANTUM		16384
/*
 * A stream has sent little if that is below this.  It is forgotten at such a
 * rate, in octets a millisecond: a megabit in a second.
 */
#define LITTLE		32768
#define LITTLE_MS	128
/* Datagrams while streams wait. */
#define BURST		32768
/*
 * Octets, by whole pieces of memory, that may be on their way: what a path of a
 * gigabit in a second and 100 ms holds.
 */
#define UNACKED_MAX	(12 * 1024 * 1024)

size_t
linksend_unsent(const struct linkst *st)
{
	return (st->out.end - st->sent);
}

static int
linksend_fin_due(const struct linkst *st)
{
	return ((st->flags & (LINKST_OUT_FIN | LINKST_OUT_FIN_SENT)) ==
	    LINKST_OUT_FIN);
}

void
linksend_remove(struct linkst *st)
{
	if (st->queued != LINKSEND_NONE)
		TAILQ_REMOVE(&st->link->queues[st->queued], st, queue);
	st->queued = LINKSEND_NONE;
}

static void
linksend_move(struct linkst *st, enum linksend_queue queue)
{
	linksend_remove(st);
	TAILQ_INSERT_TAIL(&st->link->queues[queue], st, queue);
	st->queued = queue;
}

/* What it has sent is forgotten as time goes by. */
static void
linksend_forget(struct linkst *st, uint64_t now)
{
	uint64_t	 n = (now - st->last) / 1000 * LITTLE_MS;

	if (n == 0)
		return;
	st->last = now;
	st->lately -= n < st->lately ? n : st->lately;
}

void
linksend_schedule(struct linkst *st)
{
	if (st->queued != LINKSEND_NONE || st->id == -1 ||
	    (st->link->flags & LINK_F_CLOSED) ||
	    (st->flags & (LINKST_OUT_DEAD | LINKST_BLOCKED | LINKST_OVER |
	    LINKST_GONE)) ||
	    (linksend_unsent(st) == 0 && !linksend_fin_due(st)))
		return;
	linksend_forget(st, worker_now());
	if (st->flags & LINKST_URGENT)
		linksend_move(st, LINKSEND_URGENT);
	else if (st->lately < LITTLE)
		linksend_move(st, LINKSEND_FRESH);
	else
		linksend_move(st, LINKSEND_BULK);
	st->turn = QUANTUM;
	if (!(st->link->flags & LINK_F_CLOSED))
		qconn_wake(st->link->qconn);
}

static int
linksend_piece(struct linkst *st, struct link_piece *piece)
{
	size_t	 n = linksend_unsent(st), got;

	if (n > st->turn)
		n = st->turn;
	piece->id = st->id;
	piece->nvec = LINK_VECS;
	got = linkbuf_look(&st->out, st->sent, n, piece->vec, &piece->nvec);
	piece->fin = linksend_fin_due(st) && got == linksend_unsent(st);
	return (1);
}

int
linksend_next(struct link *l, struct link_piece *piece)
{
	struct linkst	*st;
	int		 full = l->unacked >= UNACKED_MAX;

	if ((st = TAILQ_FIRST(&l->queues[LINKSEND_URGENT])) != NULL)
		return (linksend_piece(st, piece));
	if ((st = TAILQ_FIRST(&l->queues[LINKSEND_FRESH])) == NULL)
		st = TAILQ_FIRST(&l->queues[LINKSEND_BULK]);
	if ((st == NULL || full || l->burst < BURST) &&
	    linkflow_next(l, piece))
		return (1);
	/* a datagram that is too long may have gone to a stream */
	if (st == NULL && (st = TAILQ_FIRST(&l->queues[LINKSEND_FRESH])) ==
	    NULL)
		st = TAILQ_FIRST(&l->queues[LINKSEND_BULK]);
	if (st == NULL || full)
		return (0);
	return (linksend_piece(st, piece));
}

/* Has its turn come to an end, or does it not count as one of little? */
static void
linksend_turn(struct linkst *st, size_t n)
{
	linksend_forget(st, worker_now());
	st->lately += n;
	st->turn -= n < st->turn ? n : st->turn;
	if (linksend_unsent(st) == 0 && !linksend_fin_due(st)) {
		linksend_remove(st);
		return;
	}
	if (st->turn > 0)
		return;
	st->turn = QUANTUM;
	if (st->queued == LINKSEND_FRESH && st->lately >= LITTLE)
		linksend_move(st, LINKSEND_BULK);
	else
		linksend_move(st, st->queued);
}

void
linksend_sent(struct linkst *st, const struct link_piece *piece, size_t n,
    int blocked)
{
	struct link	*l = st->link;
	size_t		 all = 0, i;

	for (i = 0; i < piece->nvec; i++)
		all += piece->vec[i].iov_len;
	if (n > linksend_unsent(st))
		n = linksend_unsent(st);
	st->sent += n;
	l->unacked += n;
	link_counts.octets_out += n;
	l->burst = 0;
	if (piece->fin && n == all)
		st->flags |= LINKST_OUT_FIN_SENT;
	if (st->inner != NULL && st->flow == NULL && n > 0)
		session_consumed(st->inner, n);
	if (st->queued == LINKSEND_NONE)
		return;
	if (blocked) {
		st->flags |= LINKST_BLOCKED;
		linksend_remove(st);
	} else
		linksend_turn(st, n);
	if (st->flow != NULL && linksend_unsent(st) == 0)
		linkflow_wake(st->flow);
}

void
linksend_freed(struct link *l, size_t n)
{
	int	 full = l->unacked >= UNACKED_MAX;

	l->unacked -= n;
	if (full && l->unacked < UNACKED_MAX && !(l->flags & LINK_F_CLOSED))
		qconn_wake(l->qconn);
}
