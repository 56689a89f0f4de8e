/* SPDX-License-Identifier: ISC */

/*
 * A tunnel until a version is settled: the client's session says its request,
 * the server's hears it.  Only the peer's first frame is read here, to its last
 * octet.  The tunnel is not taken for open before, so one to a server that does
 * not answer is none.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/muxver.h"
#include "worker/session/muxpro.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"

#define MUXPRO_VERSION	1		/* 0.1 */
/* The user's end waits until the target has said nothing for so long. */
#define LINGER_MS	2000
/* How long readers of a full session may be without progress. */
#define STALL_GRACE_MS	5000

struct settling {			/* tunnel.part; then NULL */
	struct session	*session;
	uint8_t		 first[MUXVER_MAX];	/* as it comes */
	size_t		 have;
};

int
settle_begin(struct tunnel *t)
{
	return ((t->part = calloc(1, sizeof(struct settling))) == NULL ?
	    -1 : 0);
}

void
settle_free(struct tunnel *t)
{
	struct settling	*o = t->part;

	if (o == NULL)
		return;
	session_free(o->session);
	free(o);
	t->part = NULL;
}

static struct session *
settle_session(struct tunnel *t)
{
	const struct service_opts	*o = &t->service->conf.opts;
	struct session_conf		 sc;

	memset(&sc, 0, sizeof(sc));
	sc.bare = sc.ample = 1;
	sc.client = t->service->opens;
	sc.may_open = !sc.client;
	/* a target may answer when its user has ended */
	sc.caps = sc.client ? 0 : CAP_HALFCLOSE;
	sc.version = MUXPRO_VERSION;
	sc.framesize = o->mux_framesize;
	sc.recvbuffer = o->mux_recvbuffer;
	sc.window_max = o->mux_streambuffer < o->mux_recvbuffer ?
	    o->mux_streambuffer : o->mux_recvbuffer;
	sc.max_streams = o->mux_max_streams;
	sc.keepalive_ms = o->keepalive * 1000;
	sc.fin_delay_ms = sc.client ? LINGER_MS : 0;
	sc.stall_grace_ms = STALL_GRACE_MS;
	return (muxpro_new(&sc, &tunnel_session_events, t));
}

/* Its first turn: a client says which versions it knows.  -1: killed. */
static int
settle_start(struct tunnel *t)
{
	struct settling	*o = t->part;
	uint8_t		 buf[SESSION_OUTPUT_MIN];
	size_t		 n;

	if ((o->session = settle_session(t)) == NULL) {
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
		return (-1);
	}
	(void)session_tick(o->session, worker_now());
	n = session_output(o->session, buf, sizeof(buf));
	if (n > 0 && tunnel_put(t, buf, n) != (ssize_t)n) {
		tunnel_kill(t, TUNNEL_END_LOST, "cannot send");
		return (-1);
	}
	return (0);
}

static void
settle_closed(struct tunnel *t)
{
	const struct settling	*o = t->part;

	if (t->service->dials)
		tunnel_kill(t, TUNNEL_END_REJECTED, "closed without a "
		    "version: the server may not know 0.1 of Mux.Pro");
	else if (o->have == 0)
		tunnel_kill(t, TUNNEL_END_CLEAN, "closed at once");
	else
		tunnel_kill(t, TUNNEL_END_LOST, "closed after %zu octets of "
		    "a version", o->have);
}

/* Reads at most to the end of the first frame.  1: it is whole; 0: not yet. */
static int
settle_read(struct tunnel *t)
{
	struct settling	*o = t->part;
	const char	*why;
	ssize_t		 need, n;

	while ((need = muxver_need(o->first, o->have, &why)) != -1) {
		if ((size_t)need == o->have)
			return (1);
		n = tunnel_get(t, o->first + o->have, need - o->have);
		if (n > 0) {
			o->have += n;
			continue;
		}
		if (n == 0)
			settle_closed(t);
		else if (errno != EAGAIN && errno != EINTR)
			tunnel_kill(t, TUNNEL_END_LOST, "%s", strerror(errno));
		return (0);
	}
	tunnel_kill(t, TUNNEL_END_PROTOCOL, "%s", why);
	return (0);
}

void
settle_turn(struct tunnel *t)
{
	struct settling	*o = t->part;
	struct session	*s;

	if (o->session == NULL && settle_start(t) == -1)
		return;
	if (settle_read(t) == 0) {
		if (!(t->flags & TUNNEL_F_DYING))
			(void)tunnel_flush(t);
		return;
	}
	s = o->session;
	(void)session_tick(s, worker_now());
	if (session_input(s, o->first, o->have) == -1) {
		tunnel_kill(t, TUNNEL_END_PROTOCOL, "it %s", s->error);
		return;
	}
	o->session = NULL;
	settle_free(t);
	tunnel_proven(t);
	tunnel_run(t, s, t->service->conf.opts.mux_max_streams);
}
