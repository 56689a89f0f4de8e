/* SPDX-License-Identifier: ISC */

/*
 * The children.  Owns their pids, channels and timers and carries out what
 * svc.c decides.  Every message is checked by its channel first (sender,
 * length, descriptor, content), then here by the state its sender is in; a
 * child that breaks a rule is replaced, and nothing a child sends ends the
 * parent.
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
#include "crew.h"
#include "ctl.h"
#include "procs.h"
#include "reload.h"
#include "send.h"
#include "spawn.h"

#define STAGES	3

/*
 * The order of a start, and backwards of an end: control first, so that what
 * the others log is seen; the gate last, when there are workers for those it
 * lets in.
 */
static const uint32_t	 procs_stages[PROC_MAX] = {
	[PROC_CONTROL] = 0,
	[PROC_KEYS] = 1,
	[PROC_RESOLVE] = 1,
	[PROC_DIAL] = 1,
	[PROC_TLS] = 1,
	[PROC_SERVICE] = 1,
	[PROC_GATE] = 2
};

/*
 * And of an end: dial and keys are needed by workers that drain, their tunnels
 * may be in tls, and the log is needed by all.
 */
static const uint32_t	 procs_ends[PROC_MAX] = {
	[PROC_GATE] = 0,
	[PROC_SERVICE] = 0,
	[PROC_KEYS] = 1,
	[PROC_RESOLVE] = 1,
	[PROC_DIAL] = 1,
	[PROC_TLS] = 1,
	[PROC_CONTROL] = 2
};

static int	 procs_spawn(struct svc *);
static void	 procs_ping(struct svc *);
static void	 procs_stop(struct svc *, uint32_t);
static void	 procs_kill(struct svc *, const char *);
static void	 procs_timer(struct svc *, uint32_t);
static uint64_t	 procs_now(struct svc *);
static void	 procs_done(struct svc *, enum svc_state);
static void	 procs_dispatch(struct channel *, struct imsg *);
static void	 procs_gone(struct channel *, const char *);

