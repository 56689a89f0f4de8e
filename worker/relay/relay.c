/* SPDX-License-Identifier: ISC */

/*
 * One relay a stream: see relay.h.  The socket's event is edge-triggered and
 * stays registered for the life of the socket, so flags remember what an edge
 * said until a read or write finds otherwise.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/net/httpbody.h"
#include "worker/net/pipes.h"
#include "worker/tunnel/tunnel.h"
#include "worker/frame/worker.h"
#include "heldend.h"
#include "linger.h"
#include "opener.h"
#include "proxy.h"
#include "relay.h"
#include "relaylz.h"
#include "reset.h"
#include "target.h"
#include "throttle.h"
#include "wants.h"

#define RELAY_READABLE	0x0001	/* a read may give something */
#define RELAY_WRITABLE	0x0002	/* a write may take something */
#define RELAY_EOF	0x0008	/* end of file: our direction has ended */
#define RELAY_FIN	0x0010	/* the peer's direction has ended */
#define RELAY_SHUT	0x0020	/* and the socket was told */
#define RELAY_EVENT	0x0200	/* ev is added */
#define RELAY_COPIES	0x0400	/* a socket that no pipe can be used with */
#define RELAY_PIPING	0x0800	/* on the list of those with pipes */
#define RELAY_CLOSED	0x1000	/* the end is in the socket already */
#define RELAY_FRESH	0x2000	/* no edge has come yet */
#define RELAY_TOLD	0x4000	/* its user was told that it is connected */

/* After so many large reads, or full ones of so much, the next is by pipe. */
#define BULK_FULLS	4
#define BULK_FULL_MIN	16384
/* Fewer octets than this do not pay for a pipe's two calls more. */
#define BULK_PAYS	32768
/* A socket that takes nothing gives its pipes back after so long. */
#define PIPE_US		(1 * 1000000ULL)
#define RETRY_SECONDS	4		/* relay_retry */
/* A user whose target makes sessions die may not have them all. */
#define SESSIONS_MAX	4

static struct service	*svc;
static struct relays	 piping = TAILQ_HEAD_INITIALIZER(piping);

static size_t	 relay_pull(struct stream *, uint8_t *, size_t);
static void	 relay_data(struct stream *, const uint8_t *, size_t);
static void	 relay_fin(struct stream *);
static void	 relay_reset(struct stream *, enum reset_reason);
static void	 relay_closed(struct stream *);
static size_t	 relay_bulk(struct stream *, struct pipebuf *, size_t);
static ssize_t	 relay_divert(struct stream *, int, size_t);
static void	 relay_go(struct relay *, enum throttle_way);

static const struct stream_owner relay_owner = {
	relay_pull, relay_data, relay_fin, relay_reset, relay_closed,
	relay_bulk, relay_divert
};

void
relay_init(struct service *service)
{
	svc = service;
	outq_init(&service->budget);
	hold_init(service);
	target_init(service);
	relaylz_init(service);
	throttle_init(service, relay_go);
	heldend_init(service);
	linger_init(service);
	opener_init(service);
	proxy_init(service);
}

static struct relay *
relay_new(int fd)
{
	struct relay	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	if (throttle_begin(r) == -1) {
		free(r);
		return (NULL);
	}
	r->fd = fd;
	r->since = r->moved = worker_now();
	TAILQ_INSERT_TAIL(&svc->relays, r, entry);
	svc->nrelays++;
	svc->budget.fds++;
	hold_begin(r);
	return (r);
}

/* Keeps the list of relays with pipes, where relay_tick finds slow ones. */
static void
relay_piping(struct relay *r)
{
	int	 on = (r->flags & RELAY_PIPING) != 0;

	if (on == (r->out.pipes > 0))
		return;
	r->flags ^= RELAY_PIPING;
	if (on)
		TAILQ_REMOVE(&piping, r, piping);
	else
		TAILQ_INSERT_TAIL(&piping, r, piping);
}

/* By the port of its listener, or of its target. */
static void
relay_count(struct relay *r)
{
	if (svc->conf.opts.usage && (r->flags & RELAY_EVENT))
		svc->used(&r->usage, r->other.port, r->octets_in,
		    r->octets_out);
}

