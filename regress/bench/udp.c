/* SPDX-License-Identifier: ISC */

/*
 * Datagrams from so many sockets, each of which is a flow: up to the target as
 * fast as they go or at a rate, down from it, or as ping-pong.  Those that go
 * up count where they arrive, so the target is asked over its control socket.
 * Losses are told, and are no fault: who sends without a rate sends more than
 * anybody takes.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <endian.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define TICK_US		1000		/* of what goes at a rate */
#define ASK_US		100000		/* who wants datagrams says so anew */
#define LOST_US		500000		/* a ping of this age is lost */
#define DRAIN_US	300000		/* for what is under way */
#define SERIAL_SIZE	8		/* of a ping, behind the ask */

struct sender {
	struct conn	 conn;		/* first: one is the other */
	uint64_t	 start;		/* ns, of this ping */
	uint64_t	 serial;	/* of this ping */
};

static struct {
	struct sender	*senders;
	struct hist	 hist;
	const struct opts *opts;
	uint64_t	 began;		/* us, of what goes at a rate */
	uint64_t	 paced;		/* sent since then */
	uint64_t	 sent;		/* in the window */
	uint64_t	 received, octets;	/* likewise */
	uint64_t	 lost, refused;
	uint64_t	 serial;
	int		 control;	/* -1: none */
	int		 quiet;		/* send no more */
} udp;

struct mark {
	uint64_t	 datagrams, octets, us, cpu_us;
};

/* ---- up ---- */

static void
sender_burst(struct sender *s, uint64_t n)
{
	int	 m;

	while (n > 0) {
		m = n < DATAGRAMS ? (int)n : DATAGRAMS;
		m = net_send_datagrams(s->conn.fd, NULL, ASK_SINK,
		    udp.opts->size, m);
		if (m <= 0) {
			udp.refused += m == -1 && !net_again();
			return;
		}
		udp.sent += m;
		n -= m;
	}
}

/* All senders together keep to the rate, whoever of them is late. */
static void
sender_pace(struct sender *s)
{
	uint64_t	 now = now_us(), owed;

	owed = (now - udp.began) * udp.opts->rate / 1000000;
	if (owed > udp.paced) {
		sender_burst(s, owed - udp.paced);
		udp.paced = owed;
	}
	loop_later(&s->conn, now + TICK_US * udp.opts->conns);
}

static int
sender_run_up(struct conn *c)
{
	struct sender	*s = (struct sender *)c;
	int		 n = DATAGRAMS / udp.opts->conns;

	if (udp.quiet)
		return (0);
	if (udp.opts->rate == 0) {
		sender_burst(s, n > 0 ? n : 1);
		return (1);
	}
	if (c->flags & CONN_DUE) {
		c->flags &= ~CONN_DUE;
		sender_pace(s);
	}
	return (0);
}

/* ---- down ---- */

static int
sender_run_down(struct conn *c)
{
	struct sender	*s = (struct sender *)c;
	size_t		 octets;
	int		 i, n;

	if (c->flags & CONN_DUE) {
		c->flags &= ~CONN_DUE;
		if (net_send_datagrams(c->fd, NULL, ASK_SOURCE,
		    udp.opts->size, 1) == -1)
			udp.refused++;
		loop_later(&s->conn, now_us() + ASK_US);
	}
	for (i = 0; i < TURN_IO && c->flags & CONN_IN; i++) {
		n = net_discard_datagrams(c->fd, &octets);
		if (n <= 0) {
			c->flags &= ~CONN_IN;
			break;
		}
		udp.received += n;
		udp.octets += octets;
	}
	return (c->flags & CONN_IN);
}

/* ---- ping-pong ---- */

static void
sender_ping(struct sender *s)
{
	uint8_t	 buf[DATAGRAM_SIZE];

	memset(buf, 'x', udp.opts->size);
	buf[0] = ASK_ECHO;
	s->serial = ++udp.serial;
	memcpy(buf + 1, &s->serial, SERIAL_SIZE);
	s->start = now_ns();
	udp.sent++;
	if (send(s->conn.fd, buf, udp.opts->size, 0) == -1 && !net_again())
		udp.refused++;
	loop_later(&s->conn, s->start / 1000 + LOST_US);
}

static int
sender_run_ping(struct conn *c)
{
	struct sender	*s = (struct sender *)c;
	uint8_t		 buf[DATAGRAM_SIZE];
	ssize_t		 n;
	int		 back = 0;

	while (c->flags & CONN_IN) {
		if ((n = recv(c->fd, buf, sizeof(buf), 0)) == -1) {
			c->flags &= ~CONN_IN;
			break;
		}
		if ((size_t)n == udp.opts->size && s->serial != 0 &&
		    memcmp(buf + 1, &s->serial, SERIAL_SIZE) == 0)
			back = 1;
	}
	if (back) {
		hist_add(&udp.hist, now_ns() - s->start);
		loop_sooner(c);
		if (udp.opts->interval_us == 0)
			sender_ping(s);
		else {
			s->serial = 0;
			loop_later(c, s->start / 1000 +
			    udp.opts->interval_us);
		}
	} else if (c->flags & CONN_DUE) {
		c->flags &= ~CONN_DUE;
		udp.lost += s->serial != 0;
		sender_ping(s);
	}
	return (0);
}

