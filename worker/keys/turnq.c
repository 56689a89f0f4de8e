/* SPDX-License-Identifier: ISC */

/*
 * See turnq.h.  An asker is there as long as its channel has questions, at the
 * end of the askers when it has had its turn.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/time.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "turnq.h"
#include "worker/frame/worker.h"

struct question {
	TAILQ_ENTRY(question)	 entry;
	uint64_t		 msg[];		/* of the queue's size */
};

struct asker {				/* a channel that waits */
	TAILQ_ENTRY(asker)	 entry;
	struct channel		*channel;
	TAILQ_HEAD(, question)	 questions;
	uint32_t		 n;
};

/* After everything else that has come in this turn, if there is memory. */
static void
turnq_next(struct turnq *q)
{
	static const struct timeval	 now = { 0, 0 };

	if (q->started && !TAILQ_EMPTY(&q->askers) &&
	    evtimer_add(q->step, &now) == -1)
		event_active(q->step, EV_TIMEOUT, 0);
}

/* ---- who waits ---- */

static struct asker *
asker_find(const struct turnq *q, const struct channel *ch)
{
	struct asker	*a;

	TAILQ_FOREACH(a, &q->askers, entry)
		if (a->channel == ch)
			return (a);
	return (NULL);
}

/* NULL: no memory. */
static struct asker *
asker_new(struct turnq *q, struct channel *ch)
{
	struct asker	*a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (NULL);
	a->channel = ch;
	TAILQ_INIT(&a->questions);
	TAILQ_INSERT_TAIL(&q->askers, a, entry);
	return (a);
}

/* Its first question, which is the caller's now. */
static struct question *
asker_take(struct turnq *q, struct asker *a)
{
	struct question	*first = TAILQ_FIRST(&a->questions);

	TAILQ_REMOVE(&a->questions, first, entry);
	a->n--;
	q->waiting--;
	return (first);
}

/* It has had its turn: it is behind the others, or waits for nothing. */
static void
asker_rest(struct turnq *q, struct asker *a)
{
	TAILQ_REMOVE(&q->askers, a, entry);
	if (a->n > 0)
		TAILQ_INSERT_TAIL(&q->askers, a, entry);
	else
		free(a);
}

/* ---- the queue ---- */

static void
question_free(const struct turnq *q, struct question *question)
{
	freezero(question, sizeof(*question) + q->size);
}

static void
turnq_step(evutil_socket_t fd, short what, void *arg)
{
	struct turnq	*q = arg;
	struct asker	*a = TAILQ_FIRST(&q->askers);
	struct channel	*ch;
	struct question	*question;

	(void)fd;
	(void)what;
	if (a == NULL)
		return;
	ch = a->channel;
	question = asker_take(q, a);
	asker_rest(q, a);
	q->answer(ch, question->msg);
	question_free(q, question);
	turnq_next(q);
}

void
turnq_init(struct turnq *q, size_t size, uint32_t max,
    void (*answer)(struct channel *, const void *))
{
	memset(q, 0, sizeof(*q));
	TAILQ_INIT(&q->askers);
	q->size = size;
	q->max = max;
	q->answer = answer;
	if ((q->step = evtimer_new(worker_base(), turnq_step, q)) == NULL)
		fatal("keys: event");
}

void
turnq_start(struct turnq *q)
{
	q->started = 1;
	turnq_next(q);
}

int
turnq_add(struct turnq *q, struct channel *ch, const void *msg)
{
	struct asker	*a = asker_find(q, ch);
	struct question	*question;

	if (a != NULL && a->n == q->max) {
		errno = EDQUOT;
		return (-1);
	}
	if ((question = calloc(1, sizeof(*question) + q->size)) == NULL)
		return (-1);
	if (a == NULL && (a = asker_new(q, ch)) == NULL) {
		free(question);
		return (-1);
	}
	memcpy(question->msg, msg, q->size);
	TAILQ_INSERT_TAIL(&a->questions, question, entry);
	a->n++;
	q->waiting++;
	turnq_next(q);
	return (0);
}

void
turnq_left(struct turnq *q, const struct channel *ch)
{
	struct asker	*a = asker_find(q, ch);

	if (a == NULL)
		return;
	while (a->n > 0)
		question_free(q, asker_take(q, a));
	asker_rest(q, a);
}
