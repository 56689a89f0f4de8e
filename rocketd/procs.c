/* SPDX-License-Identifier: ISC */

/*
 * The children.  Owns their pids, channels and timers and carries out what
 * child.c decides.  The functions of procs_ops hear what they say and what
 * becomes of them: this file knows only its own messages.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "chans.h"
#include "procs.h"
#include "spawn.h"

#define STAGES		3
#define STARTING_MAX	32	/* at once */

/*
 * The order of the start: control first, so that what the others log is seen;
 * udp, the gate and web last, when there are workers for those they let in.
 */
static const uint32_t	 procs_stages[PROC_MAX] = {
	[PROC_CONTROL] = 0,
	[PROC_KEYS] = 1,
	[PROC_RESOLVE] = 1,
	[PROC_DIAL] = 1,
	[PROC_TLS] = 1,
	[PROC_QUIC] = 1,
	[PROC_SERVICE] = 1,
	[PROC_UDP] = 2,
	[PROC_WEB] = 2,
	[PROC_GATE] = 2
};

/*
 * And of the end: workers that drain need dial and keys, udp for their flows,
 * and perhaps tls or quic for their tunnels; all need the log.
 */
static const uint32_t	 procs_ends[PROC_MAX] = {
	[PROC_GATE] = 0,
	[PROC_WEB] = 0,
	[PROC_SERVICE] = 0,
	[PROC_KEYS] = 1,
	[PROC_RESOLVE] = 1,
	[PROC_DIAL] = 1,
	[PROC_TLS] = 1,
	[PROC_QUIC] = 1,
	[PROC_UDP] = 1,
	[PROC_CONTROL] = 2
};

static int	 procs_spawn(struct child *);
static void	 procs_ping(struct child *);
static void	 procs_stop(struct child *, uint32_t);
static void	 procs_kill(struct child *, const char *);
static void	 procs_timer(struct child *, uint32_t);
static uint64_t	 procs_now(struct child *);
static void	 procs_done(struct child *, enum child_state);
static void	 procs_dispatch(struct channel *, struct imsg *);
static void	 procs_gone(struct channel *, const char *);

static const struct child_ops	 procs_child_ops = {
	.spawn = procs_spawn,
	.ping = procs_ping,
	.stop = procs_stop,
	.kill = procs_kill,
	.timer = procs_timer,
	.now = procs_now,
	.done = procs_done
};

static const struct channel_ops	 procs_channel_ops = {
	.dispatch = procs_dispatch,
	.gone = procs_gone,
	.drained = NULL
};

/* ---- the list ---- */

/*
 * Not all workers at once: hundreds that start share the processors, and each
 * has to be READY in time.  Those that are left follow as these become READY.
 */
static int
procs_may_start(const struct child *which)
{
	const struct child	*child;
	int			 n = 0;

	if (which->role != PROC_SERVICE)
		return (1);
	TAILQ_FOREACH(child, &which->env->children, entry)
		if (child->state == CHILD_STARTING)
			n++;
	return (n < STARTING_MAX);
}

static void
procs_timeout(int fd, short what, void *arg)
{
	struct child	*child = arg;

	(void)fd;
	(void)what;
	if (child->state == CHILD_BACKOFF && !procs_may_start(child))
		procs_timer(child, CHILD_BACKOFF_MIN);
	else
		child_event(child, CHILD_EV_TIMEOUT);
}

struct child *
procs_add(struct rocketd *env, enum proc_role role, enum side side,
    uint32_t service, uint32_t index, const char *name)
{
	struct child	*child;

	if ((child = calloc(1, sizeof(*child))) == NULL) {
		log_warn("cannot add a process");
		return (NULL);
	}
	child_init(child, &procs_child_ops, role, side, service, index, name);
	child->env = env;
	child->since = time(NULL);
	if ((child->timer = evtimer_new(env->base, procs_timeout, child)) ==
	    NULL) {
		log_warnx("%s: no memory for a timer", child_name(child));
		free(child);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&env->children, child, entry);
	return (child);
}

