/* SPDX-License-Identifier: ISC */

/*
 * Dialect mytunnel as dialect.h asks for it: its table of functions, and those
 * that are too small for a file of their own.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "shared/ctl.h"
#include "worker/dialect/dialect.h"
#include "worker/relay/relay.h"
#include "worker/session/smux.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"
#include "table.h"

/* What the session with quic has; both have the same in their code. */
#define PAIR_VERSION	2		/* of smux */
#define PAIR_FRAME	65535
#define PAIR_CAPS	(CAP_HALFCLOSE | CAP_RESET | CAP_BULK)
/* Flows of datagrams of one tunnel, which are no streams to the peer. */
#define PAIR_FLOWS	256
/* How long readers of a full session may be without progress. */
#define STALL_GRACE_MS	5000

#define DATAGRAM_MOST	65507

/* Nor for a tunnel. */
static int
table_begin(struct tunnel *t)
{
	(void)t;
	return (0);
}

static void
table_free(struct tunnel *t)
{
	(void)t;
}

/* quic, which has the peer, is the mux server, and opens the peer's streams. */
static struct session *
table_session(struct tunnel *t)
{
	const struct service_opts	*o = &t->service->conf.opts;
	struct session_conf		 sc;

	memset(&sc, 0, sizeof(sc));
	sc.inside = sc.client = sc.divert = 1;
	sc.may_open = !t->service->opens;
	sc.version = PAIR_VERSION;
	sc.caps = PAIR_CAPS;
	sc.framesize = PAIR_FRAME;
	sc.recvbuffer = o->mux_recvbuffer;
	sc.window_max = o->mux_streambuffer < o->mux_recvbuffer ?
	    o->mux_streambuffer : o->mux_recvbuffer;
	sc.max_streams = o->mux_max_streams + PAIR_FLOWS;
	sc.stall_grace_ms = STALL_GRACE_MS;
	return (smux_new(&sc, &tunnel_session_events, t));
}

/* Nothing is said first: quic has settled all that there is to settle. */
static void
table_turn(struct tunnel *t)
{
	struct session	*s;

	if ((s = table_session(t)) == NULL) {
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
		return;
	}
	t->flags |= TUNNEL_F_BARE;
	tunnel_proven(t);
	tunnel_run(t, s, t->service->conf.opts.mux_max_streams);
}

static int
table_opened(struct tunnel *t, struct stream *st)
{
	return (relay_accept(st, t));
}

/*
 * The peer is not told.  Where tunnels are accepted it ends when it is empty,
 * and its client makes another when it wants one.
 */
static void
table_drain(struct tunnel *t)
{
	if (!t->service->dials && !(t->flags & TUNNEL_F_DRAINING))
		tunnel_drain(t);
}

static void
table_describe(const struct tunnel *t, struct ctl_session *cs)
{
	(void)t;
	cs->mux_kind = MUX_SMUX;
	cs->mux_version = PAIR_VERSION;
	cs->seal = SEAL_QUIC;
}

static void
table_words(const struct tunnel *t, char *buf, size_t size)
{
	(void)t;
	(void)strlcpy(buf, "mytunnel, version 0.1", size);
}

const struct dialect	 dialect_mytunnel = {
	.name = "mytunnel",
	.mute = 1,
	.begin = table_begin,
	.free = table_free,
	.turn = table_turn,
	.opened = table_opened,
	.drain = table_drain,
	.describe = table_describe,
	.words = table_words,
	.answers = 1,
	.put_want = mthead_put_want,
	.get_want = mthead_get_want,
	.put_answer = mthead_put_answer,
	.get_answer = mthead_get_answer,
	.datagram_max = DATAGRAM_MOST,
	.user_keeps = 1
};
