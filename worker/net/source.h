/* SPDX-License-Identifier: ISC */

/*
 * Where tunnels come from: how many unproven ones each source has, and how
 * many log lines it may still cause.  A source is an IPv4 address, or the /64
 * of an IPv6 one, all of whose addresses one host can have at will.
 */

#ifndef WORKER_SOURCE_H
#define WORKER_SOURCE_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdarg.h>
#include <stdint.h>

#include "shared/addr.h"

/* Sources remembered without a connection, for the sake of their log lines. */
#define SOURCES_IDLE	1024

/* Log lines of one source: so many at once, then one in so many seconds. */
#define SOURCE_LINES	5
#define SOURCE_LINE_S	10

struct source {
	RB_ENTRY(source)	 entry;
	TAILQ_ENTRY(source)	 idle;		/* while unproven is 0 */
	struct addr		 addr;		/* no port, IPv6 the /64 */
	uint32_t		 unproven;
	uint32_t		 lines;		/* that it may still cause */
	uint32_t		 unsaid;	/* since the last line */
	uint64_t		 refilled;	/* microseconds */
};

/* source.c */

/*
 * The source of an address, made when there is none; good until the next call
 * of this function unless source_enter was called for it.  NULL: no memory.
 */
struct source	*source_get(const struct addr *, uint64_t now_us);
/* One unproven connection more, and one less. */
void		 source_enter(struct source *);
void		 source_leave(struct source *);
/*
 * May a line about it be logged now?  Then *unsaid is how many before it were
 * not.
 */
int		 source_may_log(struct source *, uint64_t now_us,
		    uint32_t *unsaid);
/*
 * Logs "WHAT from PEER: ...", as often as the source may cause a line, with the
 * number of those that were not logged.
 */
void		 source_log(struct source *, uint64_t now_us, const char *what,
		    const struct addr *peer, const char *fmt, va_list)
		    __attribute__((__format__(printf, 5, 0)));
/* All of them; none may be in use. */
void		 source_free_all(void);

#endif /* WORKER_SOURCE_H */
