/* SPDX-License-Identifier: ISC */

/*
 * See replay.h.  A table of entries, doubled as it fills, with chains for the
 * octets of a proof and a queue for each owner.  Numbers of entries and owners
 * count from 1; 0 is none.
 */

#include <sys/types.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "replay.h"
#include "siphash.h"

#define REPLAY_FIRST	256	/* entries at first; a power of two */
#define REPLAY_MOST	(1U << 24)	/* that replay_fit gives */
#define TAG_LEN		16	/* octets kept */

struct entry {
	uint8_t		 tag[TAG_LEN];
	uint32_t	 chain;		/* which: replay_hash */
	uint32_t	 next;		/* in the chain */
	uint32_t	 later;		/* of its owner; or the next free */
};

struct owner {
	uint32_t	 id;
	uint32_t	 first, last;	/* the oldest and the newest */
	uint32_t	 count;
};

struct replays {
	struct sipkey	 secret;
	struct entry	*entries;	/* as many as chains */
	uint32_t	*chains;
	struct owner	*owners;
	uint32_t	 nowners;
	uint32_t	 size, max;
	uint32_t	 count;
	uint32_t	 unused;	/* entries are free from there on... */
	uint32_t	 free;		/* ...and in this list */
};

struct replays *
replay_new(uint32_t max)
{
	struct replays	*r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->max = max;
	arc4random_buf(&r->secret, sizeof(r->secret));
	return (r);
}

void
replay_free(struct replays *r)
{
	if (r == NULL)
		return;
	free(r->entries);
	free(r->chains);
	free(r->owners);
	free(r);
}

uint32_t
replay_fit(uint64_t octets)
{
	uint64_t	 size = sizeof(struct entry) + sizeof(uint32_t);
	uint32_t	 n = REPLAY_FIRST;

	if (octets < n * size)
		return (0);
	while (n < REPLAY_MOST && 2 * n * size <= octets)
		n *= 2;
	return (n);
}

uint32_t
replay_count(const struct replays *r)
{
	return (r->count);
}

/* Who holds a token can choose proofs, but not that they share a chain. */
static uint32_t
replay_hash(const struct replays *r, const uint8_t *proof)
{
	return ((uint32_t)siphash(&r->secret, proof, REPLAY_PROOF));
}

int
replay_seen(const struct replays *r, const uint8_t *proof)
{
	const struct entry	*e;
	uint32_t		 i;

	if (r->size == 0)
		return (0);
	for (i = r->chains[replay_hash(r, proof) & (r->size - 1)]; i != 0;
	    i = e->next) {
		e = &r->entries[i - 1];
		if (memcmp(e->tag, proof, TAG_LEN) == 0)
			return (1);
	}
	return (0);
}

static void
entry_link(struct replays *r, uint32_t i)
{
	struct entry	*e = &r->entries[i - 1];
	uint32_t	*chain = &r->chains[e->chain & (r->size - 1)];

	e->next = *chain;
	*chain = i;
}

static void
entry_unlink(struct replays *r, uint32_t i)
{
	struct entry	*e = &r->entries[i - 1];
	uint32_t	*p = &r->chains[e->chain & (r->size - 1)];

	while (*p != i)
		p = &r->entries[*p - 1].next;
	*p = e->next;
}

/* Doubles the table, which is full.  -1: no memory. */
static int
replay_grow(struct replays *r)
{
	uint32_t	 i, size = r->size == 0 ? REPLAY_FIRST : 2 * r->size;
	struct entry	*entries;
	uint32_t	*chains;

	if ((chains = calloc(size, sizeof(*chains))) == NULL)
		return (-1);
	entries = reallocarray(r->entries, size, sizeof(*entries));
	if (entries == NULL) {
		free(chains);
		return (-1);
	}
	free(r->chains);
	r->chains = chains;
	r->entries = entries;
	r->size = size;
	for (i = 1; i <= r->unused; i++)
		entry_link(r, i);
	return (0);
}

static struct owner *
owner_get(struct replays *r, uint32_t id)
{
	struct owner	*owners;
	uint32_t	 i;

	for (i = 0; i < r->nowners; i++)
		if (r->owners[i].id == id)
			return (&r->owners[i]);
	/* Few, and they come with a configuration. */
	owners = reallocarray(r->owners, r->nowners + 1, sizeof(*owners));
	if (owners == NULL)
		return (NULL);
	r->owners = owners;
	memset(&owners[r->nowners], 0, sizeof(*owners));
	owners[r->nowners].id = id;
	return (&owners[r->nowners++]);
}

/* The oldest of who has most makes room. */
static void
replay_forget(struct replays *r)
{
	struct owner	*most = r->owners;
	uint32_t	 i;

	for (i = 1; i < r->nowners; i++)
		if (r->owners[i].count > most->count)
			most = &r->owners[i];
	i = most->first;
	entry_unlink(r, i);
	most->first = r->entries[i - 1].later;
	most->count--;
	r->entries[i - 1].later = r->free;
	r->free = i;
	r->count--;
}

void
replay_limit(struct replays *r, uint32_t max)
{
	r->max = max;
	while (r->count > max)
		replay_forget(r);
}

/* An entry that is in no chain; 0: there is none. */
static uint32_t
entry_get(struct replays *r)
{
	uint32_t	 i;

	if (r->count >= r->max || (r->free == 0 && r->unused == r->size &&
	    replay_grow(r) == -1)) {
		if (r->count == 0)
			return (0);
		replay_forget(r);
	}
	if ((i = r->free) != 0)
		r->free = r->entries[i - 1].later;
	else
		i = ++r->unused;
	return (i);
}

void
replay_enter(struct replays *r, uint32_t owner, const uint8_t *proof)
{
	struct owner	*o;
	struct entry	*e;
	uint32_t	 i;

	if ((o = owner_get(r, owner)) == NULL || (i = entry_get(r)) == 0)
		return;
	e = &r->entries[i - 1];
	memcpy(e->tag, proof, TAG_LEN);
	e->chain = replay_hash(r, proof);
	e->later = 0;
	entry_link(r, i);
	if (o->count++ == 0)
		o->first = i;
	else
		r->entries[o->last - 1].later = i;
	o->last = i;
	r->count++;
}
