/* SPDX-License-Identifier: ISC */

/*
 * Connections of rocketctl: accepted within limits, with one request at a
 * time, which is checked against its rule before anything looks at it.
 * Nothing that comes in here can reach fatal().
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "shared/compat.h"
#include "shared/imsg.h"
#include "shared/log.h"
#include "asker.h"
#include "inquirer.h"

#define ASKER_ACCEPTS	16	/* in a turn, so that the log gets its turn */
#define ASKER_PAUSE_SEC	1	/* without descriptors */

struct asker {
	struct inquirer		 who;		/* first: see asker_of */
	TAILQ_ENTRY(asker)	 entry;
	struct imsgbuf		 imsgbuf;
	struct event		*in;
	struct event		*out;
	int			 fd;
	uid_t			 uid;
	int			 commands;	/* may command */
	int			 busy;		/* a request is in progress */
	int			 ending;	/* close when all is written */
	int			 dead;		/* close from the event loop */
	size_t			 queued;	/* octets, as last seen */
};

static struct {
	TAILQ_HEAD(, asker)	 askers;
	const struct asker_ops	*ops;
	struct event_base	*base;
	struct event		*listen;
	struct event		*pause;
	int			 fd;
	uid_t			 owner;
	size_t			 queued;	/* octets of all */
	struct asker_stats	 stats;
} askers = { .askers = TAILQ_HEAD_INITIALIZER(askers.askers), .fd = -1 };

static const struct timeval	 asker_idle = { ASKER_IDLE_SEC, 0 };

static void	 asker_acceptable(evutil_socket_t, short, void *);
static void	 asker_resume(evutil_socket_t, short, void *);
static const char *asker_room(uid_t, int);
static int	 asker_may_command(uid_t);
static void	 asker_refuse(int, const char *);
static void	 asker_new(int, uid_t);
static void	 asker_free(struct asker *);
static void	 asker_readable(evutil_socket_t, short, void *);
static void	 asker_writable(evutil_socket_t, short, void *);
static int	 asker_take(struct asker *, struct imsg *);
static void	 asker_drop(struct asker *, const char *);
static void	 asker_count(struct asker *);

int
asker_listen(struct event_base *base, int fd, uid_t owner,
    const struct asker_ops *ops)
{
	asker_unlisten();
	askers.base = base;
	askers.ops = ops;
	askers.owner = owner;
	askers.fd = fd;
	askers.listen = event_new(base, fd, EV_READ | EV_PERSIST,
	    asker_acceptable, NULL);
	askers.pause = evtimer_new(base, asker_resume, NULL);
	if (askers.listen == NULL || askers.pause == NULL ||
	    event_add(askers.listen, NULL) == -1) {
		asker_unlisten();
		return (-1);
	}
	return (0);
}

void
asker_unlisten(void)
{
	if (askers.listen != NULL)
		event_free(askers.listen);
	if (askers.pause != NULL)
		event_free(askers.pause);
	if (askers.fd != -1)
		close(askers.fd);
	askers.listen = askers.pause = NULL;
	askers.fd = -1;
}

uint32_t
asker_drain(void)
{
	struct asker	*a;

	asker_unlisten();
	TAILQ_FOREACH(a, &askers.askers, entry) {
		a->ending = 1;
		(void)event_del(a->in);
		if (!a->busy)
			event_active(a->out, EV_WRITE, 0);
	}
	return (askers.stats.now);
}

void
asker_close_all(void)
{
	struct asker	*a;

	asker_unlisten();
	while ((a = TAILQ_FIRST(&askers.askers)) != NULL)
		asker_free(a);
}

static void
asker_acceptable(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval	 tv = { ASKER_PAUSE_SEC, 0 };
	const char			*words;
	uid_t				 uid;
	gid_t				 gid;
	int				 i, s;

	(void)what;
	(void)arg;
	for (i = 0; i < ASKER_ACCEPTS; i++) {
		s = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (s == -1) {
			if (errno == EAGAIN || errno == EWOULDBLOCK ||
			    errno == EINTR || errno == ECONNABORTED)
				return;
			log_warn("control socket: accept");
			(void)event_del(askers.listen);
			(void)evtimer_add(askers.pause, &tv);
			return;
		}
		if (getpeereid(s, &uid, &gid) == -1) {
			log_warn("control socket: getpeereid");
			close(s);
			continue;
		}
		if ((words = asker_room(uid, asker_may_command(uid))) != NULL)
			asker_refuse(s, words);
		else
			asker_new(s, uid);
	}
}

static void
asker_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (event_add(askers.listen, NULL) == -1)
		log_warnx("control socket: cannot accept connections any more");
}