/* The stream is gone: gives up all that there was for it. */
static void
relay_leave(struct relay *r)
{
	relay_count(r);
	if (r->flags & RELAY_EVENT)
		event_del(&r->ev);
	heldend_remove(r);
	linger_remove(r);
	outq_clear(&r->out);
	relay_piping(r);
	relaylz_end(r);
	memset(&r->counted, 0, sizeof(r->counted));
	free(r->pre);
	r->pre = NULL;
	if (r->tunnel != NULL)
		tunnel_relay_gone(r->tunnel);
	r->tunnel = NULL;
	r->flags = 0;
}

/* Closes the socket, with an RST when rst, and frees.  The stream is gone. */
static void
relay_close(struct relay *r, int rst)
{
	target_cancel(r);
	proxy_end(r);
	relay_leave(r);
	if (r->fd != -1) {
		if (!rst)
			reset_on_close(r->fd, 0);
		close(r->fd);
	}
	throttle_end(r);
	free(r->body);
	free(r->named);
	hold_end(r);
	wants_end(r);
	TAILQ_REMOVE(&svc->relays, r, entry);
	svc->nrelays--;
	svc->budget.fds--;
	free(r);
}

/* All has been said in both directions. */
static void
relay_over(struct relay *r)
{
	if (r->body != NULL) {
		relay_leave(r);
		if (proxy_linger(r) == 0)
			return;
	}
	relay_close(r, 0);
}

static void
relay_end_stream(struct relay *r, enum reset_reason reason)
{
	struct stream	*st = r->stream;

	if (st == NULL)
		return;
	r->stream = NULL;
	svc->stats.resets++;
	session_reset(st, reason);
}

void
relay_abort(struct relay *r, enum reset_reason reason)
{
	relay_end_stream(r, reason);
	relay_close(r, 1);
}

void
relay_refuse(struct relay *r, enum reset_reason reason)
{
	relay_end_stream(r, reason);
	if (r->proxy == NULL) {
		relay_close(r, 1);
		return;
	}
	relay_leave(r);
	proxy_refuse(r, reason);
}

/* Its target is connected, or its dialect does not say.  -1: it is gone. */
static int
relay_tell(struct relay *r)
{
	ssize_t	 n;

	if ((n = proxy_connected(r)) == -1) {
		relay_abort(r, RESET_ABORT);
		return (-1);
	}
	r->flags |= RELAY_TOLD;
	r->octets_out += n;
	svc->stats.octets_out += n;
	return (0);
}

/*
 * As outq_send, but unpacks the octets of a stream with LZ4; the plain ones
 * may then wait in r->lz.  0: none may pass now.  When it takes less, the next
 * edge says when there is room.
 */
static ssize_t
relay_put(struct relay *r, const uint8_t *p, size_t len)
{
	ssize_t	 n;
	size_t	 may;

	if (r->lz != NULL) {
		n = relaylz_write(r, p, len);
		if (n != -1 && ((size_t)n < len || lz_waits(r->lz) > 0) &&
		    !throttle_waits(r, THROTTLE_WRITE))
			r->flags &= ~RELAY_WRITABLE;
		return (n);
	}
	if ((may = throttle_may(r, THROTTLE_WRITE, len)) == 0)
		return (0);
	n = outq_send(r->fd, p, may);
	throttle_moved(r, THROTTLE_WRITE, n > 0 ? n : 0);
	if (n != -1 && (size_t)n < may)
		r->flags &= ~RELAY_WRITABLE;
	return (n);
}

/*
 * Has its socket failed?  The kernel tells once, by this, a read or a write:
 * who is told must end the relay, for the next read finds an end in order.
 */
static int
relay_failed(struct relay *r)
{
	socklen_t	 len;
	int		 error = 0;

	len = sizeof(error);
	if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	return (error != 0);
}

/* How a failed write ends the relay. */
static void
relay_broken(struct relay *r)
{
	enum reset_reason	 why = RESET_ABORT;

	if (r->lz != NULL && errno == EPROTO) {
		log_info("relay: a peer's block cannot be unpacked");
		svc->stats.lz_faults++;
		why = RESET_PROTOCOL;
	} else if (r->lz != NULL && errno == ENOMEM) {
		log_warnx("relay: no memory to unpack a peer's block");
		svc->stats.memory_resets++;
		why = RESET_MEMORY;
	}
	relay_abort(r, why);
}

