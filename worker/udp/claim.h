/* SPDX-License-Identifier: ISC */

/*
 * Which worker lets datagrams pass that say where they go: one that has the
 * connection of their user, and so only that can carry their flow.  Workers say
 * so themselves.  It is a hint about who is to be asked, and no permission: the
 * worker that is asked decides.
 */

#ifndef WORKER_CLAIM_H
#define WORKER_CLAIM_H

#include <stdint.h>

struct carrier;
struct flow_key;
struct flow_let;
struct udpservice;

/* Claims of a worker that are known; more are not. */
#define CLAIMS_MAX	65536

/* claim.c */

void		 claims_init(void);
/* A worker says so.  Without memory it was not heard. */
void		 claim_note(struct carrier *, const struct flow_let *);
/* All that it has said is over. */
void		 claims_forget(struct carrier *);
/* Who of a service lets such a flow pass; NULL: nobody has said so. */
struct carrier	*claim_pick(const struct udpservice *,
		    const struct flow_key *);

#endif /* WORKER_CLAIM_H */
