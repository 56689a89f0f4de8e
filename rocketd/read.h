/* SPDX-License-Identifier: ISC */

/*
 * A configuration that is to be put in force: read, checked and numbered beside
 * the one that is.
 */

#ifndef ROCKETD_READ_H
#define ROCKETD_READ_H

#include <stdio.h>

#include "rocketd.h"

/* read.c */

/*
 * Reads and checks a configuration; full: with all that it names, as it is to
 * be used.  NULL: errors were printed on err.
 */
struct rocketd_conf	*read_conf(struct rocketd *, int full, FILE *err);
/*
 * Reads or looks at what one names beside itself: token files, certificates,
 * keys, authorities, directories; full as above, else nothing is made or taken.
 * The number of errors, which were printed on err, with warnings.
 */
int			 read_files(struct rocketd *, struct rocketd_conf *,
			    int full, FILE *err);

#endif /* ROCKETD_READ_H */
