/* SPDX-License-Identifier: ISC */

/* See turn.h. */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/pipes.h"
#include "tunnel.h"
#include "tunneldeaf.h"
#include "tunnelhold.h"
#include "turn.h"
#include "wsopen.h"

/*
 * A turn is one batch in and one out, then others have theirs: nobody waits
 * longer for a bulk transfer.  Where headers are read one by one, a batch is at
 * most so many reads.
 */
#define TURN_READS	32
/* Streams that a peer opened ahead of its rate, as a time, before it is out. */
#define AHEAD_US	(10 * 1000000ULL)
#define RATE_US		(1 * 1000000ULL)
/* The least that a stream's first frame has. */
#define STREAM_OCTETS	8
/* What comes so soon after a probe may have been on its way before. */
#define PROBE_OLD_US	(100 * 1000ULL)
/* However slowly its reader takes the rest, and whatever the peer says. */
#define ENDING_MAX_US	(3600 * 1000000ULL)

static struct service	*svc;
static uint8_t	 batch[WIRE_BATCH];	/* of the one tunnel whose turn it is */

void
turn_init(struct service *service)
{
	svc = service;
}

/* ---- an open tunnel ---- */

/* Octets that were read and not handed out. */
static int
turn_pending(const struct tunnel *t)
{
	return (t->seal == NULL ? 0 : seal_pending(t->seal));
}

/*
 * Of so many octets, how many may be read now, since the peer may open only so
 * many streams in a second; 0: none.
 */
static size_t
turn_may_read(struct tunnel *t, size_t want)
{
	uint32_t	 rate = svc->conf.opts.stream_rate, room;
	uint64_t	 now;

	if (rate == 0 || svc->opens)
		return (want);
	now = worker_now();
	if (t->opens.rate != rate)
		bucket_limit(&t->opens, rate, RATE_US, now);
	room = bucket_room(&t->opens, now);
	if (room == 0 && bucket_wait(&t->opens, 1, now) >= AHEAD_US) {
		svc->stats.streams_fast++;
		tunnel_kill(t, TUNNEL_END_PROTOCOL, "the peer opens more than "
		    "%u streams in a second", rate);
	} else if (room == 0 && t->held_until <= now) {
		svc->stats.streams_held++;
		t->held_until = now + bucket_wait(&t->opens, rate / 20 + 1,
		    now);
	}
	/* once it is fast it is watched closely */
	if (room > rate / 2 || want / STREAM_OCTETS <= room)
		return (want);
	return (room * STREAM_OCTETS);
}

/* Would a read find anything but EAGAIN?  Asking OpenSSL is expensive. */
static int
turn_readable(const struct tunnel *t)
{
	return ((t->wire.flags & WIRE_F_READABLE) || t->wire.ws != NULL ||
	    turn_pending(t) > 0);
}

/* Octets have come.  Are they the peer's?  quic says something of itself. */
static int
turn_theirs(struct tunnel *t)
{
	uint64_t	 in;

	if (!(t->transport & TRANSPORT_QUIC))
		return (1);
	if (t->session == NULL ||
	    (in = t->session->stats.payload_in) == t->heard_in)
		return (0);
	t->heard_in = in;
	return (1);
}

/*
 * Octets have come, which answer a probe: its own answer may wait behind many.
 */
static void
turn_heard(struct tunnel *t)
{
	uint64_t	 now = worker_now();

	ledger_progress(&t->charge);
	if (!turn_theirs(t))
		return;
	t->heard = now;
	if (t->probe_until != 0 && (!tunnel_muxed(t) ||
	    now - t->probe_at >= PROBE_OLD_US))
		tunnel_lives(t);
}

/* A read gave no octets, but n and error as read(2).  As turn_read. */
static int
turn_dry(struct tunnel *t, ssize_t n, int error)
{
	if (n == -1 && (error == EAGAIN || error == EINTR))
		return (0);
	if (n == 0 && session_ended(t->session)) {
		/* it would fail, and take with it what has come */
		wire_drop(&t->wire);
		return (0);
	}
	if (t->relays > 0)
		tunnel_kill(t, TUNNEL_END_LOST, "%s with %u connection%s in it",
		    n == 0 ? "closed" : strerror(error), t->relays,
		    t->relays == 1 ? "" : "s");
	else
		tunnel_kill(t, n == 0 ? TUNNEL_END_CLEAN : TUNNEL_END_LOST,
		    "%s", n == 0 ? "closed by the peer" : strerror(error));
	return (-1);
}

