/* SPDX-License-Identifier: ISC */

/*
 * See listener.h.  Where a listener stays, the new set's descriptor is of the
 * same socket, so nothing in its backlog is lost.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "listener.h"
#include "worker/frame/worker.h"

/* Accepted in one turn of the loop; other connections need theirs. */
#define ACCEPT_BATCH	32

/* Seconds to wait when descriptors or memory have run out. */
#define ACCEPT_PAUSE	1

/* In one set: the parent sends fewer, or has gone mad. */
#define LISTENERS_MAX	1024

struct listener {
	TAILQ_ENTRY(listener)	 entry;
	struct event		 ev;
	struct msg_listen	 conf;
	struct msg_proxy	 proxies[PROXIES_MAX];
	uint32_t		 nproxies;
	int			 fd;
};
TAILQ_HEAD(listeners, listener);

static struct listeners		 current = TAILQ_HEAD_INITIALIZER(current);
static struct listeners		 next = TAILQ_HEAD_INITIALIZER(next);
static uint32_t			 nnext;
static struct event		*pause_timer;	/* pending: accept paused */
static int			 opened, closed;
static listener_arrived		*arrived;
static struct listener_stats	 stats;

/* Looks again in a while; at once, if there is no memory for a timer. */
static void
listener_later(void)
{
	static const struct timeval	 tv = { ACCEPT_PAUSE, 0 };

	if (evtimer_add(pause_timer, &tv) == -1)
		event_active(pause_timer, EV_TIMEOUT, 0);
}

static void
listener_watch(void)
{
	struct listener	*l;
	int		 on;

	on = opened && !closed && !evtimer_pending(pause_timer, NULL);
	TAILQ_FOREACH(l, &current, entry)
		if (!on)
			(void)event_del(&l->ev);
		else if (event_add(&l->ev, NULL) == -1) {
			log_warn("listen on %s: event",
			    addr_print(&l->conf.addr));
			listener_later();
		}
}

static void
listener_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	listener_watch();
}

static void
listener_pause(const struct listener *l)
{
	stats.paused++;
	log_warn("listen on %s: accept paused", addr_print(&l->conf.addr));
	listener_later();
	listener_watch();
}

/* Is this error of accept(2) about one connection only?  The next may do. */
static int
listener_passing(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case ECONNRESET:
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
		return (1);
	default:
		return (0);
	}
}

static int
in_network(const struct addr *addr, const struct msg_proxy *net)
{
	uint32_t	 whole = net->bits / 8, rest = net->bits % 8;
	uint8_t		 mask = (uint8_t)(0xff00 >> rest);

	if (addr->family != net->addr.family || whole > sizeof(addr->octets))
		return (0);
	return (memcmp(addr->octets, net->addr.octets, whole) == 0 &&
	    (rest == 0 || ((addr->octets[whole] ^ net->addr.octets[whole]) &
	    mask) == 0));
}

/* Is it a trusted proxy, which has to say for whom it comes? */
static int
listener_is_proxy(const struct listener *l, const struct addr *addr)
{
	uint32_t	 i;

	for (i = 0; i < l->nproxies; i++)
		if (in_network(addr, &l->proxies[i]))
			return (1);
	return (0);
}

static void
listener_accept(evutil_socket_t lfd, short what, void *arg)
{
	struct listener		*l = arg;
	struct sockaddr_storage	 ss;
	struct addr		 peer;
	socklen_t		 len;
	int			 i, fd;

	(void)what;
	for (i = 0; i < ACCEPT_BATCH; i++) {
		len = sizeof(ss);
		memset(&ss, 0, sizeof(ss));
		fd = accept4(lfd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1 && listener_passing(errno))
			continue;
		if (fd == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (fd == -1) {
			listener_pause(l);
			return;
		}
		stats.accepted++;
		addr_from_sa(&peer, (struct sockaddr *)&ss);
		if (arrived(fd, &peer, &l->conf, listener_is_proxy(l,
		    &peer)) == -1) {
			listener_pause(l);
			return;
		}
	}
}

static void
listeners_free(struct listeners *list)
{
	struct listener	*l;

	while ((l = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, l, entry);
		(void)event_del(&l->ev);
		close(l->fd);		/* the parent holds it too */
		free(l);
	}
}

void
listener_init(listener_arrived *fn)
{
	arrived = fn;
	pause_timer = evtimer_new(worker_base(), listener_resume, NULL);
	if (pause_timer == NULL)
		fatal("listener: event");
}

void
listener_begin(void)
{
	listeners_free(&next);
	nnext = 0;
}

static int
listener_add(struct imsg *imsg)
{
	struct listener	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (-1);
	if (imsg_get_data(imsg, &l->conf, sizeof(l->conf)) == -1 ||
	    nnext >= LISTENERS_MAX || (l->fd = imsg_get_fd(imsg)) == -1) {
		free(l);
		errno = EINVAL;
		return (-1);
	}
	if (event_assign(&l->ev, worker_base(), l->fd, EV_READ | EV_PERSIST,
	    listener_accept, l) == -1) {
		close(l->fd);
		free(l);
		errno = EINVAL;
		return (-1);
	}
	TAILQ_INSERT_TAIL(&next, l, entry);
	nnext++;
	return (0);
}

static int
listener_add_proxy(struct imsg *imsg)
{
	struct listener		*l;
	struct msg_proxy	 msg;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		return (-1);
	TAILQ_FOREACH(l, &next, entry)
		if (l->conf.number == msg.listen)
			break;
	if (l == NULL || l->nproxies == PROXIES_MAX) {
		errno = EINVAL;
		return (-1);
	}
	l->proxies[l->nproxies++] = msg;
	return (0);
}

int
listener_configure(struct imsg *imsg)
{
	switch (imsg_get_type(imsg)) {
	case IMSG_CONF_LISTEN:
		return (listener_add(imsg));
	case IMSG_CONF_PROXY:
		return (listener_add_proxy(imsg));
	default:
		errno = EINVAL;
		return (-1);
	}
}

void
listener_commit(void)
{
	listeners_free(&current);
	TAILQ_CONCAT(&current, &next, entry);
	nnext = 0;
	listener_watch();
}

void
listener_open(int on)
{
	opened = on;
	listener_watch();
}

void
listener_close(void)
{
	closed = 1;
	(void)event_del(pause_timer);
	listeners_free(&current);
	listeners_free(&next);
}

const struct listener_stats *
listener_stats(void)
{
	return (&stats);
}
