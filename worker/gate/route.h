/* SPDX-License-Identifier: ISC */

/*
 * How a tunnel's first octets say where it goes.  Each way is a row of one
 * table, by dialect and transport of the listener.  A row looks at what has
 * come so far; it takes nothing, keeps nothing and knows no descriptor.
 */

#ifndef WORKER_ROUTE_H
#define WORKER_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"
#include "worker/net/http.h"

/* Octets a row may ask for. */
#define ROUTE_OCTETS_MAX	8192

struct answer_kind;

enum route_to {
	ROUTE_MORE,		/* need: octets wanted, at least */
	ROUTE_SERVICE,		/* to a worker of service, unproven */
	ROUTE_IDENTITY,		/* keys knows whose proof.identity is */
	ROUTE_PROOF,		/* the same, and if its binder is true */
	ROUTE_BAD		/* nowhere; why says so in the log */
};

struct routed {			/* zeroed, but for service and seen */
	struct http_seen	 seen;		/* as the last look left it */
	size_t			 need;
	uint32_t		 service;	/* the listener's, at first */
	struct msg_proof	 proof;		/* without its number */
	const char		*why;
	int			 told;	/* why is, though anyone is answered */
};

struct route {
	uint32_t			 dialect;
	uint32_t			 transport;	/* bits it must have */
	const char			*first;		/* "hello" and so on */
	uint32_t			 pieces;	/* at most, for it */
	/* The answer for those that go to no worker; NULL: none. */
	const struct answer_kind	*answer;
	/* Called at once, without an octet, and again as octets come. */
	enum route_to	(*look)(const uint8_t *, size_t, struct routed *);
};

/* route.c */

/* The route of a listener's tunnels.  Every dialect has one. */
const struct route	*route_find(uint32_t dialect, uint32_t transport);

#endif /* WORKER_ROUTE_H */
