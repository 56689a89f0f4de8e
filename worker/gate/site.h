/* SPDX-License-Identifier: ISC */

/*
 * The decoy: a small web server that knows of no tunnel, for all who come to a
 * listener for WebSocket and do not ask for the path of a service.  Its answer
 * is answer_site (answer.h).
 */

#ifndef WORKER_SITE_H
#define WORKER_SITE_H

#include <stdint.h>

#include "shared/imsg.h"

/* site.c */

/* A set of decoys and files begins, gets a message (-1), takes effect. */
void		 site_begin(void);
int		 site_configure(struct imsg *);
void		 site_commit(void);
/* How many it has answered. */
uint64_t	 site_visitors(void);

#endif /* WORKER_SITE_H */
