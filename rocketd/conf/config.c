/* SPDX-License-Identifier: ISC */

/*
 * The configuration as an object: made, searched, its services numbered, freed.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "logins.h"
#include "targets.h"
#include "tlsconf.h"
#include "tokens.h"

#define CONF_IDS_FIRST		59000
#define CONF_IDS_LAST		59999

struct rocketd_conf *
conf_new(const char *path)
{
	struct rocketd_conf	*conf;

	if ((conf = calloc(1, sizeof(*conf))) == NULL)
		return (NULL);
	if ((conf->path = strdup(path)) == NULL) {
		free(conf);
		return (NULL);
	}
	TAILQ_INIT(&conf->blocks);
	TAILQ_INIT(&conf->files);
	option_defaults(conf, NULL, NULL);
	conf->id_first = CONF_IDS_FIRST;
	conf->id_last = CONF_IDS_LAST;
	return (conf);
}

static void
free_listens(struct conf_listens *head)
{
	struct conf_listen	*cl;

	while ((cl = TAILQ_FIRST(head)) != NULL) {
		TAILQ_REMOVE(head, cl, entry);
		free(cl->host);
		free(cl->group);
		free(cl->to);
		free(cl);
	}
}

static void
free_block(struct conf_block *b)
{
	struct conf_service	*s;
	struct conf_remote	*r;

	while ((s = TAILQ_FIRST(&b->services)) != NULL) {
		TAILQ_REMOVE(&b->services, s, entry);
		free_listens(&s->listens);
		targets_free(&s->targets);
		tokens_free(&s->tokens);
		logins_free(&s->logins);
		free(s->target.host);
		free(s->target.group);
		free(s);
	}
	while ((r = TAILQ_FIRST(&b->remotes)) != NULL) {
		TAILQ_REMOVE(&b->remotes, r, entry);
		free(r->host);
		free(r);
	}
	free_listens(&b->listens);
	free_listens(&b->serves);
	tokens_free(&b->tokens);
	tlsconf_free(&b->tls);
	free(b);
}

void
conf_free(struct rocketd_conf *conf)
{
	struct conf_block	*b;
	struct conf_file	*f;

	if (conf == NULL)
		return;
	while ((b = TAILQ_FIRST(&conf->blocks)) != NULL) {
		TAILQ_REMOVE(&conf->blocks, b, entry);
		free_block(b);
	}
	while ((f = TAILQ_FIRST(&conf->files)) != NULL) {
		TAILQ_REMOVE(&conf->files, f, entry);
		free(f->path);
		free(f);
	}
	free(conf->path);
	free(conf->control_path);
	free(conf->control_group);
	free(conf->pidfile);
	free(conf);
}

/* ---- numbered ---- */

struct conf_service *
conf_service_by_number(const struct rocketd_conf *conf, uint32_t number)
{
	struct conf_block	*b;
	struct conf_service	*s;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(s, &b->services, entry)
			if (s->number == number)
				return (s);
	return (NULL);
}

/* In a dialect where the server side is the users', whatever is said. */
int
conf_service_opens(const struct conf_service *s)
{
	return (!TAILQ_EMPTY(&s->listens) ||
	    (s->block->dialect == DIALECT_BACKHAUL &&
	    s->block->side == SIDE_SERVER));
}

int
conf_service_named(const struct conf_service *s)
{
	return (s->target.named || (s->block->dialect == DIALECT_BACKHAUL &&
	    s->block->side == SIDE_CLIENT));
}

int
conf_service_has_flows(const struct conf_service *s)
{
	return (conf_service_opens(s) &&
	    (conf_service_kinds(s) & KIND_UDP) != 0);
}

uint32_t
conf_service_kinds(const struct conf_service *s)
{
	const struct conf_listen	*cl;
	uint32_t			 kinds = s->target.kinds;

	TAILQ_FOREACH(cl, &s->listens, entry)
		kinds |= cl->kinds;
	return (kinds);
}

uint32_t
conf_service_facts(const struct conf_service *s)
{
	uint32_t	 facts = 0;

	if (s->block->side == SIDE_CLIENT)
		facts |= FACT_DIALS;
	if (conf_service_opens(s))
		facts |= FACT_USERS;
	if (s->target.host != NULL || conf_service_named(s))
		facts |= FACT_TARGET;
	else if (s->block->dialect == DIALECT_BACKHAUL)
		facts |= FACT_HEADER;
	return (facts);
}

static const struct conf_service *
service_by_name(const struct rocketd_conf *conf, enum side side,
    const char *name)
{
	const struct conf_block		*b;
	const struct conf_service	*s;

	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(s, &b->services, entry)
			if (b->side == side && strcmp(s->name, name) == 0)
				return (s);
	return (NULL);
}

/*
 * A worker that drains may still have a number that was given up, so all other
 * numbers come first; one of old's is taken only if there is no other.
 */
static uint32_t
next_number(struct rocketd_conf *conf, const struct rocketd_conf *old)
{
	uint32_t	 count, n, tries;

	count = conf->id_last - conf->id_first + 1;
	count = count > CONF_CHILD_IDS ? count - CONF_CHILD_IDS : 1;
	for (tries = 0; tries < 2 * count; tries++) {
		n = conf->last_number % count + 1;
		conf->last_number = n;
		if (conf_service_by_number(conf, n) != NULL)
			continue;
		if (tries >= count || old == NULL ||
		    conf_service_by_number(old, n) == NULL)
			return (n);
	}
	/* check_conf has made sure that there are enough */
	fatalx("%s: no number is free", __func__);
}

void
conf_number(struct rocketd_conf *conf, const struct rocketd_conf *old)
{
	const struct conf_service	*known;
	struct conf_block		*b;
	struct conf_service		*s;

	if (old != NULL)
		conf->last_number = old->last_number;
	TAILQ_FOREACH(b, &conf->blocks, entry) {
		TAILQ_FOREACH(s, &b->services, entry) {
			known = old == NULL ? NULL :
			    service_by_name(old, b->side, s->name);
			s->number = known == NULL ? 0 : known->number;
		}
	}
	TAILQ_FOREACH(b, &conf->blocks, entry)
		TAILQ_FOREACH(s, &b->services, entry)
			if (s->number == 0)
				s->number = next_number(conf, old);
}
