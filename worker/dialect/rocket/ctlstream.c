/* SPDX-License-Identifier: ISC */

/*
 * See ctlstream.h.  The stream goes before all others and outside their limits;
 * its octets are consumed as they come, and `out' bounds what the peer may make
 * us queue.
 */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/tunnel/tunnel.h"
#include "worker/frame/worker.h"
#include "ctlstream.h"

#define PING_INTERVAL	(10 * 1000000ULL)	/* microseconds */

static size_t	 ctlstream_pull(struct stream *, uint8_t *, size_t);
static void	 ctlstream_data(struct stream *, const uint8_t *, size_t);
static void	 ctlstream_fin(struct stream *);
static void	 ctlstream_reset(struct stream *, enum reset_reason);
static void	 ctlstream_closed(struct stream *);

static void	 ctlstream_due(struct ctlstream *);

static const struct stream_owner ctlstream_owner = {
	ctlstream_pull,
	ctlstream_data,
	ctlstream_fin,
	ctlstream_reset,
	ctlstream_closed,
	NULL,
	NULL
};

void
ctlstream_init(struct ctlstream *cs, struct tunnel *t)
{
	memset(cs, 0, sizeof(*cs));
	cs->tunnel = t;
}

int
ctlstream_open(struct ctlstream *cs, struct session *s)
{
	cs->stream = session_open(s, &ctlstream_owner, cs, 1);
	return (cs->stream == NULL ? -1 : 0);
}

void
ctlstream_accept(struct ctlstream *cs, struct stream *st)
{
	st->owner = &ctlstream_owner;
	st->arg = cs;
	cs->stream = st;
	ctlstream_due(cs);
}

/* -1: there is no room, and it is not sent. */
static int
ctlstream_send(struct ctlstream *cs, const struct rocket_ctl *msg)
{
	size_t	 n;

	if (cs->stream == NULL)
		return (-1);
	n = rocket_put_control(cs->out + cs->out_len,
	    sizeof(cs->out) - cs->out_len, msg);
	if (n == 0) {
		if (!cs->full)
			log_debug("tunnel %u: the peer does not read its "
			    "control stream", cs->tunnel->serial);
		cs->full = 1;
		return (-1);
	}
	cs->full = 0;
	cs->out_len += n;
	session_ready(cs->stream);
	return (0);
}

/* If the drain were lost the tunnel would stay for ever. */
static void
ctlstream_due(struct ctlstream *cs)
{
	struct rocket_ctl	 msg = { .type = CONTROL_DRAIN };
	size_t			 n;

	if (!cs->drain_due || cs->stream == NULL)
		return;
	n = rocket_put_control(cs->out + cs->out_len,
	    sizeof(cs->out) - cs->out_len, &msg);
	if (n == 0)
		return;			/* once out has room */
	cs->drain_due = 0;
	cs->out_len += n;
	session_ready(cs->stream);
}

void
ctlstream_drain(struct ctlstream *cs)
{
	cs->drain_due = 1;
	ctlstream_due(cs);
}

void
ctlstream_more(struct ctlstream *cs, uint32_t more)
{
	struct rocket_ctl	 msg = { .type = CONTROL_MORE, .more = more };

	(void)ctlstream_send(cs, &msg);
}

void
ctlstream_notice(struct ctlstream *cs, const char *words)
{
	struct rocket_ctl	 msg = { .type = CONTROL_NOTICE };

	strlcpy(msg.words, words, sizeof(msg.words));
	(void)ctlstream_send(cs, &msg);
}

void
ctlstream_ping(struct ctlstream *cs, uint64_t now)
{
	struct rocket_ctl	 msg = { .type = CONTROL_PING, .ping = now };

	cs->ping_next = now + PING_INTERVAL;
	if (ctlstream_send(cs, &msg) == 0)
		cs->ping_sent = now;
}

