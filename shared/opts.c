/* SPDX-License-Identifier: ISC */

/*
 * The names of options' values, as configuration, log and rocketctl show
 * them.
 */

#include <sys/types.h>

#include <stddef.h>
#include <string.h>

#include "compat.h"
#include "opts.h"

const char *
side_name(uint32_t side)
{
	if (side == SIDE_SERVER)
		return ("server");
	return (side == SIDE_CLIENT ? "client" : "none");
}

const char *
congestion_name(uint32_t congestion)
{
	static const char	*names[] = {
		[CONGESTION_SYSTEM] = "system",
		[CONGESTION_RENO] = "reno",
		[CONGESTION_CUBIC] = "cubic",
		[CONGESTION_BBR] = "bbr"
	};

	return (congestion < CONGESTION_MAX ? names[congestion] : "?");
}

static const struct {
	const char	*name;
	uint32_t	 transport;
} transports[] = {
	{ "tcp", TRANSPORT_TCP },
	{ "tcpmux", TRANSPORT_TCPMUX },
	{ "tls", TRANSPORT_TCP | TRANSPORT_TLS },
	{ "tlsmux", TRANSPORT_TCPMUX | TRANSPORT_TLS },
	{ "ws", TRANSPORT_TCP | TRANSPORT_WS },
	{ "wsmux", TRANSPORT_TCPMUX | TRANSPORT_WS },
	{ "wss", TRANSPORT_TCP | TRANSPORT_WS | TRANSPORT_TLS },
	{ "wssmux", TRANSPORT_TCPMUX | TRANSPORT_WS | TRANSPORT_TLS }
};

const char *
transport_name(uint32_t transport)
{
	size_t	 i;

	for (i = 0; i < nitems(transports); i++)
		if (transports[i].transport == transport)
			return (transports[i].name);
	return ("?");
}

uint32_t
transport_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < nitems(transports); i++)
		if (strcmp(transports[i].name, name) == 0)
			return (transports[i].transport);
	return (0);
}
