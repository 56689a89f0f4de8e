/* SPDX-License-Identifier: ISC */

/*
 * A channel: one end of a socket pair to another process, its imsg buffer and
 * its events kept together.  Every message is checked against the rule table
 * (msg.h) before the dispatcher sees it.
 *
 * Descriptors in flight are bounded: at most CHAN_FDS_UNREAD of them are
 * unread at the other end; later messages wait here, in order, until the
 * reader has taken some (IMSG_FDS_TAKEN, sent and eaten here).
 *
 * A descriptor for which this process has no slot free is nobody's fault: its
 * message is logged and dropped (whoever waits for one has a deadline), unless
 * it came from the parent: then the channel is gone.
 */

#ifndef SHARED_CHANNEL_H
#define SHARED_CHANNEL_H

#include <stdint.h>

#include "msg.h"

#define CHAN_FDS_UNREAD	64
#define CHAN_HIGH	(1024 * 1024)	/* octets queued: stop producing */
#define CHAN_LOW	(256 * 1024)	/* and resume */
/* Who goes on all the same loses the channel: a bound for memory. */
#define CHAN_MAX	(16 * 1024 * 1024)

struct event_base;
struct channel;

struct channel_ops {
	/* One checked message; the channel frees it.  May close the channel. */
	void	(*dispatch)(struct channel *, struct imsg *);
	/*
	 * The other end is gone, or (why not NULL) broke the rules.  Called
	 * once, never from within channel_send; the owner calls
	 * channel_close in it or later.
	 */
	void	(*gone)(struct channel *, const char *why);
	/* The queue was above CHAN_HIGH and is below CHAN_LOW; or NULL. */
	void	(*drained)(struct channel *);
};

/* channel.c */

/*
 * fd becomes the channel's; it must be non-blocking.  self and peer are the
 * two roles, for msg_check.  Returns NULL when there is no memory (fd closed).
 */
struct channel	*channel_open(struct event_base *, int fd,
		    enum proc_role self, const struct msg_channel *peer,
		    const struct channel_ops *, void *arg);
/* Closes at once, what is queued is lost.  Takes NULL.  Safe in callbacks. */
void		 channel_close(struct channel *);
/*
 * Queues a message; fd (or -1) is the channel's from then on, also when it
 * fails.  -1 when there is no memory, the queue is at CHAN_MAX or the channel
 * is dead: gone is called from the event loop then.
 */
int		 channel_send(struct channel *, uint32_t, int fd,
		    const void *data, size_t len);
/* Tries to write all that is queued without waiting; -1 when it is dead. */
int		 channel_flush(struct channel *);
/* Octets queued, those held for want of descriptor room included. */
size_t		 channel_queued(const struct channel *);
/* Above CHAN_HIGH, and not yet below CHAN_LOW again. */
int		 channel_full(const struct channel *);
const struct msg_channel *channel_peer(const struct channel *);
void		*channel_arg(const struct channel *);

#endif /* SHARED_CHANNEL_H */
