/* SPDX-License-Identifier: ISC */

/*
 * Who is let in, where tunnels are accepted: see part.h.  Over WebSocket each
 * request has the token.  Otherwise only the control channel says it, at once,
 * and whatever comes from the same address afterwards is a data tunnel: its
 * client says nothing on it.  One that says a token after all is a client that
 * was restarted, and whose end we have not seen.
 *
 * There is one client.  Another who knows the token has the place if the first
 * shows no sign of life when asked for one; else it is refused.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/http.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"
#include "slot.h"

#define REFUSED_LOG_US	(10 * 1000000ULL)

/* ---- its token ---- */

static void
admit_answered(void *arg, uint64_t id)
{
	struct tunnel		*t = arg;
	struct backhaul_tunnel	*bt = t->part;

	bt->ask = 0;
	bt->id = id;
	bt->token = id != 0 ? TOKEN_RIGHT : TOKEN_WRONG;
	tunnel_schedule(t);
}

/* Asks about the token that a tunnel has said. */
static void
admit_ask(struct tunnel *t, const void *octets, size_t len)
{
	struct backhaul_tunnel	*bt = t->part;

	bt->token = TOKEN_WRONG;
	if (len == 0 || len > TOKEN_MAX)
		return;
	bt->ask = backhaul_ask_token(t->service, octets, len, admit_answered,
	    t);
	if (bt->ask != 0)
		bt->token = TOKEN_ASKED;
	else
		tunnel_kill(t, TUNNEL_END_LOST, "its token cannot be checked "
		    "now");
}

/* ---- the one client ---- */

static int
admit_serves(const struct tunnel *t)
{
	return (t != NULL && t->state == TUNNEL_CONTROL &&
	    !(t->flags & TUNNEL_F_DYING));
}

static void
admit_refuse(struct tunnel *t)
{
	struct backhaul_service	*bs = t->service->part;
	struct backhaul_tunnel	*bt = t->part;
	uint64_t		 now = worker_now();

	bt->refused = 1;
	if (bs->refused_logged != 0 &&
	    now - bs->refused_logged < REFUSED_LOG_US)
		return;
	bs->refused_logged = now;
	log_warnx("client at %s refused: another, at %s, has its place; give "
	    "each a service of its own", addr_print(&t->peer),
	    bs->control == NULL ? "?" : addr_print(&bs->control->peer));
}

/* Knows the token.  1: it has the place, 0: that is not known yet, -1: not. */
static int
admit_claim(struct tunnel *t)
{
	struct backhaul_service	*bs = t->service->part;
	struct backhaul_tunnel	*bt = t->part;

	if (bt->refused || t->service->stopping)
		return (-1);
	if (bs->control == NULL || bs->control == t) {
		bs->control = t;
		if (bs->rival == t)
			bs->rival = NULL;
		return (1);
	}
	if (bs->rival == NULL && admit_serves(bs->control)) {
		bs->rival = t;
		control_doubt(bs->control);
	}
	if (bs->rival == t)
		return (0);
	admit_refuse(t);
	return (-1);
}

/* The old one shows that it lives. */
void
admit_control_lives(struct service *svc)
{
	struct backhaul_service	*bs = svc->part;
	struct tunnel		*t = bs->rival;

	if (t == NULL)
		return;
	bs->rival = NULL;
	admit_refuse(t);
	tunnel_schedule(t);
}

/* It has not the place any more. */
static void
admit_release(struct tunnel *t)
{
	struct backhaul_service	*bs = t->service->part;

	if (bs->control != t)
		return;
	bs->control = NULL;
	bs->asked = bs->owed = bs->pool = 0;
	slot_control(t->service, 0);
	control_gone(t->service, NULL);
	if (bs->rival != NULL)
		tunnel_schedule(bs->rival);
}

static void
admit_let_go(struct tunnel *t)
{
	static const char	 why[] = "its token is one no more";

	if (t->state == TUNNEL_CONTROL) {
		admit_release(t);
		control_leave(t, why);
	} else if (t->state == TUNNEL_OPEN)
		control_end_data(t, why);
	else
		tunnel_kill(t, TUNNEL_END_CLEAN, "%s", why);
}

void
admit_token_gone(struct service *svc, uint64_t id)
{
	struct backhaul_tunnel	*bt;
	struct tunnel		*t, *next;

	TAILQ_FOREACH_SAFE(t, &svc->tunnels, entry, next) {
		bt = t->part;
		if (bt->id != id || (t->flags & TUNNEL_F_DYING))
			continue;
		bt->id = 0;
		admit_let_go(t);
	}
	slot_token_gone(id);
}

