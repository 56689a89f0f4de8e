/* SPDX-License-Identifier: ISC */

/*
 * Streams that carry all they can.  Octets count where and when they arrive:
 * what comes down is counted here, what goes up by the target, which is asked
 * over its control socket at both ends of the window.  Only which of the
 * streams up was slowest is told from what was sent.  Afterwards the streams
 * up are ended, and the target's sum of each is held against what was sent.
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

#define DRAIN_US	3000000		/* for what was sent to be summed */
#define SUM_SIZE	8		/* of the target's answer */

struct flow {
	struct conn	 conn;		/* first: one is the other */
	uint64_t	 received;	/* in the window */
	uint64_t	 sent;		/* in the window */
	uint64_t	 sent_ever;
	size_t		 payload;	/* place in the payload */
	size_t		 sum_len;
	uint8_t		 sum[SUM_SIZE];
	int		 open;		/* has said what it wants */
};

static struct {
	struct flow	*flows;
	int		 count;
	int		 open;
	int		 failed;
	int		 draining;	/* flows whose sum is waited for */
	int		 verified;	/* whose sum was right */
	int		 up, down;
	int		 control;	/* -1: none */
} bulk;

/* What has arrived somewhere, and when. */
struct mark {
	uint64_t	 up, up_us;	/* the target's figures */
	uint64_t	 us;
	uint64_t	 cpu_us;
};

static uint8_t
bulk_ask(void)
{
	if (bulk.up && bulk.down)
		return (ASK_BOTH);
	return (bulk.up ? ASK_SINK : ASK_SOURCE);
}

static int
flow_failed(struct flow *f, const char *why)
{
	warnx("stream %d: %s", (int)(f - bulk.flows), why);
	loop_del(&f->conn);
	if (++bulk.failed == bulk.count)
		errx(1, "no stream is left");
	return (0);
}

static int
flow_open(struct flow *f)
{
	uint8_t	 ask = bulk_ask();
	ssize_t	 n;

	if ((n = send(f->conn.fd, &ask, 1, MSG_NOSIGNAL)) == -1)
		return (net_again() ? 0 : -1);
	f->open = 1;
	if (++bulk.open == bulk.count)
		loop_stop();
	return (0);
}

static int
flow_recv(struct flow *f)
{
	ssize_t	 n;
	int	 i;

	for (i = 0; i < TURN_IO && f->conn.flags & CONN_IN; i++) {
		n = net_discard(f->conn.fd);
		if (n == 0 || (n == -1 && !net_again()))
			return (-1);
		if (n > 0)
			f->received += n;
		/* All there was, and the end would have shown. */
		if (n < IO_SIZE && !(f->conn.flags & CONN_END))
			f->conn.flags &= ~CONN_IN;
	}
	return (0);
}

static int
flow_send(struct flow *f)
{
	ssize_t	 n;
	int	 i;

	for (i = 0; i < TURN_IO && f->conn.flags & CONN_OUT; i++) {
		n = net_send_payload(f->conn.fd, &f->payload);
		if (n == -1 && !net_again())
			return (-1);
		if (n > 0) {
			f->sent += n;
			f->sent_ever += n;
		}
		if (n < IO_SIZE)
			f->conn.flags &= ~CONN_OUT;
	}
	return (0);
}

static int
flow_run(struct conn *c)
{
	struct flow	*f = (struct flow *)c;

	if (c->flags & CONN_STALLED)
		return (flow_failed(f, "nothing moves"));
	if (c->flags & CONN_REFUSED)
		return (flow_failed(f, "refused by the proxy"));
	if (!f->open && flow_open(f) == -1)
		return (flow_failed(f, strerror(errno)));
	if (!f->open)
		return (0);
	errno = 0;
	if ((bulk.down && flow_recv(f) == -1) ||
	    (bulk.up && flow_send(f) == -1))
		return (flow_failed(f, errno == 0 ? "ended" :
		    strerror(errno)));
	/* Nothing is answered before it is asked. */
	if (!bulk.down && c->flags & CONN_END)
		return (flow_failed(f, "ended"));
	return ((bulk.down && c->flags & CONN_IN) ||
	    (bulk.up && c->flags & CONN_OUT));
}

/* Some relays cannot pass on that one half has ended: no sum, no fault. */
static int
flow_drained(struct flow *f)
{
	uint64_t	 sum;

	if (f->sum_len == SUM_SIZE) {
		memcpy(&sum, f->sum, SUM_SIZE);
		if (be64toh(sum) == f->sent_ever)
			bulk.verified++;
		else {
			warnx("stream %d: %llu octets sent, %llu arrived",
			    (int)(f - bulk.flows),
			    (unsigned long long)f->sent_ever,
			    (unsigned long long)be64toh(sum));
			bulk.failed++;
		}
	}
	loop_del(&f->conn);
	if (--bulk.draining == 0)
		loop_stop();
	return (0);
}

