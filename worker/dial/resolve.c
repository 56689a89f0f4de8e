/* SPDX-License-Identifier: ISC */

/*
 * The role resolve: looks names up for dial, each in a process of its own
 * (getname.h), which is killed at its deadline.  A name that is not answered
 * soon is looked up in either family alone, too: a name server may answer for
 * one and never for the other, and what one has is told dial in a moment, the
 * rest when it comes (RFC 8305, section 3).
 *
 * Peers can think of any number of names.  Those that have not been answered
 * lately are looked up at a rate, which each service has for itself.
 *
 * Names that are not answered keep nobody waiting: remotes come before targets,
 * a service has a few children at most, names that were not answered the last
 * time come after those that were or are new, and when all children are busy
 * the one that has run longest makes way.  A name that is slow this time is
 * answered with what it had last (names.h).
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "getname.h"
#include "names.h"
#include "worker/net/bucket.h"
#include "worker/roles.h"

/* Lookups at a time, each in up to three processes: they mostly wait. */
#define LOOKUPS_RUNNING	32
/* Of them, for targets; and for the names of one service. */
#define LOOKUPS_TARGETS	28
#define LOOKUPS_SERVICE	4
/* Waiting lookups: there is one a name at a time, whoever asks. */
#define LOOKUPS_QUEUED	4096
/* Of them, for names that peers have thought of: in all, and of one service. */
#define LOOKUPS_NAMED	2048
#define LOOKUPS_NAMED_SERVICE	256
/* Names that are new, and that peers of one service name, in a second. */
#define NAMED_RATE	64
#define NAMED_DEPTH_US	(1 * 1000000ULL)
/* One that runs for so long may make way for another that waits. */
#define LOOKUP_SLOW_US	(2 * 1000000ULL)
#define LOOK_US		(250 * 1000)	/* how often that is looked at */
/* A name that was answered before is not waited for longer. */
#define LOOKUP_PATIENCE_US	(1000 * 1000ULL)
/* One that is not answered within this is made for each family as well. */
#define LOOKUP_SOON_US	(100 * 1000)
/* The addresses of one family wait so long for the other's... */
#define LOOKUP_OTHER_US	(50 * 1000)
/* ...and when they were told, the other's are not awaited for longer. */
#define LOOKUP_LATE_US	(5000 * 1000ULL)

enum lookup_state {
	LOOKUP_QUEUED,
	LOOKUP_RUNNING,
	LOOKUP_ANSWERED		/* its children are to be reaped */
};

enum lookup_ask {		/* its children */
	ASK_ALL,		/* for both families, as the system does it */
	ASK_SIX,
	ASK_FOUR,
	ASKS
};

struct namer {			/* a service whose peers name new names */
	TAILQ_ENTRY(namer)	 entry;
	uint32_t		 service;
	uint32_t		 waiting;	/* lookups that point here */
	struct bucket		 bucket;
};

struct lookup {
	TAILQ_ENTRY(lookup)	 entry;
	TAILQ_ENTRY(lookup)	 busy;		/* has children */
	struct channel		*asker;		/* NULL: has gone */
	struct msg_resolve	 what;
	uint64_t		 deadline;
	uint64_t		 started;
	uint32_t		 rank;		/* low ones first */
	struct namer		*namer;	/* whose rate it counts for; or NULL */
	int			 told; /* its asker has an older answer */
	int			 parted;	/* or has what one family has */
	enum lookup_state	 state;
	struct getname		 asks[ASKS];
	int			 split;	/* each family is asked for, too... */
	uint32_t		 heard;	/* ...and has answered: bits */
	struct msg_resolved	 got;		/* from them, so far */
	struct event		 soon;	/* when to do that, or to tell it */
	struct event		 timer;
};
TAILQ_HEAD(lookups, lookup);

static struct {
	struct lookups	 lookups;	/* all, oldest first */
	struct lookups	 busy;		/* with a child, oldest first */
	TAILQ_HEAD(, namer) namers;
	uint32_t	 queued;
	uint32_t	 running;	/* with children not reaped yet */
	struct channel	*dial;
	struct event	*child;		/* SIGCHLD */
	struct event	*end;
	struct event	*look;		/* while some wait */
	int		 stopping;
	uint64_t	 asked;
	uint64_t	 answered;
	uint64_t	 failed;
	uint64_t	 overdue;
	uint64_t	 refused;	/* the queue was full */
	uint64_t	 paced;		/* waited because of NAMED_RATE */
	uint64_t	 died;		/* children, without a result */
	uint64_t	 stale;		/* answered with the last answer */
	uint64_t	 partial;	/* and with what one family has */
	uint64_t	 shed;		/* made way for others */
} env;

