/* SPDX-License-Identifier: ISC */

/* See judge.h. */

#include <sys/types.h>

#include <stdio.h>
#include <string.h>

#include "shared/compat.h"
#include "judge.h"

/* So much of a name is said in front of why it is blocked. */
#define NAME_SAID	80

static void
judge_guard(const struct entries *es, const struct addr *a, int datagrams,
    struct guarded *g)
{
	guard_look(g, a);
	if (g->kind == NULL && (own_is_here(a) ||
	    (g->four.family != ADDR_NONE && own_is_here(&g->four)))) {
		g->kind = "an address of this machine";
		g->bits = a->family == ADDR_IPV4 ? 32 : 128;
	}
	g->own = own_has(&es->owns, a, datagrams) ||
	    (g->four.family != ADDR_NONE &&
	    own_has(&es->owns, &g->four, datagrams));
}

/* name: whose addresses they are; NULL: one was named by itself. */
static void
judge_all(const struct entries *es, const struct msg_dialee *conf,
    int datagrams, const char *name, const struct addr *addrs, uint32_t n,
    struct guarded *g, uint8_t *allowed)
{
	uint32_t	 i;

	for (i = 0; conf->guard && i < n; i++)
		judge_guard(es, &addrs[i], datagrams, &g[i]);
	allow_addrs(allow_find(&es->rules, conf->service), name, addrs, n,
	    conf->port, conf->guard ? g : NULL, allowed);
}

/* Why it is not allowed: for what it is, or because no rule lets it pass. */
static void
judge_reason(const struct entries *es, const struct msg_dialee *conf,
    const char *name, const struct addr *a, const struct guarded *g,
    struct blocked *b)
{
	memset(b, 0, sizeof(*b));
	b->addr = *a;
	b->by_name = name != NULL;
	b->guarded = conf->guard && allow_addr(allow_find(&es->rules,
	    conf->service), name, a, conf->port, NULL);
	if (b->guarded)
		b->why = *g;
}

int
judge_host(const struct entries *es, const struct msg_dialee *conf,
    int datagrams, struct addr *a, struct blocked *b)
{
	struct guarded	 g;
	uint8_t		 allowed;

	memset(b, 0, sizeof(*b));
	if (!allow_literal(conf->host, a))
		return (allow_name(allow_find(&es->rules, conf->service),
		    conf->host, conf->port));
	a->port = (uint16_t)conf->port;
	judge_all(es, conf, datagrams, NULL, a, 1, &g, &allowed);
	if (!allowed)
		judge_reason(es, conf, NULL, a, &g, b);
	return (allowed);
}

uint32_t
judge_addrs(const struct entries *es, const struct msg_dialee *conf,
    int datagrams, struct addr *addrs, uint32_t n, struct blocked *b)
{
	struct guarded	 g[RESOLVED_MAX];
	uint8_t		 allowed[RESOLVED_MAX];
	uint32_t	 i, left = 0;

	if (n > RESOLVED_MAX)
		n = RESOLVED_MAX;
	for (i = 0; i < n; i++)
		allow_plain(&addrs[i]);
	judge_all(es, conf, datagrams, conf->host, addrs, n, g, allowed);
	for (i = 0; i < n; i++)
		left += allowed[i];
	if (left == 0 && n > 0)
		judge_reason(es, conf, conf->host, &addrs[n - 1], &g[n - 1],
		    b);
	left = 0;
	for (i = 0; i < n; i++)
		if (allowed[i])
			addrs[left++] = addrs[i];
	return (left);
}

/* What it is that only a rule of its own lets pass. */
static void
judge_why(char *buf, size_t size, const struct blocked *b)
{
	const struct guarded	*g = &b->why;
	struct addr		 a = b->addr, four = g->four;
	const char		*leads = "", *to = "";

	if (g->own) {
		snprintf(buf, size, "%s is where this daemon listens, and no "
		    "rule names it with its port", addr_print(&a));
		return;
	}
	a.port = four.port = 0;
	if (four.family != ADDR_NONE) {
		leads = " leads to ";
		to = addr_print(&four);
	}
	if (g->kind == NULL)
		snprintf(buf, size, "%s%s%s, which a rule blocks",
		    addr_print(&a), leads, to);
	else
		snprintf(buf, size, "%s%s%s%s%s, and no rule names it",
		    addr_print(&a), leads, to, leads[0] == '\0' ? " is " :
		    ", ", g->kind);
}

void
judge_words(char *buf, size_t size, const struct msg_dialee *conf,
    const struct blocked *b)
{
	size_t	 len;

	len = addr_join(buf, size, conf->host, conf->port);
	if (!b->guarded)
		return;
	if (strlen(conf->host) > NAME_SAID)
		len = (size_t)snprintf(buf, size, "%.*s...:%u", NAME_SAID,
		    conf->host, conf->port);
	len += strlcpy(buf + len, ": ", size - len);
	judge_why(buf + len, size - len, b);
}
