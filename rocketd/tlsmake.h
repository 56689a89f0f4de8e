/* SPDX-License-Identifier: ISC */

/*
 * A certificate that signs itself, made when the files that the configuration
 * names are not there.
 */

#ifndef ROCKETD_TLSMAKE_H
#define ROCKETD_TLSMAKE_H

#include <stdio.h>

#include "rocketd/conf/conf.h"

/* tlsmake.c */

/*
 * For each "tls self-signed" without its files: the worker's program makes
 * them, and is waited for (a tenth of a second, at a first start).  With make 0
 * it is only found out whether they could be made.  Errors as conf_parse; their
 * number.
 */
int	 tlsmake_missing(const char *worker, struct rocketd_conf *, int make,
	    FILE *err);

#endif /* ROCKETD_TLSMAKE_H */
