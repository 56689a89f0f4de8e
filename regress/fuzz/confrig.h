/* SPDX-License-Identifier: ISC */

/*
 * What the fuzzers of the configuration's readers share.
 */

#ifndef REGRESS_CONFRIG_H
#define REGRESS_CONFRIG_H

#include <stddef.h>
#include <stdint.h>

/* confrig.c */

/*
 * Reads the octets as a file whose name ends so, which is the same in all
 * calls, and what is printed of it as rocketd.conf(5).
 */
void	 confrig_try(const char *suffix, const uint8_t *, size_t);

#endif /* REGRESS_CONFRIG_H */
