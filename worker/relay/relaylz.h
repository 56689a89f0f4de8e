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
 * After the preface: if LZ4 was agreed for its tunnel (r->lz), the stream's
 * octets are in blocks from here on, both ways.  -1: no memory.
 */
int	 relaylz_start(struct relay *);
void	 relaylz_end(struct relay *);
/* Adds what has passed to the totals, what is held to the budget. */
void	 relaylz_count(struct relay *);
/* Once a second: gives back what idle streams hold. */
void	 relaylz_tick(uint64_t now);
/*
 * Unpacks the stream's octets and writes them to the socket.  Returns how many
 * were taken; if not all were, or lz_waits, the socket is full.  -1: as
 * write(2), or lz_unpack.
 */
ssize_t	 relaylz_write(struct relay *, const uint8_t *, size_t);

#endif /* WORKER_RELAYLZ_H */
