/* SPDX-License-Identifier: ISC */

/*
 * The table of routes.  Another dialect is another row, and a file of its own
 * for how it looks.
 */

#include <sys/types.h>

#include "shared/compat.h"
#include "worker/net/http.h"
#include "answer.h"
#include "channel.h"
#include "hello.h"
#include "only.h"
#include "path.h"
#include "route.h"
#include "version.h"

/*
 * SO_RCVLOWAT lets a hello wake us twice or so.  Where the system does not
 * keep to it, each segment does; no client sends a hello in so many.
 */
#define HELLO_PIECES	64
/* A version is sent at once, and is short. */
#define VERSION_PIECES	16

_Static_assert(HELLO_MAX <= ROUTE_OCTETS_MAX &&
    HTTP_HEAD_MAX <= ROUTE_OCTETS_MAX, "the longest can be looked at");

/* The first row that fits is the one. */
static const struct route	 routes[] = {
	{ DIALECT_ROCKET, TRANSPORT_WS, "request", HTTP_HEAD_MAX,
	    &answer_site, path_look },
	{ DIALECT_ROCKET, 0, "hello of rocket", HELLO_PIECES,
	    &answer_alert, hello_look },
	{ DIALECT_BACKHAUL, TRANSPORT_WS, "request", HTTP_HEAD_MAX,
	    &answer_site, channel_look_request },
	{ DIALECT_BACKHAUL, 0, "octet", 1, NULL, only_look },
	{ DIALECT_MUXPRO, TRANSPORT_WS, "request", HTTP_HEAD_MAX,
	    &answer_site, path_look_own },
	{ DIALECT_MUXPRO, 0, "beginning of Mux.Pro", VERSION_PIECES, NULL,
	    version_look },
	{ DIALECT_MYTUNNEL, 0, "octet", 1, NULL, only_look }
};

const struct route *
route_find(uint32_t dialect, uint32_t transport)
{
	const struct route	*r = routes;

	while (r < &routes[nitems(routes)] && (r->dialect != dialect ||
	    (transport & r->transport) != r->transport))
		r++;
	return (r == &routes[nitems(routes)] ? NULL : r);
}
