/* SPDX-License-Identifier: ISC */

/*
 * Penalties of sources, in the manner of OpenSSH's PerSourcePenalties: an
 * offence adds seconds, which pass by themselves.  A source that has gathered
 * some is refused until they have passed; a network is refused while so many
 * sources or networks in it are.  Bounded: in a flood of sources those whose
 * penalty ends first are forgiven.
 */

#ifndef WORKER_PENALTY_H
#define WORKER_PENALTY_H

#include <sys/types.h>
#include <sys/tree.h>

#include <stdint.h>

#include "shared/addr.h"
#include "network.h"

/* Sources that have a penalty, at most. */
#define PENALTIES_MAX		8192
/* Refused sources that make their network refused, and so on upwards. */
#define PENALTY_NETWORK		16

struct penalty {
	RB_ENTRY(penalty)	 entry;		/* by network */
	RB_ENTRY(penalty)	 ending;	/* a source's, by its end */
	struct network		 net;
	int			 level;		/* of the network, 0: source */
	int			 refused;	/* now */
	uint64_t		 until;		/* microseconds; a source's */
	uint32_t		 inside;	/* refused in it; a network's */
	uint64_t		 turned_away;	/* connections */
	const char		*why;		/* the last offence */
};

RB_HEAD(penalty_tree, penalty);
RB_HEAD(penalty_ends, penalty);

struct penalties {
	struct penalty_tree	 all;
	struct penalty_ends	 ends;
	uint32_t		 sources;
	uint64_t		 min_us;	/* refused from here on... */
	uint64_t		 max_us;	/* ...for so long at most */
};

/* penalty.c */

void		 penalties_init(struct penalties *);
/* Both in seconds; max 0: none are kept.  Those there are end. */
void		 penalties_limits(struct penalties *, uint32_t min_s,
		    uint32_t max_s);
/*
 * Adds seconds for an offence; why stays the caller's.  Without memory there
 * is none.  1: its source is refused from now on, and was not before.
 */
int		 penalty_add(struct penalties *, const struct addr *,
		    uint32_t seconds, const char *why, uint64_t now_us);
/* What refuses an address now, or NULL; counted as turned away. */
struct penalty	*penalty_refuses(struct penalties *, const struct addr *,
		    uint64_t now_us);
/* Its source is forgiven. */
void		 penalty_clear(struct penalties *, const struct addr *);
/* Ends those that have passed. */
void		 penalties_pass(struct penalties *, uint64_t now_us);
/* The first one after a network, or of all (NULL), in their order. */
struct penalty	*penalty_after(struct penalties *, const struct network *);
void		 penalties_free(struct penalties *);

#endif /* WORKER_PENALTY_H */
