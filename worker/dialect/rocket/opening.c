/* SPDX-License-Identifier: ISC */

/*
 * See opening.h.  Each step is a file of its own, upgrade.c, seal.c and
 * dialogue.c; this one knows their order, and what was settled in the end.
 */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "dialogue.h"
#include "opening.h"
#include "worker/service/service.h"
#include "worker/session/session.h"
#include "worker/tunnel/upgrade.h"

/* A version 1 session that is full this long loses its worst reader. */
#define STALL_GRACE_MS	5000

static void
opening_upgrade(struct tunnel *t)
{
	if (upgrade_turn(t) == 1)
		t->state = TUNNEL_HANDSHAKE;
	if (!(t->flags & TUNNEL_F_DYING))
		(void)tunnel_flush(t);
}

static void
opening_seal_failed(struct tunnel *t)
{
	enum tunnel_end	 end;

	switch (seal_why(t->seal)) {
	case SEAL_WHY_REFUSED:
		end = TUNNEL_END_TOKEN;
		break;
	case SEAL_WHY_NO_PSK:
	case SEAL_WHY_BAD_KEY:
		end = TUNNEL_END_IMPOSTOR;
		break;
	case SEAL_WHY_PROTOCOL:
		end = TUNNEL_END_PROTOCOL;
		break;
	default:
		end = TUNNEL_END_LOST;
		break;
	}
	tunnel_kill(t, end, "%s", seal_error(t->seal));
}

static void
opening_handshake(struct tunnel *t)
{
	switch (seal_handshake(t->seal)) {
	case SEAL_DONE:
		t->state = TUNNEL_DIALOGUE;
		if (t->service->conf.side == SIDE_SERVER)
			service_tell_gate(IMSG_TUNNEL_PROVEN, t->number);
		break;
	case SEAL_FAILED:
		opening_seal_failed(t);
		break;
	case SEAL_WANT_READ:
	case SEAL_WANT_WRITE:
		break;
	}
	/* An alert of ours is to leave also when it failed. */
	(void)tunnel_flush(t);
}

int
opening_turn(struct tunnel *t)
{
	if (t->state == TUNNEL_UPGRADE)
		opening_upgrade(t);
	if (t->state == TUNNEL_HANDSHAKE && !(t->flags & TUNNEL_F_DYING))
		opening_handshake(t);
	if (t->state != TUNNEL_DIALOGUE || (t->flags & TUNNEL_F_DYING))
		return (0);
	if (dialogue_turn(t) == 1 && tunnel_flush(t) != -1)
		return (1);
	(void)tunnel_flush(t);
	return (0);
}

/* Or not, as was settled. */
static int
opening_leave_tls(struct tunnel *t)
{
	if (t->settled.seals == SEAL_TLS) {
		seal_bulk(t->seal);
		return (0);
	}
	t->flags |= TUNNEL_F_BARE;
	if (t->settled.seals == SEAL_NONE)
		seal_bare(t->seal);
	else if (seal_xor(t->seal) == -1) {
		tunnel_kill(t, TUNNEL_END_LOST, "%s", seal_error(t->seal));
		return (-1);
	}
	return (0);
}

int
opening_settle(struct tunnel *t, struct session_conf *sc)
{
	const struct service_opts	*o = &t->service->conf.opts;

	memset(sc, 0, sizeof(*sc));
	sc->client = t->service->conf.side == SIDE_SERVER;
	sc->may_open = !sc->client;
	sc->first_urgent = tunnel_muxed(t);
	sc->version = t->settled.mux_version;
	sc->framesize = t->settled.framesize;
	sc->recvbuffer = o->mux_recvbuffer;
	sc->window_max = o->mux_streambuffer;
	sc->window_initial = TUNNEL_WINDOW_INITIAL;
	if (sc->window_initial > sc->window_max)
		sc->window_initial = sc->window_max;
	sc->peer_initial = t->theirs.window_initial;
	sc->max_streams = o->mux_max_streams;
	sc->caps = t->settled.caps;
	sc->keepalive_ms = o->keepalive * 1000;
	/* Two heartbeats of the peer's that did not come. */
	sc->timeout_ms = 2 * t->theirs.keepalive_ms;
	sc->stall_grace_ms = STALL_GRACE_MS;
	t->peer_streams = tunnel_muxed(t) ? t->theirs.max_streams : 1;
	sc->divert = t->settled.seals == SEAL_NONE &&
	    !(t->transport & TRANSPORT_WS);
	return (opening_leave_tls(t));
}