static int
asker_may_command(uid_t uid)
{
	return (uid == 0 || uid == askers.owner);
}

/* NULL, or the reason why this user gets no further connection. */
static const char *
asker_room(uid_t uid, int commands)
{
	struct asker	*a;
	uint32_t	 same = 0, room = ASKERS_MAX;

	TAILQ_FOREACH(a, &askers.askers, entry)
		if (a->uid == uid)
			same++;
	if (same >= ASKERS_UID)
		return ("too many connections from this user");
	if (!commands)
		room -= ASKERS_KEPT;
	if (askers.stats.now >= room)
		return ("too many connections");
	return (NULL);
}

/* Says why, in one message that fits any socket buffer, and closes. */
static void
asker_refuse(int fd, const char *words)
{
	struct imsgbuf	 imsgbuf;
	struct ctl_done	 done;

	askers.stats.refused++;
	log_debug("control socket: refused: %s", words);
	memset(&done, 0, sizeof(done));
	done.failed = 1;
	(void)strlcpy(done.words, words, sizeof(done.words));
	if (imsgbuf_init(&imsgbuf, fd) == -1) {
		close(fd);
		return;
	}
	if (imsg_compose(&imsgbuf, IMSG_CTL_DONE, CTL_VERSION, 0, -1, &done,
	    sizeof(done)) != -1)
		(void)imsgbuf_write(&imsgbuf);
	imsgbuf_clear(&imsgbuf);
	close(fd);
}

static struct asker *
asker_of(struct inquirer *who)
{
	return ((struct asker *)(void *)who);
}

static void
asker_answer(struct inquirer *who, uint32_t type, const void *data, size_t len)
{
	asker_send(asker_of(who), type, data, len);
}

static void
asker_answered(struct inquirer *who, int failed, const char *words)
{
	asker_done(asker_of(who), failed, words);
}

struct inquirer *
asker_inquirer(struct asker *a)
{
	return (&a->who);
}

static void
asker_new(int fd, uid_t uid)
{
	struct asker	*a;

	if ((a = calloc(1, sizeof(*a))) == NULL) {
		log_warn("control socket");
		close(fd);
		return;
	}
	if (imsgbuf_init(&a->imsgbuf, fd) == -1) {
		log_warn("control socket");
		close(fd);
		free(a);
		return;
	}
	a->who.answer = asker_answer;
	a->who.done = asker_answered;
	a->fd = fd;
	a->uid = uid;
	a->commands = asker_may_command(uid);
	a->in = event_new(askers.base, fd, EV_READ | EV_PERSIST,
	    asker_readable, a);
	a->out = event_new(askers.base, fd, EV_WRITE, asker_writable, a);
	TAILQ_INSERT_TAIL(&askers.askers, a, entry);
	askers.stats.now++;
	if (a->in == NULL || a->out == NULL ||
	    event_add(a->in, &asker_idle) == -1) {
		log_warnx("control socket: no memory for a connection");
		asker_free(a);
		return;
	}
	askers.stats.accepted++;
	log_debug("control socket: uid %u connected", (unsigned int)uid);
}

/* The owner forgets it in gone. */
static void
asker_free(struct asker *a)
{
	askers.ops->gone(a);
	TAILQ_REMOVE(&askers.askers, a, entry);
	askers.stats.now--;
	imsgbuf_clear(&a->imsgbuf);
	askers.queued -= a->queued;
	if (a->in != NULL)
		event_free(a->in);
	if (a->out != NULL)
		event_free(a->out);
	close(a->fd);
	free(a);
}

/* Frees it later: a caller further up may still hold it. */
static void
asker_drop(struct asker *a, const char *why)
{
	if (a->dead)
		return;
	askers.stats.dropped++;
	log_info("control socket: uid %u dropped: %s", (unsigned int)a->uid,
	    why);
	a->dead = 1;
	(void)event_del(a->in);
	event_active(a->out, EV_WRITE, 0);
}

static void
asker_readable(evutil_socket_t fd, short what, void *arg)
{
	struct asker	*a = arg;
	struct imsg	 imsg;
	int		 n, eof;

	(void)fd;
	if (a->dead || a->busy)
		return;
	if (what & EV_TIMEOUT) {
		log_debug("control socket: uid %u was idle",
		    (unsigned int)a->uid);
		asker_free(a);
		return;
	}
	n = imsgbuf_read(&a->imsgbuf);
	if (n == -1 && errno != EAGAIN)
		log_debug("control socket: uid %u: read: %s",
		    (unsigned int)a->uid, strerror(errno));
	if (n == -1 && errno != EAGAIN) {
		asker_free(a);
		return;
	}
	eof = n == 0;
	/* One request at a time: requests sent ahead wait for their turn. */
	while (!a->busy && !a->dead && !a->ending) {
		if ((n = imsgbuf_get(&a->imsgbuf, &imsg)) == -1) {
			asker_drop(a, "garbage");
			return;
		}
		if (n == 0)
			break;
		n = asker_take(a, &imsg);
		imsg_free(&imsg);
		if (n == -1)
			return;
	}
	if (!eof || a->busy || a->dead || a->ending)
		return;
	/* It may have shut down only its own half and still read. */
	if (a->queued == 0) {
		asker_free(a);
		return;
	}
	a->ending = 1;
	(void)event_del(a->in);
}

