/* SPDX-License-Identifier: ISC */

/*
 * See loginset.h.  Two sets of groups: next, between BEGIN and END, and live.
 * One hash has one password, so one digest for each login is all that there is
 * to remember: it goes with its login, and needs no bound of its own.
 */

#include <sys/types.h>
#include <sys/tree.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "shared/compat.h"
#include "loginset.h"
#include "psk.h"

struct login {
	RB_ENTRY(login)	 entry;
	char		*name;
	char		*hash;
	int		 known;
	uint8_t		 digest[PSK_HASH_LEN];	/* if it is known */
};
RB_HEAD(logins, login);

struct logingroup {			/* of one service on one side */
	RB_ENTRY(logingroup)	 entry;
	uint32_t		 service;
	uint32_t		 side;
	uint32_t		 n;
	const struct login	*first;
	struct logins		 logins;
};
RB_HEAD(logingroups, logingroup);

static struct {
	struct logingroups	 next, live;
	int			 begun;
	uint32_t		 nnext;		/* logins */
	uint64_t		 nlive;
	uint8_t			 secret[PSK_HASH_LEN];	/* of digests */
} env;

static int	 login_cmp(const struct login *, const struct login *);
static int	 logingroup_cmp(const struct logingroup *,
		    const struct logingroup *);

RB_PROTOTYPE_STATIC(logins, login, entry, login_cmp)
RB_GENERATE_STATIC(logins, login, entry, login_cmp)
RB_PROTOTYPE_STATIC(logingroups, logingroup, entry, logingroup_cmp)
RB_GENERATE_STATIC(logingroups, logingroup, entry, logingroup_cmp)

static int
login_cmp(const struct login *a, const struct login *b)
{
	return (strcmp(a->name, b->name));
}

static int
logingroup_cmp(const struct logingroup *a, const struct logingroup *b)
{
	if (a->service != b->service)
		return (a->service < b->service ? -1 : 1);
	return (a->side < b->side ? -1 : a->side > b->side);
}

/* ---- one login ---- */

static void
login_free(struct login *l)
{
	if (l == NULL)
		return;
	free(l->name);
	if (l->hash != NULL)
		freezero(l->hash, strlen(l->hash));
	freezero(l, sizeof(*l));
}

static struct login *
login_new(const struct msg_conf_login *msg)
{
	struct login	*l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->name = strdup(msg->name);
	l->hash = strdup(msg->hash);
	if (l->name != NULL && l->hash != NULL)
		return (l);
	login_free(l);
	return (NULL);
}

/* -1: no memory. */
static int
login_digest(const struct logingroup *g, const char *hash,
    const struct msg_login_ask *ask, uint8_t digest[PSK_HASH_LEN])
{
	struct {
		uint32_t	 service, side;
		char		 hash[LOGIN_WORD_MAX];
		char		 name[LOGIN_WORD_MAX];
		char		 password[LOGIN_WORD_MAX];
	} all;
	unsigned int	 n = 0;
	int		 ret = -1;

	memset(&all, 0, sizeof(all));
	all.service = g->service;
	all.side = g->side;
	strlcpy(all.hash, hash, sizeof(all.hash));
	strlcpy(all.name, ask->name, sizeof(all.name));
	strlcpy(all.password, ask->password, sizeof(all.password));
	if (HMAC(EVP_sha256(), env.secret, sizeof(env.secret),
	    (const unsigned char *)&all, sizeof(all), digest, &n) != NULL &&
	    n == PSK_HASH_LEN)
		ret = 0;
	explicit_bzero(&all, sizeof(all));
	return (ret);
}

/* The slow part. */
static int
hash_fits(const char *hash, const char *password)
{
	const char	*made = crypt(password, hash);
	size_t		 len = strlen(hash);

	return (made != NULL && strlen(made) == len &&
	    CRYPTO_memcmp(made, hash, len) == 0);
}

/* ---- groups ---- */

static struct logingroup *
logingroup_find(struct logingroups *set, uint32_t service, uint32_t side)
{
	struct logingroup	 find;

	find.service = service;
	find.side = side;
	return (RB_FIND(logingroups, set, &find));
}

/* NULL with errno. */
static struct logingroup *
logingroup_get(struct logingroups *set, uint32_t service, uint32_t side)
{
	struct logingroup	*g;

	if ((g = logingroup_find(set, service, side)) != NULL ||
	    (g = calloc(1, sizeof(*g))) == NULL)
		return (g);
	g->service = service;
	g->side = side;
	RB_INIT(&g->logins);
	RB_INSERT(logingroups, set, g);
	return (g);
}

