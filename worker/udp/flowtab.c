/* SPDX-License-Identifier: ISC */

/* See flowtab.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "flowtab.h"

#define BUCKETS_MIN	256
#define BUCKETS_MAX	(1U << 22)

/* Fresh flows keep one in so many places against those that are known... */
#define FRESH_SHARE	8	/* ...and are a flood if they have more */

struct flow_source {
	LIST_ENTRY(flow_source)	 entry;
	struct network		 net;
	struct flow_service	*service;
	struct flow_lists	 flows;
};

/* ---- buckets ---- */

static struct flow_bucket *
bucket_of_key(const struct flowtab *t, const struct flow_key *key)
{
	return (&t->by_key[siphash(&t->secret, key, sizeof(*key)) & t->mask]);
}

/* Numbers are ours, and follow each other. */
static struct flow_bucket *
bucket_of_number(const struct flowtab *t, const struct flow_owner *o,
    uint32_t number)
{
	return (&t->by_number[(number + o->id * 0x9e3779b1U) & t->mask]);
}

static struct source_bucket *
bucket_of_source(const struct flowtab *t, const struct network *net)
{
	return (&t->sources[siphash(&t->secret, &net->addr,
	    sizeof(net->addr)) & t->mask]);
}

static int
buckets_new(struct flowtab *t, uint32_t n)
{
	t->mask = n - 1;
	t->by_key = calloc(n, sizeof(*t->by_key));
	t->by_number = calloc(n, sizeof(*t->by_number));
	t->sources = calloc(n, sizeof(*t->sources));
	return (t->by_key == NULL || t->by_number == NULL ||
	    t->sources == NULL ? -1 : 0);
}

static void
buckets_free(struct flowtab *t)
{
	free(t->by_key);
	free(t->by_number);
	free(t->sources);
}

int
flowtab_init(struct flowtab *t)
{
	memset(t, 0, sizeof(*t));
	arc4random_buf(&t->secret, sizeof(t->secret));
	if (buckets_new(t, BUCKETS_MIN) == 0)
		return (0);
	buckets_free(t);
	return (-1);
}

void
flowtab_free(struct flowtab *t)
{
	buckets_free(t);
	memset(t, 0, sizeof(*t));
}

/* All that is in the buckets of one table goes to those of another. */
static void
buckets_move(struct flowtab *from, struct flowtab *to)
{
	struct udpflow		*f;
	struct flow_source	*s;
	uint32_t		 i;

	for (i = 0; i <= from->mask; i++) {
		while ((f = LIST_FIRST(&from->by_key[i])) != NULL) {
			LIST_REMOVE(f, by_key);
			LIST_INSERT_HEAD(bucket_of_key(to, &f->key), f,
			    by_key);
		}
		while ((f = LIST_FIRST(&from->by_number[i])) != NULL) {
			LIST_REMOVE(f, by_number);
			LIST_INSERT_HEAD(bucket_of_number(to, f->owner,
			    f->number), f, by_number);
		}
		while ((s = LIST_FIRST(&from->sources[i])) != NULL) {
			LIST_REMOVE(s, entry);
			LIST_INSERT_HEAD(bucket_of_source(to, &s->net),
			    s, entry);
		}
	}
}

void
flowtab_expect(struct flowtab *t, uint32_t flows)
{
	struct flowtab	 more = *t;
	uint32_t	 n = t->mask + 1;

	while (n < flows && n < BUCKETS_MAX)
		n *= 2;
	if (n == t->mask + 1)
		return;
	if (buckets_new(&more, n) == -1) {
		buckets_free(&more);
		return;
	}
	buckets_move(t, &more);
	buckets_free(t);
	*t = more;
}

/* ---- lists ---- */

static void
lists_init(struct flow_lists *l)
{
	int	 i;

	for (i = 0; i < FLOW_STATES; i++) {
		TAILQ_INIT(&l->list[i]);
		l->n[i] = 0;
	}
}

static uint32_t
lists_count(const struct flow_lists *l)
{
	return (l->n[FLOW_OVER] + l->n[FLOW_FRESH] + l->n[FLOW_KNOWN]);
}

static void
flow_unlist(struct udpflow *f)
{
	struct flow_lists	*a = &f->service->flows;
	struct flow_lists	*b = &f->source->flows;

	TAILQ_REMOVE(&a->list[f->state], f, in_service);
	TAILQ_REMOVE(&b->list[f->state], f, in_source);
	a->n[f->state]--;
	b->n[f->state]--;
}

