/* SPDX-License-Identifier: ISC */

/*
 * See tunnel.h.  Nothing here frees a tunnel but tunnel_free: all else may be
 * called from within its session, and its turn (turn.h) sees to the rest.
 */

#include <sys/types.h>
#include <sys/queue.h>

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
#include "tunnelhold.h"
#include "turn.h"

static struct service	*svc;

static void	 tunnel_ready(void *, int);
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
	turn_init(service);
}

const char *
tunnel_end_name(enum tunnel_end end)
{
	static const char	*names[] = {
		[TUNNEL_END_CLEAN] = "closed",
		[TUNNEL_END_LOST] = "lost",
		[TUNNEL_END_TOKEN] = "wrong token or unknown service",
		[TUNNEL_END_IMPOSTOR] = "impostor",
		[TUNNEL_END_REPLAYED] = "replayed hello",
		[TUNNEL_END_REJECTED] = "refused",
		[TUNNEL_END_PROTOCOL] = "protocol error"
	};

	return (names[end]);
}

static int
tunnel_watch(struct tunnel *t, int fd)
{
	if (event_assign(&t->ev_turn, svc->base, -1, 0, turn_event, t) ==
	    -1 || evtimer_assign(&t->ev_timer, svc->base, turn_timer, t) ==
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
	if (t->transport & TRANSPORT_QUIC)
		t->binding = how->binding;
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
	t->binding = NULL;
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
	if (t->state == TUNNEL_OPEN && by > 0)
		svc->stats.sessions++;
	if (t->state == TUNNEL_OPEN)
		svc->nopen += by;
	else if (t->state == TUNNEL_CONTROL)
		svc->ncontrol += by;
}

void
tunnel_leave(struct tunnel *t)
{
	struct session	*s = t->session;

	if (s == NULL)
		return;
	svc->stats.mux_dropped += s->stats.dropped;
	svc->stats.mux_empty += s->stats.empty;
	t->session = NULL;
	session_free(s);
}

void
tunnel_free(struct tunnel *t)
{
	t->flags |= TUNNEL_F_DYING;
	tunnel_count(t, -1);
	tunnel_leave(t);
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
	if (t->end == TUNNEL_END_PROTOCOL && t->service->dialect->hint != NULL)
		(void)strlcat(t->words, t->service->dialect->hint,
		    sizeof(t->words));
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
	t->deadline = worker_now() + TUNNEL_ENDING_US;
	tunnel_schedule(t);
	svc->events->changed();
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
	t->opened = t->heard = worker_now();
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

void
tunnel_reopen(struct tunnel *t, uint32_t ms)
{
	tunnel_count(t, -1);
	t->state = TUNNEL_OPENING;
	tunnel_leave(t);
	t->opened = 0;
	t->deadline = worker_now() + ms * 1000ULL;
	tunnel_again(t);
	svc->events->changed();
}

void
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
	t->heard = worker_now();
	tunnel_lives(t);
	if (t->session != NULL)
		session_rtt(t->session, us);
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
	if (t->state == TUNNEL_CONTROL && svc->dials && svc->dialect->mute) {
		if (t->remote == NULL)
			tunnel_drain(t);
		return;
	}
	t->flags |= TUNNEL_F_OLD;
	if (!svc->dials)
		tunnel_tell_drain(t);
	else
		svc->events->changed();
}

int
tunnel_look(struct tunnel *t)
{
	uint32_t	 ms;

	if (t->state != TUNNEL_OPEN || t->session == NULL ||
	    (t->flags & (TUNNEL_F_OLD | TUNNEL_F_DYING)) ||
	    (!svc->dials && !svc->opens))
		return (0);
	if ((ms = t->session->path.silent_ms) == 0)
		return (0);
	log_info("tunnel %u: no answer for %u ms: replaced", t->serial, ms);
	tunnel_replace(t);
	return (1);
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
tunnel_probe(struct tunnel *t, uint64_t us)
{
	uint64_t	 now = worker_now();

	if (t->state != TUNNEL_OPEN || t->probe_until != 0)
		return;
	t->probe_at = now;
	t->probe_until = now + us;
	svc->dialect->probe(t, now);
	tunnel_schedule(t);
}

void
tunnel_ping(struct tunnel *t)
{
	if (t->state != TUNNEL_OPEN || t->probe_until != 0)
		return;
	svc->dialect->probe(t, worker_now());
	tunnel_schedule(t);
}

void
tunnel_ask_more(struct tunnel *t, uint32_t more)
{
	if (svc->dials)
		svc->events->more(t, more);
	else if (svc->dialect->more != NULL)
		svc->dialect->more(t, more);
}
