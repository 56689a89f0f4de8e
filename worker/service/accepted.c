/* SPDX-License-Identifier: ISC */

/* See accepted.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/net/ledger.h"
#include "worker/tunnel/tunnel.h"
#include "accepted.h"
#include "limits.h"

/* Most tunnels that come before the keys: the gate sends no more. */
#define EARLY_MAX	CHAN_FDS_UNREAD

struct early {
	TAILQ_ENTRY(early)	 entry;
	struct msg_tunnel	 msg;
	int			 fd;
};

static struct service	*svc;
static struct ledger	*ledger;	/* open ones that wait for users */
static struct channel	*gate;
static TAILQ_HEAD(, early)	 early = TAILQ_HEAD_INITIALIZER(early);
static uint32_t		 nearly;

static void	 accepted_log_end(const struct tunnel *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));

static void
accepted_tell_gate(enum msg_type type, uint64_t number)
{
	struct msg_number	 msg = { .number = number };

	/* 0: the gate it came from is gone. */
	if (gate == NULL || number == 0)
		return;
	(void)channel_send(gate, type, -1, &msg, sizeof(msg));
}

/* ---- from the gate ---- */

static void
accepted_start(const struct msg_tunnel *msg, int fd)
{
	if (tunnel_new(fd, msg, NULL) == NULL)
		accepted_tell_gate(IMSG_TUNNEL_CLOSED, msg->number);
}

void
accepted_keyed(void)
{
	struct early	*e;

	while ((e = TAILQ_FIRST(&early)) != NULL) {
		TAILQ_REMOVE(&early, e, entry);
		nearly--;
		accepted_start(&e->msg, e->fd);
		free(e);
	}
}

/* The gate needs its room: it is unproven, or was at that moment. */
static void
accepted_shed(struct imsg *imsg)
{
	struct msg_number	 msg;
	struct tunnel		*t;
	struct early		*e;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		return;
	TAILQ_FOREACH(t, &svc->tunnels, entry)
		if (t->number == msg.number && msg.number != 0 &&
		    !(t->flags & TUNNEL_F_PROVEN))
			tunnel_kill(t, TUNNEL_END_CLEAN, "shed by the gate");
	TAILQ_FOREACH(e, &early, entry)
		if (e->msg.number == msg.number) {
			TAILQ_REMOVE(&early, e, entry);
			nearly--;
			close(e->fd);
			free(e);
			accepted_tell_gate(IMSG_TUNNEL_CLOSED, msg.number);
			return;
		}
}

void
accepted_message(struct imsg *imsg)
{
	struct msg_tunnel	 msg;
	struct early		*e;
	int			 fd;

	if (imsg_get_type(imsg) == IMSG_TUNNEL_SHED) {
		accepted_shed(imsg);
		return;
	}
	if (imsg_get_type(imsg) != IMSG_TUNNEL ||
	    imsg_get_data(imsg, &msg, sizeof(msg)) == -1 ||
	    (fd = imsg_get_fd(imsg)) == -1)
		return;
	if (!limits_tunnel(&msg.peer)) {
		ledger_log(svc->peers, &msg.peer, "refused: its network is "
		    "blocked");
		close(fd);
		accepted_tell_gate(IMSG_TUNNEL_CLOSED, msg.number);
		return;
	}
	if (svc->keyed) {
		accepted_start(&msg, fd);
		return;
	}
	if (nearly == EARLY_MAX || (e = calloc(1, sizeof(*e))) == NULL) {
		log_warnx("tunnel from %s: dropped, keys are not there yet",
		    addr_print(&msg.peer));
		close(fd);
		accepted_tell_gate(IMSG_TUNNEL_CLOSED, msg.number);
		return;
	}
	e->msg = msg;
	e->fd = fd;
	TAILQ_INSERT_TAIL(&early, e, entry);
	nearly++;
}

void
accepted_gate(struct channel *ch)
{
	struct tunnel	*t;
	struct early	*e;

	gate = ch;
	if (ch != NULL)
		return;
	/* The next gate has its own numbers. */
	TAILQ_FOREACH(t, &svc->tunnels, entry)
		t->number = 0;
	TAILQ_FOREACH(e, &early, entry)
		e->msg.number = 0;
}

