/* SPDX-License-Identifier: ISC */

/*
 * Channels: the imsg buffer, the events and the count of descriptors in flight
 * of one end of a socket pair.  Nothing here waits.  Whatever the other end
 * sends, it can only end this channel.
 *
 * Callbacks may close any channel, including their own: a channel that is in
 * use further up the stack (busy) is freed when the stack unwinds.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "channel.h"
#include "compat.h"
#include "log.h"

/* Messages taken in one turn, so one peer does not starve the others. */
#define CHAN_TURN	64
/* After so many descriptors the sender is told: a few, to save messages. */
#define CHAN_TAKEN	(CHAN_FDS_UNREAD / 4)
/* The system has no buffers for what we send: try again after (usec). */
#define CHAN_RETRY	(50 * 1000)
/* A peer that reads no more may send last words for so long (sec). */
#define CHAN_LAST	1

struct channel {
	struct imsgbuf			 imsgbuf;
	enum proc_role			 self;
	struct msg_channel		 peer;
	const struct channel_ops	*ops;
	void				*arg;

	struct event			*readable;
	struct event			*writable;
	struct event			*turn;	/* what is to be done soon */
	struct event			*retry;
	struct event			*stall;	/* nothing is taken */

	struct ibufqueue		 held; /* behind too many descriptors */
	size_t				 held_size;
	uint32_t			 unread;	/* descriptors, there */
	uint32_t			 taken;	/* descriptors, here, untold */

	const char			*why;	/* of gone, when dead */
	int				 dead;	/* gone is or was called */
	int				 told;	/* it was */
	int				 mute; /* the other end reads no more */
	int				 full;
	int				 clogged; /* so nothing is read */
	int				 busy;	/* callbacks running */
	int				 closed; /* free it when not busy */
};

static void	 channel_readable(evutil_socket_t, short, void *);
static void	 channel_writable(evutil_socket_t, short, void *);
static void	 channel_stalled(evutil_socket_t, short, void *);
static void	 channel_turn(evutil_socket_t, short, void *);

/* Octets that wait for the socket, or for descriptors to be taken. */
size_t
channel_queued(const struct channel *ch)
{
	return (ch->imsgbuf.wsize + ch->held_size);
}

int
channel_full(const struct channel *ch)
{
	return (ch->full);
}

const struct msg_channel *
channel_peer(const struct channel *ch)
{
	return (&ch->peer);
}

void *
channel_arg(const struct channel *ch)
{
	return (ch->arg);
}

static void
channel_free(struct channel *ch)
{
	struct ibuf	*buf;

	if (ch->readable != NULL)
		event_free(ch->readable);
	if (ch->writable != NULL)
		event_free(ch->writable);
	if (ch->turn != NULL)
		event_free(ch->turn);
	if (ch->retry != NULL)
		event_free(ch->retry);
	if (ch->stall != NULL)
		event_free(ch->stall);
	while ((buf = TAILQ_FIRST(&ch->held)) != NULL) {
		TAILQ_REMOVE(&ch->held, buf, entry);
		ibuf_free(buf);
	}
	imsgbuf_clear(&ch->imsgbuf);
	close(ch->imsgbuf.fd);
	free(ch);
}

struct channel *
channel_open(struct event_base *base, int fd, enum proc_role self,
    const struct msg_channel *peer, const struct channel_ops *ops, void *arg)
{
	struct channel	*ch;

	if ((ch = calloc(1, sizeof(*ch))) == NULL) {
		close(fd);
		return (NULL);
	}
	TAILQ_INIT(&ch->held);
	ch->self = self;
	ch->peer = *peer;
	ch->ops = ops;
	ch->arg = arg;
	imsgbuf_init(&ch->imsgbuf, fd);
	if (msg_takes_fd(self, peer->role))
		imsgbuf_allow_fdpass(&ch->imsgbuf);

	ch->readable = event_new(base, fd, EV_READ | EV_PERSIST,
	    channel_readable, ch);
	ch->writable = event_new(base, fd, EV_WRITE, channel_writable, ch);
	ch->turn = evtimer_new(base, channel_turn, ch);
	ch->retry = evtimer_new(base, channel_writable, ch);
	ch->stall = evtimer_new(base, channel_stalled, ch);
	if (ch->readable == NULL || ch->writable == NULL || ch->turn == NULL ||
	    ch->retry == NULL || ch->stall == NULL ||
	    event_add(ch->readable, NULL) == -1) {
		channel_free(ch);
		return (NULL);
	}
	return (ch);
}

