/* SPDX-License-Identifier: ISC */

/* See qmem.h. */

#include <stdlib.h>
#include <string.h>

#include "shared/compat.h"
#include "qmem.h"

/* Before each piece: its size, and what keeps it aligned. */
union qmem_head {
	size_t		 size;
	max_align_t	 align;
};

static uint64_t	 all;

static void *
qmem_realloc(void *p, size_t size, void *arg)
{
	union qmem_head	*head = p == NULL ? NULL : (union qmem_head *)p - 1;
	size_t		 before = head == NULL ? 0 : head->size;
	struct qmem	*m = arg;

	if (size > SIZE_MAX - sizeof(*head))
		return (NULL);
	size += sizeof(*head);
	if (size > before && (m->held > m->most ||
	    size - before > m->most - m->held))
		return (NULL);
	if ((head = realloc(head, size)) == NULL)
		return (NULL);
	head->size = size;
	m->held = m->held - before + size;
	all = all - before + size;
	return (head + 1);
}

static void *
qmem_malloc(size_t size, void *arg)
{
	return (qmem_realloc(NULL, size, arg));
}

static void *
qmem_calloc(size_t n, size_t size, void *arg)
{
	void	*p;

	if (size > 0 && n > SIZE_MAX / size)
		return (NULL);
	if ((p = qmem_realloc(NULL, n * size, arg)) != NULL)
		memset(p, 0, n * size);
	return (p);
}

static void
qmem_free(void *p, void *arg)
{
	union qmem_head	*head = p;
	struct qmem	*m = arg;

	if (p == NULL)
		return;
	head--;
	m->held -= head->size;
	all -= head->size;
	free(head);
}

void
qmem_init(struct qmem *m, size_t most)
{
	memset(m, 0, sizeof(*m));
	m->most = most;
	m->mem.user_data = m;
	m->mem.malloc = qmem_malloc;
	m->mem.free = qmem_free;
	m->mem.calloc = qmem_calloc;
	m->mem.realloc = qmem_realloc;
}

uint64_t
qmem_all(void)
{
	return (all);
}
