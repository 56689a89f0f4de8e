/* SPDX-License-Identifier: ISC */

/*
 * What strangers find on a WebSocket listener, on its way to gate: an answer,
 * and perhaps the files of a directory.
 */

#ifndef ROCKETD_DECOY_H
#define ROCKETD_DECOY_H

#include <stdio.h>

#include "rocketd/conf/conf.h"

struct child;

/* decoy.c */

/*
 * Checks that all directories exist and do not have too many files.  Errors as
 * conf_parse; their number.
 */
int	 decoy_check(const struct rocketd_conf *, FILE *err);
/*
 * Tells gate all decoys, with the files as they are now.  Files that cannot be
 * opened are logged and left out.  -1: gate cannot be told.
 */
int	 decoy_send(struct child *gate, const struct rocketd_conf *);

#endif /* ROCKETD_DECOY_H */
