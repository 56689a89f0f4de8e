/* SPDX-License-Identifier: ISC */

/*
 * The worker of a service: its one environment, which the files that make up
 * the worker share.  Layers, from the socket inwards and out again:
 *
 *	user, target <-> relay <-> session <-> tunnel (seal, dialect) <-> peer
 *
 * user.c accepts users (server side), pool.c keeps tunnels (client side),
 * dialler.c asks the dial process; service.c is the role and joins them.
 */

#ifndef WORKER_SERVICE_H
#define WORKER_SERVICE_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/msg.h"
#include "worker/relay/pipes.h"
#include "worker/relay/relay.h"
#include "worker/tunnel/tunnel.h"

#define SERVICE_BATCH	(256 * 1024)	/* octets a system call, see io.h */
/*
 * Descriptors that users do not get: for tunnels that come, for listeners and
 * channels that are there twice while they are replaced, and for messages on
 * their way.  Of a small limit an eighth at most.
 */
#define SERVICE_FD_RESERVE	256
/* Those of pipes that octets are spliced through, two each; the same eighth. */
#define SERVICE_PIPE_FDS	(2 * PIPES_MAX)

struct event_base;
struct channel;
struct seal_ctx;

struct service_stats {
	uint64_t	 users;	/* connections ever, or streams accepted */
	uint64_t	 refused;	/* users reset for want of a session */
	uint64_t	 failed;	/* targets that could not be reached */
	uint64_t	 resets;	/* streams that ended in a reset */
	uint64_t	 memory_resets;	/* of them: the worst reader */
	uint64_t	 lingered_out;	/* sockets that never took their rest */
	uint64_t	 octets_in;	/* payload from tunnels */
	uint64_t	 octets_out;	/* payload into tunnels */
	uint64_t	 octets_piped;	/* of either, without a copy */
	struct lz_count	 lz;		/* of streams with LZ4 */
	uint64_t	 lz_faults;	/* of them: reset for a bad block */
	uint64_t	 tunnels;	/* opened ever */
	uint64_t	 tunnels_failed;
	uint64_t	 accept_paused;	/* no descriptors, or no memory */
	/* times users had to wait, and streams refused, to keep the reserve */
	uint64_t	 descriptors_short;
};

struct service {
	struct event_base	*base;
	struct msg_service	 conf;
	struct msg_dialee	 target;	/* client side */
	struct msg_web		 web;		/* client side */
	struct seal_ctx		*seal;
	struct tunnels		 tunnels;
	struct relays		 relays;
	char			 where[HOST_MAX];	/* listener or target */
	struct service_stats	 stats;
	uint64_t		 held;	/* octets in queues and buffers */
	uint32_t		 ntunnels;	/* in tunnels */
	uint32_t		 nopen;		/* of them TUNNEL_OPEN */
	uint32_t		 nrelays;
	uint32_t		 nused;	/* tunnels without a mux, of users */
	uint32_t		 fds_max;	/* of relays and tunnels */
	int			 keyed;		/* keys have come */
	int			 stopping;
};

/* service.c */

/* Looks, later in this turn of the loop, at what has room or is empty. */
void		 service_changed(struct service *);
/* Tells the gate that a tunnel is proven, or that it is gone. */
void		 service_tell_gate(enum msg_type, uint64_t number);
/* Accounts octets held in queues and buffers (negative: given back). */
void		 service_hold(struct service *, int64_t octets);
/* Past the budget the worst readers are reset until it is kept again. */
void		 service_enforce(struct service *);
/* Near the budget: no new users. */
int		 service_tight(const struct service *);
/* Only the reserve of descriptors is left: no new users. */
int		 service_full(const struct service *);
/* Counts that, and says in the log what comes of it. */
void		 service_was_full(struct service *, const char *what);

/*
 * Which port of the target is for users of this listener, counted from the
 * target's first; -1: none.
 */
int		 service_target_port(const struct service *,
		    const struct addr *listener);

#endif /* WORKER_SERVICE_H */
