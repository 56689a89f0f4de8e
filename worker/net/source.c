/* SPDX-License-Identifier: ISC */

/*
 * A table of sources by address.  Those with a connection are bounded by the
 * gate's limit on connections, the others by SOURCES_IDLE: the one that has
 * been idle longest goes first.  Somebody with many addresses costs memory for
 * 1024 of them.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "shared/log.h"
#include "source.h"

RB_HEAD(source_tree, source);
TAILQ_HEAD(source_list, source);

static struct source_tree	 sources = RB_INITIALIZER(&sources);
static struct source_list	 idle = TAILQ_HEAD_INITIALIZER(idle);
static uint32_t			 nidle;

static int	 source_cmp(const struct source *, const struct source *);

RB_PROTOTYPE_STATIC(source_tree, source, entry, source_cmp)
RB_GENERATE_STATIC(source_tree, source, entry, source_cmp)

static int
source_cmp(const struct source *a, const struct source *b)
{
	if (a->addr.family != b->addr.family)
		return (a->addr.family < b->addr.family ? -1 : 1);
	if (a->addr.scope != b->addr.scope)
		return (a->addr.scope < b->addr.scope ? -1 : 1);
	return (memcmp(a->addr.octets, b->addr.octets,
	    sizeof(a->addr.octets)));
}

static void
source_key(struct addr *key, const struct addr *addr)
{
	memset(key, 0, sizeof(*key));
	key->family = addr->family;
	switch (addr->family) {
	case ADDR_IPV4:
		memcpy(key->octets, addr->octets, 4);
		break;
	case ADDR_IPV6:
		key->scope = addr->scope;
		memcpy(key->octets, addr->octets, 8);
		break;
	default:
		break;
	}
}

static void
source_forget(struct source *src)
{
	TAILQ_REMOVE(&idle, src, idle);
	nidle--;
	RB_REMOVE(source_tree, &sources, src);
	free(src);
}

static void
source_rest(struct source *src)
{
	TAILQ_INSERT_TAIL(&idle, src, idle);
	nidle++;
}

struct source *
source_get(const struct addr *addr, uint64_t now)
{
	struct source	 find, *src;

	source_key(&find.addr, addr);
	if ((src = RB_FIND(source_tree, &sources, &find)) != NULL)
		return (src);
	if (nidle >= SOURCES_IDLE)
		source_forget(TAILQ_FIRST(&idle));
	if ((src = calloc(1, sizeof(*src))) == NULL)
		return (NULL);
	src->addr = find.addr;
	src->lines = SOURCE_LINES;
	src->refilled = now;
	RB_INSERT(source_tree, &sources, src);
	source_rest(src);
	return (src);
}

void
source_enter(struct source *src)
{
	if (src->unproven++ == 0) {
		TAILQ_REMOVE(&idle, src, idle);
		nidle--;
	}
}

void
source_leave(struct source *src)
{
	if (--src->unproven > 0)
		return;
	source_rest(src);
	if (nidle > SOURCES_IDLE)
		source_forget(TAILQ_FIRST(&idle));
}

int
source_may_log(struct source *src, uint64_t now, uint32_t *unsaid)
{
	const uint64_t	 line = SOURCE_LINE_S * 1000000ULL;

	while (src->lines < SOURCE_LINES && now - src->refilled >= line) {
		src->lines++;
		src->refilled += line;
	}
	if (src->lines == 0) {
		src->unsaid++;
		return (0);
	}
	/* A full measure refills from the moment the first line is taken. */
	if (src->lines == SOURCE_LINES)
		src->refilled = now;
	src->lines--;
	*unsaid = src->unsaid;
	src->unsaid = 0;
	return (1);
}

void
source_log(struct source *src, uint64_t now, const char *what,
    const struct addr *peer, const char *fmt, va_list ap)
{
	char		 words[512];
	uint32_t	 unsaid;

	if (!source_may_log(src, now, &unsaid))
		return;
	vsnprintf(words, sizeof(words), fmt, ap);
	if (unsaid > 0)
		log_info("%s from %s: %s (and %u lines more about this "
		    "source, not logged)", what, addr_print(peer), words,
		    unsaid);
	else
		log_info("%s from %s: %s", what, addr_print(peer), words);
}

void
source_free_all(void)
{
	struct source	*src;

	while ((src = TAILQ_FIRST(&idle)) != NULL)
		source_forget(src);
}