int
relay_waits(const struct relay *r)
{
	return (r->out.len > 0 || (r->lz != NULL && lz_waits(r->lz) > 0));
}

/*
 * Passes the peer's end to the socket once everything before it is written.
 * -1: it came within a block or cannot be passed on, and the relay is gone.
 */
static int
relay_shut(struct relay *r)
{
	if (!(r->flags & RELAY_FIN) || (r->flags & RELAY_SHUT) ||
	    relay_waits(r) || r->fd == -1)
		return (0);
	if (r->lz != NULL && !lz_whole(r->lz)) {
		errno = EPROTO;
		relay_broken(r);
		return (-1);
	}
	r->flags |= RELAY_SHUT;
	/* ENOTCONN: the socket has ended meanwhile; the read will say how. */
	if (shutdown(r->fd, SHUT_WR) == 0 || errno == ENOTCONN)
		return (0);
	log_warn("relay: shutdown");
	relay_abort(r, RESET_ABORT);
	return (-1);
}

/* ---- ends, to a peer without half-close ---- */

/* There an end of one direction is that of both. */
static int
relay_ends_both(const struct relay *r)
{
	return (!(r->stream->session->conf.caps & CAP_HALFCLOSE));
}

/*
 * The socket sends no more.  A target's end is told at once, for its user waits
 * for it; a user may wait for an answer that is on its way.
 */
static void
relay_ended(struct relay *r)
{
	if (r->flags & RELAY_EOF)
		return;			/* it was read once more */
	r->flags |= RELAY_EOF;
	if (!relay_ends_both(r) || !svc->opens) {
		session_fin(r->stream);
		return;
	}
	heldend_add(r);
}

/* The peer reads no more either, once it has ended: what we had is in vain. */
static void
relay_end_ours(struct relay *r)
{
	if (!(r->flags & RELAY_FIN) || !relay_ends_both(r) || r->fd == -1)
		return;
	if (!heldend_remove(r) && (r->flags & RELAY_EOF))
		return;			/* it knows */
	r->flags |= RELAY_EOF;
	session_fin(r->stream);
}

/* As write(2), for what waits. */
static ssize_t
relay_write(struct relay *r)
{
	const uint8_t	*p;
	size_t		 len;
	ssize_t		 n;

	if (r->lz == NULL) {
		len = throttle_may(r, THROTTLE_WRITE, r->out.len);
		if (len == 0)
			return (0);
		n = outq_write(&r->out, r->fd, len);
		throttle_moved(r, THROTTLE_WRITE, n > 0 ? n : 0);
		relay_piping(r);
		return (n);
	}
	p = outq_first(&r->out, &len);
	if ((n = relay_put(r, p, len)) > 0)
		outq_drop(&r->out, n);
	return (n);
}

/* Writes what is queued; -1 when the socket failed and the relay is gone. */
static int
relay_flush(struct relay *r)
{
	ssize_t	 n;

	while (relay_waits(r) && (r->flags & RELAY_WRITABLE)) {
		if ((n = relay_write(r)) == -1) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN) {
				r->flags &= ~RELAY_WRITABLE;
				break;
			}
			relay_broken(r);
			return (-1);
		}
		if (n == 0 && !(r->flags & RELAY_WRITABLE))
			break;		/* no progress */
		r->moved = worker_now();
		hold_took(r, n);
		if (n > 0)
			ledger_progress(&r->charge);
		if (r->stream != NULL && n > 0)
			session_consumed(r->stream, n);
		if (throttle_waits(r, THROTTLE_WRITE))
			break;
	}
	hold_look(r);
	return (relay_shut(r));
}

/* It waited, and may move something again. */
static void
relay_go(struct relay *r, enum throttle_way way)
{
	if (way == THROTTLE_READ) {
		if (r->stream != NULL && (r->flags & RELAY_READABLE) &&
		    !(r->flags & RELAY_EOF))
			session_ready(r->stream);
		else
			throttle_moved(r, way, 0);
		return;
	}
	if (relay_flush(r) == -1)
		return;
	throttle_moved(r, way, 0);
	if (r->stream == NULL && r->proxy == NULL && !relay_waits(r))
		relay_over(r);
}

