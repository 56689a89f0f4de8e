/* SPDX-License-Identifier: ISC */

/*
 * See flow.h.  Towards the session a target's socket is read when the session
 * pulls, many datagrams at a time; what does not fit into the batch waits in
 * the flow's queue, as all that users send does.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/budget.h"
#include "worker/net/dest.h"
#include "worker/net/lines.h"
#include "worker/net/proxyhdr.h"
#include "worker/tunnel/tunnel.h"
#include "dialler.h"
#include "flow.h"
#include "target.h"

/* A flow, its stream and what the libraries keep for both. */
#define FLOW_COST	(sizeof(struct flow) + 512)
/* The udp process, which has the user's end, has so long to end it first. */
#define FLOW_GRACE_US	(5 * 1000000ULL)
/* A worker that stops ends a flow that is idle for so long: it comes anew. */
#define FLOW_STOPPING_US	(2 * 1000000ULL)
/* Octets that a slot takes in one turn from a target's socket. */
#define SLOT_BATCH	(128 * 1024)
/* Once in so long a peer's nonsense is logged, and what it does not take. */
#define NONSENSE_LOG_US	(10 * 1000000ULL)

static struct service		*svc;
static const struct flow_events	*events;
static struct lines		 nonsense, unfit;
static size_t			 head_in;	/* octets before a datagram */
static struct event		*aging;		/* pending: something waits */

static size_t	 flow_pull(struct stream *, uint8_t *, size_t);
static void	 flow_data(struct stream *, const uint8_t *, size_t);
static void	 flow_fin(struct stream *);
static void	 flow_reset(struct stream *, enum reset_reason);
static void	 flow_closed(struct stream *);
static void	 flow_end(struct flow *, enum reset_reason, enum flow_reason);
static void	 flow_read_slot(struct flow *);
static void	 flow_aged(evutil_socket_t, short, void *);

static const struct stream_owner flow_owner = {
	flow_pull,
	flow_data,
	flow_fin,
	flow_reset,
	flow_closed,
	NULL,
	NULL
};

/* Only the side with the target stamps what it sends. */
void
flow_init(struct service *service, const struct flow_events *e)
{
	const struct dialect	*d = service->dialect;

	svc = service;
	events = e;
	head_in = DATAGRAM_HEAD + (svc->opens ? d->stamp_len : 0);
	flowq_init(&service->budget, d->stamp, svc->opens ? 0 : d->stamp_len);
	if ((aging = evtimer_new(svc->base, flow_aged, NULL)) == NULL)
		fatal("%s", __func__);
}

/* ---- what waits ---- */

/* Without a timer flow_tick sees to it. */
static void
flow_age(uint64_t now)
{
	uint64_t	 next = flowq_age(now);
	struct timeval	 tv;

	if (next == UINT64_MAX)
		return;
	tv.tv_sec = (next - now) / 1000000;
	tv.tv_usec = (next - now) % 1000000;
	(void)evtimer_add(aging, &tv);
}

static void
flow_aged(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	flow_age(worker_now());
}

static void
flow_wait(struct flowq *q, const uint8_t *p, size_t len, uint64_t now)
{
	flowq_put(q, p, len, now);
	if (!evtimer_pending(aging, NULL))
		flow_age(now);
}

/* ---- its life ---- */

/*
 * Those that are there may be worth a connection's place each, and a forger has
 * as many as he likes: so flows have an eighth of the memory, half of the
 * descriptors, and beyond that the idlest makes way.
 */
static void
flow_make_room(void)
{
	struct flow	*f;

	while ((f = TAILQ_FIRST(&svc->flows)) != NULL &&
	    ((svc->nflows + 1) * FLOW_COST > svc->budget.max / 8 ||
	    (!svc->opens && (svc->nflows >= svc->budget.fds_max / 2 ||
	    budget_full(&svc->budget))))) {
		svc->stats.flows_shed++;
		flow_end(f, RESET_NONE, FLOW_SHED);
	}
}

