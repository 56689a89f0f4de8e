/* SPDX-License-Identifier: ISC */

/*
 * What strangers find on a listener for WebSocket: an answer, and perhaps the
 * files of a directory, on their way to gate.
 */

#ifndef ROCKETD_DECOY_H
#define ROCKETD_DECOY_H

#include <stdio.h>

#include "rocketd/conf/conf.h"

struct child;

/* decoy.c */

/*
 * Are all directories there, and are there not too many files in them?
 * Errors as conf_parse; their number.
 */
int	 decoy_check(const struct rocketd_conf *, FILE *err);
/*
 * Tells gate of all decoys, with the files as they are now.  What cannot be
 * opened is logged and left out.  -1: gate cannot be told.
 */
int	 decoy_send(struct child *gate, const struct rocketd_conf *);

#endif /* ROCKETD_DECOY_H */
