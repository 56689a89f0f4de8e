/* SPDX-License-Identifier: ISC */

/*
 * Arrivals: connections of strangers from accept(2) until a worker has proven
 * them, or they were refused.  All of them count against two limits, one for
 * their source and one for all, and are under one deadline; so nothing that
 * strangers do costs more than so many descriptors and some KiB each, for so
 * long.  One process has one gate, so this has one state.
 *
 * On a listener for WebSocket those who are brought to no worker are visitors,
 * and are answered as by a web server (visitor.h).
 */

#ifndef WORKER_ARRIVAL_H
#define WORKER_ARRIVAL_H

#include <stdint.h>

#include "shared/channel.h"
#include "shared/msg.h"

struct arrival {		/* a connection, as it comes */
	struct addr	 peer;
	struct addr	 local;		/* ADDR_NONE: as the socket says */
	uint32_t	 transport;
	uint32_t	 decoy;		/* with TRANSPORT_WS */
	int		 proxied;	/* a PROXY header comes first */
};

struct arrival_stats {
	uint32_t	 unproven;	/* now, all together */
	uint32_t	 waiting;	/* of them not with a worker */
	uint64_t	 handed;
	uint64_t	 proven;
	uint64_t	 unknown;	/* refused: identity */
	uint64_t	 false_binder;	/* refused: binder */
	uint64_t	 malformed;
	uint64_t	 closed_early;
	uint64_t	 timeouts;
	uint64_t	 visitors;	/* answered as by a web server */
	uint64_t	 limited_source;
	uint64_t	 limited_total;
};

/* arrival.c */

void	 arrival_init(void);
void	 arrival_limits(const struct gate_opts *);
/*
 * Takes the descriptor of a new connection.  -1 when there was no memory for
 * it; that it was refused by a limit is no failure.
 */
int	 arrival_new(int fd, const struct arrival *);
/* Who confirms proofs; NULL when it is away. */
void	 arrival_keys(struct channel *);
void	 arrival_verdict(const struct msg_verdict *);
/* A worker of a service came, or went and took its tunnels along. */
void	 arrival_worker_joined(struct channel *);
void	 arrival_worker_left(struct channel *);
/*
 * A worker's word on one of its tunnels: proven, or closed.  -1 when it is
 * about one that it was not given.
 */
int	 arrival_told(struct channel *, uint64_t number, int closed);
const struct arrival_stats *arrival_stats(void);
/* Calls back when none is waiting any more, also at once. */
void	 arrival_when_none(void (*)(void));

#endif /* WORKER_ARRIVAL_H */
