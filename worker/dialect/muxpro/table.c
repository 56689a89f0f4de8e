/* SPDX-License-Identifier: ISC */

/*
 * Dialect muxpro as dialect.h asks for it: its table of functions, and those
 * that are too small for a file of their own.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "shared/ctl.h"
#include "worker/dialect/dialect.h"
#include "worker/relay/relay.h"
#include "worker/tunnel/tunnel.h"
#include "part.h"
#include "table.h"

/* An empty one cannot be said; a longer one ends the session of some peers. */
#define DATAGRAM_LEAST	1
#define DATAGRAM_MOST	2048

static int
table_path(const struct service *svc, char *buf, size_t size)
{
	(void)svc;
	(void)strlcpy(buf, WEB_PATH_OWN, size);
	return (0);
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
	cs->mux_kind = MUX_PRO;
	cs->mux_version = 1;
	cs->seal = SEAL_NONE;
}

static void
table_words(const struct tunnel *t, char *buf, size_t size)
{
	(void)t;
	(void)strlcpy(buf, "muxpro, version 0.1", size);
}

const struct dialect dialect_muxpro = {
	.name = "muxpro",
	.path = table_path,
	.mute = 1,
	.begin = settle_begin,
	.free = settle_free,
	.turn = settle_turn,
	.opened = table_opened,
	.drain = table_drain,
	.describe = table_describe,
	.words = table_words,
	.put_want = head_put_want,
	.get_want = head_get_want,
	.datagram_min = DATAGRAM_LEAST,
	.datagram_max = DATAGRAM_MOST
};
