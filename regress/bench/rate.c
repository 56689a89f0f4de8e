/* SPDX-License-Identifier: ISC */

/*
 * Short connections, so many at once, each followed at once by the next: they
 * say 64 octets, want them back, and then the end, which thus comes from the
 * target; so no port of ours stays behind in TIME_WAIT.  Where all is on
 * loopback, addresses are taken in turn to have ports enough anyway.  What a
 * proxy has to be told and says is part of a connection, and of its time.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

#define SOURCES		8	/* with 28,000 ports each */
#define FAILED_MAX	1000	/* then it is no measurement any more */

struct slot {
	struct conn	 conn;		/* first: one is the other */
	uint64_t	 start;		/* ns */
	size_t		 got;
	int		 sent;
};

static struct {
	struct hist	 hist;
	uint8_t		 words[SHORT_SIZE];
	uint64_t	 failed;
	unsigned int	 source;
} rate;

static int	 slot_run(struct conn *);

/* Mostly loopback has connected by now, and it can be said at once. */
static int
slot_send(struct slot *s)
{
	ssize_t	 n;

	n = send(s->conn.fd, rate.words, SHORT_SIZE, MSG_NOSIGNAL);
	if (n == -1 && net_again())
		return (0);
	if (n != SHORT_SIZE)
		return (-1);
	s->sent = 1;
	return (0);
}

static void
slot_start(struct slot *s)
{
	int	 fd;

	s->got = 0;
	s->sent = 0;
	for (;;) {
		if (rate.failed >= FAILED_MAX)
			errx(1, "%d connections failed", FAILED_MAX);
		s->start = now_ns();
		rate.source = rate.source % SOURCES + 1;
		if ((fd = net_dial(0, rate.source)) != -1)
			break;
		rate.failed++;
	}
	s->conn.patience = PATIENCE_US;
	/* Should it fail, the event that follows says so too. */
	if (socks_add(&s->conn, fd, slot_run))
		slot_send(s);
}

static int
slot_done(struct slot *s, int failed)
{
	if (failed)
		rate.failed++;
	else
		hist_add(&rate.hist, now_ns() - s->start);
	loop_del(&s->conn);
	slot_start(s);
	return (0);
}

static int
slot_run(struct conn *c)
{
	struct slot	*s = (struct slot *)c;
	uint8_t		 buf[2 * SHORT_SIZE];
	ssize_t		 n;

	if (c->flags & CONN_FAILED)
		return (slot_done(s, 1));
	if (!s->sent && slot_send(s) == -1)
		return (slot_done(s, 1));
	while (c->flags & CONN_IN) {
		n = recv(c->fd, buf, sizeof(buf), 0);
		if (n == -1 && net_again()) {
			c->flags &= ~CONN_IN;
			break;
		}
		if (n <= 0)
			return (slot_done(s, n == -1 || s->got != SHORT_SIZE));
		if ((size_t)n > SHORT_SIZE - s->got ||
		    memcmp(buf, rate.words + s->got, n) != 0)
			return (slot_done(s, 1));
		s->got += n;
		if (!(c->flags & CONN_END))
			c->flags &= ~CONN_IN;
	}
	return (0);
}

/* One that is open, and for longer than any has been, counts with its age. */
static void
rate_overdue(const struct slot *s, int count)
{
	uint64_t	 age, now = now_ns(), max = rate.hist.max;
	int		 i;

	for (i = 0; i < count; i++)
		if ((age = now - s[i].start) > max)
			hist_add(&rate.hist, age);
}

int
rate_main(const struct opts *o)
{
	struct slot	*slots;
	uint64_t	 start, run, done;
	int		 i;

	arc4random_buf(rate.words, sizeof(rate.words));
	rate.words[0] = ASK_SHORT;
	if ((slots = calloc(o->conns, sizeof(*slots))) == NULL)
		err(1, NULL);
	for (i = 0; i < o->conns; i++)
		slot_start(&slots[i]);
	loop_run(now_us() + o->warmup_us);
	memset(&rate.hist, 0, sizeof(rate.hist));
	start = now_us();
	loop_run(start + o->run_us);
	run = now_us() - start;
	done = rate.hist.count;
	if (done == 0)
		errx(1, "no connection came to its end, %llu failed",
		    (unsigned long long)rate.failed);
	rate_overdue(slots, o->conns);
	printf("{\"per_s\":%.1f,\"count\":%llu,\"p50_us\":%.1f,"
	    "\"p99_us\":%.1f,\"max_us\":%.1f,\"errors\":%llu}\n",
	    (double)done * 1000000 / (double)run,
	    (unsigned long long)done, hist_us(&rate.hist, 0.5),
	    hist_us(&rate.hist, 0.99), (double)rate.hist.max / 1000,
	    (unsigned long long)rate.failed);
	return (0);
}
