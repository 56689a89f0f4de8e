/* SPDX-License-Identifier: ISC */

/*
 * Packets that belong to no connection: a client's first, which may have to
 * prove where it comes from before it makes one (Retry); those of versions we
 * do not have; those of connections that are gone.  Each is answered by one
 * packet at most, never a longer one, and not by more than a rate allows.
 */

#ifndef WORKER_STRANGER_H
#define WORKER_STRANGER_H

#include <stdint.h>

#include "endpoint.h"

struct stranger_stats {
	uint64_t	 initials;	/* that made a connection */
	uint64_t	 versions;	/* answers: version negotiation */
	uint64_t	 retries;	/* Retry */
	uint64_t	 resets;	/* stateless reset */
	uint64_t	 tokens_bad;
	uint64_t	 junk;		/* packets that are nothing */
	uint64_t	 unanswered;	/* the rate did not allow it */
};

/* stranger.c */

/* secret: of tokens. */
void	 strangers_init(const uint8_t secret[HASH_LEN]);
/*
 * takes: new connections, of a listener.  Else only what is left over is
 * answered.
 */
void	 stranger_packet(struct endpoint *, const struct endpoint_packet *,
	    int takes);
/*
 * A token for a client that has shown where it is, for its next time; its
 * length, or 0.
 */
size_t	 stranger_token(const struct addr *, uint8_t *, size_t);
/* Whose connection is it?  NULL: nobody's. */
void	*stranger_owner(const struct endpoint_packet *);
const struct stranger_stats *stranger_stats(void);

#endif /* WORKER_STRANGER_H */
