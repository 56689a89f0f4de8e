/* SPDX-License-Identifier: ISC */

/*
 * See question.h.  A question ends with its last answer, or when nobody wants
 * that any more; but one that has an answer in part stays, for others may want
 * the same name until the rest has come.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "question.h"
#include "worker/frame/worker.h"

/* With less time than this left, resolve is not asked again. */
#define WORTH_US	(200 * 1000)

struct question {
	TAILQ_ENTRY(question)	 entry;
	TAILQ_HEAD(, wanted)	 wanted;
	uint64_t		 until;		/* resolve's deadline */
	struct msg_resolve	 msg;		/* as resolve is asked */
	struct msg_resolved	 part;		/* count 0: none has come */
};

static struct {
	TAILQ_HEAD(, question)	 questions;
	struct channel		*resolve;
	question_told		*told;
	uint32_t		 number;	/* the last given */
} env;

void
question_init(question_told *told)
{
	TAILQ_INIT(&env.questions);
	env.told = told;
}

static void
question_free(struct question *q)
{
	TAILQ_REMOVE(&env.questions, q, entry);
	free(q);
}

/* Tells resolve, or its successor once that is there. */
static void
question_send(struct question *q)
{
	uint64_t	 now = worker_now();

	q->msg.request = ++env.number;
	q->msg.timeout_ms = q->until > now + 1000 ?
	    (q->until - now) / 1000 : 1;
	if (env.resolve != NULL)
		(void)channel_send(env.resolve, IMSG_RESOLVE, -1, &q->msg,
		    sizeof(q->msg));
}

static struct question *
question_find(const char *host)
{
	struct question	*q;

	TAILQ_FOREACH(q, &env.questions, entry)
		if (strcmp(q->msg.host, host) == 0)
			break;
	return (q);
}

static struct question *
question_new(const struct wanted *w)
{
	struct question	*q;

	if ((q = calloc(1, sizeof(*q))) == NULL)
		return (NULL);
	TAILQ_INIT(&q->wanted);
	q->until = w->deadline;
	q->msg.service = w->service;
	q->msg.what = w->what;
	strlcpy(q->msg.host, w->host, sizeof(q->msg.host));
	TAILQ_INSERT_TAIL(&env.questions, q, entry);
	question_send(q);
	return (q);
}

int
question_ask(struct wanted *w)
{
	struct question	*q;

	if ((q = question_find(w->host)) == NULL &&
	    (q = question_new(w)) == NULL)
		return (-1);
	TAILQ_INSERT_TAIL(&q->wanted, w, entry);
	w->question = q;
	if (q->part.count > 0)
		env.told(w->request, &q->part);
	return (0);
}

static void
question_detach(struct wanted *w)
{
	TAILQ_REMOVE(&w->question->wanted, w, entry);
	w->question = NULL;
}

void
question_leave(struct wanted *w)
{
	struct question	*q = w->question;

	if (q == NULL)
		return;
	question_detach(w);
	if (TAILQ_EMPTY(&q->wanted) && q->part.count == 0)
		question_free(q);
}

/* ---- what resolve says ---- */

/*
 * Those who asked first have got no answer in their time.  Who joined later and
 * has time left asks again.
 */
static int
question_is_worth(const struct question *q, const struct wanted *w, int error)
{
	uint64_t	 soon = worker_now() + WORTH_US;

	return (error == EAI_AGAIN && soon > q->until && soon < w->deadline);
}

static void
question_ended(struct question *q, const struct msg_resolved *msg)
{
	struct wanted	*w, *next;

	TAILQ_REMOVE(&env.questions, q, entry);
	TAILQ_FOREACH_SAFE(w, &q->wanted, entry, next)
		if (!question_is_worth(q, w, msg->error)) {
			question_detach(w);
			env.told(w->request, msg);
		}
	while ((w = TAILQ_FIRST(&q->wanted)) != NULL) {
		question_detach(w);
		if (question_ask(w) == -1)
			env.told(w->request, msg);
	}
	free(q);
}

void
question_answered(const struct msg_resolved *msg)
{
	struct question	*q;
	struct wanted	*w, *next;

	TAILQ_FOREACH(q, &env.questions, entry)
		if (q->msg.request == msg->request)
			break;
	if (q == NULL)
		return;			/* nobody wanted it any more */
	if (!msg->more || msg->error != 0 || msg->count == 0) {
		question_ended(q, msg);
		return;
	}
	q->part = *msg;
	TAILQ_FOREACH_SAFE(w, &q->wanted, entry, next)
		env.told(w->request, msg);
}

void
question_resolve_left(struct channel *ch)
{
	if (env.resolve == ch)
		env.resolve = NULL;
}

/* Its predecessor may have died over these questions. */
void
question_resolve_joined(struct channel *ch)
{
	struct question	*q, *next;

	env.resolve = ch;
	TAILQ_FOREACH_SAFE(q, &env.questions, entry, next) {
		memset(&q->part, 0, sizeof(q->part));
		if (TAILQ_EMPTY(&q->wanted)) {
			question_free(q);
			continue;
		}
		q->until = TAILQ_FIRST(&q->wanted)->deadline;
		question_send(q);
	}
}
