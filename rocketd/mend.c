/* SPDX-License-Identifier: ISC */

/*
 * See mend.h.  What was lost is kept for a minute, by the generations of the
 * two: to know the news of the second from that of another loss, and to count.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "chans.h"
#include "mend.h"
#include "procs.h"

/* Until a new pair is made: a process that dies is reaped by then. */
#define MEND_SOON_US	(20 * 1000)
/*
 * One of the two is replaced after so many losses, none of them longer than
 * this (seconds) after the one before.
 */
#define MEND_MAX	8
#define MEND_KEPT	60

struct mend {
	TAILQ_ENTRY(mend)	 entry;
	struct rocketd		*env;
	uint32_t		 one;	/* generations */
	uint32_t		 two;
	uint32_t		 pair;	/* what was made for it, or 0 */
	uint32_t		 losses;
	int			 due;	/* a pair is to be made */
	struct event		*timer;
};

static struct mend *
mend_find(struct rocketd *env, uint32_t a, uint32_t b)
{
	struct mend	*m;

	TAILQ_FOREACH(m, &env->mends, entry)
		if ((m->one == a && m->two == b) ||
		    (m->one == b && m->two == a))
			return (m);
	return (NULL);
}

static void
mend_free(struct mend *m)
{
	TAILQ_REMOVE(&m->env->mends, m, entry);
	if (m->timer != NULL)
		event_free(m->timer);
	free(m);
}

/* The living child of this generation, or NULL. */
static struct child *
mend_child(const struct mend *m, uint32_t generation)
{
	struct child	*child;

	TAILQ_FOREACH(child, &m->env->children, entry)
		if (child->generation == generation && child->pid != 0 &&
		    !child->killed)
			return (child);
	return (NULL);
}

/* 0: it is not wanted any more, or a process is replaced for it. */
static int
mend_pair(struct mend *m)
{
	struct child	*a, *b;

	if (m->env->phase == PHASE_STOPPING ||
	    (a = mend_child(m, m->one)) == NULL ||
	    (b = mend_child(m, m->two)) == NULL)
		return (0);
	switch (chans_again(m->env, a, b)) {
	case 0:
		return (0);
	case -1:
		procs_breach(chans_to_blame(a, b),
		    "a channel of it cannot be made anew");
		return (0);
	}
	m->pair = m->env->pair;
	m->env->mended++;
	log_warnx("%s: its channel to %s was lost and has been made anew",
	    child_name(a), child_name(b));
	return (1);
}

static void
mend_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timeval	 kept = { MEND_KEPT, 0 };
	struct mend	*m = arg;

	(void)fd;
	(void)what;
	if (!m->due || !mend_pair(m) || evtimer_add(m->timer, &kept) == -1) {
		mend_free(m);
		return;
	}
	m->due = 0;
}

static struct mend *
mend_new(struct rocketd *env, uint32_t one, uint32_t two)
{
	struct mend	*m;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (NULL);
	if ((m->timer = evtimer_new(env->base, mend_timer, m)) == NULL) {
		free(m);
		return (NULL);
	}
	m->env = env;
	m->one = one;
	m->two = two;
	TAILQ_INSERT_TAIL(&env->mends, m, entry);
	return (m);
}

void
mend_lost(struct child *from, struct child *to, uint32_t pair)
{
	struct timeval	 soon = { 0, MEND_SOON_US };
	struct rocketd	*env = from->env;
	struct mend	*m;

	if ((m = mend_find(env, from->generation, to->generation)) == NULL)
		m = mend_new(env, from->generation, to->generation);
	else if (m->due || (int32_t)(pair - m->pair) < 0)
		return;			/* the other has told us */
	if (m != NULL && ++m->losses <= MEND_MAX &&
	    evtimer_add(m->timer, &soon) == 0) {
		m->due = 1;
		return;
	}
	if (m != NULL)
		mend_free(m);
	procs_breach(chans_to_blame(from, to),
	    "it and another process lose each other again and again");
}
