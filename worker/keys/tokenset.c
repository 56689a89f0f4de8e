/* SPDX-License-Identifier: ISC */

/*
 * See tokenset.h.  Two sets of groups: next, between BEGIN and END, and live.
 * Tokens are compared by digests of their length and of as many octets as the
 * longest has, under a key that this process makes: who could learn something
 * from the time that takes learns nothing about a token.
 *
 * A token's id has to outlive this process, so its key is no secret.  It is
 * told only to who has said the token.
 */

#include <sys/types.h>
#include <sys/tree.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "shared/compat.h"
#include "tokenset.h"

/* Of one configuration: a service for each id there may be, with tokens. */
#define TOKENSET_MAX	8192

RB_HEAD(tokengroups, tokengroup);

static struct {
	struct tokengroups	 next, live;
	int			 begun;
	uint32_t		 nnext;		/* tokens */
	uint64_t		 nlive;
	uint8_t			 secret[PSK_HASH_LEN];	/* of digests */
	uint8_t			 start[START_ID_LEN];	/* of ids */
	struct tokengroup	 none;		/* compared with, for NULL */
	void			(*installed)(const struct tokengroup *);
} env;

static int	 tokengroup_cmp(const struct tokengroup *,
		    const struct tokengroup *);

RB_PROTOTYPE_STATIC(tokengroups, tokengroup, entry, tokengroup_cmp)
RB_GENERATE_STATIC(tokengroups, tokengroup, entry, tokengroup_cmp)

static int
tokengroup_cmp(const struct tokengroup *a, const struct tokengroup *b)
{
	if (a->service != b->service)
		return (a->service < b->service ? -1 : 1);
	return (a->side < b->side ? -1 : a->side > b->side);
}

/* ---- one token ---- */

/* -1: no memory. */
static int
token_mac(const void *key, int keylen, const uint8_t *octets, uint32_t len,
    uint8_t digest[PSK_HASH_LEN])
{
	uint8_t		 padded[sizeof(len) + TOKEN_MAX];
	unsigned int	 n = 0;
	int		 ret = -1;

	memset(padded, 0, sizeof(padded));
	memcpy(padded, &len, sizeof(len));
	memcpy(padded + sizeof(len), octets, len);
	if (HMAC(EVP_sha256(), key, keylen, padded, sizeof(padded), digest,
	    &n) != NULL && n == PSK_HASH_LEN)
		ret = 0;
	explicit_bzero(padded, sizeof(padded));
	return (ret);
}

static int
token_digest(const uint8_t *octets, uint32_t len, uint8_t digest[PSK_HASH_LEN])
{
	return (token_mac(env.secret, sizeof(env.secret), octets, len,
	    digest));
}

/* 0: no memory. */
static uint64_t
token_id(const uint8_t *octets, uint32_t len)
{
	uint8_t		 mac[PSK_HASH_LEN];
	uint64_t	 id;

	if (token_mac(env.start, sizeof(env.start), octets, len, mac) == -1)
		return (0);
	memcpy(&id, mac, sizeof(id));
	explicit_bzero(mac, sizeof(mac));
	return (id != 0 ? id : 1);
}

/* present: a worker is to be given it.  -1 with errno. */
static int
token_fill(struct token *t, const struct msg_conf_token *msg, int present)
{
	errno = ENOMEM;
	if (token_digest(msg->octets, msg->len, t->digest) == -1 ||
	    (t->id = token_id(msg->octets, msg->len)) == 0)
		return (-1);
	if (present) {
		if ((t->octets = psk_alloc(TOKEN_MAX)) == NULL)
			return (-1);
		memcpy(t->octets, msg->octets, msg->len);
	}
	t->len = msg->len;
	return (0);
}

/* ---- groups ---- */

static struct tokengroup *
tokengroup_find(struct tokengroups *set, uint32_t service, uint32_t side)
{
	struct tokengroup	 find;

	find.service = service;
	find.side = side;
	return (RB_FIND(tokengroups, set, &find));
}

static void
tokengroups_free(struct tokengroups *set)
{
	struct tokengroup	*g;
	size_t			 i;

	while ((g = RB_ROOT(set)) != NULL) {
		RB_REMOVE(tokengroups, set, g);
		for (i = 0; i < nitems(g->tokens); i++)
			if (g->tokens[i].octets != NULL)
				psk_free(g->tokens[i].octets, TOKEN_MAX);
		freezero(g, sizeof(*g));
	}
}