static void
logingroups_free(struct logingroups *set)
{
	struct logingroup	*g;
	struct login		*l;

	while ((g = RB_ROOT(set)) != NULL) {
		RB_REMOVE(logingroups, set, g);
		while ((l = RB_ROOT(&g->logins)) != NULL) {
			RB_REMOVE(logins, &g->logins, l);
			login_free(l);
		}
		free(g);
	}
}

static struct login *
login_find(struct logingroup *g, const char *name)
{
	struct login	 find;
	char		 copy[LOGIN_WORD_MAX];

	strlcpy(copy, name, sizeof(copy));
	find.name = copy;
	return (RB_FIND(logins, &g->logins, &find));
}

/* What was known of them and is the same is known again. */
static void
logingroup_inherit(struct logingroup *g, struct logingroup *old)
{
	struct login		*l;
	const struct login	*was;

	RB_FOREACH(l, logins, &g->logins) {
		was = login_find(old, l->name);
		if (was == NULL || !was->known ||
		    strcmp(was->hash, l->hash) != 0)
			continue;
		l->known = 1;
		memcpy(l->digest, was->digest, sizeof(l->digest));
	}
}

/* ---- sets ---- */

void
loginset_init(void)
{
	RB_INIT(&env.next);
	RB_INIT(&env.live);
	arc4random_buf(env.secret, sizeof(env.secret));
}

void
loginset_begin(void)
{
	logingroups_free(&env.next);
	env.nnext = 0;
	env.begun = 1;
}

int
loginset_add(const struct msg_conf_login *msg)
{
	struct logingroup	*g;
	struct login		*l;

	errno = EINVAL;
	if (!env.begun || env.nnext >= LOGINS_ALL_MAX ||
	    msg->name[0] == '\0' || msg->hash[0] == '\0')
		return (-1);
	if ((g = logingroup_get(&env.next, msg->service, msg->side)) == NULL ||
	    (l = login_new(msg)) == NULL)
		return (-1);
	if (g->n >= LOGINS_MAX || RB_INSERT(logins, &g->logins, l) != NULL) {
		login_free(l);
		errno = EINVAL;
		return (-1);
	}
	if (g->n++ == 0)
		g->first = l;
	env.nnext++;
	return (0);
}

int
loginset_commit(void)
{
	struct logingroups	 old;
	struct logingroup	*g, *was;

	if (!env.begun)
		return (-1);
	env.begun = 0;
	old = env.live;
	env.live = env.next;
	RB_INIT(&env.next);
	env.nlive = env.nnext;
	RB_FOREACH(g, logingroups, &env.live) {
		was = logingroup_find(&old, g->service, g->side);
		if (was != NULL)
			logingroup_inherit(g, was);
	}
	logingroups_free(&old);
	return (0);
}

int
loginset_knows(uint32_t service, uint32_t side,
    const struct msg_login_ask *ask)
{
	struct logingroup	*g;
	const struct login	*l;
	uint8_t			 digest[PSK_HASH_LEN];
	int			 known;

	if ((g = logingroup_find(&env.live, service, side)) == NULL)
		return (0);
	l = login_find(g, ask->name);
	if (login_digest(g, (l != NULL ? l : g->first)->hash, ask,
	    digest) == -1)
		return (0);
	known = l != NULL && l->known &&
	    CRYPTO_memcmp(l->digest, digest, sizeof(digest)) == 0;
	explicit_bzero(digest, sizeof(digest));
	return (known);
}

int
loginset_check(uint32_t service, uint32_t side,
    const struct msg_login_ask *ask)
{
	struct logingroup	*g;
	struct login		*l;
	int			 fits;

	if ((g = logingroup_find(&env.live, service, side)) == NULL)
		return (0);
	l = login_find(g, ask->name);
	fits = hash_fits((l != NULL ? l : g->first)->hash, ask->password);
	if (l == NULL || !fits)
		return (0);
	/* without memory it is checked again the next time */
	l->known = login_digest(g, l->hash, ask, l->digest) == 0;
	return (1);
}

uint64_t
loginset_live(void)
{
	return (env.nlive);
}

void
loginset_wipe(void)
{
	logingroups_free(&env.next);
	logingroups_free(&env.live);
	explicit_bzero(env.secret, sizeof(env.secret));
	env.nlive = 0;
	env.begun = 0;
}
