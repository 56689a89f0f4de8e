/* SPDX-License-Identifier: ISC */

/*
 * A data tunnel: see part.h.  With a mux it carries smux from its first octet,
 * without one it has one user, whose octets follow the name of the target as
 * they are.  Over WebSocket without a mux that name is a message of its own,
 * and a server lets idle tunnels hear from it now and then.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/frame/worker.h"
#include "worker/net/proxyhdr.h"
#include "worker/session/raw.h"
#include "worker/session/smux.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"

/* As the peer's mux has them; they are not agreed upon. */
#define MUX_KEEPALIVE_MS	20000
#define MUX_TIMEOUT_MS		45000
#define MUX_WINDOW		262144	/* before the first update */
/* Its mux can lose an end that answers a beginning too fast. */
#define MUX_FIN_DELAY_MS	100
/* So long may readers of a full session be without progress. */
#define STALL_GRACE_MS		5000
/* Without a mux: octets of one message. */
#define MESSAGE_OCTETS		(64 * 1024)
/*
 * A client may read the answer to its upgrade together with what follows, and
 * lose that.
 */
#define UPGRADE_US		(200 * 1000ULL)
/*
 * While the control channel is late its client may have been restarted, and
 * what is taken for a data tunnel may be about to say a token.
 */
#define DOUBTFUL_US		(1 * 1000000ULL)
#define LOOK_US			(50 * 1000ULL)	/* that is looked at */
#define IDLE_PING		2	/* the one octet of such a message */
#define PINGS			64	/* of them in one turn */

static int
data_ws(const struct tunnel *t)
{
	return ((t->transport & TRANSPORT_WS) && !tunnel_muxed(t));
}

/* ---- the session ---- */

static struct session *
data_session(struct tunnel *t)
{
	const struct service_opts	*o = &t->service->conf.opts;
	struct session_conf		 sc;

	memset(&sc, 0, sizeof(sc));
	sc.client = t->service->opens;
	sc.may_open = !sc.client;
	sc.recvbuffer = o->mux_recvbuffer;
	sc.max_streams = o->mux_max_streams;
	if (!tunnel_muxed(t)) {
		if (t->transport & TRANSPORT_WS)
			sc.framesize = MESSAGE_OCTETS;
		else
			sc.divert = 1;
		return (raw_new(&sc, &tunnel_session_events, t));
	}
	sc.version = o->mux_version;
	sc.framesize = o->mux_framesize;
	sc.window_max = o->mux_streambuffer < o->mux_recvbuffer ?
	    o->mux_streambuffer : o->mux_recvbuffer;
	sc.window_initial = sc.peer_initial = MUX_WINDOW;
	sc.keepalive_ms = MUX_KEEPALIVE_MS;
	sc.timeout_ms = MUX_TIMEOUT_MS;
	sc.fin_delay_ms = MUX_FIN_DELAY_MS;
	sc.stall_grace_ms = STALL_GRACE_MS;
	return (smux_new(&sc, &tunnel_session_events, t));
}

static uint32_t
data_streams(const struct tunnel *t)
{
	return (tunnel_muxed(t) ? t->service->conf.opts.mux_max_streams : 1);
}

/* Accepted: when may users have it? */
static void
data_begin_wait(struct tunnel *t)
{
	const struct backhaul_service	*bs = t->service->part;
	struct backhaul_tunnel		*bt = t->part;

	if (t->transport & TRANSPORT_WS) {
		if (tunnel_muxed(t))
			bt->usable_at = worker_now() + UPGRADE_US;
	} else if (control_is_late(bs->control)) {
		bt->doubtful = 1;
		bt->usable_at = worker_now() + DOUBTFUL_US;
	}
}

void
data_run(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;
	struct session		*s;
	int			 dials = t->service->dials;
	int			 ws = (t->transport & TRANSPORT_WS) != 0;

	bt->kind = BACKHAUL_DATA;
	if ((s = data_session(t)) == NULL) {
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
		return;
	}
	if (dials ? data_ws(t) : !ws)
		t->flags |= TUNNEL_F_LISTENS;
	if (!dials)
		data_begin_wait(t);
	tunnel_run(t, s, bt->usable_at != 0 ? 0 : data_streams(t));
}

/* Users may have it. */
static void
data_usable(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;

	bt->usable_at = 0;
	t->peer_streams = data_streams(t);
	t->service->events->changed();
}

/* ---- what comes before its session is to read ---- */

/*
 * Does the frame of a token begin so?  No frame of the mux does: its version
 * and command would be the length of a longer one than there is.
 */
