/* SPDX-License-Identifier: ISC */

/*
 * See names.h.  One list, the last used first: there are few names.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "names.h"

struct known {
	TAILQ_ENTRY(known)	 entry;
	uint64_t		 found;		/* 0: never */
	int			 silent;
	int			 named;		/* by peers alone */
	struct msg_resolved	 last;
	char			 host[HOST_MAX];
};

TAILQ_HEAD(knowns, known);

static struct knowns		 names = TAILQ_HEAD_INITIALIZER(names);
static uint32_t			 nnames;

static struct known *
names_get(const char *host)
{
	struct known	*k;

	TAILQ_FOREACH(k, &names, entry)
		if (strcmp(k->host, host) == 0)
			break;
	return (k);
}

/* There are as many as may be: the one that is to be forgotten. */
static struct known *
names_oldest(void)
{
	struct known	*k;

	TAILQ_FOREACH_REVERSE(k, &names, knowns, entry)
		if (k->named)
			return (k);
	return (TAILQ_LAST(&names, knowns));
}

/* It is the last used; NULL: no memory, and nothing is remembered. */
static struct known *
names_use(const char *host, int named)
{
	struct known	*k;

	if ((k = names_get(host)) != NULL) {
		k->named &= named;
		TAILQ_REMOVE(&names, k, entry);
		TAILQ_INSERT_HEAD(&names, k, entry);
		return (k);
	}
	if (nnames == NAMES_MAX) {
		k = names_oldest();
		TAILQ_REMOVE(&names, k, entry);
		memset(k, 0, sizeof(*k));
	} else if ((k = calloc(1, sizeof(*k))) == NULL)
		return (NULL);
	else
		nnames++;
	k->named = named;
	strlcpy(k->host, host, sizeof(k->host));
	TAILQ_INSERT_HEAD(&names, k, entry);
	return (k);
}

void
names_found(const char *host, const struct msg_resolved *msg, int named,
    uint64_t now)
{
	struct known	*k;

	if ((k = names_use(host, named)) == NULL)
		return;
	k->last = *msg;
	k->found = now;
	k->silent = 0;
}

void
names_silent(const char *host, int named)
{
	struct known	*k;

	if ((k = names_use(host, named)) != NULL)
		k->silent = 1;
}

void
names_gone(const char *host)
{
	struct known	*k;

	if ((k = names_get(host)) == NULL)
		return;
	TAILQ_REMOVE(&names, k, entry);
	nnames--;
	free(k);
}

int
names_last(const char *host, struct msg_resolved *msg, uint64_t now)
{
	struct known	*k;

	if ((k = names_get(host)) == NULL || k->found == 0 ||
	    now - k->found > NAMES_KEPT_US)
		return (0);
	*msg = k->last;
	return (1);
}

int
names_is_silent(const char *host)
{
	const struct known	*k = names_get(host);

	return (k != NULL && k->silent);
}
