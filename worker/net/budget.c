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
#define SHED_LOG_US	(10 * 1000000ULL)
/* Those who make some progress may keep users out for so long. */
#define TIGHT_US	(5 * 1000000ULL)
/* It pays to give back so much, or such a part of the rest, and so often. */
#define TRIM_LEAST	(256 * 1024)
#define TRIM_PART	8
#define TRIM_US		(10 * 1000000ULL)

/* The limit of the process is as high as it may be by now, and stays. */
void
budget_init(struct budget *b, int (*relieve)(int any))
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
	if (b->held > b->peak)
		b->peak = b->held;
}

void
budget_going(struct budget *b, int64_t octets)
{
	b->going += octets;
}

static int
budget_relieve(struct budget *b, int any)
{
	if (!b->relieve(any))
		return (0);
	b->shed++;
	return (1);
}

void
budget_enforce(struct budget *b)
{
	while (b->held - b->going > b->max && budget_relieve(b, 1))
		;
}

int
budget_tight(const struct budget *b)
{
	return (b->held - b->going > b->max / 8 * 7);
}

int
budget_pressed(const struct budget *b)
{
	return (b->held > b->max / 2);
}

uint64_t
budget_left(const struct budget *b)
{
	return (b->held < b->max ? b->max - b->held : 0);
}

/* What is shed one by one is logged together. */
static void
budget_log(struct budget *b, uint64_t now)
{
	if (b->shed == b->shed_told || (b->shed_logged != 0 &&
	    now - b->shed_logged < SHED_LOG_US))
		return;
	log_warnx("memory: %llu connections were closed to keep within %llu "
	    "octets, %llu are held", (unsigned long long)(b->shed -
	    b->shed_told), (unsigned long long)b->max,
	    (unsigned long long)b->held);
	b->shed_told = b->shed;
	b->shed_logged = now;
}

/*
 * What was freed amid what is still held stays with the process unless it is
 * asked to give it back.  That costs time by what the process has.
 */
static void
budget_trim(struct budget *b, uint64_t now)
{
	uint64_t	 freed = b->peak - b->held;

	if (freed < TRIM_LEAST || freed < b->held / TRIM_PART ||
	    now - b->trimmed < TRIM_US)
		return;
	b->peak = b->held;
	b->trimmed = now;
	MALLOC_TRIM();
}

/*
 * Near the budget, and not past it, it could stay for ever: who reads nothing
 * holds what he has, and nobody would be accepted any more.
 */
static void
budget_loosen(struct budget *b, uint64_t now)
{
	if (!budget_tight(b)) {
		b->tight_since = 0;
		return;
	}
	if (b->tight_since == 0)
		b->tight_since = now;
	while (budget_tight(b) && budget_relieve(b, now - b->tight_since >=
	    TIGHT_US))
		;
}

void
budget_tick(struct budget *b, uint64_t now)
{
	budget_loosen(b, now);
	budget_log(b, now);
	budget_trim(b, now);
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