static int
flow_run_drain(struct conn *c)
{
	struct flow	*f = (struct flow *)c;
	ssize_t		 n;

	while (f->sum_len < SUM_SIZE) {
		n = recv(c->fd, f->sum + f->sum_len, SUM_SIZE - f->sum_len, 0);
		if (n == -1 && net_again()) {
			c->flags = 0;
			return (0);
		}
		if (n <= 0)
			break;
		f->sum_len += n;
	}
	return (flow_drained(f));
}

static void
bulk_drain(void)
{
	struct flow	*f;
	int		 i;

	for (i = 0; i < bulk.count; i++) {
		f = &bulk.flows[i];
		if (f->conn.fd == -1)
			continue;
		f->conn.run = flow_run_drain;
		f->conn.patience = 0;
		bulk.draining++;
		shutdown(f->conn.fd, SHUT_WR);
		loop_wake(&f->conn);
	}
	if (bulk.draining > 0)
		loop_run(now_us() + DRAIN_US);
}

static void
bulk_mark(struct mark *m)
{
	struct timespec	 ts;
	uint64_t	 answer[2];
	uint8_t		 question = '?';

	memset(m, 0, sizeof(*m));
	m->us = now_us();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	m->cpu_us = (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
	if (bulk.control == -1)
		return;
	if (write(bulk.control, &question, 1) != 1 || recv(bulk.control,
	    answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
		errx(1, "the target does not say what has arrived");
	m->up = be64toh(answer[0]);
	m->up_us = be64toh(answer[1]);
}

/* Octets in a microsecond are MB/s. */
static void
bulk_print(const struct opts *o, const struct mark *from, const struct mark *to)
{
	uint64_t	 octets, us, n, slowest = UINT64_MAX, fastest = 0;
	int		 i;

	octets = to->up - from->up;
	us = bulk.down ? to->us - from->us : to->up_us - from->up_us;
	if (bulk.down)
		octets = 0;
	for (i = 0; i < bulk.count; i++) {
		n = bulk.down ? bulk.flows[i].received : bulk.flows[i].sent;
		if (bulk.down)
			octets += n;
		if (n < slowest)
			slowest = n;
		if (n > fastest)
			fastest = n;
	}
	if (octets == 0)
		errx(1, "nothing has arrived");
	printf("{\"mode\":\"%s\",\"streams\":%d,\"seconds\":%.3f,"
	    "\"octets\":%llu,\"mb_s\":%.1f,\"min_mb_s\":%.1f,"
	    "\"max_mb_s\":%.1f,", o->mode, bulk.count, (double)us / 1000000,
	    (unsigned long long)octets, (double)octets / (double)us,
	    (double)slowest / (double)us, (double)fastest / (double)us);
	if (bulk.up && bulk.down && bulk.control != -1)
		printf("\"up_octets\":%llu,\"up_mb_s\":%.1f,",
		    (unsigned long long)(to->up - from->up),
		    (double)(to->up - from->up) /
		    (double)(to->up_us - from->up_us));
	if (bulk.up && !bulk.down)
		printf("\"verified\":%d,", bulk.verified);
	printf("\"cpu\":%.3f,\"errors\":%d}\n",
	    (double)(to->cpu_us - from->cpu_us) / 1000000, bulk.failed);
}

static void
bulk_open(const struct opts *o)
{
	struct flow	*f;
	int		 fd, i;

	if ((bulk.flows = calloc(o->conns, sizeof(*bulk.flows))) == NULL)
		err(1, NULL);
	bulk.count = o->conns;
	for (i = 0; i < bulk.count; i++) {
		f = &bulk.flows[i];
		f->conn.patience = PATIENCE_US;
		if ((fd = net_dial(0, 0)) == -1)
			err(1, "connect");
		socks_add(&f->conn, fd, flow_run);
	}
	loop_run(now_us() + PATIENCE_US);
	if (bulk.open < bulk.count)
		errx(1, "%d of %d streams could not be opened",
		    bulk.count - bulk.open, bulk.count);
}

int
bulk_main(const struct opts *o)
{
	struct mark	 from, to;
	int		 i;

	bulk.up = strcmp(o->mode, "down") != 0;
	bulk.down = strcmp(o->mode, "up") != 0;
	bulk.control = -1;
	if (bulk.up && o->control != NULL)
		bulk.control = net_dial_unix(o->control);
	bulk_open(o);
	loop_run(now_us() + o->warmup_us);
	for (i = 0; i < bulk.count; i++)
		bulk.flows[i].received = bulk.flows[i].sent = 0;
	bulk_mark(&from);
	loop_run(now_us() + o->run_us);
	bulk_mark(&to);
	if (bulk.up && !bulk.down)
		bulk_drain();
	bulk_print(o, &from, &to);
	return (0);
}
