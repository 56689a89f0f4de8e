/* SPDX-License-Identifier: ISC */

/*
 * See link.h.  Octets from the worker are copied once, into pieces that stay
 * until the peer has acknowledged them; its credit comes back when they are on
 * their way, for what is on its way is bounded for itself (linksend.c).  Octets
 * of the peer wait for the worker's session to ask for them, and are credited
 * to the peer then.
 *
 * When the worker is done, or gone, what it has ended is still sent, and the
 * connection ends once the peer has it, or after a while.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/log.h"
#include "worker/frame/worker.h"
#include "linkint.h"

/* A system call, each way; so many in a turn, then others have theirs. */
#define BATCH		(256 * 1024)
#define TURNS		4
/* Octets of the worker's that wait to be sent: all, their windows, a stream. */
#define UNSENT_MAX	(4 * 1024 * 1024)
#define UNSENT_WINDOWS	(3 * 1024 * 1024)
#define UNSENT_STREAM	(2 * 1024 * 1024)
#define STALL_GRACE_MS	5000
/* Streams of either side: what is behind it has limits of its own. */
#define STREAMS_MAX	32768
#define FRAME_MAX	65535
/* What is still to be sent when the worker is gone. */
#define ENDING_US	(10 * 1000000ULL)
/* A stream that nobody reads is the worker's for so long after its end. */
#define UNREAD_US	(10 * 1000000ULL)

struct link_stats	 link_counts;
static uint8_t		 batch[BATCH];

static int	 link_opened(struct stream *);
static void	 link_wake(struct session *);

static const struct session_events link_events = {
	link_opened,
	link_wake,
	NULL,
	NULL
};

const struct link_stats *
link_stats(void)
{
	return (&link_counts);
}

/* ---- calls ---- */

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
		link_look_done(l);
	if (--l->depth > 0)
		return;
	while ((st = TAILQ_FIRST(&l->dead)) != NULL)
		linkst_free(st);
}

/* In this turn of the loop, after what is under way. */
void
link_soon(struct link *l)
{
	event_active(&l->turn, EV_TIMEOUT, 0);
}

/* ---- the end ---- */

static void
link_close(struct link *l, uint64_t code, const char *words, const char *why)
{
	if (l->flags & LINK_F_CLOSED)
		return;
	l->flags |= LINK_F_CLOSED;
	qconn_close(l->qconn, code, words, why);
}

void
link_broken(struct link *l, const char *why)
{
	link_close(l, l->dialect->close_broken, l->dialect->words_broken, why);
}

void
link_done(struct link *l)
{
	link_close(l, l->dialect->close_done, "", NULL);
}

/* Has the peer still something to get of it? */
static int
link_owes(const struct linkst *st)
{
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
link_look_done(struct link *l)
{
	const struct linkst	*st;

	if ((l->flags & (LINK_F_ENDING | LINK_F_CLOSED)) != LINK_F_ENDING)
		return;
	TAILQ_FOREACH(st, &l->streams, entry)
		if (link_owes(st) && worker_now() < l->deadline)
			return;
	link_done(l);
}

/* The worker is done, or gone: what it has ended is still sent. */
static void
link_end(struct link *l)
{
	struct session	*s = l->session;
	struct linkst	*st, *next;

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
		} else if (!(st->flags & (LINKST_OUT_FIN | LINKST_URGENT)))
			linkst_reset(st, RESET_ABORT);
	}
}

/* ---- the session ---- */

static int
link_opened(struct stream *stream)
{
	struct link	*l = stream->session->arg;
	struct linkst	*st;
	uint32_t	 flags = LINKST_OURS;

	if (l->dialect->control && !(l->flags & LINK_F_WORKER_OPENED))
		flags |= LINKST_URGENT | LINKST_HEAD;
	l->flags |= LINK_F_WORKER_OPENED;
	if ((st = linkst_new(l, flags)) == NULL)
		return (-1);
	st->inner = stream;
	stream->owner = &linkst_owner;
	stream->arg = st;
	if (!l->dialect->by_address)
		linkst_open(st);
	return (0);
}