static struct flow *
flow_new(const struct addr *user, const struct addr *other)
{
	struct flow	*f;

	flow_make_room();
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (NULL);
	f->sock.fd = -1;
	f->user = *user;
	f->other = *other;
	f->since = f->last = f->asked = worker_now();
	throttle_flow_begin(f->own);
	TAILQ_INSERT_TAIL(&svc->flows, f, entry);
	svc->nflows++;
	if (!svc->opens)
		svc->budget.fds++;	/* of its target's socket, soon */
	svc->stats.flows++;
	budget_hold(&svc->budget, FLOW_COST);
	return (f);
}

static size_t
flow_length(const struct flow *f)
{
	return (f->head[head_in - 2] << 8 | f->head[head_in - 1]);
}

static void
flow_forget_part(struct flow *f)
{
	flowq_free_part(f->part, flow_length(f));
	f->part = NULL;
	f->got = f->have = 0;
}

/* By the port of its listener, or of its target. */
static void
flow_count(struct flow *f)
{
	if (svc->conf.opts.usage && (svc->opens || f->sock.fd != -1))
		svc->used(&f->usage, f->other.port, f->octets_in,
		    f->octets_out);
}

/* Its tunnel counts it no more. */
static void
flow_leave(struct flow *f)
{
	f->tunnel->flows--;
	tunnel_relay_gone(f->tunnel);
}

/* Frees it.  Its stream is gone, or another's. */
static void
flow_free(struct flow *f, enum flow_reason why)
{
	flow_count(f);
	if (svc->opens)
		events->ended(f, why);
	if (f->slot != NULL)
		f->slot->left(f);
	if (f->dial != 0)
		dialler_cancel(f->dial);
	if (f->sock.fd != -1) {
		event_del(&f->ev);
		close(f->sock.fd);
	}
	if (!svc->opens)
		svc->budget.fds--;
	flowq_clear(&f->q);
	flowq_clear(&f->early);
	free(f->pre);
	flow_forget_part(f);
	budget_hold(&svc->budget, -(int64_t)FLOW_COST);
	if (f->tunnel != NULL)
		flow_leave(f);
	TAILQ_REMOVE(&svc->flows, f, entry);
	svc->nflows--;
	free(f);
}

static void
flow_end(struct flow *f, enum reset_reason reason, enum flow_reason why)
{
	struct stream	*st = f->stream;

	if (st != NULL) {
		f->stream = NULL;
		session_reset(st, reason);
	}
	flow_free(f, why);
}

void
flow_abort(struct flow *f, enum reset_reason reason)
{
	flow_end(f, reason, FLOW_REFUSED);
}

/* A datagram passed: it is the last of all to be idle. */
static void
flow_moved(struct flow *f)
{
	f->last = worker_now();
	TAILQ_REMOVE(&svc->flows, f, entry);
	TAILQ_INSERT_TAIL(&svc->flows, f, entry);
}

void
flow_tick(uint64_t now)
{
	struct flow	*f;
	uint64_t	 idle = svc->conf.opts.udp_timeout * 1000000ULL;

	if (!svc->dialect->user_keeps || !svc->opens)
		idle += FLOW_GRACE_US;
	if (svc->stopping && idle > FLOW_STOPPING_US)
		idle = FLOW_STOPPING_US;
	while ((f = TAILQ_FIRST(&svc->flows)) != NULL && now - f->last >= idle)
		flow_end(f, RESET_NONE, FLOW_IDLE);
	flow_age(now);
	if (svc->conf.opts.usage)
		TAILQ_FOREACH(f, &svc->flows, entry)
			flow_count(f);
}

/* ---- a user's end ---- */

struct flow *
flow_new_user(uint32_t number, const struct flow_open *ends,
    const struct dest *to)
{
	struct flow	*f;

	if ((f = flow_new(&ends->user, &ends->listener)) == NULL)
		return (NULL);
	f->number = number;
	f->to = to;
	svc->stats.users++;
	return (f);
}

