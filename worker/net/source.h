/* SPDX-License-Identifier: ISC */

/*
 * The sources of a ledger's connections (network.h, level 0): what each holds,
 * when it last proved itself, and how many log lines it may still cause.  Those
 * that hold something are bounded by the ledger's caps, the others by the two
 * numbers below.  For the ledger only.
 */

#ifndef WORKER_SOURCE_H
#define WORKER_SOURCE_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdint.h>

#include "ledger.h"
#include "lines.h"
#include "network.h"

/* Sources kept without a connection, because of their log lines. */
#define SOURCES_IDLE	1024
/* Sources that have proven themselves, the latest. */
#define SOURCES_PROVEN	4096

/* Log lines of one source: a burst, then one in so many seconds. */
#define SOURCE_LINES	5
#define SOURCE_LINE_S	10

struct source {
	RB_ENTRY(source)	 entry;
	TAILQ_ENTRY(source)	 rest;		/* idle, or proven */
	struct network		 net;
	struct charges		 charges;	/* stalest first */
	struct charges		 exempt;	/* from its cap; likewise */
	uint32_t		 held;		/* how many, of both */
	uint32_t		 capped;	/* of charges */
	uint64_t		 proven;	/* when, or 0 */
	int			 resting;	/* on the idle list */
	struct lines		 lines;
	uint32_t		 unsaid;	/* since the last line */
	uint32_t		 told;		/* in which sum, see ledger.c */
};

RB_HEAD(source_tree, source);
TAILQ_HEAD(source_list, source);

struct sources {
	struct source_tree	 all;
	struct source_list	 idle;		/* the longest so first */
	struct source_list	 proven;	/* the longest ago first */
	uint32_t		 nidle, nproven;
};

/* source.c */

void		 sources_init(struct sources *);
/* The source of an address, made if need be.  NULL: no memory. */
struct source	*source_get(struct sources *, const struct addr *);
/* Has that of an address proven itself?  Makes none. */
int		 source_proven(struct sources *, const struct addr *);
/*
 * After what it holds has changed: one that holds nothing and has proven
 * nothing may be forgotten, now or in a later source_get.
 */
void		 source_rest(struct sources *, struct source *);
/* It proves itself now; at is 0: that is too long ago. */
void		 source_prove(struct sources *, struct source *, uint64_t at);
/* Who proved itself longest ago, if that was before a moment, or NULL. */
struct source	*source_stale(struct sources *, uint64_t before);
/*
 * How many lines were not logged of all of them, which are none then; adds to
 * *n how many sources had some and were not told of in this sum yet.
 */
uint64_t	 sources_unsaid(struct sources *, uint32_t sum, uint32_t *n);
/* Frees all of them; none may hold anything. */
void		 sources_free(struct sources *);

#endif /* WORKER_SOURCE_H */
