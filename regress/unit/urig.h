/* SPDX-License-Identifier: ISC */

/*
 * A rig for tests of the role udp: the parent that lends it sockets, workers
 * that it makes pairs with, and users who send to it.
 */

#ifndef UNIT_URIG_H
#define UNIT_URIG_H

#include <stddef.h>
#include <stdint.h>

#include "worker/net/flowpair.h"
#include "frame.h"

struct urig_worker {
	struct far_end		 end;		/* first: it is found by this */
	struct flowpair		*pair;
	struct flow_frame	 frame;		/* the last */
	uint32_t		 flow;		/* the last opened */
	int			 pairs;		/* that it was given */
};

extern struct msg_flows_conf	 urig_conf;
extern uint32_t			 urig_flows_max;
extern uint64_t			 urig_now;	/* the role's clock */
/* What datagrams are made of, from the first on. */
extern uint8_t			 urig_octets[FLOW_DATAGRAM_MAX + 1];
extern struct addr		 urig_where;	/* the listener */
extern enum ask_kind		 urig_asks;	/* of its users */

/* urig.c */

/* A socket as the parent makes it, and then binds it; -1: it cannot be. */
int	 urig_listener(const char *host, struct msg_listen *, uint32_t number);
int	 urig_listener_bind(int fd, struct msg_listen *);
void	 urig_configure(int fd, const struct msg_listen *);
void	 urig_configure_service(uint32_t number);
/* The role, with nothing yet; or with one listener, and a worker. */
void	 urig_start(void);
void	 urig_start_at(const char *host, struct urig_worker *);

void	 urig_worker_come(struct urig_worker *);
void	 urig_worker_go(struct urig_worker *);
void	 urig_worker_says(struct urig_worker *, int room);
/* Has a frame come? */
int	 urig_worker_got(struct urig_worker *);
/* A datagram of so many octets, opening a flow if it is to. */
void	 urig_worker_gets(struct urig_worker *, int opens, size_t len);
void	 urig_worker_ended(struct urig_worker *, uint32_t flow,
	    enum flow_reason);
void	 urig_worker_sends(struct urig_worker *, uint32_t flow, size_t len);
void	 urig_worker_ends(struct urig_worker *, uint32_t flow,
	    enum flow_reason);

/* Connected to that, or from an address of its own to the listener. */
int	 urig_user_at(const struct addr *);
int	 urig_user_from(const char *host);
void	 urig_user_sends(int fd, size_t len);
void	 urig_user_gets(int fd, size_t len);

#endif /* UNIT_URIG_H */
