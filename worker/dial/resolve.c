/* SPDX-License-Identifier: ISC */

/*
 * The role resolve: looks names up for dial.  Each lookup is a getaddrinfo(3)
 * in a child of its own, which may block, leak or crash: it has one descriptor,
 * for its result, and is killed at its deadline.  A child has read the answers
 * of strangers, so its result is checked like theirs.
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

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "names.h"
#include "worker/roles.h"

/* Children at a time: lookups mostly wait for the network. */
#define LOOKUPS_RUNNING	32
/* Of them, for targets; and for the names of one service. */
#define LOOKUPS_TARGETS	28
#define LOOKUPS_SERVICE	4
/* Waiting lookups: there is one a name at a time, whoever asks. */
#define LOOKUPS_QUEUED	4096
/* One that runs for so long may make way for another that waits. */
#define LOOKUP_SLOW_US	(2 * 1000000ULL)
#define LOOK_US		(250 * 1000)	/* how often that is looked at */
/* A name that was answered before is not waited for longer. */
#define LOOKUP_PATIENCE_US	(1000 * 1000ULL)
/* The one descriptor of a child. */
#define LOOKUP_FD	3

enum lookup_state {
	LOOKUP_QUEUED,
	LOOKUP_RUNNING,
	LOOKUP_ANSWERED		/* its child is to be reaped */
};

struct lookup {
	TAILQ_ENTRY(lookup)	 entry;
	TAILQ_ENTRY(lookup)	 busy;		/* has a child */
	struct channel		*asker;		/* NULL: has gone */
	struct msg_resolve	 what;
	uint64_t		 deadline;
	uint64_t		 started;
	uint32_t		 rank;		/* low ones first */
	int			 told; /* its asker has an older answer */
	enum lookup_state	 state;
	pid_t			 pid;
	int			 fd;		/* the result comes here */
	struct event		 readable;
	struct event		 timer;
};
TAILQ_HEAD(lookups, lookup);

static struct {
	struct lookups	 lookups;	/* all, oldest first */
	struct lookups	 busy;		/* with a child, oldest first */
	uint32_t	 queued;
	uint32_t	 running;	/* children not reaped yet */
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
	uint64_t	 died;		/* children, without a result */
	uint64_t	 stale;		/* answered with the last answer */
	uint64_t	 shed;		/* made way for others */
} env;

static void	 resolve_next(void);

/* ---- in the child ---- */

static void
lookup_add(struct msg_resolved *res, const struct sockaddr *sa)
{
	struct addr	*a = &res->addr[res->count];
	uint32_t	 i;

	addr_from_sa(a, sa);
	a->port = 0;
	if (a->family != ADDR_IPV4 && a->family != ADDR_IPV6)
		return;
	for (i = 0; i < res->count; i++)
		if (addr_same(&res->addr[i], a, 0))
			return;
	res->count++;
}

/* RFC 6761: always this machine, whatever its files say and lack. */
static int
lookup_is_local(const char *host)
{
	const char	*end = strrchr(host, '.');

	return (strcasecmp(end == NULL ? host : end + 1, "localhost") == 0);
}

static void
lookup_add_local(struct msg_resolved *res)
{
	struct sockaddr_in6	 six;
	struct sockaddr_in	 four;

	memset(&six, 0, sizeof(six));
	six.sin6_family = AF_INET6;
	six.sin6_addr = in6addr_loopback;
	memset(&four, 0, sizeof(four));
	four.sin_family = AF_INET;
	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (res->count < RESOLVED_MAX)
		lookup_add(res, (struct sockaddr *)&six);
	if (res->count < RESOLVED_MAX)
		lookup_add(res, (struct sockaddr *)&four);
	res->error = 0;
}

static void
lookup_ask(const char *host, struct msg_resolved *res)
{
	struct addrinfo	 hints, *list = NULL, *ai;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_ADDRCONFIG;
	res->error = getaddrinfo(host, NULL, &hints, &list);
	/* A loopback address does not count as one of its family. */
	if (res->error == EAI_NONAME || res->error == EAI_NODATA ||
	    res->error == EAI_ADDRFAMILY) {
		hints.ai_flags = 0;
		res->error = getaddrinfo(host, NULL, &hints, &list);
	}
	if (res->error != 0)
		list = NULL;
	for (ai = list; ai != NULL && res->count < RESOLVED_MAX;
	    ai = ai->ai_next)
		lookup_add(res, ai->ai_addr);
	if (lookup_is_local(host))
		lookup_add_local(res);
	if (res->count == 0 && res->error == 0)
		res->error = EAI_NONAME;
	/* the list is freed with the process */
}

/*
 * It keeps no descriptor but the one for the result; should we be gone by then,
 * the alarm ends it.
 */
