/* SPDX-License-Identifier: ISC */

/*
 * See keyset.h.  Three sets of groups: next, between BEGIN and END; coming,
 * which wait for keys; live.  A group that is coming replaces the live one of
 * its service; until then the live one serves.
 */

#include <sys/types.h>
#include <sys/tree.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "keyset.h"

/* Of one configuration: a service for each id there may be, with tokens. */
#define KEYS_MAX	8192

RB_HEAD(keygroups, keygroup);
RB_HEAD(keys, key);

static struct {
	struct keygroups	 next, coming, live;
	struct keys		 found;		/* of live, server side */
	int			 begun;
	int			 ended;		/* a set has, once */
	uint32_t		 nnext;		/* keys */
	uint64_t		 nlive;
	uint64_t		 missing;	/* of coming */
	void			(*installed)(const struct keygroup *);
} env;

static int	 keygroup_cmp(const struct keygroup *,
		    const struct keygroup *);
static int	 key_cmp(const struct key *, const struct key *);

RB_PROTOTYPE_STATIC(keygroups, keygroup, entry, keygroup_cmp)
RB_GENERATE_STATIC(keygroups, keygroup, entry, keygroup_cmp)
RB_PROTOTYPE_STATIC(keys, key, entry, key_cmp)
RB_GENERATE_STATIC(keys, key, entry, key_cmp)

static int
keygroup_cmp(const struct keygroup *a, const struct keygroup *b)
{
	if (a->service != b->service)
		return (a->service < b->service ? -1 : 1);
	return (a->side < b->side ? -1 : a->side > b->side);
}

/* Identities are public: they need not be compared in constant time. */
static int
key_cmp(const struct key *a, const struct key *b)
{
	return (memcmp(a->psk.identity, b->psk.identity, IDENTITY_LEN));
}

/* ---- groups ---- */

static struct keygroup *
keygroup_find(struct keygroups *set, uint32_t service, uint32_t side)
{
	struct keygroup	 find;

	find.service = service;
	find.side = side;
	return (RB_FIND(keygroups, set, &find));
}

static void
keygroup_free(struct keygroup *g)
{
	size_t	 i;

	for (i = 0; i < nitems(g->keys); i++)
		if (g->keys[i] != NULL)
			psk_free(g->keys[i], sizeof(*g->keys[i]));
	free(g);
}

static void
keygroups_free(struct keygroups *set)
{
	struct keygroup	*g;

	while ((g = RB_ROOT(set)) != NULL) {
		RB_REMOVE(keygroups, set, g);
		keygroup_free(g);
	}
}

/* NULL with errno. */
static struct keygroup *
keygroup_get(struct keygroups *set, const struct msg_conf_key *msg)
{
	struct keygroup	*g;

	if ((g = keygroup_find(set, msg->service, msg->side)) != NULL)
		return (g);
	if ((g = calloc(1, sizeof(*g))) == NULL)
		return (NULL);
	g->service = msg->service;
	g->side = msg->side;
	strlcpy(g->name, msg->name, sizeof(g->name));
	RB_INSERT(keygroups, set, g);
	return (g);
}

static int
key_make(struct key *k, const struct msg_conf_key *msg)
{
	int	 r;

	if (msg->stage == KEY_SECRET)
		r = psk_derive(&k->psk, msg->name, msg->key);
	else {
		memcpy(k->psk.key, msg->key, sizeof(k->psk.key));
		r = psk_expand(&k->psk);
	}
	if (r == -1) {
		errno = ENOMEM;
		return (-1);
	}
	k->made = 1;
	return (0);
}

static int
keygroup_same(const struct keygroup *a, const struct keygroup *b)
{
	size_t	 i;

	for (i = 0; i < nitems(a->keys); i++) {
		if (a->keys[i] == NULL && b->keys[i] == NULL)
			continue;
		if (a->keys[i] == NULL || b->keys[i] == NULL ||
		    key_cmp(a->keys[i], b->keys[i]) != 0)
			return (0);
	}
	return (1);
}

/* ---- in force ---- */

static void
live_show(struct keygroup *g)
{
	struct key	*k, *other;
	size_t		 i;

	for (i = 0; i < nitems(g->keys); i++) {
		if ((k = g->keys[i]) == NULL)
			continue;
		env.nlive++;
		if (g->side != SIDE_SERVER)
			continue;
		if ((other = RB_INSERT(keys, &env.found, k)) != NULL)
			log_warnx("service %s: has the same token twice (%s)",
			    g->name, other->group->name);
		else
			k->found = 1;
	}
}

static void
live_remove(struct keygroup *g)
{
	size_t	 i;

	RB_REMOVE(keygroups, &env.live, g);
	env.nlive -= g->total;
	for (i = 0; i < nitems(g->keys); i++)
		if (g->keys[i] != NULL && g->keys[i]->found)
			RB_REMOVE(keys, &env.found, g->keys[i]);
	keygroup_free(g);
}

