/* SPDX-License-Identifier: ISC */

/*
 * A child's log lines on their way to control.  A few wait while the channel is
 * missing or full; lines that come too fast or find no room are counted, and
 * the count is logged once a second.
 */

#ifndef WORKER_CHILDLOG_H
#define WORKER_CHILDLOG_H

struct channel;
struct event_base;

/* childlog.c */

/* Sends lines this way from now on.  -1: no memory. */
int	 childlog_init(struct event_base *);
/* The channel to control, or NULL while there is none. */
void	 childlog_channel(struct channel *);

#endif /* WORKER_CHILDLOG_H */
