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
	g->own = own_has(&es->owns, a, datagrams) ||
	    (g->four.family != ADDR_NONE &&
	    own_has(&es->owns, &g->four, datagrams));
}

/* name: whose address it is; NULL: it was named by itself. */
static int
judge_addr(const struct entries *es, const struct msg_dialee *conf,
    int datagrams, const char *name, const struct addr *a, struct blocked *b)
{
	const struct rules	*rules;
	struct guarded		 g, *guarded = NULL;

	rules = allow_find(&es->rules, conf->service);
	if (conf->guard) {
		judge_guard(es, a, datagrams, &g);
		guarded = &g;
	}
	if (allow_addr(rules, name, a, conf->port, guarded))
		return (1);
	memset(b, 0, sizeof(*b));
	b->addr = *a;
	b->by_name = name != NULL;
	b->guarded = conf->guard && allow_addr(rules, name, a, conf->port,
	    NULL);
	if (b->guarded)
		b->why = g;
	return (0);
}

int
judge_host(const struct entries *es, const struct msg_dialee *conf,
    int datagrams, struct addr *a, struct blocked *b)
{
	memset(b, 0, sizeof(*b));
	if (!allow_literal(conf->host, a))
		return (allow_name(allow_find(&es->rules, conf->service),
		    conf->host, conf->port));
	a->port = (uint16_t)conf->port;
	return (judge_addr(es, conf, datagrams, NULL, a, b));
}

uint32_t
judge_addrs(const struct entries *es, const struct msg_dialee *conf,
    int datagrams, struct addr *addrs, uint32_t n, struct blocked *b)
{
	uint32_t	 i, left = 0;

	for (i = 0; i < n; i++) {
		allow_plain(&addrs[i]);
		if (judge_addr(es, conf, datagrams, conf->host, &addrs[i], b))
			addrs[left++] = addrs[i];
	}
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
