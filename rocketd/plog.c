/* SPDX-License-Identifier: ISC */

/*
 * The parent's log.  Owns the destination's descriptors.  Never waits: lines
 * that the destination does not take are counted, and the next one that it
 * takes comes with the count.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/channel.h"
#include "shared/compat.h"
#include "shared/log.h"
#include "shared/logline.h"
#include "null.h"
#include "plog.h"
#include "procs.h"

#define PLOG_SYSLOG	"/dev/log"
/* Seconds; a restarted syslogd may have another socket. */
#define PLOG_LOOK	5

static struct {
	struct rocketd	*env;
	enum log_dest	 dest;
	int		 errfd;		/* a copy of standard error */
	int		 sysfd;		/* connected to syslogd, -1 none */
	dev_t		 dev;		/* of its socket */
	ino_t		 ino;
	uint64_t	 lost;		/* not reported yet */
	struct event	*look;
	void		(*moved)(struct rocketd *);
} plog = { .errfd = -1, .sysfd = -1 };

/* ---- destinations ---- */

/* A datagram socket to syslogd that does not block. */
static int
plog_connect(void)
{
	struct sockaddr_un	 sun;
	struct stat		 st;
	int			 fd, saved;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strlcpy(sun.sun_path, PLOG_SYSLOG, sizeof(sun.sun_path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (-1);
	if (stat(PLOG_SYSLOG, &st) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return (-1);
	}
	plog.dev = st.st_dev;
	plog.ino = st.st_ino;
	return (fd);
}

/* Connects again, and returns 1, if syslogd was restarted. */
static int
plog_moved(void)
{
	struct stat	 st;
	int		 fd;

	if (plog.dest != LOGDEST_SYSLOG || stat(PLOG_SYSLOG, &st) == -1)
		return (0);
	if (plog.sysfd != -1 && st.st_dev == plog.dev && st.st_ino == plog.ino)
		return (0);
	if ((fd = plog_connect()) == -1)
		return (0);
	if (plog.sysfd != -1)
		close(plog.sysfd);
	plog.sysfd = fd;
	return (1);
}

static void
plog_look(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (!plog_moved())
		return;
	log_info("syslog: connected again");
	plog.moved(plog.env);
}

int
plog_watch(struct rocketd *env, void (*moved)(struct rocketd *))
{
	struct timeval	 tv = { PLOG_LOOK, 0 };

	plog.look = event_new(env->base, -1, EV_PERSIST, plog_look, NULL);
	plog.moved = moved;
	if (plog.look == NULL || event_add(plog.look, &tv) == -1)
		return (-1);
	return (0);
}

void
plog_unwatch(void)
{
	if (plog.look != NULL)
		event_free(plog.look);
	plog.look = NULL;
}

void
plog_detach(void)
{
	int	 fd;

	if (plog.dest != LOGDEST_SYSLOG)
		return;
	if ((fd = null_open()) == -1)
		return;		/* detach_done has logged it */
	close(plog.errfd);
	plog.errfd = fd;
}

void
plog_to(enum log_dest dest)
{
	plog.dest = dest;
	if (dest != LOGDEST_SYSLOG || plog.sysfd != -1)
		return;
	if ((plog.sysfd = plog_connect()) == -1)
		log_warn("syslog: %s: standard error serves instead",
		    PLOG_SYSLOG);
}

int
plog_lend(enum log_dest *dest)
{
	int	 fd = plog.errfd;

	*dest = plog.dest;
	if (plog.dest == LOGDEST_SYSLOG) {
		if (plog.sysfd != -1)
			fd = plog.sysfd;
		else
			*dest = LOGDEST_STDERR;
	}
	return (fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

/* ---- lines that control does not write ---- */

static int
plog_write(enum log_level level, const char *line)
{
	static const struct msg_channel	 self = { .role = PROC_PARENT };
	struct timespec			 now = { 0, 0 };
	struct pollfd			 pfd;
	enum log_dest			 dest = plog.dest;
	char				 buf[LOGLINE_MAX];
	ssize_t				 len;

	if (dest == LOGDEST_SYSLOG && plog.sysfd == -1)
		dest = LOGDEST_STDERR;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	len = logline_format(buf, dest, getpid(), &now, &self, level, line);
	if (dest == LOGDEST_SYSLOG)
		return (send(plog.sysfd, buf, len, MSG_DONTWAIT) == len ?
		    0 : -1);
	/* Room for some is room for all: it is below PIPE_BUF. */
	pfd.fd = plog.errfd;
	pfd.events = POLLOUT;
	if (poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLOUT))
		return (-1);
	return (write(plog.errfd, buf, len) == len ? 0 : -1);
}

static void
plog_direct(enum log_level level, const char *line)
{
	char	 note[64];

	if (plog.lost > 0) {
		snprintf(note, sizeof(note), "%llu lines were lost",
		    (unsigned long long)plog.lost);
		if (plog_write(LOGLEVEL_WARN, note) == 0)
			plog.lost = 0;
	}
	if (plog_write(level, line) == -1)
		plog.lost++;
}

/* ---- lines ---- */

static void
plog_sink(enum log_level level, const char *line, void *arg)
{
	struct child	*control = procs_find(plog.env, PROC_CONTROL);
	struct msg_log	 msg;
	size_t		 len;

	(void)arg;
	if (control == NULL || control->chan == NULL || control->killed ||
	    control->ready_at == 0 || channel_full(control->chan)) {
		plog_direct(level, line);
		return;
	}
	memset(&msg, 0, sizeof(msg));
	msg.level = level;
	len = strlcpy(msg.text, line, sizeof(msg.text));
	if (len >= sizeof(msg.text))
		len = sizeof(msg.text) - 1;
	if (channel_send(control->chan, IMSG_LOG, -1, &msg,
	    offsetof(struct msg_log, text) + len + 1) == -1) {
		plog_direct(level, line);
		return;
	}
	/* The last line before exit(3) must not stay in a queue. */
	if (level <= LOGLEVEL_FATAL)
		(void)channel_flush(control->chan);
}

int
plog_init(struct rocketd *env)
{
	plog.env = env;
	plog.dest = LOGDEST_STDERR;
	plog.errfd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (plog.errfd == -1)
		return (-1);
	log_set_sink(plog_sink, NULL);
	return (0);
}