/* ---- all of them ---- */

static void
udp_mark(struct mark *m)
{
	struct timespec	 ts;
	uint64_t	 answer[3];
	uint8_t		 question = ASK_DATAGRAMS;

	memset(m, 0, sizeof(*m));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	m->cpu_us = (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
	m->datagrams = udp.received;
	m->octets = udp.octets;
	m->us = now_us();
	if (udp.control == -1)
		return;
	if (write(udp.control, &question, 1) != 1 || recv(udp.control,
	    answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
		errx(1, "the target does not say what has arrived");
	m->datagrams = be64toh(answer[0]);
	m->octets = be64toh(answer[1]);
	m->us = be64toh(answer[2]);
}

static void
udp_open(int (*run)(struct conn *))
{
	struct sender	*s;
	int		 i;

	if ((udp.senders = calloc(udp.opts->conns, sizeof(*s))) == NULL)
		err(1, NULL);
	udp.began = now_us();
	for (i = 0; i < udp.opts->conns; i++) {
		s = &udp.senders[i];
		loop_add(&s->conn, net_dial_udp(), run);
		if (run == sender_run_up && udp.opts->rate == 0)
			loop_wake(&s->conn);
		else
			loop_later(&s->conn, udp.began);
	}
}

static void
udp_print_ping(void)
{
	if (udp.hist.count == 0)
		errx(1, "no ping came back");
	printf("{\"mode\":\"ping\",\"count\":%llu,\"p50_us\":%.1f,"
	    "\"p99_us\":%.1f,\"max_us\":%.1f,\"lost\":%llu,\"errors\":%llu}\n",
	    (unsigned long long)udp.hist.count, hist_us(&udp.hist, 0.5),
	    hist_us(&udp.hist, 0.99), (double)udp.hist.max / 1000,
	    (unsigned long long)udp.lost, (unsigned long long)udp.refused);
}

static void
udp_print(const struct mark *from, const struct mark *to,
    const struct mark *end)
{
	double		 us = (double)(to->us - from->us), lost = 0;
	uint64_t	 n = to->datagrams - from->datagrams;

	if (n == 0)
		errx(1, "nothing has arrived");
	if (udp.sent > end->datagrams - from->datagrams)
		lost = 1 - (double)(end->datagrams - from->datagrams) /
		    (double)udp.sent;
	printf("{\"mode\":\"%s\",\"flows\":%d,\"size\":%zu,\"seconds\":%.3f,"
	    "\"datagrams\":%llu,\"per_s\":%.1f,\"mb_s\":%.3f,", udp.opts->mode,
	    udp.opts->conns, udp.opts->size, us / 1000000,
	    (unsigned long long)n, (double)n * 1000000 / us,
	    (double)(to->octets - from->octets) / us);
	if (udp.control != -1)
		printf("\"sent\":%llu,\"loss\":%.6f,",
		    (unsigned long long)udp.sent, lost);
	printf("\"cpu\":%.3f,\"errors\":%llu}\n",
	    (double)(to->cpu_us - from->cpu_us) / 1000000,
	    (unsigned long long)udp.refused);
}

int
udp_main(const struct opts *o)
{
	struct mark	 from, to, end;
	int		 up = strcmp(o->mode, "up") == 0;
	int		 ping = strcmp(o->mode, "ping") == 0;

	if (o->size > DATAGRAM_SIZE || o->size < 1 + SERIAL_SIZE)
		errx(1, "size: %zu is not from %d to %d", o->size,
		    1 + SERIAL_SIZE, DATAGRAM_SIZE);
	udp.opts = o;
	udp.control = up ? net_dial_unix(o->control) : -1;
	udp_open(up ? sender_run_up : ping ? sender_run_ping :
	    sender_run_down);
	loop_run(now_us() + o->warmup_us);
	udp.sent = udp.lost = 0;
	memset(&udp.hist, 0, sizeof(udp.hist));
	udp_mark(&from);
	loop_run(now_us() + o->run_us);
	udp_mark(&to);
	if (ping) {
		udp_print_ping();
		return (0);
	}
	udp.quiet = 1;
	loop_run(now_us() + DRAIN_US);
	udp_mark(&end);
	udp_print(&from, &to, &end);
	return (0);
}
