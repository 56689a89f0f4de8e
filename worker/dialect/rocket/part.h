/* SPDX-License-Identifier: ISC */

/*
 * What dialect rocket keeps for a tunnel and for a service, and what its files
 * share.
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
	uint32_t		 seal_told;	/* SEAL_, last in the log */
};

struct rocket_tunnel {			/* tunnel.part */
	struct ctlstream	 ctl;
	int			 sealed;	/* the handshake is done */
	int			 ctl_seen;	/* the first stream has come */
	uint8_t			*message;	/* HELLO..., as it comes */
	size_t			 message_len;
	struct rocket_params	 theirs;	/* HELLO or ACCEPT */
	struct rocket_params	 settled;	/* before ACCEPT: our HELLO */
	int			 twin;	/* it was told that it is one */
	uint8_t			 binding[HASH_LEN];	/* of QUIC; else 0 */
};

/* table.c */

/* What protects it: "quic", where no seal is laid on top, or the seal's. */
const char	*part_cipher(const struct tunnel *);

/* opening.c */

/*
 * TLS handshake, HELLO and ACCEPT, and the session: goes on with what the
 * socket gives and takes.  A tunnel that fails is killed.
 */
void	 opening_turn(struct tunnel *);

/* dialogue.c */

/*
 * The dialling side's HELLO, the other side's ACCEPT or REJECT, as far as the
 * octets that have come allow.  1: settled, the session may start (settled,
 * theirs); 0: waits; -1: the tunnel ends or is killed.
 */
int	 dialogue_turn(struct tunnel *);

/* client.c */

/*
 * A tunnel is open, on the side that accepted it.  If it is the first since its
 * client was restarted, that client's older tunnels must show that they live.
 */
void	 client_opened(struct tunnel *);
/* The same was seen by another worker of the service. */
void	 client_back(struct service *, const struct msg_client *);
/* Such an older tunnel has shown it: there are two clients of one id. */
void	 client_lives(struct tunnel *);
/*
 * Has the client of a tunnel that wants to open as many as it may have?  Then
 * why is filled.
 */
int	 client_full(const struct tunnel *, struct rocket_refusal *why);

#endif /* ROCKET_PART_H */
