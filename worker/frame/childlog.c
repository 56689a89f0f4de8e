/* SPDX-License-Identifier: ISC */

/*
 * See childlog.h.  A waiting line allocates nothing: the queue is a ring of
 * fixed size, so that a process in trouble can still say so.
 */

#include <sys/types.h>

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "childlog.h"
#include "worker.h"

#define WAITING_MAX	64	/* lines kept for a control that comes back */
/* Lines: as many of one process as are worth reading, and a burst. */
#define RATE_SECOND	200
#define RATE_BURST	400

static struct msg_log	 waiting[WAITING_MAX];
static unsigned int	 first, nwaiting;
static struct channel	*control;
static struct event	*note;		/* added while lost > 0 */
static uint64_t		 lost, credit_at;
static unsigned int	 credit = RATE_BURST;
static int		 running;	/* for the channel may log, too */
static int		 words = -1;	/* to the parent, until READY */

static int
childlog_send(const struct msg_log *msg)
{
	if (control == NULL || channel_full(control))
		return (-1);
	return (channel_send(control, IMSG_LOG, -1, msg,
	    offsetof(struct msg_log, text) + strlen(msg->text) + 1));
}

/*
 * Reports losses within a second, together.  If that fails, the next line
 * tries.
 */
static void
childlog_later(void)
{
	static const struct timeval	 second = { 1, 0 };

	if (!event_pending(note, EV_TIMEOUT, NULL))
		(void)event_add(note, &second);
}

static void
childlog_lose(void)
{
	lost++;
	childlog_later();
}

static void
childlog_put(enum log_level level, const char *line)
{
	struct msg_log	*msg;

	if (nwaiting == WAITING_MAX) {
		childlog_lose();
		return;
	}
	msg = &waiting[(first + nwaiting++) % WAITING_MAX];
	memset(msg, 0, sizeof(*msg));
	msg->level = level;
	strlcpy(msg->text, line, sizeof(msg->text));
}

static void
childlog_run(void)
{
	if (running)
		return;
	running = 1;
	while (nwaiting > 0 && childlog_send(&waiting[first]) == 0) {
		first = (first + 1) % WAITING_MAX;
		nwaiting--;
	}
	running = 0;
}

static void
childlog_note(evutil_socket_t fd, short what, void *arg)
{
	char	 line[64];

	(void)fd;
	(void)what;
	(void)arg;
	/* There is no room for this line either. */
	if (nwaiting == WAITING_MAX) {
		childlog_later();
		return;
	}
	snprintf(line, sizeof(line), "%llu log lines lost",
	    (unsigned long long)lost);
	lost = 0;
	childlog_put(LOGLEVEL_WARN, line);
	childlog_run();
}

/* May another line be sent? */
static int
childlog_may(uint64_t now)
{
	uint64_t	 more;

	more = (now - credit_at) * RATE_SECOND / 1000000;
	if (more > 0) {
		credit = credit + more > RATE_BURST ? RATE_BURST :
		    credit + more;
		credit_at = now;
	}
	if (credit == 0)
		return (0);
	credit--;
	return (1);
}

static void
childlog_sink(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	if (level > LOGLEVEL_FATAL && !childlog_may(worker_now())) {
		childlog_lose();
		return;
	}
	childlog_put(level, line);
	childlog_run();
	/* The process ends now: this is the last chance. */
	if (level <= LOGLEVEL_FATAL && control != NULL)
		(void)channel_flush(control);
	childlog_last(level, line, NULL);
}

void
childlog_last(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	if (level <= LOGLEVEL_FATAL && words != -1)
		(void)dprintf(words, "%s\n", line);
}

int
childlog_early(void)
{
	words = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	if (words == -1 || dup2(STDIN_FILENO, STDERR_FILENO) == -1)
		return (-1);
	log_set_sink(childlog_last, NULL);
	return (0);
}

void
childlog_ready(void)
{
	if (words != -1)
		close(words);
	words = -1;
}

int
childlog_init(struct event_base *base)
{
	if ((note = evtimer_new(base, childlog_note, NULL)) == NULL)
		return (-1);
	credit_at = worker_now();
	log_set_sink(childlog_sink, NULL);
	return (0);
}

void
childlog_channel(struct channel *ch)
{
	control = ch;
	if (ch != NULL)
		childlog_run();
}

void
childlog_end(void)
{
	if (lost > 0)
		childlog_note(-1, 0, NULL);
}
