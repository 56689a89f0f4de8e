/* SPDX-License-Identifier: ISC */

/*
 * The route of a request for WebSocket: by its path to a service.
 */

#ifndef WORKER_PATH_H
#define WORKER_PATH_H

#include "route.h"

/* path.c */

/* A set of paths begins, gets a message (-1 with errno), takes effect. */
void	 path_begin(void);
int	 path_configure(struct imsg *);
void	 path_commit(void);
/*
 * See struct route.  The second is for listeners whose tunnels are all of one
 * service, and knows the path of that alone.
 */
enum route_to	 path_look(const uint8_t *, size_t, struct routed *);
enum route_to	 path_look_own(const uint8_t *, size_t, struct routed *);

#endif /* WORKER_PATH_H */
