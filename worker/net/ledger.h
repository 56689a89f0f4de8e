/* SPDX-License-Identifier: ISC */

/*
 * Who is charged for what: each connection of one kind, from its beginning to
 * its end, to the source it comes from, the networks around that (network.h),
 * and a share, which is the listener or service it belongs to.  A newcomer is
 * never refused for want of room: at a cap somebody else is shed, from the
 * heaviest share, in it the heaviest network, in it the heaviest source, in it
 * who has been without progress longest.  Sources that have proven themselves
 * lately come last.  A ledger knows no sockets, and takes at most some KiB for
 * each connection and some 10 MiB for sources that have none.
 */

#ifndef WORKER_LEDGER_H
#define WORKER_LEDGER_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/addr.h"

struct ledger;
struct source;
struct weight;

/* Progress is noted no finer than this. */
#define LEDGER_GRAIN_US		(500 * 1000)
/* Who has proven itself is spared for so long. */
#define LEDGER_LATELY_US	(24ULL * 3600 * 1000000)

enum ledger_kind {
	LEDGER_CONNECTIONS,
	LEDGER_OCTETS,
	LEDGER_KINDS
};

struct ledger_limits {
	uint32_t	 total;		/* connections; 0: no cap */
	uint32_t	 per_source;	/* likewise, of one source */
	/* Penalties, in seconds: refused from min on; max 0: there are none. */
	uint32_t	 penalty_min, penalty_max;
};

struct charge {			/* zeroed: not charged */
	TAILQ_ENTRY(charge)	 in_source;	/* by progress */
	TAILQ_ENTRY(charge)	 in_share;	/* likewise */
	struct ledger		*ledger;	/* of the last ledger_enter */
	struct source		*source;	/* NULL: not charged */
	struct weight		*weight;
	uint32_t		 share;
	/*
	 * It is a trusted proxy's, or who has come is known already: neither
	 * the cap of a source nor a penalty is for it.  The owner's; counts
	 * from the next ledger_enter on.
	 */
	int			 exempt;
	int			 capped;	/* it did not, at the last */
	uint64_t		 cost;		/* octets */
	uint64_t		 progress;	/* when, in microseconds */
	struct addr		 peer;		/* for the log; stays */
	/*
	 * Closes the connection; the owner's, set before it enters.  It is
	 * charged no more, and has been counted and logged.
	 */
	void			(*shed)(struct charge *, const char *why);
};
TAILQ_HEAD(charges, charge);

struct ledger_stats {
	uint32_t	 held;		/* connections now */
	uint64_t	 octets;	/* likewise */
	uint64_t	 shed_source;	/* at the cap of its source */
	uint64_t	 shed_total;	/* at the cap of all */
	uint64_t	 shed_relief;	/* by ledger_relieve */
	uint64_t	 refused;	/* because of a penalty */
	uint64_t	 penalties;	/* sources that came to be refused */
};

struct ledger_penalty {		/* one of those there are */
	struct addr	 addr;		/* masked, no port */
	uint32_t	 bits;		/* of its prefix; 0: no address */
	uint32_t	 refused;	/* are its connections? */
	uint32_t	 left;		/* seconds; a network's: 0 */
	uint32_t	 inside;	/* a network's: refused ones in it */
	uint64_t	 turned_away;	/* connections */
	const char	*why;		/* the last offence */
};

/* ledger.c */

/* what: how log lines call a connection, a constant.  NULL: no memory. */
struct ledger	*ledger_new(const char *what);
/* Takes NULL.  Nothing may be charged. */
void		 ledger_free(struct ledger *);
/*
 * Above a cap that is lower now, the heaviest are shed at once; all penalties
 * are forgiven.
 */
void		 ledger_limits(struct ledger *, const struct ledger_limits *);
const struct ledger_stats *ledger_stats(const struct ledger *);

/*
 * Charges a connection; one that is charged already moves to this peer and
 * share.  To make room another one is shed, never this one.  -1 with errno, and
 * logged and counted: ENOMEM; EPERM: a penalty refuses the peer.  Nothing has
 * changed then but that others may have been shed.
 */
int		 ledger_enter(struct ledger *, struct charge *,
		    const struct addr *peer, uint32_t share);
/*
 * Something useful came of it, which is not to say that octets did.  Does
 * nothing when it is not charged; so do the next three.
 */
void		 ledger_progress(struct charge *);
/* It costs so many octets more, or less. */
void		 ledger_cost(struct charge *, int64_t octets);
/* Octets that its source holds in its share; 0 if it is not charged. */
uint64_t	 ledger_octets(const struct charge *);
/* Its peer has proven who it is: its source is spared, and forgiven. */
void		 ledger_proven(struct charge *);
/* The same, where its connection is another process's. */
void		 ledger_proven_peer(struct ledger *, const struct addr *peer);
/* It is over, or another's to charge. */
void		 ledger_leave(struct charge *);
/*
 * Who would be shed next for a kind, and how much its source holds of it; NULL:
 * nobody holds any.  Valid until the next call of a function of the ledger.
 */
const struct charge *ledger_heaviest(struct ledger *, enum ledger_kind,
		    uint64_t *held);
/*
 * Sheds who holds most of a kind.  why, a constant, is for the log: "closed:
 * WHY".  0: nobody holds any.
 */
int		 ledger_relieve(struct ledger *, enum ledger_kind,
		    const char *why);

/*
 * Logs "WHAT from PEER: ...", as often as the source may cause a line, and all
 * sources together.  A line a second at most says how many were not logged.
 */
void		 ledger_log(struct ledger *, const struct addr *peer,
		    const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
/*
 * Logs how many were not, those of single sources too.  Happens by itself, some
 * seconds after the first of them.
 */
void		 ledger_sum(struct ledger *);
/* The same of all ledgers there are: the process ends. */
void		 ledger_sum_all(void);
/*
 * May the source cause a line now, and may all together?  Then *unsaid is how
 * many of this source were suppressed before it.
 */
int		 ledger_may_log(struct ledger *, const struct addr *peer,
		    uint32_t *unsaid);
/*
 * An offence of who the connection comes from, whether it is still charged or
 * not; why is a constant.  Those who are exempt or on this host have none.
 */
void		 ledger_penalty(struct charge *, uint32_t seconds,
		    const char *why);
/* The same, where its connection is another process's. */
void		 ledger_penalty_peer(struct ledger *, const struct addr *peer,
		    uint32_t seconds, const char *why);
/*
 * The penalties there are, in the order of their networks: the first after one
 * of them, or the first of all.  0: there is none.
 */
int		 ledger_penalty_next(struct ledger *, const struct
		    ledger_penalty *after, struct ledger_penalty *);

#endif /* WORKER_LEDGER_H */
