/* SPDX-License-Identifier: ISC */

/*
 * The clients of a service, known by the id in their HELLO: see part.h.  After
 * a restart a client's older tunnels may be dead without a word: they are
 * pinged, and end if they do not answer at once.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/tunnel/tunnel.h"
#include "worker/frame/worker.h"
#include "part.h"

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

void
client_back(struct service *svc, const struct msg_client *msg)
{
	const struct rocket_params	*p;
	struct tunnel			*t, *next;

	TAILQ_FOREACH_SAFE(t, &svc->tunnels, entry, next) {
		p = client_of(t);
		if (t->state == TUNNEL_OPEN &&
		    strcmp(p->client_id, msg->client_id) == 0 &&
		    !client_same_start(p, msg))
			tunnel_probe(t);
	}
}

/* Is there another tunnel of this start of the client? */
static int
client_known(const struct tunnel *new, const struct msg_client *msg)
{
	const struct rocket_params	*p;
	const struct tunnel		*t;

	TAILQ_FOREACH(t, &new->service->tunnels, entry) {
		p = client_of(t);
		if (t != new && t->state == TUNNEL_OPEN &&
		    strcmp(p->client_id, msg->client_id) == 0 &&
		    client_same_start(p, msg))
			return (1);
	}
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
	if (client_known(t, &msg))
		return;
	log_info("client %s is here, from %s, %s, seal %s%s", msg.client_id,
	    addr_print(&t->peer), rt->theirs.software, seal_cipher(t->seal),
	    rt->settled.caps & CAP_LZ4 ? ", lz4" : "");
	client_back(t->service, &msg);
	if (t->service->conf.opts.prefork > 1)
		worker_tell(IMSG_CLIENT_BACK, &msg, sizeof(msg));
}
