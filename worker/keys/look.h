/* SPDX-License-Identifier: ISC */

/*
 * Can a file named in a configuration be used?  A process started for this
 * alone finds out before anything changes, with the code that would use the
 * file.
 */

#ifndef WORKER_LOOK_H
#define WORKER_LOOK_H

#include "shared/look.h"
#include "shared/opts.h"

/* look.c */

/*
 * Fills in the answer, but for its number; what is LOOK_CERT or one of its
 * kind.  Closes fd, and keeps nothing of the file.
 */
void	 look_at(enum side, const char *what, int fd, struct looked *);

/* lookmain.c */

/*
 * The entire process, as shared/look.h says; argv begins with UID.  Returns an
 * exit status.
 */
int	 look_main(int argc, char *argv[]);

#endif /* WORKER_LOOK_H */
