/* SPDX-License-Identifier: ISC */

/* See pace.h. */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "bucket.h"
#include "network.h"
#include "pace.h"

#define SECOND_US	1000000ULL

struct pacer {
	RB_ENTRY(pacer)		 entry;
	TAILQ_ENTRY(pacer)	 used;
	struct network		 net;
	struct bucket		 bucket;
};

static int
pacer_cmp(struct pacer *a, struct pacer *b)
{
	return (network_cmp(&a->net, &b->net));
}

RB_GENERATE_STATIC(pace_tree, pacer, entry, pacer_cmp)

void
pace_init(struct pace *p)
{
	memset(p, 0, sizeof(*p));
	RB_INIT(&p->all);
	TAILQ_INIT(&p->used);
}

static void
pacer_free(struct pace *p, struct pacer *s)
{
	RB_REMOVE(pace_tree, &p->all, s);
	TAILQ_REMOVE(&p->used, s, used);
	p->n--;
	free(s);
}

static struct pacer *
pacer_get(struct pace *p, const struct addr *peer)
{
	struct pacer	 key, *s;

	memset(&key, 0, sizeof(key));
	(void)network_around(&key.net, peer, 0);
	if ((s = RB_FIND(pace_tree, &p->all, &key)) != NULL) {
		TAILQ_REMOVE(&p->used, s, used);
		TAILQ_INSERT_TAIL(&p->used, s, used);
		return (s);
	}
	if (p->n == PACE_MAX)
		pacer_free(p, TAILQ_FIRST(&p->used));
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->net = key.net;
	RB_INSERT(pace_tree, &p->all, s);
	TAILQ_INSERT_TAIL(&p->used, s, used);
	p->n++;
	return (s);
}

int
pace_may(struct pace *p, const struct addr *peer, uint32_t rate, uint64_t now)
{
	struct pacer	*s;

	if (rate == 0 || (s = pacer_get(p, peer)) == NULL)
		return (1);
	if (s->bucket.rate != rate)
		bucket_limit(&s->bucket, rate, SECOND_US, now);
	if (bucket_room(&s->bucket, now) == 0)
		return (0);
	bucket_take(&s->bucket, 1);
	return (1);
}

void
pace_free(struct pace *p)
{
	struct pacer	*s;

	while ((s = TAILQ_FIRST(&p->used)) != NULL)
		pacer_free(p, s);
}