int
flow_open(struct flow *f, struct tunnel *t)
{
	struct want	 want;
	uint8_t		 buf[WANT_MAX];
	ssize_t		 len;

	memset(&want, 0, sizeof(want));
	want.kind = WANT_UDP;
	want.user = f->user;
	want.listener = f->other;
	if (f->to != NULL) {
		want.host = f->to->host;
		want.port = f->to->port;
	}
	len = svc->dialect->put_want(t, &want, buf, sizeof(buf));
	if (len <= 0 || (f->pre = malloc(len)) == NULL)
		return (-1);
	memcpy(f->pre, buf, len);
	f->pre_len = len;
	f->pre_off = 0;
	f->stream = session_open(t->session, &flow_owner, f, 0);
	if (f->stream == NULL) {
		free(f->pre);
		f->pre = NULL;
		return (-1);
	}
	f->tunnel = t;
	t->flows++;
	tunnel_relay_added(t);
	session_ready(f->stream);
	return (0);
}

/* Does the peer take one of so many octets? */
static int
flow_fits(const struct flow *f, size_t len)
{
	const struct dialect	*d = svc->dialect;

	if (len >= d->datagram_min && len <= d->datagram_max)
		return (1);
	if (len < d->datagram_min)
		svc->stats.flows_empty++;
	else
		svc->stats.flows_long++;
	if (lines_take(&unfit, 1, NONSENSE_LOG_US, worker_now()))
		log_info("flow of %s: a datagram of %zu octets is dropped: "
		    "the peer takes %u to %u", addr_print(&f->user), len,
		    d->datagram_min, d->datagram_max);
	return (0);
}

/* One of so many octets has come for the stream; 0: it may not go on. */
static int
flow_goes_out(struct flow *f, size_t len)
{
	f->datagrams_out++;
	svc->stats.datagrams_out++;
	if (!flow_fits(f, len) || !throttle_flow(f->own, THROTTLE_READ, len))
		return (0);
	f->octets_out += len;
	svc->stats.octets_out += len;
	return (1);
}

void
flow_from_user(struct flow *f, const uint8_t *p, size_t len)
{
	flow_moved(f);
	if (!flow_goes_out(f, len) ||
	    (f->slot != NULL && f->slot->send(f, p, len) == 0))
		return;
	flow_wait(&f->q, p, len, f->last);
	if (f->stream != NULL)
		session_ready(f->stream);
}

void
flow_user_gone(struct flow *f)
{
	f->gone = 1;
	flow_end(f, RESET_NONE, FLOW_GONE);
}

/* ---- a target's end ---- */

static void
flow_event(evutil_socket_t fd, short what, void *arg)
{
	struct flow	*f = arg;

	(void)fd;
	(void)what;
	f->readable = 1;
	if (f->stream != NULL)
		session_ready(f->stream);
	else if (f->slot != NULL)
		flow_read_slot(f);
}

static void
flow_dial_failed(struct flow *f, const struct msg_dialled *res)
{
	target_log_failed(&f->user, dialler_words(res));
	flow_end(f, target_reason(res), FLOW_FAILED);
}

/*
 * ICMP told that nobody is there: it ends soon.  With a slot it does not, for
 * its peer would not hear of it, and somebody may be there later.
 */
static void
flow_failed(struct flow *f)
{
	char	 words[128];

	if (f->failed == RESET_NONE) {
		snprintf(words, sizeof(words), "%s: %s", addr_print(&f->other),
		    strerror(errno));
		target_log_failed(&f->user, words);
	}
	if (f->slot == NULL)
		f->failed = RESET_REFUSED;
	dialler_turn();
}

/* What came while it was dialled.  -1: the flow is gone. */
static int
flow_flush_early(struct flow *f)
{
	static uint8_t	 buf[DATAGRAM_MAX];
	ssize_t		 n;

	while ((n = flowq_get(&f->early, buf, worker_now())) != -1) {
		flowsock_put(&f->sock, buf, n);
		if (flowsock_flush(&f->sock) == -1) {
			flow_failed(f);
			if (f->failed == RESET_NONE)
				continue;
			flow_end(f, f->failed, FLOW_FAILED);
			return (-1);
		}
	}
	return (0);
}

