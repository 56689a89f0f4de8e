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

/* "*.example.com" is all names below it. */
static int
name_fits(const char *pattern, const char *name)
{
	size_t	 plen = name_length(pattern), len = name_length(name);
	int	 below = strncmp(pattern, "*.", 2) == 0;

	if (name_is_number(name, len))
		return (0);
	if (below) {
		pattern++;
		plen--;
		if (len <= plen)
			return (0);
		name += len - plen;
		len = plen;
	}
	return (len == plen && strncasecmp(pattern, name, len) == 0);
}

/* ---- the rules ---- */

/* As allow_plain makes the addresses it is compared with. */
static void
rule_plain(struct target_rule *r)
{
	if (r->addr.family == ADDR_IPV6 && r->bits >= MAPPED_BITS) {
		addr_unmap(&r->addr);
		if (r->addr.family == ADDR_IPV4)
			r->bits -= MAPPED_BITS;
	}
	if (r->bits == (r->addr.family == ADDR_IPV4 ? 32 : 128))
		addr_unany(&r->addr);
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
	struct rules	*r;

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
	struct target_rule	*list;
	struct rules		*r;

	if ((r = allow_get(sets, service)) == NULL)
		return (-1);
	if (r->n == TARGET_RULES_MAX) {
		errno = E2BIG;
		return (-1);
	}
	list = reallocarray(r->list, r->n + 1, sizeof(*list));
	if (list == NULL)
		return (-1);
	r->list = list;
	list[r->n] = *rule;
	rule_plain(&list[r->n]);
	r->n++;
	return (0);
}

void
allow_free(struct rulesets *sets)
{
	struct rules	*r;

	while ((r = TAILQ_FIRST(sets)) != NULL) {
		TAILQ_REMOVE(sets, r, entry);
		free(r->list);
		free(r);
	}
}

/* ---- the judgement ---- */

static int
rule_has_port(const struct target_rule *r, uint32_t port)
{
	return (port >= r->port && port <= r->port_last);
}

static int
rule_is_any(const struct target_rule *r)
{
	return (r->name[0] == '\0' && r->addr.family == ADDR_NONE);
}

int
allow_name(const struct rules *rules, const char *name, uint32_t port)
{
	const struct target_rule	*r;
	uint32_t			 i;

	for (i = 0; rules != NULL && i < rules->n; i++) {
		r = &rules->list[i];
		if (!rule_has_port(r, port))
			continue;
		if (rule_is_any(r) ||
		    (r->name[0] != '\0' && name_fits(r->name, name)))
			return ((int)r->pass);
		/* An address that it blocks may not be the only one. */
		if (r->name[0] == '\0' && r->pass)
			return (1);
	}
	return (0);
}

int
allow_addr(const struct rules *rules, const char *name, const struct addr *a,
    uint32_t port)
{
	const struct target_rule	*r;
	int				 fits;
	uint32_t			 i;

	for (i = 0; rules != NULL && i < rules->n; i++) {
		r = &rules->list[i];
		if (r->name[0] != '\0')
			fits = name != NULL && name_fits(r->name, name);
		else
			fits = r->addr.family == ADDR_NONE ||
			    addr_within(a, &r->addr, r->bits);
		if (fits && rule_has_port(r, port))
			return ((int)r->pass);
	}
	return (0);
}
