/* SPDX-License-Identifier: ISC */

/*
 * Lists of networks that are allowed or blocked: read, printed, compared.  They
 * are no options, since their order matters and each statement adds to them.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "netconf.h"
#include "wordval.h"

int
netconf_named(const struct word *w)
{
	return (!w->quoted && (strcmp(w->text, "allow") == 0 ||
	    strcmp(w->text, "block") == 0));
}

enum netconf_what
netconf_what(struct lex *lex, const struct word *first,
    const struct word **words)
{
	const struct word	*w = *words;
	enum netconf_what	 what = NETCONF_USERS;

	if (w != NULL && strcmp(w->text, "tunnels") == 0) {
		what = NETCONF_TUNNELS;
		w = w->next;
	}
	if (w == NULL || strcmp(w->text, "from") != 0) {
		lex_error(lex, first, "expected: %s [tunnels] from NETWORK",
		    first->text);
		return (NETCONF_NONE);
	}
	*words = w->next;
	return (what);
}

static void
netconf_append(struct lex *lex, struct conf_nets *l, const struct word *first,
    const struct conf_proxy *net)
{
	struct net_rule	*r;

	if (l->n == NET_RULES_MAX) {
		lex_error(lex, first, "more than %u networks", NET_RULES_MAX);
		return;
	}
	if (l->n == 0) {
		l->file = first->file->path;
		l->line = first->line;
		l->column = first->column;
	}
	r = &l->rules[l->n++];
	memset(r, 0, sizeof(*r));
	r->addr = net->addr;
	r->bits = net->bits;
	r->allow = strcmp(first->text, "allow") == 0;
}

void
netconf_add(struct lex *lex, struct conf_nets *l, const struct word *first,
    const struct word *nets)
{
	const struct word	*w;
	struct conf_proxy	 net;

	if (nets == NULL)
		lex_error(lex, first, "\"%s\" needs a network, or any",
		    first->text);
	for (w = nets; w != NULL; w = w->next) {
		memset(&net, 0, sizeof(net));
		if (strcmp(w->text, "any") != 0)
			wordval_network(lex, w, &net);
		netconf_append(lex, l, first, &net);
	}
}

const struct conf_nets *
netconf_users(const struct conf_service *s)
{
	return (s->users_from.n > 0 ? &s->users_from : &s->block->users_from);
}

const struct conf_nets *
netconf_tunnels(const struct conf_service *s)
{
	return (s->tunnels_from.n > 0 ? &s->tunnels_from :
	    &s->block->tunnels_from);
}

static int
nets_same(const struct conf_nets *a, const struct conf_nets *b)
{
	uint32_t	 i;

	for (i = 0; i < a->n && i < b->n; i++)
		if (a->rules[i].allow != b->rules[i].allow ||
		    a->rules[i].bits != b->rules[i].bits ||
		    !addr_same(&a->rules[i].addr, &b->rules[i].addr, 0))
			return (0);
	return (a->n == b->n);
}

int
netconf_same(const struct conf_service *a, const struct conf_service *b)
{
	return (nets_same(netconf_users(a), netconf_users(b)) &&
	    nets_same(netconf_tunnels(a), netconf_tunnels(b)));
}

static int
nets_useless(const struct conf_nets *l, FILE *err)
{
	if (l->n == 0)
		return (0);
	conf_complain(err, l->file, l->line, l->column, "\"%s from\" is for "
	    "users, and nothing here says \"listen on\"",
	    l->rules[0].allow ? "allow" : "block");
	return (1);
}

int
netconf_check(const struct conf_block *b, FILE *err)
{
	const struct conf_service	*s;
	int				 errors = 0, users = 0;

	TAILQ_FOREACH(s, &b->services, entry) {
		if (conf_service_opens(s))
			users = 1;
		else
			errors += nets_useless(&s->users_from, err);
	}
	if (!users && !TAILQ_EMPTY(&b->services))
		errors += nets_useless(&b->users_from, err);
	return (errors);
}

void
netconf_print(const char *indent, const struct conf_nets *l,
    enum netconf_what what, FILE *out)
{
	const struct net_rule	*r;

	for (r = l->rules; r < l->rules + l->n; r++) {
		fprintf(out, "%s%s %sfrom ", indent,
		    r->allow ? "allow" : "block",
		    what == NETCONF_TUNNELS ? "tunnels " : "");
		if (r->addr.family == ADDR_NONE)
			fputs("any\n", out);
		else
			fprintf(out, "%s/%u\n", addr_print(&r->addr),
			    r->bits);
	}
}
