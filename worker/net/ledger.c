/* SPDX-License-Identifier: ISC */

/*
 * See ledger.h.  The weights (weight.h) find who is shed, the sources
 * (source.h) know who may log and who is proven, the penalties (penalty.h) who
 * may not come.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <event2/event.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "worker/frame/worker.h"
#include "ledger.h"
#include "penalty.h"
#include "source.h"
#include "weight.h"

/*
 * Lines that all sources together may cause: a burst, then one in so long.
 * Those who have proven themselves have a measure of their own, so that
 * strangers cannot drown what is said about them.
 */
#define LINES_BURST	20
#define LINES_EVERY_US	(500 * 1000)
/* The number of those that were not logged is, so often at most. */
#define LINES_SUM_US	(1000 * 1000)

struct ledger {
	LIST_ENTRY(ledger)	 entry;
	const char		*what;
	struct ledger_limits	 limits;
	struct ledger_stats	 stats;
	struct weights		 weights;
	struct sources		 sources;
	struct penalties	 penalties;
	struct lines		 lines[2];	/* strangers', and others' */
	struct lines		 refusals;	/* of who is refused now */
	uint64_t		 unsaid;	/* lines, since the last sum */
	uint32_t		 unsaid_sources;
	uint64_t		 unsaid_since;
	uint32_t		 sum;		/* its number */
	struct event		*timer;		/* the next sum */
};

/* Of the process. */
static LIST_HEAD(, ledger)	 ledgers = LIST_HEAD_INITIALIZER(ledgers);

struct ledger *
ledger_new(const char *what)
{
	struct ledger	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->what = what;
	l->sum = 1;
	weights_init(&l->weights);
	sources_init(&l->sources);
	penalties_init(&l->penalties);
	LIST_INSERT_HEAD(&ledgers, l, entry);
	return (l);
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	if (l->timer != NULL)
		event_free(l->timer);
	LIST_REMOVE(l, entry);
	sources_free(&l->sources);
	penalties_free(&l->penalties);
	free(l);
}

const struct ledger_stats *
ledger_stats(const struct ledger *l)
{
	return (&l->stats);
}

/* ---- the log ---- */

/* How many lines were not logged. */
static void
ledger_log_sum(struct ledger *l, uint64_t now)
{
	if (l->unsaid == 0 || now - l->unsaid_since < LINES_SUM_US)
		return;
	log_info("%s: %llu lines more about %u sources, not logged", l->what,
	    (unsigned long long)l->unsaid, l->unsaid_sources);
	l->unsaid = 0;
	l->unsaid_sources = 0;
	l->sum++;
}

void
ledger_sum(struct ledger *l)
{
	l->unsaid += sources_unsaid(&l->sources, l->sum, &l->unsaid_sources);
	l->unsaid_since = 0;
	ledger_log_sum(l, worker_now());
}

void
ledger_sum_all(void)
{
	struct ledger	*l;

	LIST_FOREACH(l, &ledgers, entry)
		ledger_sum(l);
}

static void
ledger_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ledger_sum(arg);
}

/* Who is silent from now on does not take its number along. */
static void
ledger_sum_later(struct ledger *l)
{
	struct timeval	 tv = { SOURCE_LINE_S, 0 };

	if (l->timer == NULL &&
	    (l->timer = evtimer_new(worker_base(), ledger_timer, l)) == NULL)
		return;			/* the next line brings it */
	if (!evtimer_pending(l->timer, NULL))
		(void)evtimer_add(l->timer, &tv);
}

/* May the source have a line out of this measure?  If not it is counted. */
static int
ledger_take(struct ledger *l, struct source *src, struct lines *from,
    uint32_t *unsaid)
{
	uint64_t	 now = worker_now();

	if (!lines_take(from, LINES_BURST, LINES_EVERY_US, now)) {
		if (l->unsaid++ == 0)
			l->unsaid_since = now;
		if (src->told != l->sum) {
			src->told = l->sum;
			l->unsaid_sources++;
		}
		ledger_sum_later(l);
		return (0);
	}
	*unsaid = src->unsaid;
	src->unsaid = 0;
	return (1);
}

