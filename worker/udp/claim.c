/* SPDX-License-Identifier: ISC */

/*
 * See claim.h.  A user may have several connections with one worker, and some
 * with another: claims are counted, and any of the workers will do.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "worker/net/siphash.h"
#include "carrier.h"
#include "claim.h"

#define BUCKETS		1024

struct claim_key {			/* no padding: compared as octets */
	struct addr	 user;		/* port 0: any */
	struct addr	 local;
};

struct claim {
	LIST_ENTRY(claim)	 by_key;
	LIST_ENTRY(claim)	 of_carrier;
	struct claim_key	 key;
	struct carrier		*carrier;
	uint32_t		 n;
};

static LIST_HEAD(, claim)	 buckets[BUCKETS];
static struct sipkey		 secret;

void
claims_init(void)
{
	arc4random_buf(&secret, sizeof(secret));
}

static uint32_t
bucket_of(const struct claim_key *key)
{
	return (siphash(&secret, key, sizeof(*key)) % BUCKETS);
}

static struct claim *
claim_find(const struct carrier *c, const struct claim_key *key)
{
	struct claim	*cl;

	LIST_FOREACH(cl, &buckets[bucket_of(key)], by_key)
		if (cl->carrier == c &&
		    memcmp(&cl->key, key, sizeof(*key)) == 0)
			break;
	return (cl);
}

static void
claim_free(struct claim *cl)
{
	LIST_REMOVE(cl, by_key);
	LIST_REMOVE(cl, of_carrier);
	cl->carrier->nclaims--;
	free(cl);
}

static void
claim_add(struct carrier *c, const struct claim_key *key)
{
	struct claim	*cl = claim_find(c, key);

	if (cl != NULL) {
		cl->n++;
		return;
	}
	if (c->nclaims == CLAIMS_MAX ||
	    (cl = calloc(1, sizeof(*cl))) == NULL)
		return;
	cl->key = *key;
	cl->carrier = c;
	cl->n = 1;
	LIST_INSERT_HEAD(&buckets[bucket_of(key)], cl, by_key);
	LIST_INSERT_HEAD(&c->claims, cl, of_carrier);
	c->nclaims++;
}

void
claim_note(struct carrier *c, const struct flow_let *let)
{
	struct claim_key	 key = { let->user, let->local };
	struct claim		*cl;

	if (let->on)
		claim_add(c, &key);
	else if ((cl = claim_find(c, &key)) != NULL && --cl->n == 0)
		claim_free(cl);
}

void
claims_forget(struct carrier *c)
{
	struct claim	*cl;

	while ((cl = LIST_FIRST(&c->claims)) != NULL)
		claim_free(cl);
}

static struct carrier *
claim_best(const struct udpservice *service, const struct claim_key *key)
{
	struct claim	*cl;
	struct carrier	*best = NULL;

	LIST_FOREACH(cl, &buckets[bucket_of(key)], by_key)
		if (memcmp(&cl->key, key, sizeof(*key)) == 0 &&
		    carrier_serves(cl->carrier, service) && (best == NULL ||
		    cl->carrier->flows.n < best->flows.n))
			best = cl->carrier;
	return (best);
}

struct carrier *
claim_pick(const struct udpservice *service, const struct flow_key *of)
{
	struct claim_key	 key = { of->user, of->local };
	struct carrier		*c;

	if ((c = claim_best(service, &key)) != NULL)
		return (c);
	key.user.port = 0;
	return (claim_best(service, &key));
}
