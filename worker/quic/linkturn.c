/* SPDX-License-Identifier: ISC */

/*
 * Turns: what the worker wrote goes to the session, or to the opening, and what
 * they have for the worker to the pair.  Octets from the worker are copied
 * once, into pieces that stay until the peer has acknowledged them; its credit
 * comes back when they are on their way, for what is on its way is bounded for
 * itself (linksend.c).  Octets of the peer wait for the session to ask for
 * them, and are credited to the peer then.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <string.h>

#include "worker/frame/worker.h"
#include "linkint.h"

/* A system call, each way; so many in a turn, then others have theirs. */
#define BATCH		(256 * 1024)
#define TURNS		4
/* Of LINK_UNSENT_MAX: the windows of all, and of a stream. */
#define UNSENT_WINDOWS	(3 * 1024 * 1024)
#define UNSENT_STREAM	(2 * 1024 * 1024)
#define STALL_GRACE_MS	5000
/* Streams of either side: what is behind it has limits of its own. */
#define STREAMS_MAX	32768
#define FRAME_MAX	65535

static uint8_t		 batch[BATCH];

static int	 linkturn_opened(struct stream *);
static void	 linkturn_wake(struct session *);

static const struct session_events linkturn_events = {
	linkturn_opened,
	linkturn_wake,
	NULL,
	NULL
};

void
linkturn_soon(struct link *l)
{
	event_active(&l->turn, EV_TIMEOUT, 0);
}

/* ---- the session ---- */

static int
linkturn_opened(struct stream *stream)
{
	struct link	*l = stream->session->arg;
	struct linkst	*st;
	uint32_t	 flags = LINKST_OURS;

	if (l->flags & LINK_F_CLOSED)
		return (-1);
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
linkturn_wake(struct session *s)
{
	linkturn_soon(s->arg);
}

int
linkturn_init(struct link *l)
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
	if ((l->session = smux_new(&c, &linkturn_events, l)) == NULL)
		return (-1);
	session_limit(l->session, LINK_UNSENT_MAX);
	return (0);
}

/* ---- turns ---- */

/* Is nothing more for the pair? */
static int
linkturn_ended(const struct link *l)
{
	return ((l->flags & LINK_F_ENDING) ||
	    (l->flags & (LINK_F_CLOSED | LINK_F_ORPHAN)) == LINK_F_CLOSED);
}

static void
linkturn_input(struct link *l, const uint8_t *p, size_t n)
{
	size_t	 used;

	if (!(l->flags & LINK_F_OUT_OPEN)) {
		used = linkopen_put(l, p, n);
		p += used;
		n -= used;
	}
	if (n > 0 && !linkturn_ended(l) &&
	    session_input(l->session, p, n) == -1)
		linkend_broken(l, l->session->error);
}

/* One batch of the worker's.  1: there may be more. */
static int
linkturn_read(struct link *l)
{
	size_t	 want = sizeof(batch), room;
	ssize_t	 n;

	if (linkturn_ended(l))
		return (0);
	room = l->flags & LINK_F_OUT_OPEN ? session_want(l->session) :
	    linkopen_room(l) ? want : 0;
	if (room == 0)
		return (0);
	n = linkpair_read(&l->pair, batch, room < want ? room : want);
	if (n == -1 && errno == EAGAIN)
		return (0);
	if (n <= 0) {
		linkend_worker(l);
		return (0);
	}
	if (!(l->flags & LINK_F_ORPHAN))
		qconn_progress(l->qconn);
	linkturn_input(l, batch, n);
	return (1);
}

/* One batch for the worker.  1: there may be more. */
static int
linkturn_write(struct link *l)
{
	size_t	 n;
	int	 r;

	if (linkturn_ended(l) || !linkpair_flush(&l->pair))
		return (0);
	if (!(l->flags & LINK_F_IN_OPEN)) {
		r = linkopen_write(l);
		n = 0;
	} else {
		n = session_output(l->session, batch, sizeof(batch));
		r = linkpair_write(&l->pair, batch, n);
	}
	if (r == -1)
		linkend_broken(l, "no memory for a worker");
	return (r == 0 && ((l->flags & LINK_F_IN_OPEN) != 0) &&
	    (n == 0 ? l->session->more : 1));
}

void
linkturn_run(struct link *l)
{
	static const struct timeval	 now = { 0, 0 };
	int				 i, in = 1, out = 1;

	link_enter(l);
	if (l->session != NULL && session_tick(l->session, worker_now()) == 0)
		linkend_broken(l, l->session->error);
	for (i = 0; i < TURNS && (in || out); i++) {
		in = linkturn_read(l);
		out = linkturn_write(l);
	}
	if ((in || out) && !linkturn_ended(l))
		(void)evtimer_add(&l->turn, &now);
	link_leave(l);
}

void
linkturn_event(evutil_socket_t fd, short what, void *arg)
{
	struct link	*l = arg;

	(void)fd;
	(void)what;
	if (l->flags & LINK_F_ORPHAN)
		linkend_orphan_turn(l);
	else if (!(l->flags & LINK_F_CLOSED))
		linkturn_run(l);
}

void
linkturn_ready(void *arg)
{
	linkturn_event(-1, 0, arg);
}