int
ledger_may_log(struct ledger *l, const struct addr *peer, uint32_t *unsaid)
{
	struct source	*src = source_get(&l->sources, peer);
	uint64_t	 now = worker_now();

	if (src == NULL)
		return (0);
	ledger_log_sum(l, now);
	if (!lines_take(&src->lines, SOURCE_LINES,
	    SOURCE_LINE_S * 1000000ULL, now)) {
		src->unsaid++;
		ledger_sum_later(l);
		return (0);
	}
	return (ledger_take(l, src, &l->lines[src->proven != 0], unsaid));
}

static void
ledger_say(const struct ledger *l, const struct addr *peer, uint32_t unsaid,
    const char *words)
{
	if (unsaid > 0)
		log_info("%s from %s: %s (and %u lines more about this "
		    "source, not logged)", l->what, addr_print(peer), words,
		    unsaid);
	else
		log_info("%s from %s: %s", l->what, addr_print(peer), words);
}

void
ledger_log(struct ledger *l, const struct addr *peer, const char *fmt, ...)
{
	char		 words[512];
	uint32_t	 unsaid;
	va_list		 ap;

	if (!ledger_may_log(l, peer, &unsaid))
		return;
	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	ledger_say(l, peer, unsaid, words);
}

/*
 * The source comes to be refused, unless it is proven: that does not compete
 * with the lines about what led to it, which have used up its own.
 */
static void
ledger_log_refusal(struct ledger *l, const struct addr *peer, const char *why)
{
	struct source	*src = source_get(&l->sources, peer);
	char		 words[512];
	uint32_t	 unsaid;

	if (src == NULL || !ledger_take(l, src, &l->refusals, &unsaid))
		return;
	snprintf(words, sizeof(words), "its source %s: %s", src->proven != 0 ?
	    "has a penalty, but has proven itself and is let in" :
	    "is refused for a while", why);
	ledger_say(l, peer, unsaid, words);
}

/* ---- what is charged ---- */

static struct charges *
charge_list(const struct charge *c)
{
	return (c->capped ? &c->source->charges : &c->source->exempt);
}

static int
charge_put(struct charge *c, struct source *src, uint32_t share)
{
	struct ledger	*l = c->ledger;
	struct weight	*w;

	w = weight_get(&l->weights, src->proven != 0, share, &src->net.addr);
	if (w == NULL)
		return (-1);
	c->source = src;
	c->weight = w;
	c->share = share;
	c->capped = !c->exempt;
	TAILQ_INSERT_TAIL(charge_list(c), c, in_source);
	weight_enter(w, c);
	src->held++;
	src->capped += c->capped;
	source_rest(&l->sources, src);
	return (0);
}

static void
charge_take(struct charge *c)
{
	struct source	*src = c->source;

	TAILQ_REMOVE(charge_list(c), c, in_source);
	weight_leave(&c->ledger->weights, c->weight, c);
	c->source = NULL;
	c->weight = NULL;
	src->held--;
	src->capped -= c->capped;
	source_rest(&c->ledger->sources, src);
}

void
ledger_leave(struct charge *c)
{
	struct ledger	*l = c->ledger;

	if (c->source == NULL)
		return;
	charge_take(c);
	l->stats.held--;
	l->stats.octets -= c->cost;
	c->cost = 0;
}

void
ledger_progress(struct charge *c)
{
	uint64_t	 now = worker_now();

	if (c->source == NULL || now - c->progress < LEDGER_GRAIN_US)
		return;
	c->progress = now;
	TAILQ_REMOVE(charge_list(c), c, in_source);
	TAILQ_INSERT_TAIL(charge_list(c), c, in_source);
	weight_progress(c->weight, c);
}

void
ledger_cost(struct charge *c, int64_t octets)
{
	if (c->source == NULL)
		return;
	c->cost += (uint64_t)octets;
	c->ledger->stats.octets += (uint64_t)octets;
	weight_cost(c->weight, octets);
}

uint64_t
ledger_octets(const struct charge *c)
{
	return (c->source == NULL ? 0 : c->weight->held[LEDGER_OCTETS]);
}

/* ---- who is spared ---- */

