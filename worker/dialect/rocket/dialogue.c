/* SPDX-License-Identifier: ISC */

/*
 * HELLO, ACCEPT and REJECT (rocket-protocol(7)): see part.h.  All of it is
 * inside TLS, after both ends have proven the token.
 */

#include <sys/types.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/session/muxpro.h"
#include "worker/tunnel/tunnel.h"
#include "worker/frame/worker.h"
#include "part.h"

static uint32_t
dialogue_mux(const struct tunnel *t)
{
	if (t->transport & TRANSPORT_QUIC)
		return (ROCKET_MUX_QUIC);
	if (!tunnel_muxed(t))
		return (ROCKET_MUX_NONE);
	return (t->service->conf.opts.mux_kind == MUX_PRO ? ROCKET_MUX_PRO :
	    ROCKET_MUX_SMUX);
}

/* What `seal', `mux' and CAP_BULK are about does not exist on QUIC. */
static void
dialogue_params_quic(const struct tunnel *t, struct rocket_params *p)
{
	const struct rocket_tunnel	*rt = t->part;

	p->seals = SEAL_QUIC;
	p->caps &= ~CAP_BULK;
	memcpy(p->binding, rt->binding, sizeof(p->binding));
}

static void
dialogue_params(const struct tunnel *t, struct rocket_params *p)
{
	const struct service		*svc = t->service;
	const struct service_opts	*o = &svc->conf.opts;

	memset(p, 0, sizeof(*p));
	p->mux_kind = dialogue_mux(t);
	p->mux_version = p->mux_kind == ROCKET_MUX_SMUX ? o->mux_version : 1;
	p->framesize = o->mux_framesize;
	p->window_max = o->mux_streambuffer < o->mux_recvbuffer ?
	    o->mux_streambuffer : o->mux_recvbuffer;
	p->window_initial = ROCKET_WINDOW_INITIAL;
	if (p->window_initial > p->window_max)
		p->window_initial = p->window_max;
	p->recvbuffer = o->mux_recvbuffer;
	p->max_streams = o->mux_max_streams;
	if (p->mux_kind == ROCKET_MUX_PRO && p->max_streams > MUXPRO_STREAMS)
		p->max_streams = MUXPRO_STREAMS;
	p->seals = o->seals;
	p->caps = CAP_HALFCLOSE | CAP_RESET;
	if (p->mux_kind != ROCKET_MUX_PRO)
		p->caps |= CAP_BULK;
	if (o->compression == COMPRESSION_LZ4)
		p->caps |= CAP_LZ4 | CAP_FORGET;
	p->keepalive_ms = o->keepalive * 1000;
	memcpy(p->start_id, worker_self()->start_id, sizeof(p->start_id));
	p->opens = svc->opens;
	if (svc->dials)
		strlcpy(p->client_id, svc->conf.client_id,
		    sizeof(p->client_id));
	snprintf(p->software, sizeof(p->software), "rocketd %s",
	    ROCKETD_VERSION);
	if (p->mux_kind == ROCKET_MUX_QUIC)
		dialogue_params_quic(t, p);
}

/* Our message goes out whole: the buffer is empty at this point. */
static int
dialogue_send(struct tunnel *t, const uint8_t *buf, size_t len)
{
	ssize_t	 n;

	if (len == 0 || (n = tunnel_put(t, buf, len)) == -1 ||
	    (size_t)n != len) {
		tunnel_kill(t, TUNNEL_END_LOST, "cannot send: %s",
		    strerror(errno));
		return (-1);
	}
	return (0);
}

static int
dialogue_send_params(struct tunnel *t, enum rocket_message type,
    const struct rocket_params *p)
{
	uint8_t	 buf[ROCKET_MESSAGE_MAX];

	return (dialogue_send(t, buf, rocket_put_params(buf, sizeof(buf),
	    type, p)));
}