/* Diverts what is for one stream.  As turn_read; 3: no diversion, read it. */
static int
turn_divert(struct tunnel *t)
{
	struct stream	*st;
	size_t		 len;
	ssize_t		 n;

	if ((st = session_divert(t->session, &len)) == NULL ||
	    st->owner->divert == NULL || !(t->wire.flags & WIRE_F_READABLE))
		return (3);
	n = st->owner->divert(st, t->wire.fd, len);
	if (n == -1 && errno == EOPNOTSUPP)
		return (3);
	if (n > 0) {
		t->got += n;
		session_diverted(t->session, n);
		turn_heard(t);
		return (1);
	}
	if (n == -1 && errno == EAGAIN)
		t->wire.flags &= ~WIRE_F_READABLE;
	return (turn_dry(t, n, errno));
}

/*
 * Reads at most one batch; 1: there may be more, 0: none, -1: it ended, 2: the
 * session takes none.
 */
static int
turn_read(struct tunnel *t)
{
	size_t	 want, len = 0;
	ssize_t	 n = 0;
	int	 error = 0, r;

	if ((want = session_want(t->session)) == 0)
		return (2);
	if (!turn_readable(t))
		return (0);
	if ((want = turn_may_read(t, want)) == 0)
		return (t->flags & TUNNEL_F_DYING ? -1 : 2);
	if ((r = turn_divert(t)) != 3)
		return (r);
	if (want > sizeof(batch))
		want = sizeof(batch);
	do {
		n = tunnel_get(t, batch + len, want - len);
		if (n == -1)
			error = errno;
		if (n <= 0)
			break;
		len += n;
		/* Deliver it before asking the socket again. */
	} while (len < want && turn_pending(t) > 0);
	t->got += len;
	if (len > 0 && session_input(t->session, batch, len) == -1) {
		tunnel_kill(t, TUNNEL_END_PROTOCOL, "%s", t->session->error);
		return (-1);
	}
	if (len > 0)
		turn_heard(t);
	return (n > 0 ? 1 : turn_dry(t, n, error));
}

/* Puts one batch into the wire; how many octets, 0: nothing to send. */
static size_t
turn_fill(struct tunnel *t)
{
	uint8_t	*tx;
	size_t	 len, off;
	ssize_t	 n;

	if (t->flags & TUNNEL_F_BARE) {
		if ((tx = wire_batch(&t->wire)) == NULL) {
			tunnel_kill(t, TUNNEL_END_LOST, "no memory");
			return (0);
		}
		len = session_output(t->session, tx, wire_room(&t->wire));
		if (t->seal != NULL)
			seal_cover(t->seal, tx, len);
		wire_put(&t->wire, len);
		/* without frames a pipe has no head */
		return (t->wire.pipe == NULL ? len : len + t->wire.pipe->len);
	}
	len = session_output(t->session, batch, wire_room(&t->wire));
	for (off = 0; off < len; off += n) {
		/* the wire is empty and has room for all of it */
		n = seal_write(t->seal, batch + off, len - off);
		if (n == -1) {
			tunnel_kill(t, TUNNEL_END_LOST, "cannot seal: %s",
			    seal_error(t->seal));
			return (0);
		}
	}
	return (len);
}

/* One batch, or as many small ones as there are. */
static void
turn_write(struct tunnel *t)
{
	size_t	 sent = 0, len = 1;

	while (tunnel_flush(t) == 0) {
		if (t->flags & TUNNEL_F_DYING)
			return;
		if (len == 0 || (sent > 0 && !t->session->more))
			return;
		if (sent >= SESSION_SMALL) {
			tunnel_again(t);
			return;
		}
		len = turn_fill(t);
		sent += len;
	}
}

static void
turn_open(struct tunnel *t)
{
	int	 i, r = 1;

	t->got = 0;
	if (t->flags & TUNNEL_F_LISTENS) {
		svc->dialect->turn(t);
		r = 0;
	}
	if (t->state != TUNNEL_OPEN)
		return;
	for (i = 0; i < TURN_READS && r == 1 && t->got < WIRE_BATCH; i++)
		r = turn_read(t);
	if (r == 1)
		tunnel_again(t);
	if (!(t->flags & TUNNEL_F_DYING))
		turn_write(t);
	if (r == 2 && wire_failed(&t->wire))
		tunnel_kill(t, TUNNEL_END_LOST, "failed while it was not read");
	/* Streams that ended while we wrote may have made room. */
	if (r == 2 && !(t->flags & TUNNEL_F_DYING) &&
	    t->held_until <= worker_now() && session_want(t->session) > 0)
		tunnel_again(t);
}