void
channel_close(struct channel *ch)
{
	if (ch == NULL || ch->closed)
		return;
	ch->closed = ch->dead = ch->told = 1;
	if (ch->busy > 0) {
		event_del(ch->readable);
		event_del(ch->writable);
		event_del(ch->turn);
		event_del(ch->retry);
		event_del(ch->stall);
	} else
		channel_free(ch);
}

/* A callback may close the channel; it stays until the last has returned. */
static void
channel_enter(struct channel *ch)
{
	ch->busy++;
}

/* -1: the channel was freed. */
static int
channel_leave(struct channel *ch)
{
	if (--ch->busy > 0 || !ch->closed)
		return (0);
	channel_free(ch);
	return (-1);
}

/* Not event_active(): that would run before other sockets are looked at. */
static void
channel_soon(struct channel *ch)
{
	struct timeval	 tv = { 0, 0 };

	event_add(ch->turn, &tv);
}

/* Ends it; the event loop calls gone. */
static void
channel_kill(struct channel *ch, const char *why)
{
	if (ch->dead)
		return;
	ch->dead = 1;
	ch->why = why;
	event_del(ch->readable);
	event_del(ch->writable);
	event_del(ch->retry);
	event_del(ch->stall);
	channel_soon(ch);
}

/* ---- sending ---- */

static void
channel_stalled(evutil_socket_t fd, short what, void *arg)
{
	struct channel	*ch = arg;

	(void)fd;
	(void)what;
	channel_kill(ch, "takes nothing of what is sent to it");
}

/* The parent always reads; control asks one at a time, and counts. */
static int
channel_pushes(enum proc_role role)
{
	return (role != PROC_PARENT && role != PROC_CONTROL);
}

/* Nothing is read while it is so; the other end has until the timer. */
static void
channel_clog(struct channel *ch)
{
	struct timeval	 tv = { CHAN_STALL, 0 };

	if (ch->clogged || ch->imsgbuf.wsize <= CHAN_HIGH || ch->dead ||
	    !channel_pushes(ch->self) || !channel_pushes(ch->peer.role))
		return;
	ch->clogged = 1;
	event_add(ch->stall, &tv);
}

/* Some was taken. */
static void
channel_unclog(struct channel *ch)
{
	struct timeval	 tv = { CHAN_STALL, 0 };

	if (!ch->clogged)
		return;
	if (ch->imsgbuf.wsize >= CHAN_LOW) {
		event_add(ch->stall, &tv);
		return;
	}
	ch->clogged = 0;
	event_del(ch->stall);
	channel_soon(ch);	/* to read what waits */
}

/* Waits for room for what the socket did not take. */
static void
channel_await_room(struct channel *ch)
{
	if (ch->imsgbuf.wcount > 0 && !ch->dead && !ch->mute &&
	    !event_pending(ch->retry, EV_TIMEOUT, NULL))
		event_add(ch->writable, NULL);
}

/*
 * Tries to write new messages as soon as the callbacks of this turn have run,
 * in one write.  There is nearly always room, so the loop is not asked first.
 */
static void
channel_want_write(struct channel *ch)
{
	if (ch->imsgbuf.wcount > 0 && !ch->dead && !ch->mute &&
	    !event_pending(ch->retry, EV_TIMEOUT, NULL) &&
	    !event_pending(ch->writable, EV_WRITE, NULL))
		event_active(ch->writable, EV_WRITE, 0);
}

/* Moves held messages on, as far as descriptors may be in flight. */
static void
channel_release(struct channel *ch)
{
	struct ibuf	*buf;

	while ((buf = TAILQ_FIRST(&ch->held)) != NULL) {
		if (ibuf_fd_avail(buf)) {
			if (ch->unread >= CHAN_FDS_UNREAD)
				break;
			ch->unread++;
		}
		TAILQ_REMOVE(&ch->held, buf, entry);
		ch->held_size -= ibuf_size(buf);
		imsg_close(&ch->imsgbuf, buf);
	}
	channel_want_write(ch);
}

