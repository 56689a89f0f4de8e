/* SPDX-License-Identifier: ISC */

/*
 * Where the log goes: syslog, lines on standard error, or JSON lines.  Lines
 * wait in a bounded queue while the other end takes none, and nothing here ever
 * blocks.  Lost lines are counted, and reported when lines flow again.
 */

#ifndef WORKER_LOGOUT_H
#define WORKER_LOGOUT_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/log.h"
#include "shared/msg.h"

/*
 * Octets of lines waiting: some thousand lines, enough for a syslogd that is
 * restarted under load.
 */
#define LOGOUT_QUEUE	(256 * 1024)

struct event_base;
struct logout;

struct logout_stats {
	uint64_t	 written;	/* lines */
	uint64_t	 lost;
	uint64_t	 queued;	/* octets now */
};

/* logout.c */

/* NULL: no memory.  Until logout_to is called lines wait. */
struct logout	*logout_new(struct event_base *);
/* Writes what can be written now, and closes.  Takes NULL. */
void		 logout_free(struct logout *);
/* The log goes here from now on; fd becomes the logout's. */
void		 logout_to(struct logout *, enum log_dest, int fd);
/*
 * One line of the process who.  Octets that are not printable become question
 * marks, so that nobody can forge a second line.
 */
void		 logout_put(struct logout *, const struct msg_channel *,
		    uint32_t level, const char *text);
/* Writes what can be written now; 1 when nothing waits any more. */
int		 logout_flush(struct logout *);
const struct logout_stats *logout_stats(const struct logout *);

#endif /* WORKER_LOGOUT_H */
