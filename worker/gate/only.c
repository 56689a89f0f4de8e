/* SPDX-License-Identifier: ISC */

/* See only.h. */

#include <sys/types.h>

#include "shared/compat.h"
#include "only.h"

enum route_to
only_look(const uint8_t *octets, size_t len, struct routed *to)
{
	(void)octets;
	(void)len;
	if (to->service != 0)
		return (ROUTE_SERVICE);
	to->why = "its listener has no service";
	return (ROUTE_BAD);
}
