/* SPDX-License-Identifier: ISC */

/*
 * See allow.h.  A rule with a name is for names only, and one with an address
 * for each address by itself, so that a name never leads to where its address
 * would not.  What a system would take for an address in other forms ("127.1")
 * is looked up like a name, but no rule's name fits it.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/compat.h"
#include "allow.h"

/* Octets of an IPv6 address that holds an IPv4 one, and their bits. */
static const uint8_t	 mapped[12] = { [10] = 0xff, [11] = 0xff };
#define MAPPED_BITS	96

/* ---- addresses ---- */

static void
addr_unmap(struct addr *a)
{
	if (a->family != ADDR_IPV6 ||
	    memcmp(a->octets, mapped, sizeof(mapped)) != 0)
		return;
	a->family = ADDR_IPV4;
	a->scope = 0;
	memmove(a->octets, a->octets + sizeof(mapped), 4);
	memset(a->octets + 4, 0, sizeof(a->octets) - 4);
}

/* The kernel connects to the first as to the second. */
static void
addr_unany(struct addr *a)
{
	static const uint8_t	 any[sizeof(a->octets)];
	static const uint8_t	 four[4] = { 127, 0, 0, 1 };

	if (memcmp(a->octets, any, sizeof(any)) != 0)
		return;
	if (a->family == ADDR_IPV4)
		memcpy(a->octets, four, sizeof(four));
	else if (a->family == ADDR_IPV6)
		a->octets[sizeof(any) - 1] = 1;
}

void
allow_plain(struct addr *a)
{
	addr_unmap(a);
	addr_unany(a);
}

int
allow_literal(const char *host, struct addr *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, host, a->octets) == 1)
		a->family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, host, a->octets) == 1)
		a->family = ADDR_IPV6;
	allow_plain(a);
	return (a->family != ADDR_NONE);
}

static int
addr_within(const struct addr *a, const struct addr *net, uint32_t bits)
{
	uint32_t	 whole = bits / 8, rest = bits % 8;

	if (a->family != net->family ||
	    bits > (a->family == ADDR_IPV4 ? 32 : 128) ||
	    memcmp(a->octets, net->octets, whole) != 0)
		return (0);
	return (rest == 0 ||
	    (a->octets[whole] ^ net->octets[whole]) >> (8 - rest) == 0);
}

/* ---- names ---- */