static void
charges_reweigh(struct ledger *l, struct source *src, struct charges *list)
{
	struct charge	*c;
	struct weight	*w;

	TAILQ_FOREACH(c, list, in_source) {
		w = weight_get(&l->weights, src->proven != 0, c->share,
		    &src->net.addr);
		if (w == NULL)
			return;		/* what is left stays where it is */
		weight_leave(&l->weights, c->weight, c);
		c->weight = w;
		weight_enter(w, c);
	}
}

/* What the source holds counts among the spared, or not any more. */
static void
ledger_reweigh(struct ledger *l, struct source *src, uint64_t proven)
{
	int	 was = src->proven != 0;

	source_prove(&l->sources, src, proven);
	if (was == (proven != 0))
		return;
	charges_reweigh(l, src, &src->charges);
	charges_reweigh(l, src, &src->exempt);
}

/* Those who proved themselves too long ago are as all others. */
static void
ledger_spare_less(struct ledger *l, uint64_t now)
{
	struct source	*src;
	uint64_t	 before;

	before = now > LEDGER_LATELY_US ? now - LEDGER_LATELY_US : 0;
	while ((src = source_stale(&l->sources, before)) != NULL)
		ledger_reweigh(l, src, 0);
}

void
ledger_proven_peer(struct ledger *l, const struct addr *peer)
{
	struct source	*src = source_get(&l->sources, peer);

	if (src == NULL)
		return;
	ledger_reweigh(l, src, worker_now());
	penalty_clear(&l->penalties, peer);
	ledger_spare_less(l, worker_now());
}

void
ledger_proven(struct charge *c)
{
	if (c->source != NULL)
		ledger_proven_peer(c->ledger, &c->peer);
}

/* ---- who is shed ---- */

static void
ledger_shed(struct charge *c, uint64_t *counter, const char *why)
{
	(*counter)++;
	ledger_log(c->ledger, &c->peer, "closed: %s", why);
	ledger_leave(c);
	c->shed(c, why);
}

/* The heaviest of a kind; of its connections the stalest that holds any. */
static struct charge *
ledger_find_heaviest(struct ledger *l, enum ledger_kind kind)
{
	struct weight	*w;
	struct charge	*c;

	ledger_spare_less(l, worker_now());
	if ((w = weights_heaviest(&l->weights, kind)) == NULL)
		return (NULL);
	c = TAILQ_FIRST(&w->charges);
	while (kind == LEDGER_OCTETS && c->cost == 0)
		c = TAILQ_NEXT(c, in_share);
	return (c);
}

const struct charge *
ledger_heaviest(struct ledger *l, enum ledger_kind kind, uint64_t *held)
{
	const struct charge	*c = ledger_find_heaviest(l, kind);

	*held = c == NULL ? 0 : c->weight->held[kind];
	return (c);
}

static int
ledger_shed_heaviest(struct ledger *l, enum ledger_kind kind,
    uint64_t *counter, const char *why)
{
	struct charge	*c = ledger_find_heaviest(l, kind);

	if (c == NULL)
		return (0);
	ledger_shed(c, counter, why);
	return (1);
}

int
ledger_relieve(struct ledger *l, enum ledger_kind kind, const char *why)
{
	return (ledger_shed_heaviest(l, kind, &l->stats.shed_relief, why));
}

static void
ledger_bound_total(struct ledger *l, uint32_t cap)
{
	while (l->limits.total > 0 && l->stats.held > cap &&
	    ledger_shed_heaviest(l, LEDGER_CONNECTIONS, &l->stats.shed_total,
	    "there are too many, and its source holds most"))
		;
}

void
ledger_limits(struct ledger *l, const struct ledger_limits *limits)
{
	l->limits = *limits;
	penalties_limits(&l->penalties, limits->penalty_min,
	    limits->penalty_max);
	ledger_bound_total(l, limits->total);
}

/* ---- who comes ---- */

static int
ledger_refuses(struct ledger *l, const struct addr *peer)
{
	struct penalty	*p = penalty_refuses(&l->penalties, peer,
	    worker_now());

	if (p == NULL)
		return (0);
	l->stats.refused++;
	ledger_log(l, peer, "refused: penalty of %s: %s",
	    network_print(&p->net), p->why);
	return (1);
}

