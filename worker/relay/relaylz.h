/* SPDX-License-Identifier: ISC */

/*
 * A relay's octets through LZ4: lz.h joined to the socket, the budget and the
 * counters.
 */

#ifndef WORKER_RELAYLZ_H
#define WORKER_RELAYLZ_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

struct relay;
struct service;

/* relaylz.c */

void	 relaylz_init(struct service *);
/*
 * Behind the preface: from here on the stream's octets are in blocks both ways,
 * if that was agreed for its tunnel (r->lz).  -1: no memory.
 */
int	 relaylz_start(struct relay *);
void	 relaylz_end(struct relay *);
/* What passed, and what is held for it, is counted where it belongs. */
void	 relaylz_count(struct relay *);
/*
 * Writes to the socket what the stream's octets stand for.  Returns how many
 * of these were taken; if not all were, or lz_waits, the socket is full.  -1:
 * as write(2), or lz_unpack.
 */
ssize_t	 relaylz_write(struct relay *, const uint8_t *, size_t);

#endif /* WORKER_RELAYLZ_H */
