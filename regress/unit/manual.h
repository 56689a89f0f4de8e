/* SPDX-License-Identifier: ISC */

/*
 * The examples of rocket-protocol(7), read from the manual itself: tests that
 * use them are to be run from the top of the tree.
 */

#ifndef UNIT_MANUAL_H
#define UNIT_MANUAL_H

#include <stddef.h>
#include <stdint.h>

/* manual.c */

/*
 * Octets of the example that follows the line `.\" example NAME' of the manual:
 * each line of the display starts with hexadecimal octets; two blanks or more,
 * or the end of the line, end them.  There has to be one, and it has to fit.
 */
size_t	 manual_example(const char *name, uint8_t *, size_t);

#endif /* UNIT_MANUAL_H */
