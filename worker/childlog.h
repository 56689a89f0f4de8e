/* SPDX-License-Identifier: ISC */

/*
 * A child's log lines on their way to control: while there is no channel, or
 * a full one, a few wait; what goes too fast, or finds no place, is counted
 * and the count is said once in a second.
 */

#ifndef WORKER_CHILDLOG_H
#define WORKER_CHILDLOG_H

struct channel;
struct event_base;

/* childlog.c */

/* From now on lines go this way.  -1: no memory. */
int	 childlog_init(struct event_base *);
/* The channel to control, or NULL while there is none. */
void	 childlog_channel(struct channel *);

#endif /* WORKER_CHILDLOG_H */