static void
relay_event(evutil_socket_t fd, short what, void *arg)
{
	struct relay	*r = arg;

	(void)fd;
	r->flags &= ~RELAY_FRESH;
	/* Nobody reads it now, so nobody else would find out. */
	if ((what & EV_READ) && (r->flags & RELAY_READABLE) &&
	    relay_failed(r)) {
		relay_abort(r, RESET_ABORT);
		return;
	}
	if (what & EV_READ)
		r->flags |= RELAY_READABLE;
	if (what & EV_WRITE)
		r->flags |= RELAY_WRITABLE;
	if (what & EV_CLOSED)
		r->flags |= RELAY_CLOSED;
	if (relay_waits(r) && relay_flush(r) == -1)
		return;
	if (r->stream == NULL) {
		if (!relay_waits(r))
			relay_over(r);
		return;
	}
	if ((r->flags & RELAY_READABLE) && !(r->flags & RELAY_EOF))
		session_ready(r->stream);
}

/*
 * The socket is there: watches it.  The first event tells what has happened to
 * it by then.  -1: no memory.
 */
static int
relay_attach(struct relay *r, uint16_t flags)
{
	if (event_assign(&r->ev, svc->base, r->fd, EV_READ | EV_WRITE |
	    EV_CLOSED | EV_PERSIST | EV_ET, relay_event, r) == -1 ||
	    event_add(&r->ev, NULL) == -1)
		return (-1);
	r->flags |= RELAY_EVENT | RELAY_FRESH | flags;
	return (0);
}

struct relay *
relay_new_user(int fd, const struct addr *user, const struct addr *listener)
{
	struct relay	*r;

	if ((r = relay_new(fd)) == NULL) {
		close(fd);
		return (NULL);
	}
	reset_on_close(fd, 1);
	r->user = *user;
	r->other = *listener;
	hold_charge(r, user);
	svc->stats.users++;
	return (r);
}

int
relay_say_first(struct relay *r, const uint8_t *buf, size_t len)
{
	if (len == 0 || (r->pre = malloc(len)) == NULL)
		return (-1);
	memcpy(r->pre, buf, len);
	r->pre_len = len;
	r->pre_off = 0;
	return (0);
}

int
relay_open(struct relay *r, struct tunnel *t)
{
	if (opener_want(r, t) == -1)
		return (-1);
	r->stream = session_open(t->session, &relay_owner, r, 0);
	if (r->stream == NULL) {
		free(r->pre);
		r->pre = NULL;
		return (-1);
	}
	r->tunnel = t;
	r->sessions++;
	tunnel_relay_added(t);
	r->moved = worker_now();
	if (relaylz_start(r) == -1 ||
	    relay_attach(r, RELAY_READABLE | RELAY_WRITABLE) == -1) {
		log_warn("relay: cannot watch a user's socket");
		relay_abort(r, RESET_POLICY);
		return (0);
	}
	if (r->proxy != NULL && svc->dialect->get_answer == NULL &&
	    relay_tell(r) == -1)
		return (0);
	session_ready(r->stream);
	return (0);
}

int
relay_accept(struct stream *st, struct tunnel *t)
{
	struct relay	*r;

	if (budget_full(&svc->budget) && !hold_make_room()) {
		budget_was_full(&svc->budget, worker_now(),
		    "streams are refused");
		return (-1);
	}
	if ((r = relay_new(-1)) == NULL) {
		log_warn("relay");
		return (-1);
	}
	st->owner = &relay_owner;
	st->arg = r;
	r->stream = st;
	r->tunnel = t;
	wants_begin(r, &t->peer);
	svc->stats.users++;
	tunnel_relay_added(t);
	return (0);
}

int
relay_connected(struct relay *r)
{
	if (relay_attach(r, RELAY_WRITABLE) == -1)
		return (-1);
	if (relay_flush(r) == -1)
		return (0);
	if (r->pre != NULL)
		session_ready(r->stream);
	relay_end_ours(r);
	return (0);
}

/*
 * A read of the socket gave octets for the stream, its end, or nothing.  Behind
 * an end there may be a reset already, of which no read tells.  Returns how
 * many octets; after 0 the relay may be gone.
 */
