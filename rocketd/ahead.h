/* SPDX-License-Identifier: ISC */

/*
 * What a start would find wrong only when it makes things, found without making
 * any: for rocketd -n.
 */

#ifndef ROCKETD_AHEAD_H
#define ROCKETD_AHEAD_H

#include <stdio.h>

#include "rocketd.h"

/* ahead.c */

/*
 * Errors as conf_parse; their number.  What may be otherwise by the start, an
 * interface's address or the worker program, causes a warning.
 */
int	 ahead_check(const struct rocketd *, const struct rocketd_conf *,
	    FILE *err);

#endif /* ROCKETD_AHEAD_H */
