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

/* An address's octets, or a mask of them, as they are compared. */
struct octets {
	uint64_t	 half[2];
};

static void
octets_load(struct octets *o, const uint8_t *octets)
{
	memcpy(o->half, octets, sizeof(o->half));
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

static void
name_lower(char *name)
{
	for (; *name != '\0'; name++)
		if (*name >= 'A' && *name <= 'Z')
			*name += 'a' - 'A';
}

/* ---- the rules ---- */

struct allow_rule {
	struct octets	 net;
	struct octets	 mask;
	uint16_t	 family;	/* ADDR_NONE: any, or a name */
	uint16_t	 port;
	uint16_t	 port_last;
	uint8_t		 bits;
	uint8_t		 pass;
	uint8_t		 below;	/* the name is what others end in */
	size_t		 len;	/* of the name, without a final dot */
	char		*name;	/* in small letters; NULL: an address, or any */
};

struct wanted_name {		/* that is judged */
	char	 name[HOST_MAX];	/* in small letters */
	size_t	 len;	/* without a final dot; 0: no rule's name fits it */
};

static void
wanted_take(struct wanted_name *w, const char *name)
{
	w->len = 0;
	if (name == NULL ||
	    strlcpy(w->name, name, sizeof(w->name)) >= sizeof(w->name))
		return;
	w->len = name_length(w->name);
	if (name_is_number(w->name, w->len))
		w->len = 0;
	name_lower(w->name);
}

/* "*.example.com" is all names below it. */
static int
rule_has_name(const struct allow_rule *r, const struct wanted_name *w)
{
	if (r->below ? w->len <= r->len : w->len == 0 || w->len != r->len)
		return (0);
	return (memcmp(r->name, w->name + w->len - r->len, r->len) == 0);
}

static int
rule_has_addr(const struct allow_rule *r, const struct addr *a)
{
	struct octets	 o;

	octets_load(&o, a->octets);
	return (r->family == a->family &&
	    (((o.half[0] ^ r->net.half[0]) & r->mask.half[0]) |
	    ((o.half[1] ^ r->net.half[1]) & r->mask.half[1])) == 0);
}

static int
rule_take_name(struct allow_rule *r, const char *name)
{
	r->below = strncmp(name, "*.", 2) == 0;
	if (r->below)
		name++;
	if ((r->name = strdup(name)) == NULL)
		return (-1);
	name_lower(r->name);
	r->len = name_length(name);
	return (0);
}

/* As allow_plain makes the addresses it is compared with. */
static void
rule_plain(struct addr *a, uint32_t *bits)
{
	if (a->family == ADDR_IPV6 && *bits >= MAPPED_BITS) {
		addr_unmap(a);
		if (a->family == ADDR_IPV4)
			*bits -= MAPPED_BITS;
	}
	if (*bits == (a->family == ADDR_IPV4 ? 32 : 128))
		addr_unany(a);
}

/* Bits that no address has fit none. */
static void
rule_take_addr(struct allow_rule *r, struct addr a, uint32_t bits)
{
	uint8_t		 mask[16] = { 0 };
	uint32_t	 i;

	rule_plain(&a, &bits);
	r->family = a.family;
	if (a.family == ADDR_IPV4 && bits > 32)
		r->family = ADDR_UNIX;
	for (i = 0; i < bits && i < 128; i++)
		mask[i / 8] |= 0x80 >> i % 8;
	octets_load(&r->net, a.octets);
	octets_load(&r->mask, mask);
	r->bits = (uint8_t)bits;
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
	rule_take_addr(r, rule->addr, rule->bits);
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
	return (r->name == NULL && r->family == ADDR_NONE);
}

/* It fits; is it also written for such an address, if that is a special one? */
static int
rule_means(const struct allow_rule *r, const struct guarded *g)
{
	if (g->own)
		return (r->port == r->port_last &&
		    r->bits == (r->family == ADDR_IPV4 ? 32 : 128));
	/* with so many bits it lies within the special network */
	return (g->kind == NULL ||
	    (r->family != ADDR_NONE && r->bits >= g->bits));
}

/* A rule with a name has fitted the name by then. */
static int
rule_decides(const struct allow_rule *r, const struct addr *a,
    const struct guarded *g)
{
	if (r->family != ADDR_NONE && !rule_has_addr(r, a) &&
	    (r->pass || g == NULL || !rule_has_addr(r, &g->four)))
		return (0);
	return (!r->pass || g == NULL || rule_means(r, g));
}

int
allow_name(const struct rules *rules, const char *name, uint32_t port)
{
	const struct allow_rule	*r;
	struct wanted_name	 w;
	uint32_t		 i;

	wanted_take(&w, name);
	for (i = 0; rules != NULL && i < rules->n; i++) {
		r = &rules->list[i];
		if (!rule_has_port(r, port))
			continue;
		/* An address that it blocks may not be the only one. */
		if (r->name == NULL ? r->pass || rule_is_any(r) :
		    rule_has_name(r, &w))
			return (r->pass);
	}
	return (0);
}

void
allow_addrs(const struct rules *rules, const char *name,
    const struct addr *addrs, uint32_t n, uint32_t port,
    const struct guarded *g, uint8_t *allowed)
{
	const struct allow_rule	*r;
	struct wanted_name	 w;
	uint32_t		 i, k, left = n, decided = 0;

	memset(allowed, 0, n);
	wanted_take(&w, name);
	for (i = 0; rules != NULL && i < rules->n && left > 0; i++) {
		r = &rules->list[i];
		if (!rule_has_port(r, port) ||
		    (r->name != NULL && !rule_has_name(r, &w)))
			continue;
		for (k = 0; k < n; k++) {
			if ((decided & 1U << k) != 0 || !rule_decides(r,
			    &addrs[k], g == NULL ? NULL : &g[k]))
				continue;
			allowed[k] = r->pass;
			decided |= 1U << k;
			left--;
		}
	}
}

int
allow_addr(const struct rules *rules, const char *name, const struct addr *a,
    uint32_t port, const struct guarded *g)
{
	uint8_t	 allowed;

	allow_addrs(rules, name, a, 1, port, g, &allowed);
	return (allowed);
}