/* It is in no set, and all its keys are made. */
static void
live_install(struct keygroup *g)
{
	struct keygroup	*was = keygroup_find(&env.live, g->service, g->side);
	int		 same = was != NULL && keygroup_same(was, g);

	if (was != NULL)
		live_remove(was);
	RB_INSERT(keygroups, &env.live, g);
	live_show(g);
	if (!same)
		env.installed(g);
}

static void
keyset_all_there(void)
{
	if (env.missing == 0)
		log_debug("%llu keys in force", (unsigned long long)env.nlive);
}

/* ---- sets ---- */

void
keyset_init(void (*installed)(const struct keygroup *))
{
	RB_INIT(&env.next);
	RB_INIT(&env.coming);
	RB_INIT(&env.live);
	RB_INIT(&env.found);
	env.installed = installed;
}

void
keyset_begin(void)
{
	keygroups_free(&env.next);
	env.nnext = 0;
	env.begun = 1;
}

static int
keyset_add_next(const struct msg_conf_key *msg)
{
	struct keygroup	*g;
	struct key	*k;

	if (env.nnext >= KEYS_MAX || (g = keygroup_get(&env.next, msg)) ==
	    NULL)
		return (-1);
	if (g->keys[msg->order] != NULL) {
		errno = EINVAL;
		return (-1);
	}
	if ((k = psk_alloc(sizeof(*k))) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	k->group = g;
	g->keys[msg->order] = k;
	g->total++;
	g->missing++;
	env.nnext++;
	if (msg->stage != KEY_COMES) {
		if (key_make(k, msg) == -1)
			return (-1);
		g->missing--;
	}
	return (0);
}

/* One that was to come. */
static int
keyset_add_late(const struct msg_conf_key *msg)
{
	struct keygroup	*g;
	struct key	*k;

	g = keygroup_find(&env.coming, msg->service, msg->side);
	k = g == NULL ? NULL : g->keys[msg->order];
	if (k == NULL || k->made)
		return (0);
	if (key_make(k, msg) == -1)
		return (-1);
	env.missing--;
	if (--g->missing > 0)
		return (0);
	RB_REMOVE(keygroups, &env.coming, g);
	live_install(g);
	keyset_all_there();
	return (1);
}

int
keyset_add(const struct msg_conf_key *msg)
{
	errno = EINVAL;
	if (msg->order >= TOKENS_MAX || msg->name[0] == '\0' ||
	    (msg->side != SIDE_SERVER && msg->side != SIDE_CLIENT))
		return (-1);
	if (env.begun)
		return (keyset_add_next(msg));
	return (msg->stage != KEY_COMES ? keyset_add_late(msg) : -1);
}

int
keyset_commit(void)
{
	struct keygroup	*g, *next;

	if (!env.begun)
		return (-1);
	env.begun = 0;
	env.ended = 1;
	keygroups_free(&env.coming);
	env.missing = 0;
	RB_FOREACH_SAFE(g, keygroups, &env.live, next)
		if (keygroup_find(&env.next, g->service, g->side) == NULL)
			live_remove(g);
	while ((g = RB_MIN(keygroups, &env.next)) != NULL) {
		RB_REMOVE(keygroups, &env.next, g);
		env.missing += g->missing;
		if (g->missing == 0)
			live_install(g);
		else
			RB_INSERT(keygroups, &env.coming, g);
	}
	keyset_all_there();
	return (0);
}

const struct keygroup *
keyset_group(uint32_t service, uint32_t side)
{
	return (keygroup_find(&env.live, service, side));
}

/*
 * A key in force may be about to go: only one that stays is answered for before
 * its service's next keys are made.
 */
static int
key_stays(const struct key *k)
{
	const struct keygroup	*g;
	size_t			 i;

	g = keygroup_find(&env.coming, k->group->service, k->group->side);
	if (g == NULL)
		return (1);
	for (i = 0; i < nitems(g->keys); i++)
		if (g->keys[i] != NULL && g->keys[i]->made &&
		    key_cmp(g->keys[i], k) == 0)
			return (1);
	return (0);
}

const struct key *
keyset_find(const uint8_t identity[IDENTITY_LEN], int *settled)
{
	struct key	 find, *k;

	memcpy(find.psk.identity, identity, IDENTITY_LEN);
	k = RB_FIND(keys, &env.found, &find);
	*settled = k != NULL ? key_stays(k) : env.ended && env.missing == 0;
	return (k);
}

uint64_t
keyset_live(void)
{
	return (env.nlive);
}

uint64_t
keyset_missing(void)
{
	return (env.missing);
}

void
keyset_wipe(void)
{
	keygroups_free(&env.next);
	keygroups_free(&env.coming);
	RB_INIT(&env.found);
	keygroups_free(&env.live);
	env.nlive = env.missing = 0;
	env.ended = 0;
}
