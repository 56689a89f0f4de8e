/* SPDX-License-Identifier: ISC */

/* See linger.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/tunnel/service.h"
#include "linger.h"
#include "relay.h"

/* A socket that takes less in so long is reset. */
#define LINGER_US	(60 * 1000000ULL)
#define LINGER_LEAST	(16 * 1024)

static struct service	*svc;
static struct relays	 lingering = TAILQ_HEAD_INITIALIZER(lingering);

void
linger_init(struct service *service)
{
	svc = service;
}

void
linger_add(struct relay *r)
{
	r->lingers = worker_now();
	r->lingering = r->out.len;
	TAILQ_INSERT_TAIL(&lingering, r, queue);
}

void
linger_remove(struct relay *r)
{
	if (r->lingers == 0)
		return;
	r->lingers = 0;
	TAILQ_REMOVE(&lingering, r, queue);
}

static void
linger_look(struct relay *r, uint64_t now)
{
	if (now - r->lingers < LINGER_US)
		return;
	if (r->lingering - r->out.len >= LINGER_LEAST) {
		r->lingers = now;
		r->lingering = r->out.len;
		return;
	}
	svc->stats.lingered_out++;
	log_info("user %s: took %u octets in %llu s, reset with %u octets "
	    "left", addr_print(&r->user), r->lingering - r->out.len,
	    LINGER_US / 1000000, r->out.len);
	relay_abort(r, RESET_NONE);
}

void
linger_tick(uint64_t now)
{
	struct relay	*r, *next;

	TAILQ_FOREACH_SAFE(r, &lingering, queue, next)
		linger_look(r, now);
}