/* ---- what becomes of one ---- */

void
accepted_proven(struct tunnel *t)
{
	accepted_tell_gate(IMSG_TUNNEL_PROVEN, t->number);
}

static void
accepted_drop(struct charge *c, const char *why)
{
	struct tunnel	*t;

	t = (void *)((char *)c - offsetof(struct tunnel, charge));
	tunnel_kill(t, TUNNEL_END_LOST, "closed: %s", why);
}

void
accepted_opened(struct tunnel *t)
{
	t->charge.shed = accepted_drop;
	(void)ledger_enter(ledger, &t->charge, &t->peer, 0);
}

/*
 * The gate forgets it: it gives new tunnels to the worker with the fewest, and
 * only those that wait for a user should count.
 */
void
accepted_taken(struct tunnel *t)
{
	accepted_tell_gate(IMSG_TUNNEL_CLOSED, t->number);
	t->number = 0;
	ledger_leave(&t->charge);
}

/* Logs how a peer ended a tunnel, as often as its source is allowed lines. */
static void
accepted_log_end(const struct tunnel *t, const char *fmt, ...)
{
	char		 words[512];
	uint32_t	 unsaid;
	va_list		 ap;

	if (!ledger_may_log(ledger, &t->peer, &unsaid))
		return;
	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	if (unsaid > 0)
		log_info("tunnel %u from %s: %s (and %u lines more about "
		    "this source, not logged)", t->serial,
		    addr_print(&t->peer), words, unsaid);
	else
		log_info("tunnel %u from %s: %s", t->serial,
		    addr_print(&t->peer), words);
}

/* The gate keeps penalties: was the peer to blame that it was not proven? */
static void
accepted_blame(const struct tunnel *t)
{
	struct msg_blame	 msg;

	if (gate == NULL || t->number == 0 || (t->flags & TUNNEL_F_PROVEN))
		return;
	memset(&msg, 0, sizeof(msg));
	msg.number = t->number;
	if (t->end == TUNNEL_END_TOKEN || t->end == TUNNEL_END_IMPOSTOR)
		msg.offence = OFFENCE_PROOF;
	else if (t->end == TUNNEL_END_REPLAYED)
		msg.offence = OFFENCE_REPLAY;
	else if (t->end == TUNNEL_END_PROTOCOL)
		msg.offence = OFFENCE_GARBAGE;
	else if (t->end == TUNNEL_END_LOST && t->deadline != 0 &&
	    worker_now() >= t->deadline)
		msg.offence = OFFENCE_TIMEOUT;
	else
		return;
	(void)channel_send(gate, IMSG_TUNNEL_BLAMED, -1, &msg, sizeof(msg));
}

void
accepted_closed(struct tunnel *t)
{
	ledger_leave(&t->charge);
	accepted_blame(t);
	accepted_tell_gate(IMSG_TUNNEL_CLOSED, t->number);
	if (t->opened == 0)
		svc->stats.tunnels_failed++;
	if (t->end == TUNNEL_END_REPLAYED)
		svc->stats.tunnels_replayed++;
	if (t->end == TUNNEL_END_CLEAN)
		log_debug("tunnel %u: %s", t->serial, t->words);
	else if (t->opened == 0 || t->end == TUNNEL_END_PROTOCOL)
		accepted_log_end(t, "%s: %s", tunnel_end_name(t->end),
		    t->words);
	else
		log_info("tunnel %u from %s: %s: %s", t->serial,
		    addr_print(&t->peer), tunnel_end_name(t->end), t->words);
}

/* ---- for the role ---- */

/*
 * Tunnels may have half of the descriptors, so that there are some for users or
 * targets.  Those that their only user has are not among them.
 */
void
accepted_init(struct service *service)
{
	struct ledger_limits	 l = { .total = service->budget.fds_max / 2 };

	svc = service;
	if ((ledger = ledger_new("tunnel")) == NULL)
		fatal("%s", __func__);
	ledger_limits(ledger, &l);
}

const struct ledger_stats *
accepted_stats(void)
{
	return (ledger_stats(ledger));
}