/* Makes room for one more, of a source and in all. */
static void
ledger_make_room(struct ledger *l, struct source *src,
    const struct charge *c)
{
	uint32_t	 most = l->limits.per_source;

	while (!c->exempt && most > 0 && src->capped >= most)
		ledger_shed(TAILQ_FIRST(&src->charges), &l->stats.shed_source,
		    "its source has too many, and this one has waited "
		    "longest");
	if (c->source == NULL && l->limits.total > 0)
		ledger_bound_total(l, l->limits.total - 1);
}

static int
ledger_no_memory(struct ledger *l, const struct addr *peer)
{
	log_warnx("%s from %s: no memory", l->what, addr_print(peer));
	errno = ENOMEM;
	return (-1);
}

/* It goes where it is charged from now on; where it was, if it cannot. */
static int
charge_move(struct charge *c, struct source *to, uint32_t share)
{
	struct charge	 was = *c;

	if (was.source == NULL)
		return (charge_put(c, to, share));
	was.source->held++;		/* stays meanwhile */
	charge_take(c);
	was.source->held--;
	if (charge_put(c, to, share) == 0) {
		source_rest(&c->ledger->sources, was.source);
		return (0);
	}
	/* Its old weight may be gone, so this can fail as well. */
	if (charge_put(c, was.source, was.share) == -1) {
		c->ledger->stats.held--;
		c->ledger->stats.octets -= c->cost;
		c->cost = 0;
		source_rest(&c->ledger->sources, was.source);
	}
	return (-1);
}

int
ledger_enter(struct ledger *l, struct charge *c, const struct addr *peer,
    uint32_t share)
{
	struct source	*src;
	int		 fresh = c->source == NULL;

	c->ledger = l;
	if (fresh)
		c->peer = *peer;
	ledger_log_sum(l, worker_now());
	if ((src = source_get(&l->sources, peer)) == NULL)
		return (ledger_no_memory(l, peer));
	if (!c->exempt && src->proven == 0 && src != c->source &&
	    ledger_refuses(l, peer)) {
		errno = EPERM;
		return (-1);
	}
	if (src != c->source) {
		ledger_make_room(l, src, c);
		/* Those who went may have taken it along. */
		if ((src = source_get(&l->sources, peer)) == NULL)
			return (ledger_no_memory(l, peer));
	}
	c->progress = worker_now();
	if (charge_move(c, src, share) == -1)
		return (ledger_no_memory(l, peer));
	c->peer = *peer;
	if (fresh) {
		l->stats.held++;
		l->stats.octets += c->cost;
	}
	return (0);
}

/* ---- penalties ---- */

void
ledger_penalty_peer(struct ledger *l, const struct addr *peer,
    uint32_t seconds, const char *why)
{
	if (addr_is_loopback(peer) ||
	    (peer->family != ADDR_IPV4 && peer->family != ADDR_IPV6))
		return;
	if (penalty_add(&l->penalties, peer, seconds, why, worker_now()) ==
	    1) {
		l->stats.penalties++;
		ledger_log_refusal(l, peer, why);
	}
}

void
ledger_penalty(struct charge *c, uint32_t seconds, const char *why)
{
	if (c->ledger != NULL && !c->exempt)
		ledger_penalty_peer(c->ledger, &c->peer, seconds, why);
}

int
ledger_penalty_next(struct ledger *l, const struct ledger_penalty *after,
    struct ledger_penalty *one)
{
	struct penalty	*p;
	uint64_t	 now = worker_now();

	penalties_pass(&l->penalties, now);
	if ((p = penalty_after(&l->penalties, after == NULL ? NULL :
	    &(struct network){ after->addr, after->bits })) == NULL)
		return (0);
	one->addr = p->net.addr;
	one->bits = p->net.bits;
	one->refused = p->refused != 0 && (p->level > 0 ||
	    !source_proven(&l->sources, &p->net.addr));
	one->left = p->level > 0 ? 0 :
	    (uint32_t)((p->until - now + 999999) / 1000000);
	one->inside = p->inside;
	one->turned_away = p->turned_away;
	one->why = p->why;
	return (1);
}
