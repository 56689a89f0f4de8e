/* SPDX-License-Identifier: ISC */

/*
 * Where tunnels come from: how many unproven ones each source has, and how many
 * log lines it may still cause.  A source is an IPv4 address or the /64 of an
 * IPv6 one, since one host can have all of a /64.
 */

#ifndef WORKER_SOURCE_H
#define WORKER_SOURCE_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdarg.h>
#include <stdint.h>

#include "shared/addr.h"

/* Sources kept without a connection, because of their log lines. */
#define SOURCES_IDLE	1024

/* Log lines of one source: a burst, then one in so many seconds. */
#define SOURCE_LINES	5
#define SOURCE_LINE_S	10

struct source {
	RB_ENTRY(source)	 entry;
	TAILQ_ENTRY(source)	 idle;		/* while unproven is 0 */
	struct addr		 addr;		/* no port, IPv6 the /64 */
	uint32_t		 unproven;
	uint32_t		 lines;		/* it may still cause */
	uint32_t		 unsaid;	/* since the last line */
	uint64_t		 refilled;	/* microseconds */
};

/* source.c */

/*
 * The source of an address, created if need be.  Valid until the next call of
 * this function, or longer if source_enter was called for it.  NULL: no memory.
 */
struct source	*source_get(const struct addr *, uint64_t now_us);
/* One unproven connection more, or one less. */
void		 source_enter(struct source *);
void		 source_leave(struct source *);
/*
 * May a line about it be logged now?  If so, *unsaid is how many were
 * suppressed before it.
 */
int		 source_may_log(struct source *, uint64_t now_us,
		    uint32_t *unsaid);
/*
 * Logs "WHAT from PEER: ..." if the source may cause a line, with the number of
 * lines that were suppressed before.
 */
void		 source_log(struct source *, uint64_t now_us, const char *what,
		    const struct addr *peer, const char *fmt, va_list)
		    __attribute__((__format__(printf, 5, 0)));
/* Frees all of them; none may be in use. */
void		 source_free_all(void);

#endif /* WORKER_SOURCE_H */