int
allow_is_host(const char *host)
{
	static const char	 letters[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._";
	struct addr		 a;

	return (host[0] != '\0' && (host[strspn(host, letters)] == '\0' ||
	    allow_literal(host, &a)));
}

/* Without the dot that may be its last octet. */
static size_t
name_length(const char *name)
{
	size_t	 len = strlen(name);

	return (len > 1 && name[len - 1] == '.' ? len - 1 : len);
}

/* Does its last label make it an address, in one of its old forms? */
static int
name_is_number(const char *name, size_t len)
{
	size_t	 n = 0;

	while (n < len && name[len - n - 1] != '.')
		n++;
	name += len - n;
	if (n > 2 && name[0] == '0' && (name[1] == 'x' || name[1] == 'X'))
		return (strspn(name + 2, "0123456789abcdefABCDEF") >= n - 2);
	return (strspn(name, "0123456789") >= n);
}

/* How much of it is to be compared with rules; 0: no rule's name fits it. */
static size_t
name_counts(const char *name)
{
	size_t	 len;

	if (name == NULL)
		return (0);
	len = name_length(name);
	return (name_is_number(name, len) ? 0 : len);
}

/* ---- the rules ---- */

struct allow_rule {
	struct addr	 addr;	/* ADDR_NONE: any, unless there is a name */
	uint16_t	 port;
	uint16_t	 port_last;
	uint8_t		 bits;
	uint8_t		 pass;
	uint8_t		 below;	/* the name is what others end in */
	size_t		 len;	/* of the name, without a final dot */
	char		*name;	/* NULL: an address, or any */
};

/* "*.example.com" is all names below it. */
static int
rule_has_name(const struct allow_rule *r, const char *name, size_t len)
{
	if (r->below ? len <= r->len : len != r->len)
		return (0);
	return (strncasecmp(r->name, name + len - r->len, r->len) == 0);
}

static int
rule_take_name(struct allow_rule *r, const char *name)
{
	r->below = strncmp(name, "*.", 2) == 0;
	if (r->below)
		name++;
	if ((r->name = strdup(name)) == NULL)
		return (-1);
	r->len = name_length(name);
	return (0);
}

/* As allow_plain makes the addresses it is compared with. */
static void
rule_plain(struct allow_rule *r)
{
	if (r->addr.family == ADDR_IPV6 && r->bits >= MAPPED_BITS) {
		addr_unmap(&r->addr);
		if (r->addr.family == ADDR_IPV4)
			r->bits -= MAPPED_BITS;
	}
	if (r->bits == (r->addr.family == ADDR_IPV4 ? 32 : 128))
		addr_unany(&r->addr);
}

/* -1: no memory. */
static int
rule_take(struct allow_rule *r, const struct target_rule *rule)
{
	memset(r, 0, sizeof(*r));
	r->pass = rule->pass != 0;
	r->port = (uint16_t)rule->port;
	r->port_last = (uint16_t)rule->port_last;
	if (rule->name[0] != '\0')
		return (rule_take_name(r, rule->name));
	r->bits = (uint8_t)rule->bits;
	r->addr = rule->addr;
	rule_plain(r);
	return (0);
}

const struct rules *
allow_find(const struct rulesets *sets, uint32_t service)
{
	const struct rules	*r;

	TAILQ_FOREACH(r, sets, entry)
		if (r->service == service)
			break;
	return (r);
}

/* NULL with errno. */
static struct rules *
allow_get(struct rulesets *sets, uint32_t service)
{
	struct rules	*r = TAILQ_LAST(sets, rulesets);

	if (r != NULL && r->service == service)
		return (r);
	TAILQ_FOREACH(r, sets, entry)
		if (r->service == service)
			return (r);
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->service = service;
	TAILQ_INSERT_TAIL(sets, r, entry);
	return (r);
}

int
allow_add(struct rulesets *sets, uint32_t service,
    const struct target_rule *rule)
{
	struct allow_rule	*list;
	struct rules		*r;

	if ((r = allow_get(sets, service)) == NULL)
		return (-1);
	if (r->n == TARGET_RULES_MAX) {
		errno = E2BIG;
		return (-1);
	}
	/* a power of two is full */
	if ((r->n & (r->n - 1)) == 0) {
		list = reallocarray(r->list, r->n == 0 ? 1 : 2 * r->n,
		    sizeof(*list));
		if (list == NULL)
			return (-1);
		r->list = list;
	}
	if (rule_take(&r->list[r->n], rule) == -1)
		return (-1);
	r->n++;
	return (0);
}

void
allow_free(struct rulesets *sets)
{
	struct rules	*r;
	uint32_t	 i;

	while ((r = TAILQ_FIRST(sets)) != NULL) {
		TAILQ_REMOVE(sets, r, entry);
		for (i = 0; i < r->n; i++)
			free(r->list[i].name);
		free(r->list);
		free(r);
	}
}

/* ---- the judgement ---- */

static int
rule_has_port(const struct allow_rule *r, uint32_t port)
{
	return (port >= r->port && port <= r->port_last);
}

static int
rule_is_any(const struct allow_rule *r)
{
	return (r->name == NULL && r->addr.family == ADDR_NONE);
}

/* It fits; is it also written for such an address, if that is a special one? */
static int
rule_means(const struct allow_rule *r, const struct guarded *g)
{
	if (g->own)
		return (r->port == r->port_last &&
		    r->bits == (r->addr.family == ADDR_IPV4 ? 32 : 128));
	/* with so many bits it lies within the special network */
	return (g->kind == NULL ||
	    (r->addr.family != ADDR_NONE && r->bits >= g->bits));
}

/* len: name_counts of the name. */
static int
rule_fits(const struct allow_rule *r, const char *name, size_t len,
    const struct addr *a, const struct guarded *g)
{
	if (r->name != NULL)
		return (len > 0 && rule_has_name(r, name, len));
	if (r->addr.family == ADDR_NONE ||
	    addr_within(a, &r->addr, r->bits))
		return (1);
	return (!r->pass && g != NULL &&
	    addr_within(&g->four, &r->addr, r->bits));
}

int
allow_name(const struct rules *rules, const char *name, uint32_t port)
{
	const struct allow_rule	*r;
	size_t			 len = name_counts(name);
	uint32_t		 i;

	for (i = 0; rules != NULL && i < rules->n; i++) {
		r = &rules->list[i];
		if (!rule_has_port(r, port))
			continue;
		/* An address that it blocks may not be the only one. */
		if (r->name == NULL ? r->pass || rule_is_any(r) :
		    len > 0 && rule_has_name(r, name, len))
			return (r->pass);
	}
	return (0);
}

int
allow_addr(const struct rules *rules, const char *name, const struct addr *a,
    uint32_t port, const struct guarded *g)
{
	const struct allow_rule	*r;
	size_t			 len = name_counts(name);
	uint32_t		 i;

	for (i = 0; rules != NULL && i < rules->n; i++) {
		r = &rules->list[i];
		if (rule_has_port(r, port) && rule_fits(r, name, len, a, g) &&
		    (!r->pass || g == NULL || rule_means(r, g)))
			return (r->pass);
	}
	return (0);
}
