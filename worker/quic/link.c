/* SPDX-License-Identifier: ISC */

/* See link.h: what a connection tells its link, and asks of it. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/net/lines.h"
#include "linkint.h"

/* A stream that nobody reads is the worker's for so long after its end. */
#define UNREAD_US	(10 * 1000000ULL)
/* Of the log, for all connections: a burst, then one in so long. */
#define LINES		5
#define LINES_US	(60 * 1000000ULL)

struct link_stats	 link_counts;

const struct link_stats *
link_stats(void)
{
	return (&link_counts);
}

void
link_enter(struct link *l)
{
	l->depth++;
}

void
link_leave(struct link *l)
{
	struct linkst	*st;

	if (l->depth == 1)
		linkend_look(l);
	if (--l->depth > 0)
		return;
	while ((st = TAILQ_FIRST(&l->dead)) != NULL)
		linkst_free(st);
}

/* ---- made and freed ---- */

struct link *
link_new(struct qconn *qconn, uint32_t dialect, int fd)
{
	struct link	*l;
	int		 i;

	if ((l = calloc(1, sizeof(*l))) == NULL) {
		close(fd);
		return (NULL);
	}
	l->qconn = qconn;
	l->server = qconn_is_server(qconn) != 0;
	RB_INIT(&l->ids);
	TAILQ_INIT(&l->streams);
	TAILQ_INIT(&l->waiting);
	TAILQ_INIT(&l->dead);
	TAILQ_INIT(&l->ready);
	for (i = 0; i < LINKSEND_QUEUES; i++)
		TAILQ_INIT(&l->queues[i]);
	(void)evtimer_assign(&l->turn, worker_base(), linkturn_event, l);
	if (linkpair_open(&l->pair, fd, linkturn_ready, l) == -1) {
		free(l);
		return (NULL);
	}
	if ((l->dialect = linkdialect_get(dialect)) == NULL ||
	    linkaddr_init(l) == -1 || linkturn_init(l) == -1 ||
	    linkopen_init(l) == -1) {
		link_destroy(l);
		return (NULL);
	}
	linkturn_soon(l);
	return (l);
}

void
link_destroy(struct link *l)
{
	struct linkst	*st;
	struct session	*s = l->session;

	l->flags |= LINK_F_CLOSED;
	link_enter(l);
	linkroom_end(l);
	l->session = NULL;
	session_free(s);
	while ((st = TAILQ_FIRST(&l->streams)) != NULL)
		linkst_free(st);
	while ((st = TAILQ_FIRST(&l->dead)) != NULL)
		linkst_free(st);
	linkpair_close(&l->pair);
	(void)event_del(&l->turn);
	free(l->buckets);
	free(l);
}

void
link_free(struct link *l)
{
	if (l == NULL)
		return;
	l->flags |= LINK_F_CLOSED;
	if (!linkend_orphan(l))
		link_destroy(l);
}

/* ---- what the peer does ---- */

/* A stream that the peer has just opened.  NULL: it may not, or no memory. */
static struct linkst *
link_begin(struct link *l, int64_t id)
{
	struct linkst	*st;
	uint32_t	 flags = 0;
	int		 first;

	if ((id & 1) != (l->server ? 0 : 1) || (id & 2))
		return (NULL);
	if (l->dialect->opening && id == 0) {
		if (l->opening != NULL && l->opening->id == -1)
			linkst_named(l->opening, id);
		return (l->opening);
	}
	/* the control stream is the first, whichever comes first */
	first = l->dialect->opening && l->server;
	if (l->dialect->control)
		flags = id >> 2 == first ? LINKST_URGENT | LINKST_HEAD :
		    LINKST_HELD;
	if ((st = linkst_new(l, flags)) == NULL)
		return (NULL);
	linkst_named(st, id);
	return (st);
}

/* Its first octets are there: the worker is told of it. */
static void
link_announce(struct link *l, struct linkst *st)
{
	struct linkst	*held, *next;

	if (!l->dialect->peer_opens[l->server]) {
		linkst_reset(st, RESET_POLICY);
		return;
	}
	if ((st->flags & LINKST_HELD) && !(l->flags & LINK_F_PEER_OPENED))
		return;
	linkst_open_inner(st);
	if (!(st->flags & LINKST_URGENT))
		return;
	l->flags |= LINK_F_PEER_OPENED;
	TAILQ_FOREACH_SAFE(held, &l->streams, entry, next)
		if (held->flags & LINKST_HELD)
			linkst_open_inner(held);
}

/* What of a stream is not wanted, or cannot be kept. */
static void
link_refuse(struct link *l, int64_t id, enum reset_reason why)
{
	uint64_t	 code = l->dialect->code(why);

	qconn_reset(l->qconn, id, code);
	qconn_stop(l->qconn, id, code);
}

