/* SPDX-License-Identifier: ISC */

/* See board.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "board.h"

TAILQ_HEAD(boards, board);

static struct boards	 current = TAILQ_HEAD_INITIALIZER(current);
static struct boards	 next = TAILQ_HEAD_INITIALIZER(next);

static const struct place *const	 places[SERVE_KINDS] = {
	[SERVE_MYTUNNEL_METRICS] = mytunnel_metrics,
	[SERVE_MYTUNNEL_API] = mytunnel_api
};

static void
board_free(struct board *b)
{
	uint32_t	 i;

	for (i = 0; i < b->n; i++)
		watch_unref(b->watches[i]);
	for (i = 0; i < BOARD_PLACES; i++)
		page_unref(b->pages[i]);
	free(b->watches);
	free(b);
}

static void
boards_free(struct boards *list)
{
	struct board	*b;

	while ((b = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, b, entry);
		board_free(b);
	}
}

void
boards_begin(void)
{
	boards_free(&next);
}

int
boards_listen(const struct msg_listen *conf)
{
	struct board	*b;

	if (conf->serves == SERVE_NONE) {
		errno = EINVAL;
		return (-1);
	}
	if ((b = calloc(1, sizeof(*b))) == NULL)
		return (-1);
	b->listen = conf->number;
	b->kind = conf->serves;
	TAILQ_INSERT_TAIL(&next, b, entry);
	return (0);
}

int
boards_figures(struct imsg *imsg)
{
	struct msg_figures	 msg;
	struct watch		**watches, *w;
	struct board		*b;

	if (imsg_get_data(imsg, &msg, sizeof(msg)) == -1)
		return (-1);
	/* they come behind their listener */
	b = TAILQ_LAST(&next, boards);
	if (b == NULL || b->listen != msg.listen) {
		errno = EINVAL;
		return (-1);
	}
	watches = reallocarray(b->watches, b->n + 1, sizeof(*watches));
	if (watches == NULL)
		return (-1);
	b->watches = watches;
	if ((w = watch_ref(&msg)) == NULL)
		return (-1);
	b->watches[b->n++] = w;
	return (0);
}

/* The new ones have their watches before the old ones leave them. */
void
boards_commit(void)
{
	boards_free(&current);
	TAILQ_CONCAT(&current, &next, entry);
}

struct board *
board_find(uint32_t listen)
{
	struct board	*b;

	TAILQ_FOREACH(b, &current, entry)
		if (b->listen == listen)
			return (b);
	return (NULL);
}

const struct place *
board_place(const struct board *b, const char *target, size_t len)
{
	const struct place	*p;

	for (p = places[b->kind]; p->path != NULL; p++)
		if (strlen(p->path) == len && memcmp(p->path, target, len) ==
		    0)
			break;
	return (p);
}

int
board_fresh(const struct board *b, const struct place *p)
{
	int		 fresh = 1, kind;
	uint32_t	 i;

	for (i = 0; i < b->n; i++)
		for (kind = 0; kind < WATCH_KINDS; kind++)
			if (p->needs & (1U << kind) &&
			    !watch_fresh(b->watches[i], kind))
				fresh = 0;
	return (fresh);
}

/* One that shows the same as the last is the last: many may ask at once. */
struct page *
board_page(struct board *b, const struct place *p)
{
	size_t		 i = (size_t)(p - places[b->kind]);
	struct page	*page;

	if (b->pages[i] != NULL && (p->needs == 0 ||
	    b->changes[i] == watch_changes()))
		return (page_ref(b->pages[i]));
	if ((page = page_new()) == NULL)
		return (NULL);
	p->make(page, b);
	if (page->failed) {
		page_unref(page);
		return (NULL);
	}
	page_unref(b->pages[i]);
	b->pages[i] = page;
	b->changes[i] = watch_changes();
	return (page_ref(page));
}
