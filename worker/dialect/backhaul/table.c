/* SPDX-License-Identifier: ISC */

/*
 * Dialect backhaul as dialect.h asks for it: its table of functions, and those
 * that are too small for a file of their own.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/relay/relay.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"
#include "slot.h"
#include "slotpool.h"
#include "table.h"

#define DATAGRAM_OCTETS	16384		/* the longest that its peer takes */

/* ---- a service ---- */

static void
backhaul_init(struct service *svc)
{
	struct backhaul_service	*bs;

	if ((bs = calloc(1, sizeof(*bs))) == NULL)
		fatal("%s", __func__);
	TAILQ_INIT(&bs->asks);
	svc->part = bs;
}

/* It dials: what it presents, unless a better one follows. */
static void
backhaul_token(struct service *svc, const struct msg_token *msg)
{
	struct backhaul_service	*bs = svc->part;

	if (msg->order != 0)
		return;
	bs->staged.len = msg->len;
	memcpy(bs->staged.octets, msg->octets, sizeof(bs->staged.octets));
}

/* It dials: what its control channels said is not its token any more. */
static void
backhaul_retell(struct service *svc)
{
	struct tunnel	*t, *next;

	TAILQ_FOREACH_SAFE(t, &svc->tunnels, entry, next)
		if (t->state == TUNNEL_CONTROL)
			control_leave(t, "its token is not presented any more");
}

/*
 * The set is whole.  A server has one client: a control channel with the new
 * token would find the old one in its place, so that one leaves first.  Users
 * stay where they are.  Where tunnels are accepted, no token comes: what
 * clients have said may be none any more.
 */
static int
backhaul_keys(struct service *svc, const struct msg_key *keys, uint32_t n)
{
	struct backhaul_service	*bs = svc->part;
	int			 other;

	(void)keys;
	(void)n;
	other = bs->token.len != bs->staged.len || memcmp(bs->token.octets,
	    bs->staged.octets, sizeof(bs->token.octets)) != 0;
	bs->token = bs->staged;
	explicit_bzero(&bs->staged, sizeof(bs->staged));
	if (svc->dials && other)
		backhaul_retell(svc);
	if (!svc->dials)
		token_review(svc);
	return (0);
}

static int
backhaul_path(const struct service *svc, char *buf, size_t size)
{
	(void)svc;
	(void)strlcpy(buf, "/channel", size);
	return (0);
}

/* ---- a tunnel ---- */

static int
backhaul_begin(struct tunnel *t)
{
	if ((t->part = calloc(1, sizeof(struct backhaul_tunnel))) == NULL)
		return (-1);
	if (t->service->dials)
		reach_begin(t);
	return (0);
}

static void
backhaul_free(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;

	if (bt == NULL)
		return;
	if (!t->service->dials)
		admit_forget(t);
	else if (bt->kind == BACKHAUL_CONTROL && t->opened != 0)
		control_gone(t->service, t->remote);
	slotpool_free(bt->slots);
	free(bt->message);
	freezero(bt, sizeof(*bt));
	t->part = NULL;
}

static void
backhaul_turn(struct tunnel *t)
{
	if (t->state == TUNNEL_CONTROL)
		control_turn(t);
	else if (t->state == TUNNEL_OPEN)
		data_listen(t);
	else if (t->service->dials)
		reach_turn(t);
	else
		admit_turn(t);
}

static uint64_t
backhaul_tick(struct tunnel *t, uint64_t now)
{
	return (t->state == TUNNEL_CONTROL ? control_tick(t, now) :
	    data_tick(t, now));
}

static int
backhaul_opened(struct tunnel *t, struct stream *st)
{
	return (relay_accept(st, t));
}

/*
 * The peer is not told.  When all ends, idle tunnels do not wait for anybody;
 * otherwise the client is asked for one in its place.
 */
static void
backhaul_drain(struct tunnel *t)
{
	const struct service	*svc = t->service;

	if (t->state == TUNNEL_CONTROL && svc->dials && !svc->stopping)
		control_leave(t, "not wanted any more");
	if (t->state != TUNNEL_OPEN)
		return;
	if (svc->stopping && tunnel_empty(t))
		tunnel_finish(t, TUNNEL_END_CLEAN, "stopping");
	else if (!svc->stopping && !svc->dials && tunnel_empty(t))
		backhaul_want_more(t->service, 1);
}

/* A peer that hears it does not wait for signs of life. */
static void
backhaul_last(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;

	if (t->state != TUNNEL_CONTROL || bt->closed ||
	    (t->flags & TUNNEL_F_DYING))
		return;
	bt->closed = 1;
	if (control_say(t, SIGNAL_CLOSED) == 0)
		(void)tunnel_flush(t);
}

static void
backhaul_more(struct tunnel *t, uint32_t n)
{
	const struct backhaul_service	*bs = t->service->part;

	if (n > bs->asked)
		backhaul_want_more(t->service, n - bs->asked);
}

static void
backhaul_taken(struct tunnel *t)
{
	if (!t->service->dials)
		t->flags &= ~TUNNEL_F_LISTENS;
	demand_taken(t);
}

/* Does what follows the upgrade have no messages? */
static int
backhaul_plain(const struct tunnel *t)
{
	const struct backhaul_tunnel	*bt = t->part;

	return (bt->kind == BACKHAUL_DATA && tunnel_muxed(t));
}

/* Flows that have slots have no other tunnel than their control channel. */
static void
backhaul_describe_slots(const struct tunnel *t, struct ctl_session *cs)
{
	const struct backhaul_tunnel	*bt = t->part;

	cs->streams = t->service->nflows;
	cs->idle = bt->slots != NULL ? slotpool_idle(bt->slots) : slot_idle();
}

static void
backhaul_describe(const struct tunnel *t, struct ctl_session *cs)
{
	if (cs->control && t->transport & TRANSPORT_UDP)
		backhaul_describe_slots(t, cs);
	/* a reload may have changed it for those that come now */
	cs->mux_version = t->session != NULL ? t->session->conf.version : 0;
	cs->seal = SEAL_NONE;
}

static void
backhaul_words(const struct tunnel *t, char *buf, size_t size)
{
	snprintf(buf, size, "%s, backhaul", addr_print(&t->peer));
}

const struct dialect dialect_backhaul = {
	.name = "backhaul",
	.hint = BACKHAUL_HINT,
	.hint_401 = "wrong token",
	.init = backhaul_init,
	.keys = backhaul_keys,
	.token = backhaul_token,
	.told = token_told,
	.path = backhaul_path,
	.may_dial = demand_may_dial,
	.at = reach_at,
	.starved = demand_starved,
	.mute = 1,
	.begin = backhaul_begin,
	.free = backhaul_free,
	.ask = reach_ask,
	.asked = admit_asked,
	.plain = backhaul_plain,
	.turn = backhaul_turn,
	.tick = backhaul_tick,
	.opened = backhaul_opened,
	.drain = backhaul_drain,
	.last = backhaul_last,
	.more = backhaul_more,
	.taken = backhaul_taken,
	.describe = backhaul_describe,
	.words = backhaul_words,
	.put_want = data_put_want,
	.get_want = data_get_want,
	.datagram_min = 1,
	.datagram_max = DATAGRAM_OCTETS,
	.user_keeps = 1,
	.slots = &slot_ops,
	.stamp_len = 4,
	.stamp = { 0x00, 0x09, 0x27, 0xbf }
};