/* ---- one that ends ---- */

/* Sends what is left, announces the end, reads until the peer ends too. */
static void
turn_ending(struct tunnel *t)
{
	ssize_t	 n;

	tunnel_leave(t);
	if (tunnel_flush(t) != 0)
		return;
	if (!(t->flags & TUNNEL_F_LAST)) {
		t->flags |= TUNNEL_F_LAST;
		if (!(t->flags & TUNNEL_F_BARE))
			(void)seal_end(t->seal);
		wire_end(&t->wire);
	}
	if (tunnel_flush(t) != 0)
		return;
	/* Only once: each call makes an edge, which starts our next turn. */
	if (!(t->flags & TUNNEL_F_SHUT) &&
	    shutdown(t->wire.fd, SHUT_WR) == -1) {
		tunnel_kill(t, t->end, "%s", t->words);
		return;
	}
	t->flags |= TUNNEL_F_SHUT;
	n = read(t->wire.fd, batch, sizeof(batch));
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		tunnel_kill(t, t->end, "%s", t->words);
		return;
	}
	if (t->patience != 0)
		t->deadline = worker_now() + t->patience;
	if (t->ended != 0 && t->deadline > t->ended)
		t->deadline = t->ended;
	tunnel_again(t);
}

/* ---- deadlines ---- */

static void
turn_overdue(struct tunnel *t)
{
	if (t->state == TUNNEL_OPEN && (t->flags & TUNNEL_F_ABORT))
		tunnel_kill(t, TUNNEL_END_CLEAN, "its user was reset");
	else if (t->state == TUNNEL_OPEN) {
		log_info("tunnel %u: %u connections cut: they did not end in "
		    "time", t->serial, t->relays);
		tunnel_finish(t, TUNNEL_END_CLEAN, "not drained in time");
	} else
		tunnel_kill(t, TUNNEL_END_LOST, "not open in time");
}

/* Deadlines; returns the next one. */
static uint64_t
turn_deadline(struct tunnel *t, uint64_t now)
{
	uint64_t	 next = UINT64_MAX, at;

	if (t->deadline != 0) {
		if (now >= t->deadline)
			turn_overdue(t);
		next = t->deadline;
	}
	if ((at = tunnelhold_deadline(t, now)) < next)
		next = at;
	if ((at = tunneldeaf_deadline(t, now)) < next)
		next = at;
	if (t->probe_until != 0) {
		if (now >= t->probe_until)
			tunnel_kill(t, TUNNEL_END_LOST, "no answer to a ping "
			    "after its client came anew");
		if (t->probe_until < next)
			next = t->probe_until;
	}
	if (t->held_until > now && t->held_until < next)
		next = t->held_until;
	if (t->session != NULL) {
		if ((at = session_tick(t->session, now)) == 0)
			tunnel_kill(t, TUNNEL_END_LOST, "%s",
			    t->session->error);
		else if (at < next)
			next = at;
	}
	if (svc->dialect->tick != NULL &&
	    (t->state == TUNNEL_OPEN || t->state == TUNNEL_CONTROL) &&
	    (at = svc->dialect->tick(t, now)) < next)
		next = at;
	return (next);
}

/* The timer is only ever set earlier: if it fires too soon, no harm is done. */
static void
turn_set_timer(struct tunnel *t, uint64_t now, uint64_t at)
{
	struct timeval	 tv;

	if (at >= t->timer_at || at == UINT64_MAX)
		return;
	t->timer_at = at;
	at = at > now ? at - now : 0;
	tv.tv_sec = at / 1000000;
	tv.tv_usec = at % 1000000;
	event_add(&t->ev_timer, &tv);
}

/* ---- any ---- */

/*
 * Without a mux all is over.  What is under way is still sent, however slowly
 * the peer's reader takes it, as long as the peer shows that it lives.  A reset
 * does not wait so long: if the peer, whose reader has stopped, does not see
 * it, the connection itself is reset.
 */
