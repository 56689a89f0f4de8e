/* SPDX-License-Identifier: ISC */

/*
 * See signq.h.  Each tls process has few at once, so none keeps another waiting
 * for long.  RSA with 4096 bits takes some 5 ms.
 */

#include <errno.h>
#include <string.h>

#include "shared/compat.h"
#include "signkey.h"
#include "signq.h"
#include "turnq.h"

static struct turnq	 queue;

/* A dead channel is reported as left; a tls that is back asks again. */
static void
signq_send(struct channel *tls, const struct msg_signed *answer)
{
	(void)channel_send(tls, IMSG_SIGNED, -1, answer, sizeof(*answer));
}

static void
signq_refuse(struct channel *tls, uint64_t number)
{
	struct msg_signed	 answer;

	memset(&answer, 0, sizeof(answer));
	answer.number = number;
	signq_send(tls, &answer);
}

static void
signq_answer(struct channel *tls, const void *msg)
{
	struct msg_signed	 answer;

	signkey_sign(channel_peer(tls), msg, &answer);
	signq_send(tls, &answer);
}

void
signq_init(void)
{
	turnq_init(&queue, sizeof(struct msg_sign), SIGNS_MAX, signq_answer);
}

void
signq_start(void)
{
	turnq_start(&queue);
}

int
signq_add(struct channel *tls, const struct msg_sign *msg)
{
	if (turnq_add(&queue, tls, msg) == 0)
		return (0);
	if (errno == EDQUOT)
		return (-1);
	signq_refuse(tls, msg->number);
	return (0);
}

void
signq_left(const struct channel *tls)
{
	turnq_left(&queue, tls);
}

uint64_t
signq_waiting(void)
{
	return (queue.waiting);
}
