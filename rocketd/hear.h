/* SPDX-License-Identifier: ISC */

/*
 * What children say, what becomes of them, and what is done about it.  The top
 * of the parent: it calls all others, and none calls it.
 */

#ifndef ROCKETD_HEAR_H
#define ROCKETD_HEAR_H

#include "procs.h"

/* hear.c */

extern const struct procs_ops	 hear_ops;

#endif /* ROCKETD_HEAR_H */
