/* SPDX-License-Identifier: ISC */

/* See watch.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "watch.h"

/* What control said is taken for what is so long. */
#define FRESH_US	(1 * 1000000ULL)
/* And not asked again sooner, even if it has refused to answer. */
#define AGAIN_US	(250 * 1000ULL)
/* An answer that takes longer does not count: control was replaced. */
#define LOST_US		(5 * 1000000ULL)
/* Counters are looked at so often though nobody wants to know. */
#define LOOK_SECONDS	5
/* Room for so many sessions at first. */
#define SESSIONS_FIRST	64

static struct {
	TAILQ_HEAD(, watch)	 watches;
	struct event		*timer;
	void			(*told)(void);
	uint32_t		 number;	/* of the last request */
	uint64_t		 changes;
	struct watch_stats	 stats;
} env = { .watches = TAILQ_HEAD_INITIALIZER(env.watches) };

static void	 watch_look(evutil_socket_t, short, void *);

void
watch_init(void (*told)(void))
{
	const struct timeval	 tv = { LOOK_SECONDS, 0 };

	env.told = told;
	env.timer = event_new(worker_base(), -1, EV_PERSIST, watch_look, NULL);
	if (env.timer == NULL || event_add(env.timer, &tv) == -1)
		fatal("web: event");
}

void
watch_stop(void)
{
	(void)event_del(env.timer);
}

struct watch *
watch_ref(const struct msg_figures *conf)
{
	struct watch	*w;

	TAILQ_FOREACH(w, &env.watches, entry)
		if (w->service == conf->service)
			break;
	if (w == NULL) {
		if ((w = calloc(1, sizeof(*w))) == NULL)
			return (NULL);
		w->service = conf->service;
		tally_init(&w->tally);
		TAILQ_INSERT_TAIL(&env.watches, w, entry);
	}
	w->quic = conf->quic;
	(void)strlcpy(w->name, conf->name, sizeof(w->name));
	w->refs++;
	return (w);
}

void
watch_unref(struct watch *w)
{
	if (--w->refs > 0)
		return;
	TAILQ_REMOVE(&env.watches, w, entry);
	tally_clear(&w->tally);
	free(w->now.list);
	free(w->next.list);
	free(w);
}

/* ---- asking ---- */

/* What comes of it is put together from here on. */
static void
watch_begin(struct watch *w, enum watch_kind kind)
{
	if (kind == WATCH_COUNTERS)
		tally_begin(&w->tally);
	else
		w->next.n = w->next.all = 0;
}

static void
watch_ask(struct watch *w, enum watch_kind kind)
{
	static const uint32_t	 types[WATCH_KINDS] = {
		[WATCH_COUNTERS] = IMSG_CTL_SUMMARY,
		[WATCH_LIST] = IMSG_CTL_SESSIONS
	};
	struct watch_poll	*p = &w->polls[kind];
	struct ctl_request	 req;
	uint64_t		 now = worker_now();

	if (p->asked != 0 && now - p->asked < (p->waits ? LOST_US : AGAIN_US))
		return;
	/* An answer lasts seconds: no number is reused within that time. */
	if (++env.number == 0)
		env.number = 1;
	memset(&req, 0, sizeof(req));
	req.version = CTL_VERSION;
	req.request = env.number;
	(void)strlcpy(req.service, w->name, sizeof(req.service));
	p->asked = now;
	p->waits = p->some = 0;
	if (worker_ask(types[kind], &req) == -1)
		return;
	env.stats.asked++;
	p->number = env.number;
	p->waits = 1;
	watch_begin(w, kind);
}

int
watch_fresh(struct watch *w, enum watch_kind kind)
{
	const struct watch_poll	*p = &w->polls[kind];

	if (p->told != 0 && worker_now() - p->told < FRESH_US)
		return (1);
	watch_ask(w, kind);
	return (0);
}

static void
watch_look(evutil_socket_t fd, short what, void *arg)
{
	struct watch	*w;

	(void)fd;
	(void)what;
	(void)arg;
	TAILQ_FOREACH(w, &env.watches, entry)
		(void)watch_fresh(w, WATCH_COUNTERS);
}

