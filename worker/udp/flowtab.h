/* SPDX-License-Identifier: ISC */

/*
 * The table of flows: what passes between one user, one listener and the local
 * address that the user sent to.  Bounded for a service and, in it, for a
 * source (network.h, level 0).  Who comes is never refused for want of room:
 * the table names who has to go.
 *
 * A source can be forged.  So a flow is fresh at first, and known once its user
 * has sent something after an answer went to him, which takes a forger more
 * than one datagram a flow, in step with the answers.  The idlest fresh one
 * goes before any that is known.  Only if fresh ones have less than an eighth
 * of the room does a known one go, and only if nothing has passed in it for
 * long: else newcomers would have no time to become known.
 *
 * Where peers come instead of users they are strangers until somebody says that
 * they are known, for they may never send again.  Strangers make room for each
 * other, at caps of their own, and a known one never goes for one of them.
 *
 * Which flows share a bucket depends on a secret.  It knows no sockets and no
 * clock: the caller says what time it is, in microseconds.
 */

#ifndef WORKER_FLOWTAB_H
#define WORKER_FLOWTAB_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "shared/addr.h"
#include "worker/net/network.h"
#include "worker/net/siphash.h"

/* A known flow is not shed for a newcomer before it was still for so long. */
#define FLOWTAB_STILL_US	(1 * 1000000ULL)
/* Known ones are in the order of their last datagrams no finer than this. */
#define FLOWTAB_GRAIN_US	(250 * 1000)

struct flow_source;
struct flow_service;
struct udpsock;

enum flow_state {
	FLOW_OVER,		/* what comes for it is dropped for a while */
	FLOW_FRESH,
	FLOW_KNOWN,
	FLOW_STATES
};

struct flow_key {			/* no padding: compared as octets */
	struct addr	 user;
	struct addr	 local;		/* that he sent to */
	uint32_t	 listener;	/* the parent's number */
};

struct udpflow;
TAILQ_HEAD(flow_list, udpflow);
LIST_HEAD(flow_bucket, udpflow);
LIST_HEAD(source_bucket, flow_source);

/* Who carries flows, and numbers them. */
struct flow_owner {
	uint32_t		 id;	/* of the owner; the caller's */
	uint32_t		 last;	/* number given */
	uint32_t		 n;
	struct flow_bucket	 flows;
};

struct udpflow {
	LIST_ENTRY(udpflow)	 by_key;
	LIST_ENTRY(udpflow)	 by_number;
	LIST_ENTRY(udpflow)	 of_owner;
	TAILQ_ENTRY(udpflow)	 in_service;
	TAILQ_ENTRY(udpflow)	 in_source;
	struct flow_key		 key;
	uint32_t		 number;	/* its owner's */
	struct flow_owner	*owner;		/* NULL when it is over */
	struct flow_service	*service;
	struct flow_source	*source;
	struct udpsock		*socket;	/* the caller's */
	enum flow_state		 state;
	int			 answered;
	uint64_t		 seen;	/* the last datagram; OVER: until */
	uint64_t		 listed;	/* when it got its place */
};

/* Those of a service or source, each list in the order of who goes first. */
struct flow_lists {
	struct flow_list	 list[FLOW_STATES];
	uint32_t		 n[FLOW_STATES];
};

struct flow_service {			/* flowtab_service */
	uint32_t		 number;
	uint32_t		 max;		/* flows; 0: no cap */
	uint32_t		 per_source;	/* likewise */
	/* peers: fresh ones at most, and of one source; 0: users */
	uint32_t		 strangers;
	uint32_t		 strangers_source;
	uint64_t		 timeout_us;	/* not 0 */
	struct flow_lists	 flows;
};

enum flow_cap {
	FLOW_CAP_SOURCE,
	FLOW_CAP_TOTAL
};

struct flowtab {
	struct sipkey		 secret;
	uint32_t		 mask;		/* buckets less one */
	uint32_t		 n;		/* flows, those OVER too */
	struct flow_bucket	*by_key;
	struct flow_bucket	*by_number;
	struct source_bucket	*sources;
};

/* flowtab.c */

/* -1: no memory. */
int		 flowtab_init(struct flowtab *);
/*
 * So many flows may come: takes more buckets if need be.  Without memory it
 * gets slower, no worse.
 */
void		 flowtab_expect(struct flowtab *, uint32_t flows);
/* Frees its memory; there may be no flows. */
void		 flowtab_free(struct flowtab *);

/* Has no flows and no limits yet; those are the caller's to set. */
void		 flowtab_service(struct flow_service *, uint32_t number);
void		 flowtab_owner(struct flow_owner *, uint32_t id);
/* Flows of a service, those OVER too. */
uint32_t	 flowtab_count(const struct flow_service *);
/* Do fresh ones have more than their share of its room? */
int		 flowtab_flooded(const struct flow_service *);

/* NULL: there is none; one may be OVER. */
struct udpflow	*flowtab_find(struct flowtab *, const struct flow_key *,
		    uint64_t now);
/* One that is not over. */
struct udpflow	*flowtab_numbered(struct flowtab *, const struct flow_owner *,
		    uint32_t number);
/* The number that the owner's next flow will have. */
uint32_t	 flowtab_next(struct flowtab *, const struct flow_owner *);
/*
 * Who has to go before one more of this user can come, and at which cap; NULL:
 * nobody, or no more.  Without user: because there are more than the cap.
 */
struct udpflow	*flowtab_victim(struct flowtab *, struct flow_service *,
		    const struct addr *user, uint64_t now, enum flow_cap *);
/* A new one, fresh; the owner's number is flowtab_next.  NULL: no memory. */
struct udpflow	*flowtab_add(struct flowtab *, struct flow_service *,
		    const struct flow_key *, struct flow_owner *,
		    uint64_t now);
/* A datagram of its user has come; one has been sent to him. */
void		 flowtab_heard(struct udpflow *, uint64_t now);
void		 flowtab_answered(struct udpflow *, uint64_t now);
/* It is no stranger any more. */
void		 flowtab_known(struct udpflow *, uint64_t now);
/* Its owner has let go of it: it is OVER for so long. */
void		 flowtab_over(struct udpflow *, uint64_t for_us,
		    uint64_t now);
/* One whose time has passed, or NULL; the caller removes it. */
struct udpflow	*flowtab_idle(struct flow_service *, uint64_t now);
void		 flowtab_remove(struct flowtab *, struct udpflow *);

#endif /* WORKER_FLOWTAB_H */
