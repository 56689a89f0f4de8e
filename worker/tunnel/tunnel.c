/* SPDX-License-Identifier: ISC */

/*
 * See tunnel.h.  All work is done in tunnel_turn, which runs once in a turn
 * of the event loop however many sockets and streams asked for it, so that
 * what they have to send leaves in one system call.  Only tunnel_turn (and
 * the end of the process) frees a tunnel: everything below it may be called
 * from within the session.
 *
 * What the socket does not take waits in the wire; no stream is pulled while
 * it is there.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "tunnel.h"
#include "tunneldeaf.h"
#include "tunnelhold.h"
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
#define PROBE_US	(10 * 1000000ULL)
/* What comes so soon after it may have been on its way before. */
#define PROBE_OLD_US	(100 * 1000ULL)
/* Time for what is buffered to go out, and the peer's end to come in. */
#define ENDING_US	(2 * 1000000ULL)
/* However slowly its reader takes the rest, and whatever the peer says. */
#define ENDING_MAX_US	(3600 * 1000000ULL)

static struct service			*svc;
static uint8_t	 batch[WIRE_BATCH];	/* of the one tunnel whose turn it is */

static void	 tunnel_ready(void *, int);
static void	 tunnel_turn(evutil_socket_t, short, void *);
static void	 tunnel_timer(evutil_socket_t, short, void *);
static int	 tunnel_opened(struct stream *);
static void	 tunnel_wake(struct session *);
static struct pipebuf *tunnel_pipe(struct session *, size_t *);
static void	 tunnel_piped(struct session *, size_t);

const struct seal_io tunnel_seal_io = {
	wire_read,
	wire_write
};

const struct session_events tunnel_session_events = {
	tunnel_opened,
	tunnel_wake,
	tunnel_pipe,
	tunnel_piped
};

void
tunnel_init(struct service *service, const struct tunnel_events *ev)
{
	svc = service;
	svc->events = ev;
	tunnelhold_init(service);
}

const char *
tunnel_end_name(enum tunnel_end end)
{
	static const char	*names[] = {
		[TUNNEL_END_CLEAN] = "closed",
		[TUNNEL_END_LOST] = "lost",
		[TUNNEL_END_TOKEN] = "wrong token or unknown service",
		[TUNNEL_END_IMPOSTOR] = "impostor",
		[TUNNEL_END_REJECTED] = "refused",
		[TUNNEL_END_PROTOCOL] = "protocol error"
	};

	return (names[end]);
}

static int
tunnel_watch(struct tunnel *t, int fd)
{
	if (event_assign(&t->ev_turn, svc->base, -1, 0, tunnel_turn, t) ==
	    -1 || evtimer_assign(&t->ev_timer, svc->base, tunnel_timer, t) ==
	    -1)
		return (-1);
	return (wire_open(&t->wire, svc->base, &svc->budget, fd, tunnel_ready,
	    t));
}

static struct tunnel *
tunnel_make(const struct msg_tunnel *how, struct remote *remote)
{
	static uint32_t	 serial;
	struct tunnel	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->service = svc;
	t->number = how->number;
	t->remote = remote;
	t->transport = how->transport;
	t->state = t->transport & TRANSPORT_WS ? TUNNEL_WEB : TUNNEL_OPENING;
	t->peer = how->peer;
	t->local = how->local;
	t->deadline = worker_now() + how->left_ms * 1000ULL;
	t->timer_at = UINT64_MAX;
	t->serial = ++serial;
	return (t);
}

struct tunnel *
tunnel_new(int fd, const struct msg_tunnel *how, struct remote *remote)
{
	struct tunnel	*t;

	if ((t = tunnel_make(how, remote)) == NULL ||
	    svc->dialect->begin(t) == -1 || tunnel_watch(t, fd) == -1) {
		log_warnx("tunnel: no key yet, or no memory");
		if (t != NULL) {
			seal_free(t->seal);
			svc->dialect->free(t);
		}
		close(fd);
		free(t);
		return (NULL);
	}
	if (t->seal == NULL)
		t->flags |= TUNNEL_F_BARE;
	TAILQ_INSERT_TAIL(&svc->tunnels, t, entry);
	svc->ntunnels++;
	svc->budget.fds++;
	svc->stats.tunnels++;
	tunnelhold_begin(t);
	/*
	 * Not in this turn: the peer's key may be new, and the message that
	 * brings it may still wait in another channel.
	 */
	tunnel_again(t);
	return (t);
}

