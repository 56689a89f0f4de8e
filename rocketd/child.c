/* SPDX-License-Identifier: ISC */

/*
 * One child's life as a table of state and event.  Owns the states, the
 * back-off and the deadlines; touches processes, descriptors and the clock only
 * through child_ops.  A child that is killed stays STOPPING until it is reaped,
 * so there are never two processes of one child.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "shared/log.h"
#include "child.h"

static enum child_state	 child_back_off(struct child *);
static enum child_state	 child_do_breach(struct child *);
static enum child_state	 child_do_drop(struct child *);
static enum child_state	 child_do_hangup(struct child *);
static enum child_state	 child_do_heard(struct child *);
static enum child_state	 child_do_late(struct child *);
static enum child_state	 child_do_ready(struct child *);
static enum child_state	 child_do_sent(struct child *);
static enum child_state	 child_do_start(struct child *);
static enum child_state	 child_do_stop(struct child *);
static enum child_state	 child_do_stopped(struct child *);
static enum child_state	 child_do_tick(struct child *);
static enum child_state	 child_do_want(struct child *);
static enum child_state	 child_kill(struct child *, const char *);

static const char *const child_state_names[CHILD_STATE_MAX] = {
	[CHILD_DOWN] =		"down",
	[CHILD_STARTING] =	"starting",
	[CHILD_READY] =		"ready",
	[CHILD_STOPPING] =	"stopping",
	[CHILD_BACKOFF] =	"backoff"
};

static const char *const child_event_names[CHILD_EV_MAX] = {
	[CHILD_EV_START] =	"start",
	[CHILD_EV_READY] =	"ready",
	[CHILD_EV_HEARD] =	"heard",
	[CHILD_EV_SENT] =	"sent",
	[CHILD_EV_STOP] =	"stop",
	[CHILD_EV_EXIT] =	"exit",
	[CHILD_EV_HANGUP] =	"hangup",
	[CHILD_EV_TIMEOUT] =	"timeout",
	[CHILD_EV_BREACH] =	"breach"
};

/* Acts on the event and returns the next state; NULL: it is ignored. */
typedef enum child_state	 child_action(struct child *);

static child_action *const child_actions[CHILD_STATE_MAX][CHILD_EV_MAX] = {
	[CHILD_DOWN] = {
		[CHILD_EV_START] =	child_do_start,
		[CHILD_EV_STOP] =	child_do_drop,
	},
	[CHILD_STARTING] = {
		[CHILD_EV_READY] =	child_do_ready,
		[CHILD_EV_SENT] =	child_do_sent,
		[CHILD_EV_STOP] =	child_do_stop,
		[CHILD_EV_EXIT] =	child_back_off,
		[CHILD_EV_HANGUP] =	child_do_hangup,
		[CHILD_EV_TIMEOUT] =	child_do_late,
		[CHILD_EV_BREACH] =	child_do_breach,
	},
	[CHILD_READY] = {
		[CHILD_EV_READY] =	child_do_ready,
		[CHILD_EV_HEARD] =	child_do_heard,
		[CHILD_EV_SENT] =	child_do_sent,
		[CHILD_EV_STOP] =	child_do_stop,
		[CHILD_EV_EXIT] =	child_back_off,
		[CHILD_EV_HANGUP] =	child_do_hangup,
		[CHILD_EV_TIMEOUT] =	child_do_tick,
		[CHILD_EV_BREACH] =	child_do_breach,
	},
	[CHILD_STOPPING] = {
		[CHILD_EV_START] =	child_do_want,
		[CHILD_EV_READY] =	child_do_heard,
		[CHILD_EV_HEARD] =	child_do_heard,
		[CHILD_EV_STOP] =	child_do_stop,
		[CHILD_EV_EXIT] =	child_do_stopped,
		[CHILD_EV_HANGUP] =	child_do_hangup,
		[CHILD_EV_TIMEOUT] =	child_do_tick,
		[CHILD_EV_BREACH] =	child_do_breach,
	},
	[CHILD_BACKOFF] = {
		[CHILD_EV_STOP] =	child_do_drop,
		[CHILD_EV_TIMEOUT] =	child_do_start,
	},
};

