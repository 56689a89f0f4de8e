/* SPDX-License-Identifier: ISC */

/*
 * See fan.h.  A user may name as many targets as he likes, so branches are
 * charged like flows of the udp process: in all, by source, and by how fast
 * they begin.  A fan without branches holds next to nothing, and udp ends it
 * when nothing passes.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "worker/net/bucket.h"
#include "worker/net/budget.h"
#include "worker/net/ledger.h"
#include "worker/net/lines.h"
#include "worker/net/sockudp.h"
#include "worker/relay/assoc.h"
#include "worker/relay/flow.h"
#include "worker/tunnel/service.h"
#include "fan.h"
#include "limits.h"

#define BUCKETS		1024
/* A target that was refused is not asked for again before this. */
#define REFUSED_US	(1 * 1000000ULL)
/*
 * Branches that may begin in a second: half of the streams that the target's
 * side lets a session begin, as of flows in the udp process.
 */
#define BRANCHES_RATE	5000
#define LINES_EVERY_US	(10 * 1000000ULL)

struct branch {
	TAILQ_ENTRY(branch)	 entry;		/* of its fan */
	TAILQ_ENTRY(branch)	 in_refused;	/* without a flow */
	struct fan		*fan;
	struct flow		*flow;		/* NULL: refused... */
	uint64_t		 until;		/* ...until then */
	struct charge		 charge;
	struct dest		 to;
	size_t			 len;
	uint8_t			 head[];	/* as the user wrote it */
};
TAILQ_HEAD(branches, branch);

struct fan {
	LIST_ENTRY(fan)		 bucket;	/* by number */
	uint32_t		 number;	/* on udp's pair */
	struct flow_open	 ends;
	struct assoc_use	 use;
	struct branches		 branches;	/* idlest first */
	uint32_t		 n;		/* of them */
};

static LIST_HEAD(, fan)		 buckets[BUCKETS];
static struct branches		 refused = TAILQ_HEAD_INITIALIZER(refused);
static struct service		*svc;
static const struct flow_events	*udp;
static struct ledger		*ledger;	/* of branches */
static struct bucket		 begins;	/* likewise */
static struct fan_stats		 stats;
static struct lines		 none, bad, large, paced, full;
static uint32_t			 nfans;

static void	 fan_over(struct assoc_use *);
static void	 branch_shed(struct charge *, const char *);

void
fans_init(struct service *service, const struct flow_events *events)
{
	svc = service;
	udp = events;
	if ((ledger = ledger_new("target of a socket")) == NULL)
		fatal("%s", __func__);
	bucket_limit(&begins, BRANCHES_RATE, 1000000, worker_now());
}

const struct fan_stats *
fan_stats(void)
{
	const struct ledger_stats	*l = ledger_stats(ledger);

	stats.branches = l->held;
	stats.shed_source = l->shed_source;
	stats.shed_total = l->shed_total;
	return (&stats);
}

static int
may_say(struct lines *l)
{
	return (lines_take(l, 1, LINES_EVERY_US, worker_now()));
}

/* ---- branches ---- */

/* Its flow is gone. */
static void
branch_free(struct branch *b)
{
	struct fan	*fan = b->fan;

	if (b->until != 0)
		TAILQ_REMOVE(&refused, b, in_refused);
	TAILQ_REMOVE(&fan->branches, b, entry);
	fan->n--;
	ledger_leave(&b->charge);
	budget_hold(&svc->budget, -(int64_t)(sizeof(*b) + b->len));
	free(b);
}

static void
branch_end(struct branch *b)
{
	if (b->flow != NULL)
		flow_user_gone(b->flow);	/* and fan_ended frees it */
	else
		branch_free(b);
}

static void
branch_shed(struct charge *c, const char *why)
{
	(void)why;
	branch_end((void *)((char *)c - offsetof(struct branch, charge)));
}

