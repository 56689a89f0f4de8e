/* SPDX-License-Identifier: ISC */

/*
 * Whether the files of outer TLS can be used, asked before anything is changed.
 */

#ifndef ROCKETD_TLSLOOK_H
#define ROCKETD_TLSLOOK_H

#include <stdio.h>

#include "rocketd.h"

/* tlslook.c */

/*
 * Has all files that tlsfiles_open has opened looked at, and waits for that:
 * some hundredths of a second.  Errors and warnings as conf_parse; the number
 * of errors.
 */
int	 tlslook_files(struct rocketd *, const struct rocketd_conf *,
	    FILE *err);

#endif /* ROCKETD_TLSLOOK_H */