static void	 resolve_next(void);

/* ---- who names them ---- */

/* Forgets those who have named nothing for a while. */
static void
namers_forget(uint64_t now)
{
	struct namer	*n, *next;

	TAILQ_FOREACH_SAFE(n, &env.namers, entry, next)
		if (n->waiting == 0 &&
		    bucket_wait(&n->bucket, NAMED_RATE, now) == 0) {
			TAILQ_REMOVE(&env.namers, n, entry);
			free(n);
		}
}

/* NULL: no memory. */
static struct namer *
namer_get(uint32_t service)
{
	uint64_t	 now = worker_now();
	struct namer	*n;

	TAILQ_FOREACH(n, &env.namers, entry)
		if (n->service == service)
			return (n);
	namers_forget(now);
	if ((n = calloc(1, sizeof(*n))) == NULL)
		return (NULL);
	n->service = service;
	bucket_limit(&n->bucket, NAMED_RATE, NAMED_DEPTH_US, now);
	TAILQ_INSERT_TAIL(&env.namers, n, entry);
	return (n);
}

/* It is started, or ends without that. */
static void
namer_leave(struct lookup *l, int started)
{
	if (l->namer == NULL)
		return;
	if (started)
		bucket_take(&l->namer->bucket, 1);
	l->namer->waiting--;
	l->namer = NULL;
}

/* ---- lookups ---- */

/* Of a target, configured or named by a peer: remotes go before it. */
static int
lookup_is_target(const struct msg_resolve *what)
{
	return (what->what != DIAL_REMOTE);
}

static void
lookup_free(struct lookup *l)
{
	TAILQ_REMOVE(&env.lookups, l, entry);
	if (l->state != LOOKUP_QUEUED)
		TAILQ_REMOVE(&env.busy, l, busy);
	namer_leave(l, 0);
	event_del(&l->timer);
	event_del(&l->soon);
	free(l);
}

/* If it has children, they are reaped later. */
static void
lookup_finish(struct lookup *l)
{
	int	 i;

	if (l->state == LOOKUP_QUEUED) {
		env.queued--;
		lookup_free(l);
		return;
	}
	l->state = LOOKUP_ANSWERED;
	event_del(&l->timer);
	event_del(&l->soon);
	for (i = 0; i < ASKS; i++)
		getname_end(&l->asks[i]);
}

static void
resolve_answer(struct channel *ch, uint32_t request,
    const struct msg_resolved *res)
{
	struct msg_resolved	 msg = *res;

	msg.request = request;
	if (msg.more)
		env.partial++;
	else if (msg.error == 0)
		env.answered++;
	else
		env.failed++;
	if (ch != NULL)
		(void)channel_send(ch, IMSG_RESOLVED, -1, &msg, sizeof(msg));
}

static void
resolve_refuse(struct channel *ch, uint32_t request, int error)
{
	struct msg_resolved	 res;

	memset(&res, 0, sizeof(res));
	res.error = error;
	resolve_answer(ch, request, &res);
}

/* With what it had the last time, if that is known. */
static int
lookup_answer_last(struct lookup *l)
{
	struct msg_resolved	 last;

	if (l->told || !names_last(l->what.host, &last, worker_now()))
		return (0);
	env.stale++;
	l->told = 1;
	resolve_answer(l->asker, l->what.request, &last);
	return (1);
}

static void
lookup_found(struct lookup *l, const struct msg_resolved *res)
{
	names_found(l->what.host, res, l->what.what == DIAL_NAMED,
	    worker_now());
	if (!l->told)
		resolve_answer(l->asker, l->what.request, res);
	lookup_finish(l);
}

/* It was not answered, or in one family only: its asker is, once. */
static void
lookup_fail(struct lookup *l, int error)
{
	if (l->got.count > 0) {
		lookup_found(l, &l->got);
		return;
	}
	if (!l->told && (error != EAI_AGAIN || !lookup_answer_last(l)))
		resolve_refuse(l->asker, l->what.request, error);
	lookup_finish(l);
}

