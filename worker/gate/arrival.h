/* SPDX-License-Identifier: ISC */

/*
 * Arrivals: connections of strangers from accept(2) until a worker has proven
 * them, or they are refused and closed.  All are charged (ledger.h) and under
 * one deadline, so strangers cost at most so many descriptors and some KiB
 * each, for so long.  One process has one gate, so this has one state.
 */

#ifndef WORKER_ARRIVAL_H
#define WORKER_ARRIVAL_H

#include <stdint.h>

#include "shared/channel.h"
#include "shared/msg.h"
#include "worker/net/ledger.h"

struct arrival_stats {
	uint32_t	 waiting;	/* now, not with a worker */
	uint64_t	 handed;
	uint64_t	 proven;
	uint64_t	 unknown;	/* refused: identity */
	uint64_t	 false_binder;	/* refused: binder */
	uint64_t	 replayed;	/* refused: it was used before */
	uint64_t	 malformed;
	uint64_t	 closed_early;
	uint64_t	 timeouts;
};

/* arrival.c */

void	 arrival_init(void);
void	 arrival_limits(const struct gate_opts *);
/*
 * Takes the descriptor of a new connection; where its local address is
 * ADDR_NONE, the socket's counts.  tls: the tls or quic process that it comes
 * from, which hears what becomes of it, or NULL.  proxied: a PROXY header comes
 * first.  -1: no memory; being refused is no failure.
 */
int	 arrival_new(int fd, const struct msg_arrival *, struct channel *tls,
	    int proxied);
/* A tls or quic process went, or its channel: so does what it handed in. */
void	 arrival_tls_left(struct channel *);
/* Who confirms proofs; NULL while it is away. */
void	 arrival_keys(struct channel *);
void	 arrival_verdict(const struct msg_verdict *);
/* A worker of a service came, or went and took its tunnels along. */
void	 arrival_worker_joined(struct channel *);
void	 arrival_worker_left(struct channel *);
/*
 * A worker's word on one of its tunnels: proven, or closed.  -1: it was never
 * given that one.
 */
int	 arrival_told(struct channel *, uint64_t number, int closed);
/* Before that: why it was not proven.  -1 as above. */
int	 arrival_blamed(struct channel *, const struct msg_blame *);
const struct arrival_stats *arrival_stats(void);
const struct ledger_stats *arrival_charged(void);
struct ledger	*arrival_ledger(void);
/* Calls back as soon as none waits any more, which may be at once. */
void	 arrival_when_none(void (*)(void));

#endif /* WORKER_ARRIVAL_H */
