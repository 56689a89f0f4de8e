/* SPDX-License-Identifier: ISC */

/* See passes.h. */

#include <sys/types.h>

#include <string.h>

#include "shared/compat.h"
#include "passes.h"

/* Kept, one a server; the oldest goes. */
#define PASSES		64

static struct pass {
	struct addr	 server;
	size_t		 len;		/* 0: none */
	uint8_t		 octets[PASS_MAX];
} passes[PASSES];
static unsigned int	 next;

static struct pass *
pass_find(const struct addr *server)
{
	unsigned int	 i;

	for (i = 0; i < PASSES; i++)
		if (passes[i].len > 0 &&
		    addr_same(&passes[i].server, server, 1))
			return (&passes[i]);
	return (NULL);
}

void
pass_keep(const struct addr *server, const uint8_t *octets, size_t len)
{
	struct pass	*p;

	if (len == 0 || len > PASS_MAX)
		return;
	if ((p = pass_find(server)) == NULL) {
		p = &passes[next];
		next = (next + 1) % PASSES;
	}
	p->server = *server;
	p->len = len;
	memcpy(p->octets, octets, len);
}

size_t
pass_take(const struct addr *server, uint8_t token[PASS_MAX])
{
	struct pass	*p = pass_find(server);
	size_t		 len;

	if (p == NULL)
		return (0);
	len = p->len;
	memcpy(token, p->octets, len);
	p->len = 0;
	return (len);
}
