/* SPDX-License-Identifier: ISC */

/*
 * Spare sockets: another connected UDP socket to a remote for a connection of
 * QUIC that is there already, whose path is gone.  A quic process gets one only
 * to where a connection of the same remote was made before, or to the one
 * address that is configured, and only so many in a second; else it is told
 * that there is none.
 */

#ifndef WORKER_SPARE_H
#define WORKER_SPARE_H

#include <stdint.h>

#include "shared/channel.h"
#include "shared/msg.h"
#include "entry.h"

struct spare_stats {
	uint64_t	 given;
	uint64_t	 refused;	/* no such remote, or never there */
	uint64_t	 paced;		/* too many in a second */
	uint64_t	 failed;	/* the system makes none */
};

/* spare.c */

/* What may be dialled is in the entries, which are lent. */
void		 spares_init(struct entries *);
/* Each is answered once: IMSG_SOCKET, or IMSG_SOCKET_NONE. */
void		 spare_ask(struct channel *, const struct msg_socket_ask *);
/* The quic process has gone, and what it asked for is given up. */
void		 spares_left(struct channel *);
const struct spare_stats *spare_stats(void);

#endif /* WORKER_SPARE_H */
