/* SPDX-License-Identifier: ISC */

/*
 * The route of a WebSocket listener whose tunnels are all of one service, and
 * come with a token that only keys and the service's workers look at.
 */

#ifndef WORKER_GATE_CHANNEL_H
#define WORKER_GATE_CHANNEL_H

#include "route.h"

/* channel.c; see struct route. */

/*
 * By the path of a request: "/channel", or what begins with "/tunnel", whatever
 * its query.  If it has such a path, all else in it is the worker's to judge.
 */
enum route_to	 channel_look_request(const uint8_t *, size_t,
		    struct routed *);

#endif /* WORKER_GATE_CHANNEL_H */