static void
link_wake(struct session *s)
{
	link_soon(s->arg);
}

static int
link_start(struct link *l)
{
	struct session_conf	 c;

	memset(&c, 0, sizeof(c));
	c.inside = 1;
	c.may_open = l->dialect->worker_opens[l->server];
	c.first_urgent = l->dialect->control;
	c.version = 2;
	c.framesize = FRAME_MAX;
	c.recvbuffer = UNSENT_WINDOWS;
	c.window_max = UNSENT_STREAM;
	c.max_streams = STREAMS_MAX;
	c.caps = CAP_HALFCLOSE | CAP_RESET | CAP_BULK;
	c.stall_grace_ms = STALL_GRACE_MS;
	if ((l->session = smux_new(&c, &link_events, l)) == NULL)
		return (-1);
	session_limit(l->session, UNSENT_MAX);
	return (0);
}

/* ---- turns ---- */

static void
link_input(struct link *l, const uint8_t *p, size_t n)
{
	size_t	 used;

	if (!(l->flags & LINK_F_OUT_OPEN)) {
		used = linkopen_put(l, p, n);
		p += used;
		n -= used;
	}
	if (n > 0 && !(l->flags & LINK_F_CLOSED) &&
	    session_input(l->session, p, n) == -1)
		link_broken(l, l->session->error);
}

/* One batch of the worker's.  1: there may be more. */
static int
link_read(struct link *l)
{
	size_t	 want = sizeof(batch), room;
	ssize_t	 n;

	if (l->flags & (LINK_F_CLOSED | LINK_F_ENDING))
		return (0);
	room = l->flags & LINK_F_OUT_OPEN ? session_want(l->session) :
	    linkopen_room(l) ? want : 0;
	if (room == 0) {
		if (linkpair_left(&l->pair))
			link_end(l);
		return (0);
	}
	n = linkpair_read(&l->pair, batch, room < want ? room : want);
	if (n == -1 && errno == EAGAIN)
		return (0);
	if (n <= 0) {
		link_end(l);
		return (0);
	}
	qconn_progress(l->qconn);
	link_input(l, batch, n);
	return (1);
}

/* One batch for the worker.  1: there may be more. */
static int
link_write(struct link *l)
{
	size_t	 n;
	int	 r;

	if ((l->flags & (LINK_F_CLOSED | LINK_F_ENDING)) ||
	    !linkpair_flush(&l->pair))
		return (0);
	if (!(l->flags & LINK_F_IN_OPEN)) {
		r = linkopen_write(l);
		n = 0;
	} else {
		n = session_output(l->session, batch, sizeof(batch));
		r = linkpair_write(&l->pair, batch, n);
	}
	if (r == -1)
		link_broken(l, "no memory for a worker");
	return (r == 0 && ((l->flags & LINK_F_IN_OPEN) != 0) &&
	    (n == 0 ? l->session->more : 1));
}

static void
link_again(struct link *l)
{
	static const struct timeval	 now = { 0, 0 };

	(void)evtimer_add(&l->turn, &now);
}

static void
link_turn(evutil_socket_t fd, short what, void *arg)
{
	struct link	*l = arg;
	int		 i, in = 1, out = 1;

	(void)fd;
	(void)what;
	if (l->flags & LINK_F_CLOSED)
		return;
	link_enter(l);
	if (l->session != NULL && session_tick(l->session, worker_now()) == 0)
		link_broken(l, l->session->error);
	for (i = 0; i < TURNS && (in || out); i++) {
		in = link_read(l);
		out = link_write(l);
	}
	if ((in || out) && !(l->flags & (LINK_F_CLOSED | LINK_F_ENDING)))
		link_again(l);
	link_leave(l);
}

static void
link_ready(void *arg)
{
	link_turn(-1, 0, arg);
}

/* ---- made and freed ---- */

