/* SPDX-License-Identifier: ISC */

/*
 * The generator's event loop: epoll, edge-triggered.  What the kernel tells
 * becomes flags first and work after, so a connection that has more to do
 * than a turn allows comes again in the next one, and none that is deleted is
 * looked at.  Who is silent for too long is run with CONN_STALLED.
 */

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define EVENTS_MAX	512		/* that one call asks for */
#define SCAN_US		1000000		/* between looks at who is silent */

TAILQ_HEAD(conn_queue, conn);

static struct {
	struct conn_queue	 ready, later;
	LIST_HEAD(, conn)	 all;
	uint64_t		 scan;		/* us, when the next one is */
	int			 ep;
	int			 stopped;
} loop;

uint64_t
now_ns(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

uint64_t
now_us(void)
{
	return (now_ns() / 1000);
}

void
loop_init(void)
{
	TAILQ_INIT(&loop.ready);
	TAILQ_INIT(&loop.later);
	LIST_INIT(&loop.all);
	if ((loop.ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
}

static int
loop_watch(struct conn *c, int fd, int (*run)(struct conn *))
{
	struct epoll_event	 ev = { .events = EPOLLIN | EPOLLOUT |
	    EPOLLRDHUP | EPOLLET, .data.ptr = c };

	c->fd = fd;
	c->run = run;
	c->flags = 0;
	c->seen = now_us();
	if (epoll_ctl(loop.ep, EPOLL_CTL_ADD, fd, &ev) == -1)
		return (-1);
	LIST_INSERT_HEAD(&loop.all, c, entry);
	return (0);
}

void
loop_add(struct conn *c, int fd, int (*run)(struct conn *))
{
	if (loop_watch(c, fd, run) == -1)
		err(1, "epoll_ctl");
}

void
loop_del(struct conn *c)
{
	if (c->fd == -1)
		return;
	if (c->flags & CONN_READY)
		TAILQ_REMOVE(&loop.ready, c, ready);
	if (c->flags & CONN_LATER)
		TAILQ_REMOVE(&loop.later, c, later);
	LIST_REMOVE(c, entry);
	close(c->fd);		/* and out of epoll: there is no other of it */
	c->fd = -1;
	c->flags = 0;
}

void
loop_wake(struct conn *c)
{
	if (c->flags & CONN_READY)
		return;
	TAILQ_INSERT_TAIL(&loop.ready, c, ready);
	c->flags |= CONN_READY;
}

void
loop_later(struct conn *c, uint64_t due)
{
	c->due = due;
	TAILQ_INSERT_TAIL(&loop.later, c, later);
	c->flags |= CONN_LATER;
}

void
loop_sooner(struct conn *c)
{
	if (c->flags & CONN_LATER)
		TAILQ_REMOVE(&loop.later, c, later);
	c->flags &= ~(CONN_LATER | CONN_DUE);
}

void
loop_stop(void)
{
	loop.stopped = 1;
}

static void
loop_scan(uint64_t now)
{
	struct conn	*c;

	if (now < loop.scan)
		return;
	loop.scan = now + SCAN_US;
	LIST_FOREACH(c, &loop.all, entry) {
		if (c->patience == 0 || c->flags & CONN_LATER ||
		    now < c->seen + c->patience)
			continue;
		c->flags |= CONN_STALLED;
		loop_wake(c);
	}
}

static void
loop_due(uint64_t now)
{
	struct conn	*c;

	while ((c = TAILQ_FIRST(&loop.later)) != NULL && c->due <= now) {
		TAILQ_REMOVE(&loop.later, c, later);
		c->flags &= ~CONN_LATER;
		c->flags |= CONN_DUE;
		c->seen = now;
		loop_wake(c);
	}
}

/* Waits, but not when somebody is ready, nor past what is due. */
static void
loop_wait(uint64_t now, uint64_t until)
{
	struct epoll_event	 evs[EVENTS_MAX];
	struct timespec		 ts = { 0, 0 };
	struct conn		*c;
	int			 i, n;

	if ((c = TAILQ_FIRST(&loop.later)) != NULL && c->due < until)
		until = c->due;
	if (loop.scan < until)
		until = loop.scan;
	if (TAILQ_EMPTY(&loop.ready) && until > now) {
		ts.tv_sec = (until - now) / 1000000;
		ts.tv_nsec = (until - now) % 1000000 * 1000;
	}
	n = epoll_pwait2(loop.ep, evs, EVENTS_MAX, &ts, NULL);
	if (n == -1 && errno != EINTR)
		err(1, "epoll_pwait2");
	now = now_us();
	for (i = 0; i < n; i++) {
		c = evs[i].data.ptr;
		c->seen = now;
		if (evs[i].events & EPOLLIN)
			c->flags |= CONN_IN;
		if (evs[i].events & EPOLLOUT)
			c->flags |= CONN_OUT;
		if (evs[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			c->flags |= CONN_IN | CONN_END;
		loop_wake(c);
	}
}

/* Those that are ready now; who has more to do waits for the next turn. */
static void
loop_turn(void)
{
	struct conn	*c, *last;

	last = TAILQ_LAST(&loop.ready, conn_queue);
	while (last != NULL && (c = TAILQ_FIRST(&loop.ready)) != NULL) {
		if (c == last)
			last = NULL;
		TAILQ_REMOVE(&loop.ready, c, ready);
		c->flags &= ~CONN_READY;
		if (c->run(c))
			loop_wake(c);
	}
}

void
loop_run(uint64_t until)
{
	uint64_t	 now;

	loop.stopped = 0;
	while (!loop.stopped && (now = now_us()) < until) {
		loop_wait(now, until);
		now = now_us();
		loop_due(now);
		loop_scan(now);
		loop_turn();
	}
}

/* Only its end counts.  It may be shared with others, and so it blocks. */
static int
loop_input(struct conn *c)
{
	struct pollfd	 pfd = { .fd = c->fd, .events = POLLIN };
	char		 buf[512];

	if (poll(&pfd, 1, 0) != 1)
		return (0);
	if (read(c->fd, buf, sizeof(buf)) <= 0)
		loop_stop();
	return (1);
}

static int
loop_signal(struct conn *c)
{
	(void)c;
	loop_stop();
	return (0);
}

void
loop_run_held(void)
{
	static struct conn	 in, sig;
	sigset_t		 set;
	int			 fd;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if ((fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) == -1)
		err(1, "signalfd");
	loop_add(&sig, fd, loop_signal);

	/* A file, which epoll does not take, is as good as at its end. */
	if (loop_watch(&in, STDIN_FILENO, loop_input) == 0)
		loop_run(UINT64_MAX);
	else if (errno == EPERM)
		in.fd = -1;
	else
		err(1, "standard input");
	loop_del(&in);
	loop_del(&sig);
}
