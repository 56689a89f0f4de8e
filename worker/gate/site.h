/* SPDX-License-Identifier: ISC */

/*
 * Visitors: strangers on a listener for WebSocket who do not ask in the right
 * way for the path of a service.  They are answered as by a small web server
 * that knows of nothing else, by the decoy of the listener's block.
 */

#ifndef WORKER_SITE_H
#define WORKER_SITE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/imsg.h"
#include "shared/msg.h"

enum visitor_to {
	VISITOR_MORE,		/* the request is not whole */
	VISITOR_SERVICE,	/* it asks for that service */
	VISITOR_IDENTITY,	/* if that is one, for its service */
	VISITOR_ANSWER		/* it has to be answered */
};

struct visitor_way {
	enum visitor_to	 to;
	uint32_t	 service;
	uint8_t		 identity[IDENTITY_LEN];
};

struct visit;			/* one answer */

/* visitor.c */

/* A set of paths, decoys and files comes, and takes the place of the last. */
void		 visitor_begin(void);
int		 visitor_configure(struct imsg *);
void		 visitor_ready(void);

/* Where a request goes, at most HTTP_HEAD_MAX octets of which are there. */
struct visitor_way	 visitor_route(const uint8_t *, size_t len);

/* The answer to the same octets; NULL: no memory. */
struct visit	*visit_new(uint32_t decoy, const uint8_t *, size_t len);
/*
 * Writes what the socket takes, a bounded amount a turn: 1 when all is out, 0
 * when there is more, -1 when there is no sense in going on.
 */
int		 visit_send(struct visit *, int fd);
/* What was asked and how it is answered, for the log; as long as the visit. */
const char	*visit_words(const struct visit *);
/* Takes NULL. */
void		 visit_free(struct visit *);

#endif /* WORKER_SITE_H */