static int
data_is_token(const uint8_t buf[FRAMES_TYPED])
{
	return ((buf[0] << 8 | buf[1]) <= TOKEN_MAX &&
	    buf[FRAMES_TYPED - 1] == FRAME_TOKEN);
}

/*
 * It has said too little to be known by.  No user gets it until more comes, and
 * there is a time for that: a look at what has come does not show an end.
 */
static void
data_begins(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;

	if (bt->begun != 0)
		return;
	bt->begun = worker_now();
	t->peer_streams = 0;
}

/*
 * Accepted: the first octets tell whether it is what it was taken for.  If it
 * says a token it is a new control channel.
 */
static void
data_listen_accepted(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;
	uint8_t			 buf[FRAMES_TYPED];
	ssize_t			 n;

	n = wire_peek(&t->wire, buf, sizeof(buf));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && n < (ssize_t)sizeof(buf)) {
		wire_peeked(&t->wire);
		data_begins(t);
		return;
	}
	t->flags &= ~TUNNEL_F_LISTENS;
	if (n != (ssize_t)sizeof(buf) || !data_is_token(buf)) {
		if (n > 0 && t->peer_streams == 0)
			data_usable(t);
		bt->begun = 0;
		tunnel_again(t);		/* its session reads it */
		return;
	}
	demand_was_none(t);
	bt->begun = 0;
	bt->kind = BACKHAUL_NEW;
	bt->again = 1;
	bt->usable_at = 0;
	tunnel_reopen(t, t->service->conf.opts.handshake_timeout * 1000);
}

/* The name of the target has come: the session has it as if it were bare. */
static void
data_activate(struct tunnel *t, const uint8_t *target, size_t len)
{
	uint8_t	 buf[FRAMES_TYPED + NAMED_MAX];
	size_t	 n;

	n = frames_put_typed(buf, sizeof(buf), FRAME_TCP, target, len);
	if (n == 0) {
		tunnel_kill(t, TUNNEL_END_PROTOCOL,
		    "a target of %zu octets", len);
		return;
	}
	t->flags &= ~TUNNEL_F_LISTENS;
	if (session_input(t->session, buf, n) == -1)
		tunnel_kill(t, TUNNEL_END_PROTOCOL, "%s", t->session->error);
	tunnel_again(t);
}

/* Dialled, over WebSocket: until a message is more than a sign of life. */
static void
data_listen_dialled(struct tunnel *t)
{
	struct backhaul_tunnel	*bt = t->part;
	struct ws_message	*m;
	int			 r, pings = 0;

	if (bt->message == NULL &&
	    (bt->message = calloc(1, sizeof(*bt->message))) == NULL) {
		tunnel_kill(t, TUNNEL_END_LOST, "no memory");
		return;
	}
	m = bt->message;
	while ((r = tunnel_get_message(t, m)) == 1 && m->len == 1 &&
	    m->octets[0] == IDLE_PING)
		if (++pings == PINGS) {
			tunnel_again(t);
			return;
		}
	if (r == 1) {
		data_activate(t, m->octets, m->len);
		free(m);
		bt->message = NULL;
	} else if (r == 0)
		tunnel_kill(t, TUNNEL_END_CLEAN, "closed by the peer");
	else if (errno != EAGAIN && errno != EINTR)
		tunnel_kill(t, TUNNEL_END_LOST, "%s", strerror(errno));
}

void
data_listen(struct tunnel *t)
{
	if (t->service->dials)
		data_listen_dialled(t);
	else
		data_listen_accepted(t);
}

/* ---- time ---- */

static uint64_t
data_ping(struct tunnel *t, uint64_t now)
{
	static const uint8_t	 ping = IDLE_PING;
	struct backhaul_tunnel	*bt = t->part;

	if (now >= bt->ping_at) {
		if (bt->ping_at != 0 &&
		    tunnel_put_message(t, WS_BINARY, &ping, 1) == -1)
			tunnel_kill(t, TUNNEL_END_LOST,
			    "the peer does not read");
		bt->ping_at = now + t->service->conf.opts.keepalive *
		    1000000ULL;
	}
	return (bt->ping_at);
}

/* When it has to be known what it has begun to say. */
static uint64_t
data_until(struct tunnel *t, uint64_t now)
{
	const struct backhaul_tunnel	*bt = t->part;
	uint64_t			 at;

	at = bt->begun + t->service->conf.opts.handshake_timeout * 1000000ULL;
	if (now >= at)
		tunnel_kill(t, TUNNEL_END_PROTOCOL,
		    "one or two octets, and no more");
	return (at);
}

