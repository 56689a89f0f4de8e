/* SPDX-License-Identifier: ISC */

/*
 * The files of outer TLS: opened with the configuration that names them, and
 * lent to the processes that use them.
 */

#ifndef ROCKETD_TLSFILES_H
#define ROCKETD_TLSFILES_H

#include <stdio.h>

#include "rocketd/conf/conf.h"

struct child;

/* tlsfiles.c */

/* Is that a certificate that is to be made, and has not been yet? */
int	 tlsfiles_unmade(const struct conf_pem *);
/*
 * Opens the files that are not open yet, but such ones; they are closed with
 * the configuration.  Errors as conf_parse; their number.
 */
int	 tlsfiles_open(struct rocketd_conf *, FILE *err);
/* A tls process's set but its listeners, and the keys for keys.  -1: failed. */
int	 tlsfiles_send(struct child *, const struct conf_block *);
int	 tlsfiles_send_keys(struct child *, const struct rocketd_conf *);

#endif /* ROCKETD_TLSFILES_H */
