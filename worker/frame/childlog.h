/* SPDX-License-Identifier: ISC */

/*
 * A child's log lines on their way to control.  A few wait while the channel is
 * missing or full; lines that come too fast or find no room are counted, and
 * the count is logged once a second.
 */

#ifndef WORKER_CHILDLOG_H
#define WORKER_CHILDLOG_H

#include "shared/log.h"

struct channel;
struct event_base;

/* childlog.c */

/*
 * Until READY the parent reads what ends a process from its standard error,
 * which is /dev/null from here on.  -1 with errno.
 */
int	 childlog_early(void);
void	 childlog_ready(void);
/* A line on that way, if it is fatal.  Is the sink until there is another. */
void	 childlog_last(enum log_level, const char *line, void *);
/* Sends lines this way from now on.  -1: no memory. */
int	 childlog_init(struct event_base *);
/* The channel to control, or NULL while there is none. */
void	 childlog_channel(struct channel *);
/* The process ends: says what was lost. */
void	 childlog_end(void);

#endif /* WORKER_CHILDLOG_H */
