/* SPDX-License-Identifier: ISC */

/*
 * The route of a listener whose tunnels are all of one service, whatever they
 * begin with.
 */

#ifndef WORKER_ONLY_H
#define WORKER_ONLY_H

#include "route.h"

/* only.c; see struct route. */

/* At once: what comes first is the worker's to read. */
enum route_to	 only_look(const uint8_t *, size_t, struct routed *);

#endif /* WORKER_ONLY_H */
