/* SPDX-License-Identifier: ISC */

/* See mapping.h. */

#include <sys/types.h>
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "shared/addr.h"
#include "shared/compat.h"
#include "worker/net/dest.h"
#include "mapping.h"
#include "service.h"

/* "host:port", where an IPv6 address has brackets. */
static int
mapping_split(struct dest *to, const char *text)
{
	const char	*colon = strrchr(text, ':'), *fault;
	size_t		 len;

	if (colon == NULL)
		return (-1);
	len = colon - text;
	to->port = strtonum(colon + 1, 1, UINT16_MAX, &fault);
	if (fault != NULL)
		return (-1);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
		return (dest_host(to, text + 1, len - 2));
	return (dest_host(to, text, len));
}

/* Is it the address that users of the listener come to? */
static int
mapping_listens(const struct msg_mapping *m, const struct addr *listener)
{
	static const uint8_t	 none[sizeof(m->addr.octets)];

	if (listener->port < m->port || listener->port > m->port_last)
		return (0);
	return (m->addr.family == ADDR_NONE ||
	    memcmp(m->addr.octets, none, sizeof(none)) == 0 ||
	    addr_same(&m->addr, listener, 0));
}

int
mapping_find(const struct service *svc, const struct addr *listener,
    uint32_t kind, struct dest *to)
{
	const struct msg_mapping	*m = svc->mappings;

	for (; m < svc->mappings + svc->nmappings; m++)
		if ((m->kinds & kind) && mapping_listens(m, listener))
			return (mapping_split(to, m->to));
	return (-1);
}
