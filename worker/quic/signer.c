/* SPDX-License-Identifier: ISC */

/*
 * See signer.h.  There are as many stacks as keys is asked for signatures at
 * once, so whoever has one need not wait for anything else.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "fiber.h"
#include "signer.h"

TAILQ_HEAD(turns, signstep);

struct signing {			/* a step on its stack */
	struct signstep		*step;		/* NULL: free */
	struct fiber		*fiber;
	int			 asked, done;
	struct msg_sign		 msg;
	struct msg_signed	 answer;
};

static struct {
	void		(*ask)(const struct msg_sign *);
	struct signing	 all[SIGNS_MAX];
	struct signing	*now;		/* whose step runs */
	struct turns	 turns;		/* by round */
	uint64_t	 round;		/* of the last that began */
	uint64_t	 serial;
	int		 dealing;
	struct event	 later;		/* deals */
} env;


/* Its stack is free again. */
static void
signing_over(struct signing *s)
{
	s->step->signing = NULL;
	s->step = NULL;
	s->fiber = NULL;
	s->asked = 0;
}

static void
signing_body(void *arg)
{
	struct signing	*s = arg;

	s->step->step(s->step);
}

/* 1: it has ended. */
static int
signing_go(struct signing *s, int fresh)
{
	struct signing	*before = env.now;
	int		 over;

	env.now = s;
	over = fresh ? fiber_run(s->fiber, signing_body, s) :
	    fiber_resume(s->fiber);
	env.now = before;
	return (over);
}

static struct signing *
signing_new(struct signstep *step)
{
	size_t	 i;

	for (i = 0; i < SIGNS_MAX; i++)
		if (env.all[i].step == NULL)
			break;
	if (i == SIGNS_MAX || (env.all[i].fiber = fiber_get()) == NULL)
		return (NULL);
	env.all[i].step = step;
	step->signing = &env.all[i];
	return (&env.all[i]);
}

/* As many as there are stacks.  What is taken may begin another. */
static void
signer_deal(void)
{
	struct signstep	*step;
	struct signing	*s;

	if (env.dealing)
		return;
	env.dealing = 1;
	while ((step = TAILQ_FIRST(&env.turns)) != NULL &&
	    (s = signing_new(step)) != NULL) {
		TAILQ_REMOVE(&env.turns, step, turn);
		step->queued = 0;
		env.round = step->round;
		if (signing_go(s, 1)) {
			signing_over(s);
			step->taken(step);
		}
	}
	env.dealing = 0;
}

static void
signer_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	signer_deal();
}

int
signer_init(void (*ask)(const struct msg_sign *))
{
	TAILQ_INIT(&env.turns);
	env.ask = ask;
	if (evtimer_assign(&env.later, worker_base(), signer_later, NULL) ==
	    -1)
		return (-1);
	return (fibers_init(SIGNS_MAX));
}

/*
 * A source has one turn in a round: its second step of this round waits for the
 * next, behind everybody's first.
 */
void
signer_begin(struct signstep *step, const void *source)
{
	struct signstep	*q;

	step->source = source;
	step->round = env.round + 1;
	step->queued = 1;
	TAILQ_FOREACH(q, &env.turns, turn)
		if (q->source == source)
			step->round = q->round + 1;
	TAILQ_FOREACH(q, &env.turns, turn)
		if (q->round > step->round)
			break;
	if (q != NULL)
		TAILQ_INSERT_BEFORE(q, step, turn);
	else
		TAILQ_INSERT_TAIL(&env.turns, step, turn);
	signer_deal();
}

int
signer_busy(const struct signstep *step)
{
	return (step->queued || step->signing != NULL);
}

void
signer_cancel(struct signstep *step)
{
	struct signing	*s = step->signing;

	if (step->queued) {
		TAILQ_REMOVE(&env.turns, step, turn);
		step->queued = 0;
	}
	if (s == NULL)
		return;
	/* One signature is all that a step asks for. */
	do {
		s->answer.len = 0;
		s->done = 1;
	} while (!signing_go(s, 0));
	signing_over(s);
	/* Not now: others would be freed under who cancels. */
	event_active(&env.later, EV_TIMEOUT, 0);
}

void
signer_answer(const struct msg_signed *msg)
{
	struct signstep	*step;
	struct signing	*s;
	size_t		 i;

	for (i = 0; i < SIGNS_MAX; i++) {
		s = &env.all[i];
		if (s->step != NULL && s->asked && !s->done &&
		    s->msg.number == msg->number)
			break;
	}
	if (i == SIGNS_MAX)
		return;			/* given up meanwhile */
	s->answer = *msg;
	s->done = 1;
	step = s->step;
	if (signing_go(s, 0)) {
		signing_over(s);
		step->taken(step);
	}
	signer_deal();
}

void
signer_again(void)
{
	struct signing	*s;
	size_t		 i;

	for (i = 0; i < SIGNS_MAX; i++) {
		s = &env.all[i];
		if (s->step != NULL && s->asked && !s->done)
			env.ask(&s->msg);
	}
}

int
signer_sign(struct msg_sign *msg, struct msg_signed *out)
{
	struct signing	*s = env.now;

	/* What is cancelled asks for no more. */
	if (s == NULL || fiber_self() == NULL || (s->asked && s->done &&
	    s->answer.len == 0))
		return (-1);
	s->msg = *msg;
	s->msg.number = ++env.serial;
	s->asked = 1;
	s->done = 0;
	env.ask(&s->msg);
	while (!s->done)
		fiber_wait();
	*out = s->answer;
	return (out->len > 0 && out->len <= sizeof(out->signature) ? 0 : -1);
}
