/* SPDX-License-Identifier: ISC */

/*
 * Checks that the files of outer TLS can be used, before anything is changed.
 */

#ifndef ROCKETD_TLSLOOK_H
#define ROCKETD_TLSLOOK_H

#include <sys/types.h>

#include <stdio.h>

#include "rocketd.h"

/* tlslook.c */

/* Everything has been checked, or cannot be: the number of errors. */
typedef void	 tlslook_done(void *arg, int errors);

/*
 * Checks all files that tlsfiles_open has opened, then calls done, perhaps at
 * once; the configuration and err have to live until then.  Errors and warnings
 * as conf_parse.  Notes which certificates are to be renewed.  One at a time.
 */
void	 tlslook_start(struct rocketd *, struct rocketd_conf *, FILE *err,
	    tlslook_done *, void *arg);
/* Gives it up: done is not called. */
void	 tlslook_cancel(struct rocketd *);
/* The same without an event loop: waits.  Returns the number of errors. */
int	 tlslook_wait(struct rocketd *, struct rocketd_conf *, FILE *err);

#endif /* ROCKETD_TLSLOOK_H */