/* NULL with errno. */
static struct tokengroup *
tokengroup_get(struct tokengroups *set, const struct msg_conf_token *msg)
{
	struct tokengroup	*g;

	if ((g = tokengroup_find(set, msg->service, msg->side)) != NULL ||
	    (g = calloc(1, sizeof(*g))) == NULL)
		return (g);
	g->service = msg->service;
	g->side = msg->side;
	RB_INSERT(tokengroups, set, g);
	return (g);
}

static int
tokengroup_same(const struct tokengroup *a, const struct tokengroup *b)
{
	size_t	 i;

	for (i = 0; i < nitems(a->tokens); i++)
		if (a->tokens[i].len != b->tokens[i].len ||
		    memcmp(a->tokens[i].digest, b->tokens[i].digest,
		    sizeof(a->tokens[i].digest)) != 0)
			return (0);
	return (1);
}

/* ---- sets ---- */

void
tokenset_init(const uint8_t start[START_ID_LEN],
    void (*installed)(const struct tokengroup *))
{
	RB_INIT(&env.next);
	RB_INIT(&env.live);
	env.installed = installed;
	memcpy(env.start, start, sizeof(env.start));
	arc4random_buf(env.secret, sizeof(env.secret));
}

void
tokenset_begin(void)
{
	tokengroups_free(&env.next);
	env.nnext = 0;
	env.begun = 1;
}

int
tokenset_add(const struct msg_conf_token *msg)
{
	struct tokengroup	*g;

	errno = EINVAL;
	if (!env.begun || env.nnext >= TOKENSET_MAX ||
	    msg->order >= TOKENS_MAX || msg->len == 0 ||
	    msg->len > TOKEN_MAX)
		return (-1);
	if ((g = tokengroup_get(&env.next, msg)) == NULL)
		return (-1);
	if (g->tokens[msg->order].len != 0) {
		errno = EINVAL;
		return (-1);
	}
	if (token_fill(&g->tokens[msg->order], msg, msg->side ==
	    SIDE_CLIENT) == -1)
		return (-1);
	env.nnext++;
	return (0);
}

int
tokenset_commit(void)
{
	struct tokengroups	 old;
	struct tokengroup	*g, *was;

	if (!env.begun)
		return (-1);
	env.begun = 0;
	old = env.live;
	env.live = env.next;
	RB_INIT(&env.next);
	env.nlive = env.nnext;
	RB_FOREACH(g, tokengroups, &env.live) {
		was = tokengroup_find(&old, g->service, g->side);
		if (was == NULL || !tokengroup_same(was, g))
			env.installed(g);
	}
	tokengroups_free(&old);
	return (0);
}

const struct tokengroup *
tokenset_group(uint32_t service, uint32_t side)
{
	return (tokengroup_find(&env.live, service, side));
}

/* Goes through all that there are: the time says nothing but their number. */
uint64_t
tokenset_has(const struct tokengroup *g, const uint8_t *octets, uint32_t len)
{
	const struct token	*t;
	uint8_t			 digest[PSK_HASH_LEN];
	uint64_t		 id = 0, right;
	size_t			 i;

	if (len > TOKEN_MAX || token_digest(octets, len, digest) == -1)
		return (0);
	if (g == NULL)
		g = &env.none;
	for (i = 0; i < nitems(g->tokens); i++) {
		t = &g->tokens[i];
		right = (CRYPTO_memcmp(t->digest, digest, sizeof(digest)) ==
		    0) & (t->len != 0);
		id |= -right & t->id;	/* the same token, the same id */
	}
	explicit_bzero(digest, sizeof(digest));
	return (id);
}

int
tokenset_has_id(const struct tokengroup *g, uint64_t id)
{
	size_t	 i;

	for (i = 0; g != NULL && i < nitems(g->tokens); i++)
		if (g->tokens[i].len != 0 && g->tokens[i].id == id)
			return (1);
	return (0);
}

uint64_t
tokenset_live(void)
{
	return (env.nlive);
}

void
tokenset_wipe(void)
{
	tokengroups_free(&env.next);
	tokengroups_free(&env.live);
	explicit_bzero(env.secret, sizeof(env.secret));
	env.nlive = 0;
	env.begun = 0;
}