/* It comes after others the next time. */
static void
lookup_is_silent(struct lookup *l)
{
	struct msg_resolved	 last;

	if (l->got.count > 0)
		return;
	if (!names_is_silent(l->what.host) &&
	    names_last(l->what.host, &last, worker_now()))
		log_info("lookup of %s: no answer: its last addresses are "
		    "used", l->what.host);
	names_silent(l->what.host, l->what.what == DIAL_NAMED);
}

/* Its timer fires at its deadline, or before when something older is known. */
static int
lookup_arm(struct lookup *l)
{
	struct msg_resolved	 last;
	uint64_t		 now = worker_now(), us;
	struct timeval		 tv;

	us = l->deadline > now ? l->deadline - now : 1;
	if (!l->told && !l->parted && us > LOOKUP_PATIENCE_US &&
	    names_last(l->what.host, &last, now))
		us = LOOKUP_PATIENCE_US;
	tv.tv_sec = us / 1000000;
	tv.tv_usec = us % 1000000;
	return (evtimer_add(&l->timer, &tv));
}

static void
lookup_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct lookup	*l = arg;

	(void)fd;
	(void)what;
	if ((l->parted || lookup_answer_last(l)) &&
	    worker_now() < l->deadline && lookup_arm(l) == 0)
		return;
	if (l->got.count == 0) {
		env.overdue++;
		log_debug("lookup of %s: no answer in time", l->what.host);
	}
	lookup_is_silent(l);
	lookup_fail(l, EAI_AGAIN);
}

/* ---- its children ---- */

static int
lookup_waits(const struct lookup *l)
{
	int	 i;

	for (i = 0; i < ASKS; i++)
		if (getname_runs(&l->asks[i]))
			return (1);
	return (0);
}

/* Ends it when none is left that might answer. */
static void
lookup_wait(struct lookup *l)
{
	if (lookup_waits(l))
		return;
	lookup_is_silent(l);
	lookup_fail(l, EAI_AGAIN);
}

static int
lookup_start_ask(struct lookup *l, enum lookup_ask which, getname_done *done)
{
	static const int	 families[ASKS] = {
		[ASK_ALL] = AF_UNSPEC,
		[ASK_SIX] = AF_INET6,
		[ASK_FOUR] = AF_INET
	};
	uint64_t		 now = worker_now(), left = 0;

	if (l->deadline > now)
		left = (l->deadline - now) / 1000000;
	/* its alarm comes after our own deadline */
	return (getname_start(&l->asks[which], l->what.host, families[which],
	    left + 2, done, l));
}

/* In half of all that may be told, so that each family has room. */
static void
lookup_add(struct lookup *l, enum lookup_ask which,
    const struct msg_resolved *res)
{
	struct msg_resolved	*got = &l->got;
	uint32_t		 at = which == ASK_SIX ? 0 : got->count;

	memmove(&got->addr[at + res->count], &got->addr[at],
	    (got->count - at) * sizeof(got->addr[0]));
	memcpy(&got->addr[at], res->addr, res->count * sizeof(got->addr[0]));
	got->count += res->count;
}

/* One that was for a family alone is done. */
static void
lookup_heard_family(void *arg, struct getname *g,
    const struct msg_resolved *res)
{
	static const struct timeval	 other = { 0, LOOKUP_OTHER_US };
	struct lookup			*l = arg;
	enum lookup_ask			 which = (enum lookup_ask)
					    (g - l->asks);

	if (res == NULL)
		env.died++;
	else if (res->error != EAI_AGAIN)
		l->heard |= 1U << which;
	if (res != NULL && res->error == 0)
		lookup_add(l, which, res);
	if (l->got.count > 0 &&
	    l->heard == (1U << ASK_SIX | 1U << ASK_FOUR))
		lookup_found(l, &l->got);
	else if (res != NULL && res->error == 0 && lookup_waits(l))
		/* without it all are awaited */
		(void)evtimer_add(&l->soon, &other);
	else
		lookup_wait(l);
}

static void
lookup_split(struct lookup *l)
{
	if (l->split)
		return;
	l->split = 1;
	(void)lookup_start_ask(l, ASK_SIX, lookup_heard_family);
	(void)lookup_start_ask(l, ASK_FOUR, lookup_heard_family);
}

/* The one for both families is done. */
static void
lookup_heard(void *arg, struct getname *g, const struct msg_resolved *res)
{
	struct lookup	*l = arg;

	(void)g;
	if (res == NULL) {
		env.died++;
		lookup_fail(l, EAI_FAIL);
	} else if (res->error == 0)
		lookup_found(l, res);
	else if (res->error == EAI_AGAIN) {
		lookup_split(l);	/* half of it may have failed */
		lookup_wait(l);
	} else {
		if (l->got.count == 0)
			names_gone(l->what.host);
		lookup_fail(l, res->error);
	}
}