/* Queues a message behind the held ones, unless it overtakes them. */
static int
channel_queue(struct channel *ch, uint32_t type, int fd,
    const void *data, size_t len, int overtakes)
{
	struct ibuf	*buf;

	if (channel_queued(ch) >= CHAN_MAX) {
		errno = ENOBUFS;
		goto fail;
	}
	if ((buf = imsg_create(&ch->imsgbuf, type, 0, 0, len)) == NULL)
		goto fail;
	if (imsg_add(buf, data, len) == -1)
		goto fail;
	ibuf_fd_set(buf, fd);
	if (overtakes)
		imsg_close(&ch->imsgbuf, buf);
	else {
		ch->held_size += ibuf_size(buf);
		TAILQ_INSERT_TAIL(&ch->held, buf, entry);
	}
	channel_release(ch);
	return (0);

 fail:
	log_warn("channel to %s: %s not sent", role_name(ch->peer.role),
	    msg_name(type));
	if (fd != -1)
		close(fd);
	channel_kill(ch, NULL);
	return (-1);
}

int
channel_send(struct channel *ch, uint32_t type, int fd,
    const void *data, size_t len)
{
	if (ch->dead || ch->mute) {
		if (fd != -1)
			close(fd);
		return (-1);
	}
	if (channel_queue(ch, type, fd, data, len, 0) == -1)
		return (-1);
	if (channel_queued(ch) > CHAN_HIGH)
		ch->full = 1;
	channel_clog(ch);
	return (0);
}

/*
 * One write.  A peer that is gone may have left last words, so a broken pipe
 * ends only the sending; reading finds out that the peer is gone.
 */
static void
channel_write(struct channel *ch)
{
	struct timeval	 tv = { 0, CHAN_RETRY }, last = { CHAN_LAST, 0 };

	if (imsgbuf_write(&ch->imsgbuf) == 0)
		return;
	switch (errno) {
	case ENOBUFS:
	case ENOMEM:
	case ETOOMANYREFS:
		/* a lack of the system or the user: it passes */
		event_del(ch->writable);
		event_add(ch->retry, &tv);
		break;
	case EPIPE:
	case ECONNRESET:
		ch->mute = 1;
		event_del(ch->writable);
		event_add(ch->retry, &last);
		break;
	default:
		log_warn("channel to %s: write", role_name(ch->peer.role));
		channel_kill(ch, NULL);
	}
}

static int
channel_drained(const struct channel *ch)
{
	return (ch->full && !ch->dead && channel_queued(ch) < CHAN_LOW);
}

/* Writes until all is written or the socket takes no more. */
int
channel_flush(struct channel *ch)
{
	size_t	 all = ch->imsgbuf.wsize, before;

	do {
		if (ch->dead || ch->mute)
			return (-1);
		before = ch->imsgbuf.wsize;
		if (before > 0)
			channel_write(ch);
	} while (ch->imsgbuf.wsize < before && ch->imsgbuf.wsize > 0);
	if (ch->imsgbuf.wsize < all && !ch->dead)
		channel_unclog(ch);
	channel_await_room(ch);
	if (channel_drained(ch))
		channel_soon(ch);
	return (ch->dead || ch->mute ? -1 : 0);
}

static void
channel_writable(evutil_socket_t fd, short what, void *arg)
{
	struct channel	*ch = arg;

	(void)fd;
	(void)what;
	if (ch->mute)
		channel_kill(ch, NULL);
	else
		(void)channel_flush(ch);
}

/* ---- receiving ---- */

static void
channel_fds_taken(struct channel *ch, struct imsg *imsg)
{
	struct msg_count	 msg;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    msg.count > ch->unread) {
		channel_kill(ch, "more descriptors taken than were sent");
		return;
	}
	ch->unread -= msg.count;
	channel_release(ch);
	if (channel_drained(ch))
		channel_soon(ch);
}