/* Counts it in its state, or (by -1) takes it out of the count. */
static void
tunnel_count(const struct tunnel *t, int by)
{
	if (t->state == TUNNEL_OPEN)
		svc->nopen += by;
	else if (t->state == TUNNEL_CONTROL)
		svc->ncontrol += by;
}

void
tunnel_free(struct tunnel *t)
{
	struct session	*s = t->session;

	t->flags |= TUNNEL_F_DYING;
	tunnel_count(t, -1);
	t->session = NULL;
	session_free(s);		/* resets every stream left */
	event_del(&t->ev_turn);
	event_del(&t->ev_timer);
	seal_free(t->seal);
	if (t->flags & TUNNEL_F_ABORT)
		wire_abort(&t->wire);
	wire_close(&t->wire);
	TAILQ_REMOVE(&svc->tunnels, t, entry);
	svc->ntunnels--;
	svc->budget.fds--;
	tunnelhold_end(t);
	svc->events->closed(t);
	svc->dialect->free(t);
	free(t->wskey);
	free(t);
	if (svc->ntunnels == svc->ncontrol)	/* what they waited for */
		TAILQ_FOREACH(t, &svc->tunnels, entry)
			tunnel_schedule(t);
}

/*
 * Does nothing within its own turn, which sees to all before it ends: the turn
 * would run again and again before the loop looks at any socket.
 */
void
tunnel_schedule(struct tunnel *t)
{
	if (!(t->flags & TUNNEL_F_TURN))
		event_active(&t->ev_turn, EV_TIMEOUT, 0);
}

void
tunnel_again(struct tunnel *t)
{
	struct timeval	 now = { 0, 0 };

	event_add(&t->ev_turn, &now);
}

/* The first reason is the one that counts. */
static void
tunnel_why(struct tunnel *t, enum tunnel_end end, const char *fmt, va_list ap)
{
	if (t->words[0] != '\0')
		return;
	t->end = end;
	vsnprintf(t->words, sizeof(t->words), fmt, ap);
	/* A broken WebSocket is the cause of all else. */
	if (wire_broken(&t->wire, t->words, sizeof(t->words)))
		t->end = TUNNEL_END_PROTOCOL;
}

void
tunnel_kill(struct tunnel *t, enum tunnel_end end, const char *fmt, ...)
{
	va_list	 ap;

	if (t->flags & TUNNEL_F_DYING)
		return;
	va_start(ap, fmt);
	tunnel_why(t, end, fmt, ap);
	va_end(ap);
	t->flags |= TUNNEL_F_DYING;
	tunnel_schedule(t);
}

void
tunnel_finish(struct tunnel *t, enum tunnel_end end, const char *fmt, ...)
{
	va_list	 ap;

	if (t->state == TUNNEL_ENDING || (t->flags & TUNNEL_F_DYING))
		return;
	va_start(ap, fmt);
	tunnel_why(t, end, fmt, ap);
	va_end(ap);
	tunnel_count(t, -1);
	t->state = TUNNEL_ENDING;
	t->deadline = worker_now() + ENDING_US;
	tunnel_schedule(t);
	svc->events->changed();
}

/*
 * Without a mux all is over.  What is under way is still sent, however slowly
 * the peer's reader takes it, as long as the peer shows that it lives.  A reset
 * does not wait so long: if the peer, whose reader has stopped, does not see
 * it, the connection itself is reset.
 */
