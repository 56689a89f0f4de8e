/* SPDX-License-Identifier: ISC */

/*
 * The role resolve: looks names up for dial.  Each lookup is a getaddrinfo(3)
 * in a child of its own, which may block, leak or crash: it has one descriptor,
 * for its result, and is killed at its deadline.  A child has read the answers
 * of strangers, so its result is checked like theirs.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>

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
#include "worker/roles.h"

/* Children at a time: lookups mostly wait for the network. */
#define LOOKUPS_RUNNING	8
/* Waiting lookups: more than there are remotes, far fewer than users. */
#define LOOKUPS_QUEUED	256
/* The one descriptor of a child. */
#define LOOKUP_FD	3

enum lookup_state {
	LOOKUP_QUEUED,
	LOOKUP_RUNNING,
	LOOKUP_ANSWERED		/* its child is to be reaped */
};

struct lookup {
	TAILQ_ENTRY(lookup)	 entry;
	struct channel		*asker;		/* NULL: has gone */
	struct msg_resolve	 what;
	uint64_t		 deadline;
	enum lookup_state	 state;
	pid_t			 pid;
	int			 fd;		/* the result comes here */
	struct event		 readable;
	struct event		 timer;
};
TAILQ_HEAD(lookups, lookup);

static struct {
	struct lookups	 lookups;	/* all, oldest first */
	uint32_t	 queued;
	uint32_t	 running;	/* children not reaped yet */
	struct channel	*dial;
	struct event	*child;		/* SIGCHLD */
	struct event	*end;
	int		 stopping;
	uint64_t	 asked;
	uint64_t	 answered;
	uint64_t	 failed;
	uint64_t	 overdue;
	uint64_t	 refused;	/* the queue was full */
	uint64_t	 died;		/* children, without a result */
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

static void
lookup_ask(const char *host, struct msg_resolved *res)
{
	struct addrinfo	 hints, *list, *ai;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_ADDRCONFIG;
	if ((res->error = getaddrinfo(host, NULL, &hints, &list)) != 0)
		return;
	for (ai = list; ai != NULL && res->count < RESOLVED_MAX;
	    ai = ai->ai_next)
		lookup_add(res, ai->ai_addr);
	if (res->count == 0)
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

static void
lookup_fail(struct lookup *l, int error)
{
	resolve_refuse(l->asker, l->what.request, error);
	lookup_finish(l);
}

static void
lookup_kill(struct lookup *l)
{
	/* not reaped yet, so the pid is still valid */
	if (l->state == LOOKUP_RUNNING && kill(l->pid, SIGKILL) == -1)
		log_warn("lookup: kill");
}

static void
lookup_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct lookup	*l = arg;

	(void)fd;
	(void)what;
	env.overdue++;
	log_debug("lookup of %s: no answer in time", l->what.host);
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
	resolve_answer(l->asker, l->what.request, &res);
	lookup_finish(l);
}

/* -1: no process or pipe; this lookup fails, the next may do better. */
static int
lookup_start(struct lookup *l)
{
	uint64_t	 left = l->deadline - worker_now();
	int		 pp[2];

	if (pipe2(pp, O_CLOEXEC | O_NONBLOCK) == -1) {
		log_warn("lookup of %s: pipe", l->what.host);
		return (-1);
	}
	/* the alarm comes after our own deadline */
	if ((l->pid = fork()) == 0)
		lookup_child(l, pp[1], left / 1000000 + 2);
	close(pp[1]);
	if (l->pid == -1) {
		log_warn("lookup of %s: fork", l->what.host);
		close(pp[0]);
		return (-1);
	}
	l->state = LOOKUP_RUNNING;
	env.queued--;
	env.running++;
	l->fd = pp[0];
	if (event_assign(&l->readable, worker_base(), l->fd,
	    EV_READ | EV_PERSIST, lookup_readable, l) == -1 ||
	    event_add(&l->readable, NULL) == -1)
		fatalx("lookup: event");
	return (0);
}

static void
resolve_next(void)
{
	struct lookup	*l, *next;

	TAILQ_FOREACH_SAFE(l, &env.lookups, entry, next) {
		if (env.running == LOOKUPS_RUNNING || env.queued == 0)
			return;
		if (l->state != LOOKUP_QUEUED)
			continue;
		if (l->deadline <= worker_now() || lookup_start(l) == -1)
			lookup_fail(l, EAI_AGAIN);
	}
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

static void
resolve_ask_for(struct channel *ch, const struct msg_resolve *what)
{
	struct lookup	*l;
	struct timeval	 tv;

	env.asked++;
	if (env.queued == LOOKUPS_QUEUED ||
	    (l = calloc(1, sizeof(*l))) == NULL) {
		env.refused++;
		resolve_refuse(ch, what->request, EAI_AGAIN);
		return;
	}
	l->asker = ch;
	l->what = *what;
	l->fd = -1;
	l->state = LOOKUP_QUEUED;
	l->deadline = worker_now() + what->timeout_ms * 1000ULL;
	tv.tv_sec = what->timeout_ms / 1000;
	tv.tv_usec = what->timeout_ms % 1000 * 1000;
	evtimer_assign(&l->timer, worker_base(), lookup_overdue, l);
	TAILQ_INSERT_TAIL(&env.lookups, l, entry);
	env.queued++;
	if (evtimer_add(&l->timer, &tv) == -1) {
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
	env.child = evsignal_new(worker_base(), SIGCHLD, resolve_reap, NULL);
	env.end = evtimer_new(worker_base(), resolve_end, NULL);
	if (env.child == NULL || env.end == NULL ||
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
