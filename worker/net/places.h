/* SPDX-License-Identifier: ISC */

/*
 * Who has the places of a tls or quic process, as many as its descriptors
 * allow: strangers, by the source they come from, until they are proven; then
 * tunnels, by service.  At the limit a stranger loses its place before any
 * tunnel does, and the heaviest before others (ledger.h).  Strangers always
 * have some.
 */

#ifndef WORKER_PLACES_H
#define WORKER_PLACES_H

#include "shared/opts.h"
#include "ledger.h"

/* places.c */

/*
 * Counts the descriptors that the process may have; fatal when it cannot.  How
 * log lines call a connection, and a tunnel; constants.
 */
void	 places_init(const char *what, const char *tunnel);
void	 places_limits(const struct gate_opts *);
/*
 * A place for a stranger at a listener, or for one who has it and comes from
 * elsewhere.  -1 as ledger_enter.
 */
int	 places_stranger(struct charge *, const struct addr *peer,
	    uint32_t listener);
/*
 * A place for a tunnel of a service; a stranger's is given up for it.  -1 with
 * errno: no memory, and it has none any more.
 */
int	 places_tunnel(struct charge *, const struct addr *peer,
	    uint32_t service);
/* What descriptors or memory ran out for is somebody's.  0: nobody's. */
int	 places_relieve(enum ledger_kind, const char *why);
/* Logs "WHAT from PEER: ...", at a bounded rate. */
#define places_log(charge, ...) \
	ledger_log(places_ledger(), &(charge)->peer, __VA_ARGS__)
struct ledger *places_ledger(void);
const struct ledger_stats *places_strangers(void);
const struct ledger_stats *places_tunnels(void);

#endif /* WORKER_PLACES_H */
