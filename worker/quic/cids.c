/* SPDX-License-Identifier: ISC */

/*
 * See cids.h.  Strangers choose some of them, so the buckets are keyed; the
 * table doubles as it fills, and does not shrink.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/net/siphash.h"
#include "cids.h"

#define BUCKETS_MIN	1024

static struct {
	struct sipkey	 key;
	struct cid_list	*buckets;
	size_t		 n;		/* of buckets, a power of two */
	size_t		 held;
} env;

int
cids_init(void)
{
	arc4random_buf(&env.key, sizeof(env.key));
	env.n = BUCKETS_MIN;
	env.buckets = calloc(env.n, sizeof(*env.buckets));
	return (env.buckets == NULL ? -1 : 0);
}

static struct cid_list *
bucket_of(const uint8_t *octets, size_t len)
{
	return (&env.buckets[siphash(&env.key, octets, len) & (env.n - 1)]);
}

static struct cid *
cid_find(const uint8_t *octets, size_t len)
{
	struct cid	*c;

	SLIST_FOREACH(c, bucket_of(octets, len), entry)
		if (c->len == len && memcmp(c->octets, octets, len) == 0)
			return (c);
	return (NULL);
}

/* Without memory it stays as it is, and is slower. */
static void
cids_grow(void)
{
	struct cid_list	*old = env.buckets, *fresh;
	struct cid	*c;
	size_t		 i, n = env.n;

	if ((fresh = calloc(2 * n, sizeof(*fresh))) == NULL)
		return;
	env.buckets = fresh;
	env.n = 2 * n;
	for (i = 0; i < n; i++)
		while ((c = SLIST_FIRST(&old[i])) != NULL) {
			SLIST_REMOVE_HEAD(&old[i], entry);
			SLIST_INSERT_HEAD(bucket_of(c->octets, c->len), c,
			    entry);
		}
	free(old);
}

int
cid_add(struct cid_list *own, void *owner, const uint8_t *octets, size_t len)
{
	struct cid	*c;

	if (len > CID_MAX || cid_find(octets, len) != NULL ||
	    (c = calloc(1, sizeof(*c))) == NULL)
		return (-1);
	if (++env.held > env.n)
		cids_grow();
	c->owner = owner;
	c->len = (uint8_t)len;
	memcpy(c->octets, octets, len);
	SLIST_INSERT_HEAD(bucket_of(octets, len), c, entry);
	SLIST_INSERT_HEAD(own, c, own);
	return (0);
}

static void
cid_free(struct cid_list *own, struct cid *c)
{
	SLIST_REMOVE(bucket_of(c->octets, c->len), c, cid, entry);
	SLIST_REMOVE(own, c, cid, own);
	env.held--;
	free(c);
}

void
cid_remove(struct cid_list *own, const uint8_t *octets, size_t len)
{
	struct cid	*c;

	SLIST_FOREACH(c, own, own)
		if (c->len == len && memcmp(c->octets, octets, len) == 0) {
			cid_free(own, c);
			return;
		}
}

void
cid_remove_all(struct cid_list *own)
{
	struct cid	*c;

	while ((c = SLIST_FIRST(own)) != NULL)
		cid_free(own, c);
}

void *
cid_owner(const uint8_t *octets, size_t len)
{
	struct cid	*c = len > CID_MAX ? NULL : cid_find(octets, len);

	return (c == NULL ? NULL : c->owner);
}
