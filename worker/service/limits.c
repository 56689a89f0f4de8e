/* SPDX-License-Identifier: ISC */

/* See limits.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "worker/net/ledger.h"
#include "worker/net/netlist.h"
#include "worker/net/pace.h"
#include "worker/relay/relay.h"
#include "worker/tunnel/service.h"
#include "worker/frame/worker.h"
#include "limits.h"

static struct service		*svc;
static struct limits_stats	 stats;
static struct netlist		 staged[2], nets[2];	/* users', tunnels' */
static struct pace		 pace;

void
limits_init(struct service *service)
{
	svc = service;
	pace_init(&pace);
}

void
limits_begin(void)
{
	memset(staged, 0, sizeof(staged));
}

int
limits_net(const struct msg_net *msg)
{
	return (netlist_add(&staged[msg->tunnels != 0], &msg->rule));
}

uint32_t
limits_part(uint32_t all)
{
	uint32_t	 workers = svc->conf.opts.prefork;

	return (workers < 2 ? all : all / workers + (all % workers != 0));
}

void
limits_ready(void)
{
	struct ledger_limits	 l;

	memcpy(nets, staged, sizeof(nets));
	if (!svc->opens)
		return;
	memset(&l, 0, sizeof(l));
	l.total = limits_part(svc->conf.opts.users_max);
	l.per_source = svc->conf.opts.users_per_source;
	ledger_limits(svc->users, &l);
}

/* A user of a UNIX socket is of no network: its mode says who may. */
int
limits_network(const struct addr *peer)
{
	if (peer->family == ADDR_UNIX || netlist_allows(&nets[0], peer))
		return (1);
	stats.blocked++;
	ledger_log(svc->users, peer, "refused: its network is blocked");
	return (0);
}

int
limits_user(const struct addr *peer)
{
	uint32_t	 rate = svc->conf.opts.user_rate;

	if (!limits_network(peer))
		return (0);
	if (!pace_may(&pace, peer, rate, worker_now())) {
		stats.paced++;
		ledger_log(svc->users, peer, "refused: more than %u users of "
		    "its source in a second", rate);
		return (0);
	}
	return (1);
}

int
limits_tunnel(const struct addr *peer)
{
	if (netlist_allows(&nets[1], peer))
		return (1);
	stats.tunnels_blocked++;
	return (0);
}

int
limits_idle(const struct relay *r, uint64_t now)
{
	uint64_t	 idle = svc->conf.opts.user_idle * 1000000ULL;

	/* progress is noted with a grain */
	if (idle == 0 || r->charge.source == NULL ||
	    now - r->charge.progress < idle + LEDGER_GRAIN_US)
		return (0);
	stats.idled++;
	ledger_log(svc->users, &r->user, "reset: without an octet for %u s",
	    svc->conf.opts.user_idle);
	return (1);
}

const struct limits_stats *
limits_stats(void)
{
	return (&stats);
}