static size_t
relay_took(struct relay *r, ssize_t n)
{
	if (n > 0) {
		/*
		 * After a short read it may still be readable: an end or an
		 * error may follow, with no edge to come.  EAGAIN says no.
		 */
		r->octets_out += n;
		svc->stats.octets_out += n;
		svc->stats.pieces_out++;
		ledger_progress(&r->charge);
		return (n);
	}
	if (n == 0 && !relay_failed(r))
		relay_ended(r);
	else if (n == -1 && errno == EAGAIN)
		r->flags &= ~RELAY_READABLE;
	else
		relay_abort(r, RESET_ABORT);
	return (0);
}

/* Its end is read once: without half-close it may not be passed on yet. */
static int
relay_may_read(const struct relay *r)
{
	return (r->fd != -1 && (r->flags & RELAY_READABLE) &&
	    !(r->flags & RELAY_EOF));
}

/* As read(2), but what is behind a request for one target is thrown away. */
static ssize_t
relay_read(struct relay *r, uint8_t *buf, size_t len)
{
	ssize_t	 n;

	do {
		n = read(r->fd, buf, len);
		if (n > 0 && r->body != NULL &&
		    (n = httpbody_take(r->body, buf, n)) == 0) {
			event_active(&r->ev, EV_READ, 0);	/* no edge */
			n = -1;
			errno = EAGAIN;
		}
	} while (n == -1 && errno == EINTR);
	return (n);
}

/* As a read into buf, but makes a block of what it gave. */
static size_t
relay_pack(struct relay *r, uint8_t *buf, size_t max)
{
	uint8_t	*p;
	size_t	 len;
	ssize_t	 n;

	if ((len = lz_rest(r->lz, buf, max)) == 0) {
		if (!relay_may_read(r))
			return (0);
		p = lz_space(r->lz, buf, max, &len);
		if ((len = throttle_may(r, THROTTLE_READ, len)) == 0)
			return (0);
		n = relay_read(r, p, len);
		throttle_moved(r, THROTTLE_READ, n > 0 ? n : 0);
		if ((len = relay_took(r, n)) == 0)
			return (0);
		len = lz_pack(r->lz, buf, max, len, budget_tight(&svc->budget));
	}
	relaylz_count(r);
	r->lz_used = worker_now();
	hold_look(r);
	hold_took(r, 0);
	return (len);
}

/*
 * Notes whether the socket has much: a read gave n octets of max.  A read that
 * found nothing for the moment says nothing about the next.
 */
static void
relay_gauge(struct relay *r, ssize_t n, size_t max)
{
	if (n >= BULK_PAYS || (n >= BULK_FULL_MIN && (size_t)n == max)) {
		if (r->fulls < BULK_FULLS)
			r->fulls++;
	} else if (n >= 0 && r->fulls > 0)
		r->fulls--;
}

static size_t
relay_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct relay	*r = st->arg;
	size_t		 done = 0, may;
	ssize_t		 n;

	if (r->pre != NULL) {
		if ((done = r->pre_len - r->pre_off) > max)
			done = max;
		memcpy(buf, r->pre + r->pre_off, done);
		r->pre_off += done;
		if (r->pre_off < r->pre_len)
			return (done);
		free(r->pre);
		r->pre = NULL;
		if (r->fd == -1) {
			session_fin(st);	/* the answer was a failure */
			return (done);
		}
	}
	if (done == max)
		return (done);
	if (r->lz != NULL)
		return (done + relay_pack(r, buf + done, max - done));
	if (!relay_may_read(r))
		return (done);
	if ((may = throttle_may(r, THROTTLE_READ, max - done)) == 0)
		return (done);
	n = relay_read(r, buf + done, may);
	throttle_moved(r, THROTTLE_READ, n > 0 ? n : 0);
	relay_gauge(r, n, max - done);
	/* The first edge is still to come, and tells of any more octets. */
	if (n < (ssize_t)may && (r->flags & RELAY_FRESH))
		r->flags &= ~RELAY_READABLE;
	if ((n = relay_took(r, n)) == 0)
		return (done);
	done += n;
	/* An end that is there already may go out with these octets. */
	if ((r->flags & RELAY_CLOSED) && done < max && (size_t)n < may) {
		n = relay_read(r, buf + done, max - done);
		throttle_moved(r, THROTTLE_READ, n > 0 ? n : 0);
		done += relay_took(r, n);
	}
	return (done);
}