static void
procs_free(struct child *child)
{
	TAILQ_REMOVE(&child->env->children, child, entry);
	channel_close(child->chan);
	if (child->report != -1)
		close(child->report);
	event_free(child->timer);
	free(child->lent);
	free(child);
}

struct child *
procs_find(struct rocketd *env, enum proc_role role)
{
	struct child	*child;

	TAILQ_FOREACH(child, &env->children, entry)
		if (child->role == role)
			return (child);
	return (NULL);
}

void
procs_send(struct child *child, uint32_t type, int fd, const void *data,
    size_t len)
{
	if (child->chan == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	/* A failure comes back as procs_gone. */
	(void)channel_send(child->chan, type, fd, data, len);
}

/* ---- child_ops ---- */

int
procs_uses_network(const struct child *child)
{
	return (child->role == PROC_DIAL || child->role == PROC_RESOLVE);
}

static int
procs_spawn(struct child *child)
{
	struct rocketd		*env = child->env;
	struct msg_channel	 peer;
	int			 fd;

	child->pid = spawn_child(env, child,
	    procs_uses_network(child) ? -1 : env->netns, &fd, &child->report);
	if (child->pid == -1) {
		child->pid = 0;
		strlcpy(child->last_death, "not started: no resources",
		    sizeof(child->last_death));
		return (-1);
	}
	if (++env->generation == 0)
		env->generation = 1;
	child->generation = env->generation;
	child->have = child->lack = 0;
	child->room = child->hold = 0;
	child->accuses = child->accused_by = 0;
	child->nlent = 0;
	chans_describe(child, &peer);
	child->chan = channel_open(env->base, fd, PROC_PARENT, &peer,
	    &procs_channel_ops, child);
	if (child->chan == NULL ||
	    env->procs_ops->configure(env, child) == -1) {
		log_warnx("%s: cannot be told its configuration",
		    child_name(child));
		strlcpy(child->last_death, "not started: no memory",
		    sizeof(child->last_death));
		(void)kill(child->pid, SIGKILL);
		child->pid = 0;		/* it is reaped as unknown */
		channel_close(child->chan);
		child->chan = NULL;
		close(child->report);
		child->report = -1;
		return (-1);
	}
	log_debug("%s: started, pid %d", child_name(child), (int)child->pid);
	return (0);
}

static void
procs_ping(struct child *child)
{
	procs_send(child, IMSG_PING, -1, NULL, 0);
}

static void
procs_stop(struct child *child, uint32_t drain)
{
	struct msg_stop	 msg;
	struct child	*gate = procs_find(child->env, PROC_GATE);

	if (child->role == PROC_SERVICE && gate != NULL)
		chans_sever(gate, child);
	memset(&msg, 0, sizeof(msg));
	msg.drain_ms = drain;
	procs_send(child, IMSG_STOP, -1, &msg, sizeof(msg));
}

static void
procs_kill(struct child *child, const char *why)
{
	if (why != NULL)
		log_warnx("%s: %s: killed", child_name(child), why);
	if (child->pid != 0 && kill(child->pid, SIGKILL) == -1)
		log_warn("%s: kill", child_name(child));
	channel_close(child->chan);
	child->chan = NULL;
}

static void
procs_timer(struct child *child, uint32_t ms)
{
	struct timeval	 tv;

	if (ms == 0) {
		evtimer_del(child->timer);
		return;
	}
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	if (evtimer_add(child->timer, &tv) == -1)
		log_warnx("%s: no timer", child_name(child));
}

static uint64_t
procs_now(struct child *child)
{
	struct timespec	 ts;

	(void)child;
	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		fatal("clock_gettime");
	return ((uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* Until the daemon is up no process may die. */
static void
procs_start_failed(struct child *child)
{
	log_error("%s: %s: rocketd cannot start", child_name(child),
	    child->last_death);
	child->env->procs_ops->failed(child->env);
}

static void
procs_done(struct child *child, enum child_state before)
{
	struct rocketd		*env = child->env;
	enum proc_role		 role = child->role;
	uint32_t		 service = child->service;
	enum child_state	 state = child->state;

	if (state == before && state != CHILD_DOWN)
		return;
	child->since = time(NULL);
	if (state == CHILD_READY)
		log_debug("%s: ready", child_name(child));
	if (state == CHILD_BACKOFF && env->phase == PHASE_STARTING)
		procs_start_failed(child);	/* frees what is not running */
	else if (state == CHILD_DOWN) {
		log_debug("%s: gone", child_name(child));
		procs_free(child);
	}
	env->procs_ops->changed(env, role, service, before, state);
	procs_advance(env);
}

/* ---- the order of start and end ---- */

static int
procs_count(struct rocketd *env, const uint32_t *order, uint32_t which,
    int ready)
{
	struct child	*child;
	int		 n = 0;

	TAILQ_FOREACH(child, &env->children, entry)
		if (order[child->role] == which &&
		    (child->state == CHILD_READY) == ready)
			n++;
	return (n);
}

static void
procs_start_stage(struct rocketd *env, uint32_t stage)
{
	struct child	*child;
	int		 full = 0;

 again:
	TAILQ_FOREACH(child, &env->children, entry) {
		if (procs_stages[child->role] > stage ||
		    child->state != CHILD_DOWN)
			continue;
		if (full && child->role == PROC_SERVICE)
			continue;
		if ((full = !procs_may_start(child)))
			continue;
		child_event(child, CHILD_EV_START);
		/* The list may have changed. */
		if (env->phase == PHASE_STOPPING)
			return;
		goto again;
	}
}

static void
procs_next_stage(struct rocketd *env)
{
	while (env->phase == PHASE_STARTING &&
	    procs_count(env, procs_stages, env->stage, 0) == 0) {
		if (++env->stage < STAGES)
			procs_start_stage(env, env->stage);
		else {
			env->phase = PHASE_RUNNING;
			env->procs_ops->up(env);
		}
	}
}

static void
procs_next_end(struct rocketd *env)
{
	struct child	*child, *next;

	while (env->stage < STAGES &&
	    procs_count(env, procs_ends, env->stage, 0) +
	    procs_count(env, procs_ends, env->stage, 1) == 0) {
		if (++env->stage == STAGES)
			break;
		TAILQ_FOREACH_SAFE(child, &env->children, entry, next)
			if (procs_ends[child->role] == env->stage)
				child_stop(child, 0);
	}
	if (env->stage == STAGES)
		event_base_loopexit(env->base, NULL);
}

void
procs_advance(struct rocketd *env)
{
	/* Starting and stopping end in procs_done, which calls us again. */
	if (env->advancing)
		return;
	env->advancing = 1;
	if (env->phase == PHASE_STARTING) {
		procs_start_stage(env, env->stage);
		procs_next_stage(env);
	} else if (env->phase == PHASE_RUNNING)
		procs_start_stage(env, STAGES);
	if (env->phase == PHASE_STOPPING)
		procs_next_end(env);
	env->advancing = 0;
}

/* The end takes too long, or must be quick: see procs_abort. */
static void
procs_overdue(int fd, short what, void *arg)
{
	struct rocketd	*env = arg;

	(void)fd;
	(void)what;
	if (env->aborted) {
		log_warnx("processes that cannot be killed are left behind");
		event_base_loopexit(env->base, NULL);
		return;
	}
	log_warnx("processes that did not end in time are killed");
	procs_abort(env);
}

static void
procs_arm_overdue(struct rocketd *env, uint32_t ms)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };

	if (env->stop_timer == NULL)
		env->stop_timer = evtimer_new(env->base, procs_overdue, env);
	if (env->stop_timer == NULL || evtimer_add(env->stop_timer, &tv) == -1)
		event_base_loopexit(env->base, NULL);
}

void
procs_shutdown(struct rocketd *env, uint32_t drain)
{
	struct child	*child, *next;
	int		 advancing = env->advancing;

	if (env->phase == PHASE_STOPPING)
		return;
	env->phase = PHASE_STOPPING;
	env->stage = 0;
	/* A second more than any of them gets. */
	procs_arm_overdue(env, drain + CHILD_GRACE + 1000);
	env->advancing = 1;
	TAILQ_FOREACH_SAFE(child, &env->children, entry, next) {
		if (child->pid != 0 && procs_ends[child->role] != 0)
			continue;
		child_stop(child, child->role == PROC_SERVICE ? drain : 0);
	}
	env->advancing = advancing;
	procs_advance(env);
}

void
procs_abort(struct rocketd *env)
{
	struct child	*child, *next;
	int		 advancing = env->advancing;

	env->phase = PHASE_STOPPING;
	env->aborted = 1;
	env->advancing = 1;
	procs_arm_overdue(env, 1000);
	TAILQ_FOREACH_SAFE(child, &env->children, entry, next) {
		child_event(child, CHILD_EV_BREACH);
		child_stop(child, 0);
	}
	env->advancing = advancing;
	procs_advance(env);
}

/* ---- deaths ---- */

static void
procs_exited(struct child *child, int status)
{
	int	 expected = child_expected(child, status);

	child->pid = 0;
	/* what a worker had counted by its end counts */
	if (child->role == PROC_SERVICE && child->state != CHILD_STARTING)
		channel_rest(child->chan);
	channel_close(child->chan);
	child->chan = NULL;
	if (!spawn_report(child->report, child->last_death,
	    sizeof(child->last_death)))
		child_death(child->last_death, sizeof(child->last_death),
		    status, child->killed);
	child->report = -1;
	if (expected)
		log_debug("%s: has ended: %s", child_name(child),
		    child->last_death);
	else
		log_warnx("%s: died: %s", child_name(child), child->last_death);
	child_event(child, CHILD_EV_EXIT);
}

void
procs_reap(struct rocketd *env)
{
	struct child	*child;
	pid_t		 pid;
	int		 status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		TAILQ_FOREACH(child, &env->children, entry)
			if (child->pid == pid)
				break;
		if (child != NULL)
			procs_exited(child, status);
		else
			env->procs_ops->stranger(env, pid, status);
	}
	if (pid == -1 && errno != ECHILD && errno != EINTR)
		log_warn("waitpid");
}

void
procs_breach(struct child *child, const char *why)
{
	log_warnx("%s: %s: replaced", child_name(child), why);
	child_event(child, CHILD_EV_BREACH);
}

void
procs_kill_borrowers(struct rocketd *env, uint32_t number)
{
	struct child	*child;
	size_t		 i;

	TAILQ_FOREACH(child, &env->children, entry) {
		for (i = 0; i < child->nlent; i++)
			if (child->lent[i] == number)
				break;
		if (i < child->nlent && child->pid != 0 && !child->killed)
			procs_breach(child,
			    "may have shut down a listener that it was lent");
	}
}

void
procs_log_level(struct rocketd *env, uint32_t level)
{
	struct msg_level	 msg;
	struct child		*child;

	env->log_level = level;
	log_set_level(level);
	memset(&msg, 0, sizeof(msg));
	msg.level = level;
	TAILQ_FOREACH(child, &env->children, entry)
		procs_send(child, IMSG_LOG_LEVEL, -1, &msg, sizeof(msg));
}

/* ---- their channels ---- */

static void
procs_dispatch(struct channel *ch, struct imsg *imsg)
{
	struct child	*child = channel_arg(ch);

	child->env->procs_ops->hear(child, imsg);
}

static void
procs_gone(struct channel *ch, const char *why)
{
	struct child	*child = channel_arg(ch);

	channel_close(ch);
	child->chan = NULL;
	if (why == NULL) {
		child_event(child, CHILD_EV_HANGUP);
		return;
	}
	procs_breach(child, why);
}
