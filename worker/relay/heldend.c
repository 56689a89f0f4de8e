/* SPDX-License-Identifier: ISC */

/* See heldend.h.  A relay is on the list while its `ended' is not 0. */

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/session/session.h"
#include "worker/tunnel/service.h"
#include "heldend.h"
#include "relay.h"

/* Nothing has come for so long. */
#define HELD_US		(250 * 1000ULL)

static struct relays	 held = TAILQ_HEAD_INITIALIZER(held);
static struct event	*timer;

static void
heldend_arm(uint64_t us)
{
	struct timeval	 tv = { us / 1000000, us % 1000000 };

	if (!event_pending(timer, EV_TIMEOUT, NULL))
		event_add(timer, &tv);
}

static void
heldend_over(evutil_socket_t fd, short what, void *arg)
{
	struct relay	*r, *next;
	uint64_t	 now = worker_now(), last;

	(void)fd;
	(void)what;
	(void)arg;
	TAILQ_FOREACH_SAFE(r, &held, queue, next) {
		last = r->moved > r->ended ? r->moved : r->ended;
		if (now - last < HELD_US || relay_waits(r))
			continue;
		heldend_remove(r);
		session_fin(r->stream);
	}
	if (!TAILQ_EMPTY(&held))
		heldend_arm(HELD_US / 4);
}

void
heldend_init(struct service *svc)
{
	if ((timer = evtimer_new(svc->base, heldend_over, NULL)) == NULL)
		fatal("%s", __func__);
}

void
heldend_add(struct relay *r)
{
	r->ended = worker_now();
	TAILQ_INSERT_TAIL(&held, r, queue);
	heldend_arm(HELD_US);
}

int
heldend_remove(struct relay *r)
{
	if (r->ended == 0)
		return (0);
	TAILQ_REMOVE(&held, r, queue);
	r->ended = 0;
	return (1);
}
