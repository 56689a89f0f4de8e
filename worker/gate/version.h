/* SPDX-License-Identifier: ISC */

/*
 * The route of a listener whose tunnels are all of one service, and begin with
 * a version of Mux.Pro.
 */

#ifndef WORKER_VERSION_H
#define WORKER_VERSION_H

#include "route.h"

/* version.c; see struct route. */

/* Whatever else begins there goes nowhere, and the log says what it is. */
enum route_to	 version_look(const uint8_t *, size_t, struct routed *);

#endif /* WORKER_VERSION_H */
