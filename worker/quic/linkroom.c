/* SPDX-License-Identifier: ISC */

/*
 * What peers have sent and their workers have not taken.  It is held against
 * the credit of the whole connection, so a few users who read nothing could
 * stop all others.  Who takes 64 KiB, or all that waits for him, makes
 * progress.  Once three quarters of the credit are held, those without progress
 * for 10 seconds are reset, those who hold most, until less is.
 *
 * All connections together have the memory of one process.  When half of what
 * its limit leaves for this is held, each keeps little, and for 2 seconds; the
 * same goes for what their workers have sent and their peers do not take, where
 * the session knows who makes progress.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/net/lines.h"
#include "linkint.h"

/* Three quarters of what profile.c allows a connection. */
#define UNREAD_MAX	(24 * 1024 * 1024)
#define PROGRESS	(64 * 1024)
#define PATIENCE_US	(10 * 1000000ULL)
/* Of all links; then of one. */
#define ALL_MAX		(128 * 1024 * 1024)
#define FULL_MAX	(1024 * 1024)
#define FULL_US		(2 * 1000000ULL)
/* Of the log, for all connections: a burst, then one in so long. */
#define LINES		5
#define LINES_US	(60 * 1000000ULL)

/* Octets of all links: for workers; and for peers, as each last looked. */
static uint64_t		 all, all_unsent;

int
linkroom_full(void)
{
	return (all > ALL_MAX);
}

static void
linkroom_took(struct linkst *st)
{
	st->took = worker_now();
	st->mark = st->in.start;
}

void
linkroom_came(struct linkst *st, size_t n)
{
	st->link->unread += n;
	all += n;
	if (linkbuf_len(&st->in) == n)
		linkroom_took(st);	/* nothing waited before */
}

void
linkroom_left(struct linkst *st, size_t n)
{
	st->link->unread -= n;
	all -= n;
	if (st->in.start - st->mark >= PROGRESS || linkbuf_len(&st->in) == 0)
		linkroom_took(st);
}

/* What it holds, if it makes no progress; or 0. */
static size_t
linkroom_idle(const struct linkst *st, uint64_t now)
{
	uint64_t	 patience = linkroom_full() ? FULL_US : PATIENCE_US;

	if ((st->flags & (LINKST_URGENT | LINKST_QUIET)) ||
	    now < st->took + patience)
		return (0);
	return (linkbuf_len(&st->in));
}

/* What a link may hold. */
static uint64_t
linkroom_most(void)
{
	return (linkroom_full() ? FULL_MAX : UNREAD_MAX);
}

/* Those that hold at least half of what the worst does; how many. */
static int
linkroom_shed(struct link *l, uint64_t now)
{
	struct linkst	*st, *next;
	size_t		 worst = 0;
	int		 n = 0;

	TAILQ_FOREACH(st, &l->streams, entry)
		if (linkroom_idle(st, now) > worst)
			worst = linkroom_idle(st, now);
	if (worst == 0)
		return (0);
	TAILQ_FOREACH_SAFE(st, &l->streams, entry, next) {
		if (l->unread <= linkroom_most())
			break;
		if (linkroom_idle(st, now) < (worst + 1) / 2)
			continue;
		linkst_kill(st, RESET_MEMORY);
		n++;
	}
	return (n);
}

static void
linkroom_limit(struct link *l)
{
	linkroom_end(l);
	if (l->session == NULL)
		return;
	l->unsent = l->session->stats.unconsumed;
	all_unsent += l->unsent;
	session_limit(l->session, all_unsent > ALL_MAX ? FULL_MAX :
	    LINK_UNSENT_MAX);
}

void
linkroom_end(struct link *l)
{
	all_unsent -= l->unsent;
	l->unsent = 0;
}

void
linkroom_tick(struct link *l, uint64_t now)
{
	static struct lines	 lines;
	int			 n;

	linkroom_limit(l);
	if (l->unread <= linkroom_most())
		return;
	n = linkroom_shed(l, now);
	link_counts.streams_unread += n;
	if (n > 0 && lines_take(&lines, LINES, LINES_US, now))
		log_info("quic: %d streams reset: what came for their users "
		    "was not taken, and others need the room", n);
}
