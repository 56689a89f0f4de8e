/* SPDX-License-Identifier: ISC */

/*
 * The clients of a service, known by the id in their HELLO, and their starts:
 * see part.h.  After a restart a client's older tunnels may be dead without a
 * word: they are pinged, and end if no octet comes from them for a while.  If
 * one does come there are two clients of one id, on two machines or because
 * somebody lies: neither gets into the other's way, and the newer one is told.
 *
 * A client's quic process dies without a word, too, and all its tunnels with
 * it: whenever it opens another over QUIC, those that are silent are pinged.
 * They do not end by that, for a client that has moved answers late; but where
 * no answer comes the path is found silent, and new users go elsewhere.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdio.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/tunnel/tunnel.h"
#include "worker/frame/worker.h"
#include "part.h"

/* After a ping, of a client that restarted. */
#define RESTART_US	(10 * 1000000ULL)
/* So long a silence over QUIC is looked into. */
#define SILENT_US	(1 * 1000000ULL)

static const struct rocket_params *
client_of(const struct tunnel *t)
{
	return (&((const struct rocket_tunnel *)t->part)->theirs);
}

static int
client_same_start(const struct rocket_params *p, const struct msg_client *c)
{
	return (memcmp(p->start_id, c->start_id, sizeof(c->start_id)) == 0);
}

/* An open tunnel of the client that has come. */
static void
client_probe(struct tunnel *t, const struct msg_client *msg)
{
	if (!client_same_start(client_of(t), msg)) {
		if (!msg->again)
			tunnel_probe(t, RESTART_US);
	} else if ((t->transport & TRANSPORT_QUIC) && msg->quic &&
	    worker_now() - t->heard > SILENT_US)
		tunnel_ping(t);
}

void
client_back(struct service *svc, const struct msg_client *msg)
{
	struct tunnel	*t, *next;

	TAILQ_FOREACH_SAFE(t, &svc->tunnels, entry, next)
		if (t->state == TUNNEL_OPEN &&
		    strcmp(client_of(t)->client_id, msg->client_id) == 0)
			client_probe(t, msg);
}

/* Is it an open tunnel of this client, and of this start of it? */
static int
client_is(const struct tunnel *t, const struct rocket_params *p)
{
	const struct rocket_params	*q = client_of(t);

	return (t->state == TUNNEL_OPEN && !(t->flags & TUNNEL_F_DYING) &&
	    strcmp(q->client_id, p->client_id) == 0 &&
	    memcmp(q->start_id, p->start_id, sizeof(q->start_id)) == 0);
}

/* The last that was opened by another start of the same client, or NULL. */
static struct tunnel *
client_twin(const struct tunnel *t)
{
	const struct rocket_params	*p = client_of(t), *q;
	struct tunnel			*u, *twin = NULL;

	TAILQ_FOREACH(u, &t->service->tunnels, entry) {
		q = client_of(u);
		if (u->state == TUNNEL_OPEN && u->opened >= t->opened &&
		    strcmp(p->client_id, q->client_id) == 0 &&
		    memcmp(p->start_id, q->start_id, sizeof(p->start_id)) != 0)
			twin = u;
	}
	return (twin);
}

void
client_lives(struct tunnel *t)
{
	struct tunnel		*twin = client_twin(t), *u;
	struct rocket_tunnel	*rt;
	char			 words[256];

	if (twin == NULL)
		return;
	TAILQ_FOREACH(u, &t->service->tunnels, entry)
		if (client_is(u, client_of(twin)) &&
		    ((struct rocket_tunnel *)u->part)->twin)
			return;
	rt = twin->part;
	rt->twin = 1;
	log_warnx("client %s: there are two of this id, at %s and now at %s",
	    rt->theirs.client_id, addr_print(&t->peer),
	    addr_print(&twin->peer));
	snprintf(words, sizeof(words), "client id %s is that of another "
	    "client, too, which is at %s: give each its own",
	    rt->theirs.client_id, addr_print(&t->peer));
	if (tunnel_muxed(twin))
		ctlstream_notice(&rt->ctl, words);
}

int
client_full(const struct tunnel *t, struct rocket_refusal *why)
{
	const struct rocket_params	*p = client_of(t);
	const struct tunnel		*u;
	uint32_t			 max, n = 0;

	max = t->service->conf.opts.tunnels_max;
	TAILQ_FOREACH(u, &t->service->tunnels, entry)
		if (client_is(u, p) &&
		    !(u->flags & (TUNNEL_F_OLD | TUNNEL_F_USED)))
			n++;
	if (max == 0 || n < max)
		return (0);
	why->code = REJECT_BUSY;
	snprintf(why->words, sizeof(why->words), "client %s has as many "
	    "tunnels as \"tunnels max\" allows: %u", p->client_id, max);
	return (1);
}

/* Is there another tunnel of this start of the client? */
static int
client_known(const struct tunnel *new)
{
	const struct tunnel	*t;

	TAILQ_FOREACH(t, &new->service->tunnels, entry)
		if (t != new && client_is(t, client_of(new)))
			return (1);
	return (0);
}

void
client_opened(struct tunnel *t)
{
	const struct rocket_tunnel	*rt = t->part;
	struct msg_client		 msg;

	memset(&msg, 0, sizeof(msg));
	memcpy(msg.start_id, rt->theirs.start_id, sizeof(msg.start_id));
	strlcpy(msg.client_id, rt->theirs.client_id, sizeof(msg.client_id));
	msg.quic = (t->transport & TRANSPORT_QUIC) != 0;
	msg.again = client_known(t);
	if (msg.again && !msg.quic)
		return;
	if (!msg.again)
		log_info("client %s is here, from %s, %s, seal %s%s",
		    msg.client_id, addr_print(&t->peer), rt->theirs.software,
		    part_cipher(t), rt->settled.caps & CAP_LZ4 ? ", lz4" : "");
	client_back(t->service, &msg);
	if (t->service->conf.opts.prefork > 1)
		worker_tell(IMSG_CLIENT_BACK, &msg, sizeof(msg));
}
