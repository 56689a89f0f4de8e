/* SPDX-License-Identifier: ISC */

/*
 * What each listener serves: its kind, and the services whose figures it shows.
 * One set is in force until the next is complete.
 */

#ifndef WORKER_BOARD_H
#define WORKER_BOARD_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/msg.h"
#include "page.h"
#include "watch.h"

struct board;

/* A path that is served, and how. */
struct place {
	const char	*path;		/* NULL: any other */
	int		 status;
	const char	*headers;	/* "Name: value\r\n"... */
	uint32_t	 needs;		/* 1 << enum watch_kind, or'ed */
	void		(*make)(struct page *, const struct board *);
};

#define BOARD_PLACES	4	/* of one kind */

struct board {
	TAILQ_ENTRY(board)	 entry;
	uint32_t		 listen;	/* number of the listener */
	enum serve_kind		 kind;
	struct watch		**watches;
	uint32_t		 n;
	/* the page of each place as it was last made, and of what */
	struct page		*pages[BOARD_PLACES];
	uint64_t		 changes[BOARD_PLACES];
};

/* board.c */

/* A new set begins, gets a message (-1: not one of ours), is complete. */
void		 boards_begin(void);
int		 boards_listen(const struct msg_listen *);
int		 boards_figures(struct imsg *);
void		 boards_commit(void);
/* That of a listener, or NULL: it is not in force any more. */
struct board	*board_find(uint32_t listen);
/* What a target of a request means there; never NULL. */
const struct place *board_place(const struct board *, const char *target,
		    size_t len);
/* Is all there that it needs?  If not, it was asked for. */
int		 board_fresh(const struct board *, const struct place *);
/* Its page, the caller's, of the figures there are; NULL: no memory. */
struct page	*board_page(struct board *, const struct place *);

/* mtfigures.c */

/* Ends with the one whose path is NULL. */
extern const struct place	 mytunnel_metrics[], mytunnel_api[];

#endif /* WORKER_BOARD_H */
