/* SPDX-License-Identifier: ISC */

/*
 * What the generator's connections lead to, in a process of its own: a
 * listener whose every connection says with its first octet what it wants
 * (load.h), a socket whose datagrams do (udptarget.c), and a UNIX socket that
 * tells how many octets have arrived.  It promises to look at no octet behind
 * the first and to time nobody out; who breaks its connection is closed and
 * not spoken of.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <endian.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

#define ECHO_SIZE	(64 * 1024)	/* of one read, and of what is kept */
#define ACCEPT_TURN	64		/* connections accepted in a turn */

struct client {
	struct conn	 conn;		/* first: one is the other */
	uint8_t		*kept;		/* echo that was not taken yet */
	size_t		 kept_len, kept_off;
	size_t		 payload;	/* place in the payload */
	uint64_t	 octets;	/* sunk, or echoed */
	int		 ask;		/* 0: its first octet has not come */
	int		 ended;		/* the peer sends no more */
};

static struct {
	struct conn	 listener, control;
	uint64_t	 sunk;		/* by all, ever */
	int		 starved;	/* no descriptor for another */
} target;

static int
client_close(struct client *cl)
{
	loop_del(&cl->conn);
	free(cl->kept);
	free(cl);
	if (target.starved) {
		target.starved = 0;
		loop_wake(&target.listener);
	}
	return (0);
}

/* Reads on; -1 at the end or when it broke. */
static int
client_sink(struct client *cl)
{
	ssize_t	 n;
	int	 i;

	for (i = 0; i < TURN_IO && cl->conn.flags & CONN_IN; i++) {
		n = net_discard(cl->conn.fd);
		if (n == -1 && net_again())
			cl->conn.flags &= ~CONN_IN;
		else if (n <= 0) {
			cl->ended = n == 0;
			return (-1);
		} else {
			cl->octets += n;
			target.sunk += n;
			/* All there was, and the end would have shown. */
			if (n < IO_SIZE && !(cl->conn.flags & CONN_END))
				cl->conn.flags &= ~CONN_IN;
		}
	}
	return (0);
}

static int
client_source(struct client *cl)
{
	ssize_t	 n;
	int	 i;

	for (i = 0; i < TURN_IO && cl->conn.flags & CONN_OUT; i++) {
		n = net_send_payload(cl->conn.fd, &cl->payload);
		if (n == -1 && !net_again())
			return (-1);
		if (n < IO_SIZE)
			cl->conn.flags &= ~CONN_OUT;
	}
	return (0);
}

/* The sum goes into an empty buffer, which takes all of it. */
static int
client_run_sink(struct client *cl)
{
	uint64_t	 sum;

	if (client_sink(cl) == -1) {
		sum = htobe64(cl->octets);
		if (cl->ended && write(cl->conn.fd, &sum, sizeof(sum)) == -1)
			warn("the sum of a sink");
		return (client_close(cl));
	}
	return (cl->conn.flags & CONN_IN);
}

static int
client_run_source(struct client *cl)
{
	if (client_sink(cl) == -1 || client_source(cl) == -1)
		return (client_close(cl));
	return (cl->conn.flags & (CONN_IN | CONN_OUT));
}

/* Sends what was kept.  -1 when it broke, else 1 when nothing is left. */
static int
client_flush(struct client *cl)
{
	ssize_t	 n;

	while (cl->kept_len > 0) {
		n = write(cl->conn.fd, cl->kept + cl->kept_off, cl->kept_len);
		if (n == -1 && !net_again())
			return (-1);
		if (n == -1) {
			cl->conn.flags &= ~CONN_OUT;
			return (0);
		}
		cl->kept_off += n;
		cl->kept_len -= n;
	}
	return (1);
}

/* What is not taken now is kept, and no more is read before it is gone. */
static int
client_echo(struct client *cl, const uint8_t *p, size_t len)
{
	ssize_t	 n;

	cl->octets += len;
	if ((n = write(cl->conn.fd, p, len)) == -1) {
		if (!net_again())
			return (-1);
		n = 0;
	}
	if ((size_t)n == len)
		return (0);
	if (cl->kept == NULL && (cl->kept = malloc(ECHO_SIZE)) == NULL)
		return (-1);
	memcpy(cl->kept, p + n, len - n);
	cl->kept_len = len - n;
	cl->kept_off = 0;
	return (0);
}

