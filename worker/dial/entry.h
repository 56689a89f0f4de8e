/* SPDX-License-Identifier: ISC */

/*
 * What the configuration lets dial: the remotes and targets of each service,
 * by number, the directories of targets that are UNIX sockets, and for targets
 * that peers name the rules, and where this daemon listens itself.
 */

#ifndef WORKER_ENTRY_H
#define WORKER_ENTRY_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/msg.h"
#include "allow.h"
#include "own.h"

struct entry {			/* REMOTE(i), TARGET(i) of a service */
	TAILQ_ENTRY(entry)	 entry;
	struct msg_dialee	 conf;
	enum dial_what		 what;
	int			 dir;	/* of a UNIX target, -1 none yet */
	uint64_t		 dir_since;	/* worker_now */
	uint64_t		 dir_asked;	/* while it is of use */
	char			 name[HOST_MAX];	/* of the socket */
	/*
	 * Of a remote: where it was reached, the last one first, at most
	 * RESOLVED_MAX; NULL: nowhere yet.
	 */
	struct addr		*reached;
	uint32_t		 nreached;
	/* of one over QUIC: handshakes that failed, each at its address */
	uint32_t		 turn;
};

struct entries {
	TAILQ_HEAD(, entry)	 list;
	uint32_t		 count;
	struct rulesets		 rules;
	struct owns		 owns;
};

/* entry.c */

void		 entries_init(struct entries *);
/* Empties it; closes the directories. */
void		 entries_free(struct entries *);
/* Moves all of the second to the first, which is empty. */
void		 entries_take(struct entries *, struct entries *);
/* Adds what the message (struct msg_dialee) holds.  -1 with errno. */
int		 entry_add(struct entries *, struct imsg *, enum dial_what);
/* And a rule, which may come before its target (struct msg_rule).  Likewise. */
int		 entry_rule(struct entries *, struct imsg *);
/* And a listener of the daemon's own (struct msg_own).  Likewise. */
int		 entry_own(struct entries *, struct imsg *);
/* NULL: there is none of this number.  DIAL_NAMED: the target that is named. */
struct entry	*entry_find(struct entries *, enum dial_what,
		    uint32_t service, uint32_t index);
/* Is it this remote, whatever its number and port? */
int		 entry_is_same(const struct entry *, const struct msg_dialee *);
/* The one address that is configured for it, port 0.  0: it has a name. */
int		 entry_literal(const struct msg_dialee *, struct addr *);
/* It was reached there, whatever the port (without memory, forgotten). */
void		 entry_reached(struct entry *, const struct addr *);
int		 entry_was_reached(const struct entry *, const struct addr *);
/* Moves that to the first for each remote which is in both. */
void		 entries_inherit(struct entries *, struct entries *);
/* Its directory, and its name there, from now on; takes over fd. */
void		 entry_dir(struct entry *, int fd, const char *name);

#endif /* WORKER_ENTRY_H */
