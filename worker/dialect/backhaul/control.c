/* SPDX-License-Identifier: ISC */

/*
 * The control channel: see part.h.  The server says heartbeats, and asks for
 * tunnels.  What the peer has to answer to differs: an echo of the round-trip
 * probe on tcp and udp, of the heartbeat on WebSocket, and nothing at all on
 * tcpmux, where what TCP acknowledges is all there is to know.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"
#include "slot.h"
#include "slotpool.h"

#define SIGNALS		64		/* read at a time */
/* A probe that has had no answer for so long: the peer is gone. */
#define PROBE_US	(20 * 1000000ULL)
/* One whose place is claimed has so long to show that it lives. */
#define DOUBT_US	(1 * 1000000ULL)
#define LOOK_US		(50 * 1000ULL)	/* meanwhile it is looked at */
/*
 * A client of tcpmux that lives is not without a data tunnel for so long.  It
 * is asked for one each second, has dialled it in half a minute at the latest,
 * and the mux says its first word after 20 s.
 */
#define ALONE_US	(60 * 1000000ULL)
/* An acknowledgement may take so long, and two round trips. */
#define LATE_US		(200 * 1000ULL)
/* Heartbeats of the server that may be missed, and a little. */
#define MISSED		3
#define MISSED_US	(5 * 1000000ULL)

/* Is a round-trip probe answered? */
static int
control_has_rtt(const struct tunnel *t)
{
	return (!(t->transport & (TRANSPORT_MUX | TRANSPORT_WS)));
}

static int
control_has_echo(const struct tunnel *t)
{
	return ((t->transport & TRANSPORT_WS) != 0);
}

int
control_say(struct tunnel *t, enum signal signal)
{
	struct backhaul_tunnel	*bt = t->part;
	uint8_t			 octet = signal;
	int			 r;

	if (bt->said == 0 || wire_unheard(&t->wire) == 0)
		bt->said = worker_now();
	if (t->transport & TRANSPORT_WS)
		r = tunnel_put_message(t, WS_BINARY, &octet, 1);
	else
		r = tunnel_put(t, &octet, 1) == 1 ? 0 : -1;
	if (r == -1)
		tunnel_kill(t, TUNNEL_END_LOST, "the peer does not read");
	else
		tunnel_schedule(t);
	return (r);
}

/*
 * To whom much is said, something is always on its way: it is late when nothing
 * at all has been acknowledged since.
 */
int
control_is_late(const struct tunnel *t)
{
	const struct backhaul_tunnel	*bt = t->part;
	uint64_t			 us;

	us = LATE_US + 2ULL * wire_rtt(&t->wire);
	return (bt->said != 0 && worker_now() - bt->said > us &&
	    wire_unheard(&t->wire) > us);
}

/* ---- what comes ---- */

/* The peer answered, or said something. */
static void
control_alive(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;

	if (bt->probed != 0)
		tunnel_rtt(t, (uint32_t)(worker_now() - bt->probed));
	bt->probed = 0;
	if (bt->doubted == 0)
		return;
	bt->doubted = 0;
	admit_control_lives(t->service);
}

static void
control_heed_client(struct tunnel *t, uint8_t signal)
{
	switch (signal) {
	case SIGNAL_CLOSED:
		tunnel_kill(t, TUNNEL_END_LOST, "the client ends or restarts");
		break;
	case SIGNAL_RTT:
		if (control_has_rtt(t))
			control_alive(t);
		else if (control_has_echo(t))
			tunnel_kill(t, TUNNEL_END_PROTOCOL, "signal %u",
			    signal);
		break;
	case SIGNAL_HEARTBEAT:
		if (control_has_echo(t))
			control_alive(t);
		break;
	default:
		if (control_has_echo(t))
			tunnel_kill(t, TUNNEL_END_PROTOCOL, "signal %u",
			    signal);
		break;
	}
}

/* Learns how far apart the server's heartbeats are. */
static void
control_beat(struct backhaul_tunnel *bt, uint64_t now)
{
	if (bt->beat_last != 0 && bt->slots != NULL)
		slotpool_spacing(bt->slots, now - bt->beat_last);
	if (bt->beat_last != 0 && now - bt->beat_last > bt->spacing)
		bt->spacing = now - bt->beat_last;
	bt->beat_last = now;
}

