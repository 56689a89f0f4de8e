/* SPDX-License-Identifier: ISC */

/*
 * A self-signed certificate, made when the files that the configuration names
 * do not exist.
 */

#ifndef ROCKETD_TLSMAKE_H
#define ROCKETD_TLSMAKE_H

#include <stdio.h>

#include "rocketd/conf/conf.h"

/* tlsmake.c */

/*
 * For each "tls self-signed" without its files: the worker's program makes
 * them while we wait (a tenth of a second, at the first start).  make 0: only
 * finds out whether they could be made.  Errors as conf_parse; their number.
 */
int	 tlsmake_missing(const char *worker, struct rocketd_conf *, int make,
	    FILE *err);

#endif /* ROCKETD_TLSMAKE_H */