/* It has left the socket, whatever becomes of it. */
static void
channel_count_taken(struct channel *ch)
{
	struct msg_count	 msg;

	if (++ch->taken < CHAN_TAKEN || ch->mute)
		return;
	memset(&msg, 0, sizeof(msg));
	msg.count = ch->taken;
	ch->taken = 0;
	/* past the held ones, or both sides could wait for each other */
	channel_queue(ch, IMSG_FDS_TAKEN, -1, &msg, sizeof(msg), 1);
}

static void
channel_take(struct channel *ch, struct imsg *imsg)
{
	const char	*why;
	uint32_t	 type = imsg_get_type(imsg);
	int		 lost = imsg_fd_lost(imsg);

	if (ibuf_fd_avail(imsg->buf) || lost)
		channel_count_taken(ch);
	if (ch->dead)
		return;
	if (lost && ch->peer.role != PROC_PARENT) {
		log_warnx("channel to %s: no free descriptor for %s",
		    role_name(ch->peer.role), msg_name(type));
		return;
	}
	if (msg_check(ch->self, ch->peer.role, imsg, &why) == -1)
		channel_kill(ch, why);
	else if (type == IMSG_FDS_TAKEN)
		channel_fds_taken(ch, imsg);
	else
		ch->ops->dispatch(ch, imsg);
}

/* 1: the turn is used up and there may be more; 0: nothing more is here. */
static int
channel_take_turn(struct channel *ch)
{
	struct imsg	 imsg;
	int		 i, n;

	for (i = 0; i < CHAN_TURN; i++) {
		if (ch->clogged)
			return (1);
		if ((n = imsgbuf_get(&ch->imsgbuf, &imsg)) == 0)
			return (0);
		if (n == -1) {
			if (errno != ERANGE)
				log_warn("channel to %s: read",
				    role_name(ch->peer.role));
			channel_kill(ch, errno == ERANGE ?
			    "impossible length of a message" : NULL);
			return (0);
		}
		channel_take(ch, &imsg);
		imsg_free(&imsg);
		if (ch->dead)
			return (0);
	}
	return (1);
}

static void
channel_read(struct channel *ch)
{
	if (ch->clogged) {
		event_del(ch->readable);	/* see channel_unclog */
		return;
	}
	switch (imsgbuf_read(&ch->imsgbuf)) {
	case -1:
		if (errno != ECONNRESET)
			log_warn("channel to %s: read",
			    role_name(ch->peer.role));
		/* FALLTHROUGH */
	case 0:
		channel_kill(ch, NULL);
		return;
	}
	if (channel_take_turn(ch)) {
		/* the rest is here, not in the socket: no event will come */
		event_del(ch->readable);
		channel_soon(ch);
	} else if (!ch->dead)
		event_add(ch->readable, NULL);
}

void
channel_rest(struct channel *ch)
{
	struct imsgbuf	*ib;
	uint64_t	 before;

	if (ch == NULL || ch->dead)
		return;
	channel_enter(ch);
	ib = &ch->imsgbuf;
	for (;;) {
		while (!ch->dead && !ch->clogged && channel_take_turn(ch))
			;
		before = ib->rseen + (ib->rend - ib->rpos);
		/* the end, or nothing, if somebody else holds the other end */
		if (ch->dead || ch->clogged || imsgbuf_read(ib) != 1 ||
		    ib->rseen + (ib->rend - ib->rpos) == before)
			break;
	}
	channel_leave(ch);
}

static void
channel_readable(evutil_socket_t fd, short what, void *arg)
{
	struct channel	*ch = arg;

	(void)fd;
	(void)what;
	channel_enter(ch);
	channel_read(ch);
	channel_leave(ch);
}

/* What had to wait for a turn: more messages, resuming, the end. */
static void
channel_turn(evutil_socket_t fd, short what, void *arg)
{
	struct channel	*ch = arg;

	(void)fd;
	(void)what;
	channel_enter(ch);
	if (!ch->dead && !event_pending(ch->readable, EV_READ, NULL))
		channel_read(ch);
	if (channel_drained(ch)) {
		ch->full = 0;
		if (ch->ops->drained != NULL)
			ch->ops->drained(ch);
	}
	if (ch->dead && !ch->told) {
		ch->told = 1;
		ch->ops->gone(ch, ch->why);
	}
	channel_leave(ch);
}
