/* SPDX-License-Identifier: ISC */

/*
 * What names had for addresses the last time they were answered, and whether
 * they were answered the last time they were looked up.  The name that was used
 * longest ago is forgotten first, and before all others those that peers have
 * named: as many as they can think of.
 */

#ifndef WORKER_NAMES_H
#define WORKER_NAMES_H

#include <stdint.h>

#include "shared/msg.h"

#define NAMES_MAX	1024
#define NAMES_KEPT_US	(3600 * 1000000ULL)	/* addresses are used for */

/* names.c */

/* The addresses of a name as of now.  named: a peer has named it. */
void	 names_found(const char *host, const struct msg_resolved *,
	    int named, uint64_t now);
/* It was not answered in time. */
void	 names_silent(const char *host, int named);
/* It has no address, says the DNS: what it had is forgotten. */
void	 names_gone(const char *host);
/* 1: the last answer, if it is young enough, is in msg (but its request). */
int	 names_last(const char *host, struct msg_resolved *, uint64_t now);
/* Was it not answered the last time? */
int	 names_is_silent(const char *host);

#endif /* WORKER_NAMES_H */
