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

/* Reads and checks the file.  NULL: errors were printed on err. */
struct rocketd_conf	*read_conf(struct rocketd *, FILE *err);
/*
 * Reads or opens what it names beside itself: tokens, certificates, keys,
 * authorities, directories.  full: as it is to be used, else no variable is
 * taken from the environment.  What is in the files of TLS is tlslook.c's
 * question.  The number of errors, which were printed on err, with warnings.
 */
int			 read_files(struct rocketd *, struct rocketd_conf *,
			    int full, FILE *err);
/*
 * Makes the certificates that are to be made, which nothing is for a
 * configuration that is refused.  Errors likewise.
 */
int			 read_make(struct rocketd *, struct rocketd_conf *,
			    FILE *err);

#endif /* ROCKETD_READ_H */
