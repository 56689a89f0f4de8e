/* SPDX-License-Identifier: ISC */

/*
 * A channel: one end of a socket pair to another process, with its imsg buffer
 * and its events.  Every message is checked against its rule (msg.h) before
 * the dispatcher sees it.
 *
 * Descriptors in flight are bounded: at most CHAN_FDS_UNREAD are unread at the
 * other end.  Later messages wait here, in order, until the reader has taken
 * some (IMSG_FDS_TAKEN, which only channel.c sends and receives).
 *
 * Between children a channel pushes back: while more than CHAN_HIGH waits for
 * the socket, nothing is read from it, so who asks without taking the answers
 * waits too.  If the other end takes nothing for CHAN_STALL it has broken the
 * rules.  (The parent always reads, and is always read; so is control, which
 * does not ask again before it has the answer.)
 *
 * If this process has no free slot for a descriptor, that is nobody's fault:
 * the message is logged and dropped (whoever waits for it has a deadline).
 * From the parent, it ends the channel.
 */

#ifndef SHARED_CHANNEL_H
#define SHARED_CHANNEL_H

#include <stdint.h>

#include "msg.h"

#define CHAN_FDS_UNREAD	64
#define CHAN_HIGH	(1024 * 1024)	/* octets queued: stop producing */
#define CHAN_LOW	(256 * 1024)	/* and resume */
#define CHAN_STALL	20		/* seconds */
/* A sender that goes on all the same loses the channel: it bounds memory. */
#define CHAN_MAX	(16 * 1024 * 1024)

struct event_base;
struct channel;

struct channel_ops {
	/* One checked message; the channel frees it.  May close the channel. */
	void	(*dispatch)(struct channel *, struct imsg *);
	/*
	 * The other end is gone or, if why is not NULL, broke the rules.
	 * Called once, never from within channel_send; the owner calls
	 * channel_close in it or later.
	 */
	void	(*gone)(struct channel *, const char *why);
	/* The queue was above CHAN_HIGH and is below CHAN_LOW; or NULL. */
	void	(*drained)(struct channel *);
};

/* channel.c */

/*
 * Takes over fd, which must be non-blocking.  self and peer are the two roles,
 * for msg_check.  NULL: no memory, and fd is closed.
 */
struct channel	*channel_open(struct event_base *, int fd,
		    enum proc_role self, const struct msg_channel *peer,
		    const struct channel_ops *, void *arg);
/* Closes at once and loses what is queued.  Takes NULL.  Safe in callbacks. */
void		 channel_close(struct channel *);
/*
 * Queues a message and takes over fd (or -1), even when it fails.  -1: no
 * memory, the queue is at CHAN_MAX, or the channel is dead; the event loop
 * then calls gone.
 */
int		 channel_send(struct channel *, uint32_t, int fd,
		    const void *data, size_t len);
/* Writes what can be written without waiting; -1: the channel is dead. */
int		 channel_flush(struct channel *);
/*
 * The other end has died: dispatches what it had sent and nobody has read yet.
 * gone is not called.
 */
void		 channel_rest(struct channel *);
/* Octets queued, including messages held back by descriptors. */
size_t		 channel_queued(const struct channel *);
/* The queue was above CHAN_HIGH and is not yet below CHAN_LOW again. */
int		 channel_full(const struct channel *);
const struct msg_channel *channel_peer(const struct channel *);
void		*channel_arg(const struct channel *);

#endif /* SHARED_CHANNEL_H */