/* The other family is late: tells what this one has. */
static void
lookup_tell_part(struct lookup *l)
{
	struct msg_resolved	 part = l->got;
	uint64_t		 late = worker_now() + LOOKUP_LATE_US;

	if (l->told || l->parted)
		return;
	l->parted = 1;
	part.more = 1;
	resolve_answer(l->asker, l->what.request, &part);
	if (late < l->deadline)
		l->deadline = late;
	if (lookup_arm(l) == -1)
		lookup_fail(l, EAI_AGAIN);
}

static void
lookup_soon(evutil_socket_t fd, short what, void *arg)
{
	struct lookup	*l = arg;

	(void)fd;
	(void)what;
	if (l->got.count > 0)
		lookup_tell_part(l);
	else
		lookup_split(l);
}

/* -1: no process or pipe; this lookup fails, the next may do better. */
static int
lookup_start(struct lookup *l)
{
	static const struct timeval	 soon = { 0, LOOKUP_SOON_US };

	if (lookup_start_ask(l, ASK_ALL, lookup_heard) == -1)
		return (-1);
	namer_leave(l, 1);
	l->state = LOOKUP_RUNNING;
	l->started = worker_now();
	TAILQ_INSERT_TAIL(&env.busy, l, busy);
	env.queued--;
	env.running++;
	/* without it both families are awaited */
	(void)evtimer_add(&l->soon, &soon);
	return (0);
}

/* ---- whose turn it is ---- */

/* Lookups of a service, and of targets. */
static void
resolve_count(uint32_t service, uint32_t *own, uint32_t *targets)
{
	const struct lookup	*l;

	*own = *targets = 0;
	TAILQ_FOREACH(l, &env.busy, busy) {
		if (l->what.service == service)
			++*own;
		if (lookup_is_target(&l->what))
			++*targets;
	}
}

/* May it start?  full: all that it needs is that another makes way. */
static int
lookup_may_start(const struct lookup *l, int *full)
{
	uint32_t	 own, targets;

	resolve_count(l->what.service, &own, &targets);
	*full = 0;
	if (own >= LOOKUPS_SERVICE || (l->namer != NULL &&
	    bucket_room(&l->namer->bucket, worker_now()) == 0))
		return (0);
	*full = env.running >= LOOKUPS_RUNNING ||
	    (lookup_is_target(&l->what) && targets >= LOOKUPS_TARGETS);
	return (!*full);
}

/* The next that may start; else NULL, and in *waits the first kept out. */
static struct lookup *
resolve_choose(struct lookup **waits)
{
	struct lookup	*l, *best = NULL;
	int		 full;

	*waits = NULL;
	TAILQ_FOREACH(l, &env.lookups, entry) {
		if (l->state != LOOKUP_QUEUED ||
		    (best != NULL && l->rank >= best->rank))
			continue;
		if (lookup_may_start(l, &full))
			best = l;
		else if (full && (*waits == NULL ||
		    l->rank < (*waits)->rank))
			*waits = l;
		if (best != NULL && best->rank == 0)
			break;
	}
	return (best);
}

/*
 * Who has run longest, and too long or for a rest only, makes way; targets
 * first.
 */
static void
resolve_shed(const struct lookup *waits)
{
	struct lookup	*l, *victim = NULL;
	uint64_t	 now = worker_now();

	TAILQ_FOREACH(l, &env.busy, busy) {
		if (l->state == LOOKUP_ANSWERED)
			return;		/* one goes already */
		if ((now - l->started < LOOKUP_SLOW_US && !l->parted) ||
		    l->rank < waits->rank ||
		    (!lookup_is_target(&l->what) &&
		    lookup_is_target(&waits->what)))
			continue;
		if (victim == NULL || (lookup_is_target(&l->what) !=
		    lookup_is_target(&victim->what) ?
		    lookup_is_target(&l->what) : l->started < victim->started))
			victim = l;
	}
	if (victim == NULL)
		return;
	env.shed++;
	log_debug("lookup of %s: makes way for others", victim->what.host);
	lookup_is_silent(victim);
	lookup_fail(victim, EAI_AGAIN);
}