/* -1: the connection ends. */
static int
asker_take(struct asker *a, struct imsg *imsg)
{
	struct ctl_request	 req;
	const char		*why;
	char			 words[HOST_MAX];
	uint32_t		 version;

	/*
	 * The version is the first member of every request of every version:
	 * look at it before the rules of this version are applied.
	 */
	if (imsg_get_len(imsg) < sizeof(version)) {
		asker_drop(a, "a message without a version");
		return (-1);
	}
	memcpy(&version, ibuf_data(imsg->buf), sizeof(version));
	if (version != CTL_VERSION) {
		(void)snprintf(words, sizeof(words), "rocketctl speaks "
		    "version %u, rocketd version %u", version, CTL_VERSION);
		a->ending = 1;
		(void)event_del(a->in);
		asker_done(a, 1, words);
		return (-1);
	}
	if (ctl_check(PROC_CONTROL, PROC_ROCKETCTL, imsg, &why) == -1) {
		asker_drop(a, why);
		return (-1);
	}
	if (imsg_get_data(imsg, &req, sizeof(req)) == -1) {
		asker_drop(a, "a request of the wrong length");
		return (-1);
	}
	a->busy = 1;
	(void)event_del(a->in);
	askers.stats.requests++;
	askers.ops->request(a, imsg_get_type(imsg), &req);
	return (0);
}

static void
asker_writable(evutil_socket_t fd, short what, void *arg)
{
	struct asker	*a = arg;

	(void)fd;
	if (a->dead) {
		asker_free(a);
		return;
	}
	if (what & EV_TIMEOUT) {
		asker_drop(a, "it does not read its answers");
		return;
	}
	if (imsgbuf_write(&a->imsgbuf) == -1 && errno != EAGAIN) {
		log_debug("control socket: uid %u: write: %s",
		    (unsigned int)a->uid, strerror(errno));
		asker_free(a);
		return;
	}
	asker_count(a);
	if (a->queued > 0) {
		if (event_add(a->out, &asker_idle) == -1)
			asker_drop(a, "no memory");
		return;
	}
	if (a->ending && !a->busy)
		asker_free(a);
}

static void
asker_count(struct asker *a)
{
	size_t	queued;

	queued = imsgbuf_queuesize(&a->imsgbuf);
	askers.queued = askers.queued - a->queued + queued;
	a->queued = queued;
}

void
asker_send(struct asker *a, uint32_t type, const void *data, size_t len)
{
	if (a->dead)
		return;
	/* The version in the header is for a rocketctl of another version. */
	if (imsg_compose(&a->imsgbuf, type, CTL_VERSION, 0, -1, data, len) ==
	    -1) {
		asker_drop(a, strerror(errno));
		return;
	}
	asker_count(a);
	if (a->queued > ASKER_QUEUE || askers.queued > ASKERS_QUEUE) {
		asker_drop(a, "it does not read its answers");
		return;
	}
	if (!event_pending(a->out, EV_WRITE, NULL) &&
	    event_add(a->out, &asker_idle) == -1)
		asker_drop(a, "no memory");
}

void
asker_done(struct asker *a, int failed, const char *words)
{
	struct ctl_done	done;

	memset(&done, 0, sizeof(done));
	done.failed = failed != 0;
	(void)strlcpy(done.words, words, sizeof(done.words));
	asker_send(a, IMSG_CTL_DONE, &done, sizeof(done));
	a->busy = 0;
	if (a->dead || a->ending)
		return;
	if (event_add(a->in, &asker_idle) == -1) {
		asker_drop(a, "no memory");
		return;
	}
	/* A request sent ahead is in the buffer, not in the socket. */
	event_active(a->in, EV_READ, 0);
}

int
asker_commands(const struct asker *a)
{
	return (a->commands);
}

uid_t
asker_uid(const struct asker *a)
{
	return (a->uid);
}

const struct asker_stats *
asker_stats(void)
{
	return (&askers.stats);
}