uint64_t
watch_changes(void)
{
	return (env.changes);
}

/* ---- answers ---- */

static struct watch *
watch_of(uint32_t number, enum watch_kind *kind)
{
	struct watch	*w;
	int		 i;

	TAILQ_FOREACH(w, &env.watches, entry)
		for (i = 0; i < WATCH_KINDS; i++)
			if (w->polls[i].waits &&
			    w->polls[i].number == number) {
				*kind = i;
				return (w);
			}
	return (NULL);
}

/* Is it one of this service's workers, or does it end QUIC for it? */
static int
watch_concerns(const struct watch *w, const struct ctl_counter *c)
{
	if (c->role == PROC_SERVICE)
		return (c->service == w->service);
	return (c->role == PROC_QUIC && c->side == SIDE_SERVER &&
	    w->quic == c->index + 1);
}

/* The last one that fits; others are only counted. */
static struct watch_session *
sessions_add(struct watch_sessions *s)
{
	struct watch_session	*list;
	uint32_t		 room;

	s->all++;
	if (s->n == s->room && s->room < WATCH_SESSIONS) {
		room = s->room == 0 ? SESSIONS_FIRST : s->room * 2;
		list = reallocarray(s->list, room, sizeof(*list));
		if (list == NULL)
			return (NULL);
		s->list = list;
		s->room = room;
	}
	return (s->n == s->room ? NULL : &s->list[s->n++]);
}

static void
watch_session(struct watch *w, const struct ctl_session *cs)
{
	struct watch_session	*s;

	/* a control channel carries nobody */
	if (cs->id.service != w->service || cs->control)
		return;
	if ((s = sessions_add(&w->next)) == NULL) {
		env.stats.beyond++;
		return;
	}
	memset(s, 0, sizeof(*s));
	s->index = cs->id.index;
	s->serial = cs->id.serial;
	s->flows = cs->flows;
	s->streams = cs->streams > cs->flows ? cs->streams - cs->flows : 0;
	s->draining = cs->draining;
	s->peer = cs->peer;
	s->age_ms = cs->age_ms;
	s->idle_ms = cs->idle_ms;
	s->octets_in = cs->octets_in;
	s->octets_out = cs->octets_out;
}

static void
watch_done(struct watch *w, enum watch_kind kind, const struct ctl_done *done)
{
	struct watch_poll	*p = &w->polls[kind];
	struct watch_sessions	 was;

	p->waits = 0;
	env.stats.failed += done->failed != 0;
	/* Some may have answered, though not all: that is what there is. */
	if (!done->failed || p->some) {
		p->told = worker_now();
		env.changes++;
		if (kind == WATCH_COUNTERS)
			tally_end(&w->tally, !done->failed);
		else {
			was = w->now;
			w->now = w->next;
			w->next = was;
		}
	}
	env.told();
}

void
watch_answer(struct imsg *imsg)
{
	union {
		uint32_t		 request;	/* first in all */
		struct ctl_counter	 counter;
		struct ctl_session	 session;
		struct ctl_done		 done;
	} u;
	enum watch_kind	 kind;
	struct watch	*w;
	size_t		 len = imsg_get_len(imsg);

	memset(&u, 0, sizeof(u));
	if (len > sizeof(u) || imsg_get_data(imsg, &u, len) == -1 ||
	    (w = watch_of(u.request, &kind)) == NULL)
		return;
	switch (imsg_get_type(imsg)) {
	case IMSG_CTL_COUNTER:
		w->polls[kind].some = 1;
		if (kind == WATCH_COUNTERS && watch_concerns(w, &u.counter))
			tally_counter(&w->tally, &u.counter);
		break;
	case IMSG_CTL_SESSION:
		w->polls[kind].some = 1;
		if (kind == WATCH_LIST)
			watch_session(w, &u.session);
		break;
	case IMSG_CTL_DONE:
		watch_done(w, kind, &u.done);
		break;
	default:
		break;
	}
}

const struct watch_stats *
watch_stats(void)
{
	return (&env.stats);
}
