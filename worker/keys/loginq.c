/* SPDX-License-Identifier: ISC */

/*
 * See loginq.h.  A worker hears about its own service's logins, and no word but
 * right or not.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/time.h>

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "loginq.h"
#include "loginset.h"
#include "worker/frame/worker.h"

struct ask {
	TAILQ_ENTRY(ask)	 entry;
	struct msg_login_ask	 msg;
};

struct asker {				/* a worker that waits */
	TAILQ_ENTRY(asker)	 entry;
	struct channel		*worker;
	TAILQ_HEAD(, ask)	 asks;
	int			 n;
};

static struct {
	TAILQ_HEAD(, asker)	 askers;	/* by turns */
	struct loginq_stats	 stats;
	struct event		*step;
	int			 started;
} env;

/* After everything else that has come in this turn, if there is memory. */
static void
loginq_next(void)
{
	static const struct timeval	 now = { 0, 0 };

	if (env.started && !TAILQ_EMPTY(&env.askers) &&
	    evtimer_add(env.step, &now) == -1)
		event_active(env.step, EV_TIMEOUT, 0);
}

/* A dead channel is reported as left; a worker that is back asks again. */
static void
loginq_answer(struct channel *worker, uint64_t number, int right)
{
	struct msg_login_told	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.right = right;
	(void)channel_send(worker, IMSG_LOGIN_TOLD, -1, &msg, sizeof(msg));
}

/* ---- who waits ---- */

static struct asker *
asker_find(const struct channel *worker)
{
	struct asker	*a;

	TAILQ_FOREACH(a, &env.askers, entry)
		if (a->worker == worker)
			return (a);
	return (NULL);
}

static struct asker *
asker_get(struct channel *worker)
{
	struct asker	*a = asker_find(worker);

	if (a != NULL || (a = calloc(1, sizeof(*a))) == NULL)
		return (a);
	a->worker = worker;
	TAILQ_INIT(&a->asks);
	TAILQ_INSERT_TAIL(&env.askers, a, entry);
	return (a);
}

static void
asker_drop(struct asker *a, struct ask *ask)
{
	TAILQ_REMOVE(&a->asks, ask, entry);
	a->n--;
	env.stats.waiting--;
	freezero(ask, sizeof(*ask));
}

/* It has had its turn: it is behind the others, or waits for nothing. */
static void
asker_rest(struct asker *a)
{
	TAILQ_REMOVE(&env.askers, a, entry);
	if (a->n > 0)
		TAILQ_INSERT_TAIL(&env.askers, a, entry);
	else
		free(a);
}

/* ---- the queue ---- */

static int
loginq_known(const struct channel *worker, const struct msg_login_ask *msg)
{
	const struct msg_channel	*peer = channel_peer(worker);

	if (!loginset_knows(peer->service, peer->side, msg))
		return (0);
	env.stats.known++;
	return (1);
}

static int
loginq_right(const struct channel *worker, const struct msg_login_ask *msg)
{
	const struct msg_channel	*peer = channel_peer(worker);
	int				 right;

	/* perhaps since it came */
	if (loginq_known(worker, msg))
		return (1);
	right = loginset_check(peer->service, peer->side, msg);
	if (right)
		env.stats.right++;
	else
		env.stats.wrong++;
	return (right);
}

static void
loginq_step(evutil_socket_t fd, short what, void *arg)
{
	struct asker	*a = TAILQ_FIRST(&env.askers);
	struct ask	*ask;

	(void)fd;
	(void)what;
	(void)arg;
	if (a == NULL)
		return;
	ask = TAILQ_FIRST(&a->asks);
	loginq_answer(a->worker, ask->msg.number,
	    loginq_right(a->worker, &ask->msg));
	asker_drop(a, ask);
	asker_rest(a);
	loginq_next();
}

void
loginq_init(void)
{
	TAILQ_INIT(&env.askers);
	if ((env.step = evtimer_new(worker_base(), loginq_step, NULL)) == NULL)
		fatal("keys: event");
}

void
loginq_start(void)
{
	env.started = 1;
	loginq_next();
}

/* -1: no memory. */
static int
loginq_wait(struct channel *worker, const struct msg_login_ask *msg)
{
	struct asker	*a;
	struct ask	*ask;

	if ((ask = calloc(1, sizeof(*ask))) == NULL)
		return (-1);
	if ((a = asker_get(worker)) == NULL) {
		free(ask);
		return (-1);
	}
	ask->msg = *msg;
	TAILQ_INSERT_TAIL(&a->asks, ask, entry);
	a->n++;
	env.stats.waiting++;
	loginq_next();
	return (0);
}

int
loginq_add(struct channel *worker, const struct msg_login_ask *msg)
{
	const struct asker	*a = asker_find(worker);

	/* one that reads no answers has had enough of them */
	if (channel_full(worker) || (a != NULL && a->n == LOGIN_ASKS_MAX))
		return (-1);
	if (env.started && loginq_known(worker, msg))
		loginq_answer(worker, msg->number, 1);
	else if (loginq_wait(worker, msg) == -1)
		loginq_answer(worker, msg->number, 0);
	return (0);
}

void
loginq_left(const struct channel *worker)
{
	struct asker	*a = asker_find(worker);
	struct ask	*ask;

	if (a == NULL)
		return;
	while ((ask = TAILQ_FIRST(&a->asks)) != NULL)
		asker_drop(a, ask);
	asker_rest(a);
}

const struct loginq_stats *
loginq_stats(void)
{
	return (&env.stats);
}