/* The same for targets as udp has for the flows that come to it. */
static void
branches_limit(void)
{
	struct ledger_limits	 l;

	memset(&l, 0, sizeof(l));
	l.total = limits_part(svc->conf.opts.udp_flows);
	l.per_source = svc->conf.opts.udp_flows_source;
	ledger_limits(ledger, &l);
}

/* The idlest of its fan make way for it, and then others of its source. */
static int
branch_charge(struct branch *b)
{
	struct fan	*fan = b->fan;

	while (fan->n >= FAN_BRANCHES) {
		stats.shed++;
		ledger_log(ledger, &fan->ends.user,
		    "closed: there are %u others", FAN_BRANCHES);
		branch_end(TAILQ_FIRST(&fan->branches));
	}
	branches_limit();
	b->charge.shed = branch_shed;
	return (ledger_enter(ledger, &b->charge, &fan->ends.user, 0));
}

/* -1: no memory. */
static int
branch_start(struct branch *b)
{
	struct fan	*fan = b->fan;

	if (branch_charge(b) == -1)
		return (-1);
	b->flow = flow_new_user(fan->number, &fan->ends, &b->to);
	if (b->flow == NULL) {
		ledger_leave(&b->charge);
		return (-1);
	}
	b->flow->branch = b;
	TAILQ_INSERT_TAIL(&fan->branches, b, entry);
	fan->n++;
	budget_hold(&svc->budget, (int64_t)(sizeof(*b) + b->len));
	bucket_take(&begins, 1);
	return (0);
}

/* For a header of so many octets.  NULL: no memory. */
static struct branch *
branch_new(struct fan *fan, const struct dest *to, const uint8_t *head,
    size_t len)
{
	struct branch	*b;

	if ((b = calloc(1, sizeof(*b) + len)) == NULL)
		return (NULL);
	b->fan = fan;
	b->to = *to;
	b->len = len;
	memcpy(b->head, head, len);
	if (branch_start(b) == -1) {
		free(b);
		return (NULL);
	}
	return (b);
}

static void
branch_moved(struct branch *b)
{
	struct fan	*fan = b->fan;

	ledger_progress(&b->charge);
	assoc_moved(&fan->use);
	TAILQ_REMOVE(&fan->branches, b, entry);
	TAILQ_INSERT_TAIL(&fan->branches, b, entry);
}

/* ---- fans ---- */

struct fan *
fan_find(uint32_t number)
{
	struct fan	*fan;

	LIST_FOREACH(fan, &buckets[number % BUCKETS], bucket)
		if (fan->number == number)
			break;
	return (fan);
}

int
fan_begin(uint32_t number, const struct flow_open *ends)
{
	struct fan	*fan;

	if ((nfans + 1) * sizeof(*fan) > svc->budget.max / 8 ||
	    (fan = calloc(1, sizeof(*fan))) == NULL) {
		if (may_say(&full))
			log_warnx("flow of %s: no memory",
			    addr_print(&ends->user));
		return (-1);
	}
	fan->use.over = fan_over;
	if (assoc_enter(&fan->use, &ends->user, &ends->listener) == -1) {
		stats.none++;
		if (may_say(&none))
			log_info("flow of %s: refused: it has no association",
			    addr_print(&ends->user));
		free(fan);
		return (-1);
	}
	fan->number = number;
	fan->ends = *ends;
	TAILQ_INIT(&fan->branches);
	LIST_INSERT_HEAD(&buckets[number % BUCKETS], fan, bucket);
	nfans++;
	budget_hold(&svc->budget, sizeof(*fan));
	return (0);
}

void
fan_gone(struct fan *fan)
{
	struct branch	*b;

	if (fan == NULL)
		return;
	while ((b = TAILQ_FIRST(&fan->branches)) != NULL)
		branch_end(b);
	assoc_leave(&fan->use);
	LIST_REMOVE(fan, bucket);
	nfans--;
	budget_hold(&svc->budget, -(int64_t)sizeof(*fan));
	free(fan);
}

