/* SPDX-License-Identifier: ISC */

/*
 * Tunnels on the side that accepts them.  They come from the gate, wait here
 * until the service's keys are there, and may have half of the descriptors.
 * The gate, which counts them and keeps penalties, hears what becomes of each.
 */

#ifndef WORKER_ACCEPTED_H
#define WORKER_ACCEPTED_H

#include "shared/channel.h"
#include "worker/net/ledger.h"
#include "worker/tunnel/tunnel.h"

struct service;

/* accepted.c */

/* After budget_init. */
void	 accepted_init(struct service *);
/* The gate has come, or has gone (NULL): the next has numbers of its own. */
void	 accepted_gate(struct channel *);
/* What the gate says. */
void	 accepted_message(struct imsg *);
/* The keys have come: starts the tunnels that waited for them. */
void	 accepted_keyed(void);
/* What becomes of a tunnel: see struct tunnel_events. */
void	 accepted_proven(struct tunnel *);
void	 accepted_opened(struct tunnel *);
/* No mux: its user has it, and it is one of those that wait no more. */
void	 accepted_taken(struct tunnel *);
void	 accepted_closed(struct tunnel *);
const struct ledger_stats *accepted_stats(void);

#endif /* WORKER_ACCEPTED_H */