static void
resolve_next(void)
{
	struct timeval	 look = { 0, LOOK_US };
	struct lookup	*l, *waits;

	while (env.queued > 0) {
		if ((l = resolve_choose(&waits)) == NULL) {
			if (waits != NULL)
				resolve_shed(waits);
			break;
		}
		if (l->deadline <= worker_now() || lookup_start(l) == -1)
			lookup_fail(l, EAI_AGAIN);
	}
	if (env.queued > 0)
		(void)evtimer_add(env.look, &look);
}

static void
resolve_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	resolve_next();
}

/* Whose child it was, if anybody's. */
static struct lookup *
resolve_reaped(pid_t pid, int status)
{
	struct lookup	*l;
	int		 i;

	TAILQ_FOREACH(l, &env.busy, busy)
		for (i = 0; i < ASKS; i++)
			if (getname_reaped(&l->asks[i], pid, status))
				return (l);
	return (NULL);
}

static int
lookup_has_children(const struct lookup *l)
{
	int	 i;

	for (i = 0; i < ASKS; i++)
		if (l->asks[i].pid != 0)
			return (1);
	return (0);
}

static void
resolve_reap(evutil_socket_t sig, short what, void *arg)
{
	struct lookup	*l;
	pid_t		 pid;
	int		 status;

	(void)sig;
	(void)what;
	(void)arg;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if ((l = resolve_reaped(pid, status)) == NULL ||
		    lookup_has_children(l))
			continue;
		env.running--;
		lookup_free(l);
	}
	resolve_next();
}

/* ---- dial asks ---- */

static struct lookup *
lookup_find(const char *host)
{
	struct lookup	*l;

	TAILQ_FOREACH(l, &env.lookups, entry)
		if (l->state != LOOKUP_ANSWERED &&
		    strcmp(l->what.host, host) == 0)
			break;
	return (l);
}

/* What peers name keeps nothing out that is configured, or named elsewhere. */
static int
resolve_has_room(const struct msg_resolve *what)
{
	const struct lookup	*l;
	uint32_t		 named = 0, own = 0;

	if (env.queued == LOOKUPS_QUEUED)
		return (0);
	if (what->what != DIAL_NAMED)
		return (1);
	TAILQ_FOREACH(l, &env.lookups, entry)
		if (l->state == LOOKUP_QUEUED && l->what.what == DIAL_NAMED) {
			named++;
			own += l->what.service == what->service;
		}
	return (named < LOOKUPS_NAMED && own < LOOKUPS_NAMED_SERVICE);
}

/* A name that is new, or was not answered lately. */
static int
lookup_is_new(const struct msg_resolve *what)
{
	struct msg_resolved	 last;

	return (what->what == DIAL_NAMED &&
	    !names_last(what->host, &last, worker_now()));
}

/* -1: no memory. */
static int
lookup_pace(struct lookup *l)
{
	if (!lookup_is_new(&l->what))
		return (0);
	if ((l->namer = namer_get(l->what.service)) == NULL)
		return (-1);
	if (++l->namer->waiting > bucket_room(&l->namer->bucket,
	    worker_now()))
		env.paced++;
	return (0);
}

