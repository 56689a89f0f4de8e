/* SPDX-License-Identifier: ISC */

/*
 * What differs between two states of a service, as classes of a reload.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <string.h>

#include "shared/compat.h"
#include "conf.h"
#include "netconf.h"
#include "targets.h"
#include "tokens.h"

static int
listens_same(const struct conf_listens *x, const struct conf_listens *y)
{
	const struct conf_listen	*a = TAILQ_FIRST(x);
	const struct conf_listen	*b = TAILQ_FIRST(y);

	while (a != NULL && b != NULL) {
		if (a->port != b->port || a->port_last != b->port_last ||
		    a->transport != b->transport || a->kinds != b->kinds ||
		    a->asks != b->asks || a->gid != b->gid ||
		    a->mode != b->mode || (a->addr.family == ADDR_UNIX &&
		    strcmp(a->host, b->host) != 0) ||
		    !addr_same(&a->addr, &b->addr, 1))
			return (0);
		a = TAILQ_NEXT(a, entry);
		b = TAILQ_NEXT(b, entry);
	}
	return (a == NULL && b == NULL);
}

static int
remote_same(const struct conf_remote *a, const struct conf_remote *b)
{
	return (strcmp(a->host, b->host) == 0 && a->port == b->port &&
	    a->port_last == b->port_last && a->for_port == b->for_port &&
	    a->is_unix == b->is_unix && a->gid == b->gid &&
	    a->transport == b->transport && a->kinds == b->kinds &&
	    addr_same(&a->edge, &b->edge, 1) &&
	    addr_same(&a->source, &b->source, 1));
}

static int
remotes_same(const struct conf_remotes *x, const struct conf_remotes *y)
{
	const struct conf_remote	*a = TAILQ_FIRST(x);
	const struct conf_remote	*b = TAILQ_FIRST(y);

	while (a != NULL && b != NULL && remote_same(a, b)) {
		a = TAILQ_NEXT(a, entry);
		b = TAILQ_NEXT(b, entry);
	}
	return (a == NULL && b == NULL);
}

/* What the peer is told about them; they are the same otherwise. */
static int
mappings_same(const struct conf_listens *x, const struct conf_listens *y)
{
	const struct conf_listen	*a = TAILQ_FIRST(x);
	const struct conf_listen	*b = TAILQ_FIRST(y);

	while (a != NULL && b != NULL) {
		if ((a->to == NULL) != (b->to == NULL) ||
		    (a->to != NULL && strcmp(a->to, b->to) != 0))
			return (0);
		a = TAILQ_NEXT(a, entry);
		b = TAILQ_NEXT(b, entry);
	}
	return (1);
}

/* May the same be dialled, where the target is? */
static int
target_same(const struct conf_service *old, const struct conf_service *new)
{
	if (conf_service_named(old) != conf_service_named(new))
		return (0);
	if (conf_service_named(new))
		return (old->target.kinds == new->target.kinds &&
		    targets_same(&old->targets, &new->targets));
	return (remote_same(&old->target, &new->target));
}

/* The difference of the options that apply to it. */
static uint32_t
options_diff(const struct conf_service *old, const struct conf_service *new)
{
	const struct option	*o;
	uint32_t		 scope, facts, changed = 0;

	scope = new->block->side == SIDE_SERVER ?
	    SCOPE_SERVER | SCOPE_SERVER_SERVICE :
	    SCOPE_CLIENT | SCOPE_CLIENT_SERVICE;
	facts = conf_service_facts(new);
	for (o = options; o < options + noptions; o++)
		if ((o->scope & scope) != 0 &&
		    (o->facts == 0 || (o->facts & facts) != 0) &&
		    !option_same(o,
		    option_base_const(o, &old->opts, &old->web),
		    option_base_const(o, &new->opts, &new->web)))
			changed |= o->change;
	return (changed);
}

uint32_t
conf_service_diff(const struct conf_service *old,
    const struct conf_service *new)
{
	uint32_t	 changed;

	/* a worker keeps its dialect, and users or a target, for life */
	if (old->block->dialect != new->block->dialect ||
	    conf_service_opens(old) != conf_service_opens(new))
		return (CHANGE_PROCESS);
	changed = tokens_diff(new->block->side, conf_service_tokens(old),
	    conf_service_tokens(new)) | options_diff(old, new);
	if (!listens_same(&old->listens, &new->listens))
		changed |= CHANGE_LISTENER;
	if (!netconf_same(old, new) ||
	    !mappings_same(&old->listens, &new->listens) ||
	    (!conf_service_opens(new) && !target_same(old, new)))
		changed |= CHANGE_LIVE;
	if (new->block->side == SIDE_CLIENT &&
	    (!remotes_same(&old->block->remotes, &new->block->remotes) ||
	    strcmp(old->block->client_id, new->block->client_id) != 0))
		changed |= CHANGE_TUNNELS;
	return (changed);
}
