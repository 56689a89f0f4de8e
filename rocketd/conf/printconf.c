/* SPDX-License-Identifier: ISC */

/*
 * Prints a configuration in the grammar of rocketd.conf(5).  The output parses
 * to the same configuration; no token given by value ever appears in it.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "netconf.h"
#include "targets.h"
#include "tlsconf.h"

static void
print_quoted(const char *s, FILE *out)
{
	fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fputc(*s, out);
	}
	fputc('"', out);
}

static void
print_host(const char *s, FILE *out)
{
	/* "any", unquoted, would be no host */
	if (conf_keyword(s) || strcmp(s, "any") == 0)
		print_quoted(s, out);
	else
		fputs(s, out);
}

/* Prints lines that end in CR LF as strings in braces. */
static void
print_lines(char *lines, FILE *out)
{
	char	*end;

	fputs("{ ", out);
	for (; (end = strstr(lines, "\r\n")) != NULL; lines = end + 2) {
		*end = '\0';
		print_quoted(lines, out);
		fputc(' ', out);
	}
	fputc('}', out);
}

/* Prints the options of a scope in the set (NULL: all), from base and web. */
static void
print_options(const char *indent, uint32_t scope,
    const struct option_set *set, const void *base,
    const struct web_opts *web, FILE *out)
{
	const struct option	*o;
	char			 value[WEB_HEADERS_MAX];

	for (o = options; o < options + noptions; o++) {
		if ((o->scope & scope) == 0 ||
		    (set != NULL && !option_given(set, o)))
			continue;
		option_value(o, o->base == BASE_WEB ? web : base, value,
		    sizeof(value));
		if (value[0] == '\0')
			continue;
		fprintf(out, "%s%s ", indent, o->name);
		if (o->type == OPT_STRING || o->type == OPT_TEXT)
			print_quoted(value, out);
		else if (o->type == OPT_TEXTS)
			print_lines(value, out);
		else
			fputs(value, out);
		fputc('\n', out);
	}
}

static void
print_token(const struct conf_token *t, FILE *out)
{
	switch (t->kind) {
	case TOKEN_VALUE:
	case TOKEN_MASK:
		print_quoted(TOKEN_MASKED, out);
		break;
	case TOKEN_FILE:
		fputs("file ", out);
		print_quoted(t->source, out);
		break;
	case TOKEN_ENV:
		fputs("env ", out);
		print_host(t->source, out);
		break;
	}
}

static void
print_tokens(const char *indent, const struct conf_tokens *head, FILE *out)
{
	const struct conf_token	*t = TAILQ_FIRST(head);

	if (t == NULL)
		return;
	fprintf(out, "%stoken ", indent);
	if (TAILQ_NEXT(t, entry) == NULL) {
		print_token(t, out);
		fputc('\n', out);
		return;
	}
	fputs("{\n", out);
	TAILQ_FOREACH(t, head, entry) {
		fprintf(out, "%s\t", indent);
		print_token(t, out);
		fputc('\n', out);
	}
	fprintf(out, "%s}\n", indent);
}

static void
print_proxies(const struct conf_listen *cl, FILE *out)
{
	uint32_t	 i;

	if (cl->nproxies == 0)
		return;
	fputs(" proxies {", out);
	for (i = 0; i < cl->nproxies; i++)
		fprintf(out, " %s/%u", addr_print(&cl->proxies[i].addr),
		    cl->proxies[i].bits);
	fputs(" }", out);
}

/* Unless it is TCP alone. */
static void
print_kinds(uint32_t kinds, FILE *out)
{
	char	 words[32];

	if (kinds & KIND_UDP)
		fprintf(out, " protocol %s", name_mask(kind_names, kinds,
		    words, sizeof(words)));
}

static void
print_place(const struct conf_listen *cl, FILE *out)
{
	if (cl->addr.family != ADDR_UNIX) {
		fprintf(out, "%s port %u", cl->host, cl->port);
		if (cl->port_last != cl->port)
			fprintf(out, "-%u", cl->port_last);
		return;
	}
	fputs("unix ", out);
	print_quoted(cl->host, out);
	if (cl->group != NULL) {
		fputs(" group ", out);
		print_quoted(cl->group, out);
	}
	fprintf(out, " mode %04o", cl->mode);
}

static void
print_listens(const char *indent, const struct conf_listens *head, FILE *out)
{
	const struct conf_listen	*cl;

	TAILQ_FOREACH(cl, head, entry) {
		fprintf(out, "%slisten on ", indent);
		print_place(cl, out);
		if (cl->transport != 0)
			fprintf(out, " transport %s",
			    transport_name(cl->transport));
		if (cl->serves != SERVE_NONE)
			fprintf(out, " serve %s",
			    name_of(serve_names, cl->serves));
		print_proxies(cl, out);
		if (cl->asks != ASK_NONE)
			fprintf(out, " protocol %s%s", name_of(ask_names,
			    cl->asks), cl->kinds & KIND_UDP ? " udp" : "");
		else if (cl->transport == 0)
			print_kinds(cl->kinds, out);
		if (cl->to != NULL) {
			fputs(" to ", out);
			print_quoted(cl->to, out);
		}
		fputc('\n', out);
	}
}

