/* SPDX-License-Identifier: ISC */

/*
 * See report.h.  Reads the worker's parts and changes none of them, except for
 * a session that it is asked to close.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/compat.h"
#include "worker/dialect/dialect.h"
#include "worker/net/network.h"
#include "worker/net/offenders.h"
#include "worker/relay/flow.h"
#include "worker/relay/login.h"
#include "worker/relay/relay.h"
#include "worker/tunnel/tunnel.h"
#include "worker/frame/worker.h"
#include "flows.h"
#include "pool.h"
#include "ports.h"
#include "report.h"
#include "user.h"

static uint64_t
report_wall(uint64_t then)
{
	return (time(NULL) - (worker_now() - then) / 1000000);
}

static int
report_cmp(const void *a, const void *b)
{
	return (network_cmp(a, b));
}

/* One of the sources with most users goes before those with fewer. */
static void
report_source(struct ctl_service *cs, const struct network *net,
    uint32_t users)
{
	uint32_t	 i = cs->sources;

	if (i == CTL_SOURCES && cs->source_users[--i] >= users)
		return;
	for (; i > 0 && cs->source_users[i - 1] < users; i--) {
		cs->source[i] = cs->source[i - 1];
		cs->source_bits[i] = cs->source_bits[i - 1];
		cs->source_users[i] = cs->source_users[i - 1];
	}
	cs->source[i] = net->addr;
	cs->source_bits[i] = net->bits;
	cs->source_users[i] = users;
	if (cs->sources < CTL_SOURCES)
		cs->sources++;
}

/* Without memory none is shown. */
static void
report_sources(const struct service *svc, struct ctl_service *cs)
{
	const struct relay	*r;
	const struct flow	*f;
	struct network		*nets;
	uint32_t		 n = 0, i, first, all = svc->nrelays +
				    svc->nflows;

	if (all == 0 || (nets = calloc(all, sizeof(*nets))) == NULL)
		return;
	TAILQ_FOREACH(r, &svc->relays, entry)
		if (n < all && network_around(&nets[n], &r->user, 0) == 0)
			n++;
	TAILQ_FOREACH(f, &svc->flows, entry)
		if (n < all && network_around(&nets[n], &f->user, 0) == 0)
			n++;
	qsort(nets, n, sizeof(*nets), report_cmp);
	for (i = first = 0; i < n; i++)
		if (i + 1 == n || network_cmp(&nets[i], &nets[i + 1]) != 0) {
			report_source(cs, &nets[i], i + 1 - first);
			first = i + 1;
		}
	free(nets);
}

static void
report_service(const struct service *svc, struct channel *ch,
    const struct ctl_request *req)
{
	const struct service_stats	*st = &svc->stats;
	struct ctl_service		 cs;

	memset(&cs, 0, sizeof(cs));
	cs.request = req->request;
	cs.service = worker_self()->service;
	cs.index = worker_self()->index;
	cs.side = worker_self()->side;
	cs.opens = svc->opens;
	cs.tunnels_wanted = svc->dials ? pool_wanted() : 0;
	cs.sessions = svc->nopen;
	cs.waiting = user_waiting() + flows_waiting();
	cs.streams = svc->nrelays + svc->nflows - cs.waiting;
	cs.users = st->users;
	cs.refused = st->refused;
	cs.failed = st->failed;
	cs.resets = st->resets;
	cs.descriptors_short = svc->budget.fds_short;
	cs.octets_in = st->octets_in;
	cs.octets_out = st->octets_out;
	cs.memory = svc->budget.held;
	cs.memory_max = svc->conf.opts.memory;
	report_sources(svc, &cs);
	strlcpy(cs.name, svc->conf.name, sizeof(cs.name));
	strlcpy(cs.where, svc->where, sizeof(cs.where));
	if (svc->dials)
		pool_state(cs.state, sizeof(cs.state));
	else
		strlcpy(cs.state, svc->stopping ? "stopping" :
		    svc->nopen + svc->ncontrol > 0 ? "up" : "no tunnel",
		    sizeof(cs.state));
	(void)channel_send(ch, IMSG_CTL_SERVICE, -1, &cs, sizeof(cs));
}

