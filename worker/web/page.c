/* SPDX-License-Identifier: ISC */

/* See page.h. */

#include <sys/types.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/compat.h"
#include "page.h"

#define PAGE_FIRST	4096	/* octets of room; then twice as many */
#define PAGE_MOST	(16 * 1024 * 1024)

static size_t	 total;

struct page *
page_new(void)
{
	struct page	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	p->refs = 1;
	return (p);
}

/* Room for so many octets and a NUL more. */
static int
page_grow(struct page *p, size_t len)
{
	size_t	 room = p->room == 0 ? PAGE_FIRST : p->room;
	char	*octets;

	while (room - p->len <= len && room < PAGE_MOST)
		room *= 2;
	if (room - p->len <= len ||
	    (octets = realloc(p->octets, room)) == NULL) {
		p->failed = 1;
		return (-1);
	}
	total += room - p->room;
	p->octets = octets;
	p->room = room;
	return (0);
}

void
page_put(struct page *p, const char *fmt, ...)
{
	va_list	 ap;
	int	 n;

	if (p->failed || (p->room == 0 && page_grow(p, 0) == -1))
		return;
	va_start(ap, fmt);
	n = vsnprintf(p->octets + p->len, p->room - p->len, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= p->room - p->len) {
		if (page_grow(p, (size_t)n) == -1)
			return;
		va_start(ap, fmt);
		n = vsnprintf(p->octets + p->len, p->room - p->len, fmt, ap);
		va_end(ap);
	}
	if (n < 0)
		p->failed = 1;
	else
		p->len += (size_t)n;
}

struct page *
page_ref(struct page *p)
{
	p->refs++;
	return (p);
}

void
page_unref(struct page *p)
{
	if (p == NULL || --p->refs > 0)
		return;
	total -= p->room;
	free(p->octets);
	free(p);
}

size_t
page_total(void)
{
	return (total);
}
