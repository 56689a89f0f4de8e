/* SPDX-License-Identifier: ISC */

/*
 * See signq.h.  First come, first served: each tls process has few at once, so
 * none keeps another waiting for long.  RSA with 4096 bits takes some 5 ms.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/time.h>

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "signkey.h"
#include "signq.h"
#include "worker/frame/worker.h"

struct sign {
	TAILQ_ENTRY(sign)	 entry;
	struct channel		*tls;
	struct msg_sign		 msg;
};
TAILQ_HEAD(signs, sign);

static struct {
	struct signs	 signs;
	uint64_t	 waiting;
	struct event	*step;
	int		 started;
} env;

/* After everything else that has come in this turn. */
static void
signq_next(void)
{
	static const struct timeval	 now = { 0, 0 };

	if (env.started && !TAILQ_EMPTY(&env.signs) &&
	    evtimer_add(env.step, &now) == -1)
		fatal("keys: event");
}

static void
signq_remove(struct sign *s)
{
	TAILQ_REMOVE(&env.signs, s, entry);
	env.waiting--;
	free(s);
}

/* A dead channel is reported as left; a tls that is back asks again. */
static void
signq_answer(struct channel *tls, const struct msg_signed *answer)
{
	(void)channel_send(tls, IMSG_SIGNED, -1, answer, sizeof(*answer));
}

static void
signq_refuse(struct channel *tls, uint64_t number)
{
	struct msg_signed	 answer;

	memset(&answer, 0, sizeof(answer));
	answer.number = number;
	signq_answer(tls, &answer);
}

static void
signq_step(evutil_socket_t fd, short what, void *arg)
{
	struct sign		*s = TAILQ_FIRST(&env.signs);
	struct msg_signed	 answer;

	(void)fd;
	(void)what;
	(void)arg;
	if (s == NULL)
		return;
	signkey_sign(channel_peer(s->tls), &s->msg, &answer);
	signq_answer(s->tls, &answer);
	signq_remove(s);
	signq_next();
}

void
signq_init(void)
{
	TAILQ_INIT(&env.signs);
	if ((env.step = evtimer_new(worker_base(), signq_step, NULL)) == NULL)
		fatal("keys: event");
}

void
signq_start(void)
{
	env.started = 1;
	signq_next();
}

int
signq_add(struct channel *tls, const struct msg_sign *msg)
{
	struct sign	*s;
	int		 n = 0;

	TAILQ_FOREACH(s, &env.signs, entry)
		if (s->tls == tls && ++n == SIGNS_MAX)
			return (-1);
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		signq_refuse(tls, msg->number);
		return (0);
	}
	s->tls = tls;
	s->msg = *msg;
	TAILQ_INSERT_TAIL(&env.signs, s, entry);
	env.waiting++;
	signq_next();
	return (0);
}

void
signq_left(const struct channel *tls)
{
	struct sign	*s, *next;

	TAILQ_FOREACH_SAFE(s, &env.signs, entry, next)
		if (s->tls == tls)
			signq_remove(s);
}

uint64_t
signq_waiting(void)
{
	return (env.waiting);
}