int
data_is_coming(const struct tunnel *t)
{
	const struct backhaul_tunnel	*bt = t->part;

	return (t->state == TUNNEL_OPEN && !(t->flags & TUNNEL_F_DYING) &&
	    bt->usable_at != 0 && bt->begun == 0);
}

/* When to look again; 0: users may have it. */
static uint64_t
data_wait(const struct tunnel *t, uint64_t now)
{
	const struct backhaul_service	*bs = t->service->part;
	const struct backhaul_tunnel	*bt = t->part;

	if (now >= bt->usable_at)
		return (0);
	if (!bt->doubtful)
		return (bt->usable_at);
	if (bs->control != NULL && !control_is_late(bs->control))
		return (0);
	return (now + LOOK_US);
}

uint64_t
data_tick(struct tunnel *t, uint64_t now)
{
	struct backhaul_tunnel	*bt = t->part;
	uint64_t		 at;

	if (bt->begun != 0)
		return (data_until(t, now));
	if (bt->usable_at != 0) {
		if ((at = data_wait(t, now)) != 0)
			return (at);
		data_usable(t);
	}
	if (t->service->dials || !data_ws(t) || (t->flags & TUNNEL_F_USED))
		return (UINT64_MAX);
	return (data_ping(t, now));
}

/* ---- a stream's first octets ---- */

/* Is it for all addresses?  A user's is always one of them. */
static int
data_for_all(const struct addr *a)
{
	static const uint8_t	 none[sizeof(a->octets)];

	return (a->family == ADDR_NONE ||
	    memcmp(a->octets, none, sizeof(none)) == 0);
}

/* What users of a listener want: as configured, or its own port. */
const char *
data_target(const struct service *svc, const struct addr *listener,
    uint32_t kind)
{
	static char			 port[8];
	const struct msg_mapping	*m;
	uint32_t			 i;

	for (i = 0; i < svc->nmappings; i++) {
		m = &svc->mappings[i];
		if (!(m->kinds & kind) || listener->port < m->port ||
		    listener->port > m->port_last)
			continue;
		if (!data_for_all(&m->addr) &&
		    !addr_same(&m->addr, listener, 0))
			continue;
		if (m->to[0] != '\0')
			return (m->to);
		break;
	}
	snprintf(port, sizeof(port), "%u", listener->port);
	return (port);
}

ssize_t
data_put_want(struct tunnel *t, const struct want *w, uint8_t *buf,
    size_t size)
{
	uint32_t	 kind = w->kind == WANT_UDP ? KIND_UDP : KIND_TCP;
	const char	*to = data_target(t->service, &w->listener, kind);
	size_t		 len = strlen(to), n;

	/* which a reload may leave behind: they have no word for datagrams */
	if (w->kind == WANT_UDP && (tunnel_muxed(t) || data_ws(t)))
		return (-1);
	if (data_ws(t))
		return (tunnel_put_message(t, WS_TEXT, to, len));
	n = tunnel_muxed(t) ? frames_put_untyped(buf, size, to, len) :
	    frames_put_typed(buf, size, w->kind == WANT_UDP ? FRAME_UDP :
	    FRAME_TCP, to, len);
	if (n == 0 || n + PROXYHDR_MAX > size)
		return (-1);
	if (w->kind == WANT_TCP && t->service->conf.opts.proxy_protocol != 0)
		n += frames_put_proxy(buf + n, &w->user, &t->peer);
	return ((ssize_t)n);
}

ssize_t
data_get_want(struct tunnel *t, const uint8_t *buf, size_t len,
    struct want *w, const char **why)
{
	static struct named	 named;
	struct frame		 f;
	ssize_t			 got;

	memset(w, 0, sizeof(*w));
	*why = "a target that is too long";
	got = tunnel_muxed(t) ?
	    frames_get_untyped(buf, len, NAMED_MAX, &f) :
	    frames_get_typed(buf, len, NAMED_MAX, &f);
	if (got <= 0)
		return (got);
	*why = "neither a connection nor datagrams" BACKHAUL_HINT;
	if (!tunnel_muxed(t) && f.type != FRAME_TCP && f.type != FRAME_UDP)
		return (-1);
	w->kind = !tunnel_muxed(t) && f.type == FRAME_UDP ? WANT_UDP :
	    WANT_TCP;
	if ((*why = frames_target(f.string, f.len, &named)) != NULL)
		return (-1);
	w->host = named.host;
	w->port = named.port;
	return (got);
}