/* Empties a socket that has much by pipe. */
static size_t
relay_bulk(struct stream *st, struct pipebuf *pipe, size_t max)
{
	struct relay	*r = st->arg;
	ssize_t		 n;

	if (r->fulls < BULK_FULLS || r->pre != NULL || !relay_may_read(r) ||
	    (r->flags & RELAY_COPIES) || r->lz != NULL || r->body != NULL ||
	    (max = throttle_may(r, THROTTLE_READ, max)) == 0)
		return (0);
	n = pipes_fill(pipe, r->fd, max);
	throttle_moved(r, THROTTLE_READ, n > 0 ? n : 0);
	if (n >= 0 && n < BULK_PAYS)
		r->fulls--;
	if (n == -1 && errno == EINVAL) {
		r->flags |= RELAY_COPIES;
		return (0);
	}
	/* Before an urgent octet it seems to be empty, or at its end. */
	if (n == 0 || (n == -1 && errno == EAGAIN))
		return (0);
	svc->stats.octets_piped += n > 0 ? n : 0;
	return (relay_took(r, n));
}

static ssize_t
relay_divert(struct stream *st, int fd, size_t len)
{
	struct relay	*r = st->arg;
	ssize_t		 n;

	if (r->fd == -1 || (r->flags & RELAY_COPIES) || r->lz != NULL ||
	    r->awaits) {
		errno = EOPNOTSUPP;
		return (-1);
	}
	if ((n = outq_fill(&r->out, fd, len)) > 0) {
		svc->stats.octets_piped += n;
		relay_piping(r);
	}
	return (n);
}

/* A reader that stopped may keep memory, but no pipes: others need them. */
static void
relay_unpipe(struct relay *r)
{
	if (outq_unpipe(&r->out) == -1) {
		log_warn("relay: cannot copy a pipe into memory");
		relay_abort(r, RESET_MEMORY);
		return;
	}
	relay_piping(r);
	hold_look(r);
}

/* The first octet for a user, where it is an answer.  -1: he is gone. */
static int
relay_answered(struct relay *r, uint8_t answer)
{
	enum reset_reason	 why;

	r->awaits = 0;
	session_consumed(r->stream, 1);
	why = svc->dialect->get_answer(r->tunnel, answer);
	if (why == RESET_NONE)
		return (r->proxy == NULL ? 0 : relay_tell(r));
	relay_refuse(r, why);
	return (-1);
}

static void
relay_data(struct stream *st, const uint8_t *p, size_t len)
{
	struct relay	*r = st->arg;
	ssize_t		 n = 0;

	svc->stats.pieces_in += !r->wants;
	if (r->awaits && (relay_answered(r, *p++) == -1 || --len == 0))
		return;
	if (r->lz == NULL && !r->wants) {
		r->octets_in += len;
		svc->stats.octets_in += len;
	}
	if (p == NULL) {		/* it is in the pipe */
		if (relay_flush(r) == 0)
			budget_enforce(&svc->budget);
		return;
	}
	if (r->fd == -1 && !r->wants && r->dial == 0) {
		/* The dial failed; nobody takes what comes. */
		session_consumed(st, len);
		return;
	}
	if (r->fd != -1 && !relay_waits(r) && (r->flags & RELAY_WRITABLE)) {
		if ((n = relay_put(r, p, len)) == -1) {
			if (errno != EAGAIN) {
				relay_broken(r);
				return;
			}
			n = 0;
			r->flags &= ~RELAY_WRITABLE;
		}
		r->moved = worker_now();
		hold_look(r);
		hold_took(r, n);
		if (n > 0) {
			ledger_progress(&r->charge);
			session_consumed(st, n);
		}
		if ((size_t)n == len)
			return;
	}
	if (outq_append(&r->out, p + n, len - n) == -1) {
		log_warn("relay");
		relay_abort(r, RESET_MEMORY);
		return;
	}
	if (r->wants && target_want(r) == -1)
		return;
	hold_look(r);
	budget_enforce(&svc->budget);
}

static void
relay_fin(struct stream *st)
{
	struct relay	*r = st->arg;

	r->flags |= RELAY_FIN;
	if (r->wants) {
		target_unsaid(r);
		return;
	}
	if (r->awaits)
		relay_refuse(r, RESET_PROTOCOL);
	else if (relay_shut(r) == 0)
		relay_end_ours(r);
}

