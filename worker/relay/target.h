/* SPDX-License-Identifier: ISC */

/*
 * A relay's target, on the side that has targets: what its stream wants, the
 * connection to that, which dial makes, and the opener's answer if it wants
 * one.  Streams that have not said yet what they want are wants.h.
 */

#ifndef WORKER_TARGET_H
#define WORKER_TARGET_H

#include <stdint.h>

#include "worker/session/session.h"

struct addr;
struct msg_dialled;
struct relay;
struct service;

/* target.c */

void	 target_init(struct service *);
/*
 * Octets of its stream are in r->out.  Once they say what for, that is dialled;
 * more may follow them.  -1: the relay is gone.
 */
int	 target_want(struct relay *);
/*
 * Its stream ended before they did: so does ours, without a word where its
 * dialect has answers; else it is reset.  The relay may be gone.
 */
void	 target_unsaid(struct relay *);
/* Keeps what its user has named, for display, if there is memory. */
void	 target_named(struct relay *, const char *host, uint32_t port);
/*
 * Counts that a target could not be reached, and logs why, each reason once in
 * a while, at level debug all.  A user of ADDR_NONE is not known.
 */
void	 target_log_failed(const struct addr *user, const char *why);
/* Why there is no connection, as peers are told. */
enum reset_reason target_reason(const struct msg_dialled *);
/* It ends: the dial is given up, if it is under way. */
void	 target_cancel(struct relay *);

#endif /* WORKER_TARGET_H */
