/* SPDX-License-Identifier: ISC */

/*
 * Connections that are held: idle ones, each of which had an octet back, and
 * slow ones, which asked for all there is and read nothing of it.  So many at a
 * time are opened; once all are through, or have failed, that is said, and they
 * stay until standard input ends.  Who was lost by then is counted.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "load.h"

#define BATCH		256	/* on their way at once */
#define SLOW_RCVBUF	4096	/* what a slow one's kernel takes for it */

struct held {
	struct conn	 conn;		/* first: one is the other */
	int		 sent;
	int		 through;
};

static struct {
	struct held	*all;
	int		 count;
	int		 started, through, failed, lost;
	int		 slow;
} hold;

static int	 held_run(struct conn *);

static void
hold_more(void)
{
	struct held	*h;
	int		 fd;

	while (hold.started < hold.count &&
	    hold.started - hold.through - hold.failed < BATCH) {
		h = &hold.all[hold.started++];
		fd = net_dial(hold.slow ? SLOW_RCVBUF : 0, 0);
		if (fd == -1) {
			hold.failed++;
			continue;
		}
		h->conn.patience = PATIENCE_US;
		socks_add(&h->conn, fd, held_run);
	}
	if (hold.through + hold.failed == hold.count)
		loop_stop();
}

static int
held_failed(struct held *h)
{
	loop_del(&h->conn);
	if (h->through)
		hold.lost++;
	else {
		hold.failed++;
		hold_more();
	}
	return (0);
}

static int
held_send(struct held *h)
{
	uint8_t	 ask = hold.slow ? ASK_SOURCE : ASK_ECHO;

	if (send(h->conn.fd, &ask, 1, MSG_NOSIGNAL) == -1)
		return (net_again() ? 0 : -1);
	h->sent = 1;
	return (0);
}

/* A slow one leaves its first octet where it is. */
static int
held_recv(struct held *h)
{
	uint8_t	 c;
	ssize_t	 n;

	n = recv(h->conn.fd, &c, 1, hold.slow ? MSG_PEEK : 0);
	if (n == -1 && net_again())
		return (0);
	/* Once it is through nothing more is due; a slow one never looks. */
	if (n <= 0 || (!hold.slow && (c != ASK_ECHO || h->through)))
		return (-1);
	if (!h->through) {
		h->through = 1;
		h->conn.patience = 0;
		hold.through++;
		hold_more();
	}
	return (0);
}

static int
held_run(struct conn *c)
{
	struct held	*h = (struct held *)c;
	int		 flags = c->flags;

	if (flags & (CONN_FAILED | CONN_END))
		return (held_failed(h));
	c->flags = 0;
	if (!h->sent && held_send(h) == -1)
		return (held_failed(h));
	if (flags & CONN_IN && held_recv(h) == -1)
		return (held_failed(h));
	return (0);
}

static int
hold_main(const struct opts *o)
{
	uint64_t	 start = now_us();

	hold.count = o->conns;
	if ((hold.all = calloc(hold.count, sizeof(*hold.all))) == NULL)
		err(1, NULL);
	hold_more();
	/* Each runs out of patience by itself. */
	if (hold.through + hold.failed < hold.count)
		loop_run(UINT64_MAX);
	if (hold.through == 0)
		errx(1, "no connection got through");
	printf("{\"ready\":%d,\"seconds\":%.3f,\"errors\":%d}\n", hold.through,
	    (double)(now_us() - start) / 1000000, hold.failed);
	if (fflush(stdout) == EOF)
		err(1, "standard output");
	loop_run_held();
	printf("{\"lost\":%d}\n", hold.lost);
	return (0);
}

/* Nothing should end one that is idle; a slow one may well be. */
int
idle_main(const struct opts *o)
{
	if (hold_main(o) != 0)
		return (1);
	if (hold.lost > 0)
		errx(1, "%d of %d connections were lost", hold.lost,
		    hold.through);
	return (0);
}

int
slow_main(const struct opts *o)
{
	hold.slow = 1;
	return (hold_main(o));
}