/* At the end: it is the last to go of its state. */
static void
flow_list(struct udpflow *f, enum flow_state state, uint64_t now)
{
	struct flow_lists	*a = &f->service->flows;
	struct flow_lists	*b = &f->source->flows;

	f->state = state;
	f->listed = now;
	TAILQ_INSERT_TAIL(&a->list[state], f, in_service);
	TAILQ_INSERT_TAIL(&b->list[state], f, in_source);
	a->n[state]++;
	b->n[state]++;
}

static void
flow_relist(struct udpflow *f, enum flow_state state, uint64_t now)
{
	flow_unlist(f);
	flow_list(f, state, now);
}

/* Who goes first, if max may be there. */
static struct udpflow *
lists_first(const struct flow_lists *l, uint32_t max, uint64_t now)
{
	struct udpflow	*fresh = TAILQ_FIRST(&l->list[FLOW_FRESH]);
	struct udpflow	*known = TAILQ_FIRST(&l->list[FLOW_KNOWN]);

	if (l->n[FLOW_OVER] > 0)
		return (TAILQ_FIRST(&l->list[FLOW_OVER]));
	if (fresh == NULL || known == NULL)
		return (fresh != NULL ? fresh : known);
	if (l->n[FLOW_FRESH] > max / FRESH_SHARE ||
	    now - known->seen < FLOWTAB_STILL_US)
		return (fresh);
	return (known);
}

/* Who has to go before one more stranger can come; NULL: nobody. */
static struct udpflow *
lists_stranger(const struct flow_lists *l, uint32_t max)
{
	if (l->n[FLOW_OVER] + l->n[FLOW_FRESH] < max)
		return (NULL);
	if (l->n[FLOW_OVER] > 0)
		return (TAILQ_FIRST(&l->list[FLOW_OVER]));
	return (TAILQ_FIRST(&l->list[FLOW_FRESH]));
}

/* ---- services, sources and owners ---- */

void
flowtab_service(struct flow_service *s, uint32_t number)
{
	memset(s, 0, sizeof(*s));
	s->number = number;
	lists_init(&s->flows);
}

uint32_t
flowtab_count(const struct flow_service *s)
{
	return (lists_count(&s->flows));
}

int
flowtab_flooded(const struct flow_service *s)
{
	uint32_t	 share = s->max / FRESH_SHARE;

	if (s->strangers > 0)
		share = s->strangers / 2;
	return (s->max > 0 && s->flows.n[FLOW_FRESH] > share);
}

void
flowtab_owner(struct flow_owner *o, uint32_t id)
{
	memset(o, 0, sizeof(*o));
	o->id = id;
	LIST_INIT(&o->flows);
}

static struct flow_source *
source_find(const struct flowtab *t, const struct flow_service *service,
    const struct addr *user)
{
	struct flow_source	*s;
	struct network		 net;

	(void)network_around(&net, user, 0);
	LIST_FOREACH(s, bucket_of_source(t, &net), entry)
		if (s->service == service && network_cmp(&s->net, &net) == 0)
			return (s);
	return (NULL);
}

static struct flow_source *
source_get(struct flowtab *t, struct flow_service *service,
    const struct addr *user)
{
	struct flow_source	*s;

	if ((s = source_find(t, service, user)) != NULL)
		return (s);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	(void)network_around(&s->net, user, 0);
	s->service = service;
	lists_init(&s->flows);
	LIST_INSERT_HEAD(bucket_of_source(t, &s->net), s, entry);
	return (s);
}

/* ---- flows ---- */

struct udpflow *
flowtab_find(struct flowtab *t, const struct flow_key *key, uint64_t now)
{
	struct udpflow	*f;

	LIST_FOREACH(f, bucket_of_key(t, key), by_key)
		if (memcmp(&f->key, key, sizeof(*key)) == 0)
			break;
	if (f != NULL && f->state == FLOW_OVER && now >= f->seen) {
		flowtab_remove(t, f);
		return (NULL);
	}
	return (f);
}

struct udpflow *
flowtab_numbered(struct flowtab *t, const struct flow_owner *o,
    uint32_t number)
{
	struct udpflow	*f;

	LIST_FOREACH(f, bucket_of_number(t, o, number), by_number)
		if (f->number == number && f->owner == o)
			return (f);
	return (NULL);
}

uint32_t
flowtab_next(struct flowtab *t, const struct flow_owner *o)
{
	uint32_t	 number = o->last;

	do {
		number++;
	} while (number == 0 || flowtab_numbered(t, o, number) != NULL);
	return (number);
}

