/* SPDX-License-Identifier: ISC */

/*
 * See assoc.h.  A source is a user's address and the one of ours that he came
 * to.  It is there while it has an association, and nothing is kept for anyone
 * who has none.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/addr.h"
#include "shared/compat.h"
#include "worker/net/budget.h"
#include "worker/net/ledger.h"
#include "worker/net/siphash.h"
#include "worker/tunnel/service.h"
#include "assoc.h"
#include "relay.h"

#define BUCKETS		1024

struct assoc {
	LIST_ENTRY(assoc)	 entry;		/* of its source */
	struct assoc_source	*source;
	struct relay		*relay;
	uint32_t		 port;		/* 0: any */
};

struct assoc_key {			/* no padding: compared as octets */
	struct addr	 user;		/* without port */
	struct addr	 local;		/* that he came to */
};

struct assoc_source {
	LIST_ENTRY(assoc_source) entry;		/* of its bucket */
	struct assoc_key	 key;
	LIST_HEAD(, assoc)	 assocs;
	uint32_t		 any;		/* of them, with any port */
	struct assoc_uses	 uses;
	int			 moved;		/* since the last tick */
};

static LIST_HEAD(, assoc_source) buckets[BUCKETS];
static struct service		*svc;
static struct sipkey		 secret;
static struct assoc_stats	 stats;

void
assoc_init(struct service *service)
{
	svc = service;
	arc4random_buf(&secret, sizeof(secret));
}

const struct assoc_stats *
assoc_stats(void)
{
	return (&stats);
}

/* ---- sources ---- */

static struct assoc_key
key_of(const struct addr *user, const struct addr *local)
{
	struct assoc_key	 key = { *user, *local };

	key.user.port = 0;
	return (key);
}

static uint32_t
bucket_of(const struct assoc_key *key)
{
	return (siphash(&secret, key, sizeof(*key)) % BUCKETS);
}

static struct assoc_source *
source_find(const struct assoc_key *key)
{
	struct assoc_source	*s;

	LIST_FOREACH(s, &buckets[bucket_of(key)], entry)
		if (memcmp(&s->key, key, sizeof(*key)) == 0)
			break;
	return (s);
}

/* NULL: no memory. */
static struct assoc_source *
source_get(const struct assoc_key *key)
{
	struct assoc_source	*s = source_find(key);

	if (s != NULL || (s = calloc(1, sizeof(*s))) == NULL)
		return (s);
	s->key = *key;
	LIST_INIT(&s->assocs);
	TAILQ_INIT(&s->uses);
	LIST_INSERT_HEAD(&buckets[bucket_of(key)], s, entry);
	budget_hold(&svc->budget, sizeof(*s));
	return (s);
}

/* Nobody has one there any more, so nobody relies on it either. */
static void
source_free(struct assoc_source *s)
{
	LIST_REMOVE(s, entry);
	budget_hold(&svc->budget, -(int64_t)sizeof(*s));
	free(s);
}

static int
source_lets(const struct assoc_source *s, uint32_t port)
{
	const struct assoc	*a;

	if (s->any > 0)
		return (1);
	LIST_FOREACH(a, &s->assocs, entry)
		if (a->port == port)
			return (1);
	return (0);
}

/* An association of that port (0: any) is gone. */
static void
source_review(struct assoc_source *s, uint32_t port)
{
	struct assoc_uses	 over = TAILQ_HEAD_INITIALIZER(over);
	struct assoc_use	*u, *next;

	TAILQ_FOREACH_SAFE(u, &s->uses, entry, next) {
		if ((port != 0 && u->port != port) || source_lets(s, u->port))
			continue;
		assoc_leave(u);
		TAILQ_INSERT_TAIL(&over, u, entry);
	}
	if (LIST_EMPTY(&s->assocs))
		source_free(s);
	while ((u = TAILQ_FIRST(&over)) != NULL) {
		TAILQ_REMOVE(&over, u, entry);
		u->over(u);
	}
}

/* ---- associations ---- */

/* The port that he named, where it is one that we see; 0: any. */
static uint32_t
port_of(const struct relay *r, const struct addr *from)
{
	static const uint8_t	 none[sizeof(from->octets)];

	if (from->family != ADDR_NONE &&
	    memcmp(from->octets, none, sizeof(none)) != 0 &&
	    (from->family != r->user.family || memcmp(from->octets,
	    r->user.octets, sizeof(none)) != 0))
		return (0);
	return (from->port);
}

static void
assoc_tell(const struct assoc *a, int on)
{
	struct addr	 user = a->source->key.user;

	user.port = a->port;
	svc->lets(&user, &a->source->key.local, on);
}

void
assoc_tell_all(void)
{
	const struct assoc_source	*s;
	const struct assoc		*a;
	int				 i;

	for (i = 0; stats.now > 0 && i < BUCKETS; i++)
		LIST_FOREACH(s, &buckets[i], entry)
			LIST_FOREACH(a, &s->assocs, entry)
				assoc_tell(a, 1);
}

struct assoc *
assoc_begin(struct relay *r, const struct addr *from)
{
	struct assoc_key	 key = key_of(&r->user, &r->other);
	struct assoc		*a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (NULL);
	if ((a->source = source_get(&key)) == NULL) {
		free(a);
		return (NULL);
	}
	a->relay = r;
	a->port = port_of(r, from);
	a->source->any += a->port == 0;
	LIST_INSERT_HEAD(&a->source->assocs, a, entry);
	budget_hold(&svc->budget, sizeof(*a));
	stats.now++;
	stats.ever++;
	assoc_tell(a, 1);
	return (a);
}

void
assoc_end(struct assoc *a)
{
	struct assoc_source	*s;
	uint32_t		 port;

	if (a == NULL)
		return;
	assoc_tell(a, 0);
	s = a->source;
	port = a->port;
	LIST_REMOVE(a, entry);
	s->any -= port == 0;
	budget_hold(&svc->budget, -(int64_t)sizeof(*a));
	stats.now--;
	free(a);
	source_review(s, port);
}

int
assoc_used(const struct assoc *a)
{
	const struct assoc_use	*u;

	TAILQ_FOREACH(u, &a->source->uses, entry)
		if (a->port == 0 || u->port == a->port)
			return (1);
	return (0);
}

/* ---- who relies on them ---- */

int
assoc_enter(struct assoc_use *u, const struct addr *user,
    const struct addr *local)
{
	struct assoc_key	 key = key_of(user, local);
	struct assoc_source	*s = source_find(&key);

	if (s == NULL || !source_lets(s, user->port))
		return (-1);
	u->source = s;
	u->port = user->port;
	TAILQ_INSERT_TAIL(&s->uses, u, entry);
	return (0);
}

void
assoc_leave(struct assoc_use *u)
{
	if (u->source == NULL)
		return;
	TAILQ_REMOVE(&u->source->uses, u, entry);
	u->source = NULL;
}

void
assoc_moved(struct assoc_use *u)
{
	u->source->moved = 1;
}

static void
source_tick(struct assoc_source *s)
{
	struct assoc	*a;

	if (!s->moved)
		return;
	s->moved = 0;
	LIST_FOREACH(a, &s->assocs, entry)
		ledger_progress(&a->relay->charge);
}

void
assoc_tick(void)
{
	struct assoc_source	*s;
	int			 i;

	for (i = 0; stats.now > 0 && i < BUCKETS; i++)
		LIST_FOREACH(s, &buckets[i], entry)
			source_tick(s);
}
