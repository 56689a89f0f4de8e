/* SPDX-License-Identifier: ISC */

/* See linkbuf.h. */

#include <sys/types.h>
#include <sys/uio.h>

#include <stdlib.h>
#include <string.h>

#include "linkbuf.h"

struct linkbuf_piece {
	struct linkbuf_piece	*next;
	uint32_t		 size;	/* of octets */
	uint32_t		 len;
	uint8_t			 octets[];
};

#define PIECE_OCTETS(size)	((size) - sizeof(struct linkbuf_piece))

size_t
linkbuf_len(const struct linkbuf *c)
{
	return (c->end - c->start);
}

/* One for n more octets; it may have room for less, or for more. */
static struct linkbuf_piece *
linkbuf_piece(const struct linkbuf *c, size_t n)
{
	struct linkbuf_piece	*p;
	size_t			 size = sizeof(*p) + n;

	if (n < linkbuf_len(c))
		size = sizeof(*p) + linkbuf_len(c);
	size = (size + LINKBUF_PIECE_MIN - 1) / LINKBUF_PIECE_MIN *
	    LINKBUF_PIECE_MIN;
	if (size > LINKBUF_PIECE_MAX)
		size = LINKBUF_PIECE_MAX;
	if ((p = malloc(size)) == NULL)
		return (NULL);
	p->next = NULL;
	p->size = PIECE_OCTETS(size);
	p->len = 0;
	return (p);
}

static void
linkbuf_piece_put(struct linkbuf *c, const uint8_t **p, size_t *n)
{
	struct linkbuf_piece	*t = c->tail;
	size_t			 len = t->size - t->len;

	if (len > *n)
		len = *n;
	memcpy(t->octets + t->len, *p, len);
	t->len += len;
	c->end += len;
	*p += len;
	*n -= len;
}

int
linkbuf_add(struct linkbuf *c, const void *octets, size_t n)
{
	struct linkbuf_piece	*new;
	const uint8_t		*p = octets;
	uint64_t		 before = c->end;

	while (n > 0) {
		if (c->tail == NULL || c->tail->len == c->tail->size) {
			if ((new = linkbuf_piece(c, n)) == NULL) {
				linkbuf_cut(c, before);
				return (-1);
			}
			if (c->tail == NULL)
				c->head = new;
			else
				c->tail->next = new;
			c->tail = new;
		}
		linkbuf_piece_put(c, &p, &n);
	}
	return (0);
}

/* Makes `at' the piece that has this offset, or ends there. */
static void
linkbuf_seek(struct linkbuf *c, uint64_t offset)
{
	if (c->at == NULL || c->at_base > offset) {
		c->at = c->head;
		c->at_base = c->base;
	}
	while (c->at != NULL && c->at->next != NULL &&
	    c->at_base + c->at->len <= offset) {
		c->at_base += c->at->len;
		c->at = c->at->next;
	}
}

size_t
linkbuf_look(struct linkbuf *c, uint64_t from, size_t max, struct iovec *vec,
    size_t *nvec)
{
	struct linkbuf_piece	*p;
	size_t			 size = *nvec, off, len, n = 0;

	*nvec = 0;
	linkbuf_seek(c, from);
	if (c->at == NULL)
		return (0);
	off = from - c->at_base;
	for (p = c->at; p != NULL && *nvec < size && n < max; p = p->next) {
		len = p->len - off;
		if (len > max - n)
			len = max - n;
		if (len > 0) {
			vec[*nvec].iov_base = p->octets + off;
			vec[(*nvec)++].iov_len = len;
		}
		n += len;
		off = 0;
	}
	return (n);
}

static void
linkbuf_drop_head(struct linkbuf *c)
{
	struct linkbuf_piece	*p = c->head;

	c->base += p->len;
	if (c->at == p)
		c->at = NULL;
	if ((c->head = p->next) == NULL)
		c->tail = NULL;
	free(p);
}

size_t
linkbuf_release(struct linkbuf *c, uint64_t upto)
{
	uint64_t	 before = c->base;

	if (upto > c->end)
		upto = c->end;
	if (upto > c->start)
		c->start = upto;
	while (c->head != NULL && c->base + c->head->len <= c->start)
		linkbuf_drop_head(c);
	return (c->base - before);
}

size_t
linkbuf_take(struct linkbuf *c, void *buf, size_t max)
{
	uint8_t	*p = buf;
	size_t	 off, len, n = 0;

	while (n < max && c->head != NULL && c->start < c->end) {
		off = c->start - c->base;
		len = c->head->len - off;
		if (len > max - n)
			len = max - n;
		memcpy(p + n, c->head->octets + off, len);
		n += len;
		(void)linkbuf_release(c, c->start + len);
	}
	return (n);
}

void
linkbuf_cut(struct linkbuf *c, uint64_t end)
{
	struct linkbuf_piece	*p, *next;

	if (end >= c->end)
		return;
	if (end <= c->base) {
		while (c->head != NULL)
			linkbuf_drop_head(c);
		c->base = end;
	} else {
		c->at = NULL;
		linkbuf_seek(c, end - 1);
		c->tail = c->at;
		for (p = c->tail->next; p != NULL; p = next) {
			next = p->next;
			free(p);
		}
		c->tail->next = NULL;
		c->tail->len = end - c->at_base;
		c->at = NULL;
	}
	c->end = end;
	if (c->start > end)
		c->start = end;
}

size_t
linkbuf_clear(struct linkbuf *c)
{
	return (linkbuf_release(c, c->end));
}