static int
client_run_echo(struct client *cl)
{
	static uint8_t	 buf[ECHO_SIZE];
	ssize_t		 n;
	int		 i, flushed;

	for (i = 0; i < TURN_IO; i++) {
		if ((flushed = client_flush(cl)) == -1)
			return (client_close(cl));
		if (!flushed)
			return (0);
		if (cl->ask == ASK_SHORT && cl->octets >= SHORT_SIZE)
			return (client_close(cl));
		if (!(cl->conn.flags & CONN_IN))
			return (0);
		n = read(cl->conn.fd, buf, sizeof(buf));
		if (n == -1 && net_again()) {
			cl->conn.flags &= ~CONN_IN;
			return (0);
		}
		/* At the end all is back, and closing hands the end back. */
		if (n <= 0 || client_echo(cl, buf, n) == -1)
			return (client_close(cl));
		if ((size_t)n < sizeof(buf) && !(cl->conn.flags & CONN_END))
			cl->conn.flags &= ~CONN_IN;
	}
	return (1);
}

/* Peeks, so that an echo finds this octet as well. */
static int
client_ask(struct client *cl)
{
	uint8_t	 c;
	ssize_t	 n;

	n = recv(cl->conn.fd, &c, 1, MSG_PEEK);
	if (n == -1 && net_again()) {
		cl->conn.flags &= ~CONN_IN;
		return (0);
	}
	if (n != 1 || memchr("SDBER", c, 5) == NULL)
		return (-1);
	cl->ask = c;
	if (c != ASK_ECHO && c != ASK_SHORT &&
	    recv(cl->conn.fd, &c, 1, 0) != 1)
		return (-1);
	return (0);
}

static int
client_run(struct conn *c)
{
	struct client	*cl = (struct client *)c;

	if (cl->ask == 0 && client_ask(cl) == -1)
		return (client_close(cl));
	switch (cl->ask) {
	case ASK_SINK:
		return (client_run_sink(cl));
	case ASK_SOURCE:
	case ASK_BOTH:
		return (client_run_source(cl));
	case ASK_ECHO:
	case ASK_SHORT:
		return (client_run_echo(cl));
	}
	return (0);
}

static int
listener_run(struct conn *c)
{
	struct client	*cl;
	int		 fd, i;

	for (i = 0; i < ACCEPT_TURN; i++) {
		fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1 && errno == ECONNABORTED)
			continue;
		if (fd == -1 && net_again())
			return (0);
		if (fd == -1 && (errno == EMFILE || errno == ENFILE)) {
			warn("accept");
			target.starved = 1;
			return (0);
		}
		if (fd == -1)
			err(1, "accept");
		if ((cl = calloc(1, sizeof(*cl))) == NULL)
			err(1, NULL);
		loop_add(&cl->conn, fd, client_run);
	}
	return (1);
}

/* How much has arrived, and when that was.  Octets of the answer. */
static size_t
asker_answer(uint8_t question, uint64_t answer[3])
{
	uint64_t	 datagrams, octets;

	if (question != ASK_DATAGRAMS) {
		answer[0] = htobe64(target.sunk);
		answer[1] = htobe64(now_us());
		return (2 * sizeof(*answer));
	}
	udptarget_sunk(&datagrams, &octets);
	answer[0] = htobe64(datagrams);
	answer[1] = htobe64(octets);
	answer[2] = htobe64(now_us());
	return (3 * sizeof(*answer));
}

static int
asker_run(struct conn *c)
{
	uint64_t	 answer[3];
	uint8_t		 question;
	size_t		 len;
	ssize_t		 n;

	while ((n = read(c->fd, &question, 1)) == 1) {
		len = asker_answer(question, answer);
		if (write(c->fd, answer, len) != (ssize_t)len)
			break;
	}
	if (n == -1 && net_again())
		return (0);
	loop_del(c);
	free(c);
	return (0);
}

static int
control_run(struct conn *c)
{
	struct conn	*asker;
	int		 fd;

	while ((fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK |
	    SOCK_CLOEXEC)) != -1) {
		if ((asker = calloc(1, sizeof(*asker))) == NULL)
			err(1, NULL);
		loop_add(asker, fd, asker_run);
	}
	if (!net_again())
		warn("accept");
	return (0);
}

int
target_main(const struct opts *o)
{
	int	 fd, port;

	fd = net_listen(o->addr, o->port, &port);
	loop_add(&target.listener, fd, listener_run);
	udptarget_open(o->addr, port);
	if (o->control != NULL)
		loop_add(&target.control, net_listen_unix(o->control),
		    control_run);
	printf("ready %d\n", port);
	if (fflush(stdout) == EOF)
		err(1, "standard output");
	loop_run_held();
	if (o->control != NULL && unlink(o->control) == -1)
		err(1, "%s", o->control);
	return (0);
}
