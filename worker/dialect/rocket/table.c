/* SPDX-License-Identifier: ISC */

/*
 * Dialect rocket (rocket-protocol(7)) as dialect.h asks for it: its table of
 * functions, and those that are too small for a file of their own.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/dialect/dialect.h"
#include "worker/relay/flowq.h"
#include "worker/relay/relay.h"
#include "worker/tunnel/tunnel.h"
#include "worker/frame/worker.h"
#include "part.h"
#include "table.h"

/*
 * What part of a worker's memory is for the hellos that it took: 131,072 of
 * them by default.
 */
#define HELLOS_PART	64

/* ---- a service ---- */

static void
rocket_init(struct service *svc)
{
	struct rocket_service	*rs;

	if ((rs = calloc(1, sizeof(*rs))) == NULL)
		fatal("%s", __func__);
	rs->seal = seal_ctx_new(svc->dials ? SIDE_CLIENT : SIDE_SERVER);
	if (rs->seal == NULL)
		fatalx("cannot make the TLS context");
	svc->part = rs;
}

static int
rocket_keys(struct service *svc, const struct msg_key *keys, uint32_t n)
{
	struct rocket_service	*rs = svc->part;
	struct tunnel		*t, *next;
	const uint8_t		*id;

	if (seal_ctx_keys(rs->seal, keys, n) == -1)
		return (-1);
	TAILQ_FOREACH_SAFE(t, &svc->tunnels, entry, next) {
		id = seal_identity(t->seal);
		if (id == NULL || seal_ctx_has(rs->seal, id))
			continue;
		log_info("tunnel %u: drains, its token was removed", t->serial);
		if (svc->dials)
			tunnel_replace(t);
		else
			tunnel_drain(t);
	}
	return (0);
}

static uint64_t
rocket_reserve(struct service *svc)
{
	struct rocket_service	*rs = svc->part;
	uint64_t		 octets = svc->conf.opts.memory / HELLOS_PART;

	if (svc->dials)
		return (0);
	seal_ctx_limit(rs->seal, octets);
	return (octets);
}

/* "/" and the identity in hex, which names the service to its gate. */
static int
rocket_path(const struct service *svc, char *buf, size_t size)
{
	const struct rocket_service	*rs = svc->part;
	const uint8_t			*id;
	size_t				 i;

	if ((id = seal_ctx_identity(rs->seal)) == NULL)
		return (-1);
	buf[0] = '/';
	for (i = 0; i < IDENTITY_LEN; i++)
		snprintf(buf + 1 + 2 * i, size - 1 - 2 * i, "%02x", id[i]);
	return (0);
}

/* ---- a tunnel ---- */

static int
rocket_begin(struct tunnel *t)
{
	const struct rocket_service	*rs = t->service->part;
	struct rocket_tunnel		*rt;

	if ((rt = calloc(1, sizeof(*rt))) == NULL)
		return (-1);
	t->part = rt;
	if (t->binding != NULL)
		memcpy(rt->binding, t->binding, sizeof(rt->binding));
	ctlstream_init(&rt->ctl, t);
	t->seal = seal_new(rs->seal, &tunnel_seal_io, &t->wire);
	return (t->seal == NULL ? -1 : 0);
}

static void
rocket_free(struct tunnel *t)
{
	struct rocket_tunnel	*rt = t->part;

	if (rt != NULL)
		free(rt->message);
	free(rt);
	t->part = NULL;
}

static uint64_t
rocket_tick(struct tunnel *t, uint64_t now)
{
	struct rocket_tunnel	*rt = t->part;

	return (ctlstream_tick(&rt->ctl, now));
}

/* With a mux the first stream is the control stream. */
static int
rocket_opened(struct tunnel *t, struct stream *st)
{
	struct rocket_tunnel	*rt = t->part;

	if (!tunnel_muxed(t) || rt->ctl_seen)
		return (relay_accept(st, t));
	rt->ctl_seen = 1;
	ctlstream_accept(&rt->ctl, st);
	return (0);
}

/* Without a mux there is no control stream: the records say it. */
static void
rocket_drain(struct tunnel *t)
{
	struct rocket_tunnel	*rt = t->part;

	if (tunnel_muxed(t))
		ctlstream_drain(&rt->ctl);
	else
		session_drain(t->session);
}

static void
rocket_probe(struct tunnel *t, uint64_t now)
{
	struct rocket_tunnel	*rt = t->part;

	if (tunnel_muxed(t))
		ctlstream_ping(&rt->ctl, now);
	else
		session_probe(t->session);
}

static void
rocket_more(struct tunnel *t, uint32_t n)
{
	struct rocket_tunnel	*rt = t->part;

	ctlstream_more(&rt->ctl, n);
}

const char *
part_cipher(const struct tunnel *t)
{
	const struct rocket_tunnel	*rt = t->part;

	return (rt->settled.seals == SEAL_QUIC ? "quic" :
	    seal_cipher(t->seal));
}

static void
rocket_describe(const struct tunnel *t, struct ctl_session *cs)
{
	const struct rocket_tunnel	*rt = t->part;

	cs->mux_version = tunnel_muxed(t) ? rt->settled.mux_version : 0;
	cs->mux_kind = rt->settled.mux_kind == ROCKET_MUX_PRO ? MUX_PRO :
	    MUX_SMUX;
	cs->seal = rt->settled.seals;
	strlcpy(cs->client_id, rt->theirs.client_id, sizeof(cs->client_id));
	strlcpy(cs->cipher, part_cipher(t), sizeof(cs->cipher));
}

static void
rocket_words(const struct tunnel *t, char *buf, size_t size)
{
	const struct rocket_tunnel	*rt = t->part;

	snprintf(buf, size, "%s, %s%s", rt->theirs.software, part_cipher(t),
	    rt->settled.caps & CAP_LZ4 ? ", lz4" : "");
}

/* ---- a stream's first octets: its preface ---- */

static ssize_t
rocket_put_want(struct tunnel *t, const struct want *w, uint8_t *buf,
    size_t size)
{
	size_t	 len = rocket_put_preface(buf, size, w);

	(void)t;
	return (len == 0 ? -1 : (ssize_t)len);
}

static ssize_t
rocket_get_want(struct tunnel *t, const uint8_t *buf, size_t len,
    struct want *w, const char **words)
{
	static struct rocket_refusal	 why;
	ssize_t				 n;

	(void)t;
	if ((n = rocket_get_preface(buf, len, w, &why)) == -1)
		*words = why.words;
	return (n);
}

static size_t
rocket_put_answer(struct tunnel *t, enum reset_reason why, uint8_t *buf,
    size_t size)
{
	(void)t;
	(void)size;
	buf[0] = why;
	return (1);
}

static enum reset_reason
rocket_get_status(struct tunnel *t, uint8_t status)
{
	(void)t;
	return (status < RESET_TUNNEL ? status : RESET_ABORT);
}

const struct dialect dialect_rocket = {
	.name = "rocket",
	.init = rocket_init,
	.keys = rocket_keys,
	.reserve = rocket_reserve,
	.path = rocket_path,
	.client_back = client_back,
	.begin = rocket_begin,
	.free = rocket_free,
	.turn = opening_turn,
	.tick = rocket_tick,
	.opened = rocket_opened,
	.drain = rocket_drain,
	.probe = rocket_probe,
	.lives = client_lives,
	.more = rocket_more,
	.describe = rocket_describe,
	.words = rocket_words,
	.put_want = rocket_put_want,
	.get_want = rocket_get_want,
	.put_answer = rocket_put_answer,
	.get_answer = rocket_get_status,
	.datagram_max = DATAGRAM_MAX
};
