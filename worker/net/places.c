/* SPDX-License-Identifier: ISC */

/*
 * See places.h.
 */

#include <sys/types.h>
#include <sys/resource.h>

#include <errno.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "places.h"

/*
 * Descriptors for listeners, channels and certificates, twice while they are
 * replaced; of a small limit a quarter at most.
 */
#define RESERVE_FDS	128
/*
 * A connection has its socket and one end of a pair; the other end is on its
 * way to the gate, of so many at once that it counts for half of them.
 */
#define FDS_EACH(n)	((n) / 5 * 2)
/* What a connection takes here, besides what waits: its library's state. */
#define PLACE_OCTETS	(64 * 1024)

static struct {
	struct ledger	*strangers, *tunnels;
	uint32_t	 most;		/* of both */
} env;

void
places_init(const char *what, const char *tunnel)
{
	struct rlimit	 rl;
	uint32_t	 fds;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit nofile");
	fds = rl.rlim_cur > INT32_MAX ? INT32_MAX : (uint32_t)rl.rlim_cur;
	fds -= fds / 4 < RESERVE_FDS ? fds / 4 : RESERVE_FDS;
	env.most = FDS_EACH(fds);
	if ((env.strangers = ledger_new(what)) == NULL ||
	    (env.tunnels = ledger_new(tunnel)) == NULL)
		fatal("%s", what);
}

void
places_limits(const struct gate_opts *conf)
{
	struct ledger_limits	 limits;

	memset(&limits, 0, sizeof(limits));
	limits.total = env.most - env.most / 8;
	ledger_limits(env.tunnels, &limits);
	limits.total = env.most / 2;
	if (limits.total > conf->max_unproven)
		limits.total = conf->max_unproven;
	limits.per_source = conf->max_per_source;
	limits.penalty_min = conf->penalty_min;
	limits.penalty_max = conf->penalty_max;
	ledger_limits(env.strangers, &limits);
}

/* One of them is to come: there has to be a place for it. */
static void
places_make_room(void)
{
	const struct ledger_stats	*s = ledger_stats(env.strangers);
	const struct ledger_stats	*t = ledger_stats(env.tunnels);

	while (s->held + t->held >= env.most)
		if (!ledger_relieve(env.strangers, LEDGER_CONNECTIONS,
		    "all places are taken"))
			break;		/* tunnels have seven eighths at most */
}

int
places_stranger(struct charge *c, const struct addr *peer, uint32_t listener)
{
	int	 fresh = c->source == NULL;

	if (fresh)
		places_make_room();
	if (ledger_enter(env.strangers, c, peer, listener) == -1)
		return (-1);
	if (fresh)
		ledger_cost(c, PLACE_OCTETS);
	return (0);
}

int
places_tunnel(struct charge *c, const struct addr *peer, uint32_t service)
{
	if (c->source != NULL) {
		ledger_proven(c);
		ledger_leave(c);
	} else
		places_make_room();
	if (ledger_enter(env.tunnels, c, peer, service) == -1)
		return (-1);
	ledger_cost(c, PLACE_OCTETS);
	return (0);
}

int
places_relieve(enum ledger_kind kind, const char *why)
{
	return (ledger_relieve(env.strangers, kind, why) ||
	    ledger_relieve(env.tunnels, kind, why));
}

struct ledger *
places_ledger(void)
{
	return (env.strangers);
}

const struct ledger_stats *
places_strangers(void)
{
	return (ledger_stats(env.strangers));
}

const struct ledger_stats *
places_tunnels(void)
{
	return (ledger_stats(env.tunnels));
}
