/* SPDX-License-Identifier: ISC */

/*
 * The services whose figures are served: what control last said of each, and
 * when.  Control is asked at most once a second for each kind, whoever wants to
 * know; and now and then for counters even if nobody does, so that little of
 * what a process has counted is lost when it ends.
 */

#ifndef WORKER_WATCH_H
#define WORKER_WATCH_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/msg.h"
#include "tally.h"

/* Sessions of a service that are kept one by one; others are counted. */
#define WATCH_SESSIONS		16384
#define WATCH_SHOWN		16	/* counters that were shown */

enum watch_kind {
	WATCH_COUNTERS,
	WATCH_LIST,		/* the sessions one by one */
	WATCH_KINDS
};

struct watch_session {
	uint32_t	 index;
	uint32_t	 serial;
	uint32_t	 streams;	/* flows not among them */
	uint32_t	 flows;
	uint32_t	 draining;
	struct addr	 peer;
	uint64_t	 age_ms;
	uint64_t	 idle_ms;
	uint64_t	 octets_in;
	uint64_t	 octets_out;
};

struct watch_sessions {
	struct watch_session	*list;
	uint32_t		 n;	/* in the list... */
	uint32_t		 all;	/* ...and with those beyond it */
	uint32_t		 room;
};

struct watch_poll {
	uint32_t	 number;	/* of the request */
	uint64_t	 asked;		/* when; 0: never */
	uint64_t	 told;		/* the answer was whole; 0: never */
	int		 waits;		/* for the rest of the answer */
	int		 some;		/* of it has come */
};

struct watch {
	TAILQ_ENTRY(watch)	 entry;
	uint32_t		 service;
	uint32_t		 quic;	/* as in msg_figures */
	char			 name[SERVICE_NAME_MAX];
	uint32_t		 refs;
	struct watch_poll	 polls[WATCH_KINDS];
	struct tally		 tally;
	struct watch_sessions	 now, next;
	/* The most that was shown of each counter: it never goes back. */
	uint64_t		 shown[WATCH_SHOWN];
};

struct watch_stats {
	uint64_t	 asked;		/* of control */
	uint64_t	 failed;	/* not answered as a whole */
	uint64_t	 beyond;	/* sessions that were not listed */
};

/* watch.c */

/* told: an answer of control is complete, or will not come. */
void		 watch_init(void (*told)(void));
/* The watch of a service, made if need be; NULL: no memory. */
struct watch	*watch_ref(const struct msg_figures *);
/* Its figures are forgotten with the last who has it. */
void		 watch_unref(struct watch *);
/*
 * Is what control said of that kind no older than a second?  If not, it has
 * been asked, and told is called after its answer.
 */
int		 watch_fresh(struct watch *, enum watch_kind);
/* How often an answer of control has come: it changes with the figures. */
uint64_t	 watch_changes(void);
/* An answer of control. */
void		 watch_answer(struct imsg *);
/* Nothing more is asked. */
void		 watch_stop(void);
const struct watch_stats *watch_stats(void);

#endif /* WORKER_WATCH_H */
