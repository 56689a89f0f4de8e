/* SPDX-License-Identifier: ISC */

/*
 * One child's life: DOWN, STARTING, READY, STOPPING, BACKOFF.  Owns when a
 * child is started, pinged, given up and restarted; states change only in
 * child_event().  The functions of child_ops do everything that an event
 * brings about, so a test needs no process and no clock.
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
#define CHILD_STABLE	10000	/* READY for so long resets the back-off */
#define CHILD_BACKOFF_MIN	100
#define CHILD_BACKOFF_MAX	30000
#define CHILD_GRACE	2000	/* after its drain time, to end */
#define CHILD_HANGUP	1000	/* after its channel's end, to end */
#define CHILD_LATE	3000	/* a timer so late: we did not run */

enum child_state {
	CHILD_DOWN,		/* no process, none wanted */
	CHILD_STARTING,		/* forked; has not said READY */
	CHILD_READY,
	CHILD_STOPPING,		/* has to end, or has hung up */
	CHILD_BACKOFF,		/* died, waits to be restarted */
	CHILD_STATE_MAX
};

enum child_event {
	CHILD_EV_START,		/* it is wanted */
	CHILD_EV_READY,		/* it said READY */
	CHILD_EV_HEARD,		/* it answered a ping */
	CHILD_EV_SENT,		/* a further set of configuration was sent */
	CHILD_EV_STOP,		/* no longer wanted; see drain */
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
	/* Forks it and sends its configuration; -1: failed, logged. */
	int		 (*spawn)(struct child *);
	void		 (*ping)(struct child *);
	void		 (*stop)(struct child *, uint32_t drain);
	/* SIGKILL; why is for the log, NULL: logged already. */
	void		 (*kill)(struct child *, const char *why);
	/* CHILD_EV_TIMEOUT after so many milliseconds; 0: no timer. */
	void		 (*timer)(struct child *, uint32_t);
	/* Milliseconds of a monotonic clock. */
	uint64_t	 (*now)(struct child *);
	/*
	 * Called last for each event that was not ignored; may free the child
	 * when it is DOWN.
	 */
	void		 (*done)(struct child *, enum child_state before);
};

struct child {
	TAILQ_ENTRY(child)	 entry;
	const struct child_ops	*ops;
	struct rocketd		*env;

	/* who it is */
	enum proc_role		 role;
	/* PROC_SERVICE, PROC_TLS, PROC_QUIC */
	enum side		 side;
	uint32_t		 service;
	uint32_t		 index;		/* which of prefork; of its
						 * side's blocks with TLS or
						 * QUIC */
	int			 opens;	/* a worker with users, no target */
	uint32_t		 dialect;	/* a worker's */
	int			 flows;	/* a worker with a channel to udp */
	char			 name[SERVICE_NAME_MAX];

	/* child.c's own */
	enum child_state	 state;
	int			 wanted;	/* restart it when it dies */
	int			 killed;
	uint32_t		 pending;	/* sets not READY yet */
	uint32_t		 ready_ms;	/* how long a set may take */
	uint32_t		 drain;		/* UINT32_MAX: no end */
	uint32_t		 backoff;	/* before the next start */
	uint64_t		 ready_at;	/* 0: not yet, this time */
	uint64_t		 due;		/* must answer by then */
	uint64_t		 stop_due;	/* must be gone by then */
	uint64_t		 tick;		/* when the timer is to fire */
	uint32_t		 restarts;

	/* the process: procs.c's */
	pid_t			 pid;		/* 0: none */
	uint32_t		 generation;
	uint32_t		 uid;
	uint32_t		 ngroups;	/* dial's, besides its own */
	uint32_t		 groups[TARGET_GROUPS_MAX];
	struct channel		*chan;		/* NULL: none */
	int			 report;	/* of a failed exec, -1 none */
	struct event		*timer;
	uint64_t		 since;		/* of the state, wall clock */
	uint32_t		 have;		/* SANDBOX_ */
	uint32_t		 lack;
	char			 last_death[256];

	/* hear.c's: who it complained about last, and who about it; 0: none */
	uint64_t		 accuses;
	uint64_t		 accused_by;

	/* crew.c's: a worker of the server side */
	uint32_t		 room;		/* it says that it has some */
	uint32_t		 hold;		/* told to hold users */

	/* usage.c's: its file; 0: none */
	uint32_t		 usage;

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
 * The one place where states change.  An event that means nothing in a state is
 * ignored.  The child may be gone when it returns (child_ops.done).
 */
void		 child_event(struct child *, enum child_event);
/* CHILD_EV_STOP, with drain milliseconds to drain (UINT32_MAX: no limit). */
void		 child_stop(struct child *, uint32_t drain);
const char	*child_state_name(enum child_state);
/*
 * Of a process that ends what is around tunnels, tls or quic: TRANSPORT_TLS or
 * TRANSPORT_QUIC; else 0.
 */
uint32_t	 child_transport(enum proc_role);
/* proc_name of it. */
const char	*child_name(const struct child *);
/* Was it to end, and did it, by itself or because we killed it? */
int		 child_expected(const struct child *, int status);
/*
 * "exit 1", "signal 9 (Killed)" of a status of waitpid(2); whether it was we
 * who killed it.
 */
void		 child_death(char *, size_t, int status, int killed);

#endif /* ROCKETD_CHILD_H */