static void
tunnel_over(struct tunnel *t)
{
	int	 aborted = t->session->aborted;

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

/* ---- octets ---- */

ssize_t
tunnel_get(struct tunnel *t, void *buf, size_t len)
{
	if (t->seal == NULL)
		return (wire_read(&t->wire, buf, len));
	return (seal_read(t->seal, buf, len));
}

ssize_t
tunnel_put(struct tunnel *t, const void *buf, size_t len)
{
	if (t->seal == NULL)
		return (wire_write(&t->wire, buf, len));
	return (seal_write(t->seal, buf, len));
}

/* Does the dialect see messages: WebSocket, and no seal on top? */
static int
tunnel_has_messages(const struct tunnel *t)
{
	if (t->wire.ws != NULL && t->seal == NULL)
		return (1);
	errno = ENOTSUP;
	return (0);
}

int
tunnel_get_message(struct tunnel *t, struct ws_message *m)
{
	if (!tunnel_has_messages(t))
		return (-1);
	return (wire_get_message(&t->wire, m));
}

int
tunnel_put_message(struct tunnel *t, enum ws_type type, const void *buf,
    size_t len)
{
	if (!tunnel_has_messages(t))
		return (-1);
	return (wire_put_message(&t->wire, type, buf, len));
}

/* Octets that were read and not handed out. */
static int
tunnel_pending(const struct tunnel *t)
{
	return (t->seal == NULL ? 0 : seal_pending(t->seal));
}

int
tunnel_flush(struct tunnel *t)
{
	int	 r;

	if ((r = wire_flush(&t->wire)) == -1)
		tunnel_kill(t, TUNNEL_END_LOST, "%s", strerror(errno));
	else if (r == 0)
		wire_idle(&t->wire);
	return (r);
}

/* ---- what the session asks ---- */

static int
tunnel_opened(struct stream *st)
{
	struct tunnel	*t = st->session->arg;

	bucket_take(&t->opens, 1);
	return (svc->dialect->opened(t, st));
}

/*
 * Of so many octets, how many may be read now, since the peer may open only so
 * many streams in a second; 0: none.
 */
static size_t
tunnel_may_read(struct tunnel *t, size_t want)
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

static void
tunnel_wake(struct session *s)
{
	tunnel_schedule(s->arg);
}

static struct pipebuf *
tunnel_pipe(struct session *s, size_t *max)
{
	struct tunnel	*t = s->arg;

	return (wire_pipe(&t->wire, max));
}

static void
tunnel_piped(struct session *s, size_t n)
{
	struct tunnel	*t = s->arg;

	wire_piped(&t->wire, n);
}

void
tunnel_relay_added(struct tunnel *t)
{
	t->relays++;
	if (tunnel_muxed(t))
		return;
	t->flags |= TUNNEL_F_USED;
	svc->nused++;
	svc->events->taken(t);
}

void
tunnel_relay_gone(struct tunnel *t)
{
	t->relays--;
	if (!tunnel_muxed(t))
		svc->nused--;
	/* The next turn sees if it is done, or has room for a waiting user. */
	tunnel_schedule(t);
	svc->events->changed();
}

/* ---- opening ---- */

void
tunnel_proven(struct tunnel *t)
{
	t->flags |= TUNNEL_F_PROVEN;
	svc->events->proven(t);
}

void
tunnel_run(struct tunnel *t, struct session *s, uint32_t streams)
{
	t->deadline = 0;
	t->opened = worker_now();
	t->state = s == NULL ? TUNNEL_CONTROL : TUNNEL_OPEN;
	if ((t->session = s) != NULL) {
		t->peer_streams = streams;
		meter_start(&t->meter, t->opened);
		/* Tell it the time before anything asks for a deadline. */
		(void)session_tick(s, t->opened);
	}
	tunnel_count(t, 1);
	svc->events->opened(t);
	if (t->flags & TUNNEL_F_DRAINING)
		tunnel_drain(t);
}

/* Its peer has said something. */
static void
tunnel_lives(struct tunnel *t)
{
	if (t->probe_until == 0)
		return;
	t->probe_until = 0;
	if (svc->dialect->lives != NULL)
		svc->dialect->lives(t);
}

void
tunnel_rtt(struct tunnel *t, uint32_t us)
{
	t->rtt_us = us;
	tunnel_lives(t);
	if (t->session != NULL)
		session_rtt(t->session, us);
}

/* ---- an open tunnel's turn ---- */

/* Would a read find anything but EAGAIN?  Asking OpenSSL is expensive. */
static int
tunnel_readable(const struct tunnel *t)
{
	return ((t->wire.flags & WIRE_F_READABLE) || t->wire.ws != NULL ||
	    tunnel_pending(t) > 0);
}

/*
 * Octets have come, which answer a probe: its own answer may wait behind many.
 */
static void
tunnel_heard(struct tunnel *t)
{
	ledger_progress(&t->charge);
	if (t->probe_until != 0 && (!tunnel_muxed(t) ||
	    worker_now() + PROBE_US - t->probe_until >= PROBE_OLD_US))
		tunnel_lives(t);
}

/* A read gave no octets, but n and error as read(2).  As tunnel_read. */
static int
tunnel_dry(struct tunnel *t, ssize_t n, int error)
{
	if (n == -1 && (error == EAGAIN || error == EINTR))
		return (0);
	if (t->relays > 0)
		tunnel_kill(t, TUNNEL_END_LOST, "%s with %u connections in it",
		    n == 0 ? "closed" : strerror(error), t->relays);
	else
		tunnel_kill(t, n == 0 ? TUNNEL_END_CLEAN : TUNNEL_END_LOST,
		    "%s", n == 0 ? "closed by the peer" : strerror(error));
	return (-1);
}

/* Diverts what is for one stream.  As tunnel_read; 3: no diversion, read it. */
static int
tunnel_divert(struct tunnel *t)
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
		tunnel_heard(t);
		session_diverted(t->session, n);
		return (1);
	}
	if (n == -1 && errno == EAGAIN)
		t->wire.flags &= ~WIRE_F_READABLE;
	return (tunnel_dry(t, n, errno));
}

