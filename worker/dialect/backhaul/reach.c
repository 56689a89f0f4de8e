/* SPDX-License-Identifier: ISC */

/*
 * The tunnels that are dialled, until they run: see part.h.  The first to a
 * remote is its control channel, and until that is up there are no others.  Its
 * name may have several addresses, each of another server: those that follow go
 * where the first has gone.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/http.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"

/* The dialect's fields, and those that are configured. */
#define HEADERS_MAX	(FRAMES_HEADERS_MAX + WEB_HEADERS_MAX)

struct tunnel *
reach_control(const struct service *svc, const struct remote *remote)
{
	const struct backhaul_tunnel	*bt;
	struct tunnel			*t;

	TAILQ_FOREACH(t, &svc->tunnels, entry) {
		bt = t->part;
		if (bt->kind == BACKHAUL_CONTROL && t->remote == remote &&
		    !(t->flags & TUNNEL_F_DYING) && t->state != TUNNEL_ENDING)
			return (t);
	}
	return (NULL);
}

const struct addr *
reach_at(const struct service *svc, const struct remote *remote)
{
	const struct tunnel	*t = reach_control(svc, remote);

	return (t == NULL ? NULL : &t->peer);
}

void
reach_begin(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;

	bt->kind = reach_control(t->service, t->remote) == NULL ?
	    BACKHAUL_CONTROL : BACKHAUL_DATA;
}

int
reach_ask(struct tunnel *t, struct http_ask *ask)
{
	static char			 path[FRAMES_PATH_MAX];
	static char			 headers[HEADERS_MAX];
	const struct backhaul_service	*bs = t->service->part;
	const struct backhaul_tunnel	*bt = t->part;
	uint32_t			 n = arc4random() & 0x7fffffff;
	size_t				 len;

	len = frames_put_headers(headers, sizeof(headers), bs->token.octets,
	    bs->token.len, n);
	if (len == 0 || frames_put_path(path, sizeof(path),
	    bt->kind == BACKHAUL_DATA ? PATH_TUNNEL : PATH_CHANNEL, n) == 0)
		return (-1);
	(void)strlcpy(headers + len, ask->headers != NULL ? ask->headers : "",
	    sizeof(headers) - len);
	ask->path = path;
	ask->headers = headers;
	if (ask->agent == NULL || ask->agent[0] == '\0')
		ask->agent = frames_agent(n);
	return (0);
}

/* ---- the control channel's token ---- */

static void
reach_say_token(struct tunnel *t)
{
	const struct backhaul_service	*bs = t->service->part;
	struct backhaul_tunnel		*bt = t->part;
	uint8_t				 buf[FRAMES_TYPED + TOKEN_MAX];
	size_t				 len;

	bt->token = TOKEN_ASKED;
	len = frames_put_typed(buf, sizeof(buf), FRAME_TOKEN,
	    bs->token.octets, bs->token.len);
	if (len == 0 || tunnel_put(t, buf, len) != (ssize_t)len)
		tunnel_kill(t, TUNNEL_END_LOST, "cannot send");
	explicit_bzero(buf, sizeof(buf));
}

/* The answer is the token again. */
static void
reach_hear_token(struct tunnel *t)
{
	const struct backhaul_service	*bs = t->service->part;
	struct backhaul_tunnel		*bt = t->part;
	struct frame			 f;

	if (token_read(t, &f) != 1)
		return;
	bt->token = f.len == bs->token.len &&
	    memcmp(f.string, bs->token.octets, f.len) == 0 ? TOKEN_RIGHT :
	    TOKEN_WRONG;
}

static void
reach_control_turn(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;

	if (t->transport & TRANSPORT_WS)
		bt->token = TOKEN_RIGHT;	/* the upgrade says so */
	if (bt->token == TOKEN_UNREAD)
		reach_say_token(t);
	if (bt->token == TOKEN_ASKED)
		reach_hear_token(t);
	if (t->flags & TUNNEL_F_DYING)
		return;
	if (bt->token == TOKEN_WRONG) {
		tunnel_kill(t, TUNNEL_END_IMPOSTOR,
		    "it answers with another token");
		return;
	}
	if (bt->token == TOKEN_RIGHT) {
		explicit_bzero(bt->frame, sizeof(bt->frame));
		tunnel_proven(t);
		control_run(t);
	}
	(void)tunnel_flush(t);
}

void
reach_turn(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;
	struct tunnel		*control;

	if (bt->kind == BACKHAUL_CONTROL) {
		reach_control_turn(t);
		return;
	}
	control = reach_control(t->service, t->remote);
	if (control == NULL || control->state != TUNNEL_CONTROL)
		tunnel_kill(t, TUNNEL_END_CLEAN,
		    "its control channel is gone");
	else if (!addr_same(&t->peer, &control->peer, 0))
		tunnel_kill(t, TUNNEL_END_CLEAN,
		    "its control channel is at another address");
	else
		data_run(t);
}
