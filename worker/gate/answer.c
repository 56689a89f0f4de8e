/* SPDX-License-Identifier: ISC */

/*
 * See answer.h.  After the answer the peer's octets are read to their end: a
 * close with unread octets would reset the connection, and lose the answer.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "shared/compat.h"
#include "worker/frame/worker.h"
#include "answer.h"
#include "route.h"

enum answer_state {
	ANSWER_DUE,		/* waits for its time */
	ANSWER_SENDING,
	ANSWER_LINGERING	/* it is sent; awaits the end */
};

struct answer {
	const struct answer_kind	*kind;
	void				*made;	/* by kind, or NULL */
	int				 fd;
	enum answer_state		 state;
	struct event			 ev;
	struct event			 timer;
	size_t				 drained;	/* octets */
	void				(*over)(void *);
	void				*arg;
};

static uint8_t	 scratch[ROUTE_OCTETS_MAX];

static int
answer_wait(struct answer *a, uint64_t us)
{
	struct timeval	 tv = { us / 1000000, us % 1000000 };

	return (evtimer_add(&a->timer, &tv));
}

static void	 answer_event(evutil_socket_t, short, void *);

static int
answer_watch(struct answer *a, short what)
{
	(void)event_del(&a->ev);
	if (event_assign(&a->ev, worker_base(), a->fd, what, answer_event,
	    a) == -1)
		return (-1);
	return (event_add(&a->ev, NULL));
}

/* Reads until there is nothing more, the end, or too much. */
static void
answer_drain(struct answer *a)
{
	ssize_t	 n;

	while ((n = read(a->fd, scratch, sizeof(scratch))) > 0) {
		a->drained += (size_t)n;
		if (a->drained > a->kind->linger_max)
			break;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	a->over(a->arg);
}

static void
answer_linger(struct answer *a)
{
	a->state = ANSWER_LINGERING;
	if (shutdown(a->fd, SHUT_WR) == -1 ||
	    answer_wait(a, a->kind->linger_us) == -1 ||
	    answer_watch(a, EV_READ | EV_PERSIST | EV_ET) == -1)
		a->over(a->arg);
	else
		answer_drain(a);
}

static void
answer_send(struct answer *a)
{
	int	 r = a->kind->send(a->made, a->fd);

	if (r == 1)
		answer_linger(a);
	else if (r == -1)
		a->over(a->arg);
	else if (a->state == ANSWER_DUE) {	/* the rest when it is taken */
		a->state = ANSWER_SENDING;
		if (answer_wait(a, a->kind->send_us) == -1 ||
		    answer_watch(a, EV_WRITE | EV_PERSIST) == -1)
			a->over(a->arg);
	}
}

static void
answer_event(evutil_socket_t fd, short what, void *arg)
{
	struct answer	*a = arg;

	(void)fd;
	(void)what;
	if (a->state == ANSWER_LINGERING)
		answer_drain(a);
	else
		answer_send(a);
}

static void
answer_timer(evutil_socket_t fd, short what, void *arg)
{
	struct answer	*a = arg;

	(void)fd;
	(void)what;
	if (a->state == ANSWER_DUE)
		answer_send(a);
	else
		a->over(a->arg);
}

/* -1: the peer is gone, or no memory. */
static int
answer_make(struct answer *a, uint32_t decoy, const struct addr *peer)
{
	ssize_t	 n;

	if (a->kind->make == NULL)
		return (0);
	n = recv(a->fd, scratch, sizeof(scratch), MSG_PEEK);
	if (n <= 0)
		return (-1);
	a->made = a->kind->make(decoy, peer, scratch, (size_t)n);
	return (a->made == NULL ? -1 : 0);
}

struct answer *
answer_new(int fd, const struct answer_kind *kind, uint32_t decoy,
    const struct addr *peer, uint64_t asked, void (*over)(void *), void *arg)
{
	struct answer	*a;
	uint64_t	 now = worker_now(), due = asked + kind->delay_us;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (NULL);
	a->kind = kind;
	a->fd = fd;
	a->over = over;
	a->arg = arg;
	if (event_assign(&a->ev, worker_base(), fd, 0, answer_event, a) ==
	    -1 || evtimer_assign(&a->timer, worker_base(), answer_timer, a) ==
	    -1) {
		free(a);
		return (NULL);
	}
	if (answer_make(a, decoy, peer) == -1 ||
	    answer_wait(a, due > now ? due - now : kind->late_us) == -1) {
		answer_free(a);
		return (NULL);
	}
	return (a);
}

void
answer_free(struct answer *a)
{
	if (a == NULL)
		return;
	(void)event_del(&a->timer);
	(void)event_del(&a->ev);
	if (a->made != NULL)
		a->kind->free(a->made);
	free(a);
}