static void
flow_dialled(void *arg, int fd, const struct msg_dialled *res)
{
	struct flow	*f = arg;

	f->dial = 0;
	if (fd == -1) {
		flow_dial_failed(f, res);
		return;
	}
	if (event_assign(&f->ev, svc->base, fd, EV_READ | EV_PERSIST | EV_ET,
	    flow_event, f) == -1 || event_add(&f->ev, NULL) == -1) {
		log_warn("flow: cannot watch a target's socket");
		close(fd);
		flow_end(f, RESET_POLICY, FLOW_FAILED);
		return;
	}
	f->sock.fd = fd;
	if (svc->conf.opts.proxy_protocol != 0)
		f->sock.header_len = proxyhdr_put_datagram(f->sock.header,
		    &f->user, &f->other);
	f->other = res->peer;
	(void)flow_flush_early(f);
}

struct flow *
flow_accept(struct stream *st, struct tunnel *t, const struct want *want,
    uint32_t offset)
{
	uint32_t	 ms = svc->conf.opts.dial_timeout * 1000;
	struct flow	*f;

	if ((f = flow_new(&want->user, &want->listener)) == NULL)
		return (NULL);
	f->dial = want->host != NULL ?
	    dialler_ask_named(want->host, want->port, 1, ms, flow_dialled, f) :
	    dialler_ask(DIAL_TARGET, 0, offset, 1, ms, flow_dialled, f);
	if (f->dial == 0) {
		flow_free(f, FLOW_FAILED);
		return (NULL);
	}
	st->owner = &flow_owner;
	st->arg = f;
	f->stream = st;
	f->tunnel = t;
	t->flows++;
	return (f);
}

struct flow *
flow_accept_slot(const struct flow_slot *slot, void *arg,
    const struct addr *peer, const char *host, uint32_t port)
{
	static const struct addr	 none;
	struct flow			*f;

	if ((f = flow_new(peer, &none)) == NULL)
		return (NULL);
	f->dial = dialler_ask_named(host, port, 1,
	    svc->conf.opts.dial_timeout * 1000, flow_dialled, f);
	if (f->dial == 0) {
		flow_free(f, FLOW_FAILED);
		return (NULL);
	}
	f->slot = slot;
	f->slot_arg = arg;
	return (f);
}

/*
 * Puts the datagrams of a message into buf, as long as whole ones fit; the rest
 * waits.  Returns how many octets of buf.
 */
static size_t
flow_pack(struct flow *f, uint8_t *buf, size_t max,
    const struct flowsock_message *m)
{
	const uint8_t	*p = m->octets;
	size_t		 done = 0, len = m->len, n;

	do {
		n = len < m->segment ? len : m->segment;
		if (!flow_goes_out(f, n))
			;		/* it is dropped, and counted */
		else if (f->q.head == NULL &&
		    flowq_head_len() + n <= max - done) {
			done += flowq_put_head(buf + done, n);
			memcpy(buf + done, p, n);
			done += n;
		} else
			flow_wait(&f->q, p, n, worker_now());
		p += n;
		len -= n;
	} while (len > 0);
	return (done);
}

/*
 * Reads the socket until buf is full, but for less than a datagram, or it is
 * empty.
 */
static size_t
flow_read(struct flow *f, uint8_t *buf, size_t max)
{
	const struct flowsock_message	*m;
	size_t				 done = 0;
	int				 i, n;

	while (f->readable && f->q.head == NULL &&
	    (done == 0 || max - done > f->sock.large + flowq_head_len())) {
		n = flowsock_read(&f->sock, max - done, &m, &f->readable);
		if (n == -1 && errno != EAGAIN)
			flow_failed(f);
		if (n == -1)
			break;
		flow_moved(f);
		for (i = 0; i < n; i++)
			done += flow_pack(f, buf + done, max - done, &m[i]);
		if (f->q.head != NULL && done == 0)
			done = flowq_pull(&f->q, buf, max, worker_now());
	}
	return (done);
}

/* The datagrams of a message go to the slot. */
static void
flow_send_slot(struct flow *f, const struct flowsock_message *m)
{
	const uint8_t	*p = m->octets;
	size_t		 left = m->len, n;

	do {
		n = left < m->segment ? left : m->segment;
		if (flow_goes_out(f, n))
			(void)f->slot->send(f, p, n);
		p += n;
		left -= n;
	} while (left > 0);
}

