/* SPDX-License-Identifier: ISC */

/*
 * See tokenq.h.  First come, first served.  A worker hears about its own
 * service's tokens, and no word but right or not, and the id of the right one:
 * by that it can ask again when others are in force.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/time.h>

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "tokenq.h"
#include "tokenset.h"
#include "worker/frame/worker.h"

struct ask {
	TAILQ_ENTRY(ask)	 entry;
	struct channel		*worker;
	struct msg_token_ask	 msg;
};
TAILQ_HEAD(asks, ask);

static struct {
	struct asks	 asks;
	uint64_t	 waiting, right, wrong;
	struct event	*step;
	int		 started;
} env;

/* After everything else that has come in this turn, if there is memory. */
static void
tokenq_next(void)
{
	static const struct timeval	 now = { 0, 0 };

	if (env.started && !TAILQ_EMPTY(&env.asks) &&
	    evtimer_add(env.step, &now) == -1)
		event_active(env.step, EV_TIMEOUT, 0);
}

static void
tokenq_remove(struct ask *a)
{
	TAILQ_REMOVE(&env.asks, a, entry);
	env.waiting--;
	freezero(a, sizeof(*a));
}

/* A dead channel is reported as left; a worker that is back asks again. */
static void
tokenq_answer(struct channel *worker, uint64_t number, uint64_t id)
{
	struct msg_token_told	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.id = id;
	msg.right = id != 0;
	(void)channel_send(worker, IMSG_TOKEN_TOLD, -1, &msg, sizeof(msg));
}

static void
tokenq_compare(const struct ask *a)
{
	const struct msg_channel	*peer = channel_peer(a->worker);
	const struct tokengroup		*g;
	uint64_t			 id = a->msg.id;

	g = tokenset_group(peer->service, peer->side);
	if (id != 0) {
		tokenq_answer(a->worker, a->msg.number,
		    tokenset_has_id(g, id) ? id : 0);
		return;
	}
	if ((id = tokenset_has(g, a->msg.octets, a->msg.len)) != 0)
		env.right++;
	else
		env.wrong++;
	tokenq_answer(a->worker, a->msg.number, id);
}

static void
tokenq_step(evutil_socket_t fd, short what, void *arg)
{
	struct ask	*a = TAILQ_FIRST(&env.asks);

	(void)fd;
	(void)what;
	(void)arg;
	if (a == NULL)
		return;
	tokenq_compare(a);
	tokenq_remove(a);
	tokenq_next();
}

void
tokenq_init(void)
{
	TAILQ_INIT(&env.asks);
	if ((env.step = evtimer_new(worker_base(), tokenq_step, NULL)) == NULL)
		fatal("keys: event");
}

void
tokenq_start(void)
{
	env.started = 1;
	tokenq_next();
}

/* One that reads no answers has had enough of them. */
static int
tokenq_too_many(const struct channel *worker)
{
	const struct ask	*a;
	int			 n = 0;

	if (channel_full(worker))
		return (1);
	TAILQ_FOREACH(a, &env.asks, entry)
		if (a->worker == worker && ++n == TOKEN_ASKS_MAX)
			return (1);
	return (0);
}

int
tokenq_add(struct channel *worker, const struct msg_token_ask *msg)
{
	struct ask	*a;

	if (tokenq_too_many(worker))
		return (-1);
	if ((a = calloc(1, sizeof(*a))) == NULL) {
		tokenq_answer(worker, msg->number, 0);
		return (0);
	}
	a->worker = worker;
	a->msg = *msg;
	TAILQ_INSERT_TAIL(&env.asks, a, entry);
	env.waiting++;
	tokenq_next();
	return (0);
}

void
tokenq_left(const struct channel *worker)
{
	struct ask	*a, *next;

	TAILQ_FOREACH_SAFE(a, &env.asks, entry, next)
		if (a->worker == worker)
			tokenq_remove(a);
}

uint64_t
tokenq_waiting(void)
{
	return (env.waiting);
}

uint64_t
tokenq_right(void)
{
	return (env.right);
}

uint64_t
tokenq_wrong(void)
{
	return (env.wrong);
}
