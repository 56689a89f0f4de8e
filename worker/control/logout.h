/* SPDX-License-Identifier: ISC */

/*
 * Where the log goes: syslog, lines on standard error, or JSON lines.  Lines
 * wait in a bounded queue while the other end takes none; nothing here ever
 * waits for it, and what was lost is counted and said when it flows again.
 */

#ifndef WORKER_LOGOUT_H
#define WORKER_LOGOUT_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "shared/log.h"
#include "shared/msg.h"

/*
 * Octets of lines waiting: some thousand lines, enough for a syslogd that is
 * restarted under load.
 */
#define LOGOUT_QUEUE	(256 * 1024)

/*
 * A formatted line: an escaped text is at most twice as long, the rest is
 * under 300.  Below PIPE_BUF, so that a pipe takes all of it or nothing.
 */
#define LOGOUT_LINE	(2 * LOG_LINE_MAX + 384)

struct event_base;
struct logout;

struct logout_from {			/* who said it */
	const char	*process;	/* "parent", "gate", "worker" */
	uint32_t	 side;		/* enum side, workers only */
	uint32_t	 index;		/* which of prefork, workers only */
	char		 service[SERVICE_NAME_MAX];	/* workers only */
};

struct logout_stats {
	uint64_t	 written;	/* lines */
	uint64_t	 lost;
	uint64_t	 queued;	/* octets now */
};

/* logout.c */

/* NULL without memory.  Until logout_to is called lines wait. */
struct logout	*logout_new(struct event_base *);
/* Writes what can be written now, closes.  Takes NULL. */
void		 logout_free(struct logout *);
/* The log goes here from now on; fd becomes the logout's. */
void		 logout_to(struct logout *, enum log_dest, int fd);
/*
 * One line.  process must stay where it is; what of the text is not
 * printable becomes a question mark, so a liar's line is still one line.
 */
void		 logout_put(struct logout *, const struct logout_from *,
		    uint32_t level, const char *text);
/* Writes what can be written now; 1 when nothing waits any more. */
int		 logout_flush(struct logout *);
void		 logout_stats(const struct logout *, struct logout_stats *);
/*
 * A line as it is written to such a destination, newline included where it
 * has one (not in a datagram).  Returns its length, below LOGOUT_LINE.
 */
size_t		 logout_format(char buf[LOGOUT_LINE], enum log_dest, pid_t,
		    const struct timespec *, const struct logout_from *,
		    uint32_t level, const char *text);

#endif /* WORKER_LOGOUT_H */
