/* SPDX-License-Identifier: ISC */

/*
 * See queue.h.  Remotes wait in one list, for there are few; targets wait with
 * their owners.
 */

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "queue.h"

struct pace {				/* a remote, while it is wanted */
	TAILQ_ENTRY(pace)	 entry;
	struct places		 holders;	/* busy or settling */
	uint32_t		 held;
	uint32_t		 users;		/* places that point here */
	uint32_t		 port;
	char			 host[HOST_MAX];
};

static struct {
	TAILQ_HEAD(, pace)	 paces;
	TAILQ_HEAD(, owner)	 owners;
	struct places		 remotes;	/* waiting */
	struct places		 busy;		/* targets, oldest first */
	uint32_t		 crowd;		/* targets waiting */
	uint32_t		 nbusy[DIAL_TARGET + 1];
	uint32_t		 limits[DIAL_TARGET + 1];
} queue;

void
queue_init(uint32_t remotes, uint32_t targets)
{
	memset(&queue, 0, sizeof(queue));
	TAILQ_INIT(&queue.paces);
	TAILQ_INIT(&queue.owners);
	TAILQ_INIT(&queue.remotes);
	TAILQ_INIT(&queue.busy);
	queue.limits[DIAL_REMOTE] = remotes;
	queue.limits[DIAL_TARGET] = targets;
}

void
queue_owner(struct owner *o)
{
	TAILQ_INIT(&o->waiting);
	o->busy = 0;
	TAILQ_INSERT_TAIL(&queue.owners, o, entry);
}

void
queue_owner_gone(struct owner *o)
{
	TAILQ_REMOVE(&queue.owners, o, entry);
}

/* ---- remotes ---- */

static struct pace *
pace_get(const char *host, uint32_t port)
{
	struct pace	*p;

	TAILQ_FOREACH(p, &queue.paces, entry)
		if (p->port == port && strcmp(p->host, host) == 0)
			return (p);
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	TAILQ_INIT(&p->holders);
	p->port = port;
	strlcpy(p->host, host, sizeof(p->host));
	TAILQ_INSERT_TAIL(&queue.paces, p, entry);
	return (p);
}

static void
pace_drop(struct place *pl)
{
	struct pace	*p = pl->pace;

	if (pl->state != PLACE_WAITING) {
		TAILQ_REMOVE(&p->holders, pl, of_pace);
		p->held--;
	}
	if (--p->users == 0) {
		TAILQ_REMOVE(&queue.paces, p, entry);
		free(p);
	}
}

/* How many handshakes its owner has with its remote. */
static uint32_t
pace_held_by(const struct place *pl)
{
	const struct place	*o;
	uint32_t		 n = 0;

	TAILQ_FOREACH(o, &pl->pace->holders, of_pace)
		if (o->owner == pl->owner)
			n++;
	return (n);
}

/* The owner that has the fewest there comes first, then who came first. */
static struct place *
remotes_next(void)
{
	struct place	*pl, *best = NULL;
	uint32_t	 n, least = QUEUE_PACE_OWNER;

	TAILQ_FOREACH(pl, &queue.remotes, entry) {
		if (pl->pace->held >= QUEUE_PACE ||
		    (n = pace_held_by(pl)) >= least)
			continue;
		best = pl;
		if ((least = n) == 0)
			break;
	}
	return (best);
}

/* ---- targets ---- */

static struct owner *
owner_next(void)
{
	struct owner	*o, *best = NULL;

	TAILQ_FOREACH(o, &queue.owners, entry)
		if (!TAILQ_EMPTY(&o->waiting) &&
		    (best == NULL || o->busy < best->busy))
			best = o;
	return (best);
}

static struct place *
targets_next(void)
{
	struct owner	*o;

	if (queue.crowd == 0 || (o = owner_next()) == NULL)
		return (NULL);
	/* its turn comes after that of others with as many */
	TAILQ_REMOVE(&queue.owners, o, entry);
	TAILQ_INSERT_TAIL(&queue.owners, o, entry);
	return (TAILQ_FIRST(&o->waiting));
}

struct place *
queue_victim(uint64_t now)
{
	struct owner	*o, *heavy = NULL, *light;
	struct place	*pl;

	if (queue.nbusy[DIAL_TARGET] < queue.limits[DIAL_TARGET] ||
	    (light = owner_next()) == NULL)
		return (NULL);
	TAILQ_FOREACH(o, &queue.owners, entry)
		if (heavy == NULL || o->busy > heavy->busy)
			heavy = o;
	if (heavy->busy <= light->busy + 1)
		return (NULL);
	TAILQ_FOREACH(pl, &queue.busy, entry)
		if (pl->owner == heavy)
			break;
	if (pl == NULL || now < pl->since + QUEUE_SHED)
		return (NULL);
	return (pl);
}

int
queue_crowded(void)
{
	return (queue.crowd > 0);
}

/* ---- places ---- */

int
queue_enter(struct place *pl, void *request, struct owner *o,
    enum dial_what what, const char *host, uint32_t port)
{
	memset(pl, 0, sizeof(*pl));
	if (what == DIAL_REMOTE) {
		if ((pl->pace = pace_get(host, port)) == NULL)
			return (-1);
		pl->pace->users++;
		TAILQ_INSERT_TAIL(&queue.remotes, pl, entry);
	} else {
		TAILQ_INSERT_TAIL(&o->waiting, pl, entry);
		queue.crowd++;
	}
	pl->request = request;
	pl->owner = o;
	pl->what = what;
	pl->state = PLACE_WAITING;
	return (0);
}

static void
place_start(struct place *pl, uint64_t now)
{
	if (pl->what == DIAL_REMOTE) {
		TAILQ_REMOVE(&queue.remotes, pl, entry);
		TAILQ_INSERT_TAIL(&pl->pace->holders, pl, of_pace);
		pl->pace->held++;
	} else {
		TAILQ_REMOVE(&pl->owner->waiting, pl, entry);
		queue.crowd--;
		TAILQ_INSERT_TAIL(&queue.busy, pl, entry);
		pl->owner->busy++;
	}
	queue.nbusy[pl->what]++;
	pl->state = PLACE_BUSY;
	pl->since = now;
}

struct place *
queue_next(uint64_t now)
{
	struct place	*pl = NULL;

	if (queue.nbusy[DIAL_REMOTE] < queue.limits[DIAL_REMOTE])
		pl = remotes_next();
	if (pl == NULL &&
	    queue.nbusy[DIAL_TARGET] < queue.limits[DIAL_TARGET])
		pl = targets_next();
	if (pl != NULL)
		place_start(pl, now);
	return (pl);
}

void
queue_settling(struct place *pl)
{
	queue.nbusy[pl->what]--;
	pl->state = PLACE_SETTLING;
}

void
queue_leave(struct place *pl)
{
	if (pl->state == PLACE_NONE)
		return;
	if (pl->state == PLACE_BUSY)
		queue.nbusy[pl->what]--;
	if (pl->what == DIAL_REMOTE) {
		if (pl->state == PLACE_WAITING)
			TAILQ_REMOVE(&queue.remotes, pl, entry);
		pace_drop(pl);
	} else if (pl->state == PLACE_WAITING) {
		TAILQ_REMOVE(&pl->owner->waiting, pl, entry);
		queue.crowd--;
	} else {
		TAILQ_REMOVE(&queue.busy, pl, entry);
		pl->owner->busy--;
	}
	pl->state = PLACE_NONE;
}