void
admit_forget(struct tunnel *t)
{
	struct backhaul_service	*bs = t->service->part;
	struct backhaul_tunnel	*bt = t->part;

	if (bt->ask != 0)
		backhaul_unask(t->service, bt->ask);
	if (bs->rival == t)
		bs->rival = NULL;
	admit_release(t);
}

/* ---- WebSocket ---- */

/* It knows the token: may it go on? */
static int
admit_request(struct tunnel *t, const struct http_head *h)
{
	const struct backhaul_service	*bs = t->service->part;
	struct backhaul_tunnel		*bt = t->part;
	enum path			 path = frames_path(&h->target);
	int				 r;

	if ((r = http_upgrade(h)) != 101)
		return (r == 405 ? 405 : 400);
	if (path == PATH_OTHER)
		return (404);
	if (path == PATH_TUNNEL && !admit_serves(bs->control))
		return (503);
	if (path == PATH_CHANNEL && (r = admit_claim(t)) != 1)
		return (r == 0 ? 0 : 409);
	bt->kind = path == PATH_CHANNEL ? BACKHAUL_CONTROL : BACKHAUL_DATA;
	return (101);
}

int
admit_asked(struct tunnel *t, const struct http_head *h)
{
	struct backhaul_tunnel	*bt = t->part;
	struct http_text	 token;

	if (bt->token == TOKEN_UNREAD) {
		if (frames_bearer(h, &token) == -1)
			return (401);
		admit_ask(t, token.p, token.len);
	}
	switch (bt->token) {
	case TOKEN_RIGHT:
		return (admit_request(t, h));
	case TOKEN_WRONG:
		return (401);
	default:
		return (0);
	}
}

/* ---- the others ---- */

/* Comes it from where the control channel comes from? */
static int
admit_is_data(const struct tunnel *t)
{
	const struct backhaul_service	*bs = t->service->part;
	const struct backhaul_tunnel	*bt = t->part;

	return (!bt->again && bt->have == 0 &&
	    !(t->transport & TRANSPORT_UDP) && admit_serves(bs->control) &&
	    addr_same(&t->peer, &bs->control->peer, 0));
}

/* Reads the token and asks about it. */
static void
admit_read(struct tunnel *t)
{
	struct frame	 f;

	if (token_read(t, &f) == 1)
		admit_ask(t, f.string, f.len);
}

/* Those that came faster than the answer to their control channel. */
static void
admit_hasten(struct service *svc)
{
	const struct backhaul_tunnel	*bt;
	struct tunnel			*t;

	TAILQ_FOREACH(t, &svc->tunnels, entry) {
		bt = t->part;
		if (bt->kind == BACKHAUL_NEW)
			tunnel_schedule(t);
	}
}

/* The token is right: it is the control channel, if the place is free. */
static void
admit_control(struct tunnel *t)
{
	struct backhaul_service	*bs = t->service->part;
	struct backhaul_tunnel	*bt = t->part;
	int			 r;

	if ((r = admit_claim(t)) == 0)
		return;
	if (r == -1) {
		tunnel_kill(t, TUNNEL_END_CLEAN, "another client is here");
		return;
	}
	if (!(t->transport & TRANSPORT_WS) &&
	    tunnel_put(t, bt->frame, bt->have) != (ssize_t)bt->have) {
		tunnel_kill(t, TUNNEL_END_LOST, "cannot send");
		return;
	}
	explicit_bzero(bt->frame, sizeof(bt->frame));
	tunnel_proven(t);
	control_run(t);
	/* its pool comes unasked, and has a moment for that */
	bs->asked_at = worker_now();
	log_info("client is here, from %s", addr_print(&t->peer));
	admit_hasten(t->service);
	(void)tunnel_flush(t);
}

static void
admit_data(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;

	tunnel_proven(t);
	data_run(t);
	if (t->state != TUNNEL_OPEN)
		return;
	demand_bound(t);
	bt->counted = demand_arrived(t->service);
}

void
admit_turn(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;

	if (bt->kind == BACKHAUL_DATA ||
	    (bt->kind == BACKHAUL_NEW && admit_is_data(t))) {
		admit_data(t);
		return;
	}
	if (bt->token == TOKEN_UNREAD)
		admit_read(t);
	if (t->flags & TUNNEL_F_DYING)
		return;
	if (bt->token == TOKEN_RIGHT)
		admit_control(t);
	else if (bt->token == TOKEN_WRONG)
		tunnel_kill(t, TUNNEL_END_TOKEN, "its token is wrong");
}
