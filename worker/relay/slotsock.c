/* SPDX-License-Identifier: ISC */

/* See slotsock.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/net/budget.h"
#include "worker/tunnel/service.h"
#include "dialler.h"
#include "flowsock.h"
#include "slotsock.h"

/* Octets that are read in a turn; others need theirs. */
#define BATCH		(128 * 1024)
/* It, and what the libraries keep for it. */
#define SLOTSOCK_COST	(sizeof(struct slotsock) + 512)

struct slotsock {
	struct service			*service;
	const struct slotsock_events	*events;
	void				*arg;
	struct event			 ev;
	struct flowsock			 sock;
	uint32_t			 dial;	/* request under way, or 0 */
	int				 busy;	/* in a call of its events */
	int				 dead;	/* to be freed behind it */
};

static void
slotsock_destroy(struct slotsock *s)
{
	if (s->dial != 0)
		dialler_cancel(s->dial);
	if (s->sock.fd != -1) {
		event_del(&s->ev);
		close(s->sock.fd);
	}
	s->service->budget.fds--;
	budget_hold(&s->service->budget, -(int64_t)SLOTSOCK_COST);
	free(s);
}

void
slotsock_free(struct slotsock *s)
{
	if (s == NULL)
		return;
	s->dead = 1;
	if (!s->busy)
		slotsock_destroy(s);
}

/* ---- what comes ---- */

static void
slotsock_message(struct slotsock *s, const struct flowsock_message *m)
{
	const uint8_t	*p = m->octets;
	size_t		 left = m->len, n;

	do {
		n = left < m->segment ? left : m->segment;
		if (!s->dead)
			s->events->got(s->arg, p, n);
		p += n;
		left -= n;
	} while (left > 0);
}

static void
slotsock_event(evutil_socket_t fd, short what, void *arg)
{
	struct slotsock			*s = arg;
	const struct flowsock_message	*m;
	int				 i, n, more;

	(void)fd;
	(void)what;
	s->busy = 1;
	n = flowsock_read(&s->sock, BATCH, &m, &more);
	for (i = 0; i < n; i++)
		slotsock_message(s, &m[i]);
	if (n > 0 && !s->dead)
		s->events->done(s->arg);
	if (n == -1 && errno != EAGAIN) {
		more = 1;	/* there may be datagrams behind the error */
		s->events->failed(s->arg, strerror(errno));
	}
	s->busy = 0;
	if (s->dead)
		slotsock_destroy(s);
	else if (more)
		event_active(&s->ev, EV_READ, 0);
}

/* ---- its beginning ---- */

/* -1: it cannot be watched. */
static int
slotsock_watch(struct slotsock *s, int fd)
{
	if (event_assign(&s->ev, s->service->base, fd, EV_READ | EV_PERSIST |
	    EV_ET, slotsock_event, s) == -1 || event_add(&s->ev, NULL) == -1) {
		close(fd);
		return (-1);
	}
	s->sock.fd = fd;
	return (0);
}

static void
slotsock_dialled(void *arg, int fd, const struct msg_dialled *res)
{
	struct slotsock	*s = arg;

	s->dial = 0;
	s->busy = 1;
	if (fd == -1 && res->stage == DIAL_STAGE_ELSEWHERE)
		s->events->elsewhere(s->arg, dialler_words(res));
	else if (fd == -1)
		s->events->failed(s->arg, dialler_words(res));
	else if (slotsock_watch(s, fd) == -1)
		s->events->failed(s->arg, "it cannot be watched");
	else
		s->events->up(s->arg, &res->peer);
	s->busy = 0;
	if (s->dead)
		slotsock_destroy(s);
}

struct slotsock *
slotsock_new(struct service *service, uint32_t remote, const struct addr *at,
    const struct slotsock_events *events, void *arg)
{
	struct slotsock	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->service = service;
	s->events = events;
	s->arg = arg;
	s->sock.fd = -1;
	s->dial = dialler_ask_remote(remote, 1, at,
	    service->conf.opts.dial_timeout * 1000, slotsock_dialled, s);
	if (s->dial == 0) {
		free(s);
		return (NULL);
	}
	service->budget.fds++;
	budget_hold(&service->budget, SLOTSOCK_COST);
	return (s);
}

/* ---- what is sent ---- */

void
slotsock_put(struct slotsock *s, const uint8_t *p, size_t len)
{
	if (s->sock.fd != -1)
		flowsock_put(&s->sock, p, len);
}

/* If nobody is there, reading says so. */
void
slotsock_flush(struct slotsock *s)
{
	if (s->sock.fd != -1)
		(void)flowsock_flush(&s->sock);
}
