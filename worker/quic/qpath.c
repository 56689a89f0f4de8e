/* SPDX-License-Identifier: ISC */

/*
 * The paths of connections.  A server follows its clients, and ngtcp2 sees that
 * they are where they seem to be.  A client whose path is gone asks dial for
 * another socket to its server, and moves there; the old one stays until the
 * new one works.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <string.h>

#include "shared/compat.h"
#include "qconnint.h"
#include "qconns.h"

/* Silence while something is on its way: so many probes' time, and this. */
#define SILENT_PTOS	3
#define SILENT_US	(2 * 1000000ULL)
/* Between two questions to dial; it doubles, up to this. */
#define ASK_US		(1 * 1000000ULL)
#define ASK_MOST_US	(10 * 1000000ULL)

static int
path_awaits(const struct qconn *c)
{
	ng_stat	 s;

	ng_conn_stat(c->quic, &s);
	return (s.bytes_in_flight > 0);
}

uint32_t
qpath_silence(const struct qconn *c, uint64_t now)
{
	uint64_t	 us = SILENT_PTOS * ngtcp2_conn_get_pto(c->quic) / 1000;

	if (us < SILENT_US)
		us = SILENT_US;
	if (c->said == 0 || now - c->said < us || !path_awaits(c))
		return (0);
	return ((uint32_t)((now - c->said) / 1000));
}

static void
path_ask(struct qconn *c, uint64_t now)
{
	struct msg_socket_ask	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.number = c->arrival.number;
	msg.service = c->service;
	msg.index = c->index;
	msg.peer = c->peer;
	log_debug("quic to %s: %s, asks for another socket",
	    addr_print(&c->peer), c->path_gone != 0 ? strerror(c->path_gone) :
	    "no answer");
	c->asked = channel_send(qenv.dial, IMSG_SOCKET_ASK, -1, &msg,
	    sizeof(msg)) != -1;
	c->ask_wait = c->ask_wait == 0 ? ASK_US : 2 * c->ask_wait;
	if (c->ask_wait > ASK_MOST_US)
		c->ask_wait = ASK_MOST_US;
	c->ask_at = now + c->ask_wait;
}

/* Whom a server hears elsewhere has moved, once that is proven. */
static void
path_follow(struct qconn *c)
{
	const ngtcp2_path	*path = ngtcp2_conn_get_path(c->quic);
	struct addr		 peer;

	addr_from_sa(&peer, (const struct sockaddr *)path->remote.addr);
	if (addr_same(&peer, &c->peer, 1))
		return;
	qconn_log(c, "now at %s", addr_print(&peer));
	c->peer = peer;
	c->moves++;
	qenv.stats.moves++;
}

void
qpath_tick(struct qconn *c, uint64_t now)
{
	if (c->state != QCONN_TUNNEL && c->state != QCONN_STRANGER)
		return;
	if (!path_awaits(c))
		c->said = 0;		/* those were answers themselves */
	if (c->server) {
		path_follow(c);
		return;
	}
	if (c->heard > c->ask_at)
		c->ask_wait = 0;	/* it works again, or another does */
	if (c->asked || now < c->ask_at || qenv.dial == NULL ||
	    (c->path_gone == 0 && qpath_silence(c, now) == 0))
		return;
	path_ask(c, now);
}

/* 0: it is on its way there. */
static int
path_move(struct qconn *c, struct endpoint *e)
{
	ngtcp2_path_storage	 ps;
	int			 r;

	qconn_path(&ps, &e->local, &c->peer);
	r = ngtcp2_conn_initiate_immediate_migration(c->quic, &ps.path,
	    NS(worker_now()));
	if (r != 0)
		log_debug("quic to %s: cannot move: %s",
		    addr_print(&c->peer), ngtcp2_strerror(r));
	return (r == 0 ? 0 : -1);
}

void
qpath_socket(uint64_t number, int fd)
{
	struct qconn	*c = qconn_numbered(number);
	struct endpoint	*e;

	if (c == NULL || c->server || c->state != QCONN_TUNNEL || !c->asked ||
	    signer_busy(&c->step) || fd == -1) {
		if (c != NULL)
			c->asked = 0;
		if (fd != -1)
			close(fd);
		return;
	}
	c->asked = 0;
	if ((e = endpoint_new(fd, NULL, &c->peer)) == NULL)
		return;
	if (path_move(c, e) == -1) {
		endpoint_free(e);
		return;
	}
	endpoint_free(c->old);
	c->old = c->ep;
	c->ep = e;
	e->arg = c;
	c->path_gone = 0;
	c->settled = 0;
	c->said = 0;
	c->heard = worker_now();
	endpoint_read(e, 1);
	qconn_wake(c);
}

void
qpath_heard(struct qconn *c, struct endpoint *e)
{
	c->heard = worker_now();
	c->said = 0;
	c->heard_any = 1;
	if (c->ep == e)
		c->path_gone = 0;
}

/*
 * Nobody else can say that a server is not there, so this is believed, but only
 * as long as nothing has come from it.
 */
static int
path_refused(const struct qconn *c, int error)
{
	return (error == ECONNREFUSED && c->state == QCONN_SHAKE &&
	    !c->heard_any);
}

void
qpath_failed(struct qconn *c, struct endpoint *e)
{
	switch (e->error) {
	case EINVAL:
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case ENETDOWN:
	case EHOSTUNREACH:
	case ENODEV:
		break;
	default:
		if (!path_refused(c, e->error))
			return;
	}
	if (c->ep != e || c->path_gone != 0)
		return;
	c->path_gone = e->error;
	if (c->state == QCONN_SHAKE)
		qconn_wake(c);		/* see qpath_turn */
}

void
qpath_validated(struct qconn *c, int works)
{
	if (c->server || c->old == NULL)
		return;
	if (!works) {
		c->path_gone = ETIMEDOUT;	/* it tries yet another */
		return;
	}
	c->settled = 1;
	c->ask_wait = 0;
	c->moves++;
	qenv.stats.moves++;
	log_info("quic to %s: moved to %s", addr_print(&c->peer),
	    addr_print(&c->ep->local));
}

int
qpath_turn(struct qconn *c)
{
	if (c->path_gone != 0 && c->state == QCONN_SHAKE) {
		qconn_over(c, strerror(c->path_gone));
		qconn_free(c);
		return (-1);
	}
	if (c->settled && c->old != NULL) {
		endpoint_free(c->old);
		c->old = NULL;
		c->settled = 0;
	}
	return (0);
}