static void __dead
lookup_child(const struct lookup *l, int fd, uint32_t seconds)
{
	struct msg_resolved	 res;

	if (dup2(fd, LOOKUP_FD) == -1)
		_exit(1);
	closefrom(LOOKUP_FD + 1);
	(void)signal(SIGALRM, SIG_DFL);
	alarm(seconds);
	memset(&res, 0, sizeof(res));
	res.request = l->what.request;
	lookup_ask(l->what.host, &res);
	/* less than PIPE_BUF: written whole or not at all */
	_exit(write(LOOKUP_FD, &res, sizeof(res)) ==
	    (ssize_t)sizeof(res) ? 0 : 1);
}

/* ---- lookups ---- */

static void
lookup_free(struct lookup *l)
{
	TAILQ_REMOVE(&env.lookups, l, entry);
	if (l->state != LOOKUP_QUEUED)
		TAILQ_REMOVE(&env.busy, l, busy);
	event_del(&l->timer);
	if (l->fd != -1) {
		event_del(&l->readable);
		close(l->fd);
	}
	free(l);
}

/* If it has a child, that is reaped later. */
static void
lookup_finish(struct lookup *l)
{
	if (l->state == LOOKUP_QUEUED) {
		env.queued--;
		lookup_free(l);
		return;
	}
	l->state = LOOKUP_ANSWERED;
	event_del(&l->timer);
	event_del(&l->readable);
	close(l->fd);
	l->fd = -1;
}