/* No association lets it any more. */
static void
fan_over(struct assoc_use *use)
{
	struct fan	*fan = (void *)((char *)use -
			    offsetof(struct fan, use));
	uint32_t	 number = fan->number;

	fan_gone(fan);
	udp->slot_end(number, FLOW_GONE);
}

void
fans_lost(void)
{
	struct fan	*fan;
	int		 i;

	for (i = 0; nfans > 0 && i < BUCKETS; i++)
		while ((fan = LIST_FIRST(&buckets[i])) != NULL)
			fan_gone(fan);
}

/* The service stops: those without a target have nothing to wait for. */
static void
fans_stop(void)
{
	struct fan	*fan, *next;
	int		 i;

	for (i = 0; nfans > 0 && i < BUCKETS; i++)
		LIST_FOREACH_SAFE(fan, &buckets[i], bucket, next)
			if (TAILQ_EMPTY(&fan->branches))
				fan_over(&fan->use);
}

void
fans_tick(uint64_t now)
{
	struct branch	*b;

	branches_limit();
	while ((b = TAILQ_FIRST(&refused)) != NULL && now >= b->until)
		branch_free(b);
	if (svc->stopping)
		fans_stop();
}

/* ---- datagrams ---- */

static struct branch *
fan_branch(const struct fan *fan, const uint8_t *p, size_t len)
{
	struct branch	*b;

	TAILQ_FOREACH_REVERSE(b, &fan->branches, branches, entry)
		if (b->len <= len && memcmp(b->head, p, b->len) == 0)
			break;
	return (b);
}

/* A datagram is dropped. */
static struct branch *
fan_drop(const struct fan *fan, uint64_t *counter, struct lines *l,
    const char *why)
{
	(*counter)++;
	if (may_say(l))
		log_info("flow of %s: a datagram is dropped: %s",
		    addr_print(&fan->ends.user), why);
	return (NULL);
}

/* To a target that has no branch yet. */
static struct branch *
fan_grow(struct fan *fan, const uint8_t *p, size_t len)
{
	struct branch	*b;
	struct dest	 to;
	const char	*why;
	size_t		 n;

	if ((n = sockudp_get(&to, p, len, &why)) == 0)
		return (fan_drop(fan, &stats.bad, &bad, why));
	if (bucket_room(&begins, worker_now()) == 0)
		return (fan_drop(fan, &stats.paced, &paced,
		    "too many targets begin"));
	if ((b = branch_new(fan, &to, p, n)) == NULL)
		return (fan_drop(fan, &stats.memory, &full, "no memory"));
	return (b);
}

struct flow *
fan_flow(struct fan *fan, const uint8_t *p, size_t len, size_t *head,
    int *fresh)
{
	struct branch	*b = fan_branch(fan, p, len);

	if (b != NULL && b->flow == NULL) {
		if (worker_now() < b->until) {
			stats.refused++;
			return (NULL);
		}
		branch_free(b);
		b = NULL;
	}
	*fresh = b == NULL;
	if (b == NULL && (b = fan_grow(fan, p, len)) == NULL)
		return (NULL);
	branch_moved(b);
	*head = b->len;
	return (b->flow);
}

int
fan_send(struct flow *f, const uint8_t *p, size_t len)
{
	static uint8_t	 buf[FLOW_DATAGRAM_MAX];
	struct branch	*b = f->branch;

	if (len > sizeof(buf) - b->len) {
		(void)fan_drop(b->fan, &stats.large, &large,
		    "it is too long with its header");
		return (0);
	}
	branch_moved(b);
	memcpy(buf, b->head, b->len);
	memcpy(buf + b->len, p, len);
	return (udp->slot_put(b->fan->number, buf, b->len + len));
}

void
fan_ended(struct flow *f, enum flow_reason why)
{
	struct branch	*b = f->branch;

	b->flow = NULL;
	if (why != FLOW_REFUSED && why != FLOW_FAILED) {
		branch_free(b);
		return;
	}
	b->until = worker_now() + REFUSED_US;
	TAILQ_INSERT_TAIL(&refused, b, in_refused);
}
