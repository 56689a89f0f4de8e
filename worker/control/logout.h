/* SPDX-License-Identifier: ISC */

/*
 * Where the log goes: syslog, standard error, or JSON lines.  If the other end
 * takes no lines, they wait in a bounded queue, and nothing here blocks.  Lines
 * that do not fit are counted, and the count is logged later.
 */

#ifndef WORKER_LOGOUT_H
#define WORKER_LOGOUT_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "shared/log.h"
#include "shared/msg.h"

/*
 * Octets of lines that may wait: a thousand lines or so, enough for a restart
 * of syslogd under load.
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

/* Lines wait until logout_to is called.  NULL: no memory. */
struct logout	*logout_new(struct event_base *);
/* Writes what can be written now and closes.  Takes NULL. */
void		 logout_free(struct logout *);
/* From now on the log goes to fd, which it takes over. */
void		 logout_to(struct logout *, enum log_dest, int fd);
/*
 * One line of the process who.  Octets of the text that are not printable
 * become question marks, so a liar's line is still one line.
 */
void		 logout_put(struct logout *, const struct msg_channel *,
		    uint32_t level, const char *text);
/* Writes what can be written now; 1: nothing waits any more. */
int		 logout_flush(struct logout *);
const struct logout_stats *logout_stats(const struct logout *);

#endif /* WORKER_LOGOUT_H */