/*
 * Reads at most one batch; 1: there may be more, 0: none, -1: it ended, 2: the
 * session takes none.
 */
static int
tunnel_read(struct tunnel *t)
{
	size_t	 want, len = 0;
	ssize_t	 n = 0;
	int	 error = 0, r;

	if ((want = session_want(t->session)) == 0)
		return (2);
	if (!tunnel_readable(t))
		return (0);
	if ((want = tunnel_may_read(t, want)) == 0)
		return (t->flags & TUNNEL_F_DYING ? -1 : 2);
	if ((r = tunnel_divert(t)) != 3)
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
	} while (len < want && tunnel_pending(t) > 0);
	t->got += len;
	if (len > 0)
		tunnel_heard(t);
	if (len > 0 && session_input(t->session, batch, len) == -1) {
		tunnel_kill(t, TUNNEL_END_PROTOCOL, "%s", t->session->error);
		return (-1);
	}
	return (n > 0 ? 1 : tunnel_dry(t, n, error));
}

/* Puts one batch into the wire; how many octets, 0: nothing to send. */
static size_t
tunnel_fill(struct tunnel *t)
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
		return (len);
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
tunnel_write(struct tunnel *t)
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
		len = tunnel_fill(t);
		sent += len;
	}
}

static void
tunnel_open_turn(struct tunnel *t)
{
	int	 i, r = 1;

	t->got = 0;
	for (i = 0; i < TURN_READS && r == 1 && t->got < WIRE_BATCH; i++)
		r = tunnel_read(t);
	if (r == 1)
		tunnel_again(t);
	if (!(t->flags & TUNNEL_F_DYING))
		tunnel_write(t);
	if (r == 2 && wire_failed(&t->wire))
		tunnel_kill(t, TUNNEL_END_LOST, "failed while it was not read");
	/* Streams that ended while we wrote may have made room. */
	if (r == 2 && !(t->flags & TUNNEL_F_DYING) &&
	    t->held_until <= worker_now() && session_want(t->session) > 0)
		tunnel_again(t);
}

