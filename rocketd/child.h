/* SPDX-License-Identifier: ISC */

/*
 * One child's life: DOWN, STARTING, READY, STOPPING, BACKOFF.  Owns when a
 * child is started, pinged, given up and started again; states change only in
 * child_event().  It does nothing by itself: what an event brings about is done
 * by the functions of child_ops, so no process and no clock is needed to test
 * it.
 */

#ifndef ROCKETD_CHILD_H
#define ROCKETD_CHILD_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/msg.h"

/* All in milliseconds. */
#define CHILD_PING	2000	/* between two pings */
#define CHILD_SILENCE	10000	/* without an answer: it hangs */
#define CHILD_START	30000	/* until READY, and until the next READY after
				 * a new set of configuration */
#define CHILD_STABLE	10000	/* READY for so long: its past is past */
#define CHILD_BACKOFF_MIN	100
#define CHILD_BACKOFF_MAX	30000
#define CHILD_GRACE	2000	/* after its drain time is over */
#define CHILD_HANGUP	1000	/* from its channel's end to its own */
#define CHILD_LATE	3000	/* a timer so late: we were away, not it */

enum child_state {
	CHILD_DOWN,		/* no process, none wanted */
	CHILD_STARTING,		/* forked; has not said READY */
	CHILD_READY,
	CHILD_STOPPING,		/* told or made to end, or has hung up */
	CHILD_BACKOFF,		/* died, waits for its next start */
	CHILD_STATE_MAX
};

enum child_event {
	CHILD_EV_START,		/* it is wanted */
	CHILD_EV_READY,		/* it said READY */
	CHILD_EV_HEARD,		/* it answered a ping */
	CHILD_EV_SENT,		/* a further set of configuration was sent */
	CHILD_EV_STOP,		/* it is not wanted any more; see drain */
	CHILD_EV_EXIT,		/* it was reaped */
	CHILD_EV_HANGUP,	/* its channel ended */
	CHILD_EV_TIMEOUT,	/* the timer of the state */
	CHILD_EV_BREACH,	/* it broke a rule (logged already) */
	CHILD_EV_MAX
};

struct child;
struct event;
struct channel;
struct rocketd;

struct child_ops {
	/* Forks it and sends its configuration; -1: did not work, logged. */
	int		 (*spawn)(struct child *);
	void		 (*ping)(struct child *);
	void		 (*stop)(struct child *, uint32_t drain);
	/* SIGKILL; why (or NULL when that was said) is for the log. */
	void		 (*kill)(struct child *, const char *why);
	/* CHILD_EV_TIMEOUT after so many milliseconds; 0: no timer. */
	void		 (*timer)(struct child *, uint32_t);
	/* Milliseconds of a clock that never goes back. */
	uint64_t	 (*now)(struct child *);
	/*
	 * The last thing of each event that was not ignored; may free the
	 * child when it is DOWN.
	 */
	void		 (*done)(struct child *, enum child_state before);
};

struct child {
	TAILQ_ENTRY(child)	 entry;
	const struct child_ops	*ops;
	struct rocketd		*env;

	/* who it is */
	enum proc_role		 role;
	enum side		 side;		/* PROC_SERVICE, PROC_TLS */
	uint32_t		 service;
	uint32_t		 index;		/* which of prefork; of its
						 * side's blocks with TLS */
	int			 opens;	/* a worker with users, no target */
	char			 name[SERVICE_NAME_MAX];

	/* child.c's own */
	enum child_state	 state;
	int			 wanted;	/* start again when it dies */
	int			 killed;
	uint32_t		 pending;	/* sets without their READY */
	uint32_t		 ready_ms;	/* how long a set may take */
	uint32_t		 drain;		/* UINT32_MAX: no end */
	uint32_t		 backoff;	/* before the next start */
	uint64_t		 ready_at;	/* 0: not yet, this time */
	uint64_t		 due;		/* to be heard of by then */
	uint64_t		 stop_due;	/* to be gone by then */
	uint64_t		 tick;		/* when the timer is to fire */
	uint32_t		 restarts;

	/* the process: procs.c's */
	pid_t			 pid;		/* 0: none */
	uint32_t		 generation;
	uint32_t		 uid;
	struct channel		*chan;		/* NULL: none */
	int			 report;	/* of a failed exec, -1 none */
	struct event		*timer;
	uint64_t		 since;		/* of the state, wall clock */
	uint32_t		 have;		/* SANDBOX_ */
	uint32_t		 lack;
	char			 last_death[64];

	/* crew.c's: a worker of the server side */
	uint32_t		 room;		/* it said it has some */
	uint32_t		 hold;		/* it was told to hold users */

	/* listen.c's: numbers of all listeners it was ever lent */
	uint32_t		*lent;
	size_t			 nlent;
};
TAILQ_HEAD(children, child);

/* child.c */

/* DOWN, not wanted.  name is "" for all but services. */
void		 child_init(struct child *, const struct child_ops *,
		    enum proc_role, enum side, uint32_t service,
		    uint32_t index, const char *name);
/*
 * The one place where states change.  An event that means nothing in the
 * state is ignored.  The child may be gone when it returns (child_ops.done).
 */
void		 child_event(struct child *, enum child_event);
/* CHILD_EV_STOP, with drain milliseconds to do it (UINT32_MAX: no end). */
void		 child_stop(struct child *, uint32_t drain);
const char	*child_state_name(enum child_state);
/* proc_name of it. */
const char	*child_name(const struct child *);
/* "exit 1", "signal 9 (Killed)" of a status of waitpid(2). */
void		 child_death(char *, size_t, int status);

#endif /* ROCKETD_CHILD_H */