/* What the target sent goes to the slot: a batch, and then others' turn. */
static void
flow_read_slot(struct flow *f)
{
	const struct flowsock_message	*m;
	int				 i, n;

	n = flowsock_read(&f->sock, SLOT_BATCH, &m, &f->readable);
	if (n == -1 && errno != EAGAIN) {
		flow_failed(f);
		f->readable = 1;	/* the error may hide datagrams */
	}
	for (i = 0; i < n; i++)
		flow_send_slot(f, &m[i]);
	if (n > 0) {
		flow_moved(f);
		f->slot->flush(f);
	}
	if (f->readable)
		event_active(&f->ev, EV_READ, 0);
}

/* ---- the stream ---- */

static size_t
flow_pull_want(struct flow *f, uint8_t *buf, size_t max)
{
	size_t	 n = f->pre_len - f->pre_off;

	if (n > max)
		n = max;
	memcpy(buf, f->pre + f->pre_off, n);
	f->pre_off += n;
	if (f->pre_off == f->pre_len) {
		free(f->pre);
		f->pre = NULL;
	}
	return (n);
}

static size_t
flow_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct flow	*f = st->arg;
	size_t		 done = 0;

	if (f->pre != NULL)
		done = flow_pull_want(f, buf, max);
	if (f->pre == NULL)
		done += flowq_pull(&f->q, buf + done, max - done,
		    worker_now());
	if (f->sock.fd != -1 && f->failed == RESET_NONE && done < max)
		done += flow_read(f, buf + done, max - done);
	if (done == 0 && f->failed != RESET_NONE) {
		flow_end(f, f->failed, FLOW_FAILED);
		return (0);
	}
	return (done);
}

/* A whole datagram came: it goes on at once, or not at all. */
static void
flow_deliver(struct flow *f, const uint8_t *p, size_t len)
{
	f->datagrams_in++;
	svc->stats.datagrams_in++;
	if (!throttle_flow(f->own, THROTTLE_WRITE, len))
		return;
	f->octets_in += len;
	svc->stats.octets_in += len;
	if (svc->opens) {
		if (events->send(f, p, len) == -1)
			svc->stats.flows_pair_full++;
	} else if (f->sock.fd != -1)
		flowsock_put(&f->sock, p, len);
	else
		flow_wait(&f->early, p, len, worker_now());
}

/* Flushes what points into the buffer that came, or into the part. */
static void
flow_flush(struct flow *f)
{
	if (f->sock.fd != -1 && flowsock_flush(&f->sock) == -1)
		flow_failed(f);
}

/* Takes what there is of a datagram that is not whole yet. */
static size_t
flow_take_part(struct flow *f, const uint8_t *p, size_t len)
{
	size_t	 all = flow_length(f), n = all - f->got;

	if (n > len)
		n = len;
	if (f->got == 0 && (f->part = flowq_hold_part(all)) == NULL)
		svc->stats.flows_memory++;
	if (f->part != NULL)
		memcpy(f->part + f->got, p, n);
	f->got += n;
	if (f->got < all)
		return (n);
	if (f->part != NULL) {
		flow_deliver(f, f->part, all);
		flow_flush(f);
	}
	flow_forget_part(f);
	return (n);
}

/* The next octets of the stream: how many were of use; 0: nonsense. */
static size_t
flow_take_next(struct flow *f, const uint8_t *p, size_t len)
{
	size_t	 n;

	if (f->have < head_in) {
		f->head[f->have++] = *p;
		if (f->have < head_in)
			return (1);
		if (flow_length(f) > svc->dialect->datagram_max)
			return (0);
		if (flow_length(f) == 0) {
			flow_deliver(f, p, 0);
			f->have = 0;
		}
		return (1);
	}
	n = flow_length(f);
	if (f->got > 0 || n > len)
		return (flow_take_part(f, p, len));
	flow_deliver(f, p, n);
	f->have = 0;
	return (n);
}