/* Sends what is left, announces the end, reads until the peer ends too. */
static void
tunnel_ending_turn(struct tunnel *t)
{
	struct session	*s = t->session;
	ssize_t		 n;

	t->session = NULL;
	session_free(s);
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

static void
tunnel_overdue(struct tunnel *t)
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
tunnel_deadline(struct tunnel *t, uint64_t now)
{
	uint64_t	 next = UINT64_MAX, at;

	if (t->deadline != 0) {
		if (now >= t->deadline)
			tunnel_overdue(t);
		next = t->deadline;
	}
	if ((at = tunnelhold_deadline(t, now)) < next)
		next = at;
	if ((at = tunneldeaf_deadline(t, now)) < next)
		next = at;
	if (t->probe_until != 0) {
		if (now >= t->probe_until)
			tunnel_kill(t, TUNNEL_END_LOST, "no answer to a ping "
			    "after its client restarted");
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
	if ((t->state == TUNNEL_OPEN || t->state == TUNNEL_CONTROL) &&
	    (at = svc->dialect->tick(t, now)) < next)
		next = at;
	return (next);
}

/* The timer is only ever set earlier: if it fires too soon, no harm is done. */
static void
tunnel_set_timer(struct tunnel *t, uint64_t now, uint64_t at)
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

/* Acts on what the session says of itself. */
static void
tunnel_heed_session(struct tunnel *t)
{
	const struct session	*s = t->session;

	if (s->worn && !(t->flags & TUNNEL_F_OLD))
		tunnel_replace(t);
	if (s->peer_drains && !(t->flags & TUNNEL_F_PEER_DRAINS)) {
		t->flags |= TUNNEL_F_PEER_DRAINS;
		tunnel_peer_drains(t);
	}
	if (s->done)
		tunnel_over(t);
	else if (s->aborting && !(t->flags & TUNNEL_F_ABORT)) {
		/* Our reset waits behind what the peer does not read. */
		t->flags |= TUNNEL_F_ABORT;
		t->deadline = worker_now() + ENDING_US;
	}
}

/* Is it in this state, and not dying? */
static int
tunnel_is(const struct tunnel *t, enum tunnel_state state)
{
	return (t->state == state && !(t->flags & TUNNEL_F_DYING));
}

/*
 * Is there nothing left to wait for?  The side that opens streams waits for
 * them to end; a control channel waits for all the tunnels it may speak of.
 */
static int
tunnel_drained(const struct tunnel *t)
{
	if (t->state == TUNNEL_CONTROL)
		return (svc->ntunnels == svc->ncontrol);
	return (t->state == TUNNEL_OPEN && svc->opens && tunnel_empty(t));
}

static void
tunnel_states(struct tunnel *t)
{
	if (t->state == TUNNEL_WEB) {
		if (wsopen_turn(t) == 1)
			t->state = TUNNEL_OPENING;
		if (!(t->flags & TUNNEL_F_DYING))
			(void)tunnel_flush(t);
	}
	if (tunnel_is(t, TUNNEL_OPENING) || tunnel_is(t, TUNNEL_CONTROL))
		svc->dialect->turn(t);
	if (tunnel_is(t, TUNNEL_OPEN))
		tunnel_open_turn(t);
	if (tunnel_is(t, TUNNEL_OPEN))
		tunnel_heed_session(t);
	if ((t->flags & TUNNEL_F_DRAINING) && tunnel_drained(t))
		tunnel_finish(t, TUNNEL_END_CLEAN, "drained");
	if (tunnel_is(t, TUNNEL_ENDING))
		tunnel_ending_turn(t);
}

static void
tunnel_turn(evutil_socket_t fd, short what, void *arg)
{
	struct tunnel	*t = arg;
	uint64_t	 now = worker_now(), next;

	(void)fd;
	(void)what;
	t->flags |= TUNNEL_F_TURN;
	wire_pace(&t->wire, now);
	next = tunnel_deadline(t, now);
	t->got = 0;
	if (!(t->flags & TUNNEL_F_DYING))
		tunnel_states(t);
	if (seal_pause(t->seal) == -1)
		tunnel_kill(t, TUNNEL_END_LOST, "%s", seal_error(t->seal));
	if (!(t->flags & TUNNEL_F_DYING))
		tunnelhold_look(t, now);
	t->flags &= ~TUNNEL_F_TURN;
	/* What was sent or came in moves the deadlines. */
	if (!(t->flags & TUNNEL_F_DYING))
		next = tunnel_deadline(t, now);
	if (t->flags & TUNNEL_F_DYING) {
		tunnel_free(t);
		svc->events->changed();
		return;
	}
	tunnel_set_timer(t, now, next);
	budget_enforce(&svc->budget);
}

/* The loop's clock is coarser than ours: it may fire some ms early. */
static void
tunnel_timer(evutil_socket_t fd, short what, void *arg)
{
	struct tunnel	*t = arg;

	t->timer_at = UINT64_MAX;
	tunnel_turn(fd, what, t);
}

static void
tunnel_ready(void *arg, int later)
{
	if (later)
		tunnel_again(arg);
	else
		tunnel_schedule(arg);
}

/* ---- drain, probe, room ---- */

/* From now on `drain timeout' runs. */
static void
tunnel_draining(struct tunnel *t)
{
	if (t->state == TUNNEL_OPEN && t->deadline == 0 &&
	    svc->conf.opts.drain_timeout != 0)
		t->deadline = worker_now() +
		    svc->conf.opts.drain_timeout * 1000000ULL;
}

/* Tells the peer, once. */
static void
tunnel_tell_drain(struct tunnel *t)
{
	if (t->flags & TUNNEL_F_DRAIN_SENT)
		return;
	t->flags |= TUNNEL_F_DRAIN_SENT;
	svc->dialect->drain(t);
}

/* The other side may have opened it, and have given it a user by now. */
static int
tunnel_may_be_open(const struct tunnel *t)
{
	return (t->state == TUNNEL_OPENING && (t->flags & TUNNEL_F_OFFERED) &&
	    !(t->flags & TUNNEL_F_DYING));
}

void
tunnel_drain(struct tunnel *t)
{
	if (tunnel_may_be_open(t)) {
		t->flags |= TUNNEL_F_OLD | TUNNEL_F_DRAINING;
		return;
	}
	if (t->state != TUNNEL_OPEN && t->state != TUNNEL_CONTROL) {
		tunnel_finish(t, TUNNEL_END_CLEAN, "not needed any more");
		return;
	}
	t->flags |= TUNNEL_F_OLD | TUNNEL_F_DRAINING;
	tunnel_draining(t);
	tunnel_tell_drain(t);
	tunnel_schedule(t);
}

void
tunnel_replace(struct tunnel *t)
{
	if (tunnel_may_be_open(t)) {
		t->flags |= TUNNEL_F_OLD;
		return;
	}
	if (t->state != TUNNEL_OPEN && t->state != TUNNEL_CONTROL) {
		tunnel_finish(t, TUNNEL_END_CLEAN, "to be replaced");
		return;
	}
	t->flags |= TUNNEL_F_OLD;
	if (!svc->dials)
		tunnel_tell_drain(t);
	else
		svc->events->changed();
}

/* The side that opens streams stops that; the side that dials makes another. */
void
tunnel_peer_drains(struct tunnel *t)
{
	if (svc->opens) {
		t->flags |= TUNNEL_F_DRAINING;
		tunnel_draining(t);
	}
	t->flags |= TUNNEL_F_OLD;
	svc->events->drain(t);
	tunnel_schedule(t);
}

void
tunnel_peer_wants(struct tunnel *t, uint32_t more)
{
	svc->events->more(t, more);
}

int
tunnel_muxed(const struct tunnel *t)
{
	return ((t->transport & TRANSPORT_MUX) != 0);
}

int
tunnel_empty(const struct tunnel *t)
{
	return (t->relays == 0 && !(t->flags & TUNNEL_F_USED));
}

int
tunnel_has_room(const struct tunnel *t)
{
	if (!tunnel_muxed(t) && ((t->flags & TUNNEL_F_USED) ||
	    svc->nused >= svc->conf.opts.mux_max_streams))
		return (0);
	return (t->state == TUNNEL_OPEN && !(t->flags & (TUNNEL_F_DYING |
	    TUNNEL_F_DRAINING)) && t->relays < t->peer_streams &&
	    t->relays < svc->conf.opts.mux_max_streams);
}

void
tunnel_probe(struct tunnel *t)
{
	uint64_t	 now = worker_now();

	if (t->state != TUNNEL_OPEN || t->probe_until != 0)
		return;
	t->probe_until = now + PROBE_US;
	svc->dialect->probe(t, now);
	tunnel_schedule(t);
}

void
tunnel_ask_more(struct tunnel *t, uint32_t more)
{
	if (svc->dials)
		svc->events->more(t, more);
	else
		svc->dialect->more(t, more);
}