static void
control_heed_server(struct tunnel *t, uint8_t signal)
{
	struct backhaul_tunnel	*bt = t->part;

	switch (signal) {
	case SIGNAL_HEARTBEAT:
		control_beat(bt, worker_now());
		if (control_has_echo(t))
			(void)control_say(t, SIGNAL_HEARTBEAT);
		return;
	case SIGNAL_CHANNEL:
		demand_asked(t);
		return;
	case SIGNAL_CLOSED:
		tunnel_kill(t, TUNNEL_END_LOST, "the server ends or restarts");
		return;
	case SIGNAL_RTT:
		if (control_has_rtt(t)) {
			(void)control_say(t, SIGNAL_RTT);
			return;
		}
		break;
	default:
		break;
	}
	tunnel_kill(t, TUNNEL_END_PROTOCOL, "signal %u (%s)", signal,
	    frames_signal_name(signal));
}

/*
 * The next octets of signals, as read(2); a message has one that counts, or
 * none.
 */
static ssize_t
control_read(struct tunnel *t, uint8_t *buf, size_t size)
{
	struct backhaul_tunnel	*bt = t->part;
	int			 i, r;

	if (!(t->transport & TRANSPORT_WS))
		return (tunnel_get(t, buf, size));
	if (bt->message == NULL &&
	    (bt->message = calloc(1, sizeof(*bt->message))) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	for (i = 0; i < SIGNALS; i++) {
		if ((r = tunnel_get_message(t, bt->message)) != 1)
			return (r);
		if (bt->message->len > 0) {
			buf[0] = bt->message->octets[0];
			return (1);
		}
	}
	tunnel_again(t);
	errno = EAGAIN;
	return (-1);
}

/* All is over: its last word. */
static void
control_last(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;
	const struct service	*svc = t->service;

	if (bt->closed || !(t->flags & TUNNEL_F_DRAINING) ||
	    svc->ntunnels != svc->ncontrol || svc->nflows > 0)
		return;
	bt->closed = 1;
	(void)control_say(t, SIGNAL_CLOSED);
}

void
control_turn(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;
	uint8_t			 signals[SIGNALS];
	ssize_t			 n, i;
	int			 reads = 0;

	while ((n = control_read(t, signals, sizeof(signals))) > 0) {
		bt->heard = worker_now();
		for (i = 0; i < n && !(t->flags & TUNNEL_F_DYING); i++)
			if (t->service->dials)
				control_heed_server(t, signals[i]);
			else
				control_heed_client(t, signals[i]);
		if (t->flags & TUNNEL_F_DYING)
			return;
		if (++reads == SIGNALS) {
			tunnel_again(t);
			break;
		}
	}
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
		tunnel_kill(t, TUNNEL_END_LOST, "%s", n == 0 ?
		    "closed by the peer" : strerror(errno));
		return;
	}
	control_last(t);
	(void)tunnel_flush(t);
}

/* ---- its life ---- */

/* An answer is awaited from here on, where the peer gives one. */
static void
control_probe(struct tunnel *t, uint64_t now)
{
	struct backhaul_tunnel	*bt = t->part;

	if (bt->probed != 0)
		return;
	if (control_has_rtt(t)) {
		if (control_say(t, SIGNAL_RTT) == 0)
			bt->probed = now;
	} else if (control_has_echo(t))
		bt->probed = now;
}

static void
control_send_beat(struct tunnel *t, uint64_t now)
{
	struct backhaul_tunnel	*bt = t->part;

	bt->beat_at = now + t->service->conf.opts.keepalive * 1000000ULL;
	if (control_say(t, SIGNAL_HEARTBEAT) == 0)
		control_probe(t, now);
}

/* Its data tunnels are datagrams. */
static void
control_begin_slots(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;
	struct service		*svc = t->service;

	if (!svc->dials) {
		slot_control(svc, 1);
		return;
	}
	bt->slots = slotpool_new(svc, svc->events->remote(t), &t->peer);
	if (bt->slots == NULL)
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
}

void
control_run(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;
	uint64_t		 now = worker_now();

	bt->kind = BACKHAUL_CONTROL;
	bt->heard = bt->joined = now;
	if (!t->service->dials) {
		bt->beat_at = now + t->service->conf.opts.keepalive *
		    1000000ULL;
		if (control_has_rtt(t))
			control_probe(t, now);
	}
	tunnel_run(t, NULL, 0);
	tunnel_again(t);		/* a signal may have come already */
	if (t->transport & TRANSPORT_UDP)
		control_begin_slots(t);
}

