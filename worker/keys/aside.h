/* SPDX-License-Identifier: ISC */

/*
 * The processes that do one job for the parent (shared/aside.h) and end: all
 * are confined as the role keys is.
 */

#ifndef WORKER_ASIDE_H
#define WORKER_ASIDE_H

#include <stdint.h>

#include "shared/look.h"

/* What is answered when aside_begin fails. */
#define ASIDE_LACKS	"lacks parts of its sandbox, which " \
			"\"sandbox strict\" wants whole"

/* aside.c */

/*
 * Takes UID and FLAGS from the start of the arguments, of which there are two
 * at least, loads OpenSSL and closes the sandbox; writes: it may write to files
 * that were handed in.  -1: it lacks parts that the flags want.
 */
int	 aside_begin(char *argv[], int writes);
/* Writes the answer to a question of that number.  -1: nobody reads it. */
int	 aside_answer(struct looked *, uint32_t number);

/* makemain.c */

/* The entire process that makes keys: see shared/make.h.  An exit status. */
int	 make_main(int argc, char *argv[]);

/* signmain.c */

/* The same that makes certificates: see shared/sign.h. */
int	 sign_main(int argc, char *argv[]);

#endif /* WORKER_ASIDE_H */
