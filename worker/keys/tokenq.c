/* SPDX-License-Identifier: ISC */

/*
 * See tokenq.h.  A worker hears about its own service's tokens, and no word but
 * right or not, and the id of the right one: by that it can ask again when
 * others are in force.
 */

#include <errno.h>
#include <string.h>

#include "shared/compat.h"
#include "tokenq.h"
#include "tokenset.h"
#include "turnq.h"

static struct {
	struct turnq	 queue;
	uint64_t	 right, wrong;
} env;

/* A dead channel is reported as left; a worker that is back asks again. */
static void
tokenq_send(struct channel *worker, uint64_t number, uint64_t id)
{
	struct msg_token_told	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	msg.id = id;
	msg.right = id != 0;
	(void)channel_send(worker, IMSG_TOKEN_TOLD, -1, &msg, sizeof(msg));
}

static void
tokenq_answer(struct channel *worker, const void *arg)
{
	const struct msg_channel	*peer = channel_peer(worker);
	const struct msg_token_ask	*ask = arg;
	const struct tokengroup		*g;
	uint64_t			 id = ask->id;

	g = tokenset_group(peer->service, peer->side);
	if (id != 0) {
		tokenq_send(worker, ask->number,
		    tokenset_has_id(g, id) ? id : 0);
		return;
	}
	if ((id = tokenset_has(g, ask->octets, ask->len)) != 0)
		env.right++;
	else
		env.wrong++;
	tokenq_send(worker, ask->number, id);
}

void
tokenq_init(void)
{
	turnq_init(&env.queue, sizeof(struct msg_token_ask), TOKEN_ASKS_MAX,
	    tokenq_answer);
}

void
tokenq_start(void)
{
	turnq_start(&env.queue);
}

int
tokenq_add(struct channel *worker, const struct msg_token_ask *msg)
{
	/* one that reads no answers has had enough of them */
	if (channel_full(worker))
		return (-1);
	if (turnq_add(&env.queue, worker, msg) == 0)
		return (0);
	if (errno == EDQUOT)
		return (-1);
	tokenq_send(worker, msg->number, 0);
	return (0);
}

void
tokenq_left(const struct channel *worker)
{
	turnq_left(&env.queue, worker);
}

uint64_t
tokenq_waiting(void)
{
	return (env.queue.waiting);
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
