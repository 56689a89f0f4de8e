/* SPDX-License-Identifier: ISC */

/*
 * What dialect rocket keeps of a tunnel and of a service, and what its files
 * have of each other.
 */

#ifndef ROCKET_PART_H
#define ROCKET_PART_H

#include <stddef.h>
#include <stdint.h>

#include "ctlstream.h"
#include "rocket.h"

struct msg_client;
struct seal_ctx;
struct service;
struct tunnel;

struct rocket_service {			/* service.part */
	struct seal_ctx		*seal;		/* with the keys */
	uint32_t		 seal_told;	/* SEAL_, the log's last */
};

struct rocket_tunnel {			/* tunnel.part */
	struct ctlstream	 ctl;
	int			 sealed;	/* the handshake is done */
	int			 ctl_seen;	/* the first stream has come */
	uint8_t			*message;	/* of HELLO..., as it comes */
	size_t			 message_len;
	struct rocket_params	 theirs;	/* HELLO or ACCEPT */
	struct rocket_params	 settled;	/* before ACCEPT: our HELLO */
};

/* opening.c */

/*
 * TLS handshake, HELLO and ACCEPT, and the session: goes on with what the
 * socket gives and takes.  A tunnel that fails is killed.
 */
void	 opening_turn(struct tunnel *);

/* dialogue.c */

/*
 * HELLO of who dials, ACCEPT or REJECT of the other side, as far as the octets
 * that are there allow.  1: settled, the session may start (settled, theirs);
 * 0: waits; -1: the tunnel ends or is killed.
 */
int	 dialogue_turn(struct tunnel *);

/* client.c */

/*
 * A tunnel is open, on the side that accepted it.  If it is the first of a new
 * start of its client, older tunnels of that client have to show that they
 * live.
 */
void	 client_opened(struct tunnel *);
/* The same was seen by another worker of the service. */
void	 client_back(struct service *, const struct msg_client *);

#endif /* ROCKET_PART_H */