int
flow_take(struct flow *f, const uint8_t *p, size_t len)
{
	size_t	 done = 0, n;

	if (!svc->dialect->user_keeps || !svc->opens)
		flow_moved(f);
	while (done < len) {
		if ((n = flow_take_next(f, p + done, len - done)) == 0) {
			if (lines_take(&nonsense, 1, NONSENSE_LOG_US,
			    worker_now()))
				log_info("stream %u: a datagram of %zu octets",
				    f->stream->id, flow_length(f));
			flow_flush(f);
			flow_end(f, RESET_PROTOCOL, FLOW_FAILED);
			return (-1);
		}
		done += n;
	}
	flow_flush(f);
	session_consumed(f->stream, len);
	if (f->failed != RESET_NONE) {
		flow_end(f, f->failed, FLOW_FAILED);
		return (-1);
	}
	return (0);
}

static void
flow_data(struct stream *st, const uint8_t *p, size_t len)
{
	(void)flow_take(st->arg, p, len);
	budget_enforce(&svc->budget);
}

/* The other end is gone, and so is this one. */
static void
flow_fin(struct stream *st)
{
	flow_end(st->arg, RESET_NONE, FLOW_GONE);
}

static enum flow_reason
flow_why(enum reset_reason reason)
{
	switch (reason) {
	case RESET_REFUSED:
	case RESET_TIMEOUT:
	case RESET_UNREACHABLE:
	case RESET_NAME:
		return (FLOW_FAILED);
	case RESET_POLICY:
		return (FLOW_REFUSED);
	default:
		return (FLOW_GONE);
	}
}

static void
flow_reset(struct stream *st, enum reset_reason reason)
{
	struct flow	*f = st->arg;

	f->stream = NULL;
	if (reason == RESET_TUNNEL && svc->opens && !svc->stopping) {
		flow_leave(f);
		f->tunnel = NULL;
		free(f->pre);
		f->pre = NULL;
		flowq_again(&f->q);
		flow_forget_part(f);
		events->lost(f);
		return;
	}
	flow_free(f, flow_why(reason));
}

static void
flow_closed(struct stream *st)
{
	struct flow	*f = st->arg;

	f->stream = NULL;
	flow_free(f, FLOW_GONE);
}

/* ---- a slot in place of a stream ---- */

void
flow_carry(struct flow *f, const struct flow_slot *slot, void *arg)
{
	static uint8_t	 buf[DATAGRAM_MAX];
	ssize_t		 n;

	f->slot = slot;
	f->slot_arg = arg;
	while (f->slot != NULL &&
	    (n = flowq_get(&f->q, buf, worker_now())) != -1)
		(void)slot->send(f, buf, n);
	if (f->slot != NULL)
		slot->flush(f);
}

void
flow_from_slot(struct flow *f, const uint8_t *p, size_t len)
{
	flow_moved(f);
	flow_deliver(f, p, len);
}

void
flow_settle(struct flow *f)
{
	flow_flush(f);
}

void
flow_slot_lost(struct flow *f)
{
	f->slot = NULL;
	f->slot_arg = NULL;
	if (svc->opens)
		events->lost(f);
	else
		flow_end(f, RESET_NONE, FLOW_GONE);
}

int
flow_slot_put(uint32_t number, const uint8_t *p, size_t len)
{
	return (events->slot_put(number, p, len));
}

int
flow_slot_keep(uint32_t number)
{
	return (events->slot_keep(number));
}

void
flow_slot_end(uint32_t number, enum flow_reason why)
{
	events->slot_end(number, why);
}

void
flow_describe(const struct flow *f, struct ctl_stream *cs)
{
	cs->kind = KIND_UDP;
	cs->stream = f->stream == NULL ? 0 : f->stream->id;
	cs->queued = f->q.octets;
	cs->window = f->stream == NULL ? 0 : session_window(f->stream);
	cs->octets_in = f->octets_in;
	cs->octets_out = f->octets_out;
	cs->user = f->user;
	cs->state = svc->opens || f->sock.fd != -1 ? CTL_STREAM_OPEN :
	    CTL_STREAM_CONNECTING;
	if (!svc->opens)
		cs->target = f->other;
	if (f->to != NULL)
		(void)addr_join(cs->named, sizeof(cs->named), f->to->host,
		    f->to->port);
}