/* Nothing passed either way, so another session does as well. */
static int
relay_can_move(const struct relay *r)
{
	return (svc->opens && !svc->stopping && r->octets_in == 0 &&
	    r->octets_out == 0 && !(r->flags & (RELAY_FIN | RELAY_TOLD)) &&
	    r->out.len == 0 && r->sessions < SESSIONS_MAX &&
	    !opener_has_said(r));
}

/* It is as it was when it came. */
static void
relay_move(struct relay *r)
{
	relay_leave(r);
	r->since = worker_now();
	svc->stats.moved++;
	svc->again(r);
}

static void
relay_reset(struct stream *st, enum reset_reason reason)
{
	struct relay	*r = st->arg;

	r->stream = NULL;
	if (reason == RESET_TUNNEL && relay_can_move(r)) {
		relay_move(r);
		return;
	}
	svc->stats.resets++;
	if (reason == RESET_MEMORY) {
		svc->stats.memory_resets++;
		ledger_log(svc->users, &r->user, "reset: memory is short in "
		    "its tunnel, %llu octets waited here", (unsigned long long)
		    r->hold.octets);
	}
	relay_refuse(r, reason);
}

static void
relay_closed(struct stream *st)
{
	struct relay	*r = st->arg;

	r->stream = NULL;
	if (r->awaits) {
		relay_refuse(r, RESET_PROTOCOL);
		return;
	}
	tunnel_relay_gone(r->tunnel);
	r->tunnel = NULL;
	if (!relay_waits(r) || r->fd == -1) {
		relay_over(r);
		return;
	}
	linger_add(r);
}

/* Without memory for TCP an empty socket may refuse octets: no edge comes. */
static void
relay_retry(void)
{
	struct relay	*r, *next;

	TAILQ_FOREACH_SAFE(r, &svc->relays, entry, next)
		if ((r->flags & (RELAY_EVENT | RELAY_WRITABLE)) ==
		    RELAY_EVENT && relay_waits(r)) {
			r->flags |= RELAY_WRITABLE;
			relay_go(r, THROTTLE_WRITE);
		}
}

void
relay_tick(uint64_t now)
{
	struct relay	*r, *next;

	wants_tick(now, svc->conf.opts.handshake_timeout * 1000000ULL);
	linger_tick(now);
	if (now / 1000000 % RETRY_SECONDS == 0)
		relay_retry();
	relaylz_tick(now);
	if (svc->conf.opts.usage)
		TAILQ_FOREACH(r, &svc->relays, entry)
			relay_count(r);
	throttle_tick();
	TAILQ_FOREACH_SAFE(r, &piping, piping, next)
		if (now - r->moved >= PIPE_US)
			relay_unpipe(r);
}

int
relay_relieve(int any)
{
	struct relay	*r;

	if ((r = hold_victim(any)) == NULL)
		return (0);
	svc->stats.memory_resets++;
	ledger_log(svc->users, &r->user, "reset: memory is short, and for "
	    "%llu s it has not taken what waits, now %llu octets",
	    (unsigned long long)(worker_now() - r->hold.since) / 1000000,
	    (unsigned long long)r->hold.octets);
	relay_abort(r, RESET_MEMORY);
	return (1);
}

void
relay_describe(const struct relay *r, struct ctl_stream *cs)
{
	cs->kind = KIND_TCP;
	cs->stream = r->stream == NULL ? 0 : r->stream->id;
	cs->queued = r->out.len;
	cs->window = r->stream == NULL ? 0 : session_window(r->stream);
	cs->octets_in = r->octets_in;
	cs->octets_out = r->octets_out;
	cs->user = r->user;
	if (r->stream == NULL)
		cs->state = CTL_STREAM_CLOSING;
	else if (r->fd == -1)
		cs->state = CTL_STREAM_CONNECTING;
	else if (r->flags & RELAY_EOF)
		cs->state = CTL_STREAM_LOCAL_DONE;
	else if (r->flags & RELAY_FIN)
		cs->state = CTL_STREAM_REMOTE_DONE;
	else
		cs->state = CTL_STREAM_OPEN;
	if (!svc->opens)
		cs->target = r->other;
	if (r->named != NULL)
		strlcpy(cs->named, r->named, sizeof(cs->named));
}
