/* SPDX-License-Identifier: ISC */

/*
 * What users of a listener want who do not say it themselves: the target that
 * "to" names, for dialects in which the side with the users says it.
 */

#ifndef WORKER_MAPPING_H
#define WORKER_MAPPING_H

#include <stdint.h>

struct addr;
struct dest;
struct service;

/* mapping.c */

/*
 * The target of users who came to this address of ours, with connections or
 * datagrams (KIND_).  -1: there is none, as after a reload.
 */
int	 mapping_find(const struct service *, const struct addr *listener,
	    uint32_t kind, struct dest *);

#endif /* WORKER_MAPPING_H */