struct link *
link_new(struct qconn *qconn, uint32_t dialect, int fd)
{
	struct link	*l;
	int		 i;

	if ((l = calloc(1, sizeof(*l))) == NULL) {
		evutil_closesocket(fd);
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
	if (linkpair_open(&l->pair, fd, link_ready, l) == -1 ||
	    evtimer_assign(&l->turn, worker_base(), link_turn, l) == -1) {
		free(l);
		return (NULL);
	}
	if ((l->dialect = linkdialect_get(dialect)) == NULL ||
	    linkaddr_init(l) == -1 || link_start(l) == -1 ||
	    linkopen_init(l) == -1) {
		link_free(l);
		return (NULL);
	}
	link_soon(l);
	return (l);
}

/* The connection is gone: what has come, and for which there is room. */
static void
link_last(struct link *l)
{
	size_t	 n;

	if (l->session == NULL || !(l->flags & LINK_F_IN_OPEN))
		return;
	while (linkpair_flush(&l->pair) &&
	    (n = session_output(l->session, batch, sizeof(batch))) > 0)
		if (linkpair_write(&l->pair, batch, n) == -1)
			break;
}

void
link_free(struct link *l)
{
	struct linkst	*st;
	struct session	*s;

	if (l == NULL)
		return;
	l->flags |= LINK_F_CLOSED;
	link_enter(l);
	link_last(l);
	s = l->session;
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
link_refuse(struct link *l, int64_t id)
{
	uint64_t	 code = l->dialect->code(RESET_MEMORY);

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
		link_refuse(l, id);
	if (st == NULL || (st->flags & LINKST_IN_DEAD)) {
		if (n > 0)
			qconn_consumed(l->qconn, -1, n);
		if (st != NULL && fin)
			st->flags |= LINKST_IN_FIN;
		return;
	}
	link_counts.octets_in += n;
	if (linkst_take(st, p, n) == -1) {
		qconn_consumed(l->qconn, -1, n);
		linkst_kill(st, RESET_MEMORY);
		return;
	}
	if (fin)
		st->flags |= LINKST_IN_FIN;
	if (st->flags & LINKST_OPENING)
		link_soon(l);
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

void
link_was_reset(struct link *l, int64_t id, uint64_t code)
{
	struct linkst	*st;

	if ((l->flags & LINK_F_CLOSED) || (st = linkst_find(l, id)) == NULL)
		return;
	link_enter(l);
	st->flags |= LINKST_IN_FIN;
	if (st->flags & LINKST_OPENING)
		link_done(l);
	else if (!(st->flags & LINKST_IN_DEAD))
		linkst_kill(st, l->dialect->reason(code));
	link_leave(l);
}

void
link_was_stopped(struct link *l, int64_t id, uint64_t code)
{
	struct linkst	*st;

	if ((l->flags & LINK_F_CLOSED) || (st = linkst_find(l, id)) == NULL)
		return;
	link_enter(l);
	if (st->flags & LINKST_OPENING)
		link_done(l);
	else if (!l->dialect->stop_resets)
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
	link_leave(l);
}

void
link_over(struct link *l, int64_t id)
{
	struct linkst	*st;

	if ((l->flags & LINK_F_CLOSED) || (st = linkst_find(l, id)) == NULL ||
	    (st->flags & LINKST_OVER))
		return;
	link_enter(l);
	if ((st->flags & LINKST_OPENING) && (!(st->flags & LINKST_IN_FIN) ||
	    !(st->flags & LINKST_OUT_FIN_SENT)))
		link_done(l);
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
	path.sent = facts.packets_sent;
	path.lost = facts.packets_lost;
	if (memcmp(&path, &l->path, sizeof(path)) == 0)
		return;
	l->path = path;
	smux_path(l->session, &path);
}

void
link_tick(struct link *l, uint64_t now)
{
	struct linkst	*st, *next;

	if (l->flags & LINK_F_CLOSED)
		return;
	link_enter(l);
	link_tell_path(l);
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
		link_soon(l);
	link_leave(l);
}
