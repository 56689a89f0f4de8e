/* SPDX-License-Identifier: ISC */

/*
 * Who may come to a service, and how much of it one may have: lists of
 * networks, users in all, of a source and a second, and how long one may stay
 * without an octet.  It decides and counts; the connections are others'.
 */

#ifndef WORKER_LIMITS_H
#define WORKER_LIMITS_H

#include <stdint.h>

struct addr;
struct msg_net;
struct relay;
struct service;

struct limits_stats {
	uint64_t	 blocked;	/* users from networks that may not */
	uint64_t	 paced;		/* users beyond `user rate' */
	uint64_t	 idled;		/* users without an octet for long */
	uint64_t	 tunnels_blocked;
};

/* limits.c */

void	 limits_init(struct service *);
/*
 * A set of configuration begins, a network of it has come (-1: too many), it is
 * whole and in force.  A limit that is lower now sheds whom it has to at once.
 */
void	 limits_begin(void);
int	 limits_net(const struct msg_net *);
void	 limits_ready(void);
/* This worker's part of what all of the service may have; 0: no limit. */
uint32_t limits_part(uint32_t);
/*
 * May a user, or a tunnel, come from there?  Counts and logs if not.
 * limits_network: the networks alone, for those whose source may be forged.
 */
int	 limits_network(const struct addr *);
int	 limits_user(const struct addr *);
int	 limits_tunnel(const struct addr *);
/* Has the user been without an octet for too long?  Counts and logs if so. */
int	 limits_idle(const struct relay *, uint64_t now_us);
const struct limits_stats *limits_stats(void);

#endif /* WORKER_LIMITS_H */
