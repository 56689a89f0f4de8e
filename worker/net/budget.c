/* SPDX-License-Identifier: ISC */

/* See budget.h. */

#include <sys/types.h>
#include <sys/resource.h>

#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "budget.h"
#include "pipes.h"

/*
 * Descriptors that users do not get: for tunnels that come, for listeners and
 * channels that are there twice while they are replaced, and for messages on
 * their way.  Of a small limit an eighth at most.
 */
#define RESERVE_FDS	256
/* Those of pipes that octets are spliced through, two each; the same eighth. */
#define PIPE_FDS	(2 * PIPES_MAX)
#define FULL_LOG_US	(10 * 1000000ULL)
/* Readers that stopped may keep users out for so long. */
#define TIGHT_US	(5 * 1000000ULL)

/* The limit of the process is as high as it may be by now, and stays. */
void
budget_init(struct budget *b, int (*relieve)(void))
{
	struct rlimit	 rl;
	uint32_t	 max, eighth;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit nofile");
	max = rl.rlim_cur > UINT32_MAX ? UINT32_MAX : rl.rlim_cur;
	eighth = max / 8;
	memset(b, 0, sizeof(*b));
	b->relieve = relieve;
	b->fds_max = max - (eighth < RESERVE_FDS ? eighth : RESERVE_FDS) -
	    (eighth < PIPE_FDS ? eighth : PIPE_FDS);
}

void
budget_hold(struct budget *b, int64_t octets)
{
	b->held += octets;
}

void
budget_enforce(struct budget *b)
{
	while (b->held > b->max && b->relieve())
		;
}

int
budget_tight(const struct budget *b)
{
	return (b->held > b->max / 8 * 7);
}

uint64_t
budget_left(const struct budget *b)
{
	return (b->held < b->max ? b->max - b->held : 0);
}

/*
 * Near the budget, and not past it, it could stay for ever: who reads nothing
 * holds what he has, and nobody would be accepted any more.
 */
void
budget_tick(struct budget *b, uint64_t now)
{
	unsigned int	 n = 0;

	if (!budget_tight(b)) {
		b->tight_since = 0;
		return;
	}
	if (b->tight_since == 0)
		b->tight_since = now;
	if (now - b->tight_since < TIGHT_US)
		return;
	while (budget_tight(b) && b->relieve())
		n++;
	if (n > 0)
		log_warnx("memory: near its budget for %llu s: the %u readers "
		    "that held most are reset",
		    (unsigned long long)(now - b->tight_since) / 1000000, n);
	b->tight_since = 0;
}

int
budget_full(const struct budget *b)
{
	return (b->fds >= b->fds_max);
}

void
budget_was_full(struct budget *b, uint64_t now, const char *what)
{
	b->fds_short++;
	if (b->fds_logged != 0 && now - b->fds_logged < FULL_LOG_US)
		return;
	b->fds_logged = now;
	log_warnx("descriptors run short with %u connections and tunnels: "
	    "%s, %llu times so far", b->fds, what,
	    (unsigned long long)b->fds_short);
}
