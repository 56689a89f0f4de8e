/* SPDX-License-Identifier: ISC */

/*
 * How links end.  When the worker is done, or gone, what it has ended is still
 * sent, and the connection ends once the peer has it, or after a while.  When
 * the connection is gone, the worker still gets what had come; what had no end
 * is cut with the pair.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include "worker/frame/worker.h"
#include "linkint.h"

/* What is still to be sent when the worker is gone. */
#define ENDING_US	(10 * 1000000ULL)
/* And what is still to be read when the connection is. */
#define ORPHAN_US	(10 * 1000000ULL)
#define ORPHANS_MAX	1024

static uint32_t	 orphans;

/* ---- the worker is gone ---- */

static void
linkend_close(struct link *l, uint64_t code, const char *words,
    const char *why)
{
	if (l->flags & LINK_F_ORPHAN)
		l->flags |= LINK_F_ENDING;
	if (l->flags & LINK_F_CLOSED)
		return;
	l->flags |= LINK_F_CLOSED;
	qconn_close(l->qconn, code, words, why);
}

void
linkend_broken(struct link *l, const char *why)
{
	linkend_close(l, l->dialect->close_broken, l->dialect->words_broken,
	    why);
}

void
linkend_done(struct link *l)
{
	linkend_close(l, l->dialect->close_done,
	    l->dialect->words_done[l->server], NULL);
}

/* Has the peer still something to get of it? */
static int
linkend_owes(const struct linkst *st)
{
	if (st->flags & LINKST_WAITS)
		return ((st->flags & LINKST_OUT_FIN) != 0);
	if (st->id == -1 || (st->flags & (LINKST_OVER | LINKST_OUT_DEAD)))
		return (0);
	if (st->flags & LINKST_OPENING)
		return (st->acked < st->out.end ||
		    !(st->flags & LINKST_OUT_FIN_SENT));
	if (st->flags & LINKST_OUT_FIN)
		return (1);
	return (st->acked < st->out.end);
}

void
linkend_look(struct link *l)
{
	const struct linkst	*st;

	if ((l->flags & (LINK_F_ENDING | LINK_F_CLOSED)) != LINK_F_ENDING)
		return;
	TAILQ_FOREACH(st, &l->streams, entry)
		if (linkend_owes(st) && worker_now() < l->deadline)
			return;
	linkend_done(l);
}

void
linkend_worker(struct link *l)
{
	struct session	*s = l->session;
	struct linkst	*st, *next;

	if (l->flags & LINK_F_ORPHAN)
		l->flags |= LINK_F_ENDING;
	if (l->flags & (LINK_F_ENDING | LINK_F_CLOSED))
		return;
	l->flags |= LINK_F_ENDING;
	l->deadline = worker_now() + ENDING_US;
	linkpair_close(&l->pair);
	l->session = NULL;
	session_free(s);
	TAILQ_FOREACH_SAFE(st, &l->streams, entry, next) {
		if (st->flags & LINKST_OPENING) {
			st->flags |= LINKST_OUT_FIN;
			linksend_schedule(st);
		} else if (!(st->flags & (LINKST_OUT_FIN | LINKST_OUT_DEAD |
		    LINKST_URGENT)))
			linkst_reset(st, RESET_ABORT);
	}
}


/* ---- the connection is gone ---- */

/* Is there something that the worker has not got? */
static int
linkend_waits(const struct link *l)
{
	const struct linkst	*st;

	if ((l->flags & LINK_F_ENDING) || linkpair_left(&l->pair))
		return (0);
	if (l->pair.rest != NULL || l->session->more)
		return (1);
	TAILQ_FOREACH(st, &l->streams, entry)
		if (st->inner != NULL && (linkbuf_len(&st->in) > 0 ||
		    (st->flags & (LINKST_IN_FIN | LINKST_IN_TOLD)) ==
		    LINKST_IN_FIN))
			return (1);
	return (0);
}

int
linkend_orphan(struct link *l)
{
	static const struct timeval	 tv = { ORPHAN_US / 1000000, 0 };
	struct linkst			*st;

	if ((l->flags & (LINK_F_ENDING | LINK_F_IN_OPEN | LINK_F_OUT_OPEN)) !=
	    (LINK_F_IN_OPEN | LINK_F_OUT_OPEN) || l->session == NULL ||
	    orphans == ORPHANS_MAX || linkroom_full())
		return (0);
	l->flags |= LINK_F_ORPHAN;
	l->qconn = NULL;
	TAILQ_FOREACH(st, &l->streams, entry)
		linkst_drop_out(st);
	linkturn_run(l);
	if (!linkend_waits(l))
		return (0);
	orphans++;
	l->deadline = worker_now() + ORPHAN_US;
	if (!evtimer_pending(&l->turn, NULL))
		(void)evtimer_add(&l->turn, &tv);
	return (1);
}

void
linkend_orphan_turn(struct link *l)
{
	static const struct timeval	 tv = { ORPHAN_US / 1000000, 0 };

	linkturn_run(l);
	if (!linkend_waits(l) || worker_now() >= l->deadline) {
		orphans--;
		link_destroy(l);
	} else if (!evtimer_pending(&l->turn, NULL))
		(void)evtimer_add(&l->turn, &tv);
}
