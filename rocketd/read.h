/* SPDX-License-Identifier: ISC */

/*
 * Reads, checks and numbers a configuration beside the one in force.
 */

#ifndef ROCKETD_READ_H
#define ROCKETD_READ_H

#include <stdio.h>

#include "rocketd.h"

/* read.c */

/* Reads and checks the file.  NULL: errors were printed on err. */
struct rocketd_conf	*read_conf(struct rocketd *, FILE *err);
/*
 * Opens the program for QUIC if it will be used, once.  Returns the number of
 * errors, which were printed on err.
 */
int			 read_programs(struct rocketd *,
			    const struct rocketd_conf *, FILE *err);
/*
 * Reads or opens what it names: tokens, certificates, keys, authorities,
 * directories.  full: it will be used; else no variable is taken from the
 * environment.  tlslook.c looks into the files of TLS.  Returns the number of
 * errors, which were printed on err, with warnings.
 */
int			 read_files(struct rocketd_conf *, int full, FILE *err);
/*
 * Makes the certificates that have to be made, and waits; call it only if the
 * configuration is not refused.  Errors likewise.
 */
int			 read_make(struct rocketd *, struct rocketd_conf *,
			    FILE *err);

#endif /* ROCKETD_READ_H */