uint64_t
ctlstream_tick(struct ctlstream *cs, uint64_t now)
{
	if (cs->stream == NULL)
		return (UINT64_MAX);
	/* One without an answer is left to the session's timeout. */
	if (now >= cs->ping_next) {
		if (cs->ping_sent == 0)
			ctlstream_ping(cs, now);
		else
			cs->ping_next = now + PING_INTERVAL;
	}
	return (cs->ping_next);
}

static void
ctlstream_pong(struct ctlstream *cs, uint64_t ping)
{
	uint64_t	 now = worker_now();

	if (cs->ping_sent == 0 || ping != cs->ping_sent)
		return;
	cs->ping_sent = 0;
	tunnel_rtt(cs->tunnel, now - ping < UINT32_MAX ? now - ping :
	    UINT32_MAX);
}

static void
ctlstream_message(struct ctlstream *cs, const struct rocket_ctl *msg)
{
	struct rocket_ctl	 pong;

	switch (msg->type) {
	case CONTROL_PING:
		memset(&pong, 0, sizeof(pong));
		pong.type = CONTROL_PONG;
		pong.ping = msg->ping;
		(void)ctlstream_send(cs, &pong);
		break;
	case CONTROL_PONG:
		ctlstream_pong(cs, msg->ping);
		break;
	case CONTROL_DRAIN:
		tunnel_peer_drains(cs->tunnel);
		break;
	case CONTROL_MORE:
		tunnel_peer_wants(cs->tunnel, msg->more);
		break;
	case CONTROL_NOTICE:
		/* one a tunnel, and of a server: nobody fills our log */
		if (cs->noticed || !cs->tunnel->service->dials)
			break;
		cs->noticed = 1;
		log_warnx("tunnel %u: the other side says: %s",
		    cs->tunnel->serial, msg->words);
		break;
	default:
		break;		/* one that may be skipped */
	}
}

static size_t
ctlstream_pull(struct stream *st, uint8_t *buf, size_t max)
{
	struct ctlstream	*cs = st->arg;
	size_t			 n = cs->out_len < max ? cs->out_len : max;

	memcpy(buf, cs->out, n);
	cs->out_len -= n;
	memmove(cs->out, cs->out + n, cs->out_len);
	ctlstream_due(cs);
	return (n);
}

static void
ctlstream_data(struct stream *st, const uint8_t *p, size_t len)
{
	struct ctlstream	*cs = st->arg;
	struct rocket_refusal	 why;
	struct rocket_ctl	 msg;
	ssize_t			 got;
	size_t			 n;

	session_consumed(st, len);
	while (len > 0) {
		if ((n = sizeof(cs->in) - cs->in_len) > len)
			n = len;
		memcpy(cs->in + cs->in_len, p, n);
		cs->in_len += n;
		p += n;
		len -= n;
		while ((got = rocket_get_control(cs->in, cs->in_len, &msg,
		    &why)) > 0) {
			cs->in_len -= got;
			memmove(cs->in, cs->in + got, cs->in_len);
			ctlstream_message(cs, &msg);
		}
		if (got == -1 || cs->in_len == sizeof(cs->in)) {
			cs->in_len = 0;
			tunnel_kill(cs->tunnel, TUNNEL_END_PROTOCOL,
			    "control stream: %s", got == -1 ? why.words :
			    "message too long");
			return;
		}
	}
}

static void
ctlstream_fin(struct stream *st)
{
	struct ctlstream	*cs = st->arg;

	tunnel_kill(cs->tunnel, TUNNEL_END_PROTOCOL,
	    "the peer ended the control stream");
}

static void
ctlstream_reset(struct stream *st, enum reset_reason reason)
{
	struct ctlstream	*cs = st->arg;

	cs->stream = NULL;
	if (reason != RESET_TUNNEL)
		tunnel_kill(cs->tunnel, TUNNEL_END_PROTOCOL,
		    "the peer reset the control stream");
}

static void
ctlstream_closed(struct stream *st)
{
	struct ctlstream	*cs = st->arg;

	cs->stream = NULL;
}