static const struct svc_ops	 procs_ops = {
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

static void
procs_timeout(int fd, short what, void *arg)
{
	struct svc	*svc = arg;

	(void)fd;
	(void)what;
	svc_event(svc, SVC_EV_TIMEOUT);
}

struct svc *
procs_add(struct rocketd *env, enum proc_role role, enum side side,
    uint32_t service, uint32_t index, const char *name)
{
	struct svc	*svc;

	if ((svc = calloc(1, sizeof(*svc))) == NULL) {
		log_warn("a process more");
		return (NULL);
	}
	svc_init(svc, &procs_ops, role, side, service, index, name);
	svc->env = env;
	svc->since = time(NULL);
	if ((svc->timer = evtimer_new(env->base, procs_timeout, svc)) ==
	    NULL) {
		log_warnx("%s: no memory for a timer", svc_name(svc));
		free(svc);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&env->svcs, svc, entry);
	return (svc);
}

static void
procs_free(struct svc *svc)
{
	TAILQ_REMOVE(&svc->env->svcs, svc, entry);
	channel_close(svc->chan);
	if (svc->report != -1)
		close(svc->report);
	event_free(svc->timer);
	free(svc->lent);
	free(svc);
}

struct svc *
procs_find(struct rocketd *env, enum proc_role role)
{
	struct svc	*svc;

	TAILQ_FOREACH(svc, &env->svcs, entry)
		if (svc->role == role)
			return (svc);
	return (NULL);
}

void
procs_send(struct svc *svc, uint32_t type, int fd, const void *data,
    size_t len)
{
	if (svc->chan == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	/* A failure comes back as procs_gone. */
	(void)channel_send(svc->chan, type, fd, data, len);
}

/* ---- what svc.c has done ---- */

static int
procs_uses_network(const struct svc *svc)
{
	return (svc->role == PROC_DIAL || svc->role == PROC_RESOLVE);
}

static int
procs_spawn(struct svc *svc)
{
	struct rocketd		*env = svc->env;
	struct msg_channel	 peer;
	int			 fd;

	svc->pid = spawn_child(env->worker_path, svc,
	    procs_uses_network(svc) ? -1 : env->netns, &fd, &svc->report);
	if (svc->pid == -1) {
		svc->pid = 0;
		strlcpy(svc->last_death, "not started: no resources",
		    sizeof(svc->last_death));
		return (-1);
	}
	if (++env->generation == 0)
		env->generation = 1;
	svc->generation = env->generation;
	svc->have = svc->lack = 0;
	svc->room = svc->hold = 0;
	svc->nlent = 0;
	chans_describe(svc, &peer);
	svc->chan = channel_open(env->base, fd, PROC_PARENT, &peer,
	    &procs_channel_ops, svc);
	if (svc->chan == NULL || send_start(env, svc) == -1) {
		log_warnx("%s: cannot be told its configuration",
		    svc_name(svc));
		strlcpy(svc->last_death, "not started: no memory",
		    sizeof(svc->last_death));
		(void)kill(svc->pid, SIGKILL);
		svc->pid = 0;		/* it will be reaped unnamed */
		channel_close(svc->chan);
		svc->chan = NULL;
		close(svc->report);
		svc->report = -1;
		return (-1);
	}
	log_debug("%s: started, pid %d", svc_name(svc), (int)svc->pid);
	return (0);
}

static void
procs_ping(struct svc *svc)
{
	procs_send(svc, IMSG_PING, -1, NULL, 0);
}

static void
procs_stop(struct svc *svc, uint32_t drain)
{
	struct msg_stop	 msg;
	struct svc	*gate = procs_find(svc->env, PROC_GATE);

	if (svc->role == PROC_SERVICE && gate != NULL)
		chans_sever(gate, svc);
	memset(&msg, 0, sizeof(msg));
	msg.drain_ms = drain;
	procs_send(svc, IMSG_STOP, -1, &msg, sizeof(msg));
}

static void
procs_kill(struct svc *svc, const char *why)
{
	if (why != NULL)
		log_warnx("%s: %s: killed", svc_name(svc), why);
	if (svc->pid != 0 && kill(svc->pid, SIGKILL) == -1)
		log_warn("%s: kill", svc_name(svc));
	channel_close(svc->chan);
	svc->chan = NULL;
}

static void
procs_timer(struct svc *svc, uint32_t ms)
{
	struct timeval	 tv;

	if (ms == 0) {
		evtimer_del(svc->timer);
		return;
	}
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	if (evtimer_add(svc->timer, &tv) == -1)
		log_warnx("%s: no timer", svc_name(svc));
}

static uint64_t
procs_now(struct svc *svc)
{
	struct timespec	 ts;

	(void)svc;
	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		fatal("clock_gettime");
	return ((uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* While the daemon is not up yet nothing may die. */
static void
procs_start_failed(struct svc *svc)
{
	log_error("%s: %s: rocketd cannot start", svc_name(svc),
	    svc->last_death);
	svc->env->status = 1;
	rocketd_stop(svc->env, "a process cannot be started");
}

static void
procs_done(struct svc *svc, enum svc_state before)
{
	struct rocketd	*env = svc->env;
	enum proc_role	 role = svc->role;
	uint32_t	 service = svc->service;
	enum svc_state	 state = svc->state;

	if (state == before && state != SVC_DOWN)
		return;
	svc->since = time(NULL);
	if (state == SVC_READY)
		log_debug("%s: ready", svc_name(svc));
	if (state == SVC_BACKOFF && env->phase == PHASE_STARTING)
		procs_start_failed(svc);	/* frees what is not running */
	else if (state == SVC_DOWN) {
		log_debug("%s: gone", svc_name(svc));
		procs_free(svc);
	}
	if (role == PROC_SERVICE) {
		crew_update(env, service);
		send_forget_drained(env, service);
		/* Only one that was reaped: nobody walks the crew then. */
		if (before == SVC_STOPPING && state == SVC_DOWN &&
		    env->phase == PHASE_RUNNING)
			reload_refill(env, service);
	}
	procs_advance(env);
}

/* ---- the order of start and end ---- */

static int
procs_count(struct rocketd *env, const uint32_t *order, uint32_t which,
    int ready)
{
	struct svc	*svc;
	int		 n = 0;

	TAILQ_FOREACH(svc, &env->svcs, entry)
		if (order[svc->role] == which &&
		    (svc->state == SVC_READY) == ready)
			n++;
	return (n);
}

static void
procs_start_stage(struct rocketd *env, uint32_t stage)
{
	struct svc	*svc;

 again:
	TAILQ_FOREACH(svc, &env->svcs, entry) {
		if (procs_stages[svc->role] > stage || svc->state != SVC_DOWN)
			continue;
		svc_event(svc, SVC_EV_START);
		/* The list may be another one now. */
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
			rocketd_up(env);
		}
	}
}

static void
procs_next_end(struct rocketd *env)
{
	struct svc	*svc, *next;

	while (env->stage < STAGES &&
	    procs_count(env, procs_ends, env->stage, 0) +
	    procs_count(env, procs_ends, env->stage, 1) == 0) {
		if (++env->stage == STAGES)
			break;
		TAILQ_FOREACH_SAFE(svc, &env->svcs, entry, next)
			if (procs_ends[svc->role] == env->stage)
				svc_stop(svc, 0);
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

/* The end took too long, or has to be quick: see procs_abort. */
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
	struct svc	*svc, *next;
	int		 advancing = env->advancing;

	if (env->phase == PHASE_STOPPING)
		return;
	env->phase = PHASE_STOPPING;
	env->stage = 0;
	/* A second more than the last of them gets. */
	procs_arm_overdue(env, drain + SVC_GRACE + 1000);
	env->advancing = 1;
	TAILQ_FOREACH_SAFE(svc, &env->svcs, entry, next) {
		if (svc->pid != 0 && procs_ends[svc->role] != 0)
			continue;
		svc_stop(svc, svc->role == PROC_SERVICE ? drain : 0);
	}
	env->advancing = advancing;
	procs_advance(env);
}

void
procs_abort(struct rocketd *env)
{
	struct svc	*svc, *next;
	int		 advancing = env->advancing;

	env->phase = PHASE_STOPPING;
	env->aborted = 1;
	env->advancing = 1;
	procs_arm_overdue(env, 1000);
	TAILQ_FOREACH_SAFE(svc, &env->svcs, entry, next) {
		svc_event(svc, SVC_EV_BREACH);
		svc_stop(svc, 0);
	}
	env->advancing = advancing;
	procs_advance(env);
}

/* ---- deaths ---- */

static void
procs_exited(struct svc *svc, int status)
{
	int	 expected = !svc->wanted && svc->state == SVC_STOPPING;

	svc->pid = 0;
	channel_close(svc->chan);
	svc->chan = NULL;
	if (!spawn_report(svc->report, svc->last_death,
	    sizeof(svc->last_death)))
		svc_death(svc->last_death, sizeof(svc->last_death), status);
	svc->report = -1;
	if (expected && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		log_debug("%s: has ended", svc_name(svc));
	else
		log_warnx("%s: died: %s", svc_name(svc), svc->last_death);
	svc_event(svc, SVC_EV_EXIT);
}

void
procs_reap(struct rocketd *env)
{
	struct svc	*svc;
	pid_t		 pid;
	int		 status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		TAILQ_FOREACH(svc, &env->svcs, entry)
			if (svc->pid == pid)
				break;
		if (svc != NULL)
			procs_exited(svc, status);
	}
	if (pid == -1 && errno != ECHILD && errno != EINTR)
		log_warn("waitpid");
}

void
procs_breach(struct svc *svc, const char *why)
{
	log_warnx("%s: %s: replaced", svc_name(svc), why);
	svc_event(svc, SVC_EV_BREACH);
}

void
procs_kill_borrowers(struct rocketd *env, uint32_t number)
{
	struct svc	*svc;
	size_t		 i;

	TAILQ_FOREACH(svc, &env->svcs, entry) {
		for (i = 0; i < svc->nlent; i++)
			if (svc->lent[i] == number)
				break;
		if (i < svc->nlent && svc->pid != 0 && !svc->killed)
			procs_breach(svc,
			    "may have shut down a listener that it was lent");
	}
}

void
procs_log_level(struct rocketd *env, uint32_t level)
{
	struct msg_level	 msg;
	struct svc		*svc;

	env->log_level = level;
	log_set_level(level);
	memset(&msg, 0, sizeof(msg));
	msg.level = level;
	TAILQ_FOREACH(svc, &env->svcs, entry)
		procs_send(svc, IMSG_LOG_LEVEL, -1, &msg, sizeof(msg));
}

/* ---- what children say ---- */

/* Is this the time for it?  Who may say it at all was checked before. */
static int
procs_in_turn(const struct svc *svc, uint32_t type)
{
	switch (type) {
	case IMSG_READY:	/* how many of them is svc.c's to know */
	case IMSG_ROOM:		/* may be said just before READY */
	case IMSG_COMPLAINT:
		return (1);
	default:
		return (svc->state != SVC_STARTING);
	}
}

static void
procs_ready(struct svc *svc, const struct msg_ready *msg)
{
	svc->have = msg->have;
	svc->lack = msg->lack;
	if (svc->env->root && !procs_uses_network(svc)) {
		if (svc->env->netns != -1)
			svc->have |= SANDBOX_NETNS;
		else
			svc->lack |= SANDBOX_NETNS;
	}
	svc_event(svc, SVC_EV_READY);
	if (svc->role == PROC_TLS)
		reload_tls_ready(svc);
}

static void
procs_complaint(struct svc *accuser, const struct msg_channel *msg)
{
	struct svc	*svc;

	TAILQ_FOREACH(svc, &accuser->env->svcs, entry)
		if (svc->role == msg->role && svc->service == msg->service &&
		    svc->index == msg->index &&
		    svc->generation == msg->generation)
			break;
	if (svc == NULL || svc->killed || svc->pid == 0) {
		log_debug("%s: complains about one that is gone",
		    svc_name(accuser));
		return;
	}
	log_warnx("%s: complains about %s", svc_name(accuser), svc_name(svc));
	if (!chans_paired(accuser, svc))
		svc = accuser;
	procs_breach(chans_to_blame(accuser, svc),
	    "is the lesser of two that do not agree");
}

/* What only one role says. */
static int
procs_dispatch_role(struct svc *svc, uint32_t type, struct imsg *imsg)
{
	struct msg_count	 count;
	struct msg_client	 client;
	struct msg_dir		 dir;
	struct ctl_request	 req;

	switch (type) {
	case IMSG_ROOM:
		if (imsg_get_data(imsg, &count, sizeof(count)) == -1)
			return (-1);
		crew_room(svc, count.count);
		return (0);
	case IMSG_CLIENT_BACK:
		if (imsg_get_data(imsg, &client, sizeof(client)) == -1)
			return (-1);
		crew_client_back(svc, &client);
		return (0);
	case IMSG_DIR_AGAIN:
		if (imsg_get_data(imsg, &dir, sizeof(dir)) == -1)
			return (-1);
		send_dir_again(svc, &dir);
		return (0);
	default:
		if (imsg_get_data(imsg, &req, sizeof(req)) == -1)
			return (-1);
		return (ctl_dispatch(svc, type, &req));
	}
}

static void
procs_dispatch(struct channel *ch, struct imsg *imsg)
{
	struct svc		*svc = channel_arg(ch);
	uint32_t		 type = imsg_get_type(imsg);
	struct msg_ready	 ready;
	struct msg_channel	 peer;
	int			 ok;

	if (!procs_in_turn(svc, type)) {
		log_warnx("%s: %s while %s", svc_name(svc), msg_name(type),
		    svc_state_name(svc->state));
		procs_breach(svc, "speaks out of turn");
		return;
	}
	switch (type) {
	case IMSG_READY:
		ok = imsg_get_data(imsg, &ready, sizeof(ready)) == 0;
		if (ok)
			procs_ready(svc, &ready);
		break;
	case IMSG_PONG:
		ok = 1;
		svc_event(svc, SVC_EV_HEARD);
		break;
	case IMSG_COMPLAINT:
		ok = imsg_get_data(imsg, &peer, sizeof(peer)) == 0;
		if (ok)
			procs_complaint(svc, &peer);
		break;
	default:
		ok = procs_dispatch_role(svc, type, imsg) == 0;
	}
	if (!ok)
		procs_breach(svc, "sent a message that cannot be read");
}

static void
procs_gone(struct channel *ch, const char *why)
{
	struct svc	*svc = channel_arg(ch);

	channel_close(ch);
	svc->chan = NULL;
	if (why == NULL) {
		svc_event(svc, SVC_EV_HANGUP);
		return;
	}
	procs_breach(svc, why);
}