static struct udpflow *
flowtab_stranger(struct flowtab *t, struct flow_service *service,
    const struct addr *peer, enum flow_cap *cap)
{
	struct flow_source	*source;
	struct udpflow		*f = NULL;

	*cap = FLOW_CAP_SOURCE;
	if ((source = source_find(t, service, peer)) != NULL)
		f = lists_stranger(&source->flows, service->strangers_source);
	if (f != NULL)
		return (f);
	*cap = FLOW_CAP_TOTAL;
	return (lists_stranger(&service->flows, service->strangers));
}

struct udpflow *
flowtab_victim(struct flowtab *t, struct flow_service *service,
    const struct addr *user, uint64_t now, enum flow_cap *cap)
{
	struct flow_source	*source;
	struct udpflow		*f;
	uint32_t		 most;

	if (user != NULL && service->strangers > 0 &&
	    (f = flowtab_stranger(t, service, user, cap)) != NULL)
		return (f);
	if (user != NULL && service->per_source > 0 &&
	    (source = source_find(t, service, user)) != NULL &&
	    lists_count(&source->flows) >= service->per_source) {
		*cap = FLOW_CAP_SOURCE;
		return (lists_first(&source->flows, service->per_source,
		    now));
	}
	most = user != NULL ? service->max - 1 : service->max;
	if (service->max == 0 || lists_count(&service->flows) <= most)
		return (NULL);
	*cap = FLOW_CAP_TOTAL;
	if (service->strangers > 0 &&
	    (f = lists_stranger(&service->flows, 1)) != NULL)
		return (f);
	return (lists_first(&service->flows, service->max, now));
}

struct udpflow *
flowtab_add(struct flowtab *t, struct flow_service *service,
    const struct flow_key *key, struct flow_owner *o, uint64_t now)
{
	struct flow_source	*source;
	struct udpflow		*f;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (NULL);
	if ((source = source_get(t, service, &key->user)) == NULL) {
		free(f);
		return (NULL);
	}
	f->key = *key;
	f->service = service;
	f->source = source;
	f->owner = o;
	f->number = o->last = flowtab_next(t, o);
	f->seen = now;
	LIST_INSERT_HEAD(bucket_of_key(t, key), f, by_key);
	LIST_INSERT_HEAD(bucket_of_number(t, o, f->number), f, by_number);
	LIST_INSERT_HEAD(&o->flows, f, of_owner);
	o->n++;
	t->n++;
	flow_list(f, FLOW_FRESH, now);
	return (f);
}

void
flowtab_heard(struct udpflow *f, uint64_t now)
{
	f->seen = now;
	if (f->answered && f->state == FLOW_FRESH)
		flow_relist(f, FLOW_KNOWN, now);
	else if (f->state == FLOW_FRESH ||
	    now - f->listed >= FLOWTAB_GRAIN_US)
		flow_relist(f, f->state, now);
}

/* To whom is sent without his doing does not stay longer for it. */
void
flowtab_answered(struct udpflow *f, uint64_t now)
{
	f->seen = now;
	f->answered = 1;
	if (f->state == FLOW_KNOWN && now - f->listed >= FLOWTAB_GRAIN_US)
		flow_relist(f, f->state, now);
}

void
flowtab_known(struct udpflow *f, uint64_t now)
{
	if (f->state == FLOW_FRESH)
		flow_relist(f, FLOW_KNOWN, now);
}

static void
flow_disown(struct udpflow *f)
{
	if (f->owner == NULL)
		return;
	LIST_REMOVE(f, by_number);
	LIST_REMOVE(f, of_owner);
	f->owner->n--;
	f->owner = NULL;
}

void
flowtab_over(struct udpflow *f, uint64_t for_us, uint64_t now)
{
	flow_disown(f);
	flow_relist(f, FLOW_OVER, now);
	f->seen = now + for_us;
}

struct udpflow *
flowtab_idle(struct flow_service *s, uint64_t now)
{
	struct udpflow	*f;
	int		 state;

	f = TAILQ_FIRST(&s->flows.list[FLOW_OVER]);
	if (f != NULL && now >= f->seen)
		return (f);
	for (state = FLOW_FRESH; state <= FLOW_KNOWN; state++)
		while ((f = TAILQ_FIRST(&s->flows.list[state])) != NULL &&
		    now - f->listed >= s->timeout_us) {
			if (now - f->seen >= s->timeout_us)
				return (f);
			flow_relist(f, f->state, now);
		}
	return (NULL);
}

void
flowtab_remove(struct flowtab *t, struct udpflow *f)
{
	struct flow_source	*source = f->source;

	flow_unlist(f);
	flow_disown(f);
	LIST_REMOVE(f, by_key);
	t->n--;
	free(f);
	if (lists_count(&source->flows) == 0) {
		LIST_REMOVE(source, entry);
		free(source);
	}
}
