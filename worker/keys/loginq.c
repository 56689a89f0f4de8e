/* SPDX-License-Identifier: ISC */

/*
 * See loginq.h.  A worker hears about its own service's logins, and no word but
 * right or not.
 */

#include <errno.h>
#include <string.h>

#include "shared/compat.h"
#include "loginq.h"
#include "loginset.h"
#include "turnq.h"

static struct {
	struct turnq		 queue;
	struct loginq_stats	 stats;
} env;

/* A dead channel is reported as left; a worker that is back asks again. */
static void
loginq_send(struct channel *worker, uint64_t number, int right)
{
	struct msg_login_told	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.right = right;
	(void)channel_send(worker, IMSG_LOGIN_TOLD, -1, &msg, sizeof(msg));
}

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
loginq_answer(struct channel *worker, const void *arg)
{
	const struct msg_login_ask	*msg = arg;

	loginq_send(worker, msg->number, loginq_right(worker, msg));
}

void
loginq_init(void)
{
	turnq_init(&env.queue, sizeof(struct msg_login_ask), LOGIN_ASKS_MAX,
	    loginq_answer);
}

void
loginq_start(void)
{
	turnq_start(&env.queue);
}

int
loginq_add(struct channel *worker, const struct msg_login_ask *msg)
{
	int	 known;

	/* one that reads no answers has had enough of them */
	if (channel_full(worker))
		return (-1);
	known = env.queue.started && loginq_known(worker, msg);
	if (known || msg->only_known) {
		loginq_send(worker, msg->number, known);
		return (0);
	}
	if (turnq_add(&env.queue, worker, msg) == 0)
		return (0);
	if (errno == EDQUOT)
		return (-1);
	loginq_send(worker, msg->number, 0);
	return (0);
}

void
loginq_left(const struct channel *worker)
{
	turnq_left(&env.queue, worker);
}

const struct loginq_stats *
loginq_stats(void)
{
	env.stats.waiting = env.queue.waiting;
	return (&env.stats);
}
