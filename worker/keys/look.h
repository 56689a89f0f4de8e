/* SPDX-License-Identifier: ISC */

/*
 * Can a file that a configuration names be used?  Found out before anything
 * is changed, with the code that would use the file.
 */

#ifndef WORKER_LOOK_H
#define WORKER_LOOK_H

#include "shared/look.h"
#include "shared/opts.h"

/* look.c */

/*
 * Fills the answer in, but its number; what is one of LOOK_CERT and so on.  fd
 * is closed, and nothing of the file is kept.
 */
void	 look_at(enum side, const char *what, int fd, struct looked *);

/* lookmain.c */

/*
 * The whole of a short life, as shared/look.h says; argv begins with UID.  An
 * exit status.
 */
int	 look_main(int argc, char *argv[]);

#endif /* WORKER_LOOK_H */
