/* SPDX-License-Identifier: ISC */

/*
 * The socket of a slot on the side that dials: UDP, connected to a remote by
 * dial.  Its datagrams are handed on whole, many in a turn; what they mean is
 * the dialect's.  Nobody but the remote is heard.
 */

#ifndef WORKER_SLOTSOCK_H
#define WORKER_SLOTSOCK_H

#include <stddef.h>
#include <stdint.h>

#include "shared/addr.h"

struct service;
struct slotsock;

/* Each may free the socket. */
struct slotsock_events {
	/* It is connected, and may be sent to. */
	void	(*up)(void *, const struct addr *remote);
	void	(*got)(void *, const uint8_t *, size_t);
	/* What `got' was given goes away now. */
	void	(*done)(void *);
	/* It could not be connected, or ICMP says that nobody is there. */
	void	(*failed)(void *, const char *why);
	/* The address is none of the remote's any more: likewise. */
	void	(*elsewhere)(void *, const char *why);
};

/* slotsock.c */

/*
 * Has the remote (its index) dialled, at this address.  NULL: no memory, or too
 * many.
 */
struct slotsock	*slotsock_new(struct service *, uint32_t remote,
		    const struct addr *at, const struct slotsock_events *,
		    void *arg);
/* Closes it.  Takes NULL. */
void		 slotsock_free(struct slotsock *);
/*
 * Adds a datagram, which must not change until slotsock_flush: no other socket
 * is written to before.  What it does not take is dropped.
 */
void		 slotsock_put(struct slotsock *, const uint8_t *, size_t);
void		 slotsock_flush(struct slotsock *);

#endif /* WORKER_SLOTSOCK_H */
