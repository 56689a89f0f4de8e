/* SPDX-License-Identifier: ISC */

/*
 * The role service as a whole, on either side, for a fuzzer each: see
 * servicerig.c.
 */

#ifndef REGRESS_SERVICERIG_H
#define REGRESS_SERVICERIG_H

#include <stddef.h>
#include <stdint.h>

#include "shared/msg.h"

/* servicerig.c */

/* Once: a worker of this side's, which has its keys. */
void		 servicerig_start(enum side);
/* One input: what all the others do. */
void		 servicerig_play(const uint8_t *, size_t);

#endif /* REGRESS_SERVICERIG_H */
