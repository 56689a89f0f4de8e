/* SPDX-License-Identifier: ISC */

/* What the two files of an endpoint share. */

#ifndef WORKER_ENDPOINTINT_H
#define WORKER_ENDPOINTINT_H

#include <event2/util.h>

#include "endpoint.h"

/* endpoint.c */

extern struct endpoint_stats	 endpoint_counts;

/* endpointout.c */

int	 endpointout_init(const struct endpoint_ops *);
/* It has room again, an event says. */
void	 endpointout_writable(evutil_socket_t, short, void *);
/* It is gone, and all that it was to send. */
void	 endpointout_forget(struct endpoint *);

#endif /* WORKER_ENDPOINTINT_H */
