/* SPDX-License-Identifier: ISC */

/*
 * One child's life as a table of state and event.  Owns the states, the
 * back-off and the deadlines; touches no process, descriptor or clock but
 * through svc_ops.  A child that is killed stays STOPPING until it is reaped,
 * so there are never two processes of one svc.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "shared/log.h"
#include "child.h"

static enum svc_state	 svc_back_off(struct svc *);
static enum svc_state	 svc_do_breach(struct svc *);
static enum svc_state	 svc_do_drop(struct svc *);
static enum svc_state	 svc_do_hangup(struct svc *);
static enum svc_state	 svc_do_heard(struct svc *);
static enum svc_state	 svc_do_late(struct svc *);
static enum svc_state	 svc_do_ready(struct svc *);
static enum svc_state	 svc_do_sent(struct svc *);
static enum svc_state	 svc_do_start(struct svc *);
static enum svc_state	 svc_do_stop(struct svc *);
static enum svc_state	 svc_do_stopped(struct svc *);
static enum svc_state	 svc_do_tick(struct svc *);
static enum svc_state	 svc_do_want(struct svc *);
static enum svc_state	 svc_kill(struct svc *, const char *);

static const char *const svc_state_names[SVC_STATE_MAX] = {
	[SVC_DOWN] =		"down",
	[SVC_STARTING] =	"starting",
	[SVC_READY] =		"ready",
	[SVC_STOPPING] =	"stopping",
	[SVC_BACKOFF] =		"backoff"
};

static const char *const svc_event_names[SVC_EV_MAX] = {
	[SVC_EV_START] =	"start",
	[SVC_EV_READY] =	"ready",
	[SVC_EV_HEARD] =	"heard",
	[SVC_EV_SENT] =		"sent",
	[SVC_EV_STOP] =		"stop",
	[SVC_EV_EXIT] =		"exit",
	[SVC_EV_HANGUP] =	"hangup",
	[SVC_EV_TIMEOUT] =	"timeout",
	[SVC_EV_BREACH] =	"breach"
};

/* Does what has to be done and returns the next state; NULL: ignored. */
typedef enum svc_state	 svc_action(struct svc *);

static svc_action *const svc_actions[SVC_STATE_MAX][SVC_EV_MAX] = {
	[SVC_DOWN] = {
		[SVC_EV_START] =	svc_do_start,
		[SVC_EV_STOP] =		svc_do_drop,
	},
	[SVC_STARTING] = {
		[SVC_EV_READY] =	svc_do_ready,
		[SVC_EV_SENT] =		svc_do_sent,
		[SVC_EV_STOP] =		svc_do_stop,
		[SVC_EV_EXIT] =		svc_back_off,
		[SVC_EV_HANGUP] =	svc_do_hangup,
		[SVC_EV_TIMEOUT] =	svc_do_late,
		[SVC_EV_BREACH] =	svc_do_breach,
	},
	[SVC_READY] = {
		[SVC_EV_READY] =	svc_do_ready,
		[SVC_EV_HEARD] =	svc_do_heard,
		[SVC_EV_SENT] =		svc_do_sent,
		[SVC_EV_STOP] =		svc_do_stop,
		[SVC_EV_EXIT] =		svc_back_off,
		[SVC_EV_HANGUP] =	svc_do_hangup,
		[SVC_EV_TIMEOUT] =	svc_do_tick,
		[SVC_EV_BREACH] =	svc_do_breach,
	},
	[SVC_STOPPING] = {
		[SVC_EV_START] =	svc_do_want,
		[SVC_EV_READY] =	svc_do_heard,
		[SVC_EV_HEARD] =	svc_do_heard,
		[SVC_EV_STOP] =		svc_do_stop,
		[SVC_EV_EXIT] =		svc_do_stopped,
		[SVC_EV_HANGUP] =	svc_do_hangup,
		[SVC_EV_TIMEOUT] =	svc_do_tick,
		[SVC_EV_BREACH] =	svc_do_breach,
	},
	[SVC_BACKOFF] = {
		[SVC_EV_STOP] =		svc_do_drop,
		[SVC_EV_TIMEOUT] =	svc_do_start,
	},
};

