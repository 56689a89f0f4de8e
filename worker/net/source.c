/* SPDX-License-Identifier: ISC */

/*
 * See source.h.
 */

#include <sys/types.h>

#include <stdlib.h>

#include "shared/compat.h"
#include "source.h"

static int	 source_cmp(const struct source *, const struct source *);

RB_PROTOTYPE_STATIC(source_tree, source, entry, source_cmp)
RB_GENERATE_STATIC(source_tree, source, entry, source_cmp)

static int
source_cmp(const struct source *a, const struct source *b)
{
	return (network_cmp(&a->net, &b->net));
}

void
sources_init(struct sources *ss)
{
	RB_INIT(&ss->all);
	TAILQ_INIT(&ss->idle);
	TAILQ_INIT(&ss->proven);
	ss->nidle = ss->nproven = 0;
}

static void
source_wake(struct sources *ss, struct source *src)
{
	if (!src->resting)
		return;
	TAILQ_REMOVE(&ss->idle, src, rest);
	ss->nidle--;
	src->resting = 0;
}

static void
source_forget(struct sources *ss, struct source *src)
{
	source_wake(ss, src);
	RB_REMOVE(source_tree, &ss->all, src);
	free(src);
}

struct source *
source_get(struct sources *ss, const struct addr *addr)
{
	struct source	 find, *src;

	(void)network_around(&find.net, addr, 0);
	if ((src = RB_FIND(source_tree, &ss->all, &find)) != NULL)
		return (src);
	if ((src = calloc(1, sizeof(*src))) == NULL)
		return (NULL);
	src->net = find.net;
	TAILQ_INIT(&src->charges);
	TAILQ_INIT(&src->exempt);
	RB_INSERT(source_tree, &ss->all, src);
	source_rest(ss, src);
	return (src);
}

int
source_proven(struct sources *ss, const struct addr *addr)
{
	struct source	 find, *src;

	(void)network_around(&find.net, addr, 0);
	src = RB_FIND(source_tree, &ss->all, &find);
	return (src != NULL && src->proven != 0);
}

void
source_rest(struct sources *ss, struct source *src)
{
	if (src->held > 0 || src->proven != 0) {
		source_wake(ss, src);
		return;
	}
	if (src->resting)
		return;
	TAILQ_INSERT_TAIL(&ss->idle, src, rest);
	src->resting = 1;
	if (++ss->nidle > SOURCES_IDLE)
		source_forget(ss, TAILQ_FIRST(&ss->idle));
}

void
source_prove(struct sources *ss, struct source *src, uint64_t at)
{
	source_wake(ss, src);
	if (src->proven != 0) {
		TAILQ_REMOVE(&ss->proven, src, rest);
		ss->nproven--;
	}
	src->proven = at;
	if (at != 0) {
		TAILQ_INSERT_TAIL(&ss->proven, src, rest);
		ss->nproven++;
	}
	source_rest(ss, src);
}

struct source *
source_stale(struct sources *ss, uint64_t before)
{
	struct source	*src = TAILQ_FIRST(&ss->proven);

	if (src != NULL &&
	    (src->proven < before || ss->nproven > SOURCES_PROVEN))
		return (src);
	return (NULL);
}

uint64_t
sources_unsaid(struct sources *ss, uint32_t sum, uint32_t *n)
{
	struct source	*src;
	uint64_t	 lines = 0;

	RB_FOREACH(src, source_tree, &ss->all) {
		if (src->unsaid > 0 && src->told != sum) {
			src->told = sum;
			(*n)++;
		}
		lines += src->unsaid;
		src->unsaid = 0;
	}
	return (lines);
}

void
sources_free(struct sources *ss)
{
	struct source	*src;

	while ((src = TAILQ_FIRST(&ss->proven)) != NULL)
		source_prove(ss, src, 0);
	while ((src = TAILQ_FIRST(&ss->idle)) != NULL)
		source_forget(ss, src);
}
