/* SPDX-License-Identifier: ISC */

/*
 * A key stream laid over octets: what seal `xor' does to a tunnel.  It hides a
 * pattern and protects nothing.  It works in place, at the speed of memory, and
 * remembers its position in the stream.
 */

#ifndef WORKER_XOR_H
#define WORKER_XOR_H

#include <stddef.h>
#include <stdint.h>

/* Octets of key stream, which is repeated for as long as the tunnel lasts. */
#define XOR_STREAM	1024

struct xor {
	size_t		 pos;		/* in stream */
	uint8_t		 stream[XOR_STREAM];	/* the owner fills it */
};

/* xor.c */

/* Covers the next len octets of a direction; doing it again uncovers them. */
void	 xor_apply(struct xor *, uint8_t *buf, size_t len);

#endif /* WORKER_XOR_H */