/* Reads what there is; -1 when the tunnel ended. */
static int
dialogue_read(struct tunnel *t)
{
	struct rocket_tunnel	*rt = t->part;
	ssize_t			 n;

	if (rt->message == NULL &&
	    (rt->message = malloc(ROCKET_MESSAGE_MAX)) == NULL) {
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
		return (-1);
	}
	n = tunnel_get(t, rt->message + rt->message_len,
	    ROCKET_MESSAGE_MAX - rt->message_len);
	if (n > 0) {
		rt->message_len += n;
		return (1);
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (0);
	tunnel_kill(t, TUNNEL_END_LOST, "closed before it was open: %s",
	    n == 0 ? "the peer said no more" : strerror(errno));
	return (-1);
}

static int
dialogue_reject(struct tunnel *t, const struct rocket_refusal *why)
{
	uint8_t	 buf[ROCKET_MESSAGE_MAX];

	if (dialogue_send(t, buf, rocket_put_reject(buf, sizeof(buf),
	    why)) == 0)
		tunnel_finish(t, TUNNEL_END_REJECTED, "%s", why->words);
	return (-1);
}

static int
dialogue_accept(struct tunnel *t)
{
	struct rocket_tunnel	*rt = t->part;
	struct rocket_params	 ours;
	struct rocket_refusal	 why;
	ssize_t			 got;

	got = rocket_get_hello(rt->message, rt->message_len, &rt->theirs, &why);
	if (got == 0)
		return (0);
	if (got > 0 && (size_t)got != rt->message_len) {
		got = -1;
		why.code = REJECT_MALFORMED;
		strlcpy(why.words, "octets behind HELLO", sizeof(why.words));
	}
	if (got == -1)
		return (dialogue_reject(t, &why));
	if (t->service->stopping) {
		why.code = REJECT_STOPPING;
		strlcpy(why.words, "the server is stopping",
		    sizeof(why.words));
		return (dialogue_reject(t, &why));
	}
	dialogue_params(t, &ours);
	if (rocket_settle(&ours, &rt->theirs, &rt->settled, &why) == -1 ||
	    client_full(t, &why))
		return (dialogue_reject(t, &why));
	if (dialogue_send_params(t, ROCKET_ACCEPT, &rt->settled) == -1)
		return (-1);
	return (1);
}

/* The server accepted something else than what was offered. */
static void
dialogue_misfit(struct tunnel *t, enum rocket_reject code, const char *words)
{
	if (code == REJECT_BINDING)
		tunnel_kill(t, TUNNEL_END_IMPOSTOR, "%s", words);
	else
		tunnel_kill(t, TUNNEL_END_PROTOCOL,
		    "the server accepted what was not offered: %s", words);
}

static int
dialogue_answer(struct tunnel *t)
{
	struct rocket_tunnel	*rt = t->part;
	struct rocket_refusal	 why;
	ssize_t			 got;
	int			 rejected;

	got = rocket_get_answer(rt->message, rt->message_len, &rt->theirs,
	    &rejected, &why);
	if (got == 0)
		return (0);
	if (got == -1) {
		tunnel_kill(t, TUNNEL_END_PROTOCOL, "malformed answer: %s",
		    why.words);
		return (-1);
	}
	if (rejected) {
		tunnel_kill(t, TUNNEL_END_REJECTED,
		    "the server refused: %s (%s)", why.words,
		    rocket_reject_name(why.code));
		return (-1);
	}
	got -= rt->message_len;
	if (got != 0 ||
	    rocket_check_accept(&rt->settled, &rt->theirs, &why) == -1) {
		dialogue_misfit(t, got != 0 ? REJECT_MALFORMED : why.code,
		    got != 0 ? "octets behind ACCEPT" : why.words);
		return (-1);
	}
	rt->settled = rt->theirs;
	return (1);
}

/* Logs, if it has changed, that the peer does not allow a cheaper seal. */
static void
dialogue_tell_seal(struct tunnel *t)
{
	const struct rocket_tunnel	*rt = t->part;
	struct rocket_service		*rs = t->service->part;
	uint32_t			 seals = t->service->conf.opts.seals;
	uint32_t			 seal = rt->settled.seals;

	if (seal == rs->seal_told || seal == SEAL_QUIC)
		return;
	rs->seal_told = seal;
	/* The bits rise as the protection falls. */
	if (seals >= seal << 1)
		log_info("tunnel %u: seal %s: the other side does not allow "
		    "%s", t->serial, seal == SEAL_TLS ? "tls" : "xor",
		    seals & SEAL_NONE ? "none" : "xor");
}

int
dialogue_turn(struct tunnel *t)
{
	struct rocket_tunnel	*rt = t->part;
	int			 r, dials = t->service->dials;

	if (dials && !(t->flags & TUNNEL_F_OFFERED)) {
		/* A reload does not change what was offered. */
		dialogue_params(t, &rt->settled);
		if (dialogue_send_params(t, ROCKET_HELLO, &rt->settled) == -1)
			return (-1);
		t->flags |= TUNNEL_F_OFFERED;
	}
	for (;;) {
		if ((r = dialogue_read(t)) != 1)
			return (r);
		r = dials ? dialogue_answer(t) : dialogue_accept(t);
		if (r != 0)
			break;
		/* rocket.c refuses a message that is longer than the buffer */
	}
	free(rt->message);
	rt->message = NULL;
	rt->message_len = 0;
	if (r == 1)
		dialogue_tell_seal(t);
	return (r);
}