void
svc_init(struct svc *svc, const struct svc_ops *ops, enum proc_role role,
    enum side side, uint32_t service, uint32_t index, const char *name)
{
	memset(svc, 0, sizeof(*svc));
	svc->ops = ops;
	svc->role = role;
	svc->side = side;
	svc->service = service;
	svc->index = index;
	strlcpy(svc->name, name, sizeof(svc->name));
	svc->state = SVC_DOWN;
	svc->ready_ms = SVC_START;
	svc->report = -1;
}

void
svc_event(struct svc *svc, enum svc_event event)
{
	enum svc_state	 before = svc->state;

	if (svc_actions[before][event] == NULL) {
		log_trace("%s: %s while %s, ignored", svc_name(svc),
		    svc_event_names[event], svc_state_names[before]);
		return;
	}
	svc->state = svc_actions[before][event](svc);
	if (svc->state != before)
		log_trace("%s: %s, %s -> %s", svc_name(svc),
		    svc_event_names[event], svc_state_names[before],
		    svc_state_names[svc->state]);
	svc->ops->done(svc, before);
}

void
svc_stop(struct svc *svc, uint32_t drain)
{
	svc->drain = drain;
	svc_event(svc, SVC_EV_STOP);
}

/* The timer, and a note of when it should fire. */
static void
svc_arm(struct svc *svc, uint64_t ms)
{
	svc->tick = svc->ops->now(svc) + ms;
	svc->ops->timer(svc, ms);
}

/* The next look at a living child, sooner when it has to be gone sooner. */
static void
svc_arm_tick(struct svc *svc)
{
	uint64_t	 now = svc->ops->now(svc), ms = SVC_PING;

	if (svc->stop_due < now + ms)
		ms = svc->stop_due > now ? svc->stop_due - now : 1;
	svc_arm(svc, ms);
}

/* ---- actions ---- */

static enum svc_state
svc_do_start(struct svc *svc)
{
	svc->wanted = 1;
	svc->killed = 0;
	svc->pending = 1;
	svc->ready_at = 0;
	svc->stop_due = UINT64_MAX;
	if (svc->ops->spawn(svc) == -1)
		return (svc_back_off(svc));
	svc->due = svc->ops->now(svc) + svc->ready_ms;
	svc_arm(svc, svc->ready_ms);
	return (SVC_STARTING);
}

static enum svc_state
svc_do_ready(struct svc *svc)
{
	uint64_t	 now = svc->ops->now(svc);

	if (svc->pending == 0)
		return (svc_kill(svc, "READY out of turn"));
	if (--svc->pending == 0)
		svc->due = now + SVC_SILENCE;
	if (svc->ready_at == 0) {
		svc->ready_at = now;
		svc_arm(svc, SVC_PING);
	}
	return (SVC_READY);
}

/*
 * While a new set is taken in a child may be busy for as long as at its
 * start; and one that was told to stop may still say READY.
 */
static enum svc_state
svc_do_heard(struct svc *svc)
{
	uint64_t	 due = svc->ops->now(svc) + SVC_SILENCE;

	if (svc->pending == 0 || svc->due < due)
		svc->due = due;
	return (svc->state);
}

static enum svc_state
svc_do_sent(struct svc *svc)
{
	svc->pending++;
	svc->due = svc->ops->now(svc) + svc->ready_ms;
	if (svc->state == SVC_STARTING)
		svc_arm(svc, svc->ready_ms);
	return (svc->state);
}

static enum svc_state
svc_do_late(struct svc *svc)
{
	return (svc_kill(svc, "not ready in time"));
}

static enum svc_state
svc_do_breach(struct svc *svc)
{
	return (svc_kill(svc, NULL));
}