/* NULL: too many wait, or no memory. */
static struct lookup *
lookup_new(struct channel *ch, const struct msg_resolve *what)
{
	struct lookup	*l;

	if (!resolve_has_room(what) ||
	    (l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->asker = ch;
	l->what = *what;
	if (lookup_pace(l) == -1) {
		free(l);
		return (NULL);
	}
	l->state = LOOKUP_QUEUED;
	l->rank = names_is_silent(what->host) * 2 +
	    lookup_is_target(what);
	l->deadline = worker_now() + what->timeout_ms * 1000ULL;
	evtimer_assign(&l->timer, worker_base(), lookup_overdue, l);
	evtimer_assign(&l->soon, worker_base(), lookup_soon, l);
	TAILQ_INSERT_TAIL(&env.lookups, l, entry);
	env.queued++;
	return (l);
}

static void
resolve_ask_for(struct channel *ch, const struct msg_resolve *what)
{
	struct lookup		*l = lookup_find(what->host);
	struct msg_resolved	 last;
	int			 told;

	env.asked++;
	/* It keeps us waiting already, or did the last time. */
	told = (l != NULL || names_is_silent(what->host)) &&
	    names_last(what->host, &last, worker_now());
	if (told) {
		env.stale++;
		resolve_answer(ch, what->request, &last);
		if (l != NULL)
			return;
	}
	if ((l = lookup_new(ch, what)) == NULL) {
		env.refused++;
		if (!told)
			resolve_refuse(ch, what->request, EAI_AGAIN);
		return;
	}
	l->told = told;
	if (lookup_arm(l) == -1) {
		log_warnx("lookup of %s: no timer", l->what.host);
		lookup_fail(l, EAI_AGAIN);
		return;
	}
	resolve_next();
}

static void
resolve_message(struct channel *ch, struct imsg *imsg)
{
	struct msg_resolve	 what;

	if (imsg_get_type(imsg) != IMSG_RESOLVE ||
	    imsg_get_data(imsg, &what, sizeof(what)) == -1) {
		worker_complain(ch, "a message that resolve does not know");
		return;
	}
	resolve_ask_for(ch, &what);
}

static void
resolve_joined(struct channel *ch)
{
	if (channel_peer(ch)->role == PROC_DIAL)
		env.dial = ch;
}

/* dial's successor asks again: earlier questions are of no use. */
static void
resolve_left(struct channel *ch)
{
	struct lookup	*l, *next;

	TAILQ_FOREACH_SAFE(l, &env.lookups, entry, next) {
		if (l->asker != ch)
			continue;
		l->asker = NULL;
		if (l->state == LOOKUP_ANSWERED)
			continue;
		lookup_finish(l);
	}
	if (env.dial == ch)
		env.dial = NULL;
	if (env.stopping && env.dial == NULL)
		worker_exit();
}

/* ---- the role ---- */

static void
resolve_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	worker_exit();
}

static void
resolve_init(void)
{
	TAILQ_INIT(&env.lookups);
	TAILQ_INIT(&env.busy);
	TAILQ_INIT(&env.namers);
	env.child = evsignal_new(worker_base(), SIGCHLD, resolve_reap, NULL);
	env.end = evtimer_new(worker_base(), resolve_end, NULL);
	env.look = evtimer_new(worker_base(), resolve_look, NULL);
	if (env.child == NULL || env.end == NULL || env.look == NULL ||
	    event_add(env.child, NULL) == -1)
		fatalx("resolve: events");
}

static int
resolve_configure(struct imsg *imsg)
{
	(void)imsg;
	errno = EINVAL;		/* there is nothing to configure */
	return (-1);
}

static void
resolve_ready(int reload)
{
	(void)reload;
}

static const struct figure	 resolve_figures[] = {
	FIGURE(COUNTER, "lookups", env.asked, "lookups requested"),
	FIGURE(COUNTER, "lookups_answered", env.answered,
	    "lookups that found an address"),
	FIGURE(COUNTER, "lookups_failed", env.failed,
	    "lookups that found no address"),
	FIGURE(COUNTER, "lookups_overdue", env.overdue,
	    "lookups not answered in time"),
	FIGURE(COUNTER, "lookups_paced", env.paced,
	    "lookups that waited because peers named too many new names"),
	FIGURE(COUNTER, "lookups_partial", env.partial,
	    "lookups answered with one family's addresses, for the other's "
	    "were late"),
	FIGURE(COUNTER, "lookups_refused", env.refused,
	    "lookups refused because too many were waiting"),
	FIGURE(COUNTER, "lookups_died", env.died,
	    "lookups whose process ended without a result"),
	FIGURE(COUNTER, "lookups_shed", env.shed,
	    "slow lookups that were ended for others"),
	FIGURE(COUNTER, "lookups_stale", env.stale,
	    "lookups answered with the last known addresses"),
	FIGURE(GAUGE, "lookups_queued", env.queued, "lookups queued"),
	FIGURE(GAUGE, "lookups_running", env.running, "lookups in progress"),
	{ .name = NULL }
};

/* As long as dial is there, somebody may need a name. */
static void
resolve_stop(uint32_t drain_ms)
{
	struct timeval	 tv;

	env.stopping = 1;
	if (drain_ms == 0 || env.dial == NULL) {
		worker_exit();
		return;
	}
	if (drain_ms == UINT32_MAX)
		return;
	tv.tv_sec = drain_ms / 1000;
	tv.tv_usec = drain_ms % 1000 * 1000;
	if (evtimer_add(env.end, &tv) == -1)
		worker_exit();
}

const struct role	 role_resolve = {
	.id = PROC_RESOLVE,
	.init = resolve_init,
	.begin = NULL,
	.configure = resolve_configure,
	.ready = resolve_ready,
	.joined = resolve_joined,
	.left = resolve_left,
	.message = resolve_message,
	.figures = resolve_figures,
	.stop = resolve_stop
};