void
child_init(struct child *child, const struct child_ops *ops,
    enum proc_role role, enum side side, uint32_t service, uint32_t index,
    const char *name)
{
	memset(child, 0, sizeof(*child));
	child->ops = ops;
	child->role = role;
	child->side = side;
	child->service = service;
	child->index = index;
	strlcpy(child->name, name, sizeof(child->name));
	child->state = CHILD_DOWN;
	child->ready_ms = CHILD_START;
	child->report = -1;
}

void
child_event(struct child *child, enum child_event event)
{
	enum child_state	 before = child->state;

	if (child_actions[before][event] == NULL) {
		log_trace("%s: %s while %s, ignored", child_name(child),
		    child_event_names[event], child_state_names[before]);
		return;
	}
	child->state = child_actions[before][event](child);
	if (child->state != before)
		log_trace("%s: %s, %s -> %s", child_name(child),
		    child_event_names[event], child_state_names[before],
		    child_state_names[child->state]);
	child->ops->done(child, before);
}

void
child_stop(struct child *child, uint32_t drain)
{
	child->drain = drain;
	child_event(child, CHILD_EV_STOP);
}

/* Sets the timer, and notes when it should fire. */
static void
child_arm(struct child *child, uint64_t ms)
{
	child->tick = child->ops->now(child) + ms;
	child->ops->timer(child, ms);
}

/* The next look at a living child, sooner if its end is due sooner. */
static void
child_arm_tick(struct child *child)
{
	uint64_t	 now = child->ops->now(child), ms = CHILD_PING;

	if (child->stop_due < now + ms)
		ms = child->stop_due > now ? child->stop_due - now : 1;
	child_arm(child, ms);
}

/* ---- actions ---- */

static enum child_state
child_do_start(struct child *child)
{
	child->wanted = 1;
	child->killed = 0;
	child->pending = 1;
	child->ready_at = 0;
	child->stop_due = UINT64_MAX;
	if (child->ops->spawn(child) == -1)
		return (child_back_off(child));
	child->due = child->ops->now(child) + child->ready_ms;
	child_arm(child, child->ready_ms);
	return (CHILD_STARTING);
}

static enum child_state
child_do_ready(struct child *child)
{
	uint64_t	 now = child->ops->now(child);

	if (child->pending == 0)
		return (child_kill(child, "READY out of turn"));
	if (--child->pending == 0)
		child->due = now + CHILD_SILENCE;
	if (child->ready_at == 0) {
		child->ready_at = now;
		child_arm(child, CHILD_PING);
	}
	return (CHILD_READY);
}

/*
 * A child that takes in a new set may be busy for as long as at its start.  One
 * that was told to stop may still say READY.
 */
static enum child_state
child_do_heard(struct child *child)
{
	uint64_t	 due = child->ops->now(child) + CHILD_SILENCE;

	if (child->pending == 0 || child->due < due)
		child->due = due;
	return (child->state);
}

static enum child_state
child_do_sent(struct child *child)
{
	child->pending++;
	child->due = child->ops->now(child) + child->ready_ms;
	if (child->state == CHILD_STARTING)
		child_arm(child, child->ready_ms);
	return (child->state);
}

static enum child_state
child_do_late(struct child *child)
{
	return (child_kill(child, "not ready in time"));
}

static enum child_state
child_do_breach(struct child *child)
{
	return (child_kill(child, NULL));
}

/* A look at a child that is READY or STOPPING. */
static enum child_state
child_do_tick(struct child *child)
{
	uint64_t	 now = child->ops->now(child);

	/* We did not run for a while: its answers may wait unread. */
	if (now > child->tick + CHILD_LATE && child->due < now + CHILD_SILENCE)
		child->due = now + CHILD_SILENCE;
	if (child->killed)	/* SIGKILL may take time, but not for ever */
		return (child_kill(child, NULL));
	if (now >= child->stop_due)
		return (child_kill(child, "did not end in time"));
	if (now >= child->due)
		return (child_kill(child, "is silent"));
	child->ops->ping(child);
	child_arm_tick(child);
	return (child->state);
}