static void
resolve_answer(struct channel *ch, uint32_t request,
    const struct msg_resolved *res)
{
	struct msg_resolved	 msg = *res;

	msg.request = request;
	if (msg.error == 0)
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

/* It was not answered: its asker is, once. */
static void
lookup_fail(struct lookup *l, int error)
{
	if (!l->told && (error != EAI_AGAIN || !lookup_answer_last(l)))
		resolve_refuse(l->asker, l->what.request, error);
	lookup_finish(l);
}

/* It comes after others the next time. */
static void
lookup_is_silent(struct lookup *l)
{
	struct msg_resolved	 last;

	if (!names_is_silent(l->what.host) &&
	    names_last(l->what.host, &last, worker_now()))
		log_info("lookup of %s: no answer: its last addresses are "
		    "used", l->what.host);
	names_silent(l->what.host);
}

static void
lookup_kill(struct lookup *l)
{
	/* not reaped yet, so the pid is still valid */
	if (l->state == LOOKUP_RUNNING && kill(l->pid, SIGKILL) == -1)
		log_warn("lookup: kill");
}

/* Its timer fires at its deadline, or before when something older is known. */
static int
lookup_arm(struct lookup *l)
{
	struct msg_resolved	 last;
	uint64_t		 now = worker_now(), us;
	struct timeval		 tv;

	us = l->deadline > now ? l->deadline - now : 1;
	if (!l->told && us > LOOKUP_PATIENCE_US &&
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
	if (lookup_answer_last(l) && worker_now() < l->deadline &&
	    lookup_arm(l) == 0)
		return;
	env.overdue++;
	log_debug("lookup of %s: no answer in time", l->what.host);
	lookup_is_silent(l);
	lookup_kill(l);
	lookup_fail(l, EAI_AGAIN);
}

/* The child has read what strangers sent, so nothing is taken on trust. */
static int
lookup_check(const struct msg_resolved *res)
{
	uint32_t	 i;

	if (res->error != 0)
		return (res->count == 0 ? 0 : -1);
	if (res->count == 0 || res->count > RESOLVED_MAX)
		return (-1);
	for (i = 0; i < res->count; i++)
		if ((res->addr[i].family != ADDR_IPV4 &&
		    res->addr[i].family != ADDR_IPV6) ||
		    res->addr[i].port != 0)
			return (-1);
	return (0);
}

static void
lookup_readable(evutil_socket_t fd, short what, void *arg)
{
	struct lookup		*l = arg;
	struct msg_resolved	 res;
	ssize_t			 n;

	(void)what;
	memset(&res, 0, sizeof(res));
	if ((n = read(fd, &res, sizeof(res))) == -1 &&
	    (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(res) || lookup_check(&res) == -1) {
		env.died++;
		log_warnx("lookup of %s: its process %s", l->what.host,
		    n == 0 ? "ended without a result" : "wrote nonsense");
		lookup_kill(l);
		lookup_fail(l, EAI_FAIL);
		return;
	}
	if (res.error == 0)
		log_debug("lookup of %s: %u addresses", l->what.host,
		    res.count);
	else
		log_debug("lookup of %s: %s", l->what.host,
		    gai_strerror(res.error));
	memset(&res.addr[res.count], 0,
	    (RESOLVED_MAX - res.count) * sizeof(res.addr[0]));
	if (res.error == 0)
		names_found(l->what.host, &res, worker_now());
	else if (res.error == EAI_AGAIN)
		lookup_is_silent(l);
	else
		names_gone(l->what.host);
	if (res.error != 0) {
		lookup_fail(l, res.error);
		return;
	}
	if (!l->told)
		resolve_answer(l->asker, l->what.request, &res);
	lookup_finish(l);
}

/* Before there is a child that could be left over.  -1: no memory. */
static int
lookup_watch(struct lookup *l, int fd)
{
	if (event_assign(&l->readable, worker_base(), fd,
	    EV_READ | EV_PERSIST, lookup_readable, l) == 0 &&
	    event_add(&l->readable, NULL) == 0)
		return (0);
	log_warnx("lookup of %s: no event", l->what.host);
	return (-1);
}

/* -1: no process, pipe or event; it fails, the next may do better. */
static int
lookup_start(struct lookup *l)
{
	uint64_t	 left = l->deadline - worker_now();
	int		 pp[2];

	if (pipe2(pp, O_CLOEXEC | O_NONBLOCK) == -1) {
		log_warn("lookup of %s: pipe", l->what.host);
		return (-1);
	}
	if (lookup_watch(l, pp[0]) == -1) {
		close(pp[0]);
		close(pp[1]);
		return (-1);
	}
	/* the alarm comes after our own deadline */
	if ((l->pid = fork()) == 0)
		lookup_child(l, pp[1], left / 1000000 + 2);
	close(pp[1]);
	if (l->pid == -1) {
		log_warn("lookup of %s: fork", l->what.host);
		(void)event_del(&l->readable);
		close(pp[0]);
		return (-1);
	}
	l->state = LOOKUP_RUNNING;
	l->started = worker_now();
	TAILQ_INSERT_TAIL(&env.busy, l, busy);
	env.queued--;
	env.running++;
	l->fd = pp[0];
	return (0);
}

/* ---- whose turn it is ---- */

/* Children of a service, and of targets. */
static void
resolve_count(uint32_t service, uint32_t *own, uint32_t *targets)
{
	const struct lookup	*l;

	*own = *targets = 0;
	TAILQ_FOREACH(l, &env.busy, busy) {
		if (l->what.service == service)
			++*own;
		if (l->what.what == DIAL_TARGET)
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
	if (own >= LOOKUPS_SERVICE)
		return (0);
	*full = env.running >= LOOKUPS_RUNNING ||
	    (l->what.what == DIAL_TARGET && targets >= LOOKUPS_TARGETS);
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

/* Who has run longest, and too long, makes way; targets first. */
static void
resolve_shed(const struct lookup *waits)
{
	struct lookup	*l, *victim = NULL;
	uint64_t	 now = worker_now();

	TAILQ_FOREACH(l, &env.busy, busy) {
		if (l->state == LOOKUP_ANSWERED)
			return;		/* one goes already */
		if (now - l->started < LOOKUP_SLOW_US ||
		    l->rank < waits->rank ||
		    (l->what.what == DIAL_REMOTE &&
		    waits->what.what == DIAL_TARGET))
			continue;
		if (victim == NULL || (l->what.what != victim->what.what ?
		    l->what.what == DIAL_TARGET : l->started < victim->started))
			victim = l;
	}
	if (victim == NULL)
		return;
	env.shed++;
	log_debug("lookup of %s: makes way for others", victim->what.host);
	lookup_is_silent(victim);
	lookup_kill(victim);
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

/* Reaps children; their results come through the pipe. */
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
		TAILQ_FOREACH(l, &env.lookups, entry)
			if (l->state != LOOKUP_QUEUED && l->pid == pid)
				break;
		if (l == NULL)
			continue;
		env.running--;
		/* its result, or its lack, is still to be read */
		if (l->state == LOOKUP_RUNNING && WIFSIGNALED(status))
			log_warnx("lookup of %s: its process was ended by "
			    "signal %d", l->what.host, WTERMSIG(status));
		if (l->state == LOOKUP_RUNNING)
			lookup_readable(l->fd, EV_READ, l);
		/* a child of a resolver module may hold the pipe open */
		if (l->state == LOOKUP_RUNNING)
			lookup_fail(l, EAI_FAIL);
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

/* NULL: too many wait, or no memory. */
static struct lookup *
lookup_new(struct channel *ch, const struct msg_resolve *what)
{
	struct lookup	*l;

	if (env.queued == LOOKUPS_QUEUED ||
	    (l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->asker = ch;
	l->what = *what;
	l->fd = -1;
	l->state = LOOKUP_QUEUED;
	l->rank = names_is_silent(what->host) * 2 +
	    (what->what == DIAL_TARGET);
	l->deadline = worker_now() + what->timeout_ms * 1000ULL;
	evtimer_assign(&l->timer, worker_base(), lookup_overdue, l);
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
		lookup_kill(l);
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
