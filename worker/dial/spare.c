/* SPDX-License-Identifier: ISC */

/*
 * See spare.h.  What is asked for is under way for a turn of the event loop at
 * most, for nobody answers a UDP socket; the rate bounds how many that are.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "connect.h"
#include "spare.h"
#include "worker/frame/worker.h"
#include "worker/net/bucket.h"
#include "worker/net/lines.h"

/*
 * Sockets for one process, at once and then in a second: when a machine's
 * address changes all of its connections ask, and ask again.
 */
#define SPARES_RATE	256
#define SPARES_DEPTH_US	(1 * 1000000ULL)
/*
 * Octets of messages, each with a socket, that it has not taken: some 250.  One
 * that takes none must not hold all our descriptors.
 */
#define QUEUED_MAX	(6 * 1024)
#define LINES_BURST	5
#define LINES_EVERY_US	(60 * 1000000ULL)

struct spare {
	TAILQ_ENTRY(spare)	 entry;
	struct channel		*quic;
	uint64_t		 number;
	struct connect		*connect;
};

static struct {
	struct entries		*entries;	/* the configuration's, live */
	TAILQ_HEAD(, spare)	 list;
	struct bucket		 rates[PREFORK_MAX];	/* by their index */
	struct lines		 lines;
	struct spare_stats	 stats;
} env;

/* fd is taken; -1: there is none. */
static void
spare_answer(struct channel *quic, uint64_t number, int fd)
{
	struct msg_number	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = number;
	(void)channel_send(quic, fd != -1 ? IMSG_SOCKET : IMSG_SOCKET_NONE,
	    fd, &msg, sizeof(msg));
}

static void
spare_free(struct spare *s)
{
	TAILQ_REMOVE(&env.list, s, entry);
	connect_free(s->connect);
	free(s);
}

static void
spare_connected(void *arg, int fd, int error, const struct addr *peer,
    const struct addr *local)
{
	struct spare	*s = arg;

	(void)local;
	if (fd == -1) {
		env.stats.failed++;
		log_debug("no other socket to %s: %s", addr_print(peer),
		    strerror(error));
	} else
		env.stats.given++;
	spare_answer(s->quic, s->number, fd);
	spare_free(s);
}

/* The remote that such a process may have sockets for; NULL: none. */
static const struct entry *
spare_remote(const struct channel *quic, const struct msg_socket_ask *msg)
{
	const struct entry	*e;
	struct addr		 a;

	e = entry_find(env.entries, DIAL_REMOTE, msg->service, msg->index);
	if (e == NULL || !(e->conf.transport & TRANSPORT_QUIC) ||
	    e->conf.tls != channel_peer(quic)->index ||
	    e->conf.port != msg->peer.port)
		return (NULL);
	if (entry_literal(&e->conf, &a) && addr_same(&a, &msg->peer, 0))
		return (e);
	return (entry_was_reached(e, &msg->peer) ? e : NULL);
}

/* Is it one that it may have, and not too many?  NULL: no. */
static const struct entry *
spare_allow(const struct channel *quic, const struct msg_socket_ask *msg)
{
	struct bucket		*rate = &env.rates[channel_peer(quic)->index];
	uint64_t		 now = worker_now();
	const struct entry	*e = spare_remote(quic, msg);
	const char		*why = "to where it was not before";

	bucket_limit(rate, SPARES_RATE, SPARES_DEPTH_US, now);
	if (e == NULL)
		env.stats.refused++;
	else if (bucket_room(rate, now) == 0 ||
	    channel_queued(quic) > QUEUED_MAX) {
		env.stats.paced++;
		why = "so often";
		e = NULL;
	} else
		bucket_take(rate, 1);
	if (e == NULL &&
	    lines_take(&env.lines, LINES_BURST, LINES_EVERY_US, now))
		log_warnx("quic asks for a socket to %s %s: it gets none",
		    addr_print(&msg->peer), why);
	return (e);
}

void
spare_ask(struct channel *quic, const struct msg_socket_ask *msg)
{
	const struct entry	*e = spare_allow(quic, msg);
	struct spare		*s;

	if (e == NULL) {
		spare_answer(quic, msg->number, -1);
		return;
	}
	if ((s = calloc(1, sizeof(*s))) != NULL)
		s->connect = connect_new(worker_base(), &e->conf, 1, 0,
		    &msg->peer, 1, spare_connected, s);
	if (s == NULL || s->connect == NULL) {
		env.stats.failed++;
		free(s);
		spare_answer(quic, msg->number, -1);
		return;
	}
	s->quic = quic;
	s->number = msg->number;
	TAILQ_INSERT_TAIL(&env.list, s, entry);
}

void
spares_left(struct channel *quic)
{
	struct spare	*s, *next;

	TAILQ_FOREACH_SAFE(s, &env.list, entry, next)
		if (s->quic == quic)
			spare_free(s);
}

void
spares_init(struct entries *live)
{
	env.entries = live;
	TAILQ_INIT(&env.list);
}

const struct spare_stats *
spare_stats(void)
{
	return (&env.stats);
}
