/* SPDX-License-Identifier: ISC */

/*
 * What most fuzzers share: an input that is read as a script, octet by octet,
 * and what must hold.
 */

#ifndef REGRESS_SCRIPT_H
#define REGRESS_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

/* script.c */

/* Aborts unless it is true. */
void	 must(int truth);
void	 script_begin(const uint8_t *, size_t);
size_t	 script_left(void);
/* The next octet, 0 at the end; or n of them: how many there were. */
uint8_t	 script_octet(void);
size_t	 script_octets(void *, size_t n);

#endif /* REGRESS_SCRIPT_H */
