/* SPDX-License-Identifier: ISC */

/*
 * A service, as its worker's layers know it: what was configured, what it
 * holds, its tunnels and its relays.  From a user's or target's socket
 * inwards and out again:
 *
 *	relay <-> session <-> tunnel (seal, WebSocket, wire) <-> peer
 *
 * with a dialect around it.  The process (worker/service/) fills it and keeps
 * it; each layer changes what is its own.
 */

#ifndef WORKER_SERVICE_H
#define WORKER_SERVICE_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/msg.h"
#include "worker/net/budget.h"
#include "worker/session/session.h"

struct charge;
struct dialect;
struct event_base;
struct flow;
struct ledger;
struct relay;
struct tunnel;
struct tunnel_events;

struct service_stats {
	uint64_t	 users;	/* connections ever, or streams accepted */
	uint64_t	 refused;	/* users reset: no session had room */
	uint64_t	 moved;	/* users whose session died: they wait again */
	uint64_t	 failed;	/* targets that could not be reached */
	uint64_t	 late;		/* of them: in time */
	uint64_t	 streams_held;	/* sessions not read for their rate */
	uint64_t	 streams_fast;	/* and closed for it */
	uint64_t	 resets;	/* streams that ended in a reset */
	uint64_t	 memory_resets;	/* of them: the worst reader */
	uint64_t	 lingered_out;	/* sockets that never took their rest */
	uint64_t	 octets_in;	/* payload from tunnels */
	uint64_t	 octets_out;	/* payload into tunnels */
	uint64_t	 pieces_in;	/* of streams, from tunnels */
	uint64_t	 pieces_out;	/* likewise, read for tunnels */
	uint64_t	 octets_piped;	/* of either, without a copy */
	struct lz_count	 lz;		/* of streams with LZ4 */
	uint64_t	 lz_faults;	/* of them: reset for a bad block */
	uint64_t	 lz_forgotten;	/* idle streams gave memory back */
	uint64_t	 tunnels;	/* opened ever */
	uint64_t	 tunnels_failed;
	uint64_t	 sessions;	/* ever */
	uint64_t	 tunnels_replayed;	/* of them: replays */
	uint64_t	 tunnels_surplus; /* closed: too many waited */
	uint64_t	 tunnels_half;	/* ended in the middle of a record */
	uint64_t	 memory_tunnels;	/* ended for memory */
	uint64_t	 accept_paused;	/* no descriptors, or no memory */
	uint64_t	 flows;		/* ever */
	uint64_t	 datagrams_in;	/* from tunnels */
	uint64_t	 datagrams_out;	/* into tunnels, or for them */
	uint64_t	 flows_pair_full; /* dropped: udp takes no more */
	uint64_t	 flows_memory;	/* dropped: no memory for it */
	uint64_t	 flows_shed;	/* ended for others */
	uint64_t	 flows_empty;	/* dropped: the peer takes none... */
	uint64_t	 flows_long;	/* ...nor one of so many octets */
	uint64_t	 mux_dropped;	/* by sessions that have ended... */
	uint64_t	 mux_empty;	/* ...and empty frames they got */
	/* tunnels that are datagrams, each for one flow: slots */
	uint64_t	 slots;		/* proven ever, or named a target */
	uint64_t	 slots_false;	/* closed: no right token */
	uint64_t	 slots_silent;	/* abandoned: no sign of life */
	uint64_t	 slots_bad;	/* closed: no target in what came */
};

/* Of a relay or flow: what of its octets is counted by port. */
struct usage {
	uint64_t		 in, out;
	int			 begun;		/* so is the connection */
};

struct service {
	struct event_base	*base;
	const struct dialect	*dialect;
	void			*part;	/* the dialect's own */
	const struct tunnel_events *events;	/* whom its tunnels tell */
	struct msg_service	 conf;
	struct msg_dialee	 target;	/* unless it opens */
	struct msg_web		 web;		/* where it dials */
	struct msg_mapping	*mappings;	/* what its users want */
	uint32_t		 nmappings;
	/* The peer does what we do not. */
	int			 dials;	/* tunnels; or it accepts them */
	int			 opens;	/* streams, for users; or has targets */
	TAILQ_HEAD(tunnels, tunnel) tunnels;
	TAILQ_HEAD(relays, relay) relays;
	TAILQ_HEAD(flows, flow)	 flows;		/* idlest first */
	char			 where[HOST_MAX];	/* listener or target */
	struct budget		 budget;
	struct ledger		*users;	/* whom relays are charged to... */
	struct ledger		*peers;	/* ...and tunnels, for their memory */
	/* ends a relay that the ledger sheds */
	void			(*shed)(struct charge *, const char *);
	/* asks keys; -1: it is not there, or takes no more */
	int			(*ask_login)(const struct msg_login_ask *);
	/* takes a user who has said what he wants */
	void			(*enter)(struct relay *);
	/* and one whose session died before anything had passed */
	void			(*again)(struct relay *);
	/*
	 * A user lets datagrams come from there (port 0: any) to here, which
	 * say where they go; on 0: not any more
	 */
	void			(*lets)(const struct addr *user,
				    const struct addr *local, int on);
	/*
	 * With opts.usage, once a second and at its end: what has passed in a
	 * connection of that port
	 */
	void			(*used)(struct usage *, uint32_t port,
				    uint64_t in, uint64_t out);
	struct service_stats	 stats;
	uint32_t		 ntunnels;	/* in tunnels */
	uint32_t		 nopen;		/* of them TUNNEL_OPEN */
	uint32_t		 ncontrol;	/* of them TUNNEL_CONTROL */
	uint32_t		 nrelays;	/* in relays */
	uint32_t		 nflows;	/* in flows */
	uint32_t		 nused;	/* tunnels without a mux, of users */
	int			 keyed;		/* keys have come */
	int			 stopping;
};

#endif /* WORKER_SERVICE_H */
