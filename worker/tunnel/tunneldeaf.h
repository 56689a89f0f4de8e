/* SPDX-License-Identifier: ISC */

/*
 * A tunnel that its session does not read, since a user or a target does not
 * read.  It does not hear its peer's heartbeats, so the session does not judge
 * by them.  The system still hears whether what we send is acknowledged, and
 * that has to be within the same time.  (Behind outer TLS it is the tls process
 * that looks.)
 */

#ifndef WORKER_TUNNELDEAF_H
#define WORKER_TUNNELDEAF_H

#include <stdint.h>

struct tunnel;

/* tunneldeaf.c */

/* Ends it if its peer has vanished; when to look again, or UINT64_MAX. */
uint64_t	 tunneldeaf_deadline(struct tunnel *, uint64_t now);

#endif /* WORKER_TUNNELDEAF_H */