static void
link_stream_data(struct link *l, int64_t id, const uint8_t *p, size_t n,
    int fin)
{
	struct linkst	*st = linkst_find(l, id);
	int		 new = st == NULL;

	if (st == NULL && (st = link_begin(l, id)) == NULL)
		link_refuse(l, id, RESET_MEMORY);
	if (st == NULL || (st->flags & LINKST_IN_DEAD)) {
		if (n > 0)
			qconn_consumed(l->qconn, -1, NULL, n);
		if (st != NULL && fin)
			st->flags |= LINKST_IN_FIN;
		return;
	}
	link_counts.octets_in += n;
	if (linkst_take(st, p, n) == -1) {
		qconn_consumed(l->qconn, -1, NULL, n);
		linkst_kill(st, RESET_MEMORY);
		return;
	}
	if (fin)
		st->flags |= LINKST_IN_FIN;
	if (st->flags & LINKST_OPENING)
		linkturn_soon(l);
	else if (new)
		link_announce(l, st);
	else if (fin && st->inner != NULL)
		session_ready(st->inner);
}

void
link_data(struct link *l, int64_t id, const uint8_t *p, size_t n, int fin)
{
	if (l->flags & LINK_F_CLOSED)
		return;
	link_enter(l);
	link_stream_data(l, id, p, n, fin);
	link_leave(l);
}

/*
 * Of the peer's streams, one that we have not: it is the first that we hear of
 * it, and it ends at once.  What may still come of it is not wanted.
 */
static struct linkst *
link_ended_unseen(struct link *l, int64_t id, uint64_t code)
{
	struct linkst	*st;

	if ((id & 1) != (l->server ? 0 : 1))
		return (NULL);
	if ((st = link_begin(l, id)) == NULL)
		link_refuse(l, id, l->dialect->reason(code));
	return (st);
}

void
link_was_reset(struct link *l, int64_t id, uint64_t code)
{
	struct linkst	*st;

	if ((l->flags & LINK_F_CLOSED) || ((st = linkst_find(l, id)) == NULL &&
	    (st = link_ended_unseen(l, id, code)) == NULL))
		return;
	link_enter(l);
	st->flags |= LINKST_IN_FIN;
	if (st->flags & LINKST_OPENING)
		linkend_done(l);
	else if (!(st->flags & LINKST_IN_DEAD))
		linkst_kill(st, l->dialect->reason(code));
	link_leave(l);
}

void
link_was_stopped(struct link *l, int64_t id, uint64_t code)
{
	struct linkst	*st;
	int		 seen;

	if (l->flags & LINK_F_CLOSED)
		return;
	seen = (st = linkst_find(l, id)) != NULL;
	if (!seen && (st = link_ended_unseen(l, id, code)) == NULL)
		return;
	link_enter(l);
	if (st->flags & LINKST_OPENING)
		linkend_done(l);
	else if (!l->dialect->stop_resets && seen)
		linkst_deaf(st);
	else if (!(st->flags & LINKST_OUT_DEAD))
		linkst_kill(st, l->dialect->reason(code));
	link_leave(l);
}

void
link_acked(struct link *l, int64_t id, uint64_t offset)
{
	struct linkst	*st;

	if ((l->flags & LINK_F_CLOSED) || (st = linkst_find(l, id)) == NULL)
		return;
	link_enter(l);
	linkst_acked(st, offset);
	if (st == l->opening)
		linkturn_soon(l);	/* there is room for more */
	link_leave(l);
}

void
link_over(struct link *l, int64_t id)
{
	struct linkst	*st;

	if (l->flags & LINK_F_CLOSED)
		return;
	if ((st = linkst_find(l, id)) == NULL) {
		if ((id & 1) == (l->server ? 0 : 1))
			qconn_done(l->qconn, id);	/* was refused */
		return;
	}
	link_enter(l);
	if ((st->flags & LINKST_OPENING) && (st->flags & (LINKST_IN_FIN |
	    LINKST_OUT_FIN_SENT)) != (LINKST_IN_FIN | LINKST_OUT_FIN_SENT))
		linkend_done(l);
	linkst_over(st);
	link_leave(l);
}

void
link_may_open(struct link *l)
{
	struct linkst	*st;
	int64_t		 id;

	if (l->flags & LINK_F_CLOSED)
		return;
	link_enter(l);
	while ((st = TAILQ_FIRST(&l->waiting)) != NULL &&
	    qconn_open(l->qconn, &id) == 0) {
		TAILQ_REMOVE(&l->waiting, st, queue);
		st->flags &= ~LINKST_WAITS;
		linkst_named(st, id);
	}
	link_leave(l);
}

