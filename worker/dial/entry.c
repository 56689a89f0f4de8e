/* SPDX-License-Identifier: ISC */

/*
 * See entry.h.  A list that is short enough to be walked: most services have a
 * remote and a target.
 */

#include <sys/types.h>

#include <arpa/inet.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/compat.h"
#include "entry.h"
#include "worker/frame/worker.h"

/* Entries of a configuration: services, each with its remotes. */
#define ENTRIES_MAX	65536

void
entries_init(struct entries *es)
{
	TAILQ_INIT(&es->list);
	TAILQ_INIT(&es->rules);
	memset(&es->owns, 0, sizeof(es->owns));
	es->count = 0;
}

void
entries_free(struct entries *es)
{
	struct entry	*e;

	while ((e = TAILQ_FIRST(&es->list)) != NULL) {
		TAILQ_REMOVE(&es->list, e, entry);
		if (e->dir != -1)
			close(e->dir);
		free(e->reached);
		free(e);
	}
	allow_free(&es->rules);
	own_free(&es->owns);
	es->count = 0;
}

void
entries_take(struct entries *es, struct entries *from)
{
	TAILQ_CONCAT(&es->list, &from->list, entry);
	TAILQ_CONCAT(&es->rules, &from->rules, entry);
	es->owns = from->owns;
	memset(&from->owns, 0, sizeof(from->owns));
	es->count += from->count;
	from->count = 0;
}

int
entry_add(struct entries *es, struct imsg *imsg, enum dial_what what)
{
	struct entry	*e;

	if (es->count == ENTRIES_MAX) {
		errno = E2BIG;
		return (-1);
	}
	if ((e = calloc(1, sizeof(*e))) == NULL)
		return (-1);
	e->what = what;
	e->dir = -1;
	if (imsg_get_data(imsg, &e->conf, sizeof(e->conf)) == -1) {
		free(e);
		return (-1);
	}
	TAILQ_INSERT_TAIL(&es->list, e, entry);
	es->count++;
	return (0);
}

int
entry_rule(struct entries *es, struct imsg *imsg)
{
	struct msg_rule	 msg;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		return (-1);
	return (allow_add(&es->rules, msg.service, &msg.rule));
}

int
entry_own(struct entries *es, struct imsg *imsg)
{
	struct msg_own	 msg;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		return (-1);
	return (own_add(&es->owns, &msg));
}

struct entry *
entry_find(struct entries *es, enum dial_what what, uint32_t service,
    uint32_t index)
{
	struct entry	*e;

	if (what == DIAL_NAMED)
		what = DIAL_TARGET;
	TAILQ_FOREACH(e, &es->list, entry)
		if (e->what == what && e->conf.service == service &&
		    e->conf.index == index)
			return (e);
	return (NULL);
}

int
entry_literal(const struct msg_dialee *conf, struct addr *a)
{
	if (conf->edge.family != ADDR_NONE) {
		*a = conf->edge;
		return (1);
	}
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, conf->host, a->octets) == 1)
		a->family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, conf->host, a->octets) == 1)
		a->family = ADDR_IPV6;
	return (a->family != ADDR_NONE);
}

/* Its place in the list, or where the list ends. */
static uint32_t
reached_find(const struct entry *e, const struct addr *a)
{
	uint32_t	 i = 0;

	while (i < e->nreached && !addr_same(&e->reached[i], a, 0))
		i++;
	return (i);
}

void
entry_reached(struct entry *e, const struct addr *a)
{
	uint32_t	 i;

	if (e->reached == NULL && (e->reached = calloc(RESOLVED_MAX,
	    sizeof(*e->reached))) == NULL)
		return;
	i = reached_find(e, a);
	if (i == RESOLVED_MAX)
		i--;			/* the oldest is forgotten */
	else if (i == e->nreached)
		e->nreached++;
	memmove(&e->reached[1], &e->reached[0], i * sizeof(*e->reached));
	e->reached[0] = *a;
}

int
entry_was_reached(const struct entry *e, const struct addr *a)
{
	return (reached_find(e, a) < e->nreached);
}

int
entry_is_same(const struct entry *e, const struct msg_dialee *conf)
{
	return (e->what == DIAL_REMOTE && e->conf.service == conf->service &&
	    strcmp(e->conf.host, conf->host) == 0 &&
	    addr_same(&e->conf.edge, &conf->edge, 0));
}

/* The same remote, looked for behind the last one that was found; or NULL. */
static struct entry *
entry_same(const struct entries *es, const struct entry *as,
    struct entry *last)
{
	struct entry	*e;

	for (e = last; e != NULL; e = TAILQ_NEXT(e, entry))
		if (entry_is_same(e, &as->conf))
			return (e);
	TAILQ_FOREACH(e, &es->list, entry)
		if (e == last || entry_is_same(e, &as->conf))
			break;
	return (e == last ? NULL : e);
}

/* Most are in the same order as before. */
void
entries_inherit(struct entries *es, struct entries *from)
{
	struct entry	*e, *was, *last = TAILQ_FIRST(&from->list);

	TAILQ_FOREACH(e, &es->list, entry) {
		if (e->what != DIAL_REMOTE ||
		    (was = entry_same(from, e, last)) == NULL)
			continue;
		e->reached = was->reached;
		e->nreached = was->nreached;
		e->turn = was->turn;
		was->reached = NULL;
		was->nreached = 0;
		last = was;
	}
}

void
entry_dir(struct entry *e, int fd, const char *name)
{
	if (e->dir != -1)
		close(e->dir);
	e->dir = fd;
	e->dir_since = worker_now();
	strlcpy(e->name, name, sizeof(e->name));
}
