/* SPDX-License-Identifier: ISC */

/*
 * The body of an answer: octets that grow while it is made, and are then shared
 * by all connections that it is sent on.
 */

#ifndef WORKER_PAGE_H
#define WORKER_PAGE_H

#include <stddef.h>
#include <stdint.h>

struct page {
	uint32_t	 refs;
	int		 failed;	/* no memory: it is not whole */
	size_t		 len;
	size_t		 room;
	char		*octets;
};

/* page.c */

/* An empty one, the caller's; NULL: no memory. */
struct page	*page_new(void);
/* Adds text; when memory runs out the page has failed. */
void		 page_put(struct page *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));
struct page	*page_ref(struct page *);
/* Frees it with the last who has it.  Takes NULL. */
void		 page_unref(struct page *);
/* Octets of all pages that there are. */
size_t		 page_total(void);

#endif /* WORKER_PAGE_H */