void
link_may_send(struct link *l, int64_t id)
{
	struct linkst	*st;

	if ((l->flags & LINK_F_CLOSED) || (st = linkst_find(l, id)) == NULL)
		return;
	link_enter(l);
	st->flags &= ~LINKST_BLOCKED;
	linksend_schedule(st);
	link_leave(l);
}

/* In dialect rocket: whose datagram it is, by a QUIC varint. */
static struct linkst *
link_flow_of(struct link *l, const uint8_t *p, size_t n, size_t *len)
{
	struct linkst	*st;
	uint64_t	 k;
	size_t		 i;
	int		 theirs = l->server ? 0 : 1;

	if (n == 0 || (*len = (size_t)1 << (p[0] >> 6)) > n) {
		link_counts.dropped_malformed++;
		return (NULL);
	}
	k = p[0] & 0x3f;
	for (i = 1; i < *len; i++)
		k = k << 8 | p[i];
	k = k << 2 & INT64_MAX;
	/* only one side opens them */
	st = linkst_find(l, (int64_t)(k | theirs));
	if (st == NULL || st->flow == NULL)
		st = linkst_find(l, (int64_t)(k | !theirs));
	if (st == NULL || st->flow == NULL || (st->flags & (LINKST_IN_DEAD |
	    LINKST_IN_FIN))) {
		link_counts.dropped_unknown++;
		return (NULL);
	}
	return (st);
}

void
link_datagram(struct link *l, const uint8_t *p, size_t n)
{
	struct linkst	*st;
	size_t		 len;

	if (l->flags & LINK_F_CLOSED)
		return;
	link_enter(l);
	link_counts.datagrams_in++;
	if (l->dialect->by_address)
		linkaddr_datagram(l, p, n);
	else if ((st = link_flow_of(l, p, n, &len)) != NULL)
		linkflow_arrived(st->flow, p + len, n - len);
	link_leave(l);
}

/* ---- what is sent ---- */

int
link_next(struct link *l, struct link_piece *piece)
{
	int	 r;

	if (l->flags & LINK_F_CLOSED)
		return (0);
	link_enter(l);
	r = linksend_next(l, piece);
	link_leave(l);
	return (r);
}

void
link_sent(struct link *l, const struct link_piece *piece, size_t n,
    int blocked)
{
	struct linkst	*st;

	if ((l->flags & LINK_F_CLOSED) ||
	    (st = linkst_find(l, piece->id)) == NULL)
		return;
	link_enter(l);
	linksend_sent(st, piece, n, blocked);
	link_leave(l);
}

void
link_sent_datagram(struct link *l, int gone)
{
	if (l->flags & LINK_F_CLOSED)
		return;
	link_enter(l);
	linkflow_sent(l, gone);
	link_leave(l);
}

/* ---- time ---- */

static void
link_tell_path(struct link *l)
{
	struct qconn_facts	 facts;
	struct session_path	 path;

	if (l->session == NULL || !(l->flags & LINK_F_IN_OPEN))
		return;
	memset(&facts, 0, sizeof(facts));
	memset(&path, 0, sizeof(path));
	qconn_facts(l->qconn, &facts);
	path.rtt_us = facts.rtt_us;
	path.mtu = facts.mtu;
	path.moves = facts.moves;
	path.silent_ms = facts.silent_ms;
	path.sent = facts.packets_sent;
	path.lost = facts.packets_lost;
	if (memcmp(&path, &l->path, sizeof(path)) == 0)
		return;
	l->path = path;
	smux_path(l->session, &path);
}

/* Streams that were reset because others had to have their memory. */
static void
link_count_killed(struct link *l, uint64_t now)
{
	static struct lines	 lines;
	uint64_t		 n;

	if (l->session == NULL ||
	    (n = l->session->stats.killed - l->killed) == 0)
		return;
	link_counts.streams_shed += n;
	l->killed += n;
	if (lines_take(&lines, LINES, LINES_US, now))
		log_info("quic: %llu streams reset: what waited for the peer "
		    "was not taken, and others need the room",
		    (unsigned long long)n);
}

void
link_tick(struct link *l, uint64_t now)
{
	struct linkst	*st, *next;

	if (l->flags & LINK_F_CLOSED)
		return;
	link_enter(l);
	link_tell_path(l);
	link_count_killed(l, now);
	linkroom_tick(l, now);
	linkaddr_tick(l, now);
	TAILQ_FOREACH_SAFE(st, &l->streams, entry, next) {
		if (st->flow != NULL)
			linkflow_age(st->flow, now);
		else if (st->inner != NULL && (st->flags & LINKST_IN_TOLD) &&
		    (st->flags & LINKST_OUT_DEAD) &&
		    now - st->last > UNREAD_US)
			linkst_kill(st, RESET_ABORT);
	}
	if (l->session != NULL)
		linkturn_soon(l);
	link_leave(l);
}
