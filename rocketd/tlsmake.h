/* SPDX-License-Identifier: ISC */

/*
 * Self-signed certificates: made when the files that the configuration names
 * do not exist, and made anew, with the same key, before they end.
 */

#ifndef ROCKETD_TLSMAKE_H
#define ROCKETD_TLSMAKE_H

#include <stdio.h>

#include "rocketd.h"

/* tlsmake.c */

/* All were made that could be: the number of errors. */
typedef void	 tlsmake_done(void *arg, int errors);

/*
 * For each "tls self-signed" without its files: could they be made?  Errors as
 * conf_parse; their number.
 */
int	 tlsmake_check(struct rocketd_conf *, FILE *err);
/*
 * Makes those, and anew what tlslook.c found to end soon; then calls done,
 * perhaps at once; the configuration and err have to live until then.  One that
 * cannot be renewed causes a warning.  What was made is not open: tlsfiles_open
 * opens it.  One at a time, and not beside tlslook.c.
 */
void	 tlsmake_start(struct rocketd *, struct rocketd_conf *, FILE *err,
	    tlsmake_done *, void *arg);
/* Gives it up: done is not called, and nothing half made is left. */
void	 tlsmake_cancel(struct rocketd *);
/* The same without an event loop: waits.  Returns the number of errors. */
int	 tlsmake_wait(struct rocketd *, struct rocketd_conf *, FILE *err);

#endif /* ROCKETD_TLSMAKE_H */