static void
print_remotes(const struct conf_remotes *head, FILE *out)
{
	const struct conf_remote	*r;

	TAILQ_FOREACH(r, head, entry) {
		fputs("\tconnect to ", out);
		print_host(r->host, out);
		fprintf(out, " port %u transport %s", r->port,
		    transport_name(r->transport));
		if (r->edge.family != ADDR_NONE)
			fprintf(out, " edge %s", addr_print(&r->edge));
		if (r->source.family != ADDR_NONE)
			fprintf(out, " from %s", addr_print(&r->source));
		fputc('\n', out);
	}
}

static void
print_target(const struct conf_service *s, FILE *out)
{
	const struct conf_remote	*t = &s->target;

	fputs("\t\tforward to ", out);
	if (t->named) {
		fputs("any", out);
		print_kinds(t->kinds, out);
		targets_print("\t\t", &s->targets, out);
		return;
	}
	if (t->is_unix) {
		fputs("unix ", out);
		print_quoted(t->host, out);
		if (t->group != NULL) {
			fputs(" group ", out);
			print_quoted(t->group, out);
		}
	} else {
		print_host(t->host, out);
		fprintf(out, " port %u", t->port);
	}
	if (t->for_port != 0)
		fprintf(out, "-%u", t->port_last);
	if (t->for_port != 0 && t->for_port != t->port)
		fprintf(out, " for port %u-%u", t->for_port,
		    t->for_port + t->port_last - t->port);
	print_kinds(t->kinds, out);
	fputc('\n', out);
}

static void
print_service(const struct conf_service *s, uint32_t scope, FILE *out)
{
	fputs("\n\tservice ", out);
	print_quoted(s->name, out);
	fputs(" {\n", out);
	print_listens("\t\t", &s->listens, out);
	if (s->target.host != NULL)
		print_target(s, out);
	else if (s->targets.n > 0) {
		fputs("\t\ttargets", out);
		targets_print("\t\t", &s->targets, out);
	}
	print_tokens("\t\t", &s->tokens, out);
	netconf_print("\t\t", &s->users_from, NETCONF_USERS, out);
	netconf_print("\t\t", &s->tunnels_from, NETCONF_TUNNELS, out);
	print_options("\t\t", scope, &s->set, &s->opts, &s->web, out);
	fputs("\t}\n", out);
}

static void
print_block(const struct conf_block *b, FILE *out)
{
	const struct conf_service	*s;
	int				 server = b->side == SIDE_SERVER;

	fprintf(out, "\n%s {\n", side_name(b->side));
	if (b->dialect != DIALECT_ROCKET)
		fprintf(out, "\tdialect %s\n",
		    name_of(dialect_names, b->dialect));
	print_listens("\t", &b->listens, out);
	print_listens("\t", &b->serves, out);
	print_remotes(&b->remotes, out);
	tlsconf_print(&b->tls, out);
	if (b->client_id[0] != '\0' && !b->client_id_derived) {
		fputs("\tclient id ", out);
		print_quoted(b->client_id, out);
		fputc('\n', out);
	}
	print_tokens("\t", &b->tokens, out);
	netconf_print("\t", &b->users_from, NETCONF_USERS, out);
	netconf_print("\t", &b->tunnels_from, NETCONF_TUNNELS, out);
	print_options("\t", server ? SCOPE_SERVER : SCOPE_CLIENT,
	    &b->set, &b->opts, &b->web, out);
	TAILQ_FOREACH(s, &b->services, entry)
		print_service(s, server ? SCOPE_SERVER_SERVICE :
		    SCOPE_CLIENT_SERVICE, out);
	fputs("}\n", out);
}

void
conf_print(const struct rocketd_conf *conf, FILE *out)
{
	const struct conf_block	*b;

	/* global options are few: all are shown, given or not */
	print_options("", SCOPE_GLOBAL, NULL, conf, NULL, out);
	fprintf(out, "ids %u to %u\n", conf->id_first, conf->id_last);
	fputs("control socket ", out);
	if (conf->control_path == NULL)
		fputs("none", out);
	else
		print_quoted(conf->control_path, out);
	if (conf->control_group != NULL) {
		fputs(" group ", out);
		print_quoted(conf->control_group, out);
	}
	fputc('\n', out);
	TAILQ_FOREACH(b, &conf->blocks, entry)
		print_block(b, out);
}
