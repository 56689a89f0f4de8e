/* SPDX-License-Identifier: ISC */

/* The client's side: what dial asks for, and is answered. */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "qconnint.h"
#include "qconns.h"

/* Handshakes for dial at one time; it never has more requests. */
#define STARTS_MAX	4096

/* Answers dial about a request that it has not cancelled. */
static void
qdial_tell(struct qconn *c, enum msg_type type, int fd, const char *why)
{
	struct msg_started	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.request = c->request;
	if (why != NULL)
		strlcpy(msg.words, why, sizeof(msg.words));
	else
		memcpy(msg.binding, c->arrival.binding, sizeof(msg.binding));
	(void)channel_send(c->dial, type, fd, &msg, sizeof(msg));
}

void
qdial_opened(struct qconn *c, int fd)
{
	qdial_tell(c, IMSG_TLS_STARTED, fd, NULL);
	qconn_settled(c);
	c->state = QCONN_TUNNEL;
}

void
qdial_failed(struct qconn *c, const char *why)
{
	if (c->dial != NULL)
		qdial_tell(c, IMSG_TLS_FAILED, -1, why);
}

static struct qconn *
qdial_begin(struct channel *ch, const struct msg_start *msg, int fd)
{
	struct endpoint	*e;
	struct qconn	*c;

	if (qenv.nstarts >= STARTS_MAX) {
		close(fd);
		return (NULL);
	}
	if ((e = endpoint_new(fd, NULL, &msg->peer)) == NULL)
		return (NULL);
	if ((c = qconn_new(e, msg->transport, worker_self()->dialect,
	    &msg->peer)) == NULL) {
		endpoint_free(e);
		return (NULL);
	}
	e->arg = c;
	c->service = msg->service;
	c->index = msg->index;
	if (places_tunnel(&c->charge, &msg->peer, msg->service) == -1 ||
	    qconn_start(c, msg->host, NULL, &e->local, NULL, 0) == -1) {
		qconn_free(c);
		return (NULL);
	}
	c->dial = ch;
	c->request = msg->request;
	qenv.nstarts++;
	endpoint_read(e, 1);
	qconn_wake(c);
	return (c);
}

void
qdial_start(struct channel *ch, const struct msg_start *msg, int fd)
{
	struct msg_started	 refused;

	if (qdial_begin(ch, msg, fd) != NULL)
		return;
	memset(&refused, 0, sizeof(refused));
	refused.request = msg->request;
	strlcpy(refused.words, "no handshake was started: no usable "
	    "certificates, or no memory", sizeof(refused.words));
	(void)channel_send(ch, IMSG_TLS_FAILED, -1, &refused,
	    sizeof(refused));
}

void
qdial_cancel(struct channel *ch, uint32_t request)
{
	struct qconn	*c;

	TAILQ_FOREACH(c, &qenv.all, entry)
		if (c->dial == ch && c->request == request) {
			qenv.stats.timeouts++;
			qconn_free(c);
			return;
		}
	/* None: the answer is on its way. */
}

void
qdial_joined(struct channel *ch)
{
	qenv.dial = ch;
}

void
qdial_left(struct channel *ch)
{
	struct qconn	*c, *next;

	if (qenv.dial == ch)
		qenv.dial = NULL;
	TAILQ_FOREACH_SAFE(c, &qenv.all, entry, next) {
		c->asked = 0;
		if (c->dial == ch)
			qconn_free(c);
	}
}
