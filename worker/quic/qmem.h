/* SPDX-License-Identifier: ISC */

/*
 * What the library holds for a connection.  A peer decides how much that is: an
 * octet out of order keeps a piece of 8 KiB, and flow control counts but the
 * offset.  At its cap there is no memory for it, and that ends it.
 */

#ifndef WORKER_QMEM_H
#define WORKER_QMEM_H

#include <stddef.h>
#include <stdint.h>

#include "ngapi.h"

struct qmem {
	ngtcp2_mem	 mem;		/* for ngtcp2, as long as that lives */
	size_t		 held;		/* octets, heads too */
	size_t		 most;
	size_t		 charged;	/* the owner's: of held */
};

/* qmem.c */

void	 qmem_init(struct qmem *, size_t most);
/* Of all together, octets. */
uint64_t qmem_all(void);

#endif /* WORKER_QMEM_H */
