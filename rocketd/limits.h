/* SPDX-License-Identifier: ISC */

/*
 * How much memory each process may have, so that one that runs away ends, and
 * not the machine.
 */

#ifndef ROCKETD_LIMITS_H
#define ROCKETD_LIMITS_H

#include <stdint.h>

#include "rocketd.h"

/* limits.c */

/*
 * RLIMIT_DATA of a process, in MiB: what its caps allow and half as much again,
 * and no more than three quarters of the machine's memory.
 */
uint32_t	 limits_data(const struct rocketd *, const struct child *);

#endif /* ROCKETD_LIMITS_H */
