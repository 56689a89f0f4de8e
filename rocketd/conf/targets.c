/* SPDX-License-Identifier: ISC */

/*
 * Rules about targets that a peer names: read, compared, printed.  Nothing here
 * decides about a target: who dials does.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "targets.h"
#include "wordval.h"

/* For a service that has no rules. */
static const struct target_rule	 loopback[] = {
	{ .pass = 1, .bits = 8, .port_last = UINT16_MAX,
	    .addr = { .family = ADDR_IPV4, .octets = { 127 } } },
	{ .pass = 1, .bits = 128, .port_last = UINT16_MAX,
	    .addr = { .family = ADDR_IPV6, .octets = { [15] = 1 } } }
};

/* ---- read ---- */

/* Is it meant as an address or a network, and not as a name? */
static int
is_network(const char *s)
{
	struct addr	 addr;

	return (strpbrk(s, ":/[") != NULL || valid_addr(s, &addr) ||
	    strspn(s, "0123456789.") == strlen(s));
}

int
targets_is_any(const struct word *w)
{
	return (!w->quoted && strcmp(w->text, "any") == 0);
}

int
targets_is_rule(const struct word *first, const struct word *next)
{
	if (first->quoted)
		return (0);
	return (strcmp(first->text, "pass") == 0 ||
	    (strcmp(first->text, "block") == 0 && next != NULL &&
	    strcmp(next->text, "to") == 0));
}

static void
read_target(struct lex *lex, struct target_rule *r, const struct word *w)
{
	const char		*name = w->text;
	struct conf_proxy	 net;
	struct addr		 addr;

	if (targets_is_any(w))
		return;
	if (wordval_hint(w)[0] == '\0' && is_network(name)) {
		memset(&net, 0, sizeof(net));
		wordval_network(lex, w, &net);
		r->addr = net.addr;
		r->bits = net.bits;
		return;
	}
	if (strncmp(name, "*.", 2) == 0)
		name += 2;
	if (w->len >= sizeof(r->name) || !valid_host(name) ||
	    valid_addr(name, &addr))
		lex_error(lex, w, "a target is any, ADDRESS, ADDRESS/BITS, a "
		    "name or \"*.NAME\", not \"%s\"%s", wordval_show(w),
		    wordval_hint(w));
	else
		strlcpy(r->name, w->text, sizeof(r->name));
}

static void
read_ports(struct lex *lex, struct target_rule *r, const struct word *w)
{
	uint16_t	 first, last;

	r->port_last = UINT16_MAX;
	if (w == NULL)
		return;
	(void)wordval_ports(lex, w, &first, &last);
	r->port = first;
	r->port_last = last;
}

/* Zeroed; the list doubles when it is full. */
static struct conf_target *
targets_new(struct conf_targets *head)
{
	struct conf_target	*list;
	uint32_t		 room = head->room == 0 ? 8 : 2 * head->room;

	if (head->n == head->room) {
		list = recallocarray(head->list, head->room, room,
		    sizeof(*list));
		if (list == NULL)
			fatal("%s", __func__);
		head->list = list;
		head->room = room;
	}
	return (&head->list[head->n++]);
}

void
targets_add(struct lex *lex, struct conf_targets *head,
    const struct word *first, const struct word *target,
    const struct word *port)
{
	struct conf_target	*t;

	if (head->n == TARGET_RULES_MAX)
		lex_error(lex, first, "more than %d rules", TARGET_RULES_MAX);
	t = targets_new(head);
	t->file = first->file->path;
	t->line = first->line;
	t->column = first->column;
	t->rule.pass = strcmp(first->text, "pass") == 0;
	if (!t->rule.pass && strcmp(first->text, "block") != 0)
		lex_error(lex, first, "a rule begins with \"pass to\" or "
		    "\"block to\", not \"%s\"", wordval_show(first));
	read_target(lex, &t->rule, target);
	read_ports(lex, &t->rule, port);
}

void
targets_free(struct conf_targets *head)
{
	free(head->list);
	memset(head, 0, sizeof(*head));
}

/* ---- the whole ---- */

const struct target_rule *
targets_rule(const struct conf_service *s, uint32_t number)
{
	const struct conf_targets	*head = &s->targets;

	if (head->n == 0)
		return (number < nitems(loopback) ? &loopback[number] : NULL);
	return (number < head->n ? &head->list[number].rule : NULL);
}

/* All of a family is as open, and so are all ports by number. */
static int
rule_is_any(const struct target_rule *r)
{
	return (r->name[0] == '\0' && r->bits == 0 && r->port <= 1 &&
	    r->port_last == UINT16_MAX);
}

const struct conf_target *
targets_open(const struct conf_targets *head)
{
	uint32_t	 i;

	for (i = 0; i < head->n && head->list[i].rule.pass; i++)
		if (rule_is_any(&head->list[i].rule))
			return (&head->list[i]);
	return (NULL);
}

static int
rule_same(const struct target_rule *a, const struct target_rule *b)
{
	return (a->pass == b->pass && a->bits == b->bits &&
	    a->port == b->port && a->port_last == b->port_last &&
	    addr_same(&a->addr, &b->addr, 0) && strcmp(a->name, b->name) == 0);
}

int
targets_same(const struct conf_targets *x, const struct conf_targets *y)
{
	uint32_t	 i;

	if (x->n != y->n)
		return (0);
	for (i = 0; i < x->n; i++)
		if (!rule_same(&x->list[i].rule, &y->list[i].rule))
			return (0);
	return (1);
}

static void
print_rule(const struct target_rule *r, FILE *out)
{
	fputs(r->pass ? "pass to " : "block to ", out);
	if (r->name[0] != '\0')
		fprintf(out, "\"%s\"", r->name);
	else if (r->addr.family == ADDR_NONE)
		fputs("any", out);
	else
		fprintf(out, "%s/%u", addr_print(&r->addr), r->bits);
	if (r->port != 0) {
		fprintf(out, " port %u", r->port);
		if (r->port_last != r->port)
			fprintf(out, "-%u", r->port_last);
	}
	fputc('\n', out);
}

void
targets_print(const char *indent, const struct conf_targets *head, FILE *out)
{
	uint32_t	 i;

	fputs(" {\n", out);
	for (i = 0; i < head->n; i++) {
		fprintf(out, "%s\t", indent);
		print_rule(&head->list[i].rule, out);
	}
	fprintf(out, "%s}\n", indent);
}
