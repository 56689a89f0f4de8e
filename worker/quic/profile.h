/* SPDX-License-Identifier: ISC */

/*
 * What a dialect wants of QUIC: the protocols that it has on it, and the limits
 * that its peers are told of.
 */

#ifndef WORKER_PROFILE_H
#define WORKER_PROFILE_H

#include <stdint.h>

struct profile {
	const char	*dialect;
	const char	*alpn[3];	/* by preference, then NULL */
	/* of a connection; a client is a stranger until it is proven */
	uint64_t	 window;	/* until its peer is no stranger */
	uint64_t	 window_more;	/* so much is added to it then */
	uint64_t	 stream_window;	/* of a stream, at first... */
	uint64_t	 stream_window_max;	/* ...and at most */
	uint64_t	 streams;	/* of the peer's, both directions... */
	uint64_t	 streams_first;	/* ...and of a stranger's; 0: as many */
	uint64_t	 streams_uni;
	uint64_t	 payload;	/* of UDP, that we take */
	uint64_t	 cids;		/* of the peer's, that we keep */
	const char	*farewell[2];	/* when we stop; [1]: to who dialled */
	uint64_t	 farewell_code;
};

/* profile.c */

/* Of a DIALECT_; NULL: it has no QUIC. */
const struct profile *profile_of(uint32_t dialect);

#endif /* WORKER_PROFILE_H */