static void
session_id(const struct tunnel *t, struct ctl_session_id *id)
{
	id->service = worker_self()->service;
	id->index = worker_self()->index;
	id->serial = t == NULL ? 0 : t->serial;
}

/* Those that wait for a user, of the same peer as a control channel. */
static uint32_t
report_idle(const struct service *svc, const struct tunnel *control)
{
	const struct tunnel	*t;
	uint32_t		 n = 0;

	TAILQ_FOREACH(t, &svc->tunnels, entry)
		if (t->state == TUNNEL_OPEN && t->remote == control->remote &&
		    tunnel_empty(t) && !(t->flags & TUNNEL_F_DYING))
			n++;
	return (n);
}

/* What its session has counted; a control channel has none. */
static void
report_payload(const struct tunnel *t, struct ctl_session *cs)
{
	const struct session_stats	*st = &t->session->stats;

	cs->octets_in = st->payload_in;
	cs->octets_out = st->payload_out;
	cs->idle_ms = meter_idle(&t->meter, worker_now(), cs->octets_in,
	    cs->octets_out) / 1000;
	meter_rates(&t->meter, worker_now(), cs->octets_in, cs->octets_out,
	    &cs->rate_in, &cs->rate_out);
	cs->lz4 = (t->session->conf.caps & CAP_LZ4) != 0;
	cs->lz4_plain = st->lz.plain_in + st->lz.plain_out;
	cs->lz4_wire = st->lz.wire_in + st->lz.wire_out;
	cs->streams_ever = st->streams_ever;
}

/* The path of a tunnel over QUIC, as its process sees it. */
static void
report_path(const struct session_path *path, struct ctl_session *cs)
{
	if (path->rtt_us != 0)
		cs->rtt_us = path->rtt_us;
	cs->mtu = path->mtu;
	cs->moves = path->moves;
	cs->packets_sent = path->sent;
	cs->packets_lost = path->lost;
}

static void
report_session(const struct service *svc, struct channel *ch,
    const struct ctl_request *req, const struct tunnel *t)
{
	struct ctl_session	 cs;

	memset(&cs, 0, sizeof(cs));
	cs.request = req->request;
	cs.side = worker_self()->side;
	session_id(t, &cs.id);
	cs.streams = t->relays;
	cs.control = t->state == TUNNEL_CONTROL;
	if (cs.control)
		cs.idle = report_idle(svc, t);
	strlcpy(cs.dialect, svc->dialect->name, sizeof(cs.dialect));
	svc->dialect->describe(t, &cs);
	/* Without pings, ask TCP. */
	cs.rtt_us = t->rtt_us != 0 ? t->rtt_us : wire_rtt(&t->wire);
	cs.draining = (t->flags & (TUNNEL_F_OLD | TUNNEL_F_DRAINING)) != 0;
	cs.queued = wire_queued(&t->wire);
	cs.since = report_wall(t->opened);
	cs.age_ms = (worker_now() - t->opened) / 1000;
	cs.flows = t->flows;
	if (t->session != NULL) {
		report_payload(t, &cs);
		report_path(&t->session->path, &cs);
	}
	cs.transport = t->transport;
	cs.peer = t->peer;
	cs.local = t->local;
	strlcpy(cs.service, svc->conf.name, sizeof(cs.service));
	if (svc->dials)
		strlcpy(cs.remote, pool_remote_name(t->remote),
		    sizeof(cs.remote));
	(void)channel_send(ch, IMSG_CTL_SESSION, -1, &cs, sizeof(cs));
}

/* Is there room for more of an answer?  Past its bound the channel is lost. */
static int
report_fits(const struct channel *ch)
{
	return (channel_queued(ch) <= CHAN_MAX / 2);
}

/* Is it a session, or a control channel? */
static int
report_shows(const struct tunnel *t)
{
	return (t->state == TUNNEL_OPEN || t->state == TUNNEL_CONTROL);
}

static const char *
report_sessions(const struct service *svc, struct channel *ch,
    const struct ctl_request *req)
{
	const struct tunnel	*t;

	TAILQ_FOREACH(t, &svc->tunnels, entry) {
		if (!report_shows(t))
			continue;
		if (!report_fits(ch))
			return ("there are more sessions than can be shown");
		report_session(svc, ch, req, t);
	}
	return (NULL);
}

