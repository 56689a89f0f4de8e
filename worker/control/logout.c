/* SPDX-License-Identifier: ISC */

/*
 * The log's output.  Lines are kept as they came and formatted when they are
 * written, so lines from before the destination was known, or from before it
 * changed, come out right.  Nothing here may log through log.c: that would
 * come back here.
 */

#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/logline.h"
#include "logout.h"

/*
 * How soon to try again where there is no event to wait for: a full disk, or a
 * syslogd that is restarted.
 */
#define LOGOUT_RETRY_US	250000

struct logout_line {
	STAILQ_ENTRY(logout_line)	 entry;
	struct timespec			 when;
	struct msg_channel		 from;
	uint32_t			 level;
	uint64_t			 losses;	/* that it reports */
	size_t				 size;		/* of all this */
	char				 text[];
};

struct logout {
	STAILQ_HEAD(, logout_line)	 queue;
	size_t				 sent;	/* of the first, formatted */
	struct event_base		*base;
	struct event			*writable;	/* of fd, or NULL */
	struct event			*retry;
	enum log_dest			 dest;
	int				 fd;		/* -1 none yet */
	int				 plain;		/* fd is no socket */
	pid_t				 pid;
	uint64_t			 unsaid;	/* losses to report */
	struct logout_stats		 stats;
};

enum logout_result {
	LOGOUT_SENT,
	LOGOUT_LATER,
	LOGOUT_FAILED
};

static int	logout_add(struct logout *, const struct msg_channel *,
		    uint32_t, const char *, uint64_t);
static void	logout_note(struct logout *);
static void	logout_remove(struct logout *, enum logout_result);
static enum logout_result logout_write(struct logout *, const char *, size_t);
static void	logout_await(struct logout *);
static void	logout_event(evutil_socket_t, short, void *);

static const struct msg_channel	 logout_self = { .role = PROC_CONTROL };

struct logout *
logout_new(struct event_base *base)
{
	struct logout	*l;
	struct tm	 tm;
	time_t		 zero = 0;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	STAILQ_INIT(&l->queue);
	l->base = base;
	l->fd = -1;
	l->pid = getpid();
	if ((l->retry = evtimer_new(base, logout_event, l)) == NULL) {
		free(l);
		return (NULL);
	}
	/* The C library may read files for its first date: now it still can. */
	(void)gmtime_r(&zero, &tm);
	return (l);
}

void
logout_free(struct logout *l)
{
	if (l == NULL)
		return;
	(void)logout_flush(l);
	while (!STAILQ_EMPTY(&l->queue))
		logout_remove(l, LOGOUT_FAILED);
	if (l->writable != NULL)
		event_free(l->writable);
	event_free(l->retry);
	if (l->fd != -1)
		close(l->fd);
	free(l);
}

void
logout_to(struct logout *l, enum log_dest dest, int fd)
{
	if (l->writable != NULL)
		event_free(l->writable);
	(void)event_del(l->retry);
	if (l->fd != -1)
		close(l->fd);
	l->dest = dest;
	l->fd = fd;
	l->plain = 0;
	l->sent = 0;
	/* If it is NULL (no memory), the timer does its work. */
	l->writable = event_new(l->base, fd, EV_WRITE, logout_event, l);
	(void)logout_flush(l);
}

void
logout_put(struct logout *l, const struct msg_channel *from, uint32_t level,
    const char *text)
{
	/* The note about losses precedes the next line. */
	if (l->unsaid > 0)
		logout_note(l);
	if (logout_add(l, from, level, text, 0) == -1) {
		l->stats.lost++;
		l->unsaid++;
		return;
	}
	/* If it waits for an event, do not try at each line. */
	if (!evtimer_pending(l->retry, NULL) && (l->writable == NULL ||
	    !event_pending(l->writable, EV_WRITE, NULL)))
		(void)logout_flush(l);
}

int
logout_flush(struct logout *l)
{
	struct logout_line	*line;
	char			 buf[LOGLINE_MAX];
	size_t			 len;
	enum logout_result	 result;
	int			 wrote = 0, noted = 0;

	if (l->fd == -1)
		return (STAILQ_EMPTY(&l->queue));
	for (;;) {
		if (STAILQ_EMPTY(&l->queue) && wrote && !noted &&
		    l->unsaid > 0) {
			logout_note(l);
			noted = 1;
		}
		if ((line = STAILQ_FIRST(&l->queue)) == NULL)
			return (1);
		len = logline_format(buf, l->dest, l->pid, &line->when,
		    &line->from, line->level, line->text);
		result = logout_write(l, buf, len);
		if (result == LOGOUT_LATER) {
			logout_await(l);
			return (0);
		}
		if (result == LOGOUT_SENT)
			wrote = 1;
		logout_remove(l, result);
	}
}

