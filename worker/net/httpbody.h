/* SPDX-License-Identifier: ISC */

/*
 * Where the body of a request ends, in the octets that follow its head (RFC
 * 9112, sections 6 and 7).  A connection is for one request to one target: what
 * comes behind its body may be meant for another, and has secrets in it, so it
 * must not pass.  That the head said "Connection: close" does not help if the
 * target does not want it to.
 */

#ifndef WORKER_HTTPBODY_H
#define WORKER_HTTPBODY_H

#include <stddef.h>
#include <stdint.h>

struct httpbody {
	int		 step;
	uint32_t	 digits;	/* of a chunk's length, so far */
	uint64_t	 left;		/* octets of it, or of the body */
	const char	*why;		/* a constant: it is malformed */
};

/* httpbody.c */

/* All octets that will ever come: it is a tunnel, and no request. */
void	 httpbody_all(struct httpbody *);
/* So many; 0: it has none. */
void	 httpbody_length(struct httpbody *, uint64_t);
void	 httpbody_chunked(struct httpbody *);
/*
 * How many of the octets that come next are its own.  Less than len: it ended
 * there, or is malformed (why), and all that is left is not the target's.
 */
size_t	 httpbody_take(struct httpbody *, const uint8_t *, size_t len);
/* Does it say nothing: is every octet its own? */
int	 httpbody_is_all(const struct httpbody *);
/* Nothing more is its own. */
int	 httpbody_ended(const struct httpbody *);

#endif /* WORKER_HTTPBODY_H */