static enum child_state
child_do_stop(struct child *child)
{
	uint64_t	 due;

	child->wanted = 0;
	if (child->killed)
		return (CHILD_STOPPING);
	child->ops->stop(child, child->drain);
	if (child->drain != UINT32_MAX) {
		due = child->ops->now(child) + child->drain + CHILD_GRACE;
		if (due < child->stop_due)
			child->stop_due = due;
	}
	child_arm_tick(child);
	return (CHILD_STOPPING);
}

/* Its channel has ended: it exits by itself now, or is killed. */
static enum child_state
child_do_hangup(struct child *child)
{
	uint64_t	 due = child->ops->now(child) + CHILD_HANGUP;

	if (child->killed)
		return (CHILD_STOPPING);
	if (due < child->stop_due)
		child->stop_due = due;
	child_arm_tick(child);
	return (CHILD_STOPPING);
}

static enum child_state
child_do_want(struct child *child)
{
	child->wanted = 1;
	return (CHILD_STOPPING);
}

static enum child_state
child_do_stopped(struct child *child)
{
	if (child->wanted)
		return (child_back_off(child));
	return (child_do_drop(child));
}

static enum child_state
child_do_drop(struct child *child)
{
	child->wanted = 0;
	child->ops->timer(child, 0);
	return (CHILD_DOWN);
}

/* It died.  A life that was long enough resets the back-off. */
static enum child_state
child_back_off(struct child *child)
{
	uint64_t	 now = child->ops->now(child);

	if (child->backoff == 0 ||
	    (child->ready_at != 0 && now - child->ready_at >= CHILD_STABLE))
		child->backoff = CHILD_BACKOFF_MIN;
	else if (child->backoff >= CHILD_BACKOFF_MAX / 2)
		child->backoff = CHILD_BACKOFF_MAX;
	else
		child->backoff *= 2;
	child->restarts++;
	child_arm(child, child->backoff);
	return (CHILD_BACKOFF);
}

static enum child_state
child_kill(struct child *child, const char *why)
{
	child->killed = 1;
	child->ops->kill(child, why);
	child_arm(child, CHILD_PING);
	return (CHILD_STOPPING);
}

/* ---- words ---- */

const char *
child_state_name(enum child_state state)
{
	return (state < CHILD_STATE_MAX ? child_state_names[state] : "?");
}

uint32_t
child_transport(enum proc_role role)
{
	switch (role) {
	case PROC_TLS:
		return (TRANSPORT_TLS);
	case PROC_QUIC:
		return (TRANSPORT_QUIC);
	default:
		return (0);
	}
}

const char *
child_name(const struct child *child)
{
	return (proc_name(child->role, child->side, child->index, child->name));
}

int
child_expected(const struct child *child, int status)
{
	if (child->wanted || child->state != CHILD_STOPPING)
		return (0);
	if (WIFSIGNALED(status))
		return (child->killed && WTERMSIG(status) == SIGKILL);
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void
child_death(char *buf, size_t size, int status, int killed)
{
	int	 sig;

	if (WIFSIGNALED(status)) {
		sig = WTERMSIG(status);
		if (sig == SIGSYS)
			strlcpy(buf, "sandbox violation (SIGSYS)", size);
		else if (sig == SIGKILL && !killed)
			strlcpy(buf, "signal 9 (Killed), perhaps for want of "
			    "memory", size);
		else
			snprintf(buf, size, "signal %d (%s)", sig,
			    strsignal(sig));
	} else if (WIFEXITED(status))
		snprintf(buf, size, "exit %d", WEXITSTATUS(status));
	else
		snprintf(buf, size, "status %#x", (unsigned int)status);
}
