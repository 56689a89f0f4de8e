/* SPDX-License-Identifier: ISC */

/*
 * What stands for standard input, output and error.
 */

#ifndef ROCKETD_NULL_H
#define ROCKETD_NULL_H

/* null.c */

/*
 * A descriptor of /dev/null.  Where that is missing, of a pipe without a
 * writer: reading finds the end, writing fails.  -1 with errno.
 */
int	 null_open(void);
/* Fills 0 to 2: nothing that is opened later may be one of them. */
int	 null_fill(void);
/* Puts it in the place of all three. */
int	 null_replace(void);

#endif /* ROCKETD_NULL_H */
