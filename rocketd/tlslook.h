/* SPDX-License-Identifier: ISC */

/*
 * Whether the files of outer TLS can be used, asked before anything is changed.
 */

#ifndef ROCKETD_TLSLOOK_H
#define ROCKETD_TLSLOOK_H

#include <sys/types.h>

#include <stdio.h>

#include "rocketd.h"

/* tlslook.c */

/* All has been looked at, or cannot be: how many errors there were. */
typedef void	 tlslook_done(void *arg, int errors);

/*
 * Has all files that tlsfiles_open has opened looked at; done is called then,
 * perhaps at once, and the configuration and err have to live until it is.
 * Errors and warnings are told as by conf_parse.  One at a time.
 */
void	 tlslook_start(struct rocketd *, const struct rocketd_conf *,
	    FILE *err, tlslook_done *, void *arg);
/* It is not wanted any more: done is not called. */
void	 tlslook_cancel(struct rocketd *);
/* The same, when there is no event loop yet: waits.  Returns the errors. */
int	 tlslook_wait(struct rocketd *, const struct rocketd_conf *,
	    FILE *err);
/* A process that is no child of the configuration's was reaped. */
void	 tlslook_reaped(struct rocketd *, pid_t, int status);

#endif /* ROCKETD_TLSLOOK_H */