/* A look at a child that is READY or STOPPING. */
static enum svc_state
svc_do_tick(struct svc *svc)
{
	uint64_t	 now = svc->ops->now(svc);

	/* We were stopped, or starved: its answers may be waiting unread. */
	if (now > svc->tick + SVC_LATE && svc->due < now + SVC_SILENCE)
		svc->due = now + SVC_SILENCE;
	if (svc->killed)	/* SIGKILL may take its time, not for ever */
		return (svc_kill(svc, NULL));
	if (now >= svc->stop_due)
		return (svc_kill(svc, "did not end in time"));
	if (now >= svc->due)
		return (svc_kill(svc, "is silent"));
	svc->ops->ping(svc);
	svc_arm_tick(svc);
	return (svc->state);
}

static enum svc_state
svc_do_stop(struct svc *svc)
{
	uint64_t	 due;

	svc->wanted = 0;
	if (svc->killed)
		return (SVC_STOPPING);
	svc->ops->stop(svc, svc->drain);
	if (svc->drain != UINT32_MAX) {
		due = svc->ops->now(svc) + svc->drain + SVC_GRACE;
		if (due < svc->stop_due)
			svc->stop_due = due;
	}
	svc_arm_tick(svc);
	return (SVC_STOPPING);
}

/* Its channel is at its end: it dies by itself now, or is made to. */
static enum svc_state
svc_do_hangup(struct svc *svc)
{
	uint64_t	 due = svc->ops->now(svc) + SVC_HANGUP;

	if (svc->killed)
		return (SVC_STOPPING);
	if (due < svc->stop_due)
		svc->stop_due = due;
	svc_arm_tick(svc);
	return (SVC_STOPPING);
}

static enum svc_state
svc_do_want(struct svc *svc)
{
	svc->wanted = 1;
	return (SVC_STOPPING);
}

static enum svc_state
svc_do_stopped(struct svc *svc)
{
	if (svc->wanted)
		return (svc_back_off(svc));
	return (svc_do_drop(svc));
}

static enum svc_state
svc_do_drop(struct svc *svc)
{
	svc->wanted = 0;
	svc->ops->timer(svc, 0);
	return (SVC_DOWN);
}

/* It died: again, or after a life that was long enough to forget the past. */
static enum svc_state
svc_back_off(struct svc *svc)
{
	uint64_t	 now = svc->ops->now(svc);

	if (svc->backoff == 0 ||
	    (svc->ready_at != 0 && now - svc->ready_at >= SVC_STABLE))
		svc->backoff = SVC_BACKOFF_MIN;
	else if (svc->backoff >= SVC_BACKOFF_MAX / 2)
		svc->backoff = SVC_BACKOFF_MAX;
	else
		svc->backoff *= 2;
	svc->restarts++;
	svc_arm(svc, svc->backoff);
	return (SVC_BACKOFF);
}

static enum svc_state
svc_kill(struct svc *svc, const char *why)
{
	svc->killed = 1;
	svc->ops->kill(svc, why);
	svc_arm(svc, SVC_PING);
	return (SVC_STOPPING);
}

/* ---- words ---- */

const char *
svc_state_name(enum svc_state state)
{
	return (state < SVC_STATE_MAX ? svc_state_names[state] : "?");
}

const char *
svc_name(const struct svc *svc)
{
	return (proc_name(svc->role, svc->side, svc->index, svc->name));
}

void
svc_death(char *buf, size_t size, int status)
{
	int	 sig;

	if (WIFSIGNALED(status)) {
		sig = WTERMSIG(status);
		if (sig == SIGSYS)
			strlcpy(buf, "sandbox violation (SIGSYS)", size);
		else
			snprintf(buf, size, "signal %d (%s)", sig,
			    strsignal(sig));
	} else if (WIFEXITED(status))
		snprintf(buf, size, "exit %d", WEXITSTATUS(status));
	else
		snprintf(buf, size, "status %#x", (unsigned int)status);
}
