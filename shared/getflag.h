/* SPDX-License-Identifier: ISC */

/*
 * The command line of all programs: short options, and the two long ones that
 * hands try first.
 */

#ifndef SHARED_GETFLAG_H
#define SHARED_GETFLAG_H

/* Goes into the list of options of each program. */
#define GETFLAG		"hV-:"

/* getflag.c */

/*
 * getopt(3) that returns 'h' for --help and 'V' for --version too, and '?',
 * with a line on standard error, for any other long option.
 */
int	 getflag(int argc, char *const argv[], const char *options);
/*
 * Prints "NAME VERSION", and what it was built with unless that is NULL, to
 * standard output; the exit status.
 */
int	 getflag_version(const char *name, const char *with);

#endif /* SHARED_GETFLAG_H */
