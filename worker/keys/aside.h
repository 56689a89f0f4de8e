/* SPDX-License-Identifier: ISC */

/*
 * The processes that do one job for the parent (shared/aside.h) and end: all
 * are confined as the role keys is.
 */

#ifndef WORKER_ASIDE_H
#define WORKER_ASIDE_H

#include <stdint.h>

/* aside.c */

/*
 * Takes UID and FLAGS from the start of the arguments, of which there are two
 * at least, loads OpenSSL and closes the sandbox.  -1: it lacks parts that the
 * flags want.
 */
int	 aside_begin(char *argv[]);

/* makemain.c */

/* The entire process that makes keys: see shared/make.h.  An exit status. */
int	 make_main(int argc, char *argv[]);

#endif /* WORKER_ASIDE_H */
