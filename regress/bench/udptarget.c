/* SPDX-License-Identifier: ISC */

/*
 * The target's UDP socket, on the port of its listener.  What a datagram's
 * first octet asks for (load.h) is done: it is counted, or comes back, or for a
 * while brings datagrams of its own length to who sent it.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <string.h>

#include "load.h"

#define SOURCE_US	300000		/* that one ask is good for */
#define SOURCES		1024		/* who may want datagrams at once */

static struct source {
	struct sockaddr_storage	 to;
	size_t			 size;
	uint64_t		 until;		/* us */
}			 sources[SOURCES];

static struct {
	struct conn	 conn;
	uint64_t	 datagrams, octets;	/* sunk, ever */
	int		 sources;		/* as many may be alive */
} target;

void
udptarget_sunk(uint64_t *datagrams, uint64_t *octets)
{
	*datagrams = target.datagrams;
	*octets = target.octets;
}

static void
source_asked(const struct sockaddr_storage *to, size_t size, uint64_t now)
{
	struct source	*s;
	int		 i;

	for (i = 0; i < target.sources; i++)
		if (memcmp(&sources[i].to, to, sizeof(*to)) == 0)
			break;
	if (i == SOURCES)
		return;
	if (i == target.sources)
		target.sources++;
	s = &sources[i];
	s->to = *to;
	s->size = size;
	s->until = now + SOURCE_US;
}

static void
sources_send(uint64_t now)
{
	struct source	*s;
	int		 i, n;

	n = target.sources > 0 ? DATAGRAMS / target.sources : 0;
	for (i = 0; i < target.sources;) {
		s = &sources[i];
		if (s->until <= now) {
			*s = sources[--target.sources];
			continue;
		}
		(void)net_send_datagrams(target.conn.fd, &s->to, ASK_SOURCE,
		    s->size, n > 0 ? n : 1);
		i++;
	}
}

static void
datagram_came(const struct datagram *d, uint64_t now)
{
	if (d->len == 0)
		return;
	switch (d->octets[0]) {
	case ASK_SINK:
		target.datagrams++;
		target.octets += d->len;
		break;
	case ASK_ECHO:
		/* who was too fast for a socket has lost it */
		(void)sendto(target.conn.fd, d->octets, d->len, MSG_DONTWAIT,
		    (const struct sockaddr *)&d->from, d->from_len);
		break;
	case ASK_SOURCE:
		source_asked(&d->from, d->len, now);
		break;
	}
}

static int
target_run(struct conn *c)
{
	struct datagram	*ds;
	uint64_t	 now = now_us();
	int		 i, j, n;

	for (i = 0; i < TURN_IO && c->flags & CONN_IN; i++) {
		if ((n = net_recv_datagrams(c->fd, &ds)) <= 0) {
			c->flags &= ~CONN_IN;
			break;
		}
		for (j = 0; j < n; j++)
			datagram_came(&ds[j], now);
	}
	sources_send(now);
	return (target.sources > 0 || c->flags & CONN_IN);
}

void
udptarget_open(const char *addr, int port)
{
	loop_add(&target.conn, net_listen_udp(addr, port), target_run);
}
