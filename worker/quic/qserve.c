/* SPDX-License-Identifier: ISC */

/*
 * The server's side: a client's first packet makes a connection, and what hands
 * were shaken over goes to the gate, which says what became of it.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "qconnint.h"
#include "qconns.h"

/*
 * Longer than the gate and a worker take over a stranger.  They keep the time;
 * this is for when they fail.
 */
#define STRANGER_US	(180 * 1000000ULL)

/* From now on it is its service's.  It may be gone then. */
static void
qserve_tunnel(struct qconn *c, uint32_t service)
{
	c->state = QCONN_TUNNEL;
	qconn_wait(c, 0);
	if (places_tunnel(&c->charge, &c->charge.peer, service) == -1) {
		log_warnx("quic from %s: no memory",
		    addr_print(&c->charge.peer));
		qconn_free(c);
		return;
	}
	qconn_proven(c);
}

void
qserve_timeout(struct qconn *c)
{
	if (c->orphan) {
		qserve_tunnel(c, 0);
		return;
	}
	qenv.stats.timeouts++;
	if (c->state == QCONN_STRANGER)
		qconn_log(c, "neither proven nor closed");
	else {
		qconn_log(c, "no handshake within %u ms",
		    qenv.conf.deadline_ms);
		/* Anybody can send a packet in another's name. */
		if (c->validated)
			ledger_penalty(&c->charge,
			    qenv.conf.penalty[OFFENCE_TIMEOUT],
			    "no handshake in time");
	}
	qconn_free(c);
}

static int
qserve_begin(struct qconn *c, const struct endpoint_packet *p,
    const ngtcp2_pkt_hd *hd, const ngtcp2_cid *odcid, int validated)
{
	const struct msg_listen	*l = &c->ep->conf;

	c->arrival.decoy = l->decoy;
	c->arrival.service = l->service;
	c->arrival.listener = l->number;
	c->arrival.local = *p->local;
	c->validated = validated;
	if (places_stranger(&c->charge, p->peer, l->number) == -1)
		return (-1);
	qconn_wait(c, qenv.conf.deadline_ms * 1000ULL);
	return (qconn_start(c, NULL, hd, p->local,
	    odcid != NULL ? odcid : &hd->dcid, odcid != NULL));
}

void
qserve_accept(struct endpoint *e, const struct endpoint_packet *p,
    const ngtcp2_pkt_hd *hd, const ngtcp2_cid *odcid, int validated)
{
	struct qconn	*c;

	if ((c = qconn_new(e, e->conf.transport, e->conf.dialect,
	    p->peer)) == NULL)
		return;
	if (qserve_begin(c, p, hd, odcid, validated) == -1)
		qconn_free(c);
	else
		qconn_packet(c, p);
}

/* The gate and a worker are now to say whether it is a tunnel. */
void
qserve_opened(struct qconn *c, int fd)
{
	qconn_settled(c);
	c->state = QCONN_STRANGER;
	qconn_wait(c, STRANGER_US);
	if (qenv.gate == NULL) {
		close(fd);		/* the pair's other end sees it */
		return;
	}
	c->arrival.peer = c->charge.peer;
	(void)channel_send(qenv.gate, IMSG_ARRIVAL, fd, &c->arrival,
	    sizeof(c->arrival));
}

void
qserve_told(const struct msg_arrived *msg)
{
	struct qconn	*c;

	if (msg->offence != OFFENCES) {
		ledger_penalty_peer(places_ledger(), &msg->peer,
		    qenv.conf.penalty[msg->offence], "a bad tunnel inside "
		    "QUIC");
		return;
	}
	if ((c = qconn_numbered(msg->number)) != NULL &&
	    c->state == QCONN_STRANGER)
		qserve_tunnel(c, msg->service);
}

/*
 * The gate is gone, or its channel is, and with it all that it still had.  A
 * worker closes what it has unless that is proven, in time; what is there
 * afterwards is a tunnel.
 */
static void
qserve_orphan(void)
{
	struct qconn	*c;

	TAILQ_FOREACH(c, &qenv.all, entry)
		if (c->state == QCONN_STRANGER && !c->orphan) {
			c->orphan = 1;
			qconn_wait(c, 2 * qenv.conf.deadline_ms * 1000ULL);
		}
}

void
qserve_gate(struct channel *ch)
{
	qenv.gate = ch;
	if (ch == NULL)
		qserve_orphan();
}

void
qserve_left(struct endpoint *e)
{
	struct qconn	*c, *next;

	/* Their peers learn it, and come another way. */
	TAILQ_FOREACH_SAFE(c, &qenv.all, entry, next)
		if (c->server && c->ep == e)
			qconn_farewell(c);
	TAILQ_FOREACH_SAFE(c, &qenv.lingering, entry, next)
		if (c->server && c->ep == e)
			qconn_free(c);
}