void
control_doubt(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;
	uint64_t		 now = worker_now();

	if (bt->doubted != 0)
		return;
	bt->doubted = now + DOUBT_US;
	if (bt->probed == 0)
		control_send_beat(t, now);
	tunnel_schedule(t);
}

/* Has it a data tunnel whose mux has spoken? */
static int
control_is_joined(const struct service *svc)
{
	const struct backhaul_tunnel	*bt;
	const struct tunnel		*t;

	TAILQ_FOREACH(t, &svc->tunnels, entry) {
		bt = t->part;
		if (bt->kind == BACKHAUL_DATA && t->state == TUNNEL_OPEN &&
		    !(t->flags & (TUNNEL_F_DYING | TUNNEL_F_DRAINING |
		    TUNNEL_F_LISTENS)))
			return (1);
	}
	return (0);
}

/*
 * Where nothing is echoed, what we said must have been acknowledged.  Its
 * system does that for a client that hangs, too; but then its data tunnels fall
 * silent and end, and it makes no others.
 */
static int
control_shows_life(const struct tunnel *t, uint64_t now)
{
	const struct backhaul_tunnel	*bt = t->part;

	return (!control_has_rtt(t) && !control_has_echo(t) &&
	    now < bt->joined + ALONE_US && wire_acknowledged(&t->wire));
}

static void
control_look(struct tunnel *t, uint64_t now)
{
	struct backhaul_tunnel	*bt = t->part;

	if (control_shows_life(t, now))
		control_alive(t);
	else if (now >= bt->doubted)
		tunnel_kill(t, TUNNEL_END_LOST,
		    "no sign of life, and its client is back");
}

static uint64_t
control_tick_server(struct tunnel *t, uint64_t now)
{
	struct backhaul_tunnel	*bt = t->part;
	uint64_t		 next;

	if (control_is_joined(t->service))
		bt->joined = now;
	if (now >= bt->beat_at)
		control_send_beat(t, now);
	if (bt->probed != 0 && now >= bt->probed + PROBE_US)
		tunnel_kill(t, TUNNEL_END_LOST, "no answer to a heartbeat");
	if (bt->doubted != 0)
		control_look(t, now);
	demand_tick(t->service, now);
	next = now + (bt->doubted != 0 ? LOOK_US : 1000000ULL);
	return (bt->beat_at < next ? bt->beat_at : next);
}

/* The server's heartbeats stop: it does not say how often they come. */
static uint64_t
control_tick_client(struct tunnel *t, uint64_t now)
{
	struct backhaul_tunnel	*bt = t->part;
	uint64_t		 next = UINT64_MAX, until;

	if (bt->slots != NULL)
		next = slotpool_tick(bt->slots, now);
	if (bt->slots != NULL && slotpool_elsewhere(bt->slots))
		control_leave(t, "its address is the server's no more");
	if (bt->spacing == 0)
		return (next);
	until = bt->heard + MISSED * bt->spacing + MISSED_US;
	if (now >= until)
		tunnel_kill(t, TUNNEL_END_LOST,
		    "no heartbeat of the server for %llu s",
		    (unsigned long long)((now - bt->heard) / 1000000));
	return (until < next ? until : next);
}

uint64_t
control_tick(struct tunnel *t, uint64_t now)
{
	return (t->service->dials ? control_tick_client(t, now) :
	    control_tick_server(t, now));
}

void
control_leave(struct tunnel *t, const char *why)
{
	struct backhaul_tunnel	*bt = t->part;

	if (bt->closed)
		return;
	bt->closed = 1;
	if (control_say(t, SIGNAL_CLOSED) == 0)
		tunnel_finish(t, TUNNEL_END_CLEAN, "%s", why);
}

void
control_end_data(struct tunnel *t, const char *why)
{
	if (tunnel_empty(t))
		tunnel_kill(t, TUNNEL_END_CLEAN, "%s", why);
	else
		tunnel_drain(t);
}

void
control_gone(struct service *svc, const struct remote *remote)
{
	const struct backhaul_tunnel	*bt;
	struct tunnel			*t, *next;

	TAILQ_FOREACH_SAFE(t, &svc->tunnels, entry, next) {
		bt = t->part;
		if (bt->kind != BACKHAUL_DATA || t->state != TUNNEL_OPEN ||
		    (svc->dials && t->remote != remote))
			continue;
		control_end_data(t, "its control channel is gone");
	}
}