/* Is a stream of this tunnel, or of none, asked for?  It begins its answer. */
static int
report_stream(const struct service *svc, const struct ctl_request *req,
    const struct tunnel *t, uint64_t since, struct ctl_stream *cs)
{
	if (req->session.serial != 0 &&
	    (t == NULL || t->serial != req->session.serial))
		return (0);
	memset(cs, 0, sizeof(*cs));
	cs->request = req->request;
	session_id(t, &cs->session);
	strlcpy(cs->service, svc->conf.name, sizeof(cs->service));
	cs->since = report_wall(since);
	return (1);
}

static const char *
report_streams(const struct service *svc, struct channel *ch,
    const struct ctl_request *req)
{
	const char		*full = "there are more streams than can be "
				    "shown";
	struct ctl_stream	 cs;
	struct relay		*r;
	struct flow		*f;

	TAILQ_FOREACH(r, &svc->relays, entry) {
		if (r->tunnel == NULL ||
		    !report_stream(svc, req, r->tunnel, r->since, &cs))
			continue;
		relay_describe(r, &cs);
		if (!report_fits(ch))
			return (full);
		(void)channel_send(ch, IMSG_CTL_STREAM, -1, &cs, sizeof(cs));
	}
	TAILQ_FOREACH(f, &svc->flows, entry) {
		if ((f->tunnel == NULL && f->slot == NULL) ||
		    !report_stream(svc, req, f->tunnel, f->since, &cs))
			continue;
		flow_describe(f, &cs);
		if (!report_fits(ch))
			return (full);
		(void)channel_send(ch, IMSG_CTL_STREAM, -1, &cs, sizeof(cs));
	}
	return (NULL);
}

static const char *
report_ports(const struct service *svc, struct channel *ch,
    const struct ctl_request *req)
{
	const struct port_count	*p;
	struct ctl_port		 cp;
	uint32_t		 i;

	for (i = 0; (p = ports_get(i)) != NULL; i++) {
		if (p->connections == 0)
			continue;
		memset(&cp, 0, sizeof(cp));
		cp.request = req->request;
		cp.service = worker_self()->service;
		cp.index = worker_self()->index;
		cp.side = worker_self()->side;
		cp.opens = svc->opens;
		cp.port = p->port;
		cp.octets_in = p->octets_in;
		cp.octets_out = p->octets_out;
		cp.connections = p->connections;
		strlcpy(cp.name, svc->conf.name, sizeof(cp.name));
		if (!report_fits(ch))
			return ("there are more ports than can be shown");
		(void)channel_send(ch, IMSG_CTL_PORT, -1, &cp, sizeof(cp));
	}
	return (NULL);
}

static const char *
report_close(const struct service *svc, const struct ctl_request *req)
{
	struct tunnel	*t;

	TAILQ_FOREACH(t, &svc->tunnels, entry)
		if (t->serial == req->session.serial && report_shows(t)) {
			tunnel_kill(t, TUNNEL_END_LOST, "closed by rocketctl");
			return (NULL);
		}
	return ("there is no such session");
}

void
report_ask(const struct service *svc, struct channel *ch, uint32_t type,
    const struct ctl_request *req)
{
	const char	*failure = NULL;

	switch (type) {
	case IMSG_CTL_PENALTIES:
		offenders_ask(login_ledger(), ch, type, req);
		return;
	case IMSG_CTL_SERVICES:
		report_service(svc, ch, req);
		break;
	case IMSG_CTL_SESSIONS:
		failure = report_sessions(svc, ch, req);
		break;
	case IMSG_CTL_STREAMS:
		failure = report_streams(svc, ch, req);
		break;
	case IMSG_CTL_PORTS:
		failure = report_ports(svc, ch, req);
		break;
	case IMSG_CTL_CLOSE:
		failure = report_close(svc, req);
		break;
	case IMSG_CTL_RETRY:
		pool_retry();
		break;
	default:
		failure = "not for a service";
		break;
	}
	worker_done(ch, req->request, failure);
}