const struct logout_stats *
logout_stats(const struct logout *l)
{
	return (&l->stats);
}

static int
logout_add(struct logout *l, const struct msg_channel *from, uint32_t level,
    const char *text, uint64_t losses)
{
	struct logout_line	*line;
	size_t			 i, len, size;
	unsigned char		 c;

	len = strnlen(text, LOG_LINE_MAX - 1);
	size = sizeof(*line) + len + 1;
	if (size > LOGOUT_QUEUE - l->stats.queued)
		return (-1);
	if ((line = malloc(size)) == NULL)
		return (-1);
	memset(line, 0, sizeof(*line));
	(void)clock_gettime(CLOCK_REALTIME, &line->when);
	line->from = *from;
	line->level = level < LOGLEVEL_MAX ? level : LOGLEVEL_ERROR;
	line->losses = losses;
	line->size = size;
	for (i = 0; i < len; i++) {
		c = text[i];
		line->text[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	line->text[len] = '\0';
	STAILQ_INSERT_TAIL(&l->queue, line, entry);
	l->stats.queued += size;
	return (0);
}

/* Adds a note about lost lines, once there is room for it. */
static void
logout_note(struct logout *l)
{
	char	text[64];

	(void)snprintf(text, sizeof(text), "%llu log lines lost",
	    (unsigned long long)l->unsaid);
	if (logout_add(l, &logout_self, LOGLEVEL_WARN, text, l->unsaid) == 0)
		l->unsaid = 0;
}

static void
logout_remove(struct logout *l, enum logout_result result)
{
	struct logout_line	*line;

	line = STAILQ_FIRST(&l->queue);
	STAILQ_REMOVE_HEAD(&l->queue, entry);
	l->stats.queued -= line->size;
	l->sent = 0;
	if (result == LOGOUT_SENT)
		l->stats.written++;
	else if (line->losses > 0)
		l->unsaid += line->losses;
	else {
		l->stats.lost++;
		l->unsaid++;
	}
	free(line);
}

/*
 * A socket can be told not to block, for one call.  Anything else may be
 * shared with other programs, which O_NONBLOCK would affect, too.  So poll
 * first: a pipe with room takes a line of up to PIPE_BUF octets at once.
 */
static enum logout_result
logout_write(struct logout *l, const char *buf, size_t len)
{
	struct pollfd	pfd;
	ssize_t		n = -1;

	if (!l->plain) {
		n = send(l->fd, buf + l->sent, len - l->sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == ENOTSOCK)
			l->plain = 1;
	}
	if (l->plain) {
		pfd.fd = l->fd;
		pfd.events = POLLOUT;
		if (poll(&pfd, 1, 0) != 1) {
			errno = EAGAIN;
			return (LOGOUT_LATER);
		}
		n = write(l->fd, buf + l->sent, len - l->sent);
	}
	if (n == -1) {
		if (errno == EAGAIN || errno == EWOULDBLOCK ||
		    errno == EINTR || errno == ENOBUFS)
			return (LOGOUT_LATER);
		/* syslogd is restarted; the parent will send its new socket. */
		if (l->dest == LOGDEST_SYSLOG && (errno == ECONNREFUSED ||
		    errno == ECONNRESET || errno == ENOTCONN))
			return (LOGOUT_LATER);
		return (LOGOUT_FAILED);
	}
	l->sent += n;
	/* A datagram goes as a whole; the rest of a stream is still to come. */
	if (l->dest == LOGDEST_SYSLOG || l->sent >= len)
		return (LOGOUT_SENT);
	errno = EAGAIN;
	return (LOGOUT_LATER);
}

/* After LOGOUT_LATER, with its errno. */
static void
logout_await(struct logout *l)
{
	static const struct timeval	tv = { 0, LOGOUT_RETRY_US };

	/* A file or a device that epoll refuses has no event. */
	if ((errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) &&
	    l->writable != NULL && event_add(l->writable, NULL) == 0)
		return;
	(void)evtimer_add(l->retry, &tv);
}

static void
logout_event(evutil_socket_t fd, short what, void *arg)
{
	struct logout	*l = arg;

	(void)fd;
	(void)what;
	(void)logout_flush(l);
}
