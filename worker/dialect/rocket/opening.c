/* SPDX-License-Identifier: ISC */

/*
 * A tunnel from its first octet to its session: see part.h.  This file knows
 * the order of the steps, and what both sides settled.
 */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "worker/session/muxpro.h"
#include "worker/session/smux.h"
#include "worker/session/solo.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"

/* So long may readers of a full session be without progress. */
#define STALL_GRACE_MS	5000

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
	case SEAL_WHY_REPLAYED:
		end = TUNNEL_END_REPLAYED;
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
	struct rocket_tunnel	*rt = t->part;

	switch (seal_handshake(t->seal)) {
	case SEAL_DONE:
		rt->sealed = 1;
		tunnel_proven(t);
		break;
	case SEAL_FAILED:
		opening_seal_failed(t);
		break;
	case SEAL_WANT_READ:
	case SEAL_WANT_WRITE:
		break;
	}
	/* If it failed, our alert still has to leave. */
	(void)tunnel_flush(t);
}

/* Keeps the seal or leaves it, as settled. */
static int
opening_leave_tls(struct tunnel *t)
{
	const struct rocket_tunnel	*rt = t->part;

	if (rt->settled.seals == SEAL_TLS) {
		seal_bulk(t->seal);
		return (0);
	}
	t->flags |= TUNNEL_F_BARE;
	if (rt->settled.seals != SEAL_XOR)
		seal_bare(t->seal);
	else if (seal_xor(t->seal) == -1) {
		tunnel_kill(t, TUNNEL_END_LOST, "%s", seal_error(t->seal));
		return (-1);
	}
	return (0);
}

/*
 * Over QUIC the session ends at its process, which is the mux server whoever
 * opens streams, and sees to it that the peer lives.
 */
static void
opening_inside_conf(struct session_conf *sc)
{
	sc->inside = 1;
	sc->client = 1;
	sc->version = 2;
	sc->framesize = UINT16_MAX;
	sc->caps |= CAP_HALFCLOSE | CAP_RESET | CAP_BULK;
	sc->keepalive_ms = sc->timeout_ms = 0;
	sc->divert = 1;
}

/* The side that opens streams is the mux client. */
static void
opening_session_conf(const struct tunnel *t, struct session_conf *sc)
{
	const struct service_opts	*o = &t->service->conf.opts;
	const struct rocket_tunnel	*rt = t->part;

	memset(sc, 0, sizeof(*sc));
	sc->client = t->service->opens;
	sc->may_open = !t->service->opens;
	sc->first_urgent = tunnel_muxed(t);
	sc->version = rt->settled.mux_version;
	sc->framesize = rt->settled.framesize;
	sc->recvbuffer = o->mux_recvbuffer;
	sc->window_max = o->mux_streambuffer < o->mux_recvbuffer ?
	    o->mux_streambuffer : o->mux_recvbuffer;
	sc->window_initial = ROCKET_WINDOW_INITIAL;
	if (sc->window_initial > sc->window_max)
		sc->window_initial = sc->window_max;
	sc->peer_initial = rt->theirs.window_initial;
	sc->max_streams = o->mux_max_streams;
	sc->caps = rt->settled.caps;
	sc->keepalive_ms = o->keepalive * 1000;
	/* Two heartbeats of the peer's were missed. */
	sc->timeout_ms = 2 * rt->theirs.keepalive_ms;
	sc->stall_grace_ms = STALL_GRACE_MS;
	sc->divert = rt->settled.seals == SEAL_NONE &&
	    !(t->transport & TRANSPORT_WS);
	if (rt->settled.mux_kind == ROCKET_MUX_QUIC)
		opening_inside_conf(sc);
}

static struct session *
opening_session(const struct rocket_params *settled,
    const struct session_conf *sc, struct tunnel *t)
{
	switch (settled->mux_kind) {
	case ROCKET_MUX_SMUX:
	case ROCKET_MUX_QUIC:
		return (smux_new(sc, &tunnel_session_events, t));
	case ROCKET_MUX_PRO:
		return (muxpro_new(sc, &tunnel_session_events, t));
	default:
		return (solo_new(sc, &tunnel_session_events, t));
	}
}

static void
opening_run(struct tunnel *t)
{
	struct rocket_tunnel	*rt = t->part;
	struct session_conf	 sc;
	struct session		*s;
	int			 muxed = tunnel_muxed(t);

	opening_session_conf(t, &sc);
	if (opening_leave_tls(t) == -1)
		return;
	s = opening_session(&rt->settled, &sc, t);
	if (s == NULL ||
	    (muxed && t->service->opens && ctlstream_open(&rt->ctl, s) == -1)) {
		session_free(s);
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
		return;
	}
	tunnel_run(t, s, muxed ? rt->theirs.max_streams : 1);
	/* QUIC's process waits for the first octet that is none of TLS. */
	if (sc.inside)
		session_probe(s);
	if (!t->service->dials)
		client_opened(t);
}

void
opening_turn(struct tunnel *t)
{
	const struct rocket_tunnel	*rt = t->part;

	if (!rt->sealed)
		opening_handshake(t);
	if (!rt->sealed || (t->flags & TUNNEL_F_DYING))
		return;
	if (dialogue_turn(t) == 1 && tunnel_flush(t) != -1)
		opening_run(t);
	else
		(void)tunnel_flush(t);
}
