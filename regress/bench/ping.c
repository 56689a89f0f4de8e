/* SPDX-License-Identifier: ISC */

/*
 * Ping-pong: on each connection so many octets there and the same back, one
 * after another, at once or at an interval.  A ping that is late delays the
 * next one: what is measured is what one user at a time would wait.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

struct pinger {
	struct conn	 conn;		/* first: one is the other */
	uint64_t	 start;		/* ns, of this ping */
	size_t		 sent, got;
};

static struct {
	struct hist	 hist;
	uint8_t		*words;		/* what each ping says */
	uint8_t		*answer;
	size_t		 size;
	uint64_t	 interval_us;
	uint64_t	 failed;
	int		 alive;
} ping;

static int
ping_failed(struct pinger *p)
{
	loop_del(&p->conn);
	ping.failed++;
	if (--ping.alive == 0)
		loop_stop();
	return (0);
}

static int
ping_send(struct pinger *p)
{
	ssize_t	 n;

	while (p->sent < ping.size) {
		n = send(p->conn.fd, ping.words + p->sent,
		    ping.size - p->sent, MSG_NOSIGNAL);
		if (n == -1 && net_again())
			return (0);
		if (n == -1)
			return (-1);
		p->sent += n;
	}
	return (0);
}

static int
ping_start(struct pinger *p)
{
	p->start = now_ns();
	p->sent = p->got = 0;
	return (ping_send(p));
}

/* -1 when it broke or came back other than it went. */
static int
ping_recv(struct pinger *p)
{
	size_t	 left;
	ssize_t	 n;

	while (p->conn.flags & CONN_IN && p->got < ping.size) {
		left = ping.size - p->got;
		n = recv(p->conn.fd, ping.answer, left, 0);
		if (n == -1 && net_again()) {
			p->conn.flags &= ~CONN_IN;
			break;
		}
		if (n <= 0 || memcmp(ping.answer, ping.words + p->got, n) != 0)
			return (-1);
		p->got += n;
	}
	return (0);
}

static int
ping_run(struct conn *c)
{
	struct pinger	*p = (struct pinger *)c;
	uint64_t	 now;

	if (c->flags & CONN_FAILED)
		return (ping_failed(p));
	if (c->flags & CONN_DUE) {
		c->flags &= ~CONN_DUE;
		return (ping_start(p) == -1 ? ping_failed(p) : 0);
	}
	if (c->flags & CONN_LATER)
		return (c->flags & CONN_END ? ping_failed(p) : 0);
	if (ping_send(p) == -1 || ping_recv(p) == -1)
		return (ping_failed(p));
	if (p->got < ping.size)
		return (0);
	now = now_ns();
	hist_add(&ping.hist, now - p->start);
	/* All of it is there: the next octets bring an event of their own. */
	if (!(c->flags & CONN_END))
		c->flags &= ~CONN_IN;
	if (now - p->start >= ping.interval_us * 1000)
		return (ping_start(p) == -1 ? ping_failed(p) : 0);
	loop_later(c, p->start / 1000 + ping.interval_us);
	return (0);
}

static void
ping_open(struct pinger *p)
{
	int	 fd;

	p->conn.patience = PATIENCE_US;
	if ((fd = net_dial(0, 0)) == -1)
		err(1, "connect");
	ping.alive++;
	p->start = now_ns();
	/* Should it fail, the event that follows says so too. */
	if (socks_add(&p->conn, fd, ping_run))
		ping_send(p);
}

/* One that is out, and for longer than any has been, counts with its age. */
static void
ping_overdue(const struct pinger *p, int count)
{
	uint64_t	 age, now = now_ns(), max = ping.hist.max;
	int		 i;

	for (i = 0; i < count; i++) {
		if (p[i].conn.fd == -1 || p[i].conn.flags & CONN_LATER)
			continue;
		if ((age = now - p[i].start) > max)
			hist_add(&ping.hist, age);
	}
}

int
ping_main(const struct opts *o)
{
	struct pinger	*pingers;
	int		 i;

	ping.size = o->size;
	ping.interval_us = o->interval_us;
	if ((pingers = calloc(o->conns, sizeof(*pingers))) == NULL ||
	    (ping.words = malloc(ping.size)) == NULL ||
	    (ping.answer = malloc(ping.size)) == NULL)
		err(1, NULL);
	arc4random_buf(ping.words, ping.size);
	ping.words[0] = ASK_ECHO;
	for (i = 0; i < o->conns; i++)
		ping_open(&pingers[i]);
	loop_run(now_us() + o->warmup_us);
	memset(&ping.hist, 0, sizeof(ping.hist));
	if (ping.alive > 0)
		loop_run(now_us() + o->run_us);
	if (ping.alive == 0)
		errx(1, "all connections were lost");
	if (ping.hist.count == 0)
		errx(1, "no ping came back");
	ping_overdue(pingers, o->conns);
	printf("{\"count\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,"
	    "\"max_us\":%.1f,\"errors\":%llu}\n",
	    (unsigned long long)ping.hist.count, hist_us(&ping.hist, 0.5),
	    hist_us(&ping.hist, 0.99), (double)ping.hist.max / 1000,
	    (unsigned long long)ping.failed);
	return (0);
}
