/* SPDX-License-Identifier: ISC */

/* See version.h.  Which versions it offers is the worker's to judge. */

#include <sys/types.h>

#include "shared/compat.h"
#include "worker/net/muxver.h"
#include "version.h"

_Static_assert(MUXVER_MAX <= ROUTE_OCTETS_MAX, "the longest can be looked at");

enum route_to
version_look(const uint8_t *octets, size_t len, struct routed *to)
{
	ssize_t	 need;

	if ((need = muxver_need(octets, len, &to->why)) == -1)
		return (ROUTE_BAD);
	if ((size_t)need > len) {
		to->need = need;
		return (ROUTE_MORE);
	}
	if (to->service != 0)
		return (ROUTE_SERVICE);
	to->why = "its listener has no service";
	return (ROUTE_BAD);
}