static void
turn_over(struct tunnel *t)
{
	int	 aborted = t->session->aborted;

	if (t->session->aborting) {	/* no octets can say so */
		t->flags |= TUNNEL_F_ABORT;
		tunnel_kill(t, TUNNEL_END_CLEAN, "its user was reset");
		return;
	}
	tunnel_finish(t, TUNNEL_END_CLEAN, "its user is done");
	if (aborted) {
		t->flags |= TUNNEL_F_ABORT;
		return;
	}
	t->patience = t->session->conf.timeout_ms * 1000ULL;
	if (t->patience == 0)
		t->patience = ENDING_MAX_US;
	t->ended = worker_now() + ENDING_MAX_US;
	t->deadline = worker_now() + t->patience;
}

/* Acts on what the session says of itself. */
static void
turn_heed_session(struct tunnel *t)
{
	struct session	*s = t->session;

	if (s->notice != NULL) {
		log_warnx("tunnel %u: %s: the peer %s", t->serial,
		    addr_print(&t->peer), s->notice);
		s->notice = NULL;
	}
	if (s->worn && !(t->flags & TUNNEL_F_OLD))
		tunnel_replace(t);
	if (s->peer_drains && !(t->flags & TUNNEL_F_PEER_DRAINS)) {
		t->flags |= TUNNEL_F_PEER_DRAINS;
		tunnel_peer_drains(t);
	}
	if (s->done)
		turn_over(t);
	else if (s->aborting && !(t->flags & TUNNEL_F_ABORT)) {
		/* Our reset waits behind what the peer does not read. */
		t->flags |= TUNNEL_F_ABORT;
		t->deadline = worker_now() + TUNNEL_ENDING_US;
	}
}

/* Is it in this state, and not dying? */
static int
turn_is(const struct tunnel *t, enum tunnel_state state)
{
	return (t->state == state && !(t->flags & TUNNEL_F_DYING));
}

/*
 * Is there nothing left to wait for?  The side that opens streams waits for
 * them to end; a control channel waits for all the tunnels it may speak of.
 */
static int
turn_drained(const struct tunnel *t)
{
	if (t->state == TUNNEL_CONTROL)
		return (svc->ntunnels == svc->ncontrol && svc->nflows == 0);
	return (t->state == TUNNEL_OPEN && tunnel_empty(t) && (svc->opens ||
	    (svc->dialect->mute && tunnel_muxed(t))));
}

static void
turn_states(struct tunnel *t)
{
	if (t->state == TUNNEL_WEB) {
		if (wsopen_turn(t) == 1)
			t->state = TUNNEL_OPENING;
		if (!(t->flags & TUNNEL_F_DYING))
			(void)tunnel_flush(t);
	}
	if (turn_is(t, TUNNEL_OPENING) || turn_is(t, TUNNEL_CONTROL))
		svc->dialect->turn(t);
	if (turn_is(t, TUNNEL_OPEN))
		turn_open(t);
	if (turn_is(t, TUNNEL_OPEN))
		turn_heed_session(t);
	if ((t->flags & TUNNEL_F_DRAINING) && turn_drained(t))
		tunnel_finish(t, TUNNEL_END_CLEAN, "drained");
	if (turn_is(t, TUNNEL_ENDING))
		turn_ending(t);
}

void
turn_event(evutil_socket_t fd, short what, void *arg)
{
	struct tunnel	*t = arg;
	uint64_t	 now = worker_now(), next;

	(void)fd;
	(void)what;
	t->flags |= TUNNEL_F_TURN;
	wire_pace(&t->wire, now);
	next = turn_deadline(t, now);
	t->got = 0;
	if (!(t->flags & TUNNEL_F_DYING))
		turn_states(t);
	if (seal_pause(t->seal) == -1)
		tunnel_kill(t, TUNNEL_END_LOST, "%s", seal_error(t->seal));
	if (!(t->flags & TUNNEL_F_DYING))
		tunnelhold_look(t, now);
	t->flags &= ~TUNNEL_F_TURN;
	/* What was sent or came in moves the deadlines. */
	if (!(t->flags & TUNNEL_F_DYING))
		next = turn_deadline(t, now);
	if (t->flags & TUNNEL_F_DYING) {
		tunnel_free(t);
		svc->events->changed();
		return;
	}
	turn_set_timer(t, now, next);
	budget_enforce(&svc->budget);
}

/* The loop's clock is coarser than ours: it may fire some ms early. */
void
turn_timer(evutil_socket_t fd, short what, void *arg)
{
	struct tunnel	*t = arg;

	t->timer_at = UINT64_MAX;
	turn_event(fd, what, t);
}
