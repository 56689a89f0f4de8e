/* SPDX-License-Identifier: ISC */

/*
 * What the files of dialect mytunnel share.  A tunnel is one QUIC connection,
 * which the quic process has, and nothing is said on it but by its streams: no
 * token, no control stream, no word for "drain".  The side that dials has the
 * users and opens the streams; the other has the targets.
 *
 * A connection's stream begins with a head, `u8 1, u16 port, u8 length, host',
 * and is answered by one octet before all else.  The datagrams of one host and
 * port are a stream between quic and the worker, which begins with the same
 * head but for its first octet, 2, and has no answer.
 */

#ifndef MYTUNNEL_PART_H
#define MYTUNNEL_PART_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "worker/session/session.h"

struct tunnel;
struct want;

/* ---- mthead.c: what a stream is for, and its answer ---- */

/* -1: nobody is served there, or the host is none. */
ssize_t	 mthead_put_want(struct tunnel *, const struct want *, uint8_t *,
	    size_t);
/*
 * The user is the peer, since no other is known.  Host and port are whatever
 * the peer says: who dials for them judges that.
 */
ssize_t	 mthead_get_want(struct tunnel *, const uint8_t *, size_t,
	    struct want *, const char **why);
/* 0: connected; 255: not, whatever the reason. */
size_t	 mthead_put_answer(struct tunnel *, enum reset_reason, uint8_t *,
	    size_t);
enum reset_reason mthead_get_answer(struct tunnel *, uint8_t);

#endif /* MYTUNNEL_PART_H */
